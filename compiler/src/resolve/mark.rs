//! Names that are said to be for something: `W: frozen`, `y_t: output`, and the same by options.

use super::collect::target_name;
use super::draft::Draft;
use super::expression::{Role, SymbolId};
use super::role;
use super::variable::Variables;
use crate::diagnostic::Code;
use crate::source::ast::{Document, Mark, StatementKind};
use crate::source::nearest;
use crate::span::Span;

/// Fills `frozen` and `outputs` of the draft; chooses the output where none is named.
pub(super) fn apply(draft: &mut Draft, document: &Document, variables: &Variables) {
    let mut marks: Vec<(String, Mark, Span)> = Vec::new();
    for statement in &document.statements {
        if let StatementKind::Mark { target, mark } = &statement.kind {
            marks.push((target_name(&target.name), *mark, target.span));
        }
    }
    let options = |names: &[String], mark: Mark| -> Vec<_> {
        names.iter().map(|name| (name.clone(), mark, Span::default())).collect()
    };
    marks.extend(options(&draft.options.outputs, Mark::Output));
    marks.extend(options(&draft.options.frozen, Mark::Frozen));
    for (name, mark, span) in marks {
        let known = draft.lookup(&name).filter(|id| fits(draft, variables, *id, mark));
        match (known, mark) {
            (Some(id), Mark::Frozen) => {
                draft.frozen.insert(id);
            }
            (Some(id), Mark::Output) if draft.outputs.contains(&id) => {}
            (Some(id), Mark::Output) => draft.outputs.push(id),
            (None, _) => report(draft, variables, &name, mark, span),
        }
    }
    if draft.outputs.is_empty() {
        draft.outputs.extend(role::output(draft, &variables.states));
        draft.output_chosen = true;
    }
}

fn fits(draft: &Draft, variables: &Variables, id: SymbolId, mark: Mark) -> bool {
    let known = draft.symbol(id);
    draft.lost.contains(&id)
        || match mark {
            Mark::Frozen => variables.parameters.contains(&id),
            Mark::Output => known.role == Role::PerStep && !known.definitions.is_empty(),
        }
}

fn report(draft: &mut Draft, variables: &Variables, name: &str, mark: Mark, span: Span) {
    let candidates: Vec<String> = (0..draft.symbols.len())
        .map(SymbolId)
        .filter(|id| fits(draft, variables, *id, mark))
        .map(|id| draft.symbol(id).canonical.clone())
        .collect();
    let message = match mark {
        Mark::Frozen => format!("`{name}` is to be frozen, but it is no parameter"),
        Mark::Output => format!("`{name}` is to be an output, but no equation defines it at each step"),
    };
    let help = match nearest(name, candidates.iter().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("there are {}", candidates.iter().take(12).cloned().collect::<Vec<_>>().join(", ")),
    };
    let found = draft.findings.report(Code::NoSuchName, span, message);
    if !candidates.is_empty() {
        found.help(help);
    }
}
