//! Rows, and parts of rows, that define nothing: where an equation holds, losses, distributions, signatures, words.
//!
//! # Invariants
//!
//! - What is skipped is noted, with its place; what an equation may need of it is kept for when all blocks are read.

use super::{MAXIMUM_TARGETS, Reader, Stop};
use crate::diagnostic::Code;
use crate::source::ast::Reference;
use crate::source::declaration::spells;
use crate::source::domain;
use crate::source::row::is_sentence;
use crate::source::sequence::{MAXIMUM_LIST, Sequence};
use crate::source::token::{Bracket, Token, TokenKind};
use crate::span::Span;

/// `z_t \sim \mathcal{N}(\mu_t, I)`.
pub(crate) struct Sample {
    /// What is drawn.
    pub(crate) drawn: Reference,
    /// Names on the right side.
    pub(crate) from: Vec<String>,
    /// All of it.
    pub(crate) span: Span,
}

/// Words of whole cells in signatures such as `h_t = \mathrm{LSTM}(x_t, h_{t-1})`.
const CELLS: [&str; 8] = ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell", "BiLSTM", "BiGRU"];

impl Reader<'_> {
    /// Drops what a row says of where its equation holds.
    pub(super) fn drop_domains(&mut self, row: &mut Vec<Token>) {
        let time = &self.convention.time;
        let (before, behind) = (domain::leading(row, time), domain::trailing(row, time));
        let dropped = behind.map(|(from, what)| (from, row.len(), what));
        for (from, to, what) in dropped.into_iter().chain(before.map(|to| (0, to, domain::TIME))) {
            let (sequence, _) = Sequence::new(row);
            let span = sequence.span(from, to);
            self.skip(format!("{what} is no part of the cell: skipped"), span);
            row.drain(from..to);
        }
    }

    /// A row whose left side is called like a loss: an equation if it can be read as one, else no part of the cell.
    pub(super) fn loss(
        &mut self,
        sequence: &Sequence<'_>,
        faulty: bool,
        word: &str,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let span = sequence.span(0, sequence.tokens.len());
        let before = self.diagnostics.len();
        let unknown = sequence.tokens.iter().any(|token| token.kind.is_unreadable());
        if !faulty && !unknown && self.plain_row(sequence, None, pending).is_ok() {
            return Ok(());
        }
        let found = self.diagnostics.split_off(before);
        self.losses.push((word.to_owned(), span, found));
        self.skip(format!("`{word}` is read as a loss, which is no part of the cell: skipped"), span);
        Ok(())
    }

    pub(super) fn skip(&mut self, message: impl Into<String>, span: Span) {
        self.skipped.push(span);
        self.report(Code::SkippedRow, message, span, None);
    }

    /// A row with neither `=` nor `\in`.
    pub(super) fn without_relation(
        &mut self,
        sequence: &Sequence<'_>,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let tokens = sequence.tokens;
        let span = sequence.span(0, tokens.len());
        let calculates = tokens.iter().any(|token| {
            matches!(
                token.kind,
                TokenKind::Plus | TokenKind::Minus | TokenKind::Product(_) | TokenKind::Function(..)
            )
        });
        // `其中 H_t 是隐状态`.
        let foreign = tokens.iter().any(|token| token.kind == TokenKind::Foreign);
        if foreign && !calculates && !tokens.iter().any(|token| token.kind == TokenKind::Unknown) {
            self.skip("words define nothing: skipped", span);
            return Ok(());
        }
        if tokens.iter().any(|token| token.kind.is_unreadable()) {
            return Err(Stop);
        }
        // `where w: frozen`, which TeX reads as letters.
        if !self.lines && spells(tokens, "where") && tokens.iter().any(|token| token.kind == TokenKind::Colon)
        {
            let (rest, _) = Sequence::new(&tokens["where".len()..]);
            return self.without_relation(&rest, pending);
        }
        if let Some(colon) = tokens.iter().position(|token| token.kind == TokenKind::Colon)
            && sequence.parts(0, colon).into_iter().all(|(from, to)| sequence.after_name(from) == Some(to))
        {
            return self.colon_declaration(sequence, colon, pending);
        }
        if sequence.after_name(0) == Some(tokens.len()) {
            let named = self.parser(sequence, 0, tokens.len()).name()?;
            pending.push(named.reference());
            return Ok(());
        }
        let names = sequence.parts(0, tokens.len());
        if names.len() > MAXIMUM_LIST
            && names.iter().all(|(from, to)| from == to || sequence.after_name(*from) == Some(*to))
        {
            let message = format!("the list has {} names, more than {MAXIMUM_TARGETS}", names.len());
            self.report(Code::EquationTooLong, message, span, None);
            return Err(Stop);
        }
        if is_sentence(tokens) {
            self.skip("words define nothing: skipped", span);
            return Ok(());
        }
        if let Some(sign) = sequence.after_name(0)
            && sequence.kind(sign) == Some(&TokenKind::Relation("sim"))
        {
            return self.sample(sequence, sign);
        }
        if calculates || self.lines {
            let help = Some("write `name = expression`".to_owned());
            self.report(Code::ExpectedEquation, "this row is no equation: it has no `=`", span, help);
            return Err(Stop);
        }
        self.report(Code::SkippedRow, "this row is no equation and is skipped", span, None);
        Ok(())
    }

    /// `z_t \sim \mathcal{N}(\mu_t, I)`: what is drawn, and the names that the distribution depends on.
    fn sample(&mut self, sequence: &Sequence<'_>, sign: usize) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let drawn = self.parser(sequence, 0, sign).name()?.reference();
        let before = self.diagnostics.len();
        let (mut from, mut index) = (Vec::new(), sign + 1);
        while index < end {
            let name = sequence.after_name(index).filter(|after| *after > index && *after <= end);
            match name.and_then(|after| Some((after, self.parser(sequence, index, after).name().ok()?))) {
                Some((after, named)) => {
                    from.push(named.reference().name.canonical);
                    index = after;
                }
                None => index += 1,
            }
        }
        self.diagnostics.truncate(before);
        self.samples.push(Sample { drawn, from, span });
        self.skip("a distribution defines nothing: skipped", span);
        Ok(())
    }

    /// What a row is that defines nothing of a cell: the range of the time, a derivative of a loss, a probability.
    pub(super) fn foreign(&self, sequence: &Sequence<'_>, equals: usize) -> Option<&'static str> {
        let word = |index: usize, letter: &str| matches!(sequence.kind(index), Some(TokenKind::Word { text, .. }) if text == letter);
        let any = |kind: &TokenKind| sequence.tokens.iter().any(|token| token.kind == *kind);
        if equals == 1 && word(0, &self.convention.time) && any(&TokenKind::Ellipsis) {
            return Some(domain::TIME);
        }
        let left = sequence.tokens.get(..equals).unwrap_or_default();
        let partial = TokenKind::LargeOperator("derivative");
        if sequence.kind(0) == Some(&TokenKind::Fraction) && left.iter().any(|token| token.kind == partial) {
            return Some("a derivative of something computed");
        }
        if (word(0, "p") || word(0, "P"))
            && sequence.kind(1) == Some(&TokenKind::Open(Bracket::Round))
            && left.iter().any(|token| token.kind == TokenKind::Bar)
        {
            return Some("a probability");
        }
        None
    }

    /// The word of a cell that the right side calls by name.
    pub(super) fn signature(&self, sequence: &Sequence<'_>, equals: usize) -> Option<String> {
        let TokenKind::Word { text, .. } = sequence.kind(equals + 1)? else { return None };
        if !CELLS.contains(&text.as_str()) {
            return None;
        }
        let after = sequence.after_name(equals + 1)?;
        (sequence.kind(after) == Some(&TokenKind::Open(Bracket::Round))).then(|| text.clone())
    }
}
