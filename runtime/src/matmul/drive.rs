//! The loops around the micro-kernels.
//!
//! ```text
//! for chunk of rows                       few where the panels stay in a cache, see `rows_of_chunk`
//!     for group of blocks                 its lines come to L1 once per chunk
//!         for rows of a micro-kernel      balanced: 32 rows are 11, 11 and 10
//!             kernel
//! ```

use std::ops::Range;

use super::kernel::{Arguments, ByRows, Kernel, Target};
use super::soon::Soon;
use super::{Element, PackedMatrix};

/// Columns of a product, and where they go.
#[derive(Clone, Debug)]
pub(super) struct Output<T> {
    pub(super) columns: Range<usize>,
    /// Where the first of the columns goes in the first row.
    pub(super) destination: *mut T,
    pub(super) row_stride: usize,
    pub(super) accumulate: bool,
}

/// How the left operand lies in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeftOperand<T> {
    /// The first number.
    pub(super) numbers: *const T,
    /// Numbers from one row of the memory to the next.
    pub(super) stride: usize,
    /// Rows of the memory are the `k` of the product, its columns the rows.
    pub(super) transposed: bool,
}

/// Bytes of the left operand that one chunk of rows may have while all panels stay in L2 or L3: some of L1.
const SMALL_CHUNK_BYTES: usize = 8 << 10;
/// Bytes of the left operand that one chunk of rows may have while panels come from memory: a quarter of a common L2.
const LARGE_CHUNK_BYTES: usize = 256 << 10;
/// Bytes of panels that are taken to stay in L2 or L3.
const CACHED_BYTES: usize = 4 << 20;
/// The most blocks that a kernel takes at once.
const MAXIMUM_BLOCKS: usize = 8;
/// The most numbers that a kernel gives at once: 14 rows of two blocks of f32.
const MAXIMUM_NUMBERS: usize = 14 * 2 * 16;

/// `left * right` to the outputs, `output(0) ..= output(count - 1)`; `soon` is fetched meanwhile.
///
/// # Safety
///
/// `left` is readable for `rows` rows of `right.rows()` numbers, its stride apart; a transposed one for `right.rows()`
/// rows of `rows` numbers. Outputs ascend without overlap
/// within the columns of `right`; each is writable for `rows` rows of its columns, `row_stride` apart, which share no
/// numbers with each other, with other outputs, or with `left`. (`right` is borrowed: nothing writes to it.)
pub(super) unsafe fn drive<T: Element>(
    left: LeftOperand<T>,
    rows: usize,
    right: &PackedMatrix<T>,
    count: usize,
    output: impl Fn(usize) -> Output<T>,
    mut soon: Soon<'_, T>,
) {
    let depth = right.rows();
    if rows == 0 || right.columns() == 0 {
        return;
    }
    if depth == 0 {
        for index in 0..count {
            let output = output(index);
            if !output.accumulate && !output.columns.is_empty() {
                for row in 0..rows {
                    for column in 0..output.columns.len() {
                        // SAFETY: within the output, see above.
                        unsafe { output.destination.add(row * output.row_stride + column).write(T::ZERO) };
                    }
                }
            }
        }
        return;
    }
    let kernels = T::kernels(right.level());
    let panels = right.panels().as_ptr();
    let blocks = right.columns().div_ceil(T::BLOCK);
    let (kernels, between_rows) =
        if left.transposed { (kernels.by_rows_transposed, 1) } else { (kernels.by_rows, left.stride) };
    let most_at_once = rows_at_once(between_rows.wrapping_mul(size_of::<T>()), kernels.len());
    let most = if rows <= most_at_once {
        rows
    } else {
        rows_of_chunk(depth * size_of::<T>(), size_of_val(right.panels()), most_at_once)
    };
    // Made where a block needs it: zeros cost as much as a small product.
    let mut buffer: Option<[T; MAXIMUM_NUMBERS]> = None;
    for chunk in Balanced::new(rows, most) {
        let small = Balanced::new(chunk.len(), most_at_once);
        let mut block = 0;
        // The first output that may reach into the block.
        let mut next = 0;
        while block < blocks {
            let Some((taken, kernel, larger)) =
                choose(kernels, small.smallest(), small.largest(), blocks - block)
            else {
                return;
            };
            // What each block of the group is: written where it belongs, or by way of the buffer.
            let mut targets = [Target { destination: std::ptr::null_mut(), row_stride: 0, accumulate: false };
                MAXIMUM_BLOCKS];
            let mut mixed = false;
            let first_output = next;
            for (index, target) in targets.iter_mut().enumerate().take(taken) {
                let columns = (block + index) * T::BLOCK..(block + index + 1) * T::BLOCK;
                while next < count && output(next).columns.end <= columns.start {
                    next += 1;
                }
                if next == count {
                    break;
                }
                let output = output(next);
                if output.columns.start <= columns.start && output.columns.end >= columns.end {
                    let offset = columns.start - output.columns.start + chunk.start * output.row_stride;
                    // SAFETY: the first number of the block in the first row of the chunk is the output's.
                    target.destination = unsafe { output.destination.add(offset) };
                    target.row_stride = output.row_stride;
                    target.accumulate = output.accumulate;
                } else if output.columns.start < columns.end {
                    mixed = true;
                    target.accumulate = true;
                }
            }
            let mixed = mixed.then_some(first_output);
            // SAFETY: the group begins within the panels; with more than one block it begins at an even one, since
            // all groups before had an even number of blocks.
            let group = unsafe { panels.add((block / 2) * depth * T::PANEL + (block % 2) * T::BLOCK) };
            for part in small {
                let kernel = if part.len() == small.smallest() { kernel } else { larger };
                // SAFETY: rows of the part are rows of the left operand.
                let numbers = unsafe { left.numbers.add((chunk.start + part.start) * between_rows) };
                let ahead = soon.take(depth, group);
                let arguments = |targets: &[Target<T>; MAXIMUM_BLOCKS]| Arguments {
                    left: numbers,
                    left_stride: left.stride,
                    right: group,
                    depth,
                    targets: targets.as_ptr(),
                    ahead,
                };
                if let Some(first) = mixed {
                    let buffer = buffer.get_or_insert([T::ZERO; MAXIMUM_NUMBERS]);
                    let first_row = chunk.start + part.start;
                    let exchange =
                        Exchange { rows: first_row..first_row + part.len(), first_block: block, taken };
                    // SAFETY: the outputs are valid for these rows; the buffer is our own.
                    unsafe { exchange.run::<T, true>(buffer, &targets, (first..count).map(&output)) };
                    let mut here = targets;
                    for (index, target) in here.iter_mut().enumerate() {
                        if target.destination.is_null() && target.accumulate {
                            let start = index * part.len() * T::BLOCK;
                            target.destination = buffer.as_mut_ptr().wrapping_add(start);
                            target.row_stride = T::BLOCK;
                        }
                    }
                    // SAFETY: as below; targets in the buffer are valid because rows * taken * BLOCK <= MAXIMUM_NUMBERS.
                    unsafe { kernel(&arguments(&here)) };
                    // SAFETY: as above.
                    unsafe { exchange.run::<T, false>(buffer, &targets, (first..count).map(&output)) };
                } else {
                    // SAFETY: the kernel is for this number of rows and blocks. The left operand and the targets are
                    // valid as shown above; the group has `taken` blocks of `depth` lines. `PackedMatrix` exists only for
                    // a level this machine can run.
                    unsafe { kernel(&arguments(&targets)) };
                }
                for target in targets.iter_mut().take(taken).filter(|target| !target.destination.is_null()) {
                    // Past the last part it may lie outside, and is not used.
                    target.destination = target.destination.wrapping_add(part.len() * target.row_stride);
                }
            }
            block += taken;
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
fn rows_of_chunk(bytes_of_row: usize, bytes_of_panels: usize, rows_of_kernel: usize) -> usize {
    let (bytes, least) =
        if bytes_of_panels <= CACHED_BYTES { (SMALL_CHUNK_BYTES, 1) } else { (LARGE_CHUNK_BYTES, 4) };
    (bytes / bytes_of_row / rows_of_kernel).max(least) * rows_of_kernel
}

/// Kernels for `smallest` and for `largest` rows that take the same number of blocks, as many as there are.
fn choose<T>(
    kernels: ByRows<T>,
    smallest: usize,
    largest: usize,
    blocks: usize,
) -> Option<(usize, Kernel<T>, Kernel<T>)> {
    let of_smallest = kernels.get(smallest.checked_sub(1)?)?;
    let of_largest = kernels.get(largest.checked_sub(1)?)?;
    of_smallest.iter().find_map(|(kernel, taken)| {
        let (larger, _) = of_largest.iter().find(|(_, other)| other == taken)?;
        (*taken <= blocks).then_some((*taken, *kernel, *larger))
    })
}

/// Blocks of some rows that belong to several outputs, or only in part to any: they pass through a buffer of
/// `[block][row][column of the block]`.
struct Exchange {
    rows: Range<usize>,
    first_block: usize,
    taken: usize,
}

impl Exchange {
    /// Before the kernel (`BEFORE`), fills the buffer with what sums start at; after it, writes the sums.
    ///
    /// # Safety
    ///
    /// The outputs are writable for the rows.
    unsafe fn run<T: Element, const BEFORE: bool>(
        &self,
        buffer: &mut [T],
        targets: &[Target<T>],
        outputs: impl Iterator<Item = Output<T>>,
    ) {
        if BEFORE {
            buffer.fill(T::ZERO);
        }
        let end = (self.first_block + self.taken) * T::BLOCK;
        for output in outputs {
            if output.columns.start >= end {
                break;
            }
            for (index, target) in targets.iter().enumerate().take(self.taken) {
                if !target.destination.is_null() || (BEFORE && !output.accumulate) {
                    continue;
                }
                let block = (self.first_block + index) * T::BLOCK;
                let from = output.columns.start.max(block);
                let until = output.columns.end.min(block + T::BLOCK);
                for (line, row) in self.rows.clone().enumerate() {
                    for column in from..until {
                        let place = (index * self.rows.len() + line) * T::BLOCK + column - block;
                        let Some(number) = buffer.get_mut(place) else { continue };
                        // SAFETY: `row` is one of the rows, `column` one of the output's columns.
                        let there = unsafe {
                            output.destination.add(row * output.row_stride + column - output.columns.start)
                        };
                        // SAFETY: as above.
                        unsafe {
                            if BEFORE {
                                *number = there.read();
                            } else {
                                there.write(*number);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `0..total` in the fewest parts of at most `most`, whose lengths differ by one at most, the longer ones first.
#[derive(Clone, Copy)]
struct Balanced {
    start: usize,
    length: usize,
    longer: usize,
    parts: usize,
}

impl Balanced {
    #[inline]
    fn new(total: usize, most: usize) -> Self {
        if total <= most {
            // Without a division: a product of one row has time for few.
            return Self { start: 0, length: total, longer: 0, parts: 1 };
        }
        let parts = total.div_ceil(most).max(1);
        Self { start: 0, length: total / parts, longer: total % parts, parts }
    }

    #[inline]
    fn smallest(&self) -> usize {
        self.length
    }

    #[inline]
    fn largest(&self) -> usize {
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
