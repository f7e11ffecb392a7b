//! Weights of the recurrent layers of PyTorch, Keras and ONNX, in and out.
//!
//! A layer of a framework is a [`Form`] (which cell, which activations, which switches) and tensors in which the weights
//! of all gates are stacked. On the way in, the form is written as equations and the tensors are taken apart into the
//! parameters that these equations name; on the way out, [`recognise`] finds the form that a cell's equations are, and
//! the tensors are put together. So everything that a framework lets one choose within a step becomes equations,
//! compiled and differentiated like any others.
//!
//! ```
//! use gatewright::parameters::NamedTensor;
//! use gatewright::weights::{Activation, pytorch};
//! use gatewright::CompileOptions;
//!
//! let tensor = |name: &str, shape: &[usize]| {
//!     let values = vec![0.5_f32; shape.iter().product()];
//!     (name.to_owned(), NamedTensor { name: name.to_owned(), shape: shape.to_vec(), values })
//! };
//! let state_dict = [tensor("rnn.weight_ih_l0", &[16, 3]), tensor("rnn.weight_hh_l0", &[16, 4])].into();
//! let imported = pytorch::import(&state_dict, Activation::Tanh)?;
//! let layer = &imported.layers[0];
//! assert!(layer.form.text().contains(r"f_t &= \sigma(W_f x_t + U_f h_{t-1})"));
//! let cell = layer.compile(CompileOptions::default())?;
//! let parameters = layer.parameters(cell.parameter_layout())?;
//! assert_eq!(parameters.get("W_f")?, [0.5; 12]);
//! # Ok::<(), gatewright::weights::WeightError>(())
//! ```
//!
//! - [`Form`]: the equations of a layer as choices; [`Activation`]: what they may apply
//! - [`pytorch`], [`keras`], [`onnx`]: how each framework names and stacks, and what its own files hold
//! - [`recognise`]: from the equations of any cell to the form they are
//!
//! # Invariants
//!
//! - A layer is one direction of one layer of one module. What is done around the steps is told and not done: in which
//!   direction time runs, how batch and time lie, how long the sequences are, where states begin.
//! - What the equations of a form cannot say is an error that names it. Tensors that belong to no recurrent layer are
//!   listed ([`Imported::rest`]); those that belong to one are all used.
//! - Two biases that are only ever added are one parameter, their sum (rounded once); only a GRU that resets after the
//!   product keeps an inner bias `d_h` beside `b_h`. They go out as the sum and zero. Both pairs compute the same; an
//!   optimiser moves two biases where it moves one here.
//! - What goes out and comes back is the same to the bit.
//! - Files are untrusted: whatever they hold, the answer is layers or an error.

mod activation;
#[cfg(feature = "files")]
mod archive;
mod error;
mod form;
pub mod keras;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "files")]
mod pickle;
pub mod pytorch;
mod recognise;
mod stacked;
#[cfg(feature = "files")]
mod state_dict;

use std::collections::BTreeMap;

use gatewright_compiler::operator::real::Real;
use gatewright_compiler::resolve::Cell;
use gatewright_compiler::source::Syntax;

pub use activation::Activation;
pub use error::WeightError;
pub use form::{Clip, Family, Form, Reset, Sizes, parameter_name};
pub use recognise::recognise;

use crate::matmul::Element;
use crate::parameters::{NamedTensor, ParameterLayout, Parameters};
use crate::read::read_cell;
use crate::{CompileOptions, CompiledCell};

/// Bytes that may be read of a file of so many: weights that are tied are stored once and read several times. As a small file asks
/// for little memory, whatever it ties, there is a number that any may ask for.
#[cfg(any(feature = "files", feature = "onnx"))]
fn most_read(bytes: usize) -> usize {
    bytes.saturating_mul(8).max(64 << 20)
}

/// Tensors by name, as [`read_tensors`](crate::parameters::read_tensors) gives them.
pub type Tensors<T> = BTreeMap<String, NamedTensor<T>>;

/// Which way time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the first step to the last.
    Forward,
    /// From the last step of each sequence to the first: the caller reverses inputs and outputs.
    Reverse,
}

/// One direction of one layer: equations, sizes and weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<T> {
    /// The module or node it comes from; may be empty.
    pub name: String,
    /// Number of the layer within the module.
    pub index: usize,
    /// Which way time runs.
    pub direction: Direction,
    /// The equations.
    pub form: Form,
    /// Sizes.
    pub sizes: Sizes,
    /// The parameters of the equations, by name.
    ///
    /// Invariant: those of [`Form::parameters`], in any order.
    pub tensors: Vec<NamedTensor<T>>,
}

/// What a file of named tensors holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported<T> {
    /// Recurrent layers, by module, layer and direction.
    pub layers: Vec<Layer<T>>,
    /// Names of the tensors that belong to none.
    pub rest: Vec<String>,
}

impl<T: Real> Layer<T> {
    /// The cell that the equations mean.
    ///
    /// # Errors
    ///
    /// [`WeightError::Equations`], which no form should meet.
    pub fn cell(&self) -> Result<Cell, WeightError> {
        Ok(read_cell(&self.form.text(), Syntax::Markdown)?)
    }

    /// Compiles the cell for the sizes of the layer.
    ///
    /// # Errors
    ///
    /// Sizes beyond the limits of the compiler, and what [`CompiledCell::new`] refuses.
    pub fn compile(&self, options: CompileOptions) -> Result<CompiledCell<T>, WeightError>
    where
        T: Element,
    {
        Ok(CompiledCell::new(&self.cell()?, &self.form.dimensions(self.sizes), options)?)
    }

    /// The weights in the flat buffer of the compiled cell.
    ///
    /// # Errors
    ///
    /// [`ParameterError`](crate::parameters::ParameterError) where the layout is that of another cell.
    pub fn parameters(&self, layout: &ParameterLayout) -> Result<Parameters<T>, WeightError> {
        let mut parameters = Parameters::zeros(layout.clone())?;
        for entry in layout.entries() {
            let tensor = self.tensors.iter().find(|tensor| tensor.name == entry.name);
            let tensor = tensor.ok_or_else(|| WeightError::Missing { tensor: entry.name.clone() })?;
            expect_shape(tensor, &entry.shape)?;
        }
        for tensor in &self.tensors {
            parameters.set(&tensor.name, &tensor.values)?;
        }
        Ok(parameters)
    }

    /// Refuses sizes of zero and tensors that are not those of the form: both on the way in and on the way out.
    fn check(&self) -> Result<(), WeightError> {
        let Sizes { input, hidden, output } = self.sizes;
        if [input, hidden, output].contains(&0) {
            let problem = format!("layer `{}` has no inputs or no units", self.name);
            return Err(WeightError::Choice { choice: "sizes", problem });
        }
        for (name, shape) in self.form.parameters(self.sizes) {
            let tensor = self.tensors.iter().find(|tensor| tensor.name == name);
            expect_shape(tensor.ok_or(WeightError::Missing { tensor: name })?, &shape)?;
        }
        Ok(())
    }
}

/// The axes of a tensor, where there are as many as `expected` has.
fn axes<'a, T, const N: usize>(
    tensor: &'a NamedTensor<T>,
    expected: &str,
) -> Result<&'a [usize; N], WeightError> {
    tensor.shape.as_slice().try_into().map_err(|_| shape_error(tensor, expected))
}

/// A tensor whose shape is not the one `expected`.
fn shape_error<T>(tensor: &NamedTensor<T>, expected: impl Into<String>) -> WeightError {
    WeightError::Shape { tensor: tensor.name.clone(), expected: expected.into(), found: tensor.shape.clone() }
}

/// Refuses a tensor of another shape, or with values for another.
fn expect_shape<T>(tensor: &NamedTensor<T>, expected: &[usize]) -> Result<(), WeightError> {
    let elements = expected.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
    if tensor.shape != expected {
        return Err(shape_error(tensor, format!("{expected:?}")));
    }
    if elements != Some(tensor.values.len()) {
        return Err(shape_error(
            tensor,
            format!("{} values, found {}", elements.unwrap_or(usize::MAX), tensor.values.len()),
        ));
    }
    Ok(())
}
