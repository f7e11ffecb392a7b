//! Values that vary in time: one that is there already, or a new one; products, sums of products, scalars.

use gatewright_compiler::operator::{Binary, Operator, Unary};
use gatewright_compiler::shape::{Dimension, Shape};

use super::{Draft, Generator};

impl Generator {
    /// A value of the shape that is there already, or a new one.
    pub(super) fn value(&mut self, shape: &Shape, depth: usize) -> Draft {
        let known: Vec<Draft> =
            self.values.iter().copied().filter(|&known| self.nodes[known].2 == *shape).collect();
        if !known.is_empty() && (depth == 0 || !self.once_in(4)) {
            // Late ones twice as often.
            let first = if self.once_in(2) { known.len() / 2 } else { 0 };
            return known[first + self.choose(known.len() - first)];
        }
        if depth == 0 {
            return self.constant(shape);
        }
        match shape {
            Shape::Vector(n) => self.vector(&n.clone(), depth - 1),
            Shape::Matrix(rows, columns) => self.varying_matrix(rows, columns, depth - 1),
            Shape::Scalar => self.scalar(depth - 1),
        }
    }

    pub(super) fn vector_value(&mut self, n: &Dimension, depth: usize) -> Draft {
        self.value(&Shape::Vector(n.clone()), depth)
    }

    /// Any vector.
    pub(super) fn any_vector(&mut self, depth: usize) -> Draft {
        let known: Vec<Draft> = self
            .values
            .iter()
            .copied()
            .filter(|&known| matches!(self.nodes[known].2, Shape::Vector(_)))
            .collect();
        if !known.is_empty() && !self.once_in(5) {
            return known[self.choose(known.len())];
        }
        let n = self.dimension();
        self.vector_value(&n, depth.saturating_sub(1))
    }

    /// `W v`, mostly of what is there.
    pub(super) fn product(&mut self, n: &Dimension, depth: usize) -> Draft {
        let vector = match self.choose(8) {
            0..=1 => {
                let parts: Vec<Draft> = (0..2 + self.choose(2)).map(|_| self.any_vector(depth)).collect();
                self.push(Operator::Concatenate, parts)
            }
            2 => {
                let inner = self.dimension();
                self.constant(&Shape::Vector(inner))
            }
            _ => self.any_vector(depth),
        };
        let columns = self.length(vector);
        // W [a, b] with one parameter, as equations have it.
        let matrix = if self.once_in(2) {
            self.weight(&Shape::Matrix(n.clone(), columns))
        } else {
            self.matrix(n, &columns)
        };
        self.push(Operator::MatrixVector, vec![matrix, vector])
    }

    /// A sum of products and other vectors.
    pub(super) fn affine(&mut self, n: &Dimension, depth: usize) -> Draft {
        let mut sum = self.product(n, depth);
        if self.once_in(3) {
            self.values.push(sum);
        }
        for _ in 0..self.choose(3) {
            let term = match self.choose(7) {
                0..=2 => self.product(n, depth),
                3 => self.constant(&Shape::Vector(n.clone())),
                4 => self.vector_value(n, depth),
                _ => {
                    let (a, b) = (self.constant(&Shape::Vector(n.clone())), self.vector_value(n, depth));
                    self.binary(Binary::Multiply, a, b)
                }
            };
            let function = if self.once_in(6) { Binary::Subtract } else { Binary::Add };
            sum = if self.once_in(5) {
                self.binary(function, term, sum)
            } else {
                self.binary(function, sum, term)
            };
        }
        if self.once_in(2) {
            let bias = self.weight(&Shape::Vector(n.clone()));
            sum = self.binary(Binary::Add, sum, bias);
        }
        sum
    }

    pub(super) fn activation(&mut self, x: Draft) -> Draft {
        match self.choose(12) {
            0..=2 => self.unary(Unary::Sigmoid, x),
            3..=5 => self.unary(Unary::Tanh, x),
            6 => self.unary(Unary::Relu, x),
            7 => self.unary(Unary::Sine, x),
            8 => self.unary(Unary::Cosine, x),
            9 => self.unary(Unary::Absolute, x),
            10 => {
                let one = self.number(1.0);
                let limited = self.binary(Binary::Minimum, x, one);
                let less = self.number(-1.0);
                self.binary(Binary::Maximum, limited, less)
            }
            _ => {
                let softplus = self.unary(Unary::Softplus, x);
                let negated = self.unary(Unary::Negate, softplus);
                self.unary(Unary::Exponential, negated)
            }
        }
    }

    /// A new scalar for each sample.
    pub(super) fn scalar(&mut self, depth: usize) -> Draft {
        let made = match self.choose(8) {
            0..=2 => {
                let a = self.any_vector(depth);
                let b = self.vector_value(&self.length(a), depth);
                let products = self.binary(Binary::Multiply, a, b);
                let sum = self.push(Operator::Sum, vec![products]);
                self.unary(Unary::Tanh, sum)
            }
            3 if self.has_matrices() => {
                let (rows, columns) = (self.dimension(), self.dimension());
                let matrix = self.value(&Shape::Matrix(rows, columns), depth);
                let squares = self.binary(Binary::Multiply, matrix, matrix);
                let sum = self.push(Operator::Sum, vec![squares]);
                self.unary(Unary::Tanh, sum)
            }
            3 => {
                let vector = self.any_vector(depth);
                self.push(Operator::MaximumElement, vec![vector])
            }
            4 => {
                let vector = self.any_vector(depth);
                let sum = self.push(Operator::Sum, vec![vector]);
                self.unary(Unary::Sigmoid, sum)
            }
            5..=6 => {
                let (a, b) = (self.value(&Shape::Scalar, depth), self.value(&Shape::Scalar, depth));
                let function = [Binary::Add, Binary::Multiply, Binary::Minimum][self.choose(3)];
                self.binary(function, a, b)
            }
            _ => {
                let a = self.value(&Shape::Scalar, depth);
                self.activation(a)
            }
        };
        // The largest element of an empty vector is -inf, and there it would stay.
        let limit = self.number(3.0);
        let made = self.binary(Binary::Minimum, made, limit);
        let limit = self.number(-3.0);
        let made = self.binary(Binary::Maximum, made, limit);
        self.values.push(made);
        made
    }

    pub(super) fn has_matrices(&self) -> bool {
        self.values.iter().any(|&value| matches!(self.nodes[value].2, Shape::Matrix(..)))
    }

    /// `(v k^T) q`: the matrix varies in time.
    pub(super) fn associative(&mut self, n: &Dimension) -> Draft {
        let (v, k) = (self.vector_value(n, 1), self.any_vector(1));
        let q = self.vector_value(&self.length(k), 1);
        let matrix = self.push(Operator::Outer, vec![v, k]);
        let weight = self.weight(&self.shape(matrix));
        let matrix = self.binary(Binary::Add, matrix, weight);
        self.push(Operator::MatrixVector, vec![matrix, q])
    }

    pub(super) fn port_shape(&mut self) -> Shape {
        match self.choose(18) {
            0..=1 => Shape::Scalar,
            2..=3 => Shape::Matrix(self.dimension(), self.dimension()),
            _ => Shape::Vector(self.dimension()),
        }
    }
}
