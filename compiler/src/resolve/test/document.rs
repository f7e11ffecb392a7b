//! Rules about whole documents, as people write them: codes of what is found, or the roles of the cell.

use super::roles;
use crate::passes::read;
use crate::resolve::Options;
use crate::source::Syntax;
use expect_test::{Expect, expect};

/// Errors as codes and messages; else roles and shapes, with the codes of warnings and notes.
fn check(text: &str, expected: Expect) {
    let mut out = String::new();
    let findings = match read(text, Syntax::Markdown, None, &Options::default()) {
        Ok(cell) => {
            out.push_str(&roles(&cell));
            cell.diagnostics
        }
        Err(findings) => findings,
    };
    for found in findings {
        out.push_str(&format!("{} {}\n", found.code.as_str(), found.message));
    }
    expected.assert_eq(&out);
}

#[test]
fn blocks_that_define_a_name_anew_are_alternatives() {
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n\nor\n\n$$h_t = \\sigma(V x_t + U h_{t-1})$$",
        expect![[r#"
            GW0110 `h` is defined again, differently, in a block of its own
        "#]],
    );
    // A later step of the same value, another order of the same terms, and another name are none.
    check(
        "$$h_t = W x_t + U h_{t-1}$$\n\nthen\n\n$$h_t = \\tanh(h_t)$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h h
        outputs h[h]
    "#]],
    );
    check(
        "$$z_t = \\sigma(W x_t + U h_{t-1})$$\n\nand\n\n$$h_t = (1 - z_t) \\odot h_{t-1} + z_t \\odot x_t$$\n\nthat is\n\n$$h_t = x_t \\odot z_t + h_{t-1} \\odot (1 - z_t)$$",
        expect![[r#"
            inputs x[x]
            states h[x]
            parameters W[x, x] U[x, x]
            order z h
            outputs h[x]
        "#]],
    );
    check(
        "$$c_t = a_t$$\n\nwith\n\n$$c_t = W x_t + U c_{t-1}$$",
        expect![[r#"
        inputs a[a] x[x]
        states c[a]
        parameters W[a, x] U[a, a]
        order c c
        outputs c[a]
        GW0802 this definition of `c_t` is overwritten, and nothing reads it
        GW0902 `a_t` is never defined: it becomes an input
    "#]],
    );
    // All read the first: the second is another spelling of the gate.
    check(
        "$$f_t = \\sigma(W x_t)$$\n\n$$c_t = f_t \\odot c_{t-1}$$\n\nAgain:\n\n$$f_t = \\sigma(V x_t)$$",
        expect![[r#"
            GW0110 `f` is defined again, differently, in a block of its own
        "#]],
    );
}

#[test]
fn an_expression_without_its_left_side_is_no_remark() {
    check(
        "- ($z$) $\\sigma(W x_t + U h_{t-1})$\n- $h_t = (1 - z) \\odot h_{t-1} + z \\odot x_t$",
        expect![[r#"
            GW0006 this row is no equation: it has no `=`
        "#]],
    );
    check(
        "- here $\\sigma(u)$ is the sigmoid\n- $h_t = \\sigma(W x_t + U h_{t-1})$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
    "#]],
    );
}

#[test]
fn sides_of_a_chain_repeat_or_differ() {
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1}) = \\tanh(V [x_t, h_{t-1}])$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
        GW0950 this side is taken to repeat the one before and is skipped
    "#]],
    );
    check(
        "$$h_t = W x_t + U h_{t-1} = A x_t + B h_{t-1}$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
        GW0950 this side is taken to repeat the one before and is skipped
    "#]],
    );
    check(
        "$$h_t = W x_t + U h_{t-1} = x_t \\odot h_{t-1}$$",
        expect![[r#"
            GW0016 this side is another expression than the one before
        "#]],
    );
}

#[test]
fn a_greek_input_before_a_matrix_is_a_scalar() {
    check(
        "$$S_t = \\alpha_t S_{t-1} + \\beta_t v_t k_t^\\top$$",
        expect![[r#"
        inputs alpha[] beta[] v[S] k[S_2]
        states S[S, S_2]
        order S
        outputs S[S, S_2]
        GW0907 `alpha` scales a matrix: it is read as a scalar
        GW0902 `beta_t` is never defined: it becomes an input
        GW0907 `beta` scales a matrix: it is read as a scalar
        GW0902 `v_t` is never defined: it becomes an input
        GW0902 `k_t` is never defined: it becomes an input
    "#]],
    );
    // Element by element somewhere: a vector.
    check(
        "$$S_t = S_{t-1} + \\beta_t v_t k_t^\\top$$\n$$h_t = \\beta_t \\odot v_t$$",
        expect![[r#"
            inputs beta[S] v[S] k[S_2]
            states S[S, S_2]
            order S h
            outputs h[S]
            GW0803 nothing that the output needs reads `S_t`
            GW0902 `v_t` is never defined: it becomes an input
            GW0902 `k_t` is never defined: it becomes an input
        "#]],
    );
}

#[test]
fn functions_of_matrices_are_named() {
    check(
        "$$\\bar{A} = \\exp(\\Delta A)$$\n$$h_t = \\bar{A} h_{t-1} + B x_t$$",
        expect![[r#"
        GW0456 `exp` of a matrix is outside the language
    "#]],
    );
    check(
        "$$h_t = \\exp(-a) \\odot h_{t-1} + B x_t$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters a[h] B[h, x]
        order h
        outputs h[h]
    "#]],
    );
}

#[test]
fn softmax_of_rows_and_columns_is_of_matrices() {
    check(
        "$$h_t = \\operatorname{colsoftmax}(R) h_{t-1} + \\operatorname{rowsoftmax}(V) x_t$$",
        expect![[r#"
            inputs x[x]
            states h[h]
            parameters R[h, h] V[h, x]
            order h
            outputs h[h]
        "#]],
    );
    check(
        "$$h_t = \\operatorname{colsoftmax}(h_{t-1}) x_t$$",
        expect![[r#"
        GW0202 a matrix is needed here, a vector was found
    "#]],
    );
}

#[test]
fn a_second_recursion_is_named() {
    check(
        "$$s_d^{t} = \\tanh(W s_{d-1}^{t} + U s_d^{t-1})$$",
        expect![[r#"
            GW0457 this is a recursion along a second index
        "#]],
    );
}

#[test]
fn names_applied_like_functions_are_bound_or_refused() {
    check(
        "$$h_t = f(x_t, h_{t-1}; \\theta)$$",
        expect![[r#"
            GW0102 `f` is applied like a function, but nothing binds it
        "#]],
    );
    check(
        "$$h_t = \\hat{\\sigma}(c) \\odot h_{t-1} + x_t$$",
        expect![[r#"
        GW0102 `sigma_hat` is applied like a function, but nothing binds it
    "#]],
    );
    check(
        "$$h_t = \\operatorname{hard sigmoid}(W x_t + U h_{t-1})$$",
        expect![[r#"
            GW0101 there is no function `hard sigmoid`
        "#]],
    );
}

#[test]
fn an_output_that_was_chosen_is_noted() {
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n$$\\hat{y}_t = \\mathrm{softmax}(V h_t)$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h] V[y_hat, h]
        order h y_hat
        outputs y_hat[y_hat]
        GW0906 `y_hat_t` is the output
    "#]],
    );
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n$$y_t = V h_t$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h] V[y, h]
        order h y
        outputs y[y]
    "#]],
    );
}

#[test]
fn slips_that_would_change_the_cell_are_errors() {
    // A sign is missing between two products.
    check(
        "$$h_t = \\tanh(W x_t U h_{t-1} + b)$$",
        expect![[r#"
        GW0203 this product has two readings
    "#]],
    );
    check(
        "$$h_t = \\tanh(W x_T + U h_{t-1})$$",
        expect![[r#"
        GW0103 `x_T` has a capital `T` where the time is `t`
    "#]],
    );
    check(
        "$$\\dot{h}(t) = -h(t) + W x(t)$$",
        expect![[r#"
        GW0453 this reads as the derivative of `h`, which nothing defines
        GW0801 nothing is carried from one step to the next: this is no recurrent cell
        GW0902 `h_t` is never defined: it becomes an input
    "#]],
    );
    check(
        "$$h'_t = \\tanh(W x_t + U h_{t-1})$$\n$$h_t = h_{t-1} + h'_t$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h_prime h
        outputs h[h]
    "#]],
    );
    check(
        "$$h_t = \\mathrm{BN}(W x_t + U h_{t-1})$$",
        expect![[r#"
            GW0101 `BN` reads as batch normalization, which is outside the language
        "#]],
    );
    check(
        "$$\\begin{pmatrix} i_t \\\\ f_t \\end{pmatrix} = \\sigma(W [x_t, h_{t-1}])$$",
        expect![[r#"
            inputs x[x] h[h]
            parameters W[2 i, x + h]
            order i f
            outputs f[i]
            GW0803 nothing reads `i_t`
            GW0801 nothing is carried from one step to the next: this is no recurrent cell
            GW0902 `h_t` is never defined: it becomes an input
        "#]],
    );
}

#[test]
fn rows_beside_the_cell_are_skipped() {
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1}), \\quad t = 1, \\dots, T$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
        GW0950 the range of the time is no part of the cell: skipped
    "#]],
    );
    check(
        "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n$$\\frac{\\partial L}{\\partial W} = \\delta_t x_t^T$$\n$$p(y_t | x_t) = \\mathrm{softmax}(V h_t)$$",
        expect![[r#"
            inputs x[x]
            states h[h]
            parameters W[h, x] U[h, h]
            order h
            outputs h[h]
            GW0950 a derivative of something computed is no part of the cell: skipped
            GW0950 a probability is no part of the cell: skipped
        "#]],
    );
}

#[test]
fn a_time_above_may_meet_one_below() {
    check(
        "$$h^{t} = \\tanh(W x^{t} + U h_{t-1})$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
    "#]],
    );
}

#[test]
fn an_upper_case_addend_is_a_vector() {
    check(
        "$$H_t = \\tanh(X_t W + H_{t-1} U + B + C)$$",
        expect![[r#"
            inputs X[X]
            states H[H]
            parameters W[X, H] U[H, H] B[H] C[H]
            order H
            outputs H[H]
            GW0904 the vector stands before the matrix: rows of the matrix are features in
        "#]],
    );
    // Among matrices it is a matrix.
    check(
        "$$S_t = S_{t-1} + v_t k_t^\\top + B$$",
        expect![[r#"
        inputs v[S] k[S_2]
        states S[S, S_2]
        parameters B[S, S_2]
        order S
        outputs S[S, S_2]
        GW0902 `k_t` is never defined: it becomes an input
    "#]],
    );
    check(
        "$$A = B + C$$\n$$h_t = A h_{t-1} + x_t$$",
        expect![[r#"
        inputs x[h]
        states h[h]
        parameters B[h, h] C[h, h]
        order A h
        outputs h[h]
    "#]],
    );
}

#[test]
fn an_inner_product_is_no_outer_one() {
    check(
        "$$S_t = \\gamma S_{t-1} + k_t^\\top v_t$$",
        expect![[r#"
        GW0203 this is one number, added to every element of the state
        GW0902 `v_t` is never defined: it becomes an input
    "#]],
    );
}

#[test]
fn a_time_above_names_is_no_label() {
    check(
        "$$h_t = \\alpha^t h_{t-1} + W x_t$$",
        expect![[r#"
            GW0017 the time `t` stands above a name, but elsewhere below
        "#]],
    );
}

#[test]
fn a_general_form_announces_an_equation() {
    check(
        "$$h_t = f_W(h_{t-1}, x_t)$$\n$$h_t = \\tanh(W x_t + U h_{t-1})$$",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x] U[h, h]
        order h
        outputs h[h]
        GW0950 this general form is skipped: another equation says what it is
    "#]],
    );
}

#[test]
fn words_for_time_are_no_index() {
    check(
        "```\nh_new = tanh(W x + U h_old + b)\n```",
        expect![[r#"
        GW0305 no name here carries a time index, so nothing varies in time
    "#]],
    );
}
