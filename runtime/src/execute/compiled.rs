//! The cell as users hold it: equations compiled for given feature sizes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatewright_compiler::graph::interpret::evaluate_constants;
use gatewright_compiler::graph::solve::SolveOptions;
use gatewright_compiler::graph::{Graph, InitialStates, NodeId, lower};
use gatewright_compiler::passes::{self, PassError};
use gatewright_compiler::plan::{OnceSource, Plan, plan};
use gatewright_compiler::resolve::Cell;

use super::arena::ArenaLayout;
use super::block::{Block, Boundary, Shared};
use super::engine::Engine;
use super::gradient::parameter_gradients;
use super::roles::Roles;
use crate::error::{CallError, CompileError};
use crate::matmul::{Element, PackedMatrix, PackedRows};
use crate::parameters::ParameterLayout;
use crate::primitive::Level;
use crate::sequence::{Backward, CellLayout, Forward, Keep, Port, SequenceCell};
use crate::workspace::Workspace;

/// How the element loops of a cell run. Both give the same bits from the same matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Machine code.
    Jit,
    /// The interpreter: on any host, some fifty times slower.
    Interpreter,
}

impl Default for Backend {
    /// Machine code where this build has it.
    fn default() -> Self {
        if cfg!(feature = "jit") { Self::Jit } else { Self::Interpreter }
    }
}

/// Choices of [`CompiledCell::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// How element loops run.
    pub backend: Backend,
    /// Most threads that a run may use, at least 1. The result does not depend on it.
    pub threads: usize,
    /// How steps are solved whose equations need each other. Read where the cell was resolved with
    /// [`CyclePolicy::FixedPoint`](gatewright_compiler::resolve::CyclePolicy::FixedPoint).
    pub solve: SolveOptions,
    /// The instruction set of matrix products and transcendental functions. Of what is on one machine, all but
    /// [`Level::Portable`] give the same bits.
    pub level: Level,
}

impl Default for CompileOptions {
    /// One thread, and the best that this build and this machine have.
    fn default() -> Self {
        Self { backend: Backend::default(), threads: 1, solve: SolveOptions::default(), level: Level::best() }
    }
}

/// A cell compiled for known feature sizes, for any number of steps and samples.
///
/// ```
/// use gatewright::compiler::source::Syntax;
/// use gatewright::{CompileOptions, CompiledCell, read_cell};
///
/// let cell = read_cell("h_t = tanh(W x_t + U h_{t-1} + b)", Syntax::Text)?;
/// let compiled = CompiledCell::<f32>::new(&cell, &[("x", 3), ("h", 4)], CompileOptions::default())?;
/// assert_eq!(compiled.parameter_layout().length(), 4 * 3 + 4 * 4 + 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CompiledCell<T> {
    layout: CellLayout,
    parameter_ranges: Vec<(usize, usize)>,
    inference: Arc<Engine<T>>,
    training: Arc<Engine<T>>,
    initial: Option<InitialStates>,
    threads: usize,
    solve: SolveOptions,
    compile_time: Duration,
}

impl<T: Element> CompiledCell<T> {
    /// Compiles a checked cell. `dimensions` gives each free dimension its size by name (`("x", 128)`).
    ///
    /// # Errors
    ///
    /// A dimension that is missing, unknown, given twice or too large; an operator without code; a failure of the code generator.
    pub fn new(
        cell: &Cell,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
    ) -> Result<Self, CompileError> {
        let started = Instant::now();
        let forward = lower(cell).map_err(PassError::from)?;
        let mut compiled = Self::from_graph(&forward, dimensions, options)?;
        compiled.compile_time = started.elapsed();
        Ok(compiled)
    }

    /// Compiles the forward graph of a step, as [`CompiledCell::new`] does a cell.
    ///
    /// # Errors
    ///
    /// As [`CompiledCell::new`].
    pub fn from_graph(
        forward: &Graph,
        dimensions: &[(&str, usize)],
        options: CompileOptions,
    ) -> Result<Self, CompileError> {
        let started = Instant::now();
        let sizes = sizes_of(&forward.signature().dimensions, dimensions)?;
        let layout = layout_of(forward, &sizes)?;
        let graphs = passes::run_from_graph(forward)?;
        let engine = |graph: Graph| -> Result<Arc<Engine<T>>, CompileError> {
            let plan = plan(&graph, &sizes)?;
            log::debug!("plan:\n{plan}");
            Ok(Arc::new(Engine::new(Arc::new(graph), plan, options.backend, options.level)?))
        };
        let inference = engine(graphs.forward)?;
        let training = engine(graphs.gradient)?;
        let parameter_ranges =
            layout.parameters.entries().iter().map(|entry| (entry.offset, entry.length())).collect();
        Ok(Self {
            layout,
            parameter_ranges,
            inference,
            training,
            initial: graphs.initial,
            threads: options.threads.max(1),
            solve: options.solve,
            compile_time: started.elapsed(),
        })
    }

    /// Names, shapes and offsets of the parameters.
    #[must_use]
    pub fn parameter_layout(&self) -> &ParameterLayout {
        &self.layout.parameters
    }

    /// Time that [`CompiledCell::new`] took.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// Bytes of machine code.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.inference.code_bytes() + self.training.code_bytes()
    }

    /// Bytes that a training run keeps for each sample and step, padding included.
    #[must_use]
    pub fn tape_bytes_per_step(&self) -> usize {
        self.training.plan.tape_elements() * size_of::<T>()
    }

    /// Bytes that a training run holds for each sample and step: the tape, and what the way back keeps for the products
    /// behind its loop.
    #[must_use]
    pub fn training_bytes_per_step(&self) -> usize {
        self.training.plan.sequence_elements() * size_of::<T>()
    }

    /// The plan of a training step.
    #[must_use]
    pub fn training_plan(&self) -> &Plan {
        &self.training.plan
    }

    /// The plan of inference.
    #[must_use]
    pub fn inference_plan(&self) -> &Plan {
        &self.inference.plan
    }

    /// Every parameter in its shape.
    fn parameter_slices<'a>(&self, parameters: &'a [T]) -> Vec<&'a [T]> {
        self.parameter_ranges.iter().map(|&(offset, length)| &parameters[offset..offset + length]).collect()
    }

    /// For each state where it begins, `[B, n]`, if the caller does not say so and the equations do; else nothing.
    fn declared_states(
        &self,
        call: &Forward<'_, '_, T>,
        declared: &mut Vec<Vec<T>>,
    ) -> Result<(), CallError> {
        declared.iter_mut().for_each(Vec::clear);
        let given =
            |state: u32| call.initial_states.get(state as usize).is_some_and(|slice| !slice.is_empty());
        let Some(initial) = self.initial.as_ref().filter(|one| !one.states().iter().all(|&one| given(one)))
        else {
            return Ok(());
        };
        declared.resize_with(self.layout.states.len(), Vec::new);
        let parameters = self.parameter_slices(call.parameters);
        let values = initial.values(&self.training.plan.sizes, &parameters).map_err(internal)?;
        for (&state, value) in initial.states().iter().zip(values) {
            if given(state) {
                continue;
            }
            let elements = value
                .len()
                .checked_mul(call.batch)
                .ok_or(CallError::TooLarge { steps: call.steps, batch: call.batch })?;
            let rows = &mut declared[state as usize];
            rows.try_reserve_exact(elements).map_err(|_| CallError::OutOfMemory { elements })?;
            (0..call.batch).for_each(|_| rows.extend_from_slice(&value));
        }
        Ok(())
    }

    /// Adds what reaches the parameters through the initial states that the equations declare and the run has used.
    fn initial_gradients(
        &self,
        call: &mut Backward<'_, '_, T>,
        memory: &Memory<T>,
        batch: usize,
    ) -> Result<(), CallError> {
        let Some(initial) =
            self.initial.as_ref().filter(|_| memory.declared.iter().any(|rows| !rows.is_empty()))
        else {
            return Ok(());
        };
        let engine = &self.training;
        let mut sums: Vec<Vec<T>> = Vec::with_capacity(initial.states().len());
        for &state in initial.states() {
            let size = self.layout.states[state as usize].size;
            let mut sum = vec![T::ZERO; size];
            if memory.declared.get(state as usize).is_some_and(|rows| !rows.is_empty()) {
                let place = engine.plan.state_gradients[state as usize];
                let mut rows = vec![T::ZERO; size * batch];
                for block in &memory.blocks {
                    block.unstage(engine, place, 0..1, batch, size, &mut rows)?;
                }
                for row in rows.chunks_exact(size) {
                    sum.iter_mut().zip(row).for_each(|(sum, &addend)| *sum = *sum + addend);
                }
            }
            sums.push(sum);
        }
        let sums: Vec<&[T]> = sums.iter().map(Vec::as_slice).collect();
        let parameters = self.parameter_slices(call.parameters);
        let gradients =
            initial.parameter_gradients(&engine.plan.sizes, &parameters, &sums).map_err(internal)?;
        for (&(offset, length), addends) in self.parameter_ranges.iter().zip(&gradients) {
            let gradient = &mut call.parameter_gradients[offset..offset + length];
            gradient.iter_mut().zip(addends).for_each(|(sum, &addend)| *sum = *sum + addend);
        }
        Ok(())
    }

    fn shared<'a>(
        &'a self,
        engine: &'a Engine<T>,
        parameters: &'a [T],
        workspace: &'a Memory<T>,
    ) -> Shared<'a, T> {
        Shared {
            engine,
            solve: self.solve,
            matrices: &workspace.matrices,
            parameters,
            parameter_ranges: &self.parameter_ranges,
            expressions: &workspace.expressions,
        }
    }
}

/// Sizes of the free dimensions, in the cell's order.
fn sizes_of(free: &[String], dimensions: &[(&str, usize)]) -> Result<Vec<usize>, CompileError> {
    for (at, (name, _)) in dimensions.iter().enumerate() {
        if dimensions[..at].iter().any(|(before, _)| before == name) {
            return Err(CompileError::RepeatedDimension { name: (*name).to_owned() });
        }
        if !free.iter().any(|known| known == name) {
            let known = free.join(", ");
            return Err(CompileError::UnknownDimension { name: (*name).to_owned(), known });
        }
    }
    free.iter()
        .map(|name| {
            let given = dimensions.iter().find(|(given, _)| given == name);
            given.map(|&(_, size)| size).ok_or_else(|| CompileError::MissingDimension { name: name.clone() })
        })
        .collect()
}

fn layout_of(graph: &Graph, sizes: &[usize]) -> Result<CellLayout, CompileError> {
    let signature = graph.signature();
    let size = |port: &gatewright_compiler::graph::Port| {
        let axes = port.shape.sizes(sizes);
        axes.and_then(|axes| axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis)))
            .ok_or_else(|| CompileError::TooLarge { name: port.name.clone() })
    };
    let ports = |ports: &[gatewright_compiler::graph::Port]| {
        ports
            .iter()
            .map(|port| {
                let size = size(port)?;
                let axes = port.shape.sizes(sizes).filter(|axes| !axes.is_empty());
                Ok(Port { name: port.name.clone(), size, axes: axes.unwrap_or_else(|| vec![1]) })
            })
            .collect::<Result<Vec<_>, CompileError>>()
    };
    let roles = Roles::new(graph, sizes);
    let mut parameters = Vec::with_capacity(signature.parameters.len());
    for (index, port) in (0_u32..).zip(&signature.parameters) {
        size(port)?;
        let axes = port.shape.sizes(sizes).unwrap_or_default();
        parameters.push((port.name.clone(), axes, roles.of(index)));
    }
    let mut parameters = ParameterLayout::new(parameters)
        .ok_or_else(|| CompileError::TooLarge { name: "the parameters".to_owned() })?;
    parameters.freeze(&signature.frozen);
    Ok(CellLayout {
        inputs: ports(&signature.inputs)?,
        states: ports(&signature.states)?,
        outputs: ports(&signature.outputs)?,
        parameters,
    })
}

/// Values of nodes that are constant over time, from parameters and totals.
pub(crate) fn constants<T: Element>(
    engine: &Engine<T>,
    parameters: &[T],
    ranges: &[(usize, usize)],
    totals: &[(NodeId, Vec<T>)],
    wanted: &[NodeId],
) -> Result<Vec<Vec<T>>, CallError> {
    let parameters: Vec<&[T]> =
        ranges.iter().map(|&(offset, length)| &parameters[offset..offset + length]).collect();
    let totals: Vec<(NodeId, &[T])> = totals.iter().map(|(node, value)| (*node, value.as_slice())).collect();
    evaluate_constants(&engine.graph, &engine.plan.sizes, &parameters, &totals, wanted)
        .map_err(|error| CallError::Internal(error.to_string()))
}

/// Steps that inference runs at once. Products that leave the loop are computed for so many steps ahead, so the memory
/// of a run without a tape does not grow with the length of the sequence beyond this.
pub(crate) const STEPS_AT_ONCE: usize = 256;

/// What a [`Workspace`] holds for one engine.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    engine: Option<Arc<Engine<T>>>,
    matrices: Vec<PackedMatrix<T>>,
    expressions: Vec<Vec<T>>,
    blocks: Vec<Block<T>>,
    /// For the gradients by parameters, one for each thread.
    packed_rows: Vec<PackedRows<T>>,
    /// Steps and samples that the blocks are made for.
    shape: Option<(usize, usize)>,
    /// Steps and samples of the run whose tape is held.
    tape: Option<(usize, usize)>,
    /// For each state where that run began, if it did where the equations say; else nothing.
    declared: Vec<Vec<T>>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            engine: None,
            matrices: Vec::new(),
            expressions: Vec::new(),
            blocks: Vec::new(),
            packed_rows: Vec::new(),
            shape: None,
            tape: None,
            declared: Vec::new(),
        }
    }
}

impl<T> Memory<T> {
    /// Bytes of all blocks.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum()
    }
}

impl<T: Element> Memory<T> {
    /// Makes this the memory of `engine` for a run: everything that does not depend on values.
    fn attach(&mut self, engine: &Arc<Engine<T>>, steps: usize, batch: usize) -> Result<(), CallError> {
        if !self.engine.as_ref().is_some_and(|known| Arc::ptr_eq(known, engine)) {
            let matrices = &engine.plan.matrices;
            let zeroed = matrices
                .iter()
                .map(|matrix| PackedMatrix::zeroed_for(engine.level, matrix.rows, matrix.columns));
            let matrices = zeroed.collect::<Result<_, _>>().map_err(internal)?;
            *self = Self { engine: Some(Arc::clone(engine)), matrices, ..Self::default() };
        }
        if self.shape != Some((steps, batch)) {
            self.shape = None;
            // All or nothing: what all blocks need is asked for before any of them gets it.
            let elements = ArenaLayout::new(&engine.plan, steps, batch)
                .ok_or(CallError::TooLarge { steps, batch })?
                .length();
            let none_for = |elements| move |_| CallError::OutOfMemory { elements };
            Vec::<T>::new().try_reserve_exact(elements).map_err(none_for(elements))?;
            let (rows, count) = block_rows(batch);
            self.blocks.truncate(count);
            self.blocks.try_reserve_exact(count - self.blocks.len()).map_err(none_for(elements))?;
            self.blocks.resize_with(count, Block::default);
            for (index, block) in self.blocks.iter_mut().enumerate() {
                (block.first, block.end) = (index * rows, batch.min((index + 1).saturating_mul(rows)));
                block.prepare(engine, steps)?;
            }
            self.shape = Some((steps, batch));
        }
        Ok(())
    }

    /// Packs the matrices of one pass.
    fn pack(
        &mut self,
        engine: &Engine<T>,
        parameters: &[T],
        ranges: &[(usize, usize)],
        backward: bool,
    ) -> Result<(), CallError> {
        for (packed, layout) in self.matrices.iter_mut().zip(&engine.plan.matrices) {
            if layout.backward != backward {
                continue;
            }
            for block in &layout.blocks {
                let view = block.view;
                let source = match view.source {
                    OnceSource::Parameter(index) => {
                        let (offset, length) = ranges[index as usize];
                        &parameters[offset..offset + length]
                    }
                    OnceSource::Expression(index) => &self.expressions[index as usize],
                };
                if view.rows == 0 || view.columns == 0 {
                    continue;
                }
                // `y = M v` for rows `v^T` is `v^T M^T`: what is not transposed in the equation is so in the product.
                packed
                    .place(
                        block.row,
                        block.column,
                        &source[view.row * view.row_stride + view.column..],
                        view.rows,
                        view.columns,
                        view.row_stride,
                        !view.transposed,
                    )
                    .map_err(internal)?;
            }
        }
        Ok(())
    }
}

/// A refusal of something that the plan has made right.
pub(crate) fn internal(error: impl std::fmt::Display) -> CallError {
    CallError::Internal(error.to_string())
}

/// Rows of the blocks that a batch is cut into, and how many blocks. Depends on the batch alone.
fn block_rows(batch: usize) -> (usize, usize) {
    // From 32 rows on there are at least two blocks, so that two threads have work; beyond 64 rows blocks keep the
    // memory of a step small.
    let rows = if batch < 32 { batch.max(1) } else { batch.div_ceil(2).min(32).next_multiple_of(8) };
    (rows, batch.div_ceil(rows).max(1))
}

fn check_count(what: &'static str, found: usize, expected: usize) -> Result<(), CallError> {
    if found == expected { Ok(()) } else { Err(CallError::Count { what, expected, found }) }
}

fn check_length(
    what: &'static str,
    name: &str,
    found: usize,
    expected: Option<usize>,
) -> Result<(), CallError> {
    match expected {
        Some(expected) if expected == found => Ok(()),
        expected => Err(CallError::Length {
            what,
            name: name.to_owned(),
            expected: expected.unwrap_or(usize::MAX),
            found,
        }),
    }
}

/// Checks slices against ports, `count` rows each; an empty list is allowed where `optional`.
fn check_slices<'s, T: 's>(
    what: &'static str,
    ports: &[Port],
    slices: impl ExactSizeIterator<Item = &'s [T]>,
    count: Option<usize>,
    optional: bool,
) -> Result<(), CallError> {
    if optional && slices.len() == 0 {
        return Ok(());
    }
    check_count(what, slices.len(), ports.len())?;
    for (port, slice) in ports.iter().zip(slices) {
        check_length(what, &port.name, slice.len(), count.and_then(|count| count.checked_mul(port.size)))?;
    }
    Ok(())
}

/// Runs `work` on every block, on up to `threads` threads.
fn each_block<T: Element>(
    blocks: &mut [Block<T>],
    threads: usize,
    work: impl Fn(&mut Block<T>) -> Result<(), CallError> + Sync,
) -> Result<(), CallError> {
    each(blocks.iter_mut(), threads, work)
}

/// Runs `work` on every item, on up to `threads` threads, each taking the next item that is left. The first error by
/// the order of items is the result.
fn each<I: Send>(
    mut items: impl ExactSizeIterator<Item = I> + Send,
    threads: usize,
    work: impl Fn(I) -> Result<(), CallError> + Sync,
) -> Result<(), CallError> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.try_for_each(work);
    }
    let queue = Mutex::new(items.enumerate());
    let run = || {
        loop {
            // A thread that panics does so in `work`, not while it holds the queue.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let (index, item) = next?;
            if let Err(error) = work(item) {
                return Some((index, error));
            }
        }
    };
    std::thread::scope(|scope| {
        // Where the system has no more threads, those there are do the work.
        let others: Vec<_> =
            (1..threads).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, run).ok()).collect();
        let mut first = run();
        for other in others {
            let panicked = || Some((0, CallError::Internal("a thread of the run panicked".to_owned())));
            let error = other.join().unwrap_or_else(|_| panicked());
            first = match (first, error) {
                (Some(one), Some(two)) => Some(if two.0 < one.0 { two } else { one }),
                (one, two) => one.or(two),
            };
        }
        first.map_or(Ok(()), |(_, error)| Err(error))
    })
}

/// Gradients by all parameters from all blocks, on up to `threads` threads.
fn gradients<T: Element>(
    shared: Shared<'_, T>,
    blocks: &[Block<T>],
    into: &mut [T],
    packed: &mut Vec<PackedRows<T>>,
    threads: usize,
) -> Result<(), CallError> {
    let level = shared.engine.level;
    packed.resize_with(threads.max(1), || PackedRows::new(level));
    if let [packed] = packed.as_mut_slice() {
        return parameter_gradients(shared, blocks, 0..into.len(), into, packed);
    }
    let ranges = shared.engine.gradients.cut(&shared.engine.plan, shared.parameter_ranges, threads);
    let (mut rest, mut jobs) = (into, Vec::with_capacity(ranges.len()));
    for (range, packed) in ranges.into_iter().zip(packed) {
        let (part, after) = rest.split_at_mut(range.len());
        rest = after;
        jobs.push((range, part, packed));
    }
    each(jobs.into_iter(), threads, |(range, part, packed)| {
        parameter_gradients(shared, blocks, range, part, packed)
    })
}

impl<T: Element> SequenceCell<T> for CompiledCell<T> {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    fn forward(
        &self,
        call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        let (steps, batch) = (call.steps, call.batch);
        let rows = Some(steps.checked_mul(batch).ok_or(CallError::TooLarge { steps, batch })?);
        let layout = &self.layout;
        check_length("parameters", "", call.parameters.len(), Some(layout.parameters.length()))?;
        check_slices("input", &layout.inputs, call.inputs.iter().copied(), rows, false)?;
        if !call.initial_states.is_empty() {
            check_count("initial state", call.initial_states.len(), layout.states.len())?;
        }
        for (port, slice) in layout.states.iter().zip(call.initial_states) {
            if !slice.is_empty() {
                check_length("initial state", &port.name, slice.len(), batch.checked_mul(port.size))?;
            }
        }
        check_slices("output", &layout.outputs, call.outputs.iter().map(|slice| &**slice), rows, true)?;
        check_slices(
            "final state",
            &layout.states,
            call.final_states.iter().map(|slice| &**slice),
            Some(batch),
            true,
        )?;
        let engine = match keep {
            Keep::Nothing => &self.inference,
            Keep::Tape => &self.training,
        };
        let memory = workspace.memory();
        memory.tape = None;
        let most = match keep {
            Keep::Nothing => steps.min(STEPS_AT_ONCE),
            Keep::Tape => steps,
        };
        memory.attach(engine, most, batch)?;
        self.declared_states(&call, &mut memory.declared)?;
        let wanted: Vec<NodeId> = engine.plan.expressions.iter().map(|expression| expression.0).collect();
        if !wanted.is_empty() {
            memory.expressions = constants(engine, call.parameters, &self.parameter_ranges, &[], &wanted)?;
        }
        memory.pack(engine, call.parameters, &self.parameter_ranges, false)?;
        let mut blocks = std::mem::take(&mut memory.blocks);
        let shared = self.shared(engine, call.parameters, memory);
        let states = Boundary {
            ports: &layout.states,
            slices: call.initial_states,
            declared: &memory.declared,
            batch,
            first: 0,
        };
        let mut run = || -> Result<(), CallError> {
            let mut first = 0;
            loop {
                let count = most.min(steps - first);
                let inputs =
                    Boundary { ports: &layout.inputs, slices: call.inputs, declared: &[], batch, first };
                each_block(&mut blocks, self.threads, |block| {
                    if first > 0 {
                        block.carry_on(engine)?;
                    }
                    block.set_steps(count)?;
                    block.stage_forward(shared, inputs, (first == 0).then_some(states))?;
                    block.run(shared, false)
                })
                .map_err(|error| error.counted_from(first))?;
                for block in &blocks {
                    for ((output, &place), port) in
                        call.outputs.iter_mut().zip(&engine.plan.outputs).zip(&layout.outputs)
                    {
                        let output = output.get_mut(first * batch * port.size..).unwrap_or_default();
                        block.unstage(engine, place, 0..count, batch, port.size, output)?;
                    }
                }
                first += count;
                if first >= steps {
                    break;
                }
            }
            for block in &blocks {
                let last = block.steps();
                for ((into, &place), port) in
                    call.final_states.iter_mut().zip(&engine.plan.states).zip(&layout.states)
                {
                    block.unstage(engine, place, last..last + 1, batch, port.size, into)?;
                }
            }
            Ok(())
        };
        let result = run();
        memory.blocks = blocks;
        result?;
        memory.tape = (keep == Keep::Tape).then_some((steps, batch));
        Ok(())
    }

    fn backward(&self, mut call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let engine = &self.training;
        let layout = &self.layout;
        let memory = workspace.memory();
        let held = memory.engine.as_ref().is_some_and(|known| Arc::ptr_eq(known, engine));
        let (steps, batch) = memory.tape.filter(|_| held).ok_or(CallError::NoTape)?;
        let rows = steps.checked_mul(batch);
        check_length("parameters", "", call.parameters.len(), Some(layout.parameters.length()))?;
        let length = call.parameter_gradients.len();
        check_length("parameter gradients", "", length, Some(layout.parameters.length()))?;
        check_slices("output gradient", &layout.outputs, call.output_gradients.iter().copied(), rows, true)?;
        let finals = call.final_state_gradients.iter().copied();
        check_slices("final state gradient", &layout.states, finals, Some(batch), true)?;
        let inputs = call.input_gradients.iter().map(|slice| &**slice);
        check_slices("input gradient", &layout.inputs, inputs, rows, true)?;
        let initial = call.initial_state_gradients.iter().map(|slice| &**slice);
        check_slices("initial state gradient", &layout.states, initial, Some(batch), true)?;

        memory.pack(engine, call.parameters, &self.parameter_ranges, true)?;
        let mut blocks = std::mem::take(&mut memory.blocks);
        let shared = self.shared(engine, call.parameters, memory);
        let boundary = |ports, slices| Boundary { ports, slices, declared: &[], batch, first: 0 };
        let outputs = boundary(&layout.outputs, call.output_gradients);
        let states = boundary(&layout.states, call.final_state_gradients);
        let result = each_block(&mut blocks, self.threads, |block| {
            block.stage_backward(shared, outputs, states)?;
            block.run(shared, true)
        });
        let mut packed = std::mem::take(&mut memory.packed_rows);
        let shared = self.shared(engine, call.parameters, memory);
        let result = result
            .and_then(|()| gradients(shared, &blocks, call.parameter_gradients, &mut packed, self.threads));
        (memory.blocks, memory.packed_rows) = (blocks, packed);
        result?;
        self.initial_gradients(&mut call, memory, batch)?;
        for block in &memory.blocks {
            for ((into, place), port) in
                call.input_gradients.iter_mut().zip(&engine.plan.input_gradients).zip(&layout.inputs)
            {
                match place {
                    Some(place) => block.unstage(engine, *place, 0..steps, batch, port.size, into)?,
                    None => into.fill(T::ZERO),
                }
            }
            let places = &engine.plan.state_gradients;
            for ((into, &place), port) in
                call.initial_state_gradients.iter_mut().zip(places).zip(&layout.states)
            {
                block.unstage(engine, place, 0..1, batch, port.size, into)?;
            }
        }
        Ok(())
    }
}
