//! Fused multiply-adds: one rounding and one instruction in place of two.
//!
//! ```text
//! a b + c     multiply_add(a, b, c)
//! a b - c     multiply_subtract(a, b, c)
//! c - a b     negated_multiply_add(a, b, c)
//! s (1 - s)   negated_multiply_add(s, s, s)
//! ```
//!
//! A product is fused where nothing else reads it and it is computed as often as the sum and for as many elements.
//! Sums with a matrix product among their addends are left alone: there the planner lets the product accumulate.

use crate::graph::{Graph, GraphError, NodeId};
use crate::operator::{Binary, Operator, Ternary};

/// The graph with fused multiply-adds. Dead nodes are dropped.
#[must_use]
pub fn fuse_multiply_add(graph: &Graph) -> Graph {
    match fuse(graph) {
        Ok(fused) => {
            let fused = fused.compact();
            debug_assert_eq!(fused.verify(), Ok(()));
            fused
        }
        // No node is replaced by more than one, so no limit can be broken; unfused is right all the same.
        Err(_) => graph.compact(),
    }
}

fn fuse(graph: &Graph) -> Result<Graph, GraphError> {
    let uses = graph.use_counts();
    let once = |id: NodeId| uses[id.0 as usize] == 1;
    graph.rebuild(|new, id, node, operands| {
        if let (Operator::Binary(function), &[old_a, old_b], &[a, b]) =
            (&node.operator, node.operands.as_slice(), operands.as_slice())
        {
            // The factors of an operand that can be fused into this node.
            let factors = |new: &Graph, old: NodeId, place: NodeId| {
                let same = graph.phase(old) == graph.phase(id) && graph.node(old).shape == node.shape;
                match (new.operator(place), new.operands(place)) {
                    (Operator::Binary(Binary::Multiply), &[x, y]) if once(old) && same => Some((x, y)),
                    _ => None,
                }
            };
            let product = |place| *new.operator(place) == Operator::MatrixVector;
            let fused = match function {
                Binary::Add | Binary::Subtract if product(a) || product(b) => None,
                Binary::Add => factors(new, old_a, a)
                    .map(|(x, y)| (Ternary::MultiplyAdd, x, y, b))
                    .or_else(|| factors(new, old_b, b).map(|(x, y)| (Ternary::MultiplyAdd, x, y, a))),
                Binary::Subtract => factors(new, old_a, a)
                    .map(|(x, y)| (Ternary::MultiplySubtract, x, y, b))
                    .or_else(|| factors(new, old_b, b).map(|(x, y)| (Ternary::NegatedMultiplyAdd, x, y, a))),
                Binary::Multiply => rest_of(new, a, b)
                    .filter(|_| once(old_b))
                    .or_else(|| rest_of(new, b, a).filter(|_| once(old_a)))
                    .map(|s| (Ternary::NegatedMultiplyAdd, s, s, s)),
                _ => None,
            };
            if let Some((function, x, y, z)) = fused {
                return new.ternary(function, x, y, z);
            }
        }
        new.insert(node.operator.clone(), operands)
    })
}

/// `s` where `rest` is `1 - s`.
fn rest_of(graph: &Graph, s: NodeId, rest: NodeId) -> Option<NodeId> {
    match (graph.operator(rest), graph.operands(rest)) {
        (Operator::Binary(Binary::Subtract), &[one, of])
            if of == s && graph.constant_value(one) == Some(1.0) =>
        {
            Some(s)
        }
        _ => None,
    }
}
