//! Cycles within one step.

use gatewright_compiler::resolve::CyclePolicy;

use crate::{codes, graph, refuse, same, with_cycle};

const CYCLE: &str = "o_t = sigmoid(W h_t + x_t)\nh_t = o_t * tanh(c_t)\nc_t = x_t + c_{t-1} + h_{t-1}";

#[test]
fn a_cycle_is_an_error_that_prints_the_loop_and_its_places() {
    let found = refuse(CYCLE, &["GW0301"]);
    for text in ["`o_t` needs `h_t`", "which needs `o_t`"] {
        assert!(found[0].message.contains(text), "{}", found[0].message);
    }
    assert_eq!(found[0].labels.len(), 2);
    let help = found[0].help.clone().unwrap_or_default();
    assert!(help.contains("`previous`") && help.contains("`fixed-point`"), "{help}");
}

#[test]
fn previous_reads_the_value_of_the_step_before() {
    let previous = with_cycle(CYCLE, CyclePolicy::Previous).expect("a cell");
    assert_eq!(codes(&previous.diagnostics, false), ["GW0903", "GW0902"][..1]);
    let written = "o_t = sigmoid(W h_{t-1} + x_t)\nh_t = o_t * tanh(c_t)\nc_t = x_t + c_{t-1} + h_{t-1}";
    let compared = graph(CYCLE, &previous).compare(&graph(written, &crate::cell(written)));
    assert!(matches!(compared, gatewright_compiler::graph::Sameness::Same(_)), "{compared:?}");
    same(&[written, written]);
}

#[test]
fn fixed_point_solves_for_the_state_on_the_loop() {
    let solved = with_cycle(CYCLE, CyclePolicy::FixedPoint).expect("a cell");
    assert_eq!(codes(&solved.diagnostics, false), ["GW0908"]);
    let names: Vec<&str> = solved.unknowns.iter().map(|unknown| unknown.variable.name.as_str()).collect();
    assert_eq!(names, ["h"]);
    // A cell without a cycle has nothing to solve.
    let written = "h_t = tanh(W x_t + U h_{t-1})";
    assert!(with_cycle(written, CyclePolicy::FixedPoint).expect("a cell").unknowns.is_empty());
    // What does not change from step to step has no step to be solved in.
    let once = with_cycle("A = B\nB = 2 A\nh_t = tanh(A x_t + h_{t-1})", CyclePolicy::FixedPoint);
    assert_eq!(codes(&once.expect_err("a cycle"), true), ["GW0301"]);
}
