//! Diagnostics: what is wrong or worth knowing, where, and what to do about it.

use crate::span::Span;

mod code;
mod place;
#[cfg(feature = "render")]
pub mod render;

pub use code::Code;
pub use place::line_column;
#[cfg(feature = "render")]
pub use render::render;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a slip.
    Warning,
    /// The equations do not mean a cell.
    Error,
}

impl Severity {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding about a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code; it fixes the severity.
    pub code: Code,
    /// What was found, in one sentence without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Further places, each with a remark.
    pub labels: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// True where the equations do not mean a cell.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.code.severity(), Severity::Error)
    }
}

/// Gives every error without advice the general one of its code.
pub(crate) fn advise(found: &mut [Diagnostic]) {
    for one in found.iter_mut().filter(|one| one.is_error()) {
        one.help.get_or_insert_with(|| one.code.remedy());
    }
}
