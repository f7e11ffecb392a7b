//! What runs read of the parameters, made ready for them: expressions of parameters, the row of constants that every arena
//! begins with, and packed matrices.
//!
//! A workspace makes it anew for each run, since the parameters may be others; what holds its parameters makes it once.

use gatewright_compiler::plan::{Buffer, BufferRole, OnceSource};

use super::constant::{Expressions, ParameterValues};
use super::engine::Engine;
use super::matrices::Matrices;
use crate::error::CallError;
use crate::matmul::{Element, PackedViews};

/// The parameters of one engine, made ready.
#[derive(Debug)]
pub(crate) struct Weights<T> {
    matrices: Matrices<T>,
    expressions: Expressions<T>,
    /// What is the same at every step, as it lies in a buffer of kind
    /// [`BufferKind::Once`](gatewright_compiler::plan::BufferKind::Once).
    constants: Vec<T>,
}

impl<T> Default for Weights<T> {
    fn default() -> Self {
        Self { matrices: Matrices::default(), expressions: Expressions::default(), constants: Vec::new() }
    }
}

impl<T: Element> Weights<T> {
    /// Makes ready what is the same at every step of a run and of the way back, and packs the matrices of the way there.
    /// `apart` where those of both passes must be held together.
    pub(crate) fn prepare(
        &mut self,
        engine: &Engine<T>,
        parameters: ParameterValues<'_, T>,
        apart: bool,
    ) -> Result<(), CallError> {
        self.matrices.prepare(engine, apart)?;
        self.expressions.compute(engine, parameters)?;
        let plan = &engine.plan;
        let widths = constants(engine).map(|(_, buffer)| buffer.width);
        // Zeros between biases, and behind them, are what products without one start at.
        self.constants.clear();
        self.constants.resize(widths.max().unwrap_or(0), T::ZERO);
        for once in &plan.once {
            let source = match once.source {
                OnceSource::Parameter(index) => parameters.of(index),
                OnceSource::Expression(index) => self.expressions.value(engine, index),
            };
            self.constants[once.column..once.column + once.length].copy_from_slice(source);
        }
        self.pack(engine, parameters, false)
    }

    /// Packs the matrices of one pass.
    pub(super) fn pack(
        &mut self,
        engine: &Engine<T>,
        parameters: ParameterValues<'_, T>,
        backward: bool,
    ) -> Result<(), CallError> {
        self.matrices.pack(engine, parameters, &self.expressions, backward)
    }

    /// The matrices, of a pass that is packed.
    #[inline]
    pub(crate) fn matrices(&self) -> Result<PackedViews<'_, T>, CallError> {
        self.matrices.views()
    }

    /// Writes what is the same at every step where a buffer of it lies.
    pub(super) fn stage(&self, engine: &Engine<T>, arena: &mut [T], place: impl Fn(usize) -> usize) {
        for (index, buffer) in constants(engine) {
            let first = place(index);
            arena[first..first + buffer.width].copy_from_slice(&self.constants[..buffer.width]);
        }
    }
}

/// The buffers of what is the same at every step.
fn constants<T>(engine: &Engine<T>) -> impl Iterator<Item = (usize, &Buffer)> {
    engine.plan.buffers.iter().enumerate().filter(|(_, buffer)| buffer.role == BufferRole::Once)
}
