//! Golden data: cells of articles and papers, with results of an independent implementation in f64 and its automatic
//! differentiation.

use std::collections::BTreeMap;

use gatewright::{CompileOptions, CompiledCell, Element};
use gatewright_compiler::diagnostic::Diagnostic;
use gatewright_compiler::passes;
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options};
use gatewright_compiler::shape::Shape;
use gatewright_compiler::source::Syntax;
use safetensors::SafeTensors;

use crate::StepArguments;

macro_rules! golden {
    ($($name:literal),* $(,)?) => {
        &[$(Golden {
            name: $name,
            text: include_str!(concat!("../golden/", $name, ".tex")),
            bytes: include_bytes!(concat!("../golden/", $name, ".safetensors")).as_slice(),
        }),*]
    };
}

/// All of them.
pub const GOLDEN: &[Golden] = golden![
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
    "seed004_lstm_fixed_point",
    "seed004_lstm_previous",
    "seed004_rnn",
    "slstm",
    "ugrnn",
];

/// The tensors of a file: name to shape and values.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// One cell: its equations as LaTeX, and a safetensors file.
#[derive(Clone, Copy, Debug)]
pub struct Golden {
    /// Name of both files.
    pub name: &'static str,
    /// The equations.
    pub text: &'static str,
    bytes: &'static [u8],
}

impl Golden {
    /// Reads the equations.
    ///
    /// # Errors
    ///
    /// The findings.
    pub fn cell(&self) -> Result<Cell, Vec<Diagnostic>> {
        let cycle = match self.name {
            name if name.ends_with("previous") => CyclePolicy::Previous,
            name if name.ends_with("fixed_point") => CyclePolicy::FixedPoint,
            _ => CyclePolicy::Reject,
        };
        passes::read(self.text, Syntax::Latex, None, &Options { cycle, ..Options::default() })
    }

    /// What is given and what must come out.
    ///
    /// # Panics
    ///
    /// On a broken file.
    #[must_use]
    pub fn tensors(&self) -> Tensors {
        let file = SafeTensors::deserialize(self.bytes).expect("a golden file");
        file.iter()
            .map(|(name, view)| {
                let values = view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
                (name.to_owned(), (view.shape().to_vec(), values.collect()))
            })
            .collect()
    }
}

/// Sizes of the cell's dimensions, each read off a tensor that has it as its first axis.
#[must_use]
pub fn sizes<'a>(cell: &'a Cell, tensors: &Tensors) -> Vec<(&'a str, usize)> {
    let mut sizes: Vec<(&str, usize)> = Vec::new();
    let inputs = cell.inputs.iter().map(|variable| ("input", variable));
    let states = cell.states.iter().map(|state| ("state", &state.variable));
    let parameters = cell.parameters.iter().map(|variable| ("param", variable));
    for (kind, variable) in inputs.chain(states).chain(parameters) {
        let (axes, _) = &tensors[&format!("{kind}.{}", variable.name)];
        if let Shape::Vector(n) | Shape::Matrix(n, _) = &variable.shape
            && let ([(id, 1)], 0) = (n.terms(), n.constant_part())
        {
            let matrix = matches!(variable.shape, Shape::Matrix(..));
            let size = if matrix { axes[0] } else { axes[axes.len() - 1] };
            let dimension = cell.dimensions[id.0 as usize].as_str();
            if !sizes.iter().any(|known| known.0 == dimension) {
                sizes.push((dimension, size));
            }
        }
    }
    sizes
}

/// The arguments that a golden file gives.
#[must_use]
pub fn arguments<T: Element>(cell: &Cell, tensors: &Tensors) -> StepArguments<T> {
    let arrays = |kind: &str, names: &[&str]| -> Vec<Vec<T>> {
        let keys = names.iter().map(|name| format!("{kind}.{name}"));
        keys.map(|key| tensors[&key].1.iter().map(|&value| T::from_f64(value)).collect()).collect()
    };
    let inputs: Vec<&str> = cell.inputs.iter().map(|input| input.name.as_str()).collect();
    let states: Vec<&str> = cell.states.iter().map(|state| state.variable.name.as_str()).collect();
    let parameters: Vec<&str> = cell.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let outputs: Vec<&str> = cell.outputs.iter().map(|output| output.name.as_str()).collect();
    let (axes, _) = &tensors[&format!("input.{}", inputs[0])];
    StepArguments {
        steps: axes[0],
        batch: axes[1],
        inputs: arrays("input", &inputs),
        states: arrays("state", &states),
        parameters: arrays("param", &parameters),
        output_gradients: arrays("grad_output", &outputs),
        final_gradients: arrays("grad_final", &states),
    }
}

/// Compiles a golden cell for the sizes of its data.
///
/// # Panics
///
/// Where it does not compile.
#[must_use]
pub fn compile<T: Element>(cell: &Cell, tensors: &Tensors, options: CompileOptions) -> CompiledCell<T> {
    CompiledCell::new(cell, &sizes(cell, tensors), options).expect("a golden cell compiles")
}
