//! Do biases cost anything?
//!
//! Forward of cells with biases and without: sums of products start at a bias, so that no loop should add it. S1 is one sample
//! over 100 steps of 32 units, S6 256 samples over 20 steps of 64.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};

/// Minimal gated unit (Zhou et al. 2016) and LSTM (Gers et al. 2000).
const CELLS: [(&str, &str); 2] = [
    (
        "MGU",
        "f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)\nk_t = tanh(W_h x_t + U_h (f_t * h_{t-1}) + b_h)\n\
         h_t = (1 - f_t) * h_{t-1} + f_t * k_t",
    ),
    (
        "LSTM",
        "i_t = sigmoid(W_i x_t + U_i h_{t-1} + b_i)\nf_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)\n\
         o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o)\ng_t = tanh(W_g x_t + U_g h_{t-1} + b_g)\n\
         c_t = f_t * c_{t-1} + i_t * g_t\nh_t = o_t * tanh(c_t)",
    ),
];

/// Steps, samples, units.
const SHAPES: [(&str, usize, usize, usize); 2] = [("S1", 100, 1, 32), ("S6", 20, 256, 64)];

fn biases(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("biases");
    for (shape, steps, batch, size) in SHAPES {
        for (name, text) in CELLS {
            let without: String = text
                .split(" + b_")
                .enumerate()
                .map(|(part, text)| if part == 0 { text } else { text.split_at(1).1 })
                .collect();
            for (what, text) in [("with", text), ("without", &without)] {
                let cell = read_cell(text, Syntax::Text).expect("a cell");
                let sizes = [("x", size), ("h", size)];
                let cell =
                    CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
                let inference =
                    cell.inference(&vec![0.01; cell.parameter_layout().length()]).expect("weights");
                let input = vec![0.1; steps * batch * size];
                let mut output = input.clone();
                let mut workspace = Workspace::default();
                group.bench_function(BenchmarkId::new(what, format!("{shape} {name}")), |bencher| {
                    bencher.iter(|| {
                        let forward = Forward {
                            steps,
                            batch,
                            sequences: Sequences::default(),
                            parameters: &[],
                            inputs: &[&input],
                            initial_states: &[],
                            outputs: &mut [&mut output],
                            final_states: &mut [],
                        };
                        inference.forward(forward, Keep::Nothing, &mut workspace).expect("runs");
                    });
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, biases);
criterion_main!(benches);
