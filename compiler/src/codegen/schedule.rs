//! From the straight-line code of a kernel to a sequence of loops with calls between them.
//!
//! A transcendental function runs over a whole tile of lanes, as a call; a reduction is known only after the last
//! lane; a cumulative sum walks from lane to lane, in a loop of its own that stands where a call would. All cut the kernel into *segments*: the *depth* of a value is the number of such cuts on the longest way to
//! it. Time alternates between loops and calls:
//!
//! ```text
//! time 0   loop of segment 0: loads, arithmetic of depth 0, stores
//! time 1   calls whose arguments have depth 0; reductions of segment 0 are known
//! time 2   loop of segment 1
//! ...
//! ```
//!
//! # Where values live
//!
//! Within a loop, in registers. A value that is used in a later segment has a *home* in memory:
//!
//! - a load: the place it is loaded from, as long as the kernel has not stored there; after that, a scratch tile;
//! - an argument of a call: the buffer it is stored to if it is, else a scratch tile;
//! - a result of a call: the buffer it is stored to if it is, in place where the argument was loaded from there, else a
//!   scratch tile;
//! - anything else: the buffer it is stored to, else it is computed again if that is one instruction without division
//!   or square root on loads, results of calls and scalars, else a scratch tile.
//!
//! Arithmetic is placed in the first segment that uses it, not in the first that could compute it, so that as little
//! as possible crosses. Scratch tiles are shared by values that do not live at the same time (`scratch`).
//!
//! # Invariants
//!
//! - **S1** within one iteration of a loop, all reads of memory come before all writes.
//! - **S2** a read of a place sees the value that the kernel means: no write to the place lies between.
//! - **S3** a call's destination equals its source or does not overlap it, given K5.

#![forbid(unsafe_code)]

mod form;
mod scratch;

pub(super) use form::{Argument, Call, Place, Schedule, Segment, Step, TileFunction};

use std::collections::BTreeSet;

use crate::operator::{Binary, Unary};
use crate::plan::kernel::{Instruction, Kernel, Kind, ValueId};

/// Lanes of a tile, unless a reduction needs the whole row at once. Measured: 128 is as fast as 256, 64 is slower.
const TILE: usize = 128;
/// Tiles hold a multiple of this many lanes, so that all but the last need no tail.
const TILE_MULTIPLE: usize = 16;

/// Splits a kernel that fulfils K1 to K4, whose kinds are given.
pub(super) fn schedule(kernel: &Kernel, kinds: Vec<Kind>) -> Schedule {
    let live = live_instructions(kernel);
    let whole = kernel.instructions.iter().zip(&live).any(|(instruction, live)| {
        *live && (is_reduction(instruction) || matches!(instruction, Instruction::CumulativeSum { .. }))
    });
    // At least one, so that divisions are defined; without lanes there are no tiles.
    let tile = if whole { kernel.lanes } else { tile_lanes(kernel.lanes) }.max(1);
    let tiles = if kernel.lanes == 0 { 0 } else { kernel.lanes.div_ceil(tile) };
    let mut planner = Planner::new(kernel, kinds, live, tile);
    planner.assign_depths();
    planner.place_arithmetic();
    planner.choose_destinations();
    planner.demand();
    let slots = planner.assign_scratch();
    planner.finish(tile, tiles, slots)
}

/// The largest tile of at most [`TILE`] lanes that divides a row, if it is not much smaller than that; else tiles of
/// about equal size.
fn tile_lanes(lanes: usize) -> usize {
    if lanes <= TILE {
        return lanes;
    }
    let even = (TILE / 2..=TILE)
        .rev()
        .filter(|tile| tile % TILE_MULTIPLE == 0)
        .find(|tile| lanes.is_multiple_of(*tile));
    even.unwrap_or_else(|| lanes.div_ceil(lanes.div_ceil(TILE)).next_multiple_of(TILE_MULTIPLE))
}

fn is_reduction(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::Sum(_) | Instruction::MaximumElement(_))
}

/// Which instructions a store depends on.
fn live_instructions(kernel: &Kernel) -> Vec<bool> {
    let mut live = vec![false; kernel.instructions.len()];
    for (index, instruction) in kernel.instructions.iter().enumerate().rev() {
        let stores = matches!(
            instruction,
            Instruction::Store { .. }
                | Instruction::StoreScalar { .. }
                | Instruction::Accumulate { .. }
                | Instruction::AccumulateScalar { .. }
        );
        if stores || live[index] {
            live[index] = true;
            for operand in instruction.operands() {
                live[operand.0 as usize] = true;
            }
        }
    }
    live
}

/// A point in time that lies after everything.
const NEVER: usize = usize::MAX;

/// What is known of one value while planning. Meaningless for stores.
#[derive(Clone, Debug)]
struct Facts {
    /// Segment from which on it can be known.
    depth: usize,
    /// Segment that evaluates it, or that copies it to its home.
    place: usize,
    /// Buffer that holds it from the end of its segment on.
    stored: Option<Place>,
    /// For a load: the last time at which its location still holds what it loads.
    fresh: usize,
    /// Whether it must be written to a home that is not the place it came from.
    needs_home: bool,
    /// Last time at which its home is read.
    last_read: usize,
    /// Element of its scratch tile.
    scratch: Option<usize>,
}

/// Values that belong to one segment, in order.
#[derive(Clone, Debug, Default)]
struct Listed {
    /// Results of the calls after its loop.
    calls: Vec<ValueId>,
    /// Reductions that its loop carries.
    reductions: Vec<ValueId>,
    /// Scalars known before its loop.
    scalars: Vec<ValueId>,
    /// Indices of the stores of values known in it.
    stores: Vec<usize>,
    /// Values that it writes to their homes.
    homes: Vec<ValueId>,
}

struct Planner<'a> {
    kernel: &'a Kernel,
    kinds: Vec<Kind>,
    live: Vec<bool>,
    facts: Vec<Facts>,
    tile: usize,
    segments: Vec<Segment>,
    /// Live instructions that wait for something, by the segment that makes it known or that uses it; so that the work
    /// does not grow with the product of instructions and segments.
    by_segment: Vec<Listed>,
    /// Stores of lanes, in order: (value, place, adds).
    stores: Vec<(ValueId, Place, bool)>,
}

impl<'a> Planner<'a> {
    fn new(kernel: &'a Kernel, kinds: Vec<Kind>, live: Vec<bool>, tile: usize) -> Self {
        let blank = Facts {
            depth: 0,
            place: NEVER,
            stored: None,
            fresh: NEVER,
            needs_home: false,
            last_read: 0,
            scratch: None,
        };
        let facts = vec![blank; kernel.instructions.len()];
        let stores = kernel
            .instructions
            .iter()
            .filter_map(|instruction| match *instruction {
                Instruction::Store { buffer, column, value } => {
                    Some((value, Place::Buffer { buffer, column }, false))
                }
                Instruction::Accumulate { buffer, column, value } => {
                    Some((value, Place::Buffer { buffer, column }, true))
                }
                _ => None,
            })
            .collect();
        Self { kernel, kinds, live, facts, tile, segments: Vec::new(), by_segment: Vec::new(), stores }
    }

    fn instruction(&self, value: ValueId) -> &'a Instruction {
        &self.kernel.instructions[value.0 as usize]
    }

    fn is_lanes(&self, value: ValueId) -> bool {
        self.kinds[value.0 as usize] == Kind::Lanes
    }

    /// The argument, if the value is the result of a primitive over lanes, or a cumulative sum.
    fn call_argument(&self, value: ValueId) -> Option<(TileFunction, ValueId)> {
        match *self.instruction(value) {
            Instruction::Unary(function, argument) if function.is_primitive() && self.is_lanes(value) => {
                Some((TileFunction::Primitive(function), argument))
            }
            Instruction::CumulativeSum { reverse, value } => {
                Some((TileFunction::CumulativeSum { reverse }, value))
            }
            _ => None,
        }
    }

    fn is_load(&self, value: ValueId) -> bool {
        matches!(self.instruction(value), Instruction::Load { .. })
    }

    fn values(&self) -> impl DoubleEndedIterator<Item = ValueId> + use<> {
        (0..u32::try_from(self.kernel.instructions.len()).unwrap_or(u32::MAX)).map(ValueId)
    }

    fn assign_depths(&mut self) {
        let mut segments = 1;
        for value in self.values() {
            let index = value.0 as usize;
            let operands = self.instruction(value).operands();
            let depth = operands.map(|operand| self.facts[operand.0 as usize].depth).max().unwrap_or(0);
            let cuts = is_reduction(self.instruction(value)) || self.call_argument(value).is_some();
            self.facts[index].depth = depth + usize::from(cuts);
            if self.live[index] {
                segments = segments.max(self.facts[index].depth + 1);
            }
        }
        self.segments = vec![Segment::default(); segments];
        self.by_segment = vec![Listed::default(); segments];
        for value in self.values() {
            if !self.live[value.0 as usize] {
                continue;
            }
            let depth = self.facts[value.0 as usize].depth;
            // A value that a call or a loop makes known has a depth of at least one.
            if self.call_argument(value).is_some() {
                self.by_segment[depth - 1].calls.push(value);
            } else if is_reduction(self.instruction(value)) {
                self.by_segment[depth - 1].reductions.push(value);
            }
            if self.kinds[value.0 as usize] == Kind::Scalar {
                self.by_segment[depth].scalars.push(value);
            }
        }
        for (index, store) in self.stores.iter().enumerate() {
            self.by_segment[self.facts[store.0.0 as usize].depth].stores.push(index);
        }
    }

    /// Each lane value goes to the first segment that uses it.
    fn place_arithmetic(&mut self) {
        for value in self.values().rev() {
            let index = value.0 as usize;
            if !self.live[index] {
                continue;
            }
            let instruction = self.instruction(value);
            let is_call = self.call_argument(value).is_some();
            for operand in instruction.operands() {
                let use_at = match instruction {
                    Instruction::Store { .. }
                    | Instruction::Accumulate { .. }
                    | Instruction::Sum(_)
                    | Instruction::MaximumElement(_) => self.facts[operand.0 as usize].depth,
                    _ if is_call => self.facts[operand.0 as usize].depth,
                    _ => self.facts[index].place,
                };
                let place = &mut self.facts[operand.0 as usize].place;
                *place = (*place).min(use_at);
            }
        }
    }

    /// Decides which stored values have their buffer for a home, and until when loads may be repeated.
    fn choose_destinations(&mut self) {
        // Loads by location; at most one store of lanes overlaps each, and it has the same column (K2).
        let mut loads: Vec<(Place, ValueId)> = Vec::new();
        for value in self.values() {
            if let Instruction::Load { buffer, column } = *self.instruction(value)
                && self.live[value.0 as usize]
            {
                loads.push((Place::Buffer { buffer, column }, value));
            }
        }
        loads.sort_unstable();
        for index in 0..self.stores.len() {
            let (value, place, adds) = self.stores[index];
            let first = loads.partition_point(|load| load.0 < place);
            let here = loads[first..].iter().take_while(|load| load.0 == place).map(|load| load.1.0 as usize);
            let facts = &self.facts[value.0 as usize];
            let mut written_at = 2 * facts.depth;
            if !adds && self.is_lanes(value) && facts.stored.is_none() && !self.is_load(value) {
                if self.call_argument(value).is_some() {
                    // The call writes there itself; loads that are needed later are copied, see `fresh`.
                    written_at -= 1;
                }
                self.facts[value.0 as usize].stored = Some(place);
            }
            for load in here {
                self.facts[load].fresh = written_at;
            }
        }
    }

    /// Walks the segments from last to first and collects what each must read, evaluate and write.
    fn demand(&mut self) {
        for segment in (0..self.segments.len()).rev() {
            let listed = self.by_segment[segment].clone();
            let mut needed = BTreeSet::new();
            let mut plan =
                Segment { scalars: listed.scalars, reductions: listed.reductions, ..Segment::default() };
            for value in listed.calls {
                if let Some((_, argument)) = self.call_argument(value) {
                    self.demand_argument(value, argument, 2 * segment + 1);
                }
            }
            for value in &plan.reductions {
                needed.extend(self.instruction(*value).operands());
            }
            for index in listed.stores {
                let (value, place, adds) = self.stores[index];
                if adds {
                    plan.accumulations.push((value, place));
                } else if self.call_argument(value).is_none()
                    || self.facts[value.0 as usize].stored != Some(place)
                {
                    plan.writes.push((value, place));
                } else {
                    // The call writes there itself.
                    continue;
                }
                needed.insert(value);
            }
            // Every later reader is known by now.
            for &value in &self.by_segment[segment].homes {
                needed.insert(value);
                if self.facts[value.0 as usize].stored.is_none() {
                    // The element is filled in when scratch memory is assigned.
                    plan.writes.push((value, Place::Scratch { element: usize::MAX }));
                }
            }
            while let Some(value) = needed.pop_last() {
                if self.is_lanes(value) {
                    let step = self.obtain(value, segment, &mut needed);
                    plan.steps.push(step);
                }
            }
            plan.steps.reverse();
            self.segments[segment] = plan;
        }
    }

    /// Notes that a value is read from its home at `time`, which is later than it can be written there.
    fn need_home(&mut self, value: ValueId, time: usize) {
        let home = self.home_segment(value);
        let is_result = self.call_argument(value).is_some();
        let facts = &mut self.facts[value.0 as usize];
        facts.last_read = facts.last_read.max(time);
        if !facts.needs_home {
            facts.needs_home = true;
            // Calls write their results themselves.
            if !is_result {
                self.by_segment[home].homes.push(value);
            }
        }
    }

    /// The segment in which a value that is no result of a primitive is written to its home.
    fn home_segment(&self, value: ValueId) -> usize {
        let facts = &self.facts[value.0 as usize];
        facts.place.min(facts.fresh / 2)
    }

    /// Sees to it that the argument of a call is in memory at the time of the call.
    fn demand_argument(&mut self, call: ValueId, argument: ValueId, time: usize) {
        if !self.is_lanes(argument) {
            return;
        }
        let in_place =
            self.is_load(argument) && self.load_place(argument) == self.facts[call.0 as usize].stored;
        let is_load = self.is_load(argument);
        let facts = &self.facts[argument.0 as usize];
        if is_load && (time < facts.fresh || (time == facts.fresh && in_place)) {
            return;
        }
        self.need_home(argument, time);
    }

    fn load_place(&self, value: ValueId) -> Option<Place> {
        match *self.instruction(value) {
            Instruction::Load { buffer, column } => Some(Place::Buffer { buffer, column }),
            _ => None,
        }
    }

    /// How a loop obtains a value that it needs.
    fn obtain(&mut self, value: ValueId, segment: usize, needed: &mut BTreeSet<ValueId>) -> Step {
        let time = 2 * segment;
        let facts = &self.facts[value.0 as usize];
        if let Some(place) = self.load_place(value) {
            if time <= facts.fresh {
                return Step::Read(value, place);
            }
        } else if self.call_argument(value).is_none() && (facts.place == segment || self.is_cheap(value)) {
            needed.extend(self.instruction(value).operands());
            return Step::Evaluate(value);
        }
        let stored = facts.stored;
        self.need_home(value, time);
        Step::Read(value, stored.unwrap_or(Place::Scratch { element: usize::MAX }))
    }

    /// Whether to compute a value again rather than to keep it.
    fn is_cheap(&self, value: ValueId) -> bool {
        if self.facts[value.0 as usize].stored.is_some() {
            return false;
        }
        let instruction = self.instruction(value);
        let slow = matches!(
            instruction,
            Instruction::Unary(Unary::SquareRoot, _) | Instruction::Binary(Binary::Divide, ..)
        );
        !slow
            && instruction.operands().all(|operand| {
                !self.is_lanes(operand)
                    || self.call_argument(operand).is_some()
                    || (self.is_load(operand) && self.facts[operand.0 as usize].fresh == NEVER)
            })
    }

    /// Calls after a segment: (function, result, argument), sorted so that neighbours in memory are neighbours here.
    fn calls_after(&self, segment: usize) -> Vec<(TileFunction, ValueId, ValueId)> {
        let mut calls: Vec<(TileFunction, ValueId, ValueId)> = self
            .values()
            .filter(|value| self.live[value.0 as usize] && self.facts[value.0 as usize].depth == segment + 1)
            .filter_map(|value| {
                self.call_argument(value).map(|(function, argument)| (function, value, argument))
            })
            .collect();
        calls.sort_by_key(|&(function, value, argument)| {
            let source = self.load_place(argument).or(self.facts[argument.0 as usize].stored);
            (function, self.facts[value.0 as usize].stored, source, value)
        });
        calls
    }

    /// Fills in the scratch elements and the calls.
    fn finish(mut self, tile: usize, tiles: usize, slots: usize) -> Schedule {
        let mut segments = std::mem::take(&mut self.segments);
        for (index, segment) in segments.iter_mut().enumerate() {
            for step in &mut segment.steps {
                if let Step::Read(value, place @ Place::Scratch { .. }) = step {
                    *place = self.scratch(*value);
                }
            }
            for (value, place) in &mut segment.writes {
                if matches!(place, Place::Scratch { .. }) {
                    *place = self.scratch(*value);
                }
            }
            let full = tiles != 0 && self.kernel.lanes.is_multiple_of(tile);
            for (function, value, argument) in self.calls_after(index) {
                let source = self.source(argument, value);
                let destination = self.facts[value.0 as usize].stored.unwrap_or_else(|| self.scratch(value));
                let call = Call { function, source, destination, tiles: 1 };
                match segment.calls.last_mut() {
                    Some(last) if full && last.goes_on_in(&call, tile) => last.tiles += 1,
                    _ => segment.calls.push(call),
                }
            }
        }
        let scratch = slots.checked_mul(tile);
        Schedule {
            tile,
            tiles,
            segments,
            scalar_element: scratch.unwrap_or(0),
            scratch_elements: scratch.and_then(|elements| elements.checked_add(1)),
            kinds: self.kinds,
        }
    }

    /// Where a call reads its argument.
    fn source(&self, argument: ValueId, call: ValueId) -> Argument {
        if !self.is_lanes(argument) {
            return Argument::Scalar(argument);
        }
        let facts = &self.facts[argument.0 as usize];
        if let Some(place) = self.load_place(argument) {
            let time = 2 * self.facts[call.0 as usize].depth - 1;
            let in_place = self.facts[call.0 as usize].stored == Some(place);
            if time < facts.fresh || (time == facts.fresh && in_place) {
                return Argument::Lanes(place);
            }
        }
        Argument::Lanes(facts.stored.unwrap_or_else(|| self.scratch(argument)))
    }
}
