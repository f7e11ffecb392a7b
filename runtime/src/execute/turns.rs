//! Arenas that blocks take turns in.
//!
//! Of a run without a tape nothing is left in the arena of a block once its rows have ended. So there are as many arenas
//! as threads, all laid out alike: a block finds in the caches what the one before it has used, and memory does not grow
//! with the batch.

use std::sync::{Arc, Mutex, PoisonError};

use super::arena::{ArenaLayout, Room};
use super::engine::Engine;
use crate::aligned::AlignedVec;
use crate::error::CallError;
use crate::matmul::Element;

/// The arenas that are free, and how they are laid out. There are none where each block has its own.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    layout: Option<Arc<ArenaLayout>>,
    free: Mutex<Vec<AlignedVec<T>>>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { layout: None, free: Mutex::default() }
    }
}

impl<T> Turns<T> {
    fn free(&mut self) -> &mut Vec<AlignedVec<T>> {
        self.free.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of all arenas.
    pub(crate) fn bytes(&self) -> usize {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.iter().map(|arena| arena.length() * size_of::<T>()).sum()
    }

    /// An arena, until it is given back. None where there are none.
    pub(super) fn take(&self) -> Option<AlignedVec<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Gives an arena back.
    pub(super) fn give(&self, arena: AlignedVec<T>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
    }
}

impl<T: Element> Turns<T> {
    /// Elements that `count` arenas of so much room need beyond those there are; `None` where sizes overflow.
    pub(super) fn missing(&mut self, engine: &Engine<T>, room: Room, count: usize) -> Option<usize> {
        let known = self.layout.as_ref().map(|layout| layout.room);
        let (room, there) = match room.beyond(known, false) {
            Some(room) => (room, 0),
            None => (known?, self.free().len()),
        };
        ArenaLayout::elements(&engine.plan, room)?.checked_mul(count.saturating_sub(there))
    }

    /// Makes `count` arenas of so much room; gives their layout.
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
                self.free().clear();
                Arc::new(layout)
            }
        };
        while self.free().len() < count {
            let mut arena = AlignedVec::default();
            if !arena.resize(layout.length()) {
                return Err(CallError::OutOfMemory { elements: layout.length() });
            }
            self.free().push(arena);
        }
        self.layout = Some(Arc::clone(&layout));
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
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
    fn blocks_take_turns_where_nothing_is_kept_of_them() {
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
                let free: Vec<usize> = memory.turns.free().iter().map(|arena| arena.length()).collect();
                assert_eq!(free.len(), threads);
                assert!(free.iter().all(|&one| one > 0 && one == *length.get_or_insert(one)), "{free:?}");
            }
        }
    }
}
