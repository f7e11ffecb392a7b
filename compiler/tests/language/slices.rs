//! Parts of vectors by index: `a_t[0:n]`, counted from 0, the end not one of them.

use gatewright_compiler::source::{Syntax, parse, print_latex, print_text};

use crate::{accept, refuse, same};

const LSTM: &str = "$$a_t = W x_t + U h_{t-1} + b$$ $$i_t = \\sigma(a_t[0:n])$$ $$f_t = \\sigma(a_t[n:2n])$$ \
    $$o_t = \\sigma(a_t[2n:3n])$$ $$g_t = \\tanh(a_t[3n:])$$ $$c_t = f_t \\odot c_{t-1} + i_t \\odot g_t$$ \
    $$h_t = o_t \\odot \\tanh(c_t)$$";

#[test]
fn equal_parts_are_what_split_gives() {
    accept(LSTM, "x[x] -> h[n]; c[n] h[n]; W[4 n, x] U[4 n, n] b[4 n]");
    same(&[
        LSTM,
        "a_t = W x_t + U h_{t-1} + b\ni_t = sigmoid(chunk(a_t, 1, 4))\nf_t = sigmoid(chunk(a_t, 2, 4))\n\
         o_t = sigmoid(chunk(a_t, 3, 4))\ng_t = tanh(chunk(a_t, 4, 4))\nc_t = f_t * c_{t-1} + i_t * g_t\n\
         h_t = o_t * tanh(c_t)",
    ]);
    same(&["h_t = x_t[0:2] + x_t[2:4] + h_{t-1}", "h_t = x_t[:2] + x_t[2:] + h_{t-1}; where h_t: [2]"]);
}

#[test]
fn parts_of_inputs_states_parameters_and_expressions() {
    accept("h_t = x_t[0:2] * h_{t-1} + x_t[2:5][1:]; x_t: [5]", "x[5] -> h[2]; h[2]; ");
    accept("h_t = [x_t, h_{t-1}[:n]]; y_t = h_{t-1}[n:2n]; h_t: [2n]", "x[n] -> y[n]; h[2 n]; ");
}

#[test]
fn without_its_end_a_vector_is_as_long_as_what_is_read_of_it() {
    accept("h_t = (W x_t)[0:3] + h_{t-1}", "x[x] -> h[3]; h[3]; W[3, x]");
    accept("h_t = x_t[:n] + h_{t-1}; y_t = x_t[n:n+m]", "x[n + m] -> y[m]; h[n]; ");
    accept("h_t = tanh(W x_t[0:n]) + h_{t-1}; W: [h, n]", "x[n] -> h[h]; h[h]; W[h, n]");
}

#[test]
fn what_lies_outside_is_an_error() {
    refuse("h_t = x_t[0:6] + h_{t-1}; x_t: [4]", &["GW0206"]);
    refuse("h_t = x_t[0:n] + h_{t-1}; x_t: [d]", &["GW0206"]);
    refuse("h_t = x_t[0:n] + h_{t-1}; y_t = x_t[0:m]", &["GW0206", "GW0206"]);
    refuse("h_t = x_t[n:2n] + h_{t-1}; x_t: [n]", &["GW0206"]);
    refuse("h_t = x_t[5:] + h_{t-1}; x_t: [4]", &["GW0201"]);
    refuse("h_t = x_t[4:3] + h_{t-1}", &["GW0201"]);
    refuse("h_t = W[0:3] x_t + h_{t-1}", &["GW0202"]);
    refuse("h_t = s[0:3] + x_t + h_{t-1}; s: scalar", &["GW0202"]);
}

#[test]
fn what_may_be_counted_from_one_is_refused() {
    for part in ["x_t[1:n]", "x_t[n+1:2n]", "x_{1:n}", "x_t[0:n:2]", "x_t[0:n, 0:m]", "x_t[:-1]", "x_t[n^2:]"]
    {
        let found = crate::try_read(&format!("h_t = {part} + h_{{t-1}}"))
            .err()
            .unwrap_or_else(|| panic!("{part} is accepted"));
        assert!(
            found.iter().any(|one| matches!(one.code.as_str(), "GW0005" | "GW0015")),
            "{part}: {}",
            crate::listed(&found)
        );
    }
}

#[test]
fn parts_are_printed_as_they_are_read() {
    for text in [
        LSTM,
        "$$h_t = x_t[:2][1:] + (W x_t + b)[2n:3n]^2 + [x_t, h_{t-1}][n + m:4 (n + m)] + h_{t-1}^\\top[0:3]$$",
    ] {
        let first = parse(text, Syntax::Markdown, None);
        assert_eq!(first.diagnostics, [], "{text}");
        for (printed, syntax) in
            [(print_text(&first.document), Syntax::Text), (print_latex(&first.document), Syntax::Latex)]
        {
            let again = parse(&printed, syntax, None);
            assert_eq!(again.diagnostics, [], "{printed}");
            assert_eq!(print_text(&again.document), print_text(&first.document), "{printed}");
        }
    }
}
