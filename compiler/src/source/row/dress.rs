//! What of a row is dress: groups around whole equations, other spellings of a join, labels, remarks and punctuation.

use super::prose::is_title;
use crate::source::command::JOINS;
use crate::source::sequence::Sequence;
use crate::source::token::{Bracket, Token, TokenKind};

/// `\begin{cases}` around whole equations only groups them: its ends become ends of rows. So do braces of a frame or
/// a font around a whole equation.
pub(crate) fn ungroup(tokens: &[Token]) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut closing: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let mut token = token.clone();
        if token.kind == TokenKind::Open(Bracket::Cases)
            && let Some(close) = sequence.partner(index)
            && sequence.is_left_side(index + 1)
        {
            // `NAME =` before the group says nothing.
            if kept.last().is_some_and(|last| last.kind == TokenKind::Equals) {
                while kept
                    .last()
                    .is_some_and(|last| !matches!(last.kind, TokenKind::RowEnd | TokenKind::Newline))
                {
                    kept.pop();
                }
            }
            token.kind = TokenKind::RowEnd;
            closing.push(close);
        } else if token.kind == TokenKind::Open(Bracket::Brace)
            && let Some(close) = holds_equation(&sequence, index)
        {
            token.kind = TokenKind::RowEnd;
            closing.push(close);
        } else if closing.last() == Some(&index) {
            closing.pop();
            token.kind = TokenKind::RowEnd;
        }
        kept.push(token);
    }
    kept
}

/// True where the brace at `index` holds a whole equation, as `\boxed{h_t = …}` and `{\bf h_t = …}` do.
fn holds_equation(sequence: &Sequence<'_>, index: usize) -> Option<usize> {
    let close = sequence.partner(index)?;
    let argument = index.checked_sub(1).and_then(|before| sequence.kind(before)).is_some_and(|before| {
        matches!(
            before,
            TokenKind::Subscript
                | TokenKind::Superscript
                | TokenKind::Accent(_)
                | TokenKind::Fraction
                | TokenKind::Underbrace
                | TokenKind::Close(Bracket::Brace)
        )
    });
    let mut first = index + 1;
    while sequence.kind(first) == Some(&TokenKind::Open(Bracket::Brace)) && !sequence.is_left_side(first) {
        first += 1;
    }
    (!argument && sequence.is_left_side(first)).then_some(close)
}

/// `\text{concat}(a, b)`, `concat([a, b], dim=1)` and `\mathrm{Concat}[a, b]` as `[a, b]`.
pub(crate) fn spell_joins(tokens: &[Token]) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    let opens = |index: usize| {
        matches!(sequence.kind(index), Some(TokenKind::Open(Bracket::Round | Bracket::Square)))
            .then(|| sequence.partner(index))
            .flatten()
    };
    let mut kinds: Vec<Option<TokenKind>> = tokens.iter().map(|token| Some(token.kind.clone())).collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenKind::Word { text, .. } = &token.kind else { continue };
        let before = index.checked_sub(1).and_then(|before| sequence.kind(before));
        let script = matches!(before, Some(TokenKind::Subscript | TokenKind::Superscript));
        let Some(close) = opens(index + 1).filter(|_| JOINS.contains(&text.as_str()) && !script) else {
            continue;
        };
        kinds[index] = None;
        kinds[index + 1] = Some(TokenKind::Open(Bracket::Square));
        kinds[close] = Some(TokenKind::Close(Bracket::Square));
        let Some(inner) = opens(index + 2) else { continue };
        // The axis says nothing: values are joined along their features.
        let axis = sequence.kind(inner + 1) == Some(&TokenKind::Comma)
            && matches!(sequence.kind(inner + 2),
                Some(TokenKind::Word { text, .. }) if matches!(text.as_str(), "dim" | "axis"));
        if inner + 1 == close || axis {
            kinds[index + 2] = None;
            kinds[inner..close].fill(None);
        }
    }
    let kept = tokens.iter().zip(kinds);
    kept.filter_map(|(token, kind)| Some(Token { kind: kind?, ..token.clone() })).collect()
}

/// True where `start..end` only remarks: words in an upright font, text, words that TeX reads as letters, or a number in
/// parentheses; an arrow may point at them.
pub(super) fn is_remark(sequence: &Sequence<'_>, start: usize, end: usize) -> bool {
    let text = || {
        start + 1 < end && sequence.tokens[start + 1..end].iter().all(|token| token.kind == TokenKind::Remark)
    };
    let start = match sequence.kind(start) {
        Some(TokenKind::Arrow) => start + 1,
        // `\leftarrow \text{new state}`.
        Some(TokenKind::Equals) if text() => start + 1,
        _ => start,
    };
    let (from, to, _) = sequence.without_brackets(start, end);
    number_in_brackets(sequence, start, end).is_some()
        || start < end && (is_title(&sequence.tokens[from..to]) || are_words(&sequence.tokens[start..end]))
}

/// The number that alone stands in brackets at `start..end`, as that of an equation does.
fn number_in_brackets<'s>(sequence: &Sequence<'s>, start: usize, end: usize) -> Option<&'s TokenKind> {
    let (from, to, bracketed) = sequence.without_brackets(start, end);
    sequence.kind(from).filter(|kind| bracketed && to == from + 1 && matches!(kind, TokenKind::Number { .. }))
}

/// True where nothing but a whole number in parentheses stands from `start` on.
pub(super) fn is_number(sequence: &Sequence<'_>, start: usize) -> bool {
    let tokens = sequence.tokens;
    let start = sequence.skip_layout(start);
    let end = tokens.iter().rposition(|token| !token.kind.is_layout() && !is_dress(&token.kind));
    let end = end.map_or(start, |last| last + 1);
    matches!(number_in_brackets(sequence, start, end), Some(TokenKind::Number { whole: Some(_), .. }))
}

/// True where `tokens` are text and words of more than one letter, in brackets or not.
fn are_words(tokens: &[Token]) -> bool {
    tokens.iter().all(|token| match &token.kind {
        TokenKind::Remark | TokenKind::Comma | TokenKind::Period => true,
        TokenKind::Open(Bracket::Round | Bracket::Square | Bracket::Brace) => true,
        TokenKind::Close(Bracket::Round | Bracket::Square | Bracket::Brace) => true,
        TokenKind::Word { text, .. } => text.len() > 1 && !crate::source::name::is_greek_word(text),
        _ => false,
    })
}

/// True where the brackets that open at `index` hold the name of a gate or a part of the cell, behind a value of the
/// step: `\sigma(W x_t)(\text{Hidden})`. A weight before them would be applied to what they hold.
fn names_a_part(sequence: &Sequence<'_>, index: usize) -> bool {
    const PARTS: [&str; 16] = [
        "forget",
        "input",
        "output",
        "update",
        "reset",
        "hidden",
        "state",
        "cell",
        "candidate",
        "memory",
        "gate",
        "new",
        "final",
        "current",
        "proposal",
        "content",
    ];
    let Some(close) = sequence.partner(index) else { return false };
    let inner = &sequence.tokens[index + 1..close];
    let part = |token: &Token| match &token.kind {
        TokenKind::Word { text, .. } => PARTS.contains(&text.to_ascii_lowercase().as_str()),
        _ => true,
    };
    let named = inner.iter().any(|token| matches!(token.kind, TokenKind::Word { .. }));
    let time = |kind: &TokenKind| matches!(kind, TokenKind::Word { text, .. } if text == "t");
    let value = match index.checked_sub(1).and_then(|before| sequence.kind(before)) {
        Some(TokenKind::Close(Bracket::Round | Bracket::Square)) => true,
        Some(TokenKind::Close(Bracket::Brace)) => (0..index)
            .rev()
            .find(|open| sequence.partner(*open) == Some(index - 1))
            .is_some_and(|open| sequence.tokens[open..index].iter().any(|token| time(&token.kind))),
        Some(kind) => {
            let before = index.checked_sub(2).and_then(|before| sequence.kind(before));
            time(kind) && matches!(before, Some(TokenKind::Subscript | TokenKind::Superscript))
        }
        None => false,
    };
    value && named && are_words(inner) && inner.iter().all(part)
}

/// True for what may stand at the ends of an equation and says nothing.
pub(super) fn is_dress(kind: &TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Comma
            | TokenKind::Semicolon
            | TokenKind::Period
            | TokenKind::Remark
            | TokenKind::Where
            | TokenKind::Colon
            | TokenKind::Align
            | TokenKind::RowEnd
    )
}

/// The tokens of one equation without layout, remarks and punctuation at its ends.
pub(crate) fn strip(tokens: &[Token]) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    // A column or a part after a gap that only remarks, behind the equation.
    let (mut index, mut cut) = (0, tokens.len());
    let mut equals = false;
    while index < tokens.len() {
        match tokens[index].kind {
            TokenKind::Equals => equals = true,
            // `σ(W x_t)(Input gate)`: words that TeX reads as letters, or upright ones, in brackets at the end.
            TokenKind::Open(Bracket::Round | Bracket::Square)
                if equals
                    && tokens[sequence.after(index)..]
                        .iter()
                        .all(|token| is_dress(&token.kind) || token.kind.is_layout())
                    && (names_a_part(&sequence, index)
                        || sequence
                            .partner(index)
                            .is_some_and(|close| is_title(&tokens[index + 1..close]))) =>
            {
                cut = index;
                break;
            }
            // `h_t = o_t ⊙ tanh(c_t), (6)`: the number of the equation.
            TokenKind::Comma | TokenKind::Period if equals && is_number(&sequence, index + 1) => {
                cut = index;
                break;
            }
            TokenKind::Align | TokenKind::Quad if equals => {
                let from = sequence.skip_layout(index);
                let to = (from..tokens.len())
                    .find(|at| matches!(tokens[*at].kind, TokenKind::Align | TokenKind::Quad))
                    .unwrap_or(tokens.len());
                // The line ends behind the last row.
                let last = (from..to).rev().find(|at| !tokens[*at].kind.is_layout());
                if is_remark(&sequence, from, last.map_or(from, |last| last + 1)) {
                    cut = index;
                    break;
                }
                index = to.max(index + 1);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    let tokens = &tokens[..cut];
    let (sequence, _) = Sequence::new(tokens);
    let mut dropped = vec![false; tokens.len()];
    for index in 0..tokens.len() {
        match tokens[index].kind {
            // `\underbrace{u}_{…}` is `u`.
            TokenKind::Underbrace => {
                let Some(close) = sequence.partner(index + 1) else { continue };
                dropped[index] = true;
                // The braces stay, since they hold a sum together; around one matrix they would part it from the next.
                if sequence.kind(index + 2) == Some(&TokenKind::Open(Bracket::Matrix))
                    && sequence.after(index + 2) == close
                {
                    dropped[index + 1] = true;
                    dropped[close] = true;
                }
                let mut after = close + 1;
                while matches!(sequence.kind(after), Some(TokenKind::Subscript | TokenKind::Superscript)) {
                    let Some(script) = sequence.script(after + 1) else { break };
                    for mark in dropped.iter_mut().take(script.2).skip(after) {
                        *mark = true;
                    }
                    after = script.2;
                }
            }
            // `\left(\begin{array}{c} i_t \\ f_t \end{array}\right) = …`: the brackets of the matrix itself.
            TokenKind::Open(Bracket::Round | Bracket::Square)
                if sequence.kind(index + 1) == Some(&TokenKind::Open(Bracket::Matrix))
                    && sequence.partner(index) == Some(sequence.after(index + 1))
                    && index.checked_sub(1).and_then(|before| sequence.kind(before)).is_none_or(
                        |before| {
                            matches!(before, TokenKind::Equals | TokenKind::Align | TokenKind::Close(_))
                                || before.is_layout()
                        },
                    ) =>
            {
                dropped[index] = true;
                dropped[sequence.after(index + 1)] = true;
            }
            // `{\rm tanh}` is `tanh`.
            TokenKind::Open(Bracket::Brace)
                if sequence.partner(index) == Some(index + 2)
                    && matches!(sequence.kind(index + 1), Some(TokenKind::Function(..))) =>
            {
                let before = index.checked_sub(1).and_then(|before| sequence.kind(before));
                let argument = matches!(
                    before,
                    Some(
                        TokenKind::Subscript
                            | TokenKind::Superscript
                            | TokenKind::Accent(_)
                            | TokenKind::Fraction
                            | TokenKind::Close(Bracket::Brace)
                    )
                );
                if !argument {
                    dropped[index] = true;
                    dropped[index + 2] = true;
                }
            }
            _ => {}
        }
    }
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        if dropped.get(index) == Some(&true) {
            continue;
        }
        match &token.kind {
            TokenKind::Open(Bracket::Matrix | Bracket::Cases) => depth += 1,
            TokenKind::Close(Bracket::Matrix | Bracket::Cases) => depth = depth.saturating_sub(1),
            TokenKind::Newline => continue,
            TokenKind::Quad => continue,
            TokenKind::Align | TokenKind::RowEnd if depth == 0 => continue,
            _ => {}
        }
        kept.push(token.clone());
    }
    while kept.last().is_some_and(|token| is_dress(&token.kind)) {
        kept.pop();
    }
    let start = kept.iter().take_while(|token| is_dress(&token.kind)).count();
    kept.drain(..start);
    drop_label(&mut kept);
    let (sequence, _) = Sequence::new(&kept);
    if is_number(&sequence, 0) {
        return Vec::new();
    }
    // `(h_0 = 0)`: a whole equation in brackets.
    let bracketed = sequence.kind(0) == Some(&TokenKind::Open(Bracket::Round))
        && sequence.after(0) == kept.len()
        && sequence.is_left_side(1);
    if bracketed {
        kept.pop();
        kept.drain(..1);
    }
    kept
}

/// Drops words before a colon: `Input Gate : i_t = …`.
fn drop_label(tokens: &mut Vec<Token>) {
    let Some(colon) = tokens
        .iter()
        .take_while(|token| !matches!(token.kind, TokenKind::Equals | TokenKind::In))
        .position(|token| token.kind == TokenKind::Colon)
    else {
        return;
    };
    let words = tokens[..colon].iter().all(|token| {
        matches!(token.kind, TokenKind::Word { .. } | TokenKind::Number { .. } | TokenKind::Remark)
    });
    let (sequence, _) = Sequence::new(tokens);
    if words && sequence.is_left_side(colon + 1) {
        tokens.drain(..=colon);
    }
}
