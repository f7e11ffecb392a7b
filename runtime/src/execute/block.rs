//! The programs of a plan over one block of rows.

use std::sync::Arc;

use gatewright_compiler::graph::solve::SolveOptions;
use gatewright_compiler::plan::{
    BufferKind, BufferRole, OnceSource, Place, Plan, SampleMatrix, Section, Step,
};

use super::arena::{AlignedVec, ArenaLayout};
use super::compiled::internal;
use super::engine::Engine;
use crate::error::CallError;
use crate::matmul::{self, Element, Left, PackedMatrix};
use crate::sequence::Port;

/// Memory of one block of rows.
#[derive(Debug)]
pub(crate) struct Block<T> {
    /// First sample and one past the last.
    pub(crate) first: usize,
    pub(crate) end: usize,
    /// Shared, so that a run may hold it while it writes the arena.
    layout: Option<Arc<ArenaLayout>>,
    pub(super) arena: AlignedVec<T>,
    scratch: AlignedVec<T>,
    /// For each row whether the step is solved; rows that are stay as they are.
    pub(super) settled: Vec<bool>,
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

/// One sequence or state at the boundary, `[T, B, n]` or `[B, n]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a, T> {
    elements: &'a [T],
    batch: usize,
}

/// Sequences or states at the boundary, one for each port, as the caller gives them: a list, so that nothing is
/// allocated for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boundary<'a, T> {
    /// What each port has.
    pub(crate) ports: &'a [Port],
    /// For each port its elements. An empty list, or an empty slice, where the caller gives none.
    pub(crate) slices: &'a [&'a [T]],
    /// For each port what stands in the place of what the caller has not given; none where zeros do.
    pub(crate) declared: &'a [Vec<T>],
    /// Samples.
    pub(crate) batch: usize,
    /// Steps of the sequences that are left out.
    pub(crate) first: usize,
}

impl<'a, T> Boundary<'a, T> {
    /// What a port has, `None` for zeros, and its size.
    fn port(&self, index: usize) -> (Option<Source<'a, T>>, usize) {
        let size = self.ports.get(index).map_or(0, |port| port.size);
        let given = self.slices.get(index).copied().filter(|slice| !slice.is_empty());
        let declared = || self.declared.get(index).map(Vec::as_slice).filter(|slice| !slice.is_empty());
        let elements = given.or_else(declared);
        let left = |elements: &'a [T]| elements.get(self.first * self.batch * size..).unwrap_or_default();
        (elements.map(|elements| Source { elements: left(elements), batch: self.batch }), size)
    }
}

impl<T> Block<T> {
    /// Bytes of its arena.
    pub(crate) fn bytes(&self) -> usize {
        self.layout.as_ref().map_or(0, |layout| layout.length()) * size_of::<T>()
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
            self.layout = Some(Arc::new(layout));
        }
        let scratch = engine.scratch_elements();
        if self.scratch.resize(scratch) { Ok(()) } else { Err(CallError::OutOfMemory { elements: scratch }) }
    }

    pub(super) fn layout(&self) -> Result<Arc<ArenaLayout>, CallError> {
        self.layout
            .clone()
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
        let fits = self.layout.as_mut().is_some_and(|layout| Arc::make_mut(layout).set_steps(steps));
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
        let layout = self.layout()?;
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
        inputs: Boundary<'_, T>,
        states: Option<Boundary<'_, T>>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?;
        if layout.rows == 0 {
            return Ok(());
        }
        let engine = shared.engine;
        if layout.rows > 0 {
            for (index, place) in engine.plan.inputs.iter().enumerate() {
                let Some(place) = *place else { continue };
                for step in 0..layout.steps {
                    self.stage(engine, &layout, place, step, inputs.port(index), step);
                }
            }
            for (index, &place) in engine.plan.states.iter().enumerate() {
                let Some(states) = states else { break };
                self.stage(engine, &layout, place, 0, states.port(index), 0);
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
        outputs: Boundary<'_, T>,
        states: Boundary<'_, T>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?;
        if layout.rows == 0 {
            return Ok(());
        }
        let engine = shared.engine;
        if layout.rows > 0 {
            for (index, place) in engine.plan.output_gradients.iter().enumerate() {
                let Some(place) = *place else { continue };
                for step in 0..layout.steps {
                    self.stage(engine, &layout, place, step, outputs.port(index), step);
                }
            }
            for (index, &place) in engine.plan.state_gradients.iter().enumerate() {
                self.stage(engine, &layout, place, layout.steps, states.port(index), 0);
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
        let layout = self.layout()?;
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
