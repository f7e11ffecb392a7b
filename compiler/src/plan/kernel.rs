//! Element loops: the arithmetic of a cell between two matrix products, as straight-line code over the lanes of a row.
//!
//! A kernel runs over `rows` rows. For each row it reads lanes from buffers, computes in single-assignment form, and
//! writes lanes back. All buffers lie in one arena; a binding gives each buffer the offset of its first row.
//!
//! # Meaning
//!
//! For each row `r` in order: every `Load` reads the value that its location holds *before* the kernel's own stores of
//! that row; then the instructions are evaluated; then the stores take effect. Element `j` of a lane value depends
//! only on element `j` of its operands, but for the reductions.
//!
//! # Invariants
//!
//! - **K1** operands refer to earlier instructions that give a value.
//! - **K2** a location (buffer, column) is stored at most once; two stored ranges of a buffer do not overlap; a load
//!   and a store of one buffer are of the same column or do not overlap.
//! - **K3** `column + lanes` (or `column + 1` for scalars) is within the buffer's `width`, and `width <= stride` or
//!   `stride == 0`.
//! - **K4** buffers with stride 0 are only loaded from, or only accumulated into.
//! - **K5** two buffers of one call may be bound to overlapping memory only where none of the overlap is written.

use crate::operator::{Binary, Ternary, Unary};

/// A value of a kernel: the index of the instruction that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// A buffer as one kernel sees it: rows of `width` elements, `stride` elements apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KernelBuffer {
    /// Elements from one row to the next; 0 where every row is the same (a bias, a gradient sum).
    pub stride: usize,
    /// Elements of a row that the kernel may touch.
    pub width: usize,
    /// For readers of the printed plan.
    pub name: String,
}

/// One instruction. Values are either *lane values* (one element per lane) or *scalars* (one per row), which broadcast.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// Lanes `column .. column + lanes` of the row.
    Load {
        /// Which buffer.
        buffer: usize,
        /// First element.
        column: usize,
    },
    /// One element of the row, as a scalar.
    LoadScalar {
        /// Which buffer.
        buffer: usize,
        /// Which element.
        column: usize,
    },
    /// A number, as a scalar.
    Constant(f64),
    /// Element-wise function.
    Unary(Unary, ValueId),
    /// Element-wise function.
    Binary(Binary, ValueId, ValueId),
    /// Element-wise function.
    Ternary(Ternary, ValueId, ValueId, ValueId),
    /// Sum over lanes, a scalar. Order: four partial sums by `lane % 4`, each in increasing lane from zero, then
    /// `(s0 + s1) + (s2 + s3)`.
    Sum(ValueId),
    /// Largest lane, a scalar, NaN where any lane is; four partial maxima as for `Sum`, starting from `-inf`.
    MaximumElement(ValueId),
    /// Write lanes (a scalar is repeated).
    Store {
        /// Which buffer.
        buffer: usize,
        /// First element.
        column: usize,
        /// What.
        value: ValueId,
    },
    /// Write one element.
    StoreScalar {
        /// Which buffer.
        buffer: usize,
        /// Which element.
        column: usize,
        /// What; a scalar.
        value: ValueId,
    },
    /// Add lanes onto a buffer of stride 0, rows in increasing order.
    Accumulate {
        /// Which buffer.
        buffer: usize,
        /// First element.
        column: usize,
        /// What.
        value: ValueId,
    },
    /// Add a scalar onto one element of a buffer of stride 0, rows in increasing order.
    AccumulateScalar {
        /// Which buffer.
        buffer: usize,
        /// Which element.
        column: usize,
        /// What; a scalar.
        value: ValueId,
    },
}

/// An element loop.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// What it computes, for readers and for profiles.
    pub name: String,
    /// Elements of a lane value.
    pub lanes: usize,
    /// Buffers, in the order of the call's bindings.
    pub buffers: Vec<KernelBuffer>,
    /// Straight-line code.
    pub instructions: Vec<Instruction>,
}
