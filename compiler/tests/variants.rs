//! A dozen cells, each printed in many notations: roles and graph must be those of the plain one.
//!
//! Every notation alone is read somewhere in the tests; what breaks is how they meet. Styles are drawn from a fixed
//! sequence of numbers, so that a failure names a cell and a style that come again.

use std::collections::BTreeSet;

use gatewright_compiler::graph::{Graph, Sameness, lower};
use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::{Cell, Options};
use gatewright_compiler::simplify::simplify;
use gatewright_compiler::source::Syntax;

/// Cells by equations of tokens: `x` is a value of this step, `h-` of the one before, `~c` has a tilde, a word with `_`
/// is a parameter, `.` a matrix product, `*` one element by element, `S` and `T` the activations.
const CELLS: [(&str, &[&str]); 12] = [
    ("elman", &["h = T( W_h . x + U_h . h- + b_h )", "y = W_y . h + b_y"]),
    ("joined elman", &["h = T( W_h . [ h- , x ] + b_h )"]),
    (
        "gru",
        &[
            "z = S( W_z . x + U_z . h- + b_z )",
            "r = S( W_r . x + U_r . h- + b_r )",
            "~h = T( W_h . x + U_h . ( r * h- ) + b_h )",
            "h = ( 1 - z ) * h- + z * ~h",
        ],
    ),
    (
        "joined gru",
        &[
            "z = S( W_z . [ h- , x ] )",
            "r = S( W_r . [ h- , x ] )",
            "~h = T( W_h . [ r * h- , x ] )",
            "h = ( 1 - z ) * h- + z * ~h",
        ],
    ),
    (
        "gru, reset after",
        &[
            "r = S( W_ir . x + b_ir + W_hr . h- + b_hr )",
            "z = S( W_iz . x + b_iz + W_hz . h- + b_hz )",
            "n = T( W_in . x + b_in + r * ( W_hn . h- + b_hn ) )",
            "h = ( 1 - z ) * n + z * h-",
        ],
    ),
    (
        "lstm",
        &[
            "f = S( W_f . x + U_f . h- + b_f )",
            "i = S( W_i . x + U_i . h- + b_i )",
            "o = S( W_o . x + U_o . h- + b_o )",
            "~c = T( W_c . x + U_c . h- + b_c )",
            "c = f * c- + i * ~c",
            "h = o * T( c )",
        ],
    ),
    (
        "joined lstm",
        &[
            "f = S( W_f . [ h- , x ] + b_f )",
            "i = S( W_i . [ h- , x ] + b_i )",
            "~C = T( W_C . [ h- , x ] + b_C )",
            "C = f * C- + i * ~C",
            "o = S( W_o . [ h- , x ] + b_o )",
            "h = o * T( C )",
        ],
    ),
    (
        "peephole lstm",
        &[
            "i = S( W_xi . x + W_hi . h- + w_ci * c- + b_i )",
            "f = S( W_xf . x + W_hf . h- + w_cf * c- + b_f )",
            "c = f * c- + i * T( W_xc . x + W_hc . h- + b_c )",
            "o = S( W_xo . x + W_ho . h- + w_co * c + b_o )",
            "h = o * T( c )",
        ],
    ),
    ("minimal gru", &["z = S( W_z . x )", "~h = W_h . x", "h = ( 1 - z ) * h- + z * ~h"]),
    (
        "minimal gated",
        &[
            "f = S( W_f . x + U_f . h- + b_f )",
            "~h = T( W_h . x + U_h . ( f * h- ) + b_h )",
            "h = ( 1 - f ) * h- + f * ~h",
        ],
    ),
    (
        "coupled lstm",
        &[
            "f = S( W_f . x + U_f . h- + b_f )",
            "o = S( W_o . x + U_o . h- + b_o )",
            "g = T( W_g . x + U_g . h- + b_g )",
            "c = f * c- + ( 1 - f ) * g",
            "h = o * T( c )",
            "y = W_y . h + b_y",
        ],
    ),
    (
        "simple recurrent unit",
        &[
            "~x = W_x . x",
            "f = S( W_f . x + b_f )",
            "r = S( W_r . x + b_r )",
            "c = f * c- + ( 1 - f ) * ~x",
            "h = r * T( c ) + ( 1 - r ) * x",
        ],
    ),
];

/// Time: this step, the one before.
const TIMES: [(&str, &str); 13] = [
    ("_t", "_{t-1}"),
    ("_{t}", "_{t - 1}"),
    ("^{(t)}", "^{(t-1)}"),
    ("^{<t>}", "^{<t-1>}"),
    ("^{\\langle t \\rangle}", "^{\\langle t-1 \\rangle}"),
    ("_t", "_{(t-1)}"),
    ("(t)", "(t-1)"),
    ("[t]", "[t-1]"),
    ("^{[t]}", "^{[t-1]}"),
    ("^t", "^{t-1}"),
    ("_n", "_{n-1}"),
    ("_k", "_{k-1}"),
    ("(n)", "(n-1)"),
];
const HADAMARDS: [&str; 11] = [
    " \\odot ",
    " \\circ ",
    " * ",
    " \\times ",
    " \\otimes ",
    " \\bullet ",
    " \\star ",
    " \\cdot ",
    " \\ast ",
    " ",
    "⊙",
];
const PRODUCTS: [&str; 5] = [" ", " \\cdot ", "", " \\, ", "\\!"];
const FONTS: [(&str, &str); 7] = [
    ("", ""),
    ("\\mathbf{", "}"),
    ("{\\bf ", "}"),
    ("\\boldsymbol{", "}"),
    ("\\bm{", "}"),
    ("\\vec{", "}"),
    ("\\textbf{", "}"),
];
const TILDES: [&str; 4] = ["\\tilde{@}#", "\\tilde @#", "\\widetilde{@}#", "\\tilde{@#}"];
const LABELS: [(&str, &str); 5] =
    [("_{", "}"), ("^{", "}"), ("_{\\mathrm{", "}}"), ("_{\\text{", "}}"), ("^{(", ")}")];
const SIGMOIDS: [&str; 5] =
    ["\\sigma", "\\mathrm{sigmoid}", "\\text{sigmoid}", "sigmoid", "\\operatorname{sigm}"];
const TANHS: [&str; 5] = ["\\tanh", "tanh", "\\mathrm{tanh}", "\\text{tanh}", "\\operatorname{tanh}"];
const BRACKETS: [(&str, &str); 4] =
    [("(", ")"), ("\\left(", "\\right)"), ("\\big(", "\\big)"), ("\\left[", "\\right]")];
const JOINS: [(&str, &str, &str); 6] = [
    ("[", ", ", "]"),
    ("[", "; ", "]"),
    ("\\left[", ", ", "\\right]"),
    ("\\begin{bmatrix} ", " \\\\ ", " \\end{bmatrix}"),
    ("[", " \\| ", "]"),
    ("\\left[\\begin{array}{c} ", " \\\\ ", " \\end{array}\\right]"),
];

/// A style is one choice of each.
#[derive(Clone, Copy, Debug)]
struct Style {
    time: usize,
    hadamard: usize,
    product: usize,
    font: usize,
    tilde: usize,
    label: usize,
    sigmoid: usize,
    tanh: usize,
    bracket: usize,
    join: usize,
    wrap: usize,
}

const WRAPS: usize = 20;

/// Numbers that look random and are always the same.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

impl Style {
    const PLAIN: Self = Self {
        time: 0,
        hadamard: 0,
        product: 0,
        font: 0,
        tilde: 0,
        label: 0,
        sigmoid: 0,
        tanh: 0,
        bracket: 0,
        join: 0,
        wrap: 0,
    };

    fn draw(from: &mut Sequence) -> Self {
        let mut style = Self {
            time: from.below(TIMES.len()),
            hadamard: from.below(HADAMARDS.len()),
            product: from.below(PRODUCTS.len()),
            font: from.below(FONTS.len()),
            tilde: from.below(TILDES.len()),
            label: from.below(LABELS.len()),
            sigmoid: from.below(SIGMOIDS.len()),
            tanh: from.below(TANHS.len()),
            bracket: from.below(BRACKETS.len()),
            join: from.below(JOINS.len()),
            wrap: from.below(WRAPS),
        };
        let time = TIMES[style.time].0;
        // A bracket that is the time index cannot stand behind the braces of a decorated name.
        if time.starts_with(['(', '[']) && style.tilde == 3 {
            style.tilde = 0;
        }
        // `^{(f)}` beside `^{(t)}` is told apart, but `f` with `^{f}` beside `^t` is nobody's.
        if time.starts_with('^') && LABELS[style.label].0.starts_with('^') {
            style.label = 0;
        }
        // Square brackets around the argument would join what they hold where a time is in square brackets too.
        if style.bracket == 3 {
            style.bracket = 1;
        }
        style
    }

    fn value(self, token: &str, out: &mut String) {
        let (before, name) = match token.strip_suffix('-') {
            Some(name) => (true, name),
            None => (false, token),
        };
        let (now, earlier) = TIMES[self.time];
        let time = if before { earlier } else { now };
        let (open, close) = FONTS[self.font];
        let (tilde, letter) = match name.strip_prefix('~') {
            Some(letter) => (true, letter),
            None => (false, name),
        };
        let dressed = format!("{open}{letter}{close}");
        if tilde {
            out.push_str(&TILDES[self.tilde].replace('@', &dressed).replace('#', time));
        } else {
            out.push_str(&dressed);
            out.push_str(time);
        }
    }

    fn equation(self, equation: &str) -> String {
        let mut out = String::new();
        let mut inner = Vec::new();
        for token in equation.split(' ') {
            match token {
                "=" => out.push_str(if self.wrap == 0 { " = " } else { "&= " }),
                "+" | "-" => out.push_str(&format!(" {token} ")),
                "*" => out.push_str(HADAMARDS[self.hadamard]),
                "." => out.push_str(PRODUCTS[self.product]),
                "S(" | "T(" | "(" => {
                    let (open, close) = BRACKETS[if token == "(" { 0 } else { self.bracket }];
                    out.push_str(match token {
                        "S(" => SIGMOIDS[self.sigmoid],
                        "T(" => TANHS[self.tanh],
                        _ => "",
                    });
                    out.push_str(open);
                    inner.push(close);
                }
                "[" => {
                    out.push_str(JOINS[self.join].0);
                    inner.push(JOINS[self.join].2);
                }
                "," => out.push_str(JOINS[self.join].1),
                ")" | "]" => out.push_str(inner.pop().expect("a balanced equation")),
                "1" => out.push('1'),
                parameter if parameter.contains('_') => {
                    let (base, label) = parameter.split_once('_').expect("a label");
                    let (open, close) = FONTS[self.font];
                    let (before, after) = LABELS[self.label];
                    out.push_str(&format!("{open}{base}{close}{before}{label}{after}"));
                }
                value => self.value(value, &mut out),
            }
        }
        out
    }

    /// The document, in the delimiters of the style.
    fn document(self, equations: &[&str]) -> (String, Syntax) {
        let rows: Vec<String> = equations.iter().map(|equation| self.equation(equation)).collect();
        let bare: Vec<String> = rows.iter().map(|row| row.replacen("&= ", " = ", 1)).collect();
        let each = |open: &str, close: &str, between: &str| -> String {
            bare.iter().map(|row| format!("{open}{row}{close}")).collect::<Vec<_>>().join(between)
        };
        let block = |name: &str| format!("\\begin{{{name}}}\n{}\n\\end{{{name}}}", rows.join(" \\\\\n"));
        let text = match self.wrap {
            0 => return (bare.join(" \\\\\n"), Syntax::Latex),
            1 => return (block("align"), Syntax::Latex),
            2 => format!("$$\n{}\n$$", block("aligned")),
            3 => each("$$", "$$", "\n\n"),
            4 => each("\\[", "\\]", "\n"),
            5 => format!("```math\n{}\n```", block("aligned")),
            6 => each("```math\n", "\n```", "\n\n"),
            7 => each(".. math::\n\n    ", "\n", "\n"),
            8 => format!(".. math::\n    {}\n", rows.join(" \\\\\n    ")),
            9 => each("- $", "$", "\n"),
            10 => each("1. \\(", "\\)", "\n"),
            11 => format!("| | |\n|--|--|\n{}\n", each("| gate | $", "$ |", "\n")),
            12 => each("<math>", "</math>\n", "\n"),
            13 => each("{{< katex display=true >}}\n", "\n{{< /katex >}}", "\n"),
            14 => format!("$$\n{}\n$$", block("aligned")).replace('\\', "\\\\"),
            15 => format!("$$\n{}\n$$", block("split").replace("\\end{split}", "\\end{split}\\tag{1}")),
            16 => {
                let rows: Vec<String> =
                    rows.iter().map(|row| format!("{row} && \\text{{(a gate: of many)}}")).collect();
                format!("$$\\begin{{aligned}}\n{}\n\\end{{aligned}}$$", rows.join(" \\\\[4pt]\n"))
            }
            17 => format!("$$\n\\begin{{cases}}\n{}\n\\end{{cases}}\n$$", bare.join(", \\\\\n")),
            18 => each("> $$\\boxed{", "}$$", "\n>\n"),
            _ => format!("$${}$$", bare.join(",\\qquad\n")),
        };
        (text, Syntax::Markdown)
    }
}

/// Plain text: this step, the one before.
const TEXT_TIMES: [(&str, &str); 10] = [
    ("_t", "_{t-1}"),
    ("_t", "_(t-1)"),
    ("_{t}", "_{t-1}"),
    ("[t]", "[t-1]"),
    ("(t)", "(t-1)"),
    ("ₜ", "ₜ₋₁"),
    ("t", "t-1"),
    ("_n", "_{n-1}"),
    ("<sub>t</sub>", "<sub>t-1</sub>"),
    ("^(t)", "^(t-1)"),
];
const TEXT_HADAMARDS: [&str; 8] = [" * ", " ⊙ ", " .* ", " ∘ ", " (.) ", " × ", "⊙", " · "];
const TEXT_PRODUCTS: [&str; 5] = [" ", " @ ", " · ", "·", "*"];
const TEXT_SIGMOIDS: [&str; 4] = ["σ", "sigmoid", "sigma", "Sigmoid"];
const TEXT_LABELS: [(&str, &str); 3] = [("_", ""), ("_{", "}"), ("_", "")];
const TEXT_JOINS: [(&str, &str, &str); 4] =
    [("[", ", ", "]"), ("[", "; ", "]"), ("[", ",", "]"), ("[ ", " , ", " ]")];
const TEXT_WRAPS: usize = 17;

/// A choice of each for plain text.
#[derive(Clone, Copy, Debug)]
struct TextStyle {
    time: usize,
    hadamard: usize,
    product: usize,
    tilde: usize,
    label: usize,
    sigmoid: usize,
    join: usize,
    wrap: usize,
}

impl TextStyle {
    fn draw(from: &mut Sequence) -> Self {
        let mut style = Self {
            time: from.below(TEXT_TIMES.len()),
            hadamard: from.below(TEXT_HADAMARDS.len()),
            product: from.below(TEXT_PRODUCTS.len()),
            tilde: from.below(2),
            label: from.below(TEXT_LABELS.len()),
            sigmoid: from.below(TEXT_SIGMOIDS.len()),
            join: from.below(TEXT_JOINS.len()),
            wrap: from.below(TEXT_WRAPS),
        };
        // Beside a sign for products of elements, `*` between capitals is a convolution.
        if TEXT_PRODUCTS[style.product] == "*" && TEXT_HADAMARDS[style.hadamard] != " * " {
            style.product = 0;
        }
        style
    }

    fn equation(self, equation: &str) -> String {
        let mut out = String::new();
        let mut inner = Vec::new();
        for token in equation.split(' ') {
            match token {
                "=" | "+" | "-" => out.push_str(&format!(" {token} ")),
                "*" => out.push_str(TEXT_HADAMARDS[self.hadamard]),
                "." => out.push_str(TEXT_PRODUCTS[self.product]),
                "S(" | "T(" | "(" => {
                    out.push_str(match token {
                        "S(" => TEXT_SIGMOIDS[self.sigmoid],
                        "T(" => "tanh",
                        _ => "",
                    });
                    out.push('(');
                    inner.push(")");
                }
                "[" => {
                    out.push_str(TEXT_JOINS[self.join].0);
                    inner.push(TEXT_JOINS[self.join].2);
                }
                "," => out.push_str(TEXT_JOINS[self.join].1),
                ")" | "]" => out.push_str(inner.pop().expect("a balanced equation")),
                "1" => out.push('1'),
                parameter if parameter.contains('_') => {
                    let (base, label) = parameter.split_once('_').expect("a label");
                    let (before, after) = TEXT_LABELS[self.label];
                    out.push_str(&format!("{base}{before}{label}{after}"));
                }
                value => {
                    let (now, earlier) = TEXT_TIMES[self.time];
                    let (name, time) = match value.strip_suffix('-') {
                        Some(name) => (name, earlier),
                        None => (value, now),
                    };
                    match (name.strip_prefix('~'), self.tilde) {
                        (Some(letter), 0) => out.push_str(&format!("{letter}\u{303}{time}")),
                        (Some(letter), _) => out.push_str(&format!("{letter}~{time}")),
                        (None, _) => out.push_str(&format!("{name}{time}")),
                    }
                }
            }
        }
        out
    }

    fn document(self, equations: &[&str]) -> (String, Syntax) {
        let rows: Vec<String> = equations.iter().map(|equation| self.equation(equation)).collect();
        let each = |open: &str, close: &str| -> String {
            rows.iter().map(|row| format!("{open}{row}{close}\n")).collect()
        };
        let text = match self.wrap {
            0 => return (each("", ""), Syntax::Text),
            1 => return (rows.join("; "), Syntax::Text),
            2 => each("", ""),
            3 => each("# ", ""),
            4 => each("    // ", ""),
            5 => each("/// ", ";"),
            6 => each(" * ", ""),
            7 => each("- ", ""),
            8 => each("1. ", ""),
            9 => each("Forget gate: ", ""),
            10 => each("", "    # forget gate: what to keep"),
            11 => each("", "    (forget gate)"),
            12 => each("", "   [forget gate]"),
            13 => each("", " — forget gate"),
            14 => format!("```\n{}```\n", each("", "")),
            15 => format!("```text\n{}```\n", each("", "      candidate state")),
            _ => each("- `", "`"),
        };
        (text, Syntax::Markdown)
    }
}

/// Inputs, states, outputs and parameters by name.
fn roles(cell: &Cell) -> [BTreeSet<String>; 4] {
    [
        cell.inputs.iter().map(|one| one.name.clone()).collect(),
        cell.states.iter().map(|one| one.variable.name.clone()).collect(),
        cell.outputs.iter().map(|one| one.name.clone()).collect(),
        cell.parameters.iter().map(|one| one.name.clone()).collect(),
    ]
}

fn graph(cell: &Cell) -> Graph {
    simplify(&lower(cell).expect("a checked cell lowers"))
}

/// What is wrong with a document that should be `plain`, if anything.
fn fault(text: &str, syntax: Syntax, plain: &Cell) -> Option<String> {
    let cell = match read(text, syntax, None, &Options::default()) {
        Ok(cell) => cell,
        Err(findings) => {
            let first = findings.iter().find(|one| one.code.as_str() < "GW08")?;
            return Some(format!("{}: {}", first.code.as_str(), first.message));
        }
    };
    let (expected, found) = (roles(plain), roles(&cell));
    if expected != found {
        return Some(format!("roles {found:?}"));
    }
    match graph(plain).compare(&graph(&cell)) {
        Sameness::Same(_) => None,
        _ => Some("another graph".to_owned()),
    }
}

#[test]
fn cells_mean_the_same_in_every_notation() {
    const DRAWN: usize = 400;
    let mut sequence = Sequence(20_261_121);
    let mut faults = Vec::new();
    for number in 0..DRAWN {
        let (name, equations) = CELLS[number % CELLS.len()];
        let (plain, syntax) = Style::PLAIN.document(equations);
        let plain = read(&plain, syntax, None, &Options::default()).expect("the plain cell");
        let style = Style::draw(&mut sequence);
        let (text, syntax) = style.document(equations);
        if let Some(fault) = fault(&text, syntax, &plain) {
            faults.push(format!("{name}, {style:?}: {fault}\n{text}\n"));
        }
        let style = TextStyle::draw(&mut sequence);
        let (text, syntax) = style.document(equations);
        if let Some(fault) = fault(&text, syntax, &plain) {
            faults.push(format!("{name}, {style:?}: {fault}\n{text}\n"));
        }
    }
    assert!(faults.is_empty(), "{} of {DRAWN}:\n{}", faults.len(), faults.join("\n"));
}
