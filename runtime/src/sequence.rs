//! The one boundary: a compiled cell run over a whole sequence, forward and backward.
//!
//! Everything is row-major and time-major: sequences are `[T, B, n]`, states `[B, n]`, parameters one flat slice
//! described by a [`ParameterLayout`]. A matrix state is `[B, rows, columns]`, which in memory is `[B, n]` with
//! `n = rows * columns`. Layers, adapters and the command go through [`SequenceCell`] and nothing else.
//!
//! # Which steps are run
//!
//! All T steps of all B samples, first to last, unless [`Forward::sequences`] says otherwise:
//!
//! - **lengths**: sample `b` has `lengths[b]` steps, 0 to T, in any order. What lies past its end is not read, neither
//!   from inputs nor from gradients; outputs and input gradients there are zero. The final state is the one after its
//!   own last step; of a sample without steps it is the initial one.
//! - **resets**: where `resets[t * B + b]` is set, sample `b` forgets its state before it runs step `t`, and goes on from
//!   the initial state that the equations declare (zero where they declare none), not from the one that the caller gave.
//!   No gradient crosses that border. Flags past the end of a sample are not read.
//! - **direction**: in [`Direction::Reverse`] a sample runs from its own last step to its first, not from T, so that
//!   padding is never seen. Every sequence stays where it is: the output that belongs to the input of step `t` is at
//!   `t`. The final state is the one after step 0; the flag of a step is still what is asked before that step is run.
//!
//! # How that is run
//!
//! One table is made for each call. A row of it is a stretch of one sample that goes on without a reset: sample, first
//! step, direction, number of steps, and whether it begins where the caller says. A sample has one row, and one more for
//! each reset. Rows are sorted by number of steps, longest first, and cut in blocks; so at each step the rows that still
//! run are the first ones of their block, and products and element loops run over fewer rows: there are no masks, and no
//! arithmetic on padding. Rows are copied in when a run begins and out when it has ended, and only there are lengths,
//! resets and directions known. The table of a call that says nothing has B rows of T steps in the caller's order.
//!
//! # What is kept for the way back
//!
//! [`Keep::Tape`] keeps all that the way back reads. [`Keep::Checkpoints`] keeps the states at some borders and runs
//! what lies between two of them again on the way back, in memory that is used for one stretch after the other. The
//! gradients have the same bits: the way back goes through a tape in the same pieces, and adds up gradients by
//! parameters in the same order, whether a piece was kept or is computed again. Inputs are not kept, since the caller has
//! them: the way back needs them once more ([`Backward::inputs`]).

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

/// Whether samples run from their first step to their last, or from their last to their first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// First step to last.
    #[default]
    Forward,
    /// Last step to first.
    Reverse,
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Forward => Self::Reverse,
            Self::Reverse => Self::Forward,
        }
    }
}

/// Which steps of which sample are run: see the [module](self). By default all, first to last.
///
/// ```
/// use gatewright::sequence::{Direction, Sequences};
///
/// let all = Sequences::default();
/// let ragged = Sequences { lengths: &[7, 0, 12], ..Sequences::default() };
/// let backwards = Sequences { direction: Direction::Reverse, ..ragged };
/// assert_eq!((all.lengths.len(), backwards.lengths.len()), (0, 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequences<'a> {
    /// B numbers of steps, each 0 to T; an empty list where all samples have T steps.
    pub lengths: &'a [usize],
    /// `[T, B]`: whether the state of a sample begins anew before the step; an empty list where none does.
    pub resets: &'a [bool],
    /// Which way all samples run.
    pub direction: Direction,
}

impl Sequences<'_> {
    /// Whether a sample has this step: it does not lie past its end.
    #[must_use]
    pub fn has_step(&self, step: usize, sample: usize) -> bool {
        self.lengths.get(sample).is_none_or(|&length| step < length)
    }

    /// The step of a sample that is run last, out of `steps`: the last that it has, or its first one where it runs
    /// backwards. None of a sample without steps.
    #[must_use]
    pub fn last_step(&self, sample: usize, steps: usize) -> Option<usize> {
        let length = self.lengths.get(sample).map_or(steps, |&length| length.min(steps));
        match self.direction {
            Direction::Forward => length.checked_sub(1),
            Direction::Reverse => (length > 0).then_some(0),
        }
    }

    /// True where all steps of all samples run first to last: for cells that can do nothing else.
    #[must_use]
    pub fn is_whole(&self, steps: usize) -> bool {
        self.direction == Direction::Forward
            && self.lengths.iter().all(|&length| length == steps)
            && !self.resets.contains(&true)
    }
}

/// Whether a forward run keeps what a backward run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Inference: the workspace holds nothing afterwards, and its memory does not grow with the length of the
    /// sequence beyond some hundred steps.
    Nothing,
    /// Training: the workspace holds the tape until the next forward run; backward may run more than once.
    Tape,
    /// Training in little memory: the workspace holds states at some borders, and as much of the tape as fits. A
    /// backward run computes the rest again; its gradients are those of [`Keep::Tape`] to the bit.
    Checkpoints {
        /// Most bytes that the workspace may hold ([`Workspace::bytes`]). Too few are an error that names how many are
        /// needed.
        bytes: usize,
    },
}

impl Keep {
    /// The same for each of `parts` runs, where a layer holds `own` bytes itself.
    pub(crate) fn shared_by(self, parts: usize, own: usize) -> Self {
        match self {
            Self::Checkpoints { bytes } => {
                Self::Checkpoints { bytes: bytes.saturating_sub(own) / parts.max(1) }
            }
            Self::Nothing | Self::Tape => self,
        }
    }
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
    /// Lengths, resets and direction; `Sequences::default()` for all steps of all samples.
    pub sequences: Sequences<'a>,
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

impl<'w, T> Forward<'_, 'w, T> {
    /// The same arguments for another run.
    pub(crate) fn reborrow(&mut self) -> Forward<'_, 'w, T> {
        Forward { outputs: &mut *self.outputs, final_states: &mut *self.final_states, ..*self }
    }
}

impl<'w, T> Backward<'_, 'w, T> {
    /// The same arguments for another run.
    pub(crate) fn reborrow(&mut self) -> Backward<'_, 'w, T> {
        Backward {
            parameter_gradients: &mut *self.parameter_gradients,
            input_gradients: &mut *self.input_gradients,
            initial_state_gradients: &mut *self.initial_state_gradients,
            ..*self
        }
    }
}

/// Arguments of a backward run through the tape of the last forward run; lifetimes as in [`Forward`].
#[derive(Debug)]
pub struct Backward<'a, 'w, T> {
    /// The parameters of the forward run.
    pub parameters: &'a [T],
    /// The inputs of the forward run: they are the caller's, and not on the tape.
    pub inputs: &'a [&'a [T]],
    /// One `[T, B, n]` slice for each output: gradient of the loss; an empty list for zeros.
    pub output_gradients: &'a [&'a [T]],
    /// One `[B, n]` slice for each state: gradient of the loss by the final state; an empty list for zeros.
    pub final_state_gradients: &'a [&'a [T]],
    /// Gradient by every parameter, flat, overwritten. What reaches a parameter through an initial state that the
    /// equations declare is part of it, where the forward run began there.
    pub parameter_gradients: &'a mut [T],
    /// One `[T, B, n]` slice for each input, overwritten; an empty list where none is wanted, an empty slice where one
    /// is not.
    pub input_gradients: &'a mut [&'w mut [T]],
    /// One `[B, n]` slice for each state, overwritten; an empty list where none is wanted. Zero for a sample that a reset
    /// kept from beginning there.
    pub initial_state_gradients: &'a mut [&'w mut [T]],
}

/// A compiled cell, run over whole sequences. Object-safe.
///
/// A cell holds no data of a run: one cell may serve many threads, each with its own [`Workspace`].
pub trait SequenceCell<T>: Send + Sync {
    /// What the cell takes and gives.
    fn layout(&self) -> &CellLayout;

    /// Whether no output depends on a later step, so that a sequence may be run in parts, each from where the last one
    /// has ended. So it is for a cell; a layer that runs in both directions is asked for its own answer.
    fn is_causal(&self) -> bool {
        true
    }

    /// Runs forward.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length, a sample longer than T, a size that overflows or a budget too small; nothing has been
    /// written then. A step that is not solved; other steps may have been written then. Behind either there is no way back.
    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError>;

    /// Runs backward through the tape that the last [`SequenceCell::forward`] that kept something left in
    /// `workspace`.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length, or no tape; nothing has been written then. A step that is not solved; gradients by the
    /// inputs of other steps may have been written then.
    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError>;
}
