//! Tests over documents as they are written.

mod document;
mod findings;
mod golden;
mod hostile;
mod meaning;
mod operators;

use crate::resolve::{Cell, CyclePolicy, Options, resolve};
use crate::source::{Syntax, parse};
use crate::span::Span;
use std::fmt::Write as _;

/// Roles and shapes of a cell, and what was found, as text.
fn describe(text: &str, cycle: CyclePolicy) -> String {
    let parsed = parse(text, Syntax::Latex, None);
    assert!(parsed.diagnostics.is_empty(), "{:#?}", parsed.diagnostics);
    let mut out = String::new();
    let diagnostics = match resolve(&parsed.document, &Options { cycle, ..Options::default() }) {
        Ok(cell) => {
            out.push_str(&roles(&cell));
            cell.diagnostics
        }
        Err(diagnostics) => diagnostics,
    };
    for diagnostic in &diagnostics {
        let code = diagnostic.code.as_str();
        let _ = writeln!(out, "{code} {}: {}", excerpt(text, diagnostic.span), diagnostic.message);
        for (span, remark) in &diagnostic.labels {
            let _ = writeln!(out, "  {}: {remark}", excerpt(text, *span));
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    out
}

fn roles(cell: &Cell) -> String {
    let names = &cell.dimensions;
    let mut out = String::new();
    let mut line = |title: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            let _ = writeln!(out, "{title} {}", entries.join(" "));
        }
    };
    let variable = |one: &crate::resolve::Variable| format!("{}{}", one.name, one.shape.describe(names));
    line("inputs", cell.inputs.iter().map(variable).collect());
    line("states", cell.states.iter().map(|state| variable(&state.variable)).collect());
    line("unknowns", cell.unknowns.iter().map(|unknown| variable(&unknown.variable)).collect());
    line("parameters", cell.parameters.iter().map(variable).collect());
    line("constants", cell.constants.iter().map(|(name, value)| format!("{name}={value}")).collect());
    line("order", cell.definitions.iter().map(|definition| definition.name.clone()).collect());
    line(
        "outputs",
        cell.outputs
            .iter()
            .map(|output| {
                let shape = &cell.terms[output.value.0 as usize].shape;
                format!("{}{}", output.name, shape.describe(names))
            })
            .collect(),
    );
    out
}

/// `line:column` and the text of a place.
fn excerpt(text: &str, span: Span) -> String {
    let before = &text[..span.start as usize];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    let content = text[span.start as usize..span.end as usize].replace('\n', " ");
    format!("{line}:{column} `{content}`")
}
