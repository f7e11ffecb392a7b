//! Products of any strided matrices, through `matrixmultiply`.

use super::{Element, Error};

/// A matrix that is read: `rows` by `columns`, number (i, j) at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// Where the numbers are.
    pub numbers: &'a [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Numbers from one row to the next.
    pub row_stride: usize,
    /// Numbers from one column to the next.
    pub column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Row after row, rows `row_stride` apart.
    #[must_use]
    pub fn new(numbers: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { numbers, rows, columns, row_stride, column_stride: 1 }
    }

    /// Some of its rows.
    #[must_use]
    pub fn part(self, rows: std::ops::Range<usize>) -> Self {
        let start = rows.start.saturating_mul(self.row_stride);
        Self { numbers: self.numbers.get(start..).unwrap_or_default(), rows: rows.len(), ..self }
    }

    /// The same numbers with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            numbers: self.numbers,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// A matrix that is written, its rows `row_stride` apart.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    /// Where the numbers are.
    pub numbers: &'a mut [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Numbers from one row to the next.
    pub row_stride: usize,
}

/// `result += left * right`.
///
/// # Errors
///
/// [`Error::Shapes`], [`Error::TooShort`] or [`Error::RowsOverlap`]; then nothing has been written.
pub fn general<T: Element>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    result: MatrixMut<'_, T>,
) -> Result<(), Error> {
    let (m, k, n) = (left.rows, left.columns, right.columns);
    if right.rows != k || result.rows != m || result.columns != n {
        return Err(Error::Shapes {
            left: (m, k),
            right: (right.rows, n),
            result: (result.rows, result.columns),
        });
    }
    let left_strides = check_read(&left)?;
    let right_strides = check_read(&right)?;
    super::extent(result.numbers.len(), m, n, result.row_stride)?;
    let stride = as_stride(result.row_stride, m);
    if m == 0 || n == 0 {
        return Ok(());
    }
    // SAFETY: `check_read` and `extent` put every index of the three matrices within its slice; rows of the result are
    // apart by `extent`; the result is borrowed mutably, so it shares nothing with the operands.
    unsafe {
        T::general(
            m,
            k,
            n,
            left.numbers.as_ptr(),
            left_strides,
            right.numbers.as_ptr(),
            right_strides,
            result.numbers.as_mut_ptr(),
            (stride, 1),
        );
    }
    Ok(())
}

/// Checks that every index of the matrix is within its numbers; gives its strides.
fn check_read<T>(matrix: &Matrix<'_, T>) -> Result<(isize, isize), Error> {
    let strides =
        (as_stride(matrix.row_stride, matrix.rows), as_stride(matrix.column_stride, matrix.columns));
    if matrix.rows == 0 || matrix.columns == 0 {
        return Ok(strides);
    }
    let last_row = (matrix.rows - 1).checked_mul(matrix.row_stride);
    let last_column = (matrix.columns - 1).checked_mul(matrix.column_stride);
    match last_row.zip(last_column).and_then(|(row, column)| row.checked_add(column)) {
        Some(last) if last < matrix.numbers.len() => Ok(strides),
        _ => Err(Error::TooShort {
            length: matrix.numbers.len(),
            rows: matrix.rows,
            columns: matrix.columns,
            row_stride: matrix.row_stride,
        }),
    }
}

/// A stride as the crate wants it. Where there is but one row or none the stride is never used, and may be any
/// number; elsewhere the checks have bounded it by the length of a slice.
fn as_stride(stride: usize, count: usize) -> isize {
    if count <= 1 { 1 } else { isize::try_from(stride).unwrap_or(isize::MAX) }
}
