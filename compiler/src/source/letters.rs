//! Names of several letters, `wkv_t`, that were to be defined in LaTeX, where they read as products of letters.
//!
//! The left side is an error, which says how to write the name. What reads it would be told of each of its letters: so the
//! products of these letters are joined to the name again, of which nothing is known.
//!
//! # Invariants
//!
//! - Only where the left side was an error: no text that is right is read otherwise.

use super::ast::{Expression, ExpressionKind, Name, Reference, Statement, StatementKind};
use super::sequence::Sequence;
use super::token::{Bracket, TokenKind};
use crate::span::Span;

/// Most letters of such a name.
const MAXIMUM_LETTERS: usize = 16;

/// Letters directly behind each other, of which the last has an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    letters: Vec<String>,
    upper: bool,
    span: Span,
}

impl Run {
    /// The name that was meant.
    pub(crate) fn word(&self) -> String {
        self.letters.concat()
    }

    /// The name at this step.
    pub(crate) fn reference(&self) -> Reference {
        self.at(Some(0), self.span)
    }

    fn at(&self, time: Option<i32>, span: Span) -> Reference {
        Reference { name: Name { canonical: self.word(), upper: self.upper, superscript: None }, time, span }
    }
}

/// The letters of a left side, `wkv_t` or `\mathbf{kv}_t`, that ends at `equals`.
pub(crate) fn run(sequence: &Sequence<'_>, equals: usize) -> Option<Run> {
    let braced = sequence.kind(0) == Some(&TokenKind::Open(Bracket::Brace));
    let first = usize::from(braced);
    let mut letters = Vec::new();
    let mut index = first;
    while let Some(token) = sequence.tokens.get(index).filter(|_| index < equals)
        && let TokenKind::Word { text, .. } = &token.kind
        && text.len() == 1
        && (index == first || !token.spaced)
        && letters.len() < MAXIMUM_LETTERS
    {
        letters.push(text.clone());
        index += 1;
    }
    if braced {
        if sequence.kind(index) != Some(&TokenKind::Close(Bracket::Brace)) {
            return None;
        }
        index += 1;
    }
    let script =
        sequence.script(index + 1).filter(|_| sequence.kind(index) == Some(&TokenKind::Subscript))?;
    let upper = letters.first()?.starts_with(|letter: char| letter.is_ascii_uppercase());
    let span = sequence.span(0, equals);
    (letters.len() > 1 && script.2 == equals).then_some(Run { letters, upper, span })
}

/// The letters in braces that end before `index`, `\mathbf{kv}` before `_t`; no script.
pub(crate) fn braced(sequence: &Sequence<'_>, index: usize) -> Option<String> {
    let close = index.checked_sub(1)?;
    if sequence.kind(close) != Some(&TokenKind::Close(Bracket::Brace)) {
        return None;
    }
    let mut word = String::new();
    for before in (close.saturating_sub(MAXIMUM_LETTERS + 1)..close).rev() {
        match sequence.kind(before)? {
            TokenKind::Word { text, .. } if text.len() == 1 => word.insert_str(0, text),
            TokenKind::Open(Bracket::Brace) => {
                let sign = before.checked_sub(1).and_then(|sign| sequence.kind(sign));
                let script = matches!(sign, Some(TokenKind::Subscript | TokenKind::Superscript));
                return Some(word).filter(|word| !script && word.len() > 1);
            }
            _ => return None,
        }
    }
    None
}

/// Joins the letters of `run` in all products of `statements`.
pub(crate) fn join(run: &Run, statements: &mut [Statement]) {
    // A stack of its own, since trees lean to the left.
    let mut stack: Vec<&mut Expression> = Vec::new();
    for statement in statements {
        match &mut statement.kind {
            StatementKind::Definition { value: root, .. } | StatementKind::Function { body: root, .. } => {
                stack.push(root);
            }
            StatementKind::Declaration { .. } | StatementKind::Mark { .. } => {}
        }
    }
    while let Some(expression) = stack.pop() {
        if let ExpressionKind::Chain(factors) = &mut expression.kind {
            join_factors(run, factors);
        }
        stack.extend(expression.operands_mut());
    }
}

/// Joins the letters where they stand directly behind each other, the last with a time.
fn join_factors(run: &Run, factors: &mut Vec<Expression>) {
    let count = run.letters.len();
    let mut at = 0;
    let mut joined = Vec::new();
    while let Some(window) = factors.get(at..at + count) {
        match matched(run, window) {
            Some(reference) => {
                let span = reference.span;
                joined.push((at, Expression { kind: ExpressionKind::Reference(reference), span }));
                at += count;
            }
            None => at += 1,
        }
    }
    if joined.is_empty() {
        return;
    }
    let mut old = std::mem::take(factors).into_iter();
    let mut taken = 0;
    for (at, name) in joined {
        factors.extend(old.by_ref().take(at - taken));
        factors.push(name);
        old.by_ref().take(count).for_each(drop);
        taken = at + count;
    }
    factors.extend(old);
}

/// The name that these factors are the letters of.
fn matched(run: &Run, window: &[Expression]) -> Option<Reference> {
    let mut time = None;
    for (at, (factor, letter)) in window.iter().zip(&run.letters).enumerate() {
        let ExpressionKind::Reference(read) = &factor.kind else { return None };
        let last = at + 1 == window.len();
        if read.name.canonical != *letter || read.time.is_some() != last {
            return None;
        }
        time = read.time;
    }
    let glued = window.windows(2).all(|pair| pair[0].span.end == pair[1].span.start);
    glued.then(|| run.at(time, window[0].span.to(window[window.len() - 1].span)))
}
