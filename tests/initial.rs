//! Initial states that the equations declare: a run without initial states begins there, and its gradients reach the
//! parameters that they are made of.

use std::collections::BTreeMap;

use gatewright::compiler::plan::ParameterGradient;
use gatewright::compiler::source::Syntax;
use gatewright::sequence::{Port, SequenceCell};
use gatewright::{Backend, CompileOptions, CompiledCell, read_cell};
use gatewright_tests::{Numbers, StepArguments, relative_error, training_step};

const EQUATIONS: &str = "h_t = tanh(W x_t + U h_{t-1} + c_{t-1})\nc_t = c_{t-1} h_t\nh_0 = 3 s\nc_0 = 2";

fn compile(backend: Backend) -> CompiledCell<f64> {
    let cell = read_cell(EQUATIONS, Syntax::Text).expect("a cell");
    CompiledCell::new(
        &cell,
        &[("x", 3), ("h", 5)],
        CompileOptions { backend, threads: 2, ..CompileOptions::default() },
    )
    .expect("compiles")
}

fn arguments(cell: &CompiledCell<f64>, batch: usize) -> StepArguments<f64> {
    let (layout, steps) = (cell.layout(), 4);
    let mut numbers = Numbers::new(3);
    let mut fill = |ports: &[Port], rows: usize| -> Vec<Vec<f64>> {
        ports.iter().map(|port| (0..rows * port.size).map(|_| numbers.next()).collect()).collect()
    };
    let inputs = fill(&layout.inputs, steps * batch);
    let output_gradients = fill(&layout.outputs, steps * batch);
    let final_gradients = fill(&layout.states, batch);
    let entries = layout.parameters.entries();
    let parameters =
        entries.iter().map(|entry| (0..entry.length()).map(|_| numbers.next()).collect()).collect();
    let states = vec![Vec::new(); layout.states.len()];
    StepArguments { steps, batch, inputs, states, parameters, output_gradients, final_gradients }
}

#[test]
fn a_run_begins_where_the_equations_say() {
    for backend in [Backend::Jit, Backend::Interpreter] {
        // One block of samples, and several.
        for batch in [1, 2, 70] {
            let cell = compile(backend);
            let declared = arguments(&cell, batch);
            let s = cell.layout().parameters.entries().iter().position(|entry| entry.name == "s").expect("s");
            let mut given = declared.clone();
            let tripled: Vec<f64> = declared.parameters[s].iter().map(|value| 3.0 * value).collect();
            given.states = vec![tripled.repeat(batch), vec![2.0; 5 * batch]];

            let by_name = |results: Vec<(String, Vec<f64>)>| results.into_iter().collect::<BTreeMap<_, _>>();
            let found = by_name(training_step(&cell, &declared));
            let mut expected = by_name(training_step(&cell, &given));
            assert!(
                expected["grad.param.s"].iter().all(|&value| value == 0.0),
                "given states do not read `s`"
            );
            let mut through = vec![0.0; 5];
            for row in expected["grad.state.h"].chunks_exact(5) {
                through.iter_mut().zip(row).for_each(|(sum, value)| *sum += 3.0 * value);
            }
            assert!(through.iter().all(|value| value.abs() > 1e-6), "{through:?}");
            expected.insert("grad.param.s".to_owned(), through);
            assert_eq!(found.len(), expected.len());
            for (name, values) in &expected {
                let error = relative_error(&found[name], values);
                assert!(error < 1e-12, "{backend:?}, {batch} samples: {name} is off by {error}");
            }
            // One state given, the other as declared.
            let mut half = given.clone();
            half.states[1].clear();
            assert_eq!(by_name(training_step(&cell, &half))["output.h"], expected["output.h"]);
            half.states[0] = vec![0.0; 5 * batch];
            assert_ne!(by_name(training_step(&cell, &half))["output.h"], expected["output.h"]);
        }
    }
}

#[test]
fn frozen_parameters_have_no_gradient_and_the_others_theirs() {
    let equations = "h_t = tanh(W x_t + U h_{t-1} + b)\nh_0 = s";
    let run = |frozen: &str| {
        let cell = read_cell(&format!("{equations}{frozen}"), Syntax::Text).expect("a cell");
        let cell = CompiledCell::<f64>::new(&cell, &[("x", 3), ("h", 5)], CompileOptions::default())
            .expect("compiles");
        let results = training_step(&cell, &arguments(&cell, 3));
        (cell, results.into_iter().collect::<BTreeMap<_, _>>())
    };
    let (free, expected) = run("");
    let (cell, found) = run("\nW, U, s: frozen");
    for entry in cell.layout().parameters.entries() {
        let name = format!("grad.param.{}", entry.name);
        assert_eq!(entry.frozen, entry.name != "b");
        if entry.frozen {
            assert!(
                found[&name].iter().all(|&value| value == 0.0) && expected[&name].iter().any(|&v| v != 0.0)
            );
        } else {
            assert!(relative_error(&found[&name], &expected[&name]) < 1e-12, "{name}");
        }
    }
    // Not computed, rather than thrown away: the plan sums nothing up for what is frozen.
    let summed = |cell: &CompiledCell<f64>| {
        let sums = |one: &&ParameterGradient| match one {
            ParameterGradient::Terms(terms) => !terms.is_empty(),
            ParameterGradient::Expression { totals, .. } => !totals.is_empty(),
        };
        cell.training_plan().parameter_gradients.iter().filter(sums).count()
    };
    assert_eq!((summed(&cell), summed(&free)), (1, 3));
}
