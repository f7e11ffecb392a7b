//! Graphs to plan.

pub mod kernel;
