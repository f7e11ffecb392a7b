//! Published cells as their equations: one Markdown file for each, with paper and year.
//!
//! ```
//! use gatewright::{CompileOptions, CompiledCell, zoo};
//!
//! let cell = zoo::LSTM.read()?;
//! let compiled = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
//! assert_eq!(compiled.parameter_layout().entries().len(), 12);
//! assert_eq!(zoo::find("gru_v3").map(|entry| entry.year), Some(2014));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - Every file of the folder has one row in the table, with the title, reference and year of the file.
//! - A cell without [`Entry::lacks`] compiles; one with it is refused with an error.

mod catalogue;

pub use catalogue::*;

use gatewright_compiler::resolve::Cell;
use gatewright_compiler::source::Syntax;

use crate::read::{ReadError, read_cell};

/// A cell of the zoo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Short name, unique: that of the file.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Year of the publication.
    pub year: u16,
    /// Where it was published.
    pub reference: &'static str,
    /// Parameters that are given and stay as they are: their gradients are computed like all others, and the caller
    /// does not apply them.
    pub frozen: &'static [&'static str],
    /// What the compiler lacks to compile it; `None` where it compiles.
    pub lacks: Option<&'static str>,
    /// The file: Markdown with the equations as LaTeX.
    pub text: &'static str,
}

impl Entry {
    /// Reads the equations.
    ///
    /// # Errors
    ///
    /// The findings, for some of the cells that [`Entry::lacks`] speaks of.
    pub fn read(&self) -> Result<Cell, ReadError> {
        read_cell(self.text, Syntax::Markdown)
    }

    /// The equations alone, as LaTeX.
    #[must_use]
    pub fn equations(&self) -> &'static str {
        self.text.split("$$").nth(1).unwrap_or_default().trim()
    }
}

/// The cell of this name; upper and lower case are one.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}
