//! `\Delta h_t`: the name of a change, where an equation defines it, and not a product of `\Delta` and `h_t`.

use std::collections::BTreeSet;

use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};

/// Reads `\Delta h` as the name `\Delta_h` in all blocks, where it stands on a left side in one of them.
pub(crate) fn join(blocks: &mut [Vec<Token>]) {
    let mut defined = BTreeSet::new();
    for tokens in blocks.iter() {
        if !tokens.iter().any(is_delta) {
            continue;
        }
        let (sequence, _) = Sequence::new(tokens);
        for index in (0..tokens.len()).filter(|&index| is_delta(&tokens[index])) {
            if let Some(name) = changed(tokens, index)
                && begins_row(tokens, index)
                && sequence.is_left_side(index + 1)
            {
                defined.insert(name.to_owned());
            }
        }
    }
    if defined.is_empty() {
        return;
    }
    for tokens in blocks {
        let mut joined = Vec::with_capacity(tokens.len());
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            joined.push(token.clone());
            index += 1;
            let Some(name) = changed(tokens, index - 1).filter(|name| defined.contains(*name)) else {
                continue;
            };
            let braced = is_brace(tokens, index);
            let word = &tokens[index + usize::from(braced)];
            let sign = |kind| Token { kind, span: word.span, spaced: false };
            let upper = name.starts_with(|first: char| first.is_uppercase());
            joined.push(sign(TokenKind::Subscript));
            joined.push(sign(TokenKind::Open(Bracket::Brace)));
            joined.push(sign(TokenKind::Word { text: name.to_owned(), upper }));
            joined.push(sign(TokenKind::Close(Bracket::Brace)));
            index += if braced { 3 } else { 1 };
        }
        *tokens = joined;
    }
}

/// The name whose change stands at `index`, `\Delta h` or `\Delta {\bf h}`; the size of a step is none.
fn changed(tokens: &[Token], index: usize) -> Option<&str> {
    if !tokens.get(index).is_some_and(is_delta) {
        return None;
    }
    let braced = is_brace(tokens, index + 1);
    match &tokens.get(index + 1 + usize::from(braced))?.kind {
        TokenKind::Word { text, .. } if text != "t" => Some(text),
        _ => None,
    }
}

/// True for a brace around one token.
fn is_brace(tokens: &[Token], index: usize) -> bool {
    let is = |at: usize, kind: TokenKind| tokens.get(at).is_some_and(|token| token.kind == kind);
    is(index, TokenKind::Open(Bracket::Brace)) && is(index + 2, TokenKind::Close(Bracket::Brace))
}

fn is_delta(token: &Token) -> bool {
    matches!(&token.kind, TokenKind::Word { text, .. } if text == "Delta")
}

/// True where a left side may begin at `index`.
fn begins_row(tokens: &[Token], index: usize) -> bool {
    index.checked_sub(1).and_then(|before| tokens.get(before)).is_none_or(|before| {
        before.kind.is_layout()
            || matches!(
                before.kind,
                TokenKind::Comma
                    | TokenKind::Semicolon
                    | TokenKind::Period
                    | TokenKind::Colon
                    | TokenKind::Remark
            )
    })
}
