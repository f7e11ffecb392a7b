//! Limits on hostile input. Each has its own error, which names the constant.

/// Longest source text, in bytes; of Rust tokens, their number.
pub const MAXIMUM_SOURCE_BYTES: usize = 1 << 20;
/// Deepest nesting of brackets, fractions and scripts in one expression.
pub const MAXIMUM_NESTING: usize = 128;
/// Most operators in one equation. It bounds the depth of the syntax tree, since `a + b + c + …` leans to the left.
pub const MAXIMUM_OPERATORS: usize = 512;
/// Most definitions in one cell.
pub const MAXIMUM_DEFINITIONS: usize = 4096;
/// Most distinct names in one cell.
pub const MAXIMUM_NAMES: usize = 16_384;
/// Most states of one cell.
pub const MAXIMUM_STATES: usize = 256;
/// Most nodes of a graph, forward and adjoint together: a hundred times what large cells have, and compiled in a second.
pub const MAXIMUM_NODES: usize = 1 << 15;
/// Largest size of one dimension.
pub const MAXIMUM_DIMENSION: usize = 1 << 24;
/// Longest name, in bytes of its canonical form.
pub const MAXIMUM_NAME_BYTES: usize = 256;
/// Most diagnostics of one kind that are kept; a note counts the rest.
pub const MAXIMUM_DIAGNOSTICS: usize = 64;
