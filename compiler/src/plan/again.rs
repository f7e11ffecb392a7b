//! What the way back computes again instead of finding it on the tape.
//!
//! Element loops do so with every cheap value that they read ([`super::demand`]): it has no place at all. Here are those
//! that something else than a loop reads, so that they need a place. On the way forward that is memory for a step or a
//! chunk; what the way back reads is a second node of the flow, which has memory for a chunk of its own.
//!
//! - A **matrix** of a sample that costs no more to make than to read: an outer product, or arithmetic with matrices. Its
//!   tape would have a matrix of each step. (A matrix that a root reads lies in memory anyway.)
//! - A **factor** of an outer product that is cheap, and made of what the way back reads anyway: of `U (r ⊙ h)` the
//!   gradient by `U` is `Σ δ (r ⊙ h)^T`, and the gradients by `r` and `h` read `h` and `r`.

use std::collections::HashSet;

use super::flow::{Flow, FlowId, FlowKind};
use crate::graph::{Graph, NodeId};
use crate::operator::Operator;
use crate::shape::Shape;

impl Flow {
    /// Makes the second node of a cheap matrix of the forward step.
    pub(super) fn again(&mut self, graph: &Graph, id: NodeId, made: FlowId) {
        let node = self.node(made);
        let cheap = match node.kind {
            FlowKind::SampleProduct { left, .. } => {
                left.columns == 1 && *graph.operator(id) == Operator::Outer
            }
            FlowKind::Arrange { .. } => true,
            _ => node.is_element() && !node.is_dear(),
        };
        if cheap && !node.backward && matches!(graph.shape(id), Shape::Matrix(..)) {
            let again = self.repeat(made);
            self.again.insert(id, again);
        }
    }

    /// What an outer product reads for a value: its second node where that costs less. The way back has `read` some values.
    pub(super) fn factor(&mut self, made: FlowId, read: &HashSet<FlowId>) -> FlowId {
        if let Some(&known) = self.made_again.get(&made) {
            return known;
        }
        let node = self.node(made);
        let cheap = node.is_element() && !node.is_dear() && !node.backward;
        // What the way back reads itself is kept, and the next state lies in memory for all steps.
        if !cheap || read.contains(&made) || self.next_states.contains(&made) {
            return made;
        }
        let there = |id: &FlowId| {
            read.contains(id) || matches!(self.node(*id).kind, FlowKind::Once(_) | FlowKind::Constant(_))
        };
        if node.operands.iter().all(there) { self.repeat(made) } else { made }
    }

    /// The values that the way back reads, but for gradients by parameters.
    pub(super) fn read_back(&self) -> HashSet<FlowId> {
        self.nodes
            .iter()
            .filter(|node| node.backward)
            .flat_map(|node| node.operands.iter().copied())
            .collect()
    }

    /// The second node of a value.
    fn repeat(&mut self, made: FlowId) -> FlowId {
        let node = self.node(made);
        let (kind, lanes, scalar, name) = (node.kind.clone(), node.lanes, node.scalar, node.name.clone());
        let operands: Vec<FlowId> = node.operands.clone();
        let operands = operands
            .into_iter()
            .map(|operand| self.made_again.get(&operand).copied().unwrap_or(operand))
            .collect();
        let again = self.push(kind, operands, lanes, scalar, name);
        // To the walk back, what the forward step was solved for is a value as any other.
        let node = &mut self.nodes[again.0 as usize];
        (node.backward, node.on_unknown) = (true, false);
        self.made_again.insert(made, again);
        again
    }
}
