//! Declarations: `x_t \in \mathbb{R}^{d}`, `w: [h]`.

use super::ast::{Mark, ProductSign, Reference, Size, Statement, StatementKind};
use super::pratt::{Parser, Stop};
use super::sequence::Sequence;
use super::statement::Reader;
use super::token::{Bracket, Token, TokenKind};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_DIMENSION;

/// Most axes of a declaration, and most terms of a size.
const MAXIMUM_AXES: usize = 8;

impl Reader<'_> {
    /// `x_t, h_t \in \mathbb{R}^{d}`.
    pub(crate) fn membership(
        &mut self,
        sequence: &Sequence<'_>,
        relation: usize,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let mut targets = std::mem::take(pending);
        for (from, to) in sequence.parts(0, relation) {
            if sequence.after_name(from) != Some(to) {
                let place = sequence.span(from, to.max(from + 1));
                self.report(Code::LeftSide, "only a name can be declared", place, None);
                return Err(Stop);
            }
            targets.push(self.parser(sequence, from, to).name()?.reference());
        }
        let (sizes, over) = self.set(sequence, relation + 1, end)?;
        let Some(sizes) = sizes else {
            // `z_t \in (0, 1)` says nothing about shapes that is needed.
            let message = "only sets of real numbers declare a shape; this one is skipped";
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        };
        if over != end {
            let place = sequence.span(over, end);
            self.report(Code::UnexpectedToken, "this does not belong to the declaration", place, None);
            return Err(Stop);
        }
        for target in targets {
            let kind = StatementKind::Declaration { target, sizes: sizes.clone() };
            self.statements.push(Statement { kind, span });
        }
        Ok(())
    }

    /// `h_t = f_t \odot h_{t-1} + v_t \in \mathbb{R}^{d}`: an equation, and a declaration of what it defines. A set that says
    /// nothing of shapes, `z_t = \sigma(…) \in (0, 1)`, is skipped with a note, as is one behind several equations.
    pub(crate) fn equation_in_set(
        &mut self,
        sequence: &Sequence<'_>,
        set: usize,
        equals: &[usize],
        pending: Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let place = sequence.span(set, end);
        let (found, known) = (self.diagnostics.len(), self.statements.len());
        let sizes = match self.set(sequence, set + 1, end) {
            Ok((Some(sizes), over)) if over == end => Some(sizes),
            Ok(_) | Err(Stop) => None,
        };
        self.diagnostics.truncate(found);
        let (value, _) = Sequence::new(&sequence.tokens[..set]);
        self.equation(&value, equals, pending)?;
        let target = match self.statements.get(known..) {
            Some([Statement { kind: StatementKind::Definition { target, .. }, .. }]) => Some(target.clone()),
            _ => None,
        };
        // Where a state begins has its shape.
        let begins = |target: &Reference| target.time.is_none() && target.name.canonical.ends_with("_0");
        match (sizes, target) {
            (Some(sizes), Some(target)) if !begins(&target) => {
                let kind = StatementKind::Declaration { target, sizes };
                self.statements.push(Statement { kind, span: place });
            }
            (Some(_), Some(_)) => {}
            _ => {
                let message = "the set behind this equation declares nothing and is skipped";
                self.report(Code::SkippedRow, message, place, None);
            }
        }
        Ok(())
    }

    /// The set at `start`, and the index after it: the sizes of `\mathbb{R}^{n \times d}`, `(0, 1)^n`, and none for a
    /// set that says nothing of shapes.
    pub(crate) fn set(
        &mut self,
        sequence: &Sequence<'_>,
        start: usize,
        end: usize,
    ) -> Result<(Option<Vec<Size>>, usize), Stop> {
        let reals = matches!(sequence.kind(start), Some(TokenKind::Reals))
            || matches!(sequence.kind(start), Some(TokenKind::Word { text, .. }) if text == "R");
        let mut over = if reals { start + 1 } else { sequence.after(start) };
        let mut power = None;
        // `\mathbb{R}_+^n`: which numbers does not matter here.
        while let Some(TokenKind::Superscript | TokenKind::Subscript) = sequence.kind(over) {
            let Some((from, to, after)) = sequence.script(over + 1).filter(|script| script.2 <= end) else {
                let place = sequence.span(start, end);
                self.report(Code::BadSize, "no size follows", place, None);
                return Err(Stop);
            };
            if sequence.kind(over) == Some(&TokenKind::Superscript) {
                power = Some((from, to));
            }
            over = after;
        }
        if !reals && !is_interval(sequence, start, end) {
            return Ok((None, over));
        }
        match power {
            Some((from, to)) => Ok((Some(self.sizes(sequence, from, to)?), over)),
            // `\alpha_t \in (0, 1)` is said of each element too.
            None => Ok((reals.then(Vec::new), over)),
        }
    }

    /// `w: [h]`, `alpha: scalar`, `W, U: frozen`, `y_t: output`.
    pub(crate) fn colon_declaration(
        &mut self,
        sequence: &Sequence<'_>,
        colon: usize,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let mut targets = std::mem::take(pending);
        for (from, to) in sequence.parts(0, colon) {
            targets.push(self.parser(sequence, from, to).name()?.reference());
        }
        let word = &sequence.tokens[colon + 1..];
        let spelled =
            || [Mark::Frozen, Mark::Output].into_iter().find(|mark| spelled_whole(word, mark.word()));
        let marked = match word {
            [Token { kind: TokenKind::Word { text, .. }, .. }] => Mark::of(text),
            _ if !self.lines => spelled(),
            _ => None,
        };
        if let Some(mark) = marked {
            let marks = targets.into_iter().map(|target| StatementKind::Mark { target, mark });
            self.statements.extend(marks.map(|kind| Statement { kind, span }));
            return Ok(());
        }
        let sizes = match sequence.kind(colon + 1) {
            Some(TokenKind::Word { text, .. }) if text == "scalar" && colon + 2 == end => Vec::new(),
            Some(TokenKind::Open(Bracket::Square)) if sequence.after(colon + 1) == end => {
                self.sizes(sequence, colon + 2, end - 1)?
            }
            _ => {
                if !self.lines {
                    // `x_t: \text{input vector}` explains a name.
                    self.report(Code::SkippedRow, "this remark is skipped", span, None);
                    return Ok(());
                }
                let place = sequence.span(colon, end);
                let help = Some(
                    "write `w: [h]`, `W: [h, x]`, `alpha: scalar`, `W: frozen` or `y_t: output`".to_owned(),
                );
                self.report(Code::BadSize, "a declaration gives sizes in square brackets", place, help);
                return Err(Stop);
            }
        };
        for target in targets {
            let kind = StatementKind::Declaration { target, sizes: sizes.clone() };
            self.statements.push(Statement { kind, span });
        }
        Ok(())
    }

    /// Sizes parted by `\times` or commas.
    fn sizes(&mut self, sequence: &Sequence<'_>, start: usize, end: usize) -> Result<Vec<Size>, Stop> {
        // `ℝ^(n × d)`.
        let (start, end, _) = sequence.without_brackets(start, end);
        let (mut sizes, mut from, mut index) = (Vec::new(), start, start);
        while index <= end {
            let separates = index == end
                || matches!(
                    sequence.kind(index),
                    Some(TokenKind::Comma | TokenKind::Semicolon | TokenKind::Product(ProductSign::Cross))
                );
            if separates {
                if sizes.len() == MAXIMUM_AXES {
                    let place = sequence.span(from, end);
                    self.report(Code::BadSize, format!("more than {MAXIMUM_AXES} axes"), place, None);
                    return Err(Stop);
                }
                // A comma may stand last.
                let listed = !matches!(
                    from.checked_sub(1).and_then(|before| sequence.kind(before)),
                    Some(TokenKind::Product(_))
                );
                if !(index == end && from == end && !sizes.is_empty() && listed) {
                    let size = self.parser(sequence, from, index).size(from, index)?;
                    if size == Size::Known(0) {
                        let help = Some("leave out what has no elements".to_owned());
                        self.report(Code::BadSize, "a size is at least 1", sequence.span(from, index), help);
                        return Err(Stop);
                    }
                    sizes.push(size);
                }
                from = index + 1;
            }
            index = if index == end { end + 1 } else { sequence.after(index).min(end) };
        }
        Ok(sizes)
    }
}

impl Parser<'_> {
    /// The size that the tokens `start..end` are.
    pub(crate) fn size(&mut self, start: usize, end: usize) -> Result<Size, Stop> {
        let (start, end, _) = self.sequence.without_brackets(start, end);
        let mut terms = Vec::new();
        let (mut from, mut index) = (start, start);
        while index <= end {
            if index == end || self.sequence.kind(index) == Some(&TokenKind::Plus) {
                if terms.len() == MAXIMUM_AXES {
                    let place = self.sequence.span(from, end);
                    let message = format!("more than {MAXIMUM_AXES} terms");
                    return self.fail(Code::BadSize, message, place, None);
                }
                terms.push(self.size_term(from, index)?);
                from = index + 1;
            }
            index = if index == end { end + 1 } else { self.sequence.after(index).min(end) };
        }
        Ok(match (terms.len(), terms.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                terms.extend(last);
                Size::Sum(terms)
            }
        })
    }

    fn size_term(&mut self, start: usize, end: usize) -> Result<Size, Stop> {
        let (start, end, _) = self.sequence.without_brackets(start, end);
        match self.sequence.kind(start) {
            Some(TokenKind::Number { whole: Some(number), .. }) if end == start + 1 => {
                Ok(Size::Known(*number))
            }
            Some(&TokenKind::Number { value, whole: None })
                if end == start + 1 && value > MAXIMUM_DIMENSION as f64 =>
            {
                let message = format!("a size of {value} is above {MAXIMUM_DIMENSION} (MAXIMUM_DIMENSION)");
                self.fail(Code::DimensionTooLarge, message, self.sequence.span(start, end), None)
            }
            // `4n`, `4 (n + d)`.
            Some(TokenKind::Number { whole: Some(number @ 1..), .. }) if start + 1 < end => {
                let sign = match self.sequence.kind(start + 1) {
                    Some(TokenKind::Product(ProductSign::Dot | ProductSign::Asterisk)) => 1,
                    _ => 0,
                };
                let rest = start + 1 + sign;
                if matches!(self.sequence.kind(rest), Some(TokenKind::Number { .. })) {
                    return self.bad_size(start, end);
                }
                let size = self.size(rest, end)?;
                Ok(Size::Multiple(*number, Box::new(size)))
            }
            _ if start < end && self.sequence.after_name(start) == Some(end) => {
                let named = self.within((start, end, end), Self::name)?;
                if named.parts.superscript.is_some() || named.power.is_some() || named.transposed {
                    return self.bad_size(start, end);
                }
                let mut name = named.parts.finish().canonical;
                if named.time.is_some() {
                    name.push_str("_t");
                }
                Ok(Size::Named(name))
            }
            Some(TokenKind::Unknown | TokenKind::Foreign) => Err(Stop),
            _ => self.bad_size(start, end),
        }
    }

    fn bad_size(&mut self, start: usize, end: usize) -> Result<Size, Stop> {
        let place = self.sequence.span(start, end.max(start + 1));
        let help = Some("a size is a number, a name, a multiple or a sum of these".to_owned());
        self.fail(Code::BadSize, "this is no size", place, help)
    }
}

/// True where `tokens` begin with the letters of `word`, as TeX reads a word.
pub(crate) fn spells(tokens: &[Token], word: &str) -> bool {
    let letter = |(token, letter): (&Token, char)| matches!(&token.kind, TokenKind::Word { text, .. } if text.len() == 1 && text.starts_with(letter));
    tokens.len() >= word.len() && tokens.iter().zip(word.chars()).all(letter)
}

fn spelled_whole(tokens: &[Token], word: &str) -> bool {
    tokens.len() == word.len() && spells(tokens, word)
}

/// `(0, 1)`, `[-1, 1]`, `\{0, 1\}`: numbers in brackets.
fn is_interval(sequence: &Sequence<'_>, start: usize, end: usize) -> bool {
    let (from, to, bracketed) = sequence.without_brackets(start, sequence.after(start).min(end));
    let numbers = sequence.tokens.get(from..to).unwrap_or_default();
    let number = |token: &Token| {
        matches!(
            token.kind,
            TokenKind::Number { .. }
                | TokenKind::Comma
                | TokenKind::Minus
                | TokenKind::Plus
                | TokenKind::Period
        )
    };
    bracketed && numbers.len() >= 3 && numbers.iter().all(number)
}
