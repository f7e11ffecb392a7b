//! Where one equation ends and the next begins, and what of a row is dress.

use std::collections::HashSet;

use super::command::JOINS;
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

/// The word that a left side has in common with losses.
pub(crate) fn is_loss(sequence: &Sequence<'_>) -> Option<String> {
    const SPELLED: [&str; 12] =
        ["CE", "BCE", "MSE", "RMSE", "MAE", "NLL", "KL", "PPL", "loss", "Loss", "cost", "error"];
    let TokenKind::Word { text, .. } = sequence.kind(0)? else { return None };
    // `CE = …`: TeX reads two letters.
    let equals = sequence.tokens.iter().take(8).position(|token| token.kind == TokenKind::Equals);
    let letters = sequence.tokens.get(..equals.unwrap_or(0)).unwrap_or_default();
    let word: String = letters
        .iter()
        .map_while(|token| match &token.kind {
            TokenKind::Word { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if word.len() >= letters.len() && SPELLED.contains(&word.as_str()) {
        return Some(word);
    }
    let loss = matches!(text.as_str(), "L" | "J" | "E" | "cal_L" | "cal_J" | "Loss" | "loss");
    let mut after = sequence.after_name(0)?;
    // `J^{(t)}(\theta) = …`.
    if sequence.kind(after) == Some(&TokenKind::Open(Bracket::Round)) {
        after = sequence.after(after);
    }
    (loss && sequence.kind(after) == Some(&TokenKind::Equals)).then(|| text.clone())
}

/// True where `rest` is words: six or more single letters in a row without any sign.
pub(crate) fn is_prose(rest: &[Token]) -> bool {
    let letters =
        |token: &Token| matches!(&token.kind, TokenKind::Word { text, upper: false } if text.len() == 1);
    rest.len() >= 6
        && rest.iter().all(letters)
        && rest.iter().filter(|token| !token.spaced).count() * 3 >= rest.len() * 2
}

/// True for `Update gate`, `New Memory`: prose whose words may begin with a capital.
fn is_title(tokens: &[Token]) -> bool {
    let capital = |token: &Token| matches!(token.kind, TokenKind::Word { upper: true, .. });
    let words: Vec<Token> = tokens.iter().filter(|token| !capital(token)).cloned().collect();
    is_prose(&words) && words.len() >= 2 * (tokens.len() - words.len())
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

/// True where most of a row is words spelled by letters side by side, as `denotes\ the\ operator` is read by TeX.
pub(crate) fn is_sentence(tokens: &[Token]) -> bool {
    let letter = |token: &Token| matches!(&token.kind, TokenKind::Word { text, .. } if text.len() == 1);
    let inside =
        tokens.windows(2).filter(|pair| letter(&pair[0]) && letter(&pair[1]) && !pair[1].spaced).count();
    inside >= 12 && inside * 3 >= tokens.len() * 2
}

/// The first run of two or more plain words side by side, as in `i_t = σ(W x_t) [input gate]`: a remark, which would be
/// read as weights.
pub(crate) fn words(sequence: &Sequence<'_>, from: usize) -> Option<(usize, usize)> {
    let word = |index: usize| match sequence.kind(index) {
        Some(TokenKind::Word { text, upper: false }) => {
            let scripted =
                matches!(sequence.kind(index + 1), Some(TokenKind::Subscript | TokenKind::Superscript));
            text.len() >= 4
                && text.bytes().all(|byte| byte.is_ascii_lowercase())
                && !scripted
                && !super::name::is_greek_word(text)
        }
        _ => false,
    };
    let start = (from..sequence.tokens.len()).find(|&at| word(at) && word(at + 1))?;
    let end = (start..sequence.tokens.len()).find(|&at| !word(at)).unwrap_or(sequence.tokens.len());
    Some((start, end))
}

/// The word that an equation ends with, directly behind a bracket: `i_t = σ(W x_t) gate`.
pub(crate) fn trailing_word(sequence: &Sequence<'_>, from: usize) -> Option<String> {
    let last = sequence.tokens.len().checked_sub(1).filter(|last| *last > from)?;
    let behind = matches!(sequence.kind(last - 1), Some(TokenKind::Close(Bracket::Round | Bracket::Square)));
    match sequence.kind(last) {
        Some(TokenKind::Word { text, upper: false })
            if behind
                && text.len() >= 4
                && text.bytes().all(|byte| byte.is_ascii_lowercase())
                && !super::name::is_greek_word(text) =>
        {
            Some(text.clone())
        }
        _ => None,
    }
}

/// The words of which `tokens` hold each once.
pub(crate) fn words_once(tokens: &[Token]) -> HashSet<String> {
    let (mut once, mut more) = (HashSet::new(), HashSet::new());
    for token in tokens {
        if let TokenKind::Word { text, .. } = &token.kind
            && !more.contains(text)
            && !once.insert(text.clone())
        {
            once.remove(text);
            more.insert(text.clone());
        }
    }
    once
}

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
fn is_remark(sequence: &Sequence<'_>, start: usize, end: usize) -> bool {
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
fn is_number(sequence: &Sequence<'_>, start: usize) -> bool {
    let tokens = sequence.tokens;
    let start = sequence.skip_layout(start);
    let end = tokens.iter().rposition(|token| !token.kind.is_layout() && !dress(&token.kind));
    let end = end.map_or(start, |last| last + 1);
    matches!(number_in_brackets(sequence, start, end), Some(TokenKind::Number { whole: Some(_), .. }))
}

/// True where `tokens` are text and words of more than one letter, in brackets or not.
fn are_words(tokens: &[Token]) -> bool {
    tokens.iter().all(|token| match &token.kind {
        TokenKind::Remark | TokenKind::Comma | TokenKind::Period => true,
        TokenKind::Open(Bracket::Round | Bracket::Square | Bracket::Brace) => true,
        TokenKind::Close(Bracket::Round | Bracket::Square | Bracket::Brace) => true,
        TokenKind::Word { text, .. } => text.len() > 1 && !super::name::is_greek_word(text),
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
fn dress(kind: &TokenKind) -> bool {
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
                        .all(|token| dress(&token.kind) || token.kind.is_layout())
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
    while kept.last().is_some_and(|token| dress(&token.kind)) {
        kept.pop();
    }
    let start = kept.iter().take_while(|token| dress(&token.kind)).count();
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
        && sequence.kind(after).is_none_or(|kind| kind.is_layout() || dress(kind))
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
    let operator = |kind: Option<&TokenKind>| {
        matches!(
            kind,
            Some(
                TokenKind::Plus
                    | TokenKind::Minus
                    | TokenKind::Product(_)
                    | TokenKind::Slash
                    | TokenKind::Equals
                    | TokenKind::DirectSum
                    | TokenKind::In
            )
        )
    };
    let next = sequence.skip_layout(index + 1);
    let next_operator = operator(sequence.kind(next)) && !sequence.is_left_side(next);
    // A row with an equation of its own does not finish another one.
    next_operator
        || last.is_some_and(|last| operator(sequence.kind(last))) && !begins_equation(sequence, next)
}
