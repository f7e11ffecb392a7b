//! What a row says of where its equation holds: `t = 1, …, T`, `\forall t`, `t \ge 1`, `0 < \lambda < 1`.
//!
//! The range of the time is every run's, and the bounds of a constant bind nothing: neither is part of a cell. What
//! chooses between values is no such thing: a condition on a value of a step or on some of the steps (`t = 0`, `t < 5`)
//! stays where it is, and is refused as a definition by cases.

use super::ast::Comparison;
use super::name::is_greek_word;
use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};

/// The range of the time.
pub(crate) const TIME: &str = "the range of the time";
/// Bounds of a constant.
const CONSTANT: &str = "the range of a constant";
/// The latest step that a range may begin at: `t \ge 2` follows values given for the first steps.
const LATEST_BEGIN: u32 = 2;
/// The most tokens of a domain: what is longer is no remark, and rows may be long.
const MAXIMUM_TOKENS: usize = 32;

/// How many tokens of a row are a domain and its colon before the equation, as in `\forall t: h_t = …`.
pub(crate) fn leading(row: &[Token], time: &str) -> Option<usize> {
    let colon = row.iter().take(MAXIMUM_TOKENS).position(|token| token.kind == TokenKind::Colon)?;
    let (sequence, _) = Sequence::new(row);
    (sequence.is_left_side(colon + 1) && is_range_of_time(&row[..colon], time)).then_some(colon + 1)
}

/// Where the domain behind the equation of a row begins, and what it is a domain of.
pub(crate) fn trailing(row: &[Token], time: &str) -> Option<(usize, &'static str)> {
    let (sequence, _) = Sequence::new(row);
    let mut index = row.iter().position(|token| token.kind == TokenKind::Equals)? + 1;
    while index < row.len() {
        let begin = match &row[index].kind {
            TokenKind::Comma => Some(index + 1),
            TokenKind::Relation("forall") | TokenKind::Remark => Some(index),
            TokenKind::Word { text, .. } if text == "for" => Some(index),
            TokenKind::Open(Bracket::Round) if sequence.after(index) == row.len() => Some(index),
            _ => None,
        };
        if let Some(begin) = begin.filter(|begin| row.len() - begin <= MAXIMUM_TOKENS) {
            let tail = within_parentheses(&row[begin..]);
            if is_range_of_time(tail, time) {
                return Some((index, TIME));
            }
            if is_bounds(tail, time) {
                return Some((index, CONSTANT));
            }
        }
        index = sequence.after(index).max(index + 1);
    }
    None
}

fn within_parentheses(tokens: &[Token]) -> &[Token] {
    match tokens {
        [first, inside @ .., last]
            if first.kind == TokenKind::Open(Bracket::Round)
                && last.kind == TokenKind::Close(Bracket::Round) =>
        {
            inside
        }
        _ => tokens,
    }
}

/// `for all t`, `t = 1, …, T`, `t \in \{1, …, T\}`, `t \ge 1`, `1 \le t \le T`.
fn is_range_of_time(mut tokens: &[Token], time: &str) -> bool {
    let mut introduced = false;
    while let [first, rest @ ..] = tokens {
        introduced |= match &first.kind {
            TokenKind::Relation("forall") | TokenKind::Remark => true,
            TokenKind::Word { text, .. } if matches!(text.as_str(), "for" | "all" | "every" | "each") => true,
            TokenKind::Word { text, .. } if matches!(text.as_str(), "with" | "where") => introduced,
            TokenKind::Where => introduced,
            _ => break,
        };
        tokens = rest;
    }
    let is_time = |kind: &TokenKind| matches!(kind, TokenKind::Word { text, .. } if text == time);
    let begins = |kind: &TokenKind| matches!(kind, TokenKind::Number { whole: Some(step), .. } if *step <= LATEST_BEGIN);
    let below =
        |kind: &TokenKind| matches!(kind, TokenKind::Less | TokenKind::Comparison(Comparison::LessOrEqual));
    let kinds: Vec<&TokenKind> = tokens.iter().map(|token| &token.kind).collect();
    match kinds.as_slice() {
        [only] => introduced && is_time(only),
        [first, TokenKind::In, ..] => is_time(first),
        [first, TokenKind::Equals, rest @ ..] => {
            is_time(first) && rest.iter().any(|kind| matches!(kind, TokenKind::Ellipsis | TokenKind::Colon))
        }
        [first, TokenKind::Greater | TokenKind::Comparison(Comparison::GreaterOrEqual), last] => {
            is_time(first) && begins(last)
        }
        [first, sign, middle] => begins(first) && below(sign) && is_time(middle),
        [first, sign, middle, other, TokenKind::Word { .. }] => {
            begins(first) && below(sign) && is_time(middle) && below(other)
        }
        _ => false,
    }
}

/// `0 < \lambda < 1`, `\alpha, \beta > 0`: names without time between numbers. A single comparison says so only of a
/// Greek letter, since `x > 0` may choose.
fn is_bounds(tokens: &[Token], time: &str) -> bool {
    let mut comparisons = 0;
    let mut names = 0;
    let mut greek = true;
    for token in tokens {
        match &token.kind {
            TokenKind::Less
            | TokenKind::Greater
            | TokenKind::Comparison(Comparison::LessOrEqual | Comparison::GreaterOrEqual) => comparisons += 1,
            TokenKind::Word { text, .. } if text == time => return false,
            TokenKind::Word { text, .. } => {
                names += 1;
                greek &= is_greek_word(text);
            }
            TokenKind::Number { .. } | TokenKind::Comma | TokenKind::Minus => {}
            _ => return false,
        }
    }
    names > 0 && (comparisons == 1 && greek || comparisons == 2)
}
