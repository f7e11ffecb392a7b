//! Does a product by two blocks of columns take as long for each number as one by four, though it has half as many sums to hide
//! the latency of an addition behind?
//!
//! One row, as a step of a small cell has: `[1, depth] [depth, columns]`. Up to 32 columns of f32 each sum is two chains.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatewright::matmul::{PackedMatrix, Product, Rows, Soon, Start};

/// Columns: of one to four blocks.
const COLUMNS: [usize; 4] = [16, 32, 48, 64];

fn narrow_product(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("narrow product");
    for depth in [32, 128] {
        for columns in COLUMNS {
            let weights = PackedMatrix::zeroed(depth, columns).expect("fits");
            let rows = Rows { count: 1, left_stride: depth, result_stride: columns, start: Start::Zero };
            let product = Product::new(rows, weights.view()).expect("fits");
            let mut workspace = vec![0.5_f32; depth + columns];
            group.throughput(Throughput::Elements((2 * depth * columns) as u64));
            group.bench_function(BenchmarkId::new(format!("depth {depth}"), columns), |bencher| {
                bencher.iter(|| {
                    product
                        .run(&mut workspace, (0, depth), weights.view(), &mut Soon::default())
                        .expect("fits")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, narrow_product);
criterion_main!(benches);
