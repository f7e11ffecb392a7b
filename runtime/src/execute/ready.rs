//! The programs of a time loop, readied for a piece of a run: what is the same at each of its steps is found out once.
//!
//! A step of a small cell takes as long as finding out which kernels run and where. So an instruction becomes an
//! [`Operation`], bound to its kernels and to the [`Track`] of each of its operands: where it lies at every step. That all
//! of it lies within the arena is checked then, for all steps.
//! Operations are kept until the arena is laid anew or another piece is run: a run over rows of one length readies once,
//! and runs like it after it not at all.

use gatewright_compiler::plan::{Place, Section, Step, Track};

use super::arena::Region;
use super::block::{Shared, product_rows};
use super::compiled::internal;
use super::engine::BoundLoop;
use super::piece::Piece;
use crate::error::CallError;
use crate::matmul::{Element, Packed, Product, Rows};

/// What one instruction of a program does at every step of a piece.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    /// A product, by number, and the matrix that it is by.
    Product { product: usize, matrix: usize },
    /// An element loop, by number.
    Loop { bound: usize },
    /// Another instruction of the program, by number: it is found out at each step.
    Other { instruction: usize },
}

/// The operations of one direction.
#[derive(Debug)]
pub(super) struct Ready<T> {
    /// The piece that they are for.
    piece: Option<Piece>,
    /// How often they were found out, for tests.
    #[cfg(test)]
    times: usize,
    /// How often steps were run at a stretch, for tests.
    #[cfg(test)]
    pub(super) stretches: usize,
    /// For each section, which operations are its own.
    sections: [(usize, usize); Section::ALL.len()],
    operations: Vec<Operation>,
    /// For the loop that is bound just now.
    tracks: Vec<Track>,
    pub(super) products: Vec<Product<T>>,
    pub(super) loops: Vec<BoundLoop>,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self {
            piece: None,
            #[cfg(test)]
            times: 0,
            #[cfg(test)]
            stretches: 0,
            sections: [(0, 0); Section::ALL.len()],
            operations: Vec::new(),
            tracks: Vec::new(),
            products: Vec::new(),
            loops: Vec::new(),
        }
    }
}

impl<T: Element> Ready<T> {
    /// Forgets the piece: the arena is another.
    pub(super) fn forget(&mut self) {
        self.piece = None;
    }

    /// The operations of a section, in order.
    #[inline]
    pub(super) fn operations(&self, section: Section) -> &[Operation] {
        let (first, end) = self.sections[section as usize];
        &self.operations[first..end]
    }

    /// Readies one direction for a piece, unless it is.
    pub(super) fn ready(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        backward: bool,
    ) -> Result<(), CallError> {
        if self.piece == Some(region.piece) {
            return Ok(());
        }
        self.piece = None;
        self.operations.clear();
        let plan = &shared.engine.plan;
        let (mut products, mut loops) = (0, 0);
        let steps = region.piece.all();
        let sections = Section::ALL.into_iter().filter(|one| one.is_step() && one.is_backward() == backward);
        for section in sections {
            let first = self.operations.len();
            for (instruction, step) in plan.program(section).iter().enumerate() {
                let operation = match step {
                    Step::Product { operand, matrix, output, start } => {
                        let places = (*operand, *output, *start);
                        let rows = product_rows(plan, region, region.piece.rows, places);
                        self.ready_product(products, rows, shared.weights.matrices()?.of(*matrix))?;
                        let track = |place: &Place| {
                            region.track(place.buffer.0 as usize, place.time).column(place.column)
                        };
                        let tracks = (track(operand), track(output));
                        self.products[products].bind(tracks, steps).map_err(internal)?;
                        products += 1;
                        Operation::Product { product: products - 1, matrix: *matrix }
                    }
                    Step::Loop { kernel, bindings } => {
                        self.tracks.clear();
                        self.tracks.extend(
                            bindings.iter().map(|&(buffer, time)| region.track(buffer.0 as usize, time)),
                        );
                        if loops == self.loops.len() {
                            self.loops.push(BoundLoop::default());
                        }
                        let of = (*kernel, region.piece.rows);
                        shared.engine.bind_loop(&mut self.loops[loops], of, (&self.tracks, steps))?;
                        loops += 1;
                        Operation::Loop { bound: loops - 1 }
                    }
                    _ => Operation::Other { instruction },
                };
                self.operations.push(operation);
            }
            self.sections[section as usize] = (first, self.operations.len());
        }
        self.piece = Some(region.piece);
        #[cfg(test)]
        {
            self.times += 1;
        }
        Ok(())
    }

    /// The product with a number, in the memory of the one before it.
    fn ready_product(&mut self, at: usize, rows: Rows, matrix: Packed<'_, T>) -> Result<(), CallError> {
        match self.products.get_mut(at) {
            Some(product) => product.renew(rows, matrix).map_err(internal),
            None => {
                self.products.push(Product::new(rows, matrix).map_err(internal)?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use gatewright_compiler::plan::Section;

    use super::Operation;
    use crate::execute::piece::CHUNK_ROWS;
    use crate::execute::tests::{Training, interpreted};
    use crate::sequence::Keep;
    use crate::workspace::Workspace;

    #[test]
    fn the_loops_of_an_lstm_are_readied_once_for_each_shape_of_a_call() {
        let cell = interpreted("lstm", &[("x", 3), ("h", 4)], 1);
        let mut workspace = Workspace::default();
        let stretches = Cell::new([0; 2]);
        let run = |steps: usize, batch: usize, workspace: &mut Workspace<f32>| {
            let mut training = Training::new(&cell, steps, batch);
            training.forward(Keep::Tape, workspace).expect("runs");
            training.backward(workspace);
            let ready = &workspace.memory().blocks[0].ready;
            stretches.set(ready.each_ref().map(|ready| ready.stretches));
            ready.each_ref().map(|ready| (ready.piece, ready.times))
        };
        let first = run(5, 2, &mut workspace);
        for (piece, times) in first {
            let piece = piece.expect("readied");
            assert_eq!((piece.steps, piece.rows, times), (5, 2, 1));
        }
        assert_eq!(run(5, 2, &mut workspace), first);
        assert!(run(4, 3, &mut workspace).iter().all(|&(_, times)| times == 2));
        let ready = &workspace.memory().blocks[0].ready;
        let kinds = |section: Section| {
            let one = |operation: &Operation| match operation {
                Operation::Product { .. } => 'p',
                Operation::Loop { .. } => 'l',
                Operation::Other { .. } => 'o',
            };
            ready[usize::from(section.is_backward())].operations(section).iter().map(one).collect::<String>()
        };
        assert_eq!(Section::ALL.map(kinds).join(","), ",,,pl,,,,,lpl,");
        // Two rows and more fetch between steps; the steps of one row run chunk by chunk.
        run(1, 1, &mut workspace);
        let before = stretches.get();
        run(CHUNK_ROWS + 3, 1, &mut workspace);
        assert_eq!(stretches.get(), before.map(|count| count + 2));
    }
}
