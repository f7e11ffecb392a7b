//! How much of a tape is in memory at a time, for a budget in bytes.
//!
//! A run with checkpoints keeps the states that each of its rounds begins with, and has room for one round. With more
//! rows in a round there are fewer rounds: memory is `tape * rows + states * all rows / rows`, which is least at the
//! square root of all rows. As each step is computed again at most once, however short the rounds are, the largest
//! rounds that fit are taken.

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
