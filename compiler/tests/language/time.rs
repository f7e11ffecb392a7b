//! The time index: where it stands, what it means, which step is the current one.

use crate::{accept, refuse, same};

#[test]
fn the_index_stands_below_above_or_behind() {
    same(&[
        "h_t = \\tanh(W x_t + U h_{t-1})",
        "h^{(t)} = \\tanh(W x^{(t)} + U h^{(t-1)})",
        "h^{\\langle t \\rangle} = \\tanh(W x^{\\langle t \\rangle} + U h^{\\langle t-1 \\rangle})",
        "$$h^{<t>} = \\tanh(W x^{<t>} + U h^{<t-1>})$$",
        "h^{[t]} = \\tanh(W x^{[t]} + U h^{[t-1]})",
        "h^{\\{t\\}} = \\tanh(W x^{\\{t\\}} + U h^{\\{t-1\\}})",
        "h^{t} = \\tanh(W x^{t} + U h^{t-1})",
        "h_{(t)} = \\tanh(W x_{(t)} + U h_{(t-1)})",
        "h(t) = \\tanh(W x(t) + U h(t-1))",
        "h[t] = tanh(W x[t] + U h[t-1])",
        "h_(t) = tanh(W x_(t) + U h_(t-1))",
        "hₜ = tanh(W xₜ + U hₜ₋₁)",
    ]);
}

#[test]
fn the_index_may_stand_among_labels() {
    same(&["c_{t,f} = x_t + c_{t-1,f}", "c_{f,t} = x_t + c_{f,t-1}", "c_f^{(t)} = x^{(t)} + c_f^{(t-1)}"]);
    accept("c_{t,f} = x_t + c_{t-1,f}", "x[x] -> c_f[x]; c_f[x]; ");
}

#[test]
fn a_t_inside_a_longer_label_is_a_letter() {
    accept("h_t = W_{out} x_t + h_{t-1}", "x[x] -> h[h]; h[h]; W_out[h, x]");
    accept("h_t = W_{tt} x_t + h_{t-1}", "x[x] -> h[h]; h[h]; W_tt[h, x]");
}

#[test]
fn a_definition_of_the_next_step_is_one_of_this_step() {
    same(&[
        "h_t = \\tanh(W x_t + U h_{t-1})",
        "h_{t+1} = \\tanh(W x_t + U h_t)",
        "h_{t+1} = \\tanh(W x_{t+1} + U h_t)",
    ]);
}

#[test]
fn an_input_that_is_read_earlier_is_a_lag() {
    accept("h_t = x_t + x_{t-1} + h_{t-1}", "x[x] -> h[x]; h[x]; ");
    // The newest index it is read at is the current step.
    same(&["h_t = x_{t-1} + h_{t-1}", "h_t = x_t + h_{t-1}"]);
}

#[test]
fn delays_above_one_are_allowed() {
    accept("h_t = U h_{t-2} + V h_{t-3} + x_t", "x[h] -> h[h]; h[h]; U[h, h] V[h, h]");
}

#[test]
fn another_letter_may_be_the_time() {
    same(&["h_i = \\tanh(W x_i + U h_{i-1})", "h_t = \\tanh(W x_t + U h_{t-1})"]);
    same(&["h_n = \\tanh(W x_n + U h_{n-1})", "h_t = \\tanh(W x_t + U h_{t-1})"]);
    same(&["h_T = \\tanh(W x_T + U h_{T-1})", "h_t = \\tanh(W x_t + U h_{t-1})"]);
}

#[test]
fn a_time_suffix_needs_no_underscore_where_nothing_has_one() {
    same(&["Ht = tanh(W Xt + U Ht-1)", "H_t = tanh(W X_t + U H_{t-1})"]);
    same(&["zt = sigmoid(W Xt)\nHt = zt * Ht-1", "z_t = sigmoid(W X_t)\nH_t = z_t * H_{t-1}"]);
}

#[test]
fn the_future_is_not_read() {
    refuse("h_t = \\tanh(U h_{t+1} + x_t)", &["GW0302"]);
    refuse("h_t = x_t \\\\ h_{t+1} = U h_t", &["GW0303"]);
    refuse("h_t = x_t + h", &["GW0103"]);
    refuse("h_t^{(t-1)} = x_t", &["GW0012"]);
    refuse("h{t} = W x_t + U h{t-1}", &["GW0017"]);
    refuse("h_new = tanh(W x + U h_old)", &["GW0305"]);
}

#[test]
fn layers_are_one_layer() {
    for last in ["h_t^{(L)}", "h^{(L)}_t", "h_t^L"] {
        accept(
            &format!(
                "h_t^{{(l)}} = \\tanh(W^{{(l)}} h_t^{{(l-1)}} + U^{{(l)}} h_{{t-1}}^{{(l)}}) \\\\ y_t = V {last}"
            ),
            "x[x] -> y[y]; h[h]; W[h, x] U[h, h] V[y, h]",
        );
    }
    same(&[
        "h_t^{(l)} = \\tanh(W^{(l)} h_t^{(l-1)} + U^{(l)} h_{t-1}^{(l)})",
        "h_t = \\tanh(W x_t + U h_{t-1})",
    ]);
}

#[test]
fn two_spellings_of_one_value_define_nothing() {
    accept(
        "We write $h_t = h(t)$ for the state.\n\n$$h_t = \\tanh(W x_t + U h_{t-1})$$",
        "x[x] -> h[h]; h[h]; W[h, x] U[h, h]",
    );
    refuse("We write $h_t = h(t)$ for the state.", &["GW0008"]);
}
