//! Products of matrices that each row of a workspace has of its own: `C_t q_t` and `v_t k_t^T` of every sample.
//!
//! The matrices are small and read once, so nothing is packed. Which loop nest runs depends on how the operands lie, not
//! on the number of samples:
//!
//! ```text
//! inner size 0:           result[..] = 0
//! inner size 1:           result[i][j] = left[i] * right[j]
//! rows of right at hand:  for i, for k    result[i][..] += left[i][k] * right[k][..]
//! columns of left,        for k           result[..] += left[..][k] * right[k]
//!   a vector:
//! else                    for i, for j    result[i][j] = Σ_k left[i][k] * right[k][j]
//! ```
//!
//! A sum in the last has eight parts by `k % 8` where both operands lie at hand, else one; the others have one part from
//! `k = 0` up. Every product rounds.

use gatewright_compiler::operator::evaluate::maximum_element;

use super::{Element, Error, Matrix};

/// Where the elements of a matrix are in a workspace: `(i, j)` of row `r` at
/// `offset + r * step + i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleOperand {
    /// Element (0, 0) of the first row.
    pub(crate) offset: usize,
    /// From one row of the workspace to the next; 0 where all have the same.
    pub(crate) step: usize,
    /// Rows of the matrix.
    pub(crate) rows: usize,
    /// Columns of the matrix.
    pub(crate) columns: usize,
    /// From row to row of the matrix.
    pub(crate) row_stride: usize,
    /// From column to column of the matrix.
    pub(crate) column_stride: usize,
}

impl SampleOperand {
    /// Elements from (0, 0) to the last, both counted.
    fn span(&self) -> Option<usize> {
        if self.rows == 0 || self.columns == 0 {
            return Some(0);
        }
        let down = (self.rows - 1).checked_mul(self.row_stride)?;
        let along = (self.columns - 1).checked_mul(self.column_stride)?;
        down.checked_add(along)?.checked_add(1)
    }
}

/// Where a result goes: row by row, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleResult {
    /// First element of the first row.
    pub(crate) offset: usize,
    /// From one row of the workspace to the next.
    pub(crate) step: usize,
}

impl<'a, T: Element> Matrix<'a, T> {
    fn at(&self, row: usize, column: usize) -> T {
        self.numbers[row * self.row_stride + column * self.column_stride]
    }

    /// A row whose numbers lie next to each other.
    fn row(&self, row: usize) -> &'a [T] {
        &self.numbers[row * self.row_stride..][..self.columns]
    }

    /// Numbers of a row lie next to each other.
    fn has_rows(&self) -> bool {
        self.column_stride == 1 || self.columns <= 1
    }
}

/// `result = left * right` for each of `rows` rows of the workspace.
///
/// # Errors
///
/// Sizes that do not fit, places outside the workspace, or a result that lies over an operand. Nothing is written then.
pub(crate) fn sample_product<T: Element>(
    workspace: &mut [T],
    rows: usize,
    left: SampleOperand,
    right: SampleOperand,
    result: SampleResult,
) -> Result<(), Error> {
    if left.columns != right.rows {
        return Err(Error::Shapes {
            left: (left.rows, left.columns),
            right: (right.rows, right.columns),
            result: (left.rows, right.columns),
        });
    }
    let length = left.rows.checked_mul(right.columns);
    each_row(workspace, rows, [left, right], result, length, |[left, right], result| {
        product(left, right, result);
    })
}

/// `from` among columns of zeros, for each of `rows` rows of the workspace: its columns are those from `start` on, of
/// `total`.
///
/// # Errors
///
/// As [`sample_product`].
pub(crate) fn arrange<T: Element>(
    workspace: &mut [T],
    rows: usize,
    from: SampleOperand,
    result: SampleResult,
    start: usize,
    total: usize,
) -> Result<(), Error> {
    if start.checked_add(from.columns).is_none_or(|end| end > total) {
        return Err(Error::Shapes {
            left: (from.rows, from.columns),
            right: (from.columns, from.columns),
            result: (from.rows, total),
        });
    }
    let length = from.rows.checked_mul(total);
    each_row(workspace, rows, [from], result, length, |[from], result| {
        if total == 0 {
            return;
        }
        for (i, row) in result.chunks_exact_mut(total).enumerate() {
            row[..start].fill(T::ZERO);
            row[start + from.columns..].fill(T::ZERO);
            for (j, element) in row[start..start + from.columns].iter_mut().enumerate() {
                *element = from.at(i, j);
            }
        }
    })
}

/// The largest element of each row of `from`, for each of `rows` rows of the workspace.
///
/// # Errors
///
/// As [`sample_product`].
pub(crate) fn row_maximum<T: Element>(
    workspace: &mut [T],
    rows: usize,
    from: SampleOperand,
    result: SampleResult,
) -> Result<(), Error> {
    each_row(workspace, rows, [from], result, Some(from.rows), |[from], result| {
        for (i, largest) in result.iter_mut().enumerate() {
            *largest = maximum_element((0..from.columns).map(|j| from.at(i, j)));
        }
    })
}

/// Calls `kernel` for each row with the operands and the `length` elements of the result.
fn each_row<T: Element, const COUNT: usize>(
    workspace: &mut [T],
    rows: usize,
    operands: [SampleOperand; COUNT],
    result: SampleResult,
    length: Option<usize>,
    kernel: impl Fn([Matrix<'_, T>; COUNT], &mut [T]),
) -> Result<(), Error> {
    let available = workspace.len();
    let short = Error::TooShort { length: available, rows, columns: 0, row_stride: result.step };
    let Some(last) = rows.checked_sub(1) else { return Ok(()) };
    let within = |offset: usize, step: usize, span: Option<usize>| {
        last.checked_mul(step)
            .and_then(|rows| rows.checked_add(offset)?.checked_add(span?))
            .is_some_and(|end| end <= available)
    };
    let Some(length) = length.filter(|_| within(result.offset, result.step, length)) else {
        return Err(short);
    };
    if length == 0 {
        return Ok(());
    }
    if last > 0 && result.step < length {
        return Err(Error::RowsOverlap { columns: length, row_stride: result.step });
    }
    let mut spans = [0; COUNT];
    for (span, operand) in spans.iter_mut().zip(&operands) {
        let Some(needed) = operand.span().filter(|&span| within(operand.offset, operand.step, Some(span)))
        else {
            return Err(short);
        };
        *span = needed;
        // Rows of one workspace are alike: an operand that lies apart from the result in one does so in all, but for
        // those that all rows share.
        let checked = if operand.step == result.step { 1 } else { rows };
        for row in 0..checked {
            let (first, start) = (operand.offset + row * operand.step, result.offset + row * result.step);
            if first < start + length && start < first + needed {
                return Err(Error::PlacesOverlap { first, second: start });
            }
        }
    }
    for row in 0..rows {
        let start = result.offset + row * result.step;
        let (before, rest) = workspace.split_at_mut(start);
        let (into, after) = rest.split_at_mut(length);
        let mut matrices =
            [Matrix { numbers: &[], rows: 0, columns: 0, row_stride: 0, column_stride: 0 }; COUNT];
        for ((matrix, operand), &span) in matrices.iter_mut().zip(&operands).zip(&spans) {
            let first = operand.offset + row * operand.step;
            let numbers: &[T] = if span == 0 {
                &[]
            } else if first < start {
                &before[first..first + span]
            } else {
                &after[first - start - length..][..span]
            };
            *matrix = Matrix {
                numbers,
                rows: operand.rows,
                columns: operand.columns,
                row_stride: operand.row_stride,
                column_stride: operand.column_stride,
            };
        }
        kernel(matrices, into);
    }
    Ok(())
}

/// `result = left * right`, the result not empty.
fn product<T: Element>(left: Matrix<'_, T>, right: Matrix<'_, T>, result: &mut [T]) {
    let inner = left.columns;
    if inner == 0 {
        result.fill(T::ZERO);
    } else if inner == 1 && right.has_rows() {
        for (i, row) in result.chunks_exact_mut(right.columns).enumerate() {
            let factor = left.at(i, 0);
            for (element, &other) in row.iter_mut().zip(right.row(0)) {
                *element = factor * other;
            }
        }
    } else if right.columns == 1 && left.transposed().has_rows() && !left.has_rows() {
        // Columns of the left one, each scaled.
        let columns = left.transposed();
        result.fill(T::ZERO);
        for k in 0..inner {
            add_scaled(result, right.at(k, 0), columns.row(k));
        }
    } else if right.columns > 1 && right.has_rows() {
        for (i, row) in result.chunks_exact_mut(right.columns).enumerate() {
            row.fill(T::ZERO);
            for k in 0..inner {
                add_scaled(row, left.at(i, k), right.row(k));
            }
        }
    } else if left.has_rows() && right.transposed().has_rows() {
        let columns = right.transposed();
        for (i, row) in result.chunks_exact_mut(right.columns).enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                *element = inner_product(left.row(i), columns.row(j));
            }
        }
    } else {
        for (i, row) in result.chunks_exact_mut(right.columns).enumerate() {
            for (j, element) in row.iter_mut().enumerate() {
                *element = (0..inner).fold(T::ZERO, |sum, k| sum + left.at(i, k) * right.at(k, j));
            }
        }
    }
}

/// `sum += factor * other`.
#[inline]
fn add_scaled<T: Element>(sum: &mut [T], factor: T, other: &[T]) {
    for (sum, &other) in sum.iter_mut().zip(other) {
        *sum = *sum + factor * other;
    }
}

/// `a^T b`, in eight parts.
#[inline]
fn inner_product<T: Element>(a: &[T], b: &[T]) -> T {
    const PARTS: usize = 8;
    let mut sums = [T::ZERO; PARTS];
    let (a_chunks, b_chunks) = (a.chunks_exact(PARTS), b.chunks_exact(PARTS));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (sum, (&a, &b)) in sums.iter_mut().zip(rest) {
        *sum = *sum + a * b;
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum = *sum + a * b;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}
