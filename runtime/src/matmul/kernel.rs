//! Micro-kernels: a few rows times one or more blocks of a packed matrix, sums held in registers.
//!
//! ```text
//! for k in 0..depth                       one row of the panel, from L1 or L2
//!     fetch up to two lines of what is read soon    with two rows or more; at most one with two chains
//!     for v in 0..REGISTERS               b[v] = panel[k][v]
//!     for row in 0..ROWS                  a = left[row][k] in every lane
//!         for v in 0..REGISTERS           sum[row][v] = a * b[v] + sum[row][v]
//! ```
//!
//! Registers: `ROWS * REGISTERS` sums, `REGISTERS` of the panel, one of the left operand. AVX-512 has 32: 14 rows by
//! 2. AVX2 has 16: 6 rows by 2. NEON has 32: 6 rows by 4. With one or two rows the sums would be too few to hide the
//! latency of an addition, so several blocks are taken at once. Where a matrix has no more than two blocks, each sum is two
//! chains, of even and of odd `k`, that are added in the end:
//!
//! ```text
//! for k in 0..depth                       chain = k % CHAINS
//!     for row in 0..ROWS
//!         for v in 0..REGISTERS           sum[chain][row][v] = a * b[v] + sum[chain][row][v]
//! ```
//!
//! However many rows there are: what a number is does not depend on it.
//!
//! A core with two units for multiply-adds does 22 of them, a round of 11 rows, in 11 cycles, and begins some 44 instructions
//! in that time: 35 are the round itself. So there is one pointer to three rows of the left operand, which an address reaches
//! with the stride once or twice, and it goes on by [some rounds](rounds_at_once) at once; with one row it goes round by round.
//! (The compiler makes one pointer of them, and computes the address of each row anew, unless it cannot see what they are:
//! [`hidden`].)
//!
//! Many a core is two to the system, which share what it begins: some three instructions a cycle each, where 6 rows by 2
//! registers of AVX2 take 6 cycles for their 20. There each instruction that is not of the round costs time: a kernel that has
//! nothing to ask for has a loop without, and few sums go on by more rounds at once.

use super::soon::{ASKS, Ahead, fetch};
use super::walk::{MAXIMUM_ROWS, tables_hold};
use super::{outer, portable};
use crate::primitive::Level;
use crate::primitive::tile::Register;

/// Rows of the left operand that one pointer is for.
const ROWS_OF_POINTER: usize = 3;
/// Pointers for the rows of any kernel.
const POINTERS: usize = MAXIMUM_ROWS.div_ceil(ROWS_OF_POINTER);
/// Rounds from one step of the pointers to the next: a multiple of the number of chains. One row has an address for each round,
/// and reads weights that fill L2 a tenth slower two rounds at once.
const fn rounds_at_once(rows: usize, sums: usize, chains: usize) -> usize {
    match (rows, sums) {
        (1, _) => chains,
        (_, ..=12) => 4,
        _ => 2,
    }
}

/// What a kernel works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<T> {
    /// First number of the first row of the left operand.
    pub(super) left: *const T,
    /// Numbers from one of its rows to the next.
    pub(super) left_stride: usize,
    /// The first block at `k = 0`.
    pub(super) right: *const T,
    /// Numbers from one panel to the next.
    pub(super) right_panel: usize,
    /// Length of the sums, at least 1.
    pub(super) depth: usize,
    /// The first number of the first row of the result.
    pub(super) result: *mut T,
    /// Numbers from one of its rows to the next.
    pub(super) result_stride: usize,
    /// The first number that sums of the first row start at; null where all start at zero.
    pub(super) start: *const T,
    /// Numbers from one row of those to the next: 0 where all rows start alike.
    pub(super) start_stride: usize,
    /// Two streams of lines that kernels of several rows ask for. Kernels of two chains ask for the first alone, and so do all
    /// where both are the same. A stream whose step is 0 asks for nothing.
    pub(super) ahead: [Ahead; 2],
}

impl<T> Arguments<T> {
    /// Lines that a kernel of so many rows and chains fetches in each round.
    #[inline(always)]
    fn lines<const ROWS: usize, const CHAINS: usize>(&self) -> usize {
        let [first, second] = self.ahead;
        // With one row a round has no instruction to spare: a step of a small cell takes a twentieth longer.
        if ROWS == 1 || !ASKS || (first.step == 0 && second.step == 0) {
            return 0;
        }
        // With two chains sums fill the registers: for a second address the compiler would put some of them on the stack.
        if CHAINS > 1 || first == second || second.step == 0 { 1 } else { 2 }
    }
}

/// A kernel for a number of rows and of blocks that is known where its pointer is.
///
/// # Safety
///
/// With `r` rows and `b` blocks: the left operand is readable for `r` rows of `depth` numbers; the `b` blocks are consecutive
/// in a matrix packed for its level, its panels `right_panel` apart, readable for `depth` rows, the first is the first of a
/// panel if there is more than one; the start, unless it is null, is readable for `r` rows of `b` blocks; the result is writable
/// for `r` rows of `b` blocks, which share no numbers with the operands or each other; the processor has the instruction set of
/// the kernel.
pub(super) type Kernel<T> = unsafe fn(arguments: &Arguments<T>);

/// The kernels of one level: `by_rows[rows - 1]` are those for so many rows, each with the number of blocks it takes
/// at once, the most first and one last.
#[derive(Debug)]
pub struct Kernels<T: 'static> {
    pub(super) by_rows: ByRows<T>,
    /// The same with two chains, for matrices of two blocks or one.
    pub(super) by_rows_narrow: ByRows<T>,
    /// Those for sums of outer products.
    pub(super) outer: outer::ByRows<T>,
}

/// Kernels by the number of rows they take.
pub(super) type ByRows<T> = &'static [&'static [(Kernel<T>, usize)]];

/// The loop nest above, `left[row][k]` at `row * left_stride + k`.
///
/// # Safety
///
/// As for [`Kernel`], with `ROWS` rows and `REGISTERS` registers' worth of blocks.
#[inline(always)]
unsafe fn tile<
    R: Register,
    const ROWS: usize,
    const REGISTERS: usize,
    const CHAINS: usize,
    const PANEL: usize,
>(
    arguments: &Arguments<R::Scalar>,
) {
    let Arguments { right, result, result_stride, start, start_stride, .. } = *arguments;
    // SAFETY: depth >= 1, so the first line of the first block is readable; the caller has the instruction set.
    let zero = unsafe { R::load(right) }.splat(R::Scalar::default());
    let mut chains = [[[zero; REGISTERS]; ROWS]; CHAINS];
    if !start.is_null() {
        for (row, sums) in chains[0].iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: register `v` of row `row` of the start, which has as many.
                *sum = unsafe { R::load(start.add(row * start_stride + v * R::COUNT)) };
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        match arguments.lines::<ROWS, CHAINS>() {
            0 => add_rounds::<R, ROWS, REGISTERS, CHAINS, PANEL, 0>(arguments, zero, &mut chains),
            1 => add_rounds::<R, ROWS, REGISTERS, CHAINS, PANEL, 1>(arguments, zero, &mut chains),
            _ => add_rounds::<R, ROWS, REGISTERS, CHAINS, PANEL, 2>(arguments, zero, &mut chains),
        }
    }
    let [first, others @ ..] = &mut chains[..] else { return };
    for (row, sums) in first.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            for other in others.iter() {
                *sum = sum.add(other[row][v]);
            }
            // SAFETY: register `v` of row `row` of the result, which has as many.
            unsafe { sum.store(result.add(row * result_stride + v * R::COUNT)) };
        }
    }
}

/// The loop over `k` of [`tile`], in each round of which so many lines are fetched.
///
/// # Safety
///
/// As for [`Kernel`], with `ROWS` rows and `REGISTERS` registers' worth of blocks.
#[inline(always)]
unsafe fn add_rounds<
    R: Register,
    const ROWS: usize,
    const REGISTERS: usize,
    const CHAINS: usize,
    const PANEL: usize,
    const LINES: usize,
>(
    arguments: &Arguments<R::Scalar>,
    zero: R,
    chains: &mut [[[R; REGISTERS]; ROWS]; CHAINS],
) {
    let Arguments { left, left_stride, depth, .. } = *arguments;
    let rounds = const {
        let rounds = rounds_at_once(ROWS, ROWS * REGISTERS * CHAINS, CHAINS);
        assert!(rounds.is_multiple_of(CHAINS) && ROWS.div_ceil(ROWS_OF_POINTER) <= POINTERS);
        rounds
    };
    let used = ROWS.div_ceil(ROWS_OF_POINTER);
    let mut lefts = [left; POINTERS];
    for (index, pointer) in lefts[..used].iter_mut().enumerate() {
        *pointer = left.wrapping_add(index * ROWS_OF_POINTER * left_stride);
    }
    let whole = depth - depth % rounds;
    for k in (0..whole).step_by(rounds) {
        if ROWS > 1 {
            for pointer in &mut lefts[..used] {
                *pointer = hidden(*pointer);
            }
        }
        for later in 0..rounds {
            let sums = &mut chains[later % CHAINS];
            // SAFETY: k + later < whole <= depth; the rest is the caller's promise.
            unsafe {
                round::<R, ROWS, REGISTERS, PANEL, LINES>(arguments, zero, k + later, (&lefts, later), sums)
            };
        }
        for pointer in &mut lefts[..used] {
            *pointer = pointer.wrapping_add(rounds);
        }
    }
    for later in 0..depth - whole {
        let sums = &mut chains[later % CHAINS];
        // SAFETY: whole + later < depth; the rest is the caller's promise.
        unsafe {
            round::<R, ROWS, REGISTERS, PANEL, LINES>(arguments, zero, whole + later, (&lefts, later), sums)
        };
    }
}

/// What [`add_rounds`] does for one `k`.
///
/// # Safety
///
/// As for [`Kernel`], with `ROWS` rows and `REGISTERS` registers' worth of blocks; `k < depth`; pointer `p` of `lefts` is `later`
/// numbers before number `k` of row `ROWS_OF_POINTER * p` of the left operand, for each that has such a row.
#[inline(always)]
unsafe fn round<
    R: Register,
    const ROWS: usize,
    const REGISTERS: usize,
    const PANEL: usize,
    const LINES: usize,
>(
    arguments: &Arguments<R::Scalar>,
    zero: R,
    k: usize,
    (lefts, later): (&[*const R::Scalar; POINTERS], usize),
    sums: &mut [[R; REGISTERS]; ROWS],
) {
    let Arguments { left_stride, right, right_panel, ahead, .. } = *arguments;
    let line = PANEL * (64 / size_of::<R::Scalar>());
    for ahead in ahead.into_iter().take(LINES) {
        fetch(ahead.first.wrapping_add(k * ahead.step));
    }
    let mut factors = [zero; REGISTERS];
    for (v, factor) in factors.iter_mut().enumerate() {
        // SAFETY: line `k` of the panel of this block, k < depth.
        *factor = unsafe { R::load(right.add(place_of::<R, PANEL>(v, right_panel) + k * line)) };
    }
    for (sums, left) in sums.chunks_mut(ROWS_OF_POINTER).zip(lefts) {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: number `k` of a row of the left operand: the caller's promise about the pointer.
            let number = zero.splat(unsafe { *left.add(row * left_stride + later) });
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = number.multiply_add(factor, *sum);
            }
        }
    }
}

/// Where register `v` of a row of a right operand is, whose panels have so many blocks and are so many numbers apart.
#[inline(always)]
pub(super) const fn place_of<R: Register, const PANEL: usize>(v: usize, panel: usize) -> usize {
    let of_block = 64 / size_of::<R::Scalar>();
    let (block, inside) = (v * R::COUNT / of_block, v * R::COUNT % of_block);
    (block / PANEL) * panel + (block % PANEL) * of_block + inside
}

/// The pointer, of which the compiler no longer knows how it was made.
#[inline(always)]
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(
        clippy::pointers_in_nomem_asm_block,
        reason = "nothing is read or written through it: it is a number here"
    )
)]
fn hidden<T>(pointer: *const T) -> *const T {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut pointer = pointer;
        // SAFETY: no instruction at all: a comment, which names a register that may have been changed and was not.
        unsafe {
            std::arch::asm!("/* {0} */", inout(reg) pointer, options(pure, nomem, nostack, preserves_flags));
        }
        pointer
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pointer
}

/// Instances of [`tile`] for one level and type: a function per number of rows, and the tables of them.
macro_rules! instances {
    (
        $module:ident, $level:ident, $scalar:ident, $register:ty, per_block $per_block:literal, features $($feature:literal)*,
        rows $(($rows:literal $(, $blocks:literal)*))*, narrow $(($narrow:literal $(, $few:literal)*))*
    ) => {
        mod $module {
            use super::{Arguments, ByRows, Kernels, Level, outer, tables_hold, tile};

            $(#[target_feature(enable = $feature)])*
            unsafe fn run<
                const ROWS: usize,
                const REGISTERS: usize,
                const CHAINS: usize,
            >(
                arguments: &Arguments<$scalar>,
            ) {
                // SAFETY: the caller's promise, see `Kernel`.
                unsafe { tile::<$register, ROWS, REGISTERS, CHAINS, { Level::$level.blocks_of_panel() }>(arguments) }
            }

            const BY_ROWS: ByRows<$scalar> =
                &[$(&[$((run::<$rows, { $blocks * $per_block }, 1>, $blocks)),*]),*];
            const BY_ROWS_NARROW: ByRows<$scalar> =
                &[$(&[$((run::<$narrow, { $few * $per_block }, 2>, $few)),*]),*];

            const _: () =
                assert!(tables_hold::<$scalar, _>(BY_ROWS) && tables_hold::<$scalar, _>(BY_ROWS_NARROW));

            pub(super) static KERNELS: Kernels<$scalar> = Kernels {
                by_rows: BY_ROWS,
                by_rows_narrow: BY_ROWS_NARROW,
                outer: outer::$module::KERNELS,
            };
        }
    };
}

#[cfg(target_arch = "x86_64")]
instances!(avx512_f32, Avx512, f32, crate::primitive::x86::F32x16, per_block 1, features "avx512f" "avx2" "fma",
    rows (1, 8, 4, 2, 1) (2, 4, 2, 1) (3, 2, 1) (4, 2, 1) (5, 2, 1) (6, 2, 1) (7, 2, 1) (8, 2, 1) (9, 2, 1) (10, 2, 1) (11, 2, 1)
        (12, 2, 1) (13, 2, 1) (14, 2, 1),
    narrow (1, 2, 1) (2, 2, 1) (3, 2, 1) (4, 2, 1) (5, 2, 1) (6, 2, 1) (7, 2, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx512_f64, Avx512, f64, crate::primitive::x86::F64x8, per_block 1, features "avx512f" "avx2" "fma",
    rows (1, 8, 4, 2, 1) (2, 4, 2, 1) (3, 2, 1) (4, 2, 1) (5, 2, 1) (6, 2, 1) (7, 2, 1) (8, 2, 1) (9, 2, 1) (10, 2, 1) (11, 2, 1)
        (12, 2, 1) (13, 2, 1) (14, 2, 1),
    narrow (1, 2, 1) (2, 2, 1) (3, 2, 1) (4, 2, 1) (5, 2, 1) (6, 2, 1) (7, 2, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx2_f32, Avx2, f32, crate::primitive::x86::F32x8, per_block 2, features "avx2" "fma",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1), narrow (1, 2, 1) (2, 1) (3, 1));
#[cfg(target_arch = "x86_64")]
instances!(avx2_f64, Avx2, f64, crate::primitive::x86::F64x4, per_block 2, features "avx2" "fma",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1), narrow (1, 2, 1) (2, 1) (3, 1));
#[cfg(target_arch = "aarch64")]
instances!(neon_f32, Neon, f32, crate::primitive::arm::F32x4, per_block 4, features "neon",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1), narrow (1, 2, 1) (2, 1) (3, 1));
#[cfg(target_arch = "aarch64")]
instances!(neon_f64, Neon, f64, crate::primitive::arm::F64x2, per_block 4, features "neon",
    rows (1, 4, 2, 1) (2, 2, 1) (3, 1) (4, 1) (5, 1) (6, 1), narrow (1, 2, 1) (2, 1) (3, 1));

macro_rules! kernels {
    ($name:ident, $scalar:ident, $avx512:ident, $avx2:ident, $neon:ident, $portable:ident) => {
        /// The kernels of a level; the portable ones where the target has no such level.
        pub(super) fn $name(level: Level) -> &'static Kernels<$scalar> {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => &$avx512::KERNELS,
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => &$avx2::KERNELS,
                #[cfg(target_arch = "aarch64")]
                Level::Neon => &$neon::KERNELS,
                _ => &portable::$portable,
            }
        }
    };
}

kernels!(kernels_f32, f32, avx512_f32, avx2_f32, neon_f32, KERNELS_F32);
kernels!(kernels_f64, f64, avx512_f64, avx2_f64, neon_f64, KERNELS_F64);
