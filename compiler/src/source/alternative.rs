//! Several definitions of one name in blocks of their own: successive steps, or alternatives?
//!
//! Within one block definitions follow each other: the last lives on. Blocks parted by text that define one name
//! differently, where nothing reads the one before, give a choice, and to take the last one would be a guess.

use std::collections::{HashMap, HashSet};

use super::ast::{ExpressionKind, Statement, StatementKind};
use super::find::Found;
use super::{inline, normal};
use crate::diagnostic::{Code, Diagnostic};

/// Most definitions of one name that are looked at.
const LOOKED_AT: usize = 64;

/// Reports names that blocks define differently as alternatives, and drops definitions that say the same in another
/// order.
pub(crate) fn check(statements: &mut Vec<Statement>, found: &Found, diagnostics: &mut Vec<Diagnostic>) {
    let mut definitions: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, statement) in statements.iter().enumerate() {
        if let StatementKind::Definition { target, .. } = &statement.kind
            && target.time.is_some()
            && target.name.superscript.is_none()
        {
            definitions.entry(&target.name.canonical).or_default().push(index);
        }
    }
    definitions.retain(|_, all| (2..=LOOKED_AT).contains(&all.len()));
    if definitions.is_empty() {
        return;
    }
    let reads = reads(statements, &definitions);
    let block = |index: usize| {
        let start = usize::try_from(statements[index].span.start).unwrap_or(usize::MAX);
        found.blocks.partition_point(|block| block.range.start <= start)
    };
    let mut dropped = HashSet::new();
    let mut findings = Vec::new();
    for (name, all) in &definitions {
        let empty = Reads::default();
        let reads = reads.get(name).unwrap_or(&empty);
        // Statements in `from..to` that read the value of this step.
        let read = |from: usize, to: usize| reads.now.iter().any(|&at| (from..to).contains(&at));
        for pair in all.windows(2) {
            let &[before, after] = pair else { continue };
            if block(before) == block(after) {
                continue;
            }
            let same = form(&statements[before]) == form(&statements[after]);
            // What it reads may have been defined anew in between; then it says something else.
            if same && !reads_between(statements, before, after, &definitions) {
                dropped.insert(before);
                continue;
            }
            let first_is_last = all.first() == Some(&before) && reads.now.iter().any(|&at| at <= before);
            let overwritten = !read(before + 1, after + 1) && !alias(&statements[before]) && !first_is_last;
            let last = all.last() == Some(&after);
            let vain = last
                && read(before + 1, after)
                && !read(after, statements.len())
                && !reads.delayed
                && !reads.now.iter().any(|&at| at <= all[0])
                && !matches!(*name, "y" | "y_hat" | "h");
            if overwritten || vain {
                findings.push((after, before, *name));
                break;
            }
        }
    }
    findings.sort_unstable();
    for (after, before, name) in findings {
        diagnostics.push(Diagnostic {
            code: Code::AlternativeDefinitions,
            message: format!("`{name}` is defined again, differently, in a block of its own"),
            span: statements[after].span,
            labels: vec![(statements[before].span, "the definition before, which this replaces".to_owned())],
            help: Some(
                "keep the definition that is meant, or put alternatives under headings and choose a section"
                    .to_owned(),
            ),
        });
    }
    let mut index = 0;
    statements.retain(|_| {
        index += 1;
        !dropped.contains(&(index - 1))
    });
}

/// Where a name is read.
#[derive(Debug, Default)]
struct Reads {
    /// Statements that read its value of the step in which it is defined.
    now: Vec<usize>,
    /// It is read at another step.
    delayed: bool,
}

fn reads<'s>(
    statements: &'s [Statement],
    definitions: &HashMap<&'s str, Vec<usize>>,
) -> HashMap<&'s str, Reads> {
    let mut reads: HashMap<&str, Reads> = HashMap::new();
    for (index, statement) in statements.iter().enumerate() {
        let StatementKind::Definition { value, .. } = &statement.kind else { continue };
        inline::references(value, &mut |read| {
            let name = read.name.canonical.as_str();
            let Some(first) = definitions.get(name).and_then(|all| all.first()) else { return };
            let StatementKind::Definition { target, .. } = &statements[*first].kind else { return };
            let entry = reads.entry(name).or_default();
            if read.time == target.time {
                entry.now.push(index);
            } else {
                entry.delayed = true;
            }
        });
    }
    reads
}

/// True where something that `after` reads is defined between the two, and elsewhere too.
fn reads_between(
    statements: &[Statement],
    before: usize,
    after: usize,
    definitions: &HashMap<&str, Vec<usize>>,
) -> bool {
    let StatementKind::Definition { value, .. } = &statements[after].kind else { return true };
    let mut found = false;
    inline::references(value, &mut |read| {
        found |= definitions
            .get(read.name.canonical.as_str())
            .is_some_and(|all| all.iter().any(|at| (before + 1..after).contains(at)));
    });
    found
}

/// `c_t = a_t` gives a value another name and says nothing else.
fn alias(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Definition { value, .. }
        if matches!(value.kind, ExpressionKind::Reference(_)))
}

/// What two definitions have in common if they say the same.
fn form(statement: &Statement) -> (Option<i32>, String) {
    match &statement.kind {
        StatementKind::Definition { target, value } => (target.time, normal::form(value)),
        _ => (None, String::new()),
    }
}
