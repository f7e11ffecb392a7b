//! Cells from text at run time.

use std::fmt;

use gatewright_compiler::diagnostic::{Diagnostic, render};
use gatewright_compiler::passes;
use gatewright_compiler::resolve::{Cell, Options};
use gatewright_compiler::source::Syntax;

/// Equations that do not mean a cell: all findings, and the text they are about.
///
/// Displays as the findings with excerpts of the text and carets under the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// All findings, errors, warnings and notes, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The text.
    pub text: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.diagnostics, &self.text, "equations", false))
    }
}

impl std::error::Error for ReadError {}

/// Reads a cell from LaTeX, Markdown or plain text.
///
/// ```
/// use gatewright::compiler::source::Syntax;
///
/// let cell = gatewright::read_cell(r"h_t = \tanh(W x_t + U h_{t-1} + b)", Syntax::Latex)?;
/// assert_eq!(cell.states[0].variable.name, "h");
///
/// let error = gatewright::read_cell("h_t = tahn(W x_t + U h_{t-1})", Syntax::Text).unwrap_err();
/// assert!(error.to_string().contains("tanh"));
/// # Ok::<(), gatewright::ReadError>(())
/// ```
///
/// # Errors
///
/// All findings, where there is an error among them.
pub fn read_cell(text: &str, syntax: Syntax) -> Result<Cell, ReadError> {
    read(text, syntax, None, &Options::default())
}

/// Reads a cell with choices, such as what to do where equations of one step need each other.
///
/// ```
/// use gatewright::compiler::resolve::{CyclePolicy, Options};
/// use gatewright::compiler::source::Syntax;
///
/// let options = Options { cycle: CyclePolicy::FixedPoint, ..Options::default() };
/// let cell = gatewright::read_cell_with("h_t = tanh(W x_t + U h_{t-1} + 0.1 * V h_t)", Syntax::Text, &options)?;
/// assert_eq!(cell.unknowns[0].variable.name, "h");
/// # Ok::<(), gatewright::ReadError>(())
/// ```
///
/// # Errors
///
/// All findings, where there is an error among them.
pub fn read_cell_with(text: &str, syntax: Syntax, options: &Options) -> Result<Cell, ReadError> {
    read(text, syntax, None, options)
}

/// Reads the cell under one heading of a document, with choices.
///
/// # Errors
///
/// All findings, where there is an error among them.
pub fn read_section(text: &str, syntax: Syntax, heading: &str, options: &Options) -> Result<Cell, ReadError> {
    read(text, syntax, Some(heading), options)
}

fn read(text: &str, syntax: Syntax, section: Option<&str>, options: &Options) -> Result<Cell, ReadError> {
    passes::read(text, syntax, section, options)
        .map_err(|diagnostics| ReadError { diagnostics, text: text.to_owned() })
}
