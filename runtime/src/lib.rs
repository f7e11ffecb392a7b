//! Recurrent cells compiled from their gate equations: forward pass and back-propagation through time as machine code.
//!
//! - [`cell!`] writes a cell in Rust tokens, and [`documented::cell`] makes one of the LaTeX in a struct's documentation
//!   or in a file, both checked by `cargo check`; [`read_cell`] reads one from LaTeX, Markdown or plain text at run time.
//! - [`CompiledCell`] is a cell compiled for given feature sizes. It implements [`sequence::SequenceCell`]: the one
//!   boundary through which layers, adapters and programs run cells.
//! - [`inference`] holds the weights of a cell that is not trained any more.
//! - [`stream`] runs a cell one step at a time, without allocation.
//! - [`carried`] runs long sequences in parts: truncated back-propagation through time.
//! - [`layer`] puts cells together: stacks, both directions, residual sums, regularisers.
//! - [`statistics`] says what gates do: saturation, dead units.
//! - [`parameters`] are one flat buffer with a layout that names its parts: views by name, initialisers, files.
//! - [`zoo`] holds published cells by name.
//! - [`weights`] takes weights from PyTorch, Keras and ONNX layers, and gives them back.
//! - [`workspace::Workspace`] is the memory of a run, kept between runs.
//!
//! The compiler itself is [`compiler`]; its crate documentation describes the stages.

#![deny(unsafe_code)]

mod aligned;
mod cache;
pub mod carried;
pub mod documented;
pub mod error;
mod execute;
#[doc(hidden)]
pub mod expansion;
pub mod inference;
pub mod layer;
#[allow(unsafe_code, reason = "packed kernels")]
pub mod matmul;
pub mod parameters;
#[allow(unsafe_code, reason = "tile primitives")]
pub mod primitive;
mod read;
pub mod sequence;
pub mod statistics;
pub mod stream;
pub mod weights;
pub mod workspace;
pub mod zoo;

/// ```
/// use gatewright::{CompileOptions, cell};
/// use gatewright::sequence::SequenceCell;
///
/// cell! {
///     /// The network of Elman (1990).
///     pub Elman {
///         h_t = tanh(W x_t + U h_{t-1} + b);
///     }
/// }
///
/// let compiled = Elman::compile::<f32>(ElmanSizes { x: 3, h: 4 }, CompileOptions::default())?;
/// let flat = vec![0.5; compiled.layout().parameters.length()];
/// let parameters = ElmanParameters::view(&compiled, &flat)?;
/// assert_eq!((parameters.W.rows(), parameters.W.columns()), (4, 3));
/// assert_eq!(parameters.b, [0.5; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use gatewright_macros::cell;

pub use execute::compiled::{Backend, CompileOptions, CompiledCell};
pub use gatewright_compiler as compiler;
pub use gatewright_compiler::operator::real::Real;
pub use gatewright_compiler::source::Syntax;
pub use matmul::Element;
pub use read::{ReadError, read_cell, read_cell_with, read_section};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
