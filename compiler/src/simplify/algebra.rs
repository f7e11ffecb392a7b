//! Rules of arithmetic for element-wise operators: constants, identities, signs, canonical operand order, broadcasts.

use crate::graph::{Graph, GraphError, NodeId};
use crate::operator::evaluate::{evaluate_binary, evaluate_ternary, evaluate_unary};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::Shape;

type Rewrite = Result<Option<NodeId>, GraphError>;

/// Rebuilds the graph, applying to each node the first rule that fits.
pub(super) fn pass(graph: &Graph) -> Result<Graph, GraphError> {
    graph.rebuild(|graph, _, node, operands| {
        let rewritten = match (&node.operator, operands.as_slice()) {
            (Operator::Unary(function), &[x]) => unary(graph, *function, x)?,
            (Operator::Binary(function), &[a, b]) => binary(graph, *function, a, b)?,
            (Operator::Ternary(function), &[a, b, c]) => ternary(graph, *function, [a, b, c])?,
            _ => None,
        };
        let rewritten = match rewritten {
            None if node.operator.is_element_wise() => broadcasts(graph, &node.operator, &operands)?,
            other => other,
        };
        match rewritten {
            // A rule that drops an operand may leave a scalar where a vector is meant.
            Some(id) if *graph.shape(id) != node.shape && *graph.shape(id) == Shape::Scalar => {
                graph.broadcast(id, &node.shape)
            }
            Some(id) => Ok(id),
            None => graph.insert(node.operator.clone(), operands),
        }
    })
}

/// The operand of a negation.
fn negated(graph: &Graph, id: NodeId) -> Option<NodeId> {
    match graph.operator(id) {
        Operator::Unary(Unary::Negate) => graph.operands(id).first().copied(),
        _ => None,
    }
}

/// The operands of a binary node of this function.
fn binary_operands(graph: &Graph, id: NodeId, function: Binary) -> Option<(NodeId, NodeId)> {
    match (graph.operator(id), graph.operands(id)) {
        (Operator::Binary(found), &[a, b]) if *found == function => Some((a, b)),
        _ => None,
    }
}

fn unary(graph: &mut Graph, function: Unary, x: NodeId) -> Rewrite {
    if let Some(value) = graph.constant_value(x) {
        return graph.constant(evaluate_unary(function, value)).map(Some);
    }
    match function {
        Unary::Negate => {}
        // |-x| = |x|
        Unary::Absolute => {
            return match negated(graph, x) {
                Some(y) => graph.unary(Unary::Absolute, y).map(Some),
                None => Ok(None),
            };
        }
        _ => return Ok(None),
    }
    // -(-x) = x
    if let Some(y) = negated(graph, x) {
        return Ok(Some(y));
    }
    // -(a - b) = b - a
    if let Some((a, b)) = binary_operands(graph, x, Binary::Subtract) {
        return graph.binary(Binary::Subtract, b, a).map(Some);
    }
    // -(c y) = (-c) y,  -(c / y) = (-c) / y
    for function in [Binary::Multiply, Binary::Divide] {
        if let Some((c, y)) = binary_operands(graph, x, function)
            && let Some(value) = graph.constant_value(c)
        {
            let c = graph.constant(-value)?;
            return graph.binary(function, c, y).map(Some);
        }
    }
    Ok(None)
}

fn binary(graph: &mut Graph, function: Binary, a: NodeId, b: NodeId) -> Rewrite {
    if let (Some(left), Some(right)) = (graph.constant_value(a), graph.constant_value(b)) {
        return graph.constant(evaluate_binary(function, left, right)).map(Some);
    }
    match function {
        Binary::Add => add(graph, a, b),
        Binary::Subtract => subtract(graph, a, b),
        Binary::Multiply => multiply(graph, a, b),
        Binary::Divide => divide(graph, a, b),
        // max(x, x) = min(x, x) = x
        Binary::Maximum | Binary::Minimum => Ok((a == b).then_some(a)),
        // x < x never holds; whether x <= x does depends on whether x is a number.
        Binary::Less => Ok(None),
        Binary::LessOrEqual => Ok(None),
    }
}

/// Canonical order of addends: sums, then matrix products, then the rest, each by id; so that sums lean to the left.
fn addend_order(graph: &Graph, id: NodeId) -> (u8, NodeId) {
    match graph.operator(id) {
        Operator::Binary(Binary::Add) => (0, id),
        Operator::MatrixVector => (1, id),
        _ => (2, id),
    }
}

fn add(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    // 0 + x = x
    if graph.is_zero(a) {
        return Ok(Some(b));
    }
    if graph.is_zero(b) {
        return Ok(Some(a));
    }
    match (negated(graph, a), negated(graph, b)) {
        // -a + -b = -(a + b)
        (Some(a), Some(b)) => {
            let sum = graph.binary(Binary::Add, a, b)?;
            graph.unary(Unary::Negate, sum).map(Some)
        }
        // -a + b = b - a
        (Some(a), None) => graph.binary(Binary::Subtract, b, a).map(Some),
        // a + -b = a - b
        (None, Some(b)) => graph.binary(Binary::Subtract, a, b).map(Some),
        (None, None) if addend_order(graph, b) < addend_order(graph, a) => {
            graph.binary(Binary::Add, b, a).map(Some)
        }
        (None, None) => Ok(None),
    }
}

fn subtract(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    // x - 0 = x,  0 - x = -x
    if graph.is_zero(b) {
        return Ok(Some(a));
    }
    if graph.is_zero(a) {
        return graph.unary(Unary::Negate, b).map(Some);
    }
    match (negated(graph, a), negated(graph, b)) {
        // -a - -b = b - a
        (Some(a), Some(b)) => return graph.binary(Binary::Subtract, b, a).map(Some),
        // -a - b = -(a + b)
        (Some(a), None) => {
            let sum = graph.binary(Binary::Add, a, b)?;
            return graph.unary(Unary::Negate, sum).map(Some);
        }
        // a - -b = a + b
        (None, Some(b)) => return graph.binary(Binary::Add, a, b).map(Some),
        (None, None) => {}
    }
    // c - (c - x) = x with a finite constant c
    if graph.constant_value(a).is_some_and(f64::is_finite)
        && let Some((c, x)) = binary_operands(graph, b, Binary::Subtract)
        && c == a
    {
        return Ok(Some(x));
    }
    Ok(None)
}

/// Canonical order of factors: constants, then scalars, then the rest, each by id.
fn factor_order(graph: &Graph, id: NodeId) -> (u8, NodeId) {
    let rank = match graph.shape(id) {
        _ if graph.constant_value(id).is_some() => 0,
        Shape::Scalar => 1,
        _ => 2,
    };
    (rank, id)
}

fn multiply(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    if factor_order(graph, b) < factor_order(graph, a) {
        return graph.binary(Binary::Multiply, b, a).map(Some);
    }
    if let Some(value) = graph.uniform_value(a) {
        // 1 x = x,  -1 x = -x
        if value == 1.0 {
            return Ok(Some(b));
        }
        if value == -1.0 {
            return graph.unary(Unary::Negate, b).map(Some);
        }
    }
    if let Some(value) = graph.constant_value(a) {
        // c (-x) = (-c) x
        if let Some(x) = negated(graph, b) {
            let c = graph.constant(-value)?;
            return graph.binary(Binary::Multiply, c, x).map(Some);
        }
        // c (d x) = (c d) x
        if let Some((inner, x)) = binary_operands(graph, b, Binary::Multiply)
            && let Some(inner) = graph.constant_value(inner)
        {
            let c = graph.constant(value * inner)?;
            return graph.binary(Binary::Multiply, c, x).map(Some);
        }
    }
    // s (t x) = (s t) x with scalars s and t
    if *graph.shape(a) == Shape::Scalar
        && *graph.shape(b) != Shape::Scalar
        && let Some((inner, x)) = binary_operands(graph, b, Binary::Multiply)
        && *graph.shape(inner) == Shape::Scalar
    {
        let scale = graph.binary(Binary::Multiply, a, inner)?;
        return graph.binary(Binary::Multiply, scale, x).map(Some);
    }
    // Signs move out of products: there they meet a sum, and vanish.
    match (negated(graph, a), negated(graph, b)) {
        // (-a) (-b) = a b
        (Some(a), Some(b)) => graph.binary(Binary::Multiply, a, b).map(Some),
        // (-a) b = -(a b)
        (Some(a), None) => negate(graph, Binary::Multiply, a, b),
        (None, Some(b)) => negate(graph, Binary::Multiply, a, b),
        (None, None) => Ok(None),
    }
}

fn divide(graph: &mut Graph, a: NodeId, b: NodeId) -> Rewrite {
    if let Some(value) = graph.uniform_value(b) {
        // x / 1 = x,  x / -1 = -x
        if value == 1.0 {
            return Ok(Some(a));
        }
        if value == -1.0 {
            return graph.unary(Unary::Negate, a).map(Some);
        }
        // x / c = (1 / c) x where 1 / c is exact in both types: powers of two that are normal numbers in f32.
        let mantissa = value.to_bits() & ((1 << 52) - 1);
        if mantissa == 0 && (2.0_f64.powi(-126)..=2.0_f64.powi(126)).contains(&value.abs()) {
            let reciprocal = graph.constant(1.0 / value)?;
            return graph.binary(Binary::Multiply, reciprocal, a).map(Some);
        }
    }
    match (negated(graph, a), negated(graph, b)) {
        (Some(a), Some(b)) => graph.binary(Binary::Divide, a, b).map(Some),
        (Some(a), None) => negate(graph, Binary::Divide, a, b),
        (None, Some(b)) => negate(graph, Binary::Divide, a, b),
        (None, None) => Ok(None),
    }
}

/// `-function(a, b)`.
fn negate(graph: &mut Graph, function: Binary, a: NodeId, b: NodeId) -> Rewrite {
    let value = graph.binary(function, a, b)?;
    graph.unary(Unary::Negate, value).map(Some)
}

fn ternary(graph: &mut Graph, function: Ternary, [a, b, c]: [NodeId; 3]) -> Rewrite {
    let values = (graph.constant_value(a), graph.constant_value(b), graph.constant_value(c));
    if let (Some(a), Some(b), Some(c)) = values {
        return graph.constant(evaluate_ternary(function, a, b, c)).map(Some);
    }
    if function != Ternary::Select {
        return Ok(None);
    }
    // A known condition, or branches that do not differ.
    match graph.uniform_value(a) {
        Some(0.0) => Ok(Some(c)),
        Some(_) => Ok(Some(b)),
        None => Ok((b == c).then_some(b)),
    }
}

/// The scalar that a node repeats.
fn broadcast_scalar(graph: &Graph, id: NodeId) -> Option<NodeId> {
    match graph.operator(id) {
        Operator::Broadcast(_) | Operator::BroadcastMatrix(..) => graph.operands(id).first().copied(),
        _ => None,
    }
}

/// `f(broadcast(s), v) = f(s, v)`, and `f(broadcast(s)) = broadcast(f(s))` where no operand fills the shape itself.
fn broadcasts(graph: &mut Graph, operator: &Operator, operands: &[NodeId]) -> Rewrite {
    if operands.iter().all(|&operand| broadcast_scalar(graph, operand).is_none()) {
        return Ok(None);
    }
    let shrunk: Vec<NodeId> =
        operands.iter().map(|&operand| broadcast_scalar(graph, operand).unwrap_or(operand)).collect();
    // Where this is a scalar, the caller repeats it.
    graph.insert(operator.clone(), shrunk).map(Some)
}
