//! Damaged files and tensors give errors, or layers whose equations still mean a cell.

use std::collections::BTreeSet;

use gatewright::parameters::NamedTensor;
use gatewright::weights::onnx::Choices;
use gatewright::weights::{Activation, Layer, Tensors, WeightError, keras, onnx, pytorch};

use super::{model, models, tensors};

/// Reads the equations of layers that damaged data gave, each text once.
#[derive(Default)]
struct Survivors(BTreeSet<String>);

impl Survivors {
    fn meet(&mut self, layer: &Layer<f32>) {
        if self.0.insert(layer.form.text()) {
            layer.cell().unwrap_or_else(|error| panic!("{error}"));
        }
        for tensor in &layer.tensors {
            assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
        }
    }
}

#[test]
fn damaged_models() {
    let mut survivors = Survivors::default();
    let (mut read, mut refused) = (0, 0);
    let mut meet = |bytes: &[u8]| match onnx::import::<f32>(bytes, Choices::default()) {
        Ok(model) => {
            read += 1;
            model.nodes.iter().flat_map(|node| &node.layers).for_each(|layer| survivors.meet(layer));
        }
        Err(error) => {
            refused += 1;
            assert!(!error.to_string().is_empty());
        }
    };
    for name in models() {
        let bytes = model(&name);
        for end in (0..bytes.len()).step_by(if name == "exported" { 97 } else { 3 }) {
            meet(&bytes[..end]);
        }
    }
    for name in ["lstm_everything", "gru_everything", "rnn_hardsigmoid"] {
        let bytes = model(name);
        for at in 0..bytes.len() {
            for value in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                meet(&damaged);
            }
        }
    }
    assert!(read > 1000 && refused > 5000, "{read} were read, {refused} refused");
}

/// Each tensor in turn left out, and with shapes that do not fit.
fn damaged(tensors: &Tensors<f32>) -> impl Iterator<Item = Tensors<f32>> {
    let shapes: [(&[usize], usize); 9] = [
        (&[], 1),
        (&[0], 0),
        (&[0, 0], 0),
        (&[usize::MAX, 0], 0),
        (&[usize::MAX - 3, 0], 0),
        (&[0, usize::MAX], 0),
        (&[4, 1], 4),
        (&[1, 1, 1], 1),
        (&[16, 4], 3),
    ];
    tensors.keys().flat_map(move |name| {
        let mut without = tensors.clone();
        without.remove(name);
        let with = shapes.into_iter().map(move |(shape, length)| {
            let mut with = tensors.clone();
            let tensor = NamedTensor { name: name.clone(), shape: shape.to_vec(), values: vec![0.5; length] };
            with.insert(name.clone(), tensor);
            with
        });
        std::iter::once(without).chain(with)
    })
}

#[test]
fn damaged_tensors() {
    let mut survivors = Survivors::default();
    let mut refused = 0;
    for tensors in damaged(&tensors("pytorch")) {
        match pytorch::import(&tensors, Activation::Tanh) {
            Ok(imported) => imported.layers.iter().for_each(|layer| survivors.meet(layer)),
            Err(error) => refused += usize::from(!error.to_string().is_empty()),
        }
    }
    for tensors in damaged(&tensors("keras")) {
        match keras::import(&tensors, &keras::Arguments::default()) {
            Ok(imported) => imported.layers.iter().for_each(|layer| survivors.meet(layer)),
            Err(error) => refused += usize::from(!error.to_string().is_empty()),
        }
    }
    // All but those of the tensors of no layer, and a layer that lost all of its bias or its projection.
    assert!(refused > 600, "{refused}");
}

fn one(name: &str, shape: &[usize]) -> (String, NamedTensor<f32>) {
    let values = vec![0.5; shape.iter().product()];
    (name.to_owned(), NamedTensor { name: name.to_owned(), shape: shape.to_vec(), values })
}

/// Names of tensors with their shapes.
type Shapes<'a> = &'a [(&'a str, &'a [usize])];

#[test]
fn pytorch_refusals_name_the_tensor() {
    let input = one("m.weight_ih_l0", &[8, 3]);
    let recurrent = one("m.weight_hh_l0", &[8, 2]);
    let message = |tensors: &[(String, NamedTensor<f32>)], activation: Activation| {
        let tensors: Tensors<f32> = tensors.iter().cloned().collect();
        pytorch::import(&tensors, activation)
            .map(|imported| imported.layers.len())
            .map_err(|error| error.to_string())
    };
    let with = |more: Shapes<'_>| {
        let more = more.iter().map(|(name, shape)| one(name, shape));
        let tensors: Vec<_> = [input.clone(), recurrent.clone()].into_iter().chain(more).collect();
        message(&tensors, Activation::Tanh)
    };
    assert_eq!(with(&[]), Ok(1));
    let cases: [(Shapes<'_>, &str); 8] = [
        (&[("m.bias_ih_l0", &[8])], "`m.bias_hh_l0` is missing"),
        (&[("m.bias_ih_l0", &[7]), ("m.bias_hh_l0", &[8])], "`m.bias_ih_l0` has shape [7], expected [8]"),
        (&[("m.weight_ih_l1", &[8, 2])], "`m.weight_hh_l1` is missing"),
        (&[("m.weight_ih_l2", &[8, 2]), ("m.weight_hh_l2", &[8, 2])], "`m.weight_ih_l1` is missing"),
        (
            &[("m.weight_ih_l1", &[8, 5]), ("m.weight_hh_l1", &[8, 2])],
            "`m.weight_ih_l1` has shape [8, 5], expected what the layer below gives: the same kind, 2 inputs",
        ),
        (
            &[
                ("m.weight_ih_l1", &[8, 2]),
                ("m.weight_hh_l1", &[8, 2]),
                ("m.weight_ih_l0_reverse", &[8, 3]),
                ("m.weight_hh_l0_reverse", &[8, 2]),
                ("m.weight_ih_l1_reverse", &[8, 2]),
                ("m.weight_hh_l1_reverse", &[8, 2]),
            ],
            "`m.weight_ih_l1` has shape [8, 2], expected what the layer below gives: the same kind, 4 inputs",
        ),
        (
            &[("m.weight_hr_l0", &[2, 4])],
            "`m.weight_hh_l0` has shape [8, 2], expected 4 times 4 rows: an LSTM of 4 units (`weight_hr`)",
        ),
        (&[("n.weight_ih_l0_reverse", &[8, 3])], "`n.weight_ih_l0` is missing"),
    ];
    for (more, expected) in cases {
        assert_eq!(with(more), Err(expected.to_owned()));
    }
    assert!(
        message(&[input.clone(), recurrent.clone()], Activation::Relu)
            .unwrap_err()
            .starts_with("activation:")
    );
    assert!(message(&[input, recurrent], Activation::Sigmoid).unwrap_err().contains("tanh or relu"));
    assert!(
        message(&[one("head.weight", &[2, 2])], Activation::Tanh).unwrap_err().contains("no recurrent layer")
    );
}

#[test]
fn keras_refusals_name_the_argument() {
    let gru = [one("g/kernel", &[3, 6]), one("g/recurrent_kernel", &[2, 6])];
    let with_bias =
        |shape: &[usize]| -> Tensors<f32> { gru.iter().cloned().chain([one("g/bias", shape)]).collect() };
    let message = |tensors: &Tensors<f32>, arguments: keras::Arguments| {
        keras::import(tensors, &arguments)
            .map(|imported| imported.layers.len())
            .map_err(|error| error.to_string())
    };
    let arguments = keras::Arguments::default();
    let after = |after| keras::Arguments { reset_after: Some(after), ..arguments };
    assert_eq!(message(&with_bias(&[6]), arguments), Ok(1));
    assert_eq!(message(&with_bias(&[2, 6]), after(true)), Ok(1));
    let contrary = message(&with_bias(&[2, 6]), after(false)).unwrap_err();
    assert_eq!(contrary, "reset_after: the bias beside `g/recurrent_kernel` says the contrary");
    assert!(message(&gru.clone().into(), arguments).unwrap_err().starts_with("reset_after:"));
    assert!(message(&with_bias(&[3, 6]), arguments).unwrap_err().starts_with("`g/bias` has shape [3, 6]"));
    let simple: Tensors<f32> = [one("kernel:0", &[3, 2]), one("recurrent_kernel:0", &[2, 2])].into();
    assert_eq!(message(&simple, arguments), Ok(1));
    assert!(message(&simple, after(true)).unwrap_err().starts_with("reset_after: only a GRU"));
    let gate = keras::Arguments { recurrent_activation: Some(Activation::Relu), ..arguments };
    assert!(message(&simple, gate).unwrap_err().starts_with("recurrent_activation:"));
    assert!(matches!(keras::activation("mish"), Err(WeightError::Choice { choice: "activation", .. })));
}
