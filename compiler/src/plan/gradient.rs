//! Gradients by parameters: from totals in the graph to outer products and sums over all rows.
//!
//! The gradient by a matrix is `Σ_{t,b} δ v^T`: one product of `δ^T` with `v` over all T·B rows, after the loop. The
//! gradient by a vector is `Σ_{t,b} δ`. Whatever is not a plain sum of such terms is an expression of totals, computed
//! once at the end.

use super::flow::{Flow, FlowId, size_of};
use super::{Place, PlanError};
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
    /// `total[offset ..] += ` what the loops summed into the `Totals` buffer.
    Sum {
        /// First element in the `Totals` buffer.
        column: usize,
        /// Number of elements.
        length: usize,
        /// First element in the total.
        offset: usize,
    },
}

/// How the gradient by one parameter comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterGradient {
    /// A sum of terms; zero where there are none.
    Terms(Vec<GradientTerm>),
    /// A node of the graph that is computed from totals (and parameters) once all of them are known.
    Expression {
        /// The node.
        root: NodeId,
        /// The totals it needs: node, elements, terms.
        totals: Vec<(NodeId, usize, Vec<GradientTerm>)>,
    },
}

/// A term before its factors have places.
#[derive(Clone, Copy, Debug)]
pub(super) enum RawTerm {
    Outer { left: FlowId, right: FlowId, row: usize, column: usize, row_stride: usize },
    Sum { value: FlowId, offset: usize },
}

/// A parameter gradient before its factors have places.
#[derive(Clone, Debug)]
pub(super) enum RawGradient {
    Terms(Vec<RawTerm>),
    Expression { root: NodeId, totals: Vec<(NodeId, usize, Vec<RawTerm>)> },
}

impl RawGradient {
    /// All terms.
    pub(super) fn terms(&self) -> impl Iterator<Item = &RawTerm> {
        let (direct, totals) = match self {
            Self::Terms(terms) => (Some(terms), None),
            Self::Expression { totals, .. } => (None, Some(totals)),
        };
        direct.into_iter().flatten().chain(totals.into_iter().flatten().flat_map(|total| &total.2))
    }
}

/// The gradients by all parameters; empty for a graph without gradients.
pub(super) fn collect(graph: &Graph, flow: &mut Flow) -> Result<Vec<RawGradient>, PlanError> {
    if !graph.has_gradients() {
        return Ok(Vec::new());
    }
    let mut gradients = Vec::new();
    for parameter in 0..graph.signature().parameters.len() as u32 {
        let root = graph.root(Root::ParameterGradient(parameter)).ok_or_else(|| {
            PlanError::Internal("the graph has no root for a parameter's gradient".to_owned())
        })?;
        gradients.push(match terms(graph, flow, root)? {
            Some(terms) => RawGradient::Terms(terms),
            None => expression(graph, flow, root)?,
        });
    }
    Ok(gradients)
}

/// The totals under `root`, each as a sum of terms.
fn expression(graph: &Graph, flow: &mut Flow, root: NodeId) -> Result<RawGradient, PlanError> {
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
        let Some(terms) = terms(graph, flow, id)? else {
            return Err(flow.unsupported(graph, id, "the gradient by a matrix that varies in time"));
        };
        let elements = graph
            .shape(id)
            .sizes(&flow.sizes)
            .and_then(|axes| axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis)))
            .ok_or_else(|| PlanError::Size { name: super::flow::name_of(graph, id) })?;
        totals.push((id, elements, terms));
    }
    Ok(RawGradient::Expression { root, totals })
}

/// A place in the walk of [`terms`]: a node, and where its element (0, 0) lies in the root.
struct Visit {
    node: NodeId,
    row: usize,
    column: usize,
    transposed: bool,
    /// Below a `Total`: a per-step value.
    summed: bool,
}

/// `root` as a sum of terms, `None` where it is none.
fn terms(graph: &Graph, flow: &mut Flow, root: NodeId) -> Result<Option<Vec<RawTerm>>, PlanError> {
    let row_stride = match graph.shape(root) {
        Shape::Matrix(_, columns) => size_of(columns, &flow.sizes, "a parameter")?,
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
            Operator::Binary(Binary::Add) if is_matrix || !at.summed => {
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
                let start = size_of(start, &flow.sizes, "a parameter")?;
                let (row, column) =
                    if at.transposed { (at.row + start, at.column) } else { (at.row, at.column + start) };
                waiting.push(Visit { node: operands[0], row, column, ..at });
            }
            Operator::Pad { start, .. } if !at.summed => {
                let start = size_of(start, &flow.sizes, "a parameter")?;
                waiting.push(Visit { node: operands[0], column: at.column + start, ..at });
            }
            Operator::Outer if at.summed => {
                let (left, right) = (flow.value(graph, operands[0])?, flow.value(graph, operands[1])?);
                let (mut left, mut right) = (flow.placed(left), flow.placed(right));
                if at.transposed {
                    std::mem::swap(&mut left, &mut right);
                }
                found.push(RawTerm::Outer { left, right, row: at.row, column: at.column, row_stride });
            }
            _ if at.summed && !is_matrix => {
                let value = flow.value(graph, at.node)?;
                found.push(RawTerm::Sum { value, offset: at.column });
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}
