//! Several definitions of one name in blocks of their own: successive steps, or alternatives?
//!
//! Within one block definitions follow each other: the last lives on. Blocks parted by text, and paragraphs of plain
//! text, may define one name differently. Where nothing reads the definition before, or where the name is a state and
//! its new definition does not depend on the one before, they give a choice, and to take the last would be a guess.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::ast::{Expression, ExpressionKind, Statement, StatementKind};
use super::find::{Found, Spelling};
use super::{inline, name, normal};
use crate::diagnostic::{Code, Diagnostic};

/// Most definitions of one name, and most statements between two of them, that are looked at.
const LOOKED_AT: usize = 64;

/// Reports names that blocks define differently as alternatives, and drops definitions that say the same in another
/// order.
pub(crate) fn check(
    text: &str,
    statements: &mut Vec<Statement>,
    found: &Found,
    diagnostics: &mut Vec<Diagnostic>,
) {
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
    let paragraphs = paragraphs(text);
    let block = |index: usize| {
        let start = usize::try_from(statements[index].span.start).unwrap_or(usize::MAX);
        let block = found.blocks.partition_point(|block| block.range.start <= start);
        let display = block
            .checked_sub(1)
            .and_then(|at| found.blocks.get(at))
            .is_some_and(|block| block.spelling == Spelling::Latex && block.range.contains(&start));
        // Text has no blocks but its paragraphs.
        (block, if display { 0 } else { paragraphs.partition_point(|end| *end <= start) })
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
            if block(before) == block(after)
                && !(conditional(text, &statements[before]) && conditional(text, &statements[after]))
            {
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
            // A state that is defined anew from other values: the two say different things, whatever reads the first.
            let again = reads.delayed
                && !alias(&statements[before])
                && !depends(statements, before, after)
                && !repeats(&statements[before], &statements[after]);
            if overwritten || vain || again {
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

/// Where blank lines and lines of words, `but in the paper it is`, part the paragraphs of a text. `GRU:  r_t = …` begins
/// one too: the word names a cell.
fn paragraphs(text: &str) -> Vec<usize> {
    let (mut ends, mut start, mut written) = (Vec::new(), 0, false);
    for line in text.split_inclusive('\n') {
        let signs = [' ', '\t', '\r', '\n', '#', '*', '/', '%', '|', '>'];
        if line.trim_matches(signs).is_empty() || is_sentence(line) {
            if written {
                ends.push(start);
            }
            written = false;
        } else {
            if written && names_cell(line) {
                ends.push(start);
            }
            written = true;
        }
        start += line.len();
    }
    ends
}

/// True for a line of four words or more that calculates nothing.
fn is_sentence(line: &str) -> bool {
    let words = line.split_whitespace().filter(|word| {
        let word = word.trim_matches(|next: char| !next.is_alphanumeric());
        word.chars().count() >= 2 && word.chars().all(char::is_alphabetic)
    });
    !line.contains(['=', '＝', '∈', '←', '+', '\\', '&']) && words.count() >= 4
}

/// True where a remark behind the equation says when it holds: `# when linear_before_reset != 0`.
fn conditional(text: &str, statement: &Statement) -> bool {
    let end = usize::try_from(statement.span.end).unwrap_or(usize::MAX);
    let rest = text.get(end..).unwrap_or("").lines().next().unwrap_or("");
    rest.split(|next: char| !next.is_alphanumeric()).any(|word| matches!(word, "when" | "if" | "otherwise"))
}

/// True for a line whose label is the word of a cell, `Vanilla RNN:`, `GRU:  z_t = …`.
fn names_cell(line: &str) -> bool {
    const CELLS: [&str; 8] = ["RNN", "LSTM", "GRU", "Elman", "Jordan", "SRU", "MGU", "ESN"];
    let label = line.split(['=', ':', '：']).next().unwrap_or("");
    label.len() < line.len()
        && !line[label.len()..].starts_with('=')
        && label.split(|next: char| !next.is_alphanumeric()).any(|word| CELLS.contains(&word))
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

/// True where the value that `before` defines reaches `after` within the step.
fn depends(statements: &[Statement], before: usize, after: usize) -> bool {
    let StatementKind::Definition { target: first, .. } = &statements[before].kind else { return true };
    if after - before > LOOKED_AT {
        return true;
    }
    let mut reached: HashSet<&str> = HashSet::from([first.name.canonical.as_str()]);
    let mut last = false;
    for statement in statements.get(before + 1..=after).unwrap_or_default() {
        let StatementKind::Definition { target, value } = &statement.kind else { continue };
        let mut reads = false;
        inline::references(value, &mut |read| {
            let now = read.time.is_none() || read.time == first.time;
            reads |= now && reached.contains(read.name.canonical.as_str());
        });
        if reads {
            reached.insert(&target.name.canonical);
        }
        last = reads;
    }
    last
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

/// True where both apply one function to the same values of each step: `\tanh(W [h_{t-1}, x_t])` says in other names
/// what `\tanh(U h_{t-1} + V x_t)` says.
fn repeats(one: &Statement, other: &Statement) -> bool {
    let parts = |statement: &Statement| {
        let StatementKind::Definition { value, .. } = &statement.kind else { return None };
        let function = match &value.kind {
            ExpressionKind::Call(function, _) => name::function_name(*function).to_owned(),
            // `g(W x_t + U h_{t-1})`, where nothing binds `g` yet.
            ExpressionKind::Chain(factors) => match factors.as_slice() {
                [Expression { kind: ExpressionKind::Reference(name), .. }, _] if name.time.is_none() => {
                    name.name.canonical.clone()
                }
                _ => return None,
            },
            _ => return None,
        };
        let mut read = BTreeSet::new();
        inline::references(value, &mut |reference| {
            if let Some(time) = reference.time {
                read.insert((reference.name.canonical.clone(), time));
            }
        });
        Some((function, read))
    };
    parts(one).is_some_and(|found| parts(other) == Some(found))
}

/// What two definitions have in common if they say the same.
fn form(statement: &Statement) -> (Option<i32>, String) {
    match &statement.kind {
        StatementKind::Definition { target, value } => (target.time, normal::form(value)),
        _ => (None, String::new()),
    }
}
