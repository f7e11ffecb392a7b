//! Runs that keep checkpoints, against runs that keep their tape.

use std::sync::mpsc::channel;
use std::time::Duration;

use gatewright::Backend;
use gatewright::error::CallError;
use gatewright::sequence::{Direction, Keep};
use gatewright::workspace::Workspace;

use crate::call::{CELLS, Call, compile};

/// The smallest budget that a run can do with.
fn minimum(cell: &gatewright::CompiledCell<f32>, call: &Call<f32>) -> usize {
    let keep = Keep::Checkpoints { bytes: 0 };
    match call.forward(cell, keep, &mut Workspace::default()) {
        Err(CallError::Budget { bytes: 0, minimum }) => minimum,
        other => panic!("no bytes are enough: {other:?}"),
    }
}

#[test]
fn gradients_have_the_bits_of_a_whole_tape() {
    for (name, text, cycle) in CELLS {
        let cell = compile::<f32>(text, cycle, Backend::Jit, 2);
        for (steps, batch) in [(700, 1), (90, 7), (40, 70)] {
            for ragged in [false, true] {
                let mut call = Call::random(&cell, steps, batch, 5);
                if ragged {
                    call.lengths = (0..batch).map(|sample| steps - (sample * 37) % steps).collect();
                    call.resets = (0..steps * batch).map(|at| at % 97 == 5).collect();
                    call.direction = Direction::Reverse;
                    call.poison();
                }
                let what = format!("{name}, {steps} steps, {batch} samples, ragged {ragged}");
                let mut workspace = Workspace::default();
                let expected = call.run(&cell, Keep::Tape, &mut workspace).expect("runs");
                let whole = workspace.bytes();
                let least = minimum(&cell, &call);
                assert!(least <= whole, "{what}: {least} of {whole}");
                for bytes in [least, least + (whole - least) / 3, whole, usize::MAX] {
                    // The same workspace, which has held a whole tape.
                    let found = call.run(&cell, Keep::Checkpoints { bytes }, &mut workspace).expect("runs");
                    assert!(workspace.bytes() <= bytes, "{what}: {} of {bytes}", workspace.bytes());
                    assert!(found == expected, "{what}, {bytes} of {whole} bytes");
                }
                if least > 0 {
                    let refused = call.run(&cell, Keep::Checkpoints { bytes: least - 1 }, &mut workspace);
                    assert_eq!(
                        refused.map(|_| ()),
                        Err(CallError::Budget { bytes: least - 1, minimum: least }),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_samples_have_a_budget_too() {
    let mut held = 0;
    for (name, text, cycle) in CELLS {
        let cell = compile::<f32>(text, cycle, Backend::Interpreter, 2);
        let call = Call::random(&cell, 3, 0, 5);
        let refused = call.forward(&cell, Keep::Checkpoints { bytes: 0 }, &mut Workspace::default());
        let bytes = match refused {
            Err(CallError::Budget { minimum, .. }) => minimum,
            other => other.map(|_| 0).expect("runs"),
        };
        let mut workspace = Workspace::default();
        let _ = call.run(&cell, Keep::Checkpoints { bytes }, &mut workspace).expect("runs");
        assert_eq!(workspace.bytes(), bytes, "{name}");
        held += bytes;
    }
    // What is the same at every step has its place.
    assert!(held > 0);
}

#[test]
fn memory_grows_with_the_square_root_of_the_steps() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
    let of = |steps: usize| minimum(&cell, &Call::random(&cell, steps, 16, 1)) as f64;
    let growth = of(32_000) / of(8_000);
    assert!((1.7..2.3).contains(&growth), "{growth} times as much for 4 times as many steps");
}

#[test]
fn the_way_back_needs_the_inputs() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f32>(text, cycle, Backend::Jit, 1);
    let call = Call::random(&cell, 700, 1, 1);
    let bytes = minimum(&cell, &call);
    for keep in [Keep::Tape, Keep::Checkpoints { bytes }] {
        let mut workspace = Workspace::default();
        let _ = call.forward(&cell, keep, &mut workspace).expect("runs");
        let refused = gatewright::sequence::SequenceCell::backward(
            &cell,
            gatewright::sequence::Backward {
                parameters: &call.parameters,
                inputs: &[],
                output_gradients: &[],
                final_state_gradients: &[],
                parameter_gradients: &mut vec![0.0; call.parameters.len()],
                input_gradients: &mut [],
                initial_state_gradients: &mut [],
            },
            &mut workspace,
        );
        assert_eq!(refused, Err(CallError::Count { what: "input", expected: 1, found: 0 }));
    }
}

/// The caller has spoilt an input of the first block by the time it is needed once more: steps that were solved on the way
/// there are not, when they are run again between two chunks of the way back. The other blocks have nothing to wait for then.
#[test]
fn steps_that_are_not_solved_again_are_an_error_on_any_number_of_threads() {
    let (_, text, cycle) = CELLS[7];
    for threads in [1, 2, 3] {
        let (say, hear) = channel();
        std::thread::spawn(move || {
            let cell = compile::<f32>(text, cycle, Backend::Interpreter, threads);
            let mut call = Call::random(&cell, 40, 70, 5);
            let (keep, mut workspace) =
                (Keep::Checkpoints { bytes: minimum(&cell, &call) }, Workspace::default());
            let mut results = call.forward(&cell, keep, &mut workspace).expect("runs");
            call.inputs[0][0] = f32::NAN;
            let error = call.backward(&cell, &mut workspace, &mut results).expect_err("no number");
            let unwritten = results.parameter_gradients.iter().all(|&gradient| gradient == 7.0);
            say.send((error, unwritten)).expect("heard");
        });
        let (error, unwritten) = hear.recv_timeout(Duration::from_secs(60)).expect("it comes back");
        let CallError::Unsolved(unsolved) = &error else { panic!("{threads} threads: {error}") };
        assert_eq!((unsolved.step, unsolved.sample, unsolved.backward), (0, 0, false), "{threads} threads");
        assert!(unwritten, "{threads} threads: something was written");
    }
}
