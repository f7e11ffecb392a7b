//! Solving the equations of a step by iteration, for one block of rows.

use gatewright_compiler::graph::solve::{Change, Unsolved};
use gatewright_compiler::plan::{Place, Section, SolvedValue};

use super::arena::Region;
use super::block::{Block, Shared};
use crate::error::CallError;
use crate::matmul::Element;

impl<T: Element> Block<T> {
    /// Runs the solved section of a step until no unknown of any row changes, and then once more, so that all that it
    /// computes is of the solved values. A row that is solved keeps its values, whatever other rows need.
    pub(super) fn solve(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        step: usize,
        solved: &[SolvedValue],
        backward: bool,
    ) -> Result<(), CallError> {
        let section = if backward { Section::BackwardSolve } else { Section::Solve };
        // First element of a place in the block of this step, and from row to row.
        let rows = |place: Place| {
            (region.place(place, step), shared.engine.plan.buffers[place.buffer.0 as usize].width)
        };
        for value in solved {
            let (unknown, stride) = rows(value.unknown);
            let start = value.start.map(rows);
            let arena = self.arena.as_mut_slice();
            for row in 0..region.piece.rows {
                let to = unknown + row * stride..unknown + row * stride + value.length;
                match start {
                    Some((start, stride)) => {
                        let from = start + row * stride;
                        arena.copy_within(from..from + value.length, to.start);
                    }
                    None => arena[to].fill(T::ZERO),
                }
            }
        }
        self.settled.clear();
        self.settled.resize(region.piece.rows, false);
        for iterations in 1..=shared.solve.iterations.max(1) {
            self.loop_program(shared, region, section, step..step + 1)?;
            let last = iterations >= shared.solve.iterations;
            let arena = self.arena.as_mut_slice();
            for (row, settled) in self.settled.iter_mut().enumerate().filter(|(_, settled)| !**settled) {
                *settled = true;
                for value in solved {
                    let at = |(start, stride): (usize, usize)| {
                        start + row * stride..start + row * stride + value.length
                    };
                    let (unknown, solution) = (at(rows(value.unknown)), at(rows(value.solution)));
                    let change =
                        shared.solve.compare(&arena[unknown.clone()], &arena[solution.clone()], backward);
                    let finite = change != Change::NotFinite;
                    if !finite || (last && change == Change::Moving) {
                        let at = region.piece.first + step;
                        let (sample, step) = (self.rows[row].sample, self.rows[row].step(at));
                        let name = value.name.clone();
                        let unsolved = Unsolved { step, sample, name, backward, iterations, finite };
                        return Err(CallError::Unsolved(unsolved));
                    }
                    *settled &= change == Change::Settled;
                    arena.copy_within(solution, unknown.start);
                }
            }
            if self.settled.iter().all(|&settled| settled) {
                break;
            }
        }
        self.loop_program(shared, region, section, step..step + 1)
    }
}
