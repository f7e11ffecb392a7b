//! A kernel as loops, with calls between them.

use crate::operator::Unary;
use crate::plan::kernel::{Kind, ValueId};

/// Where lanes of a value are in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::codegen) enum Place {
    /// From this column of this buffer on; every tile has its own columns.
    Buffer { buffer: usize, column: usize },
    /// From this element of the scratch memory on; all tiles share it.
    Scratch { element: usize },
}

/// How a loop obtains a lane value.
#[derive(Clone, Copy, Debug)]
pub(in crate::codegen) enum Step {
    /// Reads it from memory.
    Read(ValueId, Place),
    /// Evaluates its instruction.
    Evaluate(ValueId),
}

/// What runs over a tile as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::codegen) enum TileFunction {
    /// A transcendental function of the table.
    Primitive(Unary),
    /// Sums up to each lane; the tile is the row.
    CumulativeSum { reverse: bool },
}

/// What a call reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codegen) enum Argument {
    /// Lanes in memory.
    Lanes(Place),
    /// A scalar, repeated: of cumulative sums only, since a primitive of a scalar is a scalar.
    Scalar(ValueId),
}

/// A primitive over one tile, or over several adjacent ones, or a cumulative sum over one.
#[derive(Clone, Copy, Debug)]
pub(in crate::codegen) struct Call {
    pub(in crate::codegen) function: TileFunction,
    pub(in crate::codegen) source: Argument,
    pub(in crate::codegen) destination: Place,
    /// Number of adjacent tiles; more than one only if all tiles are full.
    pub(in crate::codegen) tiles: usize,
}

impl Call {
    /// Whether another call continues where this one ends, so that they can be one.
    pub(in crate::codegen) fn goes_on_in(&self, next: &Self, tile: usize) -> bool {
        let length = self.tiles * tile;
        let (TileFunction::Primitive(_), Argument::Lanes(source), Argument::Lanes(next_source)) =
            (self.function, self.source, next.source)
        else {
            return false;
        };
        let disjoint = source == self.destination || {
            // In scratch memory a source block and a destination block must not touch each other when both grow.
            match (source, self.destination) {
                (Place::Scratch { element: source }, Place::Scratch { element: destination }) => {
                    source.abs_diff(destination) >= length + tile
                }
                (Place::Buffer { buffer: source, .. }, Place::Buffer { buffer: destination, .. }) => {
                    source != destination
                }
                _ => true,
            }
        };
        self.function == next.function
            && disjoint
            && follows(source, next_source, length)
            && follows(self.destination, next.destination, length)
    }
}

/// One loop and what follows it.
#[derive(Clone, Debug, Default)]
pub(in crate::codegen) struct Segment {
    /// Scalars evaluated before the loop, in order.
    pub(in crate::codegen) scalars: Vec<ValueId>,
    /// Lane values, operands first.
    pub(in crate::codegen) steps: Vec<Step>,
    /// Values written at the end of each iteration.
    pub(in crate::codegen) writes: Vec<(ValueId, Place)>,
    /// Values added onto a buffer at the end of each iteration.
    pub(in crate::codegen) accumulations: Vec<(ValueId, Place)>,
    /// Reductions that the loop carries.
    pub(in crate::codegen) reductions: Vec<ValueId>,
    /// Primitives run after the loop.
    pub(in crate::codegen) calls: Vec<Call>,
}

/// A kernel as loops.
#[derive(Clone, Debug)]
pub(in crate::codegen) struct Schedule {
    /// Lanes of a tile.
    pub(in crate::codegen) tile: usize,
    /// Number of tiles in a row; the last one may be shorter.
    pub(in crate::codegen) tiles: usize,
    /// In order.
    pub(in crate::codegen) segments: Vec<Segment>,
    /// Element of the scratch memory through which scalars pass to primitives.
    pub(in crate::codegen) scalar_element: usize,
    /// Elements of scratch memory in all; `None` if that overflows.
    pub(in crate::codegen) scratch_elements: Option<usize>,
    /// What each instruction gives.
    pub(in crate::codegen) kinds: Vec<Kind>,
}

/// Whether a place lies so many lanes behind another.
fn follows(first: Place, second: Place, length: usize) -> bool {
    match (first, second) {
        (Place::Buffer { buffer: a, column: first }, Place::Buffer { buffer: b, column: second }) => {
            a == b && first + length == second
        }
        (Place::Scratch { element: first }, Place::Scratch { element: second }) => first + length == second,
        _ => false,
    }
}
