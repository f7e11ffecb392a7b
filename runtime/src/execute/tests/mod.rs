//! What is allocated, and runs that are cut into parts.

use gatewright_compiler::plan::{Buffer, BufferKind, BufferRole};

use super::compiled::{Backend, CompileOptions, CompiledCell};
use super::memory::STEPS_AT_ONCE;
use super::piece::CHUNK_ROWS;
use crate::cache::LINE;
use crate::error::CompileError;
use crate::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use crate::workspace::Workspace;
use crate::zoo;

mod training;
mod work;

pub(super) use training::{Training, interpreted};

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

/// Weights too large for sums of their own: blocks add up in one place, the caller's, in an order that threads do not
/// decide. One block has more chunks than the other, since its rows end at other steps.
#[test]
fn blocks_add_up_in_one_place() {
    const SIZE: usize = 520;
    const STEPS: usize = 4;
    const ROWS: usize = 33;
    let cell = crate::read_cell("h_t = tanh(U h_{t-1} + x_t)", gatewright_compiler::source::Syntax::Text);
    let cell = cell.expect("a cell");
    let input = numbers(STEPS * ROWS * SIZE);
    let by_output: Vec<f64> = input.iter().rev().copied().collect();
    let parameters: Vec<f64> = numbers(SIZE * SIZE).iter().map(|number| number * 0.1).collect();
    let lengths: Vec<usize> = (0..ROWS).map(|row| 1 + row * 7 % STEPS).collect();
    // The gradient by `U` from some of the rows, and how many gradients the workspace has memory for.
    let run = |threads: usize, rows: std::ops::Range<usize>| {
        let options = CompileOptions { threads, ..CompileOptions::default() };
        let cell = CompiledCell::<f64>::new(&cell, &[("h", SIZE)], options).expect("compiles");
        let of_rows = |all: &[f64]| -> Vec<f64> {
            let steps = all.chunks(ROWS * SIZE);
            steps.flat_map(|step| step[rows.start * SIZE..rows.end * SIZE].to_vec()).collect()
        };
        let (input, by_output) = (of_rows(&input), of_rows(&by_output));
        let mut output = input.clone();
        let mut gradient = vec![7.0; parameters.len()];
        let mut workspace = Workspace::default();
        let forward = Forward {
            steps: STEPS,
            batch: rows.len(),
            sequences: Sequences { lengths: &lengths[rows.clone()], ..Sequences::default() },
            parameters: &parameters,
            inputs: &[&input],
            initial_states: &[],
            outputs: &mut [&mut output],
            final_states: &mut [],
        };
        cell.forward(forward, Keep::Tape, &mut workspace).expect("runs");
        let backward = Backward {
            parameters: &parameters,
            inputs: &[&input],
            output_gradients: &[&by_output],
            final_state_gradients: &[],
            parameter_gradients: &mut gradient,
            input_gradients: &mut [],
            initial_state_gradients: &mut [],
        };
        cell.backward(backward, &mut workspace).expect("runs");
        let memory = workspace.memory();
        let workers = memory.workers.all();
        let own = workers.iter().map(|worker| worker.gradient.len()).sum::<usize>();
        let chunks: Vec<usize> = memory.blocks.iter().map(|block| block.course.chunks()).collect();
        let packed = workers.iter().filter(|worker| worker.packed.is_some()).count();
        (gradient, chunks, own + memory.gradient.len(), packed)
    };
    let (expected, chunks, held, packed) = run(1, 0..ROWS);
    assert_eq!((chunks, held, packed), (vec![3, 1], 0, 1));
    for threads in [2, 3] {
        assert_eq!(run(threads, 0..ROWS).0, expected, "{threads} threads");
    }
    let parts = [run(1, 0..20).0, run(1, 20..ROWS).0];
    for (at, sum) in expected.iter().enumerate() {
        let parts = parts[0][at] + parts[1][at];
        assert!((parts - sum).abs() <= 1e-9 * (1.0 + sum.abs()), "{at}: {parts} {sum}");
    }
}

fn mgu(threads: usize) -> CompiledCell<f32> {
    interpreted("mgu", &[("x", 3), ("h", 4)], threads)
}

/// The gradient by the parameters of a cell from a training run, and how many bytes the first block has noted to fetch on the
/// way there and on the way back.
fn train(
    cell: &CompiledCell<f32>,
    steps: usize,
    batch: usize,
    workspace: &mut Workspace<f32>,
) -> (Vec<f32>, [usize; 2]) {
    let noted = |workspace: &mut Workspace<f32>| {
        workspace.memory().blocks.first().map_or(0, |block| block.soon.noted)
    };
    let mut training = Training::new(cell, steps, batch);
    let before = noted(workspace);
    training.forward(Keep::Tape, workspace).expect("runs");
    let there = noted(workspace);
    training.backward(workspace);
    (training.gradient, [there - before, noted(workspace) - there])
}

#[test]
fn blocks_of_one_thread_are_lent_the_memory_of_their_sums() {
    let cells = [1, 2].map(mgu);
    let mut workspaces = [Workspace::default(), Workspace::default()];
    let gradients = [0, 1].map(|at| train(&cells[at], 9, 70, &mut workspaces[at]).0);
    assert_eq!(gradients[0], gradients[1]);
    let held = workspaces.each_mut().map(|workspace| {
        let memory = workspace.memory();
        assert_eq!(memory.blocks.len(), 3);
        assert!(memory.blocks.iter().all(|block| block.packed.is_none() && block.gradient.capacity() == 0));
        let workers = memory.workers.all();
        let packed = workers.iter().filter(|worker| worker.packed.is_some()).count();
        (workers.iter().filter(|worker| worker.gradient.capacity() > 0).count(), packed)
    });
    // On two threads one may have taken all.
    assert_eq!(held[0], (1, 1));
    assert!((1..=2).contains(&held[1].0) && (1..=2).contains(&held[1].1), "{held:?}");
    assert_eq!(gradients[0], train(&cells[0], 9, 70, &mut workspaces[0]).0);
}

#[test]
fn products_over_chunks_are_made_once_for_each_length() {
    let (cell, mut workspace) = (mgu(1), Workspace::default());
    let mut made = |steps: usize, batch: usize| {
        let _ = train(&cell, steps, batch, &mut workspace);
        workspace.memory().blocks[0].chunk_products.made
    };
    // One product before the loop and one behind the loop back; chunks of 16 steps, and one of 4.
    assert_eq!([made(36, 16), made(36, 16), made(20, 16)], [4, 4, 4]);
    // Rows of another number, one length.
    assert_eq!([made(16, 15), made(16, 15)], [6, 6]);
}

#[test]
fn what_crosses_the_border_is_asked_for_step_by_step() {
    const ROWS: usize = 16;
    let cell = mgu(1);
    let engine = &cell.training;
    let row = ROWS * size_of::<f32>();
    let (input, output) = (3 * row, 4 * row);
    let bytes = |buffers: &[usize]| {
        buffers.iter().map(|&buffer| engine.plan.buffers[buffer].width * row).sum::<usize>()
    };
    let (tape, adjoints) = (bytes(&engine.read_back), bytes(&engine.adjoints));
    let noted = |steps: usize| train(&cell, steps, ROWS, &mut Workspace::default()).1;
    // Chunks of 16 steps. On the way there what each step gives, the input of a step in the chunk after its own, and where
    // the tape of the next step will be.
    let [(one, back), (two, back_two)] = [16, 32].map(noted).map(|[there, back]| (there, back));
    assert_eq!([one, two], [16 * output + 15 * tape, 32 * output + 16 * input + 31 * tape]);
    // On the way back each step but the first asks for what the step before reads, also of the chunk before; and for where
    // it will leave adjoints, which are of a chunk; each chunk for the inputs that were packed of the one before, which its own
    // take the place of. All else is of each step or of each chunk.
    let packed = 16 * ROWS * engine.level.blocks_of_panel() * LINE;
    assert_eq!(back_two - 2 * back, output + tape + packed);
    assert!(tape > 0 && adjoints > 0);
    let of_steps = 15 * (output + tape + adjoints) + 16 * input;
    // Of what gradients by parameters are added up from, the inputs lie with the caller, and one row behind the other in memory.
    let right = engine.gradients.right_operands(&engine.plan).map(|(place, columns)| {
        ((16 * ROWS - 1) * engine.plan.buffer(place.buffer).width + columns) * size_of::<f32>()
    });
    assert_eq!(back, of_steps + 16 * input + right.sum::<usize>());
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
