//! Rules for parts of vectors and of columns: what is put together, cut out, or laid among zeros.

use super::{Rewrite, column_count, parts, slice_of, vector_length};
use crate::graph::{Graph, NodeId};
use crate::operator::{Binary, Operator};
use crate::shape::{Dimension, Shape};

/// Concatenations are not joined into one of more parts: a chain of `[a, a]` would double it at every link.
const MAXIMUM_PARTS: usize = 1024;

pub(super) fn concatenate(graph: &mut Graph, operands: &[NodeId]) -> Rewrite {
    if let &[only] = operands {
        return Ok(Some(only));
    }
    let count = |&operand: &NodeId| match graph.operator(operand) {
        Operator::Concatenate => graph.operands(operand).len(),
        _ => 1,
    };
    if operands.iter().map(count).sum::<usize>() > MAXIMUM_PARTS {
        return Ok(None);
    }
    // Nested concatenations become one; neighbouring slices of one vector become one.
    let mut flat: Vec<NodeId> = Vec::with_capacity(operands.len());
    for &operand in operands {
        let inner = match parts(graph, operand) {
            (Operator::Concatenate, inner) => inner,
            _ => vec![operand],
        };
        for part in inner {
            let joined = match flat.last() {
                Some(&last) => join_slices(graph, last, part)?,
                None => None,
            };
            match joined {
                Some(joined) => {
                    flat.pop();
                    flat.push(joined);
                }
                None => flat.push(part),
            }
        }
    }
    if flat == operands {
        return Ok(None);
    }
    match flat[..] {
        [only] => Ok(Some(only)),
        _ => graph.insert(Operator::Concatenate, flat).map(Some),
    }
}

/// `[x[a..b], x[b..c]] = x[a..c]`.
fn join_slices(graph: &mut Graph, left: NodeId, right: NodeId) -> Rewrite {
    match (parts(graph, left), parts(graph, right)) {
        ((Operator::Slice { start, length }, of), (Operator::Slice { start: next, length: more }, same))
            if of == same && start.plus(&length) == next =>
        {
            graph.insert(Operator::Slice { start, length: length.plus(&more) }, of).map(Some)
        }
        _ => Ok(None),
    }
}

pub(super) fn slice(graph: &mut Graph, start: &Dimension, length: &Dimension, x: NodeId) -> Rewrite {
    if vector_length(graph, x).as_ref() == Some(length) {
        return Ok(Some(x));
    }
    let (operator, operands) = parts(graph, x);
    match (operator, operands.as_slice()) {
        (Operator::Slice { start: outer, .. }, &[inner]) => {
            slice_of(graph, inner, outer.plus(start), length.clone()).map(Some)
        }
        (Operator::Broadcast(_), &[scalar]) => {
            graph.insert(Operator::Broadcast(length.clone()), vec![scalar]).map(Some)
        }
        (Operator::Concatenate, operands) => slice_concatenation(graph, start, length, operands),
        (Operator::Pad { start: offset, .. }, &[inner]) => {
            let Some(size) = vector_length(graph, inner) else { return Ok(None) };
            match overlap(start, length, &offset, &size) {
                Overlap::Within(start) => slice_of(graph, inner, start, length.clone()).map(Some),
                Overlap::Apart => graph.zero(&Shape::Vector(length.clone())).map(Some),
                Overlap::Other => Ok(None),
            }
        }
        // (W^T d)[a..b] = (W[:, a..b])^T d
        (Operator::MatrixVector, &[matrix, vector]) => {
            let (Operator::Transpose, operands) = parts(graph, matrix) else { return Ok(None) };
            let part = Operator::SliceColumns { start: start.clone(), length: length.clone() };
            let part = graph.insert(part, operands)?;
            let transposed = graph.insert(Operator::Transpose, vec![part])?;
            graph.matrix_vector(transposed, vector).map(Some)
        }
        // A sum is sliced where its addends are cheap to slice.
        (Operator::Binary(function @ (Binary::Add | Binary::Subtract)), &[a, b])
            if [a, b].iter().all(|&operand| slices_well(graph, operand)) =>
        {
            let a = slice_of(graph, a, start.clone(), length.clone())?;
            let b = slice_of(graph, b, start.clone(), length.clone())?;
            graph.binary(function, a, b).map(Some)
        }
        _ => Ok(None),
    }
}

/// True where a slice of a vector is cheaper than the vector.
fn slices_well(graph: &Graph, id: NodeId) -> bool {
    match (graph.operator(id), graph.operands(id)) {
        (Operator::MatrixVector, &[matrix, _]) => *graph.operator(matrix) == Operator::Transpose,
        (Operator::Concatenate | Operator::Pad { .. }, _) => true,
        (Operator::Binary(Binary::Add | Binary::Subtract), _) => *graph.shape(id) != Shape::Scalar,
        _ => false,
    }
}

/// The slice of a concatenation where it lies in one part, or is made of whole parts.
fn slice_concatenation(
    graph: &mut Graph,
    start: &Dimension,
    length: &Dimension,
    operands: &[NodeId],
) -> Rewrite {
    let mut offset = Dimension::default();
    let mut whole: Vec<NodeId> = Vec::new();
    let mut covered = Dimension::default();
    for &part in operands {
        let Some(size) = vector_length(graph, part) else { return Ok(None) };
        if let Overlap::Within(inner) = overlap(start, length, &offset, &size) {
            return slice_of(graph, part, inner, length.clone()).map(Some);
        }
        if offset == *start || !whole.is_empty() {
            whole.push(part);
            covered = covered.plus(&size);
            if covered == *length {
                return graph.insert(Operator::Concatenate, whole).map(Some);
            }
        }
        offset = offset.plus(&size);
    }
    Ok(None)
}

/// How the range of `length` from `start` lies to the range of `size` from `offset`.
enum Overlap {
    /// Within, from this element on.
    Within(Dimension),
    /// Outside.
    Apart,
    /// Neither, or not known for symbolic sizes.
    Other,
}

fn overlap(start: &Dimension, length: &Dimension, offset: &Dimension, size: &Dimension) -> Overlap {
    let end = offset.plus(size);
    if let Some(inner) = start.minus(offset)
        && end.minus(&start.plus(length)).is_some()
    {
        return Overlap::Within(inner);
    }
    if start.minus(&end).is_some() || offset.minus(&start.plus(length)).is_some() {
        return Overlap::Apart;
    }
    Overlap::Other
}

pub(super) fn pad(graph: &mut Graph, start: &Dimension, total: &Dimension, x: NodeId) -> Rewrite {
    if vector_length(graph, x).as_ref() == Some(total) {
        return Ok(Some(x));
    }
    if graph.is_zero(x) {
        return graph.zero(&Shape::Vector(total.clone())).map(Some);
    }
    match parts(graph, x) {
        (Operator::Pad { start: inner, .. }, operands) => {
            let operator = Operator::Pad { start: start.plus(&inner), total: total.clone() };
            graph.insert(operator, operands).map(Some)
        }
        _ => Ok(None),
    }
}

pub(super) fn slice_columns(graph: &mut Graph, start: &Dimension, length: &Dimension, x: NodeId) -> Rewrite {
    if column_count(graph, x).as_ref() == Some(length) {
        return Ok(Some(x));
    }
    let (operator, operands) = parts(graph, x);
    match (operator, operands.as_slice()) {
        (Operator::SliceColumns { start: outer, .. }, &[inner]) => {
            let operator = Operator::SliceColumns { start: outer.plus(start), length: length.clone() };
            graph.insert(operator, vec![inner]).map(Some)
        }
        (Operator::PadColumns { start: offset, .. }, &[inner]) => {
            let Shape::Matrix(rows, size) = graph.shape(inner).clone() else { return Ok(None) };
            match overlap(start, length, &offset, &size) {
                Overlap::Within(start) => {
                    let operator = Operator::SliceColumns { start, length: length.clone() };
                    graph.insert(operator, vec![inner]).map(Some)
                }
                Overlap::Apart => graph.zero(&Shape::Matrix(rows, length.clone())).map(Some),
                Overlap::Other => Ok(None),
            }
        }
        (Operator::Outer, &[u, v]) => {
            let v = slice_of(graph, v, start.clone(), length.clone())?;
            graph.insert(Operator::Outer, vec![u, v]).map(Some)
        }
        (Operator::MatrixMatrix, &[a, b]) => {
            let operator = Operator::SliceColumns { start: start.clone(), length: length.clone() };
            let b = graph.insert(operator, vec![b])?;
            graph.insert(Operator::MatrixMatrix, vec![a, b]).map(Some)
        }
        (Operator::BroadcastMatrix(rows, _), &[scalar]) => {
            graph.insert(Operator::BroadcastMatrix(rows, length.clone()), vec![scalar]).map(Some)
        }
        _ => Ok(None),
    }
}

pub(super) fn pad_columns(graph: &mut Graph, start: &Dimension, total: &Dimension, x: NodeId) -> Rewrite {
    let Shape::Matrix(rows, columns) = graph.shape(x).clone() else { return Ok(None) };
    if columns == *total {
        return Ok(Some(x));
    }
    if graph.is_zero(x) {
        return graph.zero(&Shape::Matrix(rows, total.clone())).map(Some);
    }
    match parts(graph, x) {
        (Operator::PadColumns { start: inner, .. }, operands) => {
            let operator = Operator::PadColumns { start: start.plus(&inner), total: total.clone() };
            graph.insert(operator, operands).map(Some)
        }
        _ => Ok(None),
    }
}
