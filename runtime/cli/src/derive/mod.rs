//! `gatewright derive`: the equations as they are computed, and those of the gradient that follow from them.

mod dot;
mod equations;
mod schedule;
mod spelling;

use clap::{Args, ValueEnum};
use gatewright::compiler::passes::{self, Graphs};
use gatewright::compiler::plan::plan;

use crate::arguments::{Sizes, SourceArguments};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::{answer, answer_line};
use crate::session::Checked;

/// Print the forward and the derived backward equations, what is computed outside the time loop, and the tape
#[derive(Args, Debug)]
#[command(
    after_help = "In the answer ∂v is the gradient of the loss by v, ∂v[output] what the loss says of an output, ∂v[later] \
    what comes from later steps and the final state; names made up for shared parts are s_1, s_2, … forward and d_1, \
    d_2, … backward; a scalar stands for all elements of a vector; v[a:b] are the elements a to b, b not \
    among them; pad(v, a, n) is v from element a on, zeros around it, n elements in all."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Sizes for the schedule and the tape (text); those not given are 128
    #[arg(long, value_name = "NAME=SIZE,…")]
    dims: Option<Sizes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Equations, schedule and tape for people
    Text,
    /// Equations as LaTeX
    Latex,
    /// The graph of a step, forward and backward, for Graphviz
    Dot,
}

/// The size of a dimension that was not given.
const SIZE: usize = 128;

/// Runs the subcommand.
pub(crate) fn derive(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    checked.print_findings();
    let Graphs { gradient, .. } =
        passes::run(&checked.cell).map_err(|error| Failure::data(error.to_string()))?;
    match arguments.format {
        Format::Dot => answer!("{}", dot::dot(&gradient))?,
        Format::Latex => answer!("{}", equations::latex(&gradient))?,
        Format::Text => {
            let mut solver = DimensionSolver::new(&checked.cell.dimensions);
            if let Some(dims) = &arguments.dims {
                solver.give(dims)?;
            }
            solver.fill(|_| SIZE);
            let sizes = solver.finish()?;
            answer!("{}", equations::text(&gradient))?;
            let plan = plan(&gradient, &sizes).map_err(|error| Failure::data(error.to_string()))?;
            let named = checked.cell.dimensions.iter().zip(&sizes);
            let named: Vec<String> = named.map(|(name, size)| format!("{name} = {size}")).collect();
            answer_line!("\nschedule for {}", named.join(", "))?;
            answer!("{}", schedule::schedule(&plan, gradient.signature()))?;
            let elements = plan.tape_elements();
            answer_line!(
                "\ntape: {elements} numbers for each sample and step, {} bytes in f32, {} in f64",
                elements * 4,
                elements * 8
            )?;
        }
    }
    Ok(())
}
