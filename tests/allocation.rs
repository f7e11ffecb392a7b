//! A training loop with a workspace allocates nothing after its first step.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell as Counter;
use std::sync::Arc;

use gatewright::compiler::plan::{ParameterGradient, Plan};
use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
use gatewright::compiler::resolve::Cell;
use gatewright::layer::{Bidirectional, Merge, RegularizedCell, Residual, Shared, Stack};
use gatewright::sequence::{Backward, Direction, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, Element, Syntax, read_cell, zoo};

/// The system's allocator, counting the calls of each thread.
struct Counting;

thread_local! {
    static CALLS: Counter<usize> = const { Counter::new(0) };
}

fn count() {
    // Where the thread is about to end there is nothing to count.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a step of training, for the first step and the three after it. States begin where the caller says, or
/// where the equations say.
fn allocations<T: Element>(cell: &CompiledCell<T>, batch: usize, given: bool) -> [usize; 4] {
    allocations_of(cell, batch, given, (Sequences::default(), Keep::Tape))
}

/// The same of any steps, also of a run without a way back.
fn allocations_of<T: Element>(
    cell: &CompiledCell<T>,
    batch: usize,
    given: bool,
    (sequences, keep): (Sequences<'_>, Keep),
) -> [usize; 4] {
    let layout = cell.layout();
    let steps = 7;
    // Positive: some cells divide by a state.
    let numbers = |count: usize| -> Vec<T> {
        (0..count).map(|at| T::from_f64((at as f64 * 0.7).sin() * 0.5 + 0.6)).collect()
    };
    let of_ports = |ports: &[Port], rows: usize| -> Vec<Vec<T>> {
        ports.iter().map(|port| numbers(rows * port.size)).collect()
    };
    let inputs = of_ports(&layout.inputs, steps * batch);
    let mut outputs = of_ports(&layout.outputs, steps * batch);
    let output_gradients = outputs.clone();
    let states = of_ports(&layout.states, batch);
    let mut input_gradients = inputs.clone();
    let inputs: Vec<&[T]> = inputs.iter().map(Vec::as_slice).collect();
    let output_gradients: Vec<&[T]> = output_gradients.iter().map(Vec::as_slice).collect();
    let states: Vec<&[T]> = states.iter().map(Vec::as_slice).collect();
    let mut outputs: Vec<&mut [T]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut input_gradients: Vec<&mut [T]> = input_gradients.iter_mut().map(Vec::as_mut_slice).collect();
    let parameters = numbers(layout.parameters.length());
    let mut gradients = parameters.clone();
    let mut workspace = Workspace::default();
    std::array::from_fn(|_| {
        let before = CALLS.get();
        let call = Forward {
            steps,
            batch,
            sequences,
            parameters: &parameters,
            inputs: &inputs,
            initial_states: if given { &states } else { &[] },
            outputs: &mut outputs,
            final_states: &mut [],
        };
        cell.forward(call, keep, &mut workspace).expect("runs");
        if keep == Keep::Nothing {
            return CALLS.get() - before;
        }
        let call = Backward {
            parameters: &parameters,
            inputs: &inputs,
            output_gradients: &output_gradients,
            final_state_gradients: &states,
            parameter_gradients: &mut gradients,
            input_gradients: &mut input_gradients,
            initial_state_gradients: &mut [],
        };
        cell.backward(call, &mut workspace).expect("runs");
        CALLS.get() - before
    })
}

/// A cell of the zoo with five of everything; `None` where its equations ask for other sizes.
fn compiled<T: Element>(cell: &Cell) -> Option<CompiledCell<T>> {
    let sizes: Vec<(&str, usize)> = cell.dimensions.iter().map(|name| (name.as_str(), 5)).collect();
    CompiledCell::new(cell, &sizes, CompileOptions::default()).ok()
}

/// Whether it reads expressions of parameters alone (a weight that is normalised), or gradients are expressions of sums.
fn has_expressions(plan: &Plan) -> bool {
    let is_expression =
        |gradient: &ParameterGradient| matches!(gradient, ParameterGradient::Expression { .. });
    !plan.expressions.is_empty() || plan.parameter_gradients.iter().any(is_expression)
}

#[test]
fn a_training_loop_allocates_in_its_first_step_only() {
    let (mut checked, mut expressions, mut beginnings) = (0, 0, 0);
    for entry in zoo::ALL {
        let cell = entry.read().expect("reads");
        let Some(compiled) = compiled::<f32>(&cell) else { continue };
        for given in [true, false] {
            let [first, rest @ ..] = allocations(&compiled, 3, given);
            assert!(first > 0, "{}: nothing was counted", entry.name);
            assert_eq!(rest, [0; 3], "{}, states given: {given}", entry.name);
        }
        checked += 1;
        expressions += usize::from(has_expressions(compiled.training_plan()));
        beginnings += usize::from(cell.states.iter().any(|state| state.initial.is_some()));
    }
    assert!(checked >= 60 && expressions > 0 && beginnings > 0, "{checked} {expressions} {beginnings}");
}

/// With several blocks of rows, and in both precisions: the cells of the benchmarks.
#[test]
fn blocks_allocate_in_the_first_step_only() {
    for name in ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"] {
        let cell = zoo::find(name).expect("a cell of the zoo").read().expect("reads");
        let single = compiled::<f32>(&cell).expect("compiles");
        let double = compiled::<f64>(&cell).expect("compiles");
        for batch in [1, 40] {
            assert_eq!(allocations(&single, batch, true)[1..], [0; 3], "{name}, {batch} samples");
            assert_eq!(allocations(&double, batch, true)[1..], [0; 3], "{name}, {batch} samples, f64");
        }
    }
}

/// Where rows of all gates together are so many bytes that they are copied before gradients by weights are added up.
#[test]
fn a_wide_cell_allocates_in_the_first_step_only() {
    let (cell, options) = (zoo::LSTM.read().expect("reads"), CompileOptions::default());
    let cell = CompiledCell::<f64>::new(&cell, &[("x", 4), ("h", 160)], options).expect("compiles");
    // 210 rows reach over more than a MiB.
    let steps = 7;
    assert!(cell.training_plan().buffers.iter().any(|buffer| buffer.width * 8 * 30 * steps > 1 << 20));
    assert_eq!(allocations(&cell, 30, true)[1..], [0; 3]);
}

/// However many samples there are to be put in order, with a way back and without.
#[test]
fn ragged_runs_allocate_in_the_first_only() {
    let cell = compiled::<f32>(&zoo::LSTM.read().expect("reads")).expect("compiles");
    for batch in [3, 250] {
        let lengths: Vec<usize> = (0..batch).map(|sample| sample * 5 % 8).collect();
        let resets: Vec<bool> = (0..7 * batch).map(|at| at % 11 == 4).collect();
        for direction in [Direction::Forward, Direction::Reverse] {
            let sequences = Sequences { lengths: &lengths, resets: &resets, direction };
            for keep in [Keep::Tape, Keep::Checkpoints { bytes: usize::MAX }, Keep::Nothing] {
                let counted = allocations_of(&cell, batch, true, (sequences, keep));
                assert_eq!(counted[1..], [0; 3], "{batch} samples, {direction:?}, {keep:?}");
            }
        }
    }
}

/// The largest element of each row of a matrix, which no cell of the zoo asks for.
#[test]
fn a_softmax_of_rows_allocates_in_the_first_step_only() {
    let text = "k_t = tanh(W x_t)\nC_t = 0.5 C_{t-1} + k_t k_t^T\nh_t = rowsoftmax(C_t) (Q x_t)";
    let cell = compiled::<f32>(&read_cell(text, Syntax::Text).expect("reads")).expect("compiles");
    assert_eq!(allocations(&cell, 3, true)[1..], [0; 3]);
}

/// Layers of all kinds in each other: the lists of what lies between them are on the stack, and masks, merged outputs and
/// gradients in the workspace.
#[test]
fn layers_allocate_in_their_first_step_only() {
    let lstm = zoo::LSTM.read().expect("reads");
    let options = CompileOptions::default();
    let cell = |x, h| -> Shared<f32> {
        Arc::new(CompiledCell::<f32>::new(&lstm, &[("x", x), ("h", h)], options).expect("compiles"))
    };
    let choice = |kind| Regularizer { kind, target: None, rate: 0.25, drawn: Drawn::EachStep };
    let kinds = [Kind::Dropout, Kind::RecurrentDropout, Kind::Zoneout, Kind::DropConnect];
    let choices = kinds.map(choice);
    let masked =
        RegularizedCell::<f32>::new(&lstm, &[("x", 8), ("h", 8)], options, &choices, 1).expect("compiles");
    let both = Bidirectional::new(cell(5, 4), cell(5, 4), Merge::Concatenate).expect("fits");
    let layers: Vec<Shared<f32>> = vec![
        Arc::new(both),
        Arc::new(Residual::new(Arc::new(masked)).expect("fits")),
        Arc::new(Bidirectional::new(cell(8, 6), cell(8, 6), Merge::Product).expect("fits")),
    ];
    let model = Stack::new(layers).expect("fits");
    let layout = model.layout();
    for (batch, ragged) in [(1, false), (3, true), (40, false)] {
        let steps = 7;
        let numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|at| (at as f32 * 0.7).sin() * 0.5).collect() };
        let port = |size: usize| numbers(steps * batch * size);
        let (input, parameters) = (port(5), numbers(layout.parameters.length()));
        let (mut found, mut input_gradient) = (port(6), port(5));
        let (output, mut gradients) = (found.clone(), parameters.clone());
        let states: Vec<Vec<f32>> = layout.states.iter().map(|port| numbers(batch * port.size)).collect();
        let states: Vec<&[f32]> = states.iter().map(Vec::as_slice).collect();
        let lengths: Vec<usize> = (0..if ragged { batch } else { 0 }).map(|sample| 2 * sample + 1).collect();
        let resets: Vec<bool> = (0..if ragged { steps * batch } else { 0 }).map(|at| at == 8).collect();
        let mut workspace = Workspace::default();
        for keep in [Keep::Tape, Keep::Checkpoints { bytes: usize::MAX }] {
            let counted: [usize; 4] = std::array::from_fn(|_| {
                let before = CALLS.get();
                let call = Forward {
                    steps,
                    batch,
                    sequences: Sequences { lengths: &lengths, resets: &resets, ..Sequences::default() },
                    parameters: &parameters,
                    inputs: &[&input],
                    initial_states: &states,
                    outputs: &mut [&mut found],
                    final_states: &mut [],
                };
                model.forward(call, keep, &mut workspace).expect("runs");
                let call = Backward {
                    parameters: &parameters,
                    inputs: &[&input],
                    output_gradients: &[&output],
                    final_state_gradients: &states,
                    parameter_gradients: &mut gradients,
                    input_gradients: &mut [&mut input_gradient],
                    initial_state_gradients: &mut [],
                };
                model.backward(call, &mut workspace).expect("runs");
                CALLS.get() - before
            });
            let [first, rest @ ..] = counted;
            assert!(first > 0 || keep != Keep::Tape, "nothing was counted");
            assert_eq!(rest, [0; 3], "{batch} samples, ragged {ragged}, {keep:?}");
        }
    }
}
