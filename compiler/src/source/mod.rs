//! Text or tokens to syntax tree.

pub mod ast;
