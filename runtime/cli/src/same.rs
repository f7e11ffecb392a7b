//! `gatewright check A B --same`: whether two files hold one cell, and where they part if not.

use gatewright::compiler::diagnostic::line_column;
use gatewright::compiler::graph::{Graph, Sameness, lower};
use gatewright::compiler::simplify::simplify;

use crate::arguments::SourceArguments;
use crate::failure::Failure;
use crate::print::answer_line;
use crate::session::Checked;

/// A cell with its simplified graph, whose labels count the definitions.
struct Side {
    checked: Checked,
    graph: Graph,
}

impl Side {
    fn read(arguments: &SourceArguments) -> Result<Self, Failure> {
        let checked = Checked::read(arguments)?;
        let mut numbered = checked.cell.clone();
        for (number, definition) in numbered.definitions.iter_mut().enumerate() {
            definition.name = number.to_string();
        }
        let graph = lower(&numbered).map_err(|error| Failure::data(error.to_string()))?;
        Ok(Self { checked, graph: simplify(&graph) })
    }

    fn path(&self) -> &str {
        &self.checked.source.path
    }

    /// The first equation, with its place, that computes what nothing in the other cell does.
    fn first_difference(&self, other: &Self) -> Option<String> {
        let missing = self.graph.unmatched(&other.graph);
        let label = missing.first().and_then(|&id| self.graph.labels(id).first())?;
        let definition = self.checked.cell.definitions.get(label.parse::<usize>().ok()?)?;
        let text = &self.checked.source.text;
        let (line, column) = line_column(text, definition.span.start);
        let equation = text.get(definition.span.start as usize..definition.span.end as usize)?;
        let equation = equation.split_whitespace().collect::<Vec<_>>().join(" ").replace("&=", "=");
        Some(format!(
            "{}:{line}:{column}: nothing in {} computes `{}`",
            self.path(),
            other.path(),
            equation.trim_end_matches([',', '.', ';'])
        ))
    }

    /// The names of inputs, states, outputs and parameters, and of the states that begin where the equations say.
    fn names(&self) -> [(&'static str, Vec<String>); 5] {
        let cell = &self.checked.cell;
        let begun = cell.states.iter().filter(|state| state.initial.is_some());
        [
            ("inputs", cell.inputs.iter().map(|input| input.name.clone()).collect()),
            ("states", cell.states.iter().map(|state| state.variable.name.clone()).collect()),
            ("outputs", cell.outputs.iter().map(|output| output.name.clone()).collect()),
            ("declared beginnings", begun.map(|state| state.variable.name.clone()).collect()),
            ("parameters", cell.parameters.iter().map(|parameter| parameter.name.clone()).collect()),
        ]
    }
}

/// Compares two cells.
pub(crate) fn same(first: &SourceArguments, second: &SourceArguments) -> Result<(), Failure> {
    let (left, right) = (Side::read(first)?, Side::read(second)?);
    let (first, second) = (left.path(), right.path());
    match left.graph.compare(&right.graph) {
        Sameness::Same(names) => {
            answer_line!("{first} and {second} are the same cell")?;
            for (from, to) in names.iter().filter(|(from, to)| from != to) {
                answer_line!("{from:11} is {to}")?;
            }
            Ok(())
        }
        Sameness::Different => {
            let mut lines = vec![format!("{first} and {second} are different cells")];
            for ((what, from), (_, to)) in left.names().into_iter().zip(right.names()) {
                if from.len() != to.len() {
                    let listed = |names: &[String]| match names {
                        [] => "none".to_owned(),
                        names => names.join(", "),
                    };
                    let (from, to) = (listed(&from), listed(&to));
                    lines.push(format!("{what} of {first}: {from}; of {second}: {to}"));
                }
            }
            let equations = [left.first_difference(&right), right.first_difference(&left)];
            let found = lines.len();
            lines.extend(equations.into_iter().flatten());
            if lines.len() == found {
                lines.push(
                    "each equation has its like in the other cell: they share states, weights or gates in \
                     another way, or begin elsewhere"
                        .to_owned(),
                );
            }
            Err(Failure::data(lines.join("\n  ")))
        }
        Sameness::Unknown => Err(Failure::data(format!(
            "{first} and {second} are too large to compare, or solved by iteration in different ways"
        ))),
    }
}
