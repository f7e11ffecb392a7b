//! Gradients by parameters: from totals in the graph to outer products and sums over all rows.
//!
//! The gradient by a matrix is `Σ_{t,b} δ v^T`: one product of `δ^T` with `v` over all T·B rows, after the loop. The
//! gradient by a vector is `Σ_{t,b} δ`. Whatever is not a plain sum of such terms is an expression of totals, computed
//! once at the end. A matrix that is met whole at each step (`A ⊙ S_t`) has such sums of matrices.

use std::collections::HashSet;

use super::flow::{Flow, FlowId, size_of};
use super::{MatrixStrides, Place, PlanError};
use crate::graph::{Graph, NodeId, Phase, Root};
use crate::operator::{Binary, Operator};
use crate::shape::Shape;

/// One contribution to a total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientTerm {
    /// `total[row + i, column + j] += Σ_rows left[i] · right[j]`.
    Outer {
        /// The factor whose elements number rows.
        left: Place,
        /// Elements of `left`.
        rows: usize,
        /// The factor whose elements number columns.
        right: Place,
        /// Elements of `right`.
        columns: usize,
        /// First row.
        row: usize,
        /// First column.
        column: usize,
        /// Columns of the total: elements from row to row.
        row_stride: usize,
    },
    /// `total[into] += ` what the loops summed into the `Totals` buffer, row by row.
    Sum {
        /// First element in the `Totals` buffer.
        column: usize,
        /// Where the elements go in the total; a vector is one row.
        into: MatrixStrides,
    },
}

/// How the gradient by one parameter comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterGradient<Term = GradientTerm> {
    /// A sum of terms; zero where there are none.
    Terms(Vec<Term>),
    /// A node of the graph that is computed from totals (and parameters) once all of them are known.
    Expression {
        /// The node.
        root: NodeId,
        /// The totals it needs: node, elements, terms.
        totals: Vec<(NodeId, usize, Vec<Term>)>,
    },
}

impl<Term> ParameterGradient<Term> {
    /// All terms.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        let (direct, totals) = match self {
            Self::Terms(terms) => (Some(terms), None),
            Self::Expression { totals, .. } => (None, Some(totals)),
        };
        direct.into_iter().flatten().chain(totals.into_iter().flatten().flat_map(|total| &total.2))
    }

    /// The same of other terms.
    pub(super) fn try_map<Other, E>(
        &self,
        term: impl Fn(&Term) -> Result<Other, E>,
    ) -> Result<ParameterGradient<Other>, E> {
        let all = |terms: &[Term]| terms.iter().map(&term).collect::<Result<Vec<_>, E>>();
        Ok(match self {
            Self::Terms(terms) => ParameterGradient::Terms(all(terms)?),
            Self::Expression { root, totals } => {
                let totals = totals.iter().map(|(node, elements, terms)| Ok((*node, *elements, all(terms)?)));
                ParameterGradient::Expression { root: *root, totals: totals.collect::<Result<_, E>>()? }
            }
        })
    }
}

/// A term before its factors have places.
#[derive(Clone, Copy, Debug)]
pub(super) enum RawTerm {
    Outer { left: FlowId, right: FlowId, row: usize, column: usize, row_stride: usize },
    Sum { value: FlowId, into: MatrixStrides },
}

/// A parameter gradient before its factors have places.
pub(super) type RawGradient = ParameterGradient<RawTerm>;

/// The gradients by all parameters; empty for a graph without gradients.
pub(super) fn collect(graph: &Graph, flow: &mut Flow) -> Result<Vec<RawGradient>, PlanError> {
    let mut gradients = Vec::new();
    let read = flow.read_back();
    for gradient in taken_apart(graph, &flow.sizes)? {
        gradients.push(match gradient {
            Gradient::Parts(parts) => RawGradient::Terms(terms(graph, flow, &read, &parts)?),
            Gradient::Expression { root, totals } => {
                let mut raw = Vec::new();
                for (id, parts) in totals {
                    let elements = graph
                        .shape(id)
                        .sizes(&flow.sizes)
                        .and_then(|axes| {
                            axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis))
                        })
                        .ok_or_else(|| PlanError::Size { name: super::flow::name_of(graph, id) })?;
                    raw.push((id, elements, terms(graph, flow, &read, &parts)?));
                }
                RawGradient::Expression { root, totals: raw }
            }
        });
    }
    Ok(gradients)
}

/// The per-step values that the gradients by all parameters are made of.
pub(super) fn read(graph: &Graph, sizes: &[usize]) -> Result<Vec<NodeId>, PlanError> {
    let mut read = Vec::new();
    for gradient in taken_apart(graph, sizes)? {
        let parts = match gradient {
            Gradient::Parts(parts) => vec![parts],
            Gradient::Expression { totals, .. } => totals.into_iter().map(|total| total.1).collect(),
        };
        for part in parts.into_iter().flatten() {
            match part {
                Part::Outer { left, right, .. } => read.extend([left, right]),
                Part::Sum { value, .. } => read.push(value),
            }
        }
    }
    Ok(read)
}

/// A term as nodes of the graph.
#[derive(Clone, Copy, Debug)]
enum Part {
    Outer { left: NodeId, right: NodeId, row: usize, column: usize, row_stride: usize },
    Sum { value: NodeId, at: Visit, row_stride: usize },
}

/// The gradient by a parameter as nodes of the graph.
enum Gradient {
    Parts(Vec<Part>),
    Expression { root: NodeId, totals: Vec<(NodeId, Vec<Part>)> },
}

fn taken_apart(graph: &Graph, sizes: &[usize]) -> Result<Vec<Gradient>, PlanError> {
    if !graph.has_gradients() {
        return Ok(Vec::new());
    }
    let outer = end_in_outer(graph);
    let mut gradients = Vec::new();
    for parameter in 0..graph.signature().parameters.len() as u32 {
        let root = graph.root(Root::ParameterGradient(parameter)).ok_or_else(|| {
            PlanError::Internal("the graph has no root for a parameter's gradient".to_owned())
        })?;
        gradients.push(match parts(graph, &outer, sizes, root)? {
            Some(parts) => Gradient::Parts(parts),
            None => Gradient::Expression { root, totals: totals(graph, &outer, sizes, root)? },
        });
    }
    Ok(gradients)
}

/// The totals under `root`, each as a sum of terms.
fn totals(
    graph: &Graph,
    outer: &[bool],
    sizes: &[usize],
    root: NodeId,
) -> Result<Vec<(NodeId, Vec<Part>)>, PlanError> {
    let mut totals = Vec::new();
    let mut seen = vec![false; graph.len()];
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        if std::mem::replace(&mut seen[id.0 as usize], true) || graph.phase(id) != Phase::After {
            continue;
        }
        if *graph.operator(id) != Operator::Total {
            waiting.extend(graph.operands(id));
            continue;
        }
        let Some(parts) = parts(graph, outer, sizes, id)? else {
            return Err(PlanError::Internal("a total is no sum of terms".to_owned()));
        };
        totals.push((id, parts));
    }
    Ok(totals)
}

/// A place in the walk of [`parts`]: a node, and where its element (0, 0) lies in the root.
#[derive(Clone, Copy, Debug)]
struct Visit {
    node: NodeId,
    row: usize,
    column: usize,
    transposed: bool,
    /// Below a `Total`: a per-step value.
    summed: bool,
}

/// `root` as a sum of terms, `None` where it is none. A total always is.
fn parts(
    graph: &Graph,
    outer: &[bool],
    sizes: &[usize],
    root: NodeId,
) -> Result<Option<Vec<Part>>, PlanError> {
    let row_stride = match graph.shape(root) {
        Shape::Matrix(_, columns) => size_of(columns, sizes, "a parameter")?,
        _ => 0,
    };
    let mut found = Vec::new();
    let mut waiting = vec![Visit { node: root, row: 0, column: 0, transposed: false, summed: false }];
    while let Some(at) = waiting.pop() {
        if graph.is_zero(at.node) {
            continue;
        }
        let operands = graph.operands(at.node);
        let is_matrix = matches!(graph.shape(at.node), Shape::Matrix(..));
        match graph.operator(at.node) {
            Operator::Binary(Binary::Add) if !at.summed || outer[at.node.0 as usize] => {
                // A scalar total added to a vector total would broadcast; totals of one parameter never do.
                if operands.iter().any(|&operand| graph.shape(operand) != graph.shape(at.node)) {
                    return Ok(None);
                }
                waiting.extend(operands.iter().rev().map(|&node| Visit { node, ..at }));
            }
            Operator::Total => waiting.push(Visit { node: operands[0], summed: true, ..at }),
            Operator::Transpose => {
                waiting.push(Visit { node: operands[0], transposed: !at.transposed, ..at })
            }
            Operator::PadColumns { start, .. } => {
                let start = size_of(start, sizes, "a parameter")?;
                let (row, column) =
                    if at.transposed { (at.row + start, at.column) } else { (at.row, at.column + start) };
                waiting.push(Visit { node: operands[0], row, column, ..at });
            }
            Operator::Pad { start, .. } if !at.summed => {
                let start = size_of(start, sizes, "a parameter")?;
                waiting.push(Visit { node: operands[0], column: at.column + start, ..at });
            }
            Operator::Outer if at.summed => {
                let (mut left, mut right) = (operands[0], operands[1]);
                if at.transposed {
                    std::mem::swap(&mut left, &mut right);
                }
                found.push(Part::Outer { left, right, row: at.row, column: at.column, row_stride });
            }
            _ if at.summed && (is_matrix || !at.transposed) => {
                found.push(Part::Sum { value: at.node, at, row_stride });
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// For each node, whether it is a matrix with an outer product among its addends: each of those is totalled on its own.
fn end_in_outer(graph: &Graph) -> Vec<bool> {
    let mut ends = vec![false; graph.len()];
    for (id, node) in graph.iter() {
        ends[id.0 as usize] = match node.operator {
            Operator::Outer => true,
            Operator::Transpose | Operator::PadColumns { .. } | Operator::Binary(Binary::Add) => {
                node.operands.iter().any(|operand| ends[operand.0 as usize])
            }
            _ => false,
        };
    }
    ends
}

/// The parts with their values in the flow.
fn terms(
    graph: &Graph,
    flow: &mut Flow,
    read: &HashSet<FlowId>,
    parts: &[Part],
) -> Result<Vec<RawTerm>, PlanError> {
    let mut terms = Vec::with_capacity(parts.len());
    for part in parts {
        terms.push(match *part {
            Part::Outer { left, right, row, column, row_stride } => {
                let (left, right) = (flow.value(graph, left)?, flow.value(graph, right)?);
                let (left, right) = (flow.placed(left), flow.placed(right));
                let (left, right) = (flow.factor(left, read), flow.factor(right, read));
                RawTerm::Outer { left, right, row, column, row_stride }
            }
            Part::Sum { value, at, row_stride } => {
                let (rows, columns) = match graph.shape(value) {
                    Shape::Matrix(rows, columns) => (
                        size_of(rows, &flow.sizes, "a parameter")?,
                        size_of(columns, &flow.sizes, "a parameter")?,
                    ),
                    Shape::Vector(n) => (1, size_of(n, &flow.sizes, "a parameter")?),
                    Shape::Scalar => (1, 1),
                };
                let first = at.row * row_stride + at.column;
                let strides = if at.transposed {
                    MatrixStrides { offset: first, rows, columns, row_stride: 1, column_stride: row_stride }
                } else {
                    MatrixStrides { offset: first, rows, columns, row_stride, column_stride: 1 }
                };
                RawTerm::Sum { value: flow.value(graph, value)?, into: strides }
            }
        });
    }
    Ok(terms)
}
