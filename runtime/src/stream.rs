//! One step at a time: a cell that keeps its states between calls.
//!
//! ```
//! use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell};
//!
//! let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
//! let cell = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
//! let mut stream = cell.stream(1, &vec![0.1; cell.parameter_layout().length()])?;
//! let mut output = [0.0; 4];
//! for input in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
//!     stream.step(&[&input], &mut [&mut output])?;
//! }
//! stream.reset()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What does not change between steps is done when the stream is made: weights are packed, expressions of parameters
//! computed, memory is taken. A step of a compiled cell then allocates nothing and starts no thread; its outputs and
//! states have the bits of a run over the whole sequence.

use std::sync::Arc;

use crate::error::CallError;
use crate::execute::block::{Block, Shared};
use crate::execute::check;
use crate::execute::compiled::CompiledCell;
use crate::execute::constant::{Declared, ParameterValues};
use crate::execute::engine::Engine;
use crate::execute::memory::Memory;
use crate::execute::stage::{Beginning, Source};
use crate::matmul::Element;
use crate::sequence::{CellLayout, Keep, Sequences};
use gatewright_compiler::graph::solve::SolveOptions;

/// A cell in the middle of sequences, with weights of its own.
#[derive(Debug)]
pub struct Stream<T> {
    layout: CellLayout,
    engine: Arc<Engine<T>>,
    solve: SolveOptions,
    batch: usize,
    memory: Memory<T>,
    /// For each state where the equations say that it begins; an empty list where they say it of none.
    declared: Declared<T>,
}

impl<T: Element> CompiledCell<T> {
    /// Begins a stream of `batch` samples where the equations say (at zero where they do not), with a copy of all
    /// parameters.
    ///
    /// # Errors
    ///
    /// The wrong number of parameters, sizes that overflow, no memory.
    pub fn stream(&self, batch: usize, parameters: &[T]) -> Result<Stream<T>, CallError> {
        check::length("parameters", "", parameters.len(), Some(self.layout.parameters.length()))?;
        let engine = Arc::clone(&self.inference);
        let mut memory = Memory::default();
        let _ = memory.attach(&engine, (1, batch), &Sequences::default(), Keep::Nothing, None)?;
        memory.weights.prepare(&engine, self.parameters(parameters), false)?;
        let (blocks, shared) = split(&mut memory, &engine, self.solve);
        for block in blocks {
            block.stage_constants(shared)?;
            block.ready_one_step(shared)?;
        }
        let mut declared = Declared::default();
        self.declare(&mut declared, parameters, |_| true)?;
        let (layout, solve) = (self.layout.clone(), self.solve);
        let mut stream = Stream { layout, engine, solve, batch, memory, declared };
        stream.reset()?;
        Ok(stream)
    }
}

impl<T: Element> Stream<T> {
    /// What the cell takes and gives.
    #[must_use]
    pub fn layout(&self) -> &CellLayout {
        &self.layout
    }

    /// Number of samples.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Runs one step: `[B, n]` of each input to `[B, n]` of each output; an empty list where no output is wanted.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length, or a step that is not solved; states are then as they were.
    pub fn step(&mut self, inputs: &[&[T]], outputs: &mut [&mut [T]]) -> Result<(), CallError> {
        let (layout, batch) = (&self.layout, self.batch);
        check::slices("input", &layout.inputs, inputs.iter().copied(), Some(batch), false)?;
        check::slices("output", &layout.outputs, outputs.iter().map(|slice| &**slice), Some(batch), true)?;
        let (blocks, shared) = split(&mut self.memory, &self.engine, self.solve);
        for block in blocks.iter_mut() {
            let inputs = inputs.iter().zip(&layout.inputs);
            let inputs = inputs.map(|(elements, port)| Source { elements, batch, size: port.size });
            block.run_one_step(shared, inputs)?;
        }
        for block in blocks.iter_mut() {
            let places = outputs.iter_mut().zip(&self.engine.plan.outputs);
            for ((output, &place), port) in places.zip(&layout.outputs) {
                block.unstage_one_step(&self.engine, place, batch, port.size, output)?;
            }
            block.end_one_step(&self.engine)?;
        }
        Ok(())
    }

    /// Takes all samples back to where the equations say that they begin.
    ///
    /// # Errors
    ///
    /// None but of a defect of this library.
    pub fn reset(&mut self) -> Result<(), CallError> {
        for state in 0..self.layout.states.len() {
            let (declared, size) = (self.declared.value(state), self.layout.states[state].size);
            let beginning = Beginning { given: None, declared, size };
            for block in &mut self.memory.blocks {
                block.set_state(&self.engine, state, beginning)?;
            }
        }
        Ok(())
    }

    /// Sets a state of all samples, `[B, n]`, by its number in [`CellLayout::states`].
    ///
    /// # Errors
    ///
    /// No such state, or a slice of the wrong length.
    pub fn set_state(&mut self, state: usize, elements: &[T]) -> Result<(), CallError> {
        let size = self.check_state(state, elements.len())?;
        let given = Some(Source { elements, batch: self.batch, size });
        for block in &mut self.memory.blocks {
            block.set_state(&self.engine, state, Beginning { given, declared: None, size })?;
        }
        Ok(())
    }

    /// Writes a state of all samples, `[B, n]`, by its number in [`CellLayout::states`].
    ///
    /// # Errors
    ///
    /// No such state, or a slice of the wrong length.
    pub fn state(&self, state: usize, into: &mut [T]) -> Result<(), CallError> {
        let size = self.check_state(state, into.len())?;
        let mut copy = |sample: usize, from: &[T]| {
            into[sample * size..(sample + 1) * size].copy_from_slice(from);
        };
        self.memory.blocks.iter().try_for_each(|block| block.state(&self.engine, state, &mut copy))
    }

    /// The size of a state, if there is one and so many elements are right.
    fn check_state(&self, state: usize, found: usize) -> Result<usize, CallError> {
        let count = self.layout.states.len();
        let missing = CallError::Count { what: "state", expected: count, found: state.saturating_add(1) };
        let port = self.layout.states.get(state).ok_or(missing)?;
        check::length("state", &port.name, found, self.batch.checked_mul(port.size))?;
        Ok(port.size)
    }
}

/// The blocks, and what they share.
fn split<'m, T: Element>(
    memory: &'m mut Memory<T>,
    engine: &'m Engine<T>,
    solve: SolveOptions,
) -> (&'m mut [Block<T>], Shared<'m, T>) {
    let Memory { blocks, weights, .. } = memory;
    (blocks, Shared { engine, solve, weights, parameters: ParameterValues::default() })
}
