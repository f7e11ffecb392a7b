//! The checked way into compiled code.

use std::mem::MaybeUninit;

use super::{CompiledKernels, MAXIMUM_BUFFERS};
use crate::operator::primitive::{PrimitiveFunction, PrimitiveTable};
use crate::operator::real::Real;
use crate::plan::interpret::{KernelCallError, fits};
use crate::plan::kernel::Precision;

/// A compiled kernel, see [`super::emit`].
type KernelFunction<T> = unsafe extern "C" fn(
    buffers: *const *mut T,
    rows: usize,
    primitives: *const PrimitiveFunction<T>,
    scratch: *mut T,
);

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
        // SAFETY: `address` is the entry of kernel `index`, compiled with this signature; it stays valid during the
        // call because `self.memory`, which owns the code, is borrowed.
        let function = unsafe { std::mem::transmute::<*const u8, KernelFunction<T>>(address) };
        // SAFETY:
        // - The code computes in `T`: `called == self.precision`.
        // - It reads `entry.buffers.len()` pointers from `buffers`, as many as the loop above has written: `offsets` has as
        //   many. A `MaybeUninit` of a pointer lies in memory as the pointer does.
        // - In row `r < rows` it touches, of buffer `b`, elements `r * stride .. r * stride + width` from `buffers[b]`
        //   on (K3, checked by `Kernel::verify` in `compile`); `fits` has shown that they lie in `arena`, which is
        //   borrowed mutably.
        // - It touches `entry.scratch_elements` elements of `scratch`, compared above; `scratch` is borrowed mutably.
        // - It calls entries of `primitives` with runs inside those bounds, under the contract of
        //   `PrimitiveTable::new`; none unwinds.
        unsafe {
            function(buffers.as_ptr().cast(), rows, primitives.functions().as_ptr(), scratch.as_mut_ptr())
        };
        Ok(())
    }
}
