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
