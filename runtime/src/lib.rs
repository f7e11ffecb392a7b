//! Recurrent cells compiled from their gate equations.

pub mod error;
mod execute;
pub mod matmul;
pub mod parameters;
pub mod primitive;
mod read;
pub mod sequence;
pub mod workspace;

pub use execute::compiled::{Backend, CompileOptions, CompiledCell};
pub use gatewright_compiler as compiler;
pub use gatewright_compiler::operator::real::Real;
pub use matmul::Element;
pub use read::{ReadError, read_cell, read_section};
