//! Products by a packed matrix: which kernel runs on which part of the operands.
//!
//! [`nest`] says all [calls](Call) of a product, one for each part of its result ([`walk`]). [`Call::run`] runs one, and before
//! it the result of the next one is asked for. What runs at every step of a sequence is said once and kept, see
//! [`super::multiply::Product`].

use super::kernel::{Arguments, Kernel};
use super::soon::{Ahead, Soon};
use super::walk::{Dealt, Shape, walk};
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
    shape: Shape,
}

/// Numbers from one row to the next, of each operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) left: usize,
    pub(super) result: usize,
    pub(super) start: usize,
}

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
        // Without rows or columns nothing has bounded the other.
        bytes_of_row: depth.saturating_mul(size_of::<T>()),
        bytes_of_all: size_of_val(right.panels()),
    };
    walk::<T, _>(dealt, (rows, columns), |part| {
        let (row, block, column) = (part.row, part.block, part.block * T::BLOCK);
        let group = (block / 2) * depth * T::PANEL + (block % 2) * T::BLOCK;
        say(Call {
            kernel: part.kernel,
            left: row * strides.left,
            group,
            ahead: halves_ahead(group, depth * T::PANEL, part.place),
            result: row * strides.result + column,
            start: row * strides.start + column,
            shape: part.shape,
        });
    });
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
            nest(right.view(), rows, strides(stride), |call| {
                asked.extend(call.shape.lines::<f32>(stride).map(|line| call.result + line));
            });
            asked.sort_unstable();
            let every: Vec<usize> = (0..rows * stride).step_by(16).collect();
            assert_eq!(asked, every, "{rows} rows of {columns} columns");
        }
    }
}
