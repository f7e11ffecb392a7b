//! Weights of other frameworks: layers taken over compute what they computed there, go out and come back the same, and
//! what cannot be taken over is refused by name.
//!
//! The data beside, in `weights/`, were written by `weights/make.py` with the frameworks themselves.

mod files;
mod forward;
mod hostile;
mod round_trip;

use std::path::PathBuf;

use gatewright::CompileOptions;
use gatewright::parameters::{Conversion, read_tensors};
use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
use gatewright::weights::{Direction, Layer, Tensors};
use gatewright::workspace::Workspace;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("weights")
}

fn tensors(name: &str) -> Tensors<f32> {
    let path = folder().join(format!("{name}.safetensors"));
    read_tensors(&path, Conversion::Exact).expect("a file of the tests")
}

/// Names of all models, in order.
fn models() -> Vec<String> {
    let files = std::fs::read_dir(folder().join("onnx")).expect("a folder");
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut names: Vec<String> = files.map(|file| name(file.expect("a file").path())).collect();
    names.sort();
    names
}

fn model(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("onnx/{name}.onnx"))).expect("a file of the tests")
}

/// A sequence of rows for each sample: `[B][T][n]`.
type Rows = Vec<Vec<Vec<f32>>>;

/// What a layer gives: outputs, and final states for each sample.
struct Results {
    outputs: Rows,
    h: Vec<Vec<f32>>,
    c: Vec<Vec<f32>>,
}

/// Runs one direction of a layer on each sequence alone, from these states. Time is reversed here, where the layer says
/// so.
fn run(layer: &Layer<f32>, inputs: &Rows, h: Option<&[Vec<f32>]>, c: Option<&[Vec<f32>]>) -> Results {
    let cell = layer.compile(CompileOptions::default()).expect("a layer compiles");
    let parameters = layer.parameters(cell.parameter_layout()).expect("its parameters");
    let layout = cell.layout();
    let mut workspace = Workspace::default();
    let mut results = Results { outputs: vec![], h: vec![], c: vec![] };
    for (sample, rows) in inputs.iter().enumerate() {
        let steps = rows.len();
        let in_order = |rows: &mut Vec<Vec<f32>>| {
            if layer.direction == Direction::Reverse {
                rows.reverse();
            }
        };
        let mut rows = rows.clone();
        in_order(&mut rows);
        let input = rows.concat();
        let initial: Vec<Vec<f32>> = layout
            .states
            .iter()
            .map(|port| {
                let given = if port.name == "c" { c } else { h };
                given.map_or_else(|| vec![0.0; port.size], |given| given[sample].clone())
            })
            .collect();
        let mut finals: Vec<Vec<f32>> = layout.states.iter().map(|port| vec![7.0; port.size]).collect();
        let size = layout.outputs[0].size;
        let mut output = vec![7.0; steps * size];
        cell.forward(
            Forward {
                steps,
                batch: 1,
                sequences: Sequences::default(),
                parameters: parameters.values(),
                inputs: &[&input],
                initial_states: &gatewright_tests::slices(&initial),
                outputs: &mut [&mut output],
                final_states: &mut gatewright_tests::slices_mut(&mut finals),
            },
            Keep::Nothing,
            &mut workspace,
        )
        .expect("a run");
        let mut outputs: Vec<Vec<f32>> = output.chunks(size).map(<[f32]>::to_vec).collect();
        in_order(&mut outputs);
        results.outputs.push(outputs);
        for (port, last) in layout.states.iter().zip(finals) {
            if port.name == "c" { &mut results.c } else { &mut results.h }.push(last);
        }
    }
    results
}

/// Where they differ by more than `1e-5` of what is expected.
fn difference(found: &[f32], expected: &[f32]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} values, expected {}", found.len(), expected.len()));
    }
    let near = |(found, expected): (&f32, &f32)| (found - expected).abs() <= 1e-5 * expected.abs().max(1.0);
    let at = found.iter().zip(expected).position(|pair| !near(pair))?;
    Some(format!("value {at} is {}, expected {}", found[at], expected[at]))
}
