//! Recurrent cells compiled from their gate equations.

pub mod error;
mod execute;
#[doc(hidden)]
pub mod expansion;
pub mod matmul;
pub mod parameters;
pub mod primitive;
mod read;
pub mod sequence;
pub mod workspace;

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
pub use matmul::Element;
pub use read::{ReadError, read_cell, read_section};
