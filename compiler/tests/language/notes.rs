//! Warnings and notes: what is said of a cell that compiles.

use crate::{accept, note};

#[test]
fn a_shared_weight_is_noted() {
    let found = note("z_t = sigmoid(W x_t)\nh_t = z_t h_{t-1} + W x_t", &["GW0901"]);
    assert!(found[0].message.contains("gradients add"), "{}", found[0].message);
}

#[test]
fn nothing_is_noted_of_what_is_wrong() {
    let text = "z_t = \\sigma_g(W x_t) \\\\ h_t = z_t h_{t-1} + \\sigma_g(U x_t)";
    let found = crate::refuse(text, &["GW0102"]);
    assert!(found.iter().all(|found| found.code.as_str() != "GW0901"), "{found:?}");
}

#[test]
fn a_weight_joined_with_a_value_is_noted() {
    let found = note("h_t = tanh(W [h_{t-1}, x_t, e])", &["GW0912"]);
    assert!(found[0].message.contains("`e` is learned"), "{}", found[0].message);
    note("h_t = \\tanh(W [h_{t-1}, x_t, e]) \\\\ e \\in \\mathbb{R}^n", &[]);
    note("h_t = tanh(W [h_{t-1}, x_t] + b)", &[]);
}

#[test]
fn a_second_input_is_noted_an_only_one_is_not() {
    note("h_t = e_t + h_{t-1}", &[]);
    let found = note("h_t = x_t + z_t + h_{t-1}", &["GW0902"]);
    assert!(found[0].message.contains("`z_t` is never defined: it becomes an input"), "{}", found[0].message);
    let found = note("z_t = \\sigma(x_t) \\\\ h_t = \\hat{z}_t x_t + z_t h_{t-1}", &["GW0902"]);
    assert!(found[0].help.as_deref().unwrap_or("").contains("`z_t`"), "{:?}", found[0]);
}

#[test]
fn a_number_above_a_weight_is_noted_where_it_may_be_a_power() {
    let found = note("h_t = \\tanh(W x_t + W^2 h_{t-1})", &["GW0909"]);
    assert!(found[0].help.as_deref().unwrap_or("").contains("`W W`"), "{:?}", found[0]);
    note("h_t = \\tanh(W^1 x_t + W^2 h_{t-1})", &[]);
    note("h_t = \\tanh(W x_t + W^1 h_{t-1} + W^2 h_{t-2})", &[]);
    note("h_t = \\tanh(U x_t + W^2 h_{t-1})", &[]);
}

#[test]
fn a_learned_constant_is_noted() {
    note("h_t = h_{t-1} + \\cos(2 \\pi x_t)", &["GW0916"]);
    note("h_t = h_{t-1} + nan * x_t", &["GW0916"]);
    note("h_t = h_{t-1} + \\pi \\odot x_t \\\\ \\pi \\in \\mathbb{R}^n", &[]);
    note("h_t = h_{t-1} + \\pi_t \\odot x_t", &["GW0902"]);
}

#[test]
fn a_learned_exponent_is_noted() {
    note("h_t = h_{t-1} + (1 + x_t)^p", &["GW0910"]);
    note("h_t = h_{t-1} + (1 + x_t)^p \\\\ p = 2", &[]);
    note("h_t = h_{t-1} + (1 + x_t)^p \\\\ p \\in \\mathbb{R}", &[]);
    note("h_t = h_{t-1} + (1 + x_t)^p \\\\ p: \\text{frozen}", &[]);
}

#[test]
fn a_state_that_the_output_does_not_need_is_told() {
    // An LSTM of which only the memory stands beside a plain cell.
    note("h_t = tanh(W x_t + U h_{t-1}); c_t = x_t * c_{t-1}", &["GW0803"]);
    note("c_t = x_t * c_{t-1}; h_t = c_{t-1}", &[]);
    note("h_t = tanh(W x_t + U h_{t-1}); c_t = x_t * c_{t-1}; y_t = h_t * c_t", &[]);
}

#[test]
fn how_to_name_another_output_is_told() {
    let help = |text: &str, code: &str| note(text, &[code])[0].help.clone().unwrap_or_default();
    let heads = "s_t = z_t s_{t-1} + h_t; h_t = tanh(W x_t + U s_{t-1}); z_t = sigmoid(V x_t)";
    assert!(help(heads, "GW0906").contains("`s_t: output`"));
    note(&format!("{heads}; s_t: output"), &[]);
    // Made from the state, or read by nothing: what papers call the output.
    note("c_t = z_t c_{t-1} + x_t; h_t = tanh(c_t); z_t = sigmoid(V x_t)", &[]);
    note("c_t = c_{t-1} + x_t; h_t = tanh(W c_{t-1})", &[]);

    let readout = "h_t = tanh(W x_t + U h_{t-1}); o_t = V h_t";
    assert!(help(readout, "GW0803").contains("`o_t: output`"));
    note(&format!("{readout}; o_t: output"), &[]);
    let lost = "h_t = tanh(W x_t + U h_{t-1}); s_t = s_{t-1} + h_t";
    assert!(help(lost, "GW0803").contains("`s_t: output`"));
    assert!(!help("h_t = tanh(W x_t + U h_{t-1}); o_t = sigmoid(V x_t)", "GW0803").contains("output"));
}

#[test]
fn a_function_that_is_applied_or_that_reads_no_value_is_no_output() {
    accept(
        "h_t = \\tanh(W x_t + U h_{t-1}) \\\\ F(x_t) = V h_t \\\\ y_t = F(x_t)",
        "x[x] -> y[y]; h[h]; W[h, x] U[h, h] V[y, h]",
    );
    note("h_t = \\tanh(W x_t + U h_{t-1}) \\\\ F(x_t) = V h_t", &["GW0803"]);
    note("h_t = \\tanh(W x_t + U h_{t-1}) \\\\ F(x_t) = \\tanh(V x_t)", &[]);
}

#[test]
fn what_is_made_of_drawn_weights_is_told_to_stay_so() {
    let cell = "h_t = \\sigma(W x_t + b_f) h_{t-1} + \\sigma(V x_t + b_i)";
    let found =
        note(&format!("{cell} \\\\ b_f \\sim \\mathcal{{U}}(1, 2) \\\\ b_i = -b_f"), &["GW0950", "GW0901"]);
    assert!(found[0].message.contains("`b_i` is made of `b_f` in all of training"), "{found:?}");
    let found = note(&format!("{cell} \\\\ b_f \\sim \\mathcal{{U}}(1, 2)"), &["GW0950"]);
    assert!(!found[0].message.contains("training"), "{found:?}");
    // Made of what is learned from elsewhere too: no value to begin at.
    let found = note(
        &format!("{cell} \\\\ b_f \\sim \\mathcal{{U}}(1, 2) \\\\ b_i = v - b_f"),
        &["GW0950", "GW0901"],
    );
    assert!(!found[0].message.contains("training"), "{found:?}");
}
