//! A call: checked, cut in rounds, each round run by all blocks, and what comes out put where it belongs.

use std::sync::Arc;

use super::block::{Block, Shared};
use super::check;
use super::compiled::CompiledCell;
use super::constant::{Declared, ParameterValues};
use super::engine::Engine;
use super::memory::{Memory, Tape, each_block};
use super::outlet::Outlet;
use super::round::Adjoints;
use super::stage::{Beginnings, Boundary};
use super::table::Row;
use super::turns::Turns;
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
        memory: &'a Memory<T>,
    ) -> Shared<'a, T> {
        Shared {
            engine,
            solve: self.solve,
            matrices: &memory.matrices,
            parameters: self.parameters(parameters),
            expressions: &memory.expressions,
        }
    }

    /// All rounds of a forward run, block by block.
    fn run_forward(
        &self,
        call: &mut Forward<'_, '_, T>,
        beginnings: Beginnings<'_, T>,
        (shared, turns): (Shared<'_, T>, &Turns<T>),
        blocks: &mut [Block<T>],
        (rounds, whole): (usize, bool),
    ) -> Result<(), CallError> {
        let (layout, batch) = (&self.layout, call.batch);
        let inputs = Boundary { ports: &layout.inputs, slices: call.inputs, batch };
        if !whole {
            call.outputs.iter_mut().for_each(|output| output.fill(T::ZERO));
        }
        let outlet = Outlet::new(&layout.outputs, batch, call.outputs);
        each_block(blocks, self.threads, None, |block, _| {
            let lent = turns.take();
            let own = lent.map(|arena| std::mem::replace(&mut block.arena, arena));
            let result = block.stage_constants(shared).and_then(|()| {
                (0..rounds)
                    .try_for_each(|round| block.forward_round(shared, round, inputs, beginnings, &outlet))
            });
            if let Some(own) = own {
                turns.give(std::mem::replace(&mut block.arena, own));
            }
            result
        })?;
        for (state, into) in call.final_states.iter_mut().enumerate() {
            blocks.iter().for_each(|block| block.unstage_final(shared.engine, state, into));
        }
        Ok(())
    }

    /// A backward run through a tape.
    fn go_back(
        &self,
        call: &mut Backward<'_, '_, T>,
        memory: &mut Memory<T>,
        tape: &Tape,
    ) -> Result<(), CallError> {
        let engine = &self.training;
        let rounds = memory.rounds();
        check::backward(&self.layout, call, (tape.steps, tape.batch))?;
        memory.pack(engine, self.parameters(call.parameters), true)?;
        let mut blocks = std::mem::take(&mut memory.blocks);
        let shared = self.shared(engine, call.parameters, memory);
        let result = self.run_backward(call, tape, shared, &mut blocks, rounds);
        memory.blocks = blocks;
        result?;
        self.declared_gradients(call, memory, &tape.given)
    }

    /// All rounds of a backward run.
    fn run_backward(
        &self,
        call: &mut Backward<'_, '_, T>,
        tape: &Tape,
        shared: Shared<'_, T>,
        blocks: &mut [Block<T>],
        rounds: usize,
    ) -> Result<(), CallError> {
        let (engine, layout, batch) = (shared.engine, &self.layout, tape.batch);
        let adjoints = Adjoints {
            inputs: Boundary { ports: &layout.inputs, slices: call.inputs, batch },
            outputs: Boundary { ports: &layout.outputs, slices: call.output_gradients, batch },
            states: Boundary { ports: &layout.states, slices: call.final_state_gradients, batch },
        };
        let rounds = rounds.max(1);
        for (into, place) in call.input_gradients.iter_mut().zip(&engine.plan.input_gradients) {
            if place.is_none() || !tape.whole {
                into.fill(T::ZERO);
            }
        }
        let outlet = Outlet::new(&layout.inputs, batch, call.input_gradients);
        let back = |block: &mut Block<T>, round: usize, gradient: &mut [T]| {
            if round + 1 == rounds {
                block.begin_backward(shared, gradient)?;
            }
            block.backward_round(shared, round, adjoints, gradient, &outlet)?;
            if round == 0 { block.finish_gradients(shared, gradient) } else { Ok(()) }
        };
        // The first block adds up in place, unless one might give up halfway.
        let in_place = engine.plan.unknown_gradients.is_empty();
        let length = call.parameter_gradients.len();
        for round in (0..rounds).rev() {
            let lent = in_place.then_some(&mut *call.parameter_gradients);
            each_block(blocks, self.threads, lent, |block, lent| {
                if let Some(gradient) = lent {
                    return back(block, round, gradient);
                }
                let mut gradient = std::mem::take(&mut block.gradient);
                if !gradient.resize(length) {
                    return Err(CallError::OutOfMemory { elements: length });
                }
                let result = back(block, round, gradient.as_mut_slice());
                block.gradient = gradient;
                result
            })?;
        }
        // In the order of the blocks, whichever thread ran them.
        for (index, block) in blocks.iter().enumerate().skip(usize::from(in_place)) {
            for (sum, &addend) in call.parameter_gradients.iter_mut().zip(block.gradient.as_slice()) {
                *sum = if index == 0 { addend } else { *sum + addend };
            }
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
        check::forward(&self.layout, &call)?;
        let (engine, turns) = match keep {
            Keep::Nothing => (&self.inference, Some(self.threads.max(1))),
            Keep::Tape | Keep::Checkpoints { .. } => (&self.training, None),
        };
        let memory = workspace.memory();
        let mut given = memory.tape.take().map_or_else(Vec::new, |tape| tape.given);
        let whole = memory.attach(engine, (call.steps, call.batch), &call.sequences, keep, turns)?;
        memory.compute_constants(engine, self.parameters(call.parameters))?;
        let is_given = |state| call.initial_states.get(state).is_some_and(|slice: &&[T]| !slice.is_empty());
        given.clear();
        given.extend((0..self.layout.states.len()).map(is_given));
        let reset = call.sequences.resets.contains(&true);
        let mut declared = std::mem::take(&mut memory.declared);
        self.declare(&mut declared, call.parameters, |state| reset || !given[state as usize])?;
        let states = Boundary { ports: &self.layout.states, slices: call.initial_states, batch: call.batch };
        let beginnings = Beginnings { given: states, declared: &declared };
        let rounds = memory.rounds();
        let mut blocks = std::mem::take(&mut memory.blocks);
        let shared = self.shared(engine, call.parameters, memory);
        let result =
            self.run_forward(&mut call, beginnings, (shared, &memory.turns), &mut blocks, (rounds, whole));
        (memory.blocks, memory.declared) = (blocks, declared);
        result?;
        let tape = Tape { steps: call.steps, batch: call.batch, whole, given };
        memory.tape = (keep != Keep::Nothing).then_some(tape);
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
