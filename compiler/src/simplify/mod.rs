//! Graph to smaller graph.
