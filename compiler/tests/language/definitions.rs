//! Definitions: their order, several of one name, what is computed once, constants, functions, the output.

use crate::{accept, note, refuse, same};

#[test]
fn what_is_made_of_parameters_is_computed_once() {
    let text = "A = W - W^{\\top} \\\\ h_t = A h_{t-1} + x_t";
    accept(text, "x[h] -> h[h]; h[h]; W[h, h]");
    let graph = gatewright_compiler::graph::lower(&crate::cell(text)).expect("a graph");
    let (a, _) = graph.iter().find(|(id, _)| graph.labels(*id) == ["A"]).expect("A");
    assert_eq!(graph.phase(a), gatewright_compiler::graph::Phase::Before);
}

#[test]
fn a_name_before_a_parenthesis_is_a_product_unless_it_looks_like_a_function() {
    same(&[
        "h_t = U (r_t \\odot h_{t-1}) \\\\ r_t = \\sigma(x_t)",
        "h_t = U \\cdot (r_t \\odot h_{t-1}) \\\\ r_t = \\sigma(x_t)",
    ]);
    same(&[
        "h_t = \\zeta (1 - z_t) + h_{t-1} \\\\ z_t = \\sigma(x_t) \\\\ q_t = \\zeta z_t",
        "h_t = \\zeta \\cdot (1 - z_t) + h_{t-1} \\\\ z_t = \\sigma(x_t) \\\\ q_t = \\zeta z_t",
    ]);
    for letter in ["\\phi", "\\varphi", "\\psi", "f", "g", "a", "\\sigma_g", "\\sigma_1", "\\tau", "s_1"] {
        let found = refuse(&format!("h_t = {letter}(W x_t + U h_{{t-1}})"), &["GW0102"]);
        let help = found[0].help.clone().unwrap_or_default();
        assert!(help.contains("= \\sigma") || help.contains("= \\tanh"), "{letter}: {help}");
    }
    let found = refuse("h_t = \\sigma_g(W x_t) \\odot \\sigma_c(h_{t-1})", &["GW0102", "GW0102"]);
    assert!(found[0].help.as_deref().unwrap_or("").contains("\\sigma_g = \\sigma, \\sigma_c = \\tanh"));
}

#[test]
fn the_output_is_found_in_a_stated_order() {
    let state = "h_t = x_t + h_{t-1}";
    accept(&format!("{state}\ny_t = V h_t\no_t = y_t"), "x[x] -> y[y]; h[x]; V[y, x]");
    accept(&format!("{state} \\\\ \\hat{{y}}_t = V h_t"), "x[x] -> y_hat[y_hat]; h[x]; V[y_hat, x]");
    accept("h_t = o_t tanh(c_t)\nc_t = x_t + c_{t-1}\no_t = sigmoid(x_t)", "x[c] -> h[c]; c[c]; ");
    // An `h` without index is a gate or candidate.
    accept("h = tanh(x_t)\ns_t = h + s_{t-1}", "x[x] -> s[x]; s[x]; ");
    accept("s_t = x_t + s_{t-1}\no_t = V s_t", "x[x] -> o[o]; s[x]; V[o, x]");
    accept("c_t = x_t + c_{t-1}\ns_t = c_t + s_{t-1}\na_t = c_t\nb_t = s_t", "x[x] -> s[x]; c[x] s[x]; ");
    accept("a_t = W x_t\nb_t = V a_t\nd_t = b_t\ne_t = b_t", "x[x] -> e[b]; ; W[a, x] V[b, a]");
}

#[test]
fn outputs_may_be_named() {
    let lstm = "c_t = x_t + c_{t-1}\nh_t = tanh(c_t)\ny_t = V h_t";
    accept(lstm, "x[x] -> y[y]; c[x]; V[y, x]");
    accept(&format!("{lstm}\nh_t: output"), "x[x] -> h[x]; c[x]; V[y, x]");
    accept(&format!("{lstm}\nwhere h_t: output, y_t: output"), "x[x] -> h[x] y[y]; c[x]; V[y, x]");
    accept(
        "h_t = \\tanh(x_t + h_{t-1}) \\\\ y_t = V h_t \\\\ y_t, h_t : \\text{output}",
        "x[x] -> y[y] h[x]; h[x]; V[y, x]",
    );
    // A chosen output is said to be one, a named one is not.
    let chosen = "s_t = x_t + s_{t-1}\no_t = V s_t";
    assert_eq!(crate::codes(&crate::cell(chosen).diagnostics, false), ["GW0906"]);
    assert!(crate::cell(&format!("{chosen}\no_t: output")).diagnostics.is_empty());
    refuse(&format!("{lstm}\nx_t: output"), &["GW0111"]);
    let found = refuse(&format!("{lstm}\nyy_t: output"), &["GW0111"]);
    assert_eq!(found.last().and_then(|one| one.help.as_deref()), Some("did you mean `y`?"));
}

#[test]
fn parameters_may_be_frozen() {
    use gatewright_compiler::graph::Root;
    use gatewright_compiler::passes;

    for text in [
        "h_t = tanh(W x_t + U h_{t-1} + b)\nwhere W: frozen, U: frozen",
        "h_t = tanh(W x_t + U h_{t-1} + b); W, U: frozen",
        "h_t = tanh(W x_t + U h_{t-1} + b)\nc_t = c_{t-1}; W, U: frozen, b: [n]",
        "h_t = \\tanh(W x_t + U h_{t-1} + b) \\\\ W, U : \\text{frozen}",
        "h_t = \\tanh(W x_t + U h_{t-1} + b) \\\\ W, U: frozen",
        "h_t = \\tanh(W x_t + U h_{t-1} + b) \\\\ where W, U: frozen",
        "h_t = \\tanh(W x_t + U h_{t-1} + b) \\\\ \\text{where } W, U: \\text{frozen}",
        "h_t = \\tanh(W x_t + U h_{t-1} + b) \\\\ W \\in \\mathbb{R}^{h \\times x} \\\\ W : \\mathrm{frozen} \\\\ U: \\text{frozen}",
    ] {
        let cell = crate::cell(text);
        let frozen: Vec<&str> =
            cell.parameters.iter().filter(|one| one.frozen).map(|one| one.name.as_str()).collect();
        assert_eq!(frozen, ["W", "U"], "{text}");
        let graphs = passes::run(&cell).expect("graphs");
        let zero = |at: u32| {
            graphs
                .gradient
                .root(Root::ParameterGradient(at))
                .is_some_and(|root| graphs.gradient.is_zero(root))
        };
        // No gradient by what is frozen is computed; what is not has one.
        assert!(zero(0) && zero(1) && !zero(2), "{text}");
        let lowered = gatewright_compiler::graph::lower(&cell).expect("a graph");
        assert_eq!(lowered.to_string().parse(), Ok(lowered));
    }
    let three = crate::cell("h_t = tanh(W x_t + U h_{t-1} + b)\nh_0 = s\nW, U, s: frozen");
    let frozen: Vec<bool> = three.parameters.iter().map(|one| one.frozen).collect();
    assert_eq!(frozen, [true, true, false, true], "{:?}", three.parameters);
    refuse("h_t = W x_t + h_{t-1}\nV: frozen", &["GW0111"]);
    refuse("h_t = W x_t + h_{t-1}\nh_t: frozen", &["GW0111"]);
    refuse("h_t = a x_t + h_{t-1}\na = 0.5\na: frozen", &["GW0111"]);
}

#[test]
fn marks_are_given_by_options_too() {
    use gatewright_compiler::passes::read;
    use gatewright_compiler::resolve::Options;
    use gatewright_compiler::source::Syntax;

    let text = "h_t = W x_t + h_{t-1}\ny_t = V h_t";
    let read = |outputs: &[&str], frozen: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = Options { outputs: owned(outputs), frozen: owned(frozen), ..Options::default() };
        read(text, Syntax::Text, None, &options)
    };
    let cell = read(&["h", "y"], &["V"]).expect("a cell");
    assert_eq!(crate::roles(&cell), "x[x] -> h[h] y[y]; h[h]; W[h, x] V[y, h]");
    assert!(cell.parameters[1].frozen && !cell.parameters[0].frozen);
    assert_eq!(crate::codes(&read(&["z"], &[]).expect_err("no `z`"), true), ["GW0111"]);
    assert_eq!(crate::codes(&read(&[], &["h"]).expect_err("no parameter"), true), ["GW0111"]);
}

#[test]
fn a_chain_says_what_the_name_in_its_first_side_is() {
    same(&[
        "h_t = \\sigma(z_t) = \\sigma(W x_t + U h_{t-1} + b)",
        "h_t = \\sigma(W x_t + U h_{t-1} + b) = \\sigma(z_t)",
        "h_t = \\sigma(z_t) \\\\ z_t = W x_t + U h_{t-1} + b",
    ]);
    // What the document defines itself stands.
    same(&[
        "z_t = W x_t + U h_{t-1} \\\\ h_t = \\sigma(z_t) = \\sigma(A x_t + B h_{t-1} + b)",
        "z_t = W x_t + U h_{t-1} \\\\ h_t = \\sigma(z_t)",
    ]);
    refuse("h_t = \\sigma(z_t) = \\tanh(W x_t + U h_{t-1})", &["GW0016"]);
}

#[test]
fn words_of_cells_part_alternatives() {
    refuse(
        "RNN: h_t = tanh(W x_t + U h_{t-1})\nGRU: z_t = sigmoid(V x_t)\n     h_t = z_t * h_{t-1}",
        &["GW0110"],
    );
    // Within one cell definitions follow each other.
    note("RNN: h_t = tanh(W x_t + U h_{t-1})\n     h_t = h_t / norm(h_t)", &[]);
}

/// What is offered for an unbound activation is a line that binds it.
#[test]
fn the_line_that_is_offered_can_be_pasted() {
    for text in ["h_t = \\sigma_g(W x_t + U h_{t-1})", "h_t = \\phi(W x_t + U h_{t-1})"] {
        let found = refuse(text, &["GW0102"]);
        let help = found[0].help.clone().expect("advice");
        let line = help.split('`').nth(1).unwrap_or_else(|| panic!("{help}"));
        accept(&format!("{text} \\\\ {line}"), "x[x] -> h[h]; h[h]; W[h, x] U[h, h]");
    }
}

#[test]
fn several_names_of_one_value_are_refused() {
    for (names, update) in
        [("i_t, f_t", "h_t = f_t \\odot h_{t-1} + i_t"), ("i, f", "h_t = f \\odot h_{t-1} + i")]
    {
        refuse(&format!("{names} = \\sigma(W x_t + U h_{{t-1}}) \\\\ {update}"), &["GW0007"]);
    }
    same(&[
        "i_t, f_t = split(W x_t + U h_{t-1}); h_t = f_t * h_{t-1} + i_t",
        "a_t = W x_t + U h_{t-1}; i_t = chunk(a_t, 1, 2); f_t = chunk(a_t, 2, 2); h_t = f_t * h_{t-1} + i_t",
    ]);
}

#[test]
fn a_side_that_names_a_function_is_written_out_by_the_other() {
    let written = "h_t = \\tanh(W x_t + U h_{t-1})";
    for side in ["f(h_{t-1}, x_t)", "f_\\theta(x_t)", "\\Phi(x_t)"] {
        same(&[written, &format!("h_t = {side} = \\tanh(W x_t + U h_{{t-1}})")]);
        note(&format!("h_t = {side} = \\tanh(W x_t + U h_{{t-1}})"), &["GW0950"]);
    }
    same(&[written, "h_t = \\tanh(W x_t + U h_{t-1}) = g(x_t)"]);
    // A weight is a factor, and a function that is bound says something of its own.
    refuse("h_t = W(x_t) = \\tanh(x_t + h_{t-1})", &["GW0016"]);
    refuse("\\Phi = \\sigma \\\\ h_t = \\Phi(x_t) = \\tanh(x_t + h_{t-1})", &["GW0016"]);
    refuse("h_t = f(x_t) = g(x_t + h_{t-1})", &["GW0102"]);
}

#[test]
fn a_change_that_is_defined_is_one_name() {
    accept(
        "\\Delta h_t = \\tanh(W x_t + U h_{t-1}) \\\\ h_t = h_{t-1} + \\Delta h_t",
        "x[x] -> h[h]; h[h]; W[h, x] U[h, h]",
    );
    accept(
        "\\Delta \\mathbf{m}(t) = \\tanh(W x(t)) \\\\ m(t) = m(t-1) + \\frac{\\Delta t}{\\tau} \\Delta \\mathbf{m}(t); \\tau \\in \\mathbb{R}",
        "x[x] -> m[m]; m[m]; W[m, x] Deltat[] tau[]",
    );
    // Where nothing defines it, it is a factor.
    accept("h_t = \\Delta h_{t-1} + x_t; \\Delta \\in \\mathbb{R}", "x[h] -> h[h]; h[h]; Delta[]");
}

#[test]
fn words_between_two_definitions_part_them() {
    refuse(
        "In the code it is\nh_t = f_t * x_t + (1 - f_t) * h_{t-1}\nbut in the paper it is\nh_t = f_t * h_{t-1} + (1 - f_t) * x_t",
        &["GW0110"],
    );
}
