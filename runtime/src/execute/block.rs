//! The programs of a plan over one block of rows.

use gatewright_compiler::graph::solve::SolveOptions;
use gatewright_compiler::plan::{
    BufferKind, BufferRole, GradientTerm, OnceSource, ParameterGradient, Place, Plan, SampleMatrix, Section,
    Step,
};

use super::arena::{AlignedVec, ArenaLayout};
use super::compiled::internal;
use super::engine::Engine;
use crate::error::CallError;
use crate::matmul::{self, Element, GatherMemory, Left, Matrix, MatrixMut, PackedMatrix};

/// Memory of one block of rows.
#[derive(Debug)]
pub(crate) struct Block<T> {
    /// First sample and one past the last.
    pub(crate) first: usize,
    pub(crate) end: usize,
    layout: Option<ArenaLayout>,
    pub(super) arena: AlignedVec<T>,
    scratch: AlignedVec<T>,
    /// For each row whether the step is solved; rows that are stay as they are.
    pub(super) settled: Vec<bool>,
    /// Gradient by all parameters from this block's samples.
    pub(crate) gradient: Vec<T>,
    /// For the sums of outer products.
    gather: GatherMemory<T>,
    offsets: Vec<usize>,
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self {
            first: 0,
            end: 0,
            layout: None,
            arena: AlignedVec::default(),
            scratch: AlignedVec::default(),
            settled: Vec::new(),
            gradient: Vec::new(),
            gather: GatherMemory::default(),
            offsets: Vec::new(),
        }
    }
}

/// What all blocks of a run share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a, T> {
    pub(crate) engine: &'a Engine<T>,
    /// How steps are solved.
    pub(crate) solve: SolveOptions,
    pub(crate) matrices: &'a [PackedMatrix<T>],
    /// The flat parameters, and each parameter's first element and length in them.
    pub(crate) parameters: &'a [T],
    pub(crate) parameter_ranges: &'a [(usize, usize)],
    pub(crate) expressions: &'a [Vec<T>],
}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn once(&self, source: OnceSource) -> &'a [T] {
        match source {
            OnceSource::Parameter(index) => {
                let (offset, length) = self.parameter_ranges[index as usize];
                &self.parameters[offset..offset + length]
            }
            OnceSource::Expression(index) => &self.expressions[index as usize],
        }
    }
}

/// Sequences and states at the boundary, `[T, B, n]` and `[B, n]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a, T> {
    pub(crate) elements: &'a [T],
    pub(crate) batch: usize,
    pub(crate) size: usize,
}

/// For each port what the caller gives, `None` for zeros, and the port's size.
pub(crate) type Boundary<'a, T> = [(Option<Source<'a, T>>, usize)];

impl<T> Block<T> {
    /// Bytes of its arena.
    pub(crate) fn bytes(&self) -> usize {
        self.layout.as_ref().map_or(0, ArenaLayout::length) * size_of::<T>()
    }
}

fn sample_operand(
    plan: &Plan,
    layout: &ArenaLayout,
    matrix: &SampleMatrix,
    step: usize,
) -> matmul::SampleOperand {
    let strides = matrix.strides;
    let buffer = plan.buffer(matrix.place.buffer);
    matmul::SampleOperand {
        offset: layout.place(matrix.place, step) + strides.offset,
        step: if buffer.kind == BufferKind::Once { 0 } else { buffer.width },
        rows: strides.rows,
        columns: strides.columns,
        row_stride: strides.row_stride,
        column_stride: strides.column_stride,
    }
}

fn sample_result(plan: &Plan, layout: &ArenaLayout, place: Place, step: usize) -> matmul::SampleResult {
    matmul::SampleResult { offset: layout.place(place, step), step: plan.buffer(place.buffer).width }
}

impl<T: Element> Block<T> {
    fn rows(&self) -> usize {
        self.end - self.first
    }

    /// Makes room for a run; refuses sizes that overflow.
    pub(crate) fn prepare(&mut self, engine: &Engine<T>, steps: usize) -> Result<(), CallError> {
        let rows = self.rows();
        if self.layout.as_ref().is_none_or(|layout| layout.room != steps || layout.rows != rows) {
            let layout = ArenaLayout::new(&engine.plan, steps, rows)
                .ok_or(CallError::TooLarge { steps, batch: rows })?;
            // A new layout finds zeros in every pad.
            (self.arena, self.layout) = (AlignedVec::default(), None);
            if !self.arena.resize(layout.length()) {
                return Err(CallError::OutOfMemory { elements: layout.length() });
            }
            self.layout = Some(layout);
        }
        let scratch = engine.scratch_elements();
        if self.scratch.resize(scratch) { Ok(()) } else { Err(CallError::OutOfMemory { elements: scratch }) }
    }

    fn layout(&self) -> Result<&ArenaLayout, CallError> {
        self.layout
            .as_ref()
            .ok_or_else(|| CallError::Internal("a block was run before it was prepared".to_owned()))
    }

    /// Copies the rows of this block in, from step `step` of a sequence to block `block` of a place: `[B, n]` rows to
    /// padded rows. Zeros where there is no source.
    fn stage(
        &mut self,
        engine: &Engine<T>,
        layout: &ArenaLayout,
        place: Place,
        block: usize,
        port: (Option<Source<'_, T>>, usize),
        step: usize,
    ) {
        let (source, size) = port;
        if size == 0 {
            return;
        }
        let width = engine.plan.buffers[place.buffer.0 as usize].width;
        let at = layout.place(place, block);
        let arena = self.arena.as_mut_slice();
        for row in 0..layout.rows {
            let to = &mut arena[at + row * width..at + row * width + size];
            match source {
                Some(source) => {
                    let from = (step * source.batch + self.first + row) * size;
                    to.copy_from_slice(&source.elements[from..from + size]);
                }
                None => to.fill(T::ZERO),
            }
        }
    }

    /// Says how many steps the next run has, at most those the block is prepared for.
    pub(crate) fn set_steps(&mut self, steps: usize) -> Result<(), CallError> {
        let fits = self.layout.as_mut().is_some_and(|layout| layout.set_steps(steps));
        let refusal =
            || CallError::Internal("a block was run for more steps than it has room for".to_owned());
        fits.then_some(()).ok_or_else(refusal)
    }

    /// Steps of the last run.
    pub(crate) fn steps(&self) -> usize {
        self.layout.as_ref().map_or(0, |layout| layout.steps)
    }

    /// Makes the states that the last run ended with those that the next one begins with.
    pub(crate) fn carry_on(&mut self, engine: &Engine<T>) -> Result<(), CallError> {
        let layout = self.layout()?.clone();
        for place in &engine.plan.states {
            let buffer = place.buffer.0 as usize;
            let (from, to) =
                (layout.block(buffer, place.time, layout.steps), layout.block(buffer, place.time, 0));
            let length = layout.rows * engine.plan.buffers[buffer].width;
            self.arena.as_mut_slice().copy_within(from..from + length, to);
        }
        Ok(())
    }

    /// Stages everything a forward run reads; without states it goes on from where it is.
    pub(crate) fn stage_forward(
        &mut self,
        shared: Shared<'_, T>,
        inputs: &[Source<'_, T>],
        states: Option<&Boundary<'_, T>>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?.clone();
        if layout.rows == 0 {
            return Ok(());
        }
        let engine = shared.engine;
        if layout.rows > 0 {
            for (&source, place) in inputs.iter().zip(&engine.plan.inputs) {
                let Some(place) = *place else { continue };
                for step in 0..layout.steps {
                    self.stage(engine, &layout, place, step, (Some(source), source.size), step);
                }
            }
            for (&place, port) in engine.plan.states.iter().zip(states.into_iter().flatten()) {
                self.stage(engine, &layout, place, 0, *port, 0);
            }
        }
        for (index, buffer) in engine.plan.buffers.iter().enumerate() {
            if buffer.role == BufferRole::Once {
                let at = layout.block(index, 0, 0);
                for once in &engine.plan.once {
                    let from = at + once.column;
                    self.arena.as_mut_slice()[from..from + once.length]
                        .copy_from_slice(shared.once(once.source));
                }
            }
        }
        Ok(())
    }

    /// Stages everything a backward run reads beyond the tape.
    pub(crate) fn stage_backward(
        &mut self,
        shared: Shared<'_, T>,
        outputs: &Boundary<'_, T>,
        states: &Boundary<'_, T>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?.clone();
        if layout.rows == 0 {
            return Ok(());
        }
        let engine = shared.engine;
        if layout.rows > 0 {
            for (place, port) in engine.plan.output_gradients.iter().zip(outputs) {
                let Some(place) = *place else { continue };
                for step in 0..layout.steps {
                    self.stage(engine, &layout, place, step, *port, step);
                }
            }
            for (&place, port) in engine.plan.state_gradients.iter().zip(states) {
                self.stage(engine, &layout, place, layout.steps, *port, 0);
            }
        }
        for (index, buffer) in engine.plan.buffers.iter().enumerate() {
            if buffer.role == BufferRole::Totals {
                let at = layout.block(index, 0, 0);
                self.arena.as_mut_slice()[at..at + buffer.width].fill(T::ZERO);
            }
        }
        Ok(())
    }

    /// Runs the forward programs, or the backward ones.
    pub(crate) fn run(&mut self, shared: Shared<'_, T>, backward: bool) -> Result<(), CallError> {
        let layout = self.layout()?.clone();
        if layout.rows == 0 {
            return Ok(());
        }
        let (before, after) = if backward {
            (Section::BackwardBefore, Section::BackwardAfter)
        } else {
            (Section::Before, Section::After)
        };
        let all_rows = layout.steps * layout.rows;
        self.program(shared, &layout, before, 0, all_rows)?;
        if backward {
            for step in (0..layout.steps).rev() {
                self.step(shared, &layout, step, true)?;
            }
        } else {
            for step in 0..layout.steps {
                self.step(shared, &layout, step, false)?;
            }
        }
        self.program(shared, &layout, after, 0, all_rows)
    }

    /// One step of a time loop, solved where there is something to solve.
    fn step(
        &mut self,
        shared: Shared<'_, T>,
        layout: &ArenaLayout,
        step: usize,
        backward: bool,
    ) -> Result<(), CallError> {
        let plan = &shared.engine.plan;
        let (prepare, rest, solved) = if backward {
            (Section::BackwardPrepare, Section::BackwardStep, &plan.unknown_gradients)
        } else {
            (Section::Prepare, Section::Step, &plan.unknowns)
        };
        self.program(shared, layout, prepare, step, layout.rows)?;
        if !solved.is_empty() {
            self.solve(shared, layout, step, solved, backward)?;
        }
        self.program(shared, layout, rest, step, layout.rows)
    }

    pub(super) fn program(
        &mut self,
        shared: Shared<'_, T>,
        layout: &ArenaLayout,
        section: Section,
        step: usize,
        rows: usize,
    ) -> Result<(), CallError> {
        if rows == 0 {
            return Ok(());
        }
        let plan = &shared.engine.plan;
        for instruction in plan.program(section) {
            match instruction {
                Step::Product { operand, matrix, output, accumulate } => {
                    let stride = |place: &Place| plan.buffers[place.buffer.0 as usize].width;
                    let matrix = &shared.matrices[*matrix];
                    let left =
                        Left::Within { offset: layout.place(*operand, step), row_stride: stride(operand) };
                    let place = matmul::Place {
                        columns: 0..matrix.columns(),
                        offset: layout.place(*output, step),
                        row_stride: stride(output),
                        accumulate: *accumulate,
                    };
                    matmul::multiply_within(self.arena.as_mut_slice(), left, rows, matrix, &[place])
                        .map_err(internal)?;
                }
                Step::SampleProduct { left, right, output } => {
                    let [left, right] =
                        [left, right].map(|matrix| sample_operand(plan, layout, matrix, step));
                    let result = sample_result(plan, layout, *output, step);
                    let arena = self.arena.as_mut_slice();
                    matmul::sample_product(arena, rows, left, right, result).map_err(internal)?;
                }
                Step::Arrange { from, output, start, total } => {
                    let from = sample_operand(plan, layout, from, step);
                    let result = sample_result(plan, layout, *output, step);
                    let arena = self.arena.as_mut_slice();
                    matmul::arrange(arena, rows, from, result, *start, *total).map_err(internal)?;
                }
                Step::RowMaximum { from, output } => {
                    let from = sample_operand(plan, layout, from, step);
                    let result = sample_result(plan, layout, *output, step);
                    matmul::row_maximum(self.arena.as_mut_slice(), rows, from, result).map_err(internal)?;
                }
                Step::Loop { kernel, bindings } => {
                    self.offsets.clear();
                    self.offsets.extend(
                        bindings.iter().map(|&(buffer, time)| layout.block(buffer.0 as usize, time, step)),
                    );
                    shared.engine.run_loop(
                        *kernel,
                        self.arena.as_mut_slice(),
                        &self.offsets,
                        rows,
                        self.scratch.as_mut_slice(),
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Adds up the terms of one total.
    fn total(
        &mut self,
        engine: &Engine<T>,
        layout: &ArenaLayout,
        terms: &[GradientTerm],
        total: &mut [T],
    ) -> Result<(), CallError> {
        let arena = self.arena.as_slice();
        total.fill(T::ZERO);
        let all_rows = layout.steps * layout.rows;
        if all_rows == 0 {
            return Ok(());
        }
        for term in terms {
            match *term {
                GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } => {
                    // left^T right, summed over all rows.
                    let factor = |place: Place, columns: usize| {
                        let buffer = &engine.plan.buffers[place.buffer.0 as usize];
                        let stride = if buffer.kind == BufferKind::Once { 0 } else { buffer.width };
                        Matrix::new(
                            arena.get(layout.place(place, 0)..).unwrap_or_default(),
                            all_rows,
                            columns,
                            stride,
                        )
                    };
                    let result = MatrixMut {
                        numbers: total.get_mut(row * row_stride + column..).unwrap_or_default(),
                        rows,
                        columns,
                        row_stride,
                    };
                    let (left, right) = (factor(left, rows), factor(right, columns));
                    // One row for all steps is not rows of a sequence.
                    if left.row_stride == 0 || right.row_stride == 0 {
                        matmul::general(left.transposed(), right, result, true).map_err(internal)?;
                    } else {
                        matmul::add_outer_products(left, right, result, &mut self.gather)
                            .map_err(internal)?;
                    }
                }
                GradientTerm::Sum { column, into } => {
                    let totals =
                        engine.plan.buffers.iter().position(|buffer| buffer.role == BufferRole::Totals);
                    let Some(totals) = totals else { continue };
                    let at = layout.block(totals, 0, 0) + column;
                    let addends = &arena[at..at + into.rows * into.columns];
                    for (index, &addend) in addends.iter().enumerate() {
                        let (i, j) = (index / into.columns, index % into.columns);
                        let sum = &mut total[into.offset + i * into.row_stride + j * into.column_stride];
                        *sum = *sum + addend;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gradients by all parameters from this block's samples, flat, into `gradient`.
    pub(crate) fn parameter_gradients(
        &mut self,
        shared: Shared<'_, T>,
        gradient: &mut [T],
    ) -> Result<(), CallError> {
        let layout = &self.layout()?.clone();
        let engine = shared.engine;
        for (parameter, &(offset, length)) in
            engine.plan.parameter_gradients.iter().zip(shared.parameter_ranges)
        {
            let into = &mut gradient[offset..offset + length];
            match parameter {
                ParameterGradient::Terms(terms) => self.total(engine, layout, terms, into)?,
                ParameterGradient::Expression { root, totals } => {
                    let mut values = Vec::with_capacity(totals.len());
                    for (node, elements, terms) in totals {
                        let mut value = vec![T::ZERO; *elements];
                        self.total(engine, layout, terms, &mut value)?;
                        values.push((*node, value));
                    }
                    let value = super::compiled::constants(
                        engine,
                        shared.parameters,
                        shared.parameter_ranges,
                        &values,
                        &[*root],
                    )?;
                    for (into, from) in into.iter_mut().zip(value.iter().flatten()) {
                        *into = *from;
                    }
                }
            }
        }
        Ok(())
    }

    /// Copies a sequence of this block out: padded rows to `[T, B, n]` rows.
    pub(crate) fn unstage(
        &self,
        engine: &Engine<T>,
        place: Place,
        steps: std::ops::Range<usize>,
        batch: usize,
        size: usize,
        into: &mut [T],
    ) -> Result<(), CallError> {
        let layout = self.layout()?;
        if size == 0 || layout.rows == 0 {
            return Ok(());
        }
        let width = engine.plan.buffers[place.buffer.0 as usize].width;
        let arena = self.arena.as_slice();
        for (to_step, step) in steps.enumerate() {
            let at = layout.place(place, step);
            let to = (to_step * batch + self.first) * size;
            for (row, to) in into[to..to + self.rows() * size].chunks_exact_mut(size).enumerate() {
                to.copy_from_slice(&arena[at + row * width..at + row * width + size]);
            }
        }
        Ok(())
    }
}
