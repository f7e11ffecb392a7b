//! Layers of frameworks: `import` and `export`.

use std::path::Path;

use gatewright::parameters::{Conversion, NamedTensor, read_tensors, write_tensors};

use crate::process::{Folder, root};
use crate::{err, gatewright, out};

/// Files as the frameworks themselves write them.
#[test]
fn saved_files_are_imported() {
    let folder = Folder::new("saved");
    for (file, from, more, layer) in [
        ("pytorch.pt", "pytorch", vec![], "lstm_deep_l1_reverse"),
        ("pytorch_checkpoint.pt", "pytorch", vec!["--key", "model"], "gru_l0"),
        ("half.safetensors", "pytorch", vec![], "gru_l0"),
        ("keras.weights.h5", "keras", vec![], "lstm_lstm_cell_l0"),
        ("keras.keras", "keras", vec![], "gru_before_gru_cell_l0"),
    ] {
        let (out, path) = (folder.path(file), format!("tests/weights/{file}"));
        let line = ["import", &path, "--from", from, "--out", &out];
        let output = gatewright(&[&line[..], &more[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{file}: {}", err(&output));
        for extension in ["md", "safetensors"] {
            let name = format!("{file}/{layer}.{extension}");
            assert!(Path::new(&folder.path(&name)).exists(), "{name}: {}", crate::out(&output));
        }
    }
    let out = folder.path("refused");
    for (line, code, says) in [
        ("tests/weights/pytorch_checkpoint.pt --from pytorch", 2, "`model`"),
        ("tests/weights/pytorch.pt --from keras", 1, "not a Keras file"),
        ("tests/weights/pytorch.safetensors --from pytorch --key model", 2, "--key"),
        ("tests/weights/keras_other.h5 --from keras", 1, "attribute `activation`"),
    ] {
        let line: Vec<&str> =
            ["import"].into_iter().chain(line.split_whitespace()).chain(["--out", &out]).collect();
        let output = gatewright(&line);
        assert_eq!(output.status.code(), Some(code), "{line:?}: {}", err(&output));
        assert!(err(&output).contains(says), "{line:?}: {}", err(&output));
    }
}

#[test]
fn layers_of_frameworks_are_imported_run_and_exported() {
    let folder = Folder::new("import");
    let (imported, data, answer) =
        (folder.path("imported"), folder.path("data.safetensors"), folder.path("answer.safetensors"));
    let output =
        gatewright(&["import", "tests/weights/onnx/lstm.onnx", "--from", "onnx", "--out", &imported]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(out(&output), format!("{imported}/lstm_l0.md: x = 3, h = 4\n"));
    let expected = root().join("tests/weights/onnx_expected.safetensors");
    let expected = read_tensors::<f32>(&expected, Conversion::Exact).expect("data of the tests");
    let input = NamedTensor { name: "input.x".to_owned(), ..expected["lstm.X"].clone() };
    write_tensors(Path::new(&data), &[input], &[]).expect("written");
    let (cell, weights) = (format!("{imported}/lstm_l0.md"), format!("{imported}/lstm_l0.safetensors"));
    let run = ["run", &cell, "--weights", &weights, "--data", &data, "--out", &answer];
    let output = gatewright(&run);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let found = read_tensors::<f32>(Path::new(&answer), Conversion::Exact).expect("the answer");
    let pairs = found["output.h"].values.iter().zip(&expected["lstm.Y"].values);
    assert_eq!(found["output.h"].values.len(), expected["lstm.Y"].values.len());
    assert!(pairs.into_iter().all(|(found, expected)| (found - expected).abs() < 1e-5));
    let twice = gatewright(&["run", &cell, "--weights", &data, "--data", &data, "--out", &answer]);
    assert_eq!((twice.status.code(), err(&twice).as_str()), (Some(1), "error: `input.x` is in both files\n"));

    for (framework, name) in [("pytorch", "m.weight_ih_l0_reverse"), ("keras", "m/recurrent_kernel")] {
        let exported = folder.path(framework);
        let mut arguments =
            vec!["export", &cell, "--weights", &weights, "--to", framework, "--out", &exported];
        arguments.extend(["--name", "m"]);
        arguments.extend(["--reverse"].iter().filter(|_| framework == "pytorch"));
        let output = gatewright(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let tensors = read_tensors::<f32>(Path::new(&exported), Conversion::Exact).expect("tensors");
        assert!(tensors.contains_key(name), "{framework}: {:?}", tensors.keys());
    }
    let model = folder.path("again.onnx");
    let output = gatewright(&["export", &cell, "--weights", &weights, "--to", "onnx", "--out", &model]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let again = folder.path("again");
    assert_eq!(gatewright(&["import", &model, "--from", "onnx", "--out", &again]).status.code(), Some(0));
    let tensors = |path: String| read_tensors::<f32>(Path::new(&path), Conversion::Exact).expect("weights");
    assert_eq!(tensors(format!("{again}/Y_l0.safetensors")), tensors(weights.clone()));
}

#[test]
fn import_says_what_it_leaves_and_what_it_refuses() {
    let folder = Folder::new("refusals");
    let imported = folder.path("imported");
    let import = |file: &str, from: &str, more: &[&str]| {
        let mut arguments = vec!["import", file, "--from", from, "--out", &imported];
        arguments.extend(more);
        gatewright(&arguments)
    };
    let output = import("tests/weights/pytorch.safetensors", "pytorch", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(err(&output), "left alone, as no part of a recurrent layer: head.bias, head.weight\n");
    assert!(out(&output).contains("lstm_deep_l1_reverse.md: x = 8, h = 4; time runs backwards\n"));
    let model = "tests/weights/onnx/lstm_everything.onnx";
    let output = import(model, "onnx", &["--reading", "runtime"]);
    let told = "`sequence_lens` gives the steps of each sequence; `initial_c` gives the first `c`\n";
    assert!(out(&output).contains(told), "{}", out(&output));
    let keras = "tests/weights/keras_choices.safetensors";
    for (output, code, said) in [
        (import(model, "onnx", &["--activation", "relu"]), 2, "--activation says nothing"),
        (import(keras, "keras", &[]), 2, "reset_after: "),
        (import(keras, "keras", &["--activation", "mish"]), 2, "activation: `mish`"),
        (import(keras, "pytorch", &[]), 1, "no recurrent layer"),
        (import(keras, "onnx", &[]), 1, "not an ONNX model"),
        (import("no/such/file", "onnx", &[]), 2, "no/such/file"),
        (import(model, "keras", &[]), 1, "not a safetensors file"),
    ] {
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
        assert!(err(&output).contains(said), "{said}: {}", err(&output));
    }
    let weights = format!("{imported}/gru_l0.safetensors");
    let export = |cell: &str, to: &str| {
        let out = folder.path("out");
        let output = gatewright(&["export", cell, "--weights", &weights, "--to", to, "--out", &out]);
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        err(&output)
    };
    assert!(export("zoo:mgu", "keras").contains("no simple network, LSTM or GRU"));
    assert!(export("zoo:lstm", "pytorch").contains("is missing"));
}
