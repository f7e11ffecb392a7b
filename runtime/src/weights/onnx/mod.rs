//! The nodes `RNN`, `LSTM` and `GRU` of ONNX models.
//!
//! | input | shape for D directions | |
//! | --- | --- | --- |
//! | `W` | `[D, gates · hidden, input]` | gates `i o f c`, `z r h` |
//! | `R` | `[D, gates · hidden, hidden]` | |
//! | `B` | `[D, 2 · gates · hidden]` | those of `W`, then those of `R` |
//! | `P` | `[D, 3 · hidden]` | peepholes `i o f` |
//!
//! A node's attributes become equations: `activations` with `activation_alpha` and `activation_beta`, `clip`,
//! `input_forget`, `linear_before_reset`. What a node says of the run around the steps is told beside:
//! [`Layer::direction`], [`Node::batch_major`], [`Node::lengths`], [`Node::initial_h`].
//!
//! # Invariants
//!
//! - Weights are constants of the model: initializers, `Constant` nodes, or `Identity` of them. Anything else, and
//!   numbers that lie outside the file, is an error.
//! - A recurrent node that is not in the main graph is an error, not left out.

mod attribute;
mod export;
mod message;
mod node;
mod tensor;
#[cfg(test)]
mod tests;

use gatewright_compiler::operator::real::Real;
use prost::Message;

pub use export::export;

use super::error::WeightError;
use super::{Layer, NamedTensor};
use crate::parameters::Conversion;
use message::{GraphProto, ModelProto, NodeProto};
use node::{Constants, Kind, node};

/// Oldest set of operators whose recurrent nodes are understood.
const OLDEST_OPERATORS: i64 = 7;

/// Whose reading of a model counts where they part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// The specification of ONNX: `clip` is for the input of every activation, that of an LSTM's memory on its way out
    /// among them, and a `ThresholdedRelu` without `activation_alpha` has the threshold 1.
    #[default]
    Specification,
    /// ONNX Runtime 1.31: an LSTM's memory is not clipped on its way out, and that threshold is 0.
    Runtime,
}

/// Choices of [`import`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// What may happen to numbers.
    pub conversion: Conversion,
    /// Whose reading counts.
    pub reading: Reading,
}

impl Default for Choices {
    /// Numbers stay what they are, and the specification counts.
    fn default() -> Self {
        Self { conversion: Conversion::Exact, reading: Reading::default() }
    }
}

/// What an input of a node gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Given<V> {
    /// The node has no such input.
    Nothing,
    /// A constant of the model.
    Constant(V),
    /// A value that the model is given or computes: its name.
    Value(String),
}

/// A recurrent node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<T> {
    /// Its name, or that of its first output.
    pub name: String,
    /// One for each direction.
    pub layers: Vec<Layer<T>>,
    /// `layout` is 1: the node has the batch before time (and before directions), where Gatewright has time first.
    pub batch_major: bool,
    /// Steps of each sequence of the batch. Outputs beyond are zero, final states those of the last step within.
    pub lengths: Given<Vec<usize>>,
    /// The state `h` before the first step, `[B, hidden]` for each direction.
    pub initial_h: Given<Vec<NamedTensor<T>>>,
    /// The state `c` before the first step, likewise.
    pub initial_c: Given<Vec<NamedTensor<T>>>,
}

/// The recurrent nodes of a model, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Model<T> {
    /// Recurrent nodes.
    pub nodes: Vec<Node<T>>,
    /// The operators of all other nodes, in the model's order.
    pub rest: Vec<String>,
}

/// Reads the recurrent nodes of a model.
///
/// # Errors
///
/// Bytes that are no model, a model without recurrent nodes, and whatever a node has that equations cannot say.
pub fn import<T: Real>(bytes: &[u8], choices: Choices) -> Result<Model<T>, WeightError> {
    let model =
        ModelProto::decode(bytes).map_err(|error| WeightError::Model { problem: error.to_string() })?;
    let version = model.opset_import.iter().find(|set| is_standard(&set.domain)).map(|set| set.version);
    let Some(graph) = &model.graph else {
        return Err(WeightError::Model { problem: "it has no graph".to_owned() });
    };
    refuse_nested(&model, graph)?;
    let constants = Constants::new(graph, bytes.len());
    let (mut nodes, mut rest) = (Vec::new(), Vec::new());
    for proto in &graph.node {
        match kind_of(proto) {
            Some(kind) => nodes.push(node(proto, kind, &constants, choices)?),
            None => rest.push(proto.op_type.clone()),
        }
    }
    if nodes.is_empty() {
        return Err(WeightError::NoLayer { expected: "no node of the model is an RNN, LSTM or GRU" });
    }
    match version {
        Some(version) if version >= OLDEST_OPERATORS => Ok(Model { nodes, rest }),
        Some(version) => {
            let problem = format!("its operators are of version {version}, older than {OLDEST_OPERATORS}");
            Err(WeightError::Model { problem })
        }
        None => Err(WeightError::Model { problem: "it does not say which operators it uses".to_owned() }),
    }
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn kind_of(node: &NodeProto) -> Option<Kind> {
    Kind::of_operator(&node.op_type).filter(|_| is_standard(&node.domain))
}

/// Refuses recurrent nodes in graphs within nodes and in functions.
fn refuse_nested(model: &ModelProto, graph: &GraphProto) -> Result<(), WeightError> {
    let mut waiting: Vec<&NodeProto> = model.functions.iter().flat_map(|function| &function.node).collect();
    for node in &graph.node {
        waiting.extend(within(node));
    }
    while let Some(node) = waiting.pop() {
        if kind_of(node).is_some() {
            let place = "within another node or a function of the model";
            let problem = format!("its {} node `{}` stands {place}", node.op_type, node.name);
            return Err(WeightError::Model { problem });
        }
        waiting.extend(within(node));
    }
    Ok(())
}

/// The nodes of the graphs that a node has as attributes.
fn within(node: &NodeProto) -> impl Iterator<Item = &NodeProto> {
    let graphs = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    graphs.flat_map(|graph| &graph.node)
}
