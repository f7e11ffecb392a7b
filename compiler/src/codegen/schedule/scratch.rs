//! Scratch tiles: which values get one, and when it is free for the next.
//!
//! # Invariants
//!
//! - Two values have one tile only if the first is last read before the second is written, or at the same time by what
//!   reads before it writes: a loop (S1), or a call in place (S3).

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, Planner};
use crate::plan::kernel::ValueId;

impl Planner<'_> {
    /// Gives scratch tiles to the values that need one; returns the number of tiles.
    ///
    /// Arguments of one function at one time lie side by side, and so do the results, so that calls can be merged.
    pub(super) fn assign_scratch(&mut self) -> usize {
        let mut slots = Slots { free_from: Vec::new() };
        let wants = |planner: &Self, value: ValueId| {
            let facts = &planner.facts[value.0 as usize];
            facts.stored.is_none() && facts.scratch.is_none()
        };
        for segment in 0..self.segments.len() {
            let calls = self.calls_after(segment);
            // Arguments of calls first, grouped; then whatever else this loop writes.
            let mut homes = std::mem::take(&mut self.by_segment[segment].homes);
            homes.sort_unstable();
            for group in calls.chunk_by(|a, b| a.0 == b.0) {
                let mut arguments: Vec<ValueId> = Vec::new();
                let mut seen = BTreeSet::new();
                for &(_, _, argument) in group {
                    if homes.binary_search(&argument).is_ok()
                        && wants(self, argument)
                        && seen.insert(argument)
                    {
                        arguments.push(argument);
                    }
                }
                self.allocate(&mut slots, &arguments, 2 * segment);
            }
            for value in homes {
                if wants(self, value) {
                    self.allocate(&mut slots, &[value], 2 * segment);
                }
            }
            let mut readers: BTreeMap<ValueId, usize> = BTreeMap::new();
            for &(_, _, argument) in &calls {
                *readers.entry(argument).or_default() += 1;
            }
            for group in calls.chunk_by(|a, b| a.0 == b.0) {
                let time = 2 * segment + 1;
                let mut results: Vec<ValueId> = Vec::new();
                for &(_, value, argument) in group {
                    if !wants(self, value) {
                        continue;
                    }
                    let readers = readers.get(&argument).copied().unwrap_or(0);
                    let facts = &self.facts[argument.0 as usize];
                    let last_read = self.facts[value.0 as usize].last_read.max(time);
                    match facts.scratch.filter(|_| readers == 1 && facts.last_read == time) {
                        Some(element) => {
                            self.facts[value.0 as usize].scratch = Some(element);
                            slots.free_from[element / self.tile] = last_read;
                        }
                        None => results.push(value),
                    }
                }
                self.allocate(&mut slots, &results, time);
            }
        }
        slots.free_from.len()
    }

    fn allocate(&mut self, slots: &mut Slots, values: &[ValueId], time: usize) {
        let first = slots.block(values.len(), time);
        for (index, value) in values.iter().enumerate() {
            let facts = &mut self.facts[value.0 as usize];
            // The number of tiles is checked against overflow at the end, so a wrapped element is never used.
            facts.scratch = Some((first + index).wrapping_mul(self.tile));
            slots.free_from[first + index] = facts.last_read.max(time);
        }
    }

    pub(super) fn scratch(&self, value: ValueId) -> Place {
        // Every value read from scratch memory was marked `needs_home` when it was demanded, so it has an element.
        Place::Scratch { element: self.facts[value.0 as usize].scratch.unwrap_or(0) }
    }
}

/// Scratch tiles and the time of the last read of what each holds.
struct Slots {
    free_from: Vec<usize>,
}

impl Slots {
    /// The first of `count` adjacent tiles that are free at `time`.
    ///
    /// A loop may write a tile that it reads for the last time, since it reads before it writes (S1); a call may not,
    /// but in place.
    fn block(&mut self, count: usize, time: usize) -> usize {
        let free = |last: usize| last < time || (last == time && time.is_multiple_of(2));
        let mut start = 0;
        for (index, &last) in self.free_from.iter().enumerate() {
            if index - start == count {
                break;
            }
            if !free(last) {
                start = index + 1;
            }
        }
        let end = start + count;
        if self.free_from.len() < end {
            self.free_from.resize(end, 0);
        }
        start
    }
}
