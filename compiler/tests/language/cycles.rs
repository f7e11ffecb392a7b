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
