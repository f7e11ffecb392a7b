//! A cell runs: `run`, `gradcheck`, and a cycle that is solved.

use std::path::Path;
use std::process::Output;

use gatewright::parameters::{Conversion, NamedTensor, read_tensors, write_tensors};

use crate::process::{Folder, root};
use crate::{err, gatewright, out};

#[test]
fn run_agrees_with_reference_data() {
    let folder = Folder::new("run");
    let answer = folder.path("answer.safetensors");
    let solved = ["--cycle", "fixed-point"].as_slice();
    for (name, more) in [("seed000_lstm", [].as_slice()), ("seed004_lstm_fixed_point", solved)] {
        for (dtype, tolerance, backend) in [
            ("f64", 1e-9, "jit"),
            ("f64", 1e-9, "interpreter"),
            ("f32", 2e-5, "jit"),
            ("f32", 2e-5, "interpreter"),
        ] {
            let (cell, data) =
                (format!("tests/golden/{name}.tex"), format!("tests/golden/{name}.safetensors"));
            let arguments = ["run", &cell, "--data", &data, "--out", &answer, "--dtype", dtype];
            let output = gatewright(&[&arguments, ["--backend", backend].as_slice(), more].concat());
            assert_eq!(output.status.code(), Some(0), "{}", err(&output));
            let golden = root().join(data);
            let golden = read_tensors::<f64>(&golden, Conversion::Exact).expect("reference data");
            let found = read_tensors::<f64>(Path::new(&answer), Conversion::Exact).expect("the answer");
            let kinds = ["output.", "final.", "grad."];
            let expected = golden.keys().filter(|name| kinds.iter().any(|kind| name.starts_with(kind)));
            assert!(found.keys().eq(expected), "{:?}", found.keys());
            for (name, tensor) in &found {
                let reference = &golden[name];
                assert_eq!(tensor.shape, reference.shape, "{name}");
                let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
                let pairs = tensor.values.iter().zip(&reference.values);
                let distance = norm(&mut pairs.map(|(left, right)| left - right));
                let size = norm(&mut reference.values.iter().copied());
                assert!(distance <= tolerance * size, "{dtype} {backend} {name}: {distance} of {size}");
            }
        }
    }
}

#[test]
fn run_names_what_is_wrong_with_the_data() {
    let folder = Folder::new("data");
    let golden = root().join("tests/golden/seed000_lstm.safetensors");
    let golden = read_tensors::<f64>(&golden, Conversion::Exact).expect("reference data");
    let given: Vec<NamedTensor<f64>> = golden
        .values()
        .filter(|tensor| ["input.", "param.", "state."].iter().any(|kind| tensor.name.starts_with(kind)))
        .cloned()
        .collect();
    let run = |change: &dyn Fn(&mut Vec<NamedTensor<f64>>)| {
        let mut tensors = given.clone();
        change(&mut tensors);
        let data = folder.path("data.safetensors");
        write_tensors(Path::new(&data), &tensors, &[]).expect("written");
        let answer = folder.path("answer.safetensors");
        gatewright(&[
            "run",
            "tests/golden/seed000_lstm.tex",
            "--data",
            &data,
            "--out",
            &answer,
            "--dtype",
            "f64",
        ])
    };
    let forward = run(&|_| {});
    assert_eq!(forward.status.code(), Some(0), "{}", err(&forward));
    let answer = folder.0.join("answer.safetensors");
    let names: Vec<String> =
        read_tensors::<f64>(&answer, Conversion::Exact).expect("the answer").into_keys().collect();
    assert_eq!(names, ["final.C", "final.h", "output.h"], "without gradients given, none are derived");
    let message = |output: Output| {
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        err(&output)
    };
    let lacking = message(run(&|tensors| tensors.retain(|tensor| tensor.name != "param.b_f")));
    assert!(lacking.contains("`param.b_f`"), "{lacking}");
    let unknown = message(run(&|tensors| tensors[0].name = "input.q".to_owned()));
    assert!(unknown.contains("input."), "{unknown}");
    let misshapen = message(run(&|tensors| {
        for tensor in tensors.iter_mut().filter(|tensor| tensor.name == "param.W_xf") {
            tensor.shape.reverse();
        }
    }));
    assert!(misshapen.contains("axis of"), "{misshapen}");
}

/// A sequence in parts is the sequence: also where a step reads what is older than the step before.
#[test]
fn a_sequence_goes_on_from_the_states_it_ended_with() {
    const STEPS: usize = 8;
    let folder = Folder::new("parts");
    let cell = folder.file("cell.txt", "h_t = tanh(W x_t + U h_{t-1} + V h_{t-3})");
    let numbers = |count: usize, seed: usize| -> Vec<f64> {
        (0..count).map(|at| ((at * 37 + seed * 11) % 19) as f64 / 19.0 - 0.5).collect()
    };
    let parameters = [("W", 6, [2, 3]), ("U", 4, [2, 2]), ("V", 4, [2, 2])];
    let input = numbers(STEPS * 3, 1);
    // Of some steps, from some states; all states with a gradient by what they end with.
    let run = |steps: std::ops::Range<usize>, states: &[(String, NamedTensor<f64>)], by_final: bool| {
        let named = |name: String, shape: Vec<usize>, values| NamedTensor { name, shape, values };
        let x = input[steps.start * 3..steps.end * 3].to_vec();
        let mut tensors = vec![named("input.x".to_owned(), vec![steps.len(), 1, 3], x)];
        for (seed, (name, count, shape)) in parameters.into_iter().enumerate() {
            tensors.push(named(format!("param.{name}"), shape.to_vec(), numbers(count, seed)));
        }
        for (name, tensor) in states {
            let of = |kind: &str| NamedTensor { name: format!("{kind}.{name}"), ..tensor.clone() };
            tensors.push(of("state"));
            tensors.extend(by_final.then(|| of("grad_final")));
        }
        let (data, out) = (folder.path("data.safetensors"), folder.path("answer.safetensors"));
        write_tensors(Path::new(&data), &tensors, &[]).expect("written");
        let output = gatewright(&["run", &cell, "--data", &data, "--out", &out, "--dtype", "f64"]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        read_tensors::<f64>(Path::new(&out), Conversion::Exact).expect("the answer")
    };
    let finals = |answer: &std::collections::BTreeMap<String, NamedTensor<f64>>| -> Vec<_> {
        let states = answer.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("final.")?, tensor)));
        states.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect()
    };
    let whole = run(0..STEPS, &[], false);
    let first = run(0..5, &[], false);
    let states = finals(&first);
    assert_eq!(states.len(), 3, "{:?}", first.keys());
    let second = run(5..STEPS, &states, true);
    let parts = [&first["output.h"].values[..], &second["output.h"].values].concat();
    assert_eq!(parts, whole["output.h"].values);
    assert_eq!(finals(&second), finals(&whole));
    for (name, _) in states {
        assert!(second[&format!("grad.state.{name}")].values.iter().any(|&value| value != 0.0), "{name}");
    }
}

/// `train` names parameters after the layer they are of.
#[test]
fn weights_are_read_by_the_names_that_train_writes() {
    let folder = Folder::new("prefix");
    let cell = folder.file("cell.txt", "h_t = tanh(U h_{t-1} + x_t)");
    let named = |name: &str, shape: &[usize]| NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values: vec![0.5_f64; shape.iter().product()],
    };
    let (data, weights) = (folder.path("data.safetensors"), folder.path("weights.safetensors"));
    write_tensors(Path::new(&data), &[named("input.x", &[2, 1, 3])], &[]).expect("written");
    let of_train = [named("cell.U", &[3, 3]), named("head.weight", &[2, 3])];
    write_tensors(Path::new(&weights), &of_train, &[]).expect("written");
    let out = folder.path("answer.safetensors");
    let run = |more: &[&str]| {
        let line = ["run", &cell, "--data", &data, "--weights", &weights, "--out", &out];
        gatewright(&[&line, more].concat())
    };
    let without = err(&run(&[]));
    assert!(without.contains("lack the tensor `param.U`; `cell.U`"), "{without}");
    assert!(without.contains("`--prefix cell.`"), "{without}");
    let other = err(&run(&["--prefix", "layer."]));
    assert!(other.contains("no tensor of the weights is named `layer.…`"), "{other}");
    assert!(other.contains("there are `cell.U`, `head.weight`"), "{other}");
    let fine = run(&["--prefix", "cell."]);
    assert_eq!(fine.status.code(), Some(0), "{}", err(&fine));
}

#[test]
fn memory_for_gradients_that_nobody_asks_for_is_refused() {
    let folder = Folder::new("memory");
    let data = folder.path("data.safetensors");
    let zeros = |name: &str, shape: &[usize]| NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values: vec![0.0_f64; shape.iter().product()],
    };
    let mut tensors = vec![zeros("input.x", &[2, 1, 3]), zeros("param.U", &[3, 3])];
    let equations = folder.path("cell.txt");
    std::fs::write(&equations, "h_t = tanh(U h_{t-1} + x_t)").expect("written");
    for (wanted, expected) in [(false, false), (true, true)] {
        if wanted {
            tensors.push(zeros("grad_output.h", &[2, 1, 3]));
        }
        write_tensors(Path::new(&data), &tensors, &[]).expect("written");
        let out = folder.path("answer.safetensors");
        let output = gatewright(&["run", &equations, "--data", &data, "--out", &out, "--memory", "1000000"]);
        assert_eq!(output.status.success(), expected, "{}", err(&output));
        assert_eq!(err(&output).contains("`--memory` bounds what is kept for gradients"), !expected);
    }
}

#[test]
fn run_takes_lengths_resets_and_a_direction() {
    let folder = Folder::new("ragged");
    let golden = root().join("tests/golden/seed000_lstm.safetensors");
    let golden = read_tensors::<f64>(&golden, Conversion::Exact).expect("reference data");
    let (steps, batch) = (golden["input.x"].shape[0], golden["input.x"].shape[1]);
    let run = |lengths: Vec<f64>, resets: Vec<f64>, more: &[&str]| {
        let answers = ["output.", "final.", "grad.input.", "grad.param.", "grad.state."];
        let mut tensors: Vec<NamedTensor<f64>> = golden
            .values()
            .filter(|tensor| !answers.iter().any(|kind| tensor.name.starts_with(kind)))
            .cloned()
            .collect();
        let named = |name: &str, shape, values| NamedTensor { name: name.to_owned(), shape, values };
        tensors.push(named("lengths", vec![lengths.len()], lengths));
        tensors.push(named("resets", vec![steps, batch], resets));
        let (data, answer) = (folder.path("data.safetensors"), folder.path("answer.safetensors"));
        write_tensors(Path::new(&data), &tensors, &[]).expect("written");
        let cell = "tests/golden/seed000_lstm.tex";
        let arguments = ["run", cell, "--data", &data, "--out", &answer, "--dtype", "f64"];
        let output = gatewright(&[&arguments, more].concat());
        let found = read_tensors::<f64>(Path::new(&answer), Conversion::Exact);
        if output.status.success() { Ok(found.expect("the answer")) } else { Err(err(&output)) }
    };
    let none = || vec![0.0; steps * batch];
    let all = || vec![steps as f64; batch];
    let whole = run(all(), none(), &[]).expect("runs");
    // Another number of steps in memory gives the same answer, to the bit.
    assert_eq!(run(all(), none(), &["--memory", "1000000000"]).expect("runs"), whole);
    let refused = run(all(), none(), &["--memory", "1"]).expect_err("too little");
    assert!(refused.contains("it needs at least "), "{refused}");
    // Without steps a sample ends where it begins.
    let mut lengths = all();
    lengths[0] = 0.0;
    let size = golden["final.h"].shape[1];
    let ended = run(lengths, none(), &[]).expect("runs");
    assert_eq!(ended["final.h"].values[..size], golden["state.h"].values[..size]);
    assert_eq!(ended["output.h"].values[..size], vec![0.0; size]);
    assert_eq!(ended["final.h"].values[size..], whole["final.h"].values[size..]);
    // A reset before the first step that is run: the last one, where the direction says so.
    let mut resets = none();
    resets[(steps - 1) * batch..].fill(1.0);
    let reversed = run(all(), resets, &["--reverse"]).expect("runs");
    assert_ne!(reversed["output.h"], whole["output.h"]);
    assert!(reversed["grad.state.h"].values.iter().all(|&value| value == 0.0));
    for (lengths, said) in
        [(vec![0.5], "`lengths` holds 0.5"), (vec![steps as f64 + 1.0], "sample 0 has a length")]
    {
        let refused = run([lengths, all()[1..].to_vec()].concat(), none(), &[]).expect_err("refused");
        assert!(refused.contains(said), "{refused}");
    }
    let refused = run(all(), vec![2.0; steps * batch], &[]).expect_err("refused");
    assert!(refused.contains("`resets` holds 2"), "{refused}");
}

#[test]
fn gradcheck_names_its_worst_entry() {
    let output = gatewright(&["gradcheck", "examples/equations/peephole_lstm.md", "--dims", "x=2,h=3"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("gradients agree: "), "{}", out(&output));
    let strict = gatewright(&["gradcheck", "examples/equations/mgu.md", "--tolerance", "1e-30"]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(err(&strict).contains("worst grad."), "{}", err(&strict));
}

/// A cycle that is solved goes through every subcommand.
#[test]
fn a_solved_cycle_is_a_cell() {
    let folder = Folder::new("solved");
    let lstm = "tests/golden/seed004_lstm_fixed_point.tex";
    let solved = ["--cycle", "fixed-point"];
    let run = |arguments: &[&str]| gatewright(&[arguments, &solved].concat());
    let output = run(&["check", lstm]);
    assert!(out(&output).contains("solved      h [h]"), "{}", out(&output));
    assert!(err(&output).contains("`h_t` is solved for by iteration"), "{}", err(&output));
    for backend in ["jit", "interpreter"] {
        let output = run(&["gradcheck", lstm, "--dims", "x=2,h=3", "--backend", backend]);
        assert!(out(&output).starts_with("gradients agree: "), "{}{}", out(&output), err(&output));
    }
    let output = run(&["derive", lstm]);
    assert!(out(&output).contains("δh_t^{↺} = W_ho^T δa_o_t"), "{}", out(&output));
    assert!(out(&output).contains("backward, in each step, until it is solved: "), "{}", out(&output));
    // The step of `3 h_t` has no solution that iteration would find.
    let expanding = folder.file("expanding.cell", "h_t = 3 * h_t + x_t + 0.1 * h_{t-1}\n");
    for backend in ["jit", "interpreter"] {
        let output = run(&["gradcheck", &expanding, "--backend", backend]);
        assert_ne!(output.status.code(), Some(0), "{}", out(&output));
        assert!(err(&output).contains("step 0, sample 0: `h` "), "{}", err(&output));
    }
}
