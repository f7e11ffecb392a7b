//! The checked way into compiled code.
//!
//! A call is checked when it is made ([`CompiledKernels::run`]), or once for all steps of a run: a [`BoundKernel`] is a
//! kernel with the tracks of its buffers, and how much memory they stay within.
//!
//! # Invariants
//!
//! - A [`BoundKernel`] is made by [`CompiledKernels::bind`] alone. At every moment of its `steps`, in each of its rows, its
//!   buffers end at most at its `length`.

use std::mem::MaybeUninit;

use super::{CompiledKernels, MAXIMUM_BUFFERS};
use crate::operator::primitive::{PrimitiveFunction, PrimitiveTable};
use crate::operator::real::Real;
use crate::plan::interpret::{KernelCallError, fits};
use crate::plan::kernel::Precision;
use crate::plan::{Moment, Steps, Track};

/// A compiled kernel, see [`super::emit`].
type KernelFunction<T> = unsafe extern "C" fn(
    buffers: *const *mut T,
    rows: usize,
    primitives: *const PrimitiveFunction<T>,
    scratch: *mut T,
);

/// A kernel of a set, and where its buffers lie at each step of a run.
#[derive(Debug, Default)]
pub struct BoundKernel {
    /// The set that it belongs to, and its number there.
    set: u64,
    kernel: usize,
    rows: usize,
    steps: Steps,
    /// Elements that its buffers stay within.
    length: usize,
    scratch_elements: usize,
    tracks: Vec<Track>,
}

impl CompiledKernels {
    /// Runs kernel `index` over `rows` rows; its buffer `i` starts at `arena[offsets[i]]`.
    ///
    /// `scratch` is working memory of at least [`CompiledKernels::scratch_elements`] elements, of any content. The
    /// caller answers for K5, that bindings do not overlap where one is written: values are unspecified otherwise.
    ///
    /// # Errors
    /// Something does not fit; nothing has been touched then.
    #[inline]
    pub fn run<T: Real>(
        &self,
        index: usize,
        arena: &mut [T],
        offsets: &[usize],
        rows: usize,
        primitives: &PrimitiveTable<T>,
        scratch: &mut [T],
    ) -> Result<(), KernelCallError> {
        let (Some(entry), Some(address)) = (self.entries.get(index), self.memory.address(index)) else {
            return Err(KernelCallError::NoSuchKernel { index, count: self.entries.len() });
        };
        let called = Precision::of::<T>();
        if called != self.precision {
            return Err(KernelCallError::Precision { compiled: self.precision, called });
        }
        // Compilation refuses kernels with more buffers than `MAXIMUM_BUFFERS`, so the second condition never decides.
        if offsets.len() != entry.buffers.len() || offsets.len() > MAXIMUM_BUFFERS {
            return Err(KernelCallError::Bindings { expected: entry.buffers.len(), found: offsets.len() });
        }
        if scratch.len() < entry.scratch_elements {
            return Err(KernelCallError::Scratch { expected: entry.scratch_elements, found: scratch.len() });
        }
        let Some(last_row) = rows.checked_sub(1) else { return Ok(()) };
        let length = arena.len();
        let start = arena.as_mut_ptr();
        // Not made null: that would take longer than many a kernel.
        let mut buffers = [const { MaybeUninit::<*mut T>::uninit() }; MAXIMUM_BUFFERS];
        for (buffer, (shape, &offset)) in entry.buffers.iter().zip(offsets).enumerate() {
            if !fits(shape.stride, shape.width, offset, last_row, length) {
                return Err(KernelCallError::OutOfArena { buffer, length });
            }
            buffers[buffer].write(start.wrapping_add(offset));
        }
        // SAFETY: as `enter` asks:
        // - `address` is the entry of kernel `index`, which computes in `T`: `called == self.precision`.
        // - `entry.buffers.len()` pointers were written: `offsets` has as many.
        // - `fits` has shown for each buffer that its rows lie in `arena`, which is borrowed mutably.
        // - `scratch` has `entry.scratch_elements`, compared above, and is borrowed mutably.
        unsafe { enter(address, &buffers, rows, primitives, scratch) };
        Ok(())
    }

    /// Makes `bound` kernel `index` over `rows` rows, its buffers on these tracks at each of some steps. What is there goes;
    /// its memory is kept. For K5 the caller answers, as in [`CompiledKernels::run`].
    ///
    /// # Errors
    /// Something does not fit; `bound` runs nothing then.
    pub fn bind(
        &self,
        bound: &mut BoundKernel,
        index: usize,
        rows: usize,
        (tracks, steps): (&[Track], Steps),
    ) -> Result<(), KernelCallError> {
        bound.steps = Steps::default();
        let Some(entry) = self.entries.get(index) else {
            return Err(KernelCallError::NoSuchKernel { index, count: self.entries.len() });
        };
        if tracks.len() != entry.buffers.len() || tracks.len() > MAXIMUM_BUFFERS {
            return Err(KernelCallError::Bindings { expected: entry.buffers.len(), found: tracks.len() });
        }
        bound.length = 0;
        for (buffer, (shape, track)) in entry.buffers.iter().zip(tracks).enumerate() {
            let Some(last_row) = rows.checked_sub(1) else { break };
            let end = track.largest(steps).and_then(|largest| {
                last_row.checked_mul(shape.stride)?.checked_add(shape.width)?.checked_add(largest)
            });
            let end = end.ok_or(KernelCallError::OutOfArena { buffer, length: usize::MAX })?;
            bound.length = bound.length.max(end);
        }
        bound.tracks.clear();
        bound.tracks.extend_from_slice(tracks);
        (bound.set, bound.kernel, bound.rows) = (self.number, index, rows);
        (bound.steps, bound.scratch_elements) = (steps, entry.scratch_elements);
        Ok(())
    }

    /// Runs a kernel that was bound, at one of its steps.
    ///
    /// # Errors
    /// As [`CompiledKernels::run`]; a moment that is none of its steps, or another set.
    #[inline]
    pub fn run_bound<T: Real>(
        &self,
        bound: &BoundKernel,
        moment: Moment,
        arena: &mut [T],
        primitives: &PrimitiveTable<T>,
        scratch: &mut [T],
    ) -> Result<(), KernelCallError> {
        let called = Precision::of::<T>();
        let fits = arena.len() >= bound.length && scratch.len() >= bound.scratch_elements;
        let known = bound.set == self.number && called == self.precision;
        let address = self.memory.address(bound.kernel);
        let Some(address) = address.filter(|_| fits && known && bound.steps.contains(moment)) else {
            return Err(self.unbound(bound, moment, called, arena.len(), scratch.len()));
        };
        if bound.rows == 0 {
            return Ok(());
        }
        let start = arena.as_mut_ptr();
        let mut buffers = [const { MaybeUninit::<*mut T>::uninit() }; MAXIMUM_BUFFERS];
        for (buffer, track) in buffers.iter_mut().zip(&bound.tracks) {
            buffer.write(start.wrapping_add(track.at(moment)));
        }
        // SAFETY: as `enter` asks:
        // - `bind` has found kernel `bound.kernel` in the set with the number of this one, and no other set has that
        //   number; it computes in `T`: `called == self.precision`.
        // - `bind` has found as many tracks as it has buffers, at most `MAXIMUM_BUFFERS`; a pointer was written for each.
        // - `moment` is one of `bound.steps`, so each track is at most at its largest element, from which on all rows lie in
        //   `bound.length` elements; `arena` has as many and is borrowed mutably.
        // - `scratch` has as many elements as `bind` has found, and is borrowed mutably.
        unsafe { enter(address, &buffers, bound.rows, primitives, scratch) };
        Ok(())
    }

    /// Why a bound kernel is not run.
    #[cold]
    fn unbound(
        &self,
        bound: &BoundKernel,
        moment: Moment,
        called: Precision,
        length: usize,
        scratch: usize,
    ) -> KernelCallError {
        if bound.set != self.number || self.memory.address(bound.kernel).is_none() {
            KernelCallError::NoSuchKernel { index: bound.kernel, count: self.entries.len() }
        } else if called != self.precision {
            KernelCallError::Precision { compiled: self.precision, called }
        } else if scratch < bound.scratch_elements {
            KernelCallError::Scratch { expected: bound.scratch_elements, found: scratch }
        } else if !bound.steps.contains(moment) {
            KernelCallError::Unbound { step: moment.step, steps: bound.steps.steps }
        } else {
            KernelCallError::OutOfArena { buffer: 0, length }
        }
    }
}

/// Calls compiled code.
///
/// # Safety
///
/// - `address` is the entry of a kernel that was compiled with this signature for `T`; the code stays valid during the call.
/// - The kernel has as many buffers as the first of `buffers` were written.
/// - In row `r < rows`, of each buffer, elements `r * stride .. r * stride + width` from its pointer on may be read and
///   written: no more is touched (K3, checked by `Kernel::verify` in `compile`).
/// - `scratch` has as many elements as the kernel touches.
#[inline(always)]
unsafe fn enter<T: Real>(
    address: *const u8,
    buffers: &[MaybeUninit<*mut T>; MAXIMUM_BUFFERS],
    rows: usize,
    primitives: &PrimitiveTable<T>,
    scratch: &mut [T],
) {
    // SAFETY: the caller's promise about the address.
    let function = unsafe { std::mem::transmute::<*const u8, KernelFunction<T>>(address) };
    // SAFETY: the caller's promises. A `MaybeUninit` of a pointer lies in memory as the pointer does, and the code reads those
    // that were written. It calls entries of `primitives` with runs inside those bounds, under the contract of
    // `PrimitiveTable::new`; none unwinds.
    unsafe { function(buffers.as_ptr().cast(), rows, primitives.functions().as_ptr(), scratch.as_mut_ptr()) };
}
