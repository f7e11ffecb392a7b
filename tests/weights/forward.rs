//! Layers compute what they computed in their framework.

use std::collections::BTreeMap;

use gatewright::parameters::NamedTensor;
use gatewright::weights::onnx::{Choices, Given, Node, Reading};
use gatewright::weights::{Activation, Direction, Family, Layer, Tensors, keras, onnx, pytorch};

use super::{Results, Rows, difference, model, models, run, tensors};

/// `[T, B, n]`, or `[B, T, n]`, as rows of each sample.
fn rows(tensor: &NamedTensor<f32>, batch_major: bool) -> Rows {
    let [first, second, size] = tensor.shape[..] else { panic!("{}: {:?}", tensor.name, tensor.shape) };
    let (steps, batch) = if batch_major { (second, first) } else { (first, second) };
    let row = |step: usize, sample: usize| {
        let at = if batch_major { sample * steps + step } else { step * batch + sample };
        tensor.values[at * size..(at + 1) * size].to_vec()
    };
    (0..batch).map(|sample| (0..steps).map(|step| row(step, sample)).collect()).collect()
}

/// `[count, B, n]` as rows of each sample for each of `count`.
fn states(tensor: &NamedTensor<f32>) -> Vec<Vec<Vec<f32>>> {
    let [_, batch, size] = tensor.shape[..] else { panic!("{}: {:?}", tensor.name, tensor.shape) };
    let one = |values: &[f32]| values.chunks(size).map(<[f32]>::to_vec).collect();
    tensor.values.chunks(batch * size).map(one).collect()
}

/// The directions of a layer beside each other.
fn joined(results: &[Results]) -> Rows {
    let (samples, first) = (results[0].outputs.len(), &results[0]);
    let row = |sample: usize, step: usize| {
        results.iter().flat_map(|result| result.outputs[sample][step].clone()).collect()
    };
    (0..samples)
        .map(|sample| (0..first.outputs[sample].len()).map(|step| row(sample, step)).collect())
        .collect()
}

struct Failures(Vec<String>);

impl Failures {
    fn compare(&mut self, what: &str, found: &[f32], expected: &NamedTensor<f32>) {
        if let Some(difference) = difference(found, &expected.values) {
            self.0.push(format!("{what}: {difference}"));
        }
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}

/// Rows of each sample as `[T, B, n]`.
fn time_major(rows: &Rows) -> Vec<f32> {
    let steps = rows.first().map_or(0, Vec::len);
    (0..steps).flat_map(|step| rows.iter().flat_map(move |sample| sample[step].clone())).collect()
}

fn pytorch_module(name: &str, layers: &[&Layer<f32>], data: &Tensors<f32>, failures: &mut Failures) {
    let get = |key: &str| data.get(&format!("{name}.{key}"));
    let mut values = rows(get("x").expect("an input"), false);
    let h = states(get("h0").expect("a state"));
    let c = get("c0").map(states);
    let (mut last_h, mut last_c, mut state) = (Vec::new(), Vec::new(), 0);
    for index in 0..=layers.iter().map(|layer| layer.index).max().expect("a layer") {
        let mut results = Vec::new();
        for layer in layers.iter().filter(|layer| layer.index == index) {
            let result = run(layer, &values, Some(&h[state]), c.as_ref().map(|c| c[state].as_slice()));
            last_h.extend(result.h.concat());
            last_c.extend(result.c.concat());
            results.push(result);
            state += 1;
        }
        values = joined(&results);
    }
    failures.compare(&format!("{name}.y"), &time_major(&values), get("y").expect("an output"));
    failures.compare(&format!("{name}.h"), &last_h, get("h").expect("a final state"));
    if let Some(expected) = get("c") {
        failures.compare(&format!("{name}.c"), &last_c, expected);
    }
}

#[test]
fn pytorch_modules() {
    let expected = tensors("pytorch_expected");
    let mut failures = Failures(Vec::new());
    let mut compared = 0;
    for (file, activation) in [("pytorch", Activation::Tanh), ("pytorch_relu", Activation::Relu)] {
        let imported = pytorch::import(&tensors(file), activation).expect("layers");
        let mut modules: BTreeMap<&str, Vec<&Layer<f32>>> = BTreeMap::new();
        for layer in &imported.layers {
            modules.entry(&layer.name).or_default().push(layer);
        }
        for (name, layers) in modules {
            if name == "step" {
                assert_eq!(layers.len(), 1, "an LSTMCell is one layer");
                continue;
            }
            pytorch_module(name, &layers, &expected, &mut failures);
            compared += 1;
        }
        let rest = if file == "pytorch" { vec!["head.bias", "head.weight"] } else { vec![] };
        assert_eq!(imported.rest, rest);
    }
    failures.finish();
    assert_eq!(compared, 10);
}

/// Weights in 16 bits, of both kinds.
#[test]
fn half_precision() {
    let expected = tensors("half_expected");
    let imported = pytorch::import(&tensors("half"), Activation::Tanh).expect("layers");
    let mut failures = Failures(Vec::new());
    for layer in &imported.layers {
        pytorch_module(&layer.name, &[layer], &expected, &mut failures);
    }
    failures.finish();
    assert_eq!(imported.layers.len(), 2);
}

#[test]
fn keras_layers() {
    let expected = tensors("keras_expected");
    let mut failures = Failures(Vec::new());
    let choices = keras::Arguments {
        activation: Some(keras::activation("softsign").expect("known")),
        recurrent_activation: Some(keras::activation("hard_sigmoid").expect("known")),
        reset_after: Some(false),
    };
    let mut compared = 0;
    for (file, arguments) in [("keras", keras::Arguments::default()), ("keras_choices", choices)] {
        let imported = keras::import(&tensors(file), &arguments).expect("layers");
        assert_eq!(imported.rest, Vec::<String>::new());
        let mut layers: BTreeMap<&str, Vec<&Layer<f32>>> = BTreeMap::new();
        for layer in &imported.layers {
            layers.entry(layer.name.split('/').next().expect("a name")).or_default().push(layer);
        }
        for (name, mut directions) in layers {
            directions.sort_by_key(|layer| layer.direction);
            let get = |key: &str| expected.get(&format!("{name}.{key}")).expect("an expected value");
            let input = rows(get("x"), false);
            let results: Vec<Results> =
                directions.iter().map(|layer| run(layer, &input, None, None)).collect();
            assert_eq!(results.len(), if name == "both" { 2 } else { 1 });
            failures.compare(&format!("{name}.y"), &time_major(&joined(&results)), get("y"));
            let states = results.iter().flat_map(|result| [result.h.concat(), result.c.concat()]);
            for (at, state) in states.filter(|state| !state.is_empty()).enumerate() {
                failures.compare(&format!("{name}.state{at}"), &state, get(&format!("state{at}")));
            }
            compared += 1;
        }
    }
    failures.finish();
    assert_eq!(compared, 8);
}

/// The initial state of each direction, a constant of the model or one of its inputs.
fn initial(
    given: &Given<Vec<NamedTensor<f32>>>,
    node: &Node<f32>,
    value: impl Fn(&str) -> NamedTensor<f32>,
) -> Option<Vec<Vec<Vec<f32>>>> {
    match given {
        Given::Nothing => None,
        Given::Constant(states) => {
            let one =
                |state: &NamedTensor<f32>| state.values.chunks(state.shape[1]).map(<[f32]>::to_vec).collect();
            Some(states.iter().map(one).collect())
        }
        Given::Value(name) => {
            assert!(!node.batch_major, "the tests have none");
            Some(states(&value(name)))
        }
    }
}

fn onnx_node(
    name: &str,
    reading: Reading,
    data: &Tensors<f32>,
    expected: &NamedTensor<f32>,
    failures: &mut Failures,
) {
    let choices = Choices { reading, ..Choices::default() };
    let imported =
        onnx::import::<f32>(&model(name), choices).unwrap_or_else(|error| panic!("{name}: {error}"));
    let [node] = &imported.nodes[..] else { panic!("{name}: {} nodes", imported.nodes.len()) };
    assert_eq!(node.name, name);
    let get = |key: &str| data.get(&format!("{name}.{key}")).expect("a value");
    let mut input = rows(get("X"), node.batch_major);
    let steps = input[0].len();
    match &node.lengths {
        Given::Nothing => {}
        Given::Value(value) => {
            for (rows, &length) in input.iter_mut().zip(&get(value).values) {
                rows.truncate(length as usize);
            }
        }
        Given::Constant(_) => panic!("{name}: the tests have none"),
    }
    let h = initial(&node.initial_h, node, |name| get(name).clone());
    let c = initial(&node.initial_c, node, |name| get(name).clone());
    let state = |states: &Option<Vec<Vec<Vec<f32>>>>, at: usize| states.as_ref().map(|all| all[at].clone());
    let results: Vec<Results> = (0..node.layers.len())
        .map(|at| run(&node.layers[at], &input, state(&h, at).as_deref(), state(&c, at).as_deref()))
        .collect();
    // Y is [T, D, B, n], or [B, T, D, n]; zero beyond the length.
    let zero = vec![0.0; node.layers[0].sizes.output];
    let row = |direction: usize, sample: usize, step: usize| {
        results[direction].outputs[sample].get(step).unwrap_or(&zero).clone()
    };
    let (directions, batch) = (0..results.len(), 0..input.len());
    let found: Vec<f32> = if node.batch_major {
        batch
            .flat_map(|sample| {
                let directions = directions.clone();
                (0..steps)
                    .flat_map(move |step| directions.clone().map(move |direction| (direction, sample, step)))
            })
            .flat_map(|(direction, sample, step)| row(direction, sample, step))
            .collect()
    } else {
        (0..steps)
            .flat_map(|step| {
                let batch = batch.clone();
                directions
                    .clone()
                    .flat_map(move |direction| batch.clone().map(move |sample| (direction, sample, step)))
            })
            .flat_map(|(direction, sample, step)| row(direction, sample, step))
            .collect()
    };
    failures.compare(&expected.name, &found, expected);
    if reading == Reading::Specification {
        return;
    }
    let last = |of: fn(&Results) -> &Vec<Vec<f32>>| -> Vec<f32> {
        if node.batch_major {
            assert_eq!(results.len(), 1, "with one direction both layouts of a state are one");
        }
        results.iter().flat_map(|result| of(result).concat()).collect()
    };
    failures.compare(&format!("{name}.Y_h"), &last(|result| &result.h), get("Y_h"));
    if let Some(expected) = data.get(&format!("{name}.Y_c")) {
        failures.compare(&format!("{name}.Y_c"), &last(|result| &result.c), expected);
    }
}

/// All that ONNX Runtime and the reference implementation have computed.
#[test]
fn onnx_nodes() {
    let data = tensors("onnx_expected");
    let mut failures = Failures(Vec::new());
    let mut compared = 0;
    for name in models() {
        if name != "exported" {
            onnx_node(&name, Reading::Runtime, &data, &data[&format!("{name}.Y")], &mut failures);
            compared += 1;
        }
    }
    failures.finish();
    assert_eq!(compared, 38);
}

/// By the specification, activations have clipped inputs that ONNX Runtime leaves as they are.
#[test]
fn an_onnx_node_by_the_specification() {
    let data = tensors("onnx_expected");
    let mut failures = Failures(Vec::new());
    let expected = &data["lstm_by_specification.Y"];
    onnx_node("lstm_everything", Reading::Specification, &data, expected, &mut failures);
    failures.finish();
    let family = |reading| {
        let choices = Choices { reading, ..Choices::default() };
        let imported = onnx::import::<f32>(&model("rnn_thresholdedrelu_default"), choices).expect("a layer");
        imported.nodes[0].layers[0].form.family
    };
    let thresholded = |alpha| Family::Simple { activation: Activation::ThresholdedRelu { alpha } };
    assert_eq!(family(Reading::Specification), thresholded(1.0));
    assert_eq!(family(Reading::Runtime), thresholded(0.0));
}

#[test]
fn a_model_that_pytorch_exported() {
    let data = tensors("onnx_expected");
    let imported = onnx::import::<f32>(&model("exported"), Choices::default()).expect("layers");
    let kinds: Vec<usize> = imported.nodes.iter().map(|node| node.layers.len()).collect();
    assert_eq!(kinds, [2, 2, 1], "two layers of an LSTM in both directions, then a GRU");
    // The states that PyTorch writes are zeros, computed by the model.
    let mut values = rows(&data["exported.x"], false);
    for node in &imported.nodes {
        let results: Vec<Results> = node.layers.iter().map(|layer| run(layer, &values, None, None)).collect();
        values = joined(&results);
    }
    let mut failures = Failures(Vec::new());
    failures.compare("exported.y", &time_major(&values), &data["exported.y"]);
    failures.finish();
    assert!(imported.nodes[0].layers.iter().any(|layer| layer.direction == Direction::Reverse));
}
