//! Golden data: cells of articles and papers, with results of an independent implementation in f64 and its automatic
//! differentiation. Each runs with both back ends in both precisions.

use std::collections::BTreeMap;

use gatewright::{Backend, CompileOptions, CompiledCell, Element};
use gatewright_compiler::resolve::{CyclePolicy, Options, resolve};
use gatewright_compiler::shape::Shape;
use gatewright_compiler::source::{Syntax, parse};
use gatewright_tests::{StepArguments, relative_error, training_step};
use safetensors::SafeTensors;

macro_rules! golden {
    ($($name:literal),* $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("golden/", $name, ".tex")),
            include_bytes!(concat!("golden/", $name, ".safetensors")).as_slice(),
        )),*]
    };
}

/// All but `seed004_lstm_fixed_point`: solving a step by iteration is refused with its own error.
const GOLDEN: &[(&str, &str, &[u8])] = golden![
    "cifg",
    "cornn",
    "elman",
    "fast_grnn",
    "gru_reset_after",
    "indrnn",
    "janet",
    "lstm_layer_norm",
    "lstm_peephole",
    "lstm_projected",
    "mgu",
    "min_gru",
    "mut1",
    "mut3",
    "ran",
    "seed000_gru",
    "seed000_lstm",
    "seed001_gru3",
    "seed002_gru",
    "seed002_lstm",
    "seed003_gru",
    "seed003_lstm",
    "seed004_gru",
    "seed004_lstm_previous",
    "seed004_rnn",
    "slstm",
    "ugrnn",
];

/// The tensors of a file: name to shape and values.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

fn tensors(bytes: &[u8]) -> Tensors {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.iter()
        .map(|(name, view)| {
            let values =
                view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            (name.to_owned(), (view.shape().to_vec(), values))
        })
        .collect()
}

fn check<T: Element>(backend: Backend, tolerance: f64) {
    let mut failures = Vec::new();
    for &(name, text, bytes) in GOLDEN {
        let parsed = parse(text, Syntax::Latex, None);
        let cycle = if name.ends_with("previous") { CyclePolicy::Previous } else { CyclePolicy::Reject };
        let cell = match resolve(&parsed.document, &Options { cycle }) {
            Ok(cell) => cell,
            Err(findings) => {
                failures.push(format!("{name}: {findings:?}"));
                continue;
            }
        };
        let tensors = tensors(bytes);
        // Every free dimension is the whole size of some port.
        let mut sizes: Vec<(&str, usize)> = Vec::new();
        let ports = cell
            .inputs
            .iter()
            .map(|variable| (format!("input.{}", variable.name), &variable.shape))
            .chain(
                cell.states
                    .iter()
                    .map(|state| (format!("state.{}", state.variable.name), &state.variable.shape)),
            )
            .chain(
                cell.parameters.iter().map(|variable| (format!("param.{}", variable.name), &variable.shape)),
            );
        for (key, shape) in ports {
            let (axes, _) = &tensors[&key];
            if let Shape::Vector(n) | Shape::Matrix(n, _) = shape
                && let ([(id, 1)], 0) = (n.terms(), n.constant_part())
            {
                let size = if matches!(shape, Shape::Matrix(..)) { axes[0] } else { axes[axes.len() - 1] };
                let dimension = cell.dimensions[id.0 as usize].as_str();
                if !sizes.iter().any(|known| known.0 == dimension) {
                    sizes.push((dimension, size));
                }
            }
        }
        let compiled = CompiledCell::<T>::new(&cell, &sizes, CompileOptions { backend, threads: 1 }).unwrap();
        let arrays = |kind: &str, names: Vec<&str>| -> Vec<Vec<T>> {
            let keys = names.into_iter().map(|name| format!("{kind}.{name}"));
            keys.map(|key| tensors[&key].1.iter().map(|&value| T::from_f64(value)).collect()).collect()
        };
        let inputs: Vec<&str> = cell.inputs.iter().map(|input| input.name.as_str()).collect();
        let states: Vec<&str> = cell.states.iter().map(|state| state.variable.name.as_str()).collect();
        let arguments = StepArguments {
            steps: tensors[&format!("input.{}", inputs[0])].0[0],
            batch: tensors[&format!("input.{}", inputs[0])].0[1],
            inputs: arrays("input", inputs),
            states: arrays("state", states.clone()),
            parameters: arrays(
                "param",
                cell.parameters.iter().map(|parameter| parameter.name.as_str()).collect(),
            ),
            output_gradients: arrays(
                "grad_output",
                cell.outputs.iter().map(|output| output.name.as_str()).collect(),
            ),
            final_gradients: arrays("grad_final", states),
        };
        let found: BTreeMap<String, Vec<T>> = training_step(&compiled, &arguments).into_iter().collect();
        let given = ["input.", "state.", "param.", "grad_output.", "grad_final."];
        for (key, (_, expected)) in &tensors {
            if given.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            let expected: Vec<T> = expected.iter().map(|&value| T::from_f64(value)).collect();
            let error = found.get(key).map_or(f64::INFINITY, |found| relative_error(found, &expected));
            // Not `error > tolerance`: NaN fails.
            if !matches!(error.partial_cmp(&tolerance), Some(std::cmp::Ordering::Less)) {
                failures.push(format!("{name}: {key} differs by {error:.1e}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn interpreter_f64() {
    check::<f64>(Backend::Interpreter, 1e-9);
}

#[test]
fn interpreter_f32() {
    check::<f32>(Backend::Interpreter, 2e-5);
}

#[test]
fn machine_code_f64() {
    check::<f64>(Backend::Jit, 1e-9);
}

#[test]
fn machine_code_f32() {
    check::<f32>(Backend::Jit, 2e-5);
}
