//! `gatewright check`: what the equations mean, and what is wrong with them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gatewright::compiler::diagnostic::{Diagnostic, line_column};
use gatewright::compiler::resolve::{Cell, Variable};
use gatewright::compiler::shape::Shape;
use serde::Serialize;

use crate::arguments::SourceArguments;
use crate::describe::describe;
use crate::explain::print_explanation;
use crate::failure::Failure;
use crate::print::{answer, answer_line, message};
use crate::same::same;
use crate::session::{Source, Unread};

/// Read equations and say what they mean: inputs, states, outputs, parameters with symbolic shapes, notes, errors
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Option<SourceArguments>,
    /// With --same: the cell to compare with, read as FILE is
    #[arg(requires = "same")]
    other: Option<PathBuf>,
    /// Say whether FILE and OTHER are one cell, whatever names and order they use; exit code 1 where they are not
    #[arg(long, requires = "other", conflicts_with_all = ["format", "section"])]
    same: bool,
    /// Say what a code means, such as GW0201, and read nothing
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people; findings go to standard error
    Text,
    /// One JSON object on standard output, findings included, also where the equations are wrong
    Json,
}

/// A name with its symbolic shape, such as `["h", "h + x"]`.
#[derive(Serialize)]
pub(crate) struct PortRow {
    pub(crate) name: String,
    shape: Vec<String>,
}

impl PortRow {
    /// The row of a port of a cell with dimensions of these names.
    pub(crate) fn new(name: &str, shape: &Shape, names: &[String]) -> Self {
        let shape = shape.axes().into_iter().map(|axis| axis.describe(names)).collect();
        Self { name: name.to_owned(), shape }
    }
}

#[derive(Serialize)]
struct ConstantRow {
    name: String,
    value: f64,
}

#[derive(Serialize)]
struct DiagnosticRow {
    code: &'static str,
    severity: &'static str,
    message: String,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Default, Serialize)]
struct Report {
    inputs: Vec<PortRow>,
    states: Vec<PortRow>,
    /// Values that the equations of a step are solved for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    solved: Vec<PortRow>,
    outputs: Vec<PortRow>,
    parameters: Vec<PortRow>,
    frozen: Vec<String>,
    constants: Vec<ConstantRow>,
    dims: Vec<String>,
    diagnostics: Vec<DiagnosticRow>,
}

/// Runs the subcommand.
pub(crate) fn check(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(code) = &arguments.explain {
        return print_explanation(code);
    }
    let Some(source) = &arguments.source else {
        return Err(Failure::usage("a file is needed: gatewright check FILE"));
    };
    if let Some(other) = &arguments.other {
        return same(source, &SourceArguments { file: other.clone(), ..source.clone() });
    }
    let source = match Source::read(source) {
        Ok(source) => source,
        Err(unread) => {
            if arguments.format == Format::Json {
                answer_json(&Report { diagnostics: vec![unread_row(&unread)], ..Report::default() })?;
            }
            return Err(unread.into());
        }
    };
    let (cell, diagnostics, failed) = match source.findings() {
        Ok(mut cell) => {
            let diagnostics = std::mem::take(&mut cell.diagnostics);
            (Some(cell), diagnostics, false)
        }
        Err(diagnostics) => (None, diagnostics, true),
    };
    match arguments.format {
        Format::Text => {
            if let Some(cell) = &cell {
                answer!("{}", describe(cell))?;
            }
            message(format_args!("{}", source.render(&diagnostics)));
        }
        Format::Json => {
            let mut report = cell.as_ref().map_or_else(Report::default, report);
            report.diagnostics = diagnostics.iter().map(|diagnostic| row(&source, diagnostic)).collect();
            answer_json(&report)?;
        }
    }
    // Whatever is wrong has been printed.
    if failed { Err(Failure::Equations(String::new())) } else { Ok(()) }
}

fn answer_json(report: &Report) -> Result<(), Failure> {
    let json = serde_json::to_string(report).map_err(|error| Failure::data(error.to_string()))?;
    answer_line!("{json}")
}

/// What keeps a file from being read, as a finding about it.
fn unread_row(unread: &Unread) -> DiagnosticRow {
    DiagnosticRow {
        code: unread.code.as_str(),
        severity: unread.code.severity().name(),
        message: unread.message.clone(),
        line: unread.line,
        column: unread.column,
        help: Some(unread.help().to_owned()),
    }
}

fn report(cell: &Cell) -> Report {
    let names = &cell.dimensions;
    let variable = |variable: &Variable| PortRow::new(&variable.name, &variable.shape, names);
    Report {
        inputs: cell.inputs.iter().map(variable).collect(),
        states: cell.states.iter().map(|state| variable(&state.variable)).collect(),
        solved: cell.unknowns.iter().map(|unknown| variable(&unknown.variable)).collect(),
        outputs: cell
            .outputs
            .iter()
            .filter_map(|output| {
                let shape = &cell.terms.get(output.value.0 as usize)?.shape;
                Some(PortRow::new(&output.name, shape, names))
            })
            .collect(),
        parameters: cell.parameters.iter().map(variable).collect(),
        frozen: cell.parameters.iter().filter(|one| one.frozen).map(|one| one.name.clone()).collect(),
        constants: cell
            .constants
            .iter()
            .map(|(name, value)| ConstantRow { name: name.clone(), value: *value })
            .collect(),
        dims: names.clone(),
        diagnostics: Vec::new(),
    }
}

fn row(source: &Source, diagnostic: &Diagnostic) -> DiagnosticRow {
    let (line, column) = line_column(&source.text, diagnostic.span.start);
    DiagnosticRow {
        code: diagnostic.code.as_str(),
        severity: diagnostic.code.severity().name(),
        message: diagnostic.message.clone(),
        line,
        column,
        help: diagnostic.help.clone(),
    }
}
