//! A forward and backward run with lengths, resets and a direction, and cells to run.

use gatewright::compiler::resolve::{CyclePolicy, Options};
use gatewright::compiler::source::Syntax;
use gatewright::error::CallError;
use gatewright::sequence::{Backward, Direction, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;
use gatewright::{Backend, CompileOptions, CompiledCell, Element, read_cell_with};
use gatewright_tests::{Numbers, slices, slices_mut};

/// Everything that is given to a run.
#[derive(Clone, Debug)]
pub(crate) struct Call<T> {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) lengths: Vec<usize>,
    pub(crate) resets: Vec<bool>,
    pub(crate) direction: Direction,
    pub(crate) parameters: Vec<T>,
    pub(crate) inputs: Vec<Vec<T>>,
    pub(crate) states: Vec<Vec<T>>,
    pub(crate) output_gradients: Vec<Vec<T>>,
    pub(crate) final_gradients: Vec<Vec<T>>,
}

/// Everything that comes out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Results<T> {
    pub(crate) outputs: Vec<Vec<T>>,
    pub(crate) finals: Vec<Vec<T>>,
    pub(crate) input_gradients: Vec<Vec<T>>,
    pub(crate) state_gradients: Vec<Vec<T>>,
    pub(crate) parameter_gradients: Vec<T>,
}

impl<T: Element> Call<T> {
    /// Random numbers for a cell; all steps of all samples. Some states are given, some not.
    pub(crate) fn random(cell: &CompiledCell<T>, steps: usize, batch: usize, seed: u64) -> Self {
        let layout = cell.layout();
        let mut numbers = Numbers::new(seed);
        let mut fill =
            |count: usize| (0..count).map(|_| T::from_f64(numbers.next() / 2.0)).collect::<Vec<T>>();
        let mut arrays = |ports: &[Port], rows: usize| -> Vec<Vec<T>> {
            ports.iter().map(|port| fill(rows * port.size)).collect()
        };
        let inputs = arrays(&layout.inputs, steps * batch);
        let mut states = arrays(&layout.states, batch);
        let output_gradients = arrays(&layout.outputs, steps * batch);
        let final_gradients = arrays(&layout.states, batch);
        let parameters = fill(layout.parameters.length());
        for state in states.iter_mut().skip(1).step_by(2) {
            state.clear();
        }
        let (lengths, resets, direction) = (Vec::new(), Vec::new(), Direction::Forward);
        Self {
            steps,
            batch,
            lengths,
            resets,
            direction,
            parameters,
            inputs,
            states,
            output_gradients,
            final_gradients,
        }
    }

    pub(crate) fn sequences(&self) -> Sequences<'_> {
        Sequences { lengths: &self.lengths, resets: &self.resets, direction: self.direction }
    }

    pub(crate) fn length(&self, sample: usize) -> usize {
        self.lengths.get(sample).copied().unwrap_or(self.steps)
    }

    /// Writes NaN wherever a sample has ended.
    pub(crate) fn poison(&mut self) {
        let (steps, batch) = (self.steps, self.batch);
        for sequence in self.inputs.iter_mut().chain(&mut self.output_gradients) {
            let size = sequence.len() / (steps * batch).max(1);
            for sample in 0..batch {
                for step in self.lengths.get(sample).copied().unwrap_or(steps)..steps {
                    let at = (step * batch + sample) * size;
                    sequence[at..at + size].fill(T::from_f64(f64::NAN));
                }
            }
        }
    }

    pub(crate) fn forward(
        &self,
        cell: &CompiledCell<T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<Results<T>, CallError> {
        let layout = cell.layout();
        // Something other than zero, so that what is not written is seen.
        let filled = |ports: &[Port], rows: usize| -> Vec<Vec<T>> {
            ports.iter().map(|port| vec![T::from_f64(7.0); rows * port.size]).collect()
        };
        let mut outputs = filled(&layout.outputs, self.steps * self.batch);
        let mut finals = filled(&layout.states, self.batch);
        cell.forward(
            Forward {
                steps: self.steps,
                batch: self.batch,
                sequences: self.sequences(),
                parameters: &self.parameters,
                inputs: &slices(&self.inputs),
                initial_states: &slices(&self.states),
                outputs: &mut slices_mut(&mut outputs),
                final_states: &mut slices_mut(&mut finals),
            },
            keep,
            workspace,
        )?;
        Ok(Results {
            outputs,
            finals,
            input_gradients: filled(&layout.inputs, self.steps * self.batch),
            state_gradients: filled(&layout.states, self.batch),
            parameter_gradients: vec![T::from_f64(7.0); layout.parameters.length()],
        })
    }

    pub(crate) fn run(
        &self,
        cell: &CompiledCell<T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<Results<T>, CallError> {
        let mut results = self.forward(cell, keep, workspace)?;
        cell.backward(
            Backward {
                parameters: &self.parameters,
                inputs: &slices(&self.inputs),
                output_gradients: &slices(&self.output_gradients),
                final_state_gradients: &slices(&self.final_gradients),
                parameter_gradients: &mut results.parameter_gradients,
                input_gradients: &mut slices_mut(&mut results.input_gradients),
                initial_state_gradients: &mut slices_mut(&mut results.state_gradients),
            },
            workspace,
        )?;
        Ok(results)
    }
}

/// Cells in which something crosses time, or a step, in its own way.
pub(crate) const CELLS: [(&str, &str, CyclePolicy); 9] = [
    (
        "lstm",
        "i_t = sigmoid(W_i [h_{t-1}, x_t] + b_i)\nf_t = sigmoid(W_f [h_{t-1}, x_t] + b_f)\n\
         o_t = sigmoid(W_o [h_{t-1}, x_t] + b_o)\nc_t = f_t * c_{t-1} + i_t * tanh(W_c [h_{t-1}, x_t] + b_c)\n\
         h_t = o_t * tanh(c_t)",
        CyclePolicy::Reject,
    ),
    (
        "a read-out behind the loop, and weights that are used twice",
        "r_t = sigmoid(W x_t + U h_{t-1})\nz_t = sigmoid(W x_t + U h_{t-1} + b)\n\
         h_t = (1 - z_t) * h_{t-1} + z_t * tanh(V (r_t * h_{t-1}) + W x_t)\ny_t = V h_t + U r_t",
        CyclePolicy::Reject,
    ),
    ("lags", "h_t = tanh(W x_t + V x_{t-2} + U h_{t-1} + R h_{t-3})", CyclePolicy::Reject),
    (
        "initial states that are parameters",
        "h_t = tanh(W x_t + U h_{t-1} + c_{t-1})\nc_t = c_{t-1} * h_t\nh_0 = 3 s\nc_0 = s",
        CyclePolicy::Reject,
    ),
    (
        "a state that is a matrix",
        "k_t = tanh(W x_t)\nf_t = mean(sigmoid(V x_t))\nC_t = f_t C_{t-1} + k_t k_t^T\nh_t = C_t tanh(Q x_t)",
        CyclePolicy::Reject,
    ),
    (
        "expressions of parameters",
        "h_t = h_{t-1} + e tanh((W - W^T) h_{t-1} + V x_t + b)",
        CyclePolicy::Reject,
    ),
    ("no state", "y_t = tanh(W x_t + b)", CyclePolicy::Reject),
    ("a cycle that is solved", "h_t = tanh(W x_t + 0.1 * tanh(U h_t) + V h_{t-1})", CyclePolicy::FixedPoint),
    (
        "a cycle of the step before",
        "i_t = sigmoid(W x_t + U o_t)\no_t = sigmoid(V x_t + R i_t)\nh_t = o_t * h_{t-1} + i_t * x_t",
        CyclePolicy::Previous,
    ),
];

pub(crate) fn compile<T: Element>(
    text: &str,
    cycle: CyclePolicy,
    backend: Backend,
    threads: usize,
) -> CompiledCell<T> {
    let options = Options { cycle, ..Options::default() };
    let cell = read_cell_with(text, Syntax::Text, &options).unwrap_or_else(|error| panic!("{text}: {error}"));
    let sizes: Vec<(&str, usize)> =
        cell.dimensions.iter().map(|name| (name.as_str(), if name == "x" { 3 } else { 5 })).collect();
    let options = CompileOptions { backend, threads, ..CompileOptions::default() };
    CompiledCell::new(&cell, &sizes, options).unwrap_or_else(|error| panic!("{text}: {error}"))
}
