//! [`cell!`] and `#[cell]`: recurrent cells written as gate equations, checked while Rust code is.
//!
//! # The road through this crate
//!
//! | file | arrow |
//! | --- | --- |
//! | `parse` | tokens → items; equations, tokens or text → syntax tree, with the user's identifiers |
//! | `attribute` | `#[cell(…)] struct …;` → item, arguments, and the text of its equations |
//! | `documentation` | `doc` attributes → text with places of its lines, and back with formulas as MathML |
//! | `file` | `file = "…"` → text |
//! | `places` | places in equations → the compiler's, and the message with what it needs beside them |
//! | `check` | syntax tree → checked cell: a list of named checks |
//! | `errors` | findings → compile errors on the offending tokens or lines, all of them at once |
//! | `names` | names of the cell → identifiers of the expansion |
//! | `mathml` | formulas of a document in place, as MathML or as their source |
//! | `document` | checked cell → documentation of the generated items |
//! | `expand` | checked cell → items |
//! | `pretend` | checked cell → code that is never called, for editors |
//! | `warn` | findings that stop nothing → warnings of the compiler |
//!
//! From `check` on there is one road for both macros.
//!
//! The equations themselves are read and judged by `gatewright-compiler`, built without its code generator.

#![forbid(unsafe_code)]

mod attribute;
mod check;
mod document;
mod documentation;
mod errors;
mod expand;
mod file;
mod mathml;
mod names;
mod parse;
mod places;
mod pretend;
#[cfg(test)]
mod tests;
mod warn;

use proc_macro::TokenStream;

/// Makes a recurrent cell of gate equations.
///
/// ```text
/// gatewright::cell! {
///     /// Long short-term memory.
///     pub Lstm {
///         i_t = σ(W_xi [h_{t-1}, x_t] + b_i);
///         f_t = σ(W_xf [h_{t-1}, x_t] + b_f);
///         o_t = σ(W_xo [h_{t-1}, x_t] + b_o);
///         C_t = f_t * C_{t-1} + i_t * tanh(W_hc [h_{t-1}, x_t] + b_c);
///         h_t = o_t * tanh(C_t);
///     }
/// }
/// ```
///
/// Nothing is declared that the equations already say: what is read with a time index and never defined is an input,
/// what is defined and read at an earlier step a state, what has no index a parameter; shapes follow from use.
/// Where they do not, `where w_ci: [h], alpha: scalar;` after the equations says more.
/// Every product is written `*` or by juxtaposition; a matrix meets a vector in a matrix product, two vectors multiply
/// element by element.
///
/// # What is generated
///
/// For a cell `Lstm`, with the visibility it is written with:
///
/// - `Lstm`, with the names `INPUTS`, `STATES`, `OUTPUTS`, `PARAMETERS`, `DIMENSIONS` and the text `EQUATIONS`,
///   `Lstm::cell()`, the checked cell, and `Lstm::compile(sizes, options)`, which makes it machine code;
/// - `LstmSizes`, the sizes that the equations leave open: `LstmSizes { x: 8, h: 64 }`;
/// - `LstmParameters` and `LstmParametersMut`, typed views of a flat buffer of parameters or of their gradients:
///   `LstmParameters::view(&compiled, &flat)?.W_xi` is a matrix, `b_i` a slice, a learned scalar a reference.
///   A cell without parameters has neither.
///
/// The fields are the user's own identifiers, so that hover shows the equations and go-to-definition finds the name.
/// Several cells may stand in one invocation.
///
/// Rust warns once in a crate whose Greek letters can all be mistaken for Latin ones, as `σ` and `α` can: spell them
/// `sigmoid` and `alpha`, or allow `mixed_script_confusables` for the crate.
///
/// # Attributes
///
/// - `///`, `#[cfg(…)]` and `#[allow(…)]` belong to the generated items; formulas in `///` are shown as MathML.
/// - `#[cycle(previous)]`: where equations of one step need each other, the value of the step before is read along the
///   cycle's state; `#[cycle(fixed_point)]` solves them by iteration. Without either a cycle is an error.
///
/// # Errors
///
/// Wrong equations are compile errors on the offending token, all of them at once. An equation set without state, which
/// is a warning elsewhere, is an error here.
///
/// Warnings, and the note that a name which nothing defines becomes a further input, appear as uses of something
/// deprecated, which is how a macro can warn on stable Rust. An input that is meant is declared: `where v: [v];`.
/// All notes stand in the documentation of the generated type.
#[proc_macro]
pub fn cell(input: TokenStream) -> TokenStream {
    expand::expand(input.into()).into()
}

/// Makes a recurrent cell of a unit struct whose documentation holds its equations: the documentation is the program.
///
/// `gatewright` exports it as `documented::cell`, so that it reads `#[cell]`.
///
/// ```text
/// use gatewright::documented::cell;
///
/// /// The network of Elman (1990): the state is $h_t$.
/// ///
/// /// $$
/// /// h_t = \tanh(W x_t + U h_{t-1} + b)
/// /// $$
/// #[cell]
/// pub struct Elman;
/// ```
///
/// The documentation is read as a Markdown document is: display mathematics (`$$ … $$`, `\[ … \]`, environments, math
/// fences) with the definitions in the lines that it needs. What is generated is what [`cell!`] generates for the same
/// equations.
///
/// # Arguments
///
/// - `section = "3.1"`: the part under that heading is the cell.
/// - `cycle = "previous"`: where equations of one step need each other, the value of the step before is read along the
///   cycle's state; `cycle = "fixed-point"` solves them by iteration. Without either a cycle is an error.
/// - `file = "equations/lstm.md"`: the equations are in this file, and the documentation is documentation only. The path
///   is relative to the folder of `Cargo.toml`; the name ends in `.md`, `.tex` or `.cell`. The crate is built again when
///   the file changes.
///
/// `#[cfg(…)]` and `#[allow(…)]` belong to all generated items.
///
/// # Documentation
///
/// Formulas are shown by rustdoc as MathML, which browsers draw without scripts, style sheets or network. A formula that
/// the renderer does not know is shown as its source. Below what is written stand the roles, shapes and notes.
///
/// # Errors
///
/// Wrong equations are compile errors on the line of documentation, all of them at once; of a file, on its name. The
/// message holds the excerpt with line, column and carets. What would be a warning or a note of [`cell!`] is one here;
/// a row of mathematics that is skipped because it is no equation of a cell brings a warning.
#[proc_macro_attribute]
pub fn documented_cell(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(arguments.into(), item.into()).into()
}
