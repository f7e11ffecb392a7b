//! Random graphs, and texts that are nearly graphs: every stage holds its promises on what nobody thought of.

use super::simplify;
use crate::differentiate::differentiate;
use crate::graph::samples::{Arrays, Numbers, Writer, check_gradients, free, vector};
use crate::graph::{Graph, NodeId};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, Shape};

/// A choice from 0 to `count - 1`.
fn choose(numbers: &mut Numbers, count: usize) -> usize {
    ((numbers.next() + 1.0) / 2.0 * count as f64) as usize % count.max(1)
}

/// An operator that is smooth, and bounded on bounded operands, so that rounding stays rounding.
fn operator(numbers: &mut Numbers) -> (Operator, usize) {
    let dimensions = [free(0), free(1), free(0).plus(&free(1)), Dimension::constant(1), Dimension::default()];
    let mut dimension = || dimensions[choose(numbers, dimensions.len())].clone();
    let (first, second) = (dimension(), dimension());
    match choose(numbers, 24) {
        0..=1 => (Operator::Binary(Binary::Add), 2),
        2..=3 => (Operator::Binary(Binary::Subtract), 2),
        4..=6 => (Operator::Binary(Binary::Multiply), 2),
        7 => (Operator::Unary(Unary::Negate), 1),
        8 => (Operator::Unary(Unary::Tanh), 1),
        9 => (Operator::Unary(Unary::Sigmoid), 1),
        10..=11 => (Operator::MatrixVector, 2),
        12 => (Operator::Outer, 2),
        13 => (Operator::Transpose, 1),
        14 => (Operator::MatrixMatrix, 2),
        15 => (Operator::Concatenate, 2),
        16 => (Operator::Slice { start: first, length: second }, 1),
        17 => (Operator::Pad { start: first, total: second }, 1),
        18 => (Operator::SliceColumns { start: first, length: second }, 1),
        19 => (Operator::PadColumns { start: first, total: second }, 1),
        20 => (Operator::Sum, 1),
        21 => (Operator::Broadcast(first), 1),
        22 => (Operator::BroadcastMatrix(first, second), 1),
        _ => (Operator::Ternary(Ternary::ALL[choose(numbers, 3)]), 3),
    }
}

fn random_graph(seed: u64) -> Graph {
    let numbers = &mut Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut w = Writer::new(&["x", "h"]);
    let mut nodes = vec![
        w.input("x", vector(0)),
        w.state("h", vector(1)),
        w.state("C", Shape::Matrix(free(0), free(1))),
        w.parameter("W", Shape::Matrix(free(1), free(0))),
        w.parameter("V", Shape::Matrix(free(1), free(1).plus(&free(0)))),
        w.parameter("b", vector(1)),
        w.parameter("s", Shape::Scalar),
        w.number([0.0, 1.0, -1.0, 0.5, 3.0][choose(numbers, 5)]),
        w.apply(Operator::Identity(free(0)), &[]),
    ];
    let (h, memory) = (nodes[1], nodes[2]);
    // Most random choices do not fit together; those are passed over.
    for _ in 0..400 {
        let (operator, arity) = operator(numbers);
        // New nodes are read more often, so that rules meet what other rules made.
        let mut operand = || {
            let count = nodes.len();
            if choose(numbers, 2) == 0 {
                nodes[count - 1 - choose(numbers, 4)]
            } else {
                nodes[choose(numbers, count)]
            }
        };
        let operands: Vec<NodeId> = (0..arity).map(|_| operand()).collect();
        let Ok(mut id) = w.graph.insert(operator.clone(), operands) else { continue };
        // Keeps the numbers near one.
        if choose(numbers, 4) == 0 {
            id = w.unary(Unary::Tanh, id);
        }
        nodes.push(id);
        if nodes.len() > 40 {
            break;
        }
    }
    let last = |w: &Writer, shape: &Shape| {
        nodes.iter().rev().copied().find(|&id| w.graph.shape(id) == shape).unwrap_or(nodes[0])
    };
    for (state, value) in [h, memory].into_iter().enumerate() {
        let shape = w.graph.shape(value).clone();
        let value = last(&w, &shape);
        let bounded = w.unary(Unary::Tanh, value);
        w.next(state as u32, bounded);
    }
    for node in nodes.iter().rev().take(3).copied().collect::<Vec<_>>() {
        let bounded = w.unary(Unary::Tanh, node);
        w.output("y", bounded);
    }
    w.graph
}

#[test]
fn random_graphs_keep_their_meaning() {
    let (sizes, steps, batch) = ([3, 2], 2, 2);
    for seed in 0..120 {
        let name = format!("seed {seed}");
        let forward = random_graph(seed);
        let plain = differentiate(&forward).unwrap();
        let short = simplify(&differentiate(&simplify(&forward)).unwrap());
        let arrays = Arrays::<f64>::new(&forward, &sizes, steps, batch);
        let flat = |graph: &Graph| -> Vec<f64> {
            let results = arrays.run(graph, &sizes, steps, batch);
            let gradients = results.gradients.unwrap();
            let groups = [
                results.outputs,
                results.final_states,
                gradients.inputs,
                gradients.initial_states,
                gradients.parameters,
            ];
            groups.into_iter().flatten().flatten().collect()
        };
        let expected = flat(&plain);
        let scale = expected.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
        for graph in [&short, &simplify(&plain)] {
            graph.verify().unwrap();
            assert_eq!(Graph::parse(&graph.to_string()).as_ref(), Ok(graph), "{name}");
            for (found, expected) in flat(graph).iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= 1e-9 * scale,
                    "{name}: {found} {expected}\n{forward}\n{graph}"
                );
            }
        }
        assert_eq!(simplify(&short), short, "{name}");
        if seed % 24 == 0 && scale < 100.0 {
            check_gradients(&name, &forward, &short);
        }
    }
}

#[test]
fn damaged_texts_are_errors_or_graphs() {
    let text = differentiate(&random_graph(1)).unwrap().to_string();
    let numbers = &mut Numbers(3);
    let alphabet = b"%0123 d+*,:;=()[]\"\\\nx";
    let mut graphs = 0;
    for _ in 0..1000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=choose(numbers, 3) {
            let at = choose(numbers, bytes.len());
            match choose(numbers, 3) {
                0 => bytes[at] = alphabet[choose(numbers, alphabet.len())],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, alphabet[choose(numbers, alphabet.len())]),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        if let Ok(graph) = Graph::parse(&text) {
            simplify(&graph).verify().unwrap();
            graphs += 1;
        }
    }
    assert!(graphs > 0);
}
