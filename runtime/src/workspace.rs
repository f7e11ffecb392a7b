//! Memory of a run: the tape and everything else that lives while a sequence is processed.

use crate::execute::memory::Memory;

/// Memory of one run at a time, kept between runs so that a training loop allocates once.
///
/// Serves the cell that used it last; another cell, or another number of steps or samples, finds it empty.
#[derive(Debug)]
pub struct Workspace<T> {
    memory: Memory<T>,
    own: Vec<T>,
}

impl<T> Default for Workspace<T> {
    /// An empty workspace.
    fn default() -> Self {
        Self { memory: Memory::default(), own: Vec::new() }
    }
}

impl<T> Workspace<T> {
    pub(crate) fn memory(&mut self) -> &mut Memory<T> {
        &mut self.memory
    }

    /// Bytes that are held for the runs of a compiled cell: all that grows with the steps and the samples.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// Memory for whoever implements [`SequenceCell`](crate::sequence::SequenceCell) by hand: what a forward run leaves
    /// here, the backward run finds. Compiled cells do not touch it.
    #[must_use]
    pub fn own_memory(&mut self) -> &mut Vec<T> {
        &mut self.own
    }
}
