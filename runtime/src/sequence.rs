//! The one boundary: a compiled cell run over a whole sequence, forward and backward.
//!
//! Everything is row-major and time-major: sequences are `[T, B, n]`, states `[B, n]`, parameters one flat slice
//! described by a [`ParameterLayout`]. A matrix state is `[B, rows, columns]`, which in memory is `[B, n]` with
//! `n = rows * columns`. Layers, adapters and the command go through [`SequenceCell`] and nothing else.

use crate::error::CallError;
use crate::parameters::ParameterLayout;
use crate::workspace::Workspace;

/// A named value at the boundary of a cell: an input, a state or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Canonical ASCII name, the key in files.
    pub name: String,
    /// Elements for one sample at one step: the product of the axes.
    pub size: usize,
    /// Axes for one sample at one step: `[n]`; `[rows, columns]` of a matrix, whose rows lie one after the other; `[1]`
    /// of a scalar.
    pub axes: Vec<usize>,
}

impl Port {
    /// A vector.
    #[must_use]
    pub fn vector(name: &str, size: usize) -> Self {
        Self { name: name.to_owned(), size, axes: vec![size] }
    }
}

/// What a compiled cell takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellLayout {
    /// Input sequences, in the order of [`Forward::inputs`].
    pub inputs: Vec<Port>,
    /// States, in the order of [`Forward::initial_states`].
    pub states: Vec<Port>,
    /// Output sequences, in the order of [`Forward::outputs`].
    pub outputs: Vec<Port>,
    /// Parameters: names, shapes and offsets in the flat slice.
    pub parameters: ParameterLayout,
}

/// Whether a forward run keeps what a backward run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Inference: the workspace holds nothing afterwards, and its memory does not grow with the length of the
    /// sequence beyond some hundred steps.
    Nothing,
    /// Training: the workspace holds the tape until the next forward run; backward may run more than once.
    Tape,
}

/// Arguments of a forward run over `steps` steps (T) and `batch` samples (B).
///
/// What is written has a lifetime of its own, `'w`: lists of slices may live shorter than what they point to.
#[derive(Debug)]
pub struct Forward<'a, 'w, T> {
    /// T; may be 0.
    pub steps: usize,
    /// B; may be 0.
    pub batch: usize,
    /// All parameters, flat.
    pub parameters: &'a [T],
    /// One `[T, B, n]` slice for each input.
    pub inputs: &'a [&'a [T]],
    /// One `[B, n]` slice for each state. An empty list, or an empty slice for one state: where the equations say that
    /// it begins (`h_0 = s`), else at zero.
    pub initial_states: &'a [&'a [T]],
    /// One `[T, B, n]` slice for each output, overwritten; an empty list where no output is wanted.
    pub outputs: &'a mut [&'w mut [T]],
    /// One `[B, n]` slice for each state, overwritten; an empty list where none is wanted.
    pub final_states: &'a mut [&'w mut [T]],
}

/// Arguments of a backward run through the tape of the last forward run; lifetimes as in [`Forward`].
#[derive(Debug)]
pub struct Backward<'a, 'w, T> {
    /// The parameters of the forward run.
    pub parameters: &'a [T],
    /// One `[T, B, n]` slice for each output: gradient of the loss; an empty list for zeros.
    pub output_gradients: &'a [&'a [T]],
    /// One `[B, n]` slice for each state: gradient of the loss by the final state; an empty list for zeros.
    pub final_state_gradients: &'a [&'a [T]],
    /// Gradient by every parameter, flat, overwritten. What reaches a parameter through an initial state that the
    /// equations declare is part of it, where the forward run began there.
    pub parameter_gradients: &'a mut [T],
    /// One `[T, B, n]` slice for each input, overwritten; an empty list where none is wanted.
    pub input_gradients: &'a mut [&'w mut [T]],
    /// One `[B, n]` slice for each state, overwritten; an empty list where none is wanted.
    pub initial_state_gradients: &'a mut [&'w mut [T]],
}

/// A compiled cell, run over whole sequences. Object-safe.
///
/// A cell holds no data of a run: one cell may serve many threads, each with its own [`Workspace`].
pub trait SequenceCell<T>: Send + Sync {
    /// What the cell takes and gives.
    fn layout(&self) -> &CellLayout;

    /// Runs forward.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length or a size that overflows; nothing has been written then.
    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError>;

    /// Runs backward through the tape that the last [`SequenceCell::forward`] with [`Keep::Tape`] left in `workspace`.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length, or no tape; nothing has been written then.
    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError>;
}
