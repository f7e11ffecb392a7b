//! What goes out and comes back is the same to the bit; equations are known by what they are.

use gatewright::compiler::diagnostic::Severity;
use gatewright::parameters::NamedTensor;
use gatewright::weights::onnx::{Choices, Reading};
use gatewright::weights::{
    Activation, Clip, Direction, Family, Form, Layer, Reset, Sizes, Tensors, WeightError, keras, onnx,
    pytorch, recognise,
};
use gatewright::{CompileOptions, CompiledCell, Syntax, read_cell, zoo};
use gatewright_tests::Numbers;

use super::{model, models, tensors};

fn by_name(tensors: Vec<NamedTensor<f32>>) -> Tensors<f32> {
    tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect()
}

/// The same names and shapes; biases may be distributed otherwise.
fn assert_same_shapes(found: &Tensors<f32>, expected: &Tensors<f32>) {
    let shapes = |tensors: &Tensors<f32>| -> Vec<(String, Vec<usize>)> {
        tensors.values().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect()
    };
    assert_eq!(shapes(found), shapes(expected));
}

#[test]
fn pytorch_modules() {
    for (file, activation) in [("pytorch", Activation::Tanh), ("pytorch_relu", Activation::Relu)] {
        let mut expected = tensors(file);
        let imported = pytorch::import(&expected, activation).expect("layers");
        let layers = imported.layers.iter().filter(|layer| layer.name != "step");
        let exported = by_name(layers.flat_map(|layer| pytorch::export(layer).expect("a layer")).collect());
        expected.retain(|name, _| !name.starts_with("head.") && !name.starts_with("step."));
        assert_same_shapes(&exported, &expected);
        let again = pytorch::import(&exported, activation).expect("layers");
        let kept: Vec<Layer<f32>> =
            imported.layers.iter().filter(|layer| layer.name != "step").cloned().collect();
        assert_eq!(again.layers, kept);
    }
}

#[test]
fn keras_layers() {
    let choices = keras::Arguments {
        activation: Some(Activation::Softsign),
        recurrent_activation: Some(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }),
        reset_after: Some(false),
    };
    for (file, arguments) in [("keras", keras::Arguments::default()), ("keras_choices", choices)] {
        let expected = tensors(file);
        let imported = keras::import(&expected, &arguments).expect("layers");
        let exported: Vec<keras::Exported<f32>> =
            imported.layers.iter().map(|layer| keras::export(layer).expect("a layer")).collect();
        for (layer, exported) in imported.layers.iter().zip(&exported) {
            let again =
                keras::import(&by_name(exported.tensors.clone()), &exported.arguments).expect("a layer");
            assert_eq!(again.layers, std::slice::from_ref(layer));
        }
        let exported = by_name(exported.into_iter().flat_map(|exported| exported.tensors).collect());
        assert_same_shapes(&exported, &expected);
    }
}

#[test]
fn onnx_nodes() {
    for name in models() {
        for reading in [Reading::Specification, Reading::Runtime] {
            let choices = Choices { reading, ..Choices::default() };
            for node in onnx::import::<f32>(&model(&name), choices).expect("layers").nodes {
                let bytes = onnx::export(&node.layers, reading).expect("a model");
                let again = onnx::import::<f32>(&bytes, choices).expect("the same");
                assert_eq!(again.nodes[0].layers, node.layers, "{name}");
            }
        }
    }
}

#[test]
fn one_lstm_through_all_of_them() {
    let imported = pytorch::import(&tensors("pytorch"), Activation::Tanh).expect("layers");
    for name in ["lstm", "lstm_without_bias", "gru", "gru_without_bias", "rnn"] {
        let layer = imported.layers.iter().find(|layer| layer.name == name).expect("a layer");
        let exported = keras::export(layer).expect("a layer of Keras");
        let arguments = keras::Arguments {
            recurrent_activation: exported.arguments.recurrent_activation,
            ..exported.arguments
        };
        let of_keras =
            keras::import(&by_name(exported.tensors), &arguments).expect("a layer").layers.remove(0);
        let bytes = onnx::export(&[of_keras], Reading::Specification).expect("a node");
        let of_onnx = onnx::import::<f32>(&bytes, Choices::default()).expect("a layer");
        let mut found = of_onnx.nodes[0].layers[0].tensors.clone();
        let mut expected = layer.tensors.clone();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        expected.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(found, expected, "{name}");
        assert_eq!(of_onnx.nodes[0].layers[0].form, layer.form, "{name}");
    }
}

/// All forms with these activations.
fn forms(activations: [Activation; 3], bias: bool, clip: Option<Clip>) -> Vec<Form> {
    let [gate, candidate, output] = activations;
    let mut families = vec![Family::Simple { activation: candidate }];
    families.extend([Reset::Before, Reset::After].map(|reset| Family::Gru { gate, candidate, reset }));
    for choice in 0..8_u8 {
        let (peepholes, coupled, projection) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
        families.push(Family::Lstm { gate, candidate, output, peepholes, coupled, projection });
    }
    families.into_iter().map(|family| Form { family, bias, clip }).collect()
}

#[test]
fn every_form_is_a_cell_with_the_parameters_it_says() {
    let (alpha, beta) = (-0.0, f32::MIN_POSITIVE);
    let activations = [
        [Activation::Sigmoid, Activation::Tanh, Activation::Tanh],
        [Activation::Relu, Activation::Softsign, Activation::Softplus],
        [Activation::IDENTITY, Activation::IDENTITY, Activation::IDENTITY],
        [
            Activation::HardSigmoid { alpha: 1.0 / 6.0, beta },
            Activation::Affine { alpha, beta: f32::MAX },
            Activation::Elu { alpha: -3.5 },
        ],
        [
            Activation::LeakyRelu { alpha: f32::MAX },
            Activation::ScaledTanh { alpha, beta: -f32::MAX },
            Activation::ThresholdedRelu { alpha: -1e-30 },
        ],
    ];
    let clips = [
        None,
        Some(Clip { threshold: f32::MAX, memory: true }),
        Some(Clip { threshold: f32::MIN_POSITIVE, memory: false }),
    ];
    let sizes = Sizes { input: 2, hidden: 3, output: 3 };
    for chosen in activations {
        for clip in clips {
            for form in [forms(chosen, true, clip), forms(chosen, false, clip)].concat() {
                let sizes = if form.family.projects() { Sizes { output: 1, ..sizes } } else { sizes };
                let text = form.text();
                let cell =
                    read_cell(&text, Syntax::Markdown).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let warning =
                    cell.diagnostics.iter().find(|found| found.code.severity() == Severity::Warning);
                assert_eq!(warning, None, "{text}");
                let named = form.dimensions(sizes);
                let size =
                    |name: &String| named.iter().find(|(known, _)| known == name).map(|(_, size)| *size);
                let dimensions: Vec<usize> =
                    cell.dimensions.iter().map(|name| size(name).expect(&text)).collect();
                let shape =
                    |shape: &gatewright::compiler::shape::Shape| shape.sizes(&dimensions).expect("small");
                let variables = cell.parameters.iter();
                let mut found: Vec<(String, Vec<usize>)> =
                    variables.map(|variable| (variable.name.clone(), shape(&variable.shape))).collect();
                let mut expected = form.parameters(sizes);
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{text}");
            }
        }
    }
}

/// Random parameters of a cell, by name.
fn parameters(compiled: &CompiledCell<f32>) -> Tensors<f32> {
    let mut numbers = Numbers::new(5);
    let entries = compiled.parameter_layout().entries().iter();
    let tensor = |entry: &gatewright::parameters::ParameterEntry| NamedTensor {
        name: entry.name.clone(),
        shape: entry.shape.clone(),
        values: (0..entry.length()).map(|_| numbers.next() as f32).collect(),
    };
    by_name(entries.map(tensor).collect())
}

/// Output of a cell for parameters by name, over four steps of two samples.
fn output(compiled: &CompiledCell<f32>, parameters: &Tensors<f32>) -> Vec<f32> {
    use gatewright::sequence::{Forward, Keep, SequenceCell, Sequences};
    let mut numbers = Numbers::new(6);
    let layout = compiled.layout();
    let flat: Vec<f32> =
        layout.parameters.entries().iter().flat_map(|entry| parameters[&entry.name].values.clone()).collect();
    let input: Vec<f32> = (0..4 * 2 * layout.inputs[0].size).map(|_| numbers.next() as f32).collect();
    let mut output = vec![0.0; 4 * 2 * layout.outputs[0].size];
    compiled
        .forward(
            Forward {
                steps: 4,
                batch: 2,
                sequences: Sequences::default(),
                parameters: &flat,
                inputs: &[&input],
                initial_states: &[],
                outputs: &mut [&mut output],
                final_states: &mut [],
            },
            Keep::Nothing,
            &mut gatewright::workspace::Workspace::default(),
        )
        .expect("a run");
    output
}

#[test]
fn cells_are_known_by_their_equations() {
    let joined = r"
        $$ i_t = \sigma(W_i [h_{t-1}, x_t] + b_i) $$
        $$ f_t = \sigma(W_f [x_t, h_{t-1}] + b_f) $$
        $$ o_t = \sigma(W_o [h_{t-1}, x_t] + b_o) $$
        $$ C_t = f_t C_{t-1} + i_t \tanh(W_c [h_{t-1}, x_t] + b_c) $$
        $$ h_t = o_t \tanh(C_t) $$
    ";
    let sizes: &[(&str, usize)] = &[("x", 3), ("h", 4)];
    let text = |name: &str| zoo::find(name).expect("a cell of the zoo").text;
    let cases = [
        (joined, sizes, 4),
        (text("lstm"), sizes, 4),
        (text("peephole"), sizes, 4),
        (text("cifg"), sizes, 4),
        (text("gru_v1"), sizes, 3),
        (text("elman"), sizes, 1),
        ("$$h_t = relu(W [x_t, h_{t-1}])$$", sizes, 1),
    ];
    let options = CompileOptions { backend: gatewright::Backend::Interpreter, ..CompileOptions::default() };
    for (text, sizes, gates) in cases {
        let cell = read_cell(text, Syntax::Markdown).expect("a cell");
        let compiled = CompiledCell::<f32>::new(&cell, sizes, options).expect("it compiles");
        let parameters = parameters(&compiled);
        let layer = recognise(&cell, &parameters).unwrap_or_else(|error| panic!("{text}: {error}"));
        let coupled = matches!(layer.form.family, Family::Lstm { coupled: true, .. });
        assert_eq!(layer.form.family.gates().len() + usize::from(coupled), gates, "{text}");
        assert_eq!(layer.sizes, Sizes { input: 3, hidden: 4, output: 4 });
        assert_eq!(layer.direction, Direction::Forward);
        let expected = output(&compiled, &parameters);
        let found = output(&layer.compile(options).expect("it compiles"), &by_name(layer.tensors.clone()));
        assert_eq!(super::difference(&found, &expected), None, "{text}");
        assert!(onnx::export(std::slice::from_ref(&layer), Reading::Specification).is_ok());
    }
    for name in ["cornn", "gru_v3", "mgu"] {
        let cell = zoo::find(name).expect("a cell").read().expect("a cell");
        assert!(matches!(recognise(&cell, &Tensors::<f32>::new()), Err(WeightError::NoForm)), "{name}");
    }
}

#[test]
fn what_a_framework_lacks_is_said() {
    let refused = |error: WeightError| match error {
        WeightError::NotInFramework { framework, what } => format!("{framework}: {what}"),
        other => panic!("{other}"),
    };
    let mut found = Vec::new();
    let standard = [Activation::Sigmoid, Activation::Tanh, Activation::Tanh];
    for form in forms(standard, true, None) {
        let sizes = Sizes { input: 1, hidden: 2, output: if form.family.projects() { 1 } else { 2 } };
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let values = vec![0.5_f32; shape.iter().product()];
            NamedTensor { name, shape, values }
        };
        let tensors = form.parameters(sizes).into_iter().map(tensor).collect();
        let layer =
            Layer { name: String::new(), index: 0, direction: Direction::Forward, form, sizes, tensors };
        found.extend(pytorch::export(&layer).err().map(refused));
        found.extend(keras::export(&layer).err().map(refused));
        found.extend(onnx::export(std::slice::from_ref(&layer), Reading::Runtime).err().map(refused));
        // Tensors that are not those of the form are refused, not read.
        let mut broken = layer.clone();
        broken.tensors.pop();
        assert!(matches!(pytorch::export(&broken), Err(WeightError::Missing { .. })));
        let mut broken = layer.clone();
        broken.tensors[0].values.pop();
        assert!(matches!(onnx::export(&[broken], Reading::Runtime), Err(WeightError::Shape { .. })));
        let broken = Layer { sizes: Sizes { hidden: 0, ..sizes }, ..layer };
        assert!(matches!(keras::export(&broken), Err(WeightError::Choice { .. })));
    }
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        [
            "Keras: a projection",
            "Keras: coupled input and forget gates",
            "Keras: peepholes",
            "ONNX: a projection",
            "PyTorch: a GRU that resets before the recurrent product",
            "PyTorch: coupled input and forget gates",
            "PyTorch: peepholes",
        ]
    );
}
