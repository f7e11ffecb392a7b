//! Gradients by parameters: products over rows are added up chunk by chunk as the loop back goes, what the element loops
//! have summed and what is an expression of sums follows at the end.
//!
//! ```text
//! for chunk of rows, later steps first
//!     for right operand
//!         pack its rows                        once for all gates that read one vector, an input's from the caller's; rows of
//!                                              the arena that are whole lines are read where they lie
//!         for term with this operand
//!             gradient += left^T rows
//! ```

use std::ops::Range;

use gatewright_compiler::graph::NodeId;
use gatewright_compiler::plan::{BufferKind, GradientTerm, MatrixStrides, ParameterGradient, Place, Plan};

use super::arena::Region;
use super::block::{Block, Shared};
use super::compiled::internal;
use super::engine::Engine;
use super::in_place::{Columns, input_of};
use super::stage::Boundary;
use super::sum::{Sum, Turn};
use super::threads::each_block_in_turn;
use super::worker::Worker;
use crate::error::CallError;
use crate::matmul::{self, Element, Matrix, MatrixMut, PackedRows};

/// A sum of outer products onto a rectangle of a parameter's gradient.
#[derive(Clone, Copy, Debug)]
struct Outer {
    parameter: usize,
    left: Place,
    rows: usize,
    row: usize,
    column: usize,
    row_stride: usize,
}

/// All terms with one right operand, whose rows are packed once for them.
#[derive(Clone, Debug)]
struct Group {
    right: Place,
    columns: usize,
    /// The input that the rows are packed from, and the first column in it; else they are in the arena.
    input: Option<(usize, usize)>,
    /// Whether they are read where they lie in the arena, not packed.
    in_place: bool,
    terms: Vec<Outer>,
}

/// The products of all gradients that are plain sums, in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct GradientOrder {
    groups: Vec<Group>,
}

impl GradientOrder {
    /// Rows of the inputs that are given where they lie are packed from the caller's.
    pub(super) fn new<T: Element>(plan: &Plan, in_place: &[Option<Columns>]) -> Self {
        let mut order = Self::default();
        for (parameter, gradient) in plan.parameter_gradients.iter().enumerate() {
            let ParameterGradient::Terms(terms) = gradient else { continue };
            for term in terms {
                let GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } = *term
                else {
                    continue;
                };
                let term = Outer { parameter, left, rows, row, column, row_stride };
                let known = |group: &&mut Group| (group.right, group.columns) == (right, columns);
                match order.groups.iter_mut().find(known) {
                    Some(group) => group.terms.push(term),
                    None => {
                        let input = input_of(in_place, right, columns);
                        let buffer = plan.buffer(right.buffer);
                        let in_place = input.is_none()
                            && buffer.kind != BufferKind::Once
                            && PackedRows::<T>::reads_in_place(columns, buffer.width);
                        order.groups.push(Group { right, columns, input, in_place, terms: vec![term] });
                    }
                }
            }
        }
        order
    }

    /// For each product the parameter whose gradient it is added to.
    pub(super) fn parameters(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().flat_map(|group| group.terms.iter().map(|term| term.parameter))
    }

    /// What is packed row by row from the arena, and how many columns of it; nothing that is the same at every step.
    pub(super) fn right_operands(&self, plan: &Plan) -> impl Iterator<Item = (Place, usize)> {
        let of_rows = |place: Place| plan.buffer(place.buffer).kind != BufferKind::Once;
        let staged = self.groups.iter().filter(|group| group.input.is_none());
        staged.map(|group| (group.right, group.columns)).filter(move |&(place, _)| of_rows(place))
    }
}

/// A total that a gradient is an expression of: its node, its elements, and what it is the sum of.
pub(super) type Total = (NodeId, usize, Vec<GradientTerm>);

/// The totals of a gradient that is an expression.
pub(super) fn totals(gradient: &ParameterGradient) -> &[Total] {
    match gradient {
        ParameterGradient::Terms(_) => &[],
        ParameterGradient::Expression { totals, .. } => totals,
    }
}

impl<T: Element> Block<T> {
    /// Adds the products over some steps of a piece.
    pub(super) fn add_products(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        steps: Range<usize>,
        inputs: Boundary<'_, T>,
        turn: &mut Turn<'_, '_, T>,
    ) -> Result<(), CallError> {
        let engine = shared.engine;
        let (first, all_rows) = (steps.start, steps.len() * region.piece.rows);
        let mut packed = self.packed.take().unwrap_or_else(|| PackedRows::new(engine.level));
        let mut expressions = std::mem::take(&mut self.expressions);
        let factor = |place, columns| self.factor(engine, region, place, (first, all_rows, columns));
        for group in &engine.gradients.groups {
            let right = factor(group.right, group.columns);
            // What is the same at every step is no row of a sequence.
            let repeated = right.row_stride == 0;
            let source = group.input.and_then(|(input, column)| Some((inputs.sources().nth(input)?, column)));
            if let Some((source, column)) = source {
                packed.begin(all_rows, group.columns).map_err(internal)?;
                self.pack_steps(region, steps.clone(), source, (column, group.columns), &mut packed)?;
            } else if !repeated && !group.in_place {
                packed.pack(right).map_err(internal)?;
            }
            for term in &group.terms {
                let left = factor(term.left, term.rows);
                turn.add(shared.parameters.ranges[term.parameter], |total| {
                    let first = term.row * term.row_stride + term.column;
                    let result = MatrixMut {
                        numbers: total.get_mut(first..).unwrap_or_default(),
                        rows: term.rows,
                        columns: group.columns,
                        row_stride: term.row_stride,
                    };
                    if repeated || left.row_stride == 0 {
                        matmul::general(left.transposed(), right, result).map_err(internal)
                    } else if group.in_place {
                        packed.add_in_place(left, right, result).map_err(internal)
                    } else {
                        packed.add(left, result).map_err(internal)
                    }
                })?;
            }
        }
        let of_expressions = engine.plan.parameter_gradients.iter().flat_map(totals);
        for ((_, _, terms), (_, total)) in of_expressions.zip(&mut expressions.totals) {
            for term in terms {
                let GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } = *term
                else {
                    continue;
                };
                let numbers = total.get_mut(row * row_stride + column..).unwrap_or_default();
                let result = MatrixMut { numbers, rows, columns, row_stride };
                let (left, right) = (factor(left, rows), factor(right, columns));
                matmul::add_outer_products(left, right, result, &mut packed).map_err(internal)?;
            }
        }
        (self.packed, self.expressions) = (Some(packed), expressions);
        Ok(())
    }

    /// Rows of a value from step `first` of a piece on, `all_rows` of them.
    fn factor(
        &self,
        engine: &Engine<T>,
        region: Region<'_>,
        place: Place,
        (first, all_rows, columns): (usize, usize, usize),
    ) -> Matrix<'_, T> {
        let buffer = engine.plan.buffer(place.buffer);
        let stride = if buffer.kind == BufferKind::Once { 0 } else { buffer.width };
        let numbers = self.arena.as_slice().get(region.place(place, first)..).unwrap_or_default();
        Matrix::new(numbers, all_rows, columns, stride)
    }

    /// Adds what the element loops have summed for one total.
    fn add_sums(&self, engine: &Engine<T>, terms: &[GradientTerm], total: &mut [T]) -> Result<(), CallError> {
        let layout = self.layout()?;
        let arena = self.arena.as_slice();
        for term in terms {
            let GradientTerm::Sum { column, into } = *term else { continue };
            let totals = engine.totals.ok_or_else(|| internal("sums of element loops without memory"))?;
            let at = layout.once(totals) + column;
            add_rows(total, into, &arena[at..at + into.rows * into.columns]);
        }
        Ok(())
    }

    /// Adds what the element loops have summed to the totals of gradients that are expressions.
    fn end_totals(&mut self, engine: &Engine<T>) -> Result<(), CallError> {
        let mut expressions = std::mem::take(&mut self.expressions);
        let of_expressions = engine.plan.parameter_gradients.iter().flat_map(totals);
        let outcome = of_expressions
            .zip(&mut expressions.totals)
            .try_for_each(|((_, _, terms), (_, total))| self.add_sums(engine, terms, total));
        self.expressions = expressions;
        outcome
    }
}

/// Adds to a matrix within a total, row by row: to find the row of each number would take a division.
fn add_rows<T: Element>(total: &mut [T], into: MatrixStrides, addends: &[T]) {
    // Without columns there are no numbers, and no rows to cut them in.
    for (row, addends) in addends.chunks_exact(into.columns.max(1)).enumerate() {
        let first = into.offset + row * into.row_stride;
        for (column, &addend) in addends.iter().enumerate() {
            let sum = &mut total[first + column * into.column_stride];
            *sum = *sum + addend;
        }
    }
}

/// Gradients by all parameters up to so many bytes are added up block by block in memory of the worker that runs the block: what
/// it has of a chunk is in a cache when it comes to the next. The first block adds to the sum itself. Larger weights leave a cache
/// within each step, and blocks take turns in one sum.
const OWN_SUM_BYTES: usize = 2 << 20;

/// Goes back through all chunks of all blocks, and adds up their products in `gradient`, which is zero. `back` runs the next
/// chunk of a block, of which it may be the first. What is added in which order does not depend on threads.
pub(super) fn add_up<T: Element>(
    blocks: &mut [Block<T>],
    workers: &mut [Worker<T>],
    shared: Shared<'_, T>,
    gradient: &mut [T],
    back: impl Fn(&mut Block<T>, bool, Turn<'_, '_, T>) -> Result<(), CallError> + Sync,
) -> Result<(), CallError> {
    let (ranges, order, length) = (shared.parameters.ranges, &shared.engine.gradients, gradient.len());
    // A block without chunks has states to begin with all the same.
    let chunks = |block: &Block<T>| block.course.chunks().max(1);
    if blocks.len() == 1 || size_of_val(gradient) > OWN_SUM_BYTES {
        let sum = Sum::new(gradient, ranges, order);
        let (count, times) = (blocks.len(), blocks.iter().map(chunks).max().unwrap_or(0));
        return each_block_in_turn(blocks, workers, times, |block, number| {
            back(block, number < count, sum.turn(number))
        });
    }
    let whole = Sum::new(gradient, ranges, order);
    let of_first = blocks.first().map_or(1, chunks);
    each_block_in_turn(blocks, workers, 1, |block, number| {
        let Some(number) = number.checked_sub(1) else {
            // Nothing is there yet that the first block would add its sum to. It holds the next turn in each: other blocks
            // wait for all of them, also where one fails after it has passed.
            let mut turns = (0..of_first).map(|number| whole.turn(number)).peekable();
            let mut begin = true;
            while let Some(turn) = turns.next() {
                let _next = turns.peek();
                back(block, std::mem::replace(&mut begin, false), turn)?;
            }
            return Ok(());
        };
        let turn = whole.turn(of_first + number);
        let mut own = std::mem::take(&mut block.gradient);
        own.clear();
        own.resize(length, T::ZERO);
        let sum = Sum::new(&mut own, ranges, order);
        let outcome = (0..chunks(block)).try_for_each(|number| back(block, number == 0, sum.turn(number)));
        drop(sum);
        let outcome = outcome.and_then(|()| turn.add_all(&own));
        block.gradient = own;
        outcome
    })
}

/// Once all products are added: adds the sums of all blocks, in their order, and makes the gradients that are expressions of
/// sums.
pub(super) fn finish_gradients<T: Element>(
    blocks: &mut [Block<T>],
    shared: Shared<'_, T>,
    gradient: &mut [T],
) -> Result<(), CallError> {
    let (engine, parameters) = (shared.engine, shared.parameters);
    for block in &mut *blocks {
        for (parameter, &(offset, length)) in engine.plan.parameter_gradients.iter().zip(parameters.ranges) {
            if let ParameterGradient::Terms(terms) = parameter {
                block.add_sums(engine, terms, &mut gradient[offset..offset + length])?;
            }
        }
        block.end_totals(engine)?;
    }
    let Some((first, others)) = blocks.split_first_mut() else { return Ok(()) };
    for other in others {
        for ((_, sum), (_, addend)) in first.expressions.totals.iter_mut().zip(&other.expressions.totals) {
            sum.iter_mut().zip(addend).for_each(|(sum, &addend)| *sum = *sum + addend);
        }
    }
    first.expressions.finish(engine, parameters, gradient)
}

#[cfg(test)]
mod tests {
    use gatewright_compiler::plan::MatrixStrides;

    use super::add_rows;
    use crate::execute::tests::interpreted;

    #[test]
    fn rows_are_added_where_strides_say() {
        let added = |rows, columns, row_stride, column_stride| {
            let mut total = [10.0_f64; 8];
            let addends: Vec<f64> = (1_u8..).map(f64::from).take(rows * columns).collect();
            add_rows(
                &mut total,
                MatrixStrides { offset: 1, rows, columns, row_stride, column_stride },
                &addends,
            );
            total.map(|sum| sum - 10.0)
        };
        assert_eq!(added(2, 3, 4, 1), [0.0, 1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0]);
        // The transpose.
        assert_eq!(added(2, 3, 1, 2), [0.0, 1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 0.0]);
        assert_eq!(added(1, 2, 0, 3), [0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!((added(0, 3, 1, 1), added(3, 0, 1, 1)), ([0.0; 8], [0.0; 8]));
    }

    /// For each right operand whether it is read in place, and whether it is an input.
    fn groups(name: &str, size: usize) -> Vec<(bool, bool)> {
        let cell = interpreted(name, &[("x", size), ("h", size)], 1);
        let groups = cell.training.gradients.groups.iter();
        groups.map(|group| (group.in_place, group.input.is_some())).collect()
    }

    /// What the gates read in common is packed once for all of them.
    #[test]
    fn gates_that_read_one_vector_are_one_group() {
        let terms = |name: &str| -> Vec<usize> {
            let cell = interpreted(name, &[("x", 64), ("h", 64)], 1);
            cell.training.gradients.groups.iter().map(|group| group.terms.len()).collect()
        };
        assert_eq!(terms("lstm"), [4, 4]);
        // The candidate's recurrent weight: of the product with `h`, or of `r ⊙ h` alone.
        assert_eq!(terms("gru_v1"), [3, 3]);
        assert_eq!(terms("gru_v3"), [3, 2, 1]);
        assert_eq!(terms("mgu"), [2, 1, 1]);
    }

    #[test]
    fn all_but_inputs_is_read_in_place_where_rows_are_whole_lines() {
        for name in ["lstm", "gru_v1", "gru_v3", "mgu", "peephole"] {
            for size in [32, 64, 128] {
                let groups = groups(name, size);
                assert!(groups.len() >= 2, "{name}");
                assert!(
                    groups.iter().all(|&(in_place, input)| in_place != input),
                    "{name}, {size}: {groups:?}"
                );
            }
            // No whole lines, and rows that are more than a page apart.
            for size in [20, 1024] {
                assert!(groups(name, size).iter().all(|&(in_place, _)| !in_place), "{name}, {size}");
            }
        }
    }
}
