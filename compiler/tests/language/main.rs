//! The equation language: small equation sets, and what must come out.
//!
//! `reference` runs the examples of `LANGUAGE.md`, which says every rule. The other files, one for each part of the
//! language, hold what that page does not: messages, numbers, variations. A cell is compared by its roles and shapes, or
//! with another spelling of itself; a refusal by its code.

mod codes;
mod cycles;
mod definitions;
mod dimensions;
mod errors;
mod explanations;
mod keyboard;
mod notation;
mod notes;
mod products;
mod reference;
mod slices;
mod slips;
mod states;
mod writing;

use std::fmt::Write as _;

use gatewright_compiler::diagnostic::Diagnostic;
use gatewright_compiler::graph::{Graph, Sameness, lower};
use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options};
use gatewright_compiler::simplify::simplify;
use gatewright_compiler::source::Syntax;

/// The spelling of a test's equations: LaTeX where there is a command or a dollar sign, else plain text.
fn syntax(text: &str) -> Syntax {
    match text {
        _ if text.contains('$') || text.contains("```") => Syntax::Markdown,
        _ if text.contains('\\') || text.contains("^{") || text.contains("_{x") => Syntax::Latex,
        _ => Syntax::Text,
    }
}

fn try_read(text: &str) -> Result<Cell, Vec<Diagnostic>> {
    read(text, syntax(text), None, &Options::default())
}

#[track_caller]
fn cell(text: &str) -> Cell {
    try_read(text).unwrap_or_else(|found| panic!("{text}\nis refused: {}", listed(&found)))
}

fn listed(found: &[Diagnostic]) -> String {
    let lines = found.iter().map(|one| format!("{} {}", one.code.as_str(), one.message));
    lines.collect::<Vec<_>>().join("\n")
}

/// Roles and shapes: `x[x] -> h[h]; h[h]; W[h, x] …` as inputs, outputs, states, parameters and constants.
fn roles(cell: &Cell) -> String {
    let names = &cell.dimensions;
    let mut out = String::new();
    let mut part = |separator: &str, entries: Vec<String>| {
        let _ = write!(out, "{separator}{}", entries.join(" "));
    };
    let shape = |shape: &gatewright_compiler::shape::Shape| shape.describe(names);
    part("", cell.inputs.iter().map(|one| format!("{}{}", one.name, shape(&one.shape))).collect());
    let output = |one: &gatewright_compiler::resolve::Output| {
        format!("{}{}", one.name, shape(&cell.terms[one.value.0 as usize].shape))
    };
    part(" -> ", cell.outputs.iter().map(output).collect());
    let states = cell.states.iter().filter(|state| !state.hidden);
    part("; ", states.map(|one| format!("{}{}", one.variable.name, shape(&one.variable.shape))).collect());
    part("; ", cell.parameters.iter().map(|one| format!("{}{}", one.name, shape(&one.shape))).collect());
    if !cell.constants.is_empty() {
        part("; ", cell.constants.iter().map(|(name, value)| format!("{name}={value}")).collect());
    }
    out
}

/// States that the equations are accepted with these roles and shapes.
#[track_caller]
fn accept(text: &str, expected: &str) {
    let found = roles(&cell(text));
    assert_eq!(found, expected, "\n{text}");
}

fn graph(text: &str, cell: &Cell) -> Graph {
    simplify(&lower(cell).unwrap_or_else(|error| panic!("{text}\n{error}")))
}

/// True where two equation sets are one cell, names included.
#[track_caller]
fn compare(one: &str, other: &str) -> bool {
    let (first, second) = (cell(one), cell(other));
    match graph(one, &first).compare(&graph(other, &second)) {
        Sameness::Same(names) => names.iter().all(|(from, to)| from == to),
        Sameness::Different => false,
        Sameness::Unknown => panic!("{one}\nand\n{other}\ncannot be compared"),
    }
}

/// States that all spellings are one cell, with the same names.
#[track_caller]
fn same(spellings: &[&str]) {
    let [first, others @ ..] = spellings else { panic!("nothing to compare") };
    for other in others {
        assert!(compare(first, other), "{first}\nis another cell than\n{other}");
    }
}

/// States that two equation sets are different cells.
#[track_caller]
fn differ(one: &str, other: &str) {
    assert!(!compare(one, other), "{one}\nis the same cell as\n{other}");
}

/// Codes of all findings of one severity.
fn codes(found: &[Diagnostic], errors: bool) -> Vec<&'static str> {
    let wanted = found.iter().filter(|one| (one.is_error()) == errors);
    wanted.map(|one| one.code.as_str()).collect()
}

/// States that the equations are refused with exactly these errors.
#[track_caller]
fn refuse(text: &str, expected: &[&str]) -> Vec<Diagnostic> {
    match try_read(text) {
        Ok(cell) => panic!("{text}\nis accepted: {}", roles(&cell)),
        Err(found) => {
            assert_eq!(codes(&found, true), expected, "\n{text}\n{}", listed(&found));
            found
        }
    }
}

/// States that the equations are accepted with exactly these warnings and notes.
#[track_caller]
fn note(text: &str, expected: &[&str]) -> Vec<Diagnostic> {
    let found = cell(text).diagnostics;
    assert_eq!(codes(&found, false), expected, "\n{text}\n{}", listed(&found));
    found
}

/// The cell under a resolution of cycles.
fn with_cycle(text: &str, cycle: CyclePolicy) -> Result<Cell, Vec<Diagnostic>> {
    read(text, syntax(text), None, &Options { cycle, ..Options::default() })
}
