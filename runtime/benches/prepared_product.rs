//! Does a product that knows its kernels, or was checked for all steps as well, save time where it is small?
//!
//! The product of a time loop, `[rows, depth] [depth, columns]`: at S1 of an MGU and of an LSTM, at S2 and at S3.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatewright::compiler::plan::{Moment, Steps, Track};
use gatewright::matmul::{PackedMatrix, Product, Rows, Soon, Start, multiply};

/// Rows, depth, columns.
const SHAPES: [(&str, usize, usize, usize); 4] =
    [("S1 MGU", 1, 32, 32), ("S1 LSTM", 1, 32, 128), ("S2 LSTM", 1, 128, 512), ("S3 LSTM", 16, 128, 512)];

fn numbers(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn prepared_product(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepared product");
    for (name, count, depth, columns) in SHAPES {
        let mut weights = PackedMatrix::zeroed(depth, columns).expect("fits");
        weights.place(0, 0, &numbers(depth * columns), depth, columns, columns, false).expect("fits");
        let rows = Rows { count, left_stride: depth, result_stride: columns, start: Start::Zero };
        let places = (0, count * depth);
        let mut workspace = numbers(count * (depth + columns));
        group.throughput(Throughput::Elements((2 * count * depth * columns) as u64));
        group.bench_function(BenchmarkId::new("found out each time", name), |bencher| {
            bencher.iter(|| {
                multiply(&mut workspace, rows, places, weights.view(), &mut Soon::default()).expect("fits")
            });
        });
        let mut product = Product::new(rows, weights.view()).expect("fits");
        group.bench_function(BenchmarkId::new("known", name), |bencher| {
            bencher.iter(|| {
                product.run(&mut workspace, places, weights.view(), &mut Soon::default()).expect("fits")
            });
        });
        let tracks = (Track::of_run(places.0, 0), Track::of_run(places.1, 0));
        product.bind(tracks, Steps { steps: 1, chunk: 1 }).expect("fits");
        group.bench_function(BenchmarkId::new("and checked", name), |bencher| {
            bencher.iter(|| {
                product
                    .run_bound(&mut workspace, Moment::default(), weights.view(), &mut Soon::default())
                    .expect("fits")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, prepared_product);
criterion_main!(benches);
