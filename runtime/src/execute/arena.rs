//! Where the buffers of a plan lie in one allocation, for given T and B.

use gatewright_compiler::plan::{BufferKind, Place, Plan};

/// Alignment of the arena and of every buffer, in bytes: a cache line.
const ALIGNMENT: usize = 64;

/// Offsets of buffers for one number of steps and rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArenaLayout {
    /// Steps of a run: no more than there is room for.
    pub(crate) steps: usize,
    /// Steps that there is room for.
    pub(crate) room: usize,
    pub(crate) rows: usize,
    /// For each buffer its first element.
    offsets: Vec<usize>,
    /// For each buffer the elements of a block of rows; 0 where there is one row for all.
    blocks: Vec<usize>,
    /// For each buffer, how the block of a step is found.
    kinds: Vec<BufferKind>,
    length: usize,
}

impl ArenaLayout {
    /// Lays the plan's buffers out; `None` where the sizes overflow.
    pub(crate) fn new(plan: &Plan, steps: usize, rows: usize) -> Option<Self> {
        let mut layout = Self {
            steps,
            room: steps,
            rows,
            offsets: Vec::with_capacity(plan.buffers.len()),
            blocks: Vec::with_capacity(plan.buffers.len()),
            kinds: Vec::with_capacity(plan.buffers.len()),
            length: 0,
        };
        for buffer in &plan.buffers {
            let block = rows.checked_mul(buffer.width)?;
            let (block, count) = match buffer.kind {
                BufferKind::Sequence { extra } => (block, steps.checked_add(usize::from(extra))?),
                BufferKind::Ring => (block, 2),
                BufferKind::Step => (block, 1),
                BufferKind::Once => (buffer.width, 1),
            };
            layout.offsets.push(layout.length);
            layout.blocks.push(if buffer.kind == BufferKind::Once { 0 } else { block });
            layout.kinds.push(buffer.kind);
            // Widths are multiples of a cache line's worth of `f32`, so each buffer begins on one.
            layout.length = layout.length.checked_add(block.checked_mul(count)?)?;
        }
        (layout.length <= isize::MAX as usize / 8).then_some(layout)
    }

    /// Says how many steps the next run has; `false` where there is no room for them.
    #[must_use]
    pub(crate) fn set_steps(&mut self, steps: usize) -> bool {
        let fits = steps <= self.room;
        if fits {
            self.steps = steps;
        }
        fits
    }

    /// Elements of the arena.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// First element of a buffer's block for step `step`, `time` steps ahead.
    pub(crate) fn block(&self, buffer: usize, time: usize, step: usize) -> usize {
        let index = match self.kinds[buffer] {
            BufferKind::Sequence { .. } => step + time,
            BufferKind::Ring => (step + time) % 2,
            BufferKind::Step | BufferKind::Once => 0,
        };
        self.offsets[buffer] + index * self.blocks[buffer]
    }

    /// First element of a place in the block for step `step`.
    pub(crate) fn place(&self, place: Place, step: usize) -> usize {
        self.block(place.buffer.0 as usize, place.time, step) + place.column
    }
}

/// Elements that begin on a cache line.
#[derive(Debug)]
pub(crate) struct AlignedVec<T> {
    elements: Vec<T>,
    start: usize,
    length: usize,
}

impl<T> Default for AlignedVec<T> {
    fn default() -> Self {
        Self { elements: Vec::new(), start: 0, length: 0 }
    }
}

impl<T: Copy + Default> AlignedVec<T> {
    /// Exactly `length` elements; all zero where the length differs from before, as they were where it does not.
    /// False where there is no memory for them; there are none then.
    #[must_use]
    pub(crate) fn resize(&mut self, length: usize) -> bool {
        if length == self.length {
            return true;
        }
        let slack = ALIGNMENT / size_of::<T>().max(1);
        *self = Self::default();
        let Some(total) = length.checked_add(slack) else { return false };
        if self.elements.try_reserve_exact(total).is_err() {
            return false;
        }
        self.elements.resize(total, T::default());
        // `align_offset` may refuse; the elements are then merely not aligned.
        self.start = self.elements.as_ptr().align_offset(ALIGNMENT).min(slack);
        self.length = length;
        true
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.elements[self.start..self.start + self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.elements[self.start..self.start + self.length]
    }
}
