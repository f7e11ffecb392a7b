//! The table of a call: which stretch of which sample each row runs. Only here are lengths, resets and directions known.
//!
//! Rows are sorted by number of steps, longest first; rows of the same number stay in the caller's order, samples
//! ascending. So the rows that run at a step are the first ones, and a call that asks for nothing has row `b` for sample
//! `b`.

use crate::error::CallError;
use crate::sequence::{Direction, Sequences};

/// Steps of one sample that go on without a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) sample: usize,
    /// Number of steps.
    pub(crate) length: usize,
    /// The caller's step that runs first; of no meaning where there is none.
    first: usize,
    direction: Direction,
    /// It begins where the caller says, if the caller says so; otherwise where the equations say.
    pub(crate) given: bool,
    /// What it ends with is what its sample ends with.
    pub(crate) last: bool,
}

impl Row {
    /// The caller's step that it runs as its own step `at`.
    pub(crate) fn step(&self, at: usize) -> usize {
        match self.direction {
            Direction::Forward => self.first + at,
            Direction::Reverse => self.first - at,
        }
    }
}

/// Writes the table of a call whose sequences [`check`](super::check::forward) has found to fit; `table` keeps its memory. True where
/// every step of every sample is run.
///
/// # Errors
///
/// Steps and samples that overflow, no memory.
pub(crate) fn fill(
    table: &mut Vec<Row>,
    steps: usize,
    batch: usize,
    sequences: &Sequences<'_>,
) -> Result<bool, CallError> {
    let Sequences { lengths, resets, direction } = *sequences;
    let all = steps.checked_mul(batch).ok_or(CallError::TooLarge { steps, batch })?;
    table.clear();
    let most = batch.saturating_add(resets.iter().filter(|&&reset| reset).count());
    table.try_reserve(most).map_err(|_| CallError::OutOfMemory { elements: most })?;
    let mut run = 0;
    for sample in 0..batch {
        let length = lengths.get(sample).copied().unwrap_or(steps);
        run += length;
        let step = |at: usize| match direction {
            Direction::Forward => at,
            Direction::Reverse => length - 1 - at,
        };
        let reset = |at: usize| resets.get(step(at) * batch + sample).copied().unwrap_or(false);
        let mut row =
            Row { sample, length: 0, first: 0, direction, given: length == 0 || !reset(0), last: false };
        if length > 0 {
            row.first = step(0);
        }
        if resets.is_empty() {
            row.length = length;
        } else {
            for at in 0..length {
                if at > 0 && reset(at) {
                    table.push(row);
                    row = Row { length: 0, first: step(at), given: false, ..row };
                }
                row.length += 1;
            }
        }
        table.push(Row { last: true, ..row });
    }
    if !table.is_sorted_by(|one, two| one.length >= two.length) {
        // The order that a stable sort would keep, which takes memory for each call.
        let begins = |row: &Row| match direction {
            Direction::Forward => row.first,
            Direction::Reverse => usize::MAX - row.first,
        };
        table.sort_unstable_by_key(|row| (std::cmp::Reverse(row.length), row.sample, begins(row)));
    }
    Ok(run == all)
}

/// How many of the first rows run the same step of neighbouring samples at a time: there they lie one behind the other.
pub(super) fn together(rows: &[Row]) -> usize {
    let beside = |(one, two): (&Row, &Row)| two.sample == one.sample + 1 && two.step(0) == one.step(0);
    let others = rows.get(1..).unwrap_or_default();
    (rows.len() - others.len()) + rows.iter().zip(others).take_while(|&pair| beside(pair)).count()
}

#[cfg(test)]
mod tests {
    use super::{Row, fill, together};
    use crate::sequence::{Direction, Sequences};

    /// For each row its sample, its steps, and whether it begins where the caller says and ends its sample.
    fn rows(steps: usize, batch: usize, sequences: Sequences<'_>) -> Vec<(usize, Vec<usize>, bool, bool)> {
        let mut table = Vec::new();
        let whole = fill(&mut table, steps, batch, &sequences).expect("a table");
        let run: usize = table.iter().map(|row| row.length).sum();
        assert_eq!(whole, run == steps * batch);
        let steps = |row: &Row| (0..row.length).map(|at| row.step(at)).collect();
        table.iter().map(|row| (row.sample, steps(row), row.given, row.last)).collect()
    }

    #[test]
    fn a_call_that_asks_for_nothing_has_its_samples_in_order() {
        let expected: Vec<_> = (0..3).map(|sample| (sample, vec![0, 1], true, true)).collect();
        assert_eq!(rows(2, 3, Sequences::default()), expected);
        assert_eq!(rows(2, 3, Sequences { lengths: &[2; 3], ..Sequences::default() }), expected);
        assert_eq!(rows(0, 1, Sequences::default()), [(0, vec![], true, true)]);
        assert_eq!(rows(2, 0, Sequences::default()), []);
    }

    #[test]
    fn longest_first_and_backwards_from_their_own_end() {
        let lengths = Sequences { lengths: &[1, 0, 3, 1], ..Sequences::default() };
        let forward = [
            (2, vec![0, 1, 2], true, true),
            (0, vec![0], true, true),
            (3, vec![0], true, true),
            (1, vec![], true, true),
        ];
        assert_eq!(rows(4, 4, lengths), forward);
        let reverse = rows(4, 4, Sequences { direction: Direction::Reverse, ..lengths });
        assert_eq!(reverse[0], (2, vec![2, 1, 0], true, true));
    }

    #[test]
    fn a_reset_begins_a_row_that_the_caller_does_not() {
        // Sample 0 is reset before steps 0 and 2, sample 1 before step 3, which is past its end.
        let resets = [true, false, false, false, true, false, false, true];
        let forward = Sequences { lengths: &[4, 3], resets: &resets, ..Sequences::default() };
        let expected =
            [(1, vec![0, 1, 2], true, true), (0, vec![0, 1], false, false), (0, vec![2, 3], false, true)];
        assert_eq!(rows(4, 2, forward), expected);
        let expected = [
            (1, vec![2, 1, 0], true, true),
            (0, vec![2, 1], false, false),
            (0, vec![3], true, false),
            (0, vec![0], false, true),
        ];
        assert_eq!(rows(4, 2, Sequences { direction: Direction::Reverse, ..forward }), expected);
    }

    #[test]
    fn rows_of_neighbours_at_the_same_step_are_together() {
        let together = |sequences: Sequences<'_>| {
            let mut table = Vec::new();
            fill(&mut table, 4, 3, &sequences).expect("a table");
            together(&table)
        };
        let reverse = Sequences { direction: Direction::Reverse, ..Sequences::default() };
        assert_eq!([together(Sequences::default()), together(reverse)], [3, 3]);
        // From sample 1 on, longest first; then sample 0, which in reverse begins elsewhere too.
        assert_eq!(together(Sequences { lengths: &[2, 4, 4], ..Sequences::default() }), 2);
        assert_eq!(together(Sequences { lengths: &[4, 3, 4], ..Sequences::default() }), 1);
        assert_eq!(together(Sequences { lengths: &[4, 4, 3], ..reverse }), 2);
        assert_eq!(super::together(&[]), 0);
    }
}
