//! Cells that hold their weights: the bits of cells that are given them, without allocation, for many threads.

use std::sync::Arc;

use gatewright::error::CallError;
use gatewright::layer::{Shared, Stack};
use gatewright::sequence::{Direction, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompiledCell, Element};

use crate::call::{CELLS, Call, Results, compile};

/// The call of a cell that has its parameters.
fn without_parameters<T: Element>(call: &Call<T>) -> Call<T> {
    Call { parameters: Vec::new(), ..call.clone() }
}

fn given<T: Element>(cell: &CompiledCell<T>, call: &Call<T>) -> Results<T> {
    call.forward(cell, Keep::Nothing, &mut Workspace::default()).expect("runs")
}

fn assert_same<T: Element>(found: &Results<T>, expected: &Results<T>, what: &str) {
    assert_eq!(found.outputs, expected.outputs, "{what}");
    assert_eq!(found.finals, expected.finals, "{what}");
}

#[test]
fn runs_are_those_of_a_cell_that_is_given_its_weights() {
    for (name, text, cycle) in CELLS {
        for (backend, batch) in [(Backend::Jit, 1), (Backend::Jit, 40), (Backend::Interpreter, 3)] {
            let cell = compile::<f32>(text, cycle, backend, 2);
            let mut workspace = Workspace::default();
            // One after the other in one workspace: each has weights of its own.
            for seed in [11, 12] {
                let mut call = Call::random(&cell, 7, batch, seed);
                let inference = cell.inference(&call.parameters).expect("weights");
                for ragged in [false, true] {
                    if ragged {
                        call.lengths = (0..batch).map(|sample| sample % 8).collect();
                        call.resets = (0..7 * batch).map(|at| at % 5 == 3).collect();
                        call.direction = Direction::Reverse;
                    }
                    let expected = given(&cell, &call);
                    let held = without_parameters(&call);
                    let found = held.forward(&inference, Keep::Nothing, &mut workspace).expect("runs");
                    assert_same(&found, &expected, name);
                    // The workspace serves the cell itself as well, which packs what it is given.
                    let found = call.forward(&cell, Keep::Nothing, &mut workspace).expect("runs");
                    assert_same(&found, &expected, name);
                }
            }
        }
    }
}

#[test]
fn one_serves_many_threads() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
    let calls: Vec<Call<f32>> = (0..4).map(|seed| Call::random(&cell, 7, 5, seed)).collect();
    let inference = cell.inference(&calls[0].parameters).expect("weights");
    std::thread::scope(|scope| {
        for call in &calls {
            let call = Call { parameters: calls[0].parameters.clone(), ..call.clone() };
            let (cell, inference) = (&cell, &inference);
            scope.spawn(move || {
                let expected = given(cell, &call);
                let held = without_parameters(&call);
                let found = held.forward(inference, Keep::Nothing, &mut Workspace::default()).expect("runs");
                assert_same(&found, &expected, "a thread");
            });
        }
    });
}

#[test]
fn layers_of_them_have_no_parameters() {
    let text = "h_t = tanh(W x_t + U h_{t-1} + b)";
    let cell = gatewright::read_cell(text, gatewright::Syntax::Text).expect("a cell");
    let cell: CompiledCell<f64> =
        CompiledCell::new(&cell, &[("x", 4), ("h", 4)], gatewright::CompileOptions::default())
            .expect("compiles");
    let lower = Call::random(&cell, 6, 3, 1);
    let upper = Call::random(&cell, 6, 3, 2).parameters;
    let held = |parameters: &[f64]| -> Shared<f64> { Arc::new(cell.inference(parameters).expect("weights")) };
    let stack = Stack::new(vec![held(&lower.parameters), held(&upper)]).expect("fits");
    assert_eq!(stack.layout().parameters.length(), 0);
    let between = given(&cell, &lower);
    let above = Call { inputs: between.outputs, states: Vec::new(), parameters: upper, ..lower.clone() };
    let both = Call {
        states: vec![lower.states[0].clone(), Vec::new()],
        final_gradients: vec![Vec::new(); 2],
        ..without_parameters(&lower)
    };
    let found = both.forward(&stack, Keep::Nothing, &mut Workspace::default()).expect("runs");
    assert_eq!(found.outputs, given(&cell, &above).outputs);
}

#[test]
fn a_run_allocates_nothing() {
    for (name, text, cycle) in CELLS {
        let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
        let call = Call::random(&cell, 7, 2, 11);
        let inference = cell.inference(&call.parameters).expect("weights");
        let held = without_parameters(&call);
        let (inputs, states) =
            (gatewright_tests::slices(&held.inputs), gatewright_tests::slices(&held.states));
        let mut outputs: Vec<Vec<f32>> =
            cell.layout().outputs.iter().map(|port| vec![0.0; 7 * 2 * port.size]).collect();
        let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let mut workspace = Workspace::default();
        let mut run = || {
            let forward = gatewright::sequence::Forward {
                steps: 7,
                batch: 2,
                sequences: held.sequences(),
                parameters: &[],
                inputs: &inputs,
                initial_states: &states,
                outputs: &mut outputs,
                final_states: &mut [],
            };
            inference.forward(forward, Keep::Nothing, &mut workspace).expect("runs");
        };
        assert!(allocation_counter::measure(&mut run).count_total > 0, "{name}: nothing was counted");
        assert_eq!(allocation_counter::measure(&mut run).count_total, 0, "{name}");
    }
}

#[test]
fn what_it_cannot_do_is_refused() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
    let call = Call::random(&cell, 3, 2, 11);
    assert!(matches!(cell.inference(&[]), Err(CallError::Length { what: "parameters", found: 0, .. })));
    let inference = cell.inference(&call.parameters).expect("weights");
    let mut workspace = Workspace::default();
    let refused = call.forward(&inference, Keep::Nothing, &mut workspace);
    assert!(matches!(refused, Err(CallError::Length { what: "parameters", expected: 0, .. })), "{refused:?}");
    let held = without_parameters(&call);
    let refused = held.forward(&inference, Keep::Tape, &mut workspace);
    assert!(matches!(refused, Err(CallError::Unsupported { .. })), "{refused:?}");
    // Not even through the tape of the cell that it was made of.
    call.forward(&cell, Keep::Tape, &mut workspace).expect("runs");
    held.forward(&inference, Keep::Nothing, &mut workspace).expect("runs");
    let gradients = Call { parameters: call.parameters.clone(), ..held };
    let mut sums = vec![0.0; gradients.parameters.len()];
    let back = gatewright::sequence::Backward {
        parameters: &gradients.parameters,
        inputs: &gatewright_tests::slices(&gradients.inputs),
        output_gradients: &[],
        final_state_gradients: &[],
        parameter_gradients: &mut sums,
        input_gradients: &mut [],
        initial_state_gradients: &mut [],
    };
    assert_eq!(cell.backward(back, &mut workspace), Err(CallError::NoTape));
}
