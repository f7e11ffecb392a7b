//! Gradients by parameters, from what the blocks of a batch have left.
//!
//! ```text
//! for right operand, and for block of the batch
//!     for DEPTH rows                       all steps of the block
//!         pack the rows
//!         for term with this operand       gates that read one vector
//!             gradient += left^T rows
//! sums over rows, block by block
//! expressions of totals
//! ```
//!
//! # Invariants
//!
//! - Each number of a gradient is the sum of its terms in this order, whichever thread computes it: threads share out
//!   the numbers of the gradient, not the rows that are summed. So the result does not depend on how many there are.
//! - A part of the gradient is whole rows of matrices, and all or nothing of a parameter that is an expression.

use std::ops::Range;

use gatewright_compiler::plan::{
    BufferKind, BufferRole, GradientTerm, MatrixStrides, ParameterGradient, Place, Plan,
};

use super::block::{Block, Shared};
use super::compiled::{constants, internal};
use crate::error::CallError;
use crate::matmul::{self, Element, Matrix, MatrixMut, PackedRows, parts};

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
    terms: Vec<Outer>,
}

/// The terms of all gradients, in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct GradientOrder {
    groups: Vec<Group>,
    /// Parameter, column of the totals, and where in the gradient.
    sums: Vec<(usize, usize, MatrixStrides)>,
}

impl GradientOrder {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut order = Self::default();
        for (parameter, gradient) in plan.parameter_gradients.iter().enumerate() {
            let ParameterGradient::Terms(terms) = gradient else { continue };
            for term in terms {
                match *term {
                    GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } => {
                        let term = Outer { parameter, left, rows, row, column, row_stride };
                        let known = |group: &&mut Group| (group.right, group.columns) == (right, columns);
                        match order.groups.iter_mut().find(known) {
                            Some(group) => group.terms.push(term),
                            None => order.groups.push(Group { right, columns, terms: vec![term] }),
                        }
                    }
                    GradientTerm::Sum { column, into } => order.sums.push((parameter, column, into)),
                }
            }
        }
        order
    }

    /// Cuts the flat gradient into at most so many parts of about the same length.
    pub(crate) fn cut(&self, plan: &Plan, ranges: &[(usize, usize)], parts: usize) -> Vec<Range<usize>> {
        let length = ranges.last().map_or(0, |&(offset, length)| offset + length);
        let mut cuts = vec![0];
        for part in 1..parts.max(1) {
            let wanted = length / parts * part;
            let parameter = ranges.partition_point(|&(offset, length)| offset + length <= wanted);
            let Some(&(offset, _)) = ranges.get(parameter) else { continue };
            let row = match &plan.parameter_gradients[parameter] {
                ParameterGradient::Terms(_) => {
                    let mut terms = self.groups.iter().flat_map(|group| &group.terms);
                    let of_parameter = terms.find(|term| term.parameter == parameter);
                    of_parameter.map_or(1, |term| term.row_stride.max(1))
                }
                ParameterGradient::Expression { .. } => usize::MAX,
            };
            cuts.push(offset + (wanted - offset) / row * row);
        }
        cuts.push(length);
        cuts.windows(2).map(|cut| cut[0]..cut[1]).filter(|range| !range.is_empty()).collect()
    }
}

/// The part `range` of the flat gradient, from all blocks.
pub(crate) fn parameter_gradients<T: Element>(
    shared: Shared<'_, T>,
    blocks: &[Block<T>],
    range: Range<usize>,
    part: &mut [T],
    packed: &mut PackedRows<T>,
) -> Result<(), CallError> {
    let (plan, order) = (&shared.engine.plan, &shared.engine.gradients);
    part.fill(T::ZERO);
    for group in &order.groups {
        let within = |term: &Outer| {
            let (offset, length) = shared.parameter_ranges[term.parameter];
            range.start < offset + length && offset < range.end
        };
        if !group.terms.iter().any(within) {
            continue;
        }
        for block in blocks {
            let right = block.factor(plan, group.right, group.columns)?;
            let left = |term: &Outer| {
                let offset = shared.parameter_ranges[term.parameter].0;
                // Rows of the parameter that belong to this part, of those that the term adds to.
                let stride = term.row_stride.max(1);
                let first = (range.start.saturating_sub(offset) / stride).max(term.row);
                let end = (range.end - offset).div_ceil(stride).min(term.row + term.rows);
                let column = term.left.column + first.saturating_sub(term.row);
                let left = block.factor(plan, Place { column, ..term.left }, end.saturating_sub(first))?;
                let place = (offset + first * term.row_stride + term.column).wrapping_sub(range.start);
                Ok::<_, CallError>((left, place))
            };
            for rows in parts(right.rows) {
                // What is the same at every step is no row of a sequence.
                let repeated = right.row_stride == 0;
                if !repeated {
                    packed.pack(right.part(rows.clone())).map_err(internal)?;
                }
                for term in group.terms.iter().filter(|term| within(term)) {
                    let (left, place) = left(term)?;
                    if left.columns == 0 {
                        continue;
                    }
                    let result = MatrixMut {
                        numbers: part.get_mut(place..).unwrap_or_default(),
                        rows: left.columns,
                        columns: group.columns,
                        row_stride: term.row_stride,
                    };
                    let (left, right) = (left.part(rows.clone()), right.part(rows.clone()));
                    if repeated || left.row_stride == 0 {
                        matmul::general(left.transposed(), right, result, true).map_err(internal)?;
                    } else {
                        packed.add(left, result).map_err(internal)?;
                    }
                }
            }
        }
    }
    for &(parameter, column, into) in &order.sums {
        let offset = shared.parameter_ranges[parameter].0;
        for block in blocks {
            let Some(addends) = block.totals(plan, column, into.rows * into.columns)? else { continue };
            add_sum(addends, into, part, |place| (offset + place).wrapping_sub(range.start));
        }
    }
    for (gradient, &(offset, length)) in plan.parameter_gradients.iter().zip(shared.parameter_ranges) {
        let ParameterGradient::Expression { root, totals } = gradient else { continue };
        if !(range.start <= offset && offset + length <= range.end) {
            continue;
        }
        let mut values = Vec::with_capacity(totals.len());
        for (node, elements, terms) in totals {
            let mut value = vec![T::ZERO; *elements];
            for block in blocks {
                total(plan, block, terms, &mut value, packed)?;
            }
            values.push((*node, value));
        }
        let value = constants(shared.engine, shared.parameters, shared.parameter_ranges, &values, &[*root])?;
        let into = &mut part[offset - range.start..][..length];
        for (into, from) in into.iter_mut().zip(value.iter().flatten()) {
            *into = *from;
        }
    }
    Ok(())
}

/// Adds the terms of one total, from one block.
fn total<T: Element>(
    plan: &Plan,
    block: &Block<T>,
    terms: &[GradientTerm],
    total: &mut [T],
    packed: &mut PackedRows<T>,
) -> Result<(), CallError> {
    for term in terms {
        match *term {
            GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } => {
                let (left, right) = (block.factor(plan, left, rows)?, block.factor(plan, right, columns)?);
                let numbers = total.get_mut(row * row_stride + column..).unwrap_or_default();
                let result = MatrixMut { numbers, rows, columns, row_stride };
                matmul::add_outer_products(left, right, result, packed).map_err(internal)?;
            }
            GradientTerm::Sum { column, into } => {
                let Some(addends) = block.totals(plan, column, into.rows * into.columns)? else { continue };
                add_sum(addends, into, total, |place| place);
            }
        }
    }
    Ok(())
}

/// Adds row after row of a matrix to the places it has in a total; `within` says where these are in a part of it.
fn add_sum<T: Element>(addends: &[T], into: MatrixStrides, part: &mut [T], within: impl Fn(usize) -> usize) {
    for (index, &addend) in addends.iter().enumerate() {
        let (i, j) = (index / into.columns, index % into.columns);
        if let Some(sum) = part.get_mut(within(into.offset + i * into.row_stride + j * into.column_stride)) {
            *sum = *sum + addend;
        }
    }
}

impl<T: Element> Block<T> {
    /// A value over all steps, one row for each step and sample; what is the same at every step is repeated.
    fn factor(&self, plan: &Plan, place: Place, columns: usize) -> Result<Matrix<'_, T>, CallError> {
        let layout = self.layout()?;
        let buffer = plan.buffer(place.buffer);
        let stride = if buffer.kind == BufferKind::Once { 0 } else { buffer.width };
        let numbers = self.arena.as_slice().get(layout.place(place, 0)..).unwrap_or_default();
        Ok(Matrix::new(numbers, layout.steps * layout.rows, columns, stride))
    }

    /// What the loops have summed over all rows; nothing where there were none.
    fn totals(&self, plan: &Plan, column: usize, elements: usize) -> Result<Option<&[T]>, CallError> {
        let layout = self.layout()?;
        let Some(totals) = plan.buffers.iter().position(|buffer| buffer.role == BufferRole::Totals) else {
            return Ok(None);
        };
        if layout.steps * layout.rows == 0 {
            return Ok(None);
        }
        let at = layout.block(totals, 0, 0) + column;
        Ok(self.arena.as_slice().get(at..at + elements))
    }
}
