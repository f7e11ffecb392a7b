//! Products over concatenations: `W [a, b] = W[:, ..|a|] a + W[:, |a|..] b`.
//!
//! The parts of a concatenation become known at different times: the product with the input can leave the loop, the one
//! with the state cannot. Only matrices that are constant over time are cut, since cutting those costs nothing in the
//! loop.

use crate::graph::{Graph, GraphError, NodeId, Phase};
use crate::operator::{Binary, Operator};
use crate::shape::{Dimension, Shape};

/// Splits every product of a matrix of [`Phase::Before`] with a concatenation.
pub(super) fn pass(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rebuild(|graph, _, node, operands| match (&node.operator, operands.as_slice()) {
        (Operator::MatrixVector, &[matrix, vector])
            if *graph.operator(vector) == Operator::Concatenate && graph.phase(matrix) == Phase::Before =>
        {
            split(graph, matrix, vector)
        }
        _ => graph.insert(node.operator.clone(), operands),
    })
}

fn split(graph: &mut Graph, matrix: NodeId, vector: NodeId) -> Result<NodeId, GraphError> {
    let mut start = Dimension::default();
    let mut sum: Option<NodeId> = None;
    for part in graph.operands(vector).to_vec() {
        let Shape::Vector(length) = graph.shape(part).clone() else { continue };
        let columns = Operator::SliceColumns { start: start.clone(), length: length.clone() };
        let columns = graph.insert(columns, vec![matrix])?;
        let product = graph.matrix_vector(columns, part)?;
        sum = Some(match sum {
            Some(sum) => graph.binary(Binary::Add, sum, product)?,
            None => product,
        });
        start = start.plus(&length);
    }
    match sum {
        Some(sum) => Ok(sum),
        // A concatenation has a part: the shape rule has seen to it.
        None => graph.matrix_vector(matrix, vector),
    }
}
