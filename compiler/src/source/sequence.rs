//! A run of tokens with its brackets matched: what the parser walks over and what looks ahead without parsing.

use super::token::{Bracket, Token, TokenKind};
use crate::limits::MAXIMUM_NESTING;
use crate::span::Span;

/// Most names before one relation that are looked at.
pub(crate) const MAXIMUM_LIST: usize = 64;

/// Marks a token that is no matched opening bracket.
const NONE: usize = usize::MAX;

/// Tokens with, for every matched opening bracket, the index of its partner.
#[derive(Clone, Debug)]
pub(crate) struct Sequence<'a> {
    pub(crate) tokens: &'a [Token],
    matching: Vec<usize>,
    /// For every token, the first from there on that is no layout and no remark.
    solid: Vec<usize>,
}

/// What is wrong with the brackets of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BracketFault {
    /// An opening bracket is never closed.
    Unclosed(usize),
    /// A closing bracket, and the opening one that stands before it, if any, but does not fit.
    Unopened(usize, Option<usize>),
    /// Brackets are nested deeper than the limit.
    TooDeep(usize),
}

/// Where a time index points, or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index<'a> {
    /// The letter.
    pub(crate) letter: &'a str,
    /// What is added to it.
    pub(crate) offset: i32,
}

impl<'a> Sequence<'a> {
    /// Matches the brackets of `tokens`.
    pub(crate) fn new(tokens: &'a [Token]) -> (Self, Option<BracketFault>) {
        let mut matching = vec![NONE; tokens.len()];
        let mut solid = vec![tokens.len(); tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate().rev() {
            let layout = token.kind.is_layout() || token.kind == TokenKind::Remark;
            solid[index] = if layout { solid[index + 1] } else { index };
        }
        let mut open: Vec<(usize, Bracket)> = Vec::new();
        let mut fault = None;
        for (index, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open(bracket) => {
                    open.push((index, bracket));
                    if open.len() > MAXIMUM_NESTING {
                        return (Self { tokens, matching, solid }, Some(BracketFault::TooDeep(index)));
                    }
                }
                TokenKind::Close(bracket) => match open.last().copied() {
                    Some((start, kind)) if kind == bracket => {
                        open.pop();
                        matching[start] = index;
                    }
                    other => {
                        fault.get_or_insert(BracketFault::Unopened(index, other.map(|found| found.0)));
                        // A bracket further out that fits closes what is open inside it.
                        if let Some(depth) = open.iter().rposition(|(_, kind)| *kind == bracket) {
                            matching[open[depth].0] = index;
                            open.truncate(depth);
                        }
                    }
                },
                _ => {}
            }
        }
        if let Some((index, _)) = open.first() {
            fault.get_or_insert(BracketFault::Unclosed(*index));
        }
        (Self { tokens, matching, solid }, fault)
    }

    /// The token at `index`.
    pub(crate) fn kind(&self, index: usize) -> Option<&'a TokenKind> {
        self.tokens.get(index).map(|token| &token.kind)
    }

    /// The partner of the opening bracket at `index`.
    pub(crate) fn partner(&self, index: usize) -> Option<usize> {
        self.matching.get(index).copied().filter(|partner| *partner != NONE)
    }

    /// The index after the token at `index`, or after its group where it opens one.
    pub(crate) fn after(&self, index: usize) -> usize {
        self.partner(index).map_or(index + 1, |partner| partner + 1)
    }

    /// The place of the tokens `start..end`.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        match (self.tokens.get(start), end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if start < end => first.span.to(last.span),
            (Some(token), _) => token.span,
            (None, _) => {
                let end = self.tokens.last().map_or(0, |token| token.span.end);
                Span::new(end, end)
            }
        }
    }

    /// The range of the script argument that begins at `index`, and the index after it.
    ///
    /// Braces are stripped; other brackets stay, since `^{(t)}` and `^{t}` may differ.
    pub(crate) fn script(&self, index: usize) -> Option<(usize, usize, usize)> {
        match self.kind(index)? {
            TokenKind::Open(Bracket::Brace) => {
                let close = self.partner(index)?;
                Some((index + 1, close, close + 1))
            }
            TokenKind::Open(_) => {
                let close = self.partner(index)?;
                Some((index, close + 1, close + 1))
            }
            TokenKind::Less => {
                let close = (index + 1..self.tokens.len().min(index + 8))
                    .find(|at| self.kind(*at) == Some(&TokenKind::Greater))?;
                Some((index, close + 1, close + 1))
            }
            TokenKind::Accent(_) => {
                let mut base = index;
                while matches!(self.kind(base), Some(TokenKind::Accent(_))) {
                    base += 1;
                }
                self.kind(base)?;
                Some((index, self.after(base), self.after(base)))
            }
            TokenKind::Minus if matches!(self.kind(index + 1), Some(TokenKind::Number { .. })) => {
                Some((index, index + 2, index + 2))
            }
            TokenKind::Close(_) | TokenKind::Subscript | TokenKind::Superscript => None,
            _ => Some((index, index + 1, index + 1)),
        }
    }

    /// `start..end` without braces around all of it.
    pub(crate) fn without_braces(&self, mut start: usize, mut end: usize) -> (usize, usize) {
        while self.kind(start) == Some(&TokenKind::Open(Bracket::Brace))
            && self.partner(start).is_some_and(|partner| partner + 1 == end)
        {
            start += 1;
            end -= 1;
        }
        (start, end)
    }

    /// `start..end` without brackets of any kind around all of it, and whether there were any but braces.
    pub(crate) fn without_brackets(&self, start: usize, end: usize) -> (usize, usize, bool) {
        let (mut start, mut end) = self.without_braces(start, end);
        let mut bracketed = false;
        loop {
            let whole = match self.kind(start) {
                Some(TokenKind::Open(_)) => self.partner(start).is_some_and(|partner| partner + 1 == end),
                Some(TokenKind::Less) => end > start + 1 && self.kind(end - 1) == Some(&TokenKind::Greater),
                _ => false,
            };
            if !whole {
                return (start, end, bracketed);
            }
            bracketed = true;
            (start, end) = self.without_braces(start + 1, end - 1);
        }
    }

    /// The tokens `start..end` as a letter with an offset.
    pub(crate) fn index(&self, start: usize, end: usize) -> Option<Index<'a>> {
        let (start, end) = self.without_braces(start, end);
        let TokenKind::Word { text, .. } = self.kind(start)? else { return None };
        let sign = || match self.kind(start + 1)? {
            TokenKind::Plus => Some(1),
            TokenKind::Minus => Some(-1),
            _ => None,
        };
        match end.checked_sub(start)? {
            1 => Some(Index { letter: text, offset: 0 }),
            // `t + \Delta t`: one step.
            4 => {
                let TokenKind::Word { text: size, .. } = self.kind(start + 2)? else { return None };
                let again = self.kind(start + 3) == self.kind(start);
                (again && matches!(size.as_str(), "Delta" | "delta"))
                    .then_some(Index { letter: text, offset: sign()? })
            }
            3 => {
                let sign = sign()?;
                let TokenKind::Number { whole: Some(number), .. } = self.kind(start + 2)? else {
                    return None;
                };
                Some(Index { letter: text, offset: i32::try_from(*number).ok()?.checked_mul(sign)? })
            }
            _ => None,
        }
    }

    /// True for a letter with a number that no index can be as far away as.
    pub(crate) fn is_beyond(&self, start: usize, end: usize, letter: &str) -> bool {
        let (start, end) = self.without_braces(start, end);
        let sign = matches!(self.kind(start + 1), Some(TokenKind::Plus | TokenKind::Minus));
        sign && end == start + 3
            && matches!(self.kind(start), Some(TokenKind::Word { text, .. }) if text == letter)
            && matches!(self.kind(start + 2), Some(TokenKind::Number { value, .. }) if *value > f64::from(i32::MAX))
    }

    /// The parts of `start..end` at commas outside brackets.
    pub(crate) fn parts(&self, start: usize, end: usize) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        let (mut from, mut index) = (start, start);
        while index < end {
            if matches!(self.kind(index), Some(TokenKind::Comma | TokenKind::Semicolon)) {
                parts.push((from, index));
                from = index + 1;
            }
            index = self.after(index);
        }
        parts.push((from, end));
        parts
    }

    /// The index after the base of a name at `index`: a word, a decorated word, a name in braces.
    fn after_base(&self, mut index: usize) -> Option<usize> {
        let mut decorated = false;
        while matches!(self.kind(index), Some(TokenKind::Accent(_))) {
            index += 1;
            decorated = true;
        }
        match self.kind(index)? {
            TokenKind::Word { text, .. } => Some(index + if self.is_step_size(text, index) { 2 } else { 1 }),
            TokenKind::Function(..) if decorated => Some(index + 1),
            TokenKind::Open(Bracket::Brace) => {
                let close = self.partner(index)?;
                // `\hat{\sigma}`.
                if decorated
                    && close == index + 2
                    && matches!(self.kind(index + 1), Some(TokenKind::Function(..)))
                {
                    return Some(close + 1);
                }
                // A font or a stray brace around one name.
                (self.after_name(index + 1)? == close).then_some(close + 1)
            }
            _ => None,
        }
    }

    /// The index after the name with its scripts that begins at `index`.
    pub(crate) fn after_name(&self, index: usize) -> Option<usize> {
        let mut index = match self.kind(index)? {
            TokenKind::Function(..) if self.is_script(index + 1) => index + 1,
            _ => self.after_base(index)?,
        };
        loop {
            match self.kind(index) {
                Some(TokenKind::Mark(_)) => index += 1,
                Some(TokenKind::Subscript | TokenKind::Superscript) => index = self.script(index + 1)?.2,
                _ => return Some(index),
            }
        }
    }

    /// `\Delta t`, `\Delta t_t`: one name for the size of a step.
    pub(crate) fn is_step_size(&self, text: &str, index: usize) -> bool {
        let time =
            |index: usize| matches!(self.kind(index), Some(TokenKind::Word { text, .. }) if text == "t");
        let index = index + 1;
        let brace = usize::from(self.kind(index + 2) == Some(&TokenKind::Open(Bracket::Brace)));
        let indexed = self.kind(index + 1) == Some(&TokenKind::Subscript) && time(index + 2 + brace);
        text == "Delta" && time(index) && (indexed || !self.is_script(index + 1))
    }

    fn is_script(&self, index: usize) -> bool {
        matches!(self.kind(index), Some(TokenKind::Subscript | TokenKind::Superscript | TokenKind::Mark(_)))
    }

    /// True where a name begins at `index` that may stand on a left side: a relation follows it.
    pub(crate) fn is_left_side(&self, index: usize) -> bool {
        let mut index = self.skip_layout(index);
        for _ in 0..MAXIMUM_LIST {
            let after = match self.kind(index) {
                Some(TokenKind::Function(..)) if !self.is_script(index + 1) => Some(index + 1),
                _ => self.after_name(index),
            };
            let Some(mut after) = after else { return false };
            // `h(t)`, `h[t]`, `\Phi(v)`.
            if matches!(self.kind(after), Some(TokenKind::Open(Bracket::Round | Bracket::Square))) {
                after = self.after(after);
            }
            after = self.skip_layout(after);
            match self.kind(after) {
                Some(TokenKind::Equals | TokenKind::In | TokenKind::Relation("sim")) => return true,
                // `x_t, h_t \in …`.
                Some(TokenKind::Comma) => index = self.skip_layout(after + 1),
                _ => return false,
            }
        }
        false
    }

    /// True where a name begins at `index` that stands on a left side: what is before it has ended. In
    /// `z_t = 1 - e^{-a}, \\ y_t = …` a list could begin at `e`.
    pub(crate) fn begins_left_side(&self, index: usize) -> bool {
        let layout = |token: &Token| token.kind.is_layout() || token.kind == TokenKind::Remark;
        let before = self.tokens.iter().take(index).rposition(|token| !layout(token));
        let ended = before.is_none_or(|before| match &self.tokens[before].kind {
            TokenKind::Comma | TokenKind::Semicolon | TokenKind::Period => true,
            TokenKind::Colon | TokenKind::Where => true,
            operator if operator.is_operator() => false,
            _ => self.tokens[before + 1..index].iter().any(|token| token.kind != TokenKind::Align),
        });
        ended && self.is_left_side(index)
    }

    /// The first index from `index` on that is no layout and no remark.
    pub(crate) fn skip_layout(&self, index: usize) -> usize {
        self.solid.get(index).copied().unwrap_or(index)
    }
}
