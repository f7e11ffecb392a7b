//! `gatewright train`: a cell learns a task.
//!
//! The model is the cell, run over each sequence, and a linear soft-max head on its first output at the last step;
//! the loss is the cross entropy; the optimiser is Adam with gradients clipped by their norm. The accuracy reported is
//! that of the last epoch on the test part: nothing is chosen by it.

mod curve;
mod model;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use gatewright::compiler::shape::Shape;
use gatewright::parameters::{Initializer, write_atomically};
use gatewright::sequence::SequenceCell;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{BackendArguments, InitialValue, SourceArguments, positive, positive_number};
use crate::describe::describe;
use crate::dimension::DimensionSolver;
use crate::failure::Failure;
use crate::print::{answer, answer_line};
use crate::session::Checked;
use crate::tasks::{Classification, digits::digits};

pub(crate) use model::{Progress, Schedule, Trained, learn};

/// Train a cell on a real task; leaves the learning curve as SVG and the weights as safetensors
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// What to learn
    #[arg(long, value_enum, default_value_t = TaskName::Digits)]
    task: TaskName,
    /// Data of the task in a file, instead of those that come with the command
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Folder for the curve and the weights
    #[arg(long, value_name = "DIR", default_value = "trained")]
    out: PathBuf,
    /// Runs with different random numbers
    #[arg(long, default_value_t = 3, value_parser = positive)]
    seeds: usize,
    /// Passes over the training part
    #[arg(long, default_value_t = 30, value_parser = positive)]
    epochs: usize,
    /// Size of every dimension of the cell that the task does not fix
    #[arg(long, default_value_t = 64, value_parser = positive)]
    hidden: usize,
    /// Step width of Adam
    #[arg(long, default_value_t = 3e-3, value_parser = positive_number)]
    learning_rate: f64,
    /// Sequences in one step of the optimiser
    #[arg(long, default_value_t = 32, value_parser = positive)]
    batch: usize,
    /// Largest norm of a gradient; longer ones are shortened to it
    #[arg(long, default_value_t = 1.0, value_parser = positive_number)]
    clip: f64,
    /// Start a parameter at a value, such as the forget gate's bias at one: b_f=1. May be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    initial: Vec<InitialValue>,
    #[command(flatten)]
    backend: BackendArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TaskName {
    /// 1,797 handwritten digits of 8×8 pixels, read row by row
    Digits,
}

/// Runs the subcommand.
pub(crate) fn train(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    answer_line!("{}", checked.source.path)?;
    answer!("{}", describe(&checked.cell))?;
    checked.print_findings();

    let task = task(arguments)?;
    let sizes = sizes(&checked, &task, arguments.hidden)?;
    let (cell, elapsed) = crate::session::compile_text::<f32>(&checked.source, &sizes, arguments.backend)?;
    answer_line!(
        "compiled in {:.1} ms for {}: {} bytes of code, {} parameters, {} bytes of tape for each step of a sequence",
        elapsed.as_secs_f64() * 1e3,
        checked
            .cell
            .dimensions
            .iter()
            .zip(&sizes)
            .map(|(name, size)| format!("{name} = {size}"))
            .collect::<Vec<_>>()
            .join(", "),
        cell.code_bytes(),
        cell.parameter_layout().length(),
        cell.tape_bytes_per_step()
    )?;
    let name = format!("{}_{}", checked.source.name(), task.name);
    train_cell(arguments, Arc::new(cell), &task, &name)
}

fn task(arguments: &Arguments) -> Result<Classification, Failure> {
    let text = match &arguments.data {
        None => None,
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                Failure::data(format!("{}: the data are not UTF-8: {error}", path.display()))
            })?;
            Some(text)
        }
    };
    match arguments.task {
        TaskName::Digits => digits(text.as_deref()),
    }
}

/// The task fixes the size of the input; every other dimension gets `hidden`.
fn sizes(checked: &Checked, task: &Classification, hidden: usize) -> Result<Vec<usize>, Failure> {
    let [input] = checked.cell.inputs.as_slice() else {
        let names: Vec<&str> = checked.cell.inputs.iter().map(|input| input.name.as_str()).collect();
        return Err(Failure::data(format!(
            "the task {} gives one input sequence, the cell reads {}: {}",
            task.name,
            names.len(),
            names.join(", ")
        )));
    };
    let mut solver = DimensionSolver::new(&checked.cell.dimensions);
    let axes: &[usize] = if input.shape == Shape::Scalar { &[] } else { &[task.features] };
    if axes.is_empty() && task.features != 1 {
        return Err(Failure::data(format!(
            "the input `{}` is a scalar, the task has {}",
            input.name, task.features
        )));
    }
    solver.equate(&input.name, &input.shape, axes)?;
    solver.fill(|_| hidden);
    solver.finish()
}

fn train_cell(
    arguments: &Arguments,
    cell: Arc<dyn SequenceCell<f32>>,
    task: &Classification,
    name: &str,
) -> Result<(), Failure> {
    std::fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, &error))?;
    answer_line!(
        "{}: {} sequences of {} steps to learn from, {} to be judged by; {} seeds, {} epochs, batches of {}",
        task.name,
        task.train.len(),
        task.steps,
        task.test.len(),
        arguments.seeds,
        arguments.epochs,
        arguments.batch
    )?;
    let schedule = Schedule {
        epochs: arguments.epochs,
        batch: arguments.batch,
        learning_rate: arguments.learning_rate,
        clip: arguments.clip,
    };
    let started = Instant::now();
    let mut runs: Vec<Trained> = Vec::with_capacity(arguments.seeds);
    for seed in 0..arguments.seeds as u64 {
        let initial = arguments.initial.iter();
        let initializer = initial.fold(Initializer::new(seed), |initializer, given| {
            initializer.constant(&given.name, given.value)
        });
        let bar = bar(arguments, task, seed);
        let run_started = Instant::now();
        let trained = learn(&cell, task, &initializer, seed, &schedule, |progress| show(&bar, &progress))?;
        bar.finish_and_clear();
        let seconds = run_started.elapsed().as_secs_f64();
        let sequences = (task.train.len() * arguments.epochs) as f64;
        answer_line!(
            "seed {seed}: test accuracy {:.4}, loss {:.4}, {seconds:.1} s, {:.0} sequences/s",
            trained.accuracy(),
            trained.epochs.last().map_or(f64::NAN, |epoch| epoch.loss),
            sequences / seconds
        )?;
        let path = arguments.out.join(format!("{name}_seed{seed}.safetensors"));
        trained.save(&path)?;
        runs.push(trained);
    }
    let mean = runs.iter().map(Trained::accuracy).sum::<f64>() / runs.len() as f64;
    answer_line!(
        "mean test accuracy {mean:.4} of {} seeds, {:.1} s of training",
        runs.len(),
        started.elapsed().as_secs_f64()
    )?;
    let path = arguments.out.join(format!("{name}.svg"));
    let svg = curve::svg(name, &runs).map_err(Failure::data)?;
    write_atomically(&path, svg.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
    answer_line!(
        "curve: {}\nweights: {}",
        path.display(),
        arguments.out.join(format!("{name}_seed*.safetensors")).display()
    )?;
    Ok(())
}

fn bar(arguments: &Arguments, task: &Classification, seed: u64) -> ProgressBar {
    let sequences = (task.train.len() * arguments.epochs) as u64;
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(sequences) } else { ProgressBar::hidden() };
    // The template is this program's own; one that does not parse leaves the plain bar.
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {per_sec}") {
        let style =
            style.with_key("per_sec", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // Writing to the line buffer of the bar cannot fail.
                let _ = write!(out, "{:.0} sequences/s", state.per_sec());
            });
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(format!("seed {seed}"));
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.inc(progress.sequences as u64);
    bar.set_message(format!(
        "epoch {} loss {:.4} accuracy {:.4}",
        progress.epoch + 1,
        progress.loss,
        progress.accuracy
    ));
}
