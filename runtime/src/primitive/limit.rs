//! What this machine can do at most, measured: the yardsticks that timings are held against.
//!
//! - [`fused_rate`]: floating-point operations, from a loop of independent fused multiply-adds in registers
//! - [`read_rate`]: bytes that come from whichever cache holds so many, from a loop that adds up a buffer
//! - [`function_rate`]: values of tile primitives, from a tile in L1
//!
//! Each takes the fastest of several rounds: whatever else runs on the machine makes a round slower, never faster.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

#[cfg(feature = "jit")]
use gatewright_compiler::operator::Unary;

use super::Level;
use super::tile::Register;
use crate::matmul::Element;

/// Multiply-adds under way at once: more than twice the latency, and few enough for sixteen registers.
const CHAINS: usize = 12;
/// Rounds of which the fastest counts.
const ROUNDS: usize = 15;
/// Iterations of a round of [`fused_rate`]: half a millisecond, so that some rounds meet no interruption.
const ITERATIONS: usize = 1 << 17;
/// Bytes that a round of [`read_rate`] reads, at least.
const ROUND_BYTES: usize = 64 << 20;
/// Elements of the tile of [`function_rate`].
#[cfg(feature = "jit")]
const TILE: usize = 512;

/// The loops of one level.
#[derive(Debug)]
pub struct LimitLoops<T: 'static> {
    /// Runs `CHAINS` multiply-adds so many times over; gives the number of operations.
    fused: unsafe fn(usize) -> usize,
    /// Adds up a buffer.
    read: unsafe fn(&[T]),
}

/// # Safety
///
/// The processor has the instruction set of `R`.
#[inline(always)]
unsafe fn fused<R: Register>(iterations: usize, one: R::Scalar) -> usize {
    let start = black_box([one; 16]);
    // SAFETY: a register has at most sixteen scalars; the caller's promise.
    let factor = unsafe { R::load(start.as_ptr()) };
    let mut sums = [factor; CHAINS];
    for _ in 0..iterations {
        for sum in &mut sums {
            *sum = sum.multiply_add(factor, factor);
        }
    }
    let mut out = start;
    for sum in sums {
        // SAFETY: as above.
        unsafe { sum.store(out.as_mut_ptr()) };
        black_box(&out);
    }
    2 * iterations * CHAINS * R::COUNT
}

/// # Safety
///
/// The processor has the instruction set of `R`.
#[inline(always)]
unsafe fn read<R: Register>(numbers: &[R::Scalar]) {
    const AT_ONCE: usize = 8;
    let mut out = [R::Scalar::default(); 16];
    // SAFETY: a register has at most sixteen scalars; the caller's promise.
    let mut sums = [unsafe { R::load(out.as_ptr()) }; AT_ONCE];
    for part in numbers.chunks_exact(AT_ONCE * R::COUNT) {
        for (index, sum) in sums.iter_mut().enumerate() {
            // SAFETY: `index < AT_ONCE` registers of a part of as many.
            *sum = sum.add(unsafe { R::load(part.as_ptr().add(index * R::COUNT)) });
        }
    }
    for sum in sums {
        // SAFETY: as above.
        unsafe { sum.store(out.as_mut_ptr()) };
        black_box(&out);
    }
}

macro_rules! loops {
    ($name:ident, $scalar:ident, $register:ty $(, $feature:literal)*) => {
        mod $name {
            use super::LimitLoops;

            $(#[target_feature(enable = $feature)])*
            unsafe fn fused(iterations: usize) -> usize {
                // SAFETY: the caller's promise.
                unsafe { super::fused::<$register>(iterations, 1.0) }
            }

            $(#[target_feature(enable = $feature)])*
            unsafe fn read(numbers: &[$scalar]) {
                // SAFETY: the caller's promise.
                unsafe { super::read::<$register>(numbers) }
            }

            pub(super) static LOOPS: LimitLoops<$scalar> = LimitLoops { fused, read };
        }
    };
}

#[cfg(target_arch = "x86_64")]
loops!(avx512_f32, f32, crate::primitive::x86::F32x16, "avx512f", "avx2", "fma");
#[cfg(target_arch = "x86_64")]
loops!(avx512_f64, f64, crate::primitive::x86::F64x8, "avx512f", "avx2", "fma");
#[cfg(target_arch = "x86_64")]
loops!(avx2_f32, f32, crate::primitive::x86::F32x8, "avx2", "fma");
#[cfg(target_arch = "x86_64")]
loops!(avx2_f64, f64, crate::primitive::x86::F64x4, "avx2", "fma");
#[cfg(target_arch = "aarch64")]
loops!(neon_f32, f32, crate::primitive::arm::F32x4, "neon");
#[cfg(target_arch = "aarch64")]
loops!(neon_f64, f64, crate::primitive::arm::F64x2, "neon");
loops!(portable_f32, f32, f32);
loops!(portable_f64, f64, f64);

macro_rules! levels {
    ($name:ident, $scalar:ident, $avx512:ident, $avx2:ident, $neon:ident, $portable:ident) => {
        /// The loops of a level; the portable ones where the target has no such level.
        pub(crate) fn $name(level: Level) -> &'static LimitLoops<$scalar> {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => &$avx512::LOOPS,
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => &$avx2::LOOPS,
                #[cfg(target_arch = "aarch64")]
                Level::Neon => &$neon::LOOPS,
                _ => &$portable::LOOPS,
            }
        }
    };
}

levels!(loops_f32, f32, avx512_f32, avx2_f32, neon_f32, portable_f32);
levels!(loops_f64, f64, avx512_f64, avx2_f64, neon_f64, portable_f64);

/// Floating-point operations in a second, a multiply-add being two, on so many threads at once, or on as many as there are
/// cores; 0 where this machine cannot run the level.
#[must_use]
pub fn fused_rate<T: Element>(level: Level, threads: usize) -> f64 {
    if !level.is_available() {
        return 0.0;
    }
    let run = T::limit_loops(level).fused;
    // More threads than cores do no more; and the system has them.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.clamp(1, cores);
    let barrier = Barrier::new(threads);
    let work = || {
        let mut seconds = [0.0_f64; ROUNDS];
        let mut operations = 0;
        for seconds in &mut seconds {
            barrier.wait();
            let started = Instant::now();
            // SAFETY: the level is available.
            operations = unsafe { run(black_box(ITERATIONS)) };
            *seconds = started.elapsed().as_secs_f64();
        }
        (operations as f64, seconds)
    };
    let all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = vec![work()];
        all.extend(others.into_iter().filter_map(|other| other.join().ok()));
        all
    });
    // A round lasts as long as its slowest thread.
    let round = |round: usize| all.iter().map(|(_, seconds)| seconds[round]).fold(0.0, f64::max);
    let fastest = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    all.iter().map(|(operations, _)| operations).sum::<f64>() / fastest
}

/// Bytes in a second that are read again and again from a buffer of so many bytes; 0 where this machine cannot run the
/// level, or there is no memory for the buffer.
#[must_use]
pub fn read_rate<T: Element>(level: Level, bytes: usize) -> f64 {
    let length = (bytes / size_of::<T>()).max(256);
    let mut buffer = crate::aligned::AlignedVec::<T>::default();
    if !level.is_available() || !buffer.resize(length) {
        return 0.0;
    }
    let run = T::limit_loops(level).read;
    let bytes = length * size_of::<T>();
    let times = (ROUND_BYTES / bytes).max(1);
    let fastest = fastest(|| {
        for _ in 0..times {
            // SAFETY: the level is available.
            unsafe { run(black_box(buffer.as_slice())) };
        }
    });
    (times * bytes) as f64 / fastest
}

/// Values of a transcendental function in a second, from tiles in L1; 0 where this machine cannot run the level.
#[cfg(feature = "jit")]
#[must_use]
pub fn function_rate<T: Element>(level: Level, function: Unary) -> f64 {
    const TIMES: usize = 2000;
    let Some(table) = T::primitives(level) else { return 0.0 };
    let source: Vec<T> = (0..TILE).map(|at| T::from_f64(at as f64 / 100.0 - 2.5)).collect();
    let mut values = vec![T::ZERO; TILE];
    let fastest = fastest(|| {
        for _ in 0..TIMES {
            let _ = black_box(table.apply(function, black_box(&mut values), black_box(&source)));
        }
    });
    (TIMES * TILE) as f64 / fastest
}

/// Seconds of the fastest round.
fn fastest(mut round: impl FnMut()) -> f64 {
    round();
    let mut timed = || {
        let started = Instant::now();
        round();
        started.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_rate_where_it_is_available() {
        for level in Level::ALL {
            let rates =
                [fused_rate::<f32>(level, 1), fused_rate::<f64>(level, 1), read_rate::<f32>(level, 4096)];
            for rate in rates {
                assert_eq!(rate > 0.0, level.is_available(), "{level:?}: {rate}");
                assert!(rate.is_finite());
            }
        }
    }
}
