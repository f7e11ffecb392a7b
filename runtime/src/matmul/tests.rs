use super::{
    Element, Error, Matrix, MatrixMut, PackedMatrix, Product, Rows, SampleOperand, SampleResult, Soon, Start,
    arrange, general, multiply, row_maximum, sample_product,
};
use crate::primitive::Level;
use gatewright_compiler::plan::{Moment, Steps, Track};

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

/// The definition: one chain of fused multiply-adds from `k = 0` up, or by a matrix of one panel two, of even and of odd `k`;
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
    let chains = if n <= T::PANEL { 2 } else { 1 };
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

/// Half a mebibyte of a result, or less, is in L2 still; but the tape is written once.
#[test]
fn results_that_are_in_no_cache_are_asked_for() {
    let right = PackedMatrix::<f32>::zeroed(8, 512).unwrap();
    let rows = |count| Rows { count, left_stride: 8, result_stride: 512, start: Start::Zero };
    let steps = Steps { steps: 3, chunk: 3 };
    for (count, track, asks) in [
        (32, Track::of_chunk(1024, 32 * 512), false),
        (32, Track::in_turn([1024, 32768]), false),
        (32, Track::of_run(1024, 32 * 512), true),
        (256, Track::of_chunk(2048, 256 * 512), false),
        (257, Track::of_chunk(2056, 257 * 512), true),
    ] {
        let mut product = Product::new(rows(count), right.view()).unwrap();
        product.bind((Track::in_turn([0, 0]), track), steps).unwrap();
        assert_eq!(product.asks_for_results(), asks, "{count} rows, {track:?}");
    }
}

#[test]
fn blocks_are_placed_and_placed_again() {
    let (k, n) = (37, 75);
    let mut right = PackedMatrix::<f32>::zeroed(k, n).unwrap();
    let mut plain = vec![0.0_f32; k * n];
    let blocks = [
        (0, 0, 20, 33, false),
        (20, 10, 17, 65, true),
        (3, 30, 5, 7, false),
        (0, 0, 37, 75, true),
        (36, 74, 1, 1, true),
    ];
    for (seed, (row, column, rows, columns, transposed)) in blocks.into_iter().enumerate() {
        let (source_rows, source_columns) = if transposed { (columns, rows) } else { (rows, columns) };
        let stride = source_columns + 4;
        let source = numbers::<f32>(source_rows * stride, seed as u64 + 9);
        right.place(row, column, &source, source_rows, source_columns, stride, transposed).unwrap();
        for i in 0..rows {
            for j in 0..columns {
                plain[(row + i) * n + column + j] =
                    source[if transposed { j * stride + i } else { i * stride + j }];
            }
        }
        // The identity times the matrix is the matrix.
        let mut identity = vec![0.0; k * k];
        identity.iter_mut().step_by(k + 1).for_each(|one| *one = 1.0);
        let mut whole = vec![0.0; k * n];
        let rows = Rows { count: k, left_stride: k, result_stride: n, start: Start::Zero };
        product(&identity, rows, &right, &mut whole, &[]);
        assert_eq!(whole, plain);
    }
    // No row is behind one row alone, so it may have any stride.
    for transposed in [false, true] {
        for stride in [0, 3, 40] {
            assert_eq!(right.place(1, 2, &[1.0; 35], 1, 35, stride, transposed), Ok(()));
        }
    }
    assert!(matches!(right.place(30, 0, &[0.0; 100], 10, 10, 10, false), Err(Error::OutOfPlace { .. })));
    assert!(matches!(right.place(0, 0, &[0.0; 99], 10, 10, 10, false), Err(Error::TooShort { .. })));
    assert!(matches!(PackedMatrix::<f32>::zeroed(usize::MAX, 2), Err(Error::TooLarge { .. })));
}

#[test]
fn storage_is_aligned() {
    for columns in [1, 32, 33] {
        assert_eq!(
            PackedMatrix::<f32>::zeroed(5, columns).unwrap().view().panels().as_ptr().align_offset(64),
            0
        );
        assert_eq!(
            PackedMatrix::<f64>::zeroed(5, columns).unwrap().view().panels().as_ptr().align_offset(64),
            0
        );
    }
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

/// Every size by every size by some depths, exactly: a chain of fused multiply-adds from what was there. Rows of the right
/// operand that are whole lines are read where they lie, the others packed.
fn outer_products_are_exact<T: Element>(level: Level) {
    let mut memory = super::PackedRows::new(level);
    let mut in_place = [0, 0];
    for k in [0, 1, 3, 64, 255, 256, 257, 600] {
        for m in [0, 1, 3, 14, 15, 33] {
            for n in [0, 1, 16, 17, 48, 64, 65, 80] {
                let stride = if n % 16 == 0 { n + 16 } else { n + 3 };
                in_place[usize::from(super::PackedRows::<T>::reads_in_place(n, stride))] += 1;
                let (left, right) = (numbers::<T>(k * (m + 2), 1), numbers::<T>(k * stride, 2));
                let old = numbers::<T>(m * n, 3);
                let (left_columns, right_rows): (Vec<T>, Vec<T>) = (
                    (0..m)
                        .flat_map(|i| (0..k).map(move |l| (i, l)))
                        .map(|(i, l)| left[l * (m + 2) + i])
                        .collect(),
                    (0..k).flat_map(|l| right[l * stride..l * stride + n].to_vec()).collect(),
                );
                let fused = level != Level::Portable;
                let expected = chained(&left_columns, k, &right_rows, (m, k, n), &old, fused, 1);
                let mut result = old;
                super::add_outer_products(
                    Matrix::new(&left, k, m, m + 2),
                    Matrix::new(&right, k, n, stride),
                    MatrixMut { numbers: &mut result, rows: m, columns: n, row_stride: n },
                    &mut memory,
                )
                .unwrap();
                assert_eq!(result, expected, "{m}x{k}x{n} {level:?}");
            }
        }
    }
    assert!(in_place.iter().all(|&count| count > 0), "{in_place:?}");
}

#[test]
fn what_is_read_in_place_fits_as_what_is_packed_does() {
    let mut memory = super::PackedRows::<f32>::new(Level::best());
    let (left, right) = (numbers::<f32>(64, 1), numbers::<f32>(256, 2));
    let mut add = |rows: usize, columns: usize, stride: usize| {
        let (left, right) = (Matrix::new(&left, 4, 3, 16), Matrix::new(&right, rows, columns, stride));
        let mut result = vec![0.0; 3 * columns.max(1)];
        let result = MatrixMut { numbers: &mut result, rows: 3, columns, row_stride: columns };
        memory.add_in_place(left, right, result)
    };
    assert_eq!(add(4, 32, 48), Ok(()));
    assert!(matches!(add(3, 32, 48), Err(Error::Shapes { .. })));
    assert!(matches!(add(4, 32, 96), Err(Error::TooShort { .. })));
    assert!(matches!(add(4, 32, 16), Err(Error::RowsOverlap { .. })));
    // Not whole blocks, not whole lines apart, and on a quarter of the sets of a cache.
    for (columns, stride) in [(31, 48), (32, 47), (32, 64)] {
        assert!(!super::PackedRows::<f32>::reads_in_place(columns, stride));
        assert_eq!(add(4, columns, stride), Ok(()));
    }
    // As many bytes apart as no number says.
    let far = usize::MAX / size_of::<f32>() + 17;
    assert!(!super::PackedRows::<f32>::reads_in_place(32, far));
    assert!(matches!(add(4, 32, far), Err(Error::TooShort { .. })));
}

#[test]
fn rows_whose_numbers_do_not_lie_together_are_refused() {
    let numbers = [1.0_f32; 64];
    let (rows, scattered) = (Matrix::new(&numbers, 1, 16, 16), Matrix::new(&numbers, 16, 1, 3).transposed());
    let mut memory = super::PackedRows::new(Level::best());
    for (left, right) in [(rows, scattered), (scattered, rows)] {
        let mut sums = [0.0; 256];
        let refused = Err(Error::RowsScattered { column_stride: 3 });
        let result = MatrixMut { numbers: &mut sums, rows: 16, columns: 16, row_stride: 16 };
        assert_eq!(super::add_outer_products(left, right, result, &mut memory), refused);
        let result = MatrixMut { numbers: &mut sums, rows: 16, columns: 16, row_stride: 16 };
        assert_eq!(memory.add_in_place(left, right, result), refused);
        assert_eq!(sums, [0.0; 256]);
    }
    assert_eq!(memory.pack(scattered), Err(Error::RowsScattered { column_stride: 3 }));
}

#[test]
fn outer_products_are_exact_in_f32_and_f64() {
    for level in levels() {
        outer_products_are_exact::<f32>(level);
        outer_products_are_exact::<f64>(level);
    }
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
        let mut memory = super::PackedRows::new(level);
        let mut add = || {
            let result = MatrixMut { numbers: &mut [], rows: 0, columns: 0, row_stride: 0 };
            memory.add_in_place(rows, rows, result)
        };
        assert_eq!((add(), add()), (Ok(()), Ok(())));
        // Not part by part: they would never end.
        let result = MatrixMut { numbers: &mut [], rows: 0, columns: 0, row_stride: 0 };
        assert_eq!(super::add_outer_products(rows, rows, result, &mut memory), Ok(()));
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
