//! What is allocated, and runs that are cut into parts.

use gatewright_compiler::plan::{Buffer, BufferKind, BufferRole};

use super::compiled::{Backend, CompileOptions, CompiledCell};
use super::memory::STEPS_AT_ONCE;
use super::piece::CHUNK_ROWS;
use crate::error::CompileError;
use crate::sequence::{Forward, Keep, SequenceCell, Sequences};
use crate::workspace::Workspace;
use crate::zoo;

const BATCH: usize = 3;

fn compiled(name: &str) -> Option<CompiledCell<f64>> {
    let entry = zoo::find(name).expect("a cell of the zoo");
    let cell = entry.read().ok()?;
    let sizes: Vec<(&str, usize)> = cell.dimensions.iter().map(|name| (name.as_str(), 3)).collect();
    let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
    CompiledCell::new(&cell, &sizes, options).ok()
}

fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|at| (at as f64 * 0.7).sin() * 0.5).collect()
}

/// Outputs and final states of a run.
fn run(cell: &CompiledCell<f64>, steps: usize, keep: Keep, workspace: &mut Workspace<f64>) -> Vec<Vec<f64>> {
    let layout = cell.layout();
    let rows = |ports: &[crate::sequence::Port], rows: usize| -> Vec<Vec<f64>> {
        ports.iter().map(|port| numbers(rows * port.size)).collect()
    };
    let inputs = rows(&layout.inputs, steps * BATCH);
    // Positive: some cells divide by a state.
    let states: Vec<Vec<f64>> = rows(&layout.states, BATCH)
        .into_iter()
        .map(|state| state.iter().map(|value| value + 1.0).collect())
        .collect();
    let mut outputs = rows(&layout.outputs, steps * BATCH);
    let mut finals = rows(&layout.states, BATCH);
    let call = Forward {
        steps,
        batch: BATCH,
        sequences: Sequences::default(),
        parameters: &numbers(layout.parameters.length()),
        inputs: &inputs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        initial_states: &states.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        outputs: &mut outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        final_states: &mut finals.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
    };
    cell.forward(call, keep, workspace).expect("runs");
    outputs.extend(finals);
    outputs
}

#[test]
fn what_is_said_of_the_tape_is_what_is_allocated() {
    let mut count = 0;
    for entry in zoo::ALL {
        let Some(cell) = compiled(entry.name) else { continue };
        let held = |steps: usize| {
            let mut workspace = Workspace::default();
            let _ = run(&cell, steps, Keep::Tape, &mut workspace);
            workspace.bytes()
        };
        // More steps than a chunk has: what a pass keeps to itself is as large for both.
        let (one, two) = (held(CHUNK_ROWS), held(CHUNK_ROWS + 1));
        assert_eq!(two - one, BATCH * cell.training_bytes_per_step(), "{}", entry.name);
        // Of that, the tape is what the forward run writes and the way back reads.
        let plan = cell.training_plan();
        let sequence = |kind| matches!(kind, BufferKind::Sequence { .. });
        let adjoint = |role| {
            matches!(role, BufferRole::Scratch | BufferRole::OutputGradient | BufferRole::StateGradient)
        };
        let others = plan.buffers.iter().filter(|buffer| sequence(buffer.kind) && adjoint(buffer.role));
        let others: usize = others.map(|buffer| buffer.width * size_of::<f64>()).sum();
        assert_eq!(cell.training_bytes_per_step() - others, cell.tape_bytes_per_step(), "{}", entry.name);
        count += 1;
    }
    assert!(count >= 94, "{count} cells");
}

/// What the way back alone writes needs memory for a chunk; an LSTM holds its tape and nothing else for all steps.
#[test]
fn a_pass_keeps_to_itself_no_more_than_a_chunk() {
    let cell = compiled("lstm").expect("compiles");
    assert_eq!(cell.training_bytes_per_step(), cell.tape_bytes_per_step());
    let adjoint = cell.training_plan().buffers.iter().find(|buffer| buffer.name == "adjoint");
    assert_eq!(adjoint.map(|buffer| buffer.kind), Some(BufferKind::Chunk { backward: true }));
    let kept = |buffer: &Buffer| matches!(buffer.kind, BufferKind::Sequence { extra: false });
    assert!(!cell.inference_plan().buffers.iter().any(kept), "inference has no tape");
}

/// Inputs are the caller's. In `f64` with three of everything a value has 16 columns: `h`, `c`, and of each step the four
/// gates and the squashed cell.
#[test]
fn the_tape_of_an_lstm_is_its_states_and_its_gates() {
    let cell = compiled("lstm").expect("compiles");
    assert_eq!(cell.tape_bytes_per_step(), (1 + 1 + 5) * 16 * size_of::<f64>());
    let mut read_back = 0;
    for entry in zoo::ALL {
        let Some(cell) = compiled(entry.name) else { continue };
        let plan = cell.training_plan();
        let of_all_steps = |buffer: &&Buffer| {
            buffer.role == BufferRole::Input && matches!(buffer.kind, BufferKind::Sequence { .. })
        };
        assert_eq!(plan.buffers.iter().find(of_all_steps), None, "{}", entry.name);
        assert!(!cell.inference_plan().inputs_read_back.contains(&true), "{}", entry.name);
        read_back += usize::from(plan.inputs_read_back.contains(&true));
    }
    assert!(read_back >= 90, "{read_back} cells");
}

#[test]
fn inference_in_parts_is_inference() {
    for name in ["lstm", "gru_v3", "qrnn", "taugru", "scrn", "mingru", "rhn", "antisym"] {
        let cell = compiled(name).expect("compiles");
        for steps in [0, 1, STEPS_AT_ONCE, STEPS_AT_ONCE + 1, 2 * STEPS_AT_ONCE, 2 * STEPS_AT_ONCE + 7] {
            // One workspace for both, so that each run finds what another has left.
            let mut workspace = Workspace::default();
            let parts = run(&cell, steps, Keep::Nothing, &mut workspace);
            let again = run(&cell, steps, Keep::Nothing, &mut workspace);
            let whole = run(&cell, steps, Keep::Tape, &mut workspace);
            for ((parts, again), whole) in parts.iter().zip(&again).zip(&whole) {
                assert_eq!(parts, again, "{name}, {steps} steps");
                for (found, expected) in parts.iter().zip(whole) {
                    assert!((found - expected).abs() < 1e-12, "{name}, {steps} steps");
                }
            }
        }
    }
}

#[test]
fn memory_of_inference_does_not_grow_with_the_sequence() {
    let cell = compiled("lstm").expect("compiles");
    let held = |steps: usize, keep: Keep| {
        let mut workspace = Workspace::default();
        let _ = run(&cell, steps, keep, &mut workspace);
        workspace.bytes()
    };
    let (short, long) = (STEPS_AT_ONCE, 9 * STEPS_AT_ONCE + 1);
    assert_eq!(held(short, Keep::Nothing), held(long, Keep::Nothing));
    assert!(held(short, Keep::Tape) < held(long, Keep::Tape));
}

#[test]
fn a_dimension_is_given_once() {
    let cell = zoo::ELMAN.read().expect("a cell");
    let sizes = [("x", 3), ("h", 4), ("x", 5)];
    let error = CompiledCell::<f32>::new(&cell, &sizes, CompileOptions::default()).map(|_| ());
    assert_eq!(error, Err(CompileError::RepeatedDimension { name: "x".to_owned() }));
}
