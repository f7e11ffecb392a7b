//! What crosses the border of a block: rows are copied in and out as the table says, states are carried from piece to
//! piece.
//!
//! Within a block a row is aligned and padded, and its first step is step 0; outside it is a part of a sample, anywhere.
//!
//! The caller's sequences are in no cache when a chunk comes to them, and a copy would wait for each line. So with each step
//! of a chunk products fetch what a step of the next chunk reads, and what this step writes.
//!
//! ```text
//! there   copy inputs of a chunk in | step: fetch the input of a step of the next chunk, and where its output goes; copy that out
//! back    step: copy the gradient by its output in, and fetch that of the step before | copy gradients by inputs of a chunk out
//! ```
//!
//! Outputs go out, and gradients by outputs come in, with the step that writes or reads them, where nothing but the loop
//! does: they are in L1 then. Otherwise they cross for a chunk at a time.
//!
//! What the first chunk of a piece reads is asked for at once, and so is everything of a single row, whose kernels have no
//! time to fetch.

use std::ops::Range;

use gatewright_compiler::plan::Place;

use super::arena::Region;
use super::block::{Block, Shared};
use super::compiled::internal;
use super::constant::Declared;
use super::engine::Engine;
use super::piece::Piece;
use super::table::Row;
use crate::error::CallError;
use crate::matmul::{Element, Lines, Matrix, PackedRows, fetch_all};
use crate::sequence::Port;

/// Sequences, `[T, B, n]`, or states, `[B, n]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a, T> {
    pub(crate) elements: &'a [T],
    pub(crate) batch: usize,
    pub(crate) size: usize,
}

impl<'a, T> Source<'a, T> {
    /// The elements of a sample, of states.
    fn of(&self, sample: usize) -> &'a [T] {
        &self.elements[sample * self.size..(sample + 1) * self.size]
    }
}

/// Sequences or states as the caller gives them, one for each port; no list of sources is made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boundary<'a, T> {
    pub(crate) ports: &'a [Port],
    /// For each port its elements; an empty list where the caller gives none.
    pub(crate) slices: &'a [&'a [T]],
    pub(crate) batch: usize,
}

impl<'a, T: Copy> Boundary<'a, T> {
    /// What is given.
    pub(crate) fn sources(self) -> impl Iterator<Item = Source<'a, T>> + Clone {
        let source = move |(&elements, port): (&&'a [T], &Port)| Source {
            elements,
            batch: self.batch,
            size: port.size,
        };
        self.slices.iter().zip(self.ports).map(source)
    }

    /// For each port what is given, `None` for zeros, and the port's size.
    fn or_zeros(self) -> impl Iterator<Item = (Option<Source<'a, T>>, usize)> {
        let given = self.sources().map(Some).chain(std::iter::repeat_with(|| None));
        given.zip(self.ports).map(|(source, port)| (source, port.size))
    }
}

/// Where a state begins: where the caller says (`[B, n]`), else where the equations say (`[n]`), else at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a, T> {
    pub(crate) given: Option<Source<'a, T>>,
    pub(crate) declared: Option<&'a [T]>,
    pub(crate) size: usize,
}

/// Where all states begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginnings<'a, T> {
    /// An empty list, or an empty slice, where the caller does not say.
    pub(crate) given: Boundary<'a, T>,
    /// Where the equations say, for the states of which they do and were asked.
    pub(crate) declared: &'a Declared<T>,
}

impl<'a, T: Element> Beginnings<'a, T> {
    fn of(self, state: usize) -> Beginning<'a, T> {
        let (batch, size) = (self.given.batch, self.given.ports[state].size);
        let given = self.given.slices.get(state).copied().filter(|slice| !slice.is_empty());
        Beginning {
            given: given.map(|elements| Source { elements, batch, size }),
            declared: self.declared.value(state),
            size,
        }
    }
}

/// Rows of a block, some steps of theirs, and whether they run the same step of neighbouring samples at a time.
struct Stretch<'r> {
    rows: &'r [Row],
    together: bool,
    /// The first step as the rows count theirs.
    first: usize,
    steps: usize,
}

impl<'r> Stretch<'r> {
    /// Some steps of a piece. So many of the first of `rows` are `together`.
    fn new(rows: &'r [Row], together: usize, piece: Piece, steps: &Range<usize>) -> Self {
        let rows = &rows[..piece.rows];
        let together = rows.len() <= together;
        Self { rows, together, first: piece.first + steps.start, steps: steps.len() }
    }

    /// Where the rows lie in memory, and in `[T, B]` outside: `run(first row in memory, first row outside, how many)`, of
    /// which each is behind the one before on both sides.
    fn each_run(&self, batch: usize, mut run: impl FnMut(usize, usize, usize)) {
        let place = |row: &Row, step: usize| row.step(step) * batch + row.sample;
        let together = self.rows.first().filter(|_| self.together && self.steps > 0);
        if let Some(first) = together
            && self.rows.len() == batch
            && (self.steps == 1 || first.step(self.first) < first.step(self.first + 1))
        {
            // All samples: one step begins where the one before it ends.
            return run(0, place(first, self.first), self.steps * batch);
        }
        let (mut inside, mut outside, mut length) = (0, 0, 0);
        let mut put = |next: usize, count: usize| {
            if next == outside + length {
                length += count;
                return;
            }
            if length > 0 {
                run(inside, outside, length);
            }
            inside += length;
            (outside, length) = (next, count);
        };
        for step in self.first..self.first + self.steps {
            match together {
                Some(first) => put(place(first, step), self.rows.len()),
                None => self.rows.iter().for_each(|row| put(place(row, step), 1)),
            }
        }
        if length > 0 {
            run(inside, outside, length);
        }
    }
}

/// Copies `size` numbers of each row, of as many rows as both have. Rows are so many numbers apart.
fn copy_rows<T: Copy>((from, from_width): (&[T], usize), (to, to_width): (&mut [T], usize), size: usize) {
    if (from_width, to_width) == (size, size) {
        let length = from.len().min(to.len());
        to[..length].copy_from_slice(&from[..length]);
        return;
    }
    for (to, from) in to.chunks_mut(to_width).zip(from.chunks(from_width)) {
        to[..size].copy_from_slice(&from[..size]);
    }
}

/// The inputs that are staged, for the way there or for the way back, and where.
fn staged_inputs<'s, T: 's>(
    engine: &Engine<T>,
    inputs: impl Iterator<Item = Source<'s, T>>,
    backward: bool,
) -> impl Iterator<Item = (Source<'s, T>, Place)> {
    let staged_back = engine.plan.inputs_read_back.iter().zip(&engine.packed_in_place);
    let places = engine.plan.inputs.iter().zip(staged_back);
    inputs.zip(places).filter_map(move |(source, (place, (&read_back, in_place)))| {
        place.filter(|_| !backward || (read_back && in_place.is_none())).map(|place| (source, place))
    })
}

impl<T: Element> Block<T> {
    /// Copies some steps of a sequence in, to a place; zeros where there is none. Products before may have `fetched` it.
    fn stage_steps(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        (place, steps, fetched): (Place, Range<usize>, bool),
        size: usize,
        source: Option<Source<'_, T>>,
    ) {
        if size == 0 {
            return;
        }
        let (piece, width) = (region.piece, engine.plan.buffers[place.buffer.0 as usize].width);
        let start = region.place(place, steps.start);
        let arena = &mut self.arena.as_mut_slice()[start..];
        let Some(source) = source else {
            for row in arena.chunks_mut(width).take(steps.len() * piece.rows) {
                row[..size].fill(T::ZERO);
            }
            return;
        };
        let stretch = Stretch::new(&self.rows, self.together, piece, &steps);
        if !fetched || piece.rows == 1 {
            stretch.each_run(source.batch, |_, outside, length| {
                fetch_all(&source.elements[outside * size..(outside + length) * size]);
            });
        }
        stretch.each_run(source.batch, |inside, outside, length| {
            let from = &source.elements[outside * size..(outside + length) * size];
            copy_rows((from, size), (&mut arena[inside * width..], width), size);
        });
    }

    /// Notes that some steps of a sequence are read soon, or written.
    pub(super) fn note_steps(&mut self, region: Region<'_>, steps: Range<usize>, source: Source<'_, T>) {
        let (soon, size) = (&mut self.soon, source.size);
        let stretch = Stretch::new(&self.rows, self.together, region.piece, &steps);
        stretch.each_run(source.batch, |_, outside, length| {
            let read = source.elements.get(outside * size..(outside + length) * size);
            soon.extend(read.map(Lines::of));
        });
    }

    /// Packs some columns of some steps of a sequence as rows of a right operand, for which there is room.
    pub(super) fn pack_steps(
        &self,
        region: Region<'_>,
        steps: Range<usize>,
        source: Source<'_, T>,
        (column, columns): (usize, usize),
        packed: &mut PackedRows<T>,
    ) -> Result<(), CallError> {
        let (stretch, size) = (Stretch::new(&self.rows, self.together, region.piece, &steps), source.size);
        let mut outcome = Ok(());
        stretch.each_run(source.batch, |inside, outside, length| {
            let rows =
                source.elements.get(outside * size + column..(outside + length) * size).unwrap_or_default();
            if outcome.is_ok() {
                outcome = packed.put(inside, Matrix::new(rows, length, columns, size));
            }
        });
        outcome.map_err(internal)
    }

    /// Copies some steps of a sequence out, from a place.
    pub(super) fn unstage_steps(
        &self,
        engine: &Engine<T>,
        region: Region<'_>,
        (place, steps): (Place, Range<usize>),
        batch: usize,
        size: usize,
        into: &mut [T],
    ) {
        if size == 0 {
            return;
        }
        let (piece, width) = (region.piece, engine.plan.buffers[place.buffer.0 as usize].width);
        let arena = &self.arena.as_slice()[region.place(place, steps.start)..];
        let stretch = Stretch::new(&self.rows, self.together, piece, &steps);
        if piece.rows == 1 {
            stretch.each_run(batch, |_, outside, length| {
                fetch_all(&into[outside * size..(outside + length) * size]);
            });
        }
        stretch.each_run(batch, |inside, outside, length| {
            let into = &mut into[outside * size..(outside + length) * size];
            copy_rows((&arena[inside * width..], width), (into, size), size);
        });
    }

    /// Copies rows of states in, into block `at` of a place: what `source` gives for each, else zeros.
    #[allow(clippy::too_many_arguments, reason = "a place in memory, which rows, and what from")]
    fn stage<'s>(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        place: Place,
        at: usize,
        rows: Range<usize>,
        size: usize,
        source: impl Fn(&Row) -> Option<&'s [T]>,
    ) where
        T: 's,
    {
        if size == 0 {
            return;
        }
        let width = engine.plan.buffers[place.buffer.0 as usize].width;
        let to = region.place(place, at) + rows.start * width;
        let arena = self.arena.as_mut_slice();
        for (index, row) in self.rows[rows].iter().enumerate() {
            let to = &mut arena[to + index * width..to + index * width + size];
            match source(row) {
                Some(from) => to.copy_from_slice(from),
                None => to.fill(T::ZERO),
            }
        }
    }

    /// Copies rows of states out, from block `at` of a place, to where `into` says for each.
    fn unstage(
        &self,
        engine: &Engine<T>,
        region: Region<'_>,
        place: Place,
        at: usize,
        size: usize,
        mut into: impl FnMut(&Row, &[T]),
    ) {
        if size == 0 {
            return;
        }
        let width = engine.plan.buffers[place.buffer.0 as usize].width;
        let from = region.place(place, at);
        let arena = self.arena.as_slice();
        for (index, row) in self.rows[..region.piece.rows].iter().enumerate() {
            into(row, &arena[from + index * width..from + index * width + size]);
        }
    }

    /// Copies rows of whole buffers from a block of one piece to a block of another.
    fn carry(
        &mut self,
        engine: &Engine<T>,
        buffers: &[usize],
        (from, from_block): (Region<'_>, usize),
        (to, to_block): (Region<'_>, usize),
    ) {
        let rows = from.piece.rows.min(to.piece.rows);
        for &buffer in buffers {
            let start = from.block(buffer, 0, from_block);
            let length = rows * engine.plan.buffers[buffer].width;
            let to = to.block(buffer, 0, to_block);
            self.arena.as_mut_slice().copy_within(start..start + length, to);
        }
    }

    /// Stages what is the same at every step.
    pub(crate) fn stage_constants(&mut self, shared: Shared<'_, T>) -> Result<(), CallError> {
        let layout = self.layout()?;
        shared.weights.stage(shared.engine, self.arena.as_mut_slice(), |buffer| layout.once(buffer));
        Ok(())
    }

    /// Stages the inputs of some steps of a piece: all that the plan reads, or those of them that it reads on the way back.
    pub(super) fn stage_inputs<'s>(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        steps: Range<usize>,
        inputs: impl Iterator<Item = Source<'s, T>>,
        backward: bool,
    ) where
        T: 's,
    {
        for (source, place) in staged_inputs(engine, inputs, backward) {
            let first = if backward { steps.end == region.piece.steps } else { steps.start == 0 };
            self.stage_steps(engine, region, (place, steps.clone(), !first), source.size, Some(source));
        }
    }

    /// Notes that the inputs of some steps are staged soon.
    pub(super) fn note_inputs<'s>(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        steps: Range<usize>,
        inputs: impl Iterator<Item = Source<'s, T>>,
        backward: bool,
    ) where
        T: 's,
    {
        for (source, _) in staged_inputs(engine, inputs, backward) {
            self.note_steps(region, steps.clone(), source);
        }
    }

    /// Stages the gradients by the outputs of some steps of a piece.
    pub(super) fn stage_output_gradients(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        steps: Range<usize>,
        outputs: Boundary<'_, T>,
    ) {
        for (place, (source, size)) in engine.plan.output_gradients.iter().zip(outputs.or_zeros()) {
            let Some(place) = *place else { continue };
            let first = steps.end == region.piece.steps;
            self.stage_steps(engine, region, (place, steps.clone(), !first), size, source);
        }
    }

    /// Notes that the gradients by the outputs of some steps are staged soon.
    pub(super) fn note_output_gradients(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        steps: Range<usize>,
        outputs: Boundary<'_, T>,
    ) {
        for (place, source) in engine.plan.output_gradients.iter().zip(outputs.sources()) {
            if place.is_some() {
                self.note_steps(region, steps.clone(), source);
            }
        }
    }

    /// Stages the states that the first piece begins with.
    pub(super) fn stage_states(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        beginnings: Beginnings<'_, T>,
    ) {
        for state in 0..beginnings.given.ports.len() {
            self.stage_state(engine, region, state, beginnings.of(state));
        }
    }

    /// Stages a state that the first piece begins with.
    pub(super) fn stage_state(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        state: usize,
        beginning: Beginning<'_, T>,
    ) {
        let from = |row: &Row| {
            let given = beginning.given.filter(|_| row.given).map(|given| given.of(row.sample));
            given.or(beginning.declared)
        };
        let place = engine.plan.states[state];
        self.stage(engine, region, place, 0, 0..region.piece.rows, beginning.size, from);
    }

    /// Makes the states that one piece ended with those that the next one begins with.
    pub(super) fn carry_on(&mut self, engine: &Engine<T>, from: Region<'_>, to: Region<'_>) {
        self.carry(engine, &engine.state_buffers, (from, from.piece.steps), (to, 0));
    }

    /// Keeps the states that a round begins with, or puts them back.
    pub(super) fn keep(&mut self, engine: &Engine<T>, round: usize, region: Region<'_>, back: bool) {
        if self.kept.is_empty() {
            return;
        }
        let before: usize =
            (0..round).map(|round| self.course.piece(self.course.round(round).start).rows).sum();
        let mut at = before * engine.state_width();
        for &buffer in &engine.state_buffers {
            let start = region.block(buffer, 0, 0);
            let length = region.piece.rows * engine.plan.buffers[buffer].width;
            let arena = &mut self.arena.as_mut_slice()[start..start + length];
            let kept = &mut self.kept[at..at + length];
            if back {
                arena.copy_from_slice(kept)
            } else {
                kept.copy_from_slice(arena)
            }
            at += length;
        }
    }

    /// Keeps the states of the rows that end with a piece, all but the first `behind`.
    pub(super) fn keep_ended(&mut self, engine: &Engine<T>, region: Region<'_>, behind: usize) {
        let whole = engine.state_elements();
        let mut column = 0;
        for (&place, &size) in engine.plan.states.iter().zip(&engine.plan.state_sizes) {
            let width = engine.plan.buffers[place.buffer.0 as usize].width;
            let from = region.place(place, region.piece.steps);
            for row in behind..region.piece.rows {
                let (from, to) = (from + row * width, row * whole + column);
                self.ended[to..to + size].copy_from_slice(&self.arena.as_slice()[from..from + size]);
            }
            column += size;
        }
    }

    /// Stages the gradients by states that the loop back through a piece begins with. `behind` is the piece behind it,
    /// whose rows go on from this one.
    pub(super) fn stage_state_gradients(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        behind: Option<Region<'_>>,
        states: Boundary<'_, T>,
    ) {
        let piece = region.piece;
        if let Some(behind) = behind {
            self.carry(engine, &engine.state_gradient_buffers, (behind, 0), (region, piece.steps));
        }
        let going_on = behind.map_or(0, |behind| behind.piece.rows);
        for (&place, (source, size)) in engine.plan.state_gradients.iter().zip(states.or_zeros()) {
            let from = |row: &Row| source.filter(|_| row.last).map(|source| source.of(row.sample));
            self.stage(engine, region, place, piece.steps, going_on..piece.rows, size, from);
        }
    }

    /// Copies the final states out: those that the last row of each sample has ended with.
    pub(crate) fn unstage_final(&self, engine: &Engine<T>, state: usize, into: &mut [T]) {
        let (whole, size) = (engine.state_elements(), engine.plan.state_sizes[state]);
        let column: usize = engine.plan.state_sizes[..state].iter().sum();
        for (index, row) in self.rows.iter().enumerate().filter(|(_, row)| row.last) {
            let from = index * whole + column;
            into[row.sample * size..(row.sample + 1) * size].copy_from_slice(&self.ended[from..from + size]);
        }
    }

    /// Gives the gradient by a state as each row began, once the loop back has reached the first piece.
    pub(crate) fn unstage_initial_gradients(
        &self,
        engine: &Engine<T>,
        state: usize,
        into: impl FnMut(&Row, &[T]),
    ) -> Result<(), CallError> {
        let place = engine.plan.state_gradients[state];
        self.unstage_first(engine, place, engine.plan.state_sizes[state], into)
    }

    /// Gives every row of the first block of a place.
    pub(super) fn unstage_first(
        &self,
        engine: &Engine<T>,
        place: Place,
        size: usize,
        into: impl FnMut(&Row, &[T]),
    ) -> Result<(), CallError> {
        let (layout, Some(piece)) = (self.layout()?, self.course.first()) else { return Ok(()) };
        self.unstage(engine, Region::new(&layout, piece), place, 0, size, into);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Stretch;
    use crate::execute::piece::Piece;
    use crate::execute::table::{fill, together};
    use crate::sequence::{Direction, Sequences};

    #[test]
    fn runs_hold_every_row_in_order_whether_rows_are_together_or_not() {
        let lengths = [5, 6, 6, 6, 5, 4];
        for (lengths, direction) in [(&[][..], Direction::Forward), (&[], Direction::Reverse)]
            .into_iter()
            .chain([Direction::Forward, Direction::Reverse].map(|direction| (&lengths[..], direction)))
        {
            let mut rows = Vec::new();
            let sequences = Sequences { lengths, direction, ..Sequences::default() };
            fill(&mut rows, 6, 6, &sequences).expect("a table");
            for (count, steps) in [(1, 0..6), (3, 0..6), (3, 2..3), (6, 0..3), (6, 1..1)] {
                let piece = Piece { first: 1, steps: 3, rows: count, ..Piece::default() };
                let expected: Vec<usize> = steps
                    .clone()
                    .flat_map(|at| {
                        rows[..count].iter().map(move |row| row.step(1 + at.min(2)) * 6 + row.sample)
                    })
                    .collect();
                for together in [0, together(&rows)] {
                    let mut found = Vec::new();
                    let steps = steps.start.min(3)..steps.end.min(3);
                    let mut runs = 0;
                    Stretch::new(&rows, together, piece, &steps).each_run(6, |inside, outside, length| {
                        assert_eq!(inside, found.len());
                        found.extend(outside..outside + length);
                        runs += 1;
                    });
                    assert_eq!(found, expected[..found.len()], "{count} rows, {steps:?}");
                    assert_eq!(found.len(), steps.len() * count);
                    // All samples, one step after the other, lie in one piece.
                    assert!(runs <= 1 || count < 6 || direction == Direction::Reverse || !lengths.is_empty());
                }
            }
        }
    }
}
