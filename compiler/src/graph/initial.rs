//! Where states begin: the values that the equations declare for the time before the first step.
//!
//! They depend on parameters alone, so they are a graph of their own: its outputs are the declared states, it has
//! neither inputs nor states, and it is run for one step and one sample. Its gradient is that of any graph: what the
//! sequence gives for its initial states, summed over the samples, is the gradient of its outputs.

use std::collections::BTreeSet;

use super::interpret::{GradientArguments, InterpretError, SequenceArguments, run_sequence};
use super::{Graph, GraphError, Root, Signature};
use crate::differentiate::{DifferentiateError, differentiate};
use crate::operator::real::Real;
use crate::simplify::simplify;

/// The declared initial states of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialStates {
    /// Numbers of the states that are declared, in order.
    states: Vec<u32>,
    /// Their values as the outputs of a graph over the cell's parameters, with gradients.
    graph: Graph,
}

impl Graph {
    /// The step alone, and where its states begin; `None` where all begin at zero.
    ///
    /// # Errors
    ///
    /// A limit on the size of graphs.
    pub fn split_initial(&self) -> Result<(Self, Option<InitialStates>), DifferentiateError> {
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
        let graph = differentiate(&simplify(&self.initial_graph(signature, &states)?))?;
        Ok((step.compact(), Some(InitialStates { states, graph: simplify(&graph) })))
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
        let mut places = vec![super::NodeId(u32::MAX); self.len()];
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

    /// The value of each declared state for one sample.
    ///
    /// # Errors
    ///
    /// Where sizes or parameters do not fit the cell.
    pub fn values<T: Real>(
        &self,
        sizes: &[usize],
        parameters: &[&[T]],
    ) -> Result<Vec<Vec<T>>, InterpretError> {
        let results = run_sequence(&self.graph, sizes, &arguments(parameters, None), 1, 1)?;
        Ok(results.outputs)
    }

    /// The gradient by every parameter of the cell, given the gradient by each declared state, summed over samples.
    ///
    /// # Errors
    ///
    /// As [`InitialStates::values`].
    pub fn parameter_gradients<T: Real>(
        &self,
        sizes: &[usize],
        parameters: &[&[T]],
        gradients: &[&[T]],
    ) -> Result<Vec<Vec<T>>, InterpretError> {
        let gradients = GradientArguments { outputs: gradients.to_vec(), final_states: Vec::new() };
        let results = run_sequence(&self.graph, sizes, &arguments(parameters, Some(gradients)), 1, 1)?;
        Ok(results.gradients.map(|gradients| gradients.parameters).unwrap_or_default())
    }
}

fn arguments<'a, T>(
    parameters: &[&'a [T]],
    gradients: Option<GradientArguments<'a, T>>,
) -> SequenceArguments<'a, T> {
    SequenceArguments {
        inputs: Vec::new(),
        initial_states: Vec::new(),
        parameters: parameters.to_vec(),
        gradients,
    }
}
