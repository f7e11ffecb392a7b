//! The name of each operator in the text forms, and how many operands it takes.

use super::{Binary, Operator, Ternary, Unary};
use crate::shape::Dimension;

impl Unary {
    /// Every function of one operand.
    pub const ALL: [Self; 15] = [
        Self::Negate,
        Self::Absolute,
        Self::Sign,
        Self::Step,
        Self::Relu,
        Self::Floor,
        Self::Round,
        Self::SquareRoot,
        Self::Sigmoid,
        Self::Tanh,
        Self::Exponential,
        Self::Logarithm,
        Self::Softplus,
        Self::Sine,
        Self::Cosine,
    ];

    /// The name in text forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Negate => "negate",
            Self::Absolute => "absolute",
            Self::Sign => "sign",
            Self::Step => "step",
            Self::Relu => "relu",
            Self::Floor => "floor",
            Self::Round => "round",
            Self::SquareRoot => "square_root",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Exponential => "exponential",
            Self::Logarithm => "logarithm",
            Self::Softplus => "softplus",
            Self::Sine => "sine",
            Self::Cosine => "cosine",
        }
    }
}

impl Binary {
    /// Every function of two operands.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Maximum,
        Self::Minimum,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// The name in text forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::Less => "less",
            Self::LessOrEqual => "less_or_equal",
        }
    }
}

impl Ternary {
    /// Every function of three operands.
    pub const ALL: [Self; 4] =
        [Self::MultiplyAdd, Self::MultiplySubtract, Self::NegatedMultiplyAdd, Self::Select];

    /// The name in text forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiplyAdd => "multiply_add",
            Self::MultiplySubtract => "multiply_subtract",
            Self::NegatedMultiplyAdd => "negated_multiply_add",
            Self::Select => "select",
        }
    }
}

impl Operator {
    /// The number `value`.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self::Constant(value.to_bits())
    }

    /// The name in text forms, without what the operator holds.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant(_) => "constant",
            Self::Input(_) => "input",
            Self::State(_) => "state",
            Self::Unknown(_) => "unknown",
            Self::Parameter(_) => "parameter",
            Self::Identity(_) => "identity",
            Self::OutputGradient(_) => "output_gradient",
            Self::StateGradient(_) => "state_gradient",
            Self::SolutionGradient(_) => "solution_gradient",
            Self::Unary(function) => function.name(),
            Self::Binary(function) => function.name(),
            Self::Ternary(function) => function.name(),
            Self::MatrixVector => "matrix_vector",
            Self::Outer => "outer",
            Self::MatrixMatrix => "matrix_matrix",
            Self::Transpose => "transpose",
            Self::Concatenate => "concatenate",
            Self::Slice { .. } => "slice",
            Self::Pad { .. } => "pad",
            Self::SliceColumns { .. } => "slice_columns",
            Self::PadColumns { .. } => "pad_columns",
            Self::Sum => "sum",
            Self::MaximumElement => "maximum_element",
            Self::CumulativeSum { reverse: false } => "cumulative_sum",
            Self::CumulativeSum { reverse: true } => "reverse_cumulative_sum",
            Self::RowMaximum => "row_maximum",
            Self::Broadcast(_) => "broadcast",
            Self::BroadcastMatrix(..) => "broadcast_matrix",
            Self::Total => "total",
        }
    }

    /// The number of the input, state, unknown, parameter or output that a leaf refers to, by itself or as what it is the
    /// gradient by; `None` for what refers to none.
    #[must_use]
    pub const fn port(&self) -> Option<u32> {
        match *self {
            Self::Input(index)
            | Self::State(index)
            | Self::Unknown(index)
            | Self::Parameter(index)
            | Self::OutputGradient(index)
            | Self::StateGradient(index)
            | Self::SolutionGradient(index) => Some(index),
            _ => None,
        }
    }

    /// How many operands it takes; `None` for one or more.
    #[must_use]
    pub const fn arity(&self) -> Option<usize> {
        match self {
            Self::Constant(_)
            | Self::Input(_)
            | Self::State(_)
            | Self::Unknown(_)
            | Self::Parameter(_)
            | Self::Identity(_)
            | Self::OutputGradient(_)
            | Self::StateGradient(_)
            | Self::SolutionGradient(_) => Some(0),
            Self::Unary(_)
            | Self::Transpose
            | Self::Slice { .. }
            | Self::Pad { .. }
            | Self::SliceColumns { .. }
            | Self::PadColumns { .. }
            | Self::Sum
            | Self::MaximumElement
            | Self::CumulativeSum { .. }
            | Self::RowMaximum
            | Self::Broadcast(_)
            | Self::BroadcastMatrix(..)
            | Self::Total => Some(1),
            Self::Binary(_) | Self::MatrixVector | Self::Outer | Self::MatrixMatrix => Some(2),
            Self::Ternary(_) => Some(3),
            Self::Concatenate => None,
        }
    }

    /// Calls `visit` with each size that is part of the operator.
    pub fn each_dimension_mut(&mut self, mut visit: impl FnMut(&mut Dimension)) {
        match self {
            Self::Identity(n) | Self::Broadcast(n) => visit(n),
            Self::BroadcastMatrix(first, second)
            | Self::Slice { start: first, length: second }
            | Self::SliceColumns { start: first, length: second }
            | Self::Pad { start: first, total: second }
            | Self::PadColumns { start: first, total: second } => {
                visit(first);
                visit(second);
            }
            _ => {}
        }
    }

    /// True for operators whose result has in each element a function of the same element of the operands.
    #[must_use]
    pub const fn is_element_wise(&self) -> bool {
        matches!(self, Self::Unary(_) | Self::Binary(_) | Self::Ternary(_))
    }
}
