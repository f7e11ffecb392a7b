//! Products by a packed matrix: which kernel runs on which part of the operands.
//!
//! [`nest`] says all [calls](Call) of a product, one for each part of its result ([`walk`]), or several where sums are so long
//! that a panel would fill L2.
//!
//! [`Call::run`] runs one, and before it the result of the next one is asked for, unless it is near. What runs at every step of
//! a sequence is said once and kept, see [`super::multiply::Product`].

use super::kernel::{Arguments, Kernel};
use super::packed::columns_of_panel;
use super::soon::{Ahead, Soon};
use super::walk::{Dealt, Part, Shape, walk};
use super::{Element, Packed};
use crate::cache::{self, LINE, stays_in_l2};
use crate::primitive::Level;

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
    /// The arguments of a kernel for a matrix of so many rows and a level, but for what [`Call::run`] puts in.
    #[inline(always)]
    pub(super) fn arguments(&self, depth: usize, level: Level) -> Arguments<T> {
        Arguments {
            left: self.left,
            left_stride: self.left_stride,
            right: std::ptr::null(),
            // Without columns nothing has bounded the rows.
            right_panel: depth.wrapping_mul(columns_of_panel::<T>(level)),
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
    /// Length of its sums.
    depth: usize,
    /// What it asks for of the next group.
    ahead: Share,
    result: usize,
    /// Where sums start; `None` where they go on from what the result holds of an earlier piece.
    start: Option<usize>,
    shape: Shape,
}

/// Numbers from one row to the next, of each operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) left: usize,
    pub(super) result: usize,
    pub(super) start: usize,
}

/// Most depth of a piece where the matrix does not stay in L2: this panel, the next one that is asked for meanwhile, and the rows of
/// the left operand must have room there together.
const PIECE: usize = cache::L2 / 8 / (2 * LINE);

/// Blocks of a matrix whose sums are two chains each: with one row, sums would else be too few to hide the latency of an
/// addition.
const NARROW: usize = 2;

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
    let mut arguments = operands.arguments(right.rows(), right.level());
    let mut run = |call: Call<T>| {
        // Kernels of one row ask for nothing, and take nothing from what others could ask for.
        if rows > 1 {
            arguments.ahead = call.ahead(right, soon);
        }
        // SAFETY: a call of `nest` for these operands, whose validity is the caller's promise.
        unsafe { call.run(&operands, right.panels().as_ptr(), &mut arguments) };
    };
    let mut said: Option<Call<T>> = None;
    let far = is_far::<T>(rows, strides.result);
    nest(right, rows, strides, |call| {
        if let Some(before) = said.replace(call) {
            if far {
                call.fetch_result(operands);
            }
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

/// Says every call of a product by a matrix that has rows: together they give every number of the result, piece by piece of the
/// depth, all that is of one piece before the next. `strides` are those of its operands.
///
/// A call is for a [part](walk) of the result and one piece: `left` is the place in the left operand of the part's first row, from
/// the piece's first `k` on, `result` and `start` those of that row and the first column of its first block, `group` that of this
/// block in the panels, from the same `k` on; it begins a line of a panel if there are several blocks.
#[inline]
pub(super) fn nest<T: Element>(
    right: Packed<'_, T>,
    rows: usize,
    strides: Strides,
    mut say: impl FnMut(Call<T>),
) {
    let (depth, columns) = (right.rows(), right.columns());
    let kernels = T::kernels(right.level());
    let narrow = columns.div_ceil(T::BLOCK) <= NARROW;
    let kernels = if narrow { kernels.by_rows_narrow } else { kernels.by_rows };
    let near = is_near(right);
    // Two chains are added up in the end, so that their sums are in one piece. With one row nothing is passed over twice.
    let whole = near || narrow || rows == 1;
    let piece = if whole { depth } else { PIECE };
    let dealt = Dealt { kernels, at_once: kernels.len(), piece, depth_at_once: piece, near };
    walk::<T, _>(dealt, (rows, depth, columns), |part| {
        let (row, column, first) = (part.row, part.block * T::BLOCK, part.depth.start);
        say(Call {
            kernel: part.kernel,
            left: row * strides.left + first,
            group: right.place_of(part.block, first),
            depth: part.depth.len(),
            ahead: Share::new(right, &part),
            result: row * strides.result + column,
            start: (first == 0).then_some(row * strides.start + column),
            shape: part.shape,
        });
    });
}

/// Lines of the next group's panels that a kernel asks for, so that weights that lie in L3 are in L2 when they are read. Every
/// kernel of a group asks for as many, a few in each round: a core has room for a dozen lines that are under way.
///
/// ```text
/// kernels of a group      1              2               3
/// group 0 asks for        thirds of group 1, one after the other
/// group 1 asks for        thirds of group 2
/// the last one            thirds of group 0: of the next piece of the depth, for the next rows, or for the next step
/// ```
///
/// `first` and `second` are places in the panels, from which a kernel goes on by `step` bytes in each round. They are the same place
/// unless a share has more than a line for each round, or the kernel takes two panels. Where `step` is 0 nothing is asked for.
#[derive(Clone, Copy, Debug)]
struct Share {
    first: usize,
    second: usize,
    step: usize,
}

/// Whether a result of so many rows, so many numbers apart, is taken not to be in L2 from the last time that it was written. To
/// ask for what is there takes a kernel of 11 rows a fiftieth of its time.
pub(super) fn is_far<T>(rows: usize, stride: usize) -> bool {
    !stays_in_l2(rows.saturating_mul(stride).saturating_mul(size_of::<T>()))
}

/// Whether a matrix is taken to stay in L2: nothing is gained then by asking for its panels. A larger one is passed over once for as
/// many rows as there is room for, since a core of many a server reads ten bytes a cycle from L3.
fn is_near<T: Element>(right: Packed<'_, T>) -> bool {
    stays_in_l2(size_of_val(right.panels()))
}

impl Share {
    /// Of the part of a product by `right` with this piece of its depth. If the next piece has a row more, that is not asked for.
    /// Kernels of two rows take two panels at once: they ask for a line in each round of both.
    fn new<T: Element, K>(right: Packed<'_, T>, part: &Part<K>) -> Self {
        if is_near(right) {
            return Self { first: 0, second: 0, step: 0 };
        }
        let (depth, piece, (index, parts)) = (right.rows(), &part.depth, part.place);
        // Of a panel, which has one or two.
        let blocks = right.level().blocks_of_panel();
        let share = (blocks * T::BLOCK * piece.len()).div_ceil(parts);
        // Rounds are as many as the piece of a panel has rows.
        let bytes = (share * size_of::<T>()).div_ceil(piece.len());
        let is_there = |block: usize| block * T::BLOCK < right.columns();
        let behind = (part.block + part.shape.blocks()).next_multiple_of(blocks);
        let (block, k) = if is_there(behind) {
            (behind, piece.start)
        } else if !part.last {
            (0, piece.start)
        } else {
            // After the last piece the matrix is begun again, at the next step.
            (0, if piece.end < depth { piece.end } else { 0 })
        };
        let of = |block: usize| right.place_of(block, k) + index * share;
        let first = of(block);
        let second = match part.shape.rows() {
            2 if is_there(block + blocks) => of(block + blocks),
            2 => first,
            _ if bytes > LINE => first + share / 2,
            _ => first,
        };
        Self { first, second, step: bytes.min(LINE) }
    }
}

impl<T: Element> Call<T> {
    /// Asks for the result, which the kernel reads or writes when it is run: a hint.
    #[inline]
    pub(super) fn fetch_result(&self, operands: Operands<T>) {
        self.shape.fetch(operands.result.wrapping_add(self.result).cast_const(), operands.result_stride);
    }

    /// Runs the kernel, with `arguments` that were made for these operands; what is fetched meanwhile is said in them.
    ///
    /// # Safety
    ///
    /// [`nest`] has said the call for matrices of this shape and level and for such strides; the operands are valid as for
    /// [`drive`], with as many rows; `panels` is the first number of those of the matrix.
    #[inline(always)]
    pub(super) unsafe fn run(&self, operands: &Operands<T>, panels: *const T, arguments: &mut Arguments<T>) {
        // SAFETY: a number of a row of the left operand, and the group begins within the panels.
        (arguments.left, arguments.right) = unsafe { (operands.left.add(self.left), panels.add(self.group)) };
        // SAFETY: a row and a column of the result.
        arguments.result = unsafe { operands.result.add(self.result) };
        arguments.depth = self.depth;
        (arguments.start, arguments.start_stride) = match self.start {
            None => (arguments.result.cast_const(), arguments.result_stride),
            // Null is no place to count from.
            Some(_) if operands.start.is_null() => (operands.start, operands.start_stride),
            Some(start) => (operands.start.wrapping_add(start), operands.start_stride),
        };
        match self.shape.edge {
            // SAFETY: the kernel is for this number of rows and blocks, which the operands and the panels have from here
            // on. There is a `Packed` only of a level that this machine can run.
            None => unsafe { (self.kernel)(arguments) },
            // SAFETY: as above; of start and result there are so many columns from here on.
            Some(columns) => unsafe { self.run_at_edge(columns, arguments) },
        }
    }

    /// As [`Call::run`] where start and result have so many columns, fewer than the blocks.
    ///
    /// # Safety
    ///
    /// As for [`Kernel`], but for that.
    #[inline(never)]
    unsafe fn run_at_edge(&self, columns: usize, arguments: &Arguments<T>) {
        let Arguments { start, start_stride, result, result_stride, .. } = *arguments;
        let kernel = |buffer: *mut T, stride| {
            let start = if start.is_null() { start } else { buffer.cast_const() };
            let within = Arguments {
                result: buffer,
                result_stride: stride,
                start,
                start_stride: stride,
                ..*arguments
            };
            // SAFETY: the caller's promise; the buffer has as many rows and blocks as the kernel.
            unsafe { (self.kernel)(&within) };
        };
        // SAFETY: the caller's promise; `walk` has given the shape.
        unsafe { self.shape.at_edge(columns, (start, start_stride), (result, result_stride), kernel) };
    }

    /// What the kernel asks for while it runs: what is read `soon`, else its share of the next panels.
    #[inline]
    pub(super) fn ahead(&self, right: Packed<'_, T>, soon: &mut Soon) -> [Ahead; 2] {
        let Share { first, second, step } = self.ahead;
        let panel = |place| Ahead { first: right.panels().as_ptr().wrapping_add(place).cast(), step };
        let first = soon.take(self.depth).unwrap_or_else(|| panel(first));
        // Kernels of two chains ask for the first alone.
        let narrow = right.columns() <= NARROW * T::BLOCK;
        [first, if narrow { first } else { soon.take(self.depth).unwrap_or_else(|| panel(second)) }]
    }
}

#[cfg(test)]
mod tests {
    use super::{Strides, nest};
    use crate::matmul::PackedMatrix;
    use crate::primitive::Level;

    /// A matrix for each level that this machine has: how many rows and blocks a kernel takes is another thing on each.
    fn matrices(rows: usize, columns: usize) -> impl Iterator<Item = PackedMatrix<f32>> {
        let levels = Level::ALL.into_iter().filter(|level| level.is_available());
        levels.map(move |level| PackedMatrix::zeroed_for(level, rows, columns).expect("small"))
    }

    fn strides(result: usize) -> Strides {
        Strides { left: 8200, result, start: result }
    }

    #[test]
    fn only_a_last_block_that_is_not_full_passes_through_a_buffer() {
        for (columns, expected) in [(16, 0), (128, 0), (20, 1), (130, 1)] {
            for right in matrices(8, columns) {
                let mut edges = 0;
                nest(right.view(), 1, strides(columns), |call| {
                    edges += usize::from(call.shape.edge.is_some())
                });
                assert_eq!(edges, expected, "{columns} columns");
            }
        }
    }

    #[test]
    fn weights_that_do_not_stay_in_l2_are_passed_over_once() {
        for (depth, once) in [(64, false), (512, true)] {
            for right in matrices(depth, 2048) {
                let mut groups = Vec::new();
                nest(right.view(), 64, strides(2048), |call| groups.push(call.group));
                groups.dedup();
                let passed_over = groups.len();
                groups.sort_unstable();
                groups.dedup();
                assert_eq!(passed_over == groups.len(), once, "{depth} rows: {passed_over} groups");
                let of_panel = right.view().level().blocks_of_panel() * OF_LINE;
                groups.iter_mut().for_each(|group| *group /= depth * of_panel);
                groups.dedup();
                assert_eq!(groups, Vec::from_iter(0..2048 / of_panel), "{depth} rows");
            }
        }
    }

    /// Numbers of a line.
    const OF_LINE: usize = 16;

    #[test]
    fn every_line_of_a_panel_is_asked_for_before_it_is_read() {
        // In one piece and in three; whole panels, and one block of two.
        for (depth, columns) in [(1000, 160), (2501, 160), (1000, 144), (2501, 144)] {
            for rows in [2, 3, 15, 28, 32, 42, 64] {
                for right in matrices(depth, columns) {
                    let blocks = right.view().level().blocks_of_panel();
                    if rows == 2 && blocks == 2 {
                        // Two panels at once, of two lines each: a line of each is asked for.
                        continue;
                    }
                    // Numbers of a row of a panel.
                    let of_row = blocks * OF_LINE;
                    let mut asked = std::collections::HashSet::new();
                    let mut groups = std::collections::HashSet::new();
                    nest(right.view(), rows, strides(columns), |call| {
                        for panel in 0..call.shape.blocks().div_ceil(blocks) {
                            // A kernel of one block may read half of each row.
                            let panel = call.group / of_row * of_row + panel * depth * of_row;
                            let mut lines = panel / OF_LINE..(panel + call.depth * of_row) / OF_LINE;
                            // The first ones were asked for at the end of the step before.
                            if groups.insert(panel) && call.group >= of_row {
                                let missing = lines.find(|line| !asked.contains(line));
                                assert_eq!(missing, None, "{depth} by {rows} rows, panel at {panel}");
                            }
                        }
                        for first in [call.ahead.first, call.ahead.second] {
                            let bytes = |round: usize| round * call.ahead.step;
                            asked.extend((0..call.depth).map(|round| (first + bytes(round) / 4) / OF_LINE));
                        }
                    });
                    let (panels, pieces) = (columns.div_ceil(of_row), depth.div_ceil(1024));
                    assert_eq!(groups.len(), panels * pieces, "{depth} by {rows} rows");
                    // The last piece may be a row shorter than the first.
                    let first = depth / pieces * of_row / OF_LINE;
                    assert!(
                        (0..first).all(|line| asked.contains(&line)),
                        "{depth} by {rows} rows, the first panel"
                    );
                    // A kernel asks for a byte more in each round at most.
                    let most = panels * of_row * depth / OF_LINE + depth.div_ceil(64);
                    assert!(
                        asked.iter().all(|&line| line <= most),
                        "{depth} by {rows} rows: what nobody reads"
                    );
                }
            }
        }
    }

    #[test]
    fn long_panels_that_do_not_stay_in_l2_are_passed_over_in_pieces() {
        // Enough of a panel for 1024 rows; sums of one row are in one piece, and those of two chains.
        for (depth, columns, rows, pieces) in
            [(1024, 160, 32, 1), (1025, 160, 32, 2), (4096, 160, 3, 4), (4096, 160, 1, 1), (8192, 32, 16, 1)]
        {
            for right in matrices(depth, columns) {
                let mut calls = Vec::new();
                nest(right.view(), rows, strides(columns), |call| calls.push(call));
                let begun = calls.iter().filter(|call| call.start.is_some()).count();
                assert_eq!(calls.len(), begun * pieces, "{depth} by {columns}, {rows} rows");
                // No part goes on before it has begun, and each has all of the depth, in order.
                let mut done = std::collections::HashMap::new();
                for call in &calls {
                    let so_far = done.entry((call.result, call.shape.blocks())).or_insert(0);
                    assert_eq!(call.start, (*so_far == 0).then_some(call.result));
                    assert_eq!(call.left % 8200, *so_far);
                    *so_far += call.depth;
                }
                assert!(done.len() == begun && done.values().all(|&depths| depths == depth));
            }
        }
    }

    #[test]
    fn the_results_of_all_calls_are_the_whole_result() {
        for (rows, columns) in [(1, 16), (32, 64), (33, 130), (300, 48)] {
            for right in matrices(8, columns) {
                let stride = columns.next_multiple_of(16);
                let mut asked = Vec::new();
                nest(right.view(), rows, strides(stride), |call| {
                    asked.extend(call.shape.lines::<f32>(stride).map(|line| call.result + line));
                });
                asked.sort_unstable();
                let every: Vec<usize> = (0..rows * stride).step_by(16).collect();
                assert_eq!(asked, every, "{rows} rows of {columns} columns");
            }
        }
    }
}
