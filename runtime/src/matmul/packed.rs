//! Matrices rearranged for the kernels: borrowed, one with memory of its own, and several that share memory.

use super::element::Element;
use super::{Error, Level};
use crate::aligned::AlignedVec;

/// A packed matrix `[K, N]`: panels of two blocks of columns, or of one, as the kernels of its level take them,
/// `[panel][k][column of the panel]`, each row of a panel 128 bytes or 64, the memory aligned to 64. Columns past `N` are zero.
///
/// There is one only of a level that this machine can run, and only with as many numbers as its panels have.
#[derive(Debug)]
pub struct Packed<'a, T> {
    rows: usize,
    columns: usize,
    level: Level,
    panels: &'a [T],
}

impl<T> Clone for Packed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Packed<'_, T> {}

impl<'a, T: Element> Packed<'a, T> {
    /// Number of rows, `K`.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns, `N`.
    #[must_use]
    pub fn columns(self) -> usize {
        self.columns
    }

    /// The level whose kernels multiply by this matrix.
    #[must_use]
    pub fn level(self) -> Level {
        self.level
    }

    /// Where row `k` of a block of columns begins in the panels. (It is asked for at every kernel of a small product: no division.)
    #[inline]
    pub(super) fn place_of(self, block: usize, k: usize) -> usize {
        match self.level.blocks_of_panel() {
            1 => (block * self.rows + k) * T::BLOCK,
            _ => ((block / 2 * self.rows + k) * 2 + block % 2) * T::BLOCK,
        }
    }

    /// The panels, one after the other, `rows` times as many numbers each as a panel has columns.
    pub(crate) fn panels(self) -> &'a [T] {
        self.panels
    }
}

/// Columns of a panel of a matrix that is packed for a level.
#[inline]
pub(super) fn columns_of_panel<T: Element>(level: Level) -> usize {
    level.blocks_of_panel() * T::BLOCK
}

/// Numbers of the panels of a matrix; `None` where they overflow.
fn numbers<T: Element>(level: Level, rows: usize, columns: usize) -> Option<usize> {
    columns.checked_next_multiple_of(columns_of_panel::<T>(level)).and_then(|width| width.checked_mul(rows))
}

/// A packed matrix with memory of its own.
///
/// It is made of blocks that are [placed](PackedMatrix::place) into zeros. Placing again overwrites: the storage is made
/// once.
#[derive(Debug)]
pub struct PackedMatrix<T> {
    rows: usize,
    columns: usize,
    level: Level,
    /// Numbers of its panels, with which the storage begins.
    length: usize,
    storage: AlignedVec<T>,
}

impl<T: Element> PackedMatrix<T> {
    /// Zeros, for the kernels of this machine's best level.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] where the size overflows.
    pub fn zeroed(rows: usize, columns: usize) -> Result<Self, Error> {
        Self::zeroed_for(Level::best(), rows, columns)
    }

    /// Zeros, for the kernels of a level.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] where the size overflows, [`Error::Unavailable`] where this machine cannot run the level.
    pub fn zeroed_for(level: Level, rows: usize, columns: usize) -> Result<Self, Error> {
        if !level.is_available() {
            return Err(Error::Unavailable { level });
        }
        let too_large = Error::TooLarge { rows, columns };
        let length = numbers::<T>(level, rows, columns).ok_or(too_large.clone())?;
        let storage = AlignedVec::zeroed(length).ok_or(too_large)?;
        Ok(Self { rows, columns, level, length, storage })
    }

    /// Makes this a matrix of another shape, in the same storage where that is large enough: zero past the last column,
    /// whatever was there within.
    pub(super) fn reshape(&mut self, rows: usize, columns: usize) -> Result<(), Error> {
        if (rows, columns) == (self.rows, self.columns) {
            return Ok(());
        }
        match numbers::<T>(self.level, rows, columns) {
            Some(length) if length <= self.storage.length() => {
                (self.rows, self.columns, self.length) = (rows, columns, length);
                self.view_mut().clear_pads();
            }
            _ => *self = Self::zeroed_for(self.level, rows, columns)?,
        }
        Ok(())
    }

    /// The matrix, to multiply by.
    #[must_use]
    #[inline]
    pub fn view(&self) -> Packed<'_, T> {
        // Too short a storage would stop here, not be read past its end by a kernel.
        let panels = &self.storage.as_slice()[..self.length];
        Packed { rows: self.rows, columns: self.columns, level: self.level, panels }
    }

    /// The matrix, to be written.
    fn view_mut(&mut self) -> PackedMut<'_, T> {
        let panels = &mut self.storage.as_mut_slice()[..self.length];
        PackedMut { rows: self.rows, columns: self.columns, level: self.level, panels }
    }

    /// Puts a block at (`row`, `column`) in the place of what was there. The source is `source_rows` rows of
    /// `source_columns` numbers, `row_stride` apart; `transposed` places its transpose.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfPlace`] where the block does not fit into the matrix, [`Error::TooShort`] where the source has
    /// too few numbers for its shape, [`Error::RowsOverlap`] where the stride is smaller than a row.
    #[allow(clippy::too_many_arguments, reason = "a place and a strided matrix are what a block is")]
    pub fn place(
        &mut self,
        row: usize,
        column: usize,
        source: &[T],
        source_rows: usize,
        source_columns: usize,
        row_stride: usize,
        transposed: bool,
    ) -> Result<(), Error> {
        self.view_mut().place(row, column, source, source_rows, source_columns, row_stride, transposed)
    }
}

/// Packed matrices in one storage. Those of one set lie one after the other, sets in the same place: of these, one holds
/// what was written to it at a time.
#[derive(Debug)]
pub(crate) struct PackedSets<T> {
    level: Level,
    storage: AlignedVec<T>,
    /// Of each matrix its rows, its columns, its first number and where it ends.
    shapes: Vec<(usize, usize, usize, usize)>,
}

impl<T: Element> PackedSets<T> {
    /// Zeros, for matrices of these rows, columns and sets.
    ///
    /// # Errors
    ///
    /// As [`PackedMatrix::zeroed_for`].
    pub(crate) fn zeroed_for<const SETS: usize>(
        level: Level,
        matrices: impl IntoIterator<Item = (usize, usize, usize)>,
    ) -> Result<Self, Error> {
        if !level.is_available() {
            return Err(Error::Unavailable { level });
        }
        let (mut ends, mut shapes) = ([0_usize; SETS], Vec::new());
        for (rows, columns, set) in matrices {
            let too_large = Error::TooLarge { rows, columns };
            let first = ends[set];
            let length = numbers::<T>(level, rows, columns).ok_or(too_large.clone())?;
            ends[set] = first.checked_add(length).ok_or(too_large)?;
            shapes.push((rows, columns, first, ends[set]));
        }
        let length = ends.into_iter().max().unwrap_or(0);
        let storage = AlignedVec::zeroed(length).ok_or(Error::TooLarge { rows: length, columns: 1 })?;
        Ok(Self { level, storage, shapes })
    }

    /// All matrices, to multiply by.
    #[inline]
    pub(crate) fn views(&self) -> PackedViews<'_, T> {
        PackedViews { level: self.level, storage: self.storage.as_slice(), shapes: &self.shapes }
    }

    /// A matrix by number, to be written.
    pub(crate) fn view_mut(&mut self, matrix: usize) -> PackedMut<'_, T> {
        let (rows, columns, first, end) = self.shapes[matrix];
        let panels = &mut self.storage.as_mut_slice()[first..end];
        PackedMut { rows, columns, level: self.level, panels }
    }

    /// Numbers of all matrices.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> usize {
        self.storage.length()
    }
}

/// Packed matrices in one storage, to multiply by.
#[derive(Debug)]
pub(crate) struct PackedViews<'a, T> {
    level: Level,
    storage: &'a [T],
    shapes: &'a [(usize, usize, usize, usize)],
}

impl<T> Clone for PackedViews<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PackedViews<'_, T> {}

impl<'a, T: Element> PackedViews<'a, T> {
    /// A matrix by number.
    #[inline]
    pub(crate) fn of(self, matrix: usize) -> Packed<'a, T> {
        let (rows, columns, first, end) = self.shapes[matrix];
        let panels = &self.storage[first..end];
        Packed { rows, columns, level: self.level, panels }
    }
}

/// A packed matrix that is written.
#[derive(Debug)]
pub(crate) struct PackedMut<'a, T> {
    rows: usize,
    columns: usize,
    level: Level,
    panels: &'a mut [T],
}

impl<T: Element> PackedMut<'_, T> {
    /// Makes every number zero.
    pub(crate) fn clear(&mut self) {
        self.panels.fill(T::ZERO);
    }

    /// Makes the numbers past the last column zero.
    pub(crate) fn clear_pads(&mut self) {
        let panel = columns_of_panel::<T>(self.level);
        let inside = self.columns % panel;
        if inside > 0 {
            let last = self.columns / panel * panel * self.rows;
            let lines = self.panels.get_mut(last..).unwrap_or_default();
            lines.chunks_exact_mut(panel).for_each(|line| line[inside..].fill(T::ZERO));
        }
    }

    /// As [`PackedMatrix::place`].
    #[allow(clippy::too_many_arguments, reason = "a place and a strided matrix are what a block is")]
    pub(crate) fn place(
        &mut self,
        row: usize,
        column: usize,
        source: &[T],
        source_rows: usize,
        source_columns: usize,
        row_stride: usize,
        transposed: bool,
    ) -> Result<(), Error> {
        super::extent(source.len(), source_rows, source_columns, row_stride)?;
        let (rows, columns) =
            if transposed { (source_columns, source_rows) } else { (source_rows, source_columns) };
        let fits = |offset: usize, size: usize, whole: usize| {
            offset.checked_add(size).is_some_and(|end| end <= whole)
        };
        if !fits(row, rows, self.rows) || !fits(column, columns, self.columns) {
            return Err(Error::OutOfPlace { row, column, rows, columns });
        }
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        // The width of a panel is known where it is written: no calls and no checks for so few numbers.
        let (at, source) = ((row, column), (source, row_stride, transposed));
        match self.level.blocks_of_panel() {
            1 => self.place_by_panels(T::BLOCK, at, (rows, columns), source),
            _ => self.place_by_panels(2 * T::BLOCK, at, (rows, columns), source),
        }
        Ok(())
    }

    /// [`PackedMut::place`] of what fits, for panels of so many columns.
    #[inline(always)]
    fn place_by_panels(
        &mut self,
        of_panel: usize,
        (row, column): (usize, usize),
        (rows, columns): (usize, usize),
        (source, row_stride, transposed): (&[T], usize, bool),
    ) {
        let (depth, data) = (self.rows, &mut *self.panels);
        // Panel by panel: the columns `first .. first + width` of the block are `inside ..` in the panel.
        let mut first = 0;
        while first < columns {
            let (panel, inside) = ((column + first) / of_panel, (column + first) % of_panel);
            let width = (of_panel - inside).min(columns - first);
            let panel_start = (panel * depth + row) * of_panel;
            let panel = data.get_mut(panel_start..panel_start + rows * of_panel).unwrap_or_default();
            if transposed {
                let source = source.get(first * row_stride..).unwrap_or_default();
                place_transposed((panel, of_panel), inside, source, width, rows, row_stride);
            } else {
                let lines = panel.chunks_exact_mut(of_panel);
                // One row alone may have any stride.
                let lines = lines.zip(source.chunks(row_stride.max(columns)));
                if width == of_panel {
                    // A length that is known here.
                    lines.for_each(|(line, row)| {
                        line[..of_panel].copy_from_slice(&row[first..][..of_panel]);
                    });
                } else {
                    lines.for_each(|(line, row)| {
                        line[inside..inside + width].copy_from_slice(&row[first..first + width]);
                    });
                }
            }
            first += width;
        }
    }
}

/// Columns of a panel from rows of the source: four by four while there are as many, since four numbers at a time are
/// read, exchanged and written as vectors, then one by one. Sixty-four lines of the panel at a time, which stay in L1
/// while `width` rows of the source pass.
///
/// ```text
/// for sixty-four lines of the panel
///     for column in 0..width
///         for k in the lines: panel[k][inside + column] = source[column][k]
/// ```
#[inline(always)]
fn place_transposed<T: Element>(
    (panel, of_panel): (&mut [T], usize),
    inside: usize,
    source: &[T],
    width: usize,
    depth: usize,
    row_stride: usize,
) {
    const LINES: usize = 64;
    for (chunk, lines) in panel.chunks_mut(LINES * of_panel).enumerate() {
        let first = chunk * LINES;
        let length = LINES.min(depth - first);
        let row = |column: usize| {
            let start = column * row_stride + first;
            source.get(start..start + length).unwrap_or_default()
        };
        let mut column = 0;
        while column + 4 <= width {
            let rows = [row(column), row(column + 1), row(column + 2), row(column + 3)];
            place_four((&mut *lines, of_panel), inside + column, rows);
            column += 4;
        }
        for column in column..width {
            for (line, number) in lines.chunks_exact_mut(of_panel).zip(row(column)) {
                line[inside + column] = *number;
            }
        }
    }
}

/// Four neighbouring columns of some lines of a panel, `column` the first of them, from as many rows.
#[inline(always)]
fn place_four<T: Element>((lines, of_panel): (&mut [T], usize), column: usize, rows: [&[T]; 4]) {
    debug_assert!(column + 4 <= of_panel);
    // It is as it was. But now it is known to be within a line, which would else be checked for each.
    let column = column.min(of_panel - 4);
    let [(a, rest_a), (b, rest_b), (c, rest_c), (d, rest_d)] = rows.map(<[T]>::as_chunks::<4>);
    let mut fours = lines.chunks_exact_mut(4 * of_panel);
    for ((((a, b), c), d), lines) in a.iter().zip(b).zip(c).zip(d).zip(&mut fours) {
        for (line, numbers) in T::exchange([a, b, c, d]).into_iter().enumerate() {
            lines[line * of_panel + column..][..4].copy_from_slice(&numbers);
        }
    }
    let lines = fours.into_remainder().chunks_exact_mut(of_panel);
    for ((((a, b), c), d), line) in rest_a.iter().zip(rest_b).zip(rest_c).zip(rest_d).zip(lines) {
        line[column..][..4].copy_from_slice(&[*a, *b, *c, *d]);
    }
}
