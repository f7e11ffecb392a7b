//! The loops around the micro-kernels, of products and of sums of outer products alike.
//!
//! ```text
//! for piece of the depth                      all of it, but for long panels that come from far away
//!     for chunk of rows                       few where what kernels share stays in a cache, see `rows_of_chunk`
//!         for group of blocks                 its lines come to L1 once per chunk
//!             for part of the piece           all of it in a product; so much that what the kernels share stays in L1, of outer ones
//!                 for rows of a micro-kernel  balanced: 32 rows are 11, 11 and 10
//!                     kernel                  by way of a buffer where the last block is not full
//! ```
//!
//! Later parts of the depth add to what the first has given.
//!
//! [`walk`] says which kernels run where. Rows and columns are those of the result.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::Element;
use super::soon::fetch;
use crate::cache;

/// Bytes of the operand with a row for each row of the result that one chunk of rows may have, while what they all read is
/// near: some of L1.
const SMALL_CHUNK_BYTES: usize = cache::L1 / 4;
/// The same while what they all read is far away.
const LARGE_CHUNK_BYTES: usize = cache::L2 / 4;
/// The most rows of a kernel.
pub(super) const MAXIMUM_ROWS: usize = 14;
/// The most numbers that a kernel gives at once: so many rows of two blocks of f32.
const MAXIMUM_NUMBERS: usize = MAXIMUM_ROWS * 2 * 16;

/// What one run of a kernel gives.
#[derive(Clone, Debug)]
pub(super) struct Part<K> {
    pub(super) kernel: K,
    /// Its first row.
    pub(super) row: usize,
    /// Its first block.
    pub(super) block: usize,
    /// Where its sums begin and end, of the depth.
    pub(super) depth: Range<usize>,
    pub(super) shape: Shape,
    /// Which part of its chunk it is, and how many there are.
    pub(super) place: (usize, usize),
    /// Whether its chunk is the last.
    pub(super) last: bool,
}

/// Numbers of a result that one kernel gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Rows of the kernel.
    rows: usize,
    /// Its blocks.
    blocks: usize,
    /// Columns of them that there are, where the last block is not full.
    pub(super) edge: Option<usize>,
}

/// Kernels, `kernels[rows - 1]` for so many rows, each with the number of blocks it takes at once, of which [`tables_hold`];
/// and how rows are dealt out to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dealt<K: 'static> {
    pub(super) kernels: &'static [&'static [(K, usize)]],
    /// Rows that a kernel gets at most.
    pub(super) at_once: usize,
    /// How much of the depth all rows and columns pass over at most before the next of it.
    pub(super) piece: usize,
    /// How much of that a kernel gets at most.
    pub(super) depth_at_once: usize,
    /// Whether what all rows read is near enough to be read for every few of them.
    pub(super) near: bool,
}

/// Says the parts of a result of so many rows and columns, whose sums have so much `depth`, in order: together they are every
/// number of it once for each part of the depth, earlier parts first.
///
/// Of a part with `r` rows and `b` blocks, where the rows begin at row `i` and the blocks at block `j`: `i + r <= rows` and
/// `j + b` is at most the number of blocks; its kernel is for `r` and `b`; `j` is even if `b > 1`; `edge` is given where block
/// `j + b - 1` is not full.
#[inline]
pub(super) fn walk<T: Element, K: Copy>(
    dealt: Dealt<K>,
    (rows, depth, columns): (usize, usize, usize),
    mut say: impl FnMut(Part<K>),
) {
    let Dealt { kernels, at_once, depth_at_once, .. } = dealt;
    if rows == 0 || columns == 0 {
        return;
    }
    let blocks = columns.div_ceil(T::BLOCK);
    for piece in Balanced::new(depth, dealt.piece) {
        for chunk in Balanced::new(rows, dealt.rows_of_chunk::<T>(rows, piece.len())) {
            let small = Balanced::new(chunk.len(), at_once);
            let mut block = 0;
            while block < blocks {
                // All groups before had an even number of blocks, so one of several blocks begins at an even one. There is
                // always a kernel: one of one block ends each list (`tables_hold`).
                let Some((taken, kernel, larger)) =
                    choose(kernels, small.smallest(), small.largest(), blocks - block)
                else {
                    return;
                };
                let column = block * T::BLOCK;
                let edge = (column + taken * T::BLOCK > columns).then_some(columns - column);
                for depth in Balanced::new(piece.len(), depth_at_once) {
                    for (index, part) in small.enumerate() {
                        say(Part {
                            kernel: if part.len() == small.smallest() { kernel } else { larger },
                            row: chunk.start + part.start,
                            block,
                            depth: piece.start + depth.start..piece.start + depth.end,
                            shape: Shape { rows: part.len(), blocks: taken, edge },
                            place: (index, small.parts),
                            last: chunk.end == rows,
                        });
                    }
                }
                block += taken;
            }
        }
    }
}

impl Shape {
    /// Rows of its kernel.
    #[inline]
    pub(super) fn rows(self) -> usize {
        self.rows
    }

    /// Its blocks, full or not.
    #[inline]
    pub(super) fn blocks(self) -> usize {
        self.blocks
    }

    /// Asks for the part of a result that begins at `first`, its rows so many numbers apart: a hint. A kernel would wait for
    /// each of its rows before it begins, where the result lies in no cache.
    #[inline]
    pub(super) fn fetch<T: Element>(self, first: *const T, stride: usize) {
        self.lines::<T>(stride).for_each(|line| fetch(first.wrapping_add(line).cast()));
    }

    /// Where blocks begin, each 64 bytes, from the first number of the part.
    #[inline]
    pub(super) fn lines<T: Element>(self, stride: usize) -> impl Iterator<Item = usize> {
        let row = move |row: usize| (0..self.blocks).map(move |block| row * stride + block * T::BLOCK);
        (0..self.rows).flat_map(row)
    }

    /// Runs a kernel whose last block has columns that the result has not: it passes through a buffer of `[row][column]`. The
    /// kernel is given the first number of the buffer, where what sums `start` at was put unless it is null, and the numbers
    /// from one row of it to the next.
    ///
    /// # Safety
    ///
    /// The kernel writes all rows and blocks of the shape there, and reads none of them before if `start` is null. Start, unless
    /// it is null, and result have `rows` rows of `columns` numbers, their strides apart, where `columns` is that of `edge`. The
    /// shape is that of a kernel of [`walk`].
    #[inline(never)]
    pub(super) unsafe fn at_edge<T: Element>(
        self,
        columns: usize,
        (start, start_stride): (*const T, usize),
        (result, result_stride): (*mut T, usize),
        kernel: impl FnOnce(*mut T, usize),
    ) {
        let mut buffer = [const { MaybeUninit::<T>::uninit() }; MAXIMUM_NUMBERS];
        let stride = self.blocks * T::BLOCK;
        debug_assert!(self.rows * stride <= MAXIMUM_NUMBERS && columns <= stride);
        let within: *mut T = buffer.as_mut_ptr().cast();
        // Else the kernel writes before anyone reads.
        if !start.is_null() {
            buffer[..self.rows * stride].fill(MaybeUninit::new(T::ZERO));
            for row in 0..self.rows {
                // SAFETY: a row of the start; one of the buffer, which has room for every kernel of `walk`: `tables_hold`.
                unsafe {
                    start.add(row * start_stride).copy_to_nonoverlapping(within.add(row * stride), columns);
                }
            }
        }
        kernel(within, stride);
        for row in 0..self.rows {
            // SAFETY: a row of the buffer, as above, and one of the result.
            unsafe {
                within.add(row * stride).copy_to_nonoverlapping(result.add(row * result_stride), columns);
            }
        }
    }
}

impl<K> Dealt<K> {
    /// How many of so many rows, with so many numbers of each, pass over what they all read together. Few, so that it stays in L1 and the result is written row
    /// by row, unless every pass has to fetch what they read from far away.
    #[inline]
    pub(super) fn rows_of_chunk<T>(&self, rows: usize, depth: usize) -> usize {
        if rows <= self.at_once {
            return rows;
        }
        let (bytes, least) = if self.near { (SMALL_CHUNK_BYTES, 1) } else { (LARGE_CHUNK_BYTES, 4) };
        // Without rows or columns nothing has bounded the depth.
        let bytes_of_row = depth.saturating_mul(size_of::<T>());
        (bytes / bytes_of_row.max(1) / self.at_once).max(least) * self.at_once
    }
}

/// What [`walk`] and [`Shape::at_edge`] rely on, asked of every table of kernels when it is compiled. No kernel has more rows or
/// numbers than there is room for at an edge. Each list begins with the most blocks and ends with one. An odd number of blocks above
/// one follows the number above it in its list: so it is chosen for the last group only, and every group of several blocks begins
/// at an even one.
pub(super) const fn tables_hold<T: Element, K>(by_rows: &[&[(K, usize)]]) -> bool {
    let mut rows = 0;
    while rows < by_rows.len() {
        let list = by_rows[rows];
        rows += 1;
        if list.is_empty() || list[list.len() - 1].1 != 1 {
            return false;
        }
        let mut index = 0;
        while index < list.len() {
            let blocks = list[index].1;
            let before = if index > 0 { list[index - 1].1 } else { usize::MAX };
            let odd = blocks > 1 && blocks % 2 == 1;
            if blocks >= before || (odd && before != blocks + 1) {
                return false;
            }
            if rows * blocks * T::BLOCK > MAXIMUM_NUMBERS {
                return false;
            }
            index += 1;
        }
    }
    !by_rows.is_empty() && by_rows.len() <= MAXIMUM_ROWS
}

/// Kernels for `smallest` and for `largest` rows that take the same number of blocks, as many as there are.
fn choose<K: Copy>(
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

#[cfg(test)]
mod tests {
    use super::tables_hold;

    #[test]
    fn tables_that_kernels_cannot_keep_are_refused() {
        let holds = |lists: &[&[usize]]| {
            let lists: Vec<Vec<((), usize)>> =
                lists.iter().map(|list| list.iter().map(|&blocks| ((), blocks)).collect()).collect();
            tables_hold::<f32, _>(&lists.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        assert!(holds(&[&[8, 4, 3, 2, 1], &[4, 2, 1], &[1]]));
        // No kernel for a last block, none at all, not the most first.
        assert!(!holds(&[]) && !holds(&[&[4, 2]]) && !holds(&[&[2, 1], &[]]) && !holds(&[&[2, 4, 1]]));
        // After three blocks would come two that begin at an odd one.
        assert!(!holds(&[&[3, 2, 1]]) && !holds(&[&[8, 3, 1]]));
        // More than an edge has room for: 15 rows, or 7 rows of 5 blocks.
        assert!(holds(&[&[2, 1][..]; 14]) && !holds(&[&[1][..]; 15]));
        assert!(!holds(&[&[1], &[1], &[1], &[1], &[1], &[1], &[6, 5, 1]]));
    }
}
