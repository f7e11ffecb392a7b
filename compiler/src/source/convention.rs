//! What a whole document settles before a single equation is read: which letter is the time, and how it is written.

use std::collections::{BTreeMap, BTreeSet};

use super::script::is_previous;
use super::sequence::Sequence;
use super::text::TextStyle;
use super::token::{Bracket, Token, TokenKind};
use crate::span::Span;

/// The conventions of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Convention {
    /// The letter of the time index.
    pub(crate) time: String,
    /// `^t` is a time index, since `^{t-1}` occurs.
    pub(crate) time_above: bool,
    /// The letter of the layer index, where the document counts layers.
    pub(crate) layer: Option<String>,
    /// The letter that counts components, as in `z_t^j = \sigma(W x_t)^j`: it stands at a bracket and at what is defined.
    pub(crate) component: Option<String>,
    /// A letter beside the time that is read one back below a name, as in `s_{d-1}^t`: a second recursion.
    pub(crate) second: Option<String>,
    /// How names in plain text are read.
    pub(crate) style: TextStyle,
    /// `e` is a name of its own, not Euler's number.
    pub(crate) letter_e: bool,
    /// `\sigma` is a name of its own, bound to another function than the logistic one.
    pub(crate) own_sigma: bool,
    /// `h_prev` is the value of the step before, since `h_t` is defined; nothing is called `h_prev` on a left side.
    pub(crate) previous: bool,
    /// A name whose time stands below in one place and above in another, and where that is.
    pub(crate) mixed: Option<(String, Span)>,
}

impl Default for Convention {
    fn default() -> Self {
        Self {
            time: "t".to_owned(),
            time_above: false,
            layer: None,
            component: None,
            second: None,
            style: TextStyle::default(),
            letter_e: false,
            own_sigma: false,
            previous: false,
            mixed: None,
        }
    }
}

/// One index letter and how it occurs.
#[derive(Clone, Debug, Default)]
struct Letter {
    below: bool,
    below_shifted: bool,
    above: bool,
    above_shifted: bool,
    /// It stands above a name on a left side: `h^t = …`.
    above_defined: bool,
    /// It stands on a left side.
    defined: bool,
    /// It stands at a bracket: `(…)^j`, `[…]_j`.
    at_bracket: bool,
}

/// A label that is one word: `\text{prev}`, or `prev` as TeX reads it, letter by letter.
fn spelled(sequence: &Sequence<'_>, from: usize, to: usize) -> Option<String> {
    const LONGEST: usize = 8;
    if to - from > LONGEST {
        return None;
    }
    (from..to)
        .map(|index| match sequence.kind(index) {
            Some(TokenKind::Word { text, .. }) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Reads the conventions off all tokens of a document.
pub(crate) fn observe(blocks: &[Vec<Token>]) -> Convention {
    let mut letters: BTreeMap<&str, Letter> = BTreeMap::new();
    let mut called: BTreeMap<&str, Letter> = BTreeMap::new();
    let mut letter_e = false;
    let (mut times_below, mut times_above) = (BTreeSet::new(), BTreeMap::new());
    let (mut previous, mut now, mut own) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for tokens in blocks {
        let (sequence, _) = Sequence::new(tokens);
        for index in 0..tokens.len() {
            match sequence.kind(index) {
                Some(TokenKind::Word { text, .. }) if text == "e" => {
                    letter_e |= sequence.kind(index + 1) != Some(&TokenKind::Subscript)
                        && sequence.begins_left_side(index);
                }
                Some(TokenKind::Open(Bracket::Round | Bracket::Square)) => {
                    note_call(&sequence, index, &mut called);
                }
                Some(TokenKind::Subscript) => {
                    note(&sequence, index, true, &mut letters);
                    if let Some((name, _)) = timed(&sequence, index, false) {
                        times_below.insert(name);
                    }
                    if let Some(TokenKind::Word { text: base, .. }) = sequence.kind(index.wrapping_sub(1))
                        && let Some((from, to, over)) = sequence.script(index + 1)
                        && let (from, to) = sequence.without_braces(from, to)
                        && let Some(text) = spelled(&sequence, from, to)
                    {
                        let defined = sequence.kind(sequence.skip_layout(over)) == Some(&TokenKind::Equals);
                        match (text.as_str(), defined) {
                            (label, false) if is_previous(label) => previous.insert(base.as_str()),
                            (label, true) if is_previous(label) => own.insert(base.as_str()),
                            ("t", true) => now.insert(base.as_str()),
                            _ => false,
                        };
                    }
                }
                Some(TokenKind::Superscript) => {
                    note(&sequence, index, false, &mut letters);
                    if let Some((name, place)) = timed(&sequence, index, true) {
                        times_above.entry(name).or_insert(place);
                    }
                }
                _ => {}
            }
        }
    }
    let previous = own.is_empty() && !previous.is_empty() && previous.iter().all(|base| now.contains(base));
    let mixed = times_above.into_iter().find(|(name, _)| times_below.contains(name));
    let mixed = mixed.map(|(name, place)| (name.to_owned(), place));
    let mut convention = Convention { letter_e, previous, mixed, ..Convention::default() };
    let has_t = letters.contains_key("t");
    if !has_t {
        let mut shifted = letters.iter().filter(|(_, letter)| letter.below && letter.below_shifted);
        if let (Some((text, _)), None) = (shifted.next(), shifted.next()) {
            convention.time = (*text).to_owned();
        } else if !called.contains_key("t") {
            // `x(n) = f(x(n-1), u(n))`: the letter stands in parentheses.
            let mut shifted = called.iter().filter(|(_, letter)| letter.below && letter.below_shifted);
            if let (Some((text, _)), None) = (shifted.next(), shifted.next()) {
                convention.time = (*text).to_owned();
            }
        }
    }
    // `h_{i-1,j}` beside `h_{i,j-1}`, and no time at all: a grid.
    let grid = |letter: &Letter| letter.below && letter.below_shifted;
    let is_grid =
        !has_t && !called.contains_key("t") && letters.values().filter(|letter| grid(letter)).count() > 1;
    for (text, letter) in &letters {
        if is_grid && grid(letter) && is_index_letter(text) {
            convention.second = Some((*text).to_owned());
        }
        if *text == convention.time {
            convention.time_above |= letter.above_shifted || letter.above_defined;
        } else if letter.below && letter.below_shifted && has_t && is_index_letter(text) {
            convention.second = Some((*text).to_owned());
        } else if letter.above && letter.above_shifted && text.len() == 1 {
            convention.layer = Some((*text).to_owned());
        } else if letter.at_bracket && letter.defined && text.len() == 1 {
            convention.component = Some((*text).to_owned());
        }
    }
    convention
}

/// The name whose script at `index` is the time `t`, and its place; above only what can be nothing else, `^{(t)}` and
/// `^{t-1}`.
fn timed<'t>(sequence: &Sequence<'t>, index: usize, above: bool) -> Option<(&'t str, Span)> {
    let before = index.checked_sub(1)?;
    let TokenKind::Word { text, .. } = sequence.kind(before)? else { return None };
    let (start, end, over) = sequence.script(index + 1)?;
    let (start, end, bracketed) = sequence.without_brackets(start, end);
    let found = sequence.index(start, end).filter(|found| found.letter == "t")?;
    (!above || found.offset != 0 || bracketed).then(|| (text.as_str(), sequence.span(before, over)))
}

/// One letter, and none that mostly counts layers.
fn is_index_letter(text: &str) -> bool {
    text.len() == 1 && !matches!(text, "l" | "L")
}

/// Notes the letter in the bracket at `index` where it stands directly after a name, as in `h(n-1)`.
fn note_call<'t>(sequence: &Sequence<'t>, index: usize, letters: &mut BTreeMap<&'t str, Letter>) {
    let after_name = index.checked_sub(1).and_then(|before| sequence.kind(before)).is_some_and(|before| {
        matches!(before, TokenKind::Word { .. } | TokenKind::Mark(_) | TokenKind::Close(Bracket::Brace))
    });
    let Some(close) = sequence.partner(index).filter(|_| after_name) else { return };
    let Some(found) = sequence.index(index + 1, close).filter(|found| found.letter.len() == 1) else {
        return;
    };
    let letter = letters.entry(found.letter).or_default();
    if found.offset == 0 {
        letter.below = true;
    } else {
        letter.below_shifted = true;
    }
}

/// Notes the index letters of the script at `index`.
fn note<'t>(sequence: &Sequence<'t>, index: usize, below: bool, letters: &mut BTreeMap<&'t str, Letter>) {
    let Some((start, end, over)) = sequence.script(index + 1) else { return };
    let defined = sequence.kind(sequence.skip_layout(over)) == Some(&TokenKind::Equals);
    // `z^j_t = …`: the other script comes first.
    let beyond = match sequence.kind(over) {
        Some(TokenKind::Subscript | TokenKind::Superscript) => {
            sequence.script(over + 1).map(|script| script.2)
        }
        _ => None,
    };
    let on_left = defined
        || beyond.is_some_and(|over| sequence.kind(sequence.skip_layout(over)) == Some(&TokenKind::Equals));
    let at_bracket = matches!(
        sequence.kind(index.wrapping_sub(1)),
        Some(TokenKind::Close(Bracket::Round | Bracket::Square))
    );
    for (start, end) in sequence.parts(start, end) {
        let (start, end, _) = sequence.without_brackets(start, end);
        let Some(found) = sequence.index(start, end) else { continue };
        let letter = letters.entry(found.letter).or_default();
        letter.at_bracket |= at_bracket && found.offset == 0;
        letter.defined |= on_left && !at_bracket && found.offset == 0;
        if at_bracket {
            continue;
        }
        match (below, found.offset == 0) {
            (true, true) => letter.below = true,
            (true, false) => letter.below_shifted = true,
            (false, true) => {
                letter.above = true;
                letter.above_defined |= defined;
            }
            (false, false) => letter.above_shifted = true,
        }
    }
}
