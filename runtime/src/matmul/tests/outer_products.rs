//! Sums of outer products.

use super::{chained, levels, numbers};
use crate::matmul::{Element, Error, Matrix, MatrixMut, PackedRows, add_outer_products};
use crate::primitive::Level;

/// Every size by every size by some depths, exactly: a chain of fused multiply-adds from what was there. Rows of the right
/// operand that are whole lines are read where they lie, the others packed.
fn outer_products_are_exact<T: Element>(level: Level) {
    let mut memory = PackedRows::new(level);
    let mut in_place = [0, 0];
    for k in [0, 1, 3, 64, 255, 256, 257, 600] {
        for m in [0, 1, 3, 14, 15, 33] {
            for n in [0, 1, 16, 17, 48, 64, 65, 80] {
                let stride = if n % 16 == 0 { n + 16 } else { n + 3 };
                in_place[usize::from(PackedRows::<T>::reads_in_place(n, stride))] += 1;
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
                add_outer_products(
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
    let mut memory = PackedRows::<f32>::new(Level::best());
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
        assert!(!PackedRows::<f32>::reads_in_place(columns, stride));
        assert_eq!(add(4, columns, stride), Ok(()));
    }
    // As many bytes apart as no number says.
    let far = usize::MAX / size_of::<f32>() + 17;
    assert!(!PackedRows::<f32>::reads_in_place(32, far));
    assert!(matches!(add(4, 32, far), Err(Error::TooShort { .. })));
}

#[test]
fn rows_whose_numbers_do_not_lie_together_are_refused() {
    let numbers = [1.0_f32; 64];
    let (rows, scattered) = (Matrix::new(&numbers, 1, 16, 16), Matrix::new(&numbers, 16, 1, 3).transposed());
    let mut memory = PackedRows::new(Level::best());
    for (left, right) in [(rows, scattered), (scattered, rows)] {
        let mut sums = [0.0; 256];
        let refused = Err(Error::RowsScattered { column_stride: 3 });
        let result = MatrixMut { numbers: &mut sums, rows: 16, columns: 16, row_stride: 16 };
        assert_eq!(add_outer_products(left, right, result, &mut memory), refused);
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
