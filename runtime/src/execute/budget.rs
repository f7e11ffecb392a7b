//! How much of a tape is in memory at a time, for a budget in bytes.
//!
//! A run with checkpoints keeps the states that each of its rounds begins with, and has room for one round. With more
//! rows in a round there are fewer rounds: memory is `tape * rows + states * all rows / rows`, which is least at the
//! square root of all rows. As each step is computed again at most once, however short the rounds are, the largest
//! rounds that fit are taken. Every number of chunks is tried, from the largest on: memory falls and rises again with it, and rows
//! of several lengths bend it further, so nothing could be left out.

use super::arena::ArenaLayout;
use super::engine::Engine;
use super::piece::{CHUNK_ROWS, Course};
use super::table::Row;
use crate::error::CallError;
use crate::matmul::Element;

/// Rows of all steps that a round may have so that the memory of all blocks is at most `bytes`. `course` is room to try
/// them in.
///
/// # Errors
///
/// None is few enough.
pub(crate) fn rows_within<'r, T: Element, B: Iterator<Item = &'r [Row]>>(
    engine: &Engine<T>,
    blocks: impl Fn() -> B,
    bytes: usize,
    course: &mut Course,
) -> Result<usize, CallError> {
    let mut minimum = usize::MAX;
    let mut fits = |most: usize| -> Result<bool, CallError> {
        let mut elements = Some(0_usize);
        for rows in blocks() {
            course.lay(rows, most, true)?;
            let of_block = || {
                let kept = engine.state_width().checked_mul(course.kept_rows())?;
                let ended = engine.state_elements().checked_mul(rows.len())?;
                ArenaLayout::elements(&engine.plan, course.room())?.checked_add(kept)?.checked_add(ended)
            };
            elements = elements.and_then(|sum| sum.checked_add(of_block()?));
        }
        let needed = elements.and_then(|elements| elements.checked_mul(size_of::<T>()));
        minimum = minimum.min(needed.unwrap_or(usize::MAX));
        Ok(needed.is_some_and(|needed| needed <= bytes))
    };
    if fits(usize::MAX)? {
        return Ok(usize::MAX);
    }
    let of_block = |rows: &[Row]| rows.iter().map(|row| row.length).sum::<usize>();
    let largest = blocks().map(of_block).max().unwrap_or(0);
    for chunks in (1..=largest / CHUNK_ROWS).rev() {
        if fits(chunks * CHUNK_ROWS)? {
            return Ok(chunks * CHUNK_ROWS);
        }
    }
    Err(CallError::Budget { bytes, minimum })
}

#[cfg(test)]
mod tests {
    use crate::execute::compiled::CompiledCell;
    use crate::execute::memory::rounds;
    use crate::execute::piece::CHUNK_ROWS;
    use crate::execute::tests::{Training, interpreted};
    use crate::sequence::Keep;
    use crate::workspace::Workspace;

    const CHUNKS: usize = 10;
    const STEPS: usize = CHUNKS * CHUNK_ROWS;

    /// A training run of one row within a budget: how many rounds it has, the bytes that it holds, and how many chunks were run
    /// forward; `None` where the budget is too small.
    fn train(cell: &CompiledCell<f32>, bytes: usize) -> Option<(usize, usize, usize)> {
        let (mut run, mut workspace) = (Training::new(cell, STEPS, 1), Workspace::default());
        run.forward(Keep::Checkpoints { bytes }, &mut workspace).ok()?;
        run.backward(&mut workspace);
        let (held, memory) = (workspace.bytes(), workspace.memory());
        Some((rounds(&memory.blocks), held, memory.blocks[0].ready[0].stretches))
    }

    /// So that as little as possible is computed again: all but the last round, which is still in memory.
    #[test]
    fn the_largest_rounds_that_fit_are_taken() {
        let cell = interpreted("lstm", &[("x", 3), ("h", 4)], 1);
        let (mut bytes, mut rounds, mut again) = (usize::MAX, Vec::new(), Vec::new());
        while let Some((count, held, chunks)) = train(&cell, bytes) {
            assert!(held <= bytes);
            rounds.push(count);
            again.push(chunks - CHUNKS);
            bytes = held - 1;
        }
        // Rounds of 10 chunks, of 9 and 1, 8 and 2, and so on to ten of one.
        assert_eq!(rounds, [1, 2, 2, 2, 2, 2, 3, 4, 5, 10]);
        assert_eq!(again, [0, 9, 8, 7, 6, 5, 8, 9, 8, 9]);
    }
}
