//! [`cell!`]: recurrent cells written as gate equations, checked while Rust code is.
//!
//! # The road through this crate
//!
//! | file | arrow |
//! | --- | --- |
//! | `parse` | tokens → items; their equations → syntax tree, with the user's identifiers |
//! | `check` | syntax tree → checked cell: a list of named checks |
//! | `errors` | findings → compile errors on the offending tokens, all of them at once |
//! | `names` | names of the cell → identifiers of the expansion |
//! | `document` | checked cell → documentation of the generated items |
//! | `expand` | checked cell → items |
//! | `pretend` | checked cell → code that is never called, for editors |
//! | `warn` | findings that stop nothing → warnings of the compiler |
//!
//! The equations themselves are read and judged by `gatewright-compiler`, built without its code generator.

#![forbid(unsafe_code)]

mod check;
mod document;
mod errors;
mod expand;
mod names;
mod parse;
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
/// - `///` and `#[cfg(…)]` belong to the generated items.
/// - `#[cycle(previous)]`: where equations of one step need each other, the value of the step before is read along the
///   cycle's state. `#[cycle(fixed_point)]`: each step is solved by iteration. Without either a cycle is an error.
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
