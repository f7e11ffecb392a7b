//! Graphs to plan.
