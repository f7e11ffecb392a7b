//! Sections: choosing the part of a document, and telling several cells in one document apart.

use std::ops::Range;

use super::ast::{Statement, StatementKind};
use super::find::{Found, Heading, Place};
use super::print;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Most headings that a message lists.
const LISTED: usize = 12;

/// Most definitions that a message is made from.
const LOOKED_AT: usize = 64;

/// The ranges that `wanted` names: a heading, or several parted by `;`.
pub(crate) fn choose(found: &Found, wanted: &str) -> Result<Vec<Range<usize>>, Diagnostic> {
    // A heading may hold `;` itself.
    match choose_one(found, wanted) {
        Err(_) if wanted.contains(';') => wanted
            .split(';')
            .filter(|part| !part.trim().is_empty())
            .map(|part| choose_one(found, part))
            .collect(),
        other => other.map(|range| vec![range]),
    }
}

fn choose_one(found: &Found, wanted: &str) -> Result<Range<usize>, Diagnostic> {
    let headings = &found.headings;
    let has_mathematics = |heading: &Heading| {
        let after = found.blocks.partition_point(|block| block.range.start < heading.range.end);
        found
            .blocks
            .get(after..)
            .unwrap_or_default()
            .iter()
            .take_while(|block| block.range.start < heading.end)
            .any(|block| matches!(block.place, Place::Display | Place::Fence))
    };
    let wanted = wanted.trim().trim_start_matches('#').trim();
    let lower = wanted.to_lowercase();
    let first_word = |heading: &Heading| {
        heading.title.split_whitespace().next().unwrap_or("").trim_end_matches(['.', ':']).to_lowercase()
    };
    // From exact to loose; the first that matches anything decides.
    let without_number = |heading: &Heading| {
        let title =
            heading.title.trim_start_matches(|next: char| next.is_ascii_digit() || matches!(next, '.' | ' '));
        title.to_lowercase()
    };
    let tests: [&dyn Fn(&Heading) -> bool; 5] = [
        &|heading| heading.title == wanted,
        &|heading| heading.title.to_lowercase() == lower,
        &|heading| without_number(heading) == lower,
        &|heading| first_word(heading) == lower.trim_end_matches('.'),
        &|heading| heading.title.to_lowercase().contains(&lower),
    ];
    for test in tests {
        let mut matching: Vec<&Heading> =
            headings.iter().filter(|heading| !wanted.is_empty() && test(heading)).collect();
        // A heading without any mathematics below is not meant where another has some.
        if matching.iter().any(|heading| has_mathematics(heading)) {
            matching.retain(|heading| has_mathematics(heading));
        }
        let Some(first) = matching.first() else { continue };
        // Headings inside the first one are part of it.
        if matching.iter().all(|heading| heading.range.start < first.end) {
            return Ok(first.range.end..first.end);
        }
        let titles: Vec<String> =
            matching.iter().take(LISTED).map(|heading| format!("`{}`", heading.title)).collect();
        return Err(Diagnostic {
            code: Code::SectionAmbiguous,
            message: format!("{} headings match `{wanted}`: {}", matching.len(), titles.join(", ")),
            span: place(&first.range),
            labels: matching
                .iter()
                .skip(1)
                .take(LISTED)
                .map(|heading| (place(&heading.range), "and this".to_owned()))
                .collect(),
            help: Some("give the whole heading".to_owned()),
        });
    }
    let titles: Vec<String> =
        headings.iter().take(LISTED).map(|heading| format!("`{}`", heading.title)).collect();
    let help = if titles.is_empty() {
        "the document has no headings: leave the section out".to_owned()
    } else {
        let more = if headings.len() > LISTED { ", …" } else { "" };
        format!("its headings are {}{more}", titles.join(", "))
    };
    Err(Diagnostic {
        code: Code::SectionNotFound,
        message: format!("no heading matches `{wanted}`"),
        span: Span::new(0, 0),
        labels: Vec::new(),
        help: Some(help),
    })
}

fn place(range: &Range<usize>) -> Span {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Span::new(number(range.start), number(range.end))
}

/// What a statement defines: its key, what is shown for it, and the definition as text.
fn defines(statement: &Statement) -> Option<(String, String)> {
    match &statement.kind {
        StatementKind::Definition { target, .. } => {
            let mut key = target.name.canonical.clone();
            if let Some(number) = target.name.superscript {
                key.push_str(&format!("^{number}"));
            }
            Some((key, print::text::statement(statement)))
        }
        StatementKind::Function { name, .. } => {
            Some((name.canonical.clone(), print::text::statement(statement)))
        }
        StatementKind::Declaration { .. } | StatementKind::Mark { .. } => None,
    }
}

/// Merges repeated definitions, and reports names that sections define differently.
pub(crate) fn merge(statements: &mut Vec<Statement>, found: &Found, diagnostics: &mut Vec<Diagnostic>) {
    let mut names: Vec<Definitions> = Vec::new();
    let mut index_of: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for (index, statement) in statements.iter().enumerate() {
        let Some((key, text)) = defines(statement) else { continue };
        let start = usize::try_from(statement.span.start).unwrap_or(usize::MAX);
        let entry = Definition { index, text, heading: found.heading_at(start), span: statement.span };
        let slot = *index_of.entry(key.clone()).or_insert_with(|| {
            names.push(Definitions { key, all: Vec::new() });
            names.len() - 1
        });
        if let Some(definitions) = names.get_mut(slot) {
            definitions.all.push(entry);
        }
    }
    let mut repeated = vec![false; statements.len()];
    let mut conflicts = Vec::new();
    for definitions in &names {
        let Some(first) = definitions.all.first() else { continue };
        if definitions.all.iter().all(|other| other.text == first.text) {
            for other in definitions.all.iter().skip(1) {
                repeated[other.index] = true;
            }
        } else if definitions.all.iter().any(|other| other.heading != first.heading) {
            conflicts.push(definitions);
        }
    }
    if let Some(diagnostic) = conflict(&conflicts, &names, found) {
        diagnostics.push(diagnostic);
    }
    let mut index = 0;
    statements.retain(|_| {
        index += 1;
        !repeated[index - 1]
    });
}

struct Definition {
    index: usize,
    text: String,
    heading: Option<usize>,
    span: Span,
}

struct Definitions {
    key: String,
    all: Vec<Definition>,
}

/// One error for all names that sections define differently.
fn conflict(conflicts: &[&Definitions], names: &[Definitions], found: &Found) -> Option<Diagnostic> {
    let first = conflicts.first()?;
    let listed: Vec<String> =
        conflicts.iter().take(LISTED).map(|definitions| format!("`{}`", definitions.key)).collect();
    // The headings to choose from: those just below what the definitions have in common.
    let mut sections: Vec<Option<usize>> = Vec::new();
    for definition in conflicts.iter().flat_map(|definitions| &definitions.all).take(LOOKED_AT) {
        let section = outermost(definition.heading, first.all.get(..LOOKED_AT).unwrap_or(&first.all), found);
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    let lines: Vec<String> = sections
        .iter()
        .take(LISTED)
        .map(|section| {
            let defined: Vec<&str> = names
                .iter()
                .filter(|definitions| {
                    definitions.all.iter().any(|definition| inside(definition.heading, *section, found))
                })
                .map(|definitions| definitions.key.as_str())
                .take(2 * LISTED)
                .collect();
            format!("`{}` defines {}", title(*section, found), defined.join(", "))
        })
        .collect();
    let example =
        sections.iter().flatten().next().map_or(String::new(), |section| {
            format!(", as in `--section \"{}\"`", title(Some(*section), found))
        });
    let mut labels = Vec::new();
    let elsewhere =
        |definition: &&Definition| definition.heading != first.all.first().and_then(|first| first.heading);
    for definition in first.all.iter().filter(elsewhere).take(LISTED) {
        labels.push((definition.span, format!("in `{}`", title(definition.heading, found))));
    }
    Some(Diagnostic {
        code: Code::SectionsDiffer,
        message: format!("sections define {} differently: {}", listed.join(", "), lines.join("; ")),
        span: first.all.first()?.span,
        labels,
        help: Some(format!("choose one cell{example}")),
    })
}

fn title(section: Option<usize>, found: &Found) -> &str {
    section
        .and_then(|index| found.headings.get(index))
        .map_or("(before any heading)", |heading| &heading.title)
}

/// True where `heading` is `section` or lies in it.
fn inside(heading: Option<usize>, section: Option<usize>, found: &Found) -> bool {
    match (
        heading.and_then(|index| found.headings.get(index)),
        section.and_then(|index| found.headings.get(index)),
    ) {
        (Some(heading), Some(section)) => {
            section.range.start <= heading.range.start && heading.range.start < section.end
        }
        (None, None) => true,
        _ => false,
    }
}

/// The outermost heading over `heading` that does not hold all of `definitions`.
fn outermost(heading: Option<usize>, definitions: &[Definition], found: &Found) -> Option<usize> {
    let index = heading?;
    (0..=index)
        .filter(|outer| inside(heading, Some(*outer), found))
        .find(|outer| !definitions.iter().all(|definition| inside(definition.heading, Some(*outer), found)))
        .or(heading)
}
