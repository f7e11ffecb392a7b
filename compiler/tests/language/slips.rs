//! Slips and foreign notations: what would have a meaning as it stands, but never the one that was meant, is refused by
//! its cause; and beside each the like that is right.

use crate::{accept, refuse, same};

#[test]
fn operators_are_not_weights() {
    for operator in ["\\mathcal{H}", "\\Psi", "S", "F_\\theta", "\\sigma^{(g)}", "\\Theta"] {
        refuse(&format!("h_t = {operator}(W x_t + U h_{{t-1}} + b)"), &["GW0102"]);
    }
    refuse("f_t = f(W x_t + U h_{t-1}); h_t = f_t * h_{t-1}", &["GW0102"]);
    for step in ["\\Theta", "H"] {
        refuse(&format!("u_t = \\beta u_{{t-1}} + W x_t \\\\ s_t = {step}(u_t - \\theta)"), &["GW0102"]);
    }
    accept("h_t = W (h_{t-1} - b) + x_t", "x[h] -> h[h]; h[h]; W[h, h] b[h]");
    refuse(
        "$$i_t = \\sigma(W x_t)$$ $$c_t = i_t \\odot c_{t-1}$$ $$h_t = c_t \\odot i_t(c_t)$$",
        &["GW0102"],
    );
    accept("h_t = \\tanh(V (W x_t + U h_{t-1}))", "x[x] -> h[h]; h[h]; V[h, V] W[V, x] U[V, h]");
}

#[test]
fn a_sign_that_is_missing_is_asked_for() {
    for sum in [
        "W x_t + U h_{t-1} b",
        "W x_t b_W U h_{t-1}",
        "W x_t + U \\cdot h_{t-1} V \\cdot x_t",
        "W h_{t-1} V \\odot x_t",
        "(1 x_t) \\odot h_{t-1}",
    ] {
        refuse(&format!("h_t = \\tanh({sum})"), &["GW0203"]);
    }
    refuse("h_t = \\tanh(W [x_t h_{t-1}] + b)", &["GW0203"]);
    let gates = "f_t = \\sigma(W x_t) \\\\ i_t = \\sigma(V x_t) \\\\ c_t = ";
    refuse(&format!("{gates} f_t \\odot c_{{t-1}} i_t \\odot x_t"), &["GW0203"]);
    accept(
        &format!("{gates} f_t \\odot c_{{t-1}} \\odot i_t \\odot x_t"),
        "x[x] -> c[x]; c[x]; W[x, x] V[x, x]",
    );
    accept(&format!("{gates} f_t c_{{t-1}} i_t x_t"), "x[x] -> c[x]; c[x]; W[x, x] V[x, x]");
    accept("h_t = A h_{t-1} + b u_t; b: [h]; u_t: [h]; A: [h, h]", "u[h] -> h[h]; h[h]; A[h, h] b[h]");
}

#[test]
fn an_index_is_a_step_or_a_label() {
    refuse("h_t = \\tanh(W x_t + U h_{1-t})", &["GW0005"]);
    refuse("h_t = \\tanh(W x_t + U h_{t_{-1}})", &["GW0005"]);
    refuse("h_t = \\tanh(W x_ + U h_{t-1})", &["GW0004"]);
    refuse("h_t = tanh(W xt + U h_{t-1})", &["GW0017"]);
    refuse("h_t = \\tanh(W x_t + U h_{t-1} + V h_{t1})", &["GW0017"]);
    for index in
        ["h_{t_1}", "x_{t'}", "x_{t^*}", "x_{(t_k)}", "\\gamma_{x_t}", "\\alpha_{t,i_t}", "x_t^{i_t}"]
    {
        refuse(&format!("h_t = \\tanh(W x_t + U h_{{t-1}} + V {index})"), &["GW0005"]);
    }
    accept(
        "h_t = \\tanh(W_{x_t} x_t + U h_{t-1} + b_{h_t})",
        "x[x] -> h[h]; h[h]; W_x_time[h, x] U[h, h] b_h_time[h]",
    );
    refuse("h_t = \\tanh(W x_t + U h_{i-1})", &["GW0017"]);
    accept(
        "h_t = \\tanh(W x_t + U h_{t-1} + V s_{t1})",
        "x[x] -> h[h]; h[h]; W[h, x] U[h, h] V[h, V] s_t1[V]",
    );
    refuse("h_t = tanh(W x + U h_{t-1})", &["GW0103"]);
    refuse("h_t = A h_{t-1} + B x_t; B_i = S x_i", &["GW0103"]);
    refuse("h_t = A h_{t-1} + x_t \\odot B_i; B_i = S x_k", &["GW0103"]);
    for index in ["x_i", "z_j", "U x_f", "U h_s"] {
        refuse(&format!("z_t = \\sigma(W x_t); h_t = z_t \\odot h_{{t-1}} + {index}"), &["GW0103"]);
    }
    for index in ["h_{t1-}", "h_{tt-1}"] {
        refuse(&format!("z_t = sigmoid(W x_t); h_t = z_t * h_{{t-1}} + {index}"), &["GW0017"]);
    }
    for (defined, read) in [("z_i", "z_t"), ("z_T", "z_t"), ("z_t", "z_i"), ("z_{tt}", "z_t")] {
        refuse(&format!("{defined} = \\sigma(W x_t); h_t = {read} \\odot h_{{t-1}} + x_t"), &["GW0103"]);
    }
    accept(
        "z_t = \\sigma(W x_t + p_z \\odot h_{t-1}); h_t = z_t \\odot h_{t-1} + p_h \\odot x_t + z_a",
        "x[x] -> h[x]; h[x]; W[x, x] p_z[x] p_h[x] z_a[x]",
    );
    refuse("h_{i,j} = \\tanh(W x_{i,j} + U h_{i-1,j} + V h_{i,j-1})", &["GW0457"]);
}

#[test]
fn two_recurrences_of_one_state_are_a_choice() {
    refuse("$$c_t = x_t + c_{t-1}$$ $$h_t = \\tanh(c_t)$$\n\n$$c_t = x_t - c_{t-1}$$", &["GW0110"]);
    refuse("RNN\nh_t = x_t + h_{t-1}\n\nother\nh_t = x_t - h_{t-1}", &["GW0110"]);
    // Steps that follow each other, and another name for a value.
    let steps = "$$c_t = x_t + c_{t-1}$$\n\n$$c_t = \\tanh(c_t)$$";
    same(&[steps, "$$a_t = x_t + c_{t-1}$$ $$c_t = \\tanh(a_t)$$"]);
}

#[test]
fn operations_outside_the_language_are_named() {
    for (text, code) in [
        ("h_t = \\mathrm{Conv}(W, x_t) + h_{t-1}", "GW0401"),
        ("h_t = W *_G x_t + h_{t-1}", "GW0401"),
        ("h_t = GCN(A, x_t) + h_{t-1}", "GW0401"),
        ("$$m_t = W h_{t-1}$$ $$z_t \\sim \\mathcal{N}(m_t, I)$$ $$h_t = x_t + z_t$$", "GW0458"),
        ("h_t = x_t + h_{t-1} \\\\ y_t = \\operatorname{argmax}(h_t)", "GW0458"),
        ("h_t = \\mathbb{E}[x_t + h_{t-1}]", "GW0458"),
        ("$$h_t = \\mathrm{LSTM}(x_t, h_{t-1})$$ $$y_t = \\tanh(V h_t + y_{t-1})$$", "GW0455"),
        ("def step(x, h):\n    h = tanh(W x + U h)\n    return h", "GW0005"),
        ("$$W \\in \\mathbb{R}^{n \\times}$$ $$h_t = W h_{t-1} + x_t$$", "GW0015"),
    ] {
        refuse(text, &[code]);
    }
    // What says where an input comes from, or what else defines.
    same(&["$$z_t \\sim \\mathcal{N}(0, I)$$ $$h_t = z_t + h_{t-1}$$", "$$h_t = z_t + h_{t-1}$$"]);
}

#[test]
fn no_equation_that_is_needed_vanishes() {
    refuse("$$h_t = z_t \\odot h_{t-1} + x_t$$ where $z_t = \\sigma(W x_t$", &["GW0003"]);
    refuse("$$h_t = z_t \\odot h_{t-1} + x_t$$ where $z_t \\sigma(W x_t)$", &["GW0006"]);
    refuse("```\nz_t = σ(W x_t\n```\n```\nh_t = z_t ⊙ h_(t-1) + x_t\n```", &["GW0003"]);
}

#[test]
fn sums_over_components_are_products() {
    same(&[
        "h_i^{(t)} = \\tanh(b_i + \\sum_j U_{i,j} x_j^{(t)} + \\sum_{j=1}^n W_{ij} h_j^{(t-1)})",
        "h^{(t)} = \\tanh(b + U x^{(t)} + W h^{(t-1)})",
    ]);
    same(&["h_{t,i} = \\sum_j W_{ji} x_{t,j} + h_{t-1,i}", "h_t = x_t W + h_{t-1}"]);
    for open in [
        // `f` is a label, so `i` may be one.
        "h_{t,i} = \\sum_j W_{ij} x_{t,j} + h_{t-1,i} + b_f",
        // A sum over steps.
        "h_t = \\sum_j A_{tj} x_j + h_{t-1}",
        "h_t = \\sum_k x_{t-k} + h_{t-1}",
    ] {
        refuse(open, &["GW0452"]);
    }
}

#[test]
fn a_layer_that_normalizes_is_no_norm() {
    refuse("h_t = \\operatorname{Norm}(W x_t + U h_{t-1})", &["GW0101"]);
    refuse("h_t = Norm(W x_t + U h_{t-1})", &["GW0101"]);
    same(&["h_t = x_t / norm(h_{t-1})", "h_t = x_t / \\|h_{t-1}\\|"]);
}

#[test]
fn a_single_word_behind_an_equation_is_no_weight() {
    refuse("i_t = sigmoid(W x_t + U h_{t-1}) gate\nh_t = i_t * h_{t-1}", &["GW0005"]);
    // One that stands among factors, is declared, or has its sign, is.
    accept("h_t = tanh(W x_t + h_{t-1}) scale + x_t", "x[x] -> h[x]; h[x]; W[x, x] scale[x]");
    accept("h_t = tanh(x_t + h_{t-1}) scale; scale: [n]", "x[n] -> h[n]; h[n]; scale[n]");
    accept("h_t = tanh(x_t + h_{t-1}) * scale", "x[x] -> h[x]; h[x]; scale[x]");
}

#[test]
fn an_index_that_is_too_far_away_is_called_so() {
    for read in ["x[t-4294967295]", "x_{t-4294967295}", "x(t-99999999999999)", "h_{t-4294967296}"] {
        refuse(&format!("h_t = {read} + x_t + h_{{t-1}}"), &["GW0503"]);
    }
}

#[test]
fn a_diagonal_matrix_does_not_divide() {
    refuse("h_t = (diag(a) / diag(b)) x_t + h_{t-1}", &["GW0202"]);
    refuse("h_t = (2 / diag(b)) x_t + h_{t-1}", &["GW0202"]);
    accept("h_t = diag(a / b) x_t + h_{t-1}", "x[x] -> h[x]; h[x]; a[x] b[x]");
    accept("h_t = (diag(a) / 2) x_t + h_{t-1}", "x[x] -> h[x]; h[x]; a[x]");
}

#[test]
fn long_lists_of_names() {
    let list = |count: usize| (0..count).map(|at| format!("a{at}_t")).collect::<Vec<_>>().join(", ");
    let cell = |count: usize| format!("{} = split(W x_t)\nh_t = a1_t + h_{{t-1}}", list(count));
    assert_eq!(crate::cell(&cell(12)).definitions.len(), 13);
    for count in [17, 64, 65, 200] {
        let found = crate::try_read(&cell(count)).expect_err("too many");
        assert!(found.iter().any(|one| one.code.as_str() == "GW0553"), "{count}: {}", crate::listed(&found));
        assert!(found.iter().all(|one| one.code.as_str() != "GW0006"), "{count}: {}", crate::listed(&found));
    }
}

#[test]
fn a_cell_without_any_input_maps_no_vector_of_its_own() {
    // `x_i` where `x_t` was meant, beside `s_{t-1}`.
    refuse("$$g = \\tanh(U x_i + W s_{t-1})$$ $$s_t = g$$", &["GW0103"]);
    refuse("h_t = tanh(W c + U h_{t-1})", &["GW0103"]);
    accept("h_t = tanh(U h_{t-1} + b)", " -> h[h]; h[h]; U[h, h] b[h]");
    accept("h_t = tanh(W c + U h_{t-1}); c: [c]", " -> h[h]; h[h]; W[h, c] c[c] U[h, h]");
    accept("h_t = tanh(W c + U h_{t-1} + x_t)", "x[h] -> h[h]; h[h]; W[h, W] c[W] U[h, h]");
}

#[test]
fn a_weight_and_its_value_in_one_word_are_asked_for() {
    refuse("x_t = tanh(W x_{t-1} + V u_t); y_t = Woutx_t", &["GW0203"]);
    refuse("h_t = tanh(W x_t + Whh_{t-1})", &["GW0203"]);
    accept("h_t = tanh(W hx_t + U h_{t-1})", "hx[hx] -> h[h]; h[h]; W[h, hx] U[h, h]");
    accept(
        "h_t = tanh(Wx_t + U h_{t-1}); Wx_t: [h]; x_t = V h_{t-1}; x_t: [h]",
        "Wx[h] -> h[h]; h[h]; U[h, h] V[h, h]",
    );
}

#[test]
fn the_word_of_an_accent_in_brackets_is_no_value() {
    refuse("C_t(hat) = tanh(W x_t); C_t = C_{t-1} + C_t(hat)", &["GW0014", "GW0014"]);
}

#[test]
fn words_for_networks_and_batches_are_no_weights() {
    for map in ["\\mathrm{MLP}_w[x_t, h_{t-1}]", "\\text{Net}[x_t, h_{t-1}]", "\\mathrm{NN}(x_t)", "NN(x_t)"]
    {
        refuse(&format!("h_t = \\tanh({map} + U h_{{t-1}})"), &["GW0455"]);
    }
    for normalized in
        ["\\mathrm{BN}(W x_t)", "BN(W x_t)", "\\text{BN}(W x_t; \\gamma, \\beta)", "BatchNorm(W x_t)"]
    {
        let found = refuse(&format!("h_t = \\tanh({normalized} + U h_{{t-1}})"), &["GW0101"]);
        assert!(found.iter().any(|one| one.message.contains("batch normalization")), "{normalized}");
    }
}

#[test]
fn a_backward_recurrence_is_told_of_the_layer_that_runs_it() {
    let advice = |text: &str| {
        let found = refuse(text, &["GW0302"]);
        let found = found.iter().find(|one| one.code.as_str() == "GW0302").expect("refused");
        found.help.as_deref().unwrap_or("").contains("Bidirectional")
    };
    assert!(advice("$$\\overleftarrow{h}_t = \\tanh(W x_t + U \\overleftarrow{h}_{t+1})$$"));
    assert!(!advice("$$h_t = \\tanh(U c_{t+1})$$ $$c_t = \\tanh(x_t + h_{t-1})$$"));
}

#[test]
fn values_are_joined_by_square_brackets() {
    let found = refuse("h_t = \\tanh(W(h_{t-1}, x_t) + b)", &["GW0005"]);
    assert!(found.iter().any(|one| one.help.as_deref().unwrap_or("").contains("square brackets")));
}

/// One character lost is what becomes of equations most often.
#[test]
fn a_lost_character_makes_no_other_cell() {
    let gru = |last: &str| format!("z_t = sigmoid(W x_t); n_t = tanh(U h_{{t-1}}); h_t = {last}");
    for slip in [
        "(1 - z_t) * n_t + z_t * h_{-1}",
        "( - z_t) * n_t + z_t * h_{t-1}",
        "(1 - z_t) * n_t  z_t * h_{t-1}",
        "z_t * h_{t-1} (1 - z_t) * n_t",
    ] {
        let expected: &[&str] = if slip.contains("{-1}") { &["GW0017"] } else { &["GW0203"] };
        refuse(&gru(slip), expected);
    }
    refuse(&gru("(1 - z_t) * n_t + z_ * h_{t-1}"), &["GW0004"]);
    refuse(&gru("(1 -- z_t) * n_t + z_t * h_{t-1}"), &["GW0004"]);
    refuse(&gru("(l - z_t) * n_t + z_t * h_{t-1}"), &["GW0203"]);
    refuse("h_t = tanh(W x_t + r_t * (U h_{t-1})  b_n)", &["GW0203"]);
    refuse("h_t = tanh(W [h_{t-1}. x_t] + b)", &["GW0203"]);
    accept("h_t = tanh(W . [h_{t-1}, x_t] + b)", "x[x] -> h[h]; h[h]; W[h, x + h] b[h]");
    refuse("i_t = tanh(W x_t); c_t = i_t * i_t c_{t-1}", &["GW0203"]);
    refuse("h_t = tanh(W [r_t * h_{t-1} x_t] + b)", &["GW0203"]);
    refuse("h_t = tanh(x_t * W  h_{t-1} * U)", &["GW0203"]);
    refuse("h_t = tanh(x_t * W + h_{t-1} * U  bi)", &["GW0203"]);
    refuse("h_t = tanh(x_t * Wi^T + h_{t-1} * RiT)", &["GW0203"]);
    refuse("h_t = \\tanh(w^\\to x_t + U h_{t-1})", &["GW0002"]);
    accept(&gru("(1 - z_t) * n_t + z_t * h_{t-1}"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h]");
    accept(&gru("z_t * (h_{t-1} - n_t) + n_t"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h]");
    accept(&gru("-z_t * n_t + z_t * h_{t-1}"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h]");
}

#[test]
fn letters_side_by_side_are_no_name() {
    for word in ["bias", "bu", "noise"] {
        refuse(&format!("$$h_t = \\tanh(W x_t + U h_{{t-1}} + {word})$$"), &["GW0203"]);
    }
    let named = "$$h_t = \\tanh(W x_t + U h_{t-1} + \\mathrm{bias})$$";
    accept(named, "x[x] -> h[h]; h[h]; W[h, x] U[h, h] bias[h]");
    refuse("$$h_t = \\tanh(W_h x_t + UU_h h_{t-1} + b_h)$$", &["GW0203"]);
    refuse("$$h_t = \\tanh(W_h x_t + U_h h_{t-1} + bb_h)$$", &["GW0203"]);
    accept("$$h_t = WW^\\top h_{t-1} + x_t$$", "x[h] -> h[h]; h[h]; W[h, W]");
    accept("$$h_t = a b h_{t-1} + x_t$$", "x[h] -> h[h]; h[h]; a[h] b[h]");
    accept("$$h_t = kx_t + h_{t-1}$$", "x[x] -> h[x]; h[x]; k[x]");
}
