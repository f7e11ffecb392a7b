//! What can be wrong with parameters and the files they lie in.

use std::fmt;
use std::path::PathBuf;

/// Why a parameter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// No parameter of this name.
    #[error("no parameter `{name}`; the cell has {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The wrong number of values.
    #[error("parameter `{name}`: expected {expected} values, found {found}")]
    Length {
        /// Which parameter; empty for the whole flat buffer.
        name: String,
        /// Elements of the parameter.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// A role that needs a matrix, on a parameter that is none.
    #[error("parameter `{name}` has the role of a matrix but the shape {shape:?}")]
    NotAMatrix {
        /// Which parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The memory cannot be had.
    #[error("{elements} values are more than this machine can hold")]
    TooLarge {
        /// Elements asked for.
        elements: usize,
    },
}

/// How a tensor in a file differs from what the cell needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorDifference {
    /// The cell has it, the file has not.
    Missing {
        /// Name in the file.
        name: String,
    },
    /// The file has it, the cell has not.
    Unknown {
        /// Name in the file.
        name: String,
    },
    /// Both have it, in different shapes.
    Shape {
        /// Name in the file.
        name: String,
        /// Shape in the cell.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
}

impl fmt::Display for TensorDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "`{name}` is missing"),
            Self::Unknown { name } => write!(f, "`{name}` is not a parameter of the cell"),
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}` has shape {found:?}, the cell needs {expected:?}")
            }
        }
    }
}

/// Why a file of tensors could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorFileError {
    /// The file could not be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are no safetensors file: truncated, damaged or something else.
    #[error("not a safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// An element type that is not read there.
    #[error("tensor `{name}` holds {found}, which is not read")]
    ElementType {
        /// Which tensor.
        name: String,
        /// Its element type.
        found: String,
    },
    /// Numbers that would be rounded, which was not allowed.
    #[error("tensor `{name}` holds {found} and would be rounded; allow it with `Conversion::Round`")]
    WouldRound {
        /// Which tensor.
        name: String,
        /// Its element type.
        found: String,
    },
    /// The header and the data of a tensor do not agree.
    #[error("tensor `{name}`: shape {shape:?} does not fit {bytes} bytes of data")]
    Extent {
        /// Which tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its data.
        bytes: usize,
    },
    /// The tensors are not those of the cell.
    #[error("the tensors are not those of the cell: {}", list(.0))]
    Different(Vec<TensorDifference>),
}

fn list(differences: &[TensorDifference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
