//! Indicators, `\mathbb{1}[a < b]`, and where comparisons stand.

use super::ast::{Expression, ExpressionKind, Function};
use super::pratt::{Parser, Stop};
use super::token::{Bracket, TokenKind};

impl Parser<'_> {
    /// What stands in the brackets of an indicator that begins at `start`, `\mathbb{1}[a < b]` or `\mathbf{1}_{a < b}`:
    /// a one, and brackets with a comparison in them.
    pub(crate) fn indicator_at(&self, start: usize) -> Option<(usize, usize, usize)> {
        let one = |index: usize| {
            matches!(self.sequence.kind(index), Some(TokenKind::Number { whole: Some(1), .. }))
        };
        let after = match self.kind()? {
            TokenKind::Number { .. } if one(start) => start + 1,
            TokenKind::Word { text, .. } if matches!(text.as_str(), "bb_1" | "bb_I" | "I") => start + 1,
            TokenKind::Open(Bracket::Brace)
                if one(start + 1) && self.sequence.partner(start)? == start + 2 =>
            {
                start + 3
            }
            _ => return None,
        };
        let inside = match self.sequence.kind(after)? {
            TokenKind::Open(Bracket::Round | Bracket::Square) => {
                let close = self.sequence.partner(after)?;
                (after + 1, close, close + 1)
            }
            TokenKind::Subscript => {
                let (from, to, over) = self.sequence.script(after + 1)?;
                let (from, to, _) = self.sequence.without_brackets(from, to);
                (from, to, over)
            }
            _ => return None,
        };
        (inside.2 <= self.end && self.compares(inside.0, inside.1)).then_some(inside)
    }

    /// True where a comparison stands outside brackets and scripts.
    pub(crate) fn compares(&self, from: usize, to: usize) -> bool {
        let mut index = from;
        while index < to {
            match self.sequence.kind(index) {
                Some(TokenKind::Less | TokenKind::Greater | TokenKind::Comparison(_)) => return true,
                Some(TokenKind::Subscript | TokenKind::Superscript) => {
                    index = self.sequence.script(index + 1).map_or(index + 1, |script| script.2);
                }
                _ => index = self.sequence.after(index),
            }
        }
        false
    }

    /// The indicator whose condition is `inside`.
    pub(crate) fn indicator(&mut self, inside: (usize, usize, usize)) -> Result<Expression, Stop> {
        let start = self.position;
        self.count_operator()?;
        let condition = self.within(inside, Self::condition)?;
        let span = self.sequence.span(start, self.position);
        let kind = ExpressionKind::Call(Function::Indicator, vec![condition]);
        self.scripts(Expression { kind, span })
    }
}
