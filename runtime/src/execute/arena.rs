//! Where the buffers of a plan lie in one allocation.

use gatewright_compiler::plan::{Buffer, BufferKind, Moment, Place, Plan, Track};

use super::piece::Piece;

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

    /// The room that there must be for this one where there is `known`, no more than that where it is `exact`; `None` where
    /// there is.
    pub(crate) fn beyond(self, known: Option<Self>, exact: bool) -> Option<Self> {
        let wanted = known.filter(|_| !exact).map_or(self, |known| known.union(self));
        (known != Some(wanted)).then_some(wanted)
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
    pub(crate) first: usize,
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

    /// Where a buffer's block `time` steps ahead is at each step of the piece: what [`Region::block`] says of every step,
    /// found out once.
    pub(crate) fn track(&self, buffer: usize, time: usize) -> Track {
        let (layout, piece) = (self.layout, &self.piece);
        let (offset, width) = (layout.offsets[buffer], layout.widths[buffer]);
        let at = |row: usize| offset + row * width;
        let stride = piece.rows * width;
        match layout.kinds[buffer] {
            BufferKind::Sequence { extra } => {
                let before = piece.before + if extra { piece.borders } else { 0 };
                Track::of_run(at(before + time * piece.rows), stride)
            }
            BufferKind::Chunk { .. } => Track::of_chunk(at(time * piece.rows), stride),
            BufferKind::Ring => {
                let mut blocks = [0, 1].map(|parity| offset + parity * layout.room.rows * width);
                blocks.rotate_left(time % 2);
                Track::in_turn(blocks)
            }
            BufferKind::Step | BufferKind::Once => Track::in_turn([offset; 2]),
        }
    }

    /// A step of the piece, in the chunk that the region is at.
    #[inline]
    pub(crate) fn moment(&self, step: usize) -> Moment {
        Moment { step, chunk: self.first }
    }

    /// First element of a place in the block for step `step`.
    #[inline]
    pub(crate) fn place(&self, place: Place, step: usize) -> usize {
        self.block(place.buffer.0 as usize, place.time, step) + place.column
    }
}

#[cfg(test)]
mod tests {
    use super::{ArenaLayout, Region, Room};
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
    use crate::execute::piece::Piece;

    #[test]
    fn a_track_says_of_every_step_what_the_region_says() {
        // Every kind of buffer: of all steps, of a chunk, of two steps and of one, and constants.
        let text = "f_t = sigmoid(W x_t + U h_{t-1} + b)\nc_t = 1 - f_t * h_{t-1}\n\
            h_t = tanh(V c_t + h_{t-2})\ny_t = P h_t";
        let cell = crate::read_cell(text, gatewright_compiler::source::Syntax::Text).expect("a cell");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        let dimensions: Vec<(&str, usize)> = vec![("x", 3), ("h", 4), ("y", 2)];
        let cell = CompiledCell::<f32>::new(&cell, &dimensions, options).expect("compiles");
        let mut kinds = std::collections::BTreeSet::new();
        for plan in [cell.training_plan(), cell.inference_plan()] {
            let room = Room { rows: 5, sequence: 100, borders: 9, chunk: 40 };
            let layout = ArenaLayout::new(plan, room).expect("small");
            let piece = Piece { first: 7, steps: 12, rows: 3, before: 20, borders: 4 };
            for (buffer, first) in (0..plan.buffers.len()).flat_map(|one| [(one, 0), (one, 5)]) {
                kinds.insert(format!("{:?}", plan.buffers[buffer].kind));
                let region = Region::new(&layout, piece).chunk(first);
                for time in 0..3 {
                    let track = region.track(buffer, time);
                    for step in first..piece.steps {
                        let expected = region.block(buffer, time, step);
                        assert_eq!(track.at(region.moment(step)), expected, "{:?}", plan.buffers[buffer]);
                        assert_eq!(track.column(2).at(region.moment(step)), expected + 2);
                    }
                }
            }
        }
        assert!(kinds.len() >= 5, "{kinds:?}");
    }
}
