//! The forward equations with times counted from the step: `h_{t+1} = f(h_t)` becomes `h_t = f(h_{t-1})`.

use std::collections::BTreeMap;

use crate::source::ast::{Document, Expression, ExpressionKind, Reference, StatementKind};

/// The document with every definition at `t` and the newest read of every input at `t`, and a remark for each name that
/// was moved.
pub(super) fn normalise(document: &Document) -> (Document, Vec<String>) {
    let mut defined: BTreeMap<String, i32> = BTreeMap::new();
    let mut newest: BTreeMap<String, i32> = BTreeMap::new();
    let mut document = document.clone();
    each_reference(&mut document, |reference, is_target| {
        let Some(time) = reference.time else { return };
        let name = reference.name.canonical.clone();
        if is_target {
            defined.entry(name).or_insert(time);
        } else {
            let known = newest.entry(name).or_insert(time);
            *known = time.max(*known);
        }
    });
    let shift_of = |name: &str| defined.get(name).or_else(|| newest.get(name)).copied().unwrap_or(0);
    let mut remarks: BTreeMap<String, String> = BTreeMap::new();
    each_reference(&mut document, |reference, _| {
        let shift = shift_of(&reference.name.canonical);
        if let (Some(time), true) = (reference.time, shift != 0) {
            reference.time = Some(time.saturating_sub(shift));
            let name = &reference.name.canonical;
            let remark = format!("{name}_{{t{shift:+}}} of the document is {name}_t here");
            remarks.entry(name.clone()).or_insert(remark);
        }
    });
    (document, remarks.into_values().collect())
}

/// Calls `visit` with every name and whether it stands on the left.
fn each_reference(document: &mut Document, mut visit: impl FnMut(&mut Reference, bool)) {
    for statement in &mut document.statements {
        match &mut statement.kind {
            StatementKind::Definition { target, value } => {
                visit(target, true);
                each_read(value, &mut visit);
            }
            StatementKind::Function { body, .. } => each_read(body, &mut visit),
            StatementKind::Declaration { target, .. } | StatementKind::Mark { target, .. } => {
                visit(target, false)
            }
        }
    }
}

fn each_read(root: &mut Expression, visit: &mut impl FnMut(&mut Reference, bool)) {
    let mut stack = vec![root];
    while let Some(expression) = stack.pop() {
        if let ExpressionKind::Reference(reference) = &mut expression.kind {
            visit(reference, false);
        }
        stack.extend(expression.operands_mut());
    }
}
