//! Masks that multiply: dropout, recurrent dropout, DropConnect; and the ports of all masks.

use super::choose::{Chosen, ports};
use super::{Kind, Mask, MaskPort};
use crate::graph::{Graph, GraphError, NodeId, Port};
use crate::operator::{Binary, Operator};

/// The graph with the ports of all masks and with the factors of those that multiply.
///
/// Every node has two places in the new graph: as it is, and as a matrix reads it, which is where states are masked.
pub(super) fn apply(cell: &Graph, chosen: &[Chosen]) -> Result<(Graph, Vec<Mask>), GraphError> {
    let mut signature = cell.signature().clone();
    let mut masks = Vec::with_capacity(chosen.len());
    for &Chosen { kind, port, rate, drawn } in chosen {
        let Port { name, shape } = &ports(cell, kind)[port as usize];
        let mask = Port { name: format!("{}.{name}", kind.name()), shape: shape.clone() };
        let port = if kind == Kind::DropConnect {
            let number = signature.parameters.len() as u32;
            signature.parameters.push(mask);
            signature.frozen.insert(number);
            MaskPort::Parameter(number)
        } else {
            let number = signature.inputs.len() as u32;
            signature.inputs.push(mask);
            signature.given.insert(number);
            MaskPort::Input(number)
        };
        masks.push(Mask { kind, port, rate, drawn });
    }
    let factor = |kind: Kind, number: u32| {
        let at = chosen.iter().position(|one| (one.kind, one.port) == (kind, number))?;
        Some(leaf(masks[at].port))
    };

    let mut graph = Graph::new(signature);
    let masked = |graph: &mut Graph, node: NodeId, by: Option<Operator>| match by {
        None => Ok(node),
        Some(mask) => {
            let mask = graph.leaf(mask)?;
            graph.binary(Binary::Multiply, node, mask)
        }
    };
    let (mut places, mut multiplied) = (Vec::with_capacity(cell.len()), Vec::with_capacity(cell.len()));
    for (id, node) in cell.iter() {
        let at = |places: &[NodeId]| -> Vec<NodeId> {
            node.operands.iter().map(|operand| places[operand.0 as usize]).collect()
        };
        let mut operands = at(&places);
        let (place, as_operand) = match node.operator {
            Operator::Input(input) => {
                let leaf = graph.leaf(node.operator.clone())?;
                let place = masked(&mut graph, leaf, factor(Kind::Dropout, input))?;
                (place, place)
            }
            Operator::Parameter(parameter) => {
                let leaf = graph.leaf(node.operator.clone())?;
                let place = masked(&mut graph, leaf, factor(Kind::DropConnect, parameter))?;
                (place, place)
            }
            Operator::State(state) => {
                let leaf = graph.leaf(node.operator.clone())?;
                (leaf, masked(&mut graph, leaf, factor(Kind::RecurrentDropout, state))?)
            }
            Operator::MatrixVector => {
                operands[1] = multiplied[node.operands[1].0 as usize];
                let place = graph.insert(node.operator.clone(), operands)?;
                (place, place)
            }
            _ => {
                let place = graph.insert(node.operator.clone(), operands)?;
                (place, graph.insert(node.operator.clone(), at(&multiplied))?)
            }
        };
        for label in cell.labels(id) {
            graph.label(place, label)?;
        }
        places.push(place);
        multiplied.push(as_operand);
    }
    for (&root, id) in cell.roots() {
        graph.set_root(root, places[id.0 as usize])?;
    }
    Ok((graph, masks))
}

/// The leaf that reads a mask.
pub(super) fn leaf(port: MaskPort) -> Operator {
    match port {
        MaskPort::Input(input) => Operator::Input(input),
        MaskPort::Parameter(parameter) => Operator::Parameter(parameter),
    }
}
