//! What the functions beyond the smooth ones mean: shapes, values, gradients, and what they refuse.

use super::describe;
use crate::differentiate::differentiate;
use crate::graph::interpret::{GradientArguments, SequenceArguments, run_sequence};
use crate::graph::lower;
use crate::resolve::{CyclePolicy, Options, resolve};
use crate::source::{Syntax, parse};
use expect_test::{Expect, expect};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&describe(text, CyclePolicy::Reject));
}

/// The output of a cell that reads `a` and `b`, of two elements each, and its gradients by both; all adjoints are 1.
fn evaluate(expression: &str, a: [f64; 2], b: [f64; 2]) -> (Vec<f64>, [Vec<f64>; 2]) {
    let text = format!("y_t = {expression} + 0 * (a_t + b_t); where a: [2], b: [2]");
    let parsed = parse(&text, Syntax::Text, None);
    assert_eq!(parsed.diagnostics, [], "{text}");
    let cell = resolve(&parsed.document, &Options { cycle: CyclePolicy::Reject, ..Options::default() })
        .expect("a cell");
    let order: Vec<bool> = cell.inputs.iter().map(|input| input.name == "a").collect();
    let graph = differentiate(&lower(&cell).expect("lowers")).expect("differentiates");
    let ones = [1.0; 2];
    let arguments = SequenceArguments {
        inputs: order.iter().map(|&first| if first { &a[..] } else { &b[..] }).collect(),
        initial_states: vec![],
        parameters: vec![],
        gradients: Some(GradientArguments { outputs: vec![&ones], final_states: vec![] }),
    };
    let results = run_sequence(&graph, &[], &arguments, 1, 1).expect("runs");
    let mut gradients = results.gradients.expect("gradients").inputs;
    if !order[0] {
        gradients.reverse();
    }
    let second = gradients.pop().expect("two inputs");
    (results.outputs[0].clone(), [gradients.pop().expect("two inputs"), second])
}

#[test]
fn values_and_gradients_are_the_stated_ones() {
    type Case = (&'static str, [f64; 2], [f64; 2], [[f64; 2]; 3]);
    let cases: &[Case] = &[
        // a - b floor(a / b), by a 1, by b -floor(a / b).
        ("mod(a_t, b_t)", [7.0, -7.5], [3.0, 2.0], [[1.0, 0.5], [1.0, 1.0], [-2.0, 4.0]]),
        ("floor(a_t)", [1.5, -1.5], [0.0; 2], [[1.0, -2.0], [0.0; 2], [0.0; 2]]),
        ("ceil(a_t)", [1.5, -1.5], [0.0; 2], [[2.0, -1.0], [0.0; 2], [0.0; 2]]),
        ("round(a_t)", [2.5, -1.6], [0.0; 2], [[2.0, -2.0], [1.0, 1.0], [0.0; 2]]),
        ("where(a_t < b_t, 2 a_t, 3 b_t)", [1.0, 2.0], [2.0, 2.0], [[2.0, 6.0], [2.0, 0.0], [0.0, 3.0]]),
        ("where(a_t <= b_t, 2 a_t, 3 b_t)", [1.0, 2.0], [2.0, 2.0], [[2.0, 4.0], [2.0, 2.0], [0.0, 0.0]]),
        ("where(a_t > b_t, 2 a_t, 3 b_t)", [1.0, 2.0], [2.0, 1.0], [[6.0, 4.0], [0.0, 2.0], [3.0, 0.0]]),
        ("where(a_t >= b_t, a_t, 5)", [2.0, 1.0], [2.0, 2.0], [[2.0, 5.0], [1.0, 0.0], [0.0, 0.0]]),
        ("where(a_t, b_t, -1)", [0.0, 0.1], [4.0, 4.0], [[-1.0, 4.0], [0.0, 0.0], [0.0, 1.0]]),
        ("indicator(a_t == b_t)", [1.0, 2.0], [1.0, 1.0], [[1.0, 0.0], [0.0; 2], [0.0; 2]]),
        ("indicator(a_t != b_t)", [1.0, 2.0], [1.0, 1.0], [[0.0, 1.0], [0.0; 2], [0.0; 2]]),
        ("indicator(dot(a_t, b_t) > 3)", [1.0, 2.0], [1.0, 1.5], [[1.0, 1.0], [0.0; 2], [0.0; 2]]),
        ("cumsum(a_t .* b_t)", [1.0, 2.0], [3.0, 4.0], [[3.0, 11.0], [6.0, 4.0], [2.0, 2.0]]),
        ("revcumsum(a_t)", [1.0, 2.0], [3.0, 4.0], [[3.0, 2.0], [1.0, 2.0], [0.0; 2]]),
        ("sumsq(a_t) * b_t", [1.0, 2.0], [3.0, 4.0], [[15.0, 20.0], [14.0, 28.0], [5.0, 5.0]]),
        ("dot(a_t, b_t)", [1.0, 2.0], [3.0, 4.0], [[11.0, 11.0], [6.0, 8.0], [2.0, 4.0]]),
        ("chunk([a_t, b_t], 2, 2)", [1.0, 2.0], [3.0, 4.0], [[3.0, 4.0], [0.0; 2], [1.0, 1.0]]),
        ("sum(chunk([a_t, b_t], 3, 4))", [1.0, 2.0], [3.0, 4.0], [[3.0, 3.0], [0.0; 2], [2.0, 0.0]]),
        ("tmatvec(outer(a_t, b_t), a_t)", [1.0, 2.0], [3.0, 4.0], [[15.0, 20.0], [14.0, 28.0], [5.0, 5.0]]),
        (
            "rowscale(a_t, outer(b_t, b_t)) b_t",
            [1.0, 2.0],
            [1.0, 2.0],
            [[5.0, 20.0], [5.0, 10.0], [15.0, 30.0]],
        ),
        ("logsigmoid(a_t) - log(sigmoid(a_t))", [1.0, -2.0], [0.0; 2], [[0.0; 2], [0.0; 2], [0.0; 2]]),
    ];
    for (expression, a, b, [value, by_a, by_b]) in cases {
        let (found, gradients) = evaluate(expression, *a, *b);
        for (found, expected) in [&found, &gradients[0], &gradients[1]].into_iter().zip([value, by_a, by_b]) {
            let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12);
            // A scalar's value is repeated by the sum it stands in.
            assert!(close && found.len() == 2, "{expression}: {found:?} is not {expected:?}");
        }
    }
}

#[test]
fn what_is_not_a_number_compares_with_nothing() {
    let nan = f64::NAN;
    for sign in ["<", "<=", ">", ">=", "=="] {
        let (found, _) = evaluate(&format!("where(a_t {sign} 0 * b_t, 2, 3)"), [1.0; 2], [nan, 1.0]);
        // The sum with zero times NaN hides the first; what counts is that the second is chosen as usual.
        assert_eq!(found[1], if sign.starts_with('>') { 2.0 } else { 3.0 }, "{sign}");
    }
}

#[test]
fn conditions_and_parts_have_the_shapes_of_what_they_meet() {
    check(
        r"m_t = \operatorname{where}(\tau_t \bmod p < 0.5, 1, 0) \\ h_t = m_t \odot \tanh(W x_t + U h_{t-1}) + (1 - m_t) \odot h_{t-1} \\ \tau_t \in \mathbb{R}",
        expect![[r#"
            inputs tau[] x[x]
            states h[h]
            parameters p[h] W[h, x] U[h, h]
            order m h
            outputs h[h]
            GW0902 1:28 `\tau_t`: `tau_t` is never defined: it becomes an input
        "#]],
    );
    check(
        r"i_t, f_t, g_t, o_t = \operatorname{chunk}(W x_t + U h_{t-1} + b, 4) \\ c_t = \sigma(f_t) \odot c_{t-1} + \sigma(i_t) \odot \tanh(g_t) \\ h_t = \sigma(o_t) \odot \tanh(c_t)",
        expect![[r#"
            inputs x[x]
            states c[h] h[h]
            parameters W[4 h, x] U[4 h, h] b[4 h]
            order i f g o c h
            outputs h[h]
        "#]],
    );
    check(
        r"h_t = \operatorname{where}(s_t > 0, W, A) h_{t-1} + \operatorname{cumax}(x_t) \\ s_t \in \mathbb{R}, A \in \mathbb{R}^{n \times n}",
        expect![[r#"
            inputs s[] x[n]
            states h[n]
            parameters W[n, n] A[n, n]
            order h
            outputs h[n]
            GW0902 1:28 `s_t`: `s_t` is never defined: it becomes an input
        "#]],
    );
    check(
        r"S_t = \operatorname{rowscale}(a_t, S_{t-1}) + \operatorname{outer}(k_t, v_t) \\ y_t = \operatorname{tmatvec}(S_t, q_t) \\ n_t = \operatorname{sumsq}(k_t)",
        expect![[r#"
            inputs a[a] k[a] v[S] q[a]
            states S[a, S]
            order S y n
            outputs y[S]
            GW0902 1:68 `k_t`: `k_t` is never defined: it becomes an input
            GW0902 1:73 `v_t`: `v_t` is never defined: it becomes an input
            GW0902 1:115 `q_t`: `q_t` is never defined: it becomes an input
            GW0803 1:123 `n_t = \operatorname{sumsq}(k_t)`: nothing reads `n_t`
              help: remove it, or read it where it belongs
        "#]],
    );
}

#[test]
fn operands_of_another_kind_are_refused() {
    for (text, expected) in [
        (
            r"h_t = \operatorname{where}(x_t < 0, W, h_{t-1})",
            expect![[r#"
                GW0202 1:7 `\operatorname{where}(x_t < 0, W, h_{t-1})`: `where` cannot choose among a vector and a matrix
                  1:28 `x_t < 0`: a vector
                  1:37 `W`: a matrix
                  help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
            "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{cumsum}(W) x_t",
            expect![[r#"
                GW0202 1:17 `\operatorname{cumsum}(W)`: a vector is needed here, a matrix was found
                  1:39 `W`: a matrix
                  help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
            "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{chunk}(x_t, 0, 2)",
            expect![[r#"
            GW0104 1:43 `0`: a whole number from 1 to 2 is needed here
              help: `chunk(a, j, m)` is the j-th of m equal parts of `a`, counted from 1, as in `chunk(a_t, 1, 4)`
        "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{chunk}(x_t, 1.5, 2)",
            expect![[r#"
            GW0104 1:43 `1.5`: a whole number from 1 to 2 is needed here
              help: `chunk(a, j, m)` is the j-th of m equal parts of `a`, counted from 1, as in `chunk(a_t, 1, 4)`
        "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{chunk}(x_t, 1, m)",
            expect![[r#"
            GW0104 1:46 `m`: a whole number from 1 to 65536 is needed here
              help: `chunk(a, j, m)` is the j-th of m equal parts of `a`, counted from 1, as in `chunk(a_t, 1, 4)`
        "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{chunk}(x_t, 2)",
            expect![[r#"
                GW0104 1:17 `\operatorname{chunk}(x_t, 2)`: `chunk` takes three arguments, as in `chunk(a, 1, 4)`, the first of four equal parts, but 2 are given
                  help: to define all parts at once, name them: `i_t, f_t = chunk(a_t, 2)`
            "#]],
        ),
        (
            r"h_t = \operatorname{chunk}(h_{t-1}, 1, 2) + x_t",
            expect![[r#"
            GW0201 1:1 `h_t = \operatorname{chunk}(h_{t-1}, 1, 2) + x_t`: [2 x] and [x] are the shapes of `h` as it is read and as it is defined, but cannot be equal in size
              1:28 `h_{t-1}`: [2 x]
              1:7 `\operatorname{chunk}(h_{t-1}, 1, 2) + x_t`: [x]
              help: look at both places: one of them is not what the other needs
        "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{chunk}(x_t, 1, 2) + \operatorname{chunk}(x_t, 1, 3)",
            expect![[r#"
            GW0201 1:51 `\operatorname{chunk}(x_t, 1, 3)`: [2 h] and [3 h] must be one size, since a vector is cut into 3 equal parts, but cannot be equal in size
              1:72 `x_t`: [2 h]
              1:51 `\operatorname{chunk}(x_t, 1, 3)`: [3 h]
              help: look at both places: one of them is not what the other needs
        "#]],
        ),
        (
            r"h_t = h_{t-1} + \operatorname{tmatvec}(k_t, x_t)",
            expect![[r#"
                GW0202 1:17 `\operatorname{tmatvec}(k_t, x_t)`: a matrix is needed here, a vector was found
                  1:40 `k_t`: a vector
                  help: declare the operand that was read wrongly, as in `b: [n]`, or correct the operation
                GW0902 1:40 `k_t`: `k_t` is never defined: it becomes an input
            "#]],
        ),
        (
            r"h_t = W \operatorname{colsoftmaxx}(R) h_{t-1} + x_t",
            expect![[r#"
                GW0101 1:9 `\operatorname{colsoftmaxx}`: there is no function `colsoftmaxx`
                  help: did you mean `colsoftmax`?
            "#]],
        ),
    ] {
        check(text, expected);
    }
}
