//! What can be wrong with the weights of a layer.

use crate::error::CompileError;
use crate::parameters::{ParameterError, TensorFileError};
use crate::read::ReadError;

/// Why weights were not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The file, or the numbers of a tensor in it.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// Nothing in it is a recurrent layer.
    #[error("no recurrent layer: {expected}")]
    NoLayer {
        /// What one would look like.
        expected: &'static str,
    },
    /// A tensor that a layer needs.
    #[error("`{tensor}` is missing")]
    Missing {
        /// Its name.
        tensor: String,
    },
    /// A tensor that does not fit the others.
    #[error("`{tensor}` has shape {found:?}, expected {expected}")]
    Shape {
        /// Its name.
        tensor: String,
        /// What fits.
        expected: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A choice of the caller that is unknown, needed, or contradicts the weights.
    #[error("{choice}: {problem}")]
    Choice {
        /// Which.
        choice: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The framework has no layer for this cell.
    #[error("{framework} has no layer with {what}")]
    NotInFramework {
        /// Which framework.
        framework: &'static str,
        /// What of the cell.
        what: String,
    },
    /// A cell that no recurrent layer of a framework is.
    #[error(
        "the cell is no simple network, LSTM or GRU as frameworks have them: their layers are known by their \
        equations, whatever the names"
    )]
    NoForm,
    /// Bytes that are no file of this framework.
    #[error("not a {format} file: {problem}")]
    File {
        /// Which framework.
        format: &'static str,
        /// What is wrong with them.
        problem: String,
    },
    /// Bytes that are no ONNX model.
    #[error("not an ONNX model: {problem}")]
    Model {
        /// What is wrong with them.
        problem: String,
    },
    /// An attribute of an ONNX node.
    #[error("node `{node}`, attribute `{attribute}`: {problem}")]
    Attribute {
        /// The node.
        node: String,
        /// The attribute.
        attribute: String,
        /// What is wrong with it, or not supported.
        problem: String,
    },
    /// An input of an ONNX node.
    #[error("node `{node}`, input `{input}`: {problem}")]
    Input {
        /// The node.
        node: String,
        /// The input, as the operator calls it.
        input: &'static str,
        /// What is wrong with it, or not supported.
        problem: String,
    },
    /// Numbers that lie in another file.
    #[error(
        "tensor `{tensor}` lies outside the model (external data): save the model with its weights inside"
    )]
    ExternalData {
        /// The tensor.
        tensor: String,
    },
    /// The equations of a form do not mean a cell: a defect of this library, or a number beyond its limits.
    #[error(transparent)]
    Equations(Box<ReadError>),
    /// The cell cannot be compiled for these sizes.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The parameters are not those of the cell.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
}

impl From<ReadError> for WeightError {
    fn from(error: ReadError) -> Self {
        Self::Equations(Box::new(error))
    }
}
