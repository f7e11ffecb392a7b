//! Random cells, as the graphs of one step.
//!
//! Every construct that the planner treats in a way of its own occurs: products of products, products that several sums
//! share, slices of wide products, joins, scalars for each sample, reductions, expressions of parameters, matrices that
//! vary in time as states and in passing, states that are passed through, outputs that are inputs or parameters, values that need no state or that no state needs.
//!
//! # Invariants
//!
//! - The same seed gives the same cell.
//! - Values stay moderate: weights are small and states are mostly squashed, so that rounding stays rounding.

use gatewright_compiler::graph::{Graph, NodeId, Port, Root, Signature};
use gatewright_compiler::operator::shape_rule::result_shape;
use gatewright_compiler::operator::{Binary, Operator, Ternary, Unary};
use gatewright_compiler::shape::{Dimension, DimensionId, Shape};

use crate::Numbers;

/// A random cell with sizes.
#[derive(Clone, Debug)]
pub struct GeneratedCell {
    /// The forward graph.
    pub graph: Graph,
    /// Sizes of its free dimensions.
    pub sizes: Vec<usize>,
}

/// A choice from 0 to `count - 1`.
pub fn choose(numbers: &mut Numbers, count: usize) -> usize {
    ((numbers.next() + 1.0) / 2.0 * count as f64) as usize % count.max(1)
}

/// Index of a node of the draft.
type Draft = usize;

struct Generator {
    numbers: Numbers,
    signature: Signature,
    nodes: Vec<(Operator, Vec<Draft>, Shape)>,
    /// Dimensions that values may have.
    dimensions: Vec<Dimension>,
    /// Values that vary in time, matrices among them.
    values: Vec<Draft>,
    matrices: Vec<Draft>,
    vectors: Vec<Draft>,
}

/// The cell of a seed.
///
/// # Panics
///
/// Where the generator makes a graph that breaks the rules of graphs: the test is wrong then.
#[must_use]
pub fn generate(seed: u64) -> GeneratedCell {
    let mut numbers = Numbers::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let free = 1 + choose(&mut numbers, 3);
    let sizes = (0..free)
        .map(|_| [1, 2, 3, 3, 4, 8, 8, 16, 17, 17, 33, 5, 2, 0][choose(&mut numbers, 14)])
        .collect::<Vec<_>>();
    let mut dimensions: Vec<Dimension> =
        (0..free as u32).map(|index| Dimension::free(DimensionId(index))).collect();
    if choose(&mut numbers, 4) == 0 {
        dimensions.push(Dimension::constant([1, 1, 2, 5, 16][choose(&mut numbers, 5)]));
    }
    let signature = Signature {
        frozen: std::collections::BTreeSet::new(),
        dimensions: (0..free).map(|index| format!("d{index}")).collect(),
        ..Signature::default()
    };
    let mut generator = Generator {
        numbers,
        signature,
        nodes: Vec::new(),
        dimensions,
        values: Vec::new(),
        matrices: Vec::new(),
        vectors: Vec::new(),
    };
    let graph = generator.cell();
    GeneratedCell { graph, sizes }
}

impl Generator {
    fn choose(&mut self, count: usize) -> usize {
        choose(&mut self.numbers, count)
    }

    /// True once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.choose(times) == 0
    }

    fn dimension(&mut self) -> Dimension {
        let index = self.choose(self.dimensions.len());
        self.dimensions[index].clone()
    }

    fn push(&mut self, operator: Operator, operands: Vec<Draft>) -> Draft {
        let shapes: Vec<&Shape> = operands.iter().map(|&operand| &self.nodes[operand].2).collect();
        let port = self.signature.port_of_leaf(&operator).map(|port| &port.shape);
        let shape = result_shape(&operator, &shapes, port).expect("the draft keeps to the shape rules");
        self.nodes.push((operator, operands, shape));
        self.nodes.len() - 1
    }

    fn unary(&mut self, function: Unary, x: Draft) -> Draft {
        self.push(Operator::Unary(function), vec![x])
    }

    fn binary(&mut self, function: Binary, a: Draft, b: Draft) -> Draft {
        self.push(Operator::Binary(function), vec![a, b])
    }

    fn number(&mut self, value: f64) -> Draft {
        self.push(Operator::constant(value), Vec::new())
    }

    fn shape(&self, value: Draft) -> Shape {
        self.nodes[value].2.clone()
    }

    fn length(&self, value: Draft) -> Dimension {
        match &self.nodes[value].2 {
            Shape::Vector(n) => n.clone(),
            _ => Dimension::constant(1),
        }
    }

    fn parameter(&mut self, shape: Shape) -> Draft {
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
    fn weight(&mut self, shape: &Shape) -> Draft {
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
    fn matrix(&mut self, rows: &Dimension, columns: &Dimension) -> Draft {
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
    fn constant(&mut self, shape: &Shape) -> Draft {
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

    /// A value of the shape that is there already, or a new one.
    fn value(&mut self, shape: &Shape, depth: usize) -> Draft {
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

    fn vector_value(&mut self, n: &Dimension, depth: usize) -> Draft {
        self.value(&Shape::Vector(n.clone()), depth)
    }

    /// Any vector.
    fn any_vector(&mut self, depth: usize) -> Draft {
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
    fn product(&mut self, n: &Dimension, depth: usize) -> Draft {
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

    /// A new matrix that varies in time.
    fn varying_matrix(&mut self, rows: &Dimension, columns: &Dimension, depth: usize) -> Draft {
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
    fn read_out(&mut self, n: &Dimension, depth: usize) -> Draft {
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

    fn has_matrices(&self) -> bool {
        self.values.iter().any(|&value| matches!(self.nodes[value].2, Shape::Matrix(..)))
    }

    /// A sum of products and other vectors.
    fn affine(&mut self, n: &Dimension, depth: usize) -> Draft {
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

    fn activation(&mut self, x: Draft) -> Draft {
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

    /// A new vector.
    fn vector(&mut self, n: &Dimension, depth: usize) -> Draft {
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

    /// A new scalar for each sample.
    fn scalar(&mut self, depth: usize) -> Draft {
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

    fn port_shape(&mut self) -> Shape {
        match self.choose(18) {
            0..=1 => Shape::Scalar,
            2..=3 => Shape::Matrix(self.dimension(), self.dimension()),
            _ => Shape::Vector(self.dimension()),
        }
    }

    fn gate(&mut self) {
        if self.once_in(6) {
            self.scalar(2);
        } else if self.once_in(if self.has_matrices() { 5 } else { 30 }) {
            let (rows, columns) = (self.dimension(), self.dimension());
            self.varying_matrix(&rows, &columns, 2);
        } else {
            let n = self.dimension();
            self.vector(&n, 2);
        }
    }

    /// `(v k^T) q`: the matrix varies in time.
    fn associative(&mut self, n: &Dimension) -> Draft {
        let (v, k) = (self.vector_value(n, 1), self.any_vector(1));
        let q = self.vector_value(&self.length(k), 1);
        let matrix = self.push(Operator::Outer, vec![v, k]);
        let weight = self.weight(&self.shape(matrix));
        let matrix = self.binary(Binary::Add, matrix, weight);
        self.push(Operator::MatrixVector, vec![matrix, q])
    }

    fn next_state(&mut self, state: usize, earlier: &[Draft]) -> Draft {
        let shape = self.signature.states[state].shape.clone();
        let leaf = self.state_leaf(state);
        let fitting: Vec<Draft> =
            earlier.iter().copied().filter(|&next| self.nodes[next].2 == shape).collect();
        match (self.choose(24), &shape) {
            (0, _) => leaf,
            (1, _) => self.constant(&shape),
            (2, _) => self.value(&shape, 0),
            (3..=5, _) if !fitting.is_empty() => fitting[self.choose(fitting.len())],
            (6..=7, Shape::Vector(n)) => {
                let n = n.clone();
                self.affine(&n, 1)
            }
            (8..=9, Shape::Vector(n)) => {
                let n = n.clone();
                self.product(&n, 1)
            }
            (10, Shape::Vector(n)) if self.once_in(3) => {
                let n = n.clone();
                let read = self.associative(&n);
                self.unary(Unary::Tanh, read)
            }
            // f ⊙ c + i ⊙ g
            (11..=15, _) => {
                let (f, i, g) = (self.value(&shape, 2), self.value(&shape, 2), self.value(&shape, 1));
                let (f, i) = (self.unary(Unary::Sigmoid, f), self.unary(Unary::Sigmoid, i));
                let (kept, new) =
                    (self.binary(Binary::Multiply, f, leaf), self.binary(Binary::Multiply, i, g));
                let half = self.number(0.5);
                let kept = self.binary(Binary::Multiply, half, kept);
                self.binary(Binary::Add, kept, new)
            }
            (16..=17, Shape::Vector(n)) => {
                let n = n.clone();
                self.vector(&n, 2)
            }
            (18, _) => {
                let other = self.value(&shape, 1);
                let half = self.number(0.5);
                let sum = self.binary(Binary::Add, leaf, other);
                self.binary(Binary::Multiply, half, sum)
            }
            // f C + v k^T
            (19..=22, Shape::Matrix(rows, columns)) => {
                let (f, v, k) = (
                    self.value(&Shape::Scalar, 1),
                    self.vector_value(rows, 2),
                    self.vector_value(columns, 2),
                );
                let f = self.unary(Unary::Sigmoid, f);
                let (kept, new) =
                    (self.binary(Binary::Multiply, f, leaf), self.push(Operator::Outer, vec![v, k]));
                self.binary(Binary::Add, kept, new)
            }
            (_, Shape::Matrix(rows, columns)) => {
                let matrix = self.varying_matrix(&rows.clone(), &columns.clone(), 2);
                self.unary(Unary::Tanh, matrix)
            }
            (_, Shape::Vector(n)) => {
                let n = n.clone();
                let sum = self.affine(&n, 2);
                self.unary(Unary::Tanh, sum)
            }
            _ => self.scalar(2),
        }
    }

    fn state_leaf(&mut self, state: usize) -> Draft {
        let found = self.nodes.iter().position(|node| node.0 == Operator::State(state as u32));
        match found {
            Some(found) => found,
            None => self.push(Operator::State(state as u32), Vec::new()),
        }
    }

    /// The value of an output.
    fn output(&mut self, next: &[Draft], inputs: usize) -> Draft {
        match self.choose(16) {
            0..=4 => next[self.choose(next.len())],
            5 if inputs > 0 => {
                let input = self.choose(inputs);
                self.push(Operator::Input(input as u32), Vec::new())
            }
            6 => {
                let state = self.choose(next.len());
                self.state_leaf(state)
            }
            7 => {
                let shape = self.port_shape();
                self.constant(&shape)
            }
            8 => {
                let n = self.dimension();
                self.product(&n, 1)
            }
            9 => {
                let parts: Vec<Draft> = (0..2).map(|_| self.any_vector(1)).collect();
                self.push(Operator::Concatenate, parts)
            }
            10 => self.scalar(2),
            // A read-out of the new state.
            11..=12 => {
                let n = self.dimension();
                let state = next[self.choose(next.len())];
                match self.shape(state) {
                    Shape::Scalar => return state,
                    Shape::Matrix(_, columns) => {
                        let query = self.vector_value(&columns, 1);
                        return self.push(Operator::MatrixVector, vec![state, query]);
                    }
                    Shape::Vector(_) => {}
                }
                let columns = self.length(state);
                let matrix = self.matrix(&n, &columns);
                let product = self.push(Operator::MatrixVector, vec![matrix, state]);
                if self.once_in(2) { product } else { self.activation(product) }
            }
            13 => {
                let vector = self.any_vector(1);
                let length = self.length(vector);
                let start = self.dimension();
                let total = start.plus(&length);
                self.push(Operator::Pad { start, total }, vec![vector])
            }
            _ => {
                let n = self.dimension();
                self.vector(&n, 2)
            }
        }
    }

    fn cell(&mut self) -> Graph {
        let (inputs, states) = (self.choose(4), 1 + self.choose(5));
        for index in 0..inputs {
            let shape = self.port_shape();
            self.signature.inputs.push(Port { name: format!("x{index}"), shape });
        }
        for index in 0..states {
            let shape = self.port_shape();
            self.signature.states.push(Port { name: format!("h{index}"), shape });
        }
        for index in 0..inputs {
            if !self.once_in(8) {
                let leaf = self.push(Operator::Input(index as u32), Vec::new());
                self.values.push(leaf);
            }
        }
        for index in 0..states {
            if !self.once_in(8) {
                let leaf = self.state_leaf(index);
                self.values.push(leaf);
            }
        }
        for _ in 0..self.choose(9) {
            self.gate();
        }
        let mut next = Vec::new();
        for state in 0..states {
            let value = self.next_state(state, &next);
            next.push(value);
            self.values.push(value);
        }
        for _ in 0..self.choose(3) {
            self.gate();
        }
        let outputs: Vec<Draft> =
            (0..[1, 1, 1, 2, 2, 3, 0][self.choose(7)]).map(|_| self.output(&next, inputs)).collect();
        if self.once_in(6) {
            let n = self.dimension();
            self.parameter(Shape::Vector(n));
        }
        for (index, &output) in outputs.iter().enumerate() {
            let shape = self.shape(output);
            self.signature.outputs.push(Port { name: format!("y{index}"), shape });
        }
        let mut graph = Graph::new(self.signature.clone());
        let mut ids: Vec<NodeId> = Vec::new();
        for (operator, operands, _) in &self.nodes {
            let operands = operands.iter().map(|&operand| ids[operand]).collect();
            ids.push(graph.insert(operator.clone(), operands).expect("the draft keeps to the shape rules"));
        }
        for (index, &value) in (0_u32..).zip(&next) {
            graph.set_root(Root::NextState(index), ids[value]).expect("the next state has the state's shape");
        }
        for (index, &value) in (0_u32..).zip(&outputs) {
            graph.set_root(Root::Output(index), ids[value]).expect("the port has the output's shape");
        }
        graph.compact()
    }
}
