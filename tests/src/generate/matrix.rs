//! Matrices that vary in time, and what is read out of them.

use gatewright_compiler::operator::{Binary, Operator, Unary};
use gatewright_compiler::shape::{Dimension, Shape};

use super::{Draft, Generator};

impl Generator {
    /// A new matrix that varies in time.
    pub(super) fn varying_matrix(&mut self, rows: &Dimension, columns: &Dimension, depth: usize) -> Draft {
        let shape = Shape::Matrix(rows.clone(), columns.clone());
        let made = match self.choose(18) {
            // v k^T
            0..=3 => {
                let (v, k) = (self.vector_value(rows, depth), self.vector_value(columns, depth));
                self.push(Operator::Outer, vec![v, k])
            }
            4..=5 => {
                let (factor, matrix) = (self.value(&Shape::Scalar, depth), self.value(&shape, depth));
                let half = self.number(0.5);
                let factor = self.binary(Binary::Multiply, half, factor);
                self.binary(Binary::Multiply, factor, matrix)
            }
            6 => {
                let (a, b) = (self.value(&shape, depth), self.value(&shape, depth));
                let function = [Binary::Add, Binary::Subtract, Binary::Maximum][self.choose(3)];
                self.binary(function, a, b)
            }
            // Element by element, mostly with a parameter.
            7 => {
                let a = if self.once_in(3) { self.value(&shape, depth) } else { self.constant(&shape) };
                let b = self.value(&shape, depth);
                self.binary(Binary::Multiply, a, b)
            }
            8 => {
                let matrix = self.value(&shape, depth);
                self.unary(Unary::Tanh, matrix)
            }
            // diag(a) M, M diag(b) or both
            9..=10 => {
                let one = self.number(1.0);
                let mut side = |n: &Dimension, times| {
                    if self.once_in(times) {
                        self.push(Operator::Broadcast(n.clone()), vec![one])
                    } else {
                        let vector = self.vector_value(n, depth);
                        self.unary(Unary::Sigmoid, vector)
                    }
                };
                let (a, b) = (side(rows, 3), side(columns, 2));
                let scales = self.push(Operator::Outer, vec![a, b]);
                let matrix = self.value(&shape, depth);
                self.binary(Binary::Multiply, scales, matrix)
            }
            // M (I - β k k^T), or the other way round.
            11..=12 => {
                let matrix = self.value(&shape, depth);
                let left = self.once_in(3);
                let n = if left { rows } else { columns };
                let (k, identity) =
                    (self.vector_value(n, depth), self.push(Operator::Identity(n.clone()), Vec::new()));
                let (k, beta) = (self.unary(Unary::Tanh, k), self.number(0.125));
                let product = self.push(Operator::Outer, vec![k, k]);
                let product = self.binary(Binary::Multiply, beta, product);
                let change = self.binary(Binary::Subtract, identity, product);
                let operands = if left { vec![change, matrix] } else { vec![matrix, change] };
                self.push(Operator::MatrixMatrix, operands)
            }
            // A M, M A or M N
            13 => {
                let inner = self.dimension();
                let (left, right) =
                    (Shape::Matrix(rows.clone(), inner.clone()), Shape::Matrix(inner, columns.clone()));
                let which = self.choose(3);
                let a = if which == 0 { self.constant(&left) } else { self.value(&left, depth) };
                let b = if which == 1 { self.constant(&right) } else { self.value(&right, depth) };
                let product = self.push(Operator::MatrixMatrix, vec![a, b]);
                self.unary(Unary::Tanh, product)
            }
            14 => {
                let matrix = self.value(&Shape::Matrix(columns.clone(), rows.clone()), depth);
                self.push(Operator::Transpose, vec![matrix])
            }
            15 => {
                let more = self.dimension();
                let whole = self.value(&Shape::Matrix(rows.clone(), columns.plus(&more)), depth);
                let start = if self.once_in(2) { Dimension::default() } else { more };
                self.push(Operator::SliceColumns { start, length: columns.clone() }, vec![whole])
            }
            16 => {
                let scalar = self.value(&Shape::Scalar, depth);
                self.push(Operator::BroadcastMatrix(rows.clone(), columns.clone()), vec![scalar])
            }
            _ => self.constant(&shape),
        };
        self.values.push(made);
        made
    }

    /// A matrix that varies in time times a vector: one that is there, or a new one.
    pub(super) fn read_out(&mut self, n: &Dimension, depth: usize) -> Draft {
        let rows = |shape: &Shape, transposed: bool| match shape {
            Shape::Matrix(rows, columns) => (if transposed { columns } else { rows }) == n,
            _ => false,
        };
        let transposed = self.once_in(2);
        let known: Vec<Draft> =
            self.values.iter().copied().filter(|&known| rows(&self.nodes[known].2, transposed)).collect();
        let matrix = if known.is_empty() {
            let inner = self.dimension();
            let (rows, columns) = if transposed { (&inner, n) } else { (n, &inner) };
            self.varying_matrix(rows, columns, depth)
        } else {
            known[self.choose(known.len())]
        };
        let matrix = if transposed { self.push(Operator::Transpose, vec![matrix]) } else { matrix };
        let Shape::Matrix(_, columns) = self.shape(matrix) else { return matrix };
        let vector = self.vector_value(&columns, depth);
        let product = self.push(Operator::MatrixVector, vec![matrix, vector]);
        let quarter = self.number(0.25);
        self.binary(Binary::Multiply, quarter, product)
    }
}
