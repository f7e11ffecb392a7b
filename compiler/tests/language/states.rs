//! Roles, and where states begin.

use gatewright_compiler::graph::evaluate::Evaluation;
use gatewright_compiler::graph::{Root, lower};
use gatewright_compiler::operator::Operator;
use gatewright_compiler::passes;

use crate::{accept, cell, differ, refuse, same};

const RNN: &str = "h_t = \\tanh(W x_t + U h_{t-1})";

/// The values at which the states begin, for sizes of 2 and parameters 0.5, 1.5, 2.5…
fn beginnings(text: &str) -> Vec<(u32, Vec<f64>)> {
    let graphs = passes::run(&cell(text)).expect("graphs");
    let Some(initial) = graphs.initial else { return Vec::new() };
    let signature = initial.graph().signature();
    let sizes = vec![2; signature.dimensions.len()];
    let parameters: Vec<Vec<f64>> = signature
        .parameters
        .iter()
        .map(|port| {
            let length: usize = port.shape.sizes(&sizes).expect("sizes").iter().product();
            (0..length).map(|at| at as f64 + 0.5).collect()
        })
        .collect();
    let wanted: Vec<_> = initial.values().collect();
    let mut evaluation = Evaluation::new(initial.graph(), &sizes, &wanted, |_| false).expect("sizes");
    let value = |_, operator: &Operator| match operator {
        Operator::Parameter(index) => Some(parameters[*index as usize].as_slice()),
        _ => None,
    };
    evaluation.run(initial.graph(), &sizes, value).expect("values");
    let values = wanted.iter().map(|&node| evaluation.value(node).to_vec());
    initial.states().iter().copied().zip(values).collect()
}

#[test]
fn states_begin_at_zero() {
    assert_eq!(beginnings(RNN), []);
    same(&[
        RNN,
        &format!("{RNN} \\\\ h_0 = 0"),
        &format!("h_0 = \\mathbf{{0}}, \\quad {RNN}"),
        &format!("{RNN} \\\\ h^{{(0)}} = 0"),
        &format!("{RNN} \\\\ h_{{-1}} = 0"),
        "h_{t+1} = \\tanh(W x_{t+1} + U h_t) \\\\ h_0 = 0",
    ]);
    // A number that is given is no constant of the cell.
    accept(&format!("{RNN} \\\\ h_0 = 0"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h]");
}

#[test]
fn states_begin_where_they_are_given_to_begin() {
    assert_eq!(beginnings(&format!("{RNN} \\\\ h_0 = 1")), [(0, vec![1.0, 1.0])]);
    assert_eq!(beginnings(&format!("{RNN} \\\\ h_0 = -\\infty")), [(0, vec![f64::NEG_INFINITY; 2])]);
    assert_eq!(beginnings("h_t = x_t + h_{t-1}; h_0 = -inf"), [(0, vec![f64::NEG_INFINITY; 2])]);
    assert_eq!(beginnings(&format!("{RNN} \\\\ h_0 = s")), [(0, vec![0.5, 1.5])]);
    assert_eq!(beginnings(&format!("{RNN} \\\\ h_0 = s + 1")), [(0, vec![1.5, 2.5])]);
    assert_eq!(beginnings(&format!("{RNN} \\\\ h^{{(0)}} = W_0 s")), [(0, vec![2.5, 6.5])]);
    // One state of two, and a matrix.
    assert_eq!(beginnings("c_t = x_t + c_{t-1}; h_t = c_t * h_{t-1}; h_0 = 2"), [(1, vec![2.0, 2.0])]);
    assert_eq!(beginnings("S_t = S_{t-1} + v_t k_t^\\top \\\\ S_0 = 3"), [(0, vec![3.0; 4])]);
    assert_eq!(beginnings("S_t = S_{t-1} + v_t k_t^\\top \\\\ S_0 = I"), [(0, vec![1.0, 0.0, 0.0, 1.0])]);
    // Made from other beginnings.
    assert_eq!(
        beginnings("c_t = x_t + c_{t-1}; h_t = c_t * h_{t-1}; c_0 = 2; h_0 = 1 + c_0"),
        [(0, vec![2.0, 2.0]), (1, vec![3.0, 3.0])]
    );
    // Longer delays and input lags have beginnings of their own; those not given are zero.
    assert_eq!(beginnings("h_t = x_t + h_{t-2}; h_0 = 1"), [(0, vec![1.0, 1.0])]);
    assert_eq!(
        beginnings("h_t = x_t + h_{t-2} \\\\ h_0 = 1 \\\\ h_{-1} = 2"),
        [(0, vec![1.0, 1.0]), (1, vec![2.0, 2.0])]
    );
    assert_eq!(beginnings("h_t = x_t + x_{t-1} + h_{t-1}; x_0 = 1"), [(1, vec![1.0, 1.0])]);
}

#[test]
fn a_beginning_is_part_of_the_cell() {
    accept(&format!("{RNN} \\\\ h_0 = s"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h] s[h]");
    differ(RNN, &format!("{RNN} \\\\ h_0 = 1"));
    differ(&format!("{RNN} \\\\ h_0 = 2"), &format!("{RNN} \\\\ h_0 = 1"));
    same(&[&format!("{RNN} \\\\ h_0 = s"), "h_0 = s; h_t = tanh(W x_t + U h_{t-1})"]);
    let graph = lower(&cell(&format!("{RNN} \\\\ h_0 = s"))).expect("a graph");
    assert!(graph.root(Root::InitialState(0)).is_some());
    assert_eq!(graph.to_string().parse::<gatewright_compiler::graph::Graph>(), Ok(graph));
}

#[test]
fn a_beginning_must_be_known_before_the_first_step() {
    refuse(&format!("{RNN} \\\\ h_0 = x_t"), &["GW0403"]);
    // Read and never given, it would be a weight that is learned.
    refuse("h_t = \\tanh(W x_t + U h_{t-1} + h_0)", &["GW0403"]);
    refuse(&format!("{RNN} \\\\ c_t = c_{{t-1}} + h_t \\\\ c_0 = \\tanh(h_0)"), &["GW0403"]);
    accept("h_t = \\tanh(W x_t + U h_{t-1} + b_0)", "x[x] -> h[h]; h[h]; W[h, x] U[h, h] b_0[h]");
    refuse(&format!("{RNN} \\\\ h_0 = 1 \\\\ h_{{-1}} = 1"), &["GW0403"]);
    refuse(&format!("{RNN} \\\\ h_0 = A"), &["GW0201"]);
}
