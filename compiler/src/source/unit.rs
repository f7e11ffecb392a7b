//! Units of measurement behind numbers.

use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};
use super::upright::Upright;

/// A unit: what it measures, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) spelled: String,
    /// Numbers of one kind can be compared once they are in one unit.
    pub(crate) kind: &'static str,
    pub(crate) scale: f64,
}

/// Unit, kind, how many of the first of its kind.
#[rustfmt::skip]
const UNITS: [(&str, &str, f64); 57] = [
    ("s", "time", 1.0), ("sec", "time", 1.0), ("seconds", "time", 1.0), ("ms", "time", 1e-3), ("msec", "time", 1e-3),
    ("us", "time", 1e-6), ("ns", "time", 1e-9), ("min", "time", 60.0), ("minutes", "time", 60.0),
    ("h", "time", 3600.0), ("hours", "time", 3600.0), ("days", "time", 86400.0),
    ("Hz", "frequency", 1.0), ("kHz", "frequency", 1e3), ("MHz", "frequency", 1e6), ("GHz", "frequency", 1e9),
    ("V", "voltage", 1.0), ("mV", "voltage", 1e-3), ("kV", "voltage", 1e3),
    ("A", "current", 1.0), ("mA", "current", 1e-3), ("nA", "current", 1e-9), ("pA", "current", 1e-12),
    ("F", "capacity", 1.0), ("mF", "capacity", 1e-3), ("nF", "capacity", 1e-9), ("pF", "capacity", 1e-12),
    ("S", "conductance", 1.0), ("mS", "conductance", 1e-3), ("nS", "conductance", 1e-9),
    ("pS", "conductance", 1e-12),
    ("Ohm", "resistance", 1.0), ("ohm", "resistance", 1.0), ("kOhm", "resistance", 1e3), ("MOhm", "resistance", 1e6),
    ("m", "length", 1.0), ("mm", "length", 1e-3), ("cm", "length", 1e-2), ("km", "length", 1e3), ("nm", "length", 1e-9),
    ("K", "temperature", 1.0), ("mol", "amount", 1.0), ("mM", "concentration", 1e-3),
    ("kg", "mass", 1e3), ("g", "mass", 1.0), ("mg", "mass", 1e-3), ("J", "energy", 1.0), ("N", "force", 1.0),
    ("Pa", "pressure", 1.0), ("kPa", "pressure", 1e3), ("dB", "level", 1.0), ("rad", "angle", 1.0),
    ("steps", "steps", 1.0), ("timesteps", "steps", 1.0), ("samples", "samples", 1.0), ("frames", "frames", 1.0),
    ("epochs", "epochs", 1.0),
];

/// The most tokens of the units of one number.
const MAXIMUM_TOKENS: usize = 32;

/// The unit that `word` is, with the letter for a millionth before it or not.
fn unit(word: &str, micro: bool) -> Option<Unit> {
    let (spelled, kind, scale) = UNITS.iter().find(|row| row.0 == word)?;
    let scale = if micro { scale * 1e-6 } else { *scale };
    let spelled = if micro { format!("µ{spelled}") } else { (*spelled).to_owned() };
    Some(Unit { spelled, kind, scale })
}

/// The units behind the number that ends at `at`: `20\,\mathrm{ms}`, `10^{-3}\,[\mathrm{s}^{-1}]`, `1\,\mu\mathrm{F}`; where
/// they begin, where they are over, and which they are.
pub(super) fn behind(
    sequence: &Sequence<'_>,
    at: usize,
    upright: &impl Fn(&Token) -> Option<Upright>,
) -> Option<(usize, usize, Vec<Unit>)> {
    number_before(sequence, at)?;
    let from = at + 1;
    let mut next = from;
    let mut brackets = Vec::new();
    let mut units = Vec::new();
    while next < from + MAXIMUM_TOKENS {
        match sequence.kind(next) {
            Some(TokenKind::Open(bracket @ (Bracket::Round | Bracket::Square | Bracket::Brace))) => {
                brackets.push(*bracket);
                next += 1;
            }
            Some(TokenKind::Close(bracket)) if brackets.last() == Some(bracket) => {
                brackets.pop();
                next += 1;
            }
            Some(TokenKind::Slash | TokenKind::Product(_))
                if !units.is_empty() && names_unit(sequence, next + 1, upright) =>
            {
                next += 1;
            }
            Some(TokenKind::Superscript) if !units.is_empty() => {
                next = sequence.script(next + 1)?.2;
            }
            Some(TokenKind::Word { text, .. }) if names_unit(sequence, next, upright) => {
                let micro = text == "mu";
                next += usize::from(micro);
                let Some(TokenKind::Word { text, .. }) = sequence.kind(next) else { return None };
                units.push(unit(text, micro)?);
                next += 1;
            }
            _ => break,
        }
    }
    let closed = brackets.is_empty() && sequence.kind(next) != Some(&TokenKind::Subscript);
    (closed && !units.is_empty()).then_some((from, next, units))
}

/// True before a unit, a letter for a millionth before it or not.
fn names_unit(sequence: &Sequence<'_>, at: usize, upright: &impl Fn(&Token) -> Option<Upright>) -> bool {
    let is_unit = |at: usize| {
        sequence.tokens.get(at).is_some_and(|token| {
            matches!(&token.kind, TokenKind::Word { text, .. } if unit(text, false).is_some())
                && upright(token).is_some()
        })
    };
    is_unit(at)
        || matches!(sequence.kind(at), Some(TokenKind::Word { text, .. }) if text == "mu") && is_unit(at + 1)
}

/// Where the number that ends at `at` begins; a power of it may end there.
fn number_before(sequence: &Sequence<'_>, at: usize) -> Option<usize> {
    let number = |at: usize| matches!(sequence.kind(at), Some(TokenKind::Number { .. }));
    let is = |at: Option<usize>, kind: &TokenKind| at.is_some_and(|at| sequence.kind(at) == Some(kind));
    // `3` of `10^3`, `{-3}` of `10^{-3}`.
    let first = match sequence.kind(at)? {
        TokenKind::Number { .. } => at,
        TokenKind::Close(Bracket::Brace) => {
            let digits = at.checked_sub(1).filter(|digits| number(*digits))?;
            let sign = digits.checked_sub(1)?;
            if is(Some(sign), &TokenKind::Minus) { sign.checked_sub(1)? } else { sign }
        }
        _ => return None,
    };
    let sign = first.checked_sub(1);
    if is(sign, &TokenKind::Superscript) {
        return first
            .checked_sub(2)
            .filter(|base| number(*base) && !is(base.checked_sub(1), &TokenKind::Subscript));
    }
    let open = sign.filter(|_| is(sign, &TokenKind::Open(Bracket::Brace)));
    let label = open.and_then(|open| open.checked_sub(1));
    let script = |at: Option<usize>| is(at, &TokenKind::Subscript) || is(at, &TokenKind::Superscript);
    (first == at && !script(sign) && !script(label)).then_some(at)
}

/// True where the number that ends at `at` is all that stands behind `=`; `-2 \times 10^{-3}` is one.
pub(super) fn begins_value(sequence: &Sequence<'_>, at: usize) -> bool {
    let Some(mut first) = number_before(sequence, at) else { return false };
    let kind = |at: usize| sequence.kind(at);
    if let Some(factor) = first.checked_sub(2)
        && matches!(kind(first - 1), Some(TokenKind::Product(_)))
        && matches!(kind(factor), Some(TokenKind::Number { .. }))
    {
        first = factor;
    }
    let before = |at: usize| (0..at).rev().find(|at| !sequence.tokens[*at].kind.is_layout());
    let sign = before(first);
    let sign = match sign {
        Some(minus) if kind(minus) == Some(&TokenKind::Minus) => before(minus),
        other => other,
    };
    sign.is_some_and(|sign| matches!(kind(sign), Some(TokenKind::Equals)))
}
