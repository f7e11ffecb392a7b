//! What a kernel means, as safe scalar code: the oracle of the compiled form, and its stand-in on hosts without one.
//!
//! Every check that makes a call sound is made before the first element is touched, so a call that fails leaves the
//! arena as it was.

#![forbid(unsafe_code)]

use super::kernel::{Access, Instruction, Kernel, KernelBuffer, KernelError, Kind, Precision, ValueId};
use crate::operator::evaluate::{
    cumulative_sum, evaluate_binary, evaluate_ternary, evaluate_unary, maximum_element, sum,
};
use crate::operator::real::Real;

/// Why a kernel was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelCallError {
    /// The set has no such kernel.
    #[error("there is no kernel {index} in a set of {count}")]
    NoSuchKernel {
        /// Index asked for.
        index: usize,
        /// Size of the set.
        count: usize,
    },
    /// The kernels were compiled for the other kind of number.
    #[error("kernels compiled for {compiled} were called with {called}")]
    Precision {
        /// What the code computes in.
        compiled: Precision,
        /// What the caller brought.
        called: Precision,
    },
    /// Bindings and buffers differ in number.
    #[error("kernel has {expected} buffers, {found} are bound")]
    Bindings {
        /// Buffers of the kernel.
        expected: usize,
        /// Offsets given.
        found: usize,
    },
    /// A buffer reaches beyond the arena.
    #[error("buffer {buffer} does not fit an arena of {length} elements")]
    OutOfArena {
        /// Index of the buffer.
        buffer: usize,
        /// Elements of the arena.
        length: usize,
    },
    /// A kernel that was bound to other steps.
    #[error("step {step} is none of the {steps} steps that the kernel was bound to")]
    Unbound {
        /// The step.
        step: usize,
        /// As many as it was bound to.
        steps: usize,
    },
    /// The scratch memory is too short.
    #[error("kernel needs {expected} elements of scratch memory, {found} were given")]
    Scratch {
        /// Elements needed.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// K5.
    #[error("K5: buffers {first} and {second} overlap where one of them is written")]
    Overlap {
        /// Index of one buffer.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// The kernel breaks one of K1 to K4.
    #[error(transparent)]
    Invalid(#[from] KernelError),
}

/// Runs a kernel over `rows` rows; buffer `i` starts at `arena[offsets[i]]`.
///
/// # Errors
/// The kernel is malformed, or a binding does not fit the arena; nothing has been written then. Debug builds also
/// refuse bindings that break K5.
pub fn run_kernel<T: Real>(
    kernel: &Kernel,
    arena: &mut [T],
    offsets: &[usize],
    rows: usize,
) -> Result<(), KernelCallError> {
    kernel.verify()?;
    check_bindings(&kernel.buffers, offsets, rows, arena.len())?;
    if cfg!(debug_assertions) {
        check_overlap(kernel, offsets, rows)?;
    }
    // A scalar has one element, a lane value `lanes`.
    let mut values: Vec<Vec<T>> = vec![Vec::new(); kernel.instructions.len()];
    let kinds = kernel.kinds()?;
    for row in 0..rows {
        let start =
            |buffer: usize, column: usize| offsets[buffer] + row * kernel.buffers[buffer].stride + column;
        for (index, instruction) in kernel.instructions.iter().enumerate() {
            let (earlier, rest) = values.split_at_mut(index);
            let result = &mut rest[0];
            result.clear();
            let length = if kinds[index] == Kind::Lanes { kernel.lanes } else { 1 };
            let at = |value: ValueId, lane: usize| element(earlier, &kinds, value, lane);
            match *instruction {
                Instruction::Load { buffer, column } => {
                    let start = start(buffer, column);
                    result.extend_from_slice(&arena[start..start + kernel.lanes]);
                }
                Instruction::LoadScalar { buffer, column } => result.push(arena[start(buffer, column)]),
                Instruction::Constant(value) => result.push(T::from_f64(value)),
                Instruction::Unary(function, a) => {
                    result.extend((0..length).map(|lane| evaluate_unary(function, at(a, lane))));
                }
                Instruction::Binary(function, a, b) => {
                    result
                        .extend((0..length).map(|lane| evaluate_binary(function, at(a, lane), at(b, lane))));
                }
                Instruction::Ternary(function, a, b, c) => {
                    result.extend(
                        (0..length)
                            .map(|lane| evaluate_ternary(function, at(a, lane), at(b, lane), at(c, lane))),
                    );
                }
                Instruction::Sum(a) => {
                    result.push(sum((0..kernel.lanes).map(|lane| at(a, lane))));
                }
                Instruction::MaximumElement(a) => {
                    result.push(maximum_element((0..kernel.lanes).map(|lane| at(a, lane))));
                }
                Instruction::CumulativeSum { reverse, value } => {
                    let elements: Vec<T> = (0..kernel.lanes).map(|lane| at(value, lane)).collect();
                    result.resize(kernel.lanes, T::ZERO);
                    cumulative_sum(&elements, reverse, result);
                }
                Instruction::Store { .. }
                | Instruction::StoreScalar { .. }
                | Instruction::Accumulate { .. }
                | Instruction::AccumulateScalar { .. } => {}
            }
        }
        for instruction in &kernel.instructions {
            let Some((access, buffer, column, length)) = instruction.access(kernel.lanes) else { continue };
            let start = start(buffer, column);
            for value in instruction.operands() {
                for (lane, slot) in arena[start..start + length].iter_mut().enumerate() {
                    let new = element(&values, &kinds, value, lane);
                    *slot = if access == Access::Add { *slot + new } else { new };
                }
            }
        }
    }
    Ok(())
}

/// Element `lane` of a value; a scalar has the same in every lane.
fn element<T: Copy>(values: &[Vec<T>], kinds: &[Kind], value: ValueId, lane: usize) -> T {
    let index = value.0 as usize;
    values[index][if kinds[index] == Kind::Lanes { lane } else { 0 }]
}

/// Checks that there is one offset for each buffer, and that all rows of all buffers lie in an arena of `length`.
pub(crate) fn check_bindings(
    buffers: &[KernelBuffer],
    offsets: &[usize],
    rows: usize,
    length: usize,
) -> Result<(), KernelCallError> {
    if buffers.len() != offsets.len() {
        return Err(KernelCallError::Bindings { expected: buffers.len(), found: offsets.len() });
    }
    let Some(last) = rows.checked_sub(1) else { return Ok(()) };
    for (index, (buffer, &offset)) in buffers.iter().zip(offsets).enumerate() {
        if !fits(buffer.stride, buffer.width, offset, last, length) {
            return Err(KernelCallError::OutOfArena { buffer: index, length });
        }
    }
    Ok(())
}

/// `offset + last_row * stride + width <= length`, without overflow.
#[inline]
pub(crate) fn fits(stride: usize, width: usize, offset: usize, last_row: usize, length: usize) -> bool {
    let end = last_row.checked_mul(stride).and_then(|rows| rows.checked_add(offset)?.checked_add(width));
    end.is_some_and(|end| end <= length)
}

/// Checks K5: no element that one buffer writes belongs to what another buffer reads or writes.
///
/// # Errors
/// The first two buffers found to overlap.
pub fn check_overlap(kernel: &Kernel, offsets: &[usize], rows: usize) -> Result<(), KernelCallError> {
    // (start, end, buffer, written) of every access of every row, swept from left to right.
    let mut ranges = Vec::new();
    for instruction in &kernel.instructions {
        let Some((access, buffer, column, length)) = instruction.access(kernel.lanes) else { continue };
        let (Some(shape), Some(offset)) = (kernel.buffers.get(buffer), offsets.get(buffer)) else { continue };
        let distinct = if shape.stride == 0 { rows.min(1) } else { rows };
        for row in 0..distinct {
            let start = offset.saturating_add(row.saturating_mul(shape.stride)).saturating_add(column);
            ranges.push((start, start.saturating_add(length), buffer, access != Access::Read));
        }
    }
    ranges.sort_unstable();
    // (end, buffer, written) of the ranges that reach beyond the current start.
    let mut open: Vec<(usize, usize, bool)> = Vec::new();
    for &(start, end, buffer, written) in &ranges {
        open.retain(|range| range.0 > start);
        if let Some(other) = open.iter().find(|range| range.1 != buffer && (range.2 || written)) {
            return Err(KernelCallError::Overlap { first: other.1, second: buffer });
        }
        if start < end {
            open.push((end, buffer, written));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
