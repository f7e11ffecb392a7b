//! Where one equation ends and the next begins; in [`dress`] what of a row says nothing, in [`prose`] what is words.

mod dress;
mod prose;

use dress::is_dress;
pub(crate) use dress::{spell_joins, strip, ungroup};
pub(crate) use prose::{is_loss, is_prose, is_sentence, trailing_word, words, words_once};

use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};
use crate::limits::MAXIMUM_NESTING;

/// Indices of `=` and `\in` outside brackets.
pub(crate) fn relations(sequence: &Sequence<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < sequence.tokens.len() {
        match sequence.kind(index) {
            Some(TokenKind::Equals | TokenKind::In) => found.push(index),
            // Scripts may hold relations of their own.
            Some(TokenKind::Subscript | TokenKind::Superscript) => {
                index = sequence.script(index + 1).map_or(index + 1, |script| script.2);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    found
}

/// The ranges of `tokens` that hold one equation each.
pub(crate) fn segments(tokens: &[Token], lines: bool) -> Vec<(usize, usize)> {
    let (sequence, _) = Sequence::new(tokens);
    let mut segments = Vec::new();
    let mut depth: Vec<Bracket> = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            // Deeper brackets are an error of their own.
            TokenKind::Open(bracket) if depth.len() < 2 * MAXIMUM_NESTING => depth.push(bracket),
            TokenKind::Close(bracket) => {
                if let Some(found) = depth.iter().rposition(|open| *open == bracket) {
                    depth.truncate(found);
                }
            }
            _ => {}
        }
        let outside = depth.is_empty();
        let in_matrix = depth.iter().any(|open| matches!(open, Bracket::Matrix | Bracket::Cases));
        let splits = match token.kind {
            TokenKind::RowEnd if in_matrix => false,
            TokenKind::RowEnd if outside => !continues(&sequence, last, index),
            TokenKind::Newline if lines && outside => !continues(&sequence, last, index),
            TokenKind::Semicolon if lines && outside => true,
            // An unclosed bracket must not swallow the next equation.
            TokenKind::RowEnd if !in_matrix => {
                sequence.is_left_side(index + 1) || begins_equation(&sequence, index + 1)
            }
            TokenKind::Newline if !in_matrix => sequence.is_left_side(index + 1),
            TokenKind::Comma | TokenKind::Semicolon | TokenKind::Period | TokenKind::Quad if outside => {
                sequence.is_left_side(index + 1)
                    || token.kind == TokenKind::Quad && is_bracketed_equation(&sequence, index + 1)
            }
            TokenKind::Semicolon if lines => sequence.is_left_side(index + 1),
            // `a &= b & c &= d`: two columns of equations.
            TokenKind::Align if outside => {
                let equals = |at: usize| tokens[at].kind == TokenKind::Equals;
                last.is_some_and(|last| !equals(last))
                    && (start..index).any(equals)
                    && sequence.is_left_side(index + 1)
            }
            TokenKind::Where if outside => true,
            _ => false,
        };
        if splits {
            segments.push((start, index));
            start = index + 1;
            depth.clear();
        }
        if !token.kind.is_layout() {
            last = if splits { None } else { Some(index) };
        }
    }
    segments.push((start, tokens.len()));
    if lines { split_declarations(&sequence, segments) } else { segments }
}

/// `(h_0 = 0)` behind a gap: an equation of its own, and nothing behind it in its row.
fn is_bracketed_equation(sequence: &Sequence<'_>, index: usize) -> bool {
    let open = sequence.skip_layout(index);
    let after = sequence.after(open);
    sequence.kind(open) == Some(&TokenKind::Open(Bracket::Round))
        && sequence.is_left_side(open + 1)
        && sequence.kind(after).is_none_or(|kind| kind.is_layout() || is_dress(kind))
}

/// `where w: [h], alpha: scalar`: one declaration each.
fn split_declarations(sequence: &Sequence<'_>, segments: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut split = Vec::new();
    for (start, end) in segments {
        let mut from = start;
        let mut index = start;
        let mut complete = false;
        while index < end {
            // In `W, U: frozen` the names before the colon belong together.
            complete |=
                matches!(sequence.kind(index), Some(TokenKind::Colon | TokenKind::Equals | TokenKind::In));
            if sequence.kind(index) == Some(&TokenKind::Comma) && complete {
                let next = sequence.skip_layout(index + 1);
                let after = sequence.after_name(next).map(|after| sequence.skip_layout(after));
                if after.is_some_and(|after| sequence.kind(after) == Some(&TokenKind::Colon)) {
                    split.push((from, index));
                    from = index + 1;
                    complete = false;
                }
            }
            index = sequence.after(index);
        }
        split.push((from, end));
    }
    split
}

/// True where the row from `start` on has a relation that is not its first token.
fn begins_equation(sequence: &Sequence<'_>, start: usize) -> bool {
    let mut index = sequence.skip_layout(start);
    let first = index;
    while let Some(kind) = sequence.kind(index) {
        match kind {
            TokenKind::RowEnd | TokenKind::Newline => return false,
            TokenKind::Equals => return index > first,
            TokenKind::Subscript | TokenKind::Superscript => {
                index = sequence.script(index + 1).map_or(index + 1, |script| script.2);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    false
}

/// True where the equation goes on after the end of a row at `index`; `last` is the last token before that is no layout.
fn continues(sequence: &Sequence<'_>, last: Option<usize>, index: usize) -> bool {
    let operator = |kind: Option<&TokenKind>| kind.is_some_and(TokenKind::is_operator);
    let next = sequence.skip_layout(index + 1);
    let next_operator = operator(sequence.kind(next)) && !sequence.is_left_side(next);
    // A row with an equation of its own does not finish another one.
    next_operator
        || last.is_some_and(|last| operator(sequence.kind(last))) && !begins_equation(sequence, next)
}
