//! Kernels for sums of outer products, `result += left^T right`, where row `k` of both operands belongs together.
//!
//! ```text
//! for k in 0..depth
//!     for v in 0..REGISTERS       b[v] = right[k][v]
//!     for row in 0..ROWS          a = left[k][row] in every lane: columns of the left operand, a cache line for each k
//!         for v in 0..REGISTERS   sum[row][v] = a * b[v] + sum[row][v]
//! ```
//!
//! [`walk`] says which of them run where: a few rows of both operands at a time, so many that what the kernels of all rows of
//! the result read of the right operand stays in L1 ([`deal`]); later sums go on from the result.
//!
//! Both operands are read row by row as sequences leave them, so a right operand needs no packing where its columns are whole
//! lines of a cache: `k` by `k` a kernel reads a few of them, which lie as far apart as its rows ([`Right::in_place`]).
//! Otherwise it is packed, and what a kernel reads lies side by side.

use super::kernel::place_of;
use super::packed::columns_of_panel;
use super::walk::{Dealt, Shape, tables_hold, walk};
use super::{Element, Packed};
use crate::cache;
use crate::primitive::Level;
use crate::primitive::tile::Register;

/// What a kernel works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<T> {
    /// The first number at `k = 0`.
    pub(super) left: *const T,
    /// Numbers from one `k` to the next.
    pub(super) left_stride: usize,
    /// The first block at `k = 0`.
    pub(super) right: *const T,
    /// Numbers from one `k` to the next.
    pub(super) right_stride: usize,
    /// Numbers from one panel to the next.
    pub(super) right_panel: usize,
    /// Length of the sums, at least 1.
    pub(super) depth: usize,
    /// The first number of the first row of the result.
    pub(super) result: *mut T,
    /// Numbers from one of its rows to the next.
    pub(super) result_stride: usize,
}

/// A kernel for a number of rows and of blocks that is known where its pointer is.
///
/// # Safety
///
/// With `r` rows and `b` blocks: the left operand is readable for `depth` rows of `r` numbers; of the right one, at each `k`,
/// `b` blocks are readable, in panels as of a matrix packed for its level, `right_panel` apart, the first of a panel the first;
/// the result is readable and writable for `r` rows of `b` blocks, which share no numbers with the operands or each other; the
/// processor has the instruction set of the kernel.
pub(super) type Kernel<T> = unsafe fn(arguments: &Arguments<T>);

/// Kernels by the number of rows they take, as [`super::kernel::Kernels`] has them.
pub(super) type ByRows<T> = &'static [&'static [(Kernel<T>, usize)]];

/// Rounds that are one in code, by the number of sums: see [`super::kernel`].
const fn rounds_at_once(sums: usize) -> usize {
    if sums <= 12 { 4 } else { 1 }
}

/// The inner loops above.
///
/// # Safety
///
/// As for [`Kernel`], with `ROWS` rows and `REGISTERS` registers' worth of blocks.
#[inline(always)]
unsafe fn tile<R: Register, const ROWS: usize, const REGISTERS: usize, const PANEL: usize>(
    arguments: &Arguments<R::Scalar>,
) {
    let Arguments { right, depth, result, result_stride, .. } = *arguments;
    // SAFETY: depth >= 1, so the first block is readable; the caller has the instruction set.
    let zero = unsafe { R::load(right) }.splat(R::Scalar::default());
    let mut sums = [[zero; REGISTERS]; ROWS];
    for (row, sums) in sums.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: register `v` of row `row` of the result, which has as many.
            *sum = unsafe { R::load(result.add(row * result_stride + v * R::COUNT)) };
        }
    }
    let rounds = const { rounds_at_once(ROWS * REGISTERS) };
    let whole = depth - depth % rounds;
    for k in (0..whole).step_by(rounds) {
        for later in 0..rounds {
            // SAFETY: k + later < whole <= depth; the rest is the caller's promise.
            unsafe { round::<R, ROWS, REGISTERS, PANEL>(arguments, zero, k + later, &mut sums) };
        }
    }
    for k in whole..depth {
        // SAFETY: k < depth; the rest is the caller's promise.
        unsafe { round::<R, ROWS, REGISTERS, PANEL>(arguments, zero, k, &mut sums) };
    }
    for (row, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: register `v` of row `row` of the result, which has as many.
            unsafe { sum.store(result.add(row * result_stride + v * R::COUNT)) };
        }
    }
}

/// What [`tile`] does for one `k`.
///
/// # Safety
///
/// As for [`Kernel`], with `ROWS` rows and `REGISTERS` registers' worth of blocks; `k < depth`.
#[inline(always)]
unsafe fn round<R: Register, const ROWS: usize, const REGISTERS: usize, const PANEL: usize>(
    arguments: &Arguments<R::Scalar>,
    zero: R,
    k: usize,
    sums: &mut [[R; REGISTERS]; ROWS],
) {
    let Arguments { left, left_stride, right, right_stride, right_panel, .. } = *arguments;
    let mut factors = [zero; REGISTERS];
    for (v, factor) in factors.iter_mut().enumerate() {
        // SAFETY: row `k` of the right operand, k < depth.
        *factor = unsafe { R::load(right.add(k * right_stride + place_of::<R, PANEL>(v, right_panel))) };
    }
    for (row, sums) in sums.iter_mut().enumerate() {
        // SAFETY: row < ROWS, k < depth: within the left operand.
        let number = zero.splat(unsafe { *left.add(k * left_stride + row) });
        for (sum, factor) in sums.iter_mut().zip(factors) {
            *sum = number.multiply_add(factor, *sum);
        }
    }
}

/// Instances of [`tile`] for one level and type: a function per number of rows, and the table of them.
macro_rules! instances {
    (
        $module:ident, $level:ident, $scalar:ident, $register:ty, per_block $per_block:literal, features $($feature:literal)*,
        rows $(($rows:literal $(, $blocks:literal)*))*
    ) => {
        pub(super) mod $module {
            use super::{Arguments, ByRows, Level, tables_hold, tile};

            $(#[target_feature(enable = $feature)])*
            unsafe fn run<const ROWS: usize, const REGISTERS: usize>(arguments: &Arguments<$scalar>) {
                // SAFETY: the caller's promise, see `Kernel`.
                unsafe { tile::<$register, ROWS, REGISTERS, { Level::$level.blocks_of_panel() }>(arguments) }
            }

            pub(in crate::matmul) const KERNELS: ByRows<$scalar> =
                &[$(&[$((run::<$rows, { $blocks * $per_block }>, $blocks)),*]),*];

            const _: () = assert!(tables_hold::<$scalar, _>(KERNELS));
        }
    };
}

#[cfg(target_arch = "x86_64")]
instances!(avx512_f32, Avx512, f32, crate::primitive::x86::F32x16, per_block 1, features "avx512f" "avx2" "fma",
    rows (1, 8, 4, 3, 2, 1) (2, 4, 3, 2, 1) (3, 4, 3, 2, 1) (4, 4, 3, 2, 1) (5, 4, 3, 2, 1) (6, 4, 3, 2, 1) (7, 2, 1) (8, 2, 1) (9, 2, 1) (10, 2, 1) (11, 2, 1)
        (12, 2, 1) (13, 2, 1) (14, 2, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx512_f64, Avx512, f64, crate::primitive::x86::F64x8, per_block 1, features "avx512f" "avx2" "fma",
    rows (1, 8, 4, 3, 2, 1) (2, 4, 3, 2, 1) (3, 4, 3, 2, 1) (4, 4, 3, 2, 1) (5, 4, 3, 2, 1) (6, 4, 3, 2, 1) (7, 2, 1) (8, 2, 1) (9, 2, 1) (10, 2, 1) (11, 2, 1)
        (12, 2, 1) (13, 2, 1) (14, 2, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx2_f32, Avx2, f32, crate::primitive::x86::F32x8, per_block 2, features "avx2" "fma",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx2_f64, Avx2, f64, crate::primitive::x86::F64x4, per_block 2, features "avx2" "fma",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1));
#[cfg(target_arch = "aarch64")]
instances!(neon_f32, Neon, f32, crate::primitive::arm::F32x4, per_block 4, features "neon",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1));
#[cfg(target_arch = "aarch64")]
instances!(neon_f64, Neon, f64, crate::primitive::arm::F64x2, per_block 4, features "neon",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1));

/// A right operand: where it begins, and how its numbers lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right<T> {
    first: *const T,
    depth: usize,
    pub(super) columns: usize,
    /// Numbers from one `k` to the next.
    stride: usize,
    /// Numbers from one panel to the next.
    panel: usize,
}

impl<T: Element> Right<T> {
    /// Rows that were packed.
    pub(super) fn packed(packed: Packed<'_, T>) -> Self {
        let (depth, columns) = (packed.rows(), packed.columns());
        let stride = columns_of_panel::<T>(packed.level());
        // Without columns nothing has bounded the depth.
        let panel = depth.wrapping_mul(stride);
        Self { first: packed.panels().as_ptr(), depth, columns, stride, panel }
    }

    /// Rows where they lie, so many numbers apart, which [`reads_in_place`] allows.
    pub(super) fn in_place(
        level: Level,
        first: *const T,
        (depth, columns): (usize, usize),
        stride: usize,
    ) -> Self {
        Self { first, depth, columns, stride, panel: columns_of_panel::<T>(level) }
    }
}

/// Bytes of the right operand that kernels read again and again, for all rows of the result: half of L1.
const SHARED_BYTES: usize = cache::L1 / 2;

/// Rows of a wide result that a kernel gives at most: of four blocks, 24 sums.
const ROWS_OF_WIDE: usize = 6;

/// Bytes of a page.
const PAGE: usize = 4096;

/// Whether rows of so many columns, so many numbers apart, may be read where they lie: whole blocks, so that a kernel reads no
/// number that is not there; whole lines apart, and not by a multiple of four of them, which would fall on a quarter of the
/// sets of a cache or fewer; and less than a page, or each row would be of another one.
pub(super) fn reads_in_place<T: Element>(columns: usize, stride: usize) -> bool {
    let whole = columns.is_multiple_of(T::BLOCK) && stride.is_multiple_of(T::BLOCK);
    whole && !(stride / T::BLOCK).is_multiple_of(4) && stride < PAGE / size_of::<T>()
}

/// Bytes of a row of the right operand from which on a left operand that is far away is copied: kernels read it four times at
/// least.
const COPIED_FOR_BYTES: usize = 1024;

/// Whether so many rows of the left operand, so many numbers apart, are copied side by side before kernels read them: where they
/// are far away, over more than all of L2, and each group of blocks would fetch a line of each of them anew.
pub(super) fn copies_left<T: Element>(rows: usize, stride: usize, columns_of_right: usize) -> bool {
    let bytes = |numbers: usize| numbers.saturating_mul(size_of::<T>());
    bytes(rows.saturating_mul(stride)) > cache::L2 && bytes(columns_of_right) >= COPIED_FOR_BYTES
}

/// How many of so many rows of the result, columns of the left operand, are passed over together.
pub(super) fn rows_at_once<T: Element>(level: Level, depth: usize, (rows, columns): (usize, usize)) -> usize {
    deal::<T, _>(T::kernels(level).outer, depth, (rows, columns)).rows_of_chunk::<T>(rows, depth)
}

/// How a result of so many rows and columns, and the depth, are dealt out to kernels.
///
/// Where there are more than two blocks, kernels take four of them and few rows: with each number that a kernel reads of the
/// left operand, in a line that it has for itself, it does twice as much. Where one kernel has all rows nothing is shared, and it
/// has all of the depth.
fn deal<T: Element, K>(
    kernels: &'static [&'static [(K, usize)]],
    depth: usize,
    (rows, columns): (usize, usize),
) -> Dealt<K> {
    let blocks = columns.div_ceil(T::BLOCK);
    let at_once = if blocks > 2 { ROWS_OF_WIDE.min(kernels.len()) } else { kernels.len() };
    let taken = kernels[at_once - 1].iter().map(|&(_, taken)| taken).find(|&taken| taken <= blocks);
    // A kernel of one block shares L1 with as many lines of the left operand.
    let shared = SHARED_BYTES / (taken.unwrap_or(1).max(2) * T::BLOCK * size_of::<T>());
    let depth_at_once = if rows <= at_once { depth } else { shared };
    Dealt { kernels, at_once, piece: depth, depth_at_once, near: false }
}

/// One run of a kernel.
struct Call<T> {
    kernel: Kernel<T>,
    arguments: Arguments<T>,
    shape: Shape,
}

/// Adds the sums to `rows` rows of the result, with kernels of a level.
///
/// # Safety
///
/// The left operand is readable for `right.depth` rows of `rows` numbers, its stride apart, and the right one for as many of
/// `right.columns`, padded to whole blocks where it is packed, and whole blocks of themselves where it is in place
/// ([`reads_in_place`]). The result is readable and writable for `rows` rows of
/// `right.columns` numbers, its stride apart, which share no numbers with each other or with the operands. The machine can
/// run the level.
pub(super) unsafe fn add<T: Element>(
    level: Level,
    (left, left_stride): (*const T, usize),
    right: Right<T>,
    (result, result_stride): (*mut T, usize),
    rows: usize,
) {
    let Right { first, depth, columns, stride, panel } = right;
    if depth == 0 || columns == 0 || rows == 0 {
        return;
    }
    let of_panel = level.blocks_of_panel();
    let kernels = T::kernels(level).outer;
    let dealt = deal::<T, _>(kernels, depth, (rows, columns));
    let mut said: Option<Call<T>> = None;
    walk::<T, _>(dealt, (rows, depth, columns), |part| {
        let (row, block, k) = (part.row, part.block, part.depth);
        let arguments = Arguments {
            left: left.wrapping_add(k.start * left_stride + row),
            left_stride,
            right: first
                .wrapping_add((block / of_panel) * panel + (block % of_panel) * T::BLOCK + k.start * stride),
            right_stride: stride,
            right_panel: panel,
            depth: k.len(),
            result: result.wrapping_add(row * result_stride + block * T::BLOCK),
            result_stride,
        };
        if k.start == 0 {
            part.shape.fetch(arguments.result.cast_const(), result_stride);
        }
        if let Some(before) = said.replace(Call { kernel: part.kernel, arguments, shape: part.shape }) {
            // SAFETY: as below.
            unsafe { before.run() };
        }
    });
    if let Some(last) = said {
        // SAFETY: the kernel is for this number of rows and blocks, which the operands have from there on, by the caller's
        // promise; of each number of the result the parts follow each other.
        unsafe { last.run() };
    }
}

impl<T: Element> Call<T> {
    /// Runs the kernel.
    ///
    /// # Safety
    ///
    /// As for [`Kernel`], but that the result has no more columns than `edge` says; [`walk`] has given the shape.
    #[inline]
    unsafe fn run(self) {
        let Arguments { result, result_stride, .. } = self.arguments;
        let Some(columns) = self.shape.edge else {
            // SAFETY: the caller's promise.
            unsafe { (self.kernel)(&self.arguments) };
            return;
        };
        let kernel = |buffer, stride| {
            let within = Arguments { result: buffer, result_stride: stride, ..self.arguments };
            // SAFETY: the caller's promise; the buffer has as many rows and blocks as the kernel.
            unsafe { (self.kernel)(&within) };
        };
        // Sums start at what is there.
        let start = (result.cast_const(), result_stride);
        // SAFETY: the caller's promise.
        unsafe { self.shape.at_edge(columns, start, (result, result_stride), kernel) };
    }
}

#[cfg(test)]
mod tests {
    use super::{SHARED_BYTES, deal};
    use crate::matmul::Element;
    use crate::matmul::walk::walk;
    use crate::primitive::Level;

    /// Of each part its rows, its blocks, and where its sums begin and end.
    fn parts(level: Level, (rows, depth, columns): (usize, usize, usize)) -> Vec<[usize; 4]> {
        let mut parts = Vec::new();
        let kernels = f32::kernels(level).outer;
        walk::<f32, _>(deal::<f32, _>(kernels, depth, (rows, columns)), (rows, depth, columns), |part| {
            let (mut rows, mut blocks) = (0, 0);
            for line in part.shape.lines::<f32>(1 << 20) {
                rows = (line >> 20) + 1;
                blocks = blocks.max(line % (1 << 20) / f32::BLOCK + 1);
            }
            parts.push([rows, blocks, part.depth.start, part.depth.end]);
        });
        parts
    }

    #[test]
    fn what_all_rows_read_stays_in_l1() {
        for level in Level::ALL {
            for columns in [16, 32, 48, 128] {
                let many = parts(level, (300, 1000, columns));
                for [_, blocks, from, to] in &many {
                    assert!(blocks * 64 * (to - from) <= SHARED_BYTES, "{level:?}, {columns} columns");
                }
                // Rows of a chunk follow each other before the sums go on, which they do.
                let changes = many.windows(2).filter(|pair| pair[0][2] != pair[1][2]).count();
                assert!(
                    changes > 1 && changes * 3 < many.len(),
                    "{level:?}, {columns}: {changes} of {}",
                    many.len()
                );
                // One kernel alone has all of them.
                assert!(
                    parts(level, (1, 1000, columns)).iter().all(|&[_, _, from, to]| (from, to) == (0, 1000))
                );
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn kernels_of_wide_results_take_four_blocks() {
        let shapes = |columns: usize| {
            let mut shapes: Vec<_> = parts(Level::Avx512, (128, 64, columns))
                .iter()
                .map(|&[rows, blocks, ..]| (rows, blocks))
                .collect();
            shapes.sort_unstable();
            shapes.dedup();
            shapes
        };
        assert_eq!(shapes(128), [(5, 4), (6, 4)]);
        assert_eq!(shapes(112), [(5, 3), (5, 4), (6, 3), (6, 4)]);
        assert_eq!(shapes(32), [(12, 2), (13, 2)]);
    }
}
