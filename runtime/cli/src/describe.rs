//! What was understood of a cell, in words.

use std::fmt::Write;

use gatewright::compiler::operator::Operator;
use gatewright::compiler::resolve::{Cell, State, TermId, Variable};

/// Inputs, states, values solved by iteration, outputs, parameters and dimensions of a cell, a line each.
pub(crate) fn describe(cell: &Cell) -> String {
    let names = &cell.dimensions;
    let variable = |variable: &Variable| format!("{} {}", variable.name, variable.shape.describe(names));
    let parameter =
        |one: &Variable| if one.frozen { format!("{} (frozen)", variable(one)) } else { variable(one) };
    let states = cell.states.iter().map(|state| {
        let delayed = if state.hidden { " (made for a delay)" } else { "" };
        format!("{}{delayed}{}", variable(&state.variable), beginning(cell, state))
    });
    let outputs = cell.outputs.iter().map(|output| {
        let shape = cell.terms.get(output.value.0 as usize).map(|term| term.shape.describe(names));
        format!("{} {}", output.name, shape.unwrap_or_default())
    });
    let constants = cell.constants.iter().map(|(name, value)| format!("{name} = {value}"));
    let mut text = String::new();
    for (title, rows) in [
        ("inputs", cell.inputs.iter().map(variable).collect::<Vec<_>>()),
        ("states", states.collect()),
        ("solved", cell.unknowns.iter().map(|unknown| variable(&unknown.variable)).collect()),
        ("outputs", outputs.collect()),
        ("parameters", cell.parameters.iter().map(parameter).collect()),
        ("constants", constants.collect()),
        ("dimensions", names.clone()),
    ] {
        if !rows.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{title:<11} {}", rows.join(", "));
        }
    }
    text
}

/// Where a state begins, if not at zero.
fn beginning(cell: &Cell, state: &State) -> String {
    let Some(initial) = state.initial else { return String::new() };
    let term = |id: TermId| cell.terms.get(id.0 as usize);
    let inner = |id: TermId| match term(id).map(|term| (&term.operator, term.operands.as_slice())) {
        Some((Operator::Broadcast(_) | Operator::BroadcastMatrix(..), &[scalar])) => scalar,
        _ => id,
    };
    match term(inner(initial)).map(|term| &term.operator) {
        Some(Operator::Constant(bits)) => format!(" (begins at {})", f64::from_bits(*bits)),
        _ => " (begins at a value of the parameters)".to_owned(),
    }
}
