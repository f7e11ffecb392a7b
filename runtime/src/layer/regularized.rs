//! A cell with regularisers: masks drawn anew for each training run, none at inference.
//!
//! The cell is compiled twice, with masks and without ([`gatewright_compiler::regularize`]). A run that keeps something
//! for the way back is a training run: it draws its masks into the workspace, where the backward run finds them again;
//! a run with [`Keep::Nothing`] is inference.
//!
//! # Randomness
//!
//! The masks of a training run depend on the seed, on its number and on nothing else: not on threads, nor on the
//! backend. The k-th training run of a cell has the number k ([`RegularizedCell::next_draw`]), so training that goes on
//! from a checkpoint sets it. Within a mask the elements follow one another in the order of `[T, B, n]`.

use std::sync::atomic::{AtomicU64, Ordering};

use gatewright_compiler::graph::{Graph, lower};
use gatewright_compiler::passes::PassError;
use gatewright_compiler::regularize::{Drawn, Mask, MaskPort, RegularizeError, Regularizer, regularize};
use gatewright_compiler::resolve::Cell;

use super::joined::{Slices, cut, of_whole, reborrowed, width};
use crate::error::{CallError, CompileError};
use crate::execute::check;
use crate::execute::compiled::{CompileOptions, CompiledCell};
use crate::matmul::Element;
use crate::parameters::Random;
use crate::sequence::{Backward, CellLayout, Forward, Keep, Port, SequenceCell};
use crate::workspace::Workspace;

/// A compiled cell with regularisers in training.
///
/// ```
/// use gatewright::compiler::regularize::{Drawn, Kind, Regularizer};
/// use gatewright::compiler::source::Syntax;
/// use gatewright::layer::RegularizedCell;
/// use gatewright::{CompileOptions, read_cell};
///
/// let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
/// let variational = Regularizer {
///     kind: Kind::RecurrentDropout,
///     target: None,
///     rate: 0.25,
///     drawn: Drawn::EachSequence,
/// };
/// let sizes = [("x", 3), ("h", 4)];
/// let cell = RegularizedCell::<f32>::new(&cell, &sizes, CompileOptions::default(), &[variational], 1)?;
/// assert_eq!(cell.masks().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RegularizedCell<T> {
    inference: CompiledCell<T>,
    training: CompiledCell<T>,
    masks: Vec<Mask>,
    seed: u64,
    next_draw: AtomicU64,
}

/// Why a cell with regularisers could not be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegularizedError {
    /// A choice does not fit the cell.
    #[error(transparent)]
    Choice(#[from] RegularizeError),
    /// As for any cell.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl<T: Element> RegularizedCell<T> {
    /// Compiles a checked cell with these choices, as [`CompiledCell::new`] does without.
    ///
    /// # Errors
    ///
    /// A choice that does not fit the cell, or as [`CompiledCell::new`].
    pub fn new(
        cell: &Cell,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
        choices: &[Regularizer],
        seed: u64,
    ) -> Result<Self, RegularizedError> {
        let forward = lower(cell).map_err(|error| CompileError::from(PassError::from(error)))?;
        Self::from_graph(&forward, dimensions, options, choices, seed)
    }

    /// Compiles the forward graph of a step, as [`RegularizedCell::new`] does a cell.
    ///
    /// # Errors
    ///
    /// As [`RegularizedCell::new`].
    pub fn from_graph(
        forward: &Graph,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
        choices: &[Regularizer],
        seed: u64,
    ) -> Result<Self, RegularizedError> {
        let regularized = regularize(forward, choices)?;
        Ok(Self {
            inference: CompiledCell::from_graph(&regularized.inference, dimensions, options)?,
            training: CompiledCell::from_graph(&regularized.training, dimensions, options)?,
            masks: regularized.masks,
            seed,
            next_draw: AtomicU64::new(0),
        })
    }

    /// The masks that a training run draws, in the order in which it draws them.
    #[must_use]
    pub fn masks(&self) -> &[Mask] {
        &self.masks
    }

    /// Number of the next training run: how many were begun since the cell was made or the number was set. A call that is refused
    /// for its slices is none.
    #[must_use]
    pub fn next_draw(&self) -> u64 {
        self.next_draw.load(Ordering::Relaxed)
    }

    /// Sets the number of the next training run.
    pub fn set_next_draw(&self, draw: u64) {
        self.next_draw.store(draw, Ordering::Relaxed);
    }

    /// Inputs that are masks.
    fn mask_inputs(&self) -> &[Port] {
        &self.training.layout().inputs[self.inference.layout().inputs.len()..]
    }

    /// Parameters of a training run: the cell's, and its masks of matrices. None where there are no such masks.
    fn extended_parameters(&self) -> usize {
        let (with, without) =
            (self.training.layout().parameters.length(), self.inference.layout().parameters.length());
        if with == without { 0 } else { with }
    }

    /// Draws all masks of a run: `memory` is the extended parameters, then the mask inputs.
    fn draw(&self, memory: &mut [T], parameters: &[T], steps: usize, batch: usize) {
        let draw = self.next_draw.fetch_add(1, Ordering::Relaxed);
        let (extended, mut inputs) = memory.split_at_mut(self.extended_parameters());
        let mut matrices = match extended.split_at_mut_checked(parameters.len()) {
            Some((own, matrices)) => {
                own.copy_from_slice(parameters);
                matrices
            }
            None => &mut [],
        };
        let layout = self.training.layout();
        for (number, mask) in (0_u64..).zip(&self.masks) {
            let mut random = Random::numbered(self.seed, [draw, number]);
            let (hit, missed) = (T::from_f64(mask.hit()), T::from_f64(mask.missed()));
            let mut element = || if random.unit() < mask.rate { hit } else { missed };
            match mask.port {
                MaskPort::Parameter(parameter) => {
                    let length = layout.parameters.entries()[parameter as usize].length();
                    let (mine, rest) = std::mem::take(&mut matrices).split_at_mut(length);
                    matrices = rest;
                    mine.fill_with(element);
                }
                MaskPort::Input(input) => {
                    let row = batch * layout.inputs[input as usize].size;
                    let (mine, rest) = std::mem::take(&mut inputs).split_at_mut(steps * row);
                    inputs = rest;
                    let drawn = if mask.drawn == Drawn::EachStep { mine.len() } else { row.min(mine.len()) };
                    mine[..drawn].fill_with(&mut element);
                    for step in 1..if drawn < mine.len() { steps } else { 0 } {
                        mine.copy_within(..row, step * row);
                    }
                }
            }
        }
    }
}

impl<T: Element> SequenceCell<T> for RegularizedCell<T> {
    fn layout(&self) -> &CellLayout {
        self.inference.layout()
    }

    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        workspace.check(self.layout(), &call)?;
        let (steps, batch) = (call.steps, call.batch);
        if keep == Keep::Nothing {
            let (_, parts) = workspace.begin(&call, keep, (0, 0), 2)?;
            return self.inference.forward(call, keep, &mut parts[0]);
        }
        let masks = self.mask_inputs();
        let rows = steps * batch;
        let extended = self.extended_parameters();
        let own = check::elements(&call, width(masks))?
            .checked_add(extended)
            .ok_or(CallError::TooLarge { steps, batch })?;
        let (memory, parts) = workspace.begin(&call, keep, (own, own.saturating_add(extended)), 2)?;
        if matches!(keep, Keep::Checkpoints { .. }) {
            parts[0] = Workspace::default();
        }
        self.draw(memory, call.parameters, steps, batch);
        // The way back needs room for the gradients by the masks of matrices too.
        let own = size_of_val(&memory[..]) + extended * size_of::<T>();
        let share = keep.shared_by(1, own);
        let (parameters, memory) = memory.split_at(extended);
        let mut inputs = Slices::from_slice(call.inputs);
        inputs.extend(cut(memory, masks, rows));
        let parameters = if extended == 0 { call.parameters } else { parameters };
        let call = Forward { parameters, inputs: &inputs, ..call };
        self.training.forward(call, share, &mut parts[1]).map_err(|error| of_whole(error, keep, 1, own))?;
        drop(inputs);
        workspace.end(keep);
        Ok(())
    }

    fn backward(&self, call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let (steps, batch) = workspace.ran().ok_or(CallError::NoTape)?;
        check::backward(self.layout(), &call, (steps, batch))?;
        let rows = steps * batch;
        let (masks, extended) = (self.mask_inputs(), self.extended_parameters());
        let own = extended + rows * width(masks);
        let (memory, parts) = workspace.again(own + extended, 2)?;
        let (memory, all_gradients) = memory.split_at_mut(own);
        let (parameters, memory) = memory.split_at(extended);
        let mut inputs = Slices::from_slice(call.inputs);
        inputs.extend(cut(memory, masks, rows));
        let mut input_gradients = reborrowed(call.input_gradients);
        // Nobody wants the gradients by masks, which are zero.
        if !input_gradients.is_empty() {
            input_gradients.extend(masks.iter().map(|_| &mut [][..]));
        }
        let own_length = call.parameter_gradients.len();
        let extended_call = Backward {
            parameters: if extended == 0 { call.parameters } else { parameters },
            inputs: &inputs,
            output_gradients: call.output_gradients,
            final_state_gradients: call.final_state_gradients,
            parameter_gradients: if extended == 0 {
                &mut *call.parameter_gradients
            } else {
                &mut *all_gradients
            },
            input_gradients: &mut input_gradients,
            initial_state_gradients: &mut reborrowed(call.initial_state_gradients),
        };
        self.training.backward(extended_call, &mut parts[1])?;
        if extended > 0 {
            call.parameter_gradients.copy_from_slice(&all_gradients[..own_length]);
        }
        Ok(())
    }
}
