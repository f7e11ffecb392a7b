//! The graph of one step: a hash-consed arena of operators.
//!
//! # Invariants, by the number that `verify` reports
//!
//! - **I1** operands have smaller ids than their node: the order of ids is an order of evaluation.
//! - **I2** every node has the shape that its operator's shape rule gives.
//! - **I3** no two nodes are equal in operator and operands.
//! - **I4** leaves refer to inputs, states, parameters and outputs that the graph's signature has.
//! - **I5** `Total` takes a per-step value; nothing per step depends on a `Total`.
//! - **I6** gradient leaves and `Total` occur only in graphs that `differentiate` made.
//! - **I7** every root refers to a node, each root at most once; each state has one `NextState`.

use crate::operator::Operator;
use crate::shape::Shape;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// One value of the step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What computes it.
    pub operator: Operator,
    /// From what, in the operator's order.
    pub operands: Vec<NodeId>,
    /// Shape for one sample.
    pub shape: Shape,
}

/// A named thing at the boundary of a graph: an input, state, parameter or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Canonical ASCII name.
    pub name: String,
    /// Shape for one sample (parameters: the shape stored).
    pub shape: Shape,
}

/// What a graph is called with and what it gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Names of the free dimensions.
    pub dimensions: Vec<String>,
    /// Input sequences.
    pub inputs: Vec<Port>,
    /// States, each with an initial and a final value.
    pub states: Vec<Port>,
    /// Learned parameters.
    pub parameters: Vec<Port>,
    /// Output sequences.
    pub outputs: Vec<Port>,
}

/// What a root of the graph means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// Value of a state at the end of this step.
    NextState(u32),
    /// Value of an output at this step.
    Output(u32),
    /// Gradient by a state as it entered this step. Per step.
    PreviousStateGradient(u32),
    /// Gradient by an input at this step. Per step.
    InputGradient(u32),
    /// Gradient by a parameter, summed over steps and samples. Constant over time.
    ParameterGradient(u32),
}
