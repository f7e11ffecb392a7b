//! Remarks on definitions in lines of text beside display mathematics: which constants are taken from there, and what is not
//! read though equations have the name. Without them a parameter would be a constant, or a constant learned, in silence.

use std::collections::HashSet;

use super::ast::{ExpressionKind, Function, Statement, StatementKind};
use super::find::{Block, Found, Place};
use super::{Reading, conventions, finding, inline, read_one, spoken};
use crate::diagnostic::{Code, Diagnostic};

/// Adds the remarks on a text whose `blocks` were read as `statements`.
pub(super) fn remark(
    text: &str,
    found: &Found,
    blocks: &[Block],
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !blocks.iter().any(|block| block.place == Place::Display) {
        return;
    }
    for statement in statements {
        let StatementKind::Definition { target, value } = &statement.kind else { continue };
        let start = usize::try_from(statement.span.start).unwrap_or(usize::MAX);
        let at = blocks.partition_point(|block| block.range.start <= start);
        let of_text = at.checked_sub(1).is_some_and(|at| blocks[at].place == Place::Inline);
        if of_text && inline::is_the_same_at_all_steps(&statement.kind) && !inline::reads(value) {
            let message = format!("`{}` is a constant, as the text says here", target.name.canonical);
            diagnostics.push(finding(Code::SpokenConstant, message, statement.span));
        }
    }
    let taken: HashSet<usize> = blocks.iter().map(|block| block.range.start).collect();
    let others: Vec<&Block> = found
        .blocks
        .iter()
        .filter(|block| block.place == Place::Inline && !taken.contains(&block.range.start))
        .filter(|block| inline::may_define(text, block))
        .collect();
    if others.is_empty() {
        return;
    }
    let convention = conventions(text, blocks);
    let (open, applied) = (spoken::open(statements), applied(statements));
    for block in others {
        let Reading { statements, lost, diagnostics: why, anew, .. } = read_one(text, block, &convention);
        for statement in &statements {
            if let StatementKind::Definition { target, .. } = &statement.kind
                && inline::is_the_same_at_all_steps(&statement.kind)
                && open.contains(&target.name.canonical)
            {
                let name = &target.name.canonical;
                let message =
                    format!("`{name}` is learned: this is taken to hold in a case, or for another `{name}`");
                diagnostics.push(finding(Code::SpokenConstant, message, statement.span));
            }
        }
        if !statements.is_empty() || !why.iter().any(Diagnostic::is_error) {
            continue;
        }
        let span = super::text::place(0, block.range.start, block.range.end);
        for name in lost.iter().filter(|name| name.time.is_none() && open.contains(&name.name.canonical)) {
            let message =
                format!("what this says of `{}` could not be read: it is learned", name.name.canonical);
            diagnostics.push(finding(Code::UnreadText, message, span));
        }
        // `\sigma` is a sign for much: what else it is in a line of text is another thing.
        let meant = |function: &&Function| **function != Function::Sigmoid && applied.contains(function);
        for function in anew.iter().filter(meant) {
            let name = super::name::function_name(*function);
            let message = format!("`{name}` is another function here than the known one, which is taken");
            diagnostics.push(finding(Code::UnreadText, message, span));
        }
    }
}

/// The known functions that statements apply.
fn applied(statements: &[Statement]) -> HashSet<Function> {
    let mut applied = HashSet::new();
    for statement in statements {
        if let StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } =
            &statement.kind
        {
            applied.extend(value.walk().filter_map(|part| match part.kind {
                ExpressionKind::Call(function, _) => Some(function),
                _ => None,
            }));
        }
    }
    applied
}
