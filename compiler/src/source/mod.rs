//! Text or tokens to syntax tree.
