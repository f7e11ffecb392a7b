//! The programs of a plan over one block of rows.

use std::ops::Range;
use std::sync::Arc;

use gatewright_compiler::graph::solve::SolveOptions;
use gatewright_compiler::plan::{BufferKind, Place, Plan, SampleMatrix, Section, Start, Step};

use super::arena::{ArenaLayout, Region, Room};
use super::chunk_products::ChunkProducts;
use super::compiled::internal;
use super::constant::{GradientExpressions, ParameterValues};
use super::engine::Engine;
use super::outlet::Outlet;
use super::piece::Course;
use super::ready::{Operation, Ready};
use super::round::Adjoints;
use super::stage::{Boundary, Source};
use super::sum::Turn;
use super::table::{Row, together};
use super::weights::Weights;
use crate::aligned::AlignedVec;
use crate::cache;
use crate::error::CallError;
use crate::matmul::{self, Element, Lines, PackedRows, Soon};

/// Memory of one block of rows.
#[derive(Debug)]
pub(crate) struct Block<T> {
    /// What it runs, longest row first.
    pub(super) rows: Vec<Row>,
    pub(super) course: Course,
    /// The round that is in memory.
    pub(super) round: Option<usize>,
    /// Stands in the place of another.
    pub(super) lent: bool,
    /// Where the way back is: a piece, and so many of its chunks are left. Those of the pieces behind it are done.
    pub(super) back: (usize, usize),
    pub(super) layout: Option<Arc<ArenaLayout>>,
    /// Its own, or its worker's while it is run.
    pub(super) arena: AlignedVec<T>,
    scratch: AlignedVec<T>,
    /// For each row whether the step is solved; rows that are stay as they are.
    pub(super) settled: Vec<bool>,
    /// The states that each round begins with, where there are several.
    pub(super) kept: Vec<T>,
    /// For each row the states that it has ended with, one behind the other.
    pub(super) ended: Vec<T>,
    /// Its worker's, while it is run: room for a gradient by all parameters.
    pub(super) gradient: Vec<T>,
    /// Its worker's, while it is run: for sums of outer products.
    pub(super) packed: Option<PackedRows<T>>,
    pub(super) expressions: GradientExpressions<T>,
    offsets: Vec<usize>,
    /// So many of the first rows run the same step of neighbouring samples at a time.
    pub(super) together: usize,
    /// What is read or written soon, which products fetch meanwhile.
    pub(super) soon: Soon,
    /// The products over chunks.
    pub(super) chunk_products: ChunkProducts<T>,
    /// The programs of the loops forward and back.
    pub(super) ready: [Ready<T>; 2],
    /// How often sequences were copied out, for tests.
    #[cfg(test)]
    pub(super) puts: std::sync::atomic::AtomicUsize,
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            course: Course::default(),
            round: None,
            lent: false,
            back: (0, 0),
            layout: None,
            arena: AlignedVec::default(),
            scratch: AlignedVec::default(),
            settled: Vec::new(),
            kept: Vec::new(),
            ended: Vec::new(),
            gradient: Vec::new(),
            packed: None,
            expressions: GradientExpressions::default(),
            offsets: Vec::new(),
            together: 0,
            soon: Soon::default(),
            chunk_products: ChunkProducts::default(),
            ready: Default::default(),
            #[cfg(test)]
            puts: Default::default(),
        }
    }
}

/// As much memory as a round may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Rows of all steps of a round.
    pub(crate) rows: usize,
    /// Whether a way back follows, so that pieces are cut between its chunks.
    pub(crate) chunked: bool,
    /// Whether memory that is larger than needed is given back.
    pub(crate) exact: bool,
}

/// Bytes that a step may write of a tape, or of adjoints, so that they are fetched before: a quarter of L2. With
/// more of them a step has weights that pass through all of it.
const WRITTEN_BYTES: usize = cache::L2 / 4;

/// What all blocks of a run share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared<'a, T> {
    pub(crate) engine: &'a Engine<T>,
    /// How steps are solved.
    pub(crate) solve: SolveOptions,
    pub(crate) weights: &'a Weights<T>,
    /// Read on the way back only.
    pub(crate) parameters: ParameterValues<'a, T>,
}

impl<T> Block<T> {
    /// What stands in the place of a block that a thread has.
    pub(super) fn stand_in() -> Self {
        Self { lent: true, ..Self::default() }
    }

    /// Bytes of its memory.
    pub(crate) fn bytes(&self) -> usize {
        (self.arena.length() + self.kept.len() + self.ended.len()) * size_of::<T>()
    }
}

fn sample_operand(
    plan: &Plan,
    region: Region<'_>,
    matrix: &SampleMatrix,
    step: usize,
) -> matmul::SampleOperand {
    let strides = matrix.strides;
    let buffer = plan.buffer(matrix.place.buffer);
    matmul::SampleOperand {
        offset: region.place(matrix.place, step) + strides.offset,
        step: if buffer.kind == BufferKind::Once { 0 } else { buffer.width },
        rows: strides.rows,
        columns: strides.columns,
        row_stride: strides.row_stride,
        column_stride: strides.column_stride,
    }
}

fn sample_result(plan: &Plan, region: Region<'_>, place: Place, step: usize) -> matmul::SampleResult {
    matmul::SampleResult { offset: region.place(place, step), step: plan.buffer(place.buffer).width }
}

impl<T: Element> Block<T> {
    /// Lays the course of `self.rows`; gives the room that it needs.
    pub(crate) fn lay(&mut self, limit: Limit) -> Result<Room, CallError> {
        self.round = None;
        self.together = together(&self.rows);
        self.course.lay(&self.rows, limit.rows, limit.chunked)?;
        Ok(self.course.room())
    }

    /// Elements of a new arena of its own, or 0 where the one there is will do; `None` where sizes overflow.
    pub(crate) fn missing(&self, engine: &Engine<T>, limit: Limit) -> Option<usize> {
        let known = self.layout.as_ref().map(|layout| layout.room);
        match self.course.room().beyond(known, limit.exact) {
            Some(room) => ArenaLayout::elements(&engine.plan, room),
            None => Some(0),
        }
    }

    /// Makes an arena of its own for the course that was laid.
    pub(crate) fn prepare_arena(&mut self, engine: &Engine<T>, limit: Limit) -> Result<(), CallError> {
        let known = self.layout.as_ref().map(|layout| layout.room);
        let Some(room) = self.course.room().beyond(known, limit.exact) else { return Ok(()) };
        let layout = ArenaLayout::new(&engine.plan, room).ok_or_else(too_many)?;
        // The old one goes first. A new layout finds zeros in every pad.
        (self.layout, self.arena) = (None, AlignedVec::default());
        if !self.arena.resize(layout.length()) {
            return Err(CallError::OutOfMemory { elements: layout.length() });
        }
        self.lay_out(Arc::new(layout));
        Ok(())
    }

    /// Takes another layout, of an arena of its own or of those that workers have.
    pub(crate) fn lay_out(&mut self, layout: Arc<ArenaLayout>) {
        if !self.layout.as_ref().is_some_and(|known| Arc::ptr_eq(known, &layout)) {
            self.layout = Some(layout);
            self.ready.iter_mut().for_each(Ready::forget);
        }
    }

    /// Makes room for the course that was laid, beside the arena.
    pub(crate) fn prepare(&mut self, engine: &Engine<T>, limit: Limit) -> Result<(), CallError> {
        let resize = |elements: Option<usize>, memory: &mut Vec<T>| {
            let elements = elements.ok_or_else(too_many)?;
            if limit.exact && memory.capacity() > elements {
                *memory = Vec::new();
            }
            memory.clear();
            memory.try_reserve_exact(elements).map_err(|_| CallError::OutOfMemory { elements })?;
            memory.resize(elements, T::ZERO);
            Ok::<_, CallError>(())
        };
        let kept = if limit.chunked { self.course.kept_rows() } else { 0 };
        resize(engine.state_width().checked_mul(kept), &mut self.kept)?;
        resize(engine.state_elements().checked_mul(self.rows.len()), &mut self.ended)?;
        // Room beyond what is there: of an earlier run nothing must be left.
        self.offsets.clear();
        self.offsets.reserve(engine.most_bindings());
        self.settled.clear();
        self.settled.reserve(self.rows.len());
        let scratch = engine.scratch_elements();
        if self.scratch.resize(scratch) { Ok(()) } else { Err(CallError::OutOfMemory { elements: scratch }) }
    }

    /// Where the buffers lie. Shared, so that what lies there can be written meanwhile.
    pub(super) fn layout(&self) -> Result<Arc<ArenaLayout>, CallError> {
        let unprepared = || CallError::Internal("a block was run before it was prepared".to_owned());
        self.layout.clone().ok_or_else(unprepared)
    }

    /// Runs the forward programs over a piece, chunk by chunk: what is computed for several steps at once is still in a
    /// cache where they read it. Outputs go out where there is an outlet.
    pub(super) fn run_forward<'s>(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        inputs: impl Iterator<Item = Source<'s, T>> + Clone,
        outlet: Option<&Outlet<'_, '_, T>>,
    ) -> Result<(), CallError>
    where
        T: 's,
    {
        let (piece, plan) = (region.piece, &shared.engine.plan);
        self.ready[0].ready(shared, region, false)?;
        // Outputs that the loop gives go out with each step, while they are in L1.
        let at_once = piece.rows > 1 && plan.program(Section::After).is_empty();
        let mut chunks = piece.chunks().peekable();
        while let Some(steps) = chunks.next() {
            let region = region.chunk(steps.start);
            let all_rows = steps.len() * piece.rows;
            let next = chunks.peek().cloned().unwrap_or_default();
            self.soon.clear();
            self.stage_inputs(shared.engine, region, steps.clone(), inputs.clone(), false);
            self.program(shared, region, Section::Before, steps.start, all_rows)?;
            self.soon.clear();
            if piece.rows == 1 {
                // Kernels of one row fetch nothing: nothing is noted between steps.
                self.steps(shared, region, steps.clone(), false)?;
            } else {
                for step in steps.clone() {
                    self.soon.clear();
                    if step + 1 < piece.steps {
                        self.note_written(shared.engine, region, &shared.engine.read_back, step + 1);
                    }
                    let like = like(step, &steps, &next);
                    self.note_inputs(shared.engine, region, like, inputs.clone(), false);
                    if let Some(outlet) = outlet {
                        outlet.note(self, region, plan.outputs.iter().copied().map(Some), step..step + 1);
                    }
                    self.steps(shared, region, step..step + 1, false)?;
                    if let Some(outlet) = outlet.filter(|_| at_once) {
                        let places = plan.outputs.iter().copied().map(Some);
                        outlet.put(self, shared.engine, region, places, step..step + 1);
                    }
                }
            }
            self.program(shared, region, Section::After, steps.start, all_rows)?;
            if let Some(outlet) = outlet.filter(|_| !at_once) {
                outlet.put(self, shared.engine, region, plan.outputs.iter().copied().map(Some), steps);
            }
        }
        Ok(())
    }

    /// Runs the backward programs over a chunk of a piece, for which the loop back is ready, and adds what it gives to
    /// gradients by parameters. Gradients by inputs go out. The chunk that is `next` is fetched meanwhile.
    pub(super) fn run_backward(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        (steps, next): (Range<usize>, Option<Range<usize>>),
        adjoints: Adjoints<'_, T>,
        turn: &mut Turn<'_, '_, T>,
        outlet: &Outlet<'_, '_, T>,
    ) -> Result<(), CallError> {
        let plan = &shared.engine.plan;
        let region = region.chunk(steps.start);
        let all_rows = steps.len() * region.piece.rows;
        self.stage_inputs(shared.engine, region, steps.clone(), adjoints.inputs.sources(), true);
        // Gradients by outputs that the loop alone reads come in with each step, so that they are in L1.
        let at_once = region.piece.rows > 1 && plan.program(Section::BackwardBefore).is_empty();
        if !at_once {
            self.stage_output_gradients(shared.engine, region, steps.clone(), adjoints.outputs);
        }
        self.program(shared, region, Section::BackwardBefore, steps.start, all_rows)?;
        let next = next.unwrap_or_default();
        self.soon.clear();
        if region.piece.rows == 1 {
            self.steps(shared, region, steps.clone(), true)?;
        } else {
            for step in steps.clone().rev() {
                if at_once {
                    self.stage_output_gradients(shared.engine, region, step..step + 1, adjoints.outputs);
                }
                self.note_soon(shared.engine, region, step);
                let then = if at_once { step.saturating_sub(1)..step } else { like(step, &steps, &next) };
                self.note_output_gradients(shared.engine, region, then, adjoints.outputs);
                outlet.note(self, region, plan.input_gradients.iter().copied(), step..step + 1);
                self.steps(shared, region, step..step + 1, true)?;
            }
        }
        self.note_factors(shared.engine, region, &steps, adjoints.inputs);
        self.note_inputs(shared.engine, region, next.clone(), adjoints.inputs.sources(), true);
        if !at_once {
            let rest = next.end.min(next.start + steps.len())..next.end;
            self.note_output_gradients(shared.engine, region, rest, adjoints.outputs);
        }
        self.program(shared, region, Section::BackwardAfter, steps.start, all_rows)?;
        outlet.put(self, shared.engine, region, plan.input_gradients.iter().copied(), steps.clone());
        self.add_products(shared, region, steps, adjoints.inputs, turn)
    }

    /// Notes what the step back behind `step` will read of the tape, and what it will write for a chunk.
    fn note_soon(&mut self, engine: &Engine<T>, region: Region<'_>, step: usize) {
        self.soon.clear();
        if let Some(next) = step.checked_sub(1) {
            self.note_blocks(engine, region, &engine.read_back, next);
            if next >= region.first {
                self.note_written(engine, region, &engine.adjoints, next);
            }
        }
    }

    /// Notes that blocks are written soon, unless they are so many bytes that they would have left L2 by then.
    fn note_written(&mut self, engine: &Engine<T>, region: Region<'_>, buffers: &[usize], step: usize) {
        let widths: usize = buffers.iter().map(|&buffer| engine.plan.buffers[buffer].width).sum();
        if widths * region.piece.rows * size_of::<T>() <= WRITTEN_BYTES {
            self.note_blocks(engine, region, buffers, step);
        }
    }

    /// Notes that the blocks of some buffers are read or written soon.
    fn note_blocks(&mut self, engine: &Engine<T>, region: Region<'_>, buffers: &[usize], step: usize) {
        let arena = self.arena.as_slice();
        self.soon.extend(buffers.iter().filter_map(|&buffer| {
            let start = region.block(buffer, 0, step);
            let end = start + region.piece.rows * engine.plan.buffers[buffer].width;
            arena.get(start..end).map(Lines::of)
        }));
    }

    /// Notes what is read of the tape, and of inputs, by the products that add up gradients over some steps.
    fn note_factors(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        steps: &Range<usize>,
        inputs: Boundary<'_, T>,
    ) {
        self.soon.clear();
        for (source, _) in
            inputs.sources().zip(&engine.packed_in_place).filter(|(_, columns)| columns.is_some())
        {
            self.note_steps(region, steps.clone(), source);
        }
        let (first, all_rows) = (steps.start, steps.len() * region.piece.rows);
        let arena = self.arena.as_slice();
        self.soon.extend(engine.gradients.right_operands(&engine.plan).filter_map(|(place, columns)| {
            let start = region.place(place, first);
            let end = start + (all_rows - 1) * engine.plan.buffer(place.buffer).width + columns;
            arena.get(start..end).map(Lines::of)
        }));
        // What is packed of an input is written over what was packed before; nothing at first, so that the list does not grow.
        let packed = self.packed.as_ref().map_or_else(|| Lines::of::<T>(&[]), PackedRows::lines);
        self.soon.extend([packed]);
    }

    /// Some steps of a time loop, of one chunk, solved where there is something to solve.
    fn steps(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        steps: Range<usize>,
        backward: bool,
    ) -> Result<(), CallError> {
        let plan = &shared.engine.plan;
        let (prepare, rest, solved) = if backward {
            (Section::BackwardPrepare, Section::BackwardStep, &plan.unknown_gradients)
        } else {
            (Section::Prepare, Section::Step, &plan.unknowns)
        };
        // Nothing is prepared where nothing is solved.
        if solved.is_empty() {
            return self.loop_program(shared, region, rest, steps);
        }
        for step in in_order(steps, backward) {
            self.loop_program(shared, region, prepare, step..step + 1)?;
            self.solve(shared, region, step, solved, backward)?;
            self.loop_program(shared, region, rest, step..step + 1)?;
        }
        Ok(())
    }

    /// Some steps of a program of a time loop, which has been made ready; of one chunk.
    pub(super) fn loop_program(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        section: Section,
        steps: Range<usize>,
    ) -> Result<(), CallError> {
        // What a step needs is looked up before the first: a step of a small cell is short.
        let Self { ready, arena, scratch, soon, .. } = self;
        let (rows, engine) = (region.piece.rows, shared.engine);
        let ready = &mut ready[usize::from(section.is_backward())];
        #[cfg(test)]
        {
            ready.stretches += 1;
        }
        let (operations, program) = (ready.operations(section), engine.plan.program(section));
        let matrices = shared.weights.matrices()?;
        let (arena, scratch) = (arena.as_mut_slice(), scratch.as_mut_slice());
        for step in in_order(steps, section.is_backward()) {
            let moment = region.moment(step);
            for operation in operations {
                match *operation {
                    Operation::Product { product, matrix } => {
                        let matrix = matrices.of(matrix);
                        ready.products[product].run_bound(arena, moment, matrix, soon).map_err(internal)?;
                    }
                    Operation::Loop { bound } => {
                        engine.run_bound(&ready.loops[bound], moment, arena, scratch)?;
                    }
                    Operation::Other { instruction } => {
                        of_samples(arena, &engine.plan, region, &program[instruction], step, rows)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Readies the products of the first chunk of a piece, so that it allocates nothing, on the way there.
    pub(super) fn ready_chunk(&mut self, shared: Shared<'_, T>, region: Region<'_>) -> Result<(), CallError> {
        let (piece, plan) = (region.piece, &shared.engine.plan);
        let steps = piece.chunk().min(piece.steps);
        for step in [Section::Before, Section::After].into_iter().flat_map(|section| plan.program(section)) {
            if let Step::Product { operand, matrix, output, start } = step {
                let rows = product_rows(plan, region, steps * piece.rows, (*operand, *output, *start));
                let right = (*matrix, shared.weights.matrices()?.of(*matrix));
                self.chunk_products.of(right, rows, steps == piece.chunk())?;
            }
        }
        Ok(())
    }

    /// A program that runs over several steps of a piece at once, from `step` on.
    fn program(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        section: Section,
        step: usize,
        rows: usize,
    ) -> Result<(), CallError> {
        if rows == 0 {
            return Ok(());
        }
        let plan = &shared.engine.plan;
        let whole = rows == region.piece.chunk() * region.piece.rows;
        let arena = self.arena.as_mut_slice();
        for instruction in plan.program(section) {
            match instruction {
                Step::Product { operand, matrix, output, start } => {
                    let rows = product_rows(plan, region, rows, (*operand, *output, *start));
                    let places = (region.place(*operand, step), region.place(*output, step));
                    let right = shared.weights.matrices()?.of(*matrix);
                    let product = self.chunk_products.of((*matrix, right), rows, whole)?;
                    match product {
                        Some(product) => product.run(arena, places, right, &mut self.soon),
                        None => matmul::multiply(arena, rows, places, right, &mut self.soon),
                    }
                    .map_err(internal)?;
                }
                Step::Loop { kernel, bindings } => {
                    self.offsets.clear();
                    self.offsets.extend(
                        bindings.iter().map(|&(buffer, time)| region.block(buffer.0 as usize, time, step)),
                    );
                    let scratch = self.scratch.as_mut_slice();
                    shared.engine.run_loop(*kernel, arena, &self.offsets, rows, scratch)?;
                }
                other => of_samples(arena, plan, region, other, step, rows)?,
            }
        }
        Ok(())
    }
}

/// Some steps in the order of a pass: the last one first on the way back.
fn in_order(steps: Range<usize>, backward: bool) -> impl Iterator<Item = usize> {
    let Range { start, end } = steps;
    (start..end).map(move |step| if backward { end - 1 - (step - start) } else { step })
}

/// The step of the next chunk that is in it where `step` is in its own, if there is one.
fn like(step: usize, steps: &Range<usize>, next: &Range<usize>) -> Range<usize> {
    let at = next.start + (step - steps.start);
    at.min(next.end)..(at + 1).min(next.end)
}

/// How the rows of a product lie in an arena: of its operand, its output, and what its sums start at.
pub(super) fn product_rows(
    plan: &Plan,
    region: Region<'_>,
    count: usize,
    (operand, output, start): (Place, Place, Start),
) -> matmul::Rows {
    let stride = |place: Place| plan.buffer(place.buffer).width;
    let start = match start {
        Start::Zero => matmul::Start::Zero,
        Start::There => matmul::Start::There,
        // The same at every step.
        Start::Row(row) => matmul::Start::Row(region.place(row, 0)),
    };
    matmul::Rows { count, left_stride: stride(operand), result_stride: stride(output), start }
}

/// An instruction on matrices that each sample has its own of.
fn of_samples<T: Element>(
    arena: &mut [T],
    plan: &Plan,
    region: Region<'_>,
    instruction: &Step,
    step: usize,
    rows: usize,
) -> Result<(), CallError> {
    match instruction {
        Step::SampleProduct { left, right, output } => {
            let [left, right] = [left, right].map(|matrix| sample_operand(plan, region, matrix, step));
            let result = sample_result(plan, region, *output, step);
            matmul::sample_product(arena, rows, left, right, result).map_err(internal)
        }
        Step::Arrange { from, output, start, total } => {
            let from = sample_operand(plan, region, from, step);
            let result = sample_result(plan, region, *output, step);
            matmul::arrange(arena, rows, from, result, *start, *total).map_err(internal)
        }
        Step::RowMaximum { from, output } => {
            let from = sample_operand(plan, region, from, step);
            let result = sample_result(plan, region, *output, step);
            matmul::row_maximum(arena, rows, from, result).map_err(internal)
        }
        Step::Product { .. } | Step::Loop { .. } => Err(internal("an instruction that samples share")),
    }
}

/// Sizes that overflow.
fn too_many() -> CallError {
    CallError::OutOfMemory { elements: usize::MAX }
}
