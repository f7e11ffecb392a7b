//! What a command line says about learning, for every subcommand that trains.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use gatewright::compiler::shape::Shape;

use super::regularizing::{Regularizers, RegularizingArguments};
use super::run::Schedule;
use crate::arguments::{InitialValue, positive, positive_number};
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::session::Checked;
use crate::tasks::{Duration, Entry, Given, Recipe, TASKS, Task, find};

/// The task, and how it is learned.
#[derive(Args, Debug)]
pub(crate) struct LearningArguments {
    /// What to learn: `gatewright tasks` tells more
    #[arg(long, default_value = "digits", value_parser = task_names())]
    pub(crate) task: String,
    /// Data of the task in a file, instead of those that come with the command
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Steps of a sequence, where the task lets them be chosen
    #[arg(long, value_name = "STEPS", value_parser = positive)]
    pub(crate) length: Option<usize>,
    /// Steps of the optimiser from one evaluation to the next [default: a pass over the training part; 250 where
    /// sequences are drawn anew]
    #[arg(long, value_name = "STEPS", value_parser = positive)]
    pub(crate) evaluate_every: Option<usize>,
    /// Runs with different random numbers
    #[arg(long, default_value_t = 3, value_parser = positive)]
    pub(crate) seeds: usize,
    /// Seed of the first run
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) first_seed: u64,
    /// Passes over the training part [default: as the task has it]
    #[arg(long, value_parser = positive, conflicts_with = "steps")]
    pub(crate) epochs: Option<usize>,
    /// Steps of the optimiser [default: as the task has it]
    #[arg(long, value_parser = positive)]
    pub(crate) steps: Option<usize>,
    /// Size of every dimension of the cell that the task does not fix [default: as the task has it]
    #[arg(long, value_parser = positive)]
    pub(crate) hidden: Option<usize>,
    /// Layers of the cell one upon the other: each reads the outputs of the one below
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) layers: usize,
    /// Step width of Adam [default: as the task has it]
    #[arg(long, value_parser = positive_number)]
    pub(crate) learning_rate: Option<f64>,
    /// Whether the step width falls linearly to zero over the run [default: as the task has it]
    #[arg(long, value_name = "BOOL")]
    pub(crate) decay: Option<bool>,
    /// Sequences in one step of the optimiser [default: as the task has it]
    #[arg(long, value_parser = positive)]
    pub(crate) batch: Option<usize>,
    /// Largest norm of a gradient; longer ones are shortened to it
    #[arg(long, default_value_t = 1.0, value_parser = positive_number)]
    pub(crate) clip: f64,
    /// Start a parameter at a value, such as the forget gate's bias at one: b_f=1. May be given several times; of several cells
    /// those that have the parameter start it there
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) initial: Vec<InitialValue>,
    #[command(flatten)]
    pub(crate) regularizing: RegularizingArguments,
}

/// Steps between evaluations where there are no passes.
const EVALUATE_EVERY: usize = 250;

/// The names of the tasks, with a line about each.
fn task_names() -> PossibleValuesParser {
    PossibleValuesParser::new(TASKS.iter().map(|entry| PossibleValue::new(entry.name).help(entry.summary)))
}

impl LearningArguments {
    /// The row of the task.
    pub(crate) fn entry(&self) -> Result<&'static Entry, Failure> {
        for (at, given) in self.initial.iter().enumerate() {
            if self.initial[..at].iter().any(|before| before.name == given.name) {
                return Err(Failure::usage(format!("--initial: `{}` has two values", given.name)));
            }
        }
        find(&self.task).ok_or_else(|| Failure::usage(format!("there is no task `{}`", self.task)))
    }

    /// The data and the length that the command line gives.
    pub(crate) fn given(&self) -> Result<Given, Failure> {
        let data = match &self.data {
            None => None,
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
                let text = String::from_utf8(bytes).map_err(|error| {
                    Failure::data(format!("{}: the data are not UTF-8: {error}", path.display()))
                })?;
                Some((path.clone(), text))
            }
        };
        Ok(Given { data, length: self.length })
    }

    /// What training changes at random in each layer.
    pub(crate) fn regularizers(&self) -> Result<Regularizers, Failure> {
        self.regularizing.regularizers(self.layers)
    }

    /// The recipe of the task, but for what the command line says.
    pub(crate) fn schedule(&self, entry: &Entry, task: &dyn Task) -> Result<Schedule, Failure> {
        let Recipe { duration, batch, learning_rate, decay, .. } = entry.recipe;
        let batch = self.batch.unwrap_or(batch);
        let duration = match (self.epochs, self.steps) {
            (Some(epochs), _) => Duration::Epochs(epochs),
            (None, Some(steps)) => Duration::Steps(steps),
            (None, None) => duration,
        };
        let pass = Schedule::steps_of_a_pass(task, batch);
        let Some(steps) = Schedule::steps_of(duration, task, batch) else {
            return Err(Failure::usage(match pass {
                None => format!("the task {} draws its sequences anew: --steps says how long", entry.name),
                Some(_) => "--epochs is more than can be counted".to_owned(),
            }));
        };
        Ok(Schedule {
            steps,
            evaluate_every: self.evaluate_every.or(pass).unwrap_or(EVALUATE_EVERY),
            batch,
            learning_rate: self.learning_rate.unwrap_or(learning_rate),
            decay: self.decay.unwrap_or(decay),
            clip: self.clip,
        })
    }
}

/// Who gives the input fixes its size, `features`; every other dimension gets `hidden`.
pub(crate) fn sizes(
    checked: &Checked,
    giver: &str,
    features: usize,
    hidden: usize,
) -> Result<Vec<usize>, Failure> {
    let [input] = checked.cell.inputs.as_slice() else {
        let names: Vec<&str> = checked.cell.inputs.iter().map(|input| input.name.as_str()).collect();
        return Err(Failure::data(format!(
            "{giver} gives one input sequence, the cell reads {}: {}",
            names.len(),
            names.join(", ")
        )));
    };
    let mut solver = DimensionSolver::new(&checked.cell.dimensions);
    let axes: &[usize] = if input.shape == Shape::Scalar { &[] } else { &[features] };
    if axes.is_empty() && features != 1 {
        return Err(Failure::data(format!(
            "the input `{}` is a scalar, {giver} gives {features}",
            input.name
        )));
    }
    solver.equate(&input.name, &input.shape, axes)?;
    solver.fill(|_| hidden);
    solver.finish()
}
