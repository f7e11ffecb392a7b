//! What is computed once in a run by evaluating a graph: weights that are expressions of parameters, where states begin,
//! and the gradients that pass through either. The memory for it is kept from run to run.

use gatewright_compiler::graph::evaluate::Evaluation;
use gatewright_compiler::graph::{InitialStates, NodeId};
use gatewright_compiler::operator::Operator;
use gatewright_compiler::plan::ParameterGradient;

use super::compiled::internal;
use super::engine::Engine;
use super::gradient::totals;
use crate::error::CallError;
use crate::matmul::Element;

/// The flat parameters, and each parameter's first element and length in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParameterValues<'a, T> {
    pub(crate) elements: &'a [T],
    pub(crate) ranges: &'a [(usize, usize)],
}

/// None.
impl<T> Default for ParameterValues<'_, T> {
    fn default() -> Self {
        Self { elements: &[], ranges: &[] }
    }
}

impl<'a, T> ParameterValues<'a, T> {
    /// A parameter by number.
    pub(crate) fn of(self, index: u32) -> &'a [T] {
        let (offset, length) = self.ranges[index as usize];
        &self.elements[offset..offset + length]
    }

    /// The value of a leaf, where it is a parameter.
    fn leaf(self, operator: &Operator) -> Option<&'a [T]> {
        match operator {
            Operator::Parameter(index) => Some(self.of(*index)),
            _ => None,
        }
    }
}

/// The evaluation that there is, or a new one.
fn made<T>(
    evaluation: &mut Option<Evaluation<T>>,
    make: impl FnOnce() -> Result<Evaluation<T>, CallError>,
) -> Result<&mut Evaluation<T>, CallError> {
    Ok(match evaluation {
        Some(evaluation) => evaluation,
        none => none.insert(make()?),
    })
}

/// The expressions of parameters that a plan reads.
#[derive(Debug)]
pub(crate) struct Expressions<T>(Option<Evaluation<T>>);

impl<T> Default for Expressions<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Element> Expressions<T> {
    pub(super) fn compute(
        &mut self,
        engine: &Engine<T>,
        parameters: ParameterValues<'_, T>,
    ) -> Result<(), CallError> {
        let (graph, plan) = (&engine.graph, &engine.plan);
        if plan.expressions.is_empty() {
            return Ok(());
        }
        let evaluation = made(&mut self.0, || {
            let wanted: Vec<NodeId> = plan.expressions.iter().map(|expression| expression.0).collect();
            Evaluation::new(graph, &plan.sizes, &wanted, |_| false).map_err(internal)
        })?;
        evaluation.run(graph, &plan.sizes, |_, operator| parameters.leaf(operator)).map_err(internal)
    }

    /// An expression of the plan by number; nothing before it was computed.
    pub(super) fn value(&self, engine: &Engine<T>, index: u32) -> &[T] {
        let node = engine.plan.expressions[index as usize].0;
        self.0.as_ref().map_or(&[], |evaluation| evaluation.value(node))
    }
}

/// Gradients by parameters that are expressions of sums over all steps, and these sums: of one block.
#[derive(Debug)]
pub(super) struct GradientExpressions<T> {
    evaluation: Option<Evaluation<T>>,
    /// For each gradient that is an expression its totals, one gradient after the other.
    pub(super) totals: Vec<(NodeId, Vec<T>)>,
}

impl<T> Default for GradientExpressions<T> {
    fn default() -> Self {
        Self { evaluation: None, totals: Vec::new() }
    }
}

impl<T: Element> GradientExpressions<T> {
    /// Sets all sums to zero.
    pub(super) fn begin(&mut self, engine: &Engine<T>) {
        if !self.totals.is_empty() {
            self.totals.iter_mut().for_each(|(_, total)| total.fill(T::ZERO));
            return;
        }
        let all = engine.plan.parameter_gradients.iter().flat_map(totals);
        self.totals.extend(all.map(|&(node, elements, _)| (node, vec![T::ZERO; elements])));
    }

    /// Makes of the sums the gradients that are expressions of them.
    pub(super) fn finish(
        &mut self,
        engine: &Engine<T>,
        parameters: ParameterValues<'_, T>,
        gradient: &mut [T],
    ) -> Result<(), CallError> {
        let (graph, plan, totals) = (&engine.graph, &engine.plan, &self.totals);
        let root = |gradient: &ParameterGradient| match gradient {
            ParameterGradient::Expression { root, .. } => Some(*root),
            ParameterGradient::Terms(_) => None,
        };
        if plan.parameter_gradients.iter().filter_map(root).next().is_none() {
            return Ok(());
        }
        let total =
            |id: NodeId| totals.iter().find(|(node, _)| *node == id).map(|(_, total)| total.as_slice());
        let evaluation = made(&mut self.evaluation, || {
            let wanted: Vec<NodeId> = plan.parameter_gradients.iter().filter_map(root).collect();
            Evaluation::new(graph, &plan.sizes, &wanted, |id| total(id).is_some()).map_err(internal)
        })?;
        let value = |id: NodeId, operator: &Operator| total(id).or_else(|| parameters.leaf(operator));
        evaluation.run(graph, &plan.sizes, value).map_err(internal)?;
        for (one, &(offset, length)) in plan.parameter_gradients.iter().zip(parameters.ranges) {
            if let Some(root) = root(one) {
                gradient[offset..offset + length].copy_from_slice(evaluation.value(root));
            }
        }
        Ok(())
    }
}

/// Where states begin as the equations say, one value for all samples; and the gradients by these values.
#[derive(Debug)]
pub(crate) struct Declared<T> {
    forward: Option<Evaluation<T>>,
    backward: Option<Evaluation<T>>,
    /// For each state its node, where it is declared and this run needs it.
    nodes: Vec<Option<NodeId>>,
    /// For each declared state the gradient by where it begins, summed over rows.
    sums: Vec<Vec<T>>,
}

impl<T> Default for Declared<T> {
    fn default() -> Self {
        Self { forward: None, backward: None, nodes: Vec::new(), sums: Vec::new() }
    }
}

impl<T: Element> Declared<T> {
    /// Computes the values that are `needed`, of so many states.
    pub(crate) fn compute(
        &mut self,
        initial: Option<&InitialStates>,
        sizes: &[usize],
        states: usize,
        parameters: ParameterValues<'_, T>,
        needed: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        self.nodes.clear();
        let Some(initial) = initial.filter(|one| one.states().iter().any(|&one| needed(one))) else {
            return Ok(());
        };
        let graph = initial.graph();
        let evaluation = made(&mut self.forward, || {
            let wanted: Vec<NodeId> = initial.values().collect();
            Evaluation::new(graph, sizes, &wanted, |_| false).map_err(internal)
        })?;
        evaluation.run(graph, sizes, |_, operator| parameters.leaf(operator)).map_err(internal)?;
        self.nodes.resize(states, None);
        for (&state, node) in initial.states().iter().zip(initial.values()).filter(|&(&one, _)| needed(one)) {
            self.nodes[state as usize] = Some(node);
        }
        Ok(())
    }

    /// Where a state begins, if the equations say so and it was needed.
    pub(crate) fn value(&self, state: usize) -> Option<&[T]> {
        let node = self.nodes.get(state).copied().flatten()?;
        Some(self.forward.as_ref()?.value(node))
    }

    /// Adds to the gradients by parameters what reaches them through declared states. `sum` adds up the gradient by a
    /// state over the rows that have begun so, and says whether there are any.
    pub(super) fn add_gradients(
        &mut self,
        initial: &InitialStates,
        sizes: &[usize],
        parameters: ParameterValues<'_, T>,
        state_size: impl Fn(usize) -> usize,
        mut sum: impl FnMut(usize, &mut [T]) -> Result<bool, CallError>,
        gradients: &mut [T],
    ) -> Result<(), CallError> {
        let graph = initial.graph();
        self.sums.resize_with(initial.states().len(), Vec::new);
        let mut some = false;
        for (&state, sums) in initial.states().iter().zip(&mut self.sums) {
            sums.clear();
            sums.resize(state_size(state as usize), T::ZERO);
            some |= sum(state as usize, sums)?;
        }
        if !some {
            return Ok(());
        }
        let count = u32::try_from(parameters.ranges.len()).map_err(internal)?;
        let evaluation = made(&mut self.backward, || {
            let wanted: Vec<NodeId> = (0..count).filter_map(|index| initial.gradient(index)).collect();
            Evaluation::new(graph, sizes, &wanted, |_| false).map_err(internal)
        })?;
        let sums = &self.sums;
        let value = |_, operator: &Operator| match operator {
            Operator::OutputGradient(output) => sums.get(*output as usize).map(Vec::as_slice),
            operator => parameters.leaf(operator),
        };
        evaluation.run(graph, sizes, value).map_err(internal)?;
        for (index, &(offset, length)) in (0..count).zip(parameters.ranges) {
            let Some(node) = initial.gradient(index) else { continue };
            let gradient = &mut gradients[offset..offset + length];
            gradient.iter_mut().zip(evaluation.value(node)).for_each(|(sum, &addend)| *sum = *sum + addend);
        }
        Ok(())
    }
}
