//! What stands behind a value: parts of a vector, powers, transposes, the index of a component.
//!
//! # Invariants
//!
//! - The position is left behind all that belongs to the value; where nothing does, it is not moved.
//! - A part is counted from 0 without its end, or refused.

use super::{Named, Parser, Stop, is_number};
use crate::diagnostic::Code;
use crate::source::ast::{Expression, ExpressionKind, Function, Size};
use crate::source::factor::transpose;
use crate::source::name::NameParts;
use crate::source::token::{Bracket, TokenKind};

impl Parser<'_> {
    pub(crate) fn named_expression(&mut self, mut named: Named) -> Result<Expression, Stop> {
        let span = named.span;
        let power = named.power.take();
        if named.parts.base == "e"
            && !self.convention.letter_e
            && named.time.is_none()
            && named.parts == (NameParts { base: "e".to_owned(), ..NameParts::default() })
            && let Some(power) = power
        {
            return Ok(Expression { kind: ExpressionKind::Call(Function::Exponential, vec![*power]), span });
        }
        let mut expression = Expression { kind: ExpressionKind::Reference(named.reference()), span };
        if let Some(power) = power {
            expression = Expression { kind: ExpressionKind::Power(Box::new(expression), power), span };
        }
        if named.transposed {
            expression = Expression { kind: ExpressionKind::Transpose(Box::new(expression)), span };
        }
        let end = expression.span.end;
        expression = self.slices(expression)?;
        if expression.span.end == end { Ok(expression) } else { self.scripts(expression) }
    }

    /// `a[0:n]`, `(W x_t)[n:]`: elements of what stands before the position. They are counted from 0, as in code; what
    /// may be counted from 1 is refused.
    pub(crate) fn slices(&mut self, mut of: Expression) -> Result<Expression, Stop> {
        while self.kind() == Some(&TokenKind::Open(Bracket::Square))
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && let Some(colon) = self.colon_of_slice(self.position + 1, close)
        {
            self.count_operator()?;
            let first = self.position + 1;
            let start = if colon == first { Size::Known(0) } else { self.size(first, colon)? };
            let end = if colon + 1 == close { None } else { Some(self.size(colon + 1, close)?) };
            if end.is_some() && is_one_more(&start) {
                let place = self.sequence.span(first, close);
                let message = "it is open whether these elements are counted from 0 or from 1";
                let help = "write `a[0:n]` or `a[:n]` for the first `n` elements, `a[n:2n]` for the next: the first \
                            has the number 0, and the end is not one of them; `a[1:]` is all but the first";
                return self.fail(Code::UnexpectedToken, message, place, Some(help.to_owned()));
            }
            self.position = close + 1;
            let span = of.span.to(self.sequence.span(close, close + 1));
            of = Expression { kind: ExpressionKind::Slice { of: Box::new(of), start, end }, span };
        }
        Ok(of)
    }

    /// The one colon among `start..end`, where nothing else parts them.
    fn colon_of_slice(&self, start: usize, end: usize) -> Option<usize> {
        let (mut found, mut index) = (None, start);
        while index < end {
            match self.sequence.kind(index) {
                Some(TokenKind::Colon) if found.is_none() => found = Some(index),
                Some(TokenKind::Colon | TokenKind::Comma | TokenKind::Semicolon) => return None,
                _ => {}
            }
            index = self.sequence.after(index);
        }
        found
    }

    /// Scripts of anything but a name: powers and transposes.
    pub(crate) fn scripts(&mut self, mut base: Expression) -> Result<Expression, Stop> {
        while let Some(over) = self.component() {
            self.position = over;
        }
        while self.kind() == Some(&TokenKind::Superscript) {
            let Some(script) = self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end)
            else {
                self.position += 1;
                return self.unexpected();
            };
            self.count_operator()?;
            let span = base.span.to(self.sequence.span(self.position, script.2));
            if self.is_transpose(script.0, script.1) {
                // `\mathbf{1}^\top x_t` is a sum over elements; a number would only scale.
                if is_number(&base) {
                    let message = "a number has no transpose";
                    let help = "write `sum(x)` for a row of ones before `x`, and `diag(x) S` for a product of `x \\mathbf{1}^\\top` \
                                and `S` element by element";
                    let help = Some(help.to_owned());
                    return self.fail(Code::UnexpectedToken, message, span, help);
                }
                self.position = script.2;
                base = transpose(base, span);
                continue;
            }
            let power = self.within(script, Self::expression)?;
            base = Expression { kind: ExpressionKind::Power(Box::new(base), Box::new(power)), span };
        }
        Ok(base)
    }

    /// Behind the index of a component at the position, `(…)^j`, where the document counts components by that letter.
    pub(crate) fn component(&self) -> Option<usize> {
        let component = self.convention.component.as_deref()?;
        if !matches!(self.kind()?, TokenKind::Superscript | TokenKind::Subscript) {
            return None;
        }
        let (start, end, over) =
            self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end)?;
        let (start, end) = self.sequence.without_braces(start, end);
        let letter =
            matches!(self.sequence.kind(start), Some(TokenKind::Word { text, .. }) if text == component);
        (letter && end == start + 1).then_some(over)
    }

    /// `\top`, `T`.
    pub(crate) fn is_transpose(&self, start: usize, end: usize) -> bool {
        let (start, end) = self.sequence.without_braces(start, end);
        end == start + 1
            && match self.sequence.kind(start) {
                Some(TokenKind::Top) => true,
                Some(TokenKind::Word { text, .. }) => text == "T",
                _ => false,
            }
    }
}

/// `1`, `n + 1`: where the count from 1 begins a part.
fn is_one_more(size: &Size) -> bool {
    match size {
        Size::Known(number) => *number == 1,
        Size::Sum(parts) => parts.contains(&Size::Known(1)),
        Size::Named(_) | Size::Multiple(..) => false,
    }
}
