//! A forward and backward run of any cell or layer, with lengths, resets and a direction.

use gatewright::Element;
use gatewright::error::CallError;
use gatewright::sequence::{Backward, Direction, Forward, Keep, Port, SequenceCell, Sequences};
use gatewright::workspace::Workspace;

use crate::{Numbers, slices, slices_mut};

/// Everything that is given to a run.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// T.
    pub steps: usize,
    /// B.
    pub batch: usize,
    /// As in [`Sequences`].
    pub lengths: Vec<usize>,
    /// As in [`Sequences`].
    pub resets: Vec<bool>,
    /// As in [`Sequences`].
    pub direction: Direction,
    /// Flat.
    pub parameters: Vec<T>,
    /// `[T, B, n]` for each input.
    pub inputs: Vec<Vec<T>>,
    /// `[B, n]` for each state; empty where the equations say where it begins.
    pub states: Vec<Vec<T>>,
    /// `[T, B, n]` for each output.
    pub output_gradients: Vec<Vec<T>>,
    /// `[B, n]` for each state.
    pub final_gradients: Vec<Vec<T>>,
}

/// Everything that comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Results<T> {
    /// `[T, B, n]` for each output.
    pub outputs: Vec<Vec<T>>,
    /// `[B, n]` for each state.
    pub finals: Vec<Vec<T>>,
    /// `[T, B, n]` for each input.
    pub input_gradients: Vec<Vec<T>>,
    /// `[B, n]` for each state.
    pub state_gradients: Vec<Vec<T>>,
    /// Flat.
    pub parameter_gradients: Vec<T>,
}

impl<T: Element> Call<T> {
    /// Random numbers for a cell or layer; all steps of all samples. Some states are given, some not.
    #[must_use]
    pub fn random(cell: &dyn SequenceCell<T>, steps: usize, batch: usize, seed: u64) -> Self {
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

    /// Lengths, resets and direction.
    #[must_use]
    pub fn sequences(&self) -> Sequences<'_> {
        Sequences { lengths: &self.lengths, resets: &self.resets, direction: self.direction }
    }

    /// Steps of a sample.
    #[must_use]
    pub fn length(&self, sample: usize) -> usize {
        self.lengths.get(sample).copied().unwrap_or(self.steps)
    }

    /// Writes NaN wherever a sample has ended.
    pub fn poison(&mut self) {
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

    /// Runs forward; gradients are what nothing was written to.
    ///
    /// # Errors
    ///
    /// As the cell says.
    pub fn forward(
        &self,
        cell: &dyn SequenceCell<T>,
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

    /// Runs forward and backward.
    ///
    /// # Errors
    ///
    /// As the cell says.
    pub fn run(
        &self,
        cell: &dyn SequenceCell<T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<Results<T>, CallError> {
        let mut results = self.forward(cell, keep, workspace)?;
        self.backward(cell, workspace, &mut results)?;
        Ok(results)
    }

    /// Runs backward behind a forward run that gave these results.
    ///
    /// # Errors
    ///
    /// As the cell says.
    pub fn backward(
        &self,
        cell: &dyn SequenceCell<T>,
        workspace: &mut Workspace<T>,
        results: &mut Results<T>,
    ) -> Result<(), CallError> {
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
        )
    }
}
