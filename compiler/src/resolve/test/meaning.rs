//! What documents mean, beyond the golden ones.

use super::describe;
use crate::resolve::CyclePolicy;
use expect_test::{Expect, expect};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&describe(text, CyclePolicy::Reject));
}

#[test]
fn delays_and_input_lags_are_hidden_states() {
    check(
        r"h_t = \tanh(W x_t + V x_{t-2} + U h_{t-1} + A h_{t-3})",
        expect![[r#"
        inputs x[x]
        states h[h] h_delay_2[h] h_delay_3[h] x_delay_1[x] x_delay_2[x]
        parameters W[h, x] V[h, x] U[h, h] A[h, h]
        order h
        outputs h[h]
    "#]],
    );
}

#[test]
fn a_document_of_the_next_step_means_the_same() {
    let (now, next) = (r"h_t = \tanh(W x_t + U h_{t-1})", r"h_{t+1} = \tanh(W x_{t+1} + U h_t)");
    assert_eq!(describe(now, CyclePolicy::Reject), describe(next, CyclePolicy::Reject));
}

#[test]
fn a_step_of_delta_t_is_a_step() {
    let told = |text| describe(text, CyclePolicy::Reject);
    let one = r"h_{t+1} = h_t + \Delta t \tanh(W x_t + U h_t)";
    assert_eq!(told(one), told(r"h_{t+\Delta t} = h_t + \Delta t \tanh(W x_t + U h_t)"));
    assert_eq!(
        told(r"h_t = h_{t-1} + x_t \\ y_t = h_t + h_{t-2}"),
        told(r"h_t = h_{t-\delta t} + x_t \\ y_t = h_t + h_{t-2}")
    );
}

#[test]
fn an_input_with_two_axes_is_a_matrix_where_it_is_applied() {
    check(
        r"h_t = \tanh(M_t x_t + h_{t-1}) \\ M_t \in \mathbb{R}^{n \times d}",
        expect![[r#"
            inputs M[n, d] x[d]
            states h[n]
            order h
            outputs h[n]
            GW0902 1:13 `M_t`: `M_t` is never defined: it becomes an input
        "#]],
    );
    check(
        r"H_t = \tanh(X_t W + H_{t-1} U) \\ X_t \in \mathbb{R}^{n \times d}",
        expect![[r#"
            inputs X[d]
            states H[H]
            parameters W[d, H] U[H, H]
            order H
            outputs H[H]
            GW0904 1:13 `X_t W`: the vector stands before the matrix: rows of the matrix are features in
              help: the parameter is stored as written; `W x` would have features out as its rows
        "#]],
    );
}

#[test]
fn what_is_read_out_follows_the_inputs() {
    let told = |text| describe(text, CyclePolicy::Reject);
    let now = r"h_t = \tanh(W x_t + U h_{t-1}) \\ s_t = V h_t \\ y_t = s_t + s_{t-1}";
    let next = r"h_{t+1} = \tanh(W x_{t+1} + U h_t) \\ s_t = V h_t \\ y_t = s_t + s_{t-1}";
    assert_eq!(told(now), told(next));
    // Where the input has the index of what is read out, the state is that of the step before.
    let before = r"h_t = \tanh(W x_t + U h_{t-1}) \\ y_t = V h_{t-1}";
    let state_space = r"h_{t+1} = \tanh(W x_t + U h_t) \\ y_t = V h_t";
    assert_eq!(told(before), told(state_space));
    // A gate that the next state reads stays where it is: it is no state.
    let gated = r"h_{t+1} = z_t h_t + W x_{t+1} \\ z_t = \sigma(U h_t)";
    assert_eq!(told(r"h_t = z_t h_{t-1} + W x_t \\ z_t = \sigma(U h_{t-1})"), told(gated));
}

#[test]
fn parts_of_one_vector_take_the_size_of_what_they_are_added_to() {
    check(
        r"a_t = W x_t \\ u_t = V \operatorname{chunk}(a_t, 1, 2) + U h_{t-1} \\ h_t = u_t + \operatorname{chunk}(a_t, 2, 2)",
        expect![[r#"
            inputs x[x]
            states h[h]
            parameters W[2 h, x] V[h, h] U[h, h]
            order a u h
            outputs h[h]
        "#]],
    );
}

#[test]
fn superscript_numbers_are_labels_or_powers() {
    check(
        r"h^{1}_t = \tanh(W^1 x_t + U^{1} h^1_{t-1}) \\ h^{2}_t = \tanh(W^2 h^1_t + U^2 h^2_{t-1}) + u_t^2",
        expect![[r#"
            inputs x[x] u[h_2]
            states h_1[h_1] h_2[h_2]
            parameters W_1[h_1, x] U_1[h_1, h_1] W_2[h_2, h_1] U_2[h_2, h_2]
            order h_1 h_2
            outputs h_2[h_2]
            GW0902 1:92 `u_t^2`: `u_t` is never defined: it becomes an input
        "#]],
    );
}

#[test]
fn functions_of_the_document_are_applied() {
    check(
        r"\Phi(v) = \tanh(W v + b) \\ g = \tanh \\ h_t = \Phi(x_t) + \Phi(g(x_t)) + g(U h_{t-1})",
        expect![[r#"
            inputs x[x]
            states h[h]
            parameters W[h, x] b[h] U[h, h]
            order h
            outputs h[h]
        "#]],
    );
}

#[test]
fn parameter_expressions_are_computed_once() {
    check(
        r"A = W - W^{\top} - \gamma I \\ h_t = h_{t-1} + \epsilon \tanh(A h_{t-1} + V x_t), \quad \epsilon = 0.01",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, h] gamma[] V[h, x]
        constants epsilon=0.01
        order A h
        outputs h[h]
    "#]],
    );
}

#[test]
fn both_sides_of_a_matrix_may_meet_in_one_cell() {
    check(
        r"h_t = \tanh(x_t W_{xh} + U h_{t-1} + b)",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W_xh[x, h] U[h, h] b[h]
        order h
        outputs h[h]
        GW0904 1:13 `x_t W_{xh}`: the vector stands before the matrix: rows of the matrix are features in
          help: the parameter is stored as written; `W x` would have features out as its rows
    "#]],
    );
    check(
        r"H_t = \tanh(X_t * W^T + H_{t-1} * R^T)",
        expect![[r#"
        inputs X[X]
        states H[H]
        parameters W[H, X] R[H, H]
        order H
        outputs H[H]
        GW0904 1:13 `X_t * W^T`: the vector stands before the matrix: rows of the matrix are features in
          help: the parameter is stored as written; `W x` would have features out as its rows
    "#]],
    );
}

#[test]
fn matrix_states_are_made_by_outer_products() {
    check(
        r"C_t = f_t C_{t-1} + v_t k_t^{\top} \\ f_t = \sigma(w^{\top} x_t + b), \quad b \in \mathbb{R} \\ n_t = f_t n_{t-1} + k_t \\ k_t = W_k x_t \\ v_t = W_v x_t \\ q_t = W_q x_t \\ h_t = \frac{C_t q_t}{\max(|n_t^{\top} q_t|, 1)}",
        expect![[r#"
            inputs x[x]
            states C[C, C_2] n[C_2]
            parameters w[x] b[] W_k[C_2, x] W_v[C, x] W_q[C_2, x]
            order f k n v C q h
            outputs h[C]
        "#]],
    );
}

#[test]
fn hadamard_makes_a_diagonal_weight() {
    check(
        r"h_t = \tanh(W x_t + W_{ci} \odot h_{t-1} + z \odot U \cdot h_{t-1})",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] W_ci[h] z[h] U[h, h]
        order h
        outputs h[h]
    "#]],
    );
}

#[test]
fn several_definitions_are_read_from_above() {
    check(
        r"h_t = \tanh(U h_{t-1}) \\ o_t = \sigma(V h_t) \\ h_t = o_t \odot x_t",
        expect![[r#"
        inputs x[h]
        states h[h]
        parameters U[h, h] V[h, h]
        order h o h
        outputs h[h]
    "#]],
    );
}

#[test]
fn outputs_follow_the_rule() {
    let output = |text: &str| {
        let all = describe(text, CyclePolicy::Reject);
        all.lines().find_map(|line| line.strip_prefix("outputs ")).unwrap_or("none").to_owned()
    };
    assert_eq!(output(r"s_t = x_t + s_{t-1} \\ y_t = s_t \odot x_t"), "y[x]");
    assert_eq!(output(r"s_t = x_t + s_{t-1} \\ \hat{y}_t = s_t \\ h_t = x_t"), "y_hat[x]");
    assert_eq!(output(r"s_t = x_t + s_{t-1} \\ h_t = x_t"), "h[x]");
    assert_eq!(output(r"h = \tanh(x_t) \\ s_t = h + s_{t-1}"), "s[x]");
    assert_eq!(output(r"s_t = x_t + s_{t-1} \\ o_t = V s_t"), "o[o]");
    assert_eq!(output(r"s_t = x_t + s_{t-1} \\ o_t = V s_t \\ p_t = s_t"), "s[x]");
    assert_eq!(output(r"a_t = x_t \\ b_t = a_t"), "b[x]");
}

#[test]
fn repeated_definitions_are_merged() {
    check(
        r"h_t = x_t + h_{t-1} \\ h_t = x_t + h_{t-1}",
        expect![[r#"
        inputs x[x]
        states h[x]
        order h
        outputs h[x]
    "#]],
    );
}

#[test]
fn a_state_may_pass_unchanged_and_start_at_zero() {
    check(
        r"c_t = c_{t-1} \\ h_t = c_t \odot x_t, \quad c_0 = 0",
        expect![[r#"
        inputs x[c]
        states c[c]
        order c h
        outputs h[c]
    "#]],
    );
}

#[test]
fn batch_rows_are_not_features() {
    check(
        r"H_t = \tanh(X_t W + H_{t-1} U) \\ X_t \in \mathbb{R}^{n \times d} \\ H_t \in \mathbb{R}^{n \times h}",
        expect![[r#"
            inputs X[d]
            states H[h]
            parameters W[d, h] U[h, h]
            order H
            outputs H[h]
            GW0904 1:13 `X_t W`: the vector stands before the matrix: rows of the matrix are features in
              help: the parameter is stored as written; `W x` would have features out as its rows
        "#]],
    );
}
