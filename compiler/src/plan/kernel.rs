//! Element loops: the arithmetic of a cell between two matrix products, as straight-line code over the lanes of a row.
//!
//! A kernel runs over `rows` rows. For each row it reads lanes from buffers, computes in single-assignment form, and
//! writes lanes back. All buffers lie in one arena; a binding gives each buffer the offset of its first row.
//!
//! # Meaning
//!
//! For each row `r` in order: every `Load` reads the value that its location holds *before* the kernel's own stores of
//! that row; then the instructions are evaluated; then the stores take effect. Element `j` of a lane value depends
//! only on element `j` of its operands, but for the reductions and cumulative sums.
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

#![forbid(unsafe_code)]

use std::fmt;

use crate::operator::real::Real;
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
    /// Sums over the lanes up to each, a lane value: see [`crate::operator::evaluate::cumulative_sum`]. A scalar is repeated.
    CumulativeSum {
        /// From the last lane to the first.
        reverse: bool,
        /// Of what.
        value: ValueId,
    },
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

/// The kind of number that a kernel computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// `f32`.
    Single,
    /// `f64`.
    Double,
}

impl Precision {
    /// The precision of a type.
    #[must_use]
    pub const fn of<T: Real>() -> Self {
        if T::BITS == 32 { Self::Single } else { Self::Double }
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "f32",
            Self::Double => "f64",
        })
    }
}

/// What an instruction gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One element per lane.
    Lanes,
    /// One element per row.
    Scalar,
    /// Nothing: a store.
    Nothing,
}

/// A broken invariant of a kernel: always a mistake of the planner, never of the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// K1.
    #[error(
        "K1: instruction {instruction} of kernel `{kernel}` reads v{operand}, which is not an earlier value"
    )]
    Operand {
        /// Name of the kernel.
        kernel: String,
        /// Index of the instruction.
        instruction: usize,
        /// The operand.
        operand: u32,
    },
    /// K1, where a scalar is asked for.
    #[error(
        "K1: instruction {instruction} of kernel `{kernel}` needs a scalar, but v{operand} is a lane value"
    )]
    NotScalar {
        /// Name of the kernel.
        kernel: String,
        /// Index of the instruction.
        instruction: usize,
        /// The operand.
        operand: u32,
    },
    /// K2.
    #[error("K2: instructions {first} and {second} of kernel `{kernel}` overlap in a buffer")]
    Overlap {
        /// Name of the kernel.
        kernel: String,
        /// Index of one instruction.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// K3, an instruction.
    #[error("K3: instruction {instruction} of kernel `{kernel}` leaves its buffer")]
    Bounds {
        /// Name of the kernel.
        kernel: String,
        /// Index of the instruction.
        instruction: usize,
    },
    /// K3, a buffer.
    #[error("K3: rows of buffer {buffer} of kernel `{kernel}` overlap: width {width}, stride {stride}")]
    Stride {
        /// Name of the kernel.
        kernel: String,
        /// Index of the buffer.
        buffer: usize,
        /// Its width.
        width: usize,
        /// Its stride.
        stride: usize,
    },
    /// K4.
    #[error("K4: instruction {instruction} of kernel `{kernel}` does not suit the stride of its buffer")]
    Access {
        /// Name of the kernel.
        kernel: String,
        /// Index of the instruction.
        instruction: usize,
    },
}

/// How an instruction touches memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Read,
    /// Overwrites.
    Write,
    /// Reads, adds and overwrites.
    Add,
}

impl Instruction {
    /// The values that the instruction reads.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> + use<> {
        let operands = match *self {
            Self::Load { .. } | Self::LoadScalar { .. } | Self::Constant(_) => [None; 3],
            Self::Unary(_, a)
            | Self::Sum(a)
            | Self::MaximumElement(a)
            | Self::CumulativeSum { value: a, .. } => [Some(a), None, None],
            Self::Binary(_, a, b) => [Some(a), Some(b), None],
            Self::Ternary(_, a, b, c) => [Some(a), Some(b), Some(c)],
            Self::Store { value, .. }
            | Self::StoreScalar { value, .. }
            | Self::Accumulate { value, .. }
            | Self::AccumulateScalar { value, .. } => [Some(value), None, None],
        };
        operands.into_iter().flatten()
    }

    /// The memory that the instruction touches in a row: how, which buffer, first column, number of columns.
    #[must_use]
    pub fn access(&self, lanes: usize) -> Option<(Access, usize, usize, usize)> {
        match *self {
            Self::Load { buffer, column } => Some((Access::Read, buffer, column, lanes)),
            Self::LoadScalar { buffer, column } => Some((Access::Read, buffer, column, 1)),
            Self::Store { buffer, column, .. } => Some((Access::Write, buffer, column, lanes)),
            Self::StoreScalar { buffer, column, .. } => Some((Access::Write, buffer, column, 1)),
            Self::Accumulate { buffer, column, .. } => Some((Access::Add, buffer, column, lanes)),
            Self::AccumulateScalar { buffer, column, .. } => Some((Access::Add, buffer, column, 1)),
            _ => None,
        }
    }
}

impl Kernel {
    /// What each instruction gives.
    ///
    /// An element-wise function of scalars is a scalar; where any operand is a lane value, so is the result.
    ///
    /// # Errors
    /// K1 is broken.
    pub fn kinds(&self) -> Result<Vec<Kind>, KernelError> {
        let mut kinds: Vec<Kind> = Vec::with_capacity(self.instructions.len());
        for (index, instruction) in self.instructions.iter().enumerate() {
            let mut lanes = false;
            for operand in instruction.operands() {
                match kinds.get(operand.0 as usize) {
                    Some(Kind::Lanes) => lanes = true,
                    Some(Kind::Scalar) => {}
                    Some(Kind::Nothing) | None => {
                        return Err(KernelError::Operand {
                            kernel: self.name.clone(),
                            instruction: index,
                            operand: operand.0,
                        });
                    }
                }
            }
            kinds.push(match *instruction {
                Instruction::Load { .. } | Instruction::CumulativeSum { .. } => Kind::Lanes,
                Instruction::LoadScalar { .. }
                | Instruction::Constant(_)
                | Instruction::Sum(_)
                | Instruction::MaximumElement(_) => Kind::Scalar,
                Instruction::Unary(..) | Instruction::Binary(..) | Instruction::Ternary(..) => {
                    if lanes {
                        Kind::Lanes
                    } else {
                        Kind::Scalar
                    }
                }
                Instruction::Store { .. } | Instruction::Accumulate { .. } => Kind::Nothing,
                Instruction::StoreScalar { value, .. } | Instruction::AccumulateScalar { value, .. } => {
                    if lanes {
                        return Err(KernelError::NotScalar {
                            kernel: self.name.clone(),
                            instruction: index,
                            operand: value.0,
                        });
                    }
                    Kind::Nothing
                }
            });
        }
        Ok(kinds)
    }

    /// Checks the invariants that do not depend on a call: K1 to K4. K5 is about bindings, see
    /// [`super::interpret::check_overlap`].
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn verify(&self) -> Result<(), KernelError> {
        self.kinds()?;
        for (index, buffer) in self.buffers.iter().enumerate() {
            if buffer.stride != 0 && buffer.stride < buffer.width {
                return Err(KernelError::Stride {
                    kernel: self.name.clone(),
                    buffer: index,
                    width: buffer.width,
                    stride: buffer.stride,
                });
            }
        }
        // (buffer, first column, end, instruction) of every access.
        let mut stores = Vec::new();
        let mut loads = Vec::new();
        for (index, instruction) in self.instructions.iter().enumerate() {
            let Some((access, buffer, column, length)) = instruction.access(self.lanes) else { continue };
            let place = self.buffers.get(buffer).zip(column.checked_add(length));
            let Some((shape, end)) = place.filter(|(shape, end)| *end <= shape.width) else {
                return Err(KernelError::Bounds { kernel: self.name.clone(), instruction: index });
            };
            let suits = match access {
                Access::Read => true,
                Access::Write => shape.stride != 0,
                Access::Add => shape.stride == 0,
            };
            if !suits {
                return Err(KernelError::Access { kernel: self.name.clone(), instruction: index });
            }
            match access {
                Access::Read => loads.push((buffer, column, end, index)),
                Access::Write | Access::Add => stores.push((buffer, column, end, index)),
            }
        }
        let overlap =
            |first: usize, second: usize| KernelError::Overlap { kernel: self.name.clone(), first, second };
        stores.sort_unstable();
        // Empty ranges (no lanes) overlap nothing.
        stores.retain(|store| store.1 < store.2);
        for pair in stores.windows(2) {
            if pair[0].0 == pair[1].0 && pair[1].1 < pair[0].2 {
                return Err(overlap(pair[0].3, pair[1].3));
            }
        }
        for &(buffer, column, end, index) in &loads {
            // Stored ranges are disjoint and sorted, so those that overlap the load are neighbours.
            let first = stores.partition_point(|store| (store.0, store.2) <= (buffer, column));
            for store in stores[first..].iter().take_while(|store| store.0 == buffer && store.1 < end) {
                if self.buffers[buffer].stride == 0 {
                    return Err(KernelError::Access { kernel: self.name.clone(), instruction: index });
                }
                if store.1 != column && column < end {
                    return Err(overlap(index, store.3));
                }
            }
        }
        for &(buffer, _, _, index) in &loads {
            // K4 is about the whole buffer, not about the columns.
            let first = stores.partition_point(|store| store.0 < buffer);
            let stored = stores.get(first).is_some_and(|store| store.0 == buffer);
            if stored && self.buffers[buffer].stride == 0 {
                return Err(KernelError::Access { kernel: self.name.clone(), instruction: index });
            }
        }
        Ok(())
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// The text form: one line for the kernel, one for each buffer, one for each instruction.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel {} lanes {}", self.name, self.lanes)?;
        for (index, buffer) in self.buffers.iter().enumerate() {
            writeln!(f, "  b{index} = {} width {} stride {}", buffer.name, buffer.width, buffer.stride)?;
        }
        for (index, instruction) in self.instructions.iter().enumerate() {
            write!(f, "  ")?;
            match instruction {
                Instruction::Load { buffer, column } => write!(f, "v{index} = load b{buffer}[{column}..]")?,
                Instruction::LoadScalar { buffer, column } => {
                    write!(f, "v{index} = load b{buffer}[{column}]")?
                }
                Instruction::Constant(value) => write!(f, "v{index} = {value:?}")?,
                Instruction::Unary(function, a) => write!(f, "v{index} = {function:?} {a}")?,
                Instruction::Binary(function, a, b) => write!(f, "v{index} = {function:?} {a} {b}")?,
                Instruction::Ternary(function, a, b, c) => write!(f, "v{index} = {function:?} {a} {b} {c}")?,
                Instruction::Sum(a) => write!(f, "v{index} = Sum {a}")?,
                Instruction::MaximumElement(a) => write!(f, "v{index} = MaximumElement {a}")?,
                Instruction::CumulativeSum { reverse, value } => {
                    let order = if *reverse { "ReverseCumulativeSum" } else { "CumulativeSum" };
                    write!(f, "v{index} = {order} {value}")?;
                }
                Instruction::Store { buffer, column, value } => write!(f, "b{buffer}[{column}..] = {value}")?,
                Instruction::StoreScalar { buffer, column, value } => {
                    write!(f, "b{buffer}[{column}] = {value}")?
                }
                Instruction::Accumulate { buffer, column, value } => {
                    write!(f, "b{buffer}[{column}..] += {value}")?
                }
                Instruction::AccumulateScalar { buffer, column, value } => {
                    write!(f, "b{buffer}[{column}] += {value}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
