//! Layers: what they give is what their parts give by hand, and their gradients are those of central differences.

use std::sync::Arc;

use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
use gatewright::compiler::source::Syntax;
use gatewright::error::CallError;
use gatewright::layer::{Bidirectional, LayerError, Merge, RegularizedCell, Residual, Shared, Stack};
use gatewright::sequence::{Backward, Direction, Keep, SequenceCell};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell, read_cell};
use gatewright_tests::call::{Call, Results};
use gatewright_tests::{Numbers, slices};

const ELMAN: &str = "h_t = tanh(W x_t + U h_{t-1} + b)";
const GRU: &str = "z_t = sigmoid(W_z x_t + U_z h_{t-1})\nr_t = sigmoid(W_r x_t + U_r h_{t-1})\n\
    g_t = tanh(W x_t + U (r_t * h_{t-1}))\nh_t = z_t * h_{t-1} + (1 - z_t) * g_t";

fn cell(text: &str, x: usize, h: usize) -> Shared<f64> {
    let cell = read_cell(text, Syntax::Text).expect("a cell");
    let options = CompileOptions::default();
    Arc::new(CompiledCell::<f64>::new(&cell, &[("x", x), ("h", h)], options).expect("compiles"))
}

/// A run and its gradients, of any layer, with all states given.
fn trial(layer: &dyn SequenceCell<f64>, steps: usize, batch: usize) -> Call<f64> {
    let mut call = Call::random(layer, steps, batch, 11);
    let mut numbers = Numbers::new(12);
    for (state, port) in call.states.iter_mut().zip(&layer.layout().states) {
        *state = (0..batch * port.size).map(|_| numbers.next()).collect();
    }
    call
}

/// Samples of several lengths, with resets.
fn ragged_trial(layer: &dyn SequenceCell<f64>) -> Call<f64> {
    let mut call = trial(layer, 5, 3);
    call.lengths = vec![3, 5, 0];
    call.resets = vec![false; 15];
    // Before step 1 of sample 0, before steps 2 and 3 of sample 1.
    for at in [3, 7, 10] {
        call.resets[at] = true;
    }
    call
}

/// A run that must come to its end.
trait Trial {
    fn forward_of(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> Results<f64>;
    fn run_of(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> Results<f64>;
    fn loss(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> f64;
    fn check(&self, layer: &dyn SequenceCell<f64>, keep: Keep, before: impl Fn());
}

impl Trial for Call<f64> {
    fn forward_of(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> Results<f64> {
        self.forward(layer, keep, &mut Workspace::default()).expect("forward")
    }

    fn run_of(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> Results<f64> {
        self.run(layer, keep, &mut Workspace::default()).expect("runs")
    }

    fn loss(&self, layer: &dyn SequenceCell<f64>, keep: Keep) -> f64 {
        let results = self.forward_of(layer, keep);
        let dot = |gradients: &[Vec<f64>], values: &[Vec<f64>]| -> f64 {
            gradients.iter().flatten().zip(values.iter().flatten()).map(|(one, two)| one * two).sum()
        };
        dot(&self.output_gradients, &results.outputs) + dot(&self.final_gradients, &results.finals)
    }

    /// Compares every gradient with a central difference; `before` is called before each run.
    fn check(&self, layer: &dyn SequenceCell<f64>, keep: Keep, before: impl Fn()) {
        before();
        let derived = self.run_of(layer, keep);
        type Group = fn(&mut Call<f64>) -> &mut [f64];
        let input: Group = |trial| &mut trial.inputs[0];
        let mut groups: Vec<(&str, Group, &[f64])> = vec![
            ("parameters", |trial| &mut trial.parameters, &derived.parameter_gradients),
            ("input", input, &derived.input_gradients[0]),
        ];
        if let Some(states) = derived.state_gradients.first() {
            groups.push(("first state", |trial| &mut trial.states[0], states));
        }
        if derived.state_gradients.len() > 1 {
            let last: Group = |trial| trial.states.last_mut().expect("a state");
            groups.push(("last state", last, derived.state_gradients.last().expect("a state")));
        }
        for (name, group, gradients) in groups {
            for (at, &gradient) in gradients.iter().enumerate() {
                let loss = |offset: f64| {
                    let mut moved = self.clone();
                    group(&mut moved)[at] += offset;
                    before();
                    moved.loss(layer, keep)
                };
                let difference = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                let error = (difference - gradient).abs() / (1.0 + gradient.abs());
                assert!(error < 1e-7, "{name}[{at}]: {gradient} against {difference}");
            }
        }
    }
}

#[test]
fn a_stack_is_layer_upon_layer() {
    let (lower, upper) = (cell(GRU, 3, 4), cell(ELMAN, 4, 2));
    let stack = Stack::new(vec![lower.clone(), upper.clone()]).expect("layers that fit");
    let names: Vec<&str> = stack.layout().parameters.entries().iter().map(|entry| &*entry.name).collect();
    assert_eq!(names, ["0.W_z", "0.U_z", "0.W_r", "0.U_r", "0.W", "0.U", "1.W", "1.U", "1.b"]);
    let states: Vec<&str> = stack.layout().states.iter().map(|port| &*port.name).collect();
    assert_eq!(states, ["0.h", "1.h"]);

    let trial = ragged_trial(&stack);
    let found = trial.run_of(&stack, Keep::Tape);
    // By hand: the lower, then the upper on what the lower gives; back again in the other order.
    let split = lower.layout().parameters.length();
    let mut below = Call { parameters: trial.parameters[..split].to_vec(), ..trial.clone() };
    below.states.truncate(1);
    below.final_gradients.truncate(1);
    let middle = below.forward_of(&*lower, Keep::Tape);
    let above = Call {
        parameters: trial.parameters[split..].to_vec(),
        inputs: middle.outputs,
        states: trial.states[1..].to_vec(),
        final_gradients: trial.final_gradients[1..].to_vec(),
        ..trial.clone()
    };
    let top = above.run_of(&*upper, Keep::Tape);
    below.output_gradients = top.input_gradients;
    let bottom = below.run_of(&*lower, Keep::Tape);
    assert_eq!(found.outputs, top.outputs);
    assert_eq!(found.finals, [bottom.finals, top.finals].concat());
    assert_eq!(found.parameter_gradients, [bottom.parameter_gradients, top.parameter_gradients].concat());
    assert_eq!(found.input_gradients, bottom.input_gradients);
    assert_eq!(found.state_gradients, [bottom.state_gradients, top.state_gradients].concat());
}

/// The backward layer over a sequence is the layer over the sequence turned round.
#[test]
fn the_backward_layer_sees_the_sequence_turned_round() {
    let layer = cell(ELMAN, 3, 2);
    let both = Bidirectional::new(layer.clone(), layer.clone(), Merge::Concatenate).expect("layers that fit");
    let trial = trial(&both, 4, 1);
    let found = trial.forward_of(&both, Keep::Nothing);
    let turned = |sequence: &[f64], size: usize| -> Vec<f64> {
        sequence.chunks(size).rev().flatten().copied().collect()
    };
    let split = layer.layout().parameters.length();
    let alone = |parameters: &[f64], input: Vec<f64>, state: usize| {
        let trial = Call {
            parameters: parameters.to_vec(),
            inputs: vec![input],
            states: vec![trial.states[state].clone()],
            ..trial.clone()
        };
        trial.forward_of(&*layer, Keep::Nothing)
    };
    let ahead = alone(&trial.parameters[..split], trial.inputs[0].clone(), 0);
    let back = alone(&trial.parameters[split..], turned(&trial.inputs[0], 3), 1);
    let back_outputs = turned(&back.outputs[0], 2);
    let expected: Vec<f64> =
        ahead.outputs[0].chunks(2).zip(back_outputs.chunks(2)).flat_map(|(f, b)| [f, b].concat()).collect();
    assert_eq!(found.outputs, [expected]);
    assert_eq!(found.finals, [ahead.finals, back.finals].concat());

    // The other merges, from the same parts.
    for (merge, combine) in [
        (Merge::Sum, (|f, b| f + b) as fn(f64, f64) -> f64),
        (Merge::Mean, |f, b| 0.5 * (f + b)),
        (Merge::Product, |f, b| f * b),
    ] {
        let both = Bidirectional::new(layer.clone(), layer.clone(), merge).expect("layers that fit");
        let found = trial.forward_of(&both, Keep::Nothing);
        let pairs = ahead.outputs[0].iter().zip(&back_outputs);
        assert_eq!(found.outputs, [pairs.map(|(&f, &b)| combine(f, b)).collect::<Vec<_>>()], "{merge:?}");
    }
}

#[test]
fn gradients_of_layers_are_central_differences() {
    for merge in [Merge::Concatenate, Merge::Sum, Merge::Mean, Merge::Product] {
        let size = if merge == Merge::Concatenate { 4 } else { 2 };
        let both = Bidirectional::new(cell(ELMAN, 3, 2), cell(GRU, 3, 2), merge).expect("layers that fit");
        let residual = Residual::new(cell(GRU, size, size)).expect("a layer that fits");
        let stack = Stack::new(vec![Arc::new(both), Arc::new(residual)]).expect("layers that fit");
        let mut trial = ragged_trial(&stack);
        trial.check(&stack, Keep::Tape, || ());
        trial.direction = Direction::Reverse;
        trial.check(&stack, Keep::Tape, || ());
        // What lies past the end of a sample is zero, and is not read.
        let before = trial.run_of(&stack, Keep::Tape);
        for (row, values) in before.outputs[0].chunks(size).enumerate() {
            assert!(row / 3 < trial.lengths[row % 3] || values.iter().all(|&value| value == 0.0));
        }
        for row in (0..15).filter(|row| row / 3 >= trial.lengths[row % 3]) {
            trial.inputs[0][row * 3..][..3].fill(f64::NAN);
            trial.output_gradients[0][row * size..][..size].fill(f64::NAN);
        }
        assert_eq!(trial.run_of(&stack, Keep::Tape), before);
    }
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    assert!(matches!(Stack::<f64>::new(Vec::new()), Err(LayerError::Empty)));
    let refused = Stack::new(vec![cell(ELMAN, 3, 4), cell(ELMAN, 3, 4)]).err().expect("refused");
    assert_eq!(
        refused.to_string(),
        "layer `0` gives `h` of 4, layer `1` takes `x` of 3: they must be as many, each of the same size"
    );
    assert!(Residual::new(cell(ELMAN, 3, 4)).is_err());
    assert!(Bidirectional::new(cell(ELMAN, 3, 4), cell(ELMAN, 3, 2), Merge::Sum).is_err());
    assert!(Bidirectional::new(cell(ELMAN, 3, 4), cell(ELMAN, 3, 2), Merge::Concatenate).is_ok());
    assert!(Bidirectional::new(cell(ELMAN, 3, 4), cell(ELMAN, 2, 4), Merge::Concatenate).is_err());
}

/// Also by a layer that does something with them before its parts see them; and a number of masks is not used up.
#[test]
fn sequences_that_do_not_fit_are_refused() {
    let masked = regularized(ELMAN, 1, Backend::default(), &[choice(Kind::Dropout, Drawn::EachStep)]);
    let masked = Arc::new(masked);
    let both = Bidirectional::new(cell(ELMAN, 3, 4), cell(ELMAN, 3, 4), Merge::Sum).expect("layers that fit");
    let layers: [Shared<f64>; 5] = [
        cell(ELMAN, 3, 4),
        masked.clone(),
        Arc::new(both),
        Arc::new(Residual::new(cell(ELMAN, 4, 4)).expect("a layer that fits")),
        Arc::new(Stack::new(vec![cell(ELMAN, 3, 4), cell(ELMAN, 4, 4)]).expect("layers that fit")),
    ];
    for layer in layers {
        for direction in [Direction::Forward, Direction::Reverse] {
            let refused = |lengths: &[usize], resets: usize| {
                let mut trial = Call { direction, ..trial(&*layer, 4, 2) };
                (trial.lengths, trial.resets) = (lengths.to_vec(), vec![true; resets]);
                trial.forward(&*layer, Keep::Tape, &mut Workspace::default()).expect_err("refused")
            };
            for flags in [1, 7, 9] {
                let error = refused(&[], flags);
                assert!(
                    matches!(error, CallError::Length { expected: 8, found, .. } if found == flags),
                    "{error}"
                );
            }
            assert_eq!(refused(&[5, 1], 8), CallError::Longer { sample: 0, length: 5, steps: 4 });
            let count = CallError::Count { what: "length", expected: 2, found: 3 };
            assert_eq!(refused(&[1, 1, 1], 0), count);
        }
    }
    assert_eq!(masked.next_draw(), 0);
}

#[test]
fn a_backward_run_without_a_forward_run_is_refused() {
    let stack = Stack::new(vec![cell(ELMAN, 3, 3), cell(ELMAN, 3, 3)]).expect("layers that fit");
    let trial = trial(&stack, 2, 2);
    let mut workspace = Workspace::default();
    for _ in 0..2 {
        let mut gradients = vec![0.0; trial.parameters.len()];
        let call = Backward {
            parameters: &trial.parameters,
            inputs: &slices(&trial.inputs),
            output_gradients: &[],
            final_state_gradients: &[],
            parameter_gradients: &mut gradients,
            input_gradients: &mut [],
            initial_state_gradients: &mut [],
        };
        assert!(stack.backward(call, &mut workspace).is_err());
        trial.forward(&stack, Keep::Nothing, &mut workspace).expect("forward");
    }
}

fn choice(kind: Kind, drawn: Drawn) -> Regularizer {
    Regularizer { kind, target: None, rate: 0.5, drawn }
}

fn regularized(
    text: &str,
    threads: usize,
    backend: Backend,
    choices: &[Regularizer],
) -> RegularizedCell<f64> {
    let cell = read_cell(text, Syntax::Text).expect("a cell");
    let options = CompileOptions { threads, backend, ..CompileOptions::default() };
    RegularizedCell::new(&cell, &[("x", 3), ("h", 4)], options, choices, 5).expect("compiles")
}

#[test]
fn masks_are_the_same_forward_and_backward() {
    for drawn in [Drawn::EachStep, Drawn::EachSequence] {
        for kind in [Kind::Dropout, Kind::RecurrentDropout, Kind::Zoneout, Kind::DropConnect] {
            let cell = regularized(GRU, 1, Backend::default(), &[choice(kind, drawn)]);
            ragged_trial(&cell).check(&cell, Keep::Tape, || cell.set_next_draw(3));
        }
    }
}

/// A run that keeps nothing has other inputs than the tape before it.
#[test]
fn there_is_no_way_back_behind_a_run_that_keeps_nothing() {
    let cell = regularized(GRU, 1, Backend::default(), &[choice(Kind::Dropout, Drawn::EachStep)]);
    let trial = trial(&cell, 5, 3);
    let mut workspace = Workspace::default();
    let mut gradients = vec![0.0; trial.parameters.len()];
    let mut backward = |workspace: &mut Workspace<f64>| {
        let call = Backward {
            parameters: &trial.parameters,
            inputs: &slices(&trial.inputs),
            output_gradients: &[],
            final_state_gradients: &[],
            parameter_gradients: &mut gradients,
            input_gradients: &mut [],
            initial_state_gradients: &mut [],
        };
        cell.backward(call, workspace)
    };
    trial.forward(&cell, Keep::Tape, &mut workspace).expect("forward");
    backward(&mut workspace).expect("a way back");
    trial.forward(&cell, Keep::Nothing, &mut workspace).expect("forward");
    assert_eq!(backward(&mut workspace), Err(CallError::NoTape));
}

/// Nor behind one that was refused, and nobody has written anything then.
#[test]
fn there_is_no_way_back_behind_a_run_that_was_refused() {
    let both = || Bidirectional::new(cell(ELMAN, 3, 3), cell(ELMAN, 3, 3), Merge::Sum).expect("fits");
    let stack = Stack::new(vec![cell(ELMAN, 3, 3), Arc::new(both())]).expect("fits");
    let residual = Residual::new(Arc::new(both())).expect("fits");
    let masked = regularized(GRU, 1, Backend::default(), &[choice(Kind::Dropout, Drawn::EachStep)]);
    let layers: [&dyn SequenceCell<f64>; 5] = [&*cell(ELMAN, 3, 3), &both(), &stack, &residual, &masked];
    for layer in layers {
        let trial = trial(layer, 5, 3);
        let longer = Call { lengths: vec![6; 3], ..trial.clone() };
        let narrower = Call { parameters: vec![0.5; 2], ..trial.clone() };
        for refused in [longer, narrower] {
            let mut workspace = Workspace::default();
            let _ = trial.run(layer, Keep::Tape, &mut workspace).expect("runs");
            assert!(refused.forward(layer, Keep::Tape, &mut workspace).is_err());
            let mut written = vec![7.0; trial.parameters.len()];
            let backward = Backward {
                parameters: &trial.parameters,
                inputs: &slices(&trial.inputs),
                output_gradients: &slices(&trial.output_gradients),
                final_state_gradients: &[],
                parameter_gradients: &mut written,
                input_gradients: &mut [],
                initial_state_gradients: &mut [],
            };
            assert_eq!(layer.backward(backward, &mut workspace), Err(CallError::NoTape));
            assert!(written.iter().all(|&gradient| gradient == 7.0));
        }
    }
}

#[test]
fn masks_depend_on_the_seed_and_the_run_alone() {
    let choices = [
        choice(Kind::Dropout, Drawn::EachStep),
        choice(Kind::RecurrentDropout, Drawn::EachSequence),
        choice(Kind::Zoneout, Drawn::EachStep),
        choice(Kind::DropConnect, Drawn::EachStep),
    ];
    let cell = regularized(GRU, 1, Backend::default(), &choices);
    let trial = trial(&cell, 5, 70);
    let first = trial.run_of(&cell, Keep::Tape);
    let second = trial.run_of(&cell, Keep::Tape);
    assert_ne!(first, second, "each run has masks of its own");
    assert_eq!(cell.next_draw(), 2);
    cell.set_next_draw(0);
    assert_eq!(trial.run_of(&cell, Keep::Tape), first);
    let threads = regularized(GRU, 2, Backend::default(), &choices);
    assert_eq!(trial.run_of(&threads, Keep::Tape), first);
    let interpreter = regularized(GRU, 1, Backend::Interpreter, &choices);
    assert_eq!(trial.run_of(&interpreter, Keep::Tape), first);
}

/// Off at inference: the cell without masks; zoneout is its expectation there.
#[test]
fn inference_draws_nothing() {
    let choices = [choice(Kind::Dropout, Drawn::EachStep), choice(Kind::DropConnect, Drawn::EachStep)];
    let with = regularized(ELMAN, 1, Backend::default(), &choices);
    let without = cell(ELMAN, 3, 4);
    let trial = ragged_trial(&*without);
    let mut workspace = Workspace::default();
    let expected = trial.forward(&*without, Keep::Nothing, &mut workspace).expect("forward");
    let found = trial.forward(&with, Keep::Nothing, &mut workspace).expect("forward");
    assert_eq!((found.outputs, found.finals), (expected.outputs, expected.finals));
    assert_eq!(with.next_draw(), 0);
}

/// What a mask lets through: `y_t = x_t` under dropout is the mask itself.
#[test]
fn masks_have_their_rate_and_their_time() {
    let ones = |drawn: Drawn| {
        let text = "h_t = a * h_{t-1} + x_t\ny_t = V x_t";
        let cell = read_cell(text, Syntax::Text).expect("a cell");
        let choices = [choice(Kind::Dropout, drawn)];
        let sizes = [("h", 8), ("y", 8)];
        let cell = RegularizedCell::<f64>::new(&cell, &sizes, CompileOptions::default(), &choices, 5)
            .expect("compiles");
        let mut trial = trial(&cell, 40, 25);
        trial.inputs[0].fill(1.0);
        trial.parameters.fill(0.0);
        let matrix = cell.layout().parameters.entry("V").expect("a parameter").offset;
        (0..8).for_each(|at| trial.parameters[matrix + at * 9] = 1.0);
        trial.forward_of(&cell, Keep::Tape).outputs.remove(0)
    };
    let each_step = ones(Drawn::EachStep);
    assert!(each_step.iter().all(|&value| value == 0.0 || value == 2.0));
    let share = each_step.iter().filter(|&&value| value == 0.0).count() as f64 / each_step.len() as f64;
    // Of 8,000 coins; six standard deviations are 0.034.
    assert!((share - 0.5).abs() < 0.034, "{share}");
    let row = 25 * 8;
    assert!(each_step.chunks(row).skip(1).any(|step| step != &each_step[..row]));
    let each_sequence = ones(Drawn::EachSequence);
    assert!(each_sequence.chunks(row).all(|step| step == &each_sequence[..row]));
    assert!(each_sequence[..row].chunks(8).any(|sample| sample != &each_sequence[..8]));
}

/// A stack in little memory gives the gradients of the whole tape.
#[test]
fn layers_go_through_checkpoints() {
    let both = Bidirectional::new(cell(ELMAN, 3, 2), cell(GRU, 3, 2), Merge::Product).expect("layers");
    let stack = Stack::new(vec![Arc::new(both), cell(ELMAN, 2, 2)]).expect("layers that fit");
    let mut trial = trial(&stack, 40, 2);
    trial.lengths = vec![40, 29];
    let expected = trial.run_of(&stack, Keep::Tape);
    assert_eq!(trial.run_of(&stack, Keep::Checkpoints { bytes: 1 << 20 }), expected);
}

/// A layer keeps to its budget, way back and all, whatever it is put together from; what is refused says what is enough.
#[test]
fn a_budget_of_bytes_holds_for_layers() {
    let dropped = regularized(GRU, 1, Backend::default(), &[choice(Kind::DropConnect, Drawn::EachSequence)]);
    let pair = |merge| Bidirectional::new(cell(ELMAN, 3, 4), cell(ELMAN, 3, 4), merge).expect("fits");
    let wide: Shared<f64> = Arc::new(pair(Merge::Concatenate));
    let layers: Vec<(&str, Shared<f64>)> = vec![
        ("two directions", wide.clone()),
        ("their product", Arc::new(pair(Merge::Product))),
        ("a stack", Arc::new(Stack::new(vec![wide, cell(ELMAN, 8, 4)]).expect("fits"))),
        ("with masks", Arc::new(dropped)),
        ("a cell", cell(GRU, 3, 4)),
    ];
    // One for all, which holds what others have left.
    let mut used = Workspace::default();
    for (name, layer) in layers {
        for ragged in [false, true] {
            let mut trial = trial(&*layer, 900, 3);
            if ragged {
                trial.lengths = vec![900, 0, 555];
                trial.resets = (0..2700).map(|at| at % 83 == 4).collect();
            }
            let what = format!("{name}, ragged {ragged}");
            let masked = name == "with masks";
            let mut workspace = Workspace::default();
            // Masks are drawn anew in each run, so that only what came out of one can be compared.
            let expected = (!masked).then(|| trial.run(&*layer, Keep::Tape, &mut workspace).expect("runs"));
            let whole = workspace.bytes();
            let mut bytes = 0;
            let mut tries = 0;
            let least = loop {
                let refused = trial.run(&*layer, Keep::Checkpoints { bytes }, &mut Workspace::default());
                match refused {
                    Ok(_) => break bytes,
                    Err(CallError::Budget { bytes: asked, minimum }) if asked == bytes && minimum > bytes => {
                        bytes = minimum;
                        tries += 1;
                    }
                    Err(other) => panic!("{what}: {other:?}"),
                }
            };
            // Once for each part that needs more than the others before it.
            assert!(tries <= 3, "{what}: {tries}");
            // What lies between layers has room for all steps of all samples, whenever they end; a tape has not.
            assert!(masked || ragged || least < whole, "{what}: {least} of {whole}");
            let longer = self::trial(&*layer, 1000, 4);
            let tries = [(least, Keep::Tape), (least + least / 3, Keep::Nothing), (2 * least, Keep::Nothing)];
            for (bytes, before) in tries {
                let _ = longer.forward(&*layer, before, &mut used).expect("runs");
                let found = trial.run(&*layer, Keep::Checkpoints { bytes }, &mut used).expect("runs");
                assert!(used.bytes() <= bytes, "{what}: {} of {bytes}", used.bytes());
                assert!(expected.as_ref().is_none_or(|expected| *expected == found), "{what}, {bytes} bytes");
            }
        }
    }
}
