//! The cell: gates, then next states, then outputs, and their graph.

use gatewright_compiler::graph::{Graph, NodeId, Port, Root};
use gatewright_compiler::operator::{Binary, Operator, Unary};
use gatewright_compiler::shape::Shape;

use super::{Draft, Generator};

impl Generator {
    pub(super) fn gate(&mut self) {
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

    pub(super) fn next_state(&mut self, state: usize, earlier: &[Draft]) -> Draft {
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

    pub(super) fn state_leaf(&mut self, state: usize) -> Draft {
        let found = self.nodes.iter().position(|node| node.0 == Operator::State(state as u32));
        match found {
            Some(found) => found,
            None => self.push(Operator::State(state as u32), Vec::new()),
        }
    }

    /// The value of an output.
    pub(super) fn output(&mut self, next: &[Draft], inputs: usize) -> Draft {
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

    pub(super) fn cell(&mut self) -> Graph {
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
