//! Sums of outer products: `result += left^T right`, both operands row by row as sequences leave them.
//!
//! The gradient by a weight is the sum over all steps and samples of the outer product of two rows. Rows are taken
//! [`DEPTH`] at a time: those of the right operand are packed, then the kernels for a transposed left operand run over
//! them and add onto the result.
//!
//! ```text
//! for DEPTH rows of both operands
//!     pack the rows of the right one          stays in L2
//!     for rows of a micro-kernel              columns of the left one, a cache line for each k, in L1
//!         for group of blocks
//!             kernel                          adds onto the result
//! ```

use super::drive::{LeftOperand, Output, drive};
use super::{Element, Error, Matrix, MatrixMut, PackedMatrix, extent};

/// Rows of the operands that are packed at a time: so many that the result is seldom read and written, so few that the
/// lines of the left operand that a micro-kernel reads stay in L1.
const DEPTH: usize = 256;

/// Memory for the packed rows, kept between calls.
#[derive(Debug)]
pub struct GatherMemory<T> {
    packed: Option<PackedMatrix<T>>,
}

impl<T> Default for GatherMemory<T> {
    /// Empty.
    fn default() -> Self {
        Self { packed: None }
    }
}

/// `result += left^T right`, where row `k` of both belongs together: a sum of outer products over all rows. A number
/// of the result is one chain of fused multiply-adds over the rows, in order, that starts at what is there.
///
/// # Errors
///
/// [`Error::Shapes`], [`Error::TooShort`] or [`Error::RowsOverlap`]; then nothing has been written.
pub fn add_outer_products<T: Element>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    result: MatrixMut<'_, T>,
    memory: &mut GatherMemory<T>,
) -> Result<(), Error> {
    let (depth, rows, columns) = (left.rows, left.columns, right.columns);
    if right.rows != depth || result.rows != rows || result.columns != columns {
        return Err(Error::Shapes {
            left: (rows, depth),
            right: (right.rows, columns),
            result: (result.rows, result.columns),
        });
    }
    extent(left.numbers.len(), depth, rows, left.row_stride)?;
    extent(right.numbers.len(), depth, columns, right.row_stride)?;
    extent(result.numbers.len(), rows, columns, result.row_stride)?;
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let destination = result.numbers.as_mut_ptr();
    let row_stride = result.row_stride;
    let mut first = 0;
    while first < depth {
        let taken = DEPTH.min(depth - first);
        let packed = match &mut memory.packed {
            Some(packed) => packed,
            none => none.insert(PackedMatrix::zeroed(taken, columns)?),
        };
        packed.reshape(taken, columns)?;
        let from = right.numbers.get(first * right.row_stride..).unwrap_or_default();
        packed.place(0, 0, from, taken, columns, right.row_stride, false)?;
        let numbers = left.numbers.get(first * left.row_stride..).unwrap_or_default();
        let left = LeftOperand { numbers: numbers.as_ptr(), stride: left.row_stride, transposed: true };
        let output = |_| Output { columns: 0..columns, destination, row_stride, accumulate: true };
        // SAFETY: the conditions of `drive`: `extent` puts `taken` rows of `rows` numbers of the left operand from row
        // `first` on within its slice, and the result, with rows apart, within its own, which is borrowed mutably and
        // so shares no numbers with the left operand; the one output has the columns of the packed matrix.
        unsafe { drive(left, rows, packed, 1, output) };
        first += taken;
    }
    Ok(())
}
