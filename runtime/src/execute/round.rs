//! A round of a block, forward and back: its pieces one after the other, states and their gradients carried between them.

use gatewright_compiler::plan::Place;

use super::arena::Region;
use super::block::{Block, Shared};
use super::engine::Engine;
use super::outlet::Outlet;
use super::stage::{Beginning, Beginnings, Boundary, Source};
use super::sum::Turn;
use crate::error::CallError;
use crate::matmul::Element;

/// What the way back reads of the caller's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adjoints<'a, T> {
    /// The inputs of the forward run, which are not on the tape.
    pub(crate) inputs: Boundary<'a, T>,
    pub(crate) outputs: Boundary<'a, T>,
    pub(crate) states: Boundary<'a, T>,
}

impl<T: Element> Block<T> {
    /// Runs a round forward, the first from where `beginnings` say, and keeps the states of rows that end.
    pub(crate) fn forward_round(
        &mut self,
        shared: Shared<'_, T>,
        round: usize,
        inputs: Boundary<'_, T>,
        beginnings: Beginnings<'_, T>,
        outlet: &Outlet<'_, '_, T>,
    ) -> Result<(), CallError> {
        let (layout, engine) = (self.layout()?, shared.engine);
        let pieces = self.course.round(round);
        if pieces.is_empty() {
            return Ok(());
        }
        let region = |piece| Region::new(&layout, piece);
        let first = region(self.course.piece(pieces.start));
        match pieces.start.checked_sub(1) {
            None => self.stage_states(engine, first, beginnings),
            Some(before) => self.carry_on(engine, region(self.course.piece(before)), first),
        }
        self.keep(engine, round, first, false);
        self.round = None;
        self.pieces_forward(shared, round, inputs, Some(outlet))
    }

    /// The pieces of a round, of which the states that it begins with are in place; outputs go out and final states are
    /// kept where there is an outlet.
    fn pieces_forward(
        &mut self,
        shared: Shared<'_, T>,
        round: usize,
        inputs: Boundary<'_, T>,
        outlet: Option<&Outlet<'_, '_, T>>,
    ) -> Result<(), CallError> {
        let (layout, engine) = (self.layout()?, shared.engine);
        let region = |piece| Region::new(&layout, piece);
        let pieces = self.course.round(round);
        for index in pieces.clone() {
            let here = region(self.course.piece(index));
            if index > pieces.start {
                self.carry_on(engine, region(self.course.piece(index - 1)), here);
            }
            self.run_forward(shared, here, inputs.sources(), outlet)?;
            if outlet.is_some() {
                self.keep_ended(engine, here, self.course.rows_behind(index));
            }
        }
        self.round = Some(round);
        Ok(())
    }

    /// Runs the step of a run of one, from the states that [`Block::set_state`] or the step before has left.
    pub(crate) fn run_one_step<'s>(
        &mut self,
        shared: Shared<'_, T>,
        inputs: impl Iterator<Item = Source<'s, T>> + Clone,
    ) -> Result<(), CallError>
    where
        T: 's,
    {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        let here = Region::new(&layout, piece);
        self.run_forward(shared, here, inputs, None)?;
        self.round = Some(0);
        Ok(())
    }

    /// Readies the step of a run of one, so that no step allocates, not even the first.
    pub(crate) fn ready_one_step(&mut self, shared: Shared<'_, T>) -> Result<(), CallError> {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        let region = Region::new(&layout, piece);
        self.ready[0].ready(shared, region, false)?;
        self.ready_chunk(shared, region)
    }

    /// Copies the outputs of the step of a run of one out, `[B, n]` each.
    pub(crate) fn unstage_one_step(
        &self,
        engine: &Engine<T>,
        place: Place,
        batch: usize,
        size: usize,
        into: &mut [T],
    ) -> Result<(), CallError> {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        self.unstage_steps(engine, Region::new(&layout, piece), (place, 0..piece.steps), batch, size, into);
        Ok(())
    }

    /// Makes the states that the step has ended with those that the next one begins with.
    pub(crate) fn end_one_step(&mut self, engine: &Engine<T>) -> Result<(), CallError> {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        let here = Region::new(&layout, piece);
        self.carry_on(engine, here, here);
        Ok(())
    }

    /// Sets a state that the next step begins with.
    pub(crate) fn set_state(
        &mut self,
        engine: &Engine<T>,
        state: usize,
        beginning: Beginning<'_, T>,
    ) -> Result<(), CallError> {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        self.stage_state(engine, Region::new(&layout, piece), state, beginning);
        Ok(())
    }

    /// Gives the state that the next step begins with, by sample.
    pub(crate) fn state(
        &self,
        engine: &Engine<T>,
        state: usize,
        mut into: impl FnMut(usize, &[T]),
    ) -> Result<(), CallError> {
        let (place, size) = (engine.plan.states[state], engine.plan.state_sizes[state]);
        self.unstage_first(engine, place, size, |row, from| into(row.sample, from))
    }

    /// Readies the way back: nothing is added up yet.
    pub(super) fn begin_backward(
        &mut self,
        shared: Shared<'_, T>,
        adjoints: Adjoints<'_, T>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?;
        if let Some(totals) = shared.engine.totals {
            let at = layout.once(totals);
            let width = shared.engine.plan.buffers[totals].width;
            self.arena.as_mut_slice()[at..at + width].fill(T::ZERO);
        }
        self.expressions.begin(shared.engine);
        self.back = (self.course.pieces(), 0);
        self.enter_pieces(shared, adjoints)
    }

    /// Enters the piece before the one that the way back is in, where no chunk of that is left; and so on, until there is
    /// a chunk or no piece.
    fn enter_pieces(&mut self, shared: Shared<'_, T>, adjoints: Adjoints<'_, T>) -> Result<(), CallError> {
        let (layout, engine) = (self.layout()?, shared.engine);
        let region = |piece| Region::new(&layout, piece);
        while let (Some(index), 0) = (self.back.0.checked_sub(1), self.back.1) {
            let here = region(self.course.piece(index));
            let behind = (self.course.rows_behind(index) > 0).then(|| region(self.course.piece(index + 1)));
            // The piece behind may be of the round that was in memory, and is read before that is overwritten. What the
            // forward programs write are other buffers.
            self.stage_state_gradients(engine, here, behind, adjoints.states);
            let round = self.course.round_of(index);
            if self.round != Some(round) {
                self.round = None;
                let first = self.course.round(round).start;
                self.keep(engine, round, region(self.course.piece(first)), true);
                self.pieces_forward(shared, round, adjoints.inputs, None)?;
            }
            self.ready[1].ready(shared, here, true)?;
            self.back = (index, here.piece.chunks().len());
        }
        Ok(())
    }

    /// Runs the chunk back that is next, and enters the piece of the one after it. Where no chunk is left, nothing is done.
    /// The round of a piece is computed again where it is not in memory.
    pub(super) fn run_chunk_back(
        &mut self,
        shared: Shared<'_, T>,
        adjoints: Adjoints<'_, T>,
        mut turn: Turn<'_, '_, T>,
        outlet: &Outlet<'_, '_, T>,
    ) -> Result<(), CallError> {
        let layout = self.layout()?;
        if let (index, Some(left)) = (self.back.0, self.back.1.checked_sub(1)) {
            let region = Region::new(&layout, self.course.piece(index));
            let chunk = |index: usize| region.piece.chunks().nth(index);
            if let Some(steps) = chunk(left) {
                let next = left.checked_sub(1).and_then(chunk);
                self.run_backward(shared, region, (steps, next), adjoints, &mut turn, outlet)?;
            }
            self.back.1 = left;
        }
        turn.pass()?;
        self.enter_pieces(shared, adjoints)
    }
}
