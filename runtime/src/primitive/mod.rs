//! Tile primitives: each transcendental over a slice, for the instruction set of this machine.
//!
//! The functions are the definitions of [`gatewright_compiler::operator::elementary`], compiled over wider registers,
//! and so equal to them bit for bit at every level and for every length (a NaN is a NaN). The tables of them are what
//! compiled code calls; the registers serve the matrix kernels too.

#[cfg(target_arch = "aarch64")]
pub(crate) mod arm;
mod level;
pub mod limit;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod register;
#[cfg(feature = "jit")]
mod table;
#[cfg(all(test, feature = "jit"))]
mod tests;
pub(crate) mod tile;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

pub use level::Level;
#[cfg(feature = "jit")]
pub use table::{PrimitiveTable, double, single};
