//! Products against their definition, at every level that this machine has.

mod outer_products;
mod packing;
mod prefetch;
mod products;
mod sample;

use super::{Element, PackedMatrix, Product, Rows, Soon, multiply};
use crate::primitive::Level;

const SIZES: [usize; 9] = [0, 1, 3, 8, 16, 17, 33, 64, 65];
/// What stands where nothing may be written.
const GUARD: f64 = 12345.0;

/// Numbers between -1 and 1 that do not repeat soon.
fn numbers<T: Element>(length: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // All bits of an `f64`: sums of products would be exact in it, else, in any order.
        T::from_f64((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    };
    (0..length).map(|_| next()).collect()
}

/// The definition: one chain of fused multiply-adds from `k = 0` up, or by a matrix of two blocks two, of even and of odd `k`;
/// with `fused` false each step rounds twice.
#[allow(clippy::too_many_arguments, reason = "a matrix product has many sizes")]
fn reference<T: Element>(
    a: &[T],
    lda: usize,
    b: &[T],
    m: usize,
    k: usize,
    n: usize,
    start: &[T],
    fused: bool,
) -> Vec<T> {
    let chains = if n <= 2 * T::BLOCK { 2 } else { 1 };
    chained(a, lda, b, (m, k, n), start, fused, chains)
}

/// The same with so many chains.
fn chained<T: Element>(
    a: &[T],
    lda: usize,
    b: &[T],
    (m, k, n): (usize, usize, usize),
    start: &[T],
    fused: bool,
    many: usize,
) -> Vec<T> {
    let mut result = start.to_vec();
    for i in 0..m {
        for j in 0..n {
            let mut chains = [result[i * n + j], T::ZERO];
            for l in 0..k {
                let sum = &mut chains[l % many];
                let (x, y) = (a[i * lda + l], b[l * n + j]);
                *sum = if fused { x.mul_add(y, *sum) } else { *sum + x * y };
            }
            result[i * n + j] = chains[0] + chains[1];
        }
    }
    result
}

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_available())
}

fn packed<T: Element>(level: Level, b: &[T], k: usize, n: usize) -> PackedMatrix<T> {
    let mut packed = PackedMatrix::zeroed_for(level, k, n).unwrap();
    packed.place(0, 0, b, k, n, n, false).unwrap();
    packed
}

/// `left * right` to `result`, whose rows are `stride` apart, as a product that is done once and as one that is prepared; the
/// biases lie behind both.
fn product<T: Element>(left: &[T], rows: Rows, right: &PackedMatrix<T>, result: &mut [T], biases: &[T]) {
    let mut workspace = [left, result, biases].concat();
    let mut other = workspace.clone();
    let places = (0, left.len());
    let right = right.view();
    multiply(&mut workspace, rows, places, right, &mut Soon::default()).unwrap();
    Product::new(rows, right).unwrap().run(&mut other, places, right, &mut Soon::default()).unwrap();
    assert!(workspace == other);
    assert!(workspace[..left.len()] == *left);
    result.copy_from_slice(&workspace[left.len()..left.len() + result.len()]);
    assert!(workspace[left.len() + result.len()..] == *biases);
}
