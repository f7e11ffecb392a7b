//! What does it cost to rearrange a number for the kernels?
//!
//! Blocks of a matrix go into panels of 32 columns (16 with AVX2 or NEON): row by row, as the values of a sequence do before the
//! gradient by a weight, or transposed, as weights do before a call. Beside them a copy of as many bytes, which rearranges
//! nothing. What is transposed goes four columns at a time, as vectors; beside it the same three columns at a time, number by
//! number.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatewright::matmul::PackedMatrix;

/// Columns of a panel of `f32`, or of two.
const PANEL: usize = 32;

/// Rows of the packed matrix, and how often it has as many columns: the weights of an LSTM at S1, rows of S2 and of S4 before a
/// gradient.
const SHAPES: [(&str, usize, usize); 3] = [("S1", 32, 4), ("S2", 256, 8), ("S4", 256, 64)];

fn numbers(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn packing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packing");
    for (name, rows, panels) in SHAPES {
        let columns = panels * PANEL;
        // Rows lie somewhat apart, as those of several values do.
        let stride = columns + 16;
        let source = numbers(rows * stride);
        let mut packed = PackedMatrix::zeroed(rows, columns).expect("fits");
        group.throughput(Throughput::Elements((rows * columns) as u64));
        let mut copy = vec![0.0_f32; rows * columns];
        group.bench_function(BenchmarkId::new("copy", name), |bencher| {
            bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(&source[..rows * columns])));
        });
        group.bench_function(BenchmarkId::new("row by row", name), |bencher| {
            bencher.iter(|| {
                packed.place(0, 0, black_box(&source), rows, columns, stride, false).expect("fits");
            });
        });
        let across = rows + 16;
        let turned = numbers(columns * across);
        group.bench_function(BenchmarkId::new("transposed", name), |bencher| {
            bencher.iter(|| {
                packed.place(0, 0, black_box(&turned), columns, rows, across, true).expect("fits");
            });
        });
        group.bench_function(BenchmarkId::new("transposed by threes", name), |bencher| {
            bencher.iter(|| {
                for first in (0..columns).step_by(3) {
                    let block = &black_box(turned.as_slice())[first * across..];
                    let width = 3.min(columns - first);
                    packed.place(0, first, block, width, rows, across, true).expect("fits");
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, packing);
criterion_main!(benches);
