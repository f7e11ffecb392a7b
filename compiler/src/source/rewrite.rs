//! Tokens whose meaning only the tokens around them tell, for all spellings: after the lexers and before the parser.

use super::ast::{Function, ProductSign};
use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};

/// `W^{\leftarrow}`: an arrow alone in a script is a label, the direction.
pub(super) fn name_arrows(tokens: &mut [Token]) {
    for at in 1..tokens.len() {
        let word = match tokens[at].kind {
            TokenKind::Equals => "leftarrow",
            TokenKind::Arrow => "rightarrow",
            _ => continue,
        };
        let braced = tokens[at - 1].kind == TokenKind::Open(Bracket::Brace)
            && tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Close(Bracket::Brace));
        let sign = at.checked_sub(if braced { 2 } else { 1 }).and_then(|sign| tokens.get(sign));
        if sign.is_some_and(|sign| matches!(sign.kind, TokenKind::Subscript | TokenKind::Superscript)) {
            tokens[at].kind = TokenKind::Word { text: word.to_owned(), upper: false };
        }
    }
}

/// `[{h_{t-1}, x_t}]`, as editors of formulas write it: braces around all that a bracket holds, where that is a list.
pub(super) fn open_braces(tokens: Vec<Token>) -> Vec<Token> {
    let (sequence, _) = Sequence::new(&tokens);
    let mut dropped = vec![false; tokens.len()];
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token.kind, TokenKind::Open(Bracket::Round | Bracket::Square))
            && sequence.kind(at + 1) == Some(&TokenKind::Open(Bracket::Brace))
            && let Some(close) = sequence.partner(at + 1)
            && sequence.partner(at) == Some(close + 1)
            && sequence.parts(at + 2, close).len() > 1
        {
            dropped[at + 1] = true;
            dropped[close] = true;
        }
    }
    let kept = tokens.into_iter().zip(dropped);
    kept.filter_map(|(token, dropped)| (!dropped).then_some(token)).collect()
}

/// `\alpha \in (0, 1]`: an interval that holds one of its ends has brackets of two kinds.
pub(super) fn match_intervals(tokens: &mut [Token]) {
    const LONGEST: usize = 8;
    let round = |token: &Token| {
        matches!(
            token.kind,
            TokenKind::Open(Bracket::Round | Bracket::Square)
                | TokenKind::Close(Bracket::Round | Bracket::Square)
        )
    };
    for at in 1..tokens.len() {
        if tokens[at - 1].kind != TokenKind::In || !round(&tokens[at]) {
            continue;
        }
        let Some(close) = tokens[at + 1..].iter().take(LONGEST).position(round).map(|length| at + 1 + length)
        else {
            continue;
        };
        let bound = |token: &Token| match &token.kind {
            TokenKind::Number { .. } | TokenKind::Minus | TokenKind::Plus | TokenKind::Comma => true,
            TokenKind::Word { text, .. } => text == "infty",
            _ => false,
        };
        if tokens[at + 1..close].iter().all(bound) {
            tokens[at].kind = TokenKind::Open(Bracket::Round);
            tokens[close].kind = TokenKind::Close(Bracket::Round);
        }
    }
}

/// `\sigma` as a name, where the text binds it to a function of its own.
pub(super) fn name_sigma(tokens: &mut [Token]) {
    for token in tokens {
        if matches!(&token.kind, TokenKind::Function(Function::Sigmoid, spelled) if spelled == "sigma") {
            token.kind = TokenKind::Word { text: "sigma".to_owned(), upper: false };
        }
    }
}

/// `\phi(\cdot) = \tanh(\cdot)`: a dot that multiplies nothing is the argument of the function that is defined.
pub(super) fn name_arguments(tokens: &mut [Token]) {
    for equals in 0..tokens.len() {
        if tokens[equals].kind != TokenKind::Equals {
            continue;
        }
        let Some(close) = tokens[..equals].iter().rposition(|token| !token.kind.is_layout()) else {
            continue;
        };
        let Some([name, open, dot, close]) =
            close.checked_sub(3).map(|from| [from, from + 1, from + 2, close])
        else {
            continue;
        };
        let named = factor_ends(&tokens[name]) || matches!(tokens[name].kind, TokenKind::Function(..));
        if !named
            || tokens[open].kind != TokenKind::Open(Bracket::Round)
            || tokens[dot].kind != TokenKind::Product(ProductSign::Dot)
            || tokens[close].kind != TokenKind::Close(Bracket::Round)
        {
            continue;
        }
        let ends = |token: &Token| {
            matches!(
                token.kind,
                TokenKind::RowEnd | TokenKind::Newline | TokenKind::Quad | TokenKind::Semicolon
            )
        };
        let end = tokens[equals..].iter().position(ends).map_or(tokens.len(), |end| equals + end);
        for at in dot..end {
            let closes = |token: &Token| matches!(token.kind, TokenKind::Close(_) | TokenKind::Comma);
            let between =
                factor_ends(&tokens[at - 1]) && tokens.get(at + 1).is_some_and(|next| !closes(next));
            if tokens[at].kind == TokenKind::Product(ProductSign::Dot) && !between {
                tokens[at].kind = TokenKind::Word { text: "argument".to_owned(), upper: false };
            }
        }
    }
}

fn factor_ends(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Word { .. } | TokenKind::Number { .. } | TokenKind::Mark(_))
        || matches!(token.kind, TokenKind::Close(Bracket::Round | Bracket::Brace | Bracket::Square))
}

/// `f_t o c_{t-1}`: on a keyboard a ring is the letter `o`, where it stands between blanks and two factors wherever it
/// stands alone.
pub(super) fn ring_signs(tokens: &mut [Token]) {
    let factor_begins = |token: &Token| {
        matches!(token.kind, TokenKind::Word { .. } | TokenKind::Function(..) | TokenKind::Accent(_))
            || token.kind == TokenKind::Open(Bracket::Round)
    };
    let mut rings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !matches!(&token.kind, TokenKind::Word { text, .. } if text == "o") {
            continue;
        }
        let script = |token: Option<&Token>| {
            token.is_some_and(|token| matches!(token.kind, TokenKind::Subscript | TokenKind::Superscript))
        };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        // `W_o`, `o_t`: a label, a gate.
        let label = before.is_some_and(|before| before.kind == TokenKind::Open(Bracket::Brace))
            && at.checked_sub(2).is_some_and(|sign| script(tokens.get(sign)));
        if script(before) || label || tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Subscript)
        {
            continue;
        }
        let after = tokens.get(at + 1);
        let stands = token.spaced
            && before.is_some_and(factor_ends)
            && after.is_some_and(|after| after.spaced && factor_begins(after));
        if !stands {
            return;
        }
        rings.push(at);
    }
    for at in rings {
        tokens[at].kind = TokenKind::Product(ProductSign::Hadamard);
    }
}

/// `W[i]` where the time stands in brackets too, `x[t]`: a label of one letter, directly behind a name.
pub(super) fn label_brackets(tokens: Vec<Token>) -> Vec<Token> {
    let letter = |at: usize, known: Option<bool>| {
        let word = |at: usize| match tokens.get(at) {
            Some(Token { kind: TokenKind::Word { text, .. }, .. }) => Some(text.as_str()),
            _ => None,
        };
        let open =
            tokens.get(at).is_some_and(|open| open.kind == TokenKind::Open(Bracket::Square) && !open.spaced);
        let named = open && at.checked_sub(1).is_some_and(|before| word(before).is_some());
        named
            && word(at + 1).is_some_and(|text| match known {
                Some(time) => time == (text == "t"),
                None => false,
            })
    };
    let closed =
        |at: usize| tokens.get(at).is_some_and(|close| close.kind == TokenKind::Close(Bracket::Square));
    let times = (0..tokens.len()).filter(|&at| letter(at, Some(true))).count();
    let labels: Vec<usize> = (0..tokens.len())
        .filter(|&at| times > 1 && letter(at, Some(false)) && closed(at + 2))
        .filter(|&at| matches!(&tokens[at + 1].kind, TokenKind::Word { text, .. } if text.len() == 1))
        .collect();
    if labels.is_empty() {
        return tokens;
    }
    let mut next = labels.iter().peekable();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut dropped = None;
    for (at, mut token) in tokens.into_iter().enumerate() {
        if next.peek() == Some(&&at) {
            next.next();
            token.kind = TokenKind::Subscript;
            dropped = Some(at + 2);
        } else if dropped == Some(at) {
            continue;
        }
        kept.push(token);
    }
    kept
}

/// `h[0] = s`, `h(-1) = 0` where the time stands in such brackets, `h[t]`: the value before the first step, `h_0`.
pub(super) fn beginnings(tokens: Vec<Token>) -> Vec<Token> {
    let kind = |at: usize| tokens.get(at).map(|token| &token.kind);
    // A bracket directly behind a name.
    let behind = |at: usize| match kind(at) {
        Some(TokenKind::Open(bracket @ (Bracket::Round | Bracket::Square))) if !tokens[at].spaced => {
            let name = at.checked_sub(1).and_then(kind);
            matches!(
                name,
                Some(TokenKind::Word { .. } | TokenKind::Mark(_) | TokenKind::Close(Bracket::Brace))
            )
            .then_some(*bracket)
        }
        _ => None,
    };
    let timed = (0..tokens.len()).any(|at| {
        behind(at).is_some() && matches!(kind(at + 1), Some(TokenKind::Word { text, .. }) if text == "t")
    });
    if !timed {
        return tokens;
    }
    let mut changed = Vec::new();
    for at in 0..tokens.len() {
        let Some(bracket) = behind(at) else { continue };
        let number = at + 1 + usize::from(kind(at + 1) == Some(&TokenKind::Minus));
        let given = matches!(kind(number), Some(TokenKind::Number { whole: Some(_), .. }))
            && kind(number + 1) == Some(&TokenKind::Close(bracket))
            && matches!(kind(number + 2), Some(TokenKind::Equals));
        if given {
            changed.push((at, number + 1));
        }
    }
    let mut kept = Vec::with_capacity(tokens.len() + changed.len());
    let mut next = changed.into_iter().peekable();
    for (at, mut token) in tokens.into_iter().enumerate() {
        if let Some((open, close)) = next.peek() {
            if at == *open {
                kept.push(Token { kind: TokenKind::Subscript, ..token.clone() });
                token.kind = TokenKind::Open(Bracket::Brace);
            } else if at == *close {
                token.kind = TokenKind::Close(Bracket::Brace);
                next.next();
            }
        }
        kept.push(token);
    }
    kept
}
