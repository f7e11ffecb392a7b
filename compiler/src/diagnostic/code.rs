//! The table of diagnostic codes.

use super::Severity;

/// A stable code. New codes are added at the end of their hundred; none is ever reused.
///
/// Hundreds: 0 reading, 1 names and roles, 2 shapes, 3 time and cycles, 4 outside the language, 5 limits,
/// 8 warnings, 9 notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A character or command that is no part of the language.
    UnknownSymbol,
}

impl Code {
    /// `GW0001` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSymbol => "GW0001",
        }
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::UnknownSymbol => Severity::Error,
        }
    }
}
