//! Rebuilding: how a pass makes a new graph from an old one.

use std::collections::{BTreeSet, HashSet};

use super::{Graph, GraphError, Node, NodeId, Signature};
use crate::operator::Operator;

impl Graph {
    /// A new graph from this one's live nodes, in order: `make` is given the graph so far, a node of this graph and
    /// its operands in the new one, and gives the node to put in its place. Roots and labels follow.
    ///
    /// # Errors
    ///
    /// What `make` gives.
    pub fn rebuild(
        &self,
        make: impl FnMut(&mut Self, NodeId, &Node, Vec<NodeId>) -> Result<NodeId, GraphError>,
    ) -> Result<Self, GraphError> {
        self.rebuild_under(self.signature.clone(), make)
    }

    /// As [`Graph::rebuild`], under another signature.
    fn rebuild_under(
        &self,
        signature: Signature,
        mut make: impl FnMut(&mut Self, NodeId, &Node, Vec<NodeId>) -> Result<NodeId, GraphError>,
    ) -> Result<Self, GraphError> {
        let live = self.reachable();
        let mut result = Self::new(signature);
        // A dead node has no place in the new graph; operands of live nodes are live, so its entry is never read.
        let mut places = vec![NodeId(u32::MAX); self.len()];
        for (index, (id, node)) in self.iter().enumerate() {
            if !live[index] {
                continue;
            }
            let operands = node.operands.iter().map(|operand| places[operand.0 as usize]).collect();
            let place = make(&mut result, id, node, operands)?;
            places[index] = place;
            for label in self.labels(id) {
                result.label(place, label)?;
            }
        }
        let leaves = if self.roots.keys().any(|root| root.solves().is_some()) { self.nodes.len() } else { 0 };
        let read: HashSet<&Operator> = self
            .iter()
            .take(leaves)
            .filter(|(id, _)| live[id.0 as usize])
            .map(|(_, node)| &node.operator)
            .collect();
        for (&root, id) in &self.roots {
            // What is solved for an unknown that nothing reads goes with it.
            if root.solves().is_none_or(|leaf| read.contains(&leaf)) {
                result.set_root(root, places[id.0 as usize])?;
            }
        }
        Ok(result)
    }

    /// The graph without the parameters that nothing reads; the others keep their order. For forward graphs: a gradient
    /// root belongs to the number of its parameter.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn without_unread_parameters(&self) -> Result<Self, GraphError> {
        let live = self.reachable();
        let mut read = BTreeSet::new();
        for (_, node) in self.iter().filter(|(id, _)| live[id.0 as usize]) {
            if let Operator::Parameter(parameter) = node.operator {
                read.insert(parameter);
            }
        }
        let number = |old: u32| read.range(..old).count() as u32;
        let mut signature = self.signature.clone();
        signature.parameters =
            read.iter().map(|&parameter| self.signature.parameters[parameter as usize].clone()).collect();
        signature.frozen = self.signature.frozen.intersection(&read).map(|&old| number(old)).collect();
        self.rebuild_under(signature, |graph, _, node, operands| match node.operator {
            Operator::Parameter(old) => graph.leaf(Operator::Parameter(number(old))),
            _ => graph.insert(node.operator.clone(), operands),
        })
    }

    /// The graph without the nodes that no root depends on; the others keep their order.
    #[must_use]
    pub fn compact(self) -> Self {
        let whole = self.reachable().iter().all(|&live| live);
        let read = |leaf: Operator| self.nodes.iter().any(|node| node.operator == leaf);
        if whole && self.roots.keys().all(|root| root.solves().is_none_or(read)) {
            return self;
        }
        // Insertion of what has been inserted before cannot fail; the graph as it is would be right all the same.
        self.rebuild(|graph, _, node, operands| graph.insert(node.operator.clone(), operands)).unwrap_or(self)
    }
}
