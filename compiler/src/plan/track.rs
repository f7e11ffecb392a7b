//! Where a buffer lies at each step of a run, found out once, so that what reaches into it is checked once for all steps.
//!
//! # Invariants
//!
//! - What a track says of any moment of some [`Steps`] is at least [`Track::smallest`] and at most [`Track::largest`].

/// A step of a run, and the first step of the chunk it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Counted from the first step of the run.
    pub step: usize,
    /// At most `step`.
    pub chunk: usize,
}

/// Moments that something is done at: all steps below a number, in chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// How many steps.
    pub steps: usize,
    /// How many steps a chunk has at most.
    pub chunk: usize,
}

impl Steps {
    /// Whether a moment is one of them.
    #[inline]
    #[must_use]
    pub fn contains(self, moment: Moment) -> bool {
        moment.chunk <= moment.step && moment.step < self.steps && moment.step - moment.chunk < self.chunk
    }
}

/// Where a buffer begins at each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Its first element at step 0, by the parity of the step.
    blocks: [usize; 2],
    /// Elements from one step to the next.
    stride: usize,
    /// All bits where steps are counted from the first one of the chunk, none where from that of the run.
    chunk: usize,
}

impl Track {
    /// A buffer with a block for each step of the run.
    #[must_use]
    pub fn of_run(first: usize, stride: usize) -> Self {
        Self { blocks: [first; 2], stride, chunk: 0 }
    }

    /// A buffer with a block for each step of a chunk.
    #[must_use]
    pub fn of_chunk(first: usize, stride: usize) -> Self {
        Self { blocks: [first; 2], stride, chunk: usize::MAX }
    }

    /// A buffer with a block for even and one for odd steps.
    #[must_use]
    pub fn in_turn(blocks: [usize; 2]) -> Self {
        Self { blocks, stride: 0, chunk: 0 }
    }

    /// The same from another column on.
    #[must_use]
    pub fn column(mut self, column: usize) -> Self {
        self.blocks = self.blocks.map(|block| block + column);
        self
    }

    /// The first element at a moment.
    #[inline]
    #[must_use]
    pub fn at(&self, moment: Moment) -> usize {
        let steps = moment.step.wrapping_sub(moment.chunk & self.chunk);
        self.blocks[moment.step % 2].wrapping_add(steps.wrapping_mul(self.stride))
    }

    /// Whether no two steps of a run have the same block.
    #[must_use]
    pub fn has_a_block_for_each_step(&self) -> bool {
        self.chunk == 0 && self.stride > 0
    }

    /// No first element is smaller.
    #[must_use]
    pub fn smallest(&self) -> usize {
        self.blocks[0].min(self.blocks[1])
    }

    /// The largest first element at any of some steps, or one that is larger still; `None` where it overflows.
    #[must_use]
    pub fn largest(&self, steps: Steps) -> Option<usize> {
        let counted = if self.chunk == 0 { steps.steps } else { steps.chunk };
        let last = counted.saturating_sub(1).checked_mul(self.stride)?;
        self.blocks[0].max(self.blocks[1]).checked_add(last)
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Steps, Track};

    #[test]
    fn blocks_of_a_run_are_written_once() {
        assert!(Track::of_run(4, 2).has_a_block_for_each_step());
        for track in [Track::of_run(4, 0), Track::of_chunk(4, 2), Track::in_turn([4, 6])] {
            assert!(!track.has_a_block_for_each_step(), "{track:?}");
        }
    }

    #[test]
    fn a_track_stays_between_its_bounds() {
        let steps = Steps { steps: 7, chunk: 3 };
        for track in [
            Track::of_run(40, 5),
            Track::of_chunk(40, 5),
            Track::in_turn([8, 3]),
            Track::in_turn([3, 8]).column(2),
        ] {
            let largest = track.largest(steps).expect("small");
            let mut reached = false;
            for (step, chunk) in (0..10).flat_map(|step| (0..10).map(move |chunk| (step, chunk))) {
                let moment = Moment { step, chunk };
                let contained = step < 7 && chunk <= step && step - chunk < 3;
                assert_eq!(steps.contains(moment), contained, "{moment:?}");
                if contained {
                    let at = track.at(moment);
                    assert!(track.smallest() <= at && at <= largest, "{track:?} at {moment:?}");
                    reached |= at == largest;
                }
            }
            assert!(reached, "{track:?}");
        }
        assert!(!steps.contains(Moment { step: 0, chunk: usize::MAX }));
        assert_eq!(Track::of_run(1, usize::MAX).largest(Steps { steps: 3, chunk: 1 }), None);
        assert_eq!(Track::of_run(usize::MAX, 1).largest(Steps { steps: 2, chunk: 1 }), None);
    }
}
