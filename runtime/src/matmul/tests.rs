use super::{
    Element, Error, Left, Matrix, MatrixMut, PackedMatrix, Place, Segment, general, multiply, multiply_within,
};
use crate::primitive::Level;

const SIZES: [usize; 9] = [0, 1, 3, 8, 16, 17, 33, 64, 65];
/// What stands where nothing may be written.
const GUARD: f64 = 12345.0;

/// Numbers between -1 and 1 that do not repeat soon.
fn numbers<T: Element>(length: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::from_f64((state >> 40) as f64 / f64::from(1 << 23) - 1.0)
    };
    (0..length).map(|_| next()).collect()
}

/// The definition: one chain of fused multiply-adds from `k = 0` up; with `fused` false each step rounds twice.
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
    let mut result = start.to_vec();
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                let sum = result[i * n + j];
                let (x, y) = (a[i * lda + l], b[l * n + j]);
                result[i * n + j] = if fused { x.mul_add(y, sum) } else { sum + x * y };
            }
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

/// Every size by every size by every size, at every level, exactly; guards between the rows and after them.
fn products_are_exact<T: Element>() {
    for level in levels() {
        for k in [0, 1, 3, 17, 64] {
            for n in SIZES {
                let b = numbers::<T>(k * n, 2);
                let right = packed(level, &b, k, n);
                for m in SIZES {
                    let a = numbers::<T>(m * (k + 3), 1);
                    for accumulate in [false, true] {
                        let old = numbers::<T>(m * n, 3);
                        let start = if accumulate { old.clone() } else { vec![T::ZERO; m * n] };
                        let expected = reference(&a, k + 3, &b, m, k, n, &start, level != Level::Portable);
                        let stride = n + 2;
                        let mut c = vec![T::from_f64(GUARD); m * stride + 5];
                        for (row, line) in old.chunks(n.max(1)).enumerate() {
                            c[row * stride..row * stride + n].copy_from_slice(line);
                        }
                        multiply(&a, k + 3, m, &right, &mut [Segment::new(0..n, &mut c, stride, accumulate)])
                            .unwrap();
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
    let (k, n, most) = (40, 96, 700);
    for level in levels() {
        let b = numbers::<f32>(k * n, 2);
        let right = packed(level, &b, k, n);
        let a = numbers::<f32>(most * k, 1);
        let mut whole = vec![0.0; most * n];
        multiply(&a, k, most, &right, &mut [Segment::new(0..n, &mut whole, n, false)]).unwrap();
        for m in 1..=45 {
            let mut part = vec![0.0; m * n];
            multiply(&a, k, m, &right, &mut [Segment::new(0..n, &mut part, n, false)]).unwrap();
            assert_eq!(part, whole[..m * n], "{level:?} {m}");
        }
    }
}

#[test]
fn long_sums_and_tall_operands_are_exact() {
    // Several chunks of rows; rows that fall on the same lines of the cache.
    for (m, k, n) in [(300, 1024, 33), (37, 2048, 48), (9000, 16, 20), (5, 5000, 70)] {
        for level in levels() {
            let b = numbers::<f32>(k * n, 2);
            let right = packed(level, &b, k, n);
            let a = numbers::<f32>(m * k, 1);
            let start = numbers::<f32>(m * n, 3);
            let mut c = start.clone();
            multiply(&a, k, m, &right, &mut [Segment::new(0..n, &mut c, n, true)]).unwrap();
            // A few rows: the reference is slow.
            for row in [0, 1, m / 2, m - 1] {
                let a = &a[row * k..(row + 1) * k];
                let expected = reference(a, k, &b, 1, k, n, &start[row * n..][..n], level != Level::Portable);
                assert_eq!(expected, c[row * n..(row + 1) * n], "{level:?} {m}x{k}x{n} row {row}");
            }
        }
    }
}

#[test]
fn columns_go_to_their_segments() {
    let (m, k, n) = (19, 7, 100);
    let a = numbers::<f32>(m * k, 1);
    let b = numbers::<f32>(k * n, 2);
    for level in levels() {
        let right = packed(level, &b, k, n);
        let whole = reference(&a, k, &b, m, k, n, &vec![0.0; m * n], level != Level::Portable);
        // Boundaries at blocks, inside of blocks, and columns that nothing wants.
        for bounds in [[0, 16, 48, 100], [0, 5, 37, 90], [3, 20, 21, 99], [32, 32, 64, 80], [50, 51, 52, 53]]
        {
            let mut parts: Vec<Vec<f32>> = vec![vec![1.0; m * n + 3]; 3];
            let mut segments: Vec<Segment<'_, f32>> = parts
                .iter_mut()
                .enumerate()
                .map(|(index, part)| Segment::new(bounds[index]..bounds[index + 1], part, n, index == 1))
                .collect();
            multiply(&a, k, m, &right, &mut segments).unwrap();
            for (index, part) in parts.iter().enumerate() {
                let width = bounds[index + 1] - bounds[index];
                let expected = reference(&a, k, &b, m, k, n, &vec![1.0; m * n], level != Level::Portable);
                for (place, value) in part.iter().enumerate() {
                    let (row, column) = (place / n, place % n);
                    let source = if index == 1 { &expected } else { &whole };
                    let wanted = if row < m && column < width {
                        source[row * n + bounds[index] + column]
                    } else {
                        1.0
                    };
                    assert_eq!(*value, wanted, "{level:?} {bounds:?} segment {index} at {row},{column}");
                }
            }
        }
    }
}

#[test]
fn places_of_one_workspace_may_lie_between_each_other() {
    // Rows of [left 16 | first 20 | guard 4 | second 30].
    let (m, k, stride) = (13, 16, 70);
    let b = numbers::<f64>(k * 50, 2);
    for level in levels() {
        let right = packed(level, &b, k, 50);
        let mut workspace = numbers::<f64>(m * stride, 5);
        let before = workspace.clone();
        let places = [
            Place { columns: 0..20, offset: 16, row_stride: stride, accumulate: false },
            Place { columns: 20..50, offset: 40, row_stride: stride, accumulate: true },
        ];
        let left = Left::Within { offset: 0, row_stride: stride };
        multiply_within(&mut workspace, left, m, &right, &places).unwrap();
        for row in 0..m {
            let old = &before[row * stride..][..stride];
            let new = &workspace[row * stride..][..stride];
            let mut start = vec![0.0; 20];
            start.extend_from_slice(&old[40..]);
            let expected = reference(old, stride, &b, 1, k, 50, &start, level != Level::Portable);
            assert_eq!(new[..16], old[..16]);
            assert_eq!(new[16..36], expected[..20], "{level:?}");
            assert_eq!(new[36..40], old[36..40]);
            assert_eq!(new[40..], expected[20..], "{level:?}");
        }
    }
}

#[test]
fn places_that_share_numbers_are_refused() {
    let right = PackedMatrix::<f32>::zeroed(8, 40).unwrap();
    let mut workspace = vec![0.0; 1000];
    let place = |columns, offset, row_stride| Place { columns, offset, row_stride, accumulate: false };
    let left = Left::Within { offset: 0, row_stride: 50 };
    let overlapping: [&[Place]; 4] = [
        &[place(0..8, 0, 50)],
        &[place(0..8, 7, 50)],
        &[place(0..16, 8, 50), place(16..32, 20, 50)],
        &[place(0..43, 8, 50)],
    ];
    for places in overlapping {
        let error = multiply_within(&mut workspace, left, 10, &right, places).unwrap_err();
        assert!(matches!(error, Error::PlacesOverlap { .. } | Error::Segments { .. }), "{error}");
    }
    let short = [place(0..40, 600, 50)];
    assert!(matches!(multiply_within(&mut workspace, left, 10, &right, &short), Err(Error::TooShort { .. })));
    let narrow = [place(0..40, 600, 30)];
    assert!(matches!(
        multiply_within(&mut workspace, left, 10, &right, &narrow),
        Err(Error::RowsOverlap { .. })
    ));
    let huge = [place(0..40, usize::MAX, usize::MAX)];
    assert!(multiply_within(&mut workspace, left, 10, &right, &huge).is_err());
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
        multiply(&identity, k, k, &right, &mut [Segment::new(0..n, &mut whole, n, false)]).unwrap();
        assert_eq!(whole, plain);
    }
    assert!(matches!(right.place(30, 0, &[0.0; 100], 10, 10, 10, false), Err(Error::OutOfPlace { .. })));
    assert!(matches!(right.place(0, 0, &[0.0; 99], 10, 10, 10, false), Err(Error::TooShort { .. })));
    assert!(matches!(PackedMatrix::<f32>::zeroed(usize::MAX, 2), Err(Error::TooLarge { .. })));
}

#[test]
fn storage_is_aligned() {
    for columns in [1, 32, 33] {
        assert_eq!(PackedMatrix::<f32>::zeroed(5, columns).unwrap().panels().as_ptr().align_offset(64), 0);
        assert_eq!(PackedMatrix::<f64>::zeroed(5, columns).unwrap().panels().as_ptr().align_offset(64), 0);
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
                general(left, right, MatrixMut { numbers: &mut c, rows: m, columns: n, row_stride: n }, true)
                    .unwrap();
                for (value, wanted) in c.iter().zip(&expected) {
                    assert!((value - wanted).abs() < 1e-13 * (k as f64 + 1.0), "{m}x{k}x{n}");
                }
            }
        }
    }
    let (a, mut c) = ([0.0_f32; 6], [0.0_f32; 4]);
    let result = MatrixMut { numbers: &mut c, rows: 2, columns: 2, row_stride: 2 };
    let error = general(Matrix::new(&a, 2, 3, 3), Matrix::new(&a, 2, 3, 3), result, false).unwrap_err();
    assert!(matches!(error, Error::Shapes { .. }));
}
