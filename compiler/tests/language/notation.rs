//! Notations that people really write, each normalised to one meaning.

use crate::{accept, differ, note, refuse, same, try_read};

#[test]
fn the_exponential_of_a_step_along_a_matrix_is_no_row() {
    for decay in [
        "\\Delta_t A",
        "-\\Delta_t A",
        "\\Delta t A",
        "\\Delta t_t \\cdot A",
        "A \\Delta t",
        "\\Delta_t \\cdot A",
    ] {
        refuse(&format!("\\bar{{A}}_t = \\exp({decay}); h_t = \\bar{{A}}_t h_{{t-1}} + B x_t"), &["GW0456"]);
    }
    // A diagonal one is a vector, and a weight before the step is applied to it.
    accept(
        "h_t = \\exp(\\Delta_t \\odot A) \\odot h_{t-1} + B x_t",
        "Delta[Delta] x[x] -> h[Delta]; h[Delta]; A[Delta] B[Delta, x]",
    );
    accept("h_t = \\exp(-W \\delta_t) \\odot h_{t-1} + x_t", "delta[delta] x[h] -> h[h]; h[h]; W[h, delta]");
    accept("h_t = \\exp(x_t W) \\odot h_{t-1}", "x[x] -> h[h]; h[h]; W[x, h]");
    // The size of each step is one number.
    accept("h_t = h_{t-1} + \\Delta t_t (W x_t - h_{t-1})", "Deltat[] x[x] -> h[h]; h[h]; W[h, x]");
}

#[test]
fn where_an_equation_holds_is_skipped() {
    let cell = "h_t = \\tanh(W x_t + U h_{t-1})";
    for domain in [
        ", \\forall t",
        " \\quad \\forall t \\in \\{1, \\dots, T\\}",
        ", \\quad t = 1, \\ldots, T",
        ", \\quad t \\geq 1",
        ", 1 \\le t \\le T",
        " \\text{ for } t = 1, \\dots, T",
        " \\text{ for all } t",
        " \\quad (t > 0)",
    ] {
        same(&[cell, &format!("{cell}{domain}")]);
        note(&format!("{cell}{domain}"), &["GW0950"]);
    }
    same(&[cell, &format!("\\forall t: {cell}"), &format!("\\text{{for }} t = 1, \\dots, T: {cell}")]);
    let leaky = "h_t = \\lambda h_{t-1} + x_t";
    for domain in [", \\lambda > 0", ", \\quad 0 < \\lambda < 1", " \\quad (0 \\le a \\le 1)"] {
        note(&format!("{leaky}{domain}"), &["GW0950"]);
    }
    same(&["h_t = tanh(W x_t + U h_{t-1}), t >= 1", "h_t = tanh(W x_t + U h_{t-1}) for t = 1, ..., T"]);
    // What chooses is no remark.
    for condition in [", x_t > 0", ", t = 0", ", t < 5", ", z > 0", " \\quad \\text{if } x_t > 0"] {
        assert!(try_read(&format!("{cell}{condition}")).is_err(), "{condition}");
    }
}

#[test]
fn a_factor_in_brackets_is_no_remark() {
    for gap in [" ", "  ", "    "] {
        let factor = |factor: &str| format!("h_t = (x_t + h_{{t-1}}){gap}({factor})\ngain = 0.5");
        for name in ["alpha", "b", "gain"] {
            same(&[&factor(name), &format!("h_t = (x_t + h_{{t-1}}) * {name}\ngain = 0.5")]);
        }
        same(&[&factor("the new state"), "h_t = x_t + h_{t-1}\ngain = 0.5"]);
        same(&[&factor("alpha gate"), "h_t = x_t + h_{t-1}\ngain = 0.5"]);
    }
}

#[test]
fn gate_stacks_define_every_gate() {
    let stack = "\\begin{pmatrix} i \\\\ f \\\\ o \\\\ g \\end{pmatrix} = \\begin{pmatrix} \\sigma \\\\ \\sigma \\\\ \\sigma \\\\ \\tanh \\end{pmatrix} W \\begin{pmatrix} h_{t-1} \\\\ x_t \\end{pmatrix} \\\\ c_t = f \\odot c_{t-1} + i \\odot g \\\\ h_t = o \\odot \\tanh(c_t)";
    accept(stack, "x[x] -> h[h]; c[h] h[h]; W[4 h, x + h]");
    same(&[
        stack,
        "[i; f; o; g] = [\\sigma; \\sigma; \\sigma; \\tanh] W [h_{t-1}; x_t] \\\\ c_t = f \\odot c_{t-1} + i \\odot g \\\\ h_t = o \\odot \\tanh(c_t)",
        "[a; b; d; g] = W [h[t-1]; x_t]; c_t = sigmoid(b) * c[t-1] + sigmoid(a) * tanh(g); h_t = sigmoid(d) * tanh(c_t)",
    ]);
    // A list of names with commas is what functions give.
    refuse("[a_t, b_t] = W x_t; h_t = a_t + b_t + h[t-1]", &["GW0007"]);
}

/// No equal sizes are asked for where each name has a row of its own.
#[test]
fn a_column_defines_a_column_row_by_row() {
    same(&[
        "\\begin{bmatrix} h_t \\\\ c_t \\end{bmatrix} = \\begin{bmatrix} A & B \\\\ C & D \\end{bmatrix} \\begin{bmatrix} h_{t-1} \\\\ c_{t-1} \\end{bmatrix} + \\begin{bmatrix} x_t \\\\ 0 \\end{bmatrix}",
        "[h_t; c_t] = [A h[t-1] + B c[t-1]; C h[t-1] + D c[t-1]] + [x_t; 0]",
        "h_t = A h[t-1] + B c[t-1] + x_t; c_t = C h[t-1] + D c[t-1]",
    ]);
    same(&[
        "[a_t; b_t] = ([W x_t; U h[t-1]] - [p + q; d]); h_t = tanh(a_t * b_t)",
        "a_t = W x_t - (p + q); b_t = U h[t-1] - d; h_t = tanh(a_t * b_t)",
    ]);
    refuse("[a_t; b_t] = [W x_t; U h[t-1]] - (c; d); h_t = tanh(a_t * b_t)", &["GW0005"]);
}

#[test]
fn brackets_with_a_plus_are_the_positive_part() {
    same(&[
        "h_t = [W x_t + U h_{t-1} + b]_+",
        "h_t = [W x_t + U h_{t-1} + b]^+",
        "h_t = [W x_t + U h_{t-1} + b]^{+}",
        "h_t = (W x_t + U h_{t-1} + b)_{+}",
        "h_t = \\left\\{W x_t + U h_{t-1} + b\\right\\}_+",
        "h_t = \\mathrm{relu}(W x_t + U h_{t-1} + b)",
    ]);
    same(&["h_t = [W x_t + U h[t-1]]_+ + b", "h_t = relu(W x_t + U h[t-1]) + b"]);
}

/// Words of one line in brackets, and words that TeX reads as letters, behind the last row too.
#[test]
fn remarks_in_brackets_end_any_row() {
    let cell = "f_t &= \\sigma(W x_t) \\\\ h_t &= f_t \\odot h_{t-1}";
    for remark in [
        "\\quad (\\text{Hidden})",
        "& (\\text{Hidden state})",
        ", & new memory",
        "\\qquad \\text{(new)}",
        "\\quad [\\text{Forget}]",
        "\\quad \\mathrm{(output)}",
        "\\quad (forget)",
        "\\quad \\rightarrow \\text{update}",
        "\\hspace{1cm} \\text{Output}",
        "\\;\\; \\text{Output}",
        "(\\text{Hidden})",
        "[\\mathrm{New}]",
    ] {
        for end in ["", "\n"] {
            let rows = cell.replace(" \\\\ ", &format!(" {remark}{end} \\\\ "));
            let text = format!("\\begin{{align}} {rows} {remark}{end} \\end{{align}}");
            same(&[&text, "f_t = \\sigma(W x_t) \\\\ h_t = f_t \\odot h_{t-1}"]);
        }
    }
    // A factor is none.
    differ(
        "\\begin{align} h_t &= \\tanh(W x_t + U h_{t-1}) \\quad (1 - b) \\end{align}",
        "h_t = \\tanh(W x_t + U h_{t-1})",
    );
    // Behind a weight, a word in brackets is what it is applied to.
    same(&["h_t = x_t + h_{t-1} + W_o (\\text{hidden})", "h_t = x_t + h_{t-1} + W_o \\text{hidden}"]);
    differ("h_t = x_t + h_{t-1} \\odot (\\text{hidden})", "h_t = x_t + h_{t-1}");
}

#[test]
fn brackets_around_a_matrix_are_its_own() {
    let column = |names: &str| format!("\\left(\\begin{{array}}{{c}} {names} \\end{{array}}\\right)");
    let value = "W h_{t-1} + U x_t";
    same(&[
        &format!(
            "{} = {} ({value}) \\\\ h_t = a_t \\odot b_t",
            column("a_t \\\\ b_t"),
            column("\\sigma \\\\ \\tanh")
        ),
        &format!("[a_t; b_t] = [\\sigma; \\tanh] ({value}) \\\\ h_t = a_t \\odot b_t"),
    ]);
}

#[test]
fn a_font_over_a_weight_and_a_value_leaves_the_time_to_the_value() {
    same(&[
        "\\mathbf{h}_t = \\tanh(\\mathbf{Wx}_t + \\boldsymbol{U h}_{t-1})",
        "\\mathbf{h}^{(t)} = \\tanh(\\mathbf{W x}^{(t)} + \\bm{Uh}^{(t-1)})",
        "h_t = \\tanh(W x_t + U h_{t-1})",
    ]);
    // A label may be that of one name with two letters.
    refuse("h_t = \\tanh(\\mathbf{Wx}_i x_t + \\mathbf{Wh}_i h_{t-1})", &["GW0005"]);
}
