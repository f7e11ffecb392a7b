//! Recurrent cells compiled from their gate equations.

pub mod error;
pub mod parameters;
pub mod primitive;
pub mod sequence;
pub mod workspace;

pub use gatewright_compiler::operator::real::Real;
