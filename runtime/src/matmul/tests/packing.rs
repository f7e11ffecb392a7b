//! What is packed lies where the kernels read it.

use super::{numbers, product};
use crate::matmul::{Error, PackedMatrix, Rows, Start};

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
