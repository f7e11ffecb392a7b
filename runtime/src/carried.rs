//! Long sequences in parts: truncated back-propagation through time.
//!
//! A sequence of any length is run part by part, as with any [`SequenceCell`]; [`Carried`] holds the states between two
//! parts. They enter the next part as numbers: a gradient goes back to the beginning of its part and no further. Between
//! two parts the parameters may change.
//!
//! ```
//! use gatewright::carried::Carried;
//! use gatewright::sequence::{Backward, Forward, Keep, SequenceCell, Sequences};
//! use gatewright::workspace::Workspace;
//! use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};
//!
//! let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
//! let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
//! let mut parameters = vec![0.1; cell.parameter_layout().length()];
//! let (steps, batch, part) = (100, 2, 20);
//! let input = vec![1.0; steps * batch * 3];
//! let mut workspace = Workspace::default();
//! let mut carried = Carried::new(cell.layout(), batch)?;
//! for input in input.chunks(part * batch * 3) {
//!     let steps = input.len() / (batch * 3);
//!     let mut output = vec![0.0; steps * batch * 4];
//!     let call = Forward {
//!         steps,
//!         batch,
//!         sequences: Sequences::default(),
//!         parameters: &parameters,
//!         inputs: &[input],
//!         initial_states: &[], // carried
//!         outputs: &mut [&mut output],
//!         final_states: &mut [], // carried
//!     };
//!     carried.forward(&cell, call, Keep::Tape, &mut workspace)?;
//!     let mut gradient = vec![0.0; parameters.len()];
//!     let call = Backward {
//!         parameters: &parameters,
//!         inputs: &[input],
//!         output_gradients: &[&output], // of half the sum of squares
//!         final_state_gradients: &[],
//!         parameter_gradients: &mut gradient,
//!         input_gradients: &mut [],
//!         initial_state_gradients: &mut [],
//!     };
//!     cell.backward(call, &mut workspace)?;
//!     parameters.iter_mut().zip(&gradient).for_each(|(value, slope)| *value -= 1e-3 * slope);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A sample that has ended has no steps in later parts ([`part_length`]): its states stay as they are. Where a sample is
//! another one from some step on, a reset flag at that step says so.

use crate::Real;
use crate::error::CallError;
use crate::sequence::{CellLayout, Direction, Forward, Keep, SequenceCell};
use crate::workspace::Workspace;

/// The states of a batch between two parts of its sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried<T> {
    /// `[B, n]` of each state.
    states: Vec<Vec<T>>,
    /// Where the part that is being run ends, which may be given up.
    next: Vec<Vec<T>>,
    batch: usize,
    begun: bool,
}

impl<T: Real> Carried<T> {
    /// Before the first part.
    ///
    /// # Errors
    ///
    /// Sizes that overflow, no memory.
    pub fn new(layout: &CellLayout, batch: usize) -> Result<Self, CallError> {
        let mut states = Vec::with_capacity(layout.states.len());
        for port in &layout.states {
            let elements = port.size.checked_mul(batch).ok_or(CallError::TooLarge { steps: 1, batch })?;
            let mut state = Vec::new();
            state.try_reserve_exact(elements).map_err(|_| CallError::OutOfMemory { elements })?;
            state.resize(elements, T::from_f64(0.0));
            states.push(state);
        }
        Ok(Self { next: states.clone(), states, batch, begun: false })
    }

    /// Where the last part has ended, `[B, n]` of each state; `None` before the first.
    #[must_use]
    pub fn states(&self) -> Option<&[Vec<T>]> {
        self.begun.then_some(&self.states)
    }

    /// Begins anew: the next part is a first one.
    pub fn clear(&mut self) {
        self.begun = false;
    }

    /// Runs the next part of a cell forward, from where the last one has ended. The first part begins where `call` says.
    ///
    /// # Errors
    ///
    /// Those of the cell, and: another batch, initial states given for a later part, final states asked for ([they are
    /// carried](Carried::states)), or a direction that begins at the end, also that of one half of a layer. The states are
    /// then as they were.
    pub fn forward(
        &mut self,
        cell: &dyn SequenceCell<T>,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        if call.batch != self.batch {
            return Err(CallError::Count { what: "sample", expected: self.batch, found: call.batch });
        }
        if !call.final_states.is_empty() {
            return Err(CallError::Count {
                what: "final state",
                expected: 0,
                found: call.final_states.len(),
            });
        }
        if self.begun && !call.initial_states.is_empty() {
            let found = call.initial_states.len();
            return Err(CallError::Count { what: "initial state of a later part", expected: 0, found });
        }
        if call.sequences.direction == Direction::Reverse || !cell.is_causal() {
            return Err(CallError::Unsupported { what: "parts of a sequence that begins at its end" });
        }
        let carried: Vec<&[T]> = self.states.iter().map(Vec::as_slice).collect();
        let mut next: Vec<&mut [T]> = self.next.iter_mut().map(Vec::as_mut_slice).collect();
        let initial_states = if self.begun { &carried } else { call.initial_states };
        // Slices of shorter lives: where the states go is borrowed for this call only.
        let mut outputs: Vec<&mut [T]> = call.outputs.iter_mut().map(|output| &mut **output).collect();
        let Forward { steps, batch, sequences, parameters, inputs, .. } = call;
        let (outputs, final_states) = (&mut outputs[..], &mut next[..]);
        let call =
            Forward { steps, batch, sequences, parameters, inputs, initial_states, outputs, final_states };
        cell.forward(call, keep, workspace)?;
        std::mem::swap(&mut self.states, &mut self.next);
        self.begun = true;
        Ok(())
    }
}

/// Steps that a sample of `length` steps has in a part of `steps` steps that begins at step `first`.
#[must_use]
pub fn part_length(length: usize, first: usize, steps: usize) -> usize {
    length.saturating_sub(first).min(steps)
}
