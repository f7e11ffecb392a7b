//! Checked cell to graph: the same operators, equal terms shared, places in the source left behind.

use std::collections::BTreeSet;

use super::{Graph, GraphError, NodeId, Port, Root, Signature};
use crate::resolve::{Cell, Variable};

/// The forward graph of a cell. Definitions label their nodes.
///
/// # Errors
///
/// Only for a cell whose terms break their operators' shape rules, which `resolve` never makes.
pub fn lower(cell: &Cell) -> Result<Graph, GraphError> {
    let port = |variable: &Variable| Port { name: variable.name.clone(), shape: variable.shape.clone() };
    let shape_of = |term: crate::resolve::TermId| cell.terms[term.0 as usize].shape.clone();
    let signature = Signature {
        dimensions: cell.dimensions.clone(),
        inputs: cell.inputs.iter().map(port).collect(),
        states: cell.states.iter().map(|state| port(&state.variable)).collect(),
        unknowns: cell.unknowns.iter().map(|unknown| port(&unknown.variable)).collect(),
        parameters: cell.parameters.iter().map(port).collect(),
        outputs: cell
            .outputs
            .iter()
            .map(|output| Port { name: output.name.clone(), shape: shape_of(output.value) })
            .collect(),
        frozen: (0_u32..).zip(&cell.parameters).filter(|(_, one)| one.frozen).map(|(at, _)| at).collect(),
        given: BTreeSet::new(),
    };
    let mut graph = Graph::new(signature);
    let mut nodes: Vec<NodeId> = Vec::with_capacity(cell.terms.len());
    for term in &cell.terms {
        let operands = term.operands.iter().map(|operand| nodes[operand.0 as usize]).collect();
        nodes.push(graph.insert(term.operator.clone(), operands)?);
    }
    for definition in &cell.definitions {
        graph.label(nodes[definition.value.0 as usize], &definition.name)?;
    }
    for (index, state) in (0_u32..).zip(&cell.states) {
        graph.set_root(Root::NextState(index), nodes[state.next.0 as usize])?;
    }
    for (index, state) in (0_u32..).zip(&cell.states) {
        if let Some(initial) = state.initial {
            graph.set_root(Root::InitialState(index), nodes[initial.0 as usize])?;
        }
    }
    for (index, unknown) in (0_u32..).zip(&cell.unknowns) {
        graph.set_root(Root::Solution(index), nodes[unknown.solution.0 as usize])?;
    }
    for (index, output) in (0_u32..).zip(&cell.outputs) {
        graph.set_root(Root::Output(index), nodes[output.value.0 as usize])?;
    }
    Ok(graph)
}
