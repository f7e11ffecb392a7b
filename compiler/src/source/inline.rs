//! Inline mathematics: which of it belongs to the cell.
//!
//! A document explains its equations in lines of text full of `$h_t$`; only what defines a name is looked at, and beside
//! display mathematics only what that reads and does not define.

use std::collections::HashSet;

use super::ast::{Expression, ExpressionKind, Reference, Statement, StatementKind};
use super::convention::Convention;
use super::find::Block;
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

/// Calls `visit` for every name that `expression` reads. Uses a stack of its own, since trees lean to the left.
pub(crate) fn references<'e>(expression: &'e Expression, visit: &mut impl FnMut(&'e Reference)) {
    let mut stack = vec![expression];
    while let Some(expression) = stack.pop() {
        match &expression.kind {
            ExpressionKind::Number(_) | ExpressionKind::FunctionName(_) => {}
            ExpressionKind::Reference(reference) => visit(reference),
            ExpressionKind::Negate(inner)
            | ExpressionKind::Transpose(inner)
            | ExpressionKind::Slice { of: inner, .. }
            | ExpressionKind::Group(inner) => {
                stack.push(inner);
            }
            ExpressionKind::Add(left, right)
            | ExpressionKind::Subtract(left, right)
            | ExpressionKind::Compare(_, left, right)
            | ExpressionKind::Product(_, left, right)
            | ExpressionKind::Divide(left, right)
            | ExpressionKind::Power(left, right) => {
                stack.push(left);
                stack.push(right);
            }
            ExpressionKind::Chain(inner)
            | ExpressionKind::Concatenate(inner)
            | ExpressionKind::Call(_, inner) => {
                stack.extend(inner);
            }
        }
    }
}

/// True where a block may hold a definition: cheap, before it is parsed.
fn may_define(text: &str, block: &Block) -> bool {
    text.get(block.range.clone())
        .is_some_and(|inside| inside.contains('=') || inside.contains("leftarrow") || inside.contains('←'))
}

/// The inline definitions that display mathematics reads and does not define.
pub(crate) fn needed(
    text: &str,
    inline: &[Block],
    display: &[Statement],
    convention: &Convention,
) -> Vec<Block> {
    let known = names(display);
    let broken: HashSet<usize> =
        broken(text, inline, display, convention).iter().map(|block| block.range.start).collect();
    inline
        .iter()
        .filter(|block| broken.contains(&block.range.start) || may_define(text, block))
        .filter(|block| {
            if broken.contains(&block.range.start) {
                return true;
            }
            let Reading { statements, diagnostics, .. } = read_one(text, block, convention);
            // What makes the whole document no cell must not vanish.
            let second = |found: &Diagnostic| found.code == Code::SecondIndex;
            let alone = || read(text, std::slice::from_ref(block));
            if diagnostics.iter().any(second) || alone().diagnostics.iter().any(second) {
                return true;
            }
            let [statement] = statements.as_slice() else { return false };
            match &statement.kind {
                StatementKind::Definition { target, value } => {
                    let name = &target.name.canonical;
                    // An initial state, `h_0 = 0`, belongs to the state.
                    let initial = name.strip_suffix("_0").is_some_and(|state| known.defined.contains(state));
                    // `$x_t = 3$` is an example of an input, no definition of it.
                    let example = target.time.is_some() && matches!(value.kind, ExpressionKind::Number(_));
                    let new = !known.defined.contains(name) && !example && !is_itself(target, value);
                    initial || known.read.contains(name) && new
                }
                StatementKind::Function { name, .. } => {
                    known.read.contains(&name.canonical) && !known.defined.contains(&name.canonical)
                }
                StatementKind::Declaration { .. } | StatementKind::Mark { .. } => false,
            }
        })
        .cloned()
        .collect()
}

/// `$h_t = h(t)$`: two spellings of one value.
fn is_itself(target: &Reference, value: &Expression) -> bool {
    matches!(&value.kind, ExpressionKind::Reference(read) if read.name == target.name && read.time == target.time)
}

/// The inline definitions of a document without display mathematics.
pub(crate) fn definitions(text: &str, inline: &[Block]) -> Vec<Block> {
    let candidates: Vec<Block> = inline.iter().filter(|block| may_define(text, block)).cloned().collect();
    let statements = read(text, &candidates).statements;
    let convention = conventions(text, &candidates);
    let known = names(&statements);
    let headless = headless(text, inline, &known);
    let mut chosen: Vec<Block> = candidates
        .into_iter()
        .filter(|block| {
            let Reading { statements, diagnostics, .. } = read_one(text, block, &convention);
            if statements.is_empty() {
                // An equation with an error in it must not vanish.
                return text[block.range.clone()].contains(['_', '^', '(']) && !diagnostics.is_empty();
            }
            statements.iter().all(|statement| match &statement.kind {
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
            let Reading { statements, lost, diagnostics } = read_one(text, block, convention);
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
