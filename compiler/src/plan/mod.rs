//! Graphs to plan.

pub mod interpret;
pub mod kernel;
