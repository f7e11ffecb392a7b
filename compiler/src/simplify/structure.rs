//! Rules for products, reductions and totals, and in [`part`] for moves of elements.

mod part;

use crate::graph::{Graph, GraphError, NodeId, Phase};
use crate::operator::{Binary, Operator, Unary};
use crate::shape::{Dimension, Shape};

type Rewrite = Result<Option<NodeId>, GraphError>;

/// Rebuilds the graph, applying to each node the first rule that fits.
pub(super) fn pass(graph: &Graph) -> Result<Graph, GraphError> {
    let uses = graph.use_counts();
    // The matrix, and what it is the transpose of, is read by this product alone.
    let alone = |mut matrix: NodeId| {
        while uses[matrix.0 as usize] == 1 && *graph.operator(matrix) == Operator::Transpose {
            matrix = graph.operands(matrix)[0];
        }
        uses[matrix.0 as usize] == 1
    };
    graph.rebuild(|graph, _, node, operands| {
        let rewritten = match (&node.operator, operands.as_slice()) {
            (Operator::Unary(Unary::Negate), &[x]) => negate(graph, x)?,
            (Operator::Binary(Binary::Multiply), &[a, b]) => scale_outer(graph, a, b)?,
            (Operator::MatrixVector, &[matrix, vector]) => {
                let alone = node.operands.first().is_some_and(|&matrix| alone(matrix));
                matrix_vector(graph, matrix, vector, alone)?
            }
            (Operator::MatrixMatrix, &[a, b]) => matrix_matrix(graph, a, b)?,
            (Operator::Outer, &[u, v]) => outer(graph, u, v)?,
            (Operator::Transpose, &[x]) => transpose(graph, x)?,
            (Operator::Concatenate, parts) => part::concatenate(graph, parts)?,
            (Operator::Slice { start, length }, &[x]) => part::slice(graph, start, length, x)?,
            (Operator::Pad { start, total }, &[x]) => part::pad(graph, start, total, x)?,
            (Operator::SliceColumns { start, length }, &[x]) => part::slice_columns(graph, start, length, x)?,
            (Operator::PadColumns { start, total }, &[x]) => part::pad_columns(graph, start, total, x)?,
            (Operator::Sum, &[x]) => sum(graph, x)?,
            (Operator::Total, &[x]) => total(graph, x)?,
            _ => None,
        };
        match rewritten {
            Some(id) => Ok(id),
            None => graph.insert(node.operator.clone(), operands),
        }
    })
}

/// Operator and operands, copied so that the graph can grow.
fn parts(graph: &Graph, id: NodeId) -> (Operator, Vec<NodeId>) {
    (graph.operator(id).clone(), graph.operands(id).to_vec())
}

fn vector_length(graph: &Graph, id: NodeId) -> Option<Dimension> {
    match graph.shape(id) {
        Shape::Vector(n) => Some(n.clone()),
        _ => None,
    }
}

fn column_count(graph: &Graph, id: NodeId) -> Option<Dimension> {
    match graph.shape(id) {
        Shape::Matrix(_, columns) => Some(columns.clone()),
        _ => None,
    }
}

fn is_scalar(graph: &Graph, id: NodeId) -> bool {
    *graph.shape(id) == Shape::Scalar
}

fn slice_of(graph: &mut Graph, x: NodeId, start: Dimension, length: Dimension) -> Result<NodeId, GraphError> {
    graph.insert(Operator::Slice { start, length }, vec![x])
}

/// A sign goes to the smaller operand of an outer product, and inside a `Pad`.
fn negate(graph: &mut Graph, x: NodeId) -> Rewrite {
    match parts(graph, x) {
        // -(u v^T) = (-u) v^T
        (Operator::Outer, operands) => match operands[..] {
            [u, v] => {
                let u = graph.unary(Unary::Negate, u)?;
                graph.insert(Operator::Outer, vec![u, v]).map(Some)
            }
            _ => Ok(None),
        },
        (operator @ (Operator::Pad { .. } | Operator::PadColumns { .. }), operands) => match operands[..] {
            [y] => {
                let y = graph.unary(Unary::Negate, y)?;
                graph.insert(operator, vec![y]).map(Some)
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// `s (u v^T) = (s u) v^T` with a scalar `s`, and `(a b^T) ⊙ (u v^T) = (a ⊙ u) (b ⊙ v)^T`.
fn scale_outer(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    for (scale, product) in [(a, b), (b, a)] {
        let Some((u, v)) = outer_factors(graph, product) else { continue };
        if is_scalar(graph, scale) {
            let u = graph.binary(Binary::Multiply, scale, u)?;
            return graph.insert(Operator::Outer, vec![u, v]).map(Some);
        }
        if let Some((a, b)) = outer_factors(graph, scale) {
            let u = graph.binary(Binary::Multiply, a, u)?;
            let v = graph.binary(Binary::Multiply, b, v)?;
            return graph.insert(Operator::Outer, vec![u, v]).map(Some);
        }
    }
    Ok(None)
}

/// `u` and `v` of `u v^T`.
fn outer_factors(graph: &Graph, id: NodeId) -> Option<(NodeId, NodeId)> {
    match (graph.operator(id), graph.operands(id)) {
        (Operator::Outer, &[u, v]) => Some((u, v)),
        _ => None,
    }
}

/// True for a matrix whose product with another costs no more than one with a vector: `I`, `s I`, `u v^T`.
fn is_thin(graph: &Graph, id: NodeId) -> bool {
    match (graph.operator(id), graph.operands(id)) {
        (Operator::Identity(_) | Operator::Outer, _) => true,
        (Operator::Binary(Binary::Multiply), &[a, b]) => {
            is_scalar(graph, a) && is_thin_factor(graph, b) || is_scalar(graph, b) && is_thin_factor(graph, a)
        }
        (Operator::Binary(Binary::Divide), &[a, b]) => is_scalar(graph, b) && is_thin_factor(graph, a),
        _ => false,
    }
}

fn is_thin_factor(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.operator(id), Operator::Identity(_) | Operator::Outer)
}

/// The scalar and the matrix of a scaled matrix, with the function that scales. Not of one that is constant over time:
/// that is computed once.
fn scaled(graph: &Graph, id: NodeId) -> Option<(Binary, NodeId, NodeId)> {
    if !graph.phase(id).is_per_step() {
        return None;
    }
    match (graph.operator(id), graph.operands(id)) {
        (Operator::Binary(Binary::Multiply), &[a, b]) if is_scalar(graph, a) => {
            Some((Binary::Multiply, a, b))
        }
        (Operator::Binary(function @ (Binary::Multiply | Binary::Divide)), &[a, b])
            if is_scalar(graph, b) =>
        {
            Some((*function, b, a))
        }
        _ => None,
    }
}

/// `scale value` or `value / scale`.
fn scale(graph: &mut Graph, function: Binary, scale: NodeId, value: NodeId) -> Rewrite {
    let operands = if function == Binary::Divide { [value, scale] } else { [scale, value] };
    graph.binary(function, operands[0], operands[1]).map(Some)
}

/// `alone`: nothing else reads the matrix.
fn matrix_vector(graph: &mut Graph, matrix: NodeId, vector: NodeId, alone: bool) -> Rewrite {
    if let (Operator::Pad { start, .. }, operands) = parts(graph, vector)
        && let [inner] = operands[..]
        && let Some(length) = vector_length(graph, inner)
    {
        // W pad(x) = W[:, start..] x
        let columns = graph.insert(Operator::SliceColumns { start, length }, vec![matrix])?;
        return graph.matrix_vector(columns, inner).map(Some);
    }
    let (operator, operands) = parts(graph, matrix);
    match (operator, operands.as_slice()) {
        // I x = x
        (Operator::Identity(_), _) => Ok(Some(vector)),
        // (u v^T) x = (v . x) u
        (Operator::Outer, &[u, v]) => {
            let products = graph.binary(Binary::Multiply, v, vector)?;
            let inner = graph.insert(Operator::Sum, vec![products])?;
            graph.binary(Binary::Multiply, inner, u).map(Some)
        }
        // pad(W) x = W x[start..]
        (Operator::PadColumns { start, .. }, &[inner]) => {
            let Some(length) = column_count(graph, inner) else { return Ok(None) };
            let part = slice_of(graph, vector, start, length)?;
            graph.matrix_vector(inner, part).map(Some)
        }
        _ if graph.phase(matrix).is_per_step() => varying_matrix_vector(graph, matrix, vector, alone),
        _ => Ok(None),
    }
}

/// Rules for the product of a matrix that varies in time with a vector: what is computed for the vector need not be for
/// the matrix. Each holds for the transpose as well.
fn varying_matrix_vector(graph: &mut Graph, matrix: NodeId, vector: NodeId, alone: bool) -> Rewrite {
    let transposed = *graph.operator(matrix) == Operator::Transpose;
    let matrix = if transposed { graph.operands(matrix)[0] } else { matrix };
    let times = |graph: &mut Graph, matrix: NodeId, vector: NodeId| {
        let matrix = if transposed { graph.insert(Operator::Transpose, vec![matrix])? } else { matrix };
        graph.matrix_vector(matrix, vector)
    };
    // (-M) x = -(M x)
    if let (Operator::Unary(Unary::Negate), &[inner]) = (graph.operator(matrix), graph.operands(matrix)) {
        let product = times(graph, inner, vector)?;
        return graph.unary(Unary::Negate, product).map(Some);
    }
    // (s M) x = s (M x),  (M / s) x = (M x) / s with a scalar s
    if let Some((function, factor, inner)) = scaled(graph, matrix) {
        let product = times(graph, inner, vector)?;
        return scale(graph, function, factor, product);
    }
    match (graph.operator(matrix).clone(), graph.operands(matrix)) {
        // (u v^T ⊙ M) x = u ⊙ (M (v ⊙ x)): rows or columns scaled
        (Operator::Binary(Binary::Multiply), &[a, b]) => {
            for (scales, inner) in [(a, b), (b, a)] {
                if let Some((u, v)) = outer_factors(graph, scales) {
                    let (u, v) = if transposed { (v, u) } else { (u, v) };
                    let scaled = graph.binary(Binary::Multiply, v, vector)?;
                    let product = times(graph, inner, scaled)?;
                    return graph.binary(Binary::Multiply, u, product).map(Some);
                }
            }
            Ok(None)
        }
        // (A + B) x = A x + B x where one of them is constant over time or thin
        (Operator::Binary(function @ (Binary::Add | Binary::Subtract)), &[a, b])
            if alone
                && [a, b].iter().all(|&part| graph.shape(part) == graph.shape(matrix))
                && [a, b].iter().any(|&part| is_thin(graph, part) || !graph.phase(part).is_per_step()) =>
        {
            let left = times(graph, a, vector)?;
            let right = times(graph, b, vector)?;
            graph.binary(function, left, right).map(Some)
        }
        // (A B) x = A (B x)
        (Operator::MatrixMatrix, &[a, b]) if alone => {
            let (first, second) = if transposed { (a, b) } else { (b, a) };
            let inner = times(graph, first, vector)?;
            times(graph, second, inner).map(Some)
        }
        _ => Ok(None),
    }
}

fn matrix_matrix(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    // I B = B,  A I = A
    if let Operator::Identity(_) = graph.operator(a) {
        return Ok(Some(b));
    }
    if let Operator::Identity(_) = graph.operator(b) {
        return Ok(Some(a));
    }
    // (u v^T) B = u (B^T v)^T
    if let Some((u, v)) = outer_factors(graph, a) {
        let transposed = graph.insert(Operator::Transpose, vec![b])?;
        let right = graph.matrix_vector(transposed, v)?;
        return graph.insert(Operator::Outer, vec![u, right]).map(Some);
    }
    // A (u v^T) = (A u) v^T
    if let Some((u, v)) = outer_factors(graph, b) {
        let left = graph.matrix_vector(a, u)?;
        return graph.insert(Operator::Outer, vec![left, v]).map(Some);
    }
    // (-A) B = -(A B),  A (-B) = -(A B)
    for (position, negative) in [(0, a), (1, b)] {
        if let (Operator::Unary(Unary::Negate), &[inner]) =
            (graph.operator(negative), graph.operands(negative))
            && graph.phase(negative).is_per_step()
        {
            let operands = if position == 0 { vec![inner, b] } else { vec![a, inner] };
            let product = graph.insert(Operator::MatrixMatrix, operands)?;
            return graph.unary(Unary::Negate, product).map(Some);
        }
    }
    // (s A) B = s (A B),  A (s B) = s (A B) with a scalar s
    if let Some((function, factor, inner)) = scaled(graph, a) {
        let product = graph.insert(Operator::MatrixMatrix, vec![inner, b])?;
        return scale(graph, function, factor, product);
    }
    if let Some((function, factor, inner)) = scaled(graph, b) {
        let product = graph.insert(Operator::MatrixMatrix, vec![a, inner])?;
        return scale(graph, function, factor, product);
    }
    // A (X + Y) = A X + A Y,  (X + Y) B = X B + Y B where X or Y is thin: A (I - k k^T) = A - (A k) k^T
    for (position, sum) in [(1, b), (0, a)] {
        if let (Operator::Binary(function @ (Binary::Add | Binary::Subtract)), operands) = parts(graph, sum)
            && let [x, y] = operands[..]
            && graph.phase(sum).is_per_step()
            && [x, y].iter().all(|&part| graph.shape(part) == graph.shape(sum))
            && [x, y].iter().any(|&part| is_thin(graph, part))
        {
            let mut product = |part: NodeId| {
                let operands = if position == 1 { vec![a, part] } else { vec![part, b] };
                graph.insert(Operator::MatrixMatrix, operands)
            };
            let (x, y) = (product(x)?, product(y)?);
            return graph.binary(function, x, y).map(Some);
        }
    }
    Ok(None)
}

/// `u pad(v)^T = pad(u v^T)` by columns.
fn outer(graph: &mut Graph, u: NodeId, v: NodeId) -> Rewrite {
    if let (Operator::Pad { start, total }, operands) = parts(graph, v)
        && let [inner] = operands[..]
    {
        let product = graph.insert(Operator::Outer, vec![u, inner])?;
        return graph.insert(Operator::PadColumns { start, total }, vec![product]).map(Some);
    }
    Ok(None)
}

fn transpose(graph: &mut Graph, x: NodeId) -> Rewrite {
    let (operator, operands) = parts(graph, x);
    match (operator, operands.as_slice()) {
        (Operator::Transpose, &[inner]) => Ok(Some(inner)),
        (Operator::Identity(_), _) => Ok(Some(x)),
        (Operator::Outer, &[u, v]) => graph.insert(Operator::Outer, vec![v, u]).map(Some),
        (Operator::BroadcastMatrix(rows, columns), &[scalar]) => {
            graph.insert(Operator::BroadcastMatrix(columns, rows), vec![scalar]).map(Some)
        }
        // (X + Y)^T = X^T + Y^T where both are thin
        (Operator::Binary(function @ (Binary::Add | Binary::Subtract)), &[a, b])
            if is_thin(graph, a) && is_thin(graph, b) =>
        {
            let a = graph.insert(Operator::Transpose, vec![a])?;
            let b = graph.insert(Operator::Transpose, vec![b])?;
            graph.binary(function, a, b).map(Some)
        }
        // (s X)^T = s X^T
        (Operator::Binary(Binary::Multiply), &[a, b]) if is_thin(graph, x) => {
            let (factor, inner) = if is_scalar(graph, a) { (a, b) } else { (b, a) };
            let inner = graph.insert(Operator::Transpose, vec![inner])?;
            graph.binary(Binary::Multiply, factor, inner).map(Some)
        }
        _ => Ok(None),
    }
}

fn sum(graph: &mut Graph, x: NodeId) -> Rewrite {
    if graph.is_zero(x) {
        return graph.constant(0.0).map(Some);
    }
    let (operator, operands) = parts(graph, x);
    match (operator, operands.as_slice()) {
        // sum(s x) = s sum(x) with a scalar s
        (Operator::Binary(Binary::Multiply), &[a, b]) if is_scalar(graph, a) || is_scalar(graph, b) => {
            let (scale, inner) = if is_scalar(graph, a) { (a, b) } else { (b, a) };
            let inner = graph.insert(Operator::Sum, vec![inner])?;
            graph.binary(Binary::Multiply, scale, inner).map(Some)
        }
        // sum(x / s) = sum(x) / s with a scalar s
        (Operator::Binary(Binary::Divide), &[inner, scale]) if is_scalar(graph, scale) => {
            let inner = graph.insert(Operator::Sum, vec![inner])?;
            graph.binary(Binary::Divide, inner, scale).map(Some)
        }
        // sum(-x) = -sum(x)
        (Operator::Unary(Unary::Negate), &[inner]) => {
            let inner = graph.insert(Operator::Sum, vec![inner])?;
            graph.unary(Unary::Negate, inner).map(Some)
        }
        // sum(u v^T) = sum(u) sum(v)
        (Operator::Outer, &[u, v]) => {
            let u = graph.insert(Operator::Sum, vec![u])?;
            let v = graph.insert(Operator::Sum, vec![v])?;
            graph.binary(Binary::Multiply, u, v).map(Some)
        }
        (Operator::Pad { .. } | Operator::PadColumns { .. } | Operator::Transpose, &[inner]) => {
            graph.insert(Operator::Sum, vec![inner]).map(Some)
        }
        // The sum of n times a number, where n is known.
        (Operator::Broadcast(n), &[scalar]) if n.terms().is_empty() => {
            let count = graph.constant(f64::from(n.constant_part()))?;
            graph.binary(Binary::Multiply, count, scalar).map(Some)
        }
        _ => Ok(None),
    }
}

/// What is constant over time leaves a total: it is applied once, after the last step.
fn total(graph: &mut Graph, x: NodeId) -> Rewrite {
    if graph.is_zero(x) {
        let shape = graph.shape(x).clone();
        return graph.zero(&shape).map(Some);
    }
    let before = |graph: &Graph, id| graph.phase(id) == Phase::Before;
    let (operator, operands) = parts(graph, x);
    match (operator, operands.as_slice()) {
        // Outer products are totalled one by one: each is a matrix product over all steps and samples.
        (Operator::Binary(function @ (Binary::Add | Binary::Subtract)), &[a, b])
            if [a, b].iter().any(|&operand| is_outer_sum(graph, operand))
                && [a, b]
                    .iter()
                    .all(|&operand| !before(graph, operand) && graph.shape(operand) == graph.shape(x)) =>
        {
            let a = graph.insert(Operator::Total, vec![a])?;
            let b = graph.insert(Operator::Total, vec![b])?;
            graph.binary(function, a, b).map(Some)
        }
        (Operator::Binary(Binary::Multiply), &[a, b]) if before(graph, a) || before(graph, b) => {
            let (scale, inner) = if before(graph, a) { (a, b) } else { (b, a) };
            let inner = graph.insert(Operator::Total, vec![inner])?;
            graph.binary(Binary::Multiply, scale, inner).map(Some)
        }
        (Operator::Binary(Binary::Divide), &[inner, scale]) if before(graph, scale) => {
            let inner = graph.insert(Operator::Total, vec![inner])?;
            graph.binary(Binary::Divide, inner, scale).map(Some)
        }
        (
            operator @ (Operator::Unary(Unary::Negate)
            | Operator::Pad { .. }
            | Operator::PadColumns { .. }
            | Operator::Broadcast(_)
            | Operator::BroadcastMatrix(..)),
            &[inner],
        ) => {
            let inner = graph.insert(Operator::Total, vec![inner])?;
            graph.insert(operator, vec![inner]).map(Some)
        }
        _ => Ok(None),
    }
}

/// True for an outer product, or a sum that ends in one.
fn is_outer_sum(graph: &Graph, mut id: NodeId) -> bool {
    loop {
        match (graph.operator(id), graph.operands(id)) {
            (Operator::Outer, _) => return true,
            (Operator::Binary(Binary::Add | Binary::Subtract), &[first, last]) => {
                if *graph.operator(last) == Operator::Outer {
                    return true;
                }
                id = first;
            }
            _ => return false,
        }
    }
}
