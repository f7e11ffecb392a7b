//! What equations mean: `check` and `derive`, findings as text and JSON, exit codes and streams.

use std::process::Command;

use expect_test::expect;

use crate::process::{Folder, root};
use crate::{err, gatewright, out};

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
