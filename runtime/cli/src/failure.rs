//! Why a command failed, and the exit code that says so.

use std::path::Path;

use gatewright::compiler::regularize::RegularizeError;
use gatewright::error::{CallError, CompileError};
use gatewright::layer::RegularizedError;
use gatewright::parameters::{ParameterError, TensorFileError};
use gatewright::weights::WeightError;

use crate::print::message;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// The equations are wrong; the findings as they are to be printed. Exit code 1.
    Equations(String),
    /// The data are wrong, or a check on them failed: exit code 1.
    Data(String),
    /// Whoever read the answer has stopped: exit code 0, and nothing to say.
    Unread,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }

    /// A file that the command line names and that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::Usage(format!("{}: {error}", path.display()))
    }

    /// What is wrong with a file of tensors, of which a command may read several.
    pub(crate) fn in_file(path: &Path) -> impl FnOnce(TensorFileError) -> Self {
        move |error| match error {
            // It names the file.
            TensorFileError::Io { .. } => error.into(),
            error => Self::Data(format!("{}: {error}", path.display())),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Equations(_) | Self::Data(_) => 1,
            Self::Unread => 0,
        }
    }

    pub(crate) fn print(&self) {
        match self {
            Self::Usage(text) | Self::Data(text) => message(format_args!("error: {text}\n")),
            Self::Equations(findings) => message(format_args!("{findings}")),
            Self::Unread => {}
        }
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::MissingDimension { .. } | CompileError::UnknownDimension { .. } => {
                Self::Usage(format!("{error} (--dims NAME=SIZE)"))
            }
            CompileError::NoBackend | CompileError::Level { .. } => Self::Usage(error.to_string()),
            _ => Self::Data(error.to_string()),
        }
    }
}

impl From<RegularizeError> for Failure {
    fn from(error: RegularizeError) -> Self {
        match error {
            RegularizeError::Graph(_) => Self::Data(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<RegularizedError> for Failure {
    fn from(error: RegularizedError) -> Self {
        match error {
            RegularizedError::Choice(error) => error.into(),
            RegularizedError::Compile(error) => error.into(),
            _ => Self::Data(error.to_string()),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<TensorFileError> for Failure {
    fn from(error: TensorFileError) -> Self {
        match error {
            TensorFileError::Io { .. } => Self::Usage(error.to_string()),
            _ => Self::Data(error.to_string()),
        }
    }
}

impl From<WeightError> for Failure {
    fn from(error: WeightError) -> Self {
        match error {
            WeightError::Tensors(error) => error.into(),
            WeightError::Choice { .. } => Self::Usage(error.to_string()),
            _ => Self::Data(error.to_string()),
        }
    }
}

impl From<candle_core::Error> for Failure {
    fn from(mut error: candle_core::Error) -> Self {
        // A backtrace is no message for whoever trains a cell.
        while let candle_core::Error::WithBacktrace { inner, .. } = error {
            error = *inner;
        }
        Self::Data(error.to_string())
    }
}
