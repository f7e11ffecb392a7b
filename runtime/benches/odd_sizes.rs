//! What does a cell cost whose sizes are no whole blocks of sixteen, beside one of the next size that is?
//!
//! Forward of 1 and of 32 samples over 100 steps. The last block of a product's result passes through a buffer, and the last
//! lanes of an element loop are part of a register.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, zoo};

const STEPS: usize = 100;

/// Inputs and units.
const SIZES: [usize; 4] = [30, 32, 50, 64];

fn odd_sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("odd sizes");
    for batch in [1, 32] {
        for size in SIZES {
            let cell = zoo::find("mgu").expect("a cell of the zoo").read().expect("reads");
            let sizes = [("x", size), ("h", size)];
            let cell = CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
            let parameters = vec![0.01; cell.parameter_layout().length()];
            let (input, mut output) = (vec![0.1; STEPS * batch * size], vec![0.0; STEPS * batch * size]);
            let mut workspace = Workspace::default();
            group.bench_function(BenchmarkId::new(format!("{batch} samples"), size), |bencher| {
                bencher.iter(|| {
                    let forward = Forward {
                        steps: STEPS,
                        batch,
                        sequences: Sequences::default(),
                        parameters: &parameters,
                        inputs: &[&input],
                        initial_states: &[],
                        outputs: &mut [&mut output],
                        final_states: &mut [],
                    };
                    cell.forward(forward, Keep::Nothing, &mut workspace).expect("runs");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, odd_sizes);
criterion_main!(benches);
