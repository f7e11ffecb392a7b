//! The types of number that there are kernels for.

use gatewright_compiler::operator::real::Real;

use super::kernel::{self, Kernels};
use crate::primitive::{Level, PrimitiveTable};

/// `f32` or `f64`: a number with kernels and tile primitives. [`Real`] is sealed, and so is this.
pub trait Element: Real {
    /// Columns in 64 bytes: the unit in which kernels write.
    const BLOCK: usize;
    /// Columns of a panel of a packed matrix.
    const PANEL: usize;

    /// The kernels of a level; the portable ones where this target has no such level.
    #[doc(hidden)]
    fn kernels(level: Level) -> &'static Kernels<Self>;

    /// The tile primitives of a level, if this machine can run it.
    fn primitives(level: Level) -> Option<&'static PrimitiveTable<Self>>;

    /// `matrixmultiply` for this type.
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
        beta: Self,
        c: *mut Self,
        c_strides: (isize, isize),
    );
}

macro_rules! implement_element {
    ($scalar:ident, $block:literal, $kernels:ident, $general:path) => {
        impl Element for $scalar {
            const BLOCK: usize = $block;
            const PANEL: usize = 2 * $block;

            fn kernels(level: Level) -> &'static Kernels<Self> {
                kernel::$kernels(level)
            }

            fn primitives(level: Level) -> Option<&'static PrimitiveTable<Self>> {
                PrimitiveTable::<$scalar>::for_level(level)
            }

            unsafe fn general(
                m: usize,
                k: usize,
                n: usize,
                a: *const Self,
                a_strides: (isize, isize),
                b: *const Self,
                b_strides: (isize, isize),
                beta: Self,
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
                        beta,
                        c,
                        c_strides.0,
                        c_strides.1,
                    );
                }
            }
        }
    };
}

implement_element!(f32, 16, kernels_f32, matrixmultiply::sgemm);
implement_element!(f64, 8, kernels_f64, matrixmultiply::dgemm);
