//! The derivative of every operator: what it passes on of its adjoint `d` to each operand.
//!
//! A rule may read the operands and the result `y` of its node. Functions whose derivative is a simple function of
//! their result use that, so that the tape need not hold the operand too.
//!
//! At kinks one subgradient is chosen: `relu'(0) = 0`, `|0|' = 0`; an element-wise maximum or minimum of equal operands
//! passes everything to the first; equal largest elements of a vector share. Where a condition decides, the branch not
//! taken gets an exact zero by selection, never by multiplication with zero, so that an infinite `d` stays where it
//! belongs. Jumps have a zero derivative on both sides and at the jump: comparisons, `sign`, `step`, `floor`; only `round`
//! passes its adjoint on unchanged (straight through). `square_root` at 0 has an infinite derivative, and that is what comes out.

use crate::graph::{Graph, GraphError, NodeId};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, Shape};

/// Contributions of a node with the adjoint `d` to the adjoints of its operands; an operand may occur twice, one to
/// which nothing flows does not occur.
///
/// # Errors
///
/// Where the graph gets too large.
pub fn contributions(graph: &mut Graph, id: NodeId, d: NodeId) -> Result<Vec<(NodeId, NodeId)>, GraphError> {
    let node = graph.node(id).clone();
    let operands = node.operands.as_slice();
    match (&node.operator, operands) {
        (Operator::Unary(function), &[x]) => {
            let dx = unary(graph, *function, x, id, d)?;
            Ok(dx.map(|dx| (x, dx)).into_iter().collect())
        }
        (Operator::Binary(function), &[a, b]) => {
            let terms = binary(graph, *function, a, b, id, d)?;
            element_wise(graph, operands, &terms)
        }
        (Operator::Ternary(function), &[a, b, c]) => {
            let terms = ternary(graph, *function, a, b, c, d)?;
            element_wise(graph, operands, &terms)
        }
        _ => structural(graph, &node.operator, operands, id, d),
    }
}

/// Pairs operands with their contributions. An operand that was broadcast is read by every element of the result, so
/// it gets the sum over all of them.
fn element_wise(
    graph: &mut Graph,
    operands: &[NodeId],
    terms: &[Option<NodeId>],
) -> Result<Vec<(NodeId, NodeId)>, GraphError> {
    let mut result = Vec::new();
    for (&operand, &term) in operands.iter().zip(terms) {
        let Some(mut term) = term else { continue };
        if *graph.shape(operand) == Shape::Scalar && *graph.shape(term) != Shape::Scalar {
            term = graph.insert(Operator::Sum, vec![term])?;
        }
        result.push((operand, term));
    }
    Ok(result)
}

/// `y = f(x)`.
fn unary(
    graph: &mut Graph,
    function: Unary,
    x: NodeId,
    y: NodeId,
    d: NodeId,
) -> Result<Option<NodeId>, GraphError> {
    let derivative = match function {
        // (-x)' = -1
        Unary::Negate => return graph.unary(Unary::Negate, d).map(Some),
        // |x|' = sign(x)
        Unary::Absolute => graph.unary(Unary::Sign, x)?,
        // Constant between jumps.
        Unary::Sign | Unary::Step | Unary::Floor => return Ok(None),
        // round'(x) = 1, straight through: the derivative that rounding has on the average of an interval
        Unary::Round => return Ok(Some(d)),
        // relu'(x) = 1 where x > 0, else 0
        Unary::Relu => {
            let positive = graph.unary(Unary::Step, x)?;
            let zero = graph.constant(0.0)?;
            return graph.ternary(Ternary::Select, positive, d, zero).map(Some);
        }
        // sqrt'(x) = 1 / (2 y)
        Unary::SquareRoot => {
            let half = graph.constant(0.5)?;
            let half_d = graph.binary(Binary::Multiply, half, d)?;
            return graph.binary(Binary::Divide, half_d, y).map(Some);
        }
        // sigmoid'(x) = y (1 - y)
        Unary::Sigmoid => {
            let one = graph.constant(1.0)?;
            let rest = graph.binary(Binary::Subtract, one, y)?;
            graph.binary(Binary::Multiply, y, rest)?
        }
        // tanh'(x) = 1 - y^2
        Unary::Tanh => {
            let one = graph.constant(1.0)?;
            let square = graph.binary(Binary::Multiply, y, y)?;
            graph.binary(Binary::Subtract, one, square)?
        }
        // exp'(x) = y
        Unary::Exponential => y,
        // ln'(x) = 1 / x
        Unary::Logarithm => return graph.binary(Binary::Divide, d, x).map(Some),
        // softplus'(x) = sigmoid(x)
        Unary::Softplus => graph.unary(Unary::Sigmoid, x)?,
        // sin'(x) = cos(x)
        Unary::Sine => graph.unary(Unary::Cosine, x)?,
        // cos'(x) = -sin(x)
        Unary::Cosine => {
            let sine = graph.unary(Unary::Sine, x)?;
            let product = graph.binary(Binary::Multiply, d, sine)?;
            return graph.unary(Unary::Negate, product).map(Some);
        }
    };
    graph.binary(Binary::Multiply, d, derivative).map(Some)
}

/// `y = f(a, b)`.
fn binary(
    graph: &mut Graph,
    function: Binary,
    a: NodeId,
    b: NodeId,
    y: NodeId,
    d: NodeId,
) -> Result<[Option<NodeId>; 2], GraphError> {
    match function {
        // (a + b)' = (1, 1)
        Binary::Add => Ok([Some(d), Some(d)]),
        // (a - b)' = (1, -1)
        Binary::Subtract => Ok([Some(d), Some(graph.unary(Unary::Negate, d)?)]),
        // (a b)' = (b, a)
        Binary::Multiply => {
            Ok([Some(graph.binary(Binary::Multiply, d, b)?), Some(graph.binary(Binary::Multiply, d, a)?)])
        }
        // (a / b)' = (1 / b, -y / b)
        Binary::Divide => {
            let da = graph.binary(Binary::Divide, d, b)?;
            let product = graph.binary(Binary::Multiply, da, y)?;
            Ok([Some(da), Some(graph.unary(Unary::Negate, product)?)])
        }
        // max(a, b)' = (0, 1) where a < b, else (1, 0)
        Binary::Maximum => {
            let second = graph.binary(Binary::Less, a, b)?;
            choose(graph, second, d)
        }
        // min(a, b)' = (0, 1) where b < a, else (1, 0)
        Binary::Minimum => {
            let second = graph.binary(Binary::Less, b, a)?;
            choose(graph, second, d)
        }
        // Constant between jumps.
        Binary::Less | Binary::LessOrEqual => Ok([None, None]),
    }
}

/// `d` to the second operand where `second` is 1, else to the first.
fn choose(graph: &mut Graph, second: NodeId, d: NodeId) -> Result<[Option<NodeId>; 2], GraphError> {
    let zero = graph.constant(0.0)?;
    let da = graph.ternary(Ternary::Select, second, zero, d)?;
    let db = graph.ternary(Ternary::Select, second, d, zero)?;
    Ok([Some(da), Some(db)])
}

/// `y = f(a, b, c)`.
fn ternary(
    graph: &mut Graph,
    function: Ternary,
    a: NodeId,
    b: NodeId,
    c: NodeId,
    d: NodeId,
) -> Result<[Option<NodeId>; 3], GraphError> {
    match function {
        // (a b + c)' = (b, a, 1);  (a b - c)' = (b, a, -1)
        Ternary::MultiplyAdd | Ternary::MultiplySubtract => {
            let da = graph.binary(Binary::Multiply, d, b)?;
            let db = graph.binary(Binary::Multiply, d, a)?;
            let dc = if function == Ternary::MultiplyAdd { d } else { graph.unary(Unary::Negate, d)? };
            Ok([Some(da), Some(db), Some(dc)])
        }
        // (c - a b)' = (-b, -a, 1)
        Ternary::NegatedMultiplyAdd => {
            let negated = graph.unary(Unary::Negate, d)?;
            let da = graph.binary(Binary::Multiply, negated, b)?;
            let db = graph.binary(Binary::Multiply, negated, a)?;
            Ok([Some(da), Some(db), Some(d)])
        }
        // (a ? b : c)' = (0, a ? 1 : 0, a ? 0 : 1)
        Ternary::Select => {
            let _ = (b, c);
            let zero = graph.constant(0.0)?;
            let db = graph.ternary(Ternary::Select, a, d, zero)?;
            let dc = graph.ternary(Ternary::Select, a, zero, d)?;
            Ok([None, Some(db), Some(dc)])
        }
    }
}

/// Products, reductions and moves of elements.
fn structural(
    graph: &mut Graph,
    operator: &Operator,
    operands: &[NodeId],
    y: NodeId,
    d: NodeId,
) -> Result<Vec<(NodeId, NodeId)>, GraphError> {
    let transpose = |graph: &mut Graph, matrix| graph.insert(Operator::Transpose, vec![matrix]);
    match (operator, operands) {
        // y = W x:  dW = d x^T,  dx = W^T d
        (Operator::MatrixVector, &[matrix, vector]) => {
            let d_matrix = graph.insert(Operator::Outer, vec![d, vector])?;
            let transposed = transpose(graph, matrix)?;
            let d_vector = graph.matrix_vector(transposed, d)?;
            Ok(vec![(matrix, d_matrix), (vector, d_vector)])
        }
        // y = u v^T:  du = d v,  dv = d^T u
        (Operator::Outer, &[u, v]) => {
            let du = graph.matrix_vector(d, v)?;
            let transposed = transpose(graph, d)?;
            let dv = graph.matrix_vector(transposed, u)?;
            Ok(vec![(u, du), (v, dv)])
        }
        // y = A B:  dA = d B^T,  dB = A^T d
        (Operator::MatrixMatrix, &[a, b]) => {
            let b_transposed = transpose(graph, b)?;
            let da = graph.insert(Operator::MatrixMatrix, vec![d, b_transposed])?;
            let a_transposed = transpose(graph, a)?;
            let db = graph.insert(Operator::MatrixMatrix, vec![a_transposed, d])?;
            Ok(vec![(a, da), (b, db)])
        }
        // y = A^T:  dA = d^T
        (Operator::Transpose, &[matrix]) => Ok(vec![(matrix, transpose(graph, d)?)]),
        // y = [a, b, …]:  each part its slice of d
        (Operator::Concatenate, parts) => {
            let mut start = Dimension::default();
            let mut result = Vec::with_capacity(parts.len());
            for &part in parts {
                // The shape rule has seen that every part is a vector.
                let Shape::Vector(length) = graph.shape(part).clone() else { continue };
                let slice = Operator::Slice { start: start.clone(), length: length.clone() };
                result.push((part, graph.insert(slice, vec![d])?));
                start = start.plus(&length);
            }
            Ok(result)
        }
        // y = x[start ..]:  d among zeros
        (Operator::Slice { start, .. }, &[x]) => {
            let Shape::Vector(total) = graph.shape(x).clone() else { return Ok(Vec::new()) };
            let dx = graph.insert(Operator::Pad { start: start.clone(), total }, vec![d])?;
            Ok(vec![(x, dx)])
        }
        // y = x among zeros:  d[start ..]
        (Operator::Pad { start, .. }, &[x]) => {
            let Shape::Vector(length) = graph.shape(x).clone() else { return Ok(Vec::new()) };
            let dx = graph.insert(Operator::Slice { start: start.clone(), length }, vec![d])?;
            Ok(vec![(x, dx)])
        }
        // The same by columns.
        (Operator::SliceColumns { start, .. }, &[x]) => {
            let Shape::Matrix(_, total) = graph.shape(x).clone() else { return Ok(Vec::new()) };
            let dx = graph.insert(Operator::PadColumns { start: start.clone(), total }, vec![d])?;
            Ok(vec![(x, dx)])
        }
        (Operator::PadColumns { start, .. }, &[x]) => {
            let Shape::Matrix(_, length) = graph.shape(x).clone() else { return Ok(Vec::new()) };
            let dx = graph.insert(Operator::SliceColumns { start: start.clone(), length }, vec![d])?;
            Ok(vec![(x, dx)])
        }
        // y = sum_j x_j:  d to every element
        (Operator::Sum, &[x]) => {
            let shape = graph.shape(x).clone();
            Ok(vec![(x, graph.broadcast(d, &shape)?)])
        }
        // y = max_j x_j:  d / n to each of the n elements that equal y. None is larger, so those are the ones not less.
        (Operator::MaximumElement, &[x]) => {
            let one = graph.constant(1.0)?;
            let less = graph.binary(Binary::Less, x, y)?;
            let largest = graph.binary(Binary::Subtract, one, less)?;
            let count = graph.insert(Operator::Sum, vec![largest])?;
            let share = graph.binary(Binary::Divide, d, count)?;
            let zero = graph.constant(0.0)?;
            Ok(vec![(x, graph.ternary(Ternary::Select, less, zero, share)?)])
        }
        // y_j = sum_(k <= j) x_k:  dx_k = sum_(j >= k) d_j, and the other way round
        (&Operator::CumulativeSum { reverse }, &[x]) => {
            Ok(vec![(x, graph.insert(Operator::CumulativeSum { reverse: !reverse }, vec![d])?)])
        }
        // y_i = max_j x_ij:  d_i / n_i to each of the n_i elements of row i that equal y_i
        (Operator::RowMaximum, &[x]) => {
            let Shape::Matrix(_, columns) = graph.shape(x).clone() else { return Ok(Vec::new()) };
            let one = graph.constant(1.0)?;
            let ones = graph.broadcast(one, &Shape::Vector(columns))?;
            let along = |graph: &mut Graph, row| graph.insert(Operator::Outer, vec![row, ones]);
            let y = along(graph, y)?;
            let less = graph.binary(Binary::Less, x, y)?;
            let largest = graph.binary(Binary::Subtract, one, less)?;
            let count = graph.matrix_vector(largest, ones)?;
            let share = graph.binary(Binary::Divide, d, count)?;
            let share = along(graph, share)?;
            let zero = graph.constant(0.0)?;
            Ok(vec![(x, graph.ternary(Ternary::Select, less, zero, share)?)])
        }
        // y_j = x:  dx = sum_j d_j
        (Operator::Broadcast(_) | Operator::BroadcastMatrix(..), &[x]) => {
            Ok(vec![(x, graph.insert(Operator::Sum, vec![d])?)])
        }
        // Leaves pass nothing on; `Total` and the gradient leaves occur in no forward graph (I6).
        _ => Ok(Vec::new()),
    }
}
