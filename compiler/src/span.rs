//! Places in a source text.

/// A half-open range `start..end` in a source.
///
/// For texts the unit is the byte, and both ends lie on character boundaries.
/// For Rust tokens the unit is the token: `start..end` numbers tokens in the order they were read
/// (an opening and a closing delimiter count as one token each), and the macro keeps the table that
/// leads from numbers to compiler spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First unit of the range.
    pub start: u32,
    /// First unit after the range.
    pub end: u32,
}

impl Span {
    /// The range `start..end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// True where the range holds nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}
