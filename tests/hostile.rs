//! Hostile calls: every wrong argument is an error of its own kind, and no call panics, hangs or reads what it must
//! not.

use gatewright::error::{CallError, CompileError};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell};
use gatewright_compiler::graph::Graph;
use gatewright_compiler::plan::PlanError;

const GRU: &str = include_str!("graphs/gru.graph");
const LSTM: &str = include_str!("graphs/lstm.graph");

fn compile(text: &str, x: usize, h: usize) -> Result<CompiledCell<f32>, CompileError> {
    let graph: Graph = text.parse().unwrap();
    CompiledCell::from_graph(&graph, &[("x", x), ("h", h)], CompileOptions::default())
}

/// Lengths of the arguments of a forward run; the rest follows.
#[derive(Clone, Debug)]
struct Lengths {
    steps: usize,
    batch: usize,
    parameters: usize,
    inputs: Vec<usize>,
    states: Vec<usize>,
    outputs: Vec<usize>,
    finals: Vec<usize>,
}

fn zeros(lengths: &[usize]) -> Vec<Vec<f32>> {
    lengths.iter().map(|&length| vec![0.0; length]).collect()
}

fn forward(
    cell: &CompiledCell<f32>,
    lengths: &Lengths,
    keep: Keep,
    workspace: &mut Workspace<f32>,
) -> Result<(), CallError> {
    let (parameters, inputs, states) =
        (vec![0.0; lengths.parameters], zeros(&lengths.inputs), zeros(&lengths.states));
    let (mut outputs, mut finals) = (zeros(&lengths.outputs), zeros(&lengths.finals));
    cell.forward(
        Forward {
            steps: lengths.steps,
            batch: lengths.batch,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &gatewright_tests::slices(&inputs),
            initial_states: &gatewright_tests::slices(&states),
            outputs: &mut gatewright_tests::slices_mut(&mut outputs),
            final_states: &mut gatewright_tests::slices_mut(&mut finals),
        },
        keep,
        workspace,
    )
}

/// `lengths` as for [`forward`]: gradients by outputs and inputs are as long as those.
fn backward(
    cell: &CompiledCell<f32>,
    lengths: &Lengths,
    workspace: &mut Workspace<f32>,
) -> Result<(), CallError> {
    backward_of(cell, lengths, &lengths.inputs, workspace)
}

/// As [`backward`], with inputs of other lengths.
fn backward_of(
    cell: &CompiledCell<f32>,
    lengths: &Lengths,
    inputs: &[usize],
    workspace: &mut Workspace<f32>,
) -> Result<(), CallError> {
    let parameters = vec![0.0; lengths.parameters];
    let mut parameter_gradients = vec![0.0; lengths.parameters];
    let (outputs, finals) = (zeros(&lengths.outputs), zeros(&lengths.finals));
    let (given, mut inputs, mut states) = (zeros(inputs), zeros(&lengths.inputs), zeros(&lengths.states));
    cell.backward(
        Backward {
            parameters: &parameters,
            inputs: &gatewright_tests::slices(&given),
            output_gradients: &gatewright_tests::slices(&outputs),
            final_state_gradients: &gatewright_tests::slices(&finals),
            parameter_gradients: &mut parameter_gradients,
            input_gradients: &mut gatewright_tests::slices_mut(&mut inputs),
            initial_state_gradients: &mut gatewright_tests::slices_mut(&mut states),
        },
        workspace,
    )
}

fn right(cell: &CompiledCell<f32>, steps: usize, batch: usize) -> Lengths {
    let layout = cell.layout();
    let of = |ports: &[gatewright::sequence::Port], rows: usize| {
        ports.iter().map(|port| port.size * rows).collect::<Vec<_>>()
    };
    Lengths {
        steps,
        batch,
        parameters: layout.parameters.length(),
        inputs: of(&layout.inputs, steps * batch),
        states: of(&layout.states, batch),
        outputs: of(&layout.outputs, steps * batch),
        finals: of(&layout.states, batch),
    }
}

/// Every way in which one list or one slice is wrong.
fn wrong(lengths: &Lengths) -> Vec<Lengths> {
    let mut all = Vec::new();
    let lists: [fn(&mut Lengths) -> &mut Vec<usize>; 4] = [
        |lengths| &mut lengths.inputs,
        |lengths| &mut lengths.states,
        |lengths| &mut lengths.outputs,
        |lengths| &mut lengths.finals,
    ];
    for list in lists {
        let mut change = |change: fn(&mut Vec<usize>)| {
            let mut other = lengths.clone();
            change(list(&mut other));
            all.push(other);
        };
        change(|list| list.push(0));
        change(|list| list[0] += 1);
        change(|list| list[0] -= 1);
        change(|list| list[0] = 0);
        if list(&mut lengths.clone()).len() > 1 {
            change(|list| list.truncate(1));
        }
    }
    for parameters in [0, lengths.parameters - 1, lengths.parameters + 1] {
        all.push(Lengths { parameters, ..lengths.clone() });
    }
    all
}

fn is_about_arguments(result: &Result<(), CallError>) -> bool {
    matches!(result, Err(CallError::Count { .. } | CallError::Length { .. }))
}

#[test]
fn wrong_lengths_and_counts_are_refused() {
    let cell = compile(LSTM, 3, 5).unwrap();
    let lengths = right(&cell, 4, 2);
    let mut workspace = Workspace::default();
    for wrong in wrong(&lengths) {
        let result = forward(&cell, &wrong, Keep::Tape, &mut workspace);
        // An empty slice for one state is no mistake: the state begins where the equations say.
        let declared = wrong.states.len() == lengths.states.len() && wrong.states[0] == 0;
        assert!(if declared { result.is_ok() } else { is_about_arguments(&result) }, "{wrong:?}: {result:?}");
    }
    assert_eq!(forward(&cell, &lengths, Keep::Tape, &mut workspace), Ok(()));
    for wrong in wrong(&lengths) {
        if wrong.inputs != lengths.inputs {
            let result = backward_of(&cell, &lengths, &wrong.inputs, &mut workspace);
            assert!(is_about_arguments(&result), "inputs of {wrong:?}: {result:?}");
        }
        let result = backward_of(&cell, &wrong, &lengths.inputs, &mut workspace);
        // An empty slice for the gradient by one input is no mistake: it is not wanted.
        let unwanted = wrong.inputs.len() == lengths.inputs.len() && wrong.inputs[0] == 0;
        assert!(if unwanted { result.is_ok() } else { is_about_arguments(&result) }, "{wrong:?}: {result:?}");
    }
    // A refused call leaves the tape.
    assert_eq!(backward(&cell, &lengths, &mut workspace), Ok(()));
    // As many elements in another shape are no run of these steps.
    let other = Lengths { steps: 2, batch: 4, ..lengths.clone() };
    assert!(is_about_arguments(&forward(&cell, &other, Keep::Tape, &mut workspace)));
}

#[test]
fn backward_needs_the_tape_of_its_own_cell() {
    let (cell, same, other) =
        (compile(LSTM, 3, 5).unwrap(), compile(LSTM, 3, 5).unwrap(), compile(GRU, 3, 5).unwrap());
    let lengths = right(&cell, 4, 2);
    let mut workspace = Workspace::default();
    assert_eq!(backward(&cell, &lengths, &mut workspace), Err(CallError::NoTape));
    forward(&cell, &lengths, Keep::Nothing, &mut workspace).unwrap();
    assert_eq!(backward(&cell, &lengths, &mut workspace), Err(CallError::NoTape));
    forward(&cell, &lengths, Keep::Tape, &mut workspace).unwrap();
    assert_eq!(backward(&same, &lengths, &mut workspace), Err(CallError::NoTape));
    assert_eq!(backward(&other, &right(&other, 4, 2), &mut workspace), Err(CallError::NoTape));
    assert_eq!(backward(&cell, &lengths, &mut workspace), Ok(()));
    // Another run of any kind takes the tape away.
    forward(&other, &right(&other, 4, 2), Keep::Tape, &mut workspace).unwrap();
    assert_eq!(backward(&cell, &lengths, &mut workspace), Err(CallError::NoTape));
}

#[test]
fn runs_of_impossible_size_are_refused() {
    // Inputs and states of no elements: the slices are right for any T and B.
    let cell = compile(LSTM, 0, 0).unwrap();
    let empty = right(&cell, 0, 0);
    let mut workspace = Workspace::default();
    for (steps, batch) in [
        (usize::MAX, 2),
        (2, usize::MAX),
        (usize::MAX, usize::MAX),
        (usize::MAX, 1),
        (1, usize::MAX),
        (1 << 50, 1),
        (1, 1 << 50),
        (1 << 40, 1 << 10),
    ] {
        let result = forward(&cell, &Lengths { steps, batch, ..empty.clone() }, Keep::Tape, &mut workspace);
        let too_large = matches!(result, Err(CallError::TooLarge { .. } | CallError::OutOfMemory { .. }));
        assert!(too_large, "{steps} steps, {batch} samples: {result:?}");
    }
    assert_eq!(forward(&cell, &right(&cell, 3, 2), Keep::Tape, &mut workspace), Ok(()));
    assert_eq!(backward(&cell, &right(&cell, 3, 2), &mut workspace), Ok(()));
}

#[test]
fn no_samples_take_no_time_however_many_steps() {
    let cell = compile(LSTM, 3, 5).unwrap();
    let mut workspace = Workspace::default();
    let lengths = Lengths { steps: usize::MAX - 1, ..right(&cell, 0, 0) };
    assert_eq!(forward(&cell, &lengths, Keep::Tape, &mut workspace), Ok(()));
    assert_eq!(backward(&cell, &lengths, &mut workspace), Ok(()));
}

#[test]
fn more_threads_than_work_or_machine() {
    let graph: Graph = GRU.parse().unwrap();
    for threads in [0, 1000, usize::MAX] {
        let options = CompileOptions { threads, ..CompileOptions::default() };
        let cell = CompiledCell::<f32>::from_graph(&graph, &[("x", 1), ("h", 1)], options).unwrap();
        let mut workspace = Workspace::default();
        for batch in [0, 1, 33, 500] {
            assert_eq!(forward(&cell, &right(&cell, 1, batch), Keep::Tape, &mut workspace), Ok(()));
            assert_eq!(backward(&cell, &right(&cell, 1, batch), &mut workspace), Ok(()));
        }
    }
}

#[test]
fn sizes_that_no_memory_has_are_refused() {
    for (x, h) in [(usize::MAX, 3), (3, usize::MAX), (1 << 62, 1 << 62), (1 << 25, 1), (1 << 32, 1 << 32)] {
        let result = compile(LSTM, x, h);
        let refused =
            matches!(result, Err(CompileError::TooLarge { .. } | CompileError::Plan(PlanError::Size { .. })));
        assert!(refused, "{x}, {h}: {:?}", result.err());
    }
    // The largest that is allowed compiles, and then wants more parameters than anybody has.
    let cell = compile(LSTM, 1 << 23, 1 << 23).unwrap();
    let lengths = Lengths { parameters: 1, ..right(&cell, 0, 0) };
    assert!(is_about_arguments(&forward(&cell, &lengths, Keep::Tape, &mut Workspace::default())));
}

#[test]
fn names_of_dimensions_are_checked() {
    let graph: Graph = LSTM.parse().unwrap();
    let compile = |dimensions: &[(&str, usize)]| {
        CompiledCell::<f32>::from_graph(&graph, dimensions, CompileOptions::default()).err()
    };
    assert!(matches!(compile(&[("x", 1)]), Some(CompileError::MissingDimension { .. })));
    assert!(matches!(compile(&[]), Some(CompileError::MissingDimension { .. })));
    assert!(matches!(compile(&[("x", 1), ("h", 1), ("z", 1)]), Some(CompileError::UnknownDimension { .. })));
}
