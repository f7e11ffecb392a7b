//! Is the sum of outer products faster as packed kernels than as one product of `matrixmultiply`?
//!
//! The gradient by a weight at T·B rows: `[rows, m]^T [rows, n]`, as the cells of the workloads have it.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatewright::matmul::{Matrix, MatrixMut, PackedRows, add_outer_products, general};
use gatewright::primitive::Level;

/// Rows, columns of the left operand (gates), columns of the right one (inputs and states).
const SHAPES: [(&str, usize, usize, usize); 6] = [
    ("S2", 100, 512, 256),
    ("S3", 3200, 512, 256),
    ("S4", 3200, 2048, 768),
    ("S5", 1000, 1024, 320),
    ("S6", 5120, 256, 128),
    ("S7", 512, 4096, 1536),
];

fn numbers(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn weight_gradient(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("weight gradient");
    for (name, rows, gates, features) in SHAPES {
        let (left, right) = (numbers(rows * (gates + 16)), numbers(rows * (features + 16)));
        let mut result = vec![0.0_f32; gates * features];
        let left = Matrix::new(&left, rows, gates, gates + 16);
        let right = Matrix::new(&right, rows, features, features + 16);
        group.throughput(Throughput::Elements(2 * (rows * gates * features) as u64));
        group.bench_function(BenchmarkId::new("matrixmultiply", name), |bencher| {
            bencher.iter(|| {
                let result =
                    MatrixMut { numbers: &mut result, rows: gates, columns: features, row_stride: features };
                general(left.transposed(), right, result).expect("the shapes fit");
            });
        });
        let mut memory = PackedRows::new(Level::best());
        group.bench_function(BenchmarkId::new("packed", name), |bencher| {
            bencher.iter(|| {
                let result =
                    MatrixMut { numbers: &mut result, rows: gates, columns: features, row_stride: features };
                add_outer_products(left, right, result, &mut memory).expect("the shapes fit");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, weight_gradient);
criterion_main!(benches);
