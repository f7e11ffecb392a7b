//! Products by packed matrices, done once, prepared and bound; and general ones.

use super::{GUARD, SIZES, levels, numbers, packed, product, reference};
use crate::matmul::{
    Element, Error, Matrix, MatrixMut, PackedMatrix, PackedRows, Product, Rows, Soon, Start,
    add_outer_products, general, multiply,
};
use crate::primitive::Level;
use gatewright_compiler::plan::{Moment, Steps, Track};

/// Every size by every size by every size, at every level, exactly; guards between the rows and after them.
fn products_are_exact<T: Element>() {
    for level in levels() {
        for k in [0, 1, 3, 17, 64] {
            for n in SIZES {
                let b = numbers::<T>(k * n, 2);
                let right = packed(level, &b, k, n);
                for m in SIZES {
                    let a = numbers::<T>(m * (k + 3), 1);
                    let stride = n + 2;
                    // Behind the operands of `product`.
                    let row = a.len() + m * stride + 5;
                    for begin in [Start::Zero, Start::There, Start::Row(row)] {
                        let old = numbers::<T>(m * n, 3);
                        let biases = numbers::<T>(n, 4);
                        let start = match begin {
                            Start::Zero => vec![T::ZERO; m * n],
                            Start::There => old.clone(),
                            Start::Row(_) => biases.repeat(m),
                        };
                        let expected = reference(&a, k + 3, &b, m, k, n, &start, level != Level::Portable);
                        let mut c = vec![T::from_f64(GUARD); m * stride + 5];
                        for (row, line) in old.chunks(n.max(1)).enumerate() {
                            c[row * stride..row * stride + n].copy_from_slice(line);
                        }
                        let rows = Rows { count: m, left_stride: k + 3, result_stride: stride, start: begin };
                        product(&a, rows, &right, &mut c, &biases);
                        for (place, value) in c.iter().enumerate() {
                            let (row, column) = (place / stride, place % stride);
                            let wanted = if row < m && column < n {
                                expected[row * n + column]
                            } else {
                                T::from_f64(GUARD)
                            };
                            assert!(
                                *value == wanted,
                                "{level:?} {m}x{k}x{n} at {row},{column}: {value} not {wanted}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn products_are_exact_in_f32() {
    products_are_exact::<f32>();
}

#[test]
fn products_are_exact_in_f64() {
    products_are_exact::<f64>();
}

#[test]
fn rows_do_not_depend_on_how_many_there_are() {
    let (k, most) = (40, 700);
    for (level, n) in levels().flat_map(|level| [(level, 96), (level, 32), (level, 7)]) {
        let b = numbers::<f32>(k * n, 2);
        let right = packed(level, &b, k, n);
        let a = numbers::<f32>(most * k, 1);
        let mut whole = vec![0.0; most * n];
        let rows = |count| Rows { count, left_stride: k, result_stride: n, start: Start::Zero };
        product(&a, rows(most), &right, &mut whole, &[]);
        for m in 1..=45 {
            let mut part = vec![0.0; m * n];
            product(&a, rows(m), &right, &mut part, &[]);
            assert_eq!(part, whole[..m * n], "{level:?} {m}");
        }
    }
}

#[test]
fn long_sums_and_tall_operands_are_exact() {
    // Several chunks of rows; rows that fall on the same lines of the cache.
    for shape in [(300, 1024, 33), (37, 2048, 48), (9000, 16, 20), (5, 5000, 70)] {
        levels().for_each(|level| long_product_is_exact::<f32>(level, shape, &[Start::There]));
    }
}

#[test]
fn sums_in_pieces_are_exact() {
    for (m, k, n) in [(2, 1100, 130), (15, 2100, 66)] {
        for level in levels() {
            let begins = [Start::Zero, Start::There, Start::Row(m * (k + n))];
            long_product_is_exact::<f32>(level, (m, k, n), &begins);
            long_product_is_exact::<f64>(level, (m, k, n), &begins);
        }
    }
}

/// Of the result a few rows are looked at: the reference is slow.
fn long_product_is_exact<T: Element>(level: Level, (m, k, n): (usize, usize, usize), begins: &[Start]) {
    let b = numbers::<T>(k * n, 2);
    let right = packed(level, &b, k, n);
    let a = numbers::<T>(m * k, 1);
    let (old, biases) = (numbers::<T>(m * n, 3), numbers::<T>(n, 4));
    for &begin in begins {
        let mut c = old.clone();
        product(
            &a,
            Rows { count: m, left_stride: k, result_stride: n, start: begin },
            &right,
            &mut c,
            &biases,
        );
        for row in [0, 1, m / 2, m - 1] {
            let a = &a[row * k..(row + 1) * k];
            let start = match begin {
                Start::Zero => vec![T::ZERO; n],
                Start::There => old[row * n..][..n].to_vec(),
                Start::Row(_) => biases.clone(),
            };
            let expected = reference(a, k, &b, 1, k, n, &start, level != Level::Portable);
            assert_eq!(expected, c[row * n..(row + 1) * n], "{level:?} {m}x{k}x{n} row {row}, {begin:?}");
        }
    }
}

#[test]
fn operands_may_lie_between_each_others_rows() {
    // Rows of [left 16 | result 50 | guard 4].
    let (m, k, n, stride) = (13, 16, 50, 70);
    let b = numbers::<f64>(k * n, 2);
    for level in levels() {
        let right = packed(level, &b, k, n);
        for accumulate in [false, true] {
            let before = numbers::<f64>(m * stride, 5);
            let rows = Rows {
                count: m,
                left_stride: stride,
                result_stride: stride,
                start: if accumulate { Start::There } else { Start::Zero },
            };
            let product = Product::new(rows, right.view()).unwrap();
            for prepared in [false, true] {
                let mut workspace = before.clone();
                let outcome = if prepared {
                    product.run(&mut workspace, (0, 16), right.view(), &mut Soon::default())
                } else {
                    multiply(&mut workspace, rows, (0, 16), right.view(), &mut Soon::default())
                };
                outcome.unwrap();
                for (old, new) in before.chunks(stride).zip(workspace.chunks(stride)) {
                    let start = if accumulate { old[16..66].to_vec() } else { vec![0.0; n] };
                    let expected = reference(old, stride, &b, 1, k, n, &start, level != Level::Portable);
                    assert_eq!(new[..16], old[..16]);
                    assert_eq!(new[16..66], expected, "{level:?}");
                    assert_eq!(new[66..], old[66..]);
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    let right = PackedMatrix::<f32>::zeroed(8, 40).unwrap();
    let right = right.view();
    let rows = Rows { count: 10, left_stride: 50, result_stride: 50, start: Start::Zero };
    let narrow = Rows { result_stride: 30, ..rows };
    let askew = Rows { result_stride: 60, ..rows };
    let huge = Rows { left_stride: usize::MAX, ..rows };
    let refused = |rows: Rows, places: (usize, usize), expected: fn(&Error) -> bool| {
        let mut workspace = vec![1.0; 1000];
        let error = multiply(&mut workspace, rows, places, right, &mut Soon::default()).unwrap_err();
        assert!(expected(&error), "{error}");
        let product = Product::new(rows, right)
            .and_then(|one| one.run(&mut workspace, places, right, &mut Soon::default()));
        let error = product.unwrap_err();
        assert!(expected(&error), "{error}");
        assert!(workspace.iter().all(|&number| number == 1.0));
    };
    let overlap = |error: &Error| matches!(error, Error::PlacesOverlap { .. });
    // The first number, the last of a row, a column that begins in the row before, another stride.
    for places in [(0, 0), (0, 7), (0, 11), (43, 0), (5, 90)] {
        refused(rows, places, overlap);
    }
    refused(askew, (0, 8), overlap);
    let short = |error: &Error| matches!(error, Error::TooShort { .. });
    for places in [(0, 511), (543, 0), (0, usize::MAX), (usize::MAX, 0)] {
        refused(rows, places, short);
    }
    refused(huge, (0, 500), short);
    refused(narrow, (0, 500), |error| matches!(error, Error::RowsOverlap { .. }));
    // What sums start at may be anywhere but in the result, from its first number to its last.
    let start = |place: usize| Rows { start: Start::Row(place), ..rows };
    refused(start(961), (0, 10), short);
    refused(start(usize::MAX), (0, 10), short);
    for place in [0, 20, 100, 499] {
        refused(start(place), (510, 10), overlap);
    }
    for place in [500, 960] {
        multiply(&mut vec![1.0; 1000], start(place), (510, 10), right, &mut Soon::default()).unwrap();
    }
    // What just fits.
    for places in [(0, 10), (42, 0), (0, 510), (542, 0)] {
        multiply(&mut vec![1.0; 1000], rows, places, right, &mut Soon::default()).unwrap();
    }
}

#[test]
fn a_product_is_done_with_matrices_like_its_own() {
    let matrix = |level, rows, columns| PackedMatrix::<f32>::zeroed_for(level, rows, columns).unwrap();
    let rows = Rows { count: 3, left_stride: 9, result_stride: 41, start: Start::Zero };
    let mut workspace = vec![1.0; 1000];
    let mut product = Product::new(rows, matrix(Level::best(), 8, 40).view()).unwrap();
    let mut run = |product: &Product<f32>, right: PackedMatrix<f32>| {
        product.run(&mut workspace, (0, 100), right.view(), &mut Soon::default())
    };
    assert_eq!(run(&product, matrix(Level::best(), 8, 40)), Ok(()));
    let others = [(Level::best(), 9, 40), (Level::best(), 8, 41), (Level::best(), 0, 40)];
    let others =
        others.into_iter().chain((Level::best() != Level::Portable).then_some((Level::Portable, 8, 40)));
    for (level, depth, columns) in others {
        let other = matrix(level, depth, columns);
        let expected = Error::OtherMatrix { rows: depth, columns };
        assert_eq!(run(&product, matrix(level, depth, columns)), Err(expected));
        product.renew(rows, other.view()).unwrap();
        assert_eq!(run(&product, other), Ok(()));
        product.renew(rows, matrix(Level::best(), 8, 40).view()).unwrap();
    }
}

#[test]
fn a_bound_product_is_at_every_step_what_it_is_alone() {
    let right = packed(Level::best(), &numbers::<f32>(8 * 20, 2), 8, 20);
    let right = right.view();
    let steps = Steps { steps: 6, chunk: 2 };
    // Operands in places of their own, and between each other's rows.
    let apart = Rows { count: 3, left_stride: 8, result_stride: 20, start: Start::There };
    let between = Rows { count: 3, left_stride: 30, result_stride: 30, start: Start::Zero };
    for (rows, tracks) in [
        (apart, (Track::of_run(0, 24), Track::of_chunk(144, 60))),
        (apart, (Track::in_turn([120, 150]), Track::in_turn([60, 0]))),
        (between, (Track::of_run(0, 90), Track::of_run(9, 90))),
    ] {
        let mut product = Product::new(rows, right).unwrap();
        let mut workspace = numbers::<f32>(600, 3);
        let unbound = product.run_bound(&mut workspace, Moment::default(), right, &mut Soon::default());
        assert_eq!(unbound, Err(Error::Unbound { step: 0 }));
        product.bind(tracks, steps).unwrap();
        for (step, chunk) in (0..8).flat_map(|step| (0..8).map(move |chunk| (step, chunk))) {
            let moment = Moment { step, chunk };
            let mut expected = workspace.clone();
            let outcome = product.run_bound(&mut workspace, moment, right, &mut Soon::default());
            if steps.contains(moment) {
                assert_eq!(outcome, Ok(()));
                let places = (tracks.0.at(moment), tracks.1.at(moment));
                product.run(&mut expected, places, right, &mut Soon::default()).unwrap();
            } else {
                assert_eq!(outcome, Err(Error::Unbound { step }));
            }
            assert!(workspace == expected, "{moment:?}");
        }
    }
}

#[test]
fn a_bound_product_is_refused_where_it_does_not_fit() {
    let right = packed(Level::best(), &numbers::<f32>(8 * 20, 2), 8, 20);
    let right = right.view();
    let steps = Steps { steps: 3, chunk: 3 };
    let rows = Rows { count: 3, left_stride: 8, result_stride: 20, start: Start::Zero };
    let mut product = Product::new(rows, right).unwrap();
    let mut workspace = vec![1.0; 300];
    let at = |step: usize| Moment { step, chunk: 0 };
    // The last step ends at 100 + 2 * 60 + 60.
    product.bind((Track::of_run(0, 24), Track::of_run(100, 60)), steps).unwrap();
    let short = product.run_bound(&mut workspace[..279], at(2), right, &mut Soon::default());
    assert!(matches!(short, Err(Error::TooShort { .. })), "{short:?}");
    let other = PackedMatrix::<f32>::zeroed(8, 21).unwrap();
    let refused = product.run_bound(&mut workspace, at(2), other.view(), &mut Soon::default());
    assert_eq!(refused, Err(Error::OtherMatrix { rows: 8, columns: 21 }));
    // The result of step 1 lies where sums start, the one before it does not.
    let row = Rows { start: Start::Row(180), ..rows };
    let mut biased = Product::new(row, right).unwrap();
    biased.bind((Track::of_run(0, 24), Track::of_run(100, 60)), steps).unwrap();
    assert_eq!(biased.run_bound(&mut workspace.clone(), at(0), right, &mut Soon::default()), Ok(()));
    let overlap = biased.run_bound(&mut workspace, at(1), right, &mut Soon::default());
    assert_eq!(overlap, Err(Error::PlacesOverlap { first: 160, second: 180 }));
    // At step 1 the result begins where the left operand does.
    product.bind((Track::of_run(0, 100), Track::in_turn([200, 100])), steps).unwrap();
    let overlap = product.run_bound(&mut workspace, at(1), right, &mut Soon::default());
    assert_eq!(overlap, Err(Error::PlacesOverlap { first: 100, second: 100 }));
    assert!(workspace.iter().all(|&number| number == 1.0));
    let refused = product.bind((Track::of_run(0, usize::MAX), Track::of_run(100, 60)), steps);
    assert!(matches!(refused, Err(Error::TooShort { .. })), "{refused:?}");
    assert_eq!(
        product.run_bound(&mut workspace, at(0), right, &mut Soon::default()),
        Err(Error::Unbound { step: 0 })
    );
    product.bind((Track::of_run(0, 24), Track::of_run(100, 60)), steps).unwrap();
    product.renew(rows, right).unwrap();
    assert_eq!(
        product.run_bound(&mut workspace, at(0), right, &mut Soon::default()),
        Err(Error::Unbound { step: 0 })
    );
}

#[test]
fn general_products_agree_with_the_reference() {
    for m in SIZES {
        for k in SIZES {
            for n in SIZES {
                let a = numbers::<f64>(k * m, 1);
                let b = numbers::<f64>(k * n, 2);
                // The gradient of a weight: the transpose of `a`, as stored, times `b`.
                let rows: Vec<f64> = (0..m * k).map(|index| a[(index % k) * m + index / k]).collect();
                let start = numbers::<f64>(m * n, 3);
                let expected = reference(&rows, k, &b, m, k, n, &start, true);
                let mut c = start.clone();
                let left = Matrix::new(&a, k, m, m).transposed();
                let right = Matrix::new(&b, k, n, n);
                general(left, right, MatrixMut { numbers: &mut c, rows: m, columns: n, row_stride: n })
                    .unwrap();
                for (value, wanted) in c.iter().zip(&expected) {
                    assert!((value - wanted).abs() < 1e-13 * (k as f64 + 1.0), "{m}x{k}x{n}");
                }
            }
        }
    }
    let (a, mut c) = ([0.0_f32; 6], [0.0_f32; 4]);
    let result = MatrixMut { numbers: &mut c, rows: 2, columns: 2, row_stride: 2 };
    let error = general(Matrix::new(&a, 2, 3, 3), Matrix::new(&a, 2, 3, 3), result).unwrap_err();
    assert!(matches!(error, Error::Shapes { .. }));
}

/// A matrix without columns may have any number of rows.
#[test]
fn no_rows_by_no_columns_are_no_product() {
    for level in levels() {
        let right = PackedMatrix::<f32>::zeroed_for(level, usize::MAX, 0).unwrap();
        let rows = Rows { count: 0, left_stride: 1, result_stride: 1, start: Start::Zero };
        assert_eq!(multiply(&mut [], rows, (0, 0), right.view(), &mut Soon::default()), Ok(()));
        assert!(Product::new(rows, right.view()).is_ok());
        let rows = Matrix::<f32>::new(&[], usize::MAX, 0, 1);
        let mut memory = PackedRows::new(level);
        let mut add = || {
            let result = MatrixMut { numbers: &mut [], rows: 0, columns: 0, row_stride: 0 };
            memory.add_in_place(rows, rows, result)
        };
        assert_eq!((add(), add()), (Ok(()), Ok(())));
        // Not part by part: they would never end.
        let result = MatrixMut { numbers: &mut [], rows: 0, columns: 0, row_stride: 0 };
        assert_eq!(add_outer_products(rows, rows, result, &mut memory), Ok(()));
    }
}

/// No row is behind one row alone, so it may have any stride.
#[test]
fn one_row_may_have_any_stride() {
    for level in levels() {
        for n in [7, 40] {
            let right = packed(level, &numbers::<f32>(8 * n, 2), 8, n);
            let run = |left_stride: usize, result_stride: usize| {
                let mut workspace = numbers::<f32>(8 + n, 1);
                let rows = Rows { count: 1, left_stride, result_stride, start: Start::Zero };
                multiply(&mut workspace, rows, (0, 8), right.view(), &mut Soon::default()).unwrap();
                workspace
            };
            let expected = run(8, n);
            for stride in [usize::MAX, usize::MAX / 2, usize::MAX / 3 + 1, 1 << 62] {
                assert_eq!((run(stride, n), run(8, stride)), (expected.clone(), expected.clone()));
            }
        }
    }
}
