//! Syntax tree to checked cell.

mod cell;

pub use cell::{Cell, Definition, Output, State, Term, TermId, Variable};
