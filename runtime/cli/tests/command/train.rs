//! What `train` and `compare` leave.

use std::process::Output;

use gatewright::parameters::{Conversion, read_tensors};

use crate::process::Folder;
use crate::{err, gatewright, out};

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

/// Nothing is trained whose result has no place, or that is told two things.
#[test]
fn what_cannot_be_kept_is_not_trained() {
    let folder = Folder::new("places");
    let (nowhere, is_folder) = (folder.path("none/page.html"), folder.path(""));
    let small = ["--task", "parity", "--seeds", "1", "--steps", "2", "--batch", "4", "--hidden", "3"];
    let trained = folder.path("trained");
    for place in [&nowhere, &is_folder] {
        for line in [
            &["compare", "zoo:mgu", "--out", place][..],
            &["train", "zoo:mgu", "--out", &trained, "--curve", place],
        ] {
            let output = gatewright(&[line, &small].concat());
            assert_eq!(output.status.code(), Some(2), "{line:?}: {}", err(&output));
            assert!(
                !out(&output).contains("a step,") && !out(&output).contains("seed 0"),
                "{}",
                out(&output)
            );
        }
    }
    let twice = ["--initial", "b_f=1", "--initial", "b_f=5"];
    let page = folder.path("page.html");
    std::fs::write(&page, "of before").expect("written");
    let output = gatewright(&[&["compare", "zoo:lstm", "--out", &page][..], &small, &twice].concat());
    assert!(err(&output).contains("--initial: `b_f` has two values"), "{}", err(&output));
    assert_eq!(std::fs::read_to_string(&page).expect("there"), "of before");
    let output = gatewright(&[&["compare", "zoo:lstm", "--out", &page][..], &small, &twice[..2]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("it starts at b_f = 1"), "{page}");
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
