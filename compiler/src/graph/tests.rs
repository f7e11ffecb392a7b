//! The text form, the verifier and the interpreter.

use super::interpret::{InterpretError, SequenceArguments, run_sequence};
use super::samples::{self, Arrays, Writer, vector};
use super::*;
use crate::differentiate::differentiate;
use crate::operator::Unary;
use crate::simplify::simplify;

#[test]
fn what_is_printed_parses_to_an_equal_graph() {
    for (name, graph) in samples::all() {
        let gradient = differentiate(&graph).unwrap();
        for graph in [graph, gradient] {
            let text = graph.to_string();
            let read = Graph::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            assert_eq!(read, graph, "{name}");
            assert_eq!(read.phases, graph.phases, "{name}");
            assert_eq!(read.interned, graph.interned, "{name}");
        }
    }
}

#[test]
fn strange_names_and_numbers_survive_the_text_form() {
    let mut w = Writer::new(&["a b", ""]);
    let s = w.state("s\"\\\n\u{2028}; %1 é", vector(0));
    let mut sum = s;
    for value in [0.1, -0.0, 1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN] {
        let number = w.number(value);
        sum = w.add(sum, number);
        w.name("a, b", sum);
        w.name(&format!("{value}"), sum);
    }
    w.next(0, sum);
    let text = w.graph.to_string();
    assert_eq!(Graph::parse(&text).as_ref(), Ok(&w.graph), "{text}");
}

#[test]
fn verify_names_each_invariant() {
    let ports = "dimension h\nstate s : [d0]\nparameter W : [d0, d0]\n";
    let cases = [
        (Invariant::I1, "%0 = state(0) : [d0]\n%1 = sigmoid %1 : [d0]\nnext_state(0) = %0"),
        (Invariant::I1, "%0 = state(0) : [d0]\n%1 = sigmoid %7 : [d0]\nnext_state(0) = %0"),
        (Invariant::I2, "%0 = state(0) : [d0]\n%1 = sigmoid %0 : []\nnext_state(0) = %0"),
        (Invariant::I2, "%0 = state(0) : [d0]\n%1 = matrix_vector %0 %0 : [d0]\nnext_state(0) = %0"),
        (Invariant::I2, "%0 = state(0) : [d0]\n%1 = slice(1, d0) %0 : [d0]\nnext_state(0) = %0"),
        (Invariant::I2, "%0 = state(0) : [d0]\n%1 = concatenate : [0]\nnext_state(0) = %0"),
        (Invariant::I3, "%0 = state(0) : [d0]\n%1 = state(0) : [d0]\nnext_state(0) = %1"),
        (Invariant::I4, "%0 = state(1) : [d0]\nnext_state(0) = %0"),
        (
            Invariant::I5,
            "%0 = state(0) : [d0]\n%1 = total %0 : [d0]\n%2 = add %0 %1 : [d0]\nnext_state(0) = %0",
        ),
        (Invariant::I5, "%0 = parameter(0) : [d0, d0]\n%1 = total %0 : [d0, d0]\nnext_state(0) = %0"),
        (Invariant::I6, "%0 = state(0) : [d0]\n%1 = state_gradient(0) : [d0]\nnext_state(0) = %0"),
        (Invariant::I7, "%0 = state(0) : [d0]"),
        (Invariant::I7, "%0 = state(0) : [d0]\nnext_state(0) = %1"),
        (Invariant::I7, "%0 = state(0) : [d0]\nnext_state(0) = %0\nnext_state(0) = %0"),
        (Invariant::I7, "%0 = state(0) : [d0]\nnext_state(0) = %0\noutput(0) = %0"),
        (Invariant::I7, "%0 = parameter(0) : [d0, d0]\nnext_state(0) = %0"),
        (Invariant::I7, "%0 = state_gradient(0) : [d0]\nnext_state(0) = %0\nprevious_state_gradient(0) = %0"),
    ];
    for (invariant, text) in cases {
        let error = Graph::parse(&format!("{ports}{text}\n")).unwrap_err();
        let TextError::Invalid(broken) = &error else { panic!("{text}\n{error}") };
        assert_eq!(broken.invariant(), invariant, "{text}\n{error}");
        assert!(error.to_string().starts_with(&format!("{invariant}: ")), "{error}");
    }
}

#[test]
fn what_is_no_graph_is_an_error_with_its_line() {
    for text in [
        "%0",
        "%1 = state(0) : []",
        "state s",
        "state s : [",
        "state s : [99999999999]",
        "state s : [16777217]",
        "state \"s : []",
        "state \"\\u{110000}\" : []",
        "%0 = constant(x) : []",
        "%0 = constant(nan 0) : []",
        "%0 = frobnicate : []",
        "%0 = state(0) : [] ; a,",
        "%0 = state(0) : [] trailing",
        "nothing(0) = %0",
        "nothing at all",
        "é",
    ] {
        let error = Graph::parse(&format!("\n{text}\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 2: "), "{text}: {error}");
    }
}

#[test]
fn the_builder_refuses_what_would_break_an_invariant() {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let h = w.state("h", vector(1));
    let graph = &mut w.graph;
    assert!(matches!(
        graph.insert(Operator::Binary(crate::operator::Binary::Add), vec![x, h]),
        Err(GraphError::Shape(_))
    ));
    assert!(matches!(graph.leaf(Operator::Input(1)), Err(GraphError::Shape(_))));
    assert_eq!(graph.unary(Unary::Tanh, NodeId(9)), Err(GraphError::UnknownNode(NodeId(9))));
    assert!(matches!(graph.set_root(Root::NextState(0), x), Err(GraphError::RootShape { .. })));
    assert!(matches!(graph.set_root(Root::NextState(3), x), Err(GraphError::UnknownRoot { .. })));
    let total = graph.insert(Operator::Total, vec![h]).unwrap();
    assert!(matches!(graph.set_root(Root::NextState(0), total), Err(GraphError::RootPhase { .. })));
    assert!(matches!(graph.insert(Operator::Total, vec![total]), Err(GraphError::Phase { .. })));
    assert_eq!(graph.insert(Operator::Total, vec![h]), Ok(total));
    graph.set_root(Root::NextState(0), h).unwrap();
    assert!(matches!(graph.set_root(Root::NextState(0), h), Err(GraphError::RootSetTwice { .. })));
    assert_eq!(graph.clone().compact().len(), 1);
}

/// The LSTM of the samples, written down once more as loops over numbers.
fn plain_lstm(arrays: &Arrays<f64>, x_size: usize, h_size: usize, steps: usize, batch: usize) -> Vec<f64> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut h, mut c) = (arrays.states[0].clone(), arrays.states[1].clone());
    let mut outputs = Vec::new();
    for step in 0..steps {
        for sample in 0..batch {
            let x = &arrays.inputs[0][(step * batch + sample) * x_size..][..x_size];
            let both: Vec<f64> = h[sample * h_size..][..h_size].iter().chain(x).copied().collect();
            let row = |gate: usize, i: usize| -> f64 {
                let weights = &arrays.parameters[2 * gate][i * both.len()..][..both.len()];
                let product: f64 = weights.iter().zip(&both).map(|(w, v)| w * v).sum();
                product + arrays.parameters[2 * gate + 1][i]
            };
            let mut fresh = Vec::new();
            for i in 0..h_size {
                let cell = &mut c[sample * h_size + i];
                *cell = sigmoid(row(1, i)) * *cell + sigmoid(row(0, i)) * row(2, i).tanh();
                fresh.push(sigmoid(row(3, i)) * cell.tanh());
            }
            h[sample * h_size..][..h_size].copy_from_slice(&fresh);
        }
        outputs.extend_from_slice(&h);
    }
    outputs
}

#[test]
fn the_interpreter_runs_an_lstm() {
    let (graph, sizes, steps, batch) = (samples::lstm(false), [3, 5], 4, 2);
    let arrays = Arrays::<f64>::new(&graph, &sizes, steps, batch);
    let results = arrays.run(&graph, &sizes, steps, batch);
    let expected = plain_lstm(&arrays, 3, 5, steps, batch);
    assert_eq!(results.outputs[0].len(), expected.len());
    for (found, expected) in results.outputs[0].iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert_eq!(results.final_states[0], results.outputs[0][3 * batch * 5..]);
}

#[test]
fn nothing_is_a_size_too() {
    for (name, forward) in samples::all() {
        let graph = differentiate(&forward).unwrap();
        for (sizes, steps, batch) in
            [([3, 2], 0, 2), ([3, 2], 2, 0), ([0, 2], 2, 2), ([3, 0], 2, 2), ([0, 0], 0, 0), ([1, 1], 1, 1)]
        {
            let arrays = Arrays::<f32>::new(&graph, &sizes, steps, batch);
            let results = arrays.run(&graph, &sizes, steps, batch);
            let gradients = results.gradients.unwrap();
            if steps == 0 {
                assert_eq!(results.final_states, arrays.states, "{name}");
                assert_eq!(gradients.initial_states, arrays.final_gradients, "{name}");
            }
            if steps * batch == 0 {
                assert!(gradients.parameters.iter().flatten().all(|&entry| entry == 0.0), "{name}");
            }
        }
    }
}

#[test]
fn arrays_that_do_not_fit_are_errors() {
    let graph = samples::gru(false);
    let (sizes, parameters) = ([1, 1], vec![0.0; 2]);
    let mut arguments = SequenceArguments {
        inputs: vec![&[0.0_f64][..]],
        initial_states: vec![&[0.0]],
        parameters: vec![&parameters, &[0.0], &parameters, &[0.0], &parameters, &[0.0]],
        gradients: None,
    };
    let run = |arguments: &SequenceArguments<'_, f64>, sizes: &[usize], steps, batch| {
        run_sequence(&graph, sizes, arguments, steps, batch).map(|_| ())
    };
    assert_eq!(run(&arguments, &sizes, 1, 1), Ok(()));
    assert!(matches!(run(&arguments, &[1], 1, 1), Err(InterpretError::SizeCount { .. })));
    assert!(matches!(run(&arguments, &[1, usize::MAX], 1, 1), Err(InterpretError::SizeOverflow)));
    assert!(matches!(run(&arguments, &sizes, usize::MAX, 2), Err(InterpretError::SizeOverflow)));
    assert!(matches!(run(&arguments, &sizes, 2, 1), Err(InterpretError::ArrayLength { .. })));
    assert!(matches!(run(&arguments, &[2, 1], 1, 1), Err(InterpretError::ArrayLength { .. })));
    arguments.gradients =
        Some(interpret::GradientArguments { outputs: vec![&[0.0]], final_states: vec![&[0.0]] });
    let missing = InterpretError::MissingRoot { root: Root::PreviousStateGradient(0) };
    assert_eq!(run(&arguments, &sizes, 1, 1), Err(missing));
    arguments.parameters.pop();
    assert!(matches!(run(&arguments, &sizes, 1, 1), Err(InterpretError::ArrayCount { .. })));
}

#[test]
fn a_strange_number_stays_with_its_sample_and_the_steps_after() {
    let (sizes, steps, batch) = ([3, 2], 3, 2);
    for (name, forward) in samples::all() {
        for graph in
            [differentiate(&forward).unwrap(), simplify(&differentiate(&simplify(&forward)).unwrap())]
        {
            let mut arrays = Arrays::<f64>::new(&graph, &sizes, steps, batch);
            let clean = arrays.run(&graph, &sizes, steps, batch);
            // Sample 1 at step 1.
            arrays.inputs[0][(batch + 1) * 3] = f64::NAN;
            let touched = arrays.run(&graph, &sizes, steps, batch);
            let n = clean.outputs[0].len() / (steps * batch);
            for (index, (touched, clean)) in touched.outputs[0].iter().zip(&clean.outputs[0]).enumerate() {
                let (step, sample) = (index / (n * batch), index / n % batch);
                if sample == 0 || step == 0 {
                    assert_eq!(touched, clean, "{name}");
                }
            }
            let last = (steps * batch - 1) * n;
            // A comparison with NaN is false, which is a number.
            let compares = name == "every_operator";
            assert!(compares || touched.outputs[0][last..].iter().any(|value| value.is_nan()), "{name}");
            let (touched, clean) = (touched.gradients.unwrap(), clean.gradients.unwrap());
            for step in 0..steps {
                let row = step * batch * 3..step * batch * 3 + 3;
                assert_eq!(touched.inputs[0][row.clone()], clean.inputs[0][row], "{name}");
            }
        }
    }
}
