//! Syntax tree to checked cell.
