//! `gatewright train`: a cell learns a task.
//!
//! The model is the cell, or layers of it, run over each sequence, and a linear head on its first output where the task asks something;
//! the loss is the cross entropy of classes or the squared error of numbers; the optimiser is Adam with gradients clipped
//! by their norm. Regularisers change the cell while it learns and not while it is judged. What is reported is the test part after the last step: nothing is chosen by it.

mod checkpoint;
mod curve;
pub(crate) mod learning;
mod log;
pub(crate) mod model;
pub(crate) mod network;
pub(crate) mod regularizing;
pub(crate) mod run;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use gatewright::compiler::graph::lower;
use gatewright::parameters::{fingerprint, write_atomically, write_tensors};
use gatewright::primitive::Level;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{BackendArguments, SourceArguments, positive};
use crate::describe::describe;
use crate::destination::check_writable;
use crate::failure::Failure;
use crate::print::{answer, answer_line};
use crate::session::Checked;
use crate::tasks::{Entry, Given, Task};
use checkpoint::{Checkpoint, Identity};
use learning::{LearningArguments, sizes};
use log::Log;
use model::Model;
use network::Blueprint;
use run::{Evaluation, Run, Schedule};

/// Train a cell on a task; leaves the learning curve as SVG, a log, checkpoints, and the weights as safetensors
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    learning: LearningArguments,
    /// Folder for the curve, the log, the checkpoints and the weights
    #[arg(long, value_name = "DIR", default_value = "trained")]
    out: PathBuf,
    /// Where the learning curve is drawn, if not in --out
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    /// Where the log is written, if not in --out: a line of JSON for each evaluation
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Go on from the checkpoints in --out, to the same result as without a stop; without it training begins anew and
    /// removes them
    #[arg(long)]
    resume: bool,
    /// Steps of the optimiser from one checkpoint to the next [default: one at each evaluation]
    #[arg(long, value_name = "STEPS", value_parser = positive)]
    checkpoint_every: Option<usize>,
    /// Show no progress bar; there is none either where standard error is no terminal
    #[arg(long)]
    no_progress: bool,
    #[command(flatten)]
    backend: BackendArguments,
}

/// A run that came to its end.
pub(crate) struct Trained {
    /// All evaluations, the last of them at the end.
    pub(crate) evaluations: Vec<Evaluation>,
}

impl Trained {
    /// The task's metric at the end.
    fn value(&self) -> f64 {
        self.evaluations.last().map_or(f64::NAN, |evaluation| evaluation.value)
    }
}

/// Runs the subcommand.
pub(crate) fn train(arguments: &Arguments) -> Result<(), Failure> {
    let checked = Checked::read(&arguments.source)?;
    answer_line!("{}", checked.source.path)?;
    answer!("{}", describe(&checked.cell))?;
    checked.print_findings();

    let entry = arguments.learning.entry()?;
    let given = arguments.learning.given()?;
    let task = entry.open(&given)?;
    let schedule = arguments.learning.schedule(entry, &*task)?;
    let hidden = arguments.learning.hidden.unwrap_or(entry.recipe.hidden);
    let input = (format!("the task {}", entry.name), task.features());
    let sizes = sizes(&checked, &input.0, input.1, hidden)?;
    let regularizers = arguments.learning.regularizers()?;
    let layers = arguments.learning.layers;
    let words = regularizers.words(layers);
    let (cell, elapsed) = crate::session::compile_text::<f32>(&checked.source, &sizes, arguments.backend)?;
    let named: Vec<String> =
        checked.cell.dimensions.iter().zip(&sizes).map(|(name, size)| format!("{name} = {size}")).collect();
    answer_line!(
        "compiled in {:.1} ms for {}: {} bytes of code, {} parameters, {} bytes of tape for each step of a sequence",
        elapsed.as_secs_f64() * 1e3,
        named.join(", "),
        cell.code_bytes(),
        cell.parameter_layout().length(),
        cell.tape_bytes_per_step()
    )?;
    let graph = lower(&checked.cell).map_err(|error| Failure::data(error.to_string()))?;
    for regularizer in &words {
        answer_line!("in training  {regularizer}")?;
    }
    let identity =
        identity(arguments, entry, &given, &schedule, &graph.to_string(), &named.join(", "), &words);
    let name = checked.source.name();
    let backend = arguments.backend;
    let session = Session {
        arguments,
        entry,
        task: &*task,
        schedule,
        identity,
        words,
        name: format!("{name}_{}", entry.name),
        blueprint: Blueprint { checked, graph, input, hidden, layers, regularizers, backend },
    };
    session.train(&name)
}

/// What decides the numbers of a run, but for its seed and, where the step width stays, its end: two runs that agree in it are one.
fn identity(
    arguments: &Arguments,
    entry: &Entry,
    given: &Given,
    schedule: &Schedule,
    graph: &str,
    dimensions: &str,
    regularizers: &[String],
) -> Identity {
    let initial = arguments.learning.initial.iter().map(|given| format!("{}={}", given.name, given.value));
    let pairs = [
        ("equations", digest(graph)),
        ("dimensions", dimensions.to_owned()),
        ("--layers", arguments.learning.layers.to_string()),
        ("regularisers", if regularizers.is_empty() { "none".to_owned() } else { regularizers.join(", ") }),
        ("task", entry.name.to_owned()),
        ("data", given.data.as_ref().map_or_else(|| "its own".to_owned(), |(_, text)| digest(text))),
        (
            "--length",
            given.length.or(entry.length).map_or_else(|| "none".to_owned(), |steps| steps.to_string()),
        ),
        ("--batch", schedule.batch.to_string()),
        ("--learning-rate", schedule.learning_rate.to_string()),
        // Where it decays, the end decides every step.
        (
            "--decay",
            if schedule.decay { format!("over {} steps", schedule.steps) } else { "false".to_owned() },
        ),
        ("--clip", schedule.clip.to_string()),
        ("--evaluate-every", schedule.evaluate_every.to_string()),
        ("--initial", initial.collect::<Vec<_>>().join(",")),
        ("--backend", format!("{:?}", arguments.backend.backend).to_lowercase()),
    ];
    // All others give the same bits.
    let portable = arguments.backend.effective_level() == Level::Portable;
    let level = portable.then(|| ("--level", "portable".to_owned()));
    pairs.into_iter().chain(level).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Enough of a text to tell it from another.
fn digest(text: &str) -> String {
    format!("{:016x}", fingerprint(text))
}

/// All runs of one command.
struct Session<'a> {
    arguments: &'a Arguments,
    entry: &'static Entry,
    task: &'a dyn Task,
    blueprint: Blueprint,
    /// The regularisers in words.
    words: Vec<String>,
    schedule: Schedule,
    /// But for the seed.
    identity: Identity,
    /// Beginning of the names of files.
    name: String,
}

impl Session<'_> {
    fn train(&self, cell: &str) -> Result<(), Failure> {
        let Self { arguments, entry, task, schedule, .. } = self;
        let (metric, baseline) = (task.metric(), task.baseline());
        std::fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, &error))?;
        checkpoint::remove_unfinished(&arguments.out, &self.name)?;
        answer_line!(
            "{}: {}; {} sequences to be judged by; {} seeds, {} steps in batches of {}; {}: {} {}",
            entry.name,
            match Schedule::steps_of_a_pass(*task, schedule.batch) {
                Some(pass) => format!("passes of {pass} steps"),
                None => "sequences drawn anew".to_owned(),
            },
            task.test().len(),
            arguments.learning.seeds,
            schedule.steps,
            schedule.batch,
            baseline.name,
            metric.name(),
            metric.show(baseline.value)
        )?;
        let curve_path = self.place(&arguments.curve, "svg");
        check_writable(&curve_path)?;
        let log_path = self.place(&arguments.log, "jsonl");
        let mut log = Log::create(
            &log_path,
            cell,
            (self.blueprint.layers, self.words.clone()),
            entry.name,
            metric.name(),
        )?;
        let started = Instant::now();
        let mut runs: Vec<Trained> = Vec::with_capacity(arguments.learning.seeds);
        for number in 0..arguments.learning.seeds as u64 {
            runs.push(self.train_seed(arguments.learning.first_seed.wrapping_add(number), &mut log)?);
        }
        let values: Vec<f64> = runs.iter().map(Trained::value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        answer_line!(
            "mean test {} {} of {} seeds ({} to {}), {:.1} s of training",
            metric.name(),
            metric.show(mean),
            runs.len(),
            metric.show(values.iter().copied().fold(f64::INFINITY, f64::min)),
            metric.show(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            started.elapsed().as_secs_f64()
        )?;
        if let Some(target) = entry.target {
            let reached = if metric.is_better(mean, target.value) { "reached" } else { "not reached" };
            let (relation, value) = (metric.relation(), target.value);
            answer_line!("the task's target for {}, {relation} {value}, is {reached}", target.cells)?;
        }
        let svg = curve::svg(&self.name, metric, baseline, &runs).map_err(Failure::data)?;
        write_atomically(&curve_path, svg.as_bytes()).map_err(|error| Failure::file(&curve_path, &error))?;
        answer_line!(
            "curve: {}\nlog: {}\nweights: {}",
            curve_path.display(),
            log_path.display(),
            arguments.out.join(format!("{}_seed*.safetensors", self.name)).display()
        )
    }

    /// The file that the command line names, or one in the folder.
    fn place(&self, given: &Option<PathBuf>, extension: &str) -> PathBuf {
        given.clone().unwrap_or_else(|| self.arguments.out.join(format!("{}.{extension}", self.name)))
    }

    fn train_seed(&self, seed: u64, log: &mut Log) -> Result<Trained, Failure> {
        let Self { arguments, task, schedule, .. } = self;
        let network = self.blueprint.build(seed)?;
        let initializer = network.initializer(seed, arguments.learning.initial.iter());
        let model = Model::new(network, *task, &initializer, seed)?;
        let mut run = Run::new(model, *task, *schedule, seed)?;
        let mut identity = self.identity.clone();
        identity.insert("seed".to_owned(), seed.to_string());

        let path = arguments.out.join(format!("{}_seed{seed}.checkpoint", self.name));
        if arguments.resume {
            if let Some(checkpoint) = Checkpoint::load(&path)? {
                checkpoint.restore(&mut run, &identity)?;
            }
        } else {
            checkpoint::remove(&path)?;
        }
        let resumed = run.position.step;
        if resumed > schedule.steps {
            return Err(Failure::usage(format!(
                "{}: {resumed} steps are done already, more than the {} that are asked for",
                path.display(),
                schedule.steps
            )));
        }
        for &evaluation in &run.position.evaluations {
            log.add(seed, evaluation)?;
        }

        let every = arguments.checkpoint_every.unwrap_or(schedule.evaluate_every);
        let bar = bar(arguments, schedule.steps, seed);
        bar.set_position(resumed as u64);
        bar.reset_eta();
        let started = Instant::now();
        while !run.is_done() {
            let known = run.position.evaluations.len();
            let loss = run.step()?;
            if run.position.step.is_multiple_of(every) || run.is_done() {
                checkpoint::save(&path, &run, &identity)?;
            }
            for &evaluation in run.position.evaluations.iter().skip(known) {
                log.add(seed, evaluation)?;
            }
            self.show(&bar, &run, loss);
        }
        bar.finish_and_clear();
        self.finish(run, seed, resumed, started.elapsed().as_secs_f64())
    }

    /// Says what came out and writes the weights.
    fn finish(&self, run: Run<'_>, seed: u64, resumed: usize, seconds: f64) -> Result<Trained, Failure> {
        let metric = self.task.metric();
        let trained = Trained { evaluations: run.position.evaluations.clone() };
        let loss = trained.evaluations.last().map_or(f64::NAN, |evaluation| evaluation.loss);
        let steps = run.position.step - resumed;
        let time = match (resumed, steps) {
            (0, _) => format!("{seconds:.1} s, {:.0} steps/s", steps as f64 / seconds),
            (_, 0) => "nothing left to do".to_owned(),
            _ => format!("{seconds:.1} s for the steps from {resumed} on"),
        };
        answer_line!(
            "seed {seed}: test {} {}, loss {loss:.4}, {time}",
            metric.name(),
            metric.show(trained.value())
        )?;
        let path = self.arguments.out.join(format!("{}_seed{seed}.safetensors", self.name));
        let result = serde_json::json!({
            "seed": seed,
            "metric": metric.name(),
            "value": trained.value(),
            "layers": self.blueprint.layers,
            "regularizers": self.words,
        });
        save_weights(&path, &run.model, &result)?;
        Ok(trained)
    }

    fn show(&self, bar: &ProgressBar, run: &Run<'_>, loss: f64) {
        let metric = self.task.metric();
        bar.set_position(run.position.step as u64);
        let value = run.position.evaluations.last().map_or_else(
            || "not judged yet".to_owned(),
            |evaluation| format!("{} {}", metric.name(), metric.show(evaluation.value)),
        );
        bar.set_message(format!("loss {loss:.4} {value}"));
    }
}

/// Writes `cell.NAME`, or `cell.NUMBER.NAME` of each of several layers, `head.weight` and `head.bias`.
fn save_weights(path: &Path, model: &Model, result: &serde_json::Value) -> Result<(), Failure> {
    let tensors = model
        .variables()
        .iter()
        .map(|(name, variable)| checkpoint::named(name.clone(), variable))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(write_tensors(path, &tensors, &[("training", result.to_string())])?)
}

fn bar(arguments: &Arguments, steps: usize, seed: u64) -> ProgressBar {
    let shown = std::io::stderr().is_terminal() && !arguments.no_progress;
    let bar = if shown { ProgressBar::new(steps as u64) } else { ProgressBar::hidden() };
    // The template is this program's own; one that does not parse leaves the plain bar.
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(format!("seed {seed}"));
    bar
}
