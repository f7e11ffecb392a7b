//! What was understood of a cell, in words.

use std::fmt::Write;

use gatewright::compiler::resolve::{Cell, Variable};

/// Inputs, states, values solved by iteration, outputs, parameters and dimensions of a cell, a line each.
pub(crate) fn describe(cell: &Cell) -> String {
    let names = &cell.dimensions;
    let variable = |variable: &Variable| format!("{} {}", variable.name, variable.shape.describe(names));
    let states = cell.states.iter().map(|state| {
        let delayed = if state.hidden { " (made for a delay)" } else { "" };
        format!("{}{delayed}", variable(&state.variable))
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
        ("parameters", cell.parameters.iter().map(variable).collect()),
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
