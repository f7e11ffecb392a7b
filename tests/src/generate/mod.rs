//! Random cells, as the graphs of one step.
//!
//! Every construct that the planner treats in a way of its own occurs: products of products, products that several sums
//! share, slices of wide products, joins, scalars for each sample, reductions, expressions of parameters, matrices that
//! vary in time as states and in passing, states that are passed through, outputs that are inputs or parameters, values
//! that need no state or that no state needs.
//!
//! # Invariants
//!
//! - The same seed gives the same cell.
//! - Values stay moderate: weights are small and states are mostly squashed, so that rounding stays rounding.

mod cell;
mod constant;
mod matrix;
mod value;
mod vector;

use gatewright_compiler::graph::{Graph, Signature};
use gatewright_compiler::operator::shape_rule::result_shape;
use gatewright_compiler::operator::{Binary, Operator, Unary};
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
}
