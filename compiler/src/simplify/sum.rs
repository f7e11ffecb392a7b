//! Sums: their order, common factors, and parts that tile a vector.
//!
//! A *sum* is a tree of `Add`, `Subtract` and `Negate` whose inner nodes nothing else reads. It becomes one chain that
//! leans to the left: added matrix products first (there the planner finds those that accumulate into one buffer), then
//! what else is added, then what is subtracted; each group in the order of the equations.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, GraphError, NodeId, Phase};
use crate::operator::{Binary, Operator, Unary};
use crate::shape::{Dimension, Shape};

/// An addend with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term {
    subtracted: bool,
    value: NodeId,
}

/// True for the operators that a sum is made of.
fn is_sum(operator: &Operator) -> bool {
    matches!(operator, Operator::Binary(Binary::Add | Binary::Subtract) | Operator::Unary(Unary::Negate))
}

/// Rebuilds every sum.
pub(super) fn pass(graph: &Graph) -> Result<Graph, GraphError> {
    let uses = graph.use_counts();
    // A node is inside a sum where its only reader is a sum of the same shape: then it is not built on its own.
    let mut inner = vec![false; graph.len()];
    for node in graph.nodes() {
        if is_sum(&node.operator) {
            for &operand in &node.operands {
                let index = operand.0 as usize;
                let part = graph.node(operand);
                inner[index] = uses[index] == 1 && is_sum(&part.operator) && part.shape == node.shape;
            }
        }
    }
    // Where each old node is in the new graph, and how often the old nodes that a new one stands for are read.
    let mut places: HashMap<NodeId, NodeId> = HashMap::new();
    let mut reads: HashMap<NodeId, usize> = HashMap::new();
    graph.rebuild(|new, id, node, operands| {
        let place = if !is_sum(&node.operator) || inner[id.0 as usize] {
            new.insert(node.operator.clone(), operands)?
        } else {
            let mut terms = flatten(graph, id, &inner);
            for term in &mut terms {
                // Every addend comes before the sum that reads it.
                term.value = places.get(&term.value).copied().unwrap_or(term.value);
            }
            let single = |value: NodeId| reads.get(&value) == Some(&1);
            factor(new, &mut terms, &single)?;
            tile(new, &mut terms)?;
            build(new, terms, &node.shape)?
        };
        places.insert(id, place);
        *reads.entry(place).or_default() += uses[id.0 as usize];
        Ok(place)
    })
}

/// The addends of a sum, in the order of the equations.
fn flatten(graph: &Graph, root: NodeId, inner: &[bool]) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut stack = vec![Term { subtracted: false, value: root }];
    while let Some(Term { subtracted, value }) = stack.pop() {
        let node = graph.node(value);
        if value != root && !inner[value.0 as usize] {
            terms.push(Term { subtracted, value });
            continue;
        }
        // Pushed in reverse, so that the first operand is taken up first.
        match (&node.operator, node.operands.as_slice()) {
            (Operator::Unary(_), &[x]) => stack.push(Term { subtracted: !subtracted, value: x }),
            (Operator::Binary(function), &[a, b]) => {
                let second = if *function == Binary::Subtract { !subtracted } else { subtracted };
                stack.push(Term { subtracted: second, value: b });
                stack.push(Term { subtracted, value: a });
            }
            _ => terms.push(Term { subtracted, value }),
        }
    }
    terms
}

/// Sums with more terms are not searched for common factors: the search compares every two.
const MAXIMUM_FACTORED_TERMS: usize = 64;

/// Takes common factors out where that saves a product: `x + x = 2 x`, `a b + a c = a (b + c)` of element-wise products, and in the
/// adjoint half, where nothing can leave the loop early, `W b + W c = W (b + c)` and `u b^T + u c^T = u (b + c)^T`.
fn factor(
    graph: &mut Graph,
    terms: &mut Vec<Term>,
    single: &dyn Fn(NodeId) -> bool,
) -> Result<(), GraphError> {
    if terms.len() > MAXIMUM_FACTORED_TERMS {
        return Ok(());
    }
    let mut first = 0;
    while first < terms.len() {
        let mut second = first + 1;
        while second < terms.len() {
            let (a, b) = (terms[first], terms[second]);
            let merged = if a == b {
                let two = graph.constant(2.0)?;
                Some(graph.binary(Binary::Multiply, two, a.value)?)
            } else if single(a.value) && single(b.value) && a.value != b.value {
                merge(graph, a, b)?
            } else {
                None
            };
            match merged {
                Some(value) => {
                    terms[first].value = value;
                    terms.remove(second);
                }
                None => second += 1,
            }
        }
        first += 1;
    }
    Ok(())
}

/// The two terms as one, with the sign of the first.
fn merge(graph: &mut Graph, a: Term, b: Term) -> Result<Option<NodeId>, GraphError> {
    let operator = graph.operator(a.value).clone();
    if operator != *graph.operator(b.value) || graph.shape(a.value) != graph.shape(b.value) {
        return Ok(None);
    }
    let (&[a0, a1], &[b0, b1]) = (graph.operands(a.value), graph.operands(b.value)) else { return Ok(None) };
    let late = graph.phase(a.value) == Phase::Backward && graph.phase(b.value) == Phase::Backward;
    let (common, left, right) = match operator {
        Operator::Binary(Binary::Multiply) if a0 == b0 => (a0, a1, b1),
        Operator::Binary(Binary::Multiply) if a0 == b1 => (a0, a1, b0),
        Operator::Binary(Binary::Multiply) if a1 == b0 => (a1, a0, b1),
        Operator::Binary(Binary::Multiply) if a1 == b1 => (a1, a0, b0),
        Operator::MatrixVector | Operator::Outer if late && a0 == b0 => (a0, a1, b1),
        _ => return Ok(None),
    };
    // What is constant over time stays with itself: a factor of the loop does not move into it.
    if graph.phase(left) != graph.phase(right) || graph.shape(left) != graph.shape(right) {
        return Ok(None);
    }
    let function = if a.subtracted == b.subtracted { Binary::Add } else { Binary::Subtract };
    let sum = graph.binary(function, left, right)?;
    graph.insert(operator, vec![common, sum]).map(Some)
}

/// Joins parts that follow one another: `pad(a, 0) + pad(b, |a|) = pad([a, b], 0)`, which is `[a, b]` where it fills
/// the vector. This is what becomes of the adjoints of the slices of a stack of gates.
fn tile(graph: &mut Graph, terms: &mut Vec<Term>) -> Result<(), GraphError> {
    let mut parts: Vec<(usize, Dimension, Dimension, NodeId)> = Vec::new();
    for (index, term) in terms.iter().enumerate() {
        if let (Operator::Pad { start, .. }, &[inner]) =
            (graph.operator(term.value), graph.operands(term.value))
            && let Shape::Vector(length) = graph.shape(inner)
            && !term.subtracted
        {
            parts.push((index, start.clone(), length.clone(), inner));
        }
    }
    let Some(Shape::Vector(total)) = terms.first().map(|term| graph.shape(term.value).clone()) else {
        return Ok(());
    };
    // Of parts with the same start the last is found; the others stay as they are.
    let starting: HashMap<Dimension, usize> =
        parts.iter().enumerate().map(|(part, (_, start, ..))| (start.clone(), part)).collect();
    let ends: HashSet<Dimension> = parts.iter().map(|(_, start, length, _)| start.plus(length)).collect();
    let mut gone = vec![false; terms.len()];
    let mut taken = vec![false; parts.len()];
    for head in 0..parts.len() {
        // A head is a part that no other part leads up to.
        if taken[head] || ends.contains(&parts[head].1) {
            continue;
        }
        taken[head] = true;
        let mut chain = vec![head];
        let mut end = parts[head].1.plus(&parts[head].2);
        while let Some(&next) = starting.get(&end).filter(|&&part| !taken[part]) {
            taken[next] = true;
            chain.push(next);
            end = end.plus(&parts[next].2);
        }
        if chain.len() > 1 {
            let joined = chain.iter().map(|&part| parts[part].3).collect();
            let joined = graph.insert(Operator::Concatenate, joined)?;
            let value = if *graph.shape(joined) == Shape::Vector(total.clone()) {
                joined
            } else {
                let start = parts[head].1.clone();
                graph.insert(Operator::Pad { start, total: total.clone() }, vec![joined])?
            };
            for &part in &chain {
                gone[parts[part].0] = true;
            }
            terms[parts[head].0].value = value;
            gone[parts[head].0] = false;
        }
    }
    let mut index = 0;
    terms.retain(|_| {
        index += 1;
        !gone[index - 1]
    });
    Ok(())
}

/// The chain of a sum's terms.
fn build(graph: &mut Graph, terms: Vec<Term>, shape: &Shape) -> Result<NodeId, GraphError> {
    let (mut products, mut added, mut subtracted) = (Vec::new(), Vec::new(), Vec::new());
    for Term { subtracted: negative, value } in terms {
        if negative {
            subtracted.push(value);
        } else if *graph.operator(value) == Operator::MatrixVector {
            products.push(value);
        } else {
            added.push(value);
        }
    }
    products.append(&mut added);
    // Nothing is added: -(a + b + …).
    let negate = products.is_empty();
    if negate {
        std::mem::swap(&mut products, &mut subtracted);
    }
    let mut sum: Option<NodeId> = None;
    for value in products {
        sum = Some(match sum {
            Some(sum) => graph.binary(Binary::Add, sum, value)?,
            None => value,
        });
    }
    let Some(mut sum) = sum else { return graph.zero(shape) };
    for value in subtracted {
        sum = graph.binary(Binary::Subtract, sum, value)?;
    }
    if negate { graph.unary(Unary::Negate, sum) } else { Ok(sum) }
}
