//! Words in an upright font that stand where a factor would: remarks behind an equation, and the units of numbers.
//!
//! `\sigma(W x_t)\ \text{gate}` and `20\,\mathrm{ms}` multiply nothing, though TeX sets them as it sets a name. What is
//! meant by a word is decided over all that is read: one that stands anywhere as a name is a name everywhere.
//!
//! # Invariants
//!
//! - A unit is dropped with a note, and only where the number is all that is defined; a word between two values is an
//!   error. Only a single word behind a gap, at the end of its row, is dropped in silence, as two words are.

use std::collections::HashMap;

use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};
use super::unit::{self, Unit};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// A word in an upright font, as the lexer saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upright {
    /// Its place.
    pub(crate) span: Span,
    /// The blank of TeX before it, or before the bracket that it begins.
    pub(crate) blank: Blank,
    /// It is in a font of text.
    pub(crate) text: bool,
}

/// A blank that TeX sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blank {
    /// None.
    No,
    /// `\,` and its like: factors are parted so too.
    Thin,
    /// `\ `, `~`, `\hfill`.
    Wide,
}

/// What a word is at one place, if it is a name nowhere.
enum Aside {
    /// A remark at the end of a row: these tokens.
    Remark(usize, usize),
    /// A word of text at the end of a row, or between two values.
    Word(usize, bool),
    /// Units behind a number: these tokens.
    Units { from: usize, to: usize, units: Vec<Unit>, alone: bool },
}

/// Marks remarks and units in all blocks.
pub(crate) fn settle(blocks: &mut [Vec<Token>], uprights: &[Upright], diagnostics: &mut Vec<Diagnostic>) {
    if uprights.is_empty() {
        return;
    }
    let known: HashMap<u32, Upright> = uprights.iter().map(|one| (one.span.start, *one)).collect();
    let upright = |token: &Token| known.get(&token.span.start).filter(|one| one.span == token.span).copied();
    // How often each word stands anywhere, and how often aside.
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    let mut asides = Vec::new();
    for (block, tokens) in blocks.iter().enumerate() {
        for token in tokens {
            if let TokenKind::Word { text, .. } = &token.kind {
                counts.entry(text.clone()).or_default().0 += 1;
            }
        }
        for aside in find(tokens, &upright) {
            for word in words(tokens, &aside) {
                counts.entry(word.to_owned()).or_default().1 += 1;
            }
            asides.push((block, aside));
        }
    }
    let mut known_units: Vec<Unit> = Vec::new();
    for (block, aside) in asides {
        let tokens = &mut blocks[block];
        let name = words(tokens, &aside)
            .iter()
            .any(|word| !matches!(*word, "mu") && counts.get(*word).is_some_and(|(all, aside)| all > aside));
        if name {
            continue;
        }
        match aside {
            Aside::Remark(from, to) => {
                tokens[from..to].iter_mut().for_each(|token| token.kind = TokenKind::Remark)
            }
            Aside::Word(at, between) => refuse(&mut tokens[at], between, diagnostics),
            Aside::Units { from, to, units, alone } => {
                let span = tokens[from].span.to(tokens[to - 1].span);
                let finding = judge(span, &units, alone, &mut known_units);
                let kind = if finding.is_error() { TokenKind::Unknown } else { TokenKind::Remark };
                tokens[from..to].iter_mut().for_each(|token| token.kind = kind.clone());
                diagnostics.push(finding);
            }
        }
    }
}

/// An error that stands for a word which would be a factor.
fn refuse(token: &mut Token, between: bool, diagnostics: &mut Vec<Diagnostic>) {
    let TokenKind::Word { text, .. } = &token.kind else { return };
    let place = if between { "between two values" } else { "behind the equation" };
    let message = format!("`{text}` stands {place} like a remark, but reads as a factor");
    let help = format!(
        "leave the word out, or set it apart by `\\quad`; write `\\odot \\mathrm{{{text}}}` for a factor"
    );
    diagnostics.push(Diagnostic {
        code: Code::UnexpectedToken,
        message,
        span: token.span,
        labels: Vec::new(),
        help: Some(help),
    });
    token.kind = TokenKind::Unknown;
}

/// What is to be said of the units of a number: that they are skipped, that another number is in others of the same
/// kind, or that the number is not alone.
fn judge(span: Span, units: &[Unit], alone: bool, known: &mut Vec<Unit>) -> Diagnostic {
    let spelled = units.iter().map(|unit| unit.spelled.as_str()).collect::<Vec<_>>().join(" ");
    let finding = |code, message, help: Option<&str>| Diagnostic {
        code,
        message,
        span,
        labels: Vec::new(),
        help: help.map(str::to_owned),
    };
    for unit in units {
        match known.iter().find(|other| other.kind == unit.kind) {
            Some(other) if other.scale != unit.scale => {
                let message = format!(
                    "numbers are given in `{}` and in `{}`, and units are not converted",
                    other.spelled, unit.spelled
                );
                let help = "write all of them in one unit";
                return finding(Code::UnexpectedToken, message, Some(help));
            }
            Some(_) => {}
            None => known.push(unit.clone()),
        }
    }
    if alone {
        let message = format!("the number is taken without its unit `{spelled}`");
        return finding(Code::SkippedRow, message, None);
    }
    let message = format!("the unit `{spelled}` reads as a factor");
    let help = "write numbers alone, all in one unit; a constant of its own may have one, as in `\\tau = 20\\,\\mathrm{ms}`";
    finding(Code::UnexpectedToken, message, Some(help))
}

/// The words of an aside.
fn words<'t>(tokens: &'t [Token], aside: &Aside) -> Vec<&'t str> {
    let (from, to) = match aside {
        Aside::Remark(from, to) | Aside::Units { from, to, .. } => (*from, *to),
        Aside::Word(at, _) => (*at, at + 1),
    };
    let word = |token: &'t Token| match &token.kind {
        TokenKind::Word { text, .. } => Some(text.as_str()),
        _ => None,
    };
    tokens[from..to].iter().filter_map(word).collect()
}

/// What may be an aside in `tokens`, in their order.
fn find(tokens: &[Token], upright: &impl Fn(&Token) -> Option<Upright>) -> Vec<Aside> {
    let (sequence, _) = Sequence::new(tokens);
    let mut found = Vec::new();
    let mut at = 0;
    // Brackets around the position.
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        match &token.kind {
            TokenKind::Open(bracket) if !is_frame(*bracket) => depth += 1,
            TokenKind::Close(bracket) if !is_frame(*bracket) => depth = depth.saturating_sub(1),
            TokenKind::RowEnd => depth = 0,
            _ => {}
        }
        if let Some((from, to, units)) = unit::behind(&sequence, at, upright) {
            let alone = depth == 0 && unit::begins_value(&sequence, at) && ends_row(&sequence, to);
            // A letter is a name unless nothing else can be meant.
            let apart = sequence.tokens[from..to]
                .iter()
                .any(|token| upright(token).is_some_and(|seen| seen.blank > Blank::No));
            if alone && apart || units.iter().all(|unit| unit.spelled.len() > 1) {
                found.push(Aside::Units { from, to, units, alone });
                at = to;
                continue;
            }
        }
        if let Some(seen) = upright(token)
            && let Some((aside, over)) = aside(&sequence, at, seen, depth)
        {
            found.push(aside);
            at = over;
            depth = if matches!(tokens[over - 1].kind, TokenKind::Close(_)) {
                depth.saturating_sub(1)
            } else {
                depth
            };
            continue;
        }
        at += 1;
    }
    found
}

/// True for brackets that hold rows.
fn is_frame(bracket: Bracket) -> bool {
    matches!(bracket, Bracket::Cases | Bracket::Matrix)
}

/// The upright word at `at` as an aside, and where that is over.
fn aside(sequence: &Sequence<'_>, at: usize, seen: Upright, depth: usize) -> Option<(Aside, usize)> {
    let TokenKind::Word { text, .. } = sequence.kind(at)? else { return None };
    if text.len() < 2 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let before = at.checked_sub(1)?;
    // `σ(W x_t)\ [\mathrm{mV}]`.
    if let Some(TokenKind::Open(Bracket::Round | Bracket::Square)) = sequence.kind(before) {
        let close = sequence.partner(before).filter(|close| *close == at + 1)?;
        let behind = before.checked_sub(1).and_then(|value| sequence.kind(value));
        let value = matches!(behind, Some(TokenKind::Close(Bracket::Round | Bracket::Square)));
        let remark = depth == 1 && seen.blank > Blank::No && value && ends_row(sequence, close + 1);
        return remark.then_some((Aside::Remark(before, close + 1), close + 1));
    }
    if !ends_value(sequence, at) {
        return None;
    }
    if depth == 0 && ends_row(sequence, at + 1) {
        let aside =
            if seen.blank == Blank::Wide { Aside::Remark(at, at + 1) } else { Aside::Word(at, false) };
        return seen.text.then_some((aside, at + 1));
    }
    let next = sequence.skip_layout(at + 1);
    let factor = match sequence.kind(next)? {
        TokenKind::Word { .. }
        | TokenKind::Number { .. }
        | TokenKind::Function(..)
        | TokenKind::Accent(_)
        | TokenKind::Fraction => true,
        TokenKind::Open(bracket) => !matches!(bracket, Bracket::Round | Bracket::Square),
        _ => false,
    };
    (seen.text && factor).then_some((Aside::Word(at, true), at + 1))
}

/// True where a value of a step, a number or a closed bracket ends before `at`: what a weight stands before is no remark.
fn ends_value(sequence: &Sequence<'_>, at: usize) -> bool {
    /// The longest index that is looked at.
    const LONGEST: usize = 16;
    let time = |kind: &TokenKind| matches!(kind, TokenKind::Word { text, .. } if text == "t");
    let before = |back: usize| at.checked_sub(back).and_then(|index| sequence.kind(index));
    match before(1) {
        Some(TokenKind::Close(Bracket::Brace)) => {
            let open =
                (at.saturating_sub(LONGEST)..at).rev().find(|open| sequence.partner(*open) == Some(at - 1));
            open.is_some_and(|open| sequence.tokens[open..at].iter().any(|token| time(&token.kind)))
        }
        Some(TokenKind::Close(_) | TokenKind::Number { .. }) => {
            !matches!(before(2), Some(TokenKind::Subscript | TokenKind::Superscript))
        }
        Some(kind) => time(kind) && matches!(before(2), Some(TokenKind::Subscript | TokenKind::Superscript)),
        None => false,
    }
}

/// True where nothing of an equation stands between `at` and the end of its row.
fn ends_row(sequence: &Sequence<'_>, at: usize) -> bool {
    let mut at = at;
    while sequence.kind(at) == Some(&TokenKind::Newline) {
        at += 1;
    }
    match sequence.kind(at) {
        None
        | Some(
            TokenKind::RowEnd
            | TokenKind::Align
            | TokenKind::Comma
            | TokenKind::Period
            | TokenKind::Semicolon
            | TokenKind::Close(Bracket::Cases),
        ) => true,
        Some(TokenKind::Quad) => {
            let next = sequence.skip_layout(at);
            sequence.kind(next).is_none()
                || sequence.is_left_side(next)
                || matches!(
                    sequence.kind(next),
                    Some(TokenKind::Remark | TokenKind::Comma | TokenKind::Period)
                )
        }
        _ => false,
    }
}
