//! Why no machine code came of a set of kernels.

#![forbid(unsafe_code)]

use crate::plan::kernel::KernelError;

/// Why no machine code came of a set of kernels.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodegenError {
    /// A kernel breaks one of K1 to K4: a mistake of the planner.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A kernel has more buffers than a call passes.
    #[error("kernel `{kernel}` has {buffers} buffers, at most {maximum} are possible")]
    TooManyBuffers {
        /// Name of the kernel.
        kernel: String,
        /// Its buffers.
        buffers: usize,
        /// The limit, [`super::MAXIMUM_BUFFERS`].
        maximum: usize,
    },
    /// Lanes, columns or strides beyond [`super::MAXIMUM_EXTENT`], or scratch memory beyond the address space.
    #[error("kernel `{kernel}` is too large: {extent} elements")]
    TooLarge {
        /// Name of the kernel.
        kernel: String,
        /// The extent in question.
        extent: usize,
    },
    /// Cranelift does not generate code for this machine; the interpreter does the work there.
    #[error("no code can be generated for this machine: {0}")]
    Host(String),
    /// The schedule is incomplete or Cranelift refused what it was given: a mistake of this module.
    #[error("code generation failed: {0}")]
    Cranelift(String),
}
