//! Files that PyTorch and Keras write themselves hold what the safetensors files beside them hold, which are compared by
//! running them ([`super::forward`]); and whatever is in them, the answer is layers or an error.

use gatewright::parameters::Conversion;
use gatewright::weights::{Activation, Layer, WeightError, keras, pytorch};

use super::{folder, tensors};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("a file of the tests")
}

#[test]
fn what_torch_saves() {
    let read = |name: &str, key| pytorch::state_dict::<f32>(&file(name), Conversion::Exact, key);
    for name in ["pytorch", "pytorch_relu", "half"] {
        assert_eq!(read(&format!("{name}.pt"), None).expect("a state_dict"), tensors(name), "{name}");
    }
    // With other things beside it.
    assert_eq!(read("pytorch_checkpoint.pt", Some("model")).expect("a state_dict"), tensors("pytorch"));
    for (name, key) in [("pytorch_checkpoint.pt", None), ("pytorch_checkpoint.pt", Some("optimizer"))] {
        let error = read(name, key).expect_err("no tensors there").to_string();
        assert!(error.contains("key") && error.contains("`model`"), "{error}");
    }
    // Integers are numbers, and no reason to refuse the layers beside them.
    let counts = read("counts.pt", None).expect("a state_dict");
    assert_eq!(counts["norm.num_batches_tracked"].values, [7.0]);
    assert_eq!(counts["mask"].values, [1.0, 0.0]);
    let imported = pytorch::import(&counts, Activation::Tanh).expect("an LSTM");
    assert_eq!((imported.layers.len(), imported.rest.len()), (1, 6));
    let error = read("keras.h5", None).expect_err("another file").to_string();
    assert!(error.starts_with("not a PyTorch file"), "{error}");
    let old = pytorch::state_dict::<f32>(b"\x80\x02\x8a\x0a", Conversion::Exact, None).expect_err("old");
    assert!(old.to_string().contains("1.6"), "{old}");
}

/// But for their names.
fn assert_same(found: &[Layer<f32>], expected: &[Layer<f32>]) {
    let content = |layer: &Layer<f32>| (layer.form, layer.sizes, layer.direction, layer.tensors.clone());
    for layer in expected {
        assert!(found.iter().any(|found| content(found) == content(layer)), "{} is not found", layer.name);
    }
    assert_eq!(found.len(), expected.len());
}

fn choices() -> keras::Arguments {
    keras::Arguments {
        activation: Some(keras::activation("softsign").expect("known")),
        recurrent_activation: Some(keras::activation("hard_sigmoid").expect("known")),
        reset_after: Some(false),
    }
}

#[test]
fn what_keras_saves() {
    let read = |name: &str, arguments: keras::Arguments| {
        keras::import_file::<f32>(&file(name), Conversion::Exact, &arguments)
    };
    let plain = keras::import(&tensors("keras"), &keras::Arguments::default()).expect("layers").layers;
    let chosen = keras::import(&tensors("keras_choices"), &choices()).expect("layers").layers;
    let found = read("keras.weights.h5", keras::Arguments::default()).expect("layers");
    assert_same(&found.layers, &plain);
    assert_eq!(found.rest, [""; 0]);
    let names: Vec<&str> = found.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert!(names.contains(&"lstm/lstm_cell"), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("both/backward_")), "{names:?}");
    assert_same(&read("keras_choices.weights.h5", choices()).expect("layers").layers, &chosen);
    // The whole model tells the arguments of each layer.
    for name in ["keras.h5", "keras.keras"] {
        let found = read(name, keras::Arguments::default()).expect("layers");
        assert_same(&found.layers, &[plain.clone(), chosen.clone()].concat());
    }
}

#[test]
fn what_keras_says_and_equations_do_not() {
    let attribute =
        |name: &str, arguments| match keras::import_file::<f32>(&file(name), Conversion::Exact, &arguments) {
            Err(WeightError::Attribute { node, attribute, .. }) => (node, attribute),
            other => panic!("{name}: {other:?}"),
        };
    let default = keras::Arguments::default();
    let (node, turned) = attribute("keras_turned.h5", default);
    assert!(node.contains("turned") && turned == "go_backwards", "{node} {turned}");
    assert_eq!(attribute("keras_other.h5", default).1, "activation");
    let relu = keras::Arguments { activation: Some(Activation::Relu), ..default };
    assert_eq!(attribute("keras.h5", relu).1, "activation");
    let after = keras::Arguments { reset_after: Some(true), ..default };
    assert_eq!(attribute("keras.h5", after).1, "reset_after");
}

/// Whatever is cut off or changed: an answer, soon, and of no more numbers than the file has room for.
#[test]
fn damaged_files() {
    type Reader = fn(&[u8]) -> Result<usize, WeightError>;
    let torch: Reader = |bytes| {
        let read = pytorch::state_dict::<f32>(bytes, Conversion::Exact, None)?;
        Ok(read.values().map(|tensor| tensor.values.len()).sum())
    };
    let keras: Reader = |bytes| {
        let read = keras::import_file::<f32>(bytes, Conversion::Exact, &keras::Arguments::default())?;
        Ok(read.layers.iter().flat_map(|layer| &layer.tensors).map(|tensor| tensor.values.len()).sum())
    };
    for (name, read, stride) in [
        ("half.pt", torch, 1),
        ("keras_turned.h5", keras, 7),
        ("keras.weights.h5", keras, 61),
        ("keras.keras", keras, 211),
    ] {
        let bytes = file(name);
        let (mut fine, mut refused) = (0, 0);
        let mut meet = |bytes: &[u8]| match read(bytes) {
            Ok(numbers) => {
                assert!(numbers <= 8 * bytes.len(), "{name}");
                fine += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        };
        for at in (0..bytes.len()).step_by(stride) {
            meet(&bytes[..at]);
            for value in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                meet(&damaged);
            }
        }
        assert!(fine + refused > 1000 && refused > 100, "{name}: {fine} were read, {refused} refused");
    }
}
