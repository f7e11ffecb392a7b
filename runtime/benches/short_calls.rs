//! What does a training call cost beside its steps?
//!
//! One sample through the standard cells with 32 inputs and units, forward and backward, over 1, 10 and 100 steps: what one step
//! alone takes is the call, which packs weights, adds up gradients and finds out what runs where.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, zoo};

/// Inputs and units.
const SIZE: usize = 32;

fn short_calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("short calls");
    for name in ["lstm", "gru_v1", "mgu"] {
        let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
        let sizes = [("x", SIZE), ("h", SIZE)];
        let cell = CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
        let parameters = vec![0.01; cell.parameter_layout().length()];
        let mut parameter_gradients = parameters.clone();
        for steps in [1, 10, 100] {
            let (input, by_output) = (vec![0.1; steps * SIZE], vec![1.0; steps * SIZE]);
            let (mut output, mut by_input) = (by_output.clone(), input.clone());
            let mut workspace = Workspace::default();
            group.bench_function(BenchmarkId::new(name, steps), |bencher| {
                bencher.iter(|| {
                    let forward = Forward {
                        steps,
                        batch: 1,
                        sequences: Sequences::default(),
                        parameters: &parameters,
                        inputs: &[&input],
                        initial_states: &[],
                        outputs: &mut [&mut output],
                        final_states: &mut [],
                    };
                    cell.forward(forward, Keep::Tape, &mut workspace).expect("runs");
                    let backward = Backward {
                        parameters: &parameters,
                        inputs: &[&input],
                        output_gradients: &[&by_output],
                        final_state_gradients: &[],
                        parameter_gradients: &mut parameter_gradients,
                        input_gradients: &mut [&mut by_input],
                        initial_state_gradients: &mut [],
                    };
                    cell.backward(backward, &mut workspace).expect("runs");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, short_calls);
criterion_main!(benches);
