//! Models that are refused, each for one thing that is wrong with it.

use super::message::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, SegmentProto,
    StringStringEntryProto, TensorProto, attribute_type, data_type,
};
use super::tensor::message;
use super::*;

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: attribute_type::INT,
        ..Default::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: Some(value),
        r#type: attribute_type::FLOAT,
        ..Default::default()
    }
}

fn floats(name: &str, values: &[f32]) -> AttributeProto {
    let floats = values.to_vec();
    AttributeProto { name: name.to_owned(), floats, r#type: attribute_type::FLOATS, ..Default::default() }
}

fn text(name: &str, value: &[u8]) -> AttributeProto {
    let s = Some(value.to_vec());
    AttributeProto { name: name.to_owned(), s, r#type: attribute_type::STRING, ..Default::default() }
}

fn texts(name: &str, values: &[&str]) -> AttributeProto {
    let strings = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    AttributeProto { name: name.to_owned(), strings, r#type: attribute_type::STRINGS, ..Default::default() }
}

/// A GRU of 2 units over 3 inputs.
fn gru() -> ModelProto {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ModelProto {
        graph: Some(GraphProto {
            node: vec![NodeProto {
                input: names(&["X", "W", "R", "B"]),
                output: names(&["Y"]),
                op_type: "GRU".to_owned(),
                attribute: vec![integer("hidden_size", 2)],
                ..Default::default()
            }],
            initializer: vec![
                message("W", &[1, 6, 3], &[0.5_f32; 18]),
                message("R", &[1, 6, 2], &[0.5_f32; 12]),
                message("B", &[1, 12], &[0.5_f32; 12]),
            ],
            ..Default::default()
        }),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 14 }],
        ..Default::default()
    }
}

/// What importing says of the GRU after a change.
fn said(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = gru();
    change(&mut model);
    match import::<f32>(&model.encode_to_vec(), Choices::default()) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("a graph")
}

fn with_attribute(attribute: AttributeProto) -> String {
    said(|model| graph(model).node[0].attribute.push(attribute))
}

fn with_tensor(at: usize, change: impl FnOnce(&mut TensorProto)) -> String {
    said(|model| change(&mut graph(model).initializer[at]))
}

#[test]
fn attributes_are_refused_by_name() {
    assert_eq!(said(|_| ()), "fine");
    let cases = [
        (integer("output_sequence", 1), "output_sequence", "GRU has no such attribute"),
        (integer("input_forget", 1), "input_forget", "GRU has no such attribute"),
        (integer("hidden_size", 2), "hidden_size", "it is given twice"),
        (integer("layout", 2), "layout", "2 is neither 0 nor 1"),
        (float("layout", 1.0), "layout", "it is not an integer"),
        (float("clip", -1.0), "clip", "-1 is not a finite number above zero"),
        (float("clip", f32::NAN), "clip", "NaN is not a finite number above zero"),
        (integer("clip", 1), "clip", "it is not a number"),
        (
            text("direction", b"backward"),
            "direction",
            "`backward` is none of `forward`, `reverse` and `bidirectional`",
        ),
        (text("direction", b"\xff"), "direction", "it is not UTF-8"),
        (texts("activations", &["Tanh"]), "activations", "2 are needed, 1 are given"),
        (texts("activations", &["Sigmoid", "Mish"]), "activations", "`Mish` is not supported"),
        (
            texts("activations", &["ScaledTanh", "Tanh"]),
            "activation_alpha",
            "`ScaledTanh` needs a number and has no default",
        ),
        (floats("activation_alpha", &[1.0]), "activation_alpha", "it is given without `activations`"),
    ];
    for (attribute, name, problem) in cases {
        assert_eq!(with_attribute(attribute), format!("node `Y`, attribute `{name}`: {problem}"));
    }
    let two = |alpha: &[f32]| {
        said(|model| {
            let attributes = &mut graph(model).node[0].attribute;
            attributes.push(texts("activations", &["leakyrelu", "TANH"]));
            attributes.push(floats("activation_alpha", alpha));
        })
    };
    assert_eq!(two(&[0.5]), "fine");
    assert!(two(&[0.5, 0.5]).ends_with("`activation_alpha`: 1 numbers more than the activations take"));
    assert!(two(&[f32::INFINITY]).ends_with("a number of an activation is not finite"));
    let wrong = said(|model| graph(model).node[0].attribute[0].i = Some(3));
    assert_eq!(wrong, "node `Y`, attribute `hidden_size`: `R` is for 2 units");
}

#[test]
fn inputs_are_refused_by_name() {
    assert_eq!(
        said(|model| graph(model).node[0].input[1] = "computed".to_owned()),
        "node `Y`, input `W`: `computed` is no constant of the model"
    );
    assert_eq!(said(|model| graph(model).node[0].input[2].clear()), "node `Y`, input `R`: it is missing");
    assert_eq!(
        with_tensor(0, |tensor| tensor.dims = vec![1, 3, 6]),
        "node `Y`, input `W`: its shape is [1, 3, 6], expected [1, 6, 6]"
    );
    assert_eq!(
        with_tensor(2, |tensor| tensor.dims = vec![12]),
        "node `Y`, input `B`: its shape is [12], expected [1, 12]"
    );
    let more = said(|model| graph(model).node[0].input.resize(9, "X".to_owned()));
    assert_eq!(more, "not an ONNX model: node `Y` has more inputs than GRU takes");
    let lengths = |values: Vec<i32>| {
        said(|model| {
            let graph = graph(model);
            graph.node[0].input.push("lengths".to_owned());
            graph.initializer.push(TensorProto {
                name: "lengths".to_owned(),
                dims: vec![1],
                data_type: data_type::INT32,
                int32_data: values,
                ..Default::default()
            });
        })
    };
    assert_eq!(lengths(vec![3]), "fine");
    assert!(lengths(vec![-3]).ends_with("tensor `lengths` has a negative number"));
}

#[test]
fn tensors_are_refused_by_name() {
    let external =
        "tensor `W` lies outside the model (external data): save the model with its weights inside";
    assert_eq!(with_tensor(0, |tensor| tensor.data_location = 1), external);
    let entry = StringStringEntryProto { key: "location".to_owned() };
    assert_eq!(with_tensor(0, |tensor| tensor.external_data.push(entry)), external);
    let whole = with_tensor(1, |tensor| tensor.segment = Some(SegmentProto { begin: 0, end: 1 }));
    assert!(whole.contains("tensor `R` is one segment of a larger one"), "{whole}");
    let text = with_tensor(0, |tensor| tensor.data_type = 8);
    assert_eq!(text, "tensor `W` holds STRING, which is not read");
    let double = with_tensor(0, |tensor| tensor.data_type = data_type::DOUBLE);
    assert!(double.contains("`W` holds F64 and would be rounded"), "{double}");
    assert!(with_tensor(0, |tensor| tensor.dims[0] = -1).contains("tensor `W` has a negative size"));
    assert!(with_tensor(0, |tensor| tensor.dims[0] = i64::MAX).contains("tensor `W`: shape"));
    let cut = with_tensor(0, |tensor| tensor.raw_data.as_mut().expect("bytes").truncate(71));
    assert!(cut.contains("`W` has 71 bytes, not a multiple of 4"), "{cut}");
    // Numbers in the field of their type are as good as bytes.
    let fields = with_tensor(0, |tensor| (tensor.raw_data, tensor.float_data) = (None, vec![0.5; 18]));
    assert_eq!(fields, "fine");
    let half = with_tensor(0, |tensor| {
        let bits = vec![i32::from(half::f16::from_f32(0.5).to_bits()); 18];
        (tensor.data_type, tensor.raw_data, tensor.int32_data) = (data_type::FLOAT16, None, bits);
    });
    assert_eq!(half, "fine");
}

#[test]
fn nodes_elsewhere_are_refused() {
    let place = "stands within another node or a function of the model";
    let nested = said(|model| {
        let inner = model.graph.take();
        let branch = AttributeProto { name: "then_branch".to_owned(), g: inner, ..Default::default() };
        let outer = NodeProto { op_type: "If".to_owned(), attribute: vec![branch], ..Default::default() };
        model.graph = Some(GraphProto { node: vec![outer], ..Default::default() });
    });
    assert_eq!(nested, format!("not an ONNX model: its GRU node `` {place}"));
    let function = said(|model| {
        let node = graph(model).node.clone();
        model.functions.push(FunctionProto { node });
    });
    assert!(function.ends_with(place), "{function}");
    let old = said(|model| model.opset_import[0].version = 6);
    assert_eq!(old, "not an ONNX model: its operators are of version 6, older than 7");
    assert!(said(|model| model.opset_import.clear()).contains("does not say which operators"));
    assert!(said(|model| model.graph = None).contains("it has no graph"));
    let other = said(|model| graph(model).node[0].domain = "com.example".to_owned());
    assert!(other.starts_with("no recurrent layer"), "{other}");
    // Deeper than a decoder may go.
    let deep = said(|model| {
        for _ in 0..100 {
            let branch = AttributeProto { g: model.graph.take(), ..Default::default() };
            let node = NodeProto { attribute: vec![branch], ..Default::default() };
            model.graph = Some(GraphProto { node: vec![node], ..Default::default() });
        }
    });
    assert!(deep.contains("recursion limit"), "{deep}");
}

#[test]
fn copies_of_constants_are_followed_and_may_go_round() {
    let copy = |from: &str, to: &str| NodeProto {
        op_type: "Identity".to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        ..Default::default()
    };
    let fine = said(|model| {
        let graph = graph(model);
        graph.node[0].input[1] = "second".to_owned();
        graph.node.extend([copy("W", "first"), copy("first", "second")]);
    });
    assert_eq!(fine, "fine");
    let round = said(|model| {
        let graph = graph(model);
        graph.node[0].input[1] = "second".to_owned();
        graph.node.extend([copy("second", "first"), copy("first", "second")]);
    });
    assert_eq!(round, "node `Y`, input `W`: `second` is no constant of the model");
    // One behind the other, the last one first: each is followed once.
    let many = said(|model| {
        let graph = graph(model);
        graph.node[0].input[1] = "copy 49999".to_owned();
        let name = |at: usize| if at == 0 { "W".to_owned() } else { format!("copy {at}") };
        graph.node.extend((1..50_000).rev().map(|at| copy(&name(at - 1), &name(at))));
    });
    assert_eq!(many, "fine");
    let constant = said(|model| {
        let graph = graph(model);
        let value = Some(graph.initializer.remove(0));
        let value = AttributeProto { name: "value".to_owned(), t: value, ..Default::default() };
        graph.node.push(NodeProto {
            op_type: "Constant".to_owned(),
            output: vec!["W".to_owned()],
            attribute: vec![value],
            ..Default::default()
        });
    });
    assert_eq!(constant, "fine");
}

/// Nodes may share constants, but not so many that a small file asks for much memory.
#[test]
fn constants_are_shared_within_reason() {
    let shared_by = |count: usize| {
        said(|model| {
            let graph = graph(model);
            graph.initializer[0] = message("W", &[1, 6, 100_000], &[0.5_f32; 600_000]);
            let node = graph.node[0].clone();
            graph.node.extend(std::iter::repeat_n(node, count - 1));
        })
    };
    // 2.4 MB each.
    assert_eq!(shared_by(8), "fine");
    let refused = "not an ONNX model: its nodes share constants so often that they are many times its length";
    assert_eq!(shared_by(40), refused);
}
