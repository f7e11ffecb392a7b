//! The tables of tile primitives, one for each level and type.

use gatewright_compiler::operator::Unary;
use gatewright_compiler::operator::elementary;
pub use gatewright_compiler::operator::primitive::PrimitiveTable;

#[cfg(target_arch = "aarch64")]
use super::arm;
#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Level, tile};

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

            // SAFETY: each function is `tile::run`, which writes exactly `length` elements from any alignment, in place
            // or not, and calls nothing that unwinds. The table is handed out for a level that is available only, so
            // that the instruction set is there.
            pub(super) static TABLE: PrimitiveTable<$scalar> = unsafe {
                PrimitiveTable::new([sigmoid, tanh, exponential, logarithm, softplus, sine, cosine])
            };
        }
    };
    (@function $name:ident, $scalar:ident, $register:ty $(, $feature:literal)*) => {
        $(#[target_feature(enable = $feature)])*
        unsafe extern "C" fn $name(destination: *mut $scalar, source: *const $scalar, length: usize) {
            // SAFETY: the caller's promise, see `PrimitiveTable::new`.
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
    let table = single(level)?;
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

macro_rules! tables {
    ($name:ident, $scalar:ident, $avx512:ident, $avx2:ident, $neon:ident, $portable:ident) => {
        /// The table of a level, if this machine can run it.
        #[must_use]
        pub fn $name(level: Level) -> Option<&'static PrimitiveTable<$scalar>> {
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
    };
}

tables!(single, f32, avx512_f32, avx2_f32, neon_f32, portable_f32);
tables!(double, f64, avx512_f64, avx2_f64, neon_f64, portable_f64);
