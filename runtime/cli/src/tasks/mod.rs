//! Tasks that a cell is trained on: a table, one file for each.
//!
//! A task gives sequences and what is asked of them, and says how answers are judged; how a cell learns is the business
//! of [`crate::train`]. What is asked stands at the last steps of a sequence: one target belongs to the last step, as
//! many as there are steps to all of them. So a class of a sequence, a number at each step and a text are one case, and
//! sequences of different lengths need no marks.
//!
//! The test part is the same for every run, whatever its seed, and nothing is learned from it.

mod adding;
mod characters;
mod copy_memory;
mod digits;
mod japanese_vowels;
pub(crate) mod list;
mod metric;
mod parity;
mod sunspots;
mod temporal_order;

use std::path::PathBuf;

use gatewright::parameters::Random;

pub(crate) use metric::{Metric, Objective, Tally};

use crate::failure::Failure;

/// A task with its data.
pub(crate) trait Task: Send + Sync {
    /// Numbers at every step.
    fn features(&self) -> usize;
    /// Classes to choose from, or numbers to give, where something is asked.
    fn answers(&self) -> usize;
    /// How answers are judged; the loss follows from it.
    fn metric(&self) -> Metric;
    /// The metric of whoever learns nothing from the order of the steps.
    fn baseline(&self) -> Baseline;
    /// What is learned from.
    fn training(&self) -> Training<'_>;
    /// What is judged by.
    fn test(&self) -> &[Example];
}

/// What is learned from.
pub(crate) enum Training<'a> {
    /// So many sequences, in passes.
    Set(&'a [Example]),
    /// As many sequences as are wanted, each drawn anew.
    Drawn(&'a dyn Fn(&mut Random) -> Example),
}

/// One sequence, and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    /// `[steps, features]`, row-major.
    pub(crate) values: Vec<f32>,
    /// What is asked at the last steps; at least one.
    pub(crate) targets: Targets,
}

/// One right answer for each step that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Targets {
    /// Classes.
    Classes(Vec<u32>),
    /// Numbers.
    Numbers(Vec<f32>),
}

impl Targets {
    /// How many.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }
}

/// What a simple guess reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// How it guesses.
    pub(crate) name: &'static str,
    /// What it reaches, in the metric of the task.
    pub(crate) value: f64,
}

/// A row of the table.
pub(crate) struct Entry {
    /// What `--task` takes.
    pub(crate) name: &'static str,
    /// One line about it.
    pub(crate) summary: &'static str,
    /// Paper or source of the data, with the year.
    pub(crate) source: &'static str,
    /// Whether it reads a file.
    pub(crate) data: Data,
    /// Steps of its sequences, where they can be chosen, unless `--length` says otherwise.
    pub(crate) length: Option<usize>,
    /// How it is learned unless the command line says otherwise.
    pub(crate) recipe: Recipe,
    /// What counts as learned, in the metric of the task, and by which cells that was reached.
    pub(crate) target: Option<Target>,
    /// Reads or makes the data.
    pub(crate) open: fn(&Given) -> Result<Box<dyn Task>, Failure>,
}

/// Where the data of a task come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Drawn: there is no file.
    Drawn,
    /// They come with the command; `--data` names others of the same form.
    Embedded,
    /// `--data` names them.
    Required,
}

/// How a task is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recipe {
    /// Units of the cell.
    pub(crate) hidden: usize,
    /// How long.
    pub(crate) duration: Duration,
    /// Sequences in one step of the optimiser.
    pub(crate) batch: usize,
    /// Step width of Adam.
    pub(crate) learning_rate: f64,
    /// Whether the step width falls linearly to zero on the way: where one bad step at the end would undo what was learned.
    pub(crate) decay: bool,
}

/// How long to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duration {
    /// Passes over the training part.
    Epochs(usize),
    /// Steps of the optimiser.
    Steps(usize),
}

/// What counts as learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// At least this, or at most where less is better.
    pub(crate) value: f64,
    /// The cells that it is said of, with the recipe of the task.
    pub(crate) cells: &'static str,
}

/// What the command line gives to a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The file of `--data` and the text in it.
    pub(crate) data: Option<(PathBuf, String)>,
    /// `--length`.
    pub(crate) length: Option<usize>,
}

impl Given {
    /// The text of the file, or what comes with the command.
    fn text<'a>(&'a self, embedded: &'a str) -> &'a str {
        self.data.as_ref().map_or(embedded, |(_, text)| text)
    }
}

/// All tasks.
pub(crate) static TASKS: [&Entry; 9] = [
    &digits::BY_ROWS,
    &digits::BY_PIXELS,
    &japanese_vowels::ENTRY,
    &sunspots::ENTRY,
    &characters::ENTRY,
    &adding::ENTRY,
    &copy_memory::ENTRY,
    &temporal_order::ENTRY,
    &parity::ENTRY,
];

/// The task of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    TASKS.iter().copied().find(|entry| entry.name == name)
}

impl Entry {
    /// Reads or makes the data; refuses what the task does not take.
    pub(crate) fn open(&self, given: &Given) -> Result<Box<dyn Task>, Failure> {
        match (self.data, &given.data) {
            (Data::Drawn, Some(_)) => {
                return Err(Failure::usage(format!(
                    "the task {} draws its data and reads no file",
                    self.name
                )));
            }
            (Data::Required, None) => {
                return Err(Failure::usage(format!("the task {} needs a file: --data FILE", self.name)));
            }
            _ => {}
        }
        let length = match (self.length, given.length) {
            (None, Some(_)) => {
                return Err(Failure::usage(format!(
                    "the sequences of the task {} are as long as its data have them: no --length",
                    self.name
                )));
            }
            (usual, chosen) => chosen.or(usual),
        };
        (self.open)(&Given { data: given.data.clone(), length })
    }
}

/// So many test sequences, the same for every run.
fn drawn_test(name: &str, count: usize, mut draw: impl FnMut(&mut Random) -> Example) -> Vec<Example> {
    /// Any; fixed so that all runs are judged alike.
    const SEED: u64 = 0x7e57;
    let mut random = Random::named(SEED, name);
    (0..count).map(|_| draw(&mut random)).collect()
}

/// The error of a line that is not as it should be.
fn wrong_line(line: usize, message: impl std::fmt::Display) -> Failure {
    Failure::data(format!("line {}: {message}", line + 1))
}

/// The length that the table gives where the command line does not, within `least` and what memory holds.
fn length(given: &Given, least: usize) -> Result<usize, Failure> {
    /// Longer sequences would not fit: each step is some kilobytes of tape for each sequence of a batch.
    const MOST: usize = 10_000;
    match given.length {
        Some(length) if (least..=MOST).contains(&length) => Ok(length),
        _ => Err(Failure::usage(format!("--length must be from {least} to {MOST}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_what_it_says() {
        for entry in TASKS {
            assert!(std::ptr::eq(find(entry.name).expect("listed"), entry), "{}", entry.name);
            let text = "How much wood would a woodchuck chuck if a woodchuck could chuck wood? ".repeat(40);
            let data = (entry.data == Data::Required).then(|| (PathBuf::from("wood.txt"), text));
            let given = Given { data, length: None };
            let task = entry.open(&given).expect("opens");
            let drawn: Vec<Example>;
            let training = match task.training() {
                Training::Set(examples) => examples,
                Training::Drawn(draw) => {
                    let mut random = Random::new(1);
                    drawn = (0..50).map(|_| draw(&mut random)).collect();
                    &drawn
                }
            };
            assert!(!training.is_empty() && !task.test().is_empty(), "{}", entry.name);
            for example in training.iter().chain(task.test()) {
                let steps = example.values.len() / task.features();
                assert_eq!(example.values.len(), steps * task.features(), "{}", entry.name);
                let count = example.targets.count();
                assert!((1..=steps).contains(&count), "{}: {count} of {steps}", entry.name);
                assert!(example.values.iter().all(|value| value.is_finite()), "{}", entry.name);
                match (&example.targets, task.metric().objective()) {
                    (Targets::Classes(classes), Objective::Class) => {
                        assert!(classes.iter().all(|&class| (class as usize) < task.answers()));
                    }
                    (Targets::Numbers(numbers), Objective::Number) => {
                        assert!(task.answers() == 1 && numbers.iter().all(|number| number.is_finite()));
                    }
                    _ => panic!("{}: targets of another kind than the metric", entry.name),
                }
            }
            let again = entry.open(&given).expect("opens");
            assert_eq!(again.test(), task.test(), "{}: the test part is fixed", entry.name);
            assert!(task.baseline().value.is_finite() && task.baseline().value > 0.0, "{}", entry.name);
            if let Some(target) = entry.target {
                let (value, baseline) = (target.value, task.baseline().value);
                assert!(task.metric().is_better(value, baseline), "{}: {value}, {baseline}", entry.name);
            }
            let passes = matches!(entry.recipe.duration, Duration::Epochs(_));
            assert_eq!(passes, matches!(task.training(), Training::Set(_)), "{}", entry.name);
        }
    }

    #[test]
    fn what_a_task_does_not_take_is_refused() {
        let file = || Some((PathBuf::from("x"), String::new()));
        let refused = |name: &str, given: Given| match find(name).expect("listed").open(&given) {
            Err(Failure::Usage(message)) => message,
            _ => panic!("{name} must refuse {given:?}"),
        };
        assert!(refused("adding", Given { data: file(), length: None }).contains("reads no file"));
        assert!(refused("characters", Given::default()).contains("--data FILE"));
        assert!(refused("digits", Given { data: None, length: Some(3) }).contains("no --length"));
        for length in [0, 1, usize::MAX] {
            for name in ["adding", "copy_memory", "temporal_order", "parity", "characters"] {
                let data = (name == "characters").then(|| (PathBuf::from("x"), "ab".repeat(400)));
                let message = match find(name).expect("listed").open(&Given { data, length: Some(length) }) {
                    Err(Failure::Usage(message)) => message,
                    Ok(_) if length == 1 => continue,
                    _ => panic!("{name}"),
                };
                assert!(message.contains("--length must be from"), "{message}");
            }
        }
    }
}
