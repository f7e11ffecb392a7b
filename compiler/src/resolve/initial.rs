//! Where states begin: `h_0 = 0`, `q_0 = 1`, `h^{(0)} = s`, `c_{-1} = \tanh(s)`.
//!
//! Such an equation defines a value from parameters alone, like any other that is computed once. It says where a state
//! begins if its label counts the steps of the state: `h_0` for `h`, where `h` is carried on, and for an input that is
//! read at an earlier step.
//!
//! The newest label is the time before the first step: where a document gives `h_0`, its first step computes `h_1`;
//! where it gives `h_{-1}`, `h_0`. A value that is read `k` steps back needs `k` of them; those not given are zero.
//!
//! So `h_0` beside a state `h` is no name for a weight: read where no equation gives it, it is an error.

use super::draft::Draft;
use super::expression::{Role, SymbolId};
use super::variable::Variables;
use crate::diagnostic::Code;

/// Fills `initial` of the draft.
pub(super) fn find(draft: &mut Draft, variables: &Variables) {
    not_given(draft, variables);
    let mut found: Vec<(SymbolId, i64, usize)> = Vec::new();
    for (index, equation) in draft.equations.iter().enumerate() {
        let Some((base, label)) = step_label(&draft.symbol(equation.target).canonical) else { continue };
        let carried = |id: &SymbolId| variables.state_number.keys().any(|(state, _)| state == id);
        if let (None, Some(base)) = (equation.time, draft.lookup(base).filter(carried)) {
            found.push((base, label, index));
        }
    }
    // The time index of the first step: one more than the newest label.
    let first = found.iter().map(|(base, label, _)| label + 1 - draft.symbol(*base).shift).max();
    for (base, label, index) in found {
        let back = first.unwrap_or(1) + draft.symbol(base).shift - label;
        let (span, name) = (draft.equations[index].span, draft.symbol(base).canonical.clone());
        let target = draft.equations[index].target;
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        if draft.symbol(target).role == Role::PerStep {
            draft
                .findings
                .report(
                    Code::InitialState,
                    span,
                    format!("`{name}` would begin at a value that varies in time"),
                )
                .help("an initial state is a number, a parameter, or made of these");
        } else if !variables.state_number.contains_key(&(base, back)) {
            draft
                .findings
                .report(Code::InitialState, span, format!("no equation reads `{name}` this far back"))
                .help("remove this equation, or correct its label");
        } else {
            draft.initial.insert((base, back), index);
        }
    }
}

/// `h_t = … + h_0`: the beginning of a state, which no equation gives, would be learned as a weight of its own.
fn not_given(draft: &mut Draft, variables: &Variables) {
    let carried = |id: SymbolId| variables.state_number.contains_key(&(id, 1));
    let mut found = Vec::new();
    for &parameter in &variables.parameters {
        let symbol = draft.symbol(parameter);
        if let Some((base, 0)) = step_label(&symbol.canonical)
            && draft.lookup(base).is_some_and(carried)
        {
            found.push((symbol.first, symbol.canonical.clone(), base.to_owned()));
        }
    }
    for (span, name, base) in found {
        let message = format!("`{name}` is where the state `{base}` begins, but no equation gives it");
        draft
            .findings
            .report(Code::InitialState, span, message)
            .help(format!("give it, as in `{name} = 0` or `{name} = s`, or give a weight another label"));
    }
}

/// `h_0` is `h` at 0, `h_minus_1` at -1; `None` where no such label ends the name.
pub(super) fn step_label(name: &str) -> Option<(&str, i64)> {
    let (base, last) = name.rsplit_once('_')?;
    let label: i64 = last.parse().ok().filter(|_| last.bytes().all(|byte| byte.is_ascii_digit()))?;
    match base.strip_suffix("_minus") {
        Some(base) => Some((base, -label)),
        None => (label == 0).then_some((base, 0)),
    }
}
