//! A training loop with a workspace allocates nothing after its first step.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
use gatewright::layer::{Bidirectional, Merge, RegularizedCell, Residual, Shared, Stack};
use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{CompileOptions, CompiledCell, Element, zoo};

/// The system's allocator, counting the calls of each thread.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
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

/// Allocations of a step of training, for the first step and the three after it.
fn allocations<T: Element>(name: &str, batch: usize) -> [usize; 4] {
    let entry = zoo::find(name).expect("a cell of the zoo");
    let cell = entry.read().expect("reads");
    let sizes: Vec<(&str, usize)> = cell.dimensions.iter().map(|name| (name.as_str(), 5)).collect();
    let cell = CompiledCell::<T>::new(&cell, &sizes, CompileOptions::default()).expect("compiles");
    let layout = cell.layout();
    let (steps, state) = (7, layout.states.len());
    let numbers = |count: usize| -> Vec<T> {
        (0..count).map(|at| T::from_f64((at as f64 * 0.7).sin() * 0.5)).collect()
    };
    let port = |size: usize| numbers(steps * batch * size);
    let [input, output] = [&layout.inputs, &layout.outputs].map(|ports| port(ports[0].size));
    let states: Vec<Vec<T>> = layout.states.iter().map(|port| numbers(batch * port.size)).collect();
    let states: Vec<&[T]> = states.iter().map(Vec::as_slice).collect();
    let parameters = numbers(layout.parameters.length());
    let (mut found, mut input_gradient) = (output.clone(), input.clone());
    let mut gradients = parameters.clone();
    let mut workspace = Workspace::default();
    assert_eq!((layout.inputs.len(), layout.outputs.len()), (1, 1), "{name}");
    std::array::from_fn(|_| {
        let before = CALLS.get();
        let call = Forward {
            steps,
            batch,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &[&input],
            initial_states: &states[..state],
            outputs: &mut [&mut found],
            final_states: &mut [],
        };
        cell.forward(call, Keep::Tape, &mut workspace).expect("runs");
        let call = Backward {
            parameters: &parameters,
            inputs: &[],
            output_gradients: &[&output],
            final_state_gradients: &states[..state],
            parameter_gradients: &mut gradients,
            input_gradients: &mut [&mut input_gradient],
            initial_state_gradients: &mut [],
        };
        cell.backward(call, &mut workspace).expect("runs");
        CALLS.get() - before
    })
}

/// The cells of the benchmarks. What is an expression of parameters alone (a weight that is normalised, a gain of layer
/// normalisation) is computed by the interpreter of graphs once in a run, and that allocates.
#[test]
fn a_training_loop_allocates_in_its_first_step_only() {
    for name in ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"] {
        // One block of rows, and several.
        for batch in [1, 40] {
            let [first, rest @ ..] = allocations::<f32>(name, batch);
            assert!(first > 0, "{name}: nothing was counted");
            assert_eq!(rest, [0; 3], "{name}, {batch} samples");
            assert_eq!(allocations::<f64>(name, batch)[1..], [0; 3], "{name}, {batch} samples, f64");
        }
    }
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
    // DropConnect makes an expression of parameters, which allocates as those of any cell do.
    let choices = [choice(Kind::Dropout), choice(Kind::RecurrentDropout), choice(Kind::Zoneout)];
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
