//! Does a product hide the fetch of what is read after it?
//!
//! A walk back through steps as a training run of an LSTM has it at S3: a product with 16 rows, then a loop that reads as
//! much of the tape as a step has. The tape is larger than a cache.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gatewright::matmul::{Lines, PackedMatrix, Rows, Soon, Start, multiply};

const ROWS: usize = 16;
const DEPTH: usize = 512;
const COLUMNS: usize = 128;
/// Numbers of the tape for each step.
const TAPE: usize = ROWS * 800;
const STEPS: usize = 1000;

fn numbers(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// Reads all numbers, sixteen at a time.
fn read(numbers: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for chunk in numbers.chunks_exact(16) {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += number;
        }
    }
    sums.iter().sum()
}

fn fetch_ahead(criterion: &mut Criterion) {
    let mut weights = PackedMatrix::zeroed(DEPTH, COLUMNS).expect("fits");
    weights.place(0, 0, &numbers(DEPTH * COLUMNS), DEPTH, COLUMNS, COLUMNS, false).expect("fits");
    let (left, result) = (STEPS * TAPE, STEPS * TAPE + ROWS * (DEPTH + 16));
    let mut workspace = numbers(result + ROWS * (COLUMNS + 16));
    let rows = Rows { count: ROWS, left_stride: DEPTH + 16, result_stride: COLUMNS + 16, start: Start::Zero };
    let of_step = |step: usize| step * TAPE..(step + 1) * TAPE;
    let mut group = criterion.benchmark_group("fetch ahead");
    group.throughput(Throughput::Elements((2 * ROWS * DEPTH * COLUMNS) as u64));
    for (name, ahead) in [("read when needed", false), ("fetched by the product before", true)] {
        let (mut step, mut soon) = (STEPS, Soon::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                step = if step == 1 { STEPS - 1 } else { step - 1 };
                let sum = read(&workspace[of_step(step)]);
                soon.clear();
                soon.extend(ahead.then(|| Lines::of(&workspace[of_step(step - 1)])));
                multiply(&mut workspace, rows, (left, result), weights.view(), &mut soon).expect("fits");
                sum
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fetch_ahead);
criterion_main!(benches);
