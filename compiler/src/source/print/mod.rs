//! The syntax tree back to text and to LaTeX.
//!
//! Invariant: parsing what is printed gives the tree that was printed, but for spans; text adds
//! parentheses around quotients beside a sign.

pub mod latex;
pub mod text;

#[cfg(test)]
mod tests;
