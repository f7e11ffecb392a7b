//! `gatewright zoo`: the published cells that come with the compiler.

use clap::Args;
use gatewright::compiler::graph::lower;
use gatewright::compiler::resolve::{Cell, Variable};
use gatewright::zoo::{ALL, Entry};
use serde::Serialize;

use crate::check::PortRow;
use crate::failure::Failure;
use crate::print::{answer, answer_line};
use crate::session::{ZOO, zoo_entry};

/// List the published cells that come with the compiler, or print the file of one; other subcommands take `zoo:NAME`
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Only this cell: its equations, with paper and year
    name: Option<String>,
    /// A JSON array with states, parameters and dependent recurrent products per step; with a name one object
    #[arg(long)]
    json: bool,
}

/// A cell for programs. What is read off the equations is null where the compiler does not read them yet.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    year: u16,
    reference: &'static str,
    inputs: Option<Vec<PortRow>>,
    states: Option<Vec<StateRow>>,
    outputs: Option<Vec<String>>,
    parameters: Option<Vec<PortRow>>,
    frozen: &'static [&'static str],
    recurrent_products: Option<usize>,
    lacks: Option<&'static str>,
}

/// What one step hands to the next, by the name in the equations: a state, or an input that is read again later.
#[derive(Serialize)]
struct StateRow {
    #[serde(flatten)]
    port: PortRow,
    /// The oldest value that is read: 1 for `h_{t-1}`.
    delay: u32,
}

/// The states of the equations. Those that the compiler makes for delays are counted with the name they are of.
fn states(cell: &Cell) -> Vec<StateRow> {
    let mut rows: Vec<StateRow> = Vec::new();
    for state in &cell.states {
        let (name, delay) = state.delay();
        match rows.iter_mut().find(|row| row.port.name == name) {
            Some(row) => row.delay = row.delay.max(delay),
            None => {
                let port = PortRow::new(name, &state.variable.shape, &cell.dimensions);
                rows.push(StateRow { port, delay });
            }
        }
    }
    rows
}

impl Row {
    fn new(entry: &Entry) -> Result<Self, Failure> {
        let cell = match entry.read() {
            Ok(cell) => Some(cell),
            Err(_) if entry.lacks.is_some() => None,
            Err(error) => return Err(Failure::Equations(error.to_string())),
        };
        let products = cell.as_ref().map(|cell| lower(cell).map(|graph| graph.recurrent_products()));
        let products = products.transpose().map_err(|error| Failure::data(error.to_string()))?;
        let row = |cell: &Cell, variable: &Variable| {
            PortRow::new(&variable.name, &variable.shape, &cell.dimensions)
        };
        let rows = |cell: &Cell, variables: &[Variable]| -> Vec<PortRow> {
            variables.iter().map(|variable| row(cell, variable)).collect()
        };
        Ok(Self {
            name: entry.name,
            title: entry.title,
            year: entry.year,
            reference: entry.reference,
            inputs: cell.as_ref().map(|cell| rows(cell, &cell.inputs)),
            states: cell.as_ref().map(states),
            outputs: cell
                .as_ref()
                .map(|cell| cell.outputs.iter().map(|output| output.name.clone()).collect()),
            parameters: cell.as_ref().map(|cell| rows(cell, &cell.parameters)),
            frozen: entry.frozen,
            recurrent_products: products,
            lacks: entry.lacks,
        })
    }
}

/// Runs the subcommand.
pub(crate) fn zoo(arguments: &Arguments) -> Result<(), Failure> {
    let named = arguments.name.as_deref().map(|name| zoo_entry(name.strip_prefix(ZOO).unwrap_or(name)));
    let named = named.transpose()?;
    if arguments.json {
        let json = match named {
            Some(entry) => serde_json::to_string(&Row::new(entry)?),
            None => serde_json::to_string(&ALL.iter().map(Row::new).collect::<Result<Vec<_>, _>>()?),
        };
        answer_line!("{}", json.map_err(|error| Failure::data(error.to_string()))?)?;
        return Ok(());
    }
    if let Some(entry) = named {
        answer!("{}", entry.text)?;
        if let Some(lacks) = entry.lacks {
            eprintln!("note: this cell does not compile yet: the compiler lacks {lacks}");
        }
        return Ok(());
    }
    let width = ALL.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in ALL {
        let lacks = entry.lacks.map(|lacks| format!(" [does not compile yet: {lacks}]")).unwrap_or_default();
        answer_line!("{:width$}  {}  {}{lacks}", entry.name, entry.year, entry.title)?;
    }
    Ok(())
}
