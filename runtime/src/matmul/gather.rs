//! Sums of outer products: `result += left^T right`, both operands row by row as sequences leave them.
//!
//! The gradient by a weight is the sum over all steps and samples of the outer product of two rows. Rows are taken
//! some at a time ([`parts`]): those of the right operand are packed, then the kernels for a transposed left operand run over
//! them and add onto the result. What is packed serves every left operand that it meets: the gates of an LSTM share
//! their inputs.
//!
//! ```text
//! for DEPTH rows
//!     pack the rows of the right operand          stays in L2
//!     for left operand that it meets
//!         for rows of a micro-kernel              columns of the left one, a cache line for each k, in L1
//!             for group of blocks
//!                 kernel                          adds onto the result
//! ```

use super::drive::{Operands, drive};
use super::soon::Soon;
use super::{Element, Error, Matrix, MatrixMut, PackedMatrix, extent, general};
use crate::primitive::Level;

/// Rows of the operands that are packed at a time: so many that the result is seldom read and written, so few that the
/// lines of the left operand that a micro-kernel reads stay in L1.
const DEPTH: usize = 256;

/// Rows of a right operand, packed; the memory is kept from one packing to the next.
#[derive(Debug)]
pub struct PackedRows<T> {
    level: Level,
    packed: Option<PackedMatrix<T>>,
}

impl<T: Element> PackedRows<T> {
    /// No rows, for the kernels of a level.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self { level, packed: None }
    }

    /// Packs the rows of a right operand in the place of those before.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`], [`Error::RowsOverlap`], [`Error::TooLarge`] or [`Error::Unavailable`].
    pub fn pack(&mut self, right: Matrix<'_, T>) -> Result<(), Error> {
        self.begin(right.rows, right.columns)?;
        self.put(0, right)
    }

    /// Makes room for so many rows in the place of those before. All of them are [put](PackedRows::put) there next.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] or [`Error::Unavailable`].
    pub fn begin(&mut self, rows: usize, columns: usize) -> Result<(), Error> {
        match &mut self.packed {
            Some(packed) => packed.reshape(rows, columns),
            none => {
                *none = Some(PackedMatrix::zeroed_for(self.level, rows, columns)?);
                Ok(())
            }
        }
    }

    /// Packs some of the rows of a right operand, from row `first` on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfPlace`] where there is no room for them, [`Error::TooShort`], [`Error::RowsOverlap`].
    pub fn put(&mut self, first: usize, right: Matrix<'_, T>) -> Result<(), Error> {
        let Matrix { numbers, rows, columns, row_stride, .. } = right;
        match &mut self.packed {
            Some(packed) => packed.place(first, 0, numbers, rows, columns, row_stride, false),
            None => Err(Error::OutOfPlace { row: first, column: 0, rows, columns }),
        }
    }

    /// `result += left^T right` with the rows packed last, where row `k` of both belongs together. A number of the
    /// result is one chain of fused multiply-adds over the rows, in order, that starts at what is there.
    ///
    /// # Errors
    ///
    /// [`Error::Shapes`], [`Error::TooShort`] or [`Error::RowsOverlap`]; then nothing has been written.
    pub fn add(&self, left: Matrix<'_, T>, result: MatrixMut<'_, T>) -> Result<(), Error> {
        let (depth, rows) = (left.rows, left.columns);
        let packed = self.packed.as_ref().map(PackedMatrix::view);
        let shape = packed.map_or((0, 0), |packed| (packed.rows(), packed.columns()));
        if shape.0 != depth || result.rows != rows || result.columns != shape.1 {
            return Err(Error::Shapes {
                left: (rows, depth),
                right: shape,
                result: (result.rows, result.columns),
            });
        }
        extent(left.numbers.len(), depth, rows, left.row_stride)?;
        extent(result.numbers.len(), rows, result.columns, result.row_stride)?;
        let Some(packed) = packed.filter(|_| depth > 0 && rows > 0 && shape.1 > 0) else {
            return Ok(());
        };
        let sums = result.numbers.as_mut_ptr();
        let operands = Operands {
            left: left.numbers.as_ptr(),
            left_stride: left.row_stride,
            result: sums,
            result_stride: result.row_stride,
            start: sums,
            start_stride: result.row_stride,
        };
        // SAFETY: the conditions of `drive`: `extent` puts `depth` rows of `rows` numbers of the left operand within its
        // slice, and `rows` rows of the result, apart, within its own, which is borrowed mutably and so shares no numbers
        // with the left operand.
        unsafe { drive(operands, true, rows, packed, &mut Soon::default()) };
        Ok(())
    }
}

/// `result += left^T right`, where row `k` of both belongs together: a sum of outer products over all rows, in the
/// order of [`PackedRows::add`].
///
/// # Errors
///
/// [`Error::Shapes`], [`Error::TooShort`] or [`Error::RowsOverlap`]; then nothing has been written.
pub fn add_outer_products<T: Element>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    result: MatrixMut<'_, T>,
    packed: &mut PackedRows<T>,
) -> Result<(), Error> {
    if left.row_stride == 0 || right.row_stride == 0 {
        // What is the same for every row is no row of a sequence.
        return general(left.transposed(), right, result, true);
    }
    let MatrixMut { numbers, rows, columns, row_stride } = result;
    if left.rows != right.rows || rows != left.columns || columns != right.columns {
        return Err(Error::Shapes {
            left: (left.columns, left.rows),
            right: (right.rows, right.columns),
            result: (rows, columns),
        });
    }
    extent(left.numbers.len(), left.rows, left.columns, left.row_stride)?;
    extent(right.numbers.len(), right.rows, right.columns, right.row_stride)?;
    extent(numbers.len(), rows, columns, row_stride)?;
    for part in parts(left.rows) {
        packed.pack(right.part(part.clone()))?;
        packed.add(left.part(part), MatrixMut { numbers, rows, columns, row_stride })?;
    }
    Ok(())
}

/// All rows, as many at a time as are packed together.
pub fn parts(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows).step_by(DEPTH).map(move |first| first..rows.min(first + DEPTH))
}
