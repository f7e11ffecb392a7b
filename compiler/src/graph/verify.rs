//! The invariants of [`Graph`], checked from scratch.

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use super::builder::result_phase;
use super::{Graph, NodeId, Phase, Root};
use crate::operator::Operator;
use crate::operator::shape_rule::{ShapeError, result_shape};
use crate::shape::Shape;

/// The number of an invariant of [`Graph`], as the documentation of [`crate::graph`] lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the list in the module's documentation says what each number means")]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// I1.
    #[error("I1: operand %{} of %{} does not have a smaller id", operand.0, node.0)]
    Order {
        /// The node.
        node: NodeId,
        /// Its operand.
        operand: NodeId,
    },
    /// I2: the shape rule gives another shape.
    #[error("I2: %{} has the shape {found}, its operator gives {expected}", node.0)]
    Shape {
        /// The node.
        node: NodeId,
        /// By the shape rule.
        expected: Box<Shape>,
        /// As stored.
        found: Box<Shape>,
    },
    /// I2: the operator does not apply.
    #[error("I2: %{}: {reason}", node.0)]
    Operands {
        /// The node.
        node: NodeId,
        /// Why.
        reason: ShapeError,
    },
    /// I3.
    #[error("I3: %{} repeats %{}", node.0, first.0)]
    Repeated {
        /// The later node.
        node: NodeId,
        /// The earlier node.
        first: NodeId,
    },
    /// I4.
    #[error("I4: %{} refers to {operator} {index}, which the signature does not have", node.0)]
    Leaf {
        /// The node.
        node: NodeId,
        /// Name of its operator.
        operator: &'static str,
        /// What it refers to.
        index: u32,
    },
    /// I5.
    #[error("I5: %{} mixes values of steps with values known after the last step, or sums no steps", node.0)]
    Phase {
        /// The node.
        node: NodeId,
    },
    /// I6.
    #[error("I6: %{} is a {operator}, but the graph has no gradient root", node.0)]
    Gradient {
        /// The node.
        node: NodeId,
        /// Name of its operator.
        operator: &'static str,
    },
    /// I7: a root without node or port.
    #[error("I7: {root:?} refers to nothing")]
    Root {
        /// The root.
        root: Root,
    },
    /// I7: a root given twice; only a text can say that.
    #[error("I7: {root:?} is given twice")]
    RepeatedRoot {
        /// The root.
        root: Root,
    },
    /// I7: a state that is not carried on.
    #[error("I7: state {state} has no `NextState`")]
    NextState {
        /// Number of the state.
        state: u32,
    },
    /// I7: an unknown that is read and not solved for.
    #[error("I7: %{} is an unknown without {root:?}", node.0)]
    Unsolved {
        /// The leaf.
        node: NodeId,
        /// What is missing.
        root: Root,
    },
    /// I7: a root of the wrong shape.
    #[error("I7: {root:?} has the shape {found}, its port {expected}")]
    RootShape {
        /// The root.
        root: Root,
        /// Of the port.
        expected: Box<Shape>,
        /// Of the node.
        found: Box<Shape>,
    },
    /// I7: a root that is not known when it is wanted.
    #[error("I7: {root:?} is a value of phase {phase:?}")]
    RootPhase {
        /// The root.
        root: Root,
        /// Of the node.
        phase: Phase,
    },
}

impl VerifyError {
    /// Which invariant is broken.
    #[must_use]
    pub const fn invariant(&self) -> Invariant {
        match self {
            Self::Order { .. } => Invariant::I1,
            Self::Shape { .. } | Self::Operands { .. } => Invariant::I2,
            Self::Repeated { .. } => Invariant::I3,
            Self::Leaf { .. } => Invariant::I4,
            Self::Phase { .. } => Invariant::I5,
            Self::Gradient { .. } => Invariant::I6,
            Self::Root { .. }
            | Self::RepeatedRoot { .. }
            | Self::NextState { .. }
            | Self::Unsolved { .. }
            | Self::RootShape { .. }
            | Self::RootPhase { .. } => Invariant::I7,
        }
    }
}

impl Graph {
    /// Checks every invariant, from nodes, roots and signature alone.
    ///
    /// # Errors
    ///
    /// The first that is broken, in the order of the nodes, roots last.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let mut first_of = HashMap::with_capacity(self.nodes.len());
        let mut phases: Vec<Phase> = Vec::with_capacity(self.nodes.len());
        for (node, content) in self.iter() {
            let mut shapes = Vec::with_capacity(content.operands.len());
            for &operand in &content.operands {
                let earlier = self.get(operand).filter(|_| operand < node);
                shapes.push(&earlier.ok_or(VerifyError::Order { node, operand })?.shape);
            }
            let port = self.signature.port_of_leaf(&content.operator).map(|port| &port.shape);
            match result_shape(&content.operator, &shapes, port) {
                Ok(expected) if expected == content.shape => {}
                Ok(expected) => {
                    let found = Box::new(content.shape.clone());
                    return Err(VerifyError::Shape { node, expected: Box::new(expected), found });
                }
                Err(ShapeError::NoPort { operator, index }) => {
                    return Err(VerifyError::Leaf { node, operator, index });
                }
                Err(reason) => return Err(VerifyError::Operands { node, reason }),
            }
            if let Some(first) = first_of.insert((&content.operator, &content.operands), node) {
                return Err(VerifyError::Repeated { node, first });
            }
            let operands =
                content.operands.iter().filter_map(|operand| phases.get(operand.0 as usize).copied());
            phases.push(result_phase(&content.operator, operands).ok_or(VerifyError::Phase { node })?);
        }
        self.verify_gradients()?;
        self.verify_roots(&phases)
    }

    /// I6.
    fn verify_gradients(&self) -> Result<(), VerifyError> {
        if self.has_gradients() {
            return Ok(());
        }
        for (node, content) in self.iter() {
            let gradient = matches!(
                content.operator,
                Operator::OutputGradient(_)
                    | Operator::StateGradient(_)
                    | Operator::SolutionGradient(_)
                    | Operator::Total
            );
            if gradient {
                return Err(VerifyError::Gradient { node, operator: content.operator.name() });
            }
        }
        Ok(())
    }

    /// I7. That no root occurs twice follows from the map that holds them.
    fn verify_roots(&self, phases: &[Phase]) -> Result<(), VerifyError> {
        for (&root, &id) in &self.roots {
            let (Some(node), Some(&phase), Some(port)) =
                (self.get(id), phases.get(id.0 as usize), self.signature.port_of_root(root))
            else {
                return Err(VerifyError::Root { root });
            };
            if node.shape != port.shape {
                let (expected, found) = (Box::new(port.shape.clone()), Box::new(node.shape.clone()));
                return Err(VerifyError::RootShape { root, expected, found });
            }
            if !root.accepts(phase) {
                return Err(VerifyError::RootPhase { root, phase });
            }
        }
        for (state, _) in (0_u32..).zip(&self.signature.states) {
            if self.root(Root::NextState(state)).is_none() {
                return Err(VerifyError::NextState { state });
            }
        }
        for (node, content) in self.iter() {
            if let Some(root) = Root::of_unknown(&content.operator)
                && self.root(root).is_none()
            {
                return Err(VerifyError::Unsolved { node, root });
            }
        }
        Ok(())
    }
}
