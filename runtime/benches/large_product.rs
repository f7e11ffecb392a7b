//! Does a product of a time loop reach the peak where its operands lie far away?
//!
//! The products of a step, forward and back, `[rows, depth] [depth, columns]`, onto results that are in no cache near by:
//! each step has its own, and there are many. At S4 and S7 the weights are in L3 too: while kernels read one panel of
//! them, they ask for the next, and for the result that comes next. Beside it weights that stay in L2 (S3).

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatewright::matmul::{PackedMatrix, Product, Rows, Soon, Start};

/// Rows, depth, columns.
const SHAPES: [(&str, usize, usize, usize); 6] = [
    ("S3 LSTM", 16, 128, 512),
    ("S4 LSTM", 32, 512, 2048),
    ("S4 LSTM back", 32, 2048, 512),
    ("S7 GRU", 16, 1024, 2048),
    ("S7 LSTM", 16, 1024, 4096),
    ("S7 LSTM back", 16, 4096, 1024),
];

/// Steps of which each has its own rows.
const STEPS: usize = 32;

fn numbers(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn large_product(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("large product");
    for (name, count, depth, columns) in SHAPES {
        let mut weights = PackedMatrix::zeroed(depth, columns).expect("fits");
        weights.place(0, 0, &numbers(depth * columns), depth, columns, columns, false).expect("fits");
        // As a run lays rows out: an odd number of cache lines apart.
        let (left_stride, result_stride) = (depth + 16, columns + 16);
        let rows = Rows { count, left_stride, result_stride, start: Start::There };
        let results = STEPS * count * left_stride;
        let mut workspace = numbers(results + STEPS * count * result_stride);
        let product = Product::new(rows, weights.view()).expect("fits");
        group.throughput(Throughput::Elements((2 * count * depth * columns) as u64));
        let mut step = 0;
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                step = (step + 1) % STEPS;
                let places = (step * count * left_stride, results + step * count * result_stride);
                product.run(&mut workspace, places, weights.view(), &mut Soon::default()).expect("fits");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, large_product);
criterion_main!(benches);
