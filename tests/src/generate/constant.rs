//! What is constant over time: parameters, shared or new, and expressions of them.

use gatewright_compiler::graph::Port;
use gatewright_compiler::operator::{Binary, Operator, Unary};
use gatewright_compiler::shape::{Dimension, Shape};

use super::{Draft, Generator};

impl Generator {
    pub(super) fn parameter(&mut self, shape: Shape) -> Draft {
        let index = self.signature.parameters.len();
        self.signature.parameters.push(Port { name: format!("p{index}"), shape: shape.clone() });
        let made = self.push(Operator::Parameter(index as u32), Vec::new());
        match shape {
            Shape::Matrix(..) => self.matrices.push(made),
            _ => self.vectors.push(made),
        }
        made
    }

    /// A parameter of the shape: new, or one that other equations have already.
    pub(super) fn weight(&mut self, shape: &Shape) -> Draft {
        let known: Vec<Draft> = self
            .matrices
            .iter()
            .chain(&self.vectors)
            .copied()
            .filter(|&known| self.nodes[known].2 == *shape)
            .collect();
        if !known.is_empty() && self.once_in(4) {
            return known[self.choose(known.len())];
        }
        self.parameter(shape.clone())
    }

    /// A matrix that is constant over time.
    pub(super) fn matrix(&mut self, rows: &Dimension, columns: &Dimension) -> Draft {
        let shape = Shape::Matrix(rows.clone(), columns.clone());
        match self.choose(18) {
            0 => {
                let weight = self.weight(&Shape::Matrix(columns.clone(), rows.clone()));
                self.push(Operator::Transpose, vec![weight])
            }
            // W - W^T - γ I
            1 if rows == columns => {
                let weight = self.weight(&shape);
                let transposed = self.push(Operator::Transpose, vec![weight]);
                let difference = self.binary(Binary::Subtract, weight, transposed);
                let gamma = if self.once_in(2) { self.number(0.1) } else { self.weight(&Shape::Scalar) };
                let identity = self.push(Operator::Identity(rows.clone()), Vec::new());
                let scaled = self.binary(Binary::Multiply, gamma, identity);
                self.binary(Binary::Subtract, difference, scaled)
            }
            2 => {
                let (left, right) = (self.weight(&shape), self.parameter(shape));
                self.binary(Binary::Add, left, right)
            }
            3 => {
                let more = self.dimension();
                let whole = self.weight(&Shape::Matrix(rows.clone(), columns.plus(&more)));
                let start = if self.once_in(2) { Dimension::default() } else { more };
                self.push(Operator::SliceColumns { start, length: columns.clone() }, vec![whole])
            }
            4 => {
                let (factor, weight) = (self.weight(&Shape::Scalar), self.weight(&shape));
                self.binary(Binary::Multiply, factor, weight)
            }
            5 => {
                let (left, right) =
                    (self.weight(&Shape::Vector(rows.clone())), self.weight(&Shape::Vector(columns.clone())));
                self.push(Operator::Outer, vec![left, right])
            }
            6 => {
                let inner = self.dimension();
                let left = self.weight(&Shape::Matrix(rows.clone(), inner.clone()));
                let right = self.weight(&Shape::Matrix(inner, columns.clone()));
                self.push(Operator::MatrixMatrix, vec![left, right])
            }
            7 => {
                let weight = self.weight(&shape);
                self.unary(Unary::Tanh, weight)
            }
            // A slice of rows.
            8 => {
                let more = self.dimension();
                let whole = self.weight(&Shape::Matrix(columns.clone(), rows.plus(&more)));
                let start = if self.once_in(2) { Dimension::default() } else { more };
                let slice = self.push(Operator::SliceColumns { start, length: rows.clone() }, vec![whole]);
                self.push(Operator::Transpose, vec![slice])
            }
            9 if rows == columns => self.push(Operator::Identity(rows.clone()), Vec::new()),
            _ => self.weight(&shape),
        }
    }

    /// A value that is constant over time.
    pub(super) fn constant(&mut self, shape: &Shape) -> Draft {
        if let Shape::Matrix(rows, columns) = shape {
            return self.matrix(rows, columns);
        }
        match self.choose(9) {
            0 => {
                let number = [0.0, 1.0, -0.5, 2.0][self.choose(4)];
                let number = self.number(number);
                match shape {
                    Shape::Vector(n) => self.push(Operator::Broadcast(n.clone()), vec![number]),
                    _ => number,
                }
            }
            1 => {
                let weight = self.weight(shape);
                self.unary(Unary::Softplus, weight)
            }
            2 => {
                let weight = self.weight(shape);
                let exponential = self.unary(Unary::Exponential, weight);
                self.unary(Unary::Negate, exponential)
            }
            3 => match shape {
                Shape::Vector(n) => {
                    let inner = self.dimension();
                    let matrix = self.matrix(n, &inner);
                    let vector = self.weight(&Shape::Vector(inner));
                    self.push(Operator::MatrixVector, vec![matrix, vector])
                }
                _ => {
                    let n = self.dimension();
                    let vector = self.weight(&Shape::Vector(n));
                    let squares = self.binary(Binary::Multiply, vector, vector);
                    self.push(Operator::Sum, vec![squares])
                }
            },
            4 => match shape {
                Shape::Vector(n) => {
                    let more = self.dimension();
                    let whole = self.weight(&Shape::Vector(n.plus(&more)));
                    self.push(Operator::Slice { start: Dimension::default(), length: n.clone() }, vec![whole])
                }
                _ => self.weight(shape),
            },
            _ => self.weight(shape),
        }
    }
}
