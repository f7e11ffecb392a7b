//! Words that TeX reads as letters: prose, remarks, and names of losses.

use std::collections::HashSet;

use crate::source::sequence::Sequence;
use crate::source::token::{Bracket, Token, TokenKind};

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
    // `J^{(t)}(\theta) = …`, `\ell(M; x_t) = …`.
    let mut of_several = false;
    if sequence.kind(after) == Some(&TokenKind::Open(Bracket::Round)) {
        let over = sequence.after(after);
        let parts = sequence.tokens.get(after..over).unwrap_or_default();
        of_several = parts.iter().any(|token| matches!(token.kind, TokenKind::Comma | TokenKind::Semicolon));
        after = over;
    }
    let loss = loss || text == "ell" && of_several;
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
pub(super) fn is_title(tokens: &[Token]) -> bool {
    let capital = |token: &Token| matches!(token.kind, TokenKind::Word { upper: true, .. });
    let words: Vec<Token> = tokens.iter().filter(|token| !capital(token)).cloned().collect();
    is_prose(&words) && words.len() >= 2 * (tokens.len() - words.len())
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
                && !crate::source::name::is_greek_word(text)
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
                && !crate::source::name::is_greek_word(text) =>
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
