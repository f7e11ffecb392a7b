//! Products by a packed matrix: which kernel runs on which part of the operands.
//!
//! [`nest`] says all [calls](Call) of a product, one for each part of its result ([`walk`]). [`Call::run`] runs one, and before
//! it the result of the next one is asked for. What runs at every step of a sequence is said once and kept, see
//! [`super::multiply::Product`].

use super::kernel::{Arguments, Kernel};
use super::soon::{Ahead, LINE, Soon};
use super::walk::{Dealt, Part, Shape, walk};
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
    /// What it asks for of the next group.
    ahead: Share,
    result: usize,
    /// Where sums start.
    start: usize,
    shape: Shape,
}

/// Numbers from one row to the next, of each operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) left: usize,
    pub(super) result: usize,
    pub(super) start: usize,
}

/// Bytes of a matrix that is taken to stay in L2, half of a common one. Nothing is gained by asking for its panels. A larger one
/// is passed over once for as many rows as there is room for, since a core of many a server reads ten bytes a cycle from L3.
const NEAR_BYTES: usize = 512 << 10;

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
/// A call is for a [part](walk) of the result: `left` is the place of its first row in the left operand, `result` and `start`
/// those of that row and the first column of its first block, `group` that of this block in the panels, which begins a panel
/// if there are several.
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
    let dealt = Dealt {
        kernels,
        at_once: rows_at_once(strides.left.wrapping_mul(size_of::<T>()), kernels.len()),
        depth,
        depth_at_once: depth,
        near: is_near(right),
    };
    walk::<T, _>(dealt, (rows, columns), |part| {
        let (row, block, column) = (part.row, part.block, part.block * T::BLOCK);
        let group = (block / 2) * depth * T::PANEL + (block % 2) * T::BLOCK;
        say(Call {
            kernel: part.kernel,
            left: row * strides.left,
            group,
            ahead: Share::new(right, group, &part),
            result: row * strides.result + column,
            start: row * strides.start + column,
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
/// the last one            thirds of group 0, for the next step
/// ```
///
/// In each round a kernel goes on by `step` bytes, from `first` and from `second`, in numbers from the first of the panels: both
/// are the same place unless there is more than a line to ask for.
#[derive(Clone, Copy, Debug)]
struct Share {
    first: usize,
    second: usize,
    step: usize,
}

/// Whether a matrix is taken to stay in L2.
fn is_near<T: Element>(right: Packed<'_, T>) -> bool {
    size_of_val(right.panels()) <= NEAR_BYTES
}

impl Share {
    /// Of the part of a product by `right` whose group begins at `group`.
    fn new<T: Element, K>(right: Packed<'_, T>, group: usize, part: &Part<K>) -> Self {
        if is_near(right) {
            // A line that was just read.
            return Self { first: group, second: group, step: 0 };
        }
        let (depth, (index, parts)) = (right.rows(), part.place);
        let length = part.shape.panels() * depth * T::PANEL;
        // After the last group the matrix is begun again, at the next step.
        let next = if group + length < right.panels().len() { group + length } else { 0 };
        let share = length.div_ceil(parts);
        let first = next + index * share;
        // Rounds are as many as a panel has lines of 128 bytes.
        let bytes = (share * size_of::<T>()).div_ceil(depth);
        if bytes <= LINE {
            return Self { first, second: first, step: bytes };
        }
        Self { first, second: first + share / 2, step: LINE }
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
        // SAFETY: the first number of a row of the left operand, and the group begins within the panels.
        (arguments.left, arguments.right) = unsafe { (operands.left.add(self.left), panels.add(self.group)) };
        // SAFETY: a row and a column of the result.
        arguments.result = unsafe { operands.result.add(self.result) };
        if !operands.start.is_null() {
            // Null is no place to count from.
            arguments.start = operands.start.wrapping_add(self.start);
        }
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
        let first = soon.take(right.rows()).unwrap_or_else(|| panel(first));
        // Kernels of two chains ask for the first alone.
        let narrow = right.columns() <= NARROW * T::BLOCK;
        [first, if narrow { first } else { soon.take(right.rows()).unwrap_or_else(|| panel(second)) }]
    }
}

/// How many rows a kernel gets at most. Rows a multiple of 4096 bytes apart fall on the same set of a cache; with more
/// than ten, L1 loses them between one `k` and the next (14 rows reach 76 % of the peak, 10 reach 98 %).
#[inline]
fn rows_at_once(bytes_between_rows: usize, rows_of_kernel: usize) -> usize {
    if bytes_between_rows.is_multiple_of(4096) { rows_of_kernel.min(10) } else { rows_of_kernel }
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
            nest(right.view(), 1, strides(columns), |call| edges += usize::from(call.shape.edge.is_some()));
            assert_eq!(edges, expected, "{columns} columns");
        }
    }

    #[test]
    fn weights_that_do_not_stay_in_l2_are_passed_over_once() {
        for (depth, once) in [(64, false), (512, true)] {
            let right = PackedMatrix::<f32>::zeroed(depth, 2048).expect("small");
            let mut groups = Vec::new();
            nest(right.view(), 64, strides(2048), |call| groups.push(call.group));
            groups.dedup();
            assert_eq!(groups.len() == 64, once, "{depth} rows in {} groups", groups.len());
        }
    }

    #[test]
    fn every_line_of_a_panel_is_asked_for_before_it_is_read() {
        const DEPTH: usize = 1100;
        // Numbers of a line, and of a panel.
        const OF_LINE: usize = 16;
        const PANEL: usize = DEPTH * 2 * OF_LINE;
        for rows in [3, 15, 28, 32, 42, 64] {
            let right = PackedMatrix::<f32>::zeroed(DEPTH, 128).expect("small");
            let mut asked = std::collections::HashSet::new();
            let mut groups = std::collections::HashSet::new();
            nest(right.view(), rows, strides(128), |call| {
                if groups.insert(call.group) && call.group > 0 {
                    // The first one was asked for at the end of the step before.
                    let missing =
                        (call.group..call.group + PANEL).find(|place| !asked.contains(&(place / OF_LINE)));
                    assert_eq!(missing, None, "{rows} rows, panel at {}", call.group);
                }
                for first in [call.ahead.first, call.ahead.second] {
                    asked.extend((0..DEPTH).map(|round| (first + round * call.ahead.step / 4) / OF_LINE));
                }
            });
            assert_eq!(groups.len(), 4, "{rows} rows");
            assert!(
                (0..PANEL).all(|place| asked.contains(&(place / OF_LINE))),
                "{rows} rows, the first panel"
            );
            // A kernel asks for a byte more in each round at most.
            let most = 4 * PANEL / OF_LINE + DEPTH.div_ceil(64);
            assert!(asked.iter().all(|&line| line <= most), "{rows} rows: what nobody reads");
        }
    }

    #[test]
    fn the_result_of_every_call_is_asked_for_once() {
        for (rows, columns) in [(1, 16), (32, 64), (33, 130), (300, 48)] {
            let right = PackedMatrix::<f32>::zeroed(8, columns).expect("small");
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
