//! The log: a line of JSON for each evaluation.
//!
//! It holds nothing but what the seed and the command line decide, so that the log of a run that was stopped and resumed
//! is the log of one that was not. Resuming writes anew what the checkpoint knows; a line that a kill cut is gone then.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use gatewright::parameters::write_atomically;
use serde::Serialize;

use super::run::Evaluation;
use crate::failure::Failure;

/// A log that is open.
pub(crate) struct Log {
    file: File,
    cell: String,
    task: &'static str,
    metric: &'static str,
    layers: usize,
    regularizers: Vec<String>,
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    cell: &'a str,
    task: &'a str,
    layers: usize,
    regularizers: &'a [String],
    seed: u64,
    metric: &'a str,
    step: usize,
    loss: f64,
    test_loss: f64,
    value: f64,
}

impl Log {
    /// Begins the file with nothing in it.
    pub(crate) fn create(
        path: &Path,
        cell: &str,
        (layers, regularizers): (usize, Vec<String>),
        task: &'static str,
        metric: &'static str,
    ) -> Result<Self, Failure> {
        let failure = |error: std::io::Error| Failure::file(path, &error);
        write_atomically(path, b"").map_err(failure)?;
        let file = OpenOptions::new().append(true).open(path).map_err(failure)?;
        Ok(Self { file, cell: cell.to_owned(), layers, regularizers, task, metric, path: path.to_owned() })
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, seed: u64, evaluation: Evaluation) -> Result<(), Failure> {
        let Evaluation { step, loss, test_loss, value } = evaluation;
        let Self { cell, layers, regularizers, task, metric, .. } = &*self;
        let line =
            Line { cell, task, layers: *layers, regularizers, seed, metric, step, loss, test_loss, value };
        let mut text = serde_json::to_string(&line)
            .map_err(|error| Failure::data(format!("the log could not be written: {error}")))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|error| Failure::file(&self.path, &error))
    }
}
