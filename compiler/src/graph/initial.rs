//! Where states begin: the values that the equations declare for the time before the first step.
//!
//! They depend on parameters alone, so they are a graph of their own: its outputs are the declared states, it has
//! neither inputs nor states, and it is evaluated for one sample ([`super::evaluate::Evaluation`]). Its gradient is that
//! of any graph: what the sequence gives for its initial states, summed over the samples, is the gradient of its outputs.

use std::collections::BTreeSet;

use super::{Graph, GraphError, NodeId, Root, Signature};

/// The declared initial states of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialStates {
    /// Numbers of the states that are declared, in order.
    states: Vec<u32>,
    /// Their values as the outputs of a graph over the cell's parameters, with gradients.
    graph: Graph,
}

impl Graph {
    /// The step alone, and where its states begin, without gradients; `None` where all begin at zero.
    ///
    /// # Errors
    ///
    /// A limit on the size of graphs.
    pub(crate) fn split_initial(&self) -> Result<(Self, Option<InitialStates>), GraphError> {
        let states: Vec<u32> = (0..self.signature.states.len() as u32)
            .filter(|&state| self.root(Root::InitialState(state)).is_some())
            .collect();
        if states.is_empty() {
            return Ok((self.clone(), None));
        }
        let mut step = self.clone();
        step.roots.retain(|root, _| !matches!(root, Root::InitialState(_)));
        let signature = Signature {
            inputs: Vec::new(),
            given: BTreeSet::new(),
            states: Vec::new(),
            outputs: states.iter().map(|&state| self.signature.states[state as usize].clone()).collect(),
            ..self.signature.clone()
        };
        let graph = self.initial_graph(signature, &states)?;
        Ok((step.compact(), Some(InitialStates { states, graph })))
    }

    /// The nodes that the initial states depend on, under another signature.
    fn initial_graph(&self, signature: Signature, states: &[u32]) -> Result<Self, GraphError> {
        let roots: Vec<_> = states.iter().filter_map(|&state| self.root(Root::InitialState(state))).collect();
        let mut needed = vec![false; self.len()];
        for root in &roots {
            needed[root.0 as usize] = true;
        }
        for (id, node) in self.iter().rev() {
            if needed[id.0 as usize] {
                node.operands.iter().for_each(|operand| needed[operand.0 as usize] = true);
            }
        }
        let mut graph = Self::new(signature);
        let mut places = vec![NodeId(u32::MAX); self.len()];
        for (id, node) in self.iter().filter(|(id, _)| needed[id.0 as usize]) {
            let operands = node.operands.iter().map(|operand| places[operand.0 as usize]).collect();
            places[id.0 as usize] = graph.insert(node.operator.clone(), operands)?;
        }
        for (output, root) in (0_u32..).zip(roots) {
            graph.set_root(Root::Output(output), places[root.0 as usize])?;
        }
        Ok(graph)
    }
}

impl InitialStates {
    /// The same with another graph for the same values, as a pass over it gives.
    pub(crate) fn try_map<E>(self, pass: impl FnOnce(Graph) -> Result<Graph, E>) -> Result<Self, E> {
        Ok(Self { graph: pass(self.graph)?, ..self })
    }

    /// Numbers of the states that are declared, in order.
    #[must_use]
    pub fn states(&self) -> &[u32] {
        &self.states
    }

    /// The graph over the cell's parameters whose outputs are the declared states, with its gradients.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The node of each declared state's value for one sample, in order.
    pub fn values(&self) -> impl Iterator<Item = NodeId> {
        let roots = (0_u32..).zip(&self.states).map(|(output, _)| self.graph.root(Root::Output(output)));
        roots.flatten()
    }

    /// The node of the gradient by a parameter of the cell, from the
    /// [`OutputGradient`](crate::operator::Operator::OutputGradient) by each declared state, summed over samples.
    #[must_use]
    pub fn gradient(&self, parameter: u32) -> Option<NodeId> {
        self.graph.root(Root::ParameterGradient(parameter))
    }
}
