//! Compiled cells against the interpreter of their graph: every output, final state and gradient.

use gatewright::Element;
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_compiler::differentiate::differentiate;
use gatewright_compiler::graph::Graph;
use gatewright_compiler::graph::interpret::{GradientArguments, SequenceArguments, run_sequence};
use gatewright_tests::{Numbers, relative_error};

const GRAPHS: [(&str, &str); 5] = [
    ("lstm", include_str!("graphs/lstm.graph")),
    ("peephole", include_str!("graphs/peephole.graph")),
    ("gru", include_str!("graphs/gru.graph")),
    ("gru_reset_after", include_str!("graphs/gru_reset_after.graph")),
    ("layer_norm", include_str!("graphs/layer_norm.graph")),
];

/// Everything that a training step gives, in one list of named arrays.
fn compiled<T: Element>(cell: &CompiledCell<T>, data: &Data<T>, steps: usize, batch: usize) -> Vec<(String, Vec<T>)> {
    let layout = cell.layout().clone();
    let zeros = |length: usize| vec![T::ZERO; length];
    let mut outputs: Vec<Vec<T>> = layout.outputs.iter().map(|port| zeros(steps * batch * port.size)).collect();
    let mut finals: Vec<Vec<T>> = layout.states.iter().map(|port| zeros(batch * port.size)).collect();
    let mut input_gradients: Vec<Vec<T>> =
        layout.inputs.iter().map(|port| zeros(steps * batch * port.size)).collect();
    let mut state_gradients: Vec<Vec<T>> = layout.states.iter().map(|port| zeros(batch * port.size)).collect();
    let mut parameter_gradients = zeros(layout.parameters.length());
    let parameters: Vec<T> = data.parameters.iter().flatten().copied().collect();
    let slices = |arrays: &'_ [Vec<T>]| arrays.iter().map(|array| array.as_slice().to_vec()).collect::<Vec<_>>();
    let (inputs, states) = (slices(&data.inputs), slices(&data.states));
    let mut workspace = Workspace::default();
    cell.forward(
        Forward {
            steps,
            batch,
            parameters: &parameters,
            inputs: &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            initial_states: &states.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            outputs: &mut outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
            final_states: &mut finals.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        },
        Keep::Tape,
        &mut workspace,
    )
    .unwrap();
    cell.backward(
        Backward {
            parameters: &parameters,
            output_gradients: &data.output_gradients.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            final_state_gradients: &data.final_gradients.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            parameter_gradients: &mut parameter_gradients,
            input_gradients: &mut input_gradients.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
            initial_state_gradients: &mut state_gradients.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        },
        &mut workspace,
    )
    .unwrap();
    let mut all = Vec::new();
    let mut name = |kind: &str, names: Vec<String>, arrays: Vec<Vec<T>>| {
        all.extend(names.into_iter().map(|name| format!("{kind} {name}")).zip(arrays));
    };
    let names = |ports: &[gatewright::sequence::Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
    name("output", names(&layout.outputs), outputs);
    name("final", names(&layout.states), finals);
    name("input gradient", names(&layout.inputs), input_gradients);
    name("state gradient", names(&layout.states), state_gradients);
    for entry in layout.parameters.entries() {
        let gradient = parameter_gradients[entry.offset..entry.offset + entry.length()].to_vec();
        all.push((format!("parameter gradient {}", entry.name), gradient));
    }
    all
}

/// Random arguments of a training step.
struct Data<T> {
    inputs: Vec<Vec<T>>,
    states: Vec<Vec<T>>,
    parameters: Vec<Vec<T>>,
    output_gradients: Vec<Vec<T>>,
    final_gradients: Vec<Vec<T>>,
}

impl<T: Element> Data<T> {
    fn new(graph: &Graph, sizes: &[usize], steps: usize, batch: usize) -> Self {
        let mut numbers = Numbers::new(7);
        let signature = graph.signature();
        let mut arrays = |ports: &[gatewright_compiler::graph::Port], rows: usize| {
            ports
                .iter()
                .map(|port| {
                    let length: usize = port.shape.sizes(sizes).unwrap().iter().product();
                    (0..rows * length).map(|_| T::from_f64(numbers.next())).collect::<Vec<T>>()
                })
                .collect::<Vec<_>>()
        };
        Self {
            inputs: arrays(&signature.inputs, steps * batch),
            states: arrays(&signature.states, batch),
            parameters: arrays(&signature.parameters, 1),
            output_gradients: arrays(&signature.outputs, steps * batch),
            final_gradients: arrays(&signature.states, batch),
        }
    }
}

fn oracle<T: Element>(graph: &Graph, sizes: &[usize], data: &Data<T>, steps: usize, batch: usize) -> Vec<Vec<T>> {
    let gradient = differentiate(graph).unwrap();
    let slices = |arrays: &'_ [Vec<T>]| -> Vec<Vec<T>> { arrays.to_vec() };
    let _ = slices;
    let arguments = SequenceArguments {
        inputs: data.inputs.iter().map(Vec::as_slice).collect(),
        initial_states: data.states.iter().map(Vec::as_slice).collect(),
        parameters: data.parameters.iter().map(Vec::as_slice).collect(),
        gradients: Some(GradientArguments {
            outputs: data.output_gradients.iter().map(Vec::as_slice).collect(),
            final_states: data.final_gradients.iter().map(Vec::as_slice).collect(),
        }),
    };
    let results = run_sequence(&gradient, sizes, &arguments, steps, batch).unwrap();
    let gradients = results.gradients.unwrap();
    results
        .outputs
        .into_iter()
        .chain(results.final_states)
        .chain(gradients.inputs)
        .chain(gradients.initial_states)
        .chain(gradients.parameters)
        .collect()
}

fn check<T: Element>(backend: Backend, tolerance: f64) {
    for (name, text) in GRAPHS {
        let graph: Graph = text.parse().unwrap();
        for (steps, batch, x, h) in
            [(4, 3, 3, 4), (1, 1, 1, 1), (0, 2, 3, 3), (2, 0, 3, 3), (3, 8, 8, 17), (5, 17, 17, 8), (2, 33, 3, 130)]
        {
            let sizes: Vec<usize> =
                graph.signature().dimensions.iter().map(|name| if name == "x" { x } else { h }).collect();
            let named: Vec<(&str, usize)> =
                graph.signature().dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let options = CompileOptions { backend, threads: 2 };
            let cell = CompiledCell::<T>::from_graph(&graph, &named, options).unwrap();
            let data = Data::new(&graph, &sizes, steps, batch);
            let found = compiled(&cell, &data, steps, batch);
            let expected = oracle(&graph, &sizes, &data, steps, batch);
            assert_eq!(found.len(), expected.len());
            for ((what, found), expected) in found.iter().zip(&expected) {
                let error = relative_error(found, expected);
                assert!(
                    error <= tolerance,
                    "{name} T={steps} B={batch} x={x} h={h}: {what} differs by {error:.1e}\n{}",
                    cell.training_plan()
                );
            }
        }
    }
}

#[test]
fn interpreter_f64() {
    check::<f64>(Backend::Interpreter, 1e-12);
}

#[test]
fn interpreter_f32() {
    check::<f32>(Backend::Interpreter, 1e-5);
}

#[test]
fn machine_code_f64() {
    check::<f64>(Backend::Jit, 1e-12);
}

#[test]
fn machine_code_f32() {
    check::<f32>(Backend::Jit, 1e-5);
}
