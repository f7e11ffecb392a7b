//! What a workspace holds for one engine: weights, made ready, and blocks of rows that threads take one by one.

use std::sync::Arc;

use gatewright_compiler::plan::{BufferKind, Plan};

use super::arena::{ArenaLayout, Room};
use super::block::{Block, Limit};
use super::budget;
use super::constant::Declared;
use super::engine::Engine;
use super::piece::Course;
use super::table::{self, Row};
use super::weights::Weights;
use super::worker::Workers;
use crate::aligned::AlignedVec;
use crate::cache;
use crate::error::CallError;
use crate::matmul::Element;
use crate::sequence::{Keep, Sequences};

/// Steps that inference runs at once. Products that leave the loop are computed for so many steps ahead, so the memory
/// of a run without a tape does not grow with the length of the sequence beyond this.
pub(crate) const STEPS_AT_ONCE: usize = 256;

/// What a [`Workspace`](crate::workspace::Workspace) holds for one engine.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    pub(super) engine: Option<Arc<Engine<T>>>,
    pub(crate) weights: Weights<T>,
    pub(super) declared: Declared<T>,
    pub(crate) blocks: Vec<Block<T>>,
    pub(crate) workers: Workers<T>,
    table: Vec<Row>,
    /// Courses that a budget is tried with.
    tried: Course,
    /// The run whose tape is held.
    pub(crate) tape: Option<Tape>,
    /// Gradient by all parameters, where the way back may give up.
    pub(super) gradient: Vec<T>,
}

/// What the way back must know of the run it goes back through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tape {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    /// Every step of every sample was run.
    pub(crate) whole: bool,
    /// For each state whether the caller said where it begins.
    pub(crate) given: Vec<bool>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            engine: None,
            weights: Weights::default(),
            declared: Declared::default(),
            blocks: Vec::new(),
            workers: Workers::default(),
            table: Vec::new(),
            tried: Course::default(),
            tape: None,
            gradient: Vec::new(),
        }
    }
}

/// Rounds of the block that has the most.
pub(super) fn rounds<T>(blocks: &[Block<T>]) -> usize {
    blocks.iter().map(|block| block.course.rounds()).max().unwrap_or(0)
}

impl<T> Memory<T> {
    /// Bytes of all blocks, and of what they are lent.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum::<usize>() + self.workers.bytes()
    }

    /// Whether it is an engine's.
    pub(crate) fn is_held(&self) -> bool {
        self.engine.is_some()
    }
}

impl<T: Element> Memory<T> {
    /// Makes this the memory of `engine` for a run: everything that does not depend on values. True where every step of
    /// every sample is run. Blocks have an arena each, or are lent those of workers on so many threads.
    pub(crate) fn attach(
        &mut self,
        engine: &Arc<Engine<T>>,
        (steps, batch): (usize, usize),
        sequences: &Sequences<'_>,
        keep: Keep,
        lent: Option<usize>,
    ) -> Result<bool, CallError> {
        self.tape = None;
        if !self.engine.as_ref().is_some_and(|known| Arc::ptr_eq(known, engine)) {
            *self = Self { engine: Some(Arc::clone(engine)), ..Self::default() };
        }
        // A batch that no run has room for has no table either.
        let least = Room { rows: batch, sequence: 0, borders: batch, chunk: 0 };
        let too_large = CallError::TooLarge { steps, batch };
        let elements = ArenaLayout::elements(&engine.plan, least).ok_or(too_large.clone())?;
        // The question allocates, and is asked once.
        if self.table.capacity() < batch {
            room_for::<T>(elements)?;
        }
        let whole = table::fill(&mut self.table, steps, batch, sequences)?;
        // Which sample an error names, of several that are not solved, depends on blocks.
        let threads = lent.filter(|_| engine.plan.unknowns.is_empty());
        let (rows, count) = block_rows(self.table.len(), step_bytes::<T>(&engine.plan), threads);
        let limit = match keep {
            Keep::Nothing => Limit { rows: STEPS_AT_ONCE.saturating_mul(rows), chunked: false, exact: false },
            Keep::Tape => Limit { rows: usize::MAX, chunked: true, exact: false },
            Keep::Checkpoints { bytes } => {
                // Where there are no rows there is a block without any.
                let none = self.table.is_empty().then_some(&[][..]);
                let blocks = || self.table.chunks(rows).chain(none);
                Limit {
                    rows: budget::rows_within(engine, blocks, bytes, &mut self.tried)?,
                    chunked: true,
                    exact: true,
                }
            }
        };
        self.blocks.truncate(count);
        let none = |_| CallError::OutOfMemory { elements: count };
        self.blocks.try_reserve_exact(count - self.blocks.len()).map_err(none)?;
        self.blocks.resize_with(count, Block::default);
        // All or nothing: what all blocks need is asked for before any of them gets it.
        let mut room = Room::default();
        let mut chunks = self.table.chunks(rows);
        for block in &mut self.blocks {
            block.rows.clear();
            block.rows.extend_from_slice(chunks.next().unwrap_or_default());
            room = room.union(block.lay(limit)?);
        }
        let lent = lent.map(|threads| threads.clamp(1, count));
        let elements = match lent {
            Some(threads) => self.workers.missing(engine, room, threads),
            None => {
                let missing = |block: &Block<T>| block.missing(engine, limit);
                self.blocks.iter().try_fold(0, |sum: usize, block| sum.checked_add(missing(block)?))
            }
        };
        room_for::<T>(elements.ok_or(too_large)?)?;
        match lent {
            Some(threads) => {
                let layout = self.workers.prepare(engine, room, threads)?;
                for block in &mut self.blocks {
                    // One that a thread has left behind as it panicked.
                    block.arena = AlignedVec::default();
                    block.lay_out(Arc::clone(&layout));
                }
            }
            None => self.blocks.iter_mut().try_for_each(|block| block.prepare_arena(engine, limit))?,
        }
        self.blocks.iter_mut().try_for_each(|block| block.prepare(engine, limit))?;
        Ok(whole)
    }
}

/// Whether there is memory for so many elements.
fn room_for<T>(elements: usize) -> Result<(), CallError> {
    Vec::<T>::new().try_reserve_exact(elements).map_err(|_| CallError::OutOfMemory { elements })
}

/// Bytes of one row in all buffers, at one step.
fn step_bytes<T>(plan: &Plan) -> usize {
    let widths =
        plan.buffers.iter().filter(|buffer| buffer.kind != BufferKind::Once).map(|buffer| buffer.width);
    widths.fold(0, usize::saturating_add).saturating_mul(size_of::<T>())
}

/// Bytes that a step of a block of many rows may have: most of L2, of which weights take their part too.
const STEP_BYTES: usize = cache::L2 / 4 * 3;

/// Rows of the blocks that so many are cut into, and how many blocks.
///
/// From 32 rows on there are at least two blocks, from 128 on at least four, so that threads have work. How gradients are
/// added up depends on the blocks, so of a run with a tape they depend on the number of rows and on the plan alone; where
/// nothing is kept there need not be more than `threads`.
///
/// A block has at most 64 rows: kernels then take 13 rows at a time, not eight, and what is done once for each step, as
/// passing over weights that lie in L3, is done half as often. With a tape it has as many only where a step of them stays in L2.
fn block_rows(rows: usize, step_bytes: usize, threads: Option<usize>) -> (usize, usize) {
    let many = threads.is_some() || step_bytes.saturating_mul(64) <= STEP_BYTES;
    let among = |blocks: usize| rows.div_ceil(threads.map_or(blocks, |threads| threads.clamp(1, blocks)));
    let most = match rows {
        0..32 => rows.max(1),
        _ => among(2).min(if many { among(4).clamp(32, 64) } else { 32 }).next_multiple_of(8),
    };
    (most, rows.div_ceil(most).max(1))
}

#[cfg(test)]
mod tests {
    use super::{block_rows, step_bytes};
    use crate::execute::tests::interpreted;

    #[test]
    fn blocks_of_narrow_cells_have_twice_the_rows_where_there_are_enough_of_them() {
        let step_bytes = |name: &str, size: usize| {
            let cell = interpreted(name, &[("x", size), ("h", size)], 1);
            step_bytes::<f32>(cell.training_plan())
        };
        for name in ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"] {
            let (narrow, wide) = (step_bytes(name, 64), step_bytes(name, 512));
            for (rows, expected) in [
                (1, (1, 1)),
                (31, (31, 1)),
                (32, (16, 2)),
                (64, (32, 2)),
                (128, (32, 4)),
                (200, (56, 4)),
                (256, (64, 4)),
                (1000, (64, 16)),
            ] {
                assert_eq!(block_rows(rows, narrow, None), expected, "{name}, {rows} rows");
            }
            assert_eq!(block_rows(256, wide, None), (32, 8), "{name}");
            assert_eq!(block_rows(64, wide, None), (32, 2), "{name}");
            // Where nothing is kept, one thread has no use for two blocks, and wide cells have as many rows.
            for (rows, threads, expected) in [
                (32, 1, (32, 1)),
                (32, 2, (16, 2)),
                (32, 5, (16, 2)),
                (64, 1, (64, 1)),
                (70, 1, (64, 2)),
                (256, 3, (64, 4)),
            ] {
                for step_bytes in [narrow, wide] {
                    assert_eq!(block_rows(rows, step_bytes, Some(threads)), expected, "{name}, {rows} rows");
                }
            }
        }
        for threads in [None, Some(0), Some(1), Some(3)] {
            assert_eq!(block_rows(0, 0, threads), (1, 1));
        }
    }
}
