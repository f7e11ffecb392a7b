use expect_test::{Expect, expect};

use super::{Drawn, Kind, MaskPort, Regularized, Regularizer, regularize};
use crate::graph::interpret::{SequenceArguments, run_sequence};
use crate::graph::samples::{Arrays, check_gradients, gru, lstm};
use crate::graph::{Graph, Sameness, lower};
use crate::passes::{read, run_from_graph};
use crate::resolve::Options;
use crate::simplify::simplify;
use crate::source::Syntax;

fn cell(text: &str) -> Graph {
    lower(&read(text, Syntax::Text, None, &Options::default()).expect("a cell")).expect("a graph")
}

fn choice(kind: Kind, target: Option<&str>) -> Regularizer {
    Regularizer { kind, target: target.map(str::to_owned), rate: 0.25, drawn: Drawn::EachStep }
}

fn regularized(text: &str, kind: Kind, target: Option<&str>) -> Regularized {
    let regularized = regularize(&cell(text), &[choice(kind, target)]).expect("choices that fit");
    regularized.training.verify().expect("a graph");
    regularized.inference.verify().expect("a graph");
    regularized
}

fn same(left: &Graph, right: &Graph) -> bool {
    matches!(simplify(left).compare(&simplify(right)), Sameness::Same(_))
}

const GRU: &str = "z_t = sigmoid(W_z x_t + U_z h_{t-1})\nr_t = sigmoid(W_r x_t + U_r h_{t-1})\n\
    g_t = tanh(W x_t + U (r_t * h_{t-1}))\nh_t = z_t * h_{t-1} + (1 - z_t) * g_t";

#[test]
fn dropout_multiplies_what_is_read() {
    let text = "h_t = tanh(W x_t + U h_{t-1} + x_t)";
    let found = regularized(text, Kind::Dropout, None);
    assert!(same(&found.training, &cell("h_t = tanh(W (m_t * x_t) + U h_{t-1} + m_t * x_t)")));
    assert_eq!(found.inference, cell(text).compact());
    assert_eq!(found.masks[0].port, MaskPort::Input(1));
    assert_eq!((found.masks[0].hit(), found.masks[0].missed()), (0.0, 4.0 / 3.0));
}

/// The mask is on what matrices multiply; `z_t h_{t-1}` carries the state as it is.
#[test]
fn recurrent_dropout_multiplies_what_matrices_read() {
    let found = regularized(GRU, Kind::RecurrentDropout, None);
    let expected = GRU
        .replace("U_z h_{t-1}", "U_z (m_t * h_{t-1})")
        .replace("U_r h_{t-1}", "U_r (m_t * h_{t-1})")
        .replace("r_t * h_{t-1}", "r_t * (m_t * h_{t-1})");
    assert!(same(&found.training, &cell(&expected)));
    assert!(!same(&found.training, &cell(GRU)));
    assert_eq!(found.inference, cell(GRU).compact());
}

#[test]
fn matrices_of_the_recurrence_lose_elements() {
    let found = regularized(GRU, Kind::DropConnect, Some("U_r"));
    let expected = GRU.replace("U_r h_{t-1}", "(M ⊙ U_r) h_{t-1}");
    assert!(same(&found.training, &cell(&format!("{expected}\nM: frozen"))));
    assert_eq!(found.masks[0].port, MaskPort::Parameter(6));
    assert!(found.training.signature().frozen.contains(&6));
    // All of the recurrence, none of the input.
    let all = regularized(GRU, Kind::DropConnect, None);
    let names: Vec<&str> =
        all.training.signature().parameters[6..].iter().map(|port| port.name.as_str()).collect();
    assert_eq!(names, ["drop-connect.U_z", "drop-connect.U_r", "drop-connect.U"]);
}

/// What holds an earlier input and nothing else is an input, and a matrix before it none of the recurrence.
#[test]
fn input_lags_are_no_part_of_the_recurrence() {
    let text = "h_t = tanh(W x_t + V x_{t-1} + U h_{t-1})";
    for (kind, name, other) in
        [(Kind::DropConnect, "drop-connect.U", "V"), (Kind::RecurrentDropout, "recurrent-dropout.h", "x")]
    {
        let found = regularized(text, kind, None);
        let [mask] = found.masks.as_slice() else { panic!("{:?}", found.masks) };
        let signature = found.training.signature();
        let port = match mask.port {
            MaskPort::Input(input) => &signature.inputs[input as usize],
            MaskPort::Parameter(parameter) => &signature.parameters[parameter as usize],
        };
        assert_eq!(port.name, name);
        assert!(regularize(&cell(text), &[choice(kind, Some(other))]).is_err(), "{other}");
    }
    // A lag of the state itself is one.
    let lagged = regularized("h_t = tanh(W x_t + U h_{t-2})", Kind::DropConnect, None);
    assert_eq!(lagged.masks.len(), 1);
}

/// In expectation `r s_{t-1} + (1 - r) s_t`; the other state reads what zoneout has not touched, a read-out what it has.
#[test]
fn zoneout_at_inference_is_its_expectation() {
    let text =
        "f_t = sigmoid(W x_t + U h_{t-1})\nc_t = f_t * c_{t-1} + x_t\nh_t = tanh(c_t)\ny_t = V c_t + A h_t";
    let found = regularized(text, Kind::Zoneout, None);
    let expected = "f_t = sigmoid(W x_t + U h_{t-1})\nd_t = f_t * c_{t-1} + x_t\ne_t = tanh(d_t)\n\
        c_t = 0.25 * c_{t-1} + 0.75 * d_t\nh_t = 0.25 * h_{t-1} + 0.75 * e_t\ny_t = V c_t + A h_t";
    assert!(same(&found.inference, &cell(expected)));
    assert_eq!((found.masks[0].hit(), found.masks[0].missed()), (1.0, 0.0));
}

/// A mask of zeros is the cell, a mask of ones keeps the state where it began, bit for bit.
#[test]
fn zoneout_keeps_what_its_mask_says() {
    let found = regularized(GRU, Kind::Zoneout, Some("h"));
    let sizes = [3, 2];
    let plain = cell(GRU);
    let arrays = Arrays::<f64>::new(&plain, &sizes, 5, 2);
    let expected = arrays.run(&plain, &sizes, 5, 2);
    let state = arrays.states[0].len();
    for mask in [0.0, 1.0] {
        let mask = vec![mask; 5 * state];
        let arguments = SequenceArguments {
            inputs: vec![&arrays.inputs[0], &mask],
            initial_states: vec![&arrays.states[0]],
            parameters: arrays.parameters.iter().map(Vec::as_slice).collect(),
            gradients: None,
        };
        let found = run_sequence(&found.training, &sizes, &arguments, 5, 2).expect("a run");
        let wanted = if mask[0] == 0.0 { &expected.final_states[0] } else { &arrays.states[0] };
        assert_eq!(&found.final_states[0], wanted);
        if mask[0] == 0.0 {
            assert_eq!(found.outputs, expected.outputs);
        }
    }
}

#[test]
fn gradients_go_through_masks() {
    let choices = [
        choice(Kind::Dropout, None),
        choice(Kind::RecurrentDropout, None),
        choice(Kind::DropConnect, None),
        choice(Kind::Zoneout, None),
    ];
    for (name, graph) in [("lstm", lstm(true)), ("gru", gru(false)), ("gru after", gru(true))] {
        let training = regularize(&graph, &choices).expect("choices that fit").training;
        let graphs = run_from_graph(&training).expect("graphs");
        // Nothing flows to masks; here they are learned, so that each of their places is seen by central differences.
        let mut learned = graphs.forward.signature().clone();
        assert!(!learned.frozen.is_empty() && learned.given.len() >= 3);
        learned.frozen.clear();
        learned.given.clear();
        let mut forward = Graph::new(learned);
        for (_, node) in graphs.forward.iter() {
            forward.insert(node.operator.clone(), node.operands.clone()).expect("the same node");
        }
        for (&root, &id) in graphs.forward.roots() {
            forward.set_root(root, id).expect("the same root");
        }
        let gradient = crate::differentiate::differentiate(&forward).expect("a gradient");
        check_gradients(name, &forward, &simplify(&gradient));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let check = |text: &str, choices: &[Regularizer], expected: Expect| {
        expected.assert_eq(&regularize(&cell(text), choices).expect_err("refused").to_string());
    };
    let unit = "h_t = relu(W x_t + u * h_{t-1})";
    check(
        unit,
        &[choice(Kind::RecurrentDropout, None)],
        expect!["the cell has not a state that a matrix multiplies, which recurrent-dropout is for"],
    );
    check(
        unit,
        &[choice(Kind::Dropout, Some("h"))],
        expect!["`h` is not an input, which dropout is for; the cell has `x`"],
    );
    check(
        unit,
        &[choice(Kind::DropConnect, Some("W"))],
        expect![
            "`W` is not a learned matrix that multiplies a state, which drop-connect is for; the cell has none"
        ],
    );
    check(
        "h_t = tanh(W x_t + U h_{t-2})",
        &[choice(Kind::Zoneout, None), choice(Kind::Zoneout, Some("h"))],
        expect!["zoneout is chosen twice for `h`"],
    );
    for rate in [1.0, -0.1, f64::NAN] {
        let wrong = Regularizer { rate, ..choice(Kind::Dropout, None) };
        assert!(regularize(&cell(unit), &[wrong]).is_err(), "{rate}");
    }
}
