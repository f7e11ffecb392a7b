//! What can be looked up: `zoo`, `explain`, and the help of every subcommand.

use std::collections::BTreeMap;

use expect_test::expect;

use crate::{err, gatewright, out};

#[test]
fn the_zoo_is_listed_printed_and_used() {
    let list = out(&gatewright(&["zoo"]));
    assert_eq!(list.lines().count(), 104);
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("lstm ")).collect();
    expect!["lstm            2000  LSTM 2000 (forget gate)"].assert_eq(&rows.join("\n"));

    let output = gatewright(&["zoo", "elman"]);
    assert_eq!(out(&output), include_str!("../../../zoo/elman.md"));
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
