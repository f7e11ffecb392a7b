//! Declarations in lines of text: `with $x_t \in \mathbb{R}^{d}$ and $W \in \mathbb{R}^{n \times d}$`, `- x_t ∈ ℝ^d: the
//! input`.
//!
//! Only names of the equations matter; of others the text may say what it likes. What cannot be read of theirs brings a
//! note. Whether what was read fits the equations is not known here: [`crate::resolve::settle`] finds out.
//!
//! # Invariants
//!
//! - Nothing here is an error.
//! - Mathematics that was read as equations is not looked at again.

use std::collections::HashMap;
use std::ops::Range;

use super::ast::{Explanation, Name, Reference, Size, Statement, StatementKind};
use super::convention::Convention;
use super::find::{Block, Found, Place, Spelling};
use super::pratt::Stop;
use super::row::{relations, segments, strip, ungroup};
use super::sequence::Sequence;
use super::statement::Reader;
use super::token::{Bracket, Token, TokenKind};
use super::{finding, inline, lex};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAXIMUM_DEFINITIONS;
use crate::span::Span;

/// Most places with a declaration that are looked at.
const MAXIMUM_PLACES: usize = 1024;

/// Most names before one set.
const MAXIMUM_NAMES_IN_LINE: usize = 16;

/// Longest name, and longest set, in a line of text without mathematics, in bytes.
const MAXIMUM_WORD: usize = 64;

/// What the equations say of a name.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It has a time index somewhere.
    indexed: bool,
    /// It is a function.
    function: bool,
}

/// What is declared left of the sign.
enum Target {
    Name(Reference),
    /// `W_*`: all names that begin with this.
    All(String, Span),
}

impl Target {
    /// The names that are meant: those of the equations, for a star.
    fn names(self, known: &HashMap<String, Known>) -> Vec<Reference> {
        let (stem, span) = match self {
            Self::Name(reference) => return vec![reference],
            Self::All(stem, span) => (stem, span),
        };
        let upper = stem.starts_with(|first: char| first.is_ascii_uppercase());
        let mut all: Vec<&String> = known.keys().filter(|name| name.starts_with(&stem)).collect();
        all.sort();
        all.into_iter()
            .map(|canonical| {
                let name = Name { canonical: canonical.clone(), upper, superscript: None };
                Reference { name, time: None, span }
            })
            .collect()
    }
}

/// A declaration, or why it could not be read.
type Read = (Target, Result<Vec<Size>, String>, Span);

/// The declarations outside `read`, the blocks that were read as equations.
pub(crate) fn find(
    text: &str,
    (found, chosen, read): (&Found, &[Range<usize>], &[Block]),
    statements: &[Statement],
    convention: &Convention,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Explanation> {
    let mut places = places(text, found, chosen, read);
    if let Some(place) = places.get(MAXIMUM_PLACES) {
        let message = format!("only the first {MAXIMUM_PLACES} declarations in the text are read");
        diagnostics.push(finding(Code::UnreadDeclaration, message, span(&place.range)));
        places.truncate(MAXIMUM_PLACES);
    }
    if places.is_empty() {
        return Vec::new();
    }
    let known = known(statements);
    let mut explanations: Vec<Explanation> = Vec::new();
    let mut said: HashMap<String, Vec<(bool, Vec<Size>)>> = HashMap::new();
    let mut near_by_heading: HashMap<Option<usize>, bool> = HashMap::new();
    for place in &places {
        let position = place.range.start;
        let heading = found.heading_at(position);
        let near = *near_by_heading.entry(heading).or_insert_with(|| is_near(found, position, statements));
        for (target, sizes, span) in declarations(text, place, convention) {
            let alone = matches!(target, Target::Name(_));
            for target in target.names(&known) {
                let Some(known) = known.get(&target.name.canonical).filter(|known| !known.function) else {
                    continue;
                };
                let name = &target.name.canonical;
                let firm = near && alone && (target.time.is_some() || !known.indexed);
                match &sizes {
                    // What is said again says nothing new.
                    Ok(sizes) if said.get(name).is_some_and(|said| said.contains(&(firm, sizes.clone()))) => {
                    }
                    Ok(_) if explanations.len() >= MAXIMUM_DEFINITIONS => {
                        let message =
                            format!("more than {MAXIMUM_DEFINITIONS} names are declared in the text");
                        diagnostics.push(finding(Code::UnreadDeclaration, message, span));
                        return explanations;
                    }
                    Ok(sizes) => {
                        said.entry(name.clone()).or_default().push((firm, sizes.clone()));
                        let kind = StatementKind::Declaration { target, sizes: sizes.clone() };
                        explanations.push(Explanation { declaration: Statement { kind, span }, firm });
                    }
                    Err(reason) => {
                        let message = format!("this declaration of `{name}` is not read: {reason}");
                        diagnostics.push(finding(Code::UnreadDeclaration, message, span));
                        break;
                    }
                }
            }
        }
    }
    explanations
}

fn span(range: &Range<usize>) -> Span {
    super::text::place(0, range.start, range.end)
}

/// The names that the equations have.
fn known(statements: &[Statement]) -> HashMap<String, Known> {
    let mut known: HashMap<String, Known> = HashMap::new();
    for statement in statements {
        let mut see = |reference: &Reference| {
            let entry = known.entry(reference.name.canonical.clone()).or_default();
            entry.indexed |= reference.time.is_some();
        };
        match &statement.kind {
            StatementKind::Definition { target, value } => {
                see(target);
                inline::references(value, &mut see);
            }
            StatementKind::Function { name, parameter, body, .. } => {
                let own = parameter.as_ref().map(|parameter| &parameter.name.canonical);
                inline::references(body, &mut |reference| {
                    if own != Some(&reference.name.canonical) {
                        see(reference);
                    }
                });
                known.entry(name.canonical.clone()).or_default().function = true;
            }
            StatementKind::Declaration { .. } | StatementKind::Mark { .. } => {}
        }
    }
    known
}

/// True where the text at `position` is under a heading that has equations, or that stands under or over such a one.
fn is_near(found: &Found, position: usize, statements: &[Statement]) -> bool {
    let Some(heading) = found.heading_at(position).and_then(|index| found.headings.get(index)) else {
        return true;
    };
    let places =
        statements.iter().map(|statement| usize::try_from(statement.span.start).unwrap_or(usize::MAX));
    places.into_iter().any(|place| {
        let over = found.heading_at(place).and_then(|index| found.headings.get(index));
        let below = over.is_none_or(|over| (over.range.start..over.end).contains(&position));
        below || (heading.range.start..heading.end).contains(&place)
    })
}

/// True where a text may declare something: cheap, before it is parsed.
fn may_declare(inside: &str) -> bool {
    inside.contains('∈') || inside.contains("\\in")
}

/// Mathematics in lines of text that may declare something.
fn places(text: &str, found: &Found, chosen: &[Range<usize>], read: &[Block]) -> Vec<Block> {
    let mut taken: Vec<&Range<usize>> = read.iter().map(|block| &block.outer).collect();
    taken.sort_by_key(|range| range.start);
    let inside = |ranges: &[&Range<usize>], position: usize| {
        let before = ranges.partition_point(|range| range.start <= position);
        before.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|range| position < range.end)
    };
    // Of a formula that defines something too, only that part was read.
    let is_read = |block: &Block| {
        let before = taken.partition_point(|range| range.start <= block.range.start);
        before.checked_sub(1).and_then(|at| taken.get(at)).is_some_and(|range| block.range.end <= range.end)
    };
    let mut places: Vec<Block> = found
        .blocks
        .iter()
        .filter(|block| block.place != Place::Display && !is_read(block))
        .filter(|block| text.get(block.range.clone()).is_some_and(may_declare))
        .cloned()
        .collect();
    let mut marked: Vec<&Range<usize>> =
        found.blocks.iter().map(|block| &block.outer).chain(&found.code).collect();
    marked.sort_by_key(|range| range.start);
    for (start, sign) in text.match_indices('∈').chain(text.match_indices("\\in ")) {
        if places.len() > MAXIMUM_PLACES {
            break;
        }
        if chosen.iter().any(|range| range.contains(&start))
            && !inside(&taken, start)
            && !inside(&marked, start)
            && let Some(range) = in_line(text, start..start + sign.len())
        {
            let command = text.get(range.clone()).is_some_and(|line| line.contains('\\'));
            let spelling = if command { Spelling::Latex } else { Spelling::Text };
            places.push(Block { range: range.clone(), outer: range, spelling, place: Place::Inline });
        }
    }
    places.sort_by_key(|block| block.range.start);
    places
}

/// The names before a sign in a line of text, and the set of real numbers behind it.
fn in_line(text: &str, sign: Range<usize>) -> Option<Range<usize>> {
    // Not all of a long line: another sign may stand in it, and another.
    let reach = sign.start.saturating_sub(MAXIMUM_NAMES_IN_LINE * MAXIMUM_WORD);
    let reach = text.ceil_char_boundary(reach);
    let line = text.get(reach..sign.start)?.rfind('\n').map_or(reach, |end| reach + end + 1);
    let mut start = sign.start;
    for _ in 0..MAXIMUM_NAMES_IN_LINE {
        let words = text.get(line..start)?.trim_end();
        let word = words.rfind(char::is_whitespace).map_or(words, |at| words[at..].trim_start());
        let name = |letter: char| letter.is_alphanumeric() || "\\_^{}'+-()[]*~,".contains(letter);
        if word.is_empty() || word.len() > MAXIMUM_WORD || !word.chars().all(name) {
            break;
        }
        start = line + words.len() - word.len();
        if !text.get(line..start)?.trim_end().ends_with(',') {
            break;
        }
    }
    let after = text.get(sign.end..)?.trim_start_matches([' ', '\t']);
    let set =
        ["ℝ", "\\mathbb{R}", "\\mathbb R", "\\R", "R^"].into_iter().find(|set| after.starts_with(set))?;
    let power = set.trim_end_matches('^').len();
    let rest = &after[power..];
    let length = match rest.strip_prefix('^') {
        Some(size) => {
            let bounded = size.get(..size.floor_char_boundary(MAXIMUM_WORD))?;
            let closing = match bounded.chars().next()? {
                '{' => Some('}'),
                '(' => Some(')'),
                '[' => Some(']'),
                _ => None,
            };
            1 + match closing {
                Some(closing) => bounded.find(closing)? + 1,
                None => word_end(bounded),
            }
        }
        None => word_end(rest.get(..rest.floor_char_boundary(MAXIMUM_WORD))?),
    };
    (start < sign.start).then(|| start..text.len() - after.len() + power + length)
}

/// The end of the letters that `text` begins with, those above the line among them.
fn word_end(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && !"_{}⁺⁻⁽⁾×".contains(letter)).unwrap_or(text.len())
}

/// Reads one place.
fn declarations(text: &str, place: &Block, convention: &Convention) -> Vec<Read> {
    let (lexed, _) = lex(text, std::slice::from_ref(place), convention.style);
    let mut reader = Reader::new(convention, place.spelling == Spelling::Text);
    let (mut read, mut pending) = (Vec::new(), Vec::new());
    for tokens in &lexed {
        let tokens = ungroup(tokens);
        for (start, end) in segments(&tokens, reader.lines) {
            reader.explanation(&strip(&tokens[start..end]), &mut pending, &mut read);
        }
    }
    read
}

impl Reader<'_> {
    /// One row. Names that stand alone wait in `pending`: `x_t, h_t \in …` are two rows.
    fn explanation(&mut self, row: &[Token], pending: &mut Vec<Target>, read: &mut Vec<Read>) {
        let (sequence, fault) = Sequence::new(row);
        let end = row.len();
        let relation = match fault {
            None => relations(&sequence).first().copied(),
            Some(_) => row.iter().position(|token| matches!(token.kind, TokenKind::In | TokenKind::Equals)),
        };
        let Some(sign) = relation.filter(|sign| row[*sign].kind == TokenKind::In) else {
            match self.target(&sequence, 0, end) {
                Some(target) if relation.is_none() => pending.push(target),
                _ => pending.clear(),
            }
            return;
        };
        let end = if fault.is_some() { sign } else { end };
        let mut targets = std::mem::take(pending);
        for (from, to) in sequence.parts(0, sign) {
            targets.extend(self.target(&sequence, from, to));
        }
        let place = sequence.span(0, row.len());
        let said = self.diagnostics.len();
        let sizes = match self.set(&sequence, sign + 1, end) {
            _ if fault.is_some() => Some(Err("its brackets do not match".to_owned())),
            Ok((_, over)) if over < end && !ends_set(&sequence, over) => {
                Some(Err("something else follows the set".to_owned()))
            }
            Ok((Some(sizes), _)) => Some(Ok(sizes)),
            // `i \in \{f, o\}`, `\alpha_t \in (0, 1)` say nothing of shapes; `\mathbb{C}^n` does.
            Ok((None, _)) => {
                let complex =
                    matches!(sequence.kind(sign + 1), Some(TokenKind::Word { text, .. }) if text == "bb_C");
                complex.then(|| Err("only real numbers are known".to_owned()))
            }
            Err(Stop) => {
                let reason = self.diagnostics.get(said).map(|found| found.message.clone());
                Some(Err(reason.unwrap_or_else(|| "it holds an unknown sign".to_owned())))
            }
        };
        self.diagnostics.truncate(said);
        if let Some(sizes) = sizes {
            read.extend(targets.into_iter().map(|target| (target, sizes.clone(), place)));
        }
    }

    /// A name, or a name with a star for its label.
    fn target(&mut self, sequence: &Sequence<'_>, start: usize, end: usize) -> Option<Target> {
        if sequence.after_name(start) != Some(end) {
            return None;
        }
        if let (Some(TokenKind::Word { text, .. }), Some(TokenKind::Subscript)) =
            (sequence.kind(start), sequence.kind(start + 1))
        {
            let (from, to, over) = sequence.script(start + 2)?;
            if over == end && to == from + 1 && matches!(sequence.kind(from), Some(TokenKind::Product(_))) {
                return Some(Target::All(format!("{text}_"), sequence.span(start, end)));
            }
        }
        let said = self.diagnostics.len();
        let named = self.parser(sequence, start, end).name();
        self.diagnostics.truncate(said);
        named.ok().map(|named| Target::Name(named.reference()))
    }
}

/// True where what stands at `index` no longer belongs to a set.
fn ends_set(sequence: &Sequence<'_>, index: usize) -> bool {
    matches!(
        sequence.kind(index),
        Some(
            TokenKind::Word { .. }
                | TokenKind::Function(..)
                | TokenKind::Remark
                | TokenKind::Comma
                | TokenKind::Semicolon
                | TokenKind::Colon
                | TokenKind::Period
                | TokenKind::Relation(_)
                | TokenKind::In
                | TokenKind::Where
                | TokenKind::Open(Bracket::Round)
        )
    )
}
