//! Equations of a keyboard, in comments, lists, tables and mails: what of a line is the equation.

use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::Options;
use gatewright_compiler::source::Syntax;

use crate::{codes, listed, roles};

const RNN: &str = "x[x] -> h[h]; h[h]; W[h, x] U[h, h]";

/// Reads a document and gives its roles.
#[track_caller]
fn document(text: &str) -> String {
    match read(text, Syntax::Markdown, None, &Options::default()) {
        Ok(cell) => roles(&cell),
        Err(found) => panic!("{text}\nis refused: {}", listed(&found)),
    }
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    match read(text, Syntax::Markdown, None, &Options::default()) {
        Ok(cell) => panic!("{text}\nis accepted: {}", roles(&cell)),
        Err(found) => assert!(codes(&found, true).contains(&expected), "{text}\n{}", listed(&found)),
    }
}

#[test]
fn words_around_an_equation_are_no_part_of_it() {
    for text in [
        "Next Hidden h_t = tanh(W x_t + U h_{t-1})",
        "hidden_state h_t = \\tanh(W x_t + U h_{t-1})",
        "**New state (h):** h_t = tanh(W x_t + U h_{t-1})",
        "*h_t = tanh(W x_t + U h_{t-1})* (the new state)",
        "- *h_t = tanh(W x_t + U h_{t-1})*  // what is carried",
        "ii) h_t = tanh(W x_t + U h_{t-1})",
        "h_t = tanh(W x_t + U h_{t-1})  -- the state (0 = nothing, 1 = all)",
        "h_t = tanh(W x_t + U h_{t-1}) — the state (0 = nothing)",
        "h_t = tanh(W x_t + U h_{t-1}), where h_t is the state",
        "h_t = tanh(W x_t + U h_{t-1})\nThe last state h_T is read by a classifier.",
        "The step |\n--- |\nh_t = tanh(W x_t + U h_{t-1}) |",
        "- x_t ∈ ℝ^x: what comes in\n- h_{t-1} ∈ ℝ^h: what was\n\n    h_t = tanh(W x_t + U h_{t-1})",
        "<pre><code>h_t = tanh(W x_t + U h_{t-1})</code></pre>",
    ] {
        assert_eq!(document(text), RNN, "{text}");
    }
    // A word that stands for a value is none.
    refuse("h_t = tanh(W x_t + U h_{t-1}) update gate", "GW0005");
}

#[test]
fn a_weight_directly_before_a_value_is_a_factor() {
    assert_eq!(document("h_t = tanh(Wx_t + Uh_{t-1})"), RNN);
    assert_eq!(document("h<sub>t</sub> = tanh(Wx<sub>t</sub> + Uh<sub>t-1</sub>)"), RNN);
    // Nothing says that these are two.
    assert_eq!(document("s_t = tanh(W Ax_t + U s_{t-1})"), "Ax[Ax] -> s[s]; s[s]; W[s, Ax] U[s, s]");
}

#[test]
fn brackets_behind_a_weight_label_it_where_the_time_stands_in_brackets() {
    assert_eq!(
        document(":math:`h[t] := tanh(W[h].x[t] + U[h].h[t-1] + Wb[h])`"),
        "x[x] -> h[h]; h[h]; W_h[h, x] U_h[h, h] Wb_h[h]",
    );
    assert_eq!(document("h_t = tanh(W [x_t] + U [h_{t-1}])"), RNN);
}

#[test]
fn an_accent_may_stand_before_its_letter() {
    let expected = "x[x] -> h[h]; h[h]; W[h, x] w[h]";
    for text in [
        "~h_t = tanh(W x_t)\nh_t = w * h_{t-1} + ~h_t",
        "\u{303}h[t] = tanh(W x[t])\nh[t] = w * h[t-1] + \u{303}h[t]",
        "h̃_t = tanh(W x_t)\nh_t = w * h_{t-1} + h̃_t",
    ] {
        assert_eq!(document(text), expected, "{text}");
    }
}

#[test]
fn a_row_of_biases_is_a_vector() {
    assert_eq!(
        document("$$h_t = \\tanh(x_t W + h_{t-1} U + b)$$\n$$b \\in \\mathbb{R}^{1 \\times h}$$"),
        "x[x] -> h[h]; h[h]; W[x, h] U[h, h] b[h]",
    );
}

#[test]
fn lines_that_lost_their_delimiters_do_not_vanish() {
    refuse(
        "$$z_t = \\sigma(W x_t + U h_{t-1})$$\n\n\\bm{h}_t &= z_t \\circ h_{t-1} + \\sigma(h_t)",
        "GW0301",
    );
    refuse("$$h_t = \\tanh(W x_t + h_{t-1} U_{h + b_h})$$", "GW0005");
}

#[test]
fn words_and_letters_stand_for_steps_and_signs() {
    assert_eq!(document("h_t = tanh(W x_t + U h_prev)"), RNN);
    assert_eq!(document("$$h_t = \\tanh(W x_t + U h_{\\text{prev}})$$"), RNN);
    assert_eq!(document("$$h_t = \\tanh(W x_t + U h_{prev})$$"), RNN);
    // Without `h_t` it is a name like others.
    refuse("h = tanh(W x + U h_prev)", "GW0305");
    assert_eq!(document("h_t = (1 - z_t) o h_{t-1}"), document("h_t = (1 - z_t) ⊙ h_{t-1}"));
    assert_eq!(document("h_t = o z_t + h_{t-1}"), "z[z] -> h[z]; h[z]; o[z]");
    assert_eq!(document("h_t = tanh(W.x_t + U.(h_{t-1}))"), RNN);
    assert_eq!(document("$$a_t, b_t = W x_t, U h_{t-1}$$\n$$h_t = \\tanh(a_t + b_t)$$"), RNN);
    refuse("$$h_t = h_{t-1} * + \\tanh(W x_t + U h_{t-1})$$", "GW0004");
}

#[test]
fn a_bias_of_a_number_is_a_number() {
    assert_eq!(
        document("$$i_t = \\exp(w^\\top x_t + b)$$\n$$h_t = \\tanh(W x_t + i_t U h_{t-1})$$"),
        "x[x] -> h[h]; h[h]; w[x] b[] W[h, x] U[h, h]",
    );
    assert_eq!(
        document("$$h_t = \\zeta (1 - z_t) \\odot h_{t-1}$$\n$$z_t = \\sigma(W x_t + U h_{t-1})$$"),
        "x[x] -> h[h]; h[h]; zeta[h] W[h, x] U[h, h]",
    );
}

#[test]
fn lines_that_point_at_others_say_nothing() {
    assert_eq!(
        document("h_t = tanh(W x_t + U h_{t-1})\n      ↑ the input   ↑ the state before"),
        document("; h_t = tanh(W x_t + U h_{t-1})\n; the step"),
    );
}

#[test]
fn a_sum_in_text_is_named() {
    refuse("h_t = tanh(W x_t + U h_{t-1})\ny_t = Σ_{d=1}^{D} a^d · h_{t-1}", "GW0452");
    assert_eq!(document("h_t = Σ x_t + U h_{t-1}"), document("h_t = Sigma x_t + U h_{t-1}"));
}

#[test]
fn the_activations_of_a_heading_are_bound() {
    let gates = "  zt = f(Xt*(Wz^T) + Ht-1*(Rz^T) + Wbz)\n";
    let state = "  ht = g(Xt*(Wh^T) + Ht-1*(Rh^T) + Wbh)";
    let update = "\n  Ht = (1 - zt) (.) ht + zt (.) Ht-1";
    let heading = "Equations (Default: f=Sigmoid, g=Tanh):\n";
    // The candidate `ht` of a state `Ht` is no output.
    assert_eq!(
        document(&format!("{heading}{gates}{state}{update}")),
        "X[X] -> H[H]; H[H]; Wz[H, X] Rz[H, H] Wbz[H] Wh[H, X] Rh[H, H] Wbh[H]",
    );
    refuse(&format!("{gates}{state}{update}"), "GW0102");
    // One name for two conditions.
    let choice = "  ht = g(Xt*(Wh^T) + Rbh)";
    refuse(&format!("{heading}{gates}{state} # when a = 0\n{choice} # when a != 0{update}"), "GW0110");
}

#[test]
fn words_of_other_scripts_behind_an_equation_are_remarks() {
    assert_eq!(document("h_t = tanh(W x_t + U h_{t-1}) 新的隐藏状态"), RNN);
    assert_eq!(document("h_t = tanh(W x_t + U h_{t-1})   hidden state / output"), RNN);
    assert_eq!(document("$$\\[ h_t = \\tanh(W x_t + U h_{t-1}) \\]$$"), RNN);
}

#[test]
fn a_box_around_equations_says_nothing() {
    let framed = "```
┌── RNN ────────────────────────────────┐
│            RNN EQUATIONS              │
├───────────────────────────────────────┤
│  1. State update:                     │
│     h_t = tanh(W x_t + U h_{t-1})     │
│  Dimensions (input_size=d):           │
│     W ∈ ℝ^{n × d}                     │
│  Total parameters: 2n(n + d) = 2n² + 2nd │
└───────────────────────────────────────┘
```";
    assert_eq!(document(framed), "x[d] -> h[n]; h[n]; W[n, d] U[n, n]");
    // What is drawn between words is no equation, and neither is what it means.
    refuse("```\nInput x_t ─┐\n ├─ gate (f) → what to keep\nthe cell c_t = f * c_{t-1} + i\n```", "GW0006");
    // A row that begins with a number defines nothing, but counts only without a time.
    refuse("```\nUpdate: 2 h_t = W x_t + U h_{t-1}\n```", "GW0007");
}

#[test]
fn a_component_of_a_page_holds_mathematics_as_its_attribute_too() {
    for text in [
        "<BlockMath math=\"h_t = \\tanh(W x_t + U h_{t-1})\" />",
        "<BlockMath math={\"h_t = \\\\tanh(W x_t + U h_{t-1})\"} />",
        "<BlockMath math={String.raw`h_t = \\tanh(W x_t + U h_{t-1})`} />",
        "Let <InlineMath math=\"[x_t, h_{t-1}]\" /> be joined.\n<BlockMath math='h_t = \\tanh(W x_t + U h_{t-1})' />",
        "<BlockMath>{`h_t = \\tanh(W x_t + U h_{t-1})`}</BlockMath>",
        "<BlockMath className=\"wide\">{`h_t = \\tanh(W x_t + U h_{t-1})`}</BlockMath>",
    ] {
        assert_eq!(document(text), RNN, "{text}");
    }
}

#[test]
fn cells_of_a_table_are_rows() {
    let table = |gate: &str| {
        format!(
            "| Part | What it does | Formula |\n|---|:-:|---|\n| Input | the value of a step | x_t |\n\
             | **State** | memory of what came | {gate} |"
        )
    };
    assert_eq!(document(&table("h_t = tanh(W x_t + U h_{t-1})")), RNN);
    refuse(&table("h_t = f(W x_t + U h_{t-1})"), "GW0102");
    refuse(&table("h_t = tanh(W x_t + U h_t-1)"), "GW0017");
}

#[test]
fn doxygen_has_delimiters_of_its_own() {
    for text in [
        "/**\n * \\f[\n * h_t = \\tanh(W x_t + U h_{t-1})\n * \\f]\n * where \\f$x_t\\f$ is the input.\n */",
        "@f[ h_t = \\tanh(W x_t + U h_{t-1}) @f] where @f$h_{t-1}@f$ is the state before.",
        "The state is \\f$h_t = \\tanh(W x_t + U h_{t-1})\\f$.",
        " * \\f{eqnarray*}{\n * h_t =& \\tanh(a_t) & \\\\\n * a_t =& W x_t + U h_{t-1} & \\\\\n * \\f}\n * of a step",
        "\\f{align}{\n h_t &= \\tanh(W x_t + U h_{t-1})\n\\f}",
    ] {
        assert_eq!(document(text), RNN, "{text}");
    }
}

#[test]
fn a_bar_of_a_table_is_no_sign_of_equality() {
    let row = "| $h^{<t>}$ | $\\tanh(W x^{<t>} + U h^{<t-1>})$ |";
    refuse(&format!("| | |\n|---|---|\n{row}"), "GW0006");
    refuse(&format!("$$z^{{<t>}} = \\sigma(V x^{{<t>}})$$\n\n| | |\n|---|---|\n{row}"), "GW0006");
    // What is defined elsewhere is only told again.
    let told = format!("$$h^{{<t>}} = \\tanh(W x^{{<t>}} + U h^{{<t-1>}})$$\n\n| | |\n|---|---|\n{row}");
    assert_eq!(document(&told), RNN);
    let shapes =
        "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n\n| | |\n|---|---|\n| $x_t$ | $(B, d)$ |\n| $h_t$ | state |";
    assert_eq!(document(shapes), RNN);
}
