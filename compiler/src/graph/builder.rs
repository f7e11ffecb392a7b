//! Making a graph: each insertion finds the node that is there already or adds one that keeps the invariants.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use super::{Graph, Node, NodeId, Phase, Root, Signature};
use crate::limits;
use crate::operator::shape_rule::{ShapeError, result_shape};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::Shape;

/// Why something cannot be added to a graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// The operator does not apply to operands of these shapes, or a leaf refers to nothing.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// An id that the graph does not have.
    #[error("the graph has no node %{}", .0.0)]
    UnknownNode(NodeId),
    /// A value that is wanted in the loop but known only after it, or the total of what has no steps.
    #[error("`{operator}` mixes values of steps with values known after the last step, or sums no steps")]
    Phase {
        /// Name of the operator.
        operator: &'static str,
    },
    /// More nodes than [`limits::MAXIMUM_NODES`].
    #[error("more than {} nodes (MAXIMUM_NODES)", limits::MAXIMUM_NODES)]
    TooManyNodes,
    /// A root of a port that the signature does not have.
    #[error("{root:?} refers to nothing")]
    UnknownRoot {
        /// The root.
        root: Root,
    },
    /// A root that is set twice.
    #[error("{root:?} is set twice")]
    RootSetTwice {
        /// The root.
        root: Root,
    },
    /// A root of the wrong shape.
    #[error("{root:?} has the shape {expected}, the value given has {found}")]
    RootShape {
        /// The root.
        root: Root,
        /// Shape of the port.
        expected: Box<Shape>,
        /// Shape of the node.
        found: Box<Shape>,
    },
    /// A root whose value would not be known when it is wanted.
    #[error("{root:?} cannot be a value of phase {phase:?}")]
    RootPhase {
        /// The root.
        root: Root,
        /// Phase of the node.
        phase: Phase,
    },
}

/// The phase of an operator over operands of the given phases; `None` where I5 forbids it.
pub(super) fn result_phase(operator: &Operator, operands: impl Iterator<Item = Phase>) -> Option<Phase> {
    let (mut last, mut per_step) = (Phase::Before, false);
    for phase in operands {
        last = last.max(phase);
        per_step |= phase.is_per_step();
    }
    match operator {
        Operator::Input(_) | Operator::State(_) | Operator::Unknown(_) => Some(Phase::Forward),
        Operator::OutputGradient(_) | Operator::StateGradient(_) | Operator::SolutionGradient(_) => {
            Some(Phase::Backward)
        }
        Operator::Total => last.is_per_step().then_some(Phase::After),
        _ => (last != Phase::After || !per_step).then_some(last),
    }
}

impl Graph {
    /// A graph without nodes.
    #[must_use]
    pub fn new(signature: Signature) -> Self {
        Self {
            signature,
            nodes: Vec::new(),
            phases: Vec::new(),
            roots: BTreeMap::new(),
            labels: BTreeMap::new(),
            interned: HashMap::new(),
        }
    }

    /// The node of `operator` over `operands`: the one there is, or a new one of the shape that the operator's shape
    /// rule gives.
    ///
    /// # Errors
    ///
    /// Where the operator does not apply to these operands, or the graph is full.
    pub fn insert(&mut self, operator: Operator, operands: Vec<NodeId>) -> Result<NodeId, GraphError> {
        let key = (operator, operands);
        if let Some(&id) = self.interned.get(&key) {
            return Ok(id);
        }
        let (operator, operands) = &key;
        let mut shapes = Vec::with_capacity(operands.len());
        for &operand in operands {
            shapes.push(&self.get(operand).ok_or(GraphError::UnknownNode(operand))?.shape);
        }
        let port = self.signature.port_of_leaf(operator).map(|port| &port.shape);
        let shape = result_shape(operator, &shapes, port)?;
        let phase = result_phase(operator, operands.iter().map(|&operand| self.phase(operand)))
            .ok_or(GraphError::Phase { operator: operator.name() })?;
        if self.nodes.len() >= limits::MAXIMUM_NODES {
            return Err(GraphError::TooManyNodes);
        }
        let id = u32::try_from(self.nodes.len()).map(NodeId).map_err(|_| GraphError::TooManyNodes)?;
        self.nodes.push(Node { operator: operator.clone(), operands: operands.clone(), shape });
        self.phases.push(phase);
        self.interned.insert(key, id);
        Ok(id)
    }

    /// A leaf: an operator without operands.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn leaf(&mut self, operator: Operator) -> Result<NodeId, GraphError> {
        self.insert(operator, Vec::new())
    }

    /// A number, as a scalar.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn constant(&mut self, value: f64) -> Result<NodeId, GraphError> {
        self.leaf(Operator::constant(value))
    }

    /// `function(x)`, element-wise.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn unary(&mut self, function: Unary, x: NodeId) -> Result<NodeId, GraphError> {
        self.insert(Operator::Unary(function), vec![x])
    }

    /// `function(a, b)`, element-wise.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn binary(&mut self, function: Binary, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        self.insert(Operator::Binary(function), vec![a, b])
    }

    /// `function(a, b, c)`, element-wise.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn ternary(
        &mut self,
        function: Ternary,
        a: NodeId,
        b: NodeId,
        c: NodeId,
    ) -> Result<NodeId, GraphError> {
        self.insert(Operator::Ternary(function), vec![a, b, c])
    }

    /// Matrix times vector.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn matrix_vector(&mut self, matrix: NodeId, vector: NodeId) -> Result<NodeId, GraphError> {
        self.insert(Operator::MatrixVector, vec![matrix, vector])
    }

    /// A scalar repeated to fill a shape; itself where that is a scalar.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn broadcast(&mut self, scalar: NodeId, shape: &Shape) -> Result<NodeId, GraphError> {
        match shape {
            Shape::Scalar => Ok(scalar),
            Shape::Vector(n) => self.insert(Operator::Broadcast(n.clone()), vec![scalar]),
            Shape::Matrix(rows, columns) => {
                self.insert(Operator::BroadcastMatrix(rows.clone(), columns.clone()), vec![scalar])
            }
        }
    }

    /// The zero of a shape, in its one form: `constant(0)`, broadcast where it is no scalar.
    ///
    /// # Errors
    ///
    /// As [`Graph::insert`].
    pub fn zero(&mut self, shape: &Shape) -> Result<NodeId, GraphError> {
        let zero = self.constant(0.0)?;
        self.broadcast(zero, shape)
    }

    /// Says which node is a root.
    ///
    /// # Errors
    ///
    /// Where the signature has no such port, the root is set already, or the node is of the wrong shape or phase (I7).
    pub fn set_root(&mut self, root: Root, id: NodeId) -> Result<(), GraphError> {
        let node = self.get(id).ok_or(GraphError::UnknownNode(id))?;
        let port = self.signature.port_of_root(root).ok_or(GraphError::UnknownRoot { root })?;
        if node.shape != port.shape {
            let (expected, found) = (Box::new(port.shape.clone()), Box::new(node.shape.clone()));
            return Err(GraphError::RootShape { root, expected, found });
        }
        let phase = self.phase(id);
        if !root.accepts(phase) {
            return Err(GraphError::RootPhase { root, phase });
        }
        if self.roots.contains_key(&root) {
            return Err(GraphError::RootSetTwice { root });
        }
        self.roots.insert(root, id);
        Ok(())
    }

    /// Notes a name of a node, for readers; a name it has already is not repeated.
    ///
    /// # Errors
    ///
    /// Where the graph has no such node.
    pub fn label(&mut self, id: NodeId, name: &str) -> Result<(), GraphError> {
        if self.get(id).is_none() {
            return Err(GraphError::UnknownNode(id));
        }
        let labels = self.labels.entry(id).or_default();
        if !labels.iter().any(|label| label == name) {
            labels.push(name.to_owned());
        }
        Ok(())
    }
}
