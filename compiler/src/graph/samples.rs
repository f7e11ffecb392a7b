//! Cells for tests, written as equations over a graph, and a check of their gradients by central differences.

use super::interpret::{GradientArguments, SequenceArguments, SequenceResults, run_sequence};
use super::{Graph, NodeId, Port, Root, Signature};
use crate::operator::real::Real;
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, DimensionId, Shape};

/// The free dimension of this number.
pub(crate) fn free(index: u32) -> Dimension {
    Dimension::free(DimensionId(index))
}

/// A vector of this free dimension.
pub(crate) fn vector(index: u32) -> Shape {
    Shape::Vector(free(index))
}

/// Writes equations down; a mistake in a test's equations panics at the line that makes it.
pub(crate) struct Writer {
    pub(crate) graph: Graph,
}

impl Writer {
    pub(crate) fn new(dimensions: &[&str]) -> Self {
        let dimensions = dimensions.iter().map(|&name| name.to_owned()).collect();
        Self { graph: Graph::new(Signature { dimensions, ..Signature::default() }) }
    }

    fn port(ports: &mut Vec<Port>, name: &str, shape: Shape) -> u32 {
        ports.push(Port { name: name.to_owned(), shape });
        ports.len() as u32 - 1
    }

    pub(crate) fn input(&mut self, name: &str, shape: Shape) -> NodeId {
        let index = Self::port(&mut self.graph.signature.inputs, name, shape);
        self.apply(Operator::Input(index), &[])
    }

    pub(crate) fn state(&mut self, name: &str, shape: Shape) -> NodeId {
        let index = Self::port(&mut self.graph.signature.states, name, shape);
        self.apply(Operator::State(index), &[])
    }

    pub(crate) fn parameter(&mut self, name: &str, shape: Shape) -> NodeId {
        let index = Self::port(&mut self.graph.signature.parameters, name, shape);
        self.apply(Operator::Parameter(index), &[])
    }

    pub(crate) fn output(&mut self, name: &str, id: NodeId) {
        let shape = self.graph.shape(id).clone();
        let index = Self::port(&mut self.graph.signature.outputs, name, shape);
        self.graph.set_root(Root::Output(index), id).unwrap();
    }

    pub(crate) fn next(&mut self, state: u32, id: NodeId) {
        self.graph.set_root(Root::NextState(state), id).unwrap();
    }

    pub(crate) fn name(&mut self, name: &str, id: NodeId) -> NodeId {
        self.graph.label(id, name).unwrap();
        id
    }

    pub(crate) fn apply(&mut self, operator: Operator, operands: &[NodeId]) -> NodeId {
        self.graph.insert(operator, operands.to_vec()).unwrap()
    }

    pub(crate) fn number(&mut self, value: f64) -> NodeId {
        self.graph.constant(value).unwrap()
    }

    pub(crate) fn unary(&mut self, function: Unary, x: NodeId) -> NodeId {
        self.apply(Operator::Unary(function), &[x])
    }

    pub(crate) fn binary(&mut self, function: Binary, a: NodeId, b: NodeId) -> NodeId {
        self.apply(Operator::Binary(function), &[a, b])
    }

    pub(crate) fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Add, a, b)
    }

    pub(crate) fn subtract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Subtract, a, b)
    }

    pub(crate) fn multiply(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Multiply, a, b)
    }

    pub(crate) fn product(&mut self, matrix: NodeId, vector: NodeId) -> NodeId {
        self.apply(Operator::MatrixVector, &[matrix, vector])
    }

    pub(crate) fn concatenate(&mut self, parts: &[NodeId]) -> NodeId {
        self.apply(Operator::Concatenate, parts)
    }

    /// `1 - x`.
    pub(crate) fn rest(&mut self, x: NodeId) -> NodeId {
        let one = self.number(1.0);
        self.subtract(one, x)
    }

    /// `W [h, x] + b` with new parameters `W_name`, `b_name`.
    pub(crate) fn gate(&mut self, name: &str, operand: NodeId, rows: &Dimension) -> NodeId {
        let Shape::Vector(columns) = self.graph.shape(operand).clone() else { panic!("a vector") };
        let matrix = self.parameter(&format!("W_{name}"), Shape::Matrix(rows.clone(), columns));
        let bias = self.parameter(&format!("b_{name}"), Shape::Vector(rows.clone()));
        let product = self.product(matrix, operand);
        self.add(product, bias)
    }
}

/// `i, f, o = σ(W [h, x] + b)`, `g = tanh(W_g [h, x] + b_g)`, `c = f c + i g`, `h = o tanh(c)`; with `peephole` the
/// gates also read `w ⊙ c`.
pub(crate) fn lstm(peephole: bool) -> Graph {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let (h, c) = (w.state("h", vector(1)), w.state("c", vector(1)));
    let both = w.concatenate(&[h, x]);
    let gate = |w: &mut Writer, name: &str, function, cell: Option<NodeId>| {
        let mut sum = w.gate(name, both, &free(1));
        if let Some(cell) = cell {
            let weight = w.parameter(&format!("w_c{name}"), vector(1));
            let seen = w.multiply(weight, cell);
            sum = w.add(sum, seen);
        }
        let value = w.unary(function, sum);
        w.name(&format!("{name}_t"), value)
    };
    let i = gate(&mut w, "i", Unary::Sigmoid, peephole.then_some(c));
    let f = gate(&mut w, "f", Unary::Sigmoid, peephole.then_some(c));
    let g = gate(&mut w, "g", Unary::Tanh, None);
    let (kept, added) = (w.multiply(f, c), w.multiply(i, g));
    let next_c = w.add(kept, added);
    let next_c = w.name("c_t", next_c);
    let o = gate(&mut w, "o", Unary::Sigmoid, peephole.then_some(next_c));
    let squashed = w.unary(Unary::Tanh, next_c);
    let next_h = w.multiply(o, squashed);
    let next_h = w.name("h_t", next_h);
    w.next(0, next_h);
    w.next(1, next_c);
    w.output("h", next_h);
    w.graph
}

/// `z, r = σ(W [h, x] + b)`, `n = tanh(W_n [r h, x] + b_n)` or `tanh(W_n x + r (U_n h) + b_n)`, `h = (1 - z) n + z h`.
pub(crate) fn gru(reset_after: bool) -> Graph {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let h = w.state("h", vector(1));
    let both = w.concatenate(&[h, x]);
    let z = w.gate("z", both, &free(1));
    let z = w.unary(Unary::Sigmoid, z);
    let z = w.name("z_t", z);
    let r = w.gate("r", both, &free(1));
    let r = w.unary(Unary::Sigmoid, r);
    let r = w.name("r_t", r);
    let sum = if reset_after {
        let fresh = w.gate("n", x, &free(1));
        let recurrent = w.parameter("U_n", Shape::Matrix(free(1), free(1)));
        let product = w.product(recurrent, h);
        let reset = w.multiply(r, product);
        w.add(fresh, reset)
    } else {
        let reset = w.multiply(r, h);
        let both = w.concatenate(&[reset, x]);
        w.gate("n", both, &free(1))
    };
    let n = w.unary(Unary::Tanh, sum);
    let n = w.name("n_t", n);
    let rest = w.rest(z);
    let (fresh, kept) = (w.multiply(rest, n), w.multiply(z, h));
    let next = w.add(fresh, kept);
    let next = w.name("h_t", next);
    w.next(0, next);
    w.output("h", next);
    w.graph
}

/// `a = W h + U x`, `h = tanh(gain (a - mean(a)) / sqrt(variance(a) + 1e-5) + bias)`.
pub(crate) fn layer_norm() -> Graph {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let h = w.state("h", vector(1));
    let matrix = w.parameter("W", Shape::Matrix(free(1), free(1)));
    let a = w.product(matrix, h);
    let fresh = w.gate("x", x, &free(1));
    let a = w.add(a, fresh);
    let one = w.number(1.0);
    let ones = w.apply(Operator::Broadcast(free(1)), &[one]);
    let count = w.apply(Operator::Sum, &[ones]);
    let sum = w.apply(Operator::Sum, &[a]);
    let mean = w.binary(Binary::Divide, sum, count);
    let centred = w.subtract(a, mean);
    let squares = w.multiply(centred, centred);
    let sum = w.apply(Operator::Sum, &[squares]);
    let variance = w.binary(Binary::Divide, sum, count);
    let epsilon = w.number(1e-5);
    let guarded = w.add(variance, epsilon);
    let deviation = w.unary(Unary::SquareRoot, guarded);
    let normal = w.binary(Binary::Divide, centred, deviation);
    let gain = w.parameter("gain", vector(1));
    let scaled = w.multiply(gain, normal);
    let next = w.unary(Unary::Tanh, scaled);
    w.next(0, next);
    w.output("h", next);
    w.graph
}

/// A matrix memory: `k, q = W x`, `v = V x`, `f = σ(w · x)`, `C = f C + v k^T`, `h = C q`, with the recurrent weights of
/// `y = tanh((A - A^T - γ I) h)`.
pub(crate) fn matrix_memory() -> Graph {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let memory = w.state("C", Shape::Matrix(free(1), free(0)));
    let key = w.gate("k", x, &free(0));
    let query = w.gate("q", x, &free(0));
    let value = w.gate("v", x, &free(1));
    let weight = w.parameter("w_f", vector(0));
    let weighted = w.multiply(weight, x);
    let forget = w.apply(Operator::Sum, &[weighted]);
    let forget = w.unary(Unary::Sigmoid, forget);
    let kept = w.multiply(forget, memory);
    let added = w.apply(Operator::Outer, &[value, key]);
    let next = w.add(kept, added);
    let h = w.product(next, query);
    let a = w.parameter("A", Shape::Matrix(free(1), free(1)));
    let gamma = w.parameter("gamma", Shape::Scalar);
    let transposed = w.apply(Operator::Transpose, &[a]);
    let antisymmetric = w.subtract(a, transposed);
    let identity = w.apply(Operator::Identity(free(1)), &[]);
    let damping = w.multiply(gamma, identity);
    let transition = w.subtract(antisymmetric, damping);
    let y = w.product(transition, h);
    let y = w.unary(Unary::Tanh, y);
    w.next(0, next);
    w.output("y", y);
    w.graph
}

/// One step of everything else: each operator that the cells above do not use, on vectors, scalars and matrices.
pub(crate) fn every_operator() -> Graph {
    let mut w = Writer::new(&["x", "h"]);
    let x = w.input("x", vector(0));
    let s = w.state("s", vector(0));
    let scale = w.parameter("scale", Shape::Scalar);
    let shift = w.parameter("shift", vector(0));
    let a = w.parameter("A", Shape::Matrix(free(0), free(1)));
    let b = w.parameter("B", Shape::Matrix(free(1), free(0).plus(&free(0))));
    let mut sum = s;
    for function in Unary::ALL {
        // Where a domain ends at zero the argument is kept above it.
        let argument = if matches!(function, Unary::SquareRoot | Unary::Logarithm) {
            let square = w.multiply(x, x);
            w.add(square, scale)
        } else {
            w.add(x, shift)
        };
        let value = w.unary(function, argument);
        let value = w.multiply(value, scale);
        sum = w.add(sum, value);
    }
    for function in Binary::ALL {
        let (left, right) = (w.binary(function, x, s), w.binary(function, scale, sum));
        let both = w.multiply(left, right);
        sum = w.unary(Unary::Tanh, both);
    }
    for function in Ternary::ALL {
        let first = w.apply(Operator::Ternary(function), &[x, sum, scale]);
        let second = w.apply(Operator::Ternary(function), &[scale, first, shift]);
        let third = w.apply(Operator::Ternary(function), &[first, scale, second]);
        sum = w.unary(Unary::Sine, third);
    }
    let wide = w.apply(Operator::MatrixMatrix, &[a, b]);
    let right = w.apply(Operator::SliceColumns { start: free(0), length: free(0) }, &[wide]);
    let padded = w.apply(
        Operator::PadColumns { start: Dimension::constant(1), total: free(0).plus(&Dimension::constant(2)) },
        &[right],
    );
    let part = w.apply(Operator::SliceColumns { start: Dimension::constant(1), length: free(0) }, &[padded]);
    let turned = w.apply(Operator::Transpose, &[part]);
    let moved = w.product(turned, sum);
    let both = w.concatenate(&[moved, x, sum]);
    let slice = w.apply(Operator::Slice { start: free(0), length: free(0).plus(&free(0)) }, &[both]);
    let pad = w.apply(
        Operator::Pad {
            start: Dimension::constant(1),
            total: free(0).times(2).plus(&Dimension::constant(1)),
        },
        &[slice],
    );
    let back = w.apply(Operator::Slice { start: Dimension::constant(1), length: free(0) }, &[pad]);
    let largest = w.apply(Operator::MaximumElement, &[back]);
    let summed = w.apply(Operator::CumulativeSum { reverse: false }, &[back]);
    let back = w.apply(Operator::CumulativeSum { reverse: true }, &[summed]);
    let outer = w.apply(Operator::Outer, &[back, x]);
    let outer_sum = w.apply(Operator::Sum, &[outer]);
    let mixed = w.multiply(largest, outer_sum);
    let spread = w.apply(Operator::Broadcast(free(0)), &[mixed]);
    let spread_matrix = w.apply(Operator::BroadcastMatrix(free(0), free(0)), &[scale]);
    let squared = w.apply(Operator::MatrixMatrix, &[outer, spread_matrix]);
    let turned = w.apply(Operator::Transpose, &[squared]);
    let last = w.product(turned, spread);
    let rows = w.apply(Operator::RowMaximum, &[turned]);
    let last = w.add(last, rows);
    let end = w.unary(Unary::Tanh, last);
    let next = w.add(end, moved);
    w.next(0, next);
    w.output("y", end);
    w.graph
}

/// Every sample with its name.
pub(crate) fn all() -> Vec<(&'static str, Graph)> {
    vec![
        ("lstm", lstm(false)),
        ("peephole", lstm(true)),
        ("gru", gru(false)),
        ("gru_reset_after", gru(true)),
        ("layer_norm", layer_norm()),
        ("matrix_memory", matrix_memory()),
        ("every_operator", every_operator()),
    ]
}

/// Cells whose steps are solved by iteration: name and equations.
pub(crate) const SOLVED: [(&str, &str); 7] = [
    // The peephole of the new state: the loop through a product with a matrix.
    (
        "lstm",
        "f_t = sigmoid(W_f x_t + U_f h_{t-1})\no_t = sigmoid(W_o x_t + 0.25 * V h_t + b_o)\n\
         c_t = f_t * c_{t-1} + (1 - f_t) * tanh(W x_t + U h_{t-1})\nh_t = o_t * tanh(c_t)",
    ),
    // A loop of one.
    ("implicit", "h_t = tanh(W x_t + 0.2 * U h_t + 0.5 * h_{t-1})"),
    // Two loops, one of which feeds the other; the output is a projection.
    (
        "two_loops",
        "a_t = 0.25 * tanh(A b_t + W x_t)\nb_t = sigmoid(B a_t + h_{t-1})\n\
         h_t = 0.5 * tanh(C r_t + b_t) + 0.25 * a_t\nr_t = 0.3 * sigmoid(D h_t + V x_t) * r_{t-1}\ny_t = P h_t",
    ),
    // Several names on one loop, none of them a state, through a reduction and a concatenation.
    (
        "long_loop",
        "p_t = tanh(W x_t + 0.1 * Q [s_t, h_{t-1}])\nq_t = p_t * sigmoid(h_{t-1})\ns_t = softmax(q_t - r_t)\n\
         r_t = 0.2 * mean(s_t) * q_t\nh_t = q_t + 0.5 * s_t",
    ),
    // Two values that need each other and themselves: two unknowns of one loop.
    (
        "entangled",
        "u_t = 0.3 * tanh(A v_t - B u_t + W x_t)\nv_t = 0.3 * sin(C u_t + v_t) + 0.5 * v_{t-1}\nh_t = u_t * v_t",
    ),
    // A parameter expression, a scalar unknown, a quotient.
    (
        "scalar",
        "A = W - 0.1 * V\ns_t = 0.2 * sum(tanh(A x_t)) / (2 + s_t * s_t) + 0.1 * mean(h_{t-1})\n\
         h_t = s_t * tanh(U h_{t-1} + A x_t)",
    ),
    // The loop is only in what nothing reads, and would not converge.
    ("unread", "h_t = tanh(W x_t + U h_{t-1})\nz_t = 3 * z_t + x_t\ny_t = h_t"),
];

/// The graph of a cell of [`SOLVED`].
pub(crate) fn solved(text: &str) -> Graph {
    let options =
        crate::resolve::Options { cycle: crate::resolve::CyclePolicy::FixedPoint, ..Default::default() };
    let cell = crate::passes::read(text, crate::source::Syntax::Text, None, &options);
    super::lower(&cell.unwrap_or_else(|found| panic!("{text}: {found:?}"))).unwrap()
}

/// Numbers in (-1, 1) that look random and are the same everywhere.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64) / ((1_u64 << 52) as f64) - 1.0
    }

    fn array<T: Real>(&mut self, length: usize) -> Vec<T> {
        (0..length).map(|_| T::from_f64(self.next())).collect()
    }
}

/// Arrays to run a graph with.
#[derive(Clone)]
pub(crate) struct Arrays<T> {
    pub(crate) inputs: Vec<Vec<T>>,
    pub(crate) states: Vec<Vec<T>>,
    pub(crate) parameters: Vec<Vec<T>>,
    pub(crate) output_gradients: Vec<Vec<T>>,
    pub(crate) final_gradients: Vec<Vec<T>>,
}

fn slices<T>(arrays: &[Vec<T>]) -> Vec<&[T]> {
    arrays.iter().map(Vec::as_slice).collect()
}

impl<T: Real> Arrays<T> {
    pub(crate) fn new(graph: &Graph, sizes: &[usize], steps: usize, batch: usize) -> Self {
        let mut numbers = Numbers(7);
        let mut arrays = |ports: &[Port], count: usize| -> Vec<Vec<T>> {
            let length = |port: &Port| port.shape.sizes(sizes).unwrap().iter().product::<usize>() * count;
            ports.iter().map(|port| numbers.array(length(port))).collect()
        };
        let signature = graph.signature();
        Self {
            inputs: arrays(&signature.inputs, steps * batch),
            states: arrays(&signature.states, batch),
            parameters: arrays(&signature.parameters, 1),
            output_gradients: arrays(&signature.outputs, steps * batch),
            final_gradients: arrays(&signature.states, batch),
        }
    }

    pub(crate) fn run(
        &self,
        graph: &Graph,
        sizes: &[usize],
        steps: usize,
        batch: usize,
    ) -> SequenceResults<T> {
        let gradients = graph.has_gradients().then(|| GradientArguments {
            outputs: slices(&self.output_gradients),
            final_states: slices(&self.final_gradients),
        });
        let arguments = SequenceArguments {
            inputs: slices(&self.inputs),
            initial_states: slices(&self.states),
            parameters: slices(&self.parameters),
            gradients,
        };
        run_sequence(graph, sizes, &arguments, steps, batch).unwrap()
    }

    /// The loss whose gradients by outputs and final states these arrays hold.
    fn loss(&self, results: &SequenceResults<T>) -> f64 {
        let dot = |gradients: &[Vec<T>], values: &[Vec<T>]| -> f64 {
            let pairs = gradients.iter().flatten().zip(values.iter().flatten());
            pairs.map(|(gradient, value)| gradient.to_f64() * value.to_f64()).sum()
        };
        dot(&self.output_gradients, &results.outputs) + dot(&self.final_gradients, &results.final_states)
    }
}

/// Compares the derived gradients of a differentiated graph with central differences of `forward`, entry by entry.
pub(crate) fn check_gradients(name: &str, forward: &Graph, gradient: &Graph) {
    let (sizes, steps, batch) = ([3, 2, 4, 2, 3], 4, 3);
    let sizes = &sizes[..forward.signature().dimensions.len()];
    let arrays = Arrays::<f64>::new(forward, sizes, steps, batch);
    let derived = arrays.run(gradient, sizes, steps, batch).gradients.unwrap();
    type Group = fn(&mut Arrays<f64>) -> &mut Vec<Vec<f64>>;
    let groups: [(&str, Group, &Vec<Vec<f64>>); 3] = [
        ("input", |arrays| &mut arrays.inputs, &derived.inputs),
        ("state", |arrays| &mut arrays.states, &derived.initial_states),
        ("parameter", |arrays| &mut arrays.parameters, &derived.parameters),
    ];
    for (kind, group, derived) in groups {
        for (array, gradient) in derived.iter().enumerate() {
            for (entry, &gradient) in gradient.iter().enumerate() {
                let at = |offset: f64| {
                    let mut moved = arrays.clone();
                    group(&mut moved)[array][entry] += offset;
                    arrays.loss(&moved.run(forward, sizes, steps, batch))
                };
                let step = 1e-5;
                let difference = (at(step) - at(-step)) / (2.0 * step);
                assert!(
                    (difference - gradient).abs() <= 1e-6 * (1.0 + gradient.abs()),
                    "{name}: {kind} {array}[{entry}]: derived {gradient}, difference {difference}"
                );
            }
        }
    }
}
