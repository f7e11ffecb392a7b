//! Gradients by parameters from one block: products over rows are added up chunk by chunk as the loop back goes, what the
//! element loops have summed and what is an expression of sums follows at the end.

use gatewright_compiler::plan::{BufferKind, BufferRole, GradientTerm, ParameterGradient, Place};

use super::arena::Region;
use super::block::{Block, Shared};
use super::compiled::internal;
use super::engine::Engine;
use crate::error::CallError;
use crate::matmul::{self, Element, Matrix, MatrixMut};

impl<T: Element> Block<T> {
    /// Sets all sums to zero.
    pub(super) fn begin_totals(&mut self, engine: &Engine<T>, gradient: &mut [T]) {
        gradient.fill(T::ZERO);
        let totals = engine.plan.parameter_gradients.iter().flat_map(|gradient| match gradient {
            ParameterGradient::Terms(_) => &[][..],
            ParameterGradient::Expression { totals, .. } => totals,
        });
        self.totals.clear();
        self.totals.extend(totals.map(|&(_, elements, _)| vec![T::ZERO; elements]));
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
        let plan = &shared.engine.plan;
        let mut totals = std::mem::take(&mut self.totals);
        let mut next = totals.iter_mut();
        for (parameter, &(offset, length)) in plan.parameter_gradients.iter().zip(shared.parameter_ranges) {
            match parameter {
                ParameterGradient::Terms(terms) => {
                    let total = &mut gradient[offset..offset + length];
                    self.add_terms(shared.engine, region, (first, all_rows), terms, total)?;
                }
                ParameterGradient::Expression { totals, .. } => {
                    for ((_, _, terms), total) in totals.iter().zip(&mut next) {
                        self.add_terms(shared.engine, region, (first, all_rows), terms, total)?;
                    }
                }
            }
        }
        self.totals = totals;
        Ok(())
    }

    /// Adds the products among the terms of one total.
    fn add_terms(
        &mut self,
        engine: &Engine<T>,
        region: Region<'_>,
        (first, all_rows): (usize, usize),
        terms: &[GradientTerm],
        total: &mut [T],
    ) -> Result<(), CallError> {
        let arena = self.arena.as_slice();
        for term in terms {
            let GradientTerm::Outer { left, rows, right, columns, row, column, row_stride } = *term else {
                continue;
            };
            // left^T right, summed over all rows.
            let factor = |place: Place, columns: usize| {
                let buffer = &engine.plan.buffers[place.buffer.0 as usize];
                let stride = if buffer.kind == BufferKind::Once { 0 } else { buffer.width };
                let numbers = arena.get(region.place(place, first)..).unwrap_or_default();
                Matrix::new(numbers, all_rows, columns, stride)
            };
            let result = MatrixMut {
                numbers: total.get_mut(row * row_stride + column..).unwrap_or_default(),
                rows,
                columns,
                row_stride,
            };
            matmul::general(factor(left, rows).transposed(), factor(right, columns), result, true)
                .map_err(internal)?;
        }
        Ok(())
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
        let mut sums = std::mem::take(&mut self.totals).into_iter();
        for (parameter, &(offset, length)) in
            engine.plan.parameter_gradients.iter().zip(shared.parameter_ranges)
        {
            let into = &mut gradient[offset..offset + length];
            match parameter {
                ParameterGradient::Terms(terms) => self.add_sums(engine, terms, into)?,
                ParameterGradient::Expression { root, totals } => {
                    let mut values = Vec::with_capacity(totals.len());
                    for ((node, _, terms), mut value) in totals.iter().zip(&mut sums) {
                        self.add_sums(engine, terms, &mut value)?;
                        values.push((*node, value));
                    }
                    let value = super::compiled::constants(
                        engine,
                        shared.parameters,
                        shared.parameter_ranges,
                        &values,
                        &[*root],
                    )?;
                    for (into, from) in into.iter_mut().zip(value.iter().flatten()) {
                        *into = *from;
                    }
                }
            }
        }
        Ok(())
    }
}
