//! Element-wise arithmetic, joins, slices and reductions that give a vector.

use gatewright_compiler::operator::{Binary, Operator, Ternary, Unary};
use gatewright_compiler::shape::{Dimension, Shape};

use super::{Draft, Generator};

impl Generator {
    /// A new vector.
    pub(super) fn vector(&mut self, n: &Dimension, depth: usize) -> Draft {
        let reads = if self.has_matrices() { self.once_in(4) } else { self.once_in(40) };
        let made = match self.choose(28) {
            _ if reads => self.read_out(n, depth),
            0..=6 => {
                let sum = self.affine(n, depth);
                self.activation(sum)
            }
            7..=8 => self.affine(n, depth),
            9..=10 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                self.binary(Binary::Multiply, a, b)
            }
            11 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let half = self.number(0.5);
                let sum = self.binary(Binary::Add, a, b);
                self.binary(Binary::Multiply, half, sum)
            }
            12 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let function = if self.once_in(2) { Binary::Minimum } else { Binary::Maximum };
                self.binary(function, a, b)
            }
            13 => {
                let (a, b, c) =
                    (self.vector_value(n, depth), self.vector_value(n, depth), self.vector_value(n, depth));
                let condition = self.unary(Unary::Step, a);
                self.push(Operator::Ternary(Ternary::Select), vec![condition, b, c])
            }
            14 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let (one, size) = (self.number(1.0), self.unary(Unary::Absolute, b));
                let denominator = self.binary(Binary::Add, one, size);
                self.binary(Binary::Divide, a, denominator)
            }
            // z h + (1 - z) g
            15 => {
                let (z, h, g) =
                    (self.vector_value(n, depth), self.vector_value(n, depth), self.vector_value(n, depth));
                let (one, z) = (self.number(1.0), self.unary(Unary::Sigmoid, z));
                let rest = self.binary(Binary::Subtract, one, z);
                let (kept, new) =
                    (self.binary(Binary::Multiply, z, h), self.binary(Binary::Multiply, rest, g));
                self.binary(Binary::Add, kept, new)
            }
            // A part of a wide product.
            16 => {
                let more = self.dimension();
                let whole = self.affine(&n.plus(&more), depth);
                let first = self
                    .push(Operator::Slice { start: Dimension::default(), length: n.clone() }, vec![whole]);
                let rest = self.push(Operator::Slice { start: n.clone(), length: more.clone() }, vec![whole]);
                let rest = self.activation(rest);
                self.values.push(rest);
                if more == *n && self.once_in(2) {
                    self.push(Operator::Slice { start: more, length: n.clone() }, vec![whole])
                } else {
                    first
                }
            }
            17 => {
                let (factor, vector) = (self.value(&Shape::Scalar, depth), self.vector_value(n, depth));
                self.binary(Binary::Multiply, factor, vector)
            }
            // Layer normalization.
            18 => {
                let vector = self.vector_value(n, depth);
                let tenth = self.number(0.125);
                let total = self.push(Operator::Sum, vec![vector]);
                let mean = self.binary(Binary::Multiply, tenth, total);
                let centred = self.binary(Binary::Subtract, vector, mean);
                let squares = self.binary(Binary::Multiply, centred, centred);
                let variance = self.push(Operator::Sum, vec![squares]);
                let half = self.number(0.5);
                let variance = self.binary(Binary::Add, variance, half);
                let deviation = self.unary(Unary::SquareRoot, variance);
                self.binary(Binary::Divide, centred, deviation)
            }
            // Softmax.
            19 => {
                let vector = self.vector_value(n, depth);
                let largest = self.push(Operator::MaximumElement, vec![vector]);
                let shifted = self.binary(Binary::Subtract, vector, largest);
                let exponentials = self.unary(Unary::Exponential, shifted);
                let total = self.push(Operator::Sum, vec![exponentials]);
                self.binary(Binary::Divide, exponentials, total)
            }
            // A slice of what is there, or of a join.
            20 => {
                let (a, b) = (self.any_vector(depth), self.vector_value(n, depth));
                let start = self.length(a);
                let join = self.push(Operator::Concatenate, vec![a, b]);
                self.push(Operator::Slice { start, length: n.clone() }, vec![join])
            }
            21 => {
                let scalar = self.value(&Shape::Scalar, depth);
                self.push(Operator::Broadcast(n.clone()), vec![scalar])
            }
            22 => self.constant(&Shape::Vector(n.clone())),
            // The master gate of an ON-LSTM, from either end; a mean rather than a sum, so that values stay moderate.
            23 => {
                let vector = self.vector_value(n, depth);
                let eighth = self.number(0.125);
                let scaled = self.binary(Binary::Multiply, eighth, vector);
                let reverse = self.once_in(2);
                let sums = self.push(Operator::CumulativeSum { reverse }, vec![scaled]);
                self.activation(sums)
            }
            // where(a < b, c, d). What is compared are values as they come, so that equal ones are rare.
            24 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let (c, d) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let function = if self.once_in(2) { Binary::Less } else { Binary::LessOrEqual };
                let condition = self.binary(function, a, b);
                self.push(Operator::Ternary(Ternary::Select), vec![condition, c, d])
            }
            // mod(a, p) = a - p floor(a / p), with a period away from zero.
            25 => {
                let (a, b) = (self.vector_value(n, depth), self.vector_value(n, depth));
                let (one, size) = (self.number(1.0), self.unary(Unary::Absolute, b));
                let period = self.binary(Binary::Add, one, size);
                let quotient = self.binary(Binary::Divide, a, period);
                let whole = self.unary(Unary::Floor, quotient);
                let whole = self.binary(Binary::Multiply, period, whole);
                self.binary(Binary::Subtract, a, whole)
            }
            // The decision of a Skip RNN.
            26 => {
                let a = self.vector_value(n, depth);
                let gate = self.unary(Unary::Sigmoid, a);
                self.unary(Unary::Round, gate)
            }
            _ => {
                let inner = self.any_vector(depth);
                let columns = self.length(inner);
                let matrix = self.matrix(n, &columns);
                let product = self.push(Operator::MatrixVector, vec![matrix, inner]);
                // A product of a product.
                let second = self.matrix(n, n);
                self.push(Operator::MatrixVector, vec![second, product])
            }
        };
        self.values.push(made);
        made
    }
}
