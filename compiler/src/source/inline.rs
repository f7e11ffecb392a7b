//! Inline mathematics: which of it belongs to the cell.
//!
//! A document explains its equations in lines of text full of `$h_t$`; only what defines a name is looked at, and beside
//! display mathematics only what that reads and does not define.

use std::collections::HashSet;

use super::ast::{Expression, ExpressionKind, Function, Mark, Reference, Statement, StatementKind};
use super::clause::{self, Said};
use super::convention::Convention;
use super::find::{Block, Found, Place};
use super::{Reading, conventions, read, read_one};
use crate::diagnostic::{Code, Diagnostic};

/// Names that the statements define, and names that they read.
#[derive(Debug, Default)]
struct Names {
    defined: HashSet<String>,
    read: HashSet<String>,
}

fn names(statements: &[Statement]) -> Names {
    let mut names = Names::default();
    for statement in statements {
        match &statement.kind {
            StatementKind::Definition { target, value } => {
                names.defined.insert(target.name.canonical.clone());
                references(value, &mut |reference| {
                    names.read.insert(reference.name.canonical.clone());
                });
            }
            StatementKind::Function { name, body, .. } => {
                names.defined.insert(name.canonical.clone());
                references(body, &mut |reference| {
                    names.read.insert(reference.name.canonical.clone());
                });
            }
            StatementKind::Declaration { .. } | StatementKind::Mark { .. } => {}
        }
    }
    names
}

/// Calls `visit` for every name that `expression` reads.
pub(crate) fn references<'e>(expression: &'e Expression, visit: &mut impl FnMut(&'e Reference)) {
    for part in expression.walk() {
        if let ExpressionKind::Reference(reference) = &part.kind {
            visit(reference);
        }
    }
}

/// True where a block may hold a definition: cheap, before it is parsed.
pub(crate) fn may_define(text: &str, block: &Block) -> bool {
    const SIGNS: [&str; 9] = ["=", "leftarrow", "←", "gets", "equiv", "≡", "eqq", "triangleq", "doteq"];
    text.get(block.range.clone()).is_some_and(|inside| SIGNS.iter().any(|sign| inside.contains(sign)))
}

/// The inline definitions that display mathematics reads and does not define; what the text says of them besides is `said`.
pub(crate) fn needed(
    text: &str,
    inline: &[Block],
    said: &Said,
    display: &[Statement],
    convention: &Convention,
) -> Vec<Block> {
    let known = names(display);
    let broken: HashSet<usize> =
        broken(text, inline, display, convention).iter().map(|block| block.range.start).collect();
    let mut readings: Vec<Option<Reading>> = inline
        .iter()
        .map(|block| may_define(text, block).then(|| read_one(text, block, convention)))
        .collect();
    // Where one line says that `\sigma` is known, others speak of other networks.
    let bindable = !convention.own_sigma
        && applies_sigmoid(display)
        && !readings.iter().flatten().any(|reading| reading.known_sigma);
    let own = Convention { own_sigma: true, ..convention.clone() };
    let mut chosen = Vec::new();
    for (block, reading) in inline.iter().zip(&mut readings) {
        if broken.contains(&block.range.start) {
            chosen.push(block.clone());
            continue;
        }
        let Some(mut reading) = reading.take() else { continue };
        let in_a_case = said.cases.contains(&block.range.start);
        let output = said.outputs.contains(&block.range.start);
        let counts = said.counts.contains(&block.range.start);
        let sigma = bindable && reading.own_sigma && !in_a_case;
        if sigma {
            reading = read_one(text, block, &own);
        }
        let Reading { statements, diagnostics, .. } = reading;
        // What makes the whole document no cell must not vanish.
        let second = |found: &Diagnostic| found.code == Code::SecondIndex;
        let alone = || read(text, std::slice::from_ref(block));
        if diagnostics.iter().any(second) || alone().diagnostics.iter().any(second) {
            chosen.push(block.clone());
            continue;
        }
        // `$B = 32, T = 100$`: settings side by side, of which equations need some.
        let listed = statements.len() > 1 && !statements.iter().all(|one| is_needed(&one.kind, &known));
        let is_wanted = |statement: &&Statement| {
            let kind = &statement.kind;
            is_needed(kind, &known)
                && !(in_a_case && is_the_same_at_all_steps(kind))
                && !(is_count(kind) && (counts || listed))
                || output && is_output(kind, &known)
                || sigma && binds_sigma(statement)
        };
        let wanted: Vec<&Statement> = statements.iter().filter(is_wanted).collect();
        if wanted.len() == statements.len() && wanted.len() == 1 {
            chosen.push(block.clone());
            continue;
        }
        // `$\alpha = 0.9, T = 100$`: of several, those that are needed.
        for statement in wanted {
            let (start, end) = (usize::try_from(statement.span.start), usize::try_from(statement.span.end));
            let (Ok(start), Ok(end)) = (start, end) else { continue };
            if block.range.start <= start && end <= block.range.end {
                chosen.push(Block { range: start..end, outer: start..end, ..block.clone() });
            }
        }
    }
    // A chain of equalities defines several names in one place.
    chosen.dedup();
    chosen
}

/// Whether a statement defines what varies with no step and is no initial state, or a function.
pub(crate) fn is_the_same_at_all_steps(statement: &StatementKind) -> bool {
    match statement {
        StatementKind::Definition { target, .. } => {
            target.time.is_none() && !target.name.canonical.ends_with("_0")
        }
        StatementKind::Function { .. } => true,
        StatementKind::Declaration { .. } | StatementKind::Mark { .. } => false,
    }
}

/// `$B = 32$`, `$W = 4$ workers`: a whole number for a letter that is a matrix elsewhere is a size or a count.
fn is_count(statement: &StatementKind) -> bool {
    let StatementKind::Definition { target, value } = statement else { return false };
    let whole = |number: f64| number >= 2.0 && number.fract() == 0.0;
    let latin = target.name.canonical.starts_with(|first: char| first.is_ascii_uppercase());
    let single = !target.name.canonical.contains('_');
    let number = matches!(value.kind, ExpressionKind::Number(number) if whole(number));
    target.time.is_none() && target.name.upper && latin && single && number
}

/// `The output is $y_t = …$`, where nothing else says what `y_t` is.
fn is_output(statement: &StatementKind, known: &Names) -> bool {
    let StatementKind::Definition { target, value } = statement else { return false };
    let new = !known.defined.contains(&target.name.canonical) && !known.read.contains(&target.name.canonical);
    // `The output of a standard network is $y_t = C s_t$` reads nothing of this cell.
    let mut of_the_cell = false;
    references(value, &mut |read| {
        of_the_cell |= read.time.is_some() && known.defined.contains(&read.name.canonical)
    });
    target.time.is_some() && new && !is_itself(target, value) && of_the_cell
}

/// Whether an expression reads anything.
pub(crate) fn reads(value: &Expression) -> bool {
    value.walk().any(|part| matches!(part.kind, ExpressionKind::Reference(_)))
}

/// Whether what display mathematics reads has its definition in a line of text.
fn is_needed(statement: &StatementKind, known: &Names) -> bool {
    match statement {
        StatementKind::Definition { target, value } => {
            let name = &target.name.canonical;
            // An initial state, `h_0 = 0`, belongs to the state.
            let initial = name.strip_suffix("_0").is_some_and(|state| known.defined.contains(state));
            // `$x_t = 3$` is an example of an input, no definition of it.
            let example = target.time.is_some() && !reads(value);
            // `$x_t = y_{t-1}$`: what is fed back when the network is used.
            let fed_back = matches!(name.as_str(), "x" | "X" | "u")
                && matches!(&value.kind, ExpressionKind::Reference(read)
                    if read.time.is_some_and(|time| time < 0) || known.defined.contains(&read.name.canonical));
            let new = !known.defined.contains(name) && !example && !fed_back && !is_itself(target, value);
            // `\Delta x_t`: two names as long as nothing says that it is one.
            let difference = name.strip_prefix("Delta_").is_some_and(|of| {
                target.time.is_some() && known.read.contains("Delta") && known.read.contains(of)
            });
            initial || (known.read.contains(name) || difference) && new
        }
        StatementKind::Function { name, .. } => {
            known.read.contains(&name.canonical) && !known.defined.contains(&name.canonical)
        }
        StatementKind::Declaration { .. } | StatementKind::Mark { .. } => false,
    }
}

/// True where statements apply the logistic function, or what `\sigma` is instead.
pub(crate) fn applies_sigmoid(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| match &statement.kind {
        StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } => {
            value.walk().any(|part| {
                matches!(
                    part.kind,
                    ExpressionKind::Call(Function::Sigmoid, _)
                        | ExpressionKind::FunctionName(Function::Sigmoid)
                )
            })
        }
        StatementKind::Declaration { .. } | StatementKind::Mark { .. } => false,
    })
}

/// True where a statement says which function `\sigma` is.
pub(crate) fn binds_sigma(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Function { name, .. } if name.canonical == "sigma")
}

/// `$h_t = h(t)$`: two spellings of one value.
fn is_itself(target: &Reference, value: &Expression) -> bool {
    matches!(&value.kind, ExpressionKind::Reference(read) if read.name == target.name && read.time == target.time)
}

/// Marks what the text calls the output, of `statements` that stand in lines of text beside display mathematics.
pub(crate) fn mark_outputs(text: &str, blocks: &[Block], found: &Found, statements: &mut Vec<Statement>) {
    if !blocks.iter().any(|block| block.place == Place::Display) {
        return;
    }
    let inline: Vec<Block> =
        found.blocks.iter().filter(|block| block.place == Place::Inline).cloned().collect();
    let outputs = clause::said(text, &inline).outputs;
    let known = names(statements);
    let mut marks = Vec::new();
    for statement in &*statements {
        let StatementKind::Definition { target, value } = &statement.kind else { continue };
        let start = usize::try_from(statement.span.start).unwrap_or(usize::MAX);
        let before = inline.partition_point(|block| block.range.start <= start);
        let block = before.checked_sub(1).and_then(|at| inline.get(at));
        let said = block.is_some_and(|block| block.range.end > start && outputs.contains(&block.range.start));
        if said && target.time.is_some() && !known.read.contains(&target.name.canonical) && reads(value) {
            let kind = StatementKind::Mark { target: target.clone(), mark: Mark::Output };
            marks.push(Statement { kind, span: statement.span });
        }
    }
    statements.append(&mut marks);
}

/// The inline definitions of a document without display mathematics.
pub(crate) fn definitions(text: &str, inline: &[Block]) -> Vec<Block> {
    let candidates: Vec<Block> = inline.iter().filter(|block| may_define(text, block)).cloned().collect();
    let statements = read(text, &candidates).statements;
    let convention = conventions(text, &candidates);
    let known = names(&statements);
    let headless = headless(text, inline, &known);
    let said = clause::said(text, inline);
    let mut chosen: Vec<Block> = candidates
        .into_iter()
        .filter(|block| {
            let Reading { statements, diagnostics, .. } = read_one(text, block, &convention);
            if statements.is_empty() {
                // An equation with an error in it must not vanish.
                return text[block.range.clone()].contains(['_', '^', '(']) && !diagnostics.is_empty();
            }
            let in_a_case = said.cases.contains(&block.range.start);
            statements.iter().all(|statement| match &statement.kind {
                kind if in_a_case && is_the_same_at_all_steps(kind) => false,
                StatementKind::Definition { target, value } => {
                    !is_itself(target, value)
                        && (target.time.is_some() || known.read.contains(&target.name.canonical))
                }
                StatementKind::Function { name, .. } => known.read.contains(&name.canonical),
                StatementKind::Declaration { .. } | StatementKind::Mark { .. } => false,
            })
        })
        .collect();
    if !chosen.is_empty() {
        chosen.extend(headless);
        let taken: HashSet<usize> = chosen.iter().map(|block| block.range.start).collect();
        let others: Vec<Block> =
            inline.iter().filter(|block| !taken.contains(&block.range.start)).cloned().collect();
        chosen.extend(broken(text, &others, &statements, &convention));
        chosen.sort_by_key(|block| block.range.start);
    }
    chosen
}

/// Blocks that would define an indexed name which `statements` read and do not define, but hold an error: it must not
/// vanish. Where nothing was read at all, any indexed name will do.
pub(crate) fn broken(
    text: &str,
    blocks: &[Block],
    statements: &[Statement],
    convention: &Convention,
) -> Vec<Block> {
    let known = names(statements);
    // `$x_t = E(w_t)$`, `$m_t = [m_1, \ldots]$`, `$x_t \in …$` say where an input comes from, or what it is.
    let input = |name: &String| matches!(name.as_str(), "x" | "X" | "u" | "e");
    let wanted = |name: &String| {
        !input(name) && (statements.is_empty() || known.read.contains(name) && !known.defined.contains(name))
    };
    blocks
        .iter()
        .filter(|block| {
            text.get(block.range.clone()).is_some_and(|inside| {
                let describes = ["\\in", "∈", "dots", "...", "…"].iter().any(|sign| inside.contains(sign));
                inside.contains(['_', '^', '(', '[']) && !describes
            })
        })
        .filter(|block| {
            let Reading { statements, lost, diagnostics, .. } = read_one(text, block, convention);
            statements.is_empty()
                && diagnostics.iter().any(|found| found.is_error())
                && lost.iter().any(|name| name.time.is_some() && wanted(&name.name.canonical))
        })
        .cloned()
        .collect()
}

/// Expressions whose left side stands in the text before them, as in `($\Gamma_u$) $\sigma(W x_t)$`: the equations
/// read the name, so to skip its definition would make it a parameter. Read as they stand they are errors.
fn headless(text: &str, inline: &[Block], known: &Names) -> Vec<Block> {
    inline
        .windows(2)
        .filter_map(|pair| {
            let [name, value] = pair else { return None };
            let (inside, after) = (text.get(name.range.clone())?, text.get(value.range.clone())?);
            let between = text.get(name.range.end..value.range.start)?;
            let expression = after.contains('(') && !may_define(text, value);
            if !expression || may_define(text, name) || inside.len() > 64 || between.contains('\n') {
                return None;
            }
            let definition = format!("{inside} = 0");
            let all = 0..definition.len();
            let block = Block { range: all.clone(), outer: all, ..name.clone() };
            let statements = read(&definition, &[block]).statements;
            let [Statement { kind: StatementKind::Definition { target, .. }, .. }] = statements.as_slice()
            else {
                return None;
            };
            let canonical = &target.name.canonical;
            (known.read.contains(canonical) && !known.defined.contains(canonical)).then(|| value.clone())
        })
        .collect()
}
