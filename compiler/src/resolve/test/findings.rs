//! What is said about documents that are wrong, or right but worth a word.

use super::describe;
use crate::resolve::CyclePolicy;
use expect_test::{Expect, expect};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&describe(text, CyclePolicy::Reject));
}

#[test]
fn a_shape_contradiction_names_both_places() {
    check(
        r"h_t = \tanh(W [h_{t-1}, x_t]) + [h_{t-1}, x_t]",
        expect![[r#"
        GW0201 1:1 `h_t = \tanh(W [h_{t-1}, x_t]) + [h_{t-1}, x_t]`: [h] and [h + x] are the shapes of `h` as it is read and as it is defined, but cannot be equal in size
          1:16 `h_{t-1}`: [h]
          1:7 `\tanh(W [h_{t-1}, x_t]) + [h_{t-1}, x_t]`: [h + x]
          help: look at both places: one of them is not what the other needs
    "#]],
    );
}

#[test]
fn declared_shapes_are_held_against_each_other() {
    check(
        r"h_t = \tanh(W x_t + U h_{t-1} + b), \quad x_t \in \mathbb{R}^{d}, \quad U \in \mathbb{R}^{n \times d}, \quad b \in \mathbb{R}^{n}",
        expect![[r#"
            GW0201 1:1 `h_t = \tanh(W x_t + U h_{t-1} + b)`: [d] and [n] are the shapes of `h` as it is read and as it is defined, but cannot be equal in size
              1:23 `h_{t-1}`: [d]
              1:7 `\tanh(W x_t + U h_{t-1} + b)`: [n]
              1:43 `x_t \in \mathbb{R}^{d}`: `d` is declared here
              1:73 `U \in \mathbb{R}^{n \times d}`: `n` is declared here
              help: look at both places: one of them is not what the other needs
        "#]],
    );
    check(
        r"h_t = \tanh(W x_t + U h_{t-1} + b) \\ W \in \mathbb{R}^{n \times d} \\ b \in \mathbb{R}^{4}",
        expect![[r#"
            inputs x[d]
            states h[4]
            parameters W[4, d] U[4, 4] b[4]
            order h
            outputs h[4]
        "#]],
    );
}

#[test]
fn a_cycle_is_printed_whole() {
    check(
        "c_t = i_t * c_{t-1} \\\\\no_t = \\sigma(W h_t + U x_t) \\\\\nh_t = o_t * \\tanh(c_t) \\\\\ni_t = \\sigma(V x_t)",
        expect![[r#"
            GW0301 2:16 `h_t`: these definitions of one step need each other: `o_t` needs `h_t`, which needs `o_t`
              2:16 `h_t`: `o_t` needs `h_t`
              3:7 `o_t`: `h_t` needs `o_t`
              help: correct a time index, or choose a way out: `previous` reads `h_{t-1}` here, `fixed-point` solves the equations of the step by iteration
        "#]],
    );
}

#[test]
fn a_cycle_is_cut_where_asked() {
    let text = "o_t = \\sigma(W h_t + U x_t) \\\\\nh_t = o_t * \\tanh(V h_{t-1})";
    expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, h] U[h, x] V[h, h]
        order o h
        outputs h[h]
        GW0903 1:16 `h_t`: `o_t` reads `h_{t-1}` where `h_t` is written
          help: this cuts the cycle `o_t` needs `h_t`, which needs `o_t`
    "#]]
    .assert_eq(&describe(text, CyclePolicy::Previous));
    expect![[r#"
        inputs x[x]
        states h[h]
        unknowns h[h]
        parameters W[h, h] U[h, x] V[h, h]
        order o h
        outputs h[h]
        GW0908 1:16 `h_t`: `h_t` is solved for by iteration at each step
          help: this solves the cycle `o_t` needs `h_t`, which needs `o_t`
    "#]]
    .assert_eq(&describe(text, CyclePolicy::FixedPoint));
}

#[test]
fn an_unknown_function_has_a_suggestion() {
    check(
        r"h_t = \mathrm{squash}(W x_t + U h_{t-1}) + \mathrm{tahn}(c_{t-1}) \\ c_t = h_t",
        expect![[r#"
        GW0101 1:7 `\mathrm{squash}`: there is no function `squash`
          help: bind it, as in `squash(u) = W u + b`, or declare `squash` if it is a weight
        GW0101 1:44 `\mathrm{tahn}`: there is no function `tahn`
          help: did you mean `tanh`?
    "#]],
    );
}

#[test]
fn an_unbound_activation_has_a_line_to_paste() {
    check(
        r"f_t = \sigma_g(W x_t + U h_{t-1}) \\ c_t = f_t \odot \sigma_c(V x_t) \\ h_t = \phi(c_t) + \tau(f_t)",
        expect![[r#"
            GW0102 1:7 `\sigma_g`: `sigma_g` is applied like a function, but nothing binds it
              help: add a line such as `\sigma_g = \sigma, \sigma_c = \tanh, \phi = \tanh, \tau = \tanh`, or declare it (`\sigma_g \in \mathbb{R}`) if it is a factor
            GW0102 1:54 `\sigma_c`: `sigma_c` is applied like a function, but nothing binds it
              help: add a line such as `\sigma_g = \sigma, \sigma_c = \tanh, \phi = \tanh, \tau = \tanh`, or declare it (`\sigma_c \in \mathbb{R}`) if it is a factor
            GW0102 1:79 `\phi`: `phi` is applied like a function, but nothing binds it
              help: add a line such as `\sigma_g = \sigma, \sigma_c = \tanh, \phi = \tanh, \tau = \tanh`, or declare it (`\phi \in \mathbb{R}`) if it is a factor
            GW0102 1:91 `\tau`: `tau` is applied like a function, but nothing binds it
              help: add a line such as `\sigma_g = \sigma, \sigma_c = \tanh, \phi = \tanh, \tau = \tanh`, or declare it (`\tau \in \mathbb{R}`) if it is a factor
        "#]],
    );
    // A name that is multiplied elsewhere, or declared, is a factor.
    check(
        r"h_t = \zeta (1 - x_t) + \zeta x_t + U (x_t \odot h_{t-1})",
        expect![[r#"
        inputs x[x]
        states h[x]
        parameters zeta[x] U[x, x]
        order h
        outputs h[x]
    "#]],
    );
    check(
        r"h_t = \zeta (1 - x_t) + h_{t-1}, \quad \zeta \in \mathbb{R}",
        expect![[r#"
        inputs x[x]
        states h[x]
        parameters zeta[]
        order h
        outputs h[x]
    "#]],
    );
}

#[test]
fn an_overwritten_definition_is_seen() {
    check(
        r"h_t = x_t + h_{t-1} \\ h_t = x_t \odot h_{t-1}",
        expect![[r#"
        inputs x[x]
        states h[x]
        order h h
        outputs h[x]
        GW0802 1:1 `h_t = x_t + h_{t-1}`: this definition of `h_t` is overwritten, and nothing reads it
          1:24 `h_t = x_t \odot h_{t-1}`: the definition that lives on
          help: remove one, or give one another name
    "#]],
    );
}

#[test]
fn a_misspelled_name_is_seen() {
    check(
        r"z_t = \sigma(W x_t + U h_{t-1}) \\ h_t = (1 - \hat{z}_t) \odot h_{t-1} + z_t",
        expect![[r#"
        inputs x[x] z_hat[h]
        states h[h]
        parameters W[h, x] U[h, h]
        order z h
        outputs h[h]
        GW0902 1:47 `\hat{z}_t`: `z_hat_t` is never defined: it becomes an input
          help: did you mean `z_t`?
    "#]],
    );
}

#[test]
fn a_cell_without_state_is_seen() {
    check(
        r"h_t = \tanh(W x_t + b)",
        expect![[r#"
        inputs x[x]
        parameters W[h, x] b[h]
        order h
        outputs h[h]
        GW0801 1:1 `h_t`: nothing is carried from one step to the next: this is no recurrent cell
          help: a state is a value that is defined and read at an earlier step, such as `h_{t-1}`
    "#]],
    );
}

#[test]
fn a_gate_that_nothing_reads_and_a_shared_weight_are_seen() {
    check(
        r"r_t = \sigma(W x_t) \\ z_t = \sigma(W x_t) \\ h_t = z_t \odot h_{t-1}",
        expect![[r#"
        inputs x[x]
        states h[h]
        parameters W[h, x]
        order r z h
        outputs h[h]
        GW0803 1:1 `r_t = \sigma(W x_t)`: nothing reads `r_t`
          help: remove it, or read it where it belongs
        GW0901 1:14 `W`: `W` is used in 2 equations: their gradients add
          1:37 `W`: used here too
    "#]],
    );
}

#[test]
fn an_ambiguous_product_is_refused() {
    check(
        r"h_t = \tanh(W x_t + U r_t h_{t-1}) \\ r_t = \sigma(V x_t)",
        expect![[r#"
        GW0203 1:21 `U r_t h_{t-1}`: this product has two readings
          1:23 `r_t`: the matrix may be applied to this alone
          1:27 `h_{t-1}`: or to its product with this
          help: write `W (r_t \odot h_{t-1})` or `(W r_t) \odot h_{t-1}`
    "#]],
    );
}

#[test]
fn one_weight_is_no_matrix_and_vector_at_once() {
    check(
        r"h_t = \tanh(W \odot h_{t-1} + W x_t)",
        expect![[r#"
        GW0205 1:31 `W`: `W` is used as a matrix and as a vector
          1:31 `W`: a matrix, applied to what follows
          1:13 `W`: a vector, element by element
          help: give the two weights different names, or declare `W`
    "#]],
    );
}

#[test]
fn times_that_no_cell_can_read_are_errors() {
    check(
        r"h_t = c_{t+1} + h_{t-1} \\ c_t = \tanh(x_t)",
        expect![[r#"
        GW0302 1:7 `c_{t+1}`: `c` is read 1 step ahead
          1:28 `c_t`: defined at this time index
          help: a cell reads this step and earlier ones: correct the time index
        GW0803 1:28 `c_t = \tanh(x_t)`: nothing reads `c_t`
          help: remove it, or read it where it belongs
    "#]],
    );
    check(
        r"h_t = x_t + h \\ c_t = u_t + u + c_{t-1}",
        expect![[r#"
        GW0103 1:13 `h`: `h` is defined with a time index, but read without
          1:1 `h_t`: defined here
          help: write `h_t` for this step or `h_{t-1}` for the one before
        GW0902 1:24 `u_t`: `u_t` is never defined: it becomes an input
        GW0103 1:30 `u`: `u` is read with a time index and without one
          1:24 `u_t`: with a time index
          help: write `u_t` in both places, or give the two values different names
    "#]],
    );
    check(
        r"h_t = x_t + h_{t-1} \\ h_{t+1} = x_t",
        expect![[r#"
        GW0802 1:1 `h_t = x_t + h_{t-1}`: this definition of `h_t` is overwritten, and nothing reads it
          1:24 `h_{t+1} = x_t`: the definition that lives on
          help: remove one, or give one another name
        GW0303 1:24 `h_{t+1}`: `h` is defined at two times
          1:1 `h_t`: the other definition
          help: define it at one time index, and read the step before where that is meant
    "#]],
    );
}

#[test]
fn what_is_outside_the_language_is_named() {
    check(
        r"\mathcal{H}_t = \tanh(W * \mathcal{X}_t + U * \mathcal{H}_{t-1})",
        expect![[r#"
            GW0401 1:23 `W * \mathcal{X}_t`: `W * cal_X` reads as a convolution, which is outside the language
              help: where a matrix product is meant, write it side by side or with `\cdot`
            GW0401 1:43 `U * \mathcal{H}_{t-1}`: `U * cal_H` reads as a convolution, which is outside the language
              help: where a matrix product is meant, write it side by side or with `\cdot`
        "#]],
    );
    check(
        r"h_t = (W + I)^{-1} h_{t-1} + x_t, \quad h_0 = 1",
        expect![[r#"
        GW0402 1:7 `(W + I)^{-1}`: the inverse of a matrix is outside the language
          help: write the product out; a number that only tells weights apart belongs on the name itself
    "#]],
    );
}

#[test]
fn all_errors_come_at_once() {
    check(
        r"h_t = \phi(W x_t) + c_{t+1} \\ c_t = [h_{t-1}, c_{t-1}] + W",
        expect![[r#"
        GW0102 1:7 `\phi`: `phi` is applied like a function, but nothing binds it
          help: add a line such as `\phi = \tanh`, or declare it (`\phi \in \mathbb{R}`) if it is a factor
        GW0901 1:12 `W`: `W` is used in 2 equations: their gradients add
          1:59 `W`: used here too
        GW0302 1:21 `c_{t+1}`: `c` is read 1 step ahead
          1:32 `c_t`: defined at this time index
          help: a cell reads this step and earlier ones: correct the time index
        GW0202 1:48 `c_{t-1}`: a matrix stands in a concatenation of vectors
          help: concatenate vectors: `[h_{t-1}, x_t]`
    "#]],
    );
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    check(
        r"S_t = a S_{t-1} + v_t k_t^\top \\ h_t = S_t q_t",
        expect![[r#"
            GW0202 1:7 `a S_{t-1}`: a vector and a matrix cannot be multiplied
              1:7 `a`: a vector
              1:9 `S_{t-1}`: a matrix
              help: to scale a matrix, declare the factor a scalar (`\gamma \in \mathbb{R}`), give it (`\gamma = 0.01`), or write `diag(u)` to scale its rows
            GW0902 1:23 `k_t^\top`: `k_t` is never defined: it becomes an input
            GW0902 1:45 `q_t`: `q_t` is never defined: it becomes an input
        "#]],
    );
    check(
        r"h_t = \mathrm{softmax}(w^\top x_t) + h_{t-1}",
        expect![[r#"
            GW0202 1:7 `\mathrm{softmax}(w^\top x_t)`: a vector is needed here, a scalar was found
              1:24 `w^\top x_t`: a scalar
              help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
        "#]],
    );
}
