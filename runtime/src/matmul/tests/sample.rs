//! Products of matrices that each sample has its own of.

use super::{GUARD, numbers};
use crate::matmul::{Element, Error, SampleOperand, SampleResult, arrange, row_maximum, sample_product};

/// A workspace of rows with two operands and a result each, far apart.
struct Samples {
    rows: usize,
    step: usize,
    left: SampleOperand,
    right: SampleOperand,
    result: SampleResult,
}

impl Samples {
    /// `turned`: the operand lies as its transpose. `shared`: one right operand for all rows, before the first.
    fn new(
        rows: usize,
        [m, k, n]: [usize; 3],
        turned: [bool; 2],
        shared: bool,
    ) -> (Self, impl Fn(&SampleOperand, usize, usize, usize) -> usize) {
        let operand = |offset: usize, step: usize, rows: usize, columns: usize, turned: bool| SampleOperand {
            offset,
            step,
            rows,
            columns,
            row_stride: if turned { 1 } else { columns },
            column_stride: if turned { rows } else { 1 },
        };
        let before = k * n + 1;
        let step = m * k + k * n + m * n + 3;
        let left = operand(before, step, m, k, turned[0]);
        let right = if shared {
            operand(0, 0, k, n, turned[1])
        } else {
            operand(before + m * k + 1, step, k, n, turned[1])
        };
        let result = SampleResult { offset: before + m * k + k * n + 2, step };
        let at = |operand: &SampleOperand, row: usize, i: usize, j: usize| {
            operand.offset + row * operand.step + i * operand.row_stride + j * operand.column_stride
        };
        (Self { rows, step: before + rows * step, left, right, result }, at)
    }
}

fn products_of_samples_are_right<T: Element>() {
    let sizes =
        [[0, 2, 3], [2, 0, 3], [2, 3, 0], [1, 1, 1], [5, 1, 7], [5, 7, 1], [1, 9, 17], [9, 17, 5], [8, 8, 8]];
    for size @ [m, k, n] in sizes {
        for (turned, shared) in [
            ([false, false], false),
            ([true, false], false),
            ([false, true], true),
            ([true, true], false),
            ([false, false], true),
        ] {
            for rows in [0, 1, 3] {
                let (samples, at) = Samples::new(rows, size, turned, shared);
                let start = numbers::<T>(samples.step, 7);
                let mut found = start.clone();
                sample_product(&mut found, rows, samples.left, samples.right, samples.result).unwrap();
                let mut expected = start.clone();
                for row in 0..samples.rows {
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let sum = (0..k)
                            .map(|l| {
                                start[at(&samples.left, row, i, l)].to_f64()
                                    * start[at(&samples.right, row, l, j)].to_f64()
                            })
                            .sum::<f64>();
                        expected[samples.result.offset + row * samples.result.step + i * n + j] =
                            T::from_f64(sum);
                    }
                }
                let tolerance = if T::BITS == 32 { 1e-5 } else { 1e-13 };
                for (found, expected) in found.iter().zip(&expected) {
                    let difference = (found.to_f64() - expected.to_f64()).abs();
                    assert!(
                        difference <= tolerance,
                        "{size:?} {turned:?} {shared} {rows}: {found} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn products_of_samples_are_right_in_both_types() {
    products_of_samples_are_right::<f32>();
    products_of_samples_are_right::<f64>();
}

/// Each element of a product of samples depends on its own row and column: nothing spreads.
#[test]
fn numbers_that_are_not_finite_stay_in_their_rows_and_samples() {
    let (samples, at) = Samples::new(2, [3, 9, 4], [false, false], false);
    let mut workspace = numbers::<f64>(samples.step, 3);
    workspace[at(&samples.left, 0, 1, 2)] = f64::INFINITY;
    sample_product(&mut workspace, 2, samples.left, samples.right, samples.result).unwrap();
    for (row, i, j) in (0..2).flat_map(|row| (0..12).map(move |index| (row, index / 4, index % 4))) {
        let found = workspace[samples.result.offset + row * samples.result.step + i * 4 + j];
        assert_eq!(found.is_finite(), (row, i) != (0, 1), "{row} {i} {j}: {found}");
    }
}

#[test]
fn matrices_are_arranged_among_zeros_and_searched_by_rows() {
    let from = SampleOperand { offset: 0, step: 20, rows: 3, columns: 2, row_stride: 1, column_stride: 3 };
    let mut workspace = vec![GUARD; 40];
    for row in 0..2 {
        workspace[row * 20..row * 20 + 6].copy_from_slice(&[1.0, 2.0, 3.0, 4.0, f64::NAN, 0.0]);
    }
    let result = SampleResult { offset: 7, step: 20 };
    arrange(&mut workspace, 2, from, result, 1, 4).unwrap();
    for row in 0..2 {
        let found = &workspace[row * 20 + 7..row * 20 + 19];
        let expected = [0.0, 1.0, 4.0, 0.0, 0.0, 2.0, f64::NAN, 0.0, 0.0, 3.0, 0.0, 0.0];
        assert!(found.iter().zip(&expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{found:?}");
        assert_eq!([workspace[row * 20 + 6], workspace[row * 20 + 19]], [GUARD; 2]);
    }
    row_maximum(&mut workspace, 2, from, result).unwrap();
    assert_eq!(workspace[7], 4.0);
    assert!(workspace[8].is_nan());
    assert_eq!(workspace[29], 3.0);
}

#[test]
fn products_of_samples_refuse_what_does_not_fit() {
    let (samples, _) = Samples::new(2, [2, 3, 4], [false, false], false);
    let Samples { left, right, result, step, .. } = samples;
    let mut workspace = vec![0.0_f64; step];
    let mut run = |left, right, result| sample_product(&mut workspace, 2, left, right, result);
    assert_eq!(run(left, right, result), Ok(()));
    assert!(matches!(run(left, left, result), Err(Error::Shapes { .. })));
    let beyond = SampleResult { offset: result.offset + 4, ..result };
    assert!(matches!(run(left, right, beyond), Err(Error::TooShort { .. })));
    let huge = SampleOperand { row_stride: usize::MAX, ..left };
    assert!(matches!(run(huge, right, result), Err(Error::TooShort { .. })));
    let over = SampleResult { offset: left.offset + 1, ..result };
    assert!(matches!(run(left, right, over), Err(Error::PlacesOverlap { .. })));
    let dense = SampleResult { step: 7, ..result };
    assert!(matches!(run(left, right, dense), Err(Error::RowsOverlap { .. })));
}
