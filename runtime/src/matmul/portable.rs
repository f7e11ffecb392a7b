//! The micro-kernel for any machine: plain loops over one block, that the compiler turns into whatever vectors the
//! target has. Products and sums round separately: a fused multiply-add in software would take a hundred times as
//! long.

use super::kernel::{Arguments, ByRows, Kernels};
use super::outer;
use super::walk::tables_hold;
use crate::primitive::Level;

/// Blocks of a panel.
const PANEL: usize = Level::Portable.blocks_of_panel();

/// ```text
/// for k in 0..depth
///     for row in 0..ROWS
///         for lane in 0..BLOCK
///             sum[k % CHAINS][row][lane] += left[row][k] * panel[k][lane]
/// ```
///
/// # Safety
///
/// As for [`super::kernel::Kernel`], with `ROWS` rows and one block of `BLOCK` numbers.
macro_rules! portable {
    ($tile:ident, $kernels:ident, $outer_tile:ident, $outer:ident, $scalar:ident, $block:literal) => {
        unsafe fn $tile<const ROWS: usize, const CHAINS: usize>(arguments: &Arguments<$scalar>) {
            let Arguments {
                left, left_stride, right, depth, result, result_stride, start, start_stride, ..
            } = *arguments;
            let mut chains = [[[0.0; $block]; ROWS]; CHAINS];
            for (row, sums) in chains[0].iter_mut().enumerate() {
                if !start.is_null() {
                    // SAFETY: row < ROWS: a row of the start, readable for a block.
                    *sums = unsafe { start.add(row * start_stride).cast::<[$scalar; $block]>().read() };
                }
            }
            for k in 0..depth {
                // SAFETY: line `k` of the panel, as many blocks long as this level's have, k < depth.
                let factors = unsafe { right.add(k * PANEL * $block).cast::<[$scalar; $block]>().read() };
                for (row, sums) in chains[k % CHAINS].iter_mut().enumerate() {
                    // SAFETY: row < ROWS, k < depth: within the left operand.
                    let number = unsafe { *left.add(row * left_stride + k) };
                    for (sum, factor) in sums.iter_mut().zip(factors) {
                        *sum += number * factor;
                    }
                }
            }
            let [sums, others @ ..] = &mut chains[..] else { return };
            for (row, sums) in sums.iter_mut().enumerate() {
                for other in others.iter() {
                    sums.iter_mut().zip(other[row]).for_each(|(sum, other)| *sum += other);
                }
                // SAFETY: row < ROWS: a row of the result, writable for a block; nothing else refers to it.
                unsafe { result.add(row * result_stride).cast::<[$scalar; $block]>().write(*sums) };
            }
        }

        pub(super) static $kernels: Kernels<$scalar> = {
            const BY_ROWS: ByRows<$scalar> = &[&[($tile::<1, 1>, 1)], &[($tile::<2, 1>, 1)]];
            const BY_ROWS_NARROW: ByRows<$scalar> = &[&[($tile::<1, 2>, 1)], &[($tile::<2, 2>, 1)]];
            assert!(tables_hold::<$scalar, _>(BY_ROWS) && tables_hold::<$scalar, _>(BY_ROWS_NARROW));
            assert!(tables_hold::<$scalar, _>($outer));
            Kernels { by_rows: BY_ROWS, by_rows_narrow: BY_ROWS_NARROW, outer: $outer }
        };

        /// As above, for [`super::outer`]: both operands `k` by `k`, and sums that start at the result.
        ///
        /// # Safety
        ///
        /// As for [`super::outer::Kernel`], with `ROWS` rows and one block of `BLOCK` numbers.
        unsafe fn $outer_tile<const ROWS: usize>(arguments: &outer::Arguments<$scalar>) {
            let outer::Arguments {
                left, left_stride, right, right_stride, depth, result, result_stride, ..
            } = *arguments;
            let mut sums = [[0.0; $block]; ROWS];
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: row < ROWS: a row of the result, readable for a block.
                *sums = unsafe { result.add(row * result_stride).cast::<[$scalar; $block]>().read() };
            }
            for k in 0..depth {
                // SAFETY: row `k` of the right operand, readable for a block, k < depth.
                let factors = unsafe { right.add(k * right_stride).cast::<[$scalar; $block]>().read() };
                for (row, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: row < ROWS, k < depth: within the left operand.
                    let number = unsafe { *left.add(k * left_stride + row) };
                    for (sum, factor) in sums.iter_mut().zip(factors) {
                        *sum += number * factor;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                // SAFETY: row < ROWS: a row of the result, writable for a block; nothing else refers to it.
                unsafe { result.add(row * result_stride).cast::<[$scalar; $block]>().write(*sums) };
            }
        }

        const $outer: outer::ByRows<$scalar> = &[&[($outer_tile::<1>, 1)], &[($outer_tile::<2>, 1)]];
    };
}

portable!(tile_f32, KERNELS_F32, outer_tile_f32, OUTER_F32, f32, 16);
portable!(tile_f64, KERNELS_F64, outer_tile_f64, OUTER_F64, f64, 8);
