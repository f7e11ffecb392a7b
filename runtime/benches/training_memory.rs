//! How much memory does a training step take?
//!
//! By how much the largest resident size of the process grows in the first step at S7, beyond weights, inputs and gradients
//! by outputs: the tape, packed weights, outputs, and gradients by parameters, inputs and initial states. Linux only.

use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, zoo};

const STEPS: usize = 100;
const BATCH: usize = 32;
const INPUTS: usize = 512;
const STATES: usize = 1024;

/// A line of `/proc/self/status`, in MiB; 0 where there is none.
fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number =
        line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok());
    number.unwrap_or(0.0) / 1024.0
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| (((index * 7919) % 1009) as f32 / 1009.0 - 0.5) * 0.1).collect()
}

fn main() {
    println!("cell,before_MiB,peak_MiB,growth_MiB");
    for name in ["lstm", "gru_v1", "mgu", "peephole"] {
        let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
        let sizes = [("x", INPUTS), ("h", STATES)];
        let cell = CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
        let parameters = numbers(cell.parameter_layout().length());
        let input = numbers(STEPS * BATCH * INPUTS);
        let by_output = numbers(STEPS * BATCH * STATES);
        let states: Vec<Vec<f32>> = cell.layout().states.iter().map(|_| numbers(BATCH * STATES)).collect();
        let states: Vec<&[f32]> = states.iter().map(Vec::as_slice).collect();
        // The largest size counts from here on.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = status("VmRSS");
        let mut output = vec![0.0; STEPS * BATCH * STATES];
        let mut by_parameters = vec![0.0; parameters.len()];
        let mut by_input = vec![0.0; input.len()];
        let mut by_states: Vec<Vec<f32>> = states.iter().map(|state| vec![0.0; state.len()]).collect();
        let mut by_states: Vec<&mut [f32]> = by_states.iter_mut().map(Vec::as_mut_slice).collect();
        let mut workspace = Workspace::default();
        let forward = Forward {
            steps: STEPS,
            batch: BATCH,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &[&input],
            initial_states: &states,
            outputs: &mut [&mut output],
            final_states: &mut [],
        };
        cell.forward(forward, Keep::Tape, &mut workspace).expect("runs");
        let backward = Backward {
            parameters: &parameters,
            inputs: &[&input],
            output_gradients: &[&by_output],
            final_state_gradients: &[],
            parameter_gradients: &mut by_parameters,
            input_gradients: &mut [&mut by_input],
            initial_state_gradients: &mut by_states,
        };
        cell.backward(backward, &mut workspace).expect("runs");
        let peak = status("VmHWM");
        println!("{name},{before:.1},{peak:.1},{:.1}", peak - before);
    }
}
