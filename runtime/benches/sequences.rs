//! What ragged batches, checkpoints and streams cost, as tables: no criterion, since each row compares two ways of running
//! one and the same call, in turn, by the processor's clock.
//!
//! ```sh
//! cargo bench -p gatewright --bench sequences            # everything
//! cargo bench -p gatewright --bench sequences ragged     # or checkpoints, stream
//! ```

#![allow(missing_docs, reason = "a program")]

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use gatewright::error::CallError;
use gatewright::parameters::Random;
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, zoo};

fn compiled(name: &str, x: usize, h: usize) -> CompiledCell<f32> {
    let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
    CompiledCell::new(&cell, &[("x", x), ("h", h)], CompileOptions::default()).expect("compiles")
}

/// A step of training of a cell with one input and one output: forward, backward, all gradients.
struct Training<'a> {
    cell: &'a CompiledCell<f32>,
    steps: usize,
    batch: usize,
    lengths: Vec<usize>,
    keep: Keep,
    parameters: Vec<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
    gradient: Vec<f32>,
    parameter_gradients: Vec<f32>,
    input_gradient: Vec<f32>,
    workspace: Workspace<f32>,
}

impl<'a> Training<'a> {
    fn new(cell: &'a CompiledCell<f32>, steps: usize, batch: usize) -> Self {
        let mut random = Random::new(1);
        let mut numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.uniform(-0.1, 0.1) as f32).collect() };
        let layout = cell.layout();
        let rows = steps * batch;
        let input = numbers(rows * layout.inputs[0].size);
        Self {
            cell,
            steps,
            batch,
            lengths: Vec::new(),
            keep: Keep::Tape,
            parameters: numbers(layout.parameters.length()),
            output: numbers(rows * layout.outputs[0].size),
            gradient: numbers(rows * layout.outputs[0].size),
            parameter_gradients: numbers(layout.parameters.length()),
            input_gradient: input.clone(),
            input,
            workspace: Workspace::default(),
        }
    }

    fn forward(&mut self) -> Result<(), CallError> {
        let call = Forward {
            steps: self.steps,
            batch: self.batch,
            sequences: Sequences { lengths: &self.lengths, ..Sequences::default() },
            parameters: &self.parameters,
            inputs: &[&self.input],
            initial_states: &[],
            outputs: &mut [&mut self.output],
            final_states: &mut [],
        };
        self.cell.forward(call, self.keep, &mut self.workspace)
    }

    fn step(&mut self) {
        self.forward().expect("runs");
        let call = Backward {
            parameters: &self.parameters,
            inputs: &[&self.input],
            output_gradients: &[&self.gradient],
            final_state_gradients: &[],
            parameter_gradients: &mut self.parameter_gradients,
            input_gradients: &mut [&mut self.input_gradient],
            initial_state_gradients: &mut [],
        };
        self.cell.backward(call, &mut self.workspace).expect("runs");
    }
}

/// Smallest and median time of a step of each, one after the other in each round.
fn in_turn<const N: usize>(mut runs: [&mut Training<'_>; N], rounds: usize) -> [(f64, f64); N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    runs.iter_mut().for_each(|run| run.step());
    for _ in 0..rounds {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let started = ThreadTime::now();
            run.step();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[0], times[times.len() / 2])
    })
}

/// Steps of utterances and of sentences.
fn lengths(kind: &str, batch: usize) -> Vec<usize> {
    // The first of the Japanese vowels (UCI), in the order of the file.
    const UTTERANCES: [usize; 32] = [
        20, 26, 22, 20, 21, 23, 22, 18, 24, 15, 23, 15, 17, 14, 14, 15, 15, 21, 16, 15, 15, 19, 22, 20, 17,
        17, 13, 16, 13, 14, 18, 17,
    ];
    let mut random = Random::named(3, kind);
    (0..batch)
        .map(|sample| match kind {
            "utterances" => UTTERANCES[sample % UTTERANCES.len()],
            "uniform" => 1 + random.below(100),
            // Log-normal, median 20, as words in a sentence: a few are long.
            _ => ((20.0 * (0.6 * random.normal()).exp()) as usize).clamp(1, 100),
        })
        .collect()
}

fn ragged() {
    println!(
        "ragged: a step of training in ms (least, median), each length alone against all padded to the longest"
    );
    println!("| cell | lengths | B | T | steps that are there | padded | ragged | faster |");
    for name in ["lstm", "gru_v3"] {
        let cell = compiled(name, 64, 128);
        for (kind, batch) in [("utterances", 32), ("sentences", 32), ("sentences", 128), ("uniform", 32)] {
            let lengths = lengths(kind, batch);
            let steps = lengths.iter().copied().max().unwrap_or(0);
            let share = lengths.iter().sum::<usize>() as f64 / (steps * batch) as f64;
            let mut padded = Training::new(&cell, steps, batch);
            let mut ragged = Training::new(&cell, steps, batch);
            ragged.lengths = lengths;
            let [all, some] = in_turn([&mut padded, &mut ragged], 15);
            println!(
                "| {name} | {kind} | {batch} | {steps} | {:.0} % | {:.2}, {:.2} | {:.2}, {:.2} | {:.2} times |",
                share * 100.0,
                all.0,
                all.1,
                some.0,
                some.1,
                all.1 / some.1
            );
        }
    }
}

/// The smallest budget.
fn least(run: &mut Training<'_>) -> usize {
    run.keep = Keep::Checkpoints { bytes: 0 };
    match run.forward() {
        Err(CallError::Budget { minimum, .. }) => minimum,
        other => panic!("no bytes are enough: {other:?}"),
    }
}

fn checkpoints() {
    println!(
        "checkpoints: bytes of the workspace, and a step of training in ms (least, median), LSTM x = h = 128"
    );
    println!("| B | T | whole tape | least | share | tape ms | least ms | slower |");
    let cell = compiled("lstm", 128, 128);
    for (batch, longest) in [(1, 16_384), (32, 4096), (128, 1024)] {
        for steps in [longest / 64, longest / 16, longest / 4, longest] {
            let mut whole = Training::new(&cell, steps, batch);
            let mut little = Training::new(&cell, steps, batch);
            let bytes = least(&mut little);
            little.keep = Keep::Checkpoints { bytes };
            let rounds = (40_000 / (steps * batch)).clamp(3, 15);
            let [tape, budget] = in_turn([&mut whole, &mut little], rounds);
            let held = whole.workspace.bytes();
            assert!(little.workspace.bytes() <= bytes, "a budget is kept");
            println!(
                "| {batch} | {steps} | {:.2} MB | {:.2} MB | {:.1} % | {:.1}, {:.1} | {:.1}, {:.1} | {:.2} times |",
                held as f64 / 1e6,
                bytes as f64 / 1e6,
                bytes as f64 / held as f64 * 100.0,
                tape.0,
                tape.1,
                budget.0,
                budget.1,
                budget.1 / tape.1
            );
        }
    }
}

fn stream() {
    println!("stream: one step at B = 1, states kept, by the wall clock in µs over 20,000 steps");
    println!("| cell | x = h | least | p50 | p99 |");
    for name in ["lstm", "gru_v3"] {
        for size in [32, 128, 512] {
            let cell = compiled(name, size, size);
            let mut random = Random::new(2);
            let mut numbers =
                |count: usize| -> Vec<f32> { (0..count).map(|_| random.uniform(-0.1, 0.1) as f32).collect() };
            let (parameters, input) = (numbers(cell.layout().parameters.length()), numbers(size));
            let mut output = vec![0.0; size];
            let mut stream = cell.stream(1, &parameters).expect("a stream");
            let mut times: Vec<Duration> = (0..20_500)
                .map(|_| {
                    let started = Instant::now();
                    stream.step(&[&input], &mut [&mut output]).expect("a step");
                    started.elapsed()
                })
                .skip(500)
                .collect();
            times.sort();
            let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e6;
            println!("| {name} | {size} | {:.2} | {:.2} | {:.2} |", at(0.0), at(0.5), at(0.99));
        }
    }
}

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, table) in [("ragged", ragged as fn()), ("checkpoints", checkpoints), ("stream", stream)] {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            table();
        }
    }
}
