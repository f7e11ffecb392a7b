//! The graph of one step: a hash-consed arena of operators.
//!
//! A [`Node`] is one value of one step for one sample: an operator, operands, a shape. Time and batch are nowhere in
//! the graph; they are the two loops around it. What crosses from step to step does so through the roots: the value
//! of `NextState(s)` is what the leaf `State(s)` reads one step later, and in a graph that holds gradients the value
//! of `PreviousStateGradient(s)` is what the leaf `StateGradient(s)` reads one step *earlier*.
//!
//! # Unknowns
//!
//! Equations of one step may need each other (`o_t` needs `h_t`, which needs `o_t`). Such a loop is cut at a value that
//! becomes an *unknown* of the step: the leaf `Unknown(k)` is what the equations read of it, and the root `Solution(k)`
//! what they give for it. All unknowns of a step together are a fixed point: `u = F(u)`. It is found by iteration, as
//! [`solve`] says: `Unknown(k)` begins at the state that `Solution(k)` becomes where it becomes one (the first, in the
//! order of states, whose `NextState` is the same node), else at zero, and takes the value of `Solution(k)` again and
//! again until the values of a sample do not change any more. All that the step gives is then computed once with it.
//!
//! In a graph that holds gradients the walk back is solved in the same way: `UnknownGradient(k)` is what the leaf
//! `SolutionGradient(k)` takes, from zero on. The derivation is in [`crate::differentiate`]. An unknown that nothing
//! reads is not solved for.
//!
//! # Phases
//!
//! Every node has a [`Phase`], which says how often it is computed: once before the loop, at every step forward, at
//! every step of the walk back, or once after it. [`interpret`] runs a graph over a sequence, and what it computes is
//! what the graph means.
//!
//! # Invariants, by the number that `verify` reports
//!
//! - **I1** operands have smaller ids than their node: the order of ids is an order of evaluation.
//! - **I2** every node has the shape that its operator's shape rule gives.
//! - **I3** no two nodes are equal in operator and operands.
//! - **I4** leaves refer to inputs, states, unknowns, parameters and outputs that the graph's signature has.
//! - **I5** `Total` takes a per-step value; nothing per step depends on a `Total`.
//! - **I6** gradient leaves and `Total` occur only in graphs that `differentiate` made: those with a gradient root.
//! - **I7** every root refers to a node, each root at most once; each state has one `NextState`, each unknown that a
//!   leaf reads one `Solution`, and each that a `SolutionGradient` reads one `UnknownGradient`. A root has the shape of
//!   its port and is known when it is wanted: a value of the forward walk for states, unknowns and outputs, one
//!   constant over time for the gradient by a parameter.

mod builder;
mod difference;
pub mod evaluate;
mod initial;
pub mod interpret;
mod lower;
mod node;
mod rebuild;
mod recurrence;
mod same;
#[cfg(test)]
pub(crate) mod samples;
pub mod solve;
mod straight_through;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod watch;

pub use builder::GraphError;
pub use initial::InitialStates;
pub use lower::lower;
pub use node::Phase;
pub use same::Sameness;
pub use straight_through::StraightThrough;
pub use text::TextError;
pub use verify::{Invariant, VerifyError};
pub use watch::Bounded;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::operator::Operator;
use crate::shape::Shape;

/// A node of a [`Graph`]; ids count from 0 in the order of evaluation.
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

/// A named thing at the boundary of a graph: an input, state, unknown, parameter or output.
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
    /// Values of a step that its equations give and need, in the order of their definitions.
    pub unknowns: Vec<Port>,
    /// Learned parameters.
    pub parameters: Vec<Port>,
    /// Output sequences.
    pub outputs: Vec<Port>,
    /// Numbers of the parameters that are given and not learned: the gradient by each is zero.
    pub frozen: BTreeSet<u32>,
    /// Numbers of the inputs that nothing is learned by, as random masks are: the gradient by each is zero.
    pub given: BTreeSet<u32>,
}

/// What a root of the graph means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// Value of a state at the end of this step.
    NextState(u32),
    /// What the equations of the step give for an unknown.
    Solution(u32),
    /// Value of an output at this step.
    Output(u32),
    /// Value of a state before the first step, where the equations declare one. Constant over time. Only in graphs of
    /// whole cells: [`passes::split_initial`](crate::passes::split_initial) takes it out before anything is run.
    InitialState(u32),
    /// Gradient by a state as it entered this step. Per step.
    PreviousStateGradient(u32),
    /// Gradient by an unknown as the equations of the step read it: what the walk back gives for its
    /// `SolutionGradient`. Per step.
    UnknownGradient(u32),
    /// Gradient by an input at this step. Per step.
    InputGradient(u32),
    /// Gradient by a parameter, summed over steps and samples. Constant over time.
    ParameterGradient(u32),
}

/// The graph of one step.
///
/// Made by [`Graph::new`] and [`Graph::insert`], or read from its text form; changed by adding only. Passes rebuild.
#[derive(Clone, Debug)]
pub struct Graph {
    signature: Signature,
    nodes: Vec<Node>,
    /// For each node, when it is computed.
    phases: Vec<Phase>,
    roots: BTreeMap<Root, NodeId>,
    /// Names that the equations give to values: several where several names mean one value.
    labels: BTreeMap<NodeId, Vec<String>>,
    /// Where each operator with its operands is found: what makes I3 hold.
    interned: HashMap<(Operator, Vec<NodeId>), NodeId>,
}

impl PartialEq for Graph {
    /// Equality of everything that is printed; the rest follows from it.
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
            && self.nodes == other.nodes
            && self.roots == other.roots
            && self.labels == other.labels
    }
}

impl Eq for Graph {}
