//! Values of nodes: what each operator gives for one sample, and an evaluation of some nodes that keeps its memory.

use super::interpret::InterpretError;
use super::{Graph, Node, NodeId};
use crate::limits;
use crate::operator::Operator;
use crate::operator::evaluate::{
    cumulative_sum, evaluate_binary, evaluate_ternary, evaluate_unary, maximum_element, sum,
};
use crate::operator::real::Real;
use crate::shape::{Dimension, Shape};

/// Nodes of a graph evaluated for one sample of one step, again and again: expressions of parameters, and what totals make
/// of them. Its memory is made once.
#[derive(Clone, Debug)]
pub struct Evaluation<T> {
    /// The nodes that are computed or given, operands first.
    order: Vec<NodeId>,
    /// For each node of the graph its value; empty for those that nothing asks for.
    values: Vec<Vec<T>>,
}

impl<T: Real> Evaluation<T> {
    /// Of the wanted nodes and all that they are computed from; nodes that will be `given` are not computed.
    ///
    /// # Errors
    ///
    /// Where sizes do not fit the graph, or there is no memory.
    pub fn new(
        graph: &Graph,
        sizes: &[usize],
        wanted: &[NodeId],
        given: impl Fn(NodeId) -> bool,
    ) -> Result<Self, InterpretError> {
        let lengths = Sized { graph, sizes }.lengths()?;
        let mut needed = vec![false; graph.len()];
        for id in wanted {
            needed[id.0 as usize] = true;
        }
        for (id, node) in graph.iter().rev() {
            if needed[id.0 as usize] && !given(id) {
                for operand in &node.operands {
                    needed[operand.0 as usize] = true;
                }
            }
        }
        let order: Vec<NodeId> = graph.iter().map(|(id, _)| id).filter(|id| needed[id.0 as usize]).collect();
        let mut values = vec![Vec::new(); graph.len()];
        for id in &order {
            values[id.0 as usize] = zeros(lengths[id.0 as usize], 1)?;
        }
        Ok(Self { order, values })
    }

    /// Evaluates, with a value for each leaf and each given node. A total that is not given is that of one sample of one
    /// step.
    ///
    /// # Errors
    ///
    /// Where a value has the wrong length, or a leaf has none.
    pub fn run<'v>(
        &mut self,
        graph: &Graph,
        sizes: &[usize],
        value: impl Fn(NodeId, &Operator) -> Option<&'v [T]>,
    ) -> Result<(), InterpretError> {
        let sized = Sized { graph, sizes };
        for &id in &self.order {
            let node = graph.node(id);
            let mut out = std::mem::take(&mut self.values[id.0 as usize]);
            let outcome = match (value(id, &node.operator), &node.operator) {
                (Some(value), _) if value.len() == out.len() => {
                    out.copy_from_slice(value);
                    Ok(())
                }
                (Some(value), _) => Err(InterpretError::ArrayLength {
                    what: "value",
                    name: format!("%{}", id.0),
                    expected: out.len(),
                    found: value.len(),
                }),
                (None, Operator::Total) => {
                    let term = &self.values[node.operands[0].0 as usize];
                    out.iter_mut().zip(term).for_each(|(out, &term)| *out = T::ZERO + term);
                    Ok(())
                }
                (None, leaf) if leaf.port().is_some() => Err(InterpretError::MissingTotal { node: id }),
                _ if out.is_empty() => Ok(()),
                _ => {
                    out.fill(T::ZERO);
                    let operand =
                        |position: usize| -> &[T] { &self.values[node.operands[position].0 as usize] };
                    sized.evaluate(node, operand, &mut out)
                }
            };
            self.values[id.0 as usize] = out;
            outcome?;
        }
        Ok(())
    }

    /// The value of a wanted node, as last evaluated.
    #[must_use]
    pub fn value(&self, id: NodeId) -> &[T] {
        &self.values[id.0 as usize]
    }
}

pub(super) fn zeros<T: Real>(length: usize, count: usize) -> Result<Vec<T>, InterpretError> {
    let elements = length.checked_mul(count).ok_or(InterpretError::SizeOverflow)?;
    let mut result = Vec::new();
    result.try_reserve_exact(elements).map_err(|_| InterpretError::OutOfMemory { elements })?;
    result.resize(elements, T::ZERO);
    Ok(result)
}

/// Elements of a shape, each axis within the limit.
pub(super) fn element_count(shape: &Shape, sizes: &[usize]) -> Result<usize, InterpretError> {
    let axes = shape.sizes(sizes).ok_or(InterpretError::SizeOverflow)?;
    axes.iter().try_fold(1_usize, |product, &axis| {
        if axis > limits::MAXIMUM_DIMENSION {
            return Err(InterpretError::SizeOverflow);
        }
        product.checked_mul(axis).ok_or(InterpretError::SizeOverflow)
    })
}

/// A graph with the sizes of its free dimensions.
#[derive(Clone, Copy)]
pub(super) struct Sized<'a> {
    pub(super) graph: &'a Graph,
    pub(super) sizes: &'a [usize],
}

impl Sized<'_> {
    /// For each node the number of elements for one sample.
    pub(super) fn lengths(self) -> Result<Vec<usize>, InterpretError> {
        let (dimensions, found) = (self.graph.signature().dimensions.len(), self.sizes.len());
        if found != dimensions {
            return Err(InterpretError::SizeCount { expected: dimensions, found });
        }
        self.graph.nodes().iter().map(|node| element_count(&node.shape, self.sizes)).collect()
    }

    /// A size that the shape rule has seen: within the limits where the shapes are.
    fn size(self, dimension: &Dimension) -> Result<usize, InterpretError> {
        dimension.size(self.sizes).ok_or(InterpretError::SizeOverflow)
    }

    /// Rows and columns of a matrix, rows and 1 of a vector.
    fn matrix_sizes(self, id: NodeId) -> Result<(usize, usize), InterpretError> {
        match self.graph.shape(id) {
            Shape::Scalar => Ok((1, 1)),
            Shape::Vector(n) => Ok((self.size(n)?, 1)),
            Shape::Matrix(rows, columns) => Ok((self.size(rows)?, self.size(columns)?)),
        }
    }

    /// One sample of a node that is neither a leaf with a port nor a `Total`, from those of its operands. `out` holds zeros
    /// and is not empty.
    pub(super) fn evaluate<'v, T: Real>(
        self,
        node: &Node,
        operand: impl Fn(usize) -> &'v [T],
        out: &mut [T],
    ) -> Result<(), InterpretError> {
        // How far element `j + 1` of an operand is from element `j`: a scalar broadcasts.
        let stride = |position: usize| {
            usize::from(node.operands.get(position).is_some_and(|&id| *self.graph.shape(id) != Shape::Scalar))
        };
        match &node.operator {
            Operator::Constant(bits) => out[0] = T::from_f64(f64::from_bits(*bits)),
            Operator::Identity(n) => {
                let n = self.size(n)?;
                for diagonal in 0..n {
                    out[diagonal * n + diagonal] = T::ONE;
                }
            }
            Operator::Unary(function) => {
                for (out, &x) in out.iter_mut().zip(operand(0)) {
                    *out = evaluate_unary(*function, x);
                }
            }
            Operator::Binary(function) => {
                let (a, b) = (stride(0), stride(1));
                for (j, out) in out.iter_mut().enumerate() {
                    *out = evaluate_binary(*function, operand(0)[j * a], operand(1)[j * b]);
                }
            }
            Operator::Ternary(function) => {
                let (a, b, c) = (stride(0), stride(1), stride(2));
                for (j, out) in out.iter_mut().enumerate() {
                    *out =
                        evaluate_ternary(*function, operand(0)[j * a], operand(1)[j * b], operand(2)[j * c]);
                }
            }
            Operator::MatrixVector | Operator::MatrixMatrix => {
                let (_, inner) = self.matrix_sizes(node.operands[0])?;
                let (_, columns) = self.matrix_sizes(node.operands[1])?;
                for (index, out) in out.iter_mut().enumerate() {
                    let (i, j) = (index / columns, index % columns);
                    for k in 0..inner {
                        *out = operand(0)[i * inner + k].mul_add(operand(1)[k * columns + j], *out);
                    }
                }
            }
            Operator::Outer => {
                for (out, &u) in out.chunks_exact_mut(operand(1).len()).zip(operand(0)) {
                    for (out, &v) in out.iter_mut().zip(operand(1)) {
                        *out = u * v;
                    }
                }
            }
            Operator::Transpose => {
                let (from_rows, from_columns) = self.matrix_sizes(node.operands[0])?;
                for (index, out) in out.iter_mut().enumerate() {
                    *out = operand(0)[(index % from_rows) * from_columns + index / from_rows];
                }
            }
            Operator::Concatenate => {
                for (out, &x) in out.iter_mut().zip((0..node.operands.len()).flat_map(&operand)) {
                    *out = x;
                }
            }
            Operator::Slice { start, .. } => {
                let start = self.size(start)?;
                out.copy_from_slice(&operand(0)[start..start + out.len()]);
            }
            Operator::Pad { start, .. } => {
                let start = self.size(start)?;
                out[start..start + operand(0).len()].copy_from_slice(operand(0));
            }
            Operator::SliceColumns { start, length } => {
                let (start, length) = (self.size(start)?, self.size(length)?);
                let (_, columns) = self.matrix_sizes(node.operands[0])?;
                for (out, row) in out.chunks_exact_mut(length).zip(operand(0).chunks_exact(columns)) {
                    out.copy_from_slice(&row[start..start + length]);
                }
            }
            Operator::PadColumns { start, total } => {
                let (start, total) = (self.size(start)?, self.size(total)?);
                let (_, columns) = self.matrix_sizes(node.operands[0])?;
                if columns != 0 {
                    for (out, row) in out.chunks_exact_mut(total).zip(operand(0).chunks_exact(columns)) {
                        out[start..start + columns].copy_from_slice(row);
                    }
                }
            }
            Operator::Sum => out[0] = sum(operand(0).iter().copied()),
            Operator::RowMaximum => {
                let (_, columns) = self.matrix_sizes(node.operands[0])?;
                for (i, out) in out.iter_mut().enumerate() {
                    *out = maximum_element(operand(0)[i * columns..(i + 1) * columns].iter().copied());
                }
            }
            Operator::MaximumElement => out[0] = maximum_element(operand(0).iter().copied()),
            Operator::CumulativeSum { reverse } => cumulative_sum(operand(0), *reverse, out),
            Operator::Broadcast(_) | Operator::BroadcastMatrix(..) => out.fill(operand(0)[0]),
            Operator::Input(_)
            | Operator::State(_)
            | Operator::Unknown(_)
            | Operator::Parameter(_)
            | Operator::OutputGradient(_)
            | Operator::StateGradient(_)
            | Operator::SolutionGradient(_)
            | Operator::Total => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Evaluation;
    use crate::graph::interpret::InterpretError;
    use crate::graph::{Graph, Root, lower};
    use crate::operator::Operator;
    use crate::resolve::Options;
    use crate::source::Syntax;

    fn graph() -> Graph {
        let text = "v = softmax(a) * cumsum(a) + relu(B a)\nh_t = tanh(v * x_t + h_{t-1})\nh_0 = v";
        let cell = crate::passes::read(text, Syntax::Text, None, &Options::default()).expect("a cell");
        lower(&cell).expect("a graph")
    }

    #[test]
    fn an_evaluation_depends_on_what_it_is_given_and_not_on_what_it_was() {
        let graph = graph();
        let wanted = [graph.root(Root::InitialState(0)).expect("declared")];
        let mut evaluation = Evaluation::<f64>::new(&graph, &[3], &wanted, |_| false).expect("fits");
        let mut found = Vec::new();
        for scale in [1.0, -2.0, 1.0] {
            let vector = [0.5 * scale, 0.25, -1.0];
            let matrix = [1.0, 0.0, 2.0, 0.0, 1.0, scale, 0.0, 0.0, 1.0];
            let value = |_, operator: &Operator| match operator {
                Operator::Parameter(index) => {
                    let name = graph.signature().parameters[*index as usize].name.as_str();
                    Some(if name == "a" { &vector[..] } else { &matrix[..] })
                }
                _ => None,
            };
            evaluation.run(&graph, &[3], value).expect("runs");
            found.push(evaluation.value(wanted[0]).to_vec());
        }
        assert_eq!(found[0], found[2]);
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn what_is_not_known_before_a_step_is_refused() {
        let graph = graph();
        let wanted = [graph.root(Root::NextState(0)).expect("a state")];
        let mut evaluation = Evaluation::<f32>::new(&graph, &[3], &wanted, |_| false).expect("fits");
        let numbers = [0.5; 9];
        let parameters = |_, operator: &Operator| match operator {
            Operator::Parameter(index) => {
                let name = graph.signature().parameters[*index as usize].name.as_str();
                Some(if name == "a" { &numbers[..3] } else { &numbers[..] })
            }
            _ => None,
        };
        let error = evaluation.run(&graph, &[3], parameters).expect_err("no input");
        assert!(matches!(error, InterpretError::MissingTotal { .. }), "{error}");
        let short =
            |_, operator: &Operator| matches!(operator, Operator::Parameter(_)).then_some(&numbers[..2]);
        let error = evaluation.run(&graph, &[3], short).expect_err("too short");
        assert!(matches!(error, InterpretError::ArrayLength { found: 2, .. }), "{error}");
        let error = Evaluation::<f32>::new(&graph, &[], &wanted, |_| false).expect_err("no sizes");
        assert!(matches!(error, InterpretError::SizeCount { .. }), "{error}");
    }
}
