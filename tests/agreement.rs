//! Compiled cells against the interpreter of their graph: every output, final state and gradient, at odd shapes, in both
//! precisions and with both back ends.

use gatewright::error::CompileError;
use gatewright::primitive::Level;
use gatewright::{Backend, CompileOptions, CompiledCell, Element};
use gatewright_compiler::differentiate::differentiate;
use gatewright_compiler::graph::interpret::{GradientArguments, SequenceArguments, run_sequence};
use gatewright_compiler::graph::{Graph, Port};
use gatewright_tests::{Numbers, StepArguments, relative_error, training_step};

const GRAPHS: [(&str, &str); 5] = [
    ("lstm", include_str!("graphs/lstm.graph")),
    ("peephole", include_str!("graphs/peephole.graph")),
    ("gru", include_str!("graphs/gru.graph")),
    ("gru_reset_after", include_str!("graphs/gru_reset_after.graph")),
    ("layer_norm", include_str!("graphs/layer_norm.graph")),
];

/// T, B and sizes x and h; blocks begin at 32 rows, tiles at 128 lanes.
const SHAPES: [(usize, usize, usize, usize); 8] = [
    (4, 3, 3, 4),
    (1, 1, 1, 1),
    (0, 2, 3, 3),
    (2, 0, 3, 3),
    (3, 8, 8, 17),
    (17, 17, 17, 8),
    (2, 33, 3, 130),
    (8, 3, 0, 3),
];

pub(crate) fn arguments<T: Element>(
    graph: &Graph,
    sizes: &[usize],
    steps: usize,
    batch: usize,
) -> StepArguments<T> {
    let mut numbers = Numbers::new(7);
    let signature = graph.signature();
    let mut arrays = |ports: &[Port], rows: usize| {
        ports
            .iter()
            .map(|port| {
                let length: usize = port.shape.sizes(sizes).unwrap().iter().product();
                (0..rows * length).map(|_| T::from_f64(numbers.next())).collect::<Vec<T>>()
            })
            .collect::<Vec<_>>()
    };
    StepArguments {
        steps,
        batch,
        inputs: arrays(&signature.inputs, steps * batch),
        states: arrays(&signature.states, batch),
        parameters: arrays(&signature.parameters, 1),
        output_gradients: arrays(&signature.outputs, steps * batch),
        final_gradients: arrays(&signature.states, batch),
    }
}

/// The same step by the interpreter of the graph, in the order of [`training_step`].
pub(crate) fn meaning<T: Element>(
    graph: &Graph,
    sizes: &[usize],
    arguments: &StepArguments<T>,
) -> Vec<Vec<T>> {
    meaning_of_gradient(&differentiate(graph).unwrap(), sizes, arguments)
}

/// As [`meaning`], of a graph that holds its gradients.
pub(crate) fn meaning_of_gradient<T: Element>(
    gradient: &Graph,
    sizes: &[usize],
    arguments: &StepArguments<T>,
) -> Vec<Vec<T>> {
    let slices = |arrays: &'_ [Vec<T>]| -> Vec<Vec<T>> { arrays.to_vec() };
    let [inputs, states, parameters, outputs, finals] = [
        slices(&arguments.inputs),
        slices(&arguments.states),
        slices(&arguments.parameters),
        slices(&arguments.output_gradients),
        slices(&arguments.final_gradients),
    ];
    let sequence = SequenceArguments {
        inputs: inputs.iter().map(Vec::as_slice).collect(),
        initial_states: states.iter().map(Vec::as_slice).collect(),
        parameters: parameters.iter().map(Vec::as_slice).collect(),
        gradients: Some(GradientArguments {
            outputs: outputs.iter().map(Vec::as_slice).collect(),
            final_states: finals.iter().map(Vec::as_slice).collect(),
        }),
    };
    let results = run_sequence(gradient, sizes, &sequence, arguments.steps, arguments.batch).unwrap();
    let gradients = results.gradients.unwrap();
    let lists = [
        results.outputs,
        results.final_states,
        gradients.inputs,
        gradients.initial_states,
        gradients.parameters,
    ];
    lists.into_iter().flatten().collect()
}

fn check<T: Element>(backend: Backend, tolerance: f64) {
    for (name, text) in GRAPHS {
        let graph: Graph = text.parse().unwrap();
        for (steps, batch, x, h) in SHAPES {
            let dimensions = &graph.signature().dimensions;
            let sizes: Vec<usize> = dimensions.iter().map(|name| if name == "x" { x } else { h }).collect();
            let named: Vec<(&str, usize)> =
                dimensions.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let cell = CompiledCell::<T>::from_graph(
                &graph,
                &named,
                CompileOptions { backend, threads: 2, ..CompileOptions::default() },
            )
            .unwrap();
            let arguments = arguments(&graph, &sizes, steps, batch);
            let found = training_step(&cell, &arguments);
            let expected = meaning(&graph, &sizes, &arguments);
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

/// Both back ends give the same bits: products are the same, and so is each element operation.
#[test]
fn back_ends_agree_to_the_bit() {
    for (name, text) in GRAPHS {
        let graph: Graph = text.parse().unwrap();
        for threads in [1, 2, 5] {
            let sizes = [5, 19];
            let dimensions = &graph.signature().dimensions;
            let named: Vec<(&str, usize)> = dimensions.iter().map(String::as_str).zip(sizes).collect();
            let sizes = &sizes[..named.len()];
            let arguments = arguments::<f32>(&graph, sizes, 6, 70);
            let results = [(Backend::Jit, threads), (Backend::Interpreter, 1)].map(|(backend, threads)| {
                let options = CompileOptions { backend, threads, ..CompileOptions::default() };
                let cell = CompiledCell::<f32>::from_graph(&graph, &named, options).unwrap();
                training_step(&cell, &arguments)
            });
            for ((what, left), (_, right)) in results[0].iter().zip(&results[1]) {
                let same = left.iter().zip(right).all(|(left, right)| left.to_bits() == right.to_bits());
                assert!(same, "{name}, {threads} threads: {what}");
            }
        }
    }
}

/// Every instruction set of this machine gives the same bits, but that the portable one rounds products before it adds.
#[test]
fn instruction_sets_agree() {
    let levels = || Level::ALL.into_iter().filter(|level| level.is_available());
    assert!(levels().count() >= 1);
    for (name, text) in GRAPHS {
        let graph: Graph = text.parse().unwrap();
        let sizes = [5, 19];
        let dimensions = &graph.signature().dimensions;
        let named: Vec<(&str, usize)> = dimensions.iter().map(String::as_str).zip(sizes).collect();
        let arguments = arguments::<f32>(&graph, &sizes[..named.len()], 6, 40);
        let run = |level: Level| {
            let options = CompileOptions { level, ..CompileOptions::default() };
            let cell = CompiledCell::<f32>::from_graph(&graph, &named, options).unwrap();
            training_step(&cell, &arguments)
        };
        let best = run(Level::best());
        for level in levels() {
            for ((what, left), (_, right)) in run(level).iter().zip(&best) {
                let same = left.iter().zip(right).all(|(left, right)| left.to_bits() == right.to_bits());
                let close = relative_error(left, right) < 1e-5;
                assert!(same || (level == Level::Portable && close), "{name}, {level:?}: {what}");
            }
        }
    }
}

/// An instruction set that this machine lacks is refused when the cell is compiled.
#[test]
fn missing_instruction_sets_are_refused() {
    let graph: Graph = GRAPHS[0].1.parse().unwrap();
    let named: Vec<(&str, usize)> =
        graph.signature().dimensions.iter().map(|name| (name.as_str(), 3)).collect();
    for level in Level::ALL {
        let options = CompileOptions { level, ..CompileOptions::default() };
        let refused = CompiledCell::<f32>::from_graph(&graph, &named, options).map(|_| ()).err();
        assert_eq!(refused, (!level.is_available()).then_some(CompileError::Level { level }));
    }
}

/// A sample with a NaN spoils itself and the sums over samples, and no other sample.
#[test]
fn a_nan_stays_with_its_sample() {
    for (name, text) in GRAPHS {
        let graph: Graph = text.parse().unwrap();
        let dimensions = &graph.signature().dimensions;
        let named: Vec<(&str, usize)> = dimensions.iter().map(String::as_str).zip([3, 5]).collect();
        let sizes: Vec<usize> = named.iter().map(|&(_, size)| size).collect();
        let (steps, batch) = (4, 6);
        let cell = CompiledCell::<f32>::from_graph(&graph, &named, CompileOptions::default()).unwrap();
        let clean = arguments::<f32>(&graph, &sizes, steps, batch);
        let mut spoilt = clean.clone();
        let width = spoilt.inputs[0].len() / (steps * batch);
        // Step 1, sample 2.
        spoilt.inputs[0][(batch + 2) * width] = f32::NAN;
        let (clean, spoilt) = (training_step(&cell, &clean), training_step(&cell, &spoilt));
        for ((what, clean), (_, spoilt)) in clean.iter().zip(&spoilt) {
            if what.starts_with("grad.param") {
                continue;
            }
            let per_step = what.starts_with("output") || what.starts_with("grad.input");
            let width = clean.len() / if per_step { steps * batch } else { batch };
            let mut spoilt_here = false;
            for (row, (clean, spoilt)) in clean.chunks(width).zip(spoilt.chunks(width)).enumerate() {
                if row % batch == 2 {
                    spoilt_here |= spoilt.iter().any(|x| x.is_nan());
                } else {
                    assert_eq!(clean, spoilt, "{name}: {what}, row {row}");
                }
            }
            assert!(spoilt_here, "{name}: {what} does not notice");
            if what.starts_with("output") {
                let before = &spoilt[2 * width..3 * width];
                assert!(before.iter().all(|x| !x.is_nan()), "{name}: {what} before the step");
            }
        }
    }
}
