//! Memory of a run: the tape and everything else that lives while a sequence is processed.

use crate::error::CallError;
use crate::execute::check;
use crate::execute::memory::Memory;
use crate::sequence::{CellLayout, Forward, Keep};

/// Memory of one run at a time, kept between runs so that a training loop allocates once.
///
/// Serves the cell that used it last: another cell finds it empty. Another number of steps or samples uses the same memory, as
/// far as it goes; the tape is that of the last run.
#[derive(Debug)]
pub struct Workspace<T> {
    memory: Memory<T>,
    own: Vec<T>,
    /// Flags of a layer's own, for the length of a run.
    flags: Vec<bool>,
    /// Of a layer's last run.
    ran: Option<Ran>,
    /// One for each part of a layer.
    parts: Vec<Self>,
}

/// What a layer's backward run needs to know of its forward run.
#[derive(Debug, Default)]
struct Ran {
    steps: usize,
    batch: usize,
    lengths: Vec<usize>,
    /// It has come to its end, and a way back may follow.
    kept: bool,
}

impl<T> Default for Workspace<T> {
    /// An empty workspace.
    fn default() -> Self {
        Self { memory: Memory::default(), own: Vec::new(), flags: Vec::new(), ran: None, parts: Vec::new() }
    }
}

impl<T> Workspace<T> {
    pub(crate) fn memory(&mut self) -> &mut Memory<T> {
        &mut self.memory
    }

    /// Checks a forward call. Behind one that is refused there is no way back: that of the run before has other inputs.
    pub(crate) fn check(&mut self, layout: &CellLayout, call: &Forward<'_, '_, T>) -> Result<(), CallError> {
        check::forward(layout, call).inspect_err(|_| {
            self.memory.tape = None;
            if let Some(ran) = &mut self.ran {
                ran.kept = false;
            }
        })
    }

    /// For the forward run of a cell: what is left of a layer goes.
    pub(crate) fn begin_cell(&mut self) -> &mut Memory<T> {
        self.parts.clear();
        if self.ran.take().is_some() {
            self.own = Vec::new();
        }
        &mut self.memory
    }

    /// Bytes that are held for the runs of a cell or layer: all that grows with the steps and the samples.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts: usize = self.parts.iter().map(Self::bytes).sum();
        self.memory.bytes() + size_of_val(&self.own[..]) + parts
    }

    /// Takes a layer's flags, which hold anything, out of the workspace.
    pub(crate) fn take_flags(&mut self) -> Vec<bool> {
        std::mem::take(&mut self.flags)
    }

    /// Keeps their memory for the next run.
    pub(crate) fn give_flags(&mut self, flags: Vec<bool>) {
        self.flags = flags;
    }

    /// Memory for whoever implements [`SequenceCell`](crate::sequence::SequenceCell) by hand: what a forward run leaves
    /// here, the backward run finds. Compiled cells do not touch it.
    #[must_use]
    pub fn own_memory(&mut self) -> &mut Vec<T> {
        // It is no layer's any more.
        self.ran = None;
        &mut self.own
    }
}

impl<T: Copy + Default> Workspace<T> {
    /// For the forward run of a layer: memory of its own and a workspace for each of its parts. There is a way back when it
    /// has [ended](Workspace::end). `own` are the elements that this run needs, and those of the way back with them; a run
    /// within a budget gives back what is beyond.
    pub(crate) fn begin(
        &mut self,
        call: &Forward<'_, '_, T>,
        keep: Keep,
        (own, with_back): (usize, usize),
        parts: usize,
    ) -> Result<(&mut [T], &mut [Self]), CallError> {
        // Of a cell that was run here before.
        if self.memory.is_held() {
            self.memory = Memory::default();
        }
        if matches!(keep, Keep::Checkpoints { .. }) && self.own.len() > with_back {
            self.own = Vec::new();
        }
        let ran = self.ran.get_or_insert_default();
        (ran.steps, ran.batch, ran.kept) = (call.steps, call.batch, false);
        ran.lengths.clear();
        ran.lengths.extend_from_slice(call.sequences.lengths);
        self.parts.resize_with(parts, Self::default);
        self.grow(own)?;
        Ok((&mut self.own[..own], &mut self.parts))
    }

    /// The forward run of a layer has come to its end.
    pub(crate) fn end(&mut self, keep: Keep) {
        if let Some(ran) = &mut self.ran {
            ran.kept = keep != Keep::Nothing;
        }
    }

    /// Steps and samples of the last forward run of a layer, if there is a way back.
    pub(crate) fn ran(&self) -> Option<(usize, usize)> {
        self.ran.as_ref().filter(|ran| ran.kept).map(|ran| (ran.steps, ran.batch))
    }

    /// Lengths of the last forward run of a layer; empty where all samples had all steps.
    pub(crate) fn lengths(&self) -> &[usize] {
        self.ran.as_ref().map_or(&[], |ran| &ran.lengths)
    }

    /// For the backward run of a layer: its memory, which begins as the forward run left it, and the workspaces.
    pub(crate) fn again(&mut self, own: usize, parts: usize) -> Result<(&mut [T], &mut [Self]), CallError> {
        if self.parts.len() != parts {
            return Err(CallError::NoTape);
        }
        self.grow(own)?;
        Ok((&mut self.own[..own], &mut self.parts))
    }

    fn grow(&mut self, elements: usize) -> Result<(), CallError> {
        let missing = elements.saturating_sub(self.own.len());
        self.own.try_reserve_exact(missing).map_err(|_| CallError::OutOfMemory { elements })?;
        if missing > 0 {
            self.own.resize(elements, T::default());
        }
        Ok(())
    }
}
