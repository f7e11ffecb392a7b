//! From choices to targets: which ports of the cell each kind applies to.

use super::{Drawn, Kind, RegularizeError, Regularizer};
use crate::graph::{Graph, Port, Root};
use crate::operator::Operator;
use crate::shape::Shape;

/// A choice for one port of the cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) kind: Kind,
    /// Number of the input, state or parameter.
    pub(super) port: u32,
    pub(super) rate: f64,
    pub(super) drawn: Drawn,
}

/// One entry for each target, in the order of the choices, then of the ports.
pub(super) fn choose(cell: &Graph, choices: &[Regularizer]) -> Result<Vec<Chosen>, RegularizeError> {
    let mut all: Vec<Chosen> = Vec::new();
    for choice in choices {
        let Regularizer { kind, rate, .. } = *choice;
        if !(0.0..1.0).contains(&rate) {
            return Err(RegularizeError::Rate { kind, rate });
        }
        let ports = ports(cell, kind);
        let targets = targets(cell, kind);
        let name = |port: u32| ports[port as usize].name.as_str();
        let hit: Vec<u32> = match &choice.target {
            None => targets,
            Some(wanted) => match targets.iter().find(|&&port| name(port) == wanted) {
                Some(&port) => vec![port],
                None => {
                    let known = targets.iter().map(|&port| name(port).to_owned()).collect();
                    return Err(RegularizeError::Target { kind, name: wanted.clone(), known });
                }
            },
        };
        if hit.is_empty() {
            return Err(RegularizeError::Nothing { kind });
        }
        for port in hit {
            if all.iter().any(|known| (known.kind, known.port) == (kind, port)) {
                return Err(RegularizeError::Twice { kind, name: name(port).to_owned() });
            }
            all.push(Chosen { kind, port, rate, drawn: choice.drawn });
        }
    }
    Ok(all)
}

/// The ports that a kind speaks of.
pub(super) fn ports(cell: &Graph, kind: Kind) -> &[Port] {
    let signature = cell.signature();
    match kind {
        Kind::Dropout => &signature.inputs,
        Kind::RecurrentDropout | Kind::Zoneout => &signature.states,
        Kind::DropConnect => &signature.parameters,
    }
}

/// Numbers of the ports that a kind applies to, ascending.
fn targets(cell: &Graph, kind: Kind) -> Vec<u32> {
    let every = 0..ports(cell, kind).len() as u32;
    match kind {
        Kind::Dropout => every.collect(),
        Kind::RecurrentDropout => {
            let (multiplied, recurrent) = (multiplied(cell), cell.recurrent());
            every
                .filter(|&state| {
                    cell.iter().any(|(id, node)| {
                        node.operator == Operator::State(state)
                            && multiplied[id.0 as usize]
                            && recurrent[id.0 as usize]
                    })
                })
                .collect()
        }
        // A state that takes over what it is given is a delay: the equations define what it holds, not it.
        Kind::Zoneout => every
            .filter(|&state| {
                let next = cell.root(Root::NextState(state)).and_then(|next| cell.get(next));
                next.is_some_and(|next| !matches!(next.operator, Operator::Input(_) | Operator::State(_)))
            })
            .collect(),
        Kind::DropConnect => {
            let recurrent = cell.recurrent();
            let mut matrices = vec![false; cell.len()];
            for (_, node) in cell.iter() {
                if let (Operator::MatrixVector, &[matrix, vector]) = (&node.operator, &node.operands[..])
                    && recurrent[vector.0 as usize]
                {
                    matrices[matrix.0 as usize] = true;
                }
            }
            for (id, node) in cell.iter().rev() {
                if matrices[id.0 as usize] {
                    node.operands.iter().for_each(|operand| matrices[operand.0 as usize] = true);
                }
            }
            every
                .filter(|&parameter| {
                    let port = &cell.signature().parameters[parameter as usize];
                    matches!(port.shape, Shape::Matrix(..))
                        && !cell.signature().frozen.contains(&parameter)
                        && cell.iter().any(|(id, node)| {
                            node.operator == Operator::Parameter(parameter) && matrices[id.0 as usize]
                        })
                })
                .collect()
        }
    }
}

/// For each node whether it is part of a vector that a matrix multiplies, with no other product in between.
fn multiplied(cell: &Graph) -> Vec<bool> {
    let mut below = vec![false; cell.len()];
    for (id, node) in cell.iter().rev() {
        if let (Operator::MatrixVector, &[_, vector]) = (&node.operator, &node.operands[..]) {
            below[vector.0 as usize] = true;
        } else if below[id.0 as usize] {
            node.operands.iter().for_each(|operand| below[operand.0 as usize] = true);
        }
    }
    below
}
