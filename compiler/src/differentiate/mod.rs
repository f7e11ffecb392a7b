//! Forward graph to forward and adjoint graph: reverse-mode differentiation of one step.
//!
//! The adjoint of a value is the gradient of the loss by it. The walk starts at the values that leave the step, whose
//! adjoints are the leaves `OutputGradient` and `StateGradient`, and goes through the nodes backwards; what each
//! operator passes on to its operands is the table in [`rules`]. Contributions to one value are added, in the order in
//! which the walk meets its readers.
//!
//! # Values constant over time
//!
//! A parameter is read at every step by every sample, so the gradient by it is a sum over both: the adjoint of a node
//! of phase `Before` is the `Total` of what its readers in the loop contribute, plus what its readers outside the loop
//! contribute. The walk goes on through the nodes of `Before` on totals, so that a parameter expression is
//! differentiated once, not at every step. Outer products are totalled one by one (`Total(Outer(d, x))` is one matrix
//! product over all steps and samples); other contributions are added first and totalled together.
//!
//! # Unknowns
//!
//! The unknowns `u` of a step are solved: `u = F(u, θ)`, where `θ` is everything else. Let `L(u, θ)` be the loss as a
//! function of both, `u` held apart from `θ`, with the gradients `ū = ∂L/∂u` and `∂L/∂θ`, and `J = ∂F/∂u`. By the
//! implicit-function theorem `du = J du + ∂F/∂θ dθ`, so that
//!
//! ```text
//! dL/dθ = ∂L/∂θ + (∂F/∂θ)ᵀ w    with    w = ū + Jᵀ w
//! ```
//!
//! The walk finds both sums without a new rule: it starts at the node of the root `Solution` as well, whose adjoint
//! there is the leaf `SolutionGradient`, `w`. What then comes together at the leaf `Unknown` is `ū + Jᵀ w`, the root
//! `UnknownGradient`; and what comes together at every other leaf is the gradient by it. `w` is an unknown of the walk
//! back, solved by iteration as `u` is: `J` and its transpose shrink alike. No iteration of the forward step is kept.
//!
//! # Nothing flows
//!
//! Every state, input and parameter, and every unknown that is read, has its gradient root. Where nothing flows that root is [`Graph::zero`] of its
//! shape, which [`Graph::is_zero`] tells. Nothing flows to frozen parameters and given inputs.

pub mod rules;
#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::graph::{Graph, GraphError, NodeId, Phase, Port, Root, VerifyError};
use crate::operator::{Binary, Operator};

/// Why a graph cannot be differentiated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DifferentiateError {
    /// The graph holds gradients already.
    #[error("the graph holds gradients already")]
    HasGradients,
    /// The graph breaks an invariant.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// An output without value.
    #[error("output {output} has no value")]
    MissingOutput {
        /// Number of the output.
        output: u32,
    },
    /// The gradients do not fit into one graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The forward graph together with the gradients by every state, input and parameter.
///
/// Forward nodes keep their order and labels; the adjoint of a labelled node `n` is labelled `d_n`.
///
/// # Errors
///
/// Where the graph is not a valid forward graph, or the result would be too large.
pub fn differentiate(forward: &Graph) -> Result<Graph, DifferentiateError> {
    if forward.has_gradients() {
        return Err(DifferentiateError::HasGradients);
    }
    forward.verify()?;
    let mut graph = forward.clone().compact();
    let forward_nodes = graph.len();
    let mut contributions: Vec<Vec<NodeId>> = vec![Vec::new(); forward_nodes];

    let signature = graph.signature().clone();
    for (index, _) in (0_u32..).zip(&signature.outputs) {
        let value =
            graph.root(Root::Output(index)).ok_or(DifferentiateError::MissingOutput { output: index })?;
        let seed = graph.leaf(Operator::OutputGradient(index))?;
        contributions[value.0 as usize].push(seed);
    }
    for (index, _) in (0_u32..).zip(&signature.states) {
        // Every state has one: `verify` has seen to it.
        if let Some(value) = graph.root(Root::NextState(index)) {
            let seed = graph.leaf(Operator::StateGradient(index))?;
            contributions[value.0 as usize].push(seed);
        }
    }

    for (index, _) in (0_u32..).zip(&signature.unknowns) {
        // Those that nothing reads are gone.
        if let Some(value) = graph.root(Root::Solution(index)) {
            let seed = graph.leaf(Operator::SolutionGradient(index))?;
            contributions[value.0 as usize].push(seed);
        }
    }

    let mut leaves: Vec<(Root, NodeId)> = Vec::new();
    for index in (0..forward_nodes).rev() {
        let (id, node) = (NodeId(index as u32), graph.nodes()[index].clone());
        let constant = match node.operator {
            Operator::Parameter(parameter) => signature.frozen.contains(&parameter),
            Operator::Input(input) => signature.given.contains(&input),
            _ => false,
        };
        if constant {
            // What was to flow here is read by nothing and goes with the dead nodes.
            continue;
        }
        let Some(adjoint) = adjoint(&mut graph, id, &contributions[index])? else { continue };
        for label in graph.labels(id).to_vec() {
            graph.label(adjoint, &format!("d_{label}"))?;
        }
        match node.operator {
            Operator::State(state) => leaves.push((Root::PreviousStateGradient(state), adjoint)),
            Operator::Unknown(unknown) => leaves.push((Root::UnknownGradient(unknown), adjoint)),
            Operator::Input(input) => leaves.push((Root::InputGradient(input), adjoint)),
            Operator::Parameter(parameter) => leaves.push((Root::ParameterGradient(parameter), adjoint)),
            _ => {
                for (operand, contribution) in rules::contributions(&mut graph, id, adjoint)? {
                    contributions[operand.0 as usize].push(contribution);
                }
            }
        }
    }

    for (root, adjoint) in leaves {
        graph.set_root(root, adjoint)?;
    }
    let roots =
        (0_u32..).zip(&signature.states).map(|(index, port)| (Root::PreviousStateGradient(index), port));
    let roots =
        roots.chain((0_u32..).zip(&signature.inputs).map(|(index, port)| (Root::InputGradient(index), port)));
    let unknowns = (0_u32..).zip(&signature.unknowns);
    let unknowns: Vec<(Root, &Port)> = unknowns
        .filter(|&(index, _)| graph.root(Root::Solution(index)).is_some())
        .map(|(index, port)| (Root::UnknownGradient(index), port))
        .collect();
    let roots = roots.chain(unknowns);
    let parameters = (0_u32..).zip(&signature.parameters);
    for (root, port) in roots.chain(parameters.map(|(index, port)| (Root::ParameterGradient(index), port))) {
        if graph.root(root).is_none() {
            let zero = graph.zero(&port.shape)?;
            graph.set_root(root, zero)?;
        }
    }
    let graph = graph.compact();
    debug_assert_eq!(graph.verify(), Ok(()));
    Ok(graph)
}

/// The adjoint of a node from what its readers contribute; `None` where none does.
fn adjoint(graph: &mut Graph, id: NodeId, contributions: &[NodeId]) -> Result<Option<NodeId>, GraphError> {
    if graph.phase(id) != Phase::Before {
        return add_all(graph, contributions);
    }
    let (mut totals, mut summed) = (Vec::new(), Vec::new());
    for &contribution in contributions {
        if !graph.phase(contribution).is_per_step() {
            totals.push(contribution);
        } else if *graph.operator(contribution) == Operator::Outer {
            totals.push(graph.insert(Operator::Total, vec![contribution])?);
        } else {
            summed.push(contribution);
        }
    }
    if let Some(sum) = add_all(graph, &summed)? {
        totals.push(graph.insert(Operator::Total, vec![sum])?);
    }
    add_all(graph, &totals)
}

/// The sum, added from left to right.
fn add_all(graph: &mut Graph, terms: &[NodeId]) -> Result<Option<NodeId>, GraphError> {
    let Some((&first, rest)) = terms.split_first() else { return Ok(None) };
    let mut sum = first;
    for &term in rest {
        sum = graph.binary(Binary::Add, sum, term)?;
    }
    Ok(Some(sum))
}
