//! The one table of operators: what a node of a graph, a term of a cell or an element loop can compute.
//!
//! For each operator: shape rule ([`shape_rule`]), meaning (scalar, in f32 and f64: [`evaluate`]), derivative
//! ([`crate::differentiate`]), vector form (the code generator).

pub mod elementary;
pub mod evaluate;
pub mod name;
#[cfg(feature = "jit")]
pub mod primitive;
pub mod real;
pub mod shape_rule;

use crate::shape::Dimension;

/// Element-wise functions of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    /// `-x`.
    Negate,
    /// `|x|`.
    Absolute,
    /// -1, 0 or 1 (0 for NaN and for both zeros); its derivative is zero everywhere.
    Sign,
    /// 1 where `x > 0`, else 0 (NaN too); its derivative is zero everywhere.
    Step,
    /// `x` where `x >= 0`, 0 where `x < 0`, NaN where `x` is.
    Relu,
    /// The largest whole number that is not larger: `floor(-0.5) = -1`, zeros, infinities and NaN stay. Its derivative is
    /// zero everywhere.
    Floor,
    /// The nearest whole number, of two the even one; zeros, infinities and NaN stay, and the sign does
    /// (`round(-0.3) = -0`). Its derivative is taken to be 1 (straight through: Bengio, Léonard, Courville 2013), since
    /// it stands in cells for a decision that is to be learned.
    Round,
    /// Square root.
    SquareRoot,
    /// Logistic function `1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `e^x`.
    Exponential,
    /// Natural logarithm.
    Logarithm,
    /// `ln(1 + e^x)`, without overflow.
    Softplus,
    /// Sine, radians.
    Sine,
    /// Cosine, radians.
    Cosine,
}

impl Unary {
    /// The functions of the table of tile primitives, in its order.
    pub const PRIMITIVES: [Self; 7] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Exponential,
        Self::Logarithm,
        Self::Softplus,
        Self::Sine,
        Self::Cosine,
    ];

    /// True for functions that run over a tile as a host primitive; loops split at them.
    #[must_use]
    pub const fn is_primitive(self) -> bool {
        self.primitive_index().is_some()
    }

    /// Place of the function in the table of tile primitives that compiled code is given: the pointer is at
    /// `table + 8 * index` on a 64-bit machine. `None` where [`Unary::is_primitive`] is false.
    #[must_use]
    pub const fn primitive_index(self) -> Option<usize> {
        match self {
            Self::Sigmoid => Some(0),
            Self::Tanh => Some(1),
            Self::Exponential => Some(2),
            Self::Logarithm => Some(3),
            Self::Softplus => Some(4),
            Self::Sine => Some(5),
            Self::Cosine => Some(6),
            Self::Negate
            | Self::Absolute
            | Self::Sign
            | Self::Step
            | Self::Relu
            | Self::Floor
            | Self::Round
            | Self::SquareRoot => None,
        }
    }
}

/// Element-wise functions of two operands. A scalar operand broadcasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// `a * b`.
    Multiply,
    /// `a / b`.
    Divide,
    /// The larger; NaN where either is.
    Maximum,
    /// The smaller; NaN where either is.
    Minimum,
    /// 1 where `a < b`, else 0 (NaN too); its derivative is zero everywhere.
    Less,
    /// 1 where `a <= b`, else 0 (NaN too); its derivative is zero everywhere.
    LessOrEqual,
}

/// Element-wise functions of three operands, the first three rounded once. A scalar operand broadcasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ternary {
    /// `a * b + c`.
    MultiplyAdd,
    /// `a * b - c`.
    MultiplySubtract,
    /// `c - a * b`.
    NegatedMultiplyAdd,
    /// `b` where `a != 0` (NaN counts as not zero), else `c`.
    Select,
}

/// An operator, leaves included.
///
/// Where a shape is needed to know what the operator does, it is part of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// A number, kept as the bits of an `f64` so that operators can be hashed. Scalar.
    Constant(u64),
    /// Input sequence number `.0` at this step. Per step.
    Input(u32),
    /// State number `.0` at the end of the step before. Per step.
    State(u32),
    /// Unknown number `.0`: the value at this step that the equations of the step give back. Per step.
    Unknown(u32),
    /// Parameter number `.0`. Constant over time.
    Parameter(u32),
    /// The identity matrix of this size. Constant over time.
    Identity(Dimension),
    /// Gradient of the loss by output number `.0` at this step. Per step; adjoint graphs only.
    OutputGradient(u32),
    /// Gradient of the loss by state number `.0` as it leaves this step, from all later steps and from the
    /// gradient of the final state. Per step; adjoint graphs only.
    StateGradient(u32),
    /// Gradient of the loss by what the equations give for unknown number `.0` at this step, over all ways through the
    /// unknowns of the step: itself an unknown of the walk back. Per step; adjoint graphs only.
    SolutionGradient(u32),
    /// Element-wise, one operand.
    Unary(Unary),
    /// Element-wise, two operands.
    Binary(Binary),
    /// Element-wise, three operands.
    Ternary(Ternary),
    /// Matrix `[m, n]` times vector `[n]`, giving `[m]`.
    MatrixVector,
    /// `u v^T` of vectors `[m]` and `[n]`, giving `[m, n]`.
    Outer,
    /// Matrix `[m, k]` times matrix `[k, n]`.
    MatrixMatrix,
    /// Transpose of a matrix.
    Transpose,
    /// Vectors one after the other.
    Concatenate,
    /// Elements `start .. start + length` of a vector.
    Slice {
        /// First element.
        start: Dimension,
        /// Number of elements.
        length: Dimension,
    },
    /// A vector of `total` elements: zero but for the operand at `start`. The adjoint of `Slice`.
    Pad {
        /// Where the operand begins.
        start: Dimension,
        /// Size of the result.
        total: Dimension,
    },
    /// Columns `start .. start + length` of a matrix.
    SliceColumns {
        /// First column.
        start: Dimension,
        /// Number of columns.
        length: Dimension,
    },
    /// A matrix of `total` columns: zero but for the operand at `start`. The adjoint of `SliceColumns`.
    PadColumns {
        /// Where the operand begins.
        start: Dimension,
        /// Number of columns of the result.
        total: Dimension,
    },
    /// Sum of the elements of a vector or matrix, giving a scalar: see [`evaluate::sum`] for the order.
    Sum,
    /// Largest element of a vector, giving a scalar; NaN where any is, `-inf` of an empty one. Largest elements share
    /// its derivative equally.
    MaximumElement,
    /// Sums of the elements of a vector up to each: `y_j = x_0 + … + x_j`; from the other end (`y_j = x_j + …`) where
    /// `reverse` is set. See [`evaluate::cumulative_sum`] for the order. Each is the other's adjoint.
    CumulativeSum {
        /// From the last element to the first.
        reverse: bool,
    },
    /// Largest element of each row of a matrix `[m, n]`, giving `[m]`; each as [`Operator::MaximumElement`] is.
    RowMaximum,
    /// A scalar as a vector of this size.
    Broadcast(Dimension),
    /// A scalar as a matrix of these rows and columns.
    BroadcastMatrix(Dimension, Dimension),
    /// Sum over all steps and all samples of a per-step value, giving a value constant over time that is known
    /// only after the last step. Adjoint graphs only.
    Total,
}
