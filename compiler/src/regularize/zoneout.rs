//! Zoneout: elements of a state that stay as they were.
//!
//! ```text
//! training   s_t = m_t ? s_{t-1} : ŝ_t          inference   s_t = r s_{t-1} + (1 - r) ŝ_t
//! ```
//!
//! with `ŝ_t` what the equations give. What decides another state of the step reads `ŝ_t` (Krueger et al. 2017,
//! equation 5: `h_t` of an LSTM is made of the untouched `c_t`); what is only read out reads `s_t`.

use crate::graph::{Graph, GraphError, NodeId, Root};
use crate::operator::{Binary, Operator, Ternary};

/// How much of a state stays.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Share {
    /// What this leaf says of each element.
    Drawn(Operator),
    /// This part of each element: the expectation.
    Expected(f64),
}

/// The graph in which these states stay in part.
pub(super) fn apply(cell: &Graph, zoned: &[(u32, Share)]) -> Result<Graph, GraphError> {
    let deciding = deciding(cell);
    let next: Vec<_> = zoned.iter().map(|(state, _)| cell.root(Root::NextState(*state))).collect();
    let mut graph = Graph::new(cell.signature().clone());
    // For each node its place as the equations give it, and its place as a read-out finds it.
    let (mut places, mut read) = (Vec::with_capacity(cell.len()), Vec::with_capacity(cell.len()));
    let mut stays = Vec::with_capacity(zoned.len());
    for (id, node) in cell.iter() {
        let at = |places: &[NodeId]| -> Vec<NodeId> {
            node.operands.iter().map(|operand| places[operand.0 as usize]).collect()
        };
        let place = graph.insert(node.operator.clone(), at(&places))?;
        for label in cell.labels(id) {
            graph.label(place, label)?;
        }
        let mut found =
            if deciding[id.0 as usize] { place } else { graph.insert(node.operator.clone(), at(&read))? };
        for ((state, share), _) in zoned.iter().zip(&next).filter(|(_, next)| **next == Some(id)) {
            found = stay(&mut graph, *state, share, place)?;
            stays.push((*state, found));
        }
        places.push(place);
        read.push(found);
    }
    for (&root, id) in cell.roots() {
        let place = match root {
            Root::NextState(state) => stays.iter().find(|(one, _)| *one == state).map(|(_, place)| *place),
            Root::Output(_) => Some(read[id.0 as usize]),
            _ => None,
        };
        graph.set_root(root, place.unwrap_or(places[id.0 as usize]))?;
    }
    Ok(graph)
}

/// What a state becomes, given what the equations make of it.
fn stay(graph: &mut Graph, state: u32, share: &Share, new: NodeId) -> Result<NodeId, GraphError> {
    let old = graph.leaf(Operator::State(state))?;
    match share {
        Share::Drawn(mask) => {
            let mask = graph.leaf(mask.clone())?;
            graph.ternary(Ternary::Select, mask, old, new)
        }
        Share::Expected(rate) => {
            let (stays, moves) = (graph.constant(*rate)?, graph.constant(1.0 - rate)?);
            let old = graph.binary(Binary::Multiply, stays, old)?;
            let new = graph.binary(Binary::Multiply, moves, new)?;
            graph.binary(Binary::Add, old, new)
        }
    }
}

/// For each node whether a state or the solution of an unknown depends on it.
fn deciding(cell: &Graph) -> Vec<bool> {
    let mut deciding = vec![false; cell.len()];
    for (root, id) in cell.roots() {
        deciding[id.0 as usize] |= matches!(root, Root::NextState(_) | Root::Solution(_));
    }
    for (id, node) in cell.iter().rev() {
        if deciding[id.0 as usize] {
            node.operands.iter().for_each(|operand| deciding[operand.0 as usize] = true);
        }
    }
    deciding
}
