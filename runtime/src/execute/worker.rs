//! What a thread has for itself, and lends the block that it runs.
//!
//! A block keeps what the way back reads of it. What is done with once a block has been run is of the thread instead: the next
//! block finds it in the caches, and memory does not grow with the batch.
//!
//! ```text
//! for worker, on a thread of its own
//!     for block that is left
//!         lend it the arena, where nothing is kept of blocks; the packed rows; the sum
//!         run it
//!         take them back
//! ```
//!
//! # Invariants
//!
//! - A thread has one worker for all of a call, so a worker lends to one block at a time.
//! - Where workers have arenas, they have been laid out alike, and blocks have none of their own.
//! - A thread that panics leaves what it has lent with the block: the next call makes both anew.

use std::sync::Arc;

use super::arena::{ArenaLayout, Room};
use super::block::Block;
use super::engine::Engine;
use crate::aligned::AlignedVec;
use crate::error::CallError;
use crate::matmul::{Element, PackedRows};

/// What one thread has.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    /// Empty where each block has an arena of its own.
    pub(super) arena: AlignedVec<T>,
    /// For sums of outer products.
    pub(super) packed: Option<PackedRows<T>>,
    /// Room for a gradient by all parameters.
    pub(super) gradient: Vec<T>,
}

impl<T> Default for Worker<T> {
    fn default() -> Self {
        Self { arena: AlignedVec::default(), packed: None, gradient: Vec::new() }
    }
}

impl<T> Worker<T> {
    /// Runs a block with what the worker has.
    pub(super) fn lend<R>(&mut self, block: &mut Block<T>, run: impl FnOnce(&mut Block<T>) -> R) -> R {
        let has_arena = self.arena.length() > 0;
        self.exchange(block, has_arena);
        let outcome = run(block);
        self.exchange(block, has_arena);
        outcome
    }

    fn exchange(&mut self, block: &mut Block<T>, has_arena: bool) {
        if has_arena {
            std::mem::swap(&mut self.arena, &mut block.arena);
        }
        std::mem::swap(&mut self.packed, &mut block.packed);
        std::mem::swap(&mut self.gradient, &mut block.gradient);
    }
}

/// The workers of a workspace, as many as the call with the most threads had.
#[derive(Debug)]
pub(crate) struct Workers<T> {
    /// How their arenas are laid out; there are none where each block has its own.
    layout: Option<Arc<ArenaLayout>>,
    each: Vec<Worker<T>>,
}

impl<T> Default for Workers<T> {
    fn default() -> Self {
        Self { layout: None, each: Vec::new() }
    }
}

impl<T> Workers<T> {
    /// Those of a call on so many threads, at least one.
    pub(crate) fn of_threads(&mut self, threads: usize) -> &mut [Worker<T>] {
        let count = threads.max(1);
        if self.each.len() < count {
            self.each.resize_with(count, Worker::default);
        }
        &mut self.each[..count]
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[Worker<T>] {
        &self.each
    }

    /// Bytes of all arenas.
    pub(crate) fn bytes(&self) -> usize {
        self.each.iter().map(|worker| worker.arena.length() * size_of::<T>()).sum()
    }
}

impl<T: Element> Workers<T> {
    /// Elements that `count` arenas of so much room need beyond those there are; `None` where sizes overflow.
    pub(super) fn missing(&self, engine: &Engine<T>, room: Room, count: usize) -> Option<usize> {
        let known = self.layout.as_ref().map(|layout| layout.room);
        let (length, there) = match (room.beyond(known, false), &self.layout) {
            (None, Some(layout)) => {
                let is_laid = |worker: &&Worker<T>| worker.arena.length() == layout.length();
                (layout.length(), self.each.iter().take(count).filter(is_laid).count())
            }
            (beyond, _) => (ArenaLayout::elements(&engine.plan, beyond.unwrap_or(room))?, 0),
        };
        length.checked_mul(count.saturating_sub(there))
    }

    /// Gives `count` workers an arena of so much room each; gives their layout.
    pub(super) fn prepare(
        &mut self,
        engine: &Engine<T>,
        room: Room,
        count: usize,
    ) -> Result<Arc<ArenaLayout>, CallError> {
        let known = self.layout.as_ref().map(|layout| layout.room);
        let layout = match (room.beyond(known, false), &self.layout) {
            (None, Some(layout)) => Arc::clone(layout),
            (beyond, _) => {
                let overflow = CallError::OutOfMemory { elements: usize::MAX };
                let layout = ArenaLayout::new(&engine.plan, beyond.unwrap_or(room)).ok_or(overflow)?;
                // A new layout finds zeros in every pad. It is known once there are arenas.
                self.layout = None;
                self.each.iter_mut().for_each(|worker| worker.arena = AlignedVec::default());
                Arc::new(layout)
            }
        };
        for worker in self.of_threads(count) {
            if !worker.arena.resize(layout.length()) {
                return Err(CallError::OutOfMemory { elements: layout.length() });
            }
        }
        self.layout = Some(Arc::clone(&layout));
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
    use crate::execute::memory::Memory;
    use crate::sequence::{Forward, Keep, SequenceCell, Sequences};
    use crate::workspace::Workspace;

    const STEPS: usize = 3;

    fn outputs(
        cell: &CompiledCell<f32>,
        input: &[f32],
        keep: Keep,
        workspace: &mut Workspace<f32>,
    ) -> Vec<f32> {
        let batch = input.len() / (STEPS * 2);
        let mut output = vec![0.0; STEPS * batch * 4];
        let parameters: Vec<f32> =
            (0..cell.parameter_layout().length()).map(|at| (at % 7) as f32 / 7.0).collect();
        let forward = Forward {
            steps: STEPS,
            batch,
            sequences: Sequences::default(),
            parameters: &parameters,
            inputs: &[input],
            initial_states: &[],
            outputs: &mut [&mut output],
            final_states: &mut [],
        };
        cell.forward(forward, keep, workspace).expect("runs");
        output
    }

    #[test]
    fn blocks_are_lent_arenas_where_nothing_is_kept_of_them() {
        let cell = crate::zoo::find("lstm").expect("a cell").read().expect("reads");
        let mut length = None;
        for threads in [1, 2] {
            let options =
                CompileOptions { backend: Backend::Interpreter, threads, ..CompileOptions::default() };
            let cell = CompiledCell::<f32>::new(&cell, &[("x", 2), ("h", 4)], options).expect("compiles");
            let mut workspace = Workspace::default();
            // The last block has fewer rows than the others.
            for batch in [200, 70, 200] {
                let input: Vec<f32> =
                    (0..STEPS * batch * 2).map(|at| (at % 11) as f32 / 11.0 - 0.5).collect();
                let given = outputs(&cell, &input, Keep::Nothing, &mut workspace);
                assert_eq!(given, outputs(&cell, &input, Keep::Tape, &mut Workspace::default()));
                let memory = workspace.memory();
                assert_eq!(memory.blocks.len(), batch.div_ceil(64));
                assert!(memory.blocks.iter().all(|block| block.arena.length() == 0));
                let arenas: Vec<usize> =
                    memory.workers.all().iter().map(|worker| worker.arena.length()).collect();
                assert_eq!(arenas.len(), threads);
                assert!(arenas.iter().all(|&one| one > 0 && one == *length.get_or_insert(one)), "{arenas:?}");
            }
        }
    }

    /// A thread that panics while it runs a block does not give back what it has lent.
    #[test]
    fn what_a_thread_leaves_with_a_block_is_made_anew() {
        let cell = crate::zoo::find("lstm").expect("a cell").read().expect("reads");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let cell = CompiledCell::<f32>::new(&cell, &[("x", 2), ("h", 4)], options).expect("compiles");
        let input: Vec<f32> = (0..STEPS * 70 * 2).map(|at| (at % 11) as f32 / 11.0 - 0.5).collect();
        let mut workspace = Workspace::default();
        let expected = outputs(&cell, &input, Keep::Nothing, &mut workspace);
        let bytes = workspace.bytes();
        let Memory { blocks, workers, .. } = workspace.memory();
        assert!(blocks.len() > 1);
        workers.of_threads(1)[0].exchange(&mut blocks[0], true);
        assert_eq!(workers.all()[0].arena.length(), 0);
        blocks[0].arena.as_mut_slice().fill(f32::NAN);
        assert_eq!(outputs(&cell, &input, Keep::Nothing, &mut workspace), expected);
        assert_eq!(workspace.bytes(), bytes);
    }
}
