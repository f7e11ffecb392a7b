//! The tables of tile primitives, one for each level and type.

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
