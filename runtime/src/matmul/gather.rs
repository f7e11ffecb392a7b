//! Sums of outer products: `result += left^T right`, both operands row by row as sequences leave them.
//!
//! The gradient by a weight is the sum over all steps and samples of the outer product of two rows. Rows are taken
//! some at a time ([`parts`]), and the kernels of `outer` run over them and add onto the result. The right operand is read
//! where it lies, or it is packed: where its rows are scattered, or are no whole lines. What is packed serves every left
//! operand that it meets: the gates of an LSTM share their inputs. Of a left operand that is far away, the adjoints of many
//! gates, columns are copied side by side before many groups of blocks read them.
//!
//! ```text
//! for DEPTH rows
//!     pack the rows of the right operand          where they are not read in place; stays in L2
//!     for left operand that it meets
//!         for columns of it                       some, copied to L2, where it is far away; else all
//!             for group of blocks
//!                 for rows that are in L1         of these blocks, of the right one
//!                     for rows of a micro-kernel  columns of the left one, a cache line for each k
//!                         kernel                  adds onto the result
//! ```

use std::ops::Range;

use super::outer::{self, Right};
use super::walk::Balanced;
use super::{Element, Error, Lines, Matrix, MatrixMut, PackedMatrix, extent, general};
use crate::aligned::AlignedVec;
use crate::cache;
use crate::primitive::Level;

/// Rows of the operands that are packed at a time: so many that a large result is seldom read and written, so few that both
/// operands stay in L2.
const DEPTH: usize = 256;

/// Bytes that the copy of a left operand has room for: a quarter of L2, and up to two lines of padding for each of [`DEPTH`] rows,
/// so that rows are an odd number of lines apart.
const COPIED_BYTES: usize = cache::L2 / 4 + DEPTH * 2 * cache::LINE;

/// Rows of a right operand, packed, and room to copy a left one to; the memory is kept from one packing to the next.
#[derive(Debug)]
pub struct PackedRows<T> {
    level: Level,
    packed: Option<PackedMatrix<T>>,
    /// Columns of a left operand, side by side: room for [`COPIED_BYTES`], or none as long as nothing was copied.
    copied: AlignedVec<T>,
}

impl<T: Element> PackedRows<T> {
    /// No rows, for the kernels of a level.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self { level, packed: None, copied: AlignedVec::default() }
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
    pub fn add(&mut self, left: Matrix<'_, T>, result: MatrixMut<'_, T>) -> Result<(), Error> {
        let packed = self.packed.as_ref().map(PackedMatrix::view);
        check(left, packed.map_or((0, 0), |packed| (packed.rows(), packed.columns())), &result)?;
        let Some(packed) = packed else { return Ok(()) };
        // SAFETY: the conditions of `outer::add`: `check` puts all rows of the left operand within its slice, and those of the
        // result, apart, within its own, which is borrowed mutably and so shares no numbers with the operands. There is a
        // `Packed` only of a level that this machine can run.
        unsafe { add_sums(packed.level(), left, Right::packed(packed), result, &mut self.copied) };
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
        let operand = Right::in_place(
            self.level,
            right.numbers.as_ptr(),
            (right.rows, right.columns),
            right.row_stride,
        );
        // SAFETY: as in `add`; `check_rows` puts all rows of the right operand within its slice, and they are whole blocks:
        // `reads_in_place`. The machine has the level.
        unsafe { add_sums(self.level, left, operand, result, &mut self.copied) };
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

/// `result += left^T right`, some columns of the left operand at a time where they are `copied` first.
///
/// # Safety
///
/// As for [`outer::add`]; [`check`] has nothing against the operands.
unsafe fn add_sums<T: Element>(
    level: Level,
    left: Matrix<'_, T>,
    right: Right<T>,
    result: MatrixMut<'_, T>,
    copied: &mut AlignedVec<T>,
) {
    let copies = outer::copies_left::<T>(left.rows, left.row_stride, right.columns);
    let shape = (left.columns, right.columns);
    let at_once = if copies { outer::rows_at_once::<T>(level, left.rows, shape) } else { left.columns };
    for columns in Balanced::new(left.columns, at_once) {
        let stride = if copies { copy(left, columns.clone(), copied) } else { None };
        let rows = match stride {
            Some(stride) => (copied.as_slice().as_ptr(), stride),
            None => (left.numbers.as_ptr().wrapping_add(columns.start), left.row_stride),
        };
        let sums = result.numbers.as_mut_ptr().wrapping_add(columns.start * result.row_stride);
        // SAFETY: the caller's promise, of these columns of the left operand and as many rows of the result, which has a row for
        // each. All rows of these columns were copied, since there was room for them (`fits` in `copy`), and `check` has found as
        // many as the right operand has.
        unsafe { outer::add(level, rows, right, (sums, result.row_stride), columns.len()) };
    }
}

/// Copies columns of a left operand side by side; gives the numbers from one row to the next, an odd number of lines. `None` where
/// there is nothing to copy, or no room for so many rows: they are read where they lie, then.
fn copy<T: Element>(left: Matrix<'_, T>, columns: Range<usize>, copied: &mut AlignedVec<T>) -> Option<usize> {
    let stride = (columns.len().div_ceil(T::BLOCK) | 1) * T::BLOCK;
    let room = COPIED_BYTES / size_of::<T>();
    let fits = left.rows.checked_mul(stride).is_some_and(|needed| needed <= room);
    if columns.is_empty() || !fits || !copied.resize(room) {
        return None;
    }
    for (row, into) in (0..left.rows).zip(copied.as_mut_slice().chunks_exact_mut(stride)) {
        let from = &left.numbers[row * left.row_stride..][columns.clone()];
        into[..columns.len()].copy_from_slice(from);
    }
    Some(stride)
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
        return general(left.transposed(), right, result);
    }
    check(left, (right.rows, right.columns), &result)?;
    check_rows(right)?;
    let MatrixMut { numbers, rows, columns, row_stride } = result;
    if rows == 0 || columns == 0 {
        // Nothing to add to; and rows without numbers may be as many as can be counted.
        return Ok(());
    }
    for part in parts(left.rows) {
        let result = MatrixMut { numbers: &mut *numbers, rows, columns, row_stride };
        packed.add_in_place(left.part(part.clone()), right.part(part), result)?;
    }
    Ok(())
}

/// All rows, as many at a time as are packed together.
fn parts(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(DEPTH).map(move |first| first..rows.min(first + DEPTH))
}

#[cfg(test)]
mod tests {
    use super::{COPIED_BYTES, DEPTH, PackedRows};
    use crate::matmul::outer::rows_at_once;
    use crate::matmul::{Element, Matrix, MatrixMut};
    use crate::primitive::Level;

    /// The sums over so many rows that are so many numbers apart, the same ones whatever that is; and the bytes to copy to.
    fn sums<T: Element>(
        level: Level,
        (depth, rows, columns): (usize, usize, usize),
        stride: usize,
    ) -> (Vec<T>, usize) {
        let number = |index: usize| T::from_f64((index * 7919 % 1009 % 8) as f64);
        let mut left = vec![T::ZERO; depth * stride];
        for (k, row) in left.chunks_exact_mut(stride).enumerate() {
            row[..rows].iter_mut().enumerate().for_each(|(i, into)| *into = number(k * rows + i));
        }
        let right: Vec<T> = (0..depth * columns).map(number).collect();
        let mut result = vec![T::ONE; rows * columns];
        let mut memory = PackedRows::new(level);
        let into = MatrixMut { numbers: &mut result, rows, columns, row_stride: columns };
        let right = Matrix::new(&right, depth, columns, columns);
        memory.add_in_place(Matrix::new(&left, depth, rows, stride), right, into).expect("they fit");
        (result, memory.copied.length() * size_of::<T>())
    }

    fn copied_where_far<T: Element>() {
        let (mib, wide) = ((1 << 20) / size_of::<T>(), 1024 / size_of::<T>());
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            // The last ones are passed over some at a time; they end within a line, and do not begin with one.
            for rows in [1_usize, 17, 300] {
                let parts = rows.div_ceil(rows_at_once::<T>(level, DEPTH, (rows, wide)));
                assert_eq!(parts > 1, rows == 300, "{level:?}");
                let shape = (DEPTH, rows, wide);
                let (expected, near) = sums::<T>(level, shape, mib / DEPTH);
                let (found, far) = sums::<T>(level, shape, mib / DEPTH + 1);
                assert_eq!((near, far), (0, COPIED_BYTES), "{level:?}, {rows} rows");
                assert!(found == expected, "{level:?}, {rows} rows");
                let (_, narrow) = sums::<T>(level, (DEPTH, rows.min(17), wide - 1), mib / DEPTH + 1);
                assert_eq!(narrow, 0, "{level:?}, {rows} rows");
            }
            // So many rows that there is no room for a line of each.
            let (depth, most) = (20 * DEPTH, mib / (20 * DEPTH));
            let (expected, near) = sums::<T>(level, (depth, 3, wide), most);
            let (found, far) = sums::<T>(level, (depth, 3, wide), most + 1);
            assert!((near, far) == (0, 0) && found == expected, "{level:?}");
        }
    }

    #[test]
    fn left_operands_that_are_far_are_copied_before_many_columns_read_them() {
        copied_where_far::<f32>();
        copied_where_far::<f64>();
    }

    #[test]
    fn there_is_room_for_what_is_passed_over_together() {
        fn of<T: Element>(level: Level) {
            for depth in 1..=DEPTH {
                let many = (1 << 20, 1024);
                let columns = rows_at_once::<T>(level, depth, many);
                let needed = depth * (columns.div_ceil(T::BLOCK) | 1) * 64;
                assert!(needed <= COPIED_BYTES, "{level:?}, {depth} rows of {columns}: {needed}");
            }
        }
        for level in Level::ALL {
            of::<f32>(level);
            of::<f64>(level);
        }
    }
}
