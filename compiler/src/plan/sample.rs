//! Operations with matrices that vary in time: each sample has its own matrix at each step.
//!
//! Such a matrix is a row of `rows * columns` elements, row by row, so that element loops run over it as over a vector.
//! What mixes elements is one of three kinds of flow node:
//!
//! | node | graph | made of |
//! | --- | --- | --- |
//! | [`FlowKind::SampleProduct`] | `u v^T`, `M x`, `A B` | two matrices, one column or one row for vectors |
//! | [`FlowKind::Arrange`] | `M^T`, `M[:, a..b]`, `M` among zeros | one matrix |
//! | [`FlowKind::RowMaximum`] | the largest element of each row | one matrix |
//!
//! A product reads transposes and slices of columns where they lie, as a [`MatrixStrides`]; they are only written out
//! where an element loop reads them. A factor may be constant over time: a parameter lies whole in the `Once` buffer.
//!
//! These run between the products and the element loops of a level. Unlike products with packed matrices they stay
//! in the loop with the elements around them: over all steps at once they would need memory for a matrix of each.

use super::flow::{Flow, FlowId, FlowKind, name_of, size_of};
use super::{MatrixStrides, PlanError};
use crate::graph::{Graph, NodeId, Phase};
use crate::operator::Operator;
use crate::shape::Shape;

impl MatrixStrides {
    /// All elements of a matrix of `columns` columns, row by row.
    pub(super) const fn dense(rows: usize, columns: usize) -> Self {
        Self { offset: 0, rows, columns, row_stride: columns, column_stride: 1 }
    }

    const fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// One past the last element, from the first element of the value; 0 where there are no elements.
    #[must_use]
    pub const fn end(self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return 0;
        }
        self.offset + (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

impl Flow {
    /// `u v^T`, `M x` or `A B` for each sample.
    pub(super) fn sample_product(
        &mut self,
        graph: &Graph,
        id: NodeId,
        lanes: usize,
    ) -> Result<FlowId, PlanError> {
        let (first, second) = (graph.operands(id)[0], graph.operands(id)[1]);
        let reader = graph.phase(id);
        let (a, left) = self.strided(graph, reader, first)?;
        let (b, mut right) = self.strided(graph, reader, second)?;
        if *graph.operator(id) == Operator::Outer {
            right = right.transposed();
        }
        let kind = FlowKind::SampleProduct { left, right };
        Ok(self.push(kind, vec![a, b], lanes, false, name_of(graph, id)))
    }

    /// The largest element of each row.
    pub(super) fn row_maximum(
        &mut self,
        graph: &Graph,
        id: NodeId,
        lanes: usize,
    ) -> Result<FlowId, PlanError> {
        let (from, strides) = self.strided(graph, graph.phase(id), graph.operands(id)[0])?;
        let kind = FlowKind::RowMaximum { from: strides };
        Ok(self.push(kind, vec![from], lanes, false, name_of(graph, id)))
    }

    /// A transpose, a slice of columns or a matrix among columns of zeros, written out.
    pub(super) fn arrange(&mut self, graph: &Graph, id: NodeId, lanes: usize) -> Result<FlowId, PlanError> {
        let (name, reader) = (name_of(graph, id), graph.phase(id));
        let (from, strides, start, total) = match graph.operator(id) {
            Operator::PadColumns { start, total } => {
                let (from, strides) = self.strided(graph, reader, graph.operands(id)[0])?;
                (from, strides, size_of(start, &self.sizes, &name)?, size_of(total, &self.sizes, &name)?)
            }
            _ => {
                let (from, strides) = self.strided(graph, reader, id)?;
                (from, strides, 0, strides.columns)
            }
        };
        Ok(self.push(FlowKind::Arrange { from: strides, start, total }, vec![from], lanes, false, name))
    }

    /// What a matrix or vector is read from, and where its elements are in that. A vector is one column.
    fn strided(
        &mut self,
        graph: &Graph,
        reader: Phase,
        id: NodeId,
    ) -> Result<(FlowId, MatrixStrides), PlanError> {
        let mut at = id;
        // Outermost first.
        let mut moves: Vec<&Operator> = Vec::new();
        while let operator @ (Operator::Transpose | Operator::SliceColumns { .. }) = graph.operator(at) {
            moves.push(operator);
            at = graph.operands(at)[0];
        }
        let name = name_of(graph, at);
        let mut strides = match graph.shape(at) {
            Shape::Scalar => MatrixStrides::dense(1, 1),
            Shape::Vector(n) => MatrixStrides::dense(size_of(n, &self.sizes, &name)?, 1),
            Shape::Matrix(rows, columns) => MatrixStrides::dense(
                size_of(rows, &self.sizes, &name)?,
                size_of(columns, &self.sizes, &name)?,
            ),
        };
        for operator in moves.into_iter().rev() {
            match operator {
                Operator::SliceColumns { start, length } => {
                    strides.offset += size_of(start, &self.sizes, &name)? * strides.column_stride;
                    strides.columns = size_of(length, &self.sizes, &name)?;
                }
                _ => strides = strides.transposed(),
            }
        }
        // A number would lie nowhere; an expression of its own is written to memory once.
        let value = if graph.phase(at) == Phase::Before {
            self.once(graph, at)?
        } else {
            self.read_by(graph, reader, at)?
        };
        Ok((value, strides))
    }
}
