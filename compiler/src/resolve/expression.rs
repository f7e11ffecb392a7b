//! Expressions with names resolved to numbers, in one arena, operands before their users.
//!
//! Later passes are loops over the arena, never recursion over trees. Parentheses and functions that the document
//! itself defines are gone; an argument of such a function is shared, not copied.

use crate::operator::Unary;
use crate::source::ast::{Comparison, Function, ProductSign, Size};
use crate::span::Span;

/// A name of the document: an index into [`super::draft::Draft::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SymbolId(pub(super) usize);

/// An expression: an index into [`super::draft::Draft::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) usize);

/// An expression and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) kind: NodeKind,
    /// Where it was written.
    pub(super) span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    /// Something an error was already reported for.
    Faulty,
    /// A number.
    Number(f64),
    /// A value by name, with the time as written.
    Read { symbol: SymbolId, time: Option<i32> },
    /// `-a`.
    Negate(NodeId),
    /// `a + b`.
    Add(NodeId, NodeId),
    /// `a - b`.
    Subtract(NodeId, NodeId),
    /// `a / b`.
    Divide(NodeId, NodeId),
    /// `a^b`.
    Power(NodeId, NodeId),
    /// `a^\top`.
    Transpose(NodeId),
    /// `[a, b]`.
    Concatenate(Vec<NodeId>),
    /// `a < b`.
    Compare(Comparison, NodeId, NodeId),
    /// A known function.
    Call(Function, Vec<NodeId>),
    /// `a[n:2n]`.
    Slice(NodeId, Size, Option<Size>),
    /// Two or more factors, with the sign between each and the next.
    Factors {
        /// The factors in order.
        factors: Vec<NodeId>,
        /// One sign fewer than factors.
        signs: Vec<ProductSign>,
        /// Positions of unbound names that stand directly before a parenthesis.
        applied: Vec<usize>,
    },
}

impl NodeKind {
    /// Calls `visit` with each operand in order.
    pub(super) fn operands(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Self::Faulty | Self::Number(_) | Self::Read { .. } => {}
            Self::Negate(a) | Self::Transpose(a) | Self::Slice(a, ..) => visit(*a),
            Self::Add(a, b)
            | Self::Subtract(a, b)
            | Self::Divide(a, b)
            | Self::Power(a, b)
            | Self::Compare(_, a, b) => {
                visit(*a);
                visit(*b);
            }
            Self::Concatenate(all) | Self::Call(_, all) | Self::Factors { factors: all, .. } => {
                all.iter().copied().for_each(visit);
            }
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// Only declared.
    Unused,
    /// Indexed and never defined.
    Input,
    /// Defined, and different at each step.
    PerStep,
    /// Defined from parameters and constants alone.
    Once,
    /// A given number.
    Constant(f64),
    /// Not indexed and never defined.
    Parameter,
    /// The identity matrix.
    Identity,
}

/// A declared shape.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// Size along each axis.
    pub(super) sizes: Vec<Size>,
    /// The declaration.
    pub(super) span: Span,
}

/// What is known of a name.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    /// Canonical ASCII form, superscript label included.
    pub(super) canonical: String,
    /// Begins with an upper-case letter.
    pub(super) upper: bool,
    /// Where it stands first.
    pub(super) first: Span,
    /// Its declaration.
    pub(super) declared: Option<Declared>,
    /// Numbers of the equations that define it, in order.
    pub(super) definitions: Vec<usize>,
    /// What it stands for.
    pub(super) role: Role,
    /// Time index that means the current step.
    pub(super) shift: i64,
}

/// One definition.
#[derive(Clone, Debug)]
pub(super) struct Equation {
    /// What is defined.
    pub(super) target: SymbolId,
    /// Time index of the left side.
    pub(super) time: Option<i32>,
    /// Place of the left side.
    pub(super) target_span: Span,
    /// All of it.
    pub(super) span: Span,
    /// Index of the statement in the document.
    pub(super) statement: usize,
    /// The right side.
    pub(super) value: NodeId,
    /// Expressions `first_node .. end_node` belong to this equation.
    pub(super) first_node: usize,
    /// One after the last expression of this equation.
    pub(super) end_node: usize,
}

/// Where a read takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The node reads nothing.
    None,
    /// An equation of this step.
    Equation(usize),
    /// An equation of this step that needs this read: its value is an unknown of the step.
    Unknown(usize),
    /// The value of the name so many steps ago, one or more.
    Delayed(SymbolId, u32),
    /// An input so many steps ago, zero or more.
    Input(SymbolId, u32),
    /// A parameter.
    Parameter(SymbolId),
    /// The identity matrix.
    Identity,
}

/// The operator of a function that is one operator.
pub(super) const fn unary(function: Function) -> Option<Unary> {
    Some(match function {
        Function::Sigmoid => Unary::Sigmoid,
        Function::Tanh => Unary::Tanh,
        Function::Relu => Unary::Relu,
        Function::Softplus => Unary::Softplus,
        Function::Exponential => Unary::Exponential,
        Function::Logarithm => Unary::Logarithm,
        Function::SquareRoot => Unary::SquareRoot,
        Function::Absolute => Unary::Absolute,
        Function::Sine => Unary::Sine,
        Function::Cosine => Unary::Cosine,
        Function::Sign => Unary::Sign,
        Function::Floor => Unary::Floor,
        Function::Round => Unary::Round,
        _ => return None,
    })
}
