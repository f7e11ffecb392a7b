//! Tile primitives: each transcendental over a slice, for the instruction set of this machine.
//!
//! The functions are the definitions of [`gatewright_compiler::operator::elementary`], compiled over wider registers,
//! and so equal to them bit for bit at every level and for every length (a NaN is a NaN). Compiled code gets a
//! pointer to a [`PrimitiveTable`] and calls the function at [`Unary::primitive_index`].

#[cfg(target_arch = "aarch64")]
pub(crate) mod arm;
mod level;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod register;
#[cfg(test)]
mod tests;
pub(crate) mod tile;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

pub use level::Level;

use gatewright_compiler::operator::Unary;
use gatewright_compiler::operator::elementary;

/// `destination[i] = function(source[i])` for `i` in `0..length`.
///
/// # Safety
///
/// `source` is readable and `destination` writable for `length` numbers; they are equal or do not overlap. The
/// processor has the instruction set of the table that the function is from.
pub type Primitive<T> = unsafe extern "C" fn(destination: *mut T, source: *const T, length: usize);

/// A function for each of [`Unary::PRIMITIVES`], in that order, for one instruction set.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PrimitiveTable<T: 'static> {
    functions: [Primitive<T>; Unary::PRIMITIVES.len()],
}

impl<T> PrimitiveTable<T> {
    /// The table in the form that compiled code calls through.
    #[cfg(feature = "jit")]
    #[must_use]
    pub fn for_compiled_code(&self) -> gatewright_compiler::operator::primitive::PrimitiveTable<T>
    where
        T: gatewright_compiler::operator::real::Real,
    {
        // SAFETY: each function is `tile::run`, which writes exactly `length` elements from any alignment, in place or
        // not, calls nothing that unwinds, and needs only the instruction set that `for_level` has checked.
        unsafe { gatewright_compiler::operator::primitive::PrimitiveTable::new(self.functions) }
    }

    /// Applies `function` to every number, in place. False, and nothing done, if it is no primitive.
    #[must_use]
    pub fn apply_in_place(&self, function: Unary, values: &mut [T]) -> bool {
        let Some(primitive) = function.primitive_index().and_then(|index| self.functions.get(index)) else {
            return false;
        };
        // SAFETY: source and destination are the whole of one slice that is borrowed mutably. A table can be had
        // only from `for_level`, which checks the instruction set.
        unsafe { primitive(values.as_mut_ptr(), values.as_ptr(), values.len()) };
        true
    }

    /// Applies `function` to every number of `source`. False, and nothing done, if it is no primitive or the lengths
    /// differ.
    #[must_use]
    pub fn apply(&self, function: Unary, destination: &mut [T], source: &[T]) -> bool {
        let Some(primitive) = function.primitive_index().and_then(|index| self.functions.get(index)) else {
            return false;
        };
        if destination.len() != source.len() {
            return false;
        }
        // SAFETY: both slices have this length and cannot overlap, one being borrowed mutably. For the instruction
        // set see `apply_in_place`.
        unsafe { primitive(destination.as_mut_ptr(), source.as_ptr(), source.len()) };
        true
    }
}

/// Makes the table of one level: for each primitive a function that has the instruction set, and in it the loop of
/// [`tile::run`] with the definition.
macro_rules! table {
    ($module:ident, $scalar:ident, $register:ty $(, $feature:literal)*) => {
        mod $module {
            use super::{PrimitiveTable, elementary, tile};

            table!(@function sigmoid, $scalar, $register $(, $feature)*);
            table!(@function tanh, $scalar, $register $(, $feature)*);
            table!(@function exponential, $scalar, $register $(, $feature)*);
            table!(@function logarithm, $scalar, $register $(, $feature)*);
            table!(@function softplus, $scalar, $register $(, $feature)*);
            table!(@function sine, $scalar, $register $(, $feature)*);
            table!(@function cosine, $scalar, $register $(, $feature)*);

            pub(super) static TABLE: PrimitiveTable<$scalar> = PrimitiveTable {
                functions: [sigmoid, tanh, exponential, logarithm, softplus, sine, cosine],
            };
        }
    };
    (@function $name:ident, $scalar:ident, $register:ty $(, $feature:literal)*) => {
        $(#[target_feature(enable = $feature)])*
        unsafe extern "C" fn $name(destination: *mut $scalar, source: *const $scalar, length: usize) {
            // SAFETY: the caller's promise, see `Primitive`.
            unsafe { tile::run::<$register>(destination, source, length, |x| elementary::$name(x)) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
table!(avx512_f32, f32, super::x86::F32x16, "avx512f", "avx2", "fma");
#[cfg(target_arch = "x86_64")]
table!(avx512_f64, f64, super::x86::F64x8, "avx512f", "avx2", "fma");
#[cfg(target_arch = "x86_64")]
table!(avx2_f32, f32, super::x86::F32x8, "avx2", "fma");
#[cfg(target_arch = "x86_64")]
table!(avx2_f64, f64, super::x86::F64x4, "avx2", "fma");
#[cfg(target_arch = "aarch64")]
table!(neon_f32, f32, super::arm::F32x4, "neon");
#[cfg(target_arch = "aarch64")]
table!(neon_f64, f64, super::arm::F64x2, "neon");
table!(portable_f32, f32, f32);
table!(portable_f64, f64, f64);

/// The first number for which the f32 primitive of a level differs from the definition, among the `count` numbers with
/// the bits `first`, `first + step`, …, wrapping. `first_difference(level, function, 0, 1, 1 << 32)` tries every number
/// there is. `None` where all agree, and where this machine cannot run the level.
#[must_use]
pub fn first_difference(level: Level, function: Unary, first: u32, step: u32, count: u64) -> Option<f32> {
    let table = PrimitiveTable::<f32>::for_level(level)?;
    let (mut source, mut values) = ([0.0_f32; 1024], [0.0_f32; 1024]);
    let mut bits = first;
    let mut left = count;
    while left > 0 {
        for x in &mut source {
            *x = f32::from_bits(bits);
            bits = bits.wrapping_add(step);
        }
        if !table.apply(function, &mut values, &source) {
            return None;
        }
        for (x, value) in source.iter().zip(values).take(usize::try_from(left).unwrap_or(usize::MAX)) {
            let expected = elementary::evaluate(function, *x);
            if value.to_bits() != expected.to_bits() && !(value.is_nan() && expected.is_nan()) {
                return Some(*x);
            }
        }
        left = left.saturating_sub(1024);
    }
    None
}

macro_rules! implement_for_level {
    ($scalar:ident, $avx512:ident, $avx2:ident, $neon:ident, $portable:ident) => {
        impl PrimitiveTable<$scalar> {
            /// The table of a level, if this machine can run it.
            #[must_use]
            pub fn for_level(level: Level) -> Option<&'static Self> {
                if !level.is_available() {
                    return None;
                }
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => Some(&$avx512::TABLE),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => Some(&$avx2::TABLE),
                    #[cfg(target_arch = "aarch64")]
                    Level::Neon => Some(&$neon::TABLE),
                    Level::Portable => Some(&$portable::TABLE),
                    #[allow(unreachable_patterns, reason = "which levels are left depends on the target")]
                    _ => None,
                }
            }

            /// The table of the best level of this machine.
            #[must_use]
            pub fn best() -> &'static Self {
                Self::for_level(Level::best()).unwrap_or(&$portable::TABLE)
            }
        }
    };
}

implement_for_level!(f32, avx512_f32, avx2_f32, neon_f32, portable_f32);
implement_for_level!(f64, avx512_f64, avx2_f64, neon_f64, portable_f64);
