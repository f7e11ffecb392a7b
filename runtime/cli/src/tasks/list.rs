//! `gatewright tasks`: the table.

use clap::Args;

use super::{Data, Duration, Entry, TASKS, find};
use crate::failure::Failure;
use crate::print::answer_line;

/// List what `train` can learn, or tell how one task is learned and judged
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Only this task, with everything about it
    name: Option<String>,
}

/// Runs the subcommand.
pub(crate) fn list(arguments: &Arguments) -> Result<(), Failure> {
    let Some(name) = &arguments.name else {
        for entry in TASKS {
            answer_line!("{:<17} {}", entry.name, entry.summary)?;
        }
        return Ok(());
    };
    let entry = find(name).ok_or_else(|| {
        Failure::usage(format!("there is no task `{name}`: `gatewright tasks` lists those there are"))
    })?;
    describe(entry)
}

fn describe(entry: &Entry) -> Result<(), Failure> {
    let recipe = entry.recipe;
    answer_line!("{}: {}", entry.name, entry.summary)?;
    answer_line!("source    {}", entry.source)?;
    answer_line!(
        "data      {}",
        match entry.data {
            Data::Drawn => "drawn anew for each step; the test part is the same for every run",
            Data::Embedded => "come with the command; --data names others of the same form",
            Data::Required => "the text that --data names",
        }
    )?;
    if let Some(length) = entry.length {
        answer_line!("length    {length} steps, or --length")?;
    }
    answer_line!(
        "recipe    --hidden {} {} --batch {} --learning-rate {} --decay {}",
        recipe.hidden,
        match recipe.duration {
            Duration::Epochs(epochs) => format!("--epochs {epochs}"),
            Duration::Steps(steps) => format!("--steps {steps}"),
        },
        recipe.batch,
        recipe.learning_rate,
        recipe.decay
    )?;
    // Without a file there is no task yet, and so no metric to name.
    let Ok(task) = entry.open(&super::Given::default()) else {
        return answer_line!("target    none");
    };
    let metric = task.metric();
    let baseline = task.baseline();
    answer_line!("judged by {} of {} test sequences", metric.name(), task.test().len())?;
    answer_line!("baseline  {} ({})", metric.show(baseline.value), baseline.name)?;
    match entry.target {
        Some(target) => {
            answer_line!("target    {} {} ({})", metric.relation(), target.value, target.cells)
        }
        None => answer_line!("target    none"),
    }
}
