//! A matrix rearranged for the kernels.

use super::element::Element;
use super::{Error, Level};

/// A matrix `[K, N]` in panels of [`Element::PANEL`] columns: `[panel][k][column of the panel]`, each row of a panel
/// 128 bytes, the storage aligned to 64. Columns past `N` are zero.
///
/// It is made of blocks that are [placed](PackedMatrix::place) into zeros, so that several gates' weights, each in
/// its own place of the parameters, make one matrix. Placing again overwrites: the storage is made once.
#[derive(Debug)]
pub struct PackedMatrix<T> {
    rows: usize,
    columns: usize,
    level: Level,
    /// Longer than needed by 64 bytes less one number: data begin at `start`, which is aligned.
    storage: Vec<T>,
    start: usize,
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
        let length = columns
            .div_ceil(T::PANEL)
            .checked_mul(T::PANEL)
            .and_then(|width| width.checked_mul(rows))
            .and_then(|length| length.checked_add(T::BLOCK))
            .filter(|length| {
                length.checked_mul(size_of::<T>()).is_some_and(|bytes| isize::try_from(bytes).is_ok())
            })
            .ok_or(too_large)?;
        let storage = vec![T::ZERO; length];
        // In numbers; at most one block, for which there is room.
        let start = storage.as_ptr().align_offset(64).min(T::BLOCK);
        Ok(Self { rows, columns, level, storage, start })
    }

    /// Makes this a matrix of zeros of another shape, in the same storage where that is large enough.
    pub(super) fn reshape(&mut self, rows: usize, columns: usize) -> Result<(), Error> {
        if (rows, columns) == (self.rows, self.columns) {
            return Ok(());
        }
        let needed =
            columns.div_ceil(T::PANEL).checked_mul(T::PANEL).and_then(|width| width.checked_mul(rows));
        if needed.is_some_and(|needed| self.start + needed <= self.storage.len()) {
            (self.rows, self.columns) = (rows, columns);
            self.clear();
        } else {
            *self = Self::zeroed_for(self.level, rows, columns)?;
        }
        Ok(())
    }

    /// Number of rows, `K`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, `N`.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The level whose kernels multiply by this matrix.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The panels, one after the other, `rows * PANEL` numbers each.
    pub(super) fn panels(&self) -> &[T] {
        let length = self.columns.div_ceil(T::PANEL) * T::PANEL * self.rows;
        self.storage.get(self.start..self.start + length).unwrap_or_default()
    }

    /// Makes every number zero.
    pub fn clear(&mut self) {
        self.storage.fill(T::ZERO);
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
        let (depth, start) = (self.rows, self.start);
        let data = self.storage.get_mut(start..).unwrap_or_default();
        // Panel by panel: the columns `first .. first + width` of the block are `inside ..` in the panel.
        let mut first = 0;
        while first < columns {
            let (panel, inside) = ((column + first) / T::PANEL, (column + first) % T::PANEL);
            let width = (T::PANEL - inside).min(columns - first);
            let panel_start = (panel * depth + row) * T::PANEL;
            let panel = data.get_mut(panel_start..panel_start + rows * T::PANEL).unwrap_or_default();
            if transposed {
                let source = source.get(first * row_stride..).unwrap_or_default();
                place_transposed(panel, inside, source, width, rows, row_stride);
            } else {
                let lines = panel.chunks_exact_mut(T::PANEL);
                for (line, source_line) in lines.zip(source.chunks(row_stride.max(1))) {
                    line[inside..inside + width].copy_from_slice(&source_line[first..first + width]);
                }
            }
            first += width;
        }
        Ok(())
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
fn place_transposed<T: Element>(
    panel: &mut [T],
    inside: usize,
    source: &[T],
    width: usize,
    depth: usize,
    row_stride: usize,
) {
    const LINES: usize = 64;
    for (chunk, lines) in panel.chunks_mut(LINES * T::PANEL).enumerate() {
        let first = chunk * LINES;
        let length = LINES.min(depth - first);
        let row = |column: usize| {
            let start = column * row_stride + first;
            source.get(start..start + length).unwrap_or_default()
        };
        let mut column = 0;
        while column + 4 <= width {
            let rows = [row(column), row(column + 1), row(column + 2), row(column + 3)];
            place_four(lines, inside + column, rows);
            column += 4;
        }
        for column in column..width {
            for (line, number) in lines.chunks_exact_mut(T::PANEL).zip(row(column)) {
                line[inside + column] = *number;
            }
        }
    }
}

/// Four neighbouring columns of some lines of a panel, from as many rows.
#[inline]
fn place_four<T: Element>(lines: &mut [T], column: usize, rows: [&[T]; 4]) {
    let [(a, rest_a), (b, rest_b), (c, rest_c), (d, rest_d)] = rows.map(<[T]>::as_chunks::<4>);
    let mut lines = lines.chunks_exact_mut(T::PANEL);
    let mut put = |numbers: [T; 4]| {
        if let Some(place) = lines.next().and_then(|line| line.get_mut(column..column + 4)) {
            place.copy_from_slice(&numbers);
        }
    };
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        T::exchange([a, b, c, d]).into_iter().for_each(&mut put);
    }
    for (((a, b), c), d) in rest_a.iter().zip(rest_b).zip(rest_c).zip(rest_d) {
        put([*a, *b, *c, *d]);
    }
}
