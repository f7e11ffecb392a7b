//! Recurrent cells compiled from their gate equations.

pub mod element;
pub mod error;
mod execute;
pub mod matmul;
pub mod parameters;
pub mod primitive;
pub mod sequence;
pub mod workspace;

pub use execute::compiled::{Backend, CompileOptions, CompiledCell};
pub use gatewright_compiler::operator::real::Real;
