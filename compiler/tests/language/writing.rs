//! Three spellings of one language, and what a document holds beside its equations.

use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::Options;
use gatewright_compiler::source::Syntax;

use crate::{codes, refuse, same};

const RNN: &str = "h_t = tanh(W x_t + U h_{t-1} + b)";

const TWO: &str =
    "# First\n$$h_t = \\tanh(W x_t + U h_{t-1})$$\n# Second\n$$h_t = \\sigma(W x_t + U h_{t-1})$$\n";

#[test]
fn a_section_of_a_document_is_chosen_by_its_heading() {
    let read = |section| read(TWO, Syntax::Markdown, section, &Options::default());
    let found = read(None).expect_err("two cells");
    assert_eq!(codes(&found, true), ["GW0011"]);
    let error = &found[0];
    let help = error.help.clone().unwrap_or_default();
    for title in ["First", "Second", "--section"] {
        assert!(format!("{} {help}", error.message).contains(title), "{error:?}");
    }
    let (first, second) = (read(Some("First")).expect("a cell"), read(Some("second")).expect("a cell"));
    assert_ne!(first.terms, second.terms);
    assert_eq!(codes(&read(Some("Third")).expect_err("no such section"), true), ["GW0009"]);
}

#[test]
fn numbers_of_equations_are_noise() {
    for tag in ["\\tag{1}", "\\tag 1", "\\tag1", "\\qquad (1)"] {
        same(&[&format!("$$h_t = \\tanh(W x_t + U h_{{t-1}} + b) {tag}$$"), RNN]);
    }
}

#[test]
fn code_spans_of_a_line_are_its_equations() {
    same(&["/// SSM: `h_t = A h_{t-1} + B x_t`, `y_t = C h_t`.", "h_t = A h_{t-1} + B x_t; y_t = C h_t"]);
    same(&["The step ``h_t = A h_{t-1} + B x_t`` of the state", "h_t = A h_{t-1} + B x_t"]);
    same(&["h_t = A h_{t-1} + B x_t  `state`", "h_t = A h_{t-1} + B x_t"]);
    same(&["```math h_t = \\tanh(W x_t + U h_{t-1} + b)```", RNN]);
}

#[test]
fn ends_of_rows_outlive_a_page_that_takes_a_backslash_away() {
    same(&[
        "$$\\begin{aligned} a_t &= W x_t \\\\\\\n h_t &= a_t + U h_{t-1} \\end{aligned}$$",
        "a_t = W x_t; h_t = a_t + U h_{t-1}",
    ]);
    // One alone is a slip.
    refuse("$$\\begin{aligned} a_t &= W x_t \\\n h_t &= a_t + U h_{t-1} \\end{aligned}$$", &["GW0002"]);
}

#[test]
fn what_stands_behind_a_gap_says_nothing_or_is_an_equation() {
    let bare = "$$h_t = \\tanh(W x_t + U h_{t-1}), y_t = V h_t$$";
    for remark in [
        "\\quad \\leftarrow \\text{the new state}",
        "\\quad \\# the new state",
        "& \\# \\text{state} = memory",
        ", \\quad (7)",
        ", (7)",
        "\\quad (h_0 = 0)",
    ] {
        same(&[bare, &format!("$$h_t = \\tanh(W x_t + U h_{{t-1}}) {remark} \\\\ y_t = V h_t$$")]);
    }
    let begins = |value: &str| format!("$$h_t = \\tanh(W x_t + U h_{{t-1}}) {value}$$");
    same(&[&begins("\\quad (h_0 = 1)"), &begins("\\\\ h_0 = 1")]);
    refuse(&begins("\\# W"), &["GW0002"]);
    refuse(&begins("\\quad = \\sigma(x_t)"), &["GW0016"]);
}

#[test]
fn words_in_other_scripts_define_nothing() {
    let bare = "$$h_t = \\tanh(W x_t + U h_{t-1})$$";
    same(&[bare, &format!("{bare}\n\n$$\n其中 W、U、\\tilde{{H}} 形状一致\n$$")]);
    let found = refuse("$$h_t = \\tanh(W x_t + 偏置)$$", &["GW0001"]);
    assert!(found.iter().any(|one| one.message.contains("`偏置`")), "one word, not its letters");
    refuse("$$h_t = \\tanh(W x_t) $$ $$ 输出 W h_t + b $$", &["GW0001"]);
}

#[test]
fn quotes_numbers_and_signs_of_extracted_text_are_dress() {
    let markdown = |text: &str| {
        let cell = read(text, Syntax::Markdown, None, &Options::default());
        crate::roles(&cell.unwrap_or_else(|found| panic!("{text}\n{}", crate::listed(&found))))
    };
    let expected = "x[x] -> h[h]; h[h]; W[h, x] U[h, h]";
    for text in [
        "\" h_t = tanh(W x_t + U h_{t-1}) \"",
        "h_t = tanh(W x_t + U h_{t-1}), (3)",
        "h_t = tanh(W x_t + U h_{t-1}),\n\n(3)",
        "ht = tanh(W xt + U ht−1 ),",
        "h_t = sigma(W x_t + U h_{t-1})\nWhere sigmoid(x) = 1 / (1 + exp(-x))",
    ] {
        assert_eq!(markdown(text), expected, "{text}");
    }
    same(&[
        "h_t = (1 - z_t).h_{t-1} + z_t.\\hat{h}_t",
        "h_t = (1 - z_t) \\cdot h_{t-1} + z_t \\cdot \\hat{h}_t",
    ]);
    // One backslash of two, before a left side, ends a row; elsewhere it is a blank.
    same(&[
        "i_t = \\sigma(W x_t) \\ h_t = i_t \\odot h_{t-1}",
        "i_t = \\sigma(W x_t) \\\\ h_t = i_t \\odot h_{t-1}",
        "i_t \\ = \\ s_t = \\ \\sigma(W \\ x_t) \\\\ h_t = i_t \\ h_{t-1}",
    ]);
    // A sign alone in a display is no display of equations.
    assert_eq!(markdown("the error $$\\delta 1$$ of $h_t = \\tanh(W x_t + U h_{t-1})$"), expected);
    // A dollar sign too few.
    let broken = "$$h_t = \\tanh(W x_t + U h_{t-1})$$\n$y_t = V h_t$$\n";
    assert_eq!(markdown(broken), "x[x] -> y[y]; h[h]; W[h, x] U[h, h] V[y, h]");
    // Comments of a program are no headings.
    let program = "# it = sigmoid(Wi * [ht-1, xt])\n# ht = tanh(it * ht-1)\n# ht = ht-1";
    let found = read(program, Syntax::Markdown, None, &Options::default()).map(|cell| cell.diagnostics);
    let found = found.unwrap_or_else(|found| found);
    assert!(!codes(&found, true).contains(&"GW0011"), "{}", crate::listed(&found));
}

#[test]
fn the_ending_of_a_file_says_how_it_is_spelled() {
    for (ending, syntax) in [
        ("tex", Some(Syntax::Latex)),
        ("md", Some(Syntax::Markdown)),
        ("MD", Some(Syntax::Markdown)),
        ("rst", Some(Syntax::Markdown)),
        ("txt", Some(Syntax::Markdown)),
        ("cell", Some(Syntax::Text)),
        ("pdf", None),
    ] {
        assert_eq!(Syntax::from_extension(ending), syntax, "{ending}");
    }
}
