//! From layers to a model of one node.

use gatewright_compiler::operator::real::Real;
use prost::Message;

use super::Reading;
use super::message::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute_type,
};
use super::node::Kind;
use super::tensor::message;
use crate::weights::activation::Activation;
use crate::weights::error::WeightError;
use crate::weights::form::{Family, Reset};
use crate::weights::{Direction, Layer};

/// The set of operators that models are written for, and the version of the format that goes with it.
const OPERATORS: i64 = 17;
const FORMAT: i64 = 8;

const FRAMEWORK: &str = "ONNX";

/// Writes a model of one node: the input `X [T, B, input]`, outputs `Y [T, D, B, hidden]`, `Y_h` and, for an LSTM, `Y_c`. `layers` are one direction, or forward and reverse.
///
/// # Errors
///
/// [`WeightError::NotInFramework`] where ONNX, as `reading` has it, has no such node, and layers that are not two
/// directions of one.
pub fn export<T: Real>(layers: &[Layer<T>], reading: Reading) -> Result<Vec<u8>, WeightError> {
    let direction = match layers {
        [layer] if layer.direction == Direction::Forward => "forward",
        [layer] if layer.direction == Direction::Reverse => "reverse",
        [first, second]
            if (first.direction, second.direction) == (Direction::Forward, Direction::Reverse)
                && first.sizes == second.sizes
                && same_node(first, second) =>
        {
            "bidirectional"
        }
        _ => {
            let problem = "a node is one direction, or forward and reverse of one kind and size".to_owned();
            return Err(WeightError::Choice { choice: "layers", problem });
        }
    };
    let mut activations = Vec::new();
    let mut kind = Kind::Rnn;
    for layer in layers {
        layer.check()?;
        let (of_layer, chosen) = activations_of(layer)?;
        kind = of_layer;
        activations.extend(chosen);
    }
    let form = &layers[0].form;
    let mut attributes = vec![integer("hidden_size", layers[0].sizes.hidden)];
    let mut text = AttributeProto { name: "direction".to_owned(), ..AttributeProto::default() };
    (text.r#type, text.s) = (attribute_type::STRING, Some(direction.as_bytes().to_vec()));
    attributes.push(text);
    attributes.extend(activation_attributes(&activations));
    if let Some(clip) = form.clip {
        if kind == Kind::Lstm && clip.memory != (reading == Reading::Specification) {
            let clipped = if clip.memory { "a clip" } else { "no clip" };
            let what = format!("{clipped} of the memory on its way out, as {reading:?} reads `clip`");
            return Err(WeightError::NotInFramework { framework: FRAMEWORK, what });
        }
        let name = "clip".to_owned();
        attributes.push(AttributeProto {
            name,
            f: Some(clip.threshold),
            r#type: attribute_type::FLOAT,
            ..Default::default()
        });
    }
    match form.family {
        Family::Lstm { coupled: true, .. } => attributes.push(integer("input_forget", 1)),
        Family::Gru { reset: Reset::After, .. } => attributes.push(integer("linear_before_reset", 1)),
        _ => {}
    }
    Ok(model(kind, layers, attributes).encode_to_vec())
}

/// True where one node can be both, activations aside.
fn same_node<T>(first: &Layer<T>, second: &Layer<T>) -> bool {
    let family = match (first.form.family, second.form.family) {
        (Family::Simple { .. }, Family::Simple { .. }) => true,
        (Family::Gru { reset: first, .. }, Family::Gru { reset: second, .. }) => first == second,
        (
            Family::Lstm { peepholes: first, coupled: first_coupled, .. },
            Family::Lstm { peepholes: second, coupled: second_coupled, .. },
        ) => (first, first_coupled) == (second, second_coupled),
        _ => false,
    };
    family && (first.form.bias, first.form.clip) == (second.form.bias, second.form.clip)
}

fn activations_of<T>(layer: &Layer<T>) -> Result<(Kind, Vec<Activation>), WeightError> {
    Ok(match layer.form.family {
        Family::Simple { activation } => (Kind::Rnn, vec![activation]),
        Family::Gru { gate, candidate, .. } => (Kind::Gru, vec![gate, candidate]),
        Family::Lstm { projection: true, .. } => {
            return Err(WeightError::NotInFramework {
                framework: FRAMEWORK,
                what: "a projection".to_owned(),
            });
        }
        Family::Lstm { gate, candidate, output, .. } => (Kind::Lstm, vec![gate, candidate, output]),
    })
}

fn integer(name: &str, value: usize) -> AttributeProto {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    }
}

/// `activations`, and the numbers that they take.
fn activation_attributes(activations: &[Activation]) -> Vec<AttributeProto> {
    let (mut names, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for &activation in activations {
        let (name, alpha, beta) = match activation {
            Activation::Tanh => ("Tanh", None, None),
            Activation::Sigmoid => ("Sigmoid", None, None),
            Activation::Relu => ("Relu", None, None),
            Activation::Softsign => ("Softsign", None, None),
            Activation::Softplus => ("Softplus", None, None),
            Activation::LeakyRelu { alpha } => ("LeakyRelu", Some(alpha), None),
            Activation::ThresholdedRelu { alpha } => ("ThresholdedRelu", Some(alpha), None),
            Activation::Elu { alpha } => ("Elu", Some(alpha), None),
            Activation::Affine { alpha, beta } => ("Affine", Some(alpha), Some(beta)),
            Activation::ScaledTanh { alpha, beta } => ("ScaledTanh", Some(alpha), Some(beta)),
            Activation::HardSigmoid { alpha, beta } => ("HardSigmoid", Some(alpha), Some(beta)),
        };
        names.push(name.as_bytes().to_vec());
        first.extend(alpha);
        second.extend(beta);
    }
    let numbers = |name: &str, floats: Vec<f32>| AttributeProto {
        name: name.to_owned(),
        floats,
        r#type: attribute_type::FLOATS,
        ..AttributeProto::default()
    };
    let mut attributes = vec![AttributeProto {
        name: "activations".to_owned(),
        strings: names,
        r#type: attribute_type::STRINGS,
        ..AttributeProto::default()
    }];
    if !first.is_empty() {
        attributes.push(numbers("activation_alpha", first));
    }
    if !second.is_empty() {
        attributes.push(numbers("activation_beta", second));
    }
    attributes
}

fn model<T: Real>(kind: Kind, layers: &[Layer<T>], attribute: Vec<AttributeProto>) -> ModelProto {
    let sizes = layers[0].sizes;
    let stacking = kind.stacking();
    let (count, rows) = (layers.len(), stacking.gates.len() * sizes.hidden);
    let (mut input, mut recurrent, mut biases, mut peepholes) = (vec![], vec![], vec![], vec![]);
    for layer in layers {
        let stacked = stacking.join(&layer.form, layer.sizes, &layer.tensors);
        input.extend(stacked.input);
        recurrent.extend(stacked.recurrent);
        biases.extend(stacked.input_bias.into_iter().chain(stacked.recurrent_bias).flatten());
        peepholes.extend(stacked.peepholes.into_iter().flatten());
    }
    let mut initializer = vec![
        message("W", &[count, rows, sizes.input], &input),
        message("R", &[count, rows, sizes.hidden], &recurrent),
    ];
    let mut given = vec!["X", "W", "R"];
    if !biases.is_empty() {
        initializer.push(message("B", &[count, 2 * rows], &biases));
        given.push("B");
    }
    if !peepholes.is_empty() {
        initializer.push(message("P", &[count, 3 * sizes.hidden], &peepholes));
        given.resize(kind.inputs().len() - 1, "");
        given.push("P");
    }
    let named = |name: &str| DimensionProto { dim_value: None, dim_param: Some(name.to_owned()) };
    let sized = |size: usize| DimensionProto { dim_value: i64::try_from(size).ok(), dim_param: None };
    let element = initializer[0].data_type;
    let value = |name: &str, dim: Vec<DimensionProto>| {
        let tensor_type = TensorTypeProto { elem_type: element, shape: Some(TensorShapeProto { dim }) };
        ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
    };
    let state = |name: &str| value(name, vec![sized(count), named("batch"), sized(sizes.hidden)]);
    let mut output = vec![
        value("Y", vec![named("steps"), sized(count), named("batch"), sized(sizes.hidden)]),
        state("Y_h"),
    ];
    if kind == Kind::Lstm {
        output.push(state("Y_c"));
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let node = NodeProto {
        input: owned(&given),
        output: output.iter().map(|value: &ValueInfoProto| value.name.clone()).collect(),
        name: layers[0].name.clone(),
        op_type: kind.operator().to_owned(),
        attribute,
        domain: String::new(),
    };
    ModelProto {
        ir_version: FORMAT,
        producer_name: "gatewright".to_owned(),
        graph: Some(GraphProto {
            node: vec![node],
            name: "gatewright".to_owned(),
            initializer,
            input: vec![value("X", vec![named("steps"), named("batch"), sized(sizes.input)])],
            output,
        }),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
        functions: Vec::new(),
    }
}
