//! Gradients of compiled cells against central differences in f64, along random directions through all arguments at
//! once, and along each argument alone.

use gatewright::sequence::SequenceCell;
use gatewright::{Backend, CompileOptions, CompiledCell};
use gatewright_tests::golden::{GOLDEN, arguments, compile};
use gatewright_tests::{Numbers, StepArguments, training_step};

/// The loss whose gradients by outputs and final states are those in the arguments: linear in both.
fn loss(cell: &CompiledCell<f64>, arguments: &StepArguments<f64>) -> f64 {
    let results = training_step(cell, arguments);
    let slopes = arguments.output_gradients.iter().chain(&arguments.final_gradients);
    results
        .iter()
        .zip(slopes)
        .map(|((_, values), slopes)| {
            values.iter().zip(slopes).map(|(value, slope)| value * slope).sum::<f64>()
        })
        .sum()
}

/// The arguments that gradients are taken by, in the order of the results of [`training_step`].
fn variables(arguments: &mut StepArguments<f64>) -> impl Iterator<Item = &mut Vec<f64>> {
    arguments.inputs.iter_mut().chain(&mut arguments.states).chain(&mut arguments.parameters)
}

/// Compares the gradients of a cell with central differences at a point.
pub(crate) fn assert_gradients(name: &str, compiled: &CompiledCell<f64>, arguments: StepArguments<f64>) {
    assert_slopes(name, compiled, arguments, |arguments| loss(compiled, arguments));
}

/// As [`assert_gradients`] for a cell that rounds: the differences are those of its stand-in without jumps.
pub(crate) fn assert_gradients_through(
    name: &str,
    compiled: &CompiledCell<f64>,
    distances: &CompiledCell<f64>,
    smooth: &CompiledCell<f64>,
    arguments: StepArguments<f64>,
) {
    let mut measured = arguments.clone();
    let rows = arguments.steps * arguments.batch;
    let further = &distances.layout().outputs[compiled.layout().outputs.len()..];
    measured.output_gradients.extend(further.iter().map(|port| vec![0.0; rows * port.size]));
    let moved: Vec<Vec<f64>> = training_step(distances, &measured)
        .into_iter()
        .filter(|(name, _)| name.starts_with("output.rounding"))
        .map(|(_, values)| values)
        .collect();
    assert!(moved.iter().flatten().any(|distance| *distance != 0.0), "{name} rounds nothing");
    assert_slopes(name, compiled, arguments, |arguments| {
        let mut arguments = arguments.clone();
        arguments.inputs.extend(moved.iter().cloned());
        loss(smooth, &arguments)
    });
}

/// Compares the gradients of a cell with central differences of a loss at a point.
fn assert_slopes(
    name: &str,
    compiled: &CompiledCell<f64>,
    mut arguments: StepArguments<f64>,
    loss: impl Fn(&StepArguments<f64>) -> f64,
) {
    let step = 1e-6;
    let gradients: Vec<(String, Vec<f64>)> = training_step(compiled, &arguments)
        .into_iter()
        .filter(|(name, _)| name.starts_with("grad."))
        .collect();
    let count = variables(&mut arguments).count();
    assert_eq!(gradients.len(), count, "{name}");
    let mut numbers = Numbers::new(11);
    // `chosen` is the only argument that moves; none: all of them.
    for chosen in (0..count).map(Some).chain([None]) {
        let directions: Vec<Vec<f64>> = gradients
            .iter()
            .enumerate()
            .map(|(index, (_, gradient))| {
                let frozen = gradients[index].0.strip_prefix("grad.param.").is_some_and(|name| {
                    compiled.layout().parameters.entry(name).is_some_and(|entry| entry.frozen)
                });
                let moves = chosen.is_none_or(|chosen| chosen == index) && !frozen;
                gradient.iter().map(|_| if moves { numbers.next() } else { 0.0 }).collect()
            })
            .collect();
        let at = |factor: f64| {
            let mut moved = arguments.clone();
            for (values, direction) in variables(&mut moved).zip(&directions) {
                for (value, along) in values.iter_mut().zip(direction) {
                    *value += factor * along;
                }
            }
            loss(&moved)
        };
        let difference = (at(step) - at(-step)) / (2.0 * step);
        let derived: f64 = gradients
            .iter()
            .zip(&directions)
            .map(|((_, gradient), direction)| gradient.iter().zip(direction).map(|(g, d)| g * d).sum::<f64>())
            .sum();
        let what = chosen.map_or("everything", |chosen| gradients[chosen].0.as_str());
        let error = (difference - derived).abs() / derived.abs().max(0.1);
        assert!(error < 1e-6, "{name} along {what}: derived {derived}, central difference {difference}");
    }
}

#[test]
fn derived_gradients_equal_central_differences() {
    for golden in GOLDEN {
        let cell = golden.cell().unwrap();
        let tensors = golden.tensors();
        for backend in [Backend::Jit, Backend::Interpreter] {
            let compiled =
                compile::<f64>(&cell, &tensors, CompileOptions { backend, ..CompileOptions::default() });
            assert_gradients(golden.name, &compiled, arguments::<f64>(&cell, &tensors));
        }
    }
}
