//! Cells of one input and one output, interpreted, and training runs of theirs.

use crate::error::CallError;
use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
use crate::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
use crate::workspace::Workspace;
use crate::zoo;

/// A cell of the zoo, whose element loops are interpreted.
pub(in crate::execute) fn interpreted(
    name: &str,
    sizes: &[(&str, usize)],
    threads: usize,
) -> CompiledCell<f32> {
    let cell = zoo::find(name).expect("a cell").read().expect("reads");
    let options = CompileOptions { backend: Backend::Interpreter, threads, ..CompileOptions::default() };
    CompiledCell::new(&cell, sizes, options).expect("compiles")
}

/// What a training run reads and writes.
pub(in crate::execute) struct Training<'c> {
    cell: &'c CompiledCell<f32>,
    steps: usize,
    batch: usize,
    parameters: Vec<f32>,
    pub(in crate::execute) input: Vec<f32>,
    by_output: Vec<f32>,
    pub(in crate::execute) output: Vec<f32>,
    by_input: Vec<f32>,
    /// By all parameters.
    pub(in crate::execute) gradient: Vec<f32>,
}

impl<'c> Training<'c> {
    pub(in crate::execute) fn new(cell: &'c CompiledCell<f32>, steps: usize, batch: usize) -> Self {
        let numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|at| (at as f32 * 0.7).sin() * 0.5).collect() };
        let (layout, rows) = (cell.layout(), steps * batch);
        let parameters = numbers(layout.parameters.length());
        let (input, output) = (numbers(rows * layout.inputs[0].size), numbers(rows * layout.outputs[0].size));
        let (by_output, by_input, gradient) = (output.clone(), input.clone(), parameters.clone());
        Self { cell, steps, batch, parameters, input, by_output, output, by_input, gradient }
    }

    pub(in crate::execute) fn forward(
        &mut self,
        keep: Keep,
        workspace: &mut Workspace<f32>,
    ) -> Result<(), CallError> {
        let call = Forward {
            steps: self.steps,
            batch: self.batch,
            sequences: Sequences::default(),
            parameters: &self.parameters,
            inputs: &[&self.input],
            initial_states: &[],
            outputs: &mut [&mut self.output],
            final_states: &mut [],
        };
        self.cell.forward(call, keep, workspace)
    }

    pub(in crate::execute) fn backward(&mut self, workspace: &mut Workspace<f32>) {
        let call = Backward {
            parameters: &self.parameters,
            inputs: &[&self.input],
            output_gradients: &[&self.by_output],
            final_state_gradients: &[],
            parameter_gradients: &mut self.gradient,
            input_gradients: &mut [&mut self.by_input],
            initial_state_gradients: &mut [],
        };
        self.cell.backward(call, workspace).expect("runs");
    }
}
