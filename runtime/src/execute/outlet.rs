//! Where blocks leave what they have computed: sequences of the caller, filled step by step or chunk by chunk, while what is
//! copied is in a cache.
//!
//! Rows of different blocks lie between each other in `[T, B, n]`, and any thread may run any block, so the sequences are
//! behind a lock. It is held while a step or a chunk is copied, a few hundredths of the time that it takes, and while
//! the addresses of a step's part are looked up, which products fetch before.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use gatewright_compiler::plan::Place;

use super::arena::Region;
use super::block::Block;
use super::engine::Engine;
use super::stage::Source;
use crate::matmul::Element;
use crate::sequence::Port;

/// Sequences, `[T, B, n]` for each port, in the order of the ports.
#[derive(Debug)]
pub(crate) struct Outlet<'a, 'w, T> {
    ports: &'a [Port],
    batch: usize,
    /// None where none are wanted, an empty slice where one is not.
    slices: Mutex<&'a mut [&'w mut [T]]>,
}

impl<'a, 'w, T: Element> Outlet<'a, 'w, T> {
    pub(crate) fn new(ports: &'a [Port], batch: usize, slices: &'a mut [&'w mut [T]]) -> Self {
        Self { ports, batch, slices: Mutex::new(slices) }
    }

    /// Notes that some steps of a piece are written soon, which have a place each.
    pub(super) fn note(
        &self,
        block: &mut Block<T>,
        region: Region<'_>,
        places: impl Iterator<Item = Option<Place>>,
        steps: Range<usize>,
    ) {
        let slices = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        for ((slice, port), _) in
            slices.iter().zip(self.ports).zip(places).filter(|(_, place)| place.is_some())
        {
            if !slice.is_empty() {
                let source = Source { elements: slice, batch: self.batch, size: port.size };
                block.note_steps(region, steps.clone(), source);
            }
        }
    }

    /// Copies some steps of a piece out, each port from its place.
    pub(super) fn put(
        &self,
        block: &Block<T>,
        engine: &Engine<T>,
        region: Region<'_>,
        places: impl Iterator<Item = Option<Place>>,
        steps: Range<usize>,
    ) {
        #[cfg(test)]
        block.puts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // A thread that panics while it copies has broken nothing that anyone reads.
        let mut slices = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        for ((slice, port), place) in slices.iter_mut().zip(self.ports).zip(places) {
            if let Some(place) = place
                && !slice.is_empty()
            {
                block.unstage_steps(engine, region, (place, steps.clone()), self.batch, port.size, slice);
            }
        }
    }
}
