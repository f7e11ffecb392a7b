//! What of a document is the cell: display mathematics with the inline definitions it needs, else inline mathematics,
//! else plain fences, code spans, or the whole text.

use std::ops::Range;

use super::ast::{Statement, StatementKind};
use super::find::{Block, Found, Place, Spelling};
use super::{Reading, Syntax, clause, conventions, inline, read, read_one};
use crate::diagnostic::Code;

/// How often inline definitions are looked for that the ones found before need.
const MAXIMUM_ROUNDS: usize = 8;

/// What is the cell: display mathematics with the inline definitions it needs, else inline mathematics, else
/// plain fences, code spans, or the whole text.
pub(super) fn choose(text: &str, syntax: Syntax, found: &Found, chosen: &[Range<usize>]) -> Vec<Block> {
    let of = |place: Place| -> Vec<Block> {
        found.blocks.iter().filter(|block| block.place == place).cloned().collect()
    };
    let mut display = of(Place::Display);
    let inline = of(Place::Inline);
    // `($$\delta 1$$)`: a sign in a sentence.
    let relates = |block: &Block| {
        const RELATIONS: [&str; 10] =
            ["=", "＝", "∈", "≔", "←", "~", "\\in", "\\leftarrow", "\\gets", "\\sim"];
        let inside = text.get(block.range.clone()).unwrap_or("");
        RELATIONS.iter().any(|relation| inside.contains(relation)) || inside.contains("eqq")
    };
    if display.iter().any(relates) {
        with_needed(text, &mut display, &inline);
        return display;
    }
    let inline = inline::definitions(text, &inline);
    if !inline.is_empty() {
        return inline;
    }
    if !display.is_empty() {
        return display;
    }
    for place in [Place::Fence, Place::Span] {
        // All of a fence must be equations, or it is something else.
        let fences = of(place);
        let convention = conventions(text, &fences);
        let (mut fences, others): (Vec<Block>, Vec<Block>) = fences.into_iter().partition(|block| {
            let Reading { statements, diagnostics, .. } = read_one(text, block, &convention);
            !statements.is_empty()
                && (place == Place::Fence || defines_indexed(&statements))
                && !diagnostics.iter().any(|diagnostic| diagnostic.code == Code::ExpectedEquation)
        });
        let broken = inline::broken(text, &others, &read(text, &fences).statements, &convention);
        fences.extend(broken);
        fences.sort_by_key(|block| block.range.start);
        if !fences.is_empty() {
            if place == Place::Span {
                // `z = [h_{t-1}; x_t]` in a code span, which others read.
                with_needed(text, &mut fences, &others);
            }
            return fences;
        }
    }
    // Mathematics that defines nothing, and nothing beside it.
    let mut outside = String::with_capacity(text.len());
    let mut position = 0;
    for block in found.blocks.iter().filter(|block| block.place == Place::Inline) {
        outside.push_str(text.get(position..block.outer.start).unwrap_or(""));
        position = position.max(block.outer.end);
    }
    if position > 0 && !outside.contains(['=', '＝', '←']) && !text[position..].contains(['=', '＝', '←'])
    {
        return Vec::new();
    }
    let mut whole = Vec::new();
    for range in chosen {
        let mut start = range.start;
        let code = found.code.iter().filter(|code| range.contains(&code.start));
        for end in code.cloned().chain(std::iter::once(range.end..range.end)) {
            let part = text.get(start..end.start).unwrap_or("");
            let command = part.match_indices('\\').any(|(position, _)| {
                part[position + 1..].starts_with(|next: char| next.is_ascii_alphabetic())
            });
            // Without any sign of an equation it is prose.
            if part.contains(['=', '＝', '∈', '←', ':', '\\']) || syntax != Syntax::Markdown {
                let latex = command || syntax == Syntax::Latex;
                let spelling = if latex { Spelling::Latex } else { Spelling::Text };
                let range = start..end.start;
                let place = if syntax == Syntax::Text { Place::Cell } else { Place::Whole };
                whole.push(Block { range: range.clone(), outer: range, spelling, place });
            }
            start = end.end;
        }
    }
    whole
}

/// Adds to the blocks of a cell the definitions of `inline` that it needs, which may need more in their turn.
fn with_needed(text: &str, chosen: &mut Vec<Block>, inline: &[Block]) {
    // What is read here is read again: a long text without inline equations is spared it.
    let rounds = if inline.is_empty() { 0 } else { MAXIMUM_ROUNDS };
    let said = clause::said(text, inline);
    for _ in 0..rounds {
        let statements = read(text, chosen).statements;
        let inline: Vec<Block> = inline.iter().filter(|block| !chosen.contains(block)).cloned().collect();
        let mut wanted = inline::needed(text, &inline, &said, &statements, &conventions(text, chosen));
        // A part of a block may be wanted that is there.
        wanted.retain(|block| !chosen.contains(block));
        if wanted.is_empty() {
            break;
        }
        chosen.extend(wanted);
        chosen.sort_by_key(|block| block.range.start);
    }
}

/// True where every definition has a time index.
fn defines_indexed(statements: &[Statement]) -> bool {
    statements.iter().all(|statement| match &statement.kind {
        StatementKind::Definition { target, .. } => target.time.is_some(),
        _ => false,
    })
}
