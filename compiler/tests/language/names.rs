//! Names: letters, decorations, labels, and their one ASCII form.

use crate::{accept, refuse, same};

/// Roles of a cell that adds one parameter, spelled in some way, to its state.
#[track_caller]
fn parameter(spelling: &str, canonical: &str) {
    let shape = if canonical.starts_with(char::is_uppercase) || canonical.starts_with("cal_") {
        format!("x[x] -> h[h]; h[h]; {canonical}[h, x]")
    } else {
        format!("x[h] -> h[h]; h[h]; {canonical}[h]")
    };
    accept(&format!("$$h_t = h_{{t-1}} + {spelling} x_t$$"), &shape);
}

#[test]
fn dress_is_no_part_of_a_name() {
    parameter("W_{\\mathrm{hh}}", "W_hh");
    parameter("\\mathbf{W}_i", "W_i");
    parameter("W_{\\text{in}}", "W_in");
    parameter("{\\rm W}_{\\operatorname{rec}}", "W_rec");
}

#[test]
fn spellings_of_one_name() {
    same(&[
        "\\tilde{h}_t = x_t \\\\ h_t = \\tilde{h}_t + h_{t-1}",
        "\\tilde h_t = x_t \\\\ h_t = \\widetilde{h}_t + h_{t-1}",
        "\\tilde{h_t} = x_t \\\\ h_t = \\tilde{h}_t + h_{t-1}",
        "h̃_t = x_t; h_t = h_tilde_t + h_{t-1}",
    ]);
    same(&["h'_t = x_t \\\\ h_t = h'_t + h_{t-1} ", "h^{'}_t = x_t \\\\ h_t = h_t' + h_{t-1}"]);
    parameter("b_i", "b_i");
    parameter("b_{i}", "b_i");
}

#[test]
fn canonical_names_are_base_decoration_labels() {
    for (spelling, canonical) in [
        ("W_{xi}", "W_xi"),
        ("\\hat{z}", "z_hat"),
        ("\\bar{w}", "w_bar"),
        ("\\dot{w}", "w_dot"),
        ("w'", "w_prime"),
        ("\\mathcal{W}", "cal_W"),
        ("\\gamma_c", "gamma_c"),
        ("\\beta_1", "beta_1"),
        ("W_z^1", "W_z_1"),
        ("\\tilde{c}_j", "c_tilde_j"),
        ("γ_c", "gamma_c"),
        ("W^{xh}", "W_xh"),
        ("W^z", "W_z"),
        ("W^{(z)}", "W_z"),
    ] {
        parameter(spelling, canonical);
    }
}

#[test]
fn a_font_that_sets_letters_apart_is_part_of_the_name() {
    accept("$$h_t = h_{t-1} + \\mathcal{W} x_t + W x_t$$", "x[x] -> h[h]; h[h]; cal_W[h, x] W[h, x]");
}

#[test]
fn greek_is_latex_or_unicode() {
    same(&["h_t = \\gamma h_{t-1} + \\beta_1 x_t + \\zeta", "h_t = γ h_{t-1} + β_1 x_t + ζ"]);
}

#[test]
fn a_superscript_number_is_a_label_or_a_power() {
    // On a matrix, and where an equation defines the name with it: a label.
    accept("h_t = W^1 x_t + W^2 h_{t-1}", "x[x] -> h[h]; h[h]; W_1[h, x] W_2[h, h]");
    accept("h^{2}_t = W x_t \\\\ h_t = h^2_t + h_{t-1}", "x[x] -> h[h]; h[h]; W[h, x]");
    // Otherwise a power.
    same(&["h_t = h_{t-1} + x_t^2", "h_t = h_{t-1} + x_t \\odot x_t"]);
    same(&["h_t = h_{t-1} + u^{2} x_t", "h_t = h_{t-1} + u u x_t"]);
    // A letter is a label, also where a gate has that name.
    accept(
        "i_t = \\sigma(W^i x_t) \\\\ h_t = i_t \\odot h_{t-1} + U^i x_t",
        "x[x] -> h[h]; h[h]; W_i[h, x] U_i[h, x]",
    );
}

#[test]
fn letters_in_a_run_are_names_of_their_own() {
    same(&["$$h_t = Wx_t + Uh_{t-1}$$", "$$h_t = W x_t + U h_{t-1}$$"]);
    same(&["$$h_t = tanh(Wx_t + h_{t-1})$$", "$$h_t = \\tanh(W x_t + h_{t-1})$$"]);
    same(&["$$h_t = softmax(Wx_t) + h_{t-1}$$", "$$h_t = \\mathrm{softmax}(W x_t) + h_{t-1}$$"]);
    // In text and tokens a word is one name.
    accept("h_t = W_xi x_t + bias + h_{t-1}", "x[x] -> h[h]; h[h]; W_xi[h, x] bias[h]");
}

#[test]
fn a_sign_that_was_meant_as_an_accent_is_named() {
    refuse("$$h^-_t = x_t$$\n$$h_t = h^-_t + h_{t-1}$$", &["GW0014", "GW0014"]);
    same(&["h~_t = x_t; h_t = h~_t + h_{t-1}", "\\tilde{h}_t = x_t \\\\ h_t = \\tilde{h}_t + h_{t-1}"]);
    same(&[
        "$$\\~C_t = x_t$$\n$$C_t = \\~C_t + C_{t-1}$$",
        "\\tilde{C}_t = x_t \\\\ C_t = \\tilde{C}_t + C_{t-1}",
    ]);
}
