//! Sequences in parts: their states go on, their gradients do not.

use gatewright::carried::{Carried, part_length};
use gatewright::error::CallError;
use gatewright::layer::{Bidirectional, Merge};
use gatewright::sequence::{Direction, Forward, Keep, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompiledCell};
use gatewright_tests::{slices, slices_mut};

use crate::call::{CELLS, Call, compile};

const STEPS: usize = 10;
const PART: usize = 4;

/// The steps of a call from `first` on, begun with `states`.
fn part(call: &Call<f64>, first: usize, states: Vec<Vec<f64>>) -> Call<f64> {
    let steps = PART.min(call.steps - first);
    let cut = |arrays: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let of = |array: &Vec<f64>| {
            let row = array.len() / call.steps;
            array[first * row..(first + steps) * row].to_vec()
        };
        arrays.iter().map(of).collect()
    };
    Call {
        steps,
        lengths: call.lengths.iter().map(|&length| part_length(length, first, steps)).collect(),
        resets: call.resets[first * call.batch..(first + steps) * call.batch].to_vec(),
        inputs: cut(&call.inputs),
        states,
        output_gradients: cut(&call.output_gradients),
        // The gradient stops at the border.
        final_gradients: call.final_gradients.iter().map(|state| vec![0.0; state.len()]).collect(),
        ..call.clone()
    }
}

fn carry(
    carried: &mut Carried<f64>,
    cell: &dyn SequenceCell<f64>,
    call: &Call<f64>,
    sequences: Sequences<'_>,
    finals: &mut [Vec<f64>],
) -> Result<Vec<Vec<f64>>, CallError> {
    let layout = cell.layout();
    let rows = call.steps * call.batch;
    let mut outputs: Vec<Vec<f64>> = layout.outputs.iter().map(|port| vec![7.0; rows * port.size]).collect();
    let call = Forward {
        steps: call.steps,
        batch: call.batch,
        sequences,
        parameters: &call.parameters,
        inputs: &slices(&call.inputs),
        initial_states: &slices(&call.states),
        outputs: &mut slices_mut(&mut outputs),
        final_states: &mut slices_mut(finals),
    };
    carried.forward(cell, call, Keep::Tape, &mut Workspace::default()).map(|()| outputs)
}

#[test]
fn parts_go_on_where_the_last_one_ended() {
    for (name, text, cycle) in CELLS {
        let cell = compile::<f64>(text, cycle, Backend::Jit, 1);
        let mut whole = Call::random(&cell, STEPS, 5, 3);
        whole.lengths = vec![10, 3, 0, 8, 5];
        whole.resets = (0..STEPS * 5).map(|at| at % 13 == 4).collect();
        whole.poison();
        let expected = whole.forward(&cell, Keep::Tape, &mut Workspace::default()).expect("runs");
        let layout = cell.layout();
        let mut carried = Carried::new(layout, 5).expect("states");
        assert_eq!(carried.states(), None);
        let mut outputs = vec![Vec::new(); layout.outputs.len()];
        for first in (0..STEPS).step_by(PART) {
            let states = if first == 0 { whole.states.clone() } else { Vec::new() };
            let part = part(&whole, first, states);
            let found = carry(&mut carried, &cell, &part, part.sequences(), &mut []).expect("runs");
            outputs.iter_mut().zip(found).for_each(|(all, one)| all.extend(one));
        }
        assert_eq!(outputs, expected.outputs, "{name}");
        assert_eq!(carried.states(), Some(&expected.finals[..]), "{name}");
        carried.clear();
        assert_eq!(carried.states(), None);
    }
}

#[test]
fn a_gradient_stops_at_the_border_of_its_part() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f64>(text, cycle, Backend::Jit, 1);
    let mut whole = Call::random(&cell, 2 * PART, 2, 3);
    whole.resets = vec![false; 2 * PART * 2];
    let run = |call: &Call<f64>| call.run(&cell, Keep::Tape, &mut Workspace::default()).expect("runs");
    let first = run(&part(&whole, 0, whole.states.clone()));
    let second = run(&part(&whole, PART, first.finals.clone()));
    // A loss of the second part alone, over all steps: what crosses the border is what the second part alone gives for
    // its initial states.
    let mut of_second = whole.clone();
    let border = PART * 2 * 5;
    of_second.output_gradients[0][..border].fill(0.0);
    of_second.final_gradients.iter_mut().for_each(|state| state.fill(0.0));
    let crossing = run(&of_second);
    let mut first_alone = part(&whole, 0, whole.states.clone());
    first_alone.output_gradients[0].fill(0.0);
    first_alone.final_gradients = second.state_gradients.clone();
    let through = run(&first_alone);
    let mut difference: f64 = 0.0;
    for ((all, behind), before) in
        crossing.parameter_gradients.iter().zip(&second.parameter_gradients).zip(&through.parameter_gradients)
    {
        difference = difference.max((all - (behind + before)).abs());
    }
    assert!(difference < 1e-12, "{difference}");
    assert!(through.parameter_gradients.iter().any(|&value| value.abs() > 1e-4), "something would cross");
}

#[test]
fn what_a_part_cannot_have_is_refused() {
    let (_, text, cycle) = CELLS[0];
    let cell = compile::<f64>(text, cycle, Backend::Jit, 1);
    let layout = cell.layout();
    let mut carried = Carried::new(layout, 2).expect("states");
    let call = Call::random(&cell, 3, 2, 3);
    let reverse = Sequences { direction: Direction::Reverse, ..Sequences::default() };
    let refused = carry(&mut carried, &cell, &call, reverse, &mut []);
    assert!(matches!(refused, Err(CallError::Unsupported { .. })), "{refused:?}");
    let two = |cell: CompiledCell<f64>| {
        let cell = std::sync::Arc::new(cell);
        Bidirectional::new(cell.clone(), cell, Merge::Concatenate).expect("fits")
    };
    let both = two(compile::<f64>(text, cycle, Backend::Jit, 1));
    let begin = Call { states: Vec::new(), ..call.clone() };
    let mut halves = Carried::new(both.layout(), 2).expect("states");
    let refused = carry(&mut halves, &both, &begin, Sequences::default(), &mut []);
    assert!(matches!(refused, Err(CallError::Unsupported { .. })), "{refused:?}");
    let mut finals = [vec![0.0; 10], vec![0.0; 10]];
    let refused = carry(&mut carried, &cell, &call, Sequences::default(), &mut finals);
    assert_eq!(refused, Err(CallError::Count { what: "final state", expected: 0, found: 2 }));
    let other = Call::random(&cell, 3, 4, 3);
    let refused = carry(&mut carried, &cell, &other, Sequences::default(), &mut []);
    assert_eq!(refused, Err(CallError::Count { what: "sample", expected: 2, found: 4 }));
    assert_eq!(carried.states(), None);
    carry(&mut carried, &cell, &call, Sequences::default(), &mut []).expect("runs");
    let before = carried.clone();
    let refused = carry(&mut carried, &cell, &call, Sequences::default(), &mut []);
    assert!(matches!(refused, Err(CallError::Count { found: 2, .. })), "{refused:?}");
    assert_eq!(carried.states(), before.states());
}
