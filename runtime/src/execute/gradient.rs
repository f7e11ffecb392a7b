//! Gradients by parameters from one block: products over rows are added up chunk by chunk as the loop back goes, what the
//! element loops have summed and what is an expression of sums follows at the end.
//!
//! ```text
//! for chunk of rows, later steps first
//!     for right operand
//!         pack its rows                        once for all gates that read one vector
//!         for term with this operand
//!             gradient += left^T rows
//! ```

use gatewright_compiler::graph::NodeId;
use gatewright_compiler::plan::{BufferKind, BufferRole, GradientTerm, ParameterGradient, Place, Plan};

use super::arena::Region;
use super::block::{Block, Shared};
use super::compiled::internal;
use super::engine::Engine;
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
    terms: Vec<Outer>,
}

/// The products of all gradients that are plain sums, in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct GradientOrder {
    groups: Vec<Group>,
}

impl GradientOrder {
    pub(crate) fn new(plan: &Plan) -> Self {
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
                    None => order.groups.push(Group { right, columns, terms: vec![term] }),
                }
            }
        }
        order
    }

    /// What is packed row by row, and how many columns of it; nothing that is the same at every step.
    pub(super) fn right_operands(&self, plan: &Plan) -> impl Iterator<Item = (Place, usize)> {
        let of_rows = |place: Place| plan.buffer(place.buffer).kind != BufferKind::Once;
        self.groups.iter().map(|group| (group.right, group.columns)).filter(move |&(place, _)| of_rows(place))
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
    /// Sets all sums to zero.
    pub(super) fn begin_totals(&mut self, engine: &Engine<T>, gradient: &mut [T]) {
        gradient.fill(T::ZERO);
        self.expressions.begin(engine);
    }

    /// Adds the products over `all_rows` rows from step `first` of a piece on.
    pub(super) fn add_products(
        &mut self,
        shared: Shared<'_, T>,
        region: Region<'_>,
        first: usize,
        all_rows: usize,
        gradient: &mut [T],
    ) -> Result<(), CallError> {
        let engine = shared.engine;
        let mut packed = self.packed.take().unwrap_or_else(|| PackedRows::new(engine.level));
        let mut expressions = std::mem::take(&mut self.expressions);
        let factor = |place, columns| self.factor(engine, region, place, (first, all_rows, columns));
        for group in &engine.gradients.groups {
            let right = factor(group.right, group.columns);
            // What is the same at every step is no row of a sequence.
            let repeated = right.row_stride == 0;
            if !repeated {
                packed.pack(right).map_err(internal)?;
            }
            for term in &group.terms {
                let (offset, length) = shared.parameters.ranges[term.parameter];
                let total = &mut gradient[offset..offset + length];
                let left = factor(term.left, term.rows);
                let result = MatrixMut {
                    numbers: total.get_mut(term.row * term.row_stride + term.column..).unwrap_or_default(),
                    rows: term.rows,
                    columns: group.columns,
                    row_stride: term.row_stride,
                };
                if repeated || left.row_stride == 0 {
                    matmul::general(left.transposed(), right, result, true).map_err(internal)?;
                } else {
                    packed.add(left, result).map_err(internal)?;
                }
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
            let totals = engine.plan.buffers.iter().position(|buffer| buffer.role == BufferRole::Totals);
            let Some(totals) = totals else { continue };
            let at = layout.once(totals) + column;
            let addends = &arena[at..at + into.rows * into.columns];
            for (index, &addend) in addends.iter().enumerate() {
                let (i, j) = (index / into.columns, index % into.columns);
                let sum = &mut total[into.offset + i * into.row_stride + j * into.column_stride];
                *sum = *sum + addend;
            }
        }
        Ok(())
    }

    /// Makes of the sums the gradients by all parameters from this block's samples, flat.
    pub(crate) fn finish_gradients(
        &mut self,
        shared: Shared<'_, T>,
        gradient: &mut [T],
    ) -> Result<(), CallError> {
        let engine = shared.engine;
        let mut expressions = std::mem::take(&mut self.expressions);
        for (parameter, &(offset, length)) in
            engine.plan.parameter_gradients.iter().zip(shared.parameters.ranges)
        {
            if let ParameterGradient::Terms(terms) = parameter {
                self.add_sums(engine, terms, &mut gradient[offset..offset + length])?;
            }
        }
        let of_expressions = engine.plan.parameter_gradients.iter().flat_map(totals);
        for ((_, _, terms), (_, total)) in of_expressions.zip(&mut expressions.totals) {
            self.add_sums(engine, terms, total)?;
        }
        let outcome = expressions.finish(engine, shared.parameters, gradient);
        self.expressions = expressions;
        outcome
    }
}
