//! A call: checked, cut in rounds, each round run by all blocks, and what comes out put where it belongs.

use std::sync::Arc;

use super::block::{Block, Shared};
use super::check;
use super::compiled::CompiledCell;
use super::constant::{Declared, ParameterValues};
use super::engine::Engine;
use super::gradient::{add_up, finish_gradients};
use super::memory::{Memory, Tape, rounds};
use super::outlet::Outlet;
use super::round::Adjoints;
use super::stage::{Beginnings, Boundary};
use super::sum::Turn;
use super::table::Row;
use super::threads::each_block;
use super::weights::Weights;
use super::worker::Worker;
use crate::error::CallError;
use crate::matmul::Element;
use crate::sequence::{Backward, CellLayout, Forward, Keep, SequenceCell};
use crate::workspace::Workspace;

impl<T: Element> CompiledCell<T> {
    /// The parameters one by one.
    pub(crate) fn parameters<'a>(&'a self, elements: &'a [T]) -> ParameterValues<'a, T> {
        ParameterValues { elements, ranges: &self.parameter_ranges }
    }

    /// Computes where states begin whose beginning the equations declare, for those that need it: where the caller gives
    /// none, or a reset asks for it.
    pub(crate) fn declare(
        &self,
        declared: &mut Declared<T>,
        parameters: &[T],
        needed: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        let (initial, sizes) = (self.initial.as_ref(), &self.training.plan.sizes);
        declared.compute(initial, sizes, self.layout.states.len(), self.parameters(parameters), needed)
    }

    /// Adds what reaches the parameters through the initial states that the equations declare and rows have begun with.
    fn declared_gradients(
        &self,
        call: &mut Backward<'_, '_, T>,
        memory: &mut Memory<T>,
        given: &[bool],
    ) -> Result<(), CallError> {
        let Some(initial) = &self.initial else { return Ok(()) };
        let (engine, blocks) = (&self.training, &memory.blocks);
        let sum = |state: usize, sums: &mut [T]| {
            let mut some = false;
            for block in blocks {
                block.unstage_initial_gradients(engine, state, |row: &Row, addends: &[T]| {
                    if !(given[state] && row.given) {
                        some = true;
                        sums.iter_mut().zip(addends).for_each(|(sum, &addend)| *sum = *sum + addend);
                    }
                })?;
            }
            Ok(some)
        };
        let size = |state: usize| self.layout.states[state].size;
        let parameters = self.parameters(call.parameters);
        let sizes = &engine.plan.sizes;
        memory.declared.add_gradients(initial, sizes, parameters, size, sum, call.parameter_gradients)
    }

    pub(crate) fn shared<'a>(
        &'a self,
        engine: &'a Engine<T>,
        parameters: &'a [T],
        weights: &'a Weights<T>,
    ) -> Shared<'a, T> {
        let parameters = self.parameters(parameters);
        Shared { engine, solve: self.solve, weights, parameters }
    }

    /// A backward run through a tape.
    fn go_back(
        &self,
        call: &mut Backward<'_, '_, T>,
        memory: &mut Memory<T>,
        tape: &Tape,
    ) -> Result<(), CallError> {
        let engine = &self.training;
        check::backward(&self.layout, call, (tape.steps, tape.batch))?;
        let Memory { weights, blocks, workers, gradient, .. } = memory;
        weights.pack(engine, self.parameters(call.parameters), true)?;
        let shared = self.shared(engine, call.parameters, weights);
        let workers = workers.of_threads(self.threads.min(blocks.len()));
        self.run_backward(call, tape, shared, (blocks, workers), gradient)?;
        self.declared_gradients(call, memory, &tape.given)
    }

    /// A backward run, with memory for a gradient by all parameters.
    fn run_backward(
        &self,
        call: &mut Backward<'_, '_, T>,
        tape: &Tape,
        shared: Shared<'_, T>,
        (blocks, workers): (&mut [Block<T>], &mut [Worker<T>]),
        gradient: &mut Vec<T>,
    ) -> Result<(), CallError> {
        let (engine, layout, batch) = (shared.engine, &self.layout, tape.batch);
        let adjoints = Adjoints {
            inputs: Boundary { ports: &layout.inputs, slices: call.inputs, batch },
            outputs: Boundary { ports: &layout.outputs, slices: call.output_gradients, batch },
            states: Boundary { ports: &layout.states, slices: call.final_state_gradients, batch },
        };
        for (into, place) in call.input_gradients.iter_mut().zip(&engine.plan.input_gradients) {
            if place.is_none() || !tape.whole {
                into.fill(T::ZERO);
            }
        }
        let outlet = Outlet::new(&layout.inputs, batch, call.input_gradients);
        // Added up in place, unless a block might give up halfway.
        let in_place = engine.plan.unknown_gradients.is_empty();
        let sum = if in_place {
            &mut *call.parameter_gradients
        } else {
            gradient.resize(call.parameter_gradients.len(), T::ZERO);
            gradient.as_mut_slice()
        };
        sum.fill(T::ZERO);
        let back = |block: &mut Block<T>, begin: bool, turn: Turn<'_, '_, T>| {
            if begin {
                block.begin_backward(shared, adjoints)?;
            }
            block.run_chunk_back(shared, adjoints, turn, &outlet)
        };
        add_up(blocks, workers, shared, sum, back)?;
        finish_gradients(blocks, shared, sum)?;
        if !in_place {
            call.parameter_gradients.copy_from_slice(gradient);
        }
        for (state, (into, port)) in call.initial_state_gradients.iter_mut().zip(&layout.states).enumerate() {
            into.fill(T::ZERO);
            let mut copy = |row: &Row, from: &[T]| {
                if row.given {
                    into[row.sample * port.size..(row.sample + 1) * port.size].copy_from_slice(from);
                }
            };
            for block in blocks.iter() {
                block.unstage_initial_gradients(engine, state, &mut copy)?;
            }
        }
        Ok(())
    }
}

/// All rounds of a forward run, block by block, in memory that was attached, on a thread for each worker. Every step of every
/// sample is run where it is `whole`; else outputs are zero where none is.
pub(crate) fn run_forward<T: Element>(
    layout: &CellLayout,
    call: &mut Forward<'_, '_, T>,
    shared: Shared<'_, T>,
    declared: &Declared<T>,
    (blocks, workers): (&mut [Block<T>], &mut [Worker<T>]),
    whole: bool,
) -> Result<(), CallError> {
    let (batch, rounds) = (call.batch, rounds(blocks));
    let inputs = Boundary { ports: &layout.inputs, slices: call.inputs, batch };
    let given = Boundary { ports: &layout.states, slices: call.initial_states, batch };
    let beginnings = Beginnings { given, declared };
    if !whole {
        call.outputs.iter_mut().for_each(|output| output.fill(T::ZERO));
    }
    let outlet = Outlet::new(&layout.outputs, batch, call.outputs);
    each_block(blocks, workers, |block| {
        block.stage_constants(shared)?;
        (0..rounds).try_for_each(|round| block.forward_round(shared, round, inputs, beginnings, &outlet))
    })?;
    for (state, into) in call.final_states.iter_mut().enumerate() {
        blocks.iter().for_each(|block| block.unstage_final(shared.engine, state, into));
    }
    Ok(())
}

impl<T: Element> SequenceCell<T> for CompiledCell<T> {
    fn layout(&self) -> &CellLayout {
        &self.layout
    }

    fn forward(
        &self,
        mut call: Forward<'_, '_, T>,
        keep: Keep,
        workspace: &mut Workspace<T>,
    ) -> Result<(), CallError> {
        workspace.check(&self.layout, &call)?;
        let (engine, lent) = match keep {
            Keep::Nothing => (&self.inference, Some(self.threads)),
            Keep::Tape | Keep::Checkpoints { .. } => (&self.training, None),
        };
        let memory = workspace.begin_cell();
        let mut given = memory.tape.take().map_or_else(Vec::new, |tape| tape.given);
        let whole = memory.attach(engine, (call.steps, call.batch), &call.sequences, keep, lent)?;
        // Rounds that are not kept are computed again between those of the way back.
        let again = keep != Keep::Nothing && rounds(&memory.blocks) > 1;
        memory.weights.prepare(engine, self.parameters(call.parameters), again)?;
        let initial_states = call.initial_states;
        let is_given = |state: usize| initial_states.get(state).is_some_and(|slice| !slice.is_empty());
        let reset = call.sequences.resets.contains(&true);
        let Memory { weights, declared, blocks, workers, .. } = &mut *memory;
        self.declare(declared, call.parameters, |state| reset || !is_given(state as usize))?;
        let shared = self.shared(engine, call.parameters, weights);
        let workers = workers.of_threads(self.threads.min(blocks.len()));
        run_forward(&self.layout, &mut call, shared, declared, (blocks, workers), whole)?;
        if keep != Keep::Nothing {
            given.clear();
            given.extend((0..self.layout.states.len()).map(is_given));
            memory.tape = Some(Tape { steps: call.steps, batch: call.batch, whole, given });
        }
        Ok(())
    }

    fn backward(&self, mut call: Backward<'_, '_, T>, workspace: &mut Workspace<T>) -> Result<(), CallError> {
        let engine = &self.training;
        let memory = workspace.memory();
        let held = memory.engine.as_ref().is_some_and(|known| Arc::ptr_eq(known, engine));
        if !held {
            return Err(CallError::NoTape);
        }
        // Taken out and put back: the way back may be gone more than once.
        let tape = memory.tape.take().ok_or(CallError::NoTape)?;
        let result = self.go_back(&mut call, memory, &tape);
        memory.tape = Some(tape);
        result
    }
}
