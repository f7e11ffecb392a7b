//! The types of number that there are kernels for.

use gatewright_compiler::operator::real::Real;

use super::kernel::{self, Kernels};
use crate::primitive::Level;
use crate::primitive::limit::{self, LimitLoops};
#[cfg(feature = "jit")]
use crate::primitive::{self, PrimitiveTable};

/// `f32` or `f64`: a number with kernels and tile primitives. [`Real`] is sealed, and so is this.
pub trait Element: Real + bytemuck::Pod {
    /// Columns in 64 bytes: the unit in which kernels write.
    const BLOCK: usize;

    /// The kernels of a level; the portable ones where this target has no such level.
    #[doc(hidden)]
    fn kernels(level: Level) -> &'static Kernels<Self>;

    /// The tile primitives of a level, if this machine can run it.
    #[cfg(feature = "jit")]
    fn primitives(level: Level) -> Option<&'static PrimitiveTable<Self>>;

    /// The loops that measure what this machine can do at most.
    #[doc(hidden)]
    fn limit_loops(level: Level) -> &'static LimitLoops<Self>;

    /// The transpose of four rows of four.
    #[doc(hidden)]
    fn exchange(rows: [&[Self; 4]; 4]) -> [[Self; 4]; 4];

    /// `matrixmultiply` for this type: adds `a * b` to `c`.
    ///
    /// # Safety
    ///
    /// As for [`matrixmultiply::sgemm`]: every index of the three strided matrices is in bounds, those of `c` name
    /// distinct numbers, and `c` shares none with `a` or `b`.
    #[doc(hidden)]
    #[allow(clippy::too_many_arguments, reason = "three strided matrices")]
    unsafe fn general(
        m: usize,
        k: usize,
        n: usize,
        a: *const Self,
        a_strides: (isize, isize),
        b: *const Self,
        b_strides: (isize, isize),
        c: *mut Self,
        c_strides: (isize, isize),
    );
}

macro_rules! implement_element {
    (
        $scalar:ident, $block:literal, $kernels:ident, $primitives:ident, $loops:ident, $exchange:ident, $general:path
    ) => {
        impl Element for $scalar {
            const BLOCK: usize = $block;

            fn kernels(level: Level) -> &'static Kernels<Self> {
                kernel::$kernels(level)
            }

            #[cfg(feature = "jit")]
            fn primitives(level: Level) -> Option<&'static PrimitiveTable<Self>> {
                primitive::$primitives(level)
            }

            fn limit_loops(level: Level) -> &'static LimitLoops<Self> {
                limit::$loops(level)
            }

            #[inline]
            fn exchange(rows: [&[Self; 4]; 4]) -> [[Self; 4]; 4] {
                $exchange(rows)
            }

            unsafe fn general(
                m: usize,
                k: usize,
                n: usize,
                a: *const Self,
                a_strides: (isize, isize),
                b: *const Self,
                b_strides: (isize, isize),
                c: *mut Self,
                c_strides: (isize, isize),
            ) {
                // SAFETY: the caller's promise.
                unsafe {
                    $general(
                        m,
                        k,
                        n,
                        1.0,
                        a,
                        a_strides.0,
                        a_strides.1,
                        b,
                        b_strides.0,
                        b_strides.1,
                        1.0,
                        c,
                        c_strides.0,
                        c_strides.1,
                    );
                }
            }
        }
    };
}

implement_element!(f32, 16, kernels_f32, single, loops_f32, exchange_f32, matrixmultiply::sgemm);
implement_element!(f64, 8, kernels_f64, double, loops_f64, exchange_any, matrixmultiply::dgemm);

/// A transpose, number by number.
#[inline]
fn exchange_any<T: Copy>([a, b, c, d]: [&[T; 4]; 4]) -> [[T; 4]; 4] {
    [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]], [a[2], b[2], c[2], d[2]], [a[3], b[3], c[3], d[3]]]
}

#[cfg(not(target_arch = "x86_64"))]
use exchange_any as exchange_f32;

/// A transpose in eight shuffles; the compiler does not find them.
#[cfg(target_arch = "x86_64")]
#[inline]
fn exchange_f32(rows: [&[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    let mut columns = [[0.0; 4]; 4];
    let [first, second, third, fourth] = &mut columns;
    // SAFETY: every x86-64 has SSE; each pointer is to an array of four, and needs no alignment.
    unsafe {
        let [a, b, c, d] = rows.map(|row| _mm_loadu_ps(row.as_ptr()));
        let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        _mm_storeu_ps(first.as_mut_ptr(), _mm_movelh_ps(ab_low, cd_low));
        _mm_storeu_ps(second.as_mut_ptr(), _mm_movehl_ps(cd_low, ab_low));
        _mm_storeu_ps(third.as_mut_ptr(), _mm_movelh_ps(ab_high, cd_high));
        _mm_storeu_ps(fourth.as_mut_ptr(), _mm_movehl_ps(cd_high, ab_high));
    }
    columns
}
