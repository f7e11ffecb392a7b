//! A cell that rounds, without its jumps: what central differences can be taken of.
//!
//! `round` passes its gradient on as if it were the identity, so the derived gradient is not the slope of the cell, which
//! is zero almost everywhere, but the slope of another one: each `round(x)` is `x + e`, where `e` is a given number, the
//! distance by which the rounding moved `x` in the run at hand. A rounding of parameters alone, which no step changes,
//! stays as it is.

use super::{Graph, GraphError, NodeId, Port, Root};
use crate::operator::{Binary, Operator, Unary};

/// The two graphs that central differences of a rounding cell need.
#[derive(Clone, Debug, PartialEq)]
pub struct StraightThrough {
    /// The graph with further outputs: for each rounding `round(x) - x`.
    pub distances: Graph,
    /// The graph with further inputs, in the same order: `x + e` for each `round(x)`.
    pub smooth: Graph,
    /// How many roundings there are.
    pub count: usize,
}

impl Graph {
    /// True for a rounding that may differ from step to step.
    fn rounds(&self, id: NodeId) -> bool {
        *self.operator(id) == Operator::Unary(Unary::Round) && self.phase(id).is_per_step()
    }

    /// The stand-ins for the roundings of a forward graph; `None` where it has none.
    ///
    /// # Errors
    ///
    /// Where a graph gets too large.
    pub fn straight_through(&self) -> Result<Option<StraightThrough>, GraphError> {
        let mut found: Vec<(Port, NodeId)> = Vec::new();
        let mut distances = self.rebuild(|graph, id, node, operands| {
            let made = graph.insert(node.operator.clone(), operands.clone())?;
            if let (true, &[x]) = (self.rounds(id), operands.as_slice()) {
                let name = format!("rounding {}", found.len() + 1);
                let port = Port { name, shape: self.shape(id).clone() };
                found.push((port, graph.binary(Binary::Subtract, made, x)?));
            }
            Ok(made)
        })?;
        if found.is_empty() {
            return Ok(None);
        }
        let count = found.len();
        let ports: Vec<Port> = found.iter().map(|(port, _)| port.clone()).collect();
        for (port, distance) in found {
            let output = distances.signature.outputs.len() as u32;
            distances.signature.outputs.push(port);
            distances.set_root(Root::Output(output), distance)?;
        }
        let first = self.signature.inputs.len();
        let mut ports = ports.into_iter();
        let smooth =
            self.rebuild(|graph, _, node, operands| match (&node.operator, operands.as_slice()) {
                (Operator::Unary(Unary::Round), &[x]) => {
                    let input = graph.signature.inputs.len() as u32;
                    graph.signature.inputs.extend(ports.next());
                    let distance = graph.leaf(Operator::Input(input))?;
                    graph.binary(Binary::Add, x, distance)
                }
                _ => graph.insert(node.operator.clone(), operands),
            })?;
        debug_assert_eq!(smooth.signature.inputs.len(), first + count);
        Ok(Some(StraightThrough { distances, smooth, count }))
    }
}
