//! One value of the flow: what it is, what it reads and when it is known.

use crate::operator::{Binary, Ternary, Unary};
use crate::plan::{MatrixStrides, MatrixView, OnceSource};

/// Index of a [`FlowNode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::plan) struct FlowId(pub(in crate::plan) u32);

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::plan) enum FlowKind {
    Input(u32),
    State(u32),
    Unknown(u32),
    OutputGradient(u32),
    StateGradient(u32),
    SolutionGradient(u32),
    /// Constant over time: a whole parameter vector or scalar, or an expression.
    Once(OnceSource),
    /// A number.
    Constant(f64),
    Unary(Unary),
    Binary(Binary),
    Ternary(Ternary),
    /// The operand itself, repeated over lanes where it is a scalar.
    Copy,
    Sum,
    MaximumElement,
    CumulativeSum {
        reverse: bool,
    },
    /// Sum of products, each of a matrix and the operand at the same position; with `addend`, the last operand is added
    /// too. It starts at a vector that is constant over time, if there is one.
    Product {
        terms: Vec<MatrixView>,
        addend: bool,
        start: Option<OnceSource>,
    },
    /// For each sample the product of two matrices; a vector is a matrix of one column, or of one row.
    SampleProduct {
        left: MatrixStrides,
        right: MatrixStrides,
    },
    /// For each sample the elements of a matrix row by row, as columns `start ..` of `total`, the others zero.
    Arrange {
        from: MatrixStrides,
        start: usize,
        total: usize,
    },
    /// For each sample the largest element of each row of a matrix.
    RowMaximum {
        from: MatrixStrides,
    },
    /// Operands one after the other; `None` entries of the layout are zeros. `starts[k]` is where operand `k` begins.
    Join {
        starts: Vec<usize>,
    },
    /// Elements from `start` on.
    Slice {
        start: usize,
    },
}

/// One per-step value.
#[derive(Clone, Debug)]
pub(in crate::plan) struct FlowNode {
    pub(in crate::plan) kind: FlowKind,
    pub(in crate::plan) operands: Vec<FlowId>,
    /// Elements per row; 1 for scalars.
    pub(in crate::plan) lanes: usize,
    /// One element per row, which broadcasts.
    pub(in crate::plan) scalar: bool,
    /// Depends on a gradient leaf.
    pub(in crate::plan) backward: bool,
    /// Depends on the state of the step before, or on an unknown: is not known before the time loop.
    pub(in crate::plan) on_state: bool,
    /// Depends on the gradient of the step after, or on that by a solution: is not known before the loop back.
    pub(in crate::plan) on_gradient: bool,
    /// Differs from iteration to iteration while its pass is solved: depends on an unknown, or for a backward value on
    /// the gradient by a solution.
    pub(in crate::plan) on_unknown: bool,
    /// For readers.
    pub(in crate::plan) name: String,
}

impl FlowNode {
    /// A leaf: nothing computes it.
    pub(in crate::plan) fn is_leaf(&self) -> bool {
        matches!(
            self.kind,
            FlowKind::Input(_)
                | FlowKind::State(_)
                | FlowKind::Unknown(_)
                | FlowKind::OutputGradient(_)
                | FlowKind::StateGradient(_)
                | FlowKind::SolutionGradient(_)
                | FlowKind::Once(_)
                | FlowKind::Constant(_)
        )
    }

    /// Computed by an element loop.
    pub(in crate::plan) fn is_element(&self) -> bool {
        matches!(
            self.kind,
            FlowKind::Unary(_)
                | FlowKind::Binary(_)
                | FlowKind::Ternary(_)
                | FlowKind::Copy
                | FlowKind::Sum
                | FlowKind::MaximumElement
                | FlowKind::CumulativeSum { .. }
        )
    }

    /// What a product adds onto, if there is something.
    pub(in crate::plan) fn under(&self) -> Option<FlowId> {
        match &self.kind {
            FlowKind::Product { terms, addend: true, .. } => self.operands.get(terms.len()).copied(),
            _ => None,
        }
    }

    /// An operation of each sample on its own matrices, which reads memory and writes memory.
    pub(in crate::plan) fn is_sample_operation(&self) -> bool {
        matches!(
            self.kind,
            FlowKind::SampleProduct { .. } | FlowKind::Arrange { .. } | FlowKind::RowMaximum { .. }
        )
    }

    /// Too dear to compute twice: a transcendental function or a reduction.
    pub(in crate::plan) fn is_dear(&self) -> bool {
        match self.kind {
            FlowKind::Unary(function) => function.is_primitive(),
            FlowKind::Sum | FlowKind::MaximumElement | FlowKind::CumulativeSum { .. } => true,
            _ => false,
        }
    }
}

/// A value that is solved for.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Solved {
    /// Number of the unknown.
    pub(in crate::plan) index: u32,
    /// The leaf that is read.
    pub(in crate::plan) unknown: FlowId,
    /// What the equations give for it.
    pub(in crate::plan) solution: FlowId,
    /// The state that its iteration begins with.
    pub(in crate::plan) start: Option<u32>,
}
