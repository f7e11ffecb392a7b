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
