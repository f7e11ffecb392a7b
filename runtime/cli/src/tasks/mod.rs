//! Tasks that a cell is trained on: sequences with a class each.

pub(crate) mod digits;

/// Sequences with their classes, cut into a part to learn from and a part to be judged by.
#[derive(Clone, Debug)]
pub(crate) struct Classification {
    /// Name of the task, part of the names of files.
    pub(crate) name: &'static str,
    /// Steps of every sequence.
    pub(crate) steps: usize,
    /// Numbers at every step.
    pub(crate) features: usize,
    /// Number of classes.
    pub(crate) classes: usize,
    /// What is learned from.
    pub(crate) train: Vec<Example>,
    /// What is judged by; never learned from, never chosen by.
    pub(crate) test: Vec<Example>,
}

/// One sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    /// `[steps, features]`, row-major.
    pub(crate) values: Vec<f32>,
    /// Its class.
    pub(crate) class: u32,
}
