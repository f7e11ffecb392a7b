//! Where the buffers of a plan lie in one allocation.

use gatewright_compiler::plan::{Buffer, BufferKind, Place, Plan};

use super::piece::Piece;

/// Alignment of the arena and of every buffer, in bytes: a cache line.
const ALIGNMENT: usize = 64;

/// Most elements of an arena: their bytes can be addressed, whatever the precision.
const LARGEST: usize = isize::MAX as usize / 8;

/// How much the buffers of a block have room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Rows at one step.
    pub(crate) rows: usize,
    /// Rows of all steps of a round.
    pub(crate) sequence: usize,
    /// Rows of the blocks that states have one more of, in each piece of a round.
    pub(crate) borders: usize,
    /// Rows of all steps of a chunk.
    pub(crate) chunk: usize,
}

impl Room {
    /// Room for both.
    #[must_use]
    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            rows: self.rows.max(other.rows),
            sequence: self.sequence.max(other.sequence),
            borders: self.borders.max(other.borders),
            chunk: self.chunk.max(other.chunk),
        }
    }

    /// Elements of a buffer; `None` where they overflow.
    fn of(self, buffer: &Buffer) -> Option<usize> {
        let rows = match buffer.kind {
            BufferKind::Sequence { extra: true } => self.sequence.checked_add(self.borders)?,
            BufferKind::Sequence { extra: false } => self.sequence,
            BufferKind::Chunk { .. } => self.chunk,
            BufferKind::Ring => self.rows.checked_mul(2)?,
            BufferKind::Step => self.rows,
            BufferKind::Once => 1,
        };
        rows.checked_mul(buffer.width)
    }
}

/// Where each buffer begins. Within a buffer rows lie one after the other, so a column that is a pad in one run is a pad
/// in all: the zeros there stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArenaLayout {
    pub(crate) room: Room,
    /// For each buffer its first element.
    offsets: Vec<usize>,
    /// For each buffer the elements of a row; 0 where there is one row for all.
    widths: Vec<usize>,
    /// For each buffer, how the block of a step is found.
    kinds: Vec<BufferKind>,
    length: usize,
}

impl ArenaLayout {
    /// Lays the plan's buffers out; `None` where the sizes overflow.
    pub(crate) fn new(plan: &Plan, room: Room) -> Option<Self> {
        let mut layout = Self {
            room,
            offsets: Vec::with_capacity(plan.buffers.len()),
            widths: Vec::with_capacity(plan.buffers.len()),
            kinds: Vec::with_capacity(plan.buffers.len()),
            length: 0,
        };
        for buffer in &plan.buffers {
            layout.offsets.push(layout.length);
            layout.widths.push(if buffer.kind == BufferKind::Once { 0 } else { buffer.width });
            layout.kinds.push(buffer.kind);
            // Widths are multiples of a cache line's worth of `f32`, so each buffer begins on one.
            layout.length = layout.length.checked_add(room.of(buffer)?)?;
        }
        (layout.length <= LARGEST).then_some(layout)
    }

    /// Elements of the arena with so much room; `None` where they overflow.
    pub(crate) fn elements(plan: &Plan, room: Room) -> Option<usize> {
        let mut elements: usize = 0;
        for buffer in &plan.buffers {
            elements = elements.checked_add(room.of(buffer)?)?;
        }
        (elements <= LARGEST).then_some(elements)
    }

    /// Elements of the arena.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// First element of the only row of a buffer of kind [`BufferKind::Once`].
    pub(crate) fn once(&self, buffer: usize) -> usize {
        self.offsets[buffer]
    }
}

/// A piece of a run, and where it lies in the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region<'a> {
    pub(crate) layout: &'a ArenaLayout,
    pub(crate) piece: Piece,
    /// First step of the chunk that buffers of kind [`BufferKind::Chunk`] hold.
    first: usize,
}

impl<'a> Region<'a> {
    /// A piece, at its first chunk.
    pub(crate) fn new(layout: &'a ArenaLayout, piece: Piece) -> Self {
        Self { layout, piece, first: 0 }
    }

    /// The same piece, at the chunk that begins with a step.
    #[inline]
    pub(crate) fn chunk(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// First element of a buffer's block for step `step` of the piece, `time` steps ahead.
    #[inline]
    pub(crate) fn block(&self, buffer: usize, time: usize, step: usize) -> usize {
        let piece = &self.piece;
        let row = match self.layout.kinds[buffer] {
            BufferKind::Sequence { extra } => {
                let before = piece.before + if extra { piece.borders } else { 0 };
                before + (step + time) * piece.rows
            }
            BufferKind::Chunk { .. } => (step + time).saturating_sub(self.first) * piece.rows,
            BufferKind::Ring => (step + time) % 2 * self.layout.room.rows,
            BufferKind::Step | BufferKind::Once => 0,
        };
        self.layout.offsets[buffer] + row * self.layout.widths[buffer]
    }

    /// First element of a place in the block for step `step`.
    #[inline]
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
