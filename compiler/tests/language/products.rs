//! What a product means, by what stands on its sides.

use crate::{accept, note, refuse, same};

#[test]
fn chains_associate_so_that_matrices_meet_vectors() {
    same(&["h_t = U V x_t + h_{t-1}", "h_t = U (V x_t) + h_{t-1}"]);
    same(&[
        "h_t = o_t W x_t + h_{t-1} \\\\ o_t = \\sigma(x_t)",
        "h_t = o_t \\odot (W x_t) + h_{t-1} \\\\ o_t = \\sigma(x_t)",
    ]);
    refuse("h_t = W x_t U h_{t-1}", &["GW0203"]);
    let found = refuse("q_t = q_{t-1} + w^T x_t", &["GW0203"]);
    assert!(found[0].help.as_deref().unwrap_or("").starts_with("where the state is one number, declare it"));
    accept("q_t = q_{t-1} + w^T x_t\nwhere q_t: scalar", "x[x] -> q[]; q[]; w[x]");
}

#[test]
fn a_greek_parameter_before_a_matrix_of_the_step_is_a_number() {
    accept(
        "S_t = \\gamma S_{t-1} + v_t k_t^\\top; o_t = S_t q_t",
        "v[S] k[S_2] q[S_2] -> o[S]; S[S, S_2]; gamma[]",
    );
    note("S_t = \\gamma S_{t-1} + v_t k_t^\\top; o_t = S_t q_t", &["GW0907", "GW0902", "GW0906", "GW0902"]);
    // Where it stands beside vectors too, it is one.
    refuse("S_t = \\gamma S_{t-1} + v_t k_t^\\top; o_t = \\gamma \\odot (S_t q_t)", &["GW0202"]);
}

#[test]
fn what_scales_matrices_of_the_step_is_a_number() {
    accept(
        "S_t = S_{t-1} (\\alpha_t I - \\eta_t k_t k_t^\\top) + \\eta_t v_t k_t^\\top",
        "alpha[] eta[] k[S_2] v[S] -> S[S, S_2]; S[S, S_2]; ",
    );
    note("S_t = S_{t-1} (\\alpha_t I - k_t k_t^\\top) + k_t k_t^\\top", &["GW0907", "GW0902"]);
    // A gate made of an input alone, through functions and states that are made of it.
    accept(
        "f_t = \\sigma(\\tilde{f}_t); i_t = \\exp(\\tilde{i}_t); S_t = f_t S_{t-1} + i_t v_t k_t^\\top",
        "f_tilde[] i_tilde[] v[S] k[S_2] -> S[S, S_2]; S[S, S_2]; ",
    );
    accept(
        "m_t = \\max(\\log \\sigma(\\tilde{f}_t) + m_{t-1}, \\tilde{i}_t); i_t = \\exp(\\tilde{i}_t - m_t)
        f_t = \\exp(\\log \\sigma(\\tilde{f}_t) + m_{t-1} - m_t); S_t = f_t S_{t-1} + i_t v_t k_t^\\top",
        "f_tilde[] i_tilde[] v[S] k[S_2] -> S[S, S_2]; m[] S[S, S_2]; ",
    );
    accept(
        "$f_t \\in \\mathbb{R}$ $$f_t = \\sigma(\\tilde{f}_t)$$ $$n_t = f_t n_{t-1} + W x_t$$",
        "f_tilde[] x[x] -> n[n]; n[n]; W[n, x]",
    );
    // A gate of weights is a vector, and has no meaning before a matrix.
    refuse("f_t = \\sigma(W x_t); S_t = f_t S_{t-1} + v_t k_t^\\top", &["GW0202"]);
    refuse("f_t = \\sigma(a \\odot x_t); S_t = f_t S_{t-1} + v_t k_t^\\top", &["GW0202"]);
    refuse("f_t = \\softmax(x_t); S_t = f_t S_{t-1} + v_t k_t^\\top", &["GW0202"]);
    // With values as rows, this is how an outer product is written.
    refuse("S_t = g_t \\odot S_{t-1} + \\beta_t k_t^\\top (v_t - S_{t-1} k_t)", &["GW0203"]);
    refuse("S_t = S_{t-1} + \\beta k_t^\\top v_t", &["GW0203"]);
    accept("s_t = s_{t-1} + b_t k_t^\\top v_t", "b[s] k[k] v[k] -> s[s]; s[s]; ");
}

#[test]
fn a_weight_before_a_number_of_the_step_is_a_column() {
    let input = "x_t \\in \\mathbb{R}; ";
    accept(
        &format!("{input} h_t = A h_{{t-1}} + B x_t; y_t = C h_t"),
        "x[] -> y[y]; h[h]; A[h, h] B[h] C[y, h]",
    );
    accept(
        &format!("{input} h_t = \\tanh(A h_{{t-1}} + B x_t + b); y_t = C h_t + D x_t"),
        "x[] -> y[y]; h[h]; A[h, h] B[h] b[h] C[y, h] D[y]",
    );
    accept(&format!("{input} z_t = \\sigma(W x_t); h_t = z_t \\odot h_{{t-1}}"), "x[] -> h[h]; h[h]; W[h]");
    accept("X_t \\in \\mathbb{R}; H_t = \\tanh(X_t W + H_{t-1} V)", "X[] -> H[H]; H[H]; W[H] V[H, H]");
    // A memory that is fed a number, read back into it.
    accept(
        "u_t = e_x^T x_t + e_m^T m_{t-1}; m_t = A m_{t-1} + B u_t; h_t = W m_t",
        "x[x] -> h[h]; m[m]; e_x[x] e_m[m] A[m, m] B[m] W[h, m]",
    );
    // A state in upper case may be a matrix.
    accept(
        "x_t \\in \\mathbb{R}; S_t = \\lambda S_{t-1} + B x_t",
        "x[] -> S[S, S_2]; S[S, S_2]; lambda[] B[S, S_2]",
    );
}

#[test]
fn a_tensor_sign_is_by_element_where_the_state_is_carried_with_it() {
    let state = "x[x] -> C[x]; C[x]; W[x, x]";
    for update in [
        "f_t \\otimes C_{t-1} + f_t \\otimes x_t",
        "f_t \\odot C_{t-1} + f_t \\otimes \\tilde{C}_t; \\tilde{C}_t = x_t",
    ] {
        accept(&format!("f_t = \\sigma(W x_t); C_t = {update}"), state);
    }
    accept("c_t = \\gamma c_{t-1} + x_t \\otimes x_t", "x[c] -> c[c]; c[c]; gamma[c]");
    // What else carries it on: an outer product is meant.
    refuse("S_t = \\lambda S_{t-1} + v_t \\otimes k_t; o_t = S_t q_t", &["GW0203"]);
    refuse("S_t = w_t ⊙ S_{t-1} + K_t ⊗ V_t", &["GW0203"]);
}

#[test]
fn a_greek_letter_that_only_functions_are_applied_to_is_a_vector() {
    let decay =
        |decay: &str| format!("r_t = \\sigma(W x_t); a_t = {decay}; h_t = a_t \\odot h_{{t-1}} + x_t");
    for spelled in [
        "\\exp(-8 \\cdot \\text{softplus}(\\Lambda) \\cdot r_t)",
        "\\exp(-8 r_t \\cdot \\text{softplus}(\\Lambda))",
        "\\exp(-8\\, \\text{softplus}(\\Lambda) \\odot r_t)",
        "\\sigma(\\Lambda)^{r_t}",
    ] {
        accept(&decay(spelled), "x[x] -> h[x]; h[x]; W[x, x] Lambda[x]");
        note(&decay(spelled), &["GW0914"]);
    }
    // Declared, applied to a value, or Latin, it is a matrix.
    accept(
        "\\Lambda \\in \\mathbb{R}^{n \\times n}; h_t = \\sigma(\\Lambda) h_{t-1} + x_t",
        "x[n] -> h[n]; h[n]; Lambda[n, n]",
    );
    accept("h_t = \\tanh(\\Lambda) (\\Lambda h_{t-1}) + x_t", "x[h] -> h[h]; h[h]; Lambda[h, h]");
    accept("h_t = \\tanh(W) h_{t-1} + x_t", "x[h] -> h[h]; h[h]; W[h, h]");
}
