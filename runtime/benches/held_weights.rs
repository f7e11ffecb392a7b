//! What does a cell save that holds its weights, where a run is short?
//!
//! Forward of one sample over 100 steps, given the parameters with each run, and of [`CompiledCell::inference`].

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, zoo};

const STEPS: usize = 100;

/// Inputs and units.
const SHAPES: [(&str, usize); 2] = [("S1", 32), ("S2", 128)];

fn run(cell: &dyn SequenceCell<f32>, parameters: &[f32], size: usize, workspace: &mut Workspace<f32>) {
    let input = [0.1; STEPS * 128];
    let mut output = [0.0; STEPS * 128];
    let forward = Forward {
        steps: STEPS,
        batch: 1,
        sequences: Sequences::default(),
        parameters,
        inputs: &[&input[..STEPS * size]],
        initial_states: &[],
        outputs: &mut [&mut output[..STEPS * size]],
        final_states: &mut [],
    };
    cell.forward(forward, Keep::Nothing, workspace).expect("runs");
}

fn held_weights(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("held weights");
    for (shape, size) in SHAPES {
        for name in ["lstm", "mgu"] {
            let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
            let sizes = [("x", size), ("h", size)];
            let cell = CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
            let parameters = vec![0.01; cell.parameter_layout().length()];
            let inference = cell.inference(&parameters).expect("weights");
            let mut workspace = Workspace::default();
            group.bench_function(
                BenchmarkId::new("given with each run", format!("{shape} {name}")),
                |bencher| {
                    bencher.iter(|| run(&cell, &parameters, size, &mut workspace));
                },
            );
            group.bench_function(BenchmarkId::new("held", format!("{shape} {name}")), |bencher| {
                bencher.iter(|| run(&inference, &[], size, &mut workspace));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, held_weights);
criterion_main!(benches);
