//! Declarations in lines of text: inline mathematics, lists, code spans and plain prose beside the equations.

use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::Options;
use gatewright_compiler::source::{Syntax, parse, print_latex, print_text};

use crate::{accept, listed, refuse, roles};

const RNN: &str = "\n\n$$h_t = \\tanh(W x_t + U h_{t-1})$$\n";
const GATED: &str = "\n\n$$f_t = \\sigma(W_f x_t + U_f h_{t-1} + b_f)$$\n\
    $$h_t = f_t \\odot h_{t-1} + (1-f_t) \\odot \\tanh(W_h x_t + U_h h_{t-1} + b_h)$$\n";

/// The notes on declarations of a text that is accepted.
fn notes(text: &str) -> Vec<String> {
    let cell = match read(text, Syntax::Markdown, None, &Options::default()) {
        Ok(cell) => cell,
        Err(found) => panic!("{text}: {}", listed(&found)),
    };
    let about = cell.diagnostics.into_iter().filter(|found| found.code.as_str() == "GW0911");
    about.map(|found| found.message).collect()
}

#[test]
fn sizes_are_named_by_the_text() {
    let named = "x[d] -> h[n]; h[n]; W[n, d] U[n, n]";
    for text in [
        "with $x_t \\in \\mathbb{R}^{d}$ and $W \\in \\mathbb{R}^{n \\times d}$, where $b \\in \\mathbb{R}^{m}$",
        "with $x_t \\in \\mathbb{R}^{d}, h_t \\in \\mathbb{R}^{n}$",
        "- $x_t \\in \\mathbb{R}^{d}$: the input\n- $h_{t-1} \\in \\mathbb{R}^{n}$: the state",
        "- x_t ∈ ℝ^d: the input\n- h_{t-1} ∈ ℝ^n: the state",
        "Let x_t ∈ R^d be the input, and U ∈ ℝ^{n×n} a matrix.",
        "Shapes: W ∈ ℝ^(n × d).",
        "with `x_t ∈ ℝ^d` and `U ∈ R^{n × n}`",
        "\\(x_t \\in \\mathbb{R}^{d \\times 1}\\) and \\(h_t \\in [-1, 1]^{n}\\)",
        "a single vector $x \\in \\mathbb{R}^{d}$ and $h_t\\in\\mathbb{R}^{n}$",
        "$h_t \\in \\mathbb{R}^n \\text{ for all } t$, $x_t \\in \\mathbb{R}^d$.",
    ] {
        for text in [format!("{text}{RNN}"), format!("{RNN}{text}\n")] {
            match read(&text, Syntax::Markdown, None, &Options::default()) {
                Ok(cell) => assert_eq!(roles(&cell), named, "{text}"),
                Err(found) => panic!("{text}: {}", listed(&found)),
            }
        }
    }
    accept(
        &format!(
            "$W_* \\in \\mathbb{{R}}^{{n \\times d}}$, $U_{{*}} \\in \\mathbb{{R}}^{{n \\times n}}${GATED}"
        ),
        "x[d] -> h[n]; h[n]; W_f[n, d] U_f[n, n] b_f[n] W_h[n, d] U_h[n, n] b_h[n]",
    );
    accept(
        "$W \\in \\mathbb{R}^{h \\times (h+d)}$\n\n$$h_t = \\tanh(W [h_{t-1}, x_t])$$",
        "x[d] -> h[h]; h[h]; W[h, d + h]",
    );
    accept(
        "$W \\in \\mathbb{R}^{4n \\times d}$\n\n$$i_t, f_t, o_t, g_t = \\operatorname{split}(W x_t + U h_{t-1})$$ \
         $$h_t = i_t + f_t + o_t + g_t$$",
        "x[d] -> h[n]; h[n]; W[4 n, d] U[4 n, n]",
    );
    accept("where $\\phi \\in \\mathbb{R}$\n\n$$h_t = \\phi (x_t + h_{t-1})$$", "x[x] -> h[x]; h[x]; phi[]");
}

#[test]
fn rows_of_a_batch_are_no_axis() {
    let text = "a batch $X_t \\in \\mathbb{R}^{n \\times d}$, $H_t \\in \\mathbb{R}^{n \\times h}$, \
                $W \\in \\mathbb{R}^{d \\times h}$\n\n$$H_t = \\tanh(X_t W + H_{t-1} U)$$";
    accept(text, "X[d] -> H[h]; H[h]; W[d, h] U[h, h]");
    let text = "$X_t \\in \\mathbb{R}^{1 \\times d}$, $H_t \\in \\mathbb{R}^{1 \\times h}$\n\n\
                $$H_t = \\tanh(X_t W + H_{t-1} U)$$";
    accept(text, "X[d] -> H[h]; H[h]; W[d, h] U[h, h]");
}

#[test]
fn what_contradicts_the_equations_is_an_error_at_both_places() {
    let text = format!("$W \\in \\mathbb{{R}}^{{m \\times d}}$, $U \\in \\mathbb{{R}}^{{n \\times n}}${RNN}");
    refuse(&text, &["GW0201"]);
    let found = read(&text, Syntax::Markdown, None, &Options::default()).unwrap_err();
    let places: Vec<&str> =
        found[0].labels.iter().map(|label| &text[label.0.start as usize..label.0.end as usize]).collect();
    for place in
        ["W x_t", "U h_{t-1}", "W \\in \\mathbb{R}^{m \\times d}", "U \\in \\mathbb{R}^{n \\times n}"]
    {
        assert!(places.contains(&place), "{places:?}");
    }
    for declarations in [
        "$b \\in \\mathbb{R}$, $W \\in \\mathbb{R}^{3 \\times d}$ and $h_t \\in \\mathbb{R}^{4}$",
        "- W ∈ ℝ^{m×d}\n- U ∈ ℝ^{n×n}",
        "`W ∈ R^{m×d}`, `h_t ∈ R^n`",
        "$h_t \\in (0, 1)^{m}$ and $W \\in \\mathbb{R}^{n \\times d}$",
        "$W, U \\in \\mathbb{R}^{n \\times d}$",
    ] {
        refuse(&format!("{declarations}{RNN}"), &["GW0201"]);
        refuse(&format!("# Sizes\n\n{declarations}\n\n## The cell{RNN}"), &["GW0201"]);
    }
    refuse(
        &format!("$W \\in \\mathbb{{R}}^{{n \\times d}}$, then $W \\in \\mathbb{{R}}^{{n \\times m}}${RNN}"),
        &["GW0109"],
    );
}

/// `A` must be declared for the equations to mean a cell: to forget that would be told as an exponential of a matrix.
#[test]
fn what_mends_the_equations_is_not_forgotten_for_what_contradicts_them() {
    let cell = "\n\n$$h_t = \\exp(\\Delta_t A) \\odot h_{t-1} + V x_t$$\n$$\\Delta_t = w \\odot z_t$$\n";
    let vector = "$A \\in \\mathbb{R}^n$";
    crate::cell(&format!("{vector}{cell}"));
    refuse(&format!("$x_t \\in \\mathbb{{R}}^d${cell}"), &["GW0456"]);
    let text = format!("{vector}, $z_t \\in \\mathbb{{R}}^m$, $w \\in \\mathbb{{R}}^m${cell}");
    let found = refuse(&text, &["GW0201"]);
    assert!(found[0].message.contains("[m]"), "{found:?}");
    // Of another cell: left out alone, and noted.
    let text = format!("# One\n\n$z_t \\in \\mathbb{{R}}^{{m \\times m}}$\n\n# Two\n\n{vector}{cell}");
    assert_eq!(notes(&text).len(), 1);
    // Where something is wrong with both, it is said of the equations, and that nothing was used.
    let text =
        format!("{vector}, $w \\in \\mathbb{{R}}^m$, $V \\in \\mathbb{{R}}^k${cell}$$y_t = \\phi(h_t)$$");
    let found = read(&text, Syntax::Markdown, None, &Options::default()).expect_err("unbound");
    assert!(found.iter().any(|one| one.code.as_str() == "GW0911"), "{}", listed(&found));
}

#[test]
fn what_speaks_of_something_else_is_a_note() {
    for (text, count) in [
        ("# Another\n\n$W \\in \\mathbb{R}^{a \\times b}$, $U \\in \\mathbb{R}^{c \\times c}$\n\n# Cell", 1),
        ("samples $x_t \\in \\mathbb{R}^{n \\times d}$, $h_t \\in \\mathbb{R}^{h}$", 1),
        ("$W \\in \\mathbb{R}^{n^2 \\times d}$", 1),
        ("$W \\in \\mathbb{R}^{|V| \\times d}$", 1),
        ("$x_t \\in \\mathbb{C}^{d}$", 1),
        ("$W \\in \\mathbb{R}^{n} \\times \\mathbb{R}^{d}$", 1),
        (
            "$Z \\in \\mathbb{R}^{n^2}$, $t \\in \\{1, \\ldots, T\\}$, $x_t \\in \\mathcal{X}$, $h_t \\in (-1, 1)$",
            0,
        ),
        ("it costs $5 ∈ 3$", 0),
    ] {
        let text = format!("{text}{RNN}");
        let notes = notes(&text);
        assert_eq!(notes.len(), count, "{text}: {notes:?}");
    }
    let text = "$W_* \\in \\mathbb{R}^{h \\times d}$\n\n$$h_t = \\tanh(W_x x_t + W_h h_{t-1})$$";
    accept(text, "x[x] -> h[h]; h[h]; W_x[h, x] W_h[h, h]");
    assert_eq!(notes(text).len(), 1);
}

#[test]
fn a_section_is_read_with_its_own_text() {
    let cell = |declaration: &str| format!("where $W \\in \\mathbb{{R}}^{{{declaration}}}${RNN}");
    let text = format!("# A\n\n{}\n# B\n\n{}", cell("n \\times d"), cell("a \\times b"));
    for (section, named) in
        [("A", "x[d] -> h[n]; h[n]; W[n, d] U[n, n]"), ("B", "x[b] -> h[a]; h[a]; W[a, b] U[a, a]")]
    {
        let found = read(&text, Syntax::Markdown, Some(section), &Options::default()).expect("a cell");
        assert_eq!(roles(&found), named);
    }
}

/// What is used of the text is part of what is printed.
#[test]
fn declarations_in_the_text_are_printed() {
    let text = format!("with $x_t \\in \\mathbb{{R}}^{{d}}$, $W \\in \\mathbb{{R}}^{{4 n \\times d}}${RNN}");
    let options = Options::default();
    let parsed = gatewright_compiler::resolve::settle(parse(&text, Syntax::Markdown, None), &options);
    for (printed, syntax) in
        [(print_text(&parsed.document), Syntax::Text), (print_latex(&parsed.document), Syntax::Latex)]
    {
        let cell = read(&printed, syntax, None, &options).unwrap_or_else(|_| panic!("{printed}"));
        assert_eq!(roles(&cell), "x[d] -> h[4 n]; h[4 n]; W[4 n, d] U[4 n, 4 n]", "{printed}");
    }
}

/// Places are many, lines long, brackets deep: what is looked at is bounded.
#[test]
fn hostile_lines_of_text() {
    for text in [
        "∈".repeat(200_000),
        "x, ".repeat(100_000) + "x ∈ ℝ^n",
        "$x_t \\in \\mathbb{R}^{n}$ ".repeat(20_000),
        "W ∈ ℝ^é".repeat(20_000),
        "# A\n$W_* \\in \\mathbb{R}^{n}$\n".repeat(5_000),
        format!("$W \\in \\mathbb{{R}}^{{{}n{}}}$", "2(".repeat(300), ")".repeat(300)),
        "$W \\in \\mathbb{R}^{n \\times (d}$".to_owned(),
        "$W \\in \\mathbb{R}^$, $x_t \\in$, $\\in \\mathbb{R}$, $W_{*} \\in {}$".to_owned(),
    ] {
        for text in [format!("{text}{RNN}"), format!("{RNN}{text}")] {
            let start: String = text.chars().take(80).collect();
            let begin = std::time::Instant::now();
            let _ = read(&text, Syntax::Markdown, None, &Options::default());
            assert!(begin.elapsed().as_secs() < 10, "{start}: {:?}", begin.elapsed());
        }
    }
}
