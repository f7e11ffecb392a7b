//! Reading a graph: nodes, roots, labels, phases, uses.

use std::collections::BTreeMap;

use super::{Graph, Node, NodeId, Port, Root, Signature};
use crate::operator::Operator;
use crate::shape::Shape;

/// When a node is computed. The order of the variants is the order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Once, before the first step: depends on parameters and constants only. Constant over time.
    Before,
    /// At every step, first to last: depends on inputs and states, on no gradient. Per step.
    Forward,
    /// At every step, last to first: depends on a gradient. Per step.
    Backward,
    /// Once, after the walk back: depends on a `Total`. Constant over time.
    After,
}

impl Phase {
    /// True for values that each step and sample has its own of.
    #[must_use]
    pub const fn is_per_step(self) -> bool {
        matches!(self, Self::Forward | Self::Backward)
    }
}

impl Signature {
    /// The port that a leaf refers to; `None` where it does not exist or the operator is no leaf with a port.
    #[must_use]
    pub fn port_of_leaf(&self, operator: &Operator) -> Option<&Port> {
        match *operator {
            Operator::Input(index) => self.inputs.get(index as usize),
            Operator::State(index) | Operator::StateGradient(index) => self.states.get(index as usize),
            Operator::Unknown(index) | Operator::SolutionGradient(index) => self.unknowns.get(index as usize),
            Operator::Parameter(index) => self.parameters.get(index as usize),
            Operator::OutputGradient(index) => self.outputs.get(index as usize),
            _ => None,
        }
    }

    /// The port that a root belongs to.
    #[must_use]
    pub fn port_of_root(&self, root: Root) -> Option<&Port> {
        match root {
            Root::NextState(index) | Root::InitialState(index) | Root::PreviousStateGradient(index) => {
                self.states.get(index as usize)
            }
            Root::Solution(index) | Root::UnknownGradient(index) => self.unknowns.get(index as usize),
            Root::Output(index) => self.outputs.get(index as usize),
            Root::InputGradient(index) => self.inputs.get(index as usize),
            Root::ParameterGradient(index) => self.parameters.get(index as usize),
        }
    }
}

impl Root {
    /// True for the roots that only a graph with gradients has.
    #[must_use]
    pub const fn is_gradient(self) -> bool {
        matches!(
            self,
            Self::PreviousStateGradient(_)
                | Self::UnknownGradient(_)
                | Self::InputGradient(_)
                | Self::ParameterGradient(_)
        )
    }

    /// The leaf that takes the value of this root within the same step.
    #[must_use]
    pub const fn solves(self) -> Option<Operator> {
        match self {
            Self::Solution(index) => Some(Operator::Unknown(index)),
            Self::UnknownGradient(index) => Some(Operator::SolutionGradient(index)),
            _ => None,
        }
    }

    /// The root whose value this leaf takes within the same step.
    #[must_use]
    pub const fn of_unknown(leaf: &Operator) -> Option<Self> {
        match *leaf {
            Operator::Unknown(index) => Some(Self::Solution(index)),
            Operator::SolutionGradient(index) => Some(Self::UnknownGradient(index)),
            _ => None,
        }
    }

    /// True where a value of this phase is known when the root is wanted (I7).
    #[must_use]
    pub const fn accepts(self, phase: Phase) -> bool {
        match self {
            Self::NextState(_) | Self::Solution(_) | Self::Output(_) => {
                matches!(phase, Phase::Before | Phase::Forward)
            }
            Self::PreviousStateGradient(_) | Self::UnknownGradient(_) | Self::InputGradient(_) => {
                !matches!(phase, Phase::After)
            }
            Self::InitialState(_) => matches!(phase, Phase::Before),
            Self::ParameterGradient(_) => !phase.is_per_step(),
        }
    }
}

impl Graph {
    /// What the graph is called with and gives.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// All nodes, in the order of evaluation; node `%k` is at index `k`.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All nodes with their ids, in the order of evaluation.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> {
        // No graph has more than `MAXIMUM_NODES` nodes, so the index fits.
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True without nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node, `None` where the id is of another graph.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The node.
    ///
    /// # Panics
    ///
    /// Where the id is not of this graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// What computes the node. Panics as [`Graph::node`] does.
    #[must_use]
    pub fn operator(&self, id: NodeId) -> &Operator {
        &self.node(id).operator
    }

    /// The node's operands. Panics as [`Graph::node`] does.
    #[must_use]
    pub fn operands(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).operands
    }

    /// The node's shape for one sample. Panics as [`Graph::node`] does.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.node(id).shape
    }

    /// When the node is computed. Panics as [`Graph::node`] does.
    #[must_use]
    pub fn phase(&self, id: NodeId) -> Phase {
        self.phases[id.0 as usize]
    }

    /// The roots, sorted.
    #[must_use]
    pub fn roots(&self) -> &BTreeMap<Root, NodeId> {
        &self.roots
    }

    /// The node of a root.
    #[must_use]
    pub fn root(&self, root: Root) -> Option<NodeId> {
        self.roots.get(&root).copied()
    }

    /// The names that the equations give to the node.
    #[must_use]
    pub fn labels(&self, id: NodeId) -> &[String] {
        self.labels.get(&id).map_or(&[], Vec::as_slice)
    }

    /// True where the graph holds gradients: it has a gradient root.
    #[must_use]
    pub fn has_gradients(&self) -> bool {
        self.roots.keys().any(|root| root.is_gradient())
    }

    /// The number that a constant node holds.
    #[must_use]
    pub fn constant_value(&self, id: NodeId) -> Option<f64> {
        match self.get(id)?.operator {
            Operator::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// The number that all elements of a node are known to be: a constant, or one broadcast.
    #[must_use]
    pub fn uniform_value(&self, id: NodeId) -> Option<f64> {
        match self.get(id)? {
            Node { operator: Operator::Broadcast(_) | Operator::BroadcastMatrix(..), operands, .. } => {
                self.constant_value(*operands.first()?)
            }
            _ => self.constant_value(id),
        }
    }

    /// True for the zero of any shape, in the one form that [`Graph::zero`] gives it: `constant(0)` or that broadcast.
    /// This is how to tell that nothing flows to a gradient root.
    #[must_use]
    pub fn is_zero(&self, id: NodeId) -> bool {
        self.uniform_value(id) == Some(0.0)
    }

    /// For each node, how often it is read: as an operand of a node, or as a root.
    #[must_use]
    pub fn use_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.nodes.len()];
        for id in self.nodes.iter().flat_map(|node| &node.operands).chain(self.roots.values()) {
            counts[id.0 as usize] += 1;
        }
        counts
    }

    /// For each node, whether a root depends on it. What is solved for an unknown is wanted where the unknown is.
    #[must_use]
    pub fn reachable(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        let mut waiting: Vec<NodeId> =
            self.roots.iter().filter(|(root, _)| root.solves().is_none()).map(|(_, &id)| id).collect();
        while let Some(id) = waiting.pop() {
            if std::mem::replace(&mut live[id.0 as usize], true) {
                continue;
            }
            let node = self.node(id);
            waiting.extend(&node.operands);
            waiting.extend(Root::of_unknown(&node.operator).and_then(|root| self.root(root)));
        }
        live
    }

    /// The unknowns that are solved for, or with `backward` the gradients by them: those that a root depends on. For
    /// each its number, its leaf and what the equations give for it, in the order of their numbers.
    #[must_use]
    pub fn unknowns(&self, backward: bool) -> Vec<(u32, NodeId, NodeId)> {
        let live = self.reachable();
        let mut found: Vec<(u32, NodeId, NodeId)> = self
            .iter()
            .filter(|(id, _)| live[id.0 as usize])
            .filter_map(|(id, node)| {
                let index = match node.operator {
                    Operator::Unknown(index) if !backward => index,
                    Operator::SolutionGradient(index) if backward => index,
                    _ => return None,
                };
                Some((index, id, self.root(Root::of_unknown(&node.operator)?)?))
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// The state that an unknown becomes, whose value before the step its iteration begins with.
    #[must_use]
    pub fn start_of(&self, unknown: u32) -> Option<u32> {
        let solution = self.root(Root::Solution(unknown))?;
        (0..self.signature.states.len() as u32)
            .find(|&state| self.root(Root::NextState(state)) == Some(solution))
    }
}
