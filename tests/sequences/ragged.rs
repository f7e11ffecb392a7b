//! Ragged batches, resets and directions, against each stretch of each sample run alone.

use gatewright::sequence::{Direction, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompiledCell, Element};
use gatewright_tests::{Numbers, generate::choose, relative_error};

use crate::call::{CELLS, Call, Results, compile};

/// The steps of each stretch of a sample, in the order in which they are run, and whether it begins where the caller
/// says.
fn stretches<T: Element>(call: &Call<T>, sample: usize) -> Vec<(Vec<usize>, bool)> {
    let mut steps: Vec<usize> = (0..call.length(sample)).collect();
    if call.direction == Direction::Reverse {
        steps.reverse();
    }
    let mut found = vec![(Vec::new(), true)];
    for step in steps {
        if call.resets.get(step * call.batch + sample) == Some(&true) {
            if found.last().is_some_and(|(steps, _)| steps.is_empty()) {
                found.pop();
            }
            found.push((Vec::new(), false));
        }
        found.last_mut().expect("a stretch").0.push(step);
    }
    found
}

/// What a run of many is, as runs of one.
fn one_by_one<T: Element>(cell: &CompiledCell<T>, call: &Call<T>) -> Results<T> {
    let layout = cell.layout();
    let batch = call.batch;
    let zeros = |ports: &[gatewright::sequence::Port], rows: usize| -> Vec<Vec<T>> {
        ports.iter().map(|port| vec![T::ZERO; rows * port.size]).collect()
    };
    let mut results = Results {
        outputs: zeros(&layout.outputs, call.steps * batch),
        finals: zeros(&layout.states, batch),
        input_gradients: zeros(&layout.inputs, call.steps * batch),
        state_gradients: zeros(&layout.states, batch),
        parameter_gradients: vec![T::ZERO; layout.parameters.length()],
    };
    for sample in 0..batch {
        let stretches = stretches(call, sample);
        for (index, (steps, given)) in stretches.iter().enumerate() {
            let row = |array: &Vec<T>, size: usize, step: usize| -> Vec<T> {
                array[(step * batch + sample) * size..][..size].to_vec()
            };
            let sequences = |arrays: &[Vec<T>], ports: &[gatewright::sequence::Port]| -> Vec<Vec<T>> {
                let one = |(array, port): (&Vec<T>, &gatewright::sequence::Port)| {
                    steps.iter().flat_map(|&step| row(array, port.size, step)).collect()
                };
                arrays.iter().zip(ports).map(one).collect()
            };
            let state =
                |array: &Vec<T>, size: usize| if array.is_empty() { vec![] } else { row(array, size, 0) };
            let last = index + 1 == stretches.len();
            let alone = Call {
                steps: steps.len(),
                batch: 1,
                lengths: Vec::new(),
                resets: Vec::new(),
                direction: Direction::Forward,
                parameters: call.parameters.clone(),
                inputs: sequences(&call.inputs, &layout.inputs),
                states: match given {
                    true => call.states.iter().zip(&layout.states).map(|(a, p)| state(a, p.size)).collect(),
                    false => vec![Vec::new(); layout.states.len()],
                },
                output_gradients: sequences(&call.output_gradients, &layout.outputs),
                final_gradients: match last {
                    true => call
                        .final_gradients
                        .iter()
                        .zip(&layout.states)
                        .map(|(a, p)| row(a, p.size, 0))
                        .collect(),
                    false => zeros(&layout.states, 1),
                },
            };
            let found = alone.run(cell, Keep::Tape, &mut Workspace::default()).expect("runs");
            let put = |into: &mut [Vec<T>],
                       from: &[Vec<T>],
                       ports: &[gatewright::sequence::Port],
                       steps: &[usize]| {
                for ((into, from), port) in into.iter_mut().zip(from).zip(ports) {
                    for (at, step) in steps.iter().enumerate() {
                        into[(step * batch + sample) * port.size..][..port.size]
                            .copy_from_slice(&from[at * port.size..][..port.size]);
                    }
                }
            };
            put(&mut results.outputs, &found.outputs, &layout.outputs, steps);
            put(&mut results.input_gradients, &found.input_gradients, &layout.inputs, steps);
            if last {
                put(&mut results.finals, &found.finals, &layout.states, &[0]);
            }
            if *given {
                put(&mut results.state_gradients, &found.state_gradients, &layout.states, &[0]);
            }
            for (sum, &addend) in results.parameter_gradients.iter_mut().zip(&found.parameter_gradients) {
                *sum = *sum + addend;
            }
        }
    }
    results
}

/// Calls of a cell that differ in what is asked for.
fn calls<T: Element>(cell: &CompiledCell<T>, seed: u64) -> Vec<(String, Call<T>)> {
    const T_: usize = 6;
    let mut numbers = Numbers::new(seed);
    let mut random = |count: usize, below: usize| -> Vec<usize> {
        (0..count).map(|_| choose(&mut numbers, below)).collect()
    };
    let lengths: [Vec<usize>; 7] = [
        vec![],
        vec![6, 0, 1, 3, 6, 2, 2],
        vec![4; 3],
        vec![6; 2],
        vec![0; 3],
        vec![1, 2, 5],
        // Several blocks, one of them of samples without steps.
        [random(40, 7), vec![0; 30]].concat(),
    ];
    let mut calls = Vec::new();
    for lengths in lengths {
        let batch = if lengths.is_empty() { 2 } else { lengths.len() };
        for reset in [false, true] {
            let resets: Vec<bool> =
                if reset { random(T_ * batch, 4).iter().map(|&n| n == 0).collect() } else { Vec::new() };
            for direction in [Direction::Forward, Direction::Reverse] {
                let mut call = Call::random(cell, T_, batch, seed);
                (call.lengths, call.resets) = (lengths.clone(), resets.clone());
                call.direction = direction;
                call.poison();
                calls.push((format!("{batch} samples {lengths:?}, resets {reset}, {direction:?}"), call));
            }
        }
    }
    calls
}

fn check<T: Element>(backend: Backend, tolerance: f64, cells: std::ops::Range<usize>) {
    for (number, (name, text, cycle)) in CELLS.iter().enumerate().skip(cells.start).take(cells.len()) {
        let cell = compile::<T>(text, *cycle, backend, 2);
        let mut workspace = Workspace::default();
        for (what, call) in calls(&cell, number as u64) {
            let found = call.run(&cell, Keep::Tape, &mut workspace).expect("runs");
            let expected = one_by_one(&cell, &call);
            // No number of a row depends on what other rows there are.
            let what = format!("{name}, {backend:?}, {what}");
            assert_eq!(found.outputs, expected.outputs, "{what}");
            assert_eq!(found.finals, expected.finals, "{what}");
            assert_eq!(found.input_gradients, expected.input_gradients, "{what}");
            assert_eq!(found.state_gradients, expected.state_gradients, "{what}");
            let error = relative_error(&found.parameter_gradients, &expected.parameter_gradients);
            assert!(error <= tolerance, "{what}: parameters are off by {error:.1e}");
            // Inference ends where training does.
            let inferred = call.forward(&cell, Keep::Nothing, &mut Workspace::default()).expect("runs");
            for (one, other) in
                inferred.outputs.iter().chain(&inferred.finals).zip(found.outputs.iter().chain(&found.finals))
            {
                let error = relative_error(one, other);
                assert!(error <= tolerance, "{what}: inference is off by {error:.1e}");
            }
        }
    }
}

#[test]
fn together_as_alone_compiled() {
    check::<f64>(Backend::Jit, 1e-13, 0..CELLS.len());
    check::<f32>(Backend::Jit, 2e-5, 0..CELLS.len());
}

#[test]
fn together_as_alone_interpreted() {
    check::<f64>(Backend::Interpreter, 1e-13, 0..CELLS.len());
    check::<f32>(Backend::Interpreter, 2e-5, 0..CELLS.len());
}
