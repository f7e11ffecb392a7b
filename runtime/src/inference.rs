//! A cell that holds its weights, for runs without a way back.
//!
//! ```
//! use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
//! use gatewright::workspace::Workspace;
//! use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};
//!
//! let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
//! let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
//! let inference = cell.inference(&vec![0.1; cell.parameter_layout().length()])?;
//! let (input, mut output) = ([1.0; 5 * 2 * 3], [0.0; 5 * 2 * 4]);
//! let call = Forward {
//!     steps: 5,
//!     batch: 2,
//!     sequences: Sequences::default(),
//!     parameters: &[],
//!     inputs: &[&input],
//!     initial_states: &[],
//!     outputs: &mut [&mut output],
//!     final_states: &mut [],
//! };
//! inference.forward(call, Keep::Nothing, &mut Workspace::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`CompiledCell`] is given its parameters with each run, since they may have been learned between two. Here they are
//! made ready once: weights are packed, expressions of parameters and initial states computed. For sequences of one sample
//! that is a twentieth of a run. Outputs and states have the same bits; one inference serves many threads, each with a
//! [`Workspace`] of its own. It has no parameters left ([`CellLayout::parameters`] is empty), so layers of such cells have
//! none either.

use std::sync::Arc;

use gatewright_compiler::graph::solve::SolveOptions;

use crate::error::CallError;
use crate::execute::block::Shared;
use crate::execute::check;
use crate::execute::compiled::CompiledCell;
use crate::execute::constant::{Declared, ParameterValues};
use crate::execute::engine::Engine;
use crate::execute::memory::Memory;
use crate::execute::run::run_forward;
use crate::execute::weights::Weights;
use crate::matmul::Element;
use crate::parameters::ParameterLayout;
use crate::sequence::{Backward, CellLayout, Forward, Keep, SequenceCell};
use crate::workspace::Workspace;

/// A compiled cell and its weights. See the [module](self).
#[derive(Debug)]
pub struct Inference<T> {
    layout: CellLayout,
    engine: Arc<Engine<T>>,
    solve: SolveOptions,
    threads: usize,
    weights: Weights<T>,
    /// For each state where the equations say that it begins.
    declared: Declared<T>,
}

impl<T: Element> CompiledCell<T> {
    /// The cell with these parameters, made ready for runs that keep nothing.
    ///
    /// # Errors
    ///
    /// The wrong number of parameters, no memory.
    pub fn inference(&self, parameters: &[T]) -> Result<Inference<T>, CallError> {
        check::length("parameters", "", parameters.len(), Some(self.layout.parameters.length()))?;
        let engine = Arc::clone(&self.inference);
        let mut weights = Weights::default();
        weights.prepare(&engine, self.parameters(parameters), false)?;
        let mut declared = Declared::default();
        self.declare(&mut declared, parameters, |_| true)?;
        let layout = CellLayout { parameters: ParameterLayout::default(), ..self.layout.clone() };
        Ok(Inference { layout, engine, solve: self.solve, threads: self.threads, weights, declared })
    }
}

impl<T: Element> SequenceCell<T> for Inference<T> {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    /// Runs forward; the list of parameters is empty.
    ///
    /// # Errors
    ///
    /// As any cell; and [`CallError::Unsupported`] for anything but [`Keep::Nothing`].
    fn forward(
        &self,
        mut call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        if keep != Keep::Nothing {
            return Err(CallError::Unsupported { what: "with a tape: it holds its weights for inference" });
        }
        workspace.check(&self.layout, &call)?;
        let memory = workspace.begin_cell();
        let lent = Some(self.threads);
        let whole = memory.attach(&self.engine, (call.steps, call.batch), &call.sequences, keep, lent)?;
        let shared = Shared {
            engine: &self.engine,
            solve: self.solve,
            weights: &self.weights,
            parameters: ParameterValues::default(),
        };
        let Memory { blocks, workers, .. } = memory;
        let workers = workers.of_threads(self.threads.min(blocks.len()));
        run_forward(&self.layout, &mut call, shared, &self.declared, (blocks, workers), whole)
    }

    /// There is never a way back.
    ///
    /// # Errors
    ///
    /// Always [`CallError::NoTape`].
    fn backward(&self, _: Backward<'_, '_, T>, _: &mut Workspace<T>) -> Result<(), CallError> {
        Err(CallError::NoTape)
    }
}
