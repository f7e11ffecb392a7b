//! How a block of rows goes through time: in pieces, and so many of them at a time as there is memory for.
//!
//! Rows of a block are sorted by number of steps, longest first. A **piece** is a stretch of steps at which the same rows
//! run; it is laid out in memory without gaps, and what runs over all steps runs over all of a piece. States and their
//! gradients are copied from piece to piece. A **round** is the pieces that are in memory at the same time. A run that
//! keeps its tape has one round; inference and runs with checkpoints have more.
//!
//! Rows of all the same number of steps, all in memory, are one piece.
//!
//! A piece is run a **chunk** of steps at a time, of [`CHUNK_ROWS`] rows together: what is in memory of a chunk alone stays
//! in a cache. On the way back gradients by parameters are added up chunk by chunk, later steps first. Where memory
//! makes it necessary, a piece is cut between two chunks, and nowhere else. So what is added, and in which order, does not
//! depend on memory.

use std::ops::Range;

use gatewright_compiler::plan::Steps;

use super::arena::Room;
use super::table::Row;
use crate::error::CallError;

/// Most rows of a chunk, all its steps together: what the products that add up gradients take at a time. No block has
/// more rows.
pub(crate) const CHUNK_ROWS: usize = 256;

/// Steps at which the same rows of a block run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first, counted as the rows count their own.
    pub(crate) first: usize,
    /// How many; 0 in a piece for rows that have none.
    pub(crate) steps: usize,
    /// How many rows: the first ones of the block.
    pub(crate) rows: usize,
    /// Rows of all steps of earlier pieces of its round.
    pub(crate) before: usize,
    /// Rows of earlier pieces of its round, each counted once.
    pub(crate) borders: usize,
}

impl Piece {
    /// Steps of a chunk.
    pub(crate) fn chunk(&self) -> usize {
        (CHUNK_ROWS / self.rows.max(1)).max(1)
    }

    /// Its steps.
    pub(crate) fn all(&self) -> Steps {
        Steps { steps: self.steps, chunk: self.chunk().min(self.steps) }
    }

    /// The chunks of the piece, each as its steps.
    pub(crate) fn chunks(self) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator {
        let chunk = self.chunk();
        (0..self.steps.div_ceil(chunk)).map(move |index| index * chunk..self.steps.min((index + 1) * chunk))
    }
}

/// How a block of rows goes through time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    pieces: Vec<Piece>,
    /// For each round its pieces.
    rounds: Vec<Range<usize>>,
}

impl Course {
    /// Lays the course of `rows` with at most `most` rows of all steps in a round; cut between chunks where `chunked`.
    ///
    /// # Errors
    ///
    /// No memory for so many pieces.
    pub(crate) fn lay(&mut self, rows: &[Row], most: usize, chunked: bool) -> Result<(), CallError> {
        self.pieces.clear();
        self.rounds.clear();
        // Two rounds that follow each other have more than `most` rows.
        let all: usize = rows.iter().map(|row| row.length).sum();
        let pieces = (all / most.max(1)).saturating_mul(2).saturating_add(rows.len() + 2);
        let none = |_| CallError::OutOfMemory { elements: pieces };
        self.pieces.try_reserve(pieces).map_err(none)?;
        self.rounds.try_reserve(pieces).map_err(none)?;
        let (mut active, mut at) = (rows.len(), 0);
        let mut round = 0;
        let (mut before, mut borders) = (0, 0);
        while active > 0 {
            let end = rows[active - 1].length;
            // Rows without steps have a piece of none.
            let mut first = true;
            while at < end || (first && end == 0) {
                first = false;
                let mut piece = Piece { first: at, steps: end - at, rows: active, before, borders };
                let unit = if chunked { piece.chunk() } else { 1 };
                let fits = (most.saturating_sub(before) / active).min(piece.steps);
                if fits < piece.steps {
                    piece.steps = fits / unit * unit;
                    if piece.steps == 0 && before > 0 {
                        self.rounds.push(round..self.pieces.len());
                        (round, before, borders) = (self.pieces.len(), 0, 0);
                        continue;
                    }
                    // The least there is, whether it fits or not.
                    piece.steps = piece.steps.max(unit).min(end - at);
                }
                self.pieces.push(piece);
                at += piece.steps;
                before += piece.steps * active;
                borders += active;
            }
            active = rows.partition_point(|row| row.length > end);
        }
        if round < self.pieces.len() {
            self.rounds.push(round..self.pieces.len());
        }
        Ok(())
    }

    /// Number of rounds.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// The pieces of a round, by number; none of a round that there is not.
    pub(crate) fn round(&self, round: usize) -> Range<usize> {
        self.rounds.get(round).cloned().unwrap_or_default()
    }

    /// The round that a piece is of.
    pub(crate) fn round_of(&self, piece: usize) -> usize {
        self.rounds.partition_point(|round| round.end <= piece)
    }

    /// Number of pieces.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Chunks of all pieces.
    pub(crate) fn chunks(&self) -> usize {
        self.pieces.iter().map(|piece| piece.chunks().len()).sum()
    }

    /// A piece by number.
    pub(crate) fn piece(&self, index: usize) -> Piece {
        self.pieces[index]
    }

    /// The first piece, if any row is run: there are rounds then, and else none.
    pub(crate) fn first(&self) -> Option<Piece> {
        self.pieces.first().copied()
    }

    /// Rows that go on into the piece behind this one; the others end with it.
    pub(crate) fn rows_behind(&self, index: usize) -> usize {
        self.pieces.get(index + 1).map_or(0, |piece| piece.rows)
    }

    /// What the largest of its rounds needs.
    pub(crate) fn room(&self) -> Room {
        let of = |piece: &Piece| Room {
            rows: piece.rows,
            sequence: piece.before + piece.steps * piece.rows,
            borders: piece.borders + piece.rows,
            chunk: piece.steps.min(piece.chunk()) * piece.rows,
        };
        self.pieces.iter().map(of).fold(Room::default(), Room::union)
    }

    /// Rows of the states that enter its rounds, which are kept where there are several.
    pub(crate) fn kept_rows(&self) -> usize {
        let entering = |round: &Range<usize>| self.pieces[round.start].rows;
        if self.rounds.len() > 1 { self.rounds.iter().map(entering).sum() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_ROWS, Course, Piece};
    use crate::execute::table::{Row, fill};
    use crate::sequence::Sequences;

    fn rows(lengths: &[usize]) -> Vec<Row> {
        let mut table = Vec::new();
        let steps = lengths.iter().copied().max().unwrap_or(0);
        fill(&mut table, steps, lengths.len(), &Sequences { lengths, ..Sequences::default() })
            .expect("a table");
        table
    }

    fn course(lengths: &[usize], most: usize, chunked: bool) -> Course {
        let mut course = Course::default();
        course.lay(&rows(lengths), most, chunked).expect("a course");
        course
    }

    #[test]
    fn rows_of_one_length_are_one_piece() {
        let whole = course(&[9; 4], usize::MAX, true);
        assert_eq!(whole.pieces, [Piece { steps: 9, rows: 4, ..Piece::default() }]);
        assert_eq!((whole.rounds(), whole.kept_rows()), (1, 0));
        assert_eq!(course(&[0; 4], usize::MAX, true).pieces, [Piece { rows: 4, ..Piece::default() }]);
        assert_eq!(course(&[], usize::MAX, true).rounds(), 0);
    }

    #[test]
    fn a_piece_ends_where_a_row_ends() {
        let ragged = course(&[3, 0, 5, 3], usize::MAX, true);
        let of = |piece: &Piece| (piece.first, piece.steps, piece.rows, piece.before, piece.borders);
        let pieces: Vec<_> = ragged.pieces.iter().map(of).collect();
        assert_eq!(pieces, [(0, 0, 4, 0, 0), (0, 3, 3, 0, 4), (3, 2, 1, 9, 7)]);
        let ends: Vec<_> = (0..3).map(|index| ragged.rows_behind(index)).collect();
        assert_eq!(ends, [3, 1, 0]);
    }

    #[test]
    fn every_step_of_every_row_is_run_once_whatever_fits() {
        for lengths in [&[700][..], &[40, 7, 7, 0, 31], &[1; 32], &[300, 299, 2]] {
            let whole = course(lengths, usize::MAX, true);
            let chunks = |course: &Course| -> Vec<(usize, usize, usize)> {
                let of = |piece: &Piece| {
                    let (first, end, rows) = (piece.first, piece.first + piece.steps, piece.rows);
                    (first..end)
                        .step_by(piece.chunk())
                        .map(move |at| (at, end.min(at + CHUNK_ROWS / rows), rows))
                        .collect::<Vec<_>>()
                };
                course.pieces.iter().flat_map(of).collect()
            };
            for most in [1, 256, 300, 512, 700, 5000] {
                let cut = course(lengths, most, true);
                assert_eq!(chunks(&cut), chunks(&whole), "{lengths:?} in {most}");
                assert!(cut.room().sequence <= most.max(CHUNK_ROWS), "{lengths:?} in {most}");
                let steps: usize = cut.pieces.iter().map(|piece| piece.steps * piece.rows).sum();
                assert_eq!(steps, lengths.iter().sum::<usize>());
                let rounds: Vec<_> = (0..cut.rounds()).flat_map(|round| cut.round(round)).collect();
                assert_eq!(rounds, (0..cut.pieces.len()).collect::<Vec<_>>());
            }
        }
    }
}
