//! Streams: the bits of a whole run, without allocation.

use gatewright::error::CallError;
use gatewright::sequence::{Keep, SequenceCell};
use gatewright::stream::Stream;
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompiledCell, Element};

use crate::call::{CELLS, Call, Results, compile};

const STEPS: usize = 7;

/// Step by step, the states that are given set before the first.
fn step_by_step<T: Element>(cell: &CompiledCell<T>, call: &Call<T>) -> Results<T> {
    let mut stream = cell.stream(call.batch, &call.parameters).expect("a stream");
    // A stream that has been used and reset is a new one.
    run(&mut stream, call);
    stream.reset().expect("resets");
    let outputs = run(&mut stream, call);
    let layout = cell.layout();
    let state = |(state, port): (usize, &gatewright::sequence::Port)| {
        let mut into = vec![T::from_f64(7.0); call.batch * port.size];
        stream.state(state, &mut into).expect("a state");
        into
    };
    let finals = layout.states.iter().enumerate().map(state).collect();
    let none = Vec::new;
    let (input_gradients, state_gradients, parameter_gradients) = (none(), none(), Vec::new());
    Results { outputs, finals, input_gradients, state_gradients, parameter_gradients }
}

fn run<T: Element>(stream: &mut Stream<T>, call: &Call<T>) -> Vec<Vec<T>> {
    for (state, elements) in call.states.iter().enumerate().filter(|(_, elements)| !elements.is_empty()) {
        stream.set_state(state, elements).expect("sets");
    }
    let ports = stream.layout().outputs.clone();
    let mut outputs: Vec<Vec<T>> =
        ports.iter().map(|port| vec![T::ZERO; call.steps * call.batch * port.size]).collect();
    for step in 0..call.steps {
        let inputs: Vec<&[T]> = call
            .inputs
            .iter()
            .map(|input| input.chunks(input.len() / call.steps).nth(step).unwrap())
            .collect();
        let mut rows: Vec<&mut [T]> = outputs
            .iter_mut()
            .zip(&ports)
            .map(|(output, port)| output.chunks_mut(call.batch * port.size).nth(step).unwrap())
            .collect();
        stream.step(&inputs, &mut rows).expect("runs");
    }
    outputs
}

#[test]
fn steps_are_those_of_a_whole_run() {
    for (name, text, cycle) in CELLS {
        for (backend, batch) in [(Backend::Jit, 1), (Backend::Jit, 40), (Backend::Interpreter, 2)] {
            let cell = compile::<f32>(text, cycle, backend, 2);
            let call = Call::random(&cell, STEPS, batch, 11);
            let expected = call.forward(&cell, Keep::Nothing, &mut Workspace::default()).expect("runs");
            let found = step_by_step(&cell, &call);
            assert_eq!(found.outputs, expected.outputs, "{name}, {backend:?}, {batch} samples");
            assert_eq!(found.finals, expected.finals, "{name}, {backend:?}, {batch} samples");
        }
    }
}

#[test]
fn a_step_allocates_nothing() {
    for (name, text, cycle) in CELLS {
        let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
        let call = Call::random(&cell, STEPS, 1, 11);
        let mut stream = cell.stream(1, &call.parameters).expect("a stream");
        let inputs: Vec<&[f32]> =
            call.inputs.iter().map(|input| &input[..input.len() / call.steps]).collect();
        let mut outputs: Vec<Vec<f32>> =
            cell.layout().outputs.iter().map(|port| vec![0.0; port.size]).collect();
        let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let allocated = allocation_counter::measure(|| {
            for _ in 0..STEPS {
                stream.step(&inputs, &mut outputs).expect("runs");
            }
            stream.reset().expect("resets");
        });
        assert_eq!(allocated.count_total, 0, "{name}: {allocated:?}");
        // What counts counts.
        assert!(allocation_counter::measure(|| drop(cell.stream(1, &call.parameters))).count_total > 0);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f64>(text, cycle, Backend::Jit, 1);
    let parameters = vec![0.1; cell.layout().parameters.length()];
    assert!(matches!(cell.stream(1, &parameters[1..]), Err(CallError::Length { what: "parameters", .. })));
    let mut stream = cell.stream(2, &parameters).expect("a stream");
    assert_eq!(stream.batch(), 2);
    let refused = stream.step(&[], &mut []);
    assert_eq!(refused, Err(CallError::Count { what: "input", expected: 1, found: 0 }));
    let refused = stream.step(&[&[0.0; 3]], &mut []);
    assert!(matches!(refused, Err(CallError::Length { what: "input", expected: 6, found: 3, .. })));
    assert_eq!(stream.set_state(2, &[]), Err(CallError::Count { what: "state", expected: 2, found: 3 }));
    let refused = stream.state(1, &mut [0.0; 5]);
    assert!(matches!(refused, Err(CallError::Length { what: "state", expected: 10, found: 5, .. })));
    assert_eq!(stream.step(&[&[0.0; 6]], &mut []), Ok(()));
}
