//! Placeholder until the first slice lands.

pub mod matmul;
pub mod primitive;
