//! The command as a user meets it: exit codes, what goes to which stream, files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect;
use gatewright::parameters::{Conversion, NamedTensor, read_tensors, write_tensors};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn gatewright(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
    command.args(arguments).current_dir(root()).env_remove("RUST_BACKTRACE");
    command.output().expect("the command starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder of one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gatewright-command-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn check_says_what_was_understood() {
    let output = gatewright(&["check", "examples/equations/mgu.md"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    expect![[r#"
        inputs      x [x]
        states      h [h]
        outputs     h [h]
        parameters  W_f [h, x + h], b_f [h], W_h [h, x + h], b_h [h]
        dimensions  x, h
    "#]]
    .assert_eq(&out(&output));
}

#[test]
fn check_answers_in_json_also_where_the_equations_are_wrong() {
    let folder = Folder::new("json");
    let wrong = folder.file("wrong.tex", "$$h_t = \\tnah(W x_t + U h_{t-1})$$");
    let output = gatewright(&["check", &wrong, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = &json["diagnostics"][0];
    assert_eq!((&finding["severity"], &finding["line"]), (&"error".into(), &1.into()), "{json}");
    let output = gatewright(&["check", "examples/equations/lstm.md", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["parameters"][0], serde_json::json!({"name": "W_xi", "shape": ["h", "x + h"]}));
    assert_eq!(json["dims"], serde_json::json!(["x", "h"]));
    for key in ["inputs", "states", "outputs", "constants", "diagnostics"] {
        assert!(json[key].is_array(), "{key}");
    }
}

#[test]
fn outputs_frozen_parameters_and_beginnings_are_shown() {
    let folder = Folder::new("marks");
    let file = folder.0.join("cell.cell");
    std::fs::write(&file, "h_t = tanh(W x_t + U h_{t-1})\nc_t = c_{t-1} h_t\nh_0 = s\nc_0 = 2\nW: frozen\n")
        .expect("a file");
    let file = file.to_string_lossy();
    let checked = gatewright(&["check", &file, "--output", "c,h", "--frozen", "U"]);
    expect![[r#"
        states      h [h] (begins at a value of the parameters), c [h] (begins at 2)
        outputs     c [h], h [h]
        parameters  W [h, x] (frozen), U [h, h] (frozen), s [h]
    "#]]
    .assert_eq(&out(&checked).lines().skip(1).take(3).map(|line| format!("{line}\n")).collect::<String>());
    let refused = gatewright(&["check", &file, "--output", "d"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("GW0111"), "{}", err(&refused));
    let gradients = gatewright(&["gradcheck", &file]);
    assert_eq!(gradients.status.code(), Some(0), "{}", err(&gradients));
}

#[test]
fn exit_codes_tell_equations_from_command_lines() {
    let folder = Folder::new("exit");
    let wrong = folder.file("wrong.tex", "$$h_t = \\tnah(W x_t + U h_{t-1})$$");
    let bytes = folder.path("bytes.md");
    std::fs::write(&bytes, [0xff, 0xfe]).expect("written");
    for (arguments, code) in [
        (vec!["check", wrong.as_str()], 1),
        (vec!["check", bytes.as_str()], 1),
        (vec!["check", "no/such/file.md"], 2),
        (vec!["check"], 2),
        (vec!["sing", "examples/equations/lstm.md"], 2),
        (vec!["bench", "examples/equations/lstm.md", "--dims", "x=3"], 2),
        (vec!["bench", "examples/equations/lstm.md", "--dims", "x=3,h=4,q=5"], 2),
        (vec!["bench", "examples/equations/lstm.md", "--dims", "x=3,h"], 2),
        (vec!["gradcheck", "examples/equations/lstm.md", "--threads", "0"], 2),
        (vec!["run", "examples/equations/lstm.md", "--data", wrong.as_str(), "--out", "/dev/null"], 1),
        (
            vec![
                "train",
                "examples/equations/lstm.md",
                "--initial",
                "b_q=1",
                "--out",
                folder.path("t").as_str(),
            ],
            1,
        ),
        (vec!["train", "examples/equations/lstm.md", "--initial", "b_f=NaN"], 2),
        (
            vec![
                "train",
                "examples/equations/lstm.md",
                "--initial",
                "b_f=1e39",
                "--learning-rate",
                "1e38",
                "--hidden",
                "4",
                "--out",
                folder.path("t").as_str(),
            ],
            1,
        ),
    ] {
        let output = gatewright(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty() || arguments[0] == "train",
            "{arguments:?}"
        );
    }
    assert!(err(&gatewright(&["check", &wrong])).contains("\\tnah"), "the excerpt is shown");
}

/// `/dev/full` takes nothing: an answer that cannot be written is a message and an exit code, not a panic.
#[cfg(target_os = "linux")]
#[test]
fn streams_that_take_no_more_are_no_panic() {
    let folder = Folder::new("full");
    let wrong = folder.file("wrong.tex", "$$h_t = \\tnah(W x_t + U h_{t-1})$$");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
        command.args(arguments).current_dir(root());
        command
    };
    for subcommand in ["check", "derive", "gradcheck"] {
        let mut command = command(&[subcommand, "examples/equations/mgu.md"]);
        let output = command.stdout(full()).output().expect("the command starts");
        assert_eq!(output.status.code(), Some(2), "{subcommand}: {}", err(&output));
        assert!(err(&output).starts_with("error: standard output: "), "{}", err(&output));
    }
    let status = command(&["check", &wrong]).stderr(full()).status().expect("the command starts");
    assert_eq!(status.code(), Some(1));
    // A reader that goes away has seen enough.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command(&["derive", "examples/equations/mgu.md"]);
    let output = command.stdout(writer).output().expect("the command starts");
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[test]
fn derive_prints_the_derived_equations() {
    let output = gatewright(&["derive", "examples/equations/mgu.md"]);
    let text = out(&output);
    let (equations, rest) = text.split_once("\nWhat leaves the loop").expect("the schedule follows");
    expect![[r#"
        Forward, as written
          f_t = sigmoid(W_f [h_{t-1}, x_t] + b_f)
          h_tilde_t = tanh(W_h [f_t ⊙ h_{t-1}, x_t] + b_h)
          h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ h_tilde_t

        Parts of the forward step that the way back speaks of
          a_f_t = W_f [h_{t-1}, x_t] + b_f
          a_h_tilde_t = W_h [h_{t-1} ⊙ f_t, x_t] + b_h

        Backward, at each step t = T, …, 1
          δh_t = ∂L/∂h_t + δh_t^{←t+1}
          δh_tilde_t = δh_t ⊙ f_t
          δa_h_tilde_t = δh_tilde_t ⊙ (1 - h_tilde_t^2)
          e1_t = W_h[:, :h]^T δa_h_tilde_t
          δf_t = δh_t ⊙ h_tilde_t + (e1_t - δh_t) ⊙ h_{t-1}
          δa_f_t = δf_t ⊙ f_t ⊙ (1 - f_t)

        Handed to the step before
          δh_{t-1}^{←t} = W_f[:, :h]^T δa_f_t + δh_t ⊙ (1 - f_t) + e1_t ⊙ f_t

        Gradients by the inputs
          δx_t = W_h[:, h:]^T δa_h_tilde_t + W_f[:, h:]^T δa_f_t

        Gradients by the parameters, once
          ∇W_f = Σ_t δa_f_t [h_{t-1}, x_t]^T
          ∇b_f = Σ_t δa_f_t
          ∇W_h = Σ_t δa_h_tilde_t [h_{t-1} ⊙ f_t, x_t]^T
          ∇b_h = Σ_t δa_h_tilde_t

        First and last step
          ∇h_0 = δh_{t-1}^{←t} at t = 1
          δh_t^{←t+1} at t = T is given: gradient of the loss by the final h_T

        Notation
          δv_t: gradient of the loss L by v at step t, over all ways through this and later steps
          ∇p: gradient of the loss by p, over all steps and samples for a parameter
          ∂L/∂y_t: gradient by the output y at step t alone, as the loss gives it
          δv_t^{←t+1}: the part of δv_t that comes back from step t+1; step t hands δv_{t-1}^{←t} to the step before
          a_v_t: the argument of the function that gives v
          e1, e2, …: parts that are shared or long
          ⊙: element by element; a scalar meets every element
          Σ_t: over all steps and all samples, up to the next + or -
          W[:, a:b]: columns a up to b (without b) of W, counted from 0; W[:, :b] the first b, W[:, a:] from a on
    "#]].assert_eq(equations);
    assert!(rest.contains("Tape: "), "{rest}");
    let dot = gatewright(&["derive", "examples/equations/mgu.md", "--format", "dot"]);
    assert!(out(&dot).starts_with("digraph") && out(&dot).ends_with("}\n"));
    let latex = gatewright(&["derive", "examples/equations/mgu.md", "--format", "latex"]);
    assert!(out(&latex).contains("\\tilde{h}_t &= \\tanh("), "{}", out(&latex));
}

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

#[test]
fn bench_prints_a_line_for_each_mode() {
    let output = gatewright(&[
        "bench",
        "examples/equations/mgu.md",
        "--dims",
        "x=3,h=4",
        "--batch",
        "2",
        "--steps",
        "3",
        "--mode",
        "fwd,train,compile,stream",
        "--label",
        "S0",
        "--budget",
        "0.01",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let lines: Vec<Vec<String>> =
        out(&output).lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(lines.len(), 4);
    for (line, mode) in lines.iter().zip(["fwd", "train", "compile", "stream"]) {
        assert_eq!(line[..5], ["gatewright", "mgu", "S0", mode, "1"]);
        let times: Vec<f64> = line[5..].iter().map(|time| time.parse().expect("milliseconds")).collect();
        assert!(times[1] <= times[0] && times[0] <= times[2], "{line:?}");
        // What 99 of 100 steps stay below is between the median and the largest.
        match times[3..] {
            [] => assert_ne!(mode, "stream"),
            [late] => assert!(mode == "stream" && times[0] <= late && late <= times[2], "{line:?}"),
            _ => panic!("{line:?}"),
        }
    }
}

/// A suite gives one row of a table for each line, number of threads and mode, with the limit of the machine beside.
#[test]
fn a_suite_is_a_table() {
    let folder = Folder::new("suite");
    let cell = folder.file("own.cell", "h_t = tanh(W x_t + U h_{t-1})\n");
    let own = cell.rsplit('/').next().expect("a name");
    let header = "label,name,cell,steps,batch,dims";
    let table = folder
        .file("suite.csv", &format!("{header}\nA,elman,{own},3,2,x=3 h=4\nB,mgu,zoo:mgu,2,40,x=3 h=4\n"));
    let peers = folder.file("peers.csv", "other,mgu,B,fwd,1,1000,1000,1000\n");
    let line =
        ["--mode", "fwd,train", "--budget", "0.01", "--threads", "2", "--clock", "cpu", "--peers", &peers];
    let output = gatewright(&[&["bench", "--suite", &table][..], &line[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| A") || line.starts_with("| B"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 8, "{text}");
    for row in &rows {
        let number = |column: usize| row[column].parse::<f64>().unwrap_or_else(|_| panic!("{row:?}"));
        assert!(number(4) >= number(5) && number(6) > 0.0 && number(7) > 0.0, "{row:?}");
    }
    assert!(text.contains("other 1000"), "{text}");
    for (options, code) in [
        (vec!["--dims", "x=3"], 2),
        (vec!["--only", "C"], 2),
        (vec!["--mode", "stream"], 2),
        (vec!["--peers", table.as_str()], 1),
    ] {
        let output = gatewright(&[&["bench", "--suite", &table][..], &options].concat());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {}", err(&output));
    }
    let wrong = folder.file("wrong.csv", &format!("{header}\nA,elman,{own},3,2\n"));
    let output = gatewright(&["bench", "--suite", &wrong]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("line 2"), "{}", err(&output));
}

#[test]
fn what_would_break_the_line_of_bench_is_refused() {
    for option in [["--label", "a,b"], ["--cell", "a\"b"], ["--label", "a\nb"]] {
        let mut line = vec!["bench", "examples/equations/mgu.md", "--dims", "x=3,h=4"];
        line.extend(option);
        let output = gatewright(&line);
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(err(&output).contains("would break the line"), "{}", err(&output));
    }
    let folder = Folder::new("comma");
    let file = folder.file("a,b.cell", "h_t = tanh(W x_t + U h_{t-1})\n");
    let output = gatewright(&["bench", &file, "--dims", "x=3,h=4"]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
}

#[test]
fn train_leaves_a_curve_and_weights() {
    let folder = Folder::new("train");
    let place = folder.path("trained");
    let output = gatewright(&[
        "train",
        "examples/equations/gru.md",
        "--task",
        "digits",
        "--epochs",
        "3",
        "--hidden",
        "24",
        "--seeds",
        "1",
        "--out",
        &place,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("compiled in") && text.contains("seed 0: test accuracy"), "{text}");
    let mean: f64 = text
        .split_once("mean test accuracy ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .expect("the mean is printed");
    assert!(mean > 0.6, "{text}");
    let svg = std::fs::read_to_string(folder.0.join("trained/gru_digits.svg")).expect("the curve");
    assert!(svg.starts_with("<svg") && svg.contains("test accuracy") && svg.contains("polyline"));
    let weights = folder.0.join("trained/gru_digits_seed0.safetensors");
    let weights = read_tensors::<f32>(&weights, Conversion::Exact).expect("the weights");
    assert_eq!(weights["cell.W_xz"].shape, [24, 32]);
    assert_eq!(weights["head.weight"].shape, [10, 24]);
}

/// Files as the frameworks themselves write them.
#[test]
fn saved_files_are_imported() {
    let folder = Folder::new("saved");
    for (file, from, more, layer) in [
        ("pytorch.pt", "pytorch", vec![], "lstm_deep_l1_reverse"),
        ("pytorch_checkpoint.pt", "pytorch", vec!["--key", "model"], "gru_l0"),
        ("half.safetensors", "pytorch", vec![], "gru_l0"),
        ("keras.weights.h5", "keras", vec![], "lstm_lstm_cell_l0"),
    ] {
        let (out, path) = (folder.path(file), format!("tests/weights/{file}"));
        let line = ["import", &path, "--from", from, "--out", &out];
        let output = gatewright(&[&line[..], &more[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{file}: {}", err(&output));
        for extension in ["md", "safetensors"] {
            let name = format!("{file}/{layer}.{extension}");
            assert!(Path::new(&folder.path(&name)).exists(), "{name}: {}", self::out(&output));
        }
    }
    let out = folder.path("refused");
    for (line, code, says) in [
        ("tests/weights/pytorch_checkpoint.pt --from pytorch", 2, "`model`"),
        ("tests/weights/pytorch.pt --from keras", 1, "model.weights.h5"),
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

/// One page with everything in it: equations, curves, results, gates; and every ablation of the cell.
#[test]
fn cells_and_their_ablations_are_compared_on_a_page() {
    let folder = Folder::new("compare");
    let page = folder.path("page.html");
    let budget =
        ["--task", "parity", "--seeds", "2", "--steps", "3", "--batch", "8", "--evaluate-every", "2"];
    let line = ["compare", "zoo:gru_v3", "--ablate", "--parameters", "300", "--out", &page];
    let output = gatewright(&[&line[..], &budget[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = std::fs::read_to_string(&page).expect("a page");
    for part in ["<math", "<svg", "gru_v3, r = 1", "gru_v3, z linear", "dead units"] {
        assert!(text.contains(part), "{part}");
    }
    // Nothing is fetched, nothing runs.
    assert!(!text.contains("<script") && !text.contains("src=") && !text.contains("href="));
    let rows = |output: &Output| out(output).lines().filter(|line| line.contains(" parameters,")).count();
    assert_eq!(rows(&output), 6, "{}", out(&output));
    // A state that grows without bound is a result, not the end of the comparison.
    assert!(
        out(&output).contains("no seed came to its end") && text.contains("seed 1, is not in these figures")
    );
    for line in out(&output).lines().filter(|line| line.contains(" parameters,")) {
        let count = line.split(" parameters,").next().and_then(|line| line.rsplit(' ').next());
        assert!(
            count.and_then(|count| count.parse::<usize>().ok()).is_some_and(|count| count <= 300),
            "{line}"
        );
    }
    // Layers and regularisers are those of every cell; gates are those of the top layer.
    let line = "compare zoo:gru_v3 zoo:elman --layers 2 --hidden 4 --zoneout h=0.1 --layer-dropout 0.2 --out";
    let line: Vec<&str> = line.split_whitespace().chain([page.as_str()]).collect();
    let output = gatewright(&[&line[..], &budget[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = std::fs::read_to_string(&page).expect("a page");
    for part in
        ["2 layers", "zoneout of h 0.1 at each step; dropout 0.2 at each step between layers", "dead units"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("gru_v3<td>z") && text.contains("elman<td>h"), "gates of the top layer");
    // GRU over bits: 3 (4 (1 + 4) + 4) and 3 (4 (4 + 4) + 4).
    assert!(out(&output).contains("180 parameters"), "{}", out(&output));
    for (line, code) in [
        (vec!["compare", "zoo:mgu", "zoo:mgu"], 2),
        (vec!["compare", "zoo:mgu", "--parameters", "2"], 2),
        (vec!["compare", "zoo:mgu", "zoo:indrnn", "--recurrent-dropout", "0.2"], 2),
        (vec!["compare", "zoo:mgu", "--parameters", "300", "--layers", "2"], 2),
        (vec!["compare", "zoo:mgu", "--initial", "b_q=1"], 2),
        (vec!["compare", "zoo:no_such_cell"], 2),
    ] {
        assert_eq!(gatewright(&line).status.code(), Some(code), "{line:?}");
    }
}

#[test]
fn the_zoo_is_listed_printed_and_used() {
    let list = out(&gatewright(&["zoo"]));
    assert_eq!(list.lines().count(), 104);
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("lstm ")).collect();
    expect!["lstm            2000  LSTM 2000 (forget gate)"].assert_eq(&rows.join("\n"));

    let output = gatewright(&["zoo", "elman"]);
    assert_eq!(out(&output), include_str!("../../zoo/elman.md"));
    assert_eq!(gatewright(&["zoo", "no such cell"]).status.code(), Some(2));

    let json: serde_json::Value =
        serde_json::from_slice(&gatewright(&["zoo", "--json"]).stdout).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(104));
    let gru =
        json.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "gru_v3")).expect("listed");
    assert_eq!((&gru["year"], &gru["recurrent_products"]), (&2014.into(), &2.into()));
    assert_eq!(gru["states"], serde_json::json!([{"name": "h", "shape": ["h"], "delay": 1}]));
    // An input that is read later is handed on like a state; a delay is one state, however long.
    let states = |name: &str| {
        let row = json.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == name));
        row.expect("listed")["states"].clone()
    };
    assert_eq!(states("qrnn")[1], serde_json::json!({"name": "x", "shape": ["x"], "delay": 1}));
    assert_eq!(states("taugru"), serde_json::json!([{"name": "h", "shape": ["h"], "delay": 4}]));
    assert_eq!(gru["parameters"].as_array().map(Vec::len), Some(9));

    // The structure of the catalogue: dependent recurrent products per step, and states.
    let mut products = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for row in json.as_array().expect("rows") {
        assert_eq!(row["lacks"], serde_json::Value::Null, "{}", row["name"]);
        *products.entry(row["recurrent_products"].as_u64().expect("a number")).or_insert(0) += 1;
        *counts.entry(row["states"].as_array().map_or(0, Vec::len).min(3)).or_insert(0) += 1;
    }
    assert_eq!(products, BTreeMap::from([(0, 13), (1, 57), (2, 31), (3, 2), (6, 1)]));
    assert_eq!(counts, BTreeMap::from([(1, 57), (2, 40), (3, 7)]));

    let output = gatewright(&["gradcheck", "zoo:mgu"]);
    assert!(out(&output).starts_with("gradients agree"), "{}", err(&output));
    assert_eq!(gatewright(&["check", "zoo:nothing"]).status.code(), Some(2));
}

#[test]
fn codes_are_explained() {
    let output = gatewright(&["explain", "gw0301"]);
    assert_eq!(output.status.code(), Some(0));
    expect![[r#"
        error[GW0301]: cycle within one step

        Definitions of one step need each other, so none of them can be computed first.
        For example, `o_t = \sigma(W h_t)` and `h_t = o_t \odot c_t` wait for each other.
        Correct a time index, or choose a way out: `previous` reads the value of the step before, `fixed-point` solves the equations of the step.
    "#]]
    .assert_eq(&out(&output));
    assert_eq!(out(&gatewright(&["check", "--explain", "GW0301"])), out(&output));
    assert!(out(&gatewright(&["explain"])).lines().all(|line| line.starts_with("GW")));
    assert_eq!(gatewright(&["explain", "GW9999"]).status.code(), Some(2));
}

#[test]
fn one_cell_in_two_spellings_is_the_same() {
    let folder = Folder::new("same");
    let mgu = folder.file(
        "mgu.cell",
        "g_t = sigmoid(b + A y_{t-1} + B u_t)\ny_t = y_{t-1} + g_t * (k_t - y_{t-1})\n\
         k_t = tanh(C (y_{t-1} * g_t) + D u_t + c)\n",
    );
    let output = gatewright(&["check", "zoo:mgu", &mgu, "--same"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for line in ["x           is u", "h           is y", "W_f         is B", "U_h         is C"] {
        assert!(out(&output).lines().any(|found| found == line), "{line}: {}", out(&output));
    }
    // Greff et al. (2015) count the LSTM without peepholes as a variant of the one with them.
    assert_eq!(gatewright(&["check", "zoo:np", "zoo:lstm", "--same"]).status.code(), Some(0));
    let output = gatewright(&["check", "zoo:gru_v1", "zoo:gru_v3", "--same"]);
    assert_eq!(output.status.code(), Some(1));
    expect![[r"
        error: zoo:gru_v1 and zoo:gru_v3 are different cells
          parameters of zoo:gru_v1: W_z, U_z, b_z, W_r, U_r, b_r, W_h, b_h, U_h, d_h; of zoo:gru_v3: W_z, U_z, b_z, W_r, U_r, b_r, W_h, U_h, b_h
          zoo:gru_v1:9:1: nothing in zoo:gru_v3 computes `k_t = \tanh(W_h x_t + b_h + r_t \odot (U_h h_{t-1} + d_h))`
          zoo:gru_v3:9:1: nothing in zoo:gru_v1 computes `k_t = \tanh(W_h x_t + U_h (r_t \odot h_{t-1}) + b_h)`
    "]]
    .assert_eq(&err(&output));
    let output = gatewright(&["check", "zoo:cifg", "zoo:nfg", "--same"]);
    assert!(err(&output).contains("zoo:cifg:9:1: nothing in zoo:nfg computes `c_t = (1 - i_t)"));
    let shared = folder.file(
        "shared.cell",
        "f_t = sigmoid(W x_t + U h_{t-1} + b)\nk_t = tanh(W x_t + U (f_t * h_{t-1}) + b)\n\
         h_t = (1 - f_t) * h_{t-1} + f_t * k_t\n",
    );
    let output = gatewright(&["check", "zoo:mgu", &shared, "--same"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("share states, weights or gates in another way"), "{}", err(&output));
    assert_eq!(gatewright(&["check", "zoo:np", "zoo:lstm"]).status.code(), Some(2));
    assert_eq!(gatewright(&["check", "zoo:np", "--same"]).status.code(), Some(2));
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

#[test]
fn what_cannot_be_read_is_a_finding_in_json() {
    let folder = Folder::new("unread");
    let latin = folder.path("latin.cell");
    std::fs::write(&latin, b"h_t = tanh(W x_t)\n# caf\xe9\n").expect("a file");
    let long = folder.path("long.cell");
    std::fs::write(&long, vec![b' '; (1 << 20) + 1]).expect("a file");
    for (file, exit, code, line, column) in [
        (folder.path("absent.cell").as_str(), 2, "GW0018", 1, 1),
        ("zoo:absent", 2, "GW0018", 1, 1),
        (&folder.path("."), 2, "GW0018", 1, 1),
        (&latin, 1, "GW0019", 2, 6),
        (&long, 1, "GW0551", 1, 1),
    ] {
        let output = gatewright(&["check", file, "--format", "json"]);
        assert_eq!(output.status.code(), Some(exit), "{file}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let found = &json["diagnostics"][0];
        assert_eq!((&found["code"], &found["severity"]), (&code.into(), &"error".into()), "{file}");
        assert_eq!((&found["line"], &found["column"]), (&line.into(), &column.into()), "{file}");
        for key in ["message", "help"] {
            assert!(found[key].as_str().is_some_and(|text| !text.is_empty()), "{file}: {key}");
        }
        // Without JSON the same is said on standard error.
        let output = gatewright(&["check", file]);
        assert_eq!(output.status.code(), Some(exit), "{file}");
        assert!(output.stdout.is_empty() && err(&output).contains(code), "{}", err(&output));
    }
}

#[test]
fn findings_in_json_carry_place_and_advice() {
    let folder = Folder::new("advice");
    let file = folder.file("slip.cell", "c_t = W x_t\nh_t = tnah(c_t + U h_{t-1} + z_t)\n");
    let output = gatewright(&["check", &file, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        json["diagnostics"][0],
        serde_json::json!({
            "code": "GW0101",
            "severity": "error",
            "message": "there is no function `tnah`",
            "line": 2,
            "column": 7,
            "help": "did you mean `tanh`?",
        })
    );
    let section = gatewright(&["check", "zoo:lstm", "--section", "none", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&section.stdout).expect("JSON");
    assert_eq!((section.status.code(), &json["diagnostics"][0]["code"]), (Some(1), &"GW0009".into()));
}

#[test]
fn notes_are_printed_and_stop_nothing() {
    let folder = Folder::new("notes");
    let file = folder.file(
        "notes.cell",
        "z_t = sigmoid(W x_t + V u_t)\ng_t = tanh(W x_t)\nk_t = relu(x_t)\nk_t = tanh(V u_t)\n\
         h_t = z_t * h_{t-1} + k_t\n",
    );
    let output = gatewright(&["check", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = err(&output);
    for (code, words) in [
        ("GW0901", "their gradients add"),
        ("GW0902", "it becomes an input"),
        ("GW0803", "nothing reads `g_t`"),
        ("GW0802", "`k_t` is overwritten"),
    ] {
        assert!(text.contains(code) && text.contains(words), "{code}: {text}");
    }
}

#[test]
fn every_subcommand_explains_itself() {
    for command in
        ["check", "derive", "run", "gradcheck", "bench", "train", "compare", "tasks", "zoo", "explain"]
    {
        let output = gatewright(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        let text = out(&output);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.split(' ').count() > 5 && text.contains("Usage: gatewright"), "{command}: {text}");
    }
    assert!(out(&gatewright(&["--help"])).contains("Exit code: 0 fine"));
    assert_eq!(gatewright(&["no-such-command"]).status.code(), Some(2));
}
