//! `gatewright compare`: several cells learn one task under one budget, side by side; the answer is one HTML page.
//!
//! Every cell gets the same sequences in the same order for the same seed, the same number of steps of the optimiser, the
//! same step width and the same head. The page needs no network and no script: equations, numbers of parameters, time of
//! a step, curves with the spread over seeds, a table of means and deviations, and what the gates do after training.
//!
//! | file | holds |
//! | --- | --- |
//! | `candidate` | a cell that is compared, its size, and its ablations |
//! | `trial` | all runs of one candidate, and the gates of the trained cell |
//! | `chart` | curves with their spread, as SVG |
//! | `page` | the HTML page |

mod candidate;
mod chart;
mod page;
mod trial;

use std::path::PathBuf;

use clap::Args;
use gatewright::parameters::write_atomically;

use crate::arguments::{BackendArguments, Cycle, SourceArguments, positive};
use crate::destination::check_writable;
use crate::failure::Failure;
use crate::print::answer_line;
use crate::tasks::{Entry, Metric};
use crate::train::learning::LearningArguments;
use crate::train::run::Schedule;
use candidate::Candidate;
use trial::{Trial, deviation, mean};

/// Train several cells on one task under one budget, and write a report that compares them
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Files of equations, or cells of the zoo as `zoo:NAME`
    #[arg(required = true, value_name = "CELL")]
    cells: Vec<PathBuf>,
    /// What to do where values of one step need each other, in every cell
    #[arg(long, value_enum)]
    cycle: Option<Cycle>,
    /// Compare also what is left of each cell without one of its parts: each gate removed, coupled to another, or without
    /// its function (Greff et al. 2015)
    #[arg(long)]
    ablate: bool,
    /// Give each cell the hidden size with which it has the most parameters, but no more than so many
    #[arg(long, value_name = "COUNT", value_parser = positive, conflicts_with_all = ["hidden", "layers"])]
    parameters: Option<usize>,
    /// The report
    #[arg(long, value_name = "FILE", default_value = "comparison.html")]
    out: PathBuf,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    backend: BackendArguments,
}

/// What all candidates have in common.
struct Budget<'a> {
    entry: &'static Entry,
    metric: Metric,
    schedule: Schedule,
    learning: &'a LearningArguments,
    backend: BackendArguments,
}

/// Runs the subcommand.
pub(crate) fn compare(arguments: &Arguments) -> Result<(), Failure> {
    check_writable(&arguments.out)?;
    let learning = &arguments.learning;
    let entry = learning.entry()?;
    let task = entry.open(&learning.given()?)?;
    let metric = task.metric();
    let schedule = learning.schedule(entry, &*task)?;
    let budget = Budget { entry, metric, schedule, learning, backend: arguments.backend };
    let regularizers = learning.regularizers()?;
    let mut candidates = Vec::new();
    for file in &arguments.cells {
        let source = SourceArguments {
            file: file.clone(),
            section: None,
            cycle: arguments.cycle,
            output: Vec::new(),
            frozen: Vec::new(),
        };
        candidates.extend(Candidate::read(
            &source,
            &budget,
            &*task,
            arguments.parameters,
            arguments.ablate,
            &regularizers,
        )?);
    }
    if let Some(twin) = candidate::repeated(&candidates) {
        return Err(Failure::usage(format!(
            "two cells are called `{twin}`: the report could not tell them apart"
        )));
    }
    for given in &learning.initial {
        if !candidates.iter().any(|candidate| candidate.has_parameter(&given.name)) {
            return Err(Failure::usage(format!("--initial: no cell has a parameter `{}`", given.name)));
        }
    }
    answer_line!(
        "{}: {} cells, {} seeds each, {} steps in batches of {}",
        entry.name,
        candidates.len(),
        learning.seeds,
        schedule.steps,
        schedule.batch
    )?;
    for regularizer in regularizers.words(learning.layers) {
        answer_line!("in training  {regularizer}")?;
    }
    let mut trials: Vec<(Candidate, Trial)> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let trial = Trial::run(&candidate, &budget, &*task)?;
        let values = trial.values();
        let result = match values.as_slice() {
            [] => "no seed came to its end".to_owned(),
            values => format!(
                "{:.2} ms a step, {} {} ± {}",
                trial.step_seconds * 1e3,
                metric.name(),
                metric.show(mean(values)),
                metric.show(deviation(values))
            ),
        };
        answer_line!("{:24} {:>8} parameters, {result}", candidate.name, trial.parameters)?;
        for (seed, reason) in &trial.broken {
            answer_line!("  seed {seed}: {reason}")?;
        }
        trials.push((candidate, trial));
    }
    let page = page::html(&budget, &regularizers.words(learning.layers), task.baseline(), &trials)
        .map_err(Failure::data)?;
    write_atomically(&arguments.out, page.as_bytes())
        .map_err(|error| Failure::file(&arguments.out, &error))?;
    answer_line!("report: {}", arguments.out.display())
}
