//! The loops around the micro-kernels.
//!
//! ```text
//! for chunk of rows                       few where the panels stay in a cache, see `rows_of_chunk`
//!     for group of blocks                 its lines come to L1 once per chunk
//!         for rows of a micro-kernel      balanced: 32 rows are 11, 11 and 10
//!             kernel                      by way of a buffer where the last block is not full
//! ```
//!
//! [`nest`] says which kernels run where; [`Call::run`] runs one, and before it the result of the next one is asked for:
//! where a result lies in no cache, a kernel would wait for each of its rows before it begins. What runs at every step of a
//! sequence is said once and kept, see [`super::multiply::Product`].

use std::ops::Range;

use super::kernel::{Arguments, Kernel};
use super::soon::{Ahead, Soon, fetch};
use super::{Element, Packed};

/// The left operand of a product in memory, and its result. The result has a column for each column of the packed matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<T> {
    /// The first number of the left operand.
    pub(super) left: *const T,
    /// Numbers from one row of its memory to the next.
    pub(super) left_stride: usize,
    /// The first number of the result.
    pub(super) result: *mut T,
    /// Numbers from one of its rows to the next.
    pub(super) result_stride: usize,
    /// The first number that sums start at: of the result itself, or of a row of constants; null where it is zero.
    pub(super) start: *const T,
    /// Numbers from one of its rows to the next: 0 where all rows start alike.
    pub(super) start_stride: usize,
}

impl<T: Element> Operands<T> {
    /// The arguments of a kernel for sums of such a length, but for what [`Call::run`] puts in.
    #[inline(always)]
    pub(super) fn arguments(&self, depth: usize) -> Arguments<T> {
        Arguments {
            left: self.left,
            left_stride: self.left_stride,
            right: std::ptr::null(),
            depth,
            result: self.result,
            result_stride: self.result_stride,
            start: self.start,
            start_stride: self.start_stride,
            ahead: [Ahead::nothing(); 2],
        }
    }
}

/// One run of a kernel: which, and where, counted in numbers from the beginnings of the operands and of the panels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<T> {
    kernel: Kernel<T>,
    left: usize,
    group: usize,
    /// Where half of a panel begins that is read soon: this group or the next.
    ahead: usize,
    result: usize,
    /// Where sums start.
    start: usize,
    /// Rows of the kernel.
    rows: usize,
    /// Its blocks.
    blocks: usize,
    /// Columns of them that there are, where the last block is not full.
    edge: Option<usize>,
}

/// Numbers from one row to the next, of each operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) left: usize,
    pub(super) result: usize,
    pub(super) start: usize,
}

/// Bytes of the left operand that one chunk of rows may have while all panels stay in L2 or L3: some of L1.
const SMALL_CHUNK_BYTES: usize = 8 << 10;
/// Bytes of the left operand that one chunk of rows may have while panels come from memory: a quarter of a common L2.
const LARGE_CHUNK_BYTES: usize = 256 << 10;
/// Bytes of panels that are taken to stay in L2 or L3.
const CACHED_BYTES: usize = 4 << 20;
/// Blocks of a matrix whose sums are two chains each: with one row, sums would else be too few to hide the latency of an
/// addition.
const NARROW: usize = 2;
/// The most numbers that a kernel gives at once: 14 rows of two blocks of f32.
pub(super) const MAXIMUM_NUMBERS: usize = 14 * 2 * 16;

/// `left * right` to the result; what is read `soon` is fetched meanwhile.
///
/// # Safety
///
/// The left operand is readable for `rows` rows of `right.rows()` numbers, its stride apart. The result is writable for `rows`
/// rows of `right.columns()` numbers, its stride apart, which share no numbers with each other or with the left operand. The
/// start, unless it is null, is readable for as many rows of as many numbers, its stride apart; it is the result, with the
/// same stride, or shares no number with it. (`right` is borrowed: nothing writes to it.)
pub(super) unsafe fn drive<T: Element>(
    operands: Operands<T>,
    rows: usize,
    right: Packed<'_, T>,
    soon: &mut Soon,
) {
    if right.rows() == 0 {
        // SAFETY: the caller's promise about the result.
        unsafe { nothing(operands, rows, right.columns()) };
        return;
    }
    let strides =
        Strides { left: operands.left_stride, result: operands.result_stride, start: operands.start_stride };
    let mut arguments = operands.arguments(right.rows());
    let mut run = |call: Call<T>| {
        arguments.ahead = call.ahead(right, soon);
        // SAFETY: a call of `nest` for these operands, whose validity is the caller's promise.
        unsafe { call.run(&operands, right.panels().as_ptr(), &mut arguments) };
    };
    let mut said: Option<Call<T>> = None;
    nest(right, rows, strides, |call| {
        if let Some(before) = said.replace(call) {
            call.fetch_result(operands);
            run(before);
        }
    });
    if let Some(last) = said {
        run(last);
    }
}

/// Sums of no products: what they start at.
///
/// # Safety
///
/// The start is readable and the result writable, as for [`drive`].
pub(super) unsafe fn nothing<T: Element>(operands: Operands<T>, rows: usize, columns: usize) {
    if columns == 0 {
        return;
    }
    for row in 0..rows {
        for column in 0..columns {
            let start = match operands.start.is_null() {
                true => T::ZERO,
                // SAFETY: a row and a column of the start.
                false => unsafe { operands.start.add(row * operands.start_stride + column).read() },
            };
            // SAFETY: a row and a column of the result.
            unsafe { operands.result.add(row * operands.result_stride + column).write(start) };
        }
    }
}

/// Says every call of a product by a matrix that has rows, in order: together they give every number of the result once.
/// `strides` are those of its operands.
///
/// Of a call with `r` rows and `b` blocks, where the rows begin at row `i` and the blocks at block `j`:
/// `i + r <= rows` and `j + b` is at most the number of blocks; its kernel is for `r` and `b`; `left` is the place of row `i`, `result` and `start` those of row `i` and the first column of block `j`, `group`
/// that of block `j` in the panels, which begins a panel if `b > 1`; `edge` is given where block `j + b - 1` is not full.
#[inline]
pub(super) fn nest<T: Element>(
    right: Packed<'_, T>,
    rows: usize,
    strides: Strides,
    mut say: impl FnMut(Call<T>),
) {
    let (depth, columns) = (right.rows(), right.columns());
    if rows == 0 || columns == 0 {
        return;
    }
    let kernels = T::kernels(right.level());
    let blocks = columns.div_ceil(T::BLOCK);
    let kernels = if blocks <= NARROW { kernels.by_rows_narrow } else { kernels.by_rows };
    let most_at_once = rows_at_once(strides.left.wrapping_mul(size_of::<T>()), kernels.len());
    let most = if rows <= most_at_once {
        rows
    } else {
        rows_of_chunk(depth * size_of::<T>(), size_of_val(right.panels()), most_at_once)
    };
    for chunk in Balanced::new(rows, most) {
        let small = Balanced::new(chunk.len(), most_at_once);
        let mut block = 0;
        while block < blocks {
            // All groups before had an even number of blocks, so one of several blocks begins a panel.
            let Some((taken, kernel, larger)) =
                choose(kernels, small.smallest(), small.largest(), blocks - block)
            else {
                return;
            };
            let column = block * T::BLOCK;
            let group = (block / 2) * depth * T::PANEL + (block % 2) * T::BLOCK;
            let full = column + taken * T::BLOCK <= columns;
            let ahead = |part: usize| halves_ahead(group, depth * T::PANEL, (part, small.parts));
            for (index, part) in small.enumerate() {
                let row = chunk.start + part.start;
                say(Call {
                    kernel: if part.len() == small.smallest() { kernel } else { larger },
                    left: row * strides.left,
                    group,
                    ahead: ahead(index),
                    result: row * strides.result + column,
                    start: row * strides.start + column,
                    rows: part.len(),
                    blocks: taken,
                    edge: (!full).then_some(columns - column),
                });
            }
            block += taken;
        }
    }
}

/// Where half of a panel begins that a kernel asks for, a line in each round, so that weights that lie in L3 are in L2 when
/// they are read. `a` and `b` are the halves of a panel; the kernels of a group all read the same one:
///
/// ```text
/// kernels of a group      1      2          3
/// group 0 asks for        1a     0b 1a      0a 1a 1b
/// group 1 asks for        2a     1b 2a      1a 2a 2b
/// ```
fn halves_ahead(group: usize, panel: usize, (part, parts): (usize, usize)) -> usize {
    match parts - part {
        1 if parts > 2 => group + panel + panel / 2,
        1 => group + panel,
        2 if parts > 2 => group + panel,
        2 => group + panel / 2,
        _ => group,
    }
}

impl<T: Element> Call<T> {
    /// Asks for the result, which the kernel reads or writes when it is run: a hint.
    #[inline]
    pub(super) fn fetch_result(&self, operands: Operands<T>) {
        self.result_blocks(operands.result_stride)
            .for_each(|block| fetch(operands.result.wrapping_add(block).cast_const().cast()));
    }

    /// Where the blocks of the result begin, each 64 bytes.
    #[inline]
    fn result_blocks(&self, result_stride: usize) -> impl Iterator<Item = usize> {
        let (result, blocks) = (self.result, self.blocks);
        let row = move |row: usize| {
            let first = result + row * result_stride;
            (0..blocks).map(move |block| first + block * T::BLOCK)
        };
        (0..self.rows).flat_map(row)
    }

    /// Runs the kernel, with `arguments` that were made for these operands; what is fetched meanwhile is said in them.
    ///
    /// # Safety
    ///
    /// [`nest`] has said the call for matrices of this shape and level and for such strides; the operands are valid as for
    /// [`drive`], with as many rows; `panels` is the first number of those of the matrix.
    #[inline(always)]
    pub(super) unsafe fn run(&self, operands: &Operands<T>, panels: *const T, arguments: &mut Arguments<T>) {
        // SAFETY: the first number of a row of the left operand, and the group begins within the panels.
        (arguments.left, arguments.right) = unsafe { (operands.left.add(self.left), panels.add(self.group)) };
        // SAFETY: a row and a column of the result.
        arguments.result = unsafe { operands.result.add(self.result) };
        if !operands.start.is_null() {
            // Null is no place to count from.
            arguments.start = operands.start.wrapping_add(self.start);
        }
        match self.edge {
            // SAFETY: the kernel is for this number of rows and blocks, which the operands and the panels have from here
            // on. There is a `Packed` only of a level that this machine can run.
            None => unsafe { (self.kernel)(arguments) },
            // SAFETY: as above; of the result there are so many columns from here on.
            Some(columns) => unsafe { at_edge(self.kernel, *arguments, (self.rows, self.blocks, columns)) },
        }
    }

    /// What the kernel asks for while it runs: what is read `soon`, else a half of a panel.
    #[inline]
    pub(super) fn ahead(&self, right: Packed<'_, T>, soon: &mut Soon) -> [Ahead; 2] {
        let panel = Ahead::lines(right.panels().as_ptr().wrapping_add(self.ahead));
        let first = soon.take(right.rows()).unwrap_or(panel);
        // Kernels of two chains ask for the first alone.
        let narrow = right.columns() <= NARROW * T::BLOCK;
        [first, if narrow { first } else { soon.take(right.rows()).unwrap_or(panel) }]
    }
}

/// A kernel whose last block has columns that the result has not: it passes through a buffer of `[row][column]`.
///
/// # Safety
///
/// As for [`Kernel`], but that start and result have `columns` columns, fewer than the blocks.
#[inline(never)]
unsafe fn at_edge<T: Element>(
    kernel: Kernel<T>,
    arguments: Arguments<T>,
    (rows, blocks, columns): (usize, usize, usize),
) {
    let mut buffer = [T::ZERO; MAXIMUM_NUMBERS];
    let stride = blocks * T::BLOCK;
    let places = || (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let starts = !arguments.start.is_null();
    if starts {
        for (row, column) in places() {
            // SAFETY: a row and a column of the start.
            let there = unsafe { arguments.start.add(row * arguments.start_stride + column) };
            // SAFETY: as above.
            buffer[row * stride + column] = unsafe { there.read() };
        }
    }
    let result = buffer.as_mut_ptr();
    let start = if starts { result.cast_const() } else { arguments.start };
    let within = Arguments { result, result_stride: stride, start, start_stride: stride, ..arguments };
    // SAFETY: the caller's promise; the buffer is our own, and rows * blocks * BLOCK <= MAXIMUM_NUMBERS.
    unsafe { kernel(&within) };
    for (row, column) in places() {
        // SAFETY: a row and a column of the result.
        unsafe {
            arguments.result.add(row * arguments.result_stride + column).write(buffer[row * stride + column]);
        }
    }
}

/// How many rows a kernel gets at most. Rows a multiple of 4096 bytes apart fall on the same set of a cache; with more
/// than ten, L1 loses them between one `k` and the next (14 rows reach 76 % of the peak, 10 reach 98 %).
#[inline]
fn rows_at_once(bytes_between_rows: usize, rows_of_kernel: usize) -> usize {
    if bytes_between_rows.is_multiple_of(4096) { rows_of_kernel.min(10) } else { rows_of_kernel }
}

/// How many rows pass over the panels together. Few, so that they stay in L1 and the result is written row by row,
/// unless every pass has to fetch the panels from memory.
#[inline]
pub(super) fn rows_of_chunk(bytes_of_row: usize, bytes_of_panels: usize, rows_of_kernel: usize) -> usize {
    let (bytes, least) =
        if bytes_of_panels <= CACHED_BYTES { (SMALL_CHUNK_BYTES, 1) } else { (LARGE_CHUNK_BYTES, 4) };
    (bytes / bytes_of_row / rows_of_kernel).max(least) * rows_of_kernel
}

/// Kernels for `smallest` and for `largest` rows that take the same number of blocks, as many as there are.
pub(super) fn choose<K: Copy>(
    kernels: &[&[(K, usize)]],
    smallest: usize,
    largest: usize,
    blocks: usize,
) -> Option<(usize, K, K)> {
    let of_smallest = kernels.get(smallest.checked_sub(1)?)?;
    let of_largest = kernels.get(largest.checked_sub(1)?)?;
    of_smallest.iter().find_map(|(kernel, taken)| {
        let (larger, _) = of_largest.iter().find(|(_, other)| other == taken)?;
        (*taken <= blocks).then_some((*taken, *kernel, *larger))
    })
}

/// `0..total` in the fewest parts of at most `most`, whose lengths differ by one at most, the longer ones first.
#[derive(Clone, Copy)]
pub(super) struct Balanced {
    start: usize,
    length: usize,
    longer: usize,
    parts: usize,
}

impl Balanced {
    #[inline]
    pub(super) fn new(total: usize, most: usize) -> Self {
        if total <= most {
            // Without a division: a product of one row has time for few.
            return Self { start: 0, length: total, longer: 0, parts: 1 };
        }
        let parts = total.div_ceil(most).max(1);
        Self { start: 0, length: total / parts, longer: total % parts, parts }
    }

    #[inline]
    pub(super) fn smallest(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn largest(&self) -> usize {
        self.length + usize::from(self.longer > 0)
    }
}

impl Iterator for Balanced {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        self.parts = self.parts.checked_sub(1)?;
        let length = self.largest();
        self.longer = self.longer.saturating_sub(1);
        let start = self.start;
        self.start += length;
        Some(start..self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::{Strides, nest};
    use crate::matmul::PackedMatrix;

    fn strides(result: usize) -> Strides {
        Strides { left: 8, result, start: result }
    }

    #[test]
    fn only_a_last_block_that_is_not_full_passes_through_a_buffer() {
        for (columns, expected) in [(16, 0), (128, 0), (20, 1), (130, 1)] {
            let right = PackedMatrix::<f32>::zeroed(8, columns).expect("small");
            let mut edges = 0;
            nest(right.view(), 1, strides(columns), |call| edges += usize::from(call.edge.is_some()));
            assert_eq!(edges, expected, "{columns} columns");
        }
    }

    #[test]
    fn every_half_of_a_panel_is_asked_for_before_it_is_read() {
        const PANEL: usize = 8 * 32;
        for rows in [15, 28, 32, 42] {
            let right = PackedMatrix::<f32>::zeroed(8, 128).expect("small");
            let mut calls = Vec::new();
            nest(right.view(), rows, strides(128), |call| calls.push((call.group, call.ahead)));
            let of_first = calls.iter().filter(|(group, _)| *group == 0).count();
            assert!(of_first > 1, "{rows} rows");
            for group in [PANEL, 2 * PANEL, 3 * PANEL] {
                let read = calls.iter().position(|call| call.0 == group).expect("a call");
                let asked = |half: usize| calls[..=read].iter().any(|call| call.1 == half);
                assert!(asked(group) && asked(group + PANEL / 2), "{rows} rows, panel at {group}: {calls:?}");
            }
        }
    }

    #[test]
    fn the_result_of_every_call_is_asked_for_once() {
        for (rows, columns) in [(1, 16), (32, 64), (33, 130), (300, 48)] {
            let right = PackedMatrix::<f32>::zeroed(8, columns).expect("small");
            let stride = columns.next_multiple_of(16);
            let mut asked = Vec::new();
            nest(right.view(), rows, strides(stride), |call| asked.extend(call.result_blocks(stride)));
            asked.sort_unstable();
            let every: Vec<usize> = (0..rows * stride).step_by(16).collect();
            assert_eq!(asked, every, "{rows} rows of {columns} columns");
        }
    }
}
