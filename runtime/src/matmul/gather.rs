//! Sums of outer products: `result += left^T right`, both operands row by row as sequences leave them.
//!
//! The gradient by a weight is the sum over all steps and samples of the outer product of two rows. Rows are taken
//! some at a time ([`parts`]), and the kernels of `outer` run over them and add onto the result. The right operand is read
//! where it lies, or it is packed: where its rows are scattered, or are no whole lines. What is packed serves every left
//! operand that it meets: the gates of an LSTM share their inputs.
//!
//! ```text
//! for DEPTH rows
//!     pack the rows of the right operand          where they are not read in place; stays in L2
//!     for left operand that it meets
//!         for group of blocks
//!             for rows that are in L1             of these blocks, of the right one
//!                 for rows of a micro-kernel      columns of the left one, a cache line for each k
//!                     kernel                      adds onto the result
//! ```

use super::outer::{self, Right};
use super::{Element, Error, Lines, Matrix, MatrixMut, PackedMatrix, extent, general};
use crate::primitive::Level;

/// Rows of the operands that are packed at a time: so many that a large result is seldom read and written, so few that both
/// operands stay in L2.
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

    /// Where rows are packed, those of the last time.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines::of(self.packed.as_ref().map_or(&[][..], |packed| packed.view().panels()))
    }

    /// Packs the rows of a right operand in the place of those before.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`], [`Error::RowsOverlap`], [`Error::RowsScattered`], [`Error::TooLarge`] or
    /// [`Error::Unavailable`].
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
    /// [`Error::OutOfPlace`] where there is no room for them, [`Error::TooShort`], [`Error::RowsOverlap`],
    /// [`Error::RowsScattered`].
    pub fn put(&mut self, first: usize, right: Matrix<'_, T>) -> Result<(), Error> {
        check_rows(right)?;
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
    /// [`Error::Shapes`], [`Error::TooShort`], [`Error::RowsOverlap`] or [`Error::RowsScattered`]; then nothing has been written.
    pub fn add(&self, left: Matrix<'_, T>, result: MatrixMut<'_, T>) -> Result<(), Error> {
        let packed = self.packed.as_ref().map(PackedMatrix::view);
        check(left, packed.map_or((0, 0), |packed| (packed.rows(), packed.columns())), &result)?;
        let Some(packed) = packed else { return Ok(()) };
        // SAFETY: the conditions of `outer::add`: `check` puts all rows of the left operand within its slice, and those of the
        // result, apart, within its own, which is borrowed mutably and so shares no numbers with the operands. There is a
        // `Packed` only of a level that this machine can run.
        unsafe { add_sums(packed.level(), left, Right::packed(packed), result) };
        Ok(())
    }

    /// Whether rows of so many columns, so many numbers apart, are read where they lie: [`PackedRows::add_in_place`].
    #[must_use]
    pub fn reads_in_place(columns: usize, row_stride: usize) -> bool {
        outer::reads_in_place::<T>(columns, row_stride)
    }

    /// As [`PackedRows::add`] with the rows of a right operand where they lie, to the same bits. They are packed where they
    /// may not be [read there](PackedRows::reads_in_place).
    ///
    /// # Errors
    ///
    /// As [`PackedRows::add`] and [`PackedRows::pack`].
    pub fn add_in_place(
        &mut self,
        left: Matrix<'_, T>,
        right: Matrix<'_, T>,
        result: MatrixMut<'_, T>,
    ) -> Result<(), Error> {
        if !Self::reads_in_place(right.columns, right.row_stride) {
            self.pack(right)?;
            return self.add(left, result);
        }
        if !self.level.is_available() {
            return Err(Error::Unavailable { level: self.level });
        }
        check(left, (right.rows, right.columns), &result)?;
        check_rows(right)?;
        let operand = Right::in_place(right.numbers.as_ptr(), right.rows, right.columns, right.row_stride);
        // SAFETY: as in `add`; `check_rows` puts all rows of the right operand within its slice, and they are whole blocks. The
        // machine has the level.
        unsafe { add_sums(self.level, left, operand, result) };
        Ok(())
    }
}

/// Checks operands of `result += left^T right`, of which the right one has such a shape.
fn check<T>(left: Matrix<'_, T>, right: (usize, usize), result: &MatrixMut<'_, T>) -> Result<(), Error> {
    let (depth, rows) = (left.rows, left.columns);
    if right.0 != depth || result.rows != rows || result.columns != right.1 {
        let result = (result.rows, result.columns);
        return Err(Error::Shapes { left: (rows, depth), right, result });
    }
    check_rows(left)?;
    extent(result.numbers.len(), rows, result.columns, result.row_stride)?;
    Ok(())
}

/// Checks that all rows of an operand lie within its numbers, apart, and the numbers of each next to each other.
fn check_rows<T>(operand: Matrix<'_, T>) -> Result<(), Error> {
    let Matrix { numbers, rows, columns, row_stride, column_stride } = operand;
    extent(numbers.len(), rows, columns, row_stride)?;
    if rows > 0 && columns > 1 && column_stride != 1 {
        return Err(Error::RowsScattered { column_stride });
    }
    Ok(())
}

/// `result += left^T right`.
///
/// # Safety
///
/// As for [`outer::add`].
unsafe fn add_sums<T: Element>(level: Level, left: Matrix<'_, T>, right: Right<T>, result: MatrixMut<'_, T>) {
    let (numbers, sums) = (left.numbers.as_ptr(), result.numbers.as_mut_ptr());
    // SAFETY: the caller's promise.
    unsafe { outer::add(level, (numbers, left.row_stride), right, (sums, result.row_stride), left.columns) };
}

/// `result += left^T right`, where row `k` of both belongs together: a sum of outer products over all rows, in the
/// order of [`PackedRows::add`].
///
/// # Errors
///
/// [`Error::Shapes`], [`Error::TooShort`], [`Error::RowsOverlap`] or [`Error::RowsScattered`]; then nothing has been written.
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
    check_rows(left)?;
    check_rows(right)?;
    extent(numbers.len(), rows, columns, row_stride)?;
    for part in parts(left.rows) {
        let result = MatrixMut { numbers: &mut *numbers, rows, columns, row_stride };
        packed.add_in_place(left.part(part.clone()), right.part(part), result)?;
    }
    Ok(())
}

/// All rows, as many at a time as are packed together.
pub fn parts(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows).step_by(DEPTH).map(move |first| first..rows.min(first + DEPTH))
}
