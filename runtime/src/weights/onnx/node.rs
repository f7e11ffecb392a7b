//! From a recurrent node to layers.

use std::cell::Cell;
use std::collections::BTreeMap;

use gatewright_compiler::operator::real::Real;
use prost::Message;

use super::attribute::{Attributes, problem};
use super::message::{GraphProto, NodeProto, TensorProto};
use super::tensor::{counts, numbers};
use super::{Choices, Given, Node, is_standard};
use crate::parameters::{Conversion, NamedTensor};
use crate::weights::activation::Activation;
use crate::weights::error::WeightError;
use crate::weights::form::Sizes;
use crate::weights::stacked::{Stacked, Stacking};
use crate::weights::{Layer, most_read};

/// A recurrent operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rnn,
    Lstm,
    Gru,
}

impl Kind {
    pub(super) fn of_operator(name: &str) -> Option<Self> {
        [Self::Rnn, Self::Lstm, Self::Gru].into_iter().find(|kind| kind.operator() == name)
    }

    pub(super) fn operator(self) -> &'static str {
        match self {
            Self::Rnn => "RNN",
            Self::Lstm => "LSTM",
            Self::Gru => "GRU",
        }
    }

    /// Inputs, in their order.
    pub(super) fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::Rnn | Self::Gru => &["X", "W", "R", "B", "sequence_lens", "initial_h"],
            Self::Lstm => &["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"],
        }
    }

    pub(super) fn stacking(self) -> Stacking {
        let (gates, peepholes): (&[&str], &[&str]) = match self {
            Self::Rnn => (&[""], &[]),
            Self::Lstm => (&["i", "o", "f", "g"], &["i", "o", "f"]),
            Self::Gru => (&["z", "r", "h"], &[]),
        };
        Stacking { gates, peepholes, transposed: false }
    }

    /// Activations for each direction.
    pub(super) fn activations(self) -> usize {
        self.default_activations().len()
    }

    pub(super) fn default_activations(self) -> &'static [Activation] {
        match self {
            Self::Rnn => &[Activation::Tanh],
            Self::Lstm => &[Activation::Sigmoid, Activation::Tanh, Activation::Tanh],
            Self::Gru => &[Activation::Sigmoid, Activation::Tanh],
        }
    }
}

/// The constants of a graph by name.
pub(super) struct Constants<'a> {
    tensors: BTreeMap<&'a str, &'a TensorProto>,
    /// Bytes of constants that may still be read: nodes may share them.
    left: Cell<usize>,
}

impl<'a> Constants<'a> {
    /// Those of a graph of so many bytes.
    pub(super) fn new(graph: &'a GraphProto, bytes: usize) -> Self {
        let mut tensors: BTreeMap<&str, &TensorProto> =
            graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        // For the output of an `Identity` its input.
        let mut copies: BTreeMap<&str, &str> = BTreeMap::new();
        for node in graph.node.iter().filter(|node| is_standard(&node.domain)) {
            let Some(output) = node.output.first() else { continue };
            match (node.op_type.as_str(), node.input.first()) {
                ("Constant", _) => {
                    let value = node.attribute.iter().find(|attribute| attribute.name == "value");
                    tensors.extend(
                        value.and_then(|value| value.t.as_ref()).map(|tensor| (output.as_str(), tensor)),
                    );
                }
                ("Identity", Some(input)) => {
                    copies.insert(output.as_str(), input.as_str());
                }
                _ => {}
            }
        }
        // Each copy is followed once, and taken away with it: copies may be of copies, and go round.
        while let Some((output, input)) = copies.pop_first() {
            let (mut path, mut name) = (vec![output], input);
            while !tensors.contains_key(name)
                && let Some((output, input)) = copies.remove_entry(name)
            {
                path.push(output);
                name = input;
            }
            if let Some(&tensor) = tensors.get(name) {
                // An initializer that has the name of an output is itself.
                path.into_iter().for_each(|output| _ = tensors.entry(output).or_insert(tensor));
            }
        }
        Self { tensors, left: Cell::new(most_read(bytes)) }
    }

    /// What is read by that name; none where it is no constant.
    fn read(&self, name: &str) -> Result<Option<&'a TensorProto>, WeightError> {
        let Some(&tensor) = self.tensors.get(name) else { return Ok(None) };
        let left = self.left.get().checked_sub(tensor.encoded_len()).ok_or_else(|| WeightError::Model {
            problem: "its nodes share constants so often that they are many times its length".to_owned(),
        })?;
        self.left.set(left);
        Ok(Some(tensor))
    }
}

/// The inputs of one node.
struct Inputs<'a> {
    node: &'a str,
    kind: Kind,
    names: &'a [String],
    constants: &'a Constants<'a>,
    conversion: Conversion,
}

impl Inputs<'_> {
    fn problem(&self, input: &'static str, problem: impl Into<String>) -> WeightError {
        WeightError::Input { node: self.node.to_owned(), input, problem: problem.into() }
    }

    /// The name of what is given; empty names stand for nothing.
    fn name(&self, input: &str) -> Option<&str> {
        let at = self.kind.inputs().iter().position(|known| *known == input)?;
        self.names.get(at).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// A constant, where something is given.
    fn constant<T: Real>(&self, input: &'static str) -> Result<Option<NamedTensor<T>>, WeightError> {
        let Some(name) = self.name(input) else { return Ok(None) };
        let Some(tensor) = self.constants.read(name)? else {
            return Err(self.problem(input, format!("`{name}` is no constant of the model")));
        };
        numbers(tensor, self.conversion).map(Some)
    }

    fn need<T: Real>(&self, input: &'static str) -> Result<NamedTensor<T>, WeightError> {
        self.constant(input)?.ok_or_else(|| self.problem(input, "it is missing"))
    }

    fn expect<T>(
        &self,
        input: &'static str,
        tensor: &NamedTensor<T>,
        shape: &[usize],
    ) -> Result<(), WeightError> {
        if tensor.shape == shape {
            return Ok(());
        }
        Err(self.problem(input, format!("its shape is {:?}, expected {shape:?}", tensor.shape)))
    }

    fn axes<T>(&self, input: &'static str, tensor: &NamedTensor<T>) -> Result<[usize; 3], WeightError> {
        tensor
            .shape
            .as_slice()
            .try_into()
            .map_err(|_| self.problem(input, format!("its shape is {:?}, expected three axes", tensor.shape)))
    }

    fn lengths(&self) -> Result<Given<Vec<usize>>, WeightError> {
        let Some(name) = self.name("sequence_lens") else { return Ok(Given::Nothing) };
        match self.constants.read(name)? {
            None => Ok(Given::Value(name.to_owned())),
            Some(tensor) => {
                let lengths = counts(tensor)?;
                if lengths.shape.len() != 1 {
                    return Err(self.problem("sequence_lens", "it is not a list"));
                }
                Ok(Given::Constant(lengths.values))
            }
        }
    }

    /// An initial state, as one tensor `[B, hidden]` for each direction.
    fn state<T: Real>(
        &self,
        input: &'static str,
        directions: usize,
        hidden: usize,
        batch_major: bool,
    ) -> Result<Given<Vec<NamedTensor<T>>>, WeightError> {
        let Some(name) = self.name(input) else { return Ok(Given::Nothing) };
        if !self.constants.tensors.contains_key(name) {
            return Ok(Given::Value(name.to_owned()));
        }
        let tensor = self.need::<T>(input)?;
        let [first, second, _] = self.axes(input, &tensor)?;
        let batch = if batch_major { first } else { second };
        let shape = if batch_major { [batch, directions, hidden] } else { [directions, batch, hidden] };
        self.expect(input, &tensor, &shape)?;
        let state = |direction: usize| {
            let row = |sample: usize| {
                if batch_major { sample * directions + direction } else { direction * batch + sample }
            };
            let rows = (0..batch)
                .flat_map(|sample| &tensor.values[row(sample) * hidden..(row(sample) + 1) * hidden]);
            NamedTensor {
                name: tensor.name.clone(),
                shape: vec![batch, hidden],
                values: rows.copied().collect(),
            }
        };
        Ok(Given::Constant((0..directions).map(state).collect()))
    }
}

/// The layers of one node.
pub(super) fn node<T: Real>(
    proto: &NodeProto,
    kind: Kind,
    constants: &Constants<'_>,
    choices: Choices,
) -> Result<Node<T>, WeightError> {
    let outputs = proto.output.iter().filter(|output| !output.is_empty());
    let name = std::iter::once(&proto.name).filter(|name| !name.is_empty()).chain(outputs).next();
    let name = name.map_or("", String::as_str);
    let attributes = Attributes::read(proto, name, kind)?;
    let inputs = Inputs { node: name, kind, names: &proto.input, constants, conversion: choices.conversion };
    if proto.input.len() > kind.inputs().len() {
        let problem = format!("node `{name}` has more inputs than {} takes", kind.operator());
        return Err(WeightError::Model { problem });
    }
    let directions = attributes.directions(name)?;
    let count = directions.len();
    let stacking = kind.stacking();
    let gates = stacking.gates.len();
    let (input, recurrent) = (inputs.need::<T>("W")?, inputs.need::<T>("R")?);
    let (bias, peepholes) = (inputs.constant::<T>("B")?, inputs.constant::<T>("P")?);
    let [_, _, input_size] = inputs.axes("W", &input)?;
    let [_, _, hidden] = inputs.axes("R", &recurrent)?;
    if attributes.hidden_size.is_some_and(|size| usize::try_from(size) != Ok(hidden)) {
        return Err(problem(name, "hidden_size", format!("`R` is for {hidden} units")));
    }
    let rows = hidden.checked_mul(2 * gates).map_or(0, |rows| rows / 2);
    if rows == 0 || input_size == 0 {
        return Err(inputs.problem("R", "there are no inputs or no units"));
    }
    inputs.expect("W", &input, &[count, rows, input_size])?;
    inputs.expect("R", &recurrent, &[count, rows, hidden])?;
    if let Some(bias) = &bias {
        inputs.expect("B", bias, &[count, 2 * rows])?;
    }
    if let Some(peepholes) = &peepholes {
        inputs.expect("P", peepholes, &[count, 3 * hidden])?;
    }
    let forms = attributes.forms(name, kind, peepholes.is_some(), bias.is_some(), choices.reading)?;
    let sizes = Sizes { input: input_size, hidden, output: hidden };
    let mut layers = Vec::with_capacity(count);
    for (at, (&direction, form)) in directions.iter().zip(forms).enumerate() {
        // The share of this direction; lengths have been checked.
        let share = |tensor: &NamedTensor<T>| {
            let length = tensor.values.len() / count;
            tensor.values[at * length..(at + 1) * length].to_vec()
        };
        let biases = bias.as_ref().map(share);
        let stacked = Stacked {
            input: share(&input),
            recurrent: share(&recurrent),
            input_bias: biases.as_ref().map(|both| both[..rows].to_vec()),
            recurrent_bias: biases.as_ref().map(|both| both[rows..].to_vec()),
            peepholes: peepholes.as_ref().map(share),
            projection: None,
        };
        let tensors = stacking.split(&form, sizes, &stacked);
        let layer = Layer { name: name.to_owned(), index: 0, direction, form, sizes, tensors };
        layer.check()?;
        layers.push(layer);
    }
    Ok(Node {
        name: name.to_owned(),
        layers,
        batch_major: attributes.batch_major,
        lengths: inputs.lengths()?,
        initial_h: inputs.state("initial_h", count, hidden, attributes.batch_major)?,
        initial_c: inputs.state("initial_c", count, hidden, attributes.batch_major)?,
    })
}
