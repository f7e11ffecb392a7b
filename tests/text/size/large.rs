//! The texts: deep, long, and of many parts.

use std::fmt::Write as _;

use gatewright_compiler::resolve::CyclePolicy;
use gatewright_compiler::source::Syntax;
use gatewright_tests_text::input::Spelling;

use super::SLOW;

/// A mebibyte: the longest text that is read at all.
const LONG: usize = 1 << 20;

/// A text, and how it is read.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) spelling: Spelling,
    pub(super) cycle: CyclePolicy,
}

pub(super) fn case(name: impl Into<String>, spelling: Spelling, text: impl Into<String>) -> Case {
    Case { name: name.into(), text: text.into(), spelling, cycle: CyclePolicy::Reject }
}

pub(super) const LATEX: Spelling = Spelling::Text(Syntax::Latex);
pub(super) const MARKDOWN: Spelling = Spelling::Text(Syntax::Markdown);
pub(super) const TEXT: Spelling = Spelling::Text(Syntax::Text);
const ALL: [Spelling; 4] = [LATEX, MARKDOWN, TEXT, Spelling::Tokens];

/// `one(0) separator one(1) separator …`.
fn list(count: usize, separator: &str, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(separator)
}

/// Another word for each number.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return word;
        }
    }
}

/// Brackets of every kind in each other, closed and left open. In Markdown they are display mathematics.
pub(super) fn deep(depth: usize) -> Vec<Case> {
    let plain = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("|", "|"),
        ("tanh(", ")"),
        ("x_t^{", "}"),
        ("x_{", "}"),
        ("x_t^", ""),
        ("^", ""),
        ("_", ""),
        ("-", ""),
        ("e^{", "}"),
        ("1[", "]"),
        ("where(a < b, x_t, ", ")"),
        ("x_t > ", ""),
        ("x_t * (", ")"),
    ];
    let latex = [
        ("\\{", "\\}"),
        ("\\left(", "\\right)"),
        ("\\|", "\\|"),
        ("\\tanh ", ""),
        ("\\frac{1}{", "}"),
        ("\\sqrt{", "}"),
        ("\\text{", "}"),
        ("\\mathbf{", "}"),
        ("\\tilde{", "}"),
        ("\\tilde ", ""),
        ("\\underbrace{", "}"),
        ("\\operatorname{", "}"),
        ("\\begin{aligned}", "\\end{aligned}"),
        ("\\begin{bmatrix}", "\\end{bmatrix}"),
        ("\\begin{cases}", "\\end{cases}"),
        ("\\begin{array}{l}", "\\end{array}"),
        ("\\langle ", "\\rangle "),
        ("\\lfloor ", "\\rfloor "),
        ("\\sum_{j} ", ""),
    ];
    let prose = [
        ("> ", ""),
        ("- ", ""),
        ("*", "*"),
        ("![", "]"),
        ("[", "](a)"),
        ("<sub>", "</sub>"),
        ("<div>", "</div>"),
        ("$$ ", " $$"),
        ("`", "`"),
    ];
    let mut cases = Vec::new();
    let mut add = |(open, close): (&str, &str), spelling, around: &str| {
        let depth = if SLOW && open != "(" { depth / 10 } else { depth };
        let depth = depth.min(LONG / (open.len() + close.len() + 1));
        let closed = format!("{around}h_t = {}x_t{}{around}", open.repeat(depth), close.repeat(depth));
        cases.push(case(format!("{open}{close} nested"), spelling, closed));
        let left_open = format!("{around}h_t = {}x_t{around}", open.repeat(depth));
        cases.push(case(format!("{open}{close} left open"), spelling, left_open));
    };
    for brackets in plain {
        for spelling in ALL {
            add(brackets, spelling, if spelling == MARKDOWN { "$$" } else { "" });
        }
    }
    for brackets in latex {
        add(brackets, LATEX, "");
        add(brackets, MARKDOWN, "$$");
    }
    for brackets in prose {
        add(brackets, MARKDOWN, "");
    }
    cases
}

/// Long names, numbers, rows and lists.
pub(super) fn long() -> Vec<Case> {
    let mut cases = Vec::new();
    for spelling in ALL {
        let n = if SLOW && spelling != TEXT { 100_000 } else { 1_000_000 };
        // What parts equations: LaTeX counts rows, and a line ends nothing.
        let row = if spelling == LATEX { " \\\\\n" } else { "\n" };
        let mut add = |name: &str, text: String| cases.push(case(name, spelling, text));
        add("a name", format!("h_t = {}", "a".repeat(n)));
        add("a label", format!("h_t = W_{{{}}} x_t", "a".repeat(n)));
        add("a label of parts", format!("h_t = W_{{{}}} x_t", "a,".repeat(n / 2)));
        add("a name of parts", format!("h_t = a{}", "_a".repeat(n / 2)));
        add("primes", format!("h_t = x{}_t", "'".repeat(n)));
        add("digits", format!("h_t = x_t + {}", "9".repeat(n)));
        add("decimals", format!("h_t = x_t + 0.{}1", "0".repeat(n)));
        add("an exponent", format!("h_t = x_t + 1e{}", "9".repeat(n)));
        add("a power of digits", format!("h_t = x_t^{{{}}}", "9".repeat(n)));
        add("a delay of digits", format!("h_t = x_{{t-{}}}", "9".repeat(n)));
        add("a size of digits", format!("h_t = x_t{row}where x_t: [{}]", "9".repeat(n)));
        add("blanks", format!("h_t = {}x_t", " ".repeat(n)));
        add("lines", format!("h_t = {}x_t", "\n".repeat(n)));
        add("dashes", "-".repeat(n));
        add("dollars", "$".repeat(n));
        add("a sum", format!("h_t = x_t{}", " + x_t".repeat(n / 6)));
        add("a chain", format!("h_t = x_t{}", " x_t".repeat(n / 4)));
        add("equalities", format!("{}x_t", "h_t = ".repeat(n / 6)));
        add("many equalities", format!("{} = x_t", list(90_000, " = ", |at| format!("a{at}_t"))));
        add("commas", format!("h_t = [x_t{}]", ", x_t".repeat(n / 5)));
        add("a list of names", format!("h_t = [{}]", list(100_000, ", ", |at| format!("a{at}_t"))));
        add("a short list of names", format!("h_t = [{}]", list(500, ", ", |at| format!("a{at}_t"))));
        add("short equations", format!("h_t = x_t{row}").repeat(n / 20));
        add("equations of names", list(40_000, row, |at| format!("a_{{{at},t}} = b_{{{at}}}")));
        add("equations in one row", list(40_000, ", ", |at| format!("a_{{{at},t}} = b_{{{at}}}")));
        add("few equations in one row", list(4000, ", ", |at| format!("a_{{{at},t}} = b_{{{at}}}")));
        add("a million names", list(n, row, |at| format!("a_{{{at}}} = 1")));
        add(
            "names by the hundred thousand",
            list(400, row, |at| {
                format!("a_{{{at},t}} = {}", list(250, "+", |other| format!("{}_t", word(at * 250 + other))))
            }),
        );
        add("declarations", list(60_000, ", ", |at| format!("w{at}: [h]")));
        add("frozen", format!("h_t = x_t{row}where {}", list(60_000, ", ", |at| format!("w{at}: frozen"))));
        add("few frozen", format!("h_t = x_t{row}where {}", list(2000, ", ", |at| format!("w{at}: frozen"))));
        add(
            "outputs",
            format!("h_t = x_t{row}where {}", list(40_000, ", ", |at| format!("h{at}_t: output"))),
        );
        add("conditions", format!("h_t = {}x_t", "x_t < ".repeat(n / 6)));
        add("remarks", format!("h_t = 2 x_t  (a remark){row}").repeat(n / 30));
        add("labels before colons", format!("the gate: h_t = x_t{row}").repeat(n / 30));
        add("times in brackets", format!("h[t] = x[t-1] + h(t-1){row}").repeat(n / 30));
        add("suffix times", format!("Ht = tanh(Xt*Wi + Ht-1*Ri){row}").repeat(n / 34));
        add("unknown functions", list(4000, row, |at| format!("a_{{{at},t}} = sigmod{}(x_t)", word(at))));
        add("near names", list(4000, row, |at| format!("g_{{{at}x,t}} = tanh(g_{{{at}y,t}} + x_t)")));
        add(
            "unbound letters",
            list(4000, row, |at| format!("a_{{{at},t}} = f_{{{at}}}(x_t + g(b_{{{at},t}}))")),
        );
    }
    cases
}

/// Definitions that need each other in every way.
pub(super) fn many() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, spelling, text: String| cases.push(case(name, spelling, text));
    let chain = |count| list(count, "\n", |at| format!("a{at}_t = tanh(a{}_t + x_t)", at + 1));
    add("a chain of definitions", TEXT, chain(4000));
    add("a chain of weights", TEXT, list(2000, "\n", |at| format!("a{at}_t = tanh(W{at} * a{}_t)", at + 1)));
    add("a chain of one weight", TEXT, list(2000, "\n", |at| format!("a{at}_t = tanh(W * a{}_t)", at + 1)));
    add("one name again and again", TEXT, "h_t = h_t + x_t\n".repeat(4000));
    add("one name in many ways", TEXT, list(4000, "\n", |at| format!("h_t = tanh(h_t + 0.{at} x_t)")));
    add(
        "one name in many ways, later",
        TEXT,
        list(4000, "\n", |at| format!("h_t = tanh(h_{{t-1}} + w{at} x_t)")),
    );
    add("states", TEXT, list(300, "\n", |at| format!("h{at}_t = tanh(h{at}[t-1] + x_t)")));
    add("as many states as allowed", TEXT, list(255, "\n", |at| format!("h{at}_t = tanh(h{at}[t-1] + x_t)")));
    add(
        "states that all need all",
        TEXT,
        list(60, "\n", |at| {
            format!("h{at}_t = tanh({})", list(60, " + ", |other| format!("W{at}_{other} * h{other}[t-1]")))
        }),
    );
    add("initial states", TEXT, list(200, "\n", |at| format!("h{at}_t = h{at}[t-1] + x_t\nh{at}_0 = b{at}")));
    add(
        "initial states of nothing",
        TEXT,
        format!("h_t = h[t-1] + x_t\n{}", list(4000, "\n", |at| format!("h{at}_0 = 0"))),
    );
    add("initial states again", TEXT, format!("h_t = h[t-1] + x_t\n{}", "h_0 = 0\n".repeat(4000)));
    add("delays", TEXT, list(256, "\n", |at| format!("h{at}_t = tanh(h{at}[t-256] + x_t)")));
    add("a long delay", TEXT, "h_t = h[t-255] + x_t".to_owned());
    add(
        "delays of an input",
        TEXT,
        format!("h_t = h[t-1] + {}", list(255, " + ", |at| format!("x[t-{at}]"))),
    );
    add("a delay beyond numbers", TEXT, "h_t = h[t-4294967295] + x_t".to_owned());
    add("steps ahead", TEXT, "h[t+2147483647] = h[t-2147483647] + x_t".to_owned());
    add(
        "constants",
        TEXT,
        format!("{}\nh_t = a0 x_t", list(4000, "\n", |at| format!("a{at} = a{} + 1", at + 1))),
    );
    add(
        "parameters once",
        TEXT,
        format!("{}\nh_t = A0 * x_t", list(4000, "\n", |at| format!("A{at} = A{} + W", at + 1))),
    );

    // Functions that grow when they are expanded.
    let nested = |depth: usize| format!("f(u) = u + u\nh_t = {}x_t{}", "f(".repeat(depth), ")".repeat(depth));
    for depth in [10, 18, 40, 100, 128] {
        add(&format!("f(u) = u + u, {depth} deep"), TEXT, nested(depth));
    }
    let towers = |count: usize, twice: &str| {
        let mut text = "F0(u) = tanh(u)\n".to_owned();
        for at in 1..count {
            let below = at - 1;
            let _ = writeln!(text, "F{at}(u) = {}", twice.replace('G', &format!("F{below}")));
        }
        let _ = writeln!(text, "h_t = F{}(x_t)", count - 1);
        text
    };
    for count in [10, 16, 30, 200, 4000] {
        add(&format!("{count} functions that call twice"), TEXT, towers(count, "G(u) + G(u)"));
        add(&format!("{count} functions in functions"), TEXT, towers(count, "G(G(u))"));
        add(&format!("{count} functions that call once"), TEXT, towers(count, "G(u)"));
    }
    add("a function of itself", TEXT, "f(u) = f(u) + u\nh_t = f(x_t)".to_owned());
    add("functions of each other", TEXT, "f(u) = g(u)\ng(u) = f(u)\nh_t = f(x_t)".to_owned());
    add("aliases", TEXT, format!("{}\nh_t = f0(x_t)", list(4000, "\n", |at| format!("f{at} = f{}", at + 1))));
    add(
        "values that double",
        TEXT,
        format!(
            "h_t = a0_t\n{}\na4000_t = x_t",
            list(4000, "\n", |at| format!("a{at}_t = a{0}_t + a{0}_t", at + 1))
        ),
    );
    add(
        "values that square",
        TEXT,
        format!(
            "h_t = a0_t\n{}\na400_t = x_t",
            list(400, "\n", |at| format!("a{at}_t = a{0}_t * a{0}_t", at + 1))
        ),
    );
    add(
        "joins that double",
        TEXT,
        format!(
            "h_t = a0_t\n{}\na40_t = x_t",
            list(40, "\n", |at| format!("a{at}_t = [a{0}_t, a{0}_t]", at + 1))
        ),
    );
    add(
        "joins in sums that double",
        TEXT,
        format!(
            "h_t = W * a0_t\n{}\na20_t = x_t",
            list(20, "\n", |at| format!("a{at}_t = [a{0}_t + b{at}, a{0}_t]", at + 1))
        ),
    );
    add(
        "sums of products that double",
        TEXT,
        format!(
            "h_t = W * a0_t\n{}\na30_t = x_t",
            list(30, "\n", |at| format!("a{at}_t = (a{0}_t + b{at}) * (a{0}_t - c{at})", at + 1))
        ),
    );
    add(
        "fractions of fractions",
        TEXT,
        format!(
            "h_t = a0_t\n{}\na200_t = x_t",
            list(200, "\n", |at| format!("a{at}_t = a{0}_t / (1 + a{0}_t)", at + 1))
        ),
    );

    // Powers and pieces.
    for power in
        ["2", "3", "64", "1000", "1000000", "4294967295", "4294967296", "1e300", "-2147483648", "0.5"]
    {
        add(&format!("to the power {power}"), LATEX, format!("h_t = h_{{t-1}} + x_t^{{{power}}}"));
        add(
            &format!("a sum to the power {power}"),
            LATEX,
            format!("h_t = h_{{t-1}} + (1 + x_t)^{{{power}}}"),
        );
        add(
            &format!("a matrix to the power {power}"),
            LATEX,
            format!("h_t = W^{{{power}}} h_{{t-1}} + (W)^{{{power}}} x_t"),
        );
    }
    for pieces in [
        "0, 0",
        "0, 2",
        "1, 65536",
        "65535, 65536",
        "4294967295, 4294967296",
        "0, 65537",
        "5, 3",
        "0, -1",
        "0.5, 2",
    ] {
        for function in ["chunk", "split"] {
            add(&format!("{function} {pieces}"), TEXT, format!("h_t = h[t-1] + {function}(x_t, {pieces})"));
        }
    }
    add("pieces of pieces", TEXT, format!("h_t = {}x_t{}", "chunk(".repeat(60), ", 1, 65536)".repeat(60)));
    let left = |count| list(count, ", ", |at| format!("a{at}_t"));
    for count in [4, 300, 4000, 40_000] {
        add(
            &format!("split into {count}"),
            TEXT,
            format!("{} = split(W * x_t, {count})\nh_t = a0_t", left(count)),
        );
        add(
            &format!("chunk into {count}"),
            TEXT,
            format!("[{}] = chunk(W * x_t, {count})\nh_t = a0_t", left(count)),
        );
    }

    // Stacks of gates and matrices of blocks.
    for count in [4, 200, 3000, 30_000] {
        let rows = |one: &dyn Fn(usize) -> String| list(count, " \\\\ ", one);
        let stack = format!(
            "$$\\begin{{pmatrix}} {} \\end{{pmatrix}} = \\begin{{pmatrix}} {} \\end{{pmatrix}} W \\begin{{pmatrix}} h_{{t-1}} \\\\ x_t \\end{{pmatrix}}$$ $$h_t = a_{{0,t}}$$",
            rows(&|at| format!("a_{{{at},t}}")),
            rows(&|_| "\\sigma".to_owned())
        );
        add(&format!("a stack of {count} gates"), MARKDOWN, stack);
        let block = format!(
            "$$h_t = \\begin{{bmatrix}} {} \\end{{bmatrix}} \\begin{{bmatrix}} {} \\end{{bmatrix}}$$",
            list(count, " & ", |at| format!("W_{{{at}}}")),
            rows(&|at| format!("x_{{{at},t}}"))
        );
        add(&format!("a matrix of {count} blocks"), MARKDOWN, block);
        let tall = format!(
            "$$h_t = h_{{t-1}} + \\begin{{bmatrix}} {} \\end{{bmatrix}} x_t$$",
            rows(&|at| format!("W_{{{at}}}"))
        );
        add(&format!("a column of {count} blocks"), MARKDOWN, tall);
        add(
            &format!("{count} rows"),
            LATEX,
            format!("\\begin{{aligned}} {} \\end{{aligned}}", rows(&|at| format!("a_{{{at},t}} &= x_t"))),
        );
        add(
            &format!("{count} marks in a row"),
            LATEX,
            format!("\\begin{{aligned}} h_t {} = x_t \\end{{aligned}}", "&".repeat(count)),
        );
        add(&format!("{count} gaps in a row"), LATEX, format!("h_t = x_t {}", "\\quad ".repeat(count)));
    }
    let square = |count: usize| {
        list(count, " \\\\ ", |row| list(count, " & ", |column| format!("W_{{{row},{column}}}")))
    };
    for count in [8, 40, 200] {
        let text = format!(
            "$$h_t = h_{{t-1}} + \\begin{{bmatrix}} {} \\end{{bmatrix}} \\begin{{bmatrix}} {} \\end{{bmatrix}}$$",
            square(count),
            list(count, " \\\\ ", |at| format!("x_{{{at},t}}"))
        );
        add(&format!("{count} by {count} blocks"), MARKDOWN, text);
    }

    // Documents of many parts.
    let inline = |count: usize, one: &dyn Fn(usize) -> String| {
        format!("$$h_t = h_{{t-1}} + a_0$$\n\n{}", list(count, "\n\n", one))
    };
    for count in [100, 4000, 30_000] {
        add(
            &format!("{count} inline definitions in a chain"),
            MARKDOWN,
            inline(count, &|at| format!("Here $a_{{{at}}} = a_{{{}}} + b x_t$ is said.", at + 1)),
        );
        add(
            &format!("{count} inline definitions of nothing"),
            MARKDOWN,
            inline(count, &|at| format!("Here $q_{{{at}}} = 1$ is said.")),
        );
        add(
            &format!("{count} inline definitions of one name"),
            MARKDOWN,
            inline(count, &|at| format!("Here $a_0 = 0.{at} x_t$ is said.")),
        );
        add(
            &format!("{count} inline definitions only"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("Here $a_{{{at}}} = a_{{{}}} + x_t$ is said.", at + 1)),
        );
        add(
            &format!("{count} names and expressions"),
            MARKDOWN,
            format!(
                "$$h_t = h_{{t-1}} + g_0 \\odot x_t$$\n\n{}",
                list(count, "\n", |at| format!("- ($g_{{{at}}}$) $\\sigma(W x_t)$"))
            ),
        );
        add(
            &format!("{count} sections of one equation"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("# Part {at}\n\n$$h_t = h_{{t-1}} + x_t$$")),
        );
        add(
            &format!("{count} sections that differ"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("# Part {at}\n\n$$h_t = h_{{t-1}} + 0.{at} x_t$$")),
        );
        add(
            &format!("{count} blocks that differ"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("$$h_t = h_{{t-1}} + 0.{at} x_t$$")),
        );
        add(
            &format!("{count} headings"),
            MARKDOWN,
            format!(
                "{}\n\n$$h_t = h_{{t-1}} + x_t$$",
                list(count, "\n\n", |at| format!("{} Part {at}", "#".repeat(1 + at % 6)))
            ),
        );
        add(
            &format!("{count} headings of LaTeX"),
            LATEX,
            list(count, "\n", |at| format!("\\section{{Part {at}}} $$h_t = h_{{t-1}} + 0.{at} x_t$$")),
        );
        add(
            &format!("{count} fences"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("```\nh_t=h[t-1]+0.{at} x_t\n```")),
        );
        add(
            &format!("{count} code spans"),
            MARKDOWN,
            list(count, "\n", |at| format!("- `a{at}_t = a{}_t + x_t`", at + 1)),
        );
        add(
            &format!("{count} programs between lines"),
            MARKDOWN,
            list(count, "\n", |at| format!("h_t = h[t-1] + {at}\n```python\nprint(1)\n```")),
        );
        add(
            &format!("{count} blocks of reST"),
            MARKDOWN,
            list(count, "\n\n", |at| format!(".. math::\n\n    a_{{{at}}} = x_t")),
        );
        add(
            &format!("{count} errors"),
            LATEX,
            list(count, " \\\\ ", |at| format!("h_t = \\unknown{{{at}}} )")),
        );
        add(
            &format!("{count} errors in blocks"),
            MARKDOWN,
            list(count, "\n\n", |at| format!("$$h_t = \\unknown{{{at}}} )$$")),
        );
        add(
            &format!("{count} losses"),
            LATEX,
            format!(
                "h_t = h_{{t-1}} + x_t \\\\ {}",
                list(count, " \\\\ ", |at| format!("L = \\sum_t ({at} - h_t)"))
            ),
        );
        add(
            &format!("{count} layers"),
            LATEX,
            list(count, " \\\\ ", |at| format!("h_t^{{l}} = W_{{{at}}}^{{l}} h_t^{{l-1}}")),
        );
        add(&format!("{count} lags"), TEXT, list(count, "\n", |at| format!("a{at}_t = x{at}[t-1]")));
    }
    for (policy, how) in [
        (CyclePolicy::Reject, "rejected"),
        (CyclePolicy::Previous, "of the step before"),
        (CyclePolicy::FixedPoint, "solved"),
    ] {
        let mut add = |name: &str, text: String| {
            cases.push(Case { cycle: policy, ..case(format!("{name}, {how}"), TEXT, text) });
        };
        for count in [3, 300, 4000] {
            add(
                &format!("a cycle of {count}"),
                list(count, "\n", |at| format!("a{at}_t = tanh(a{}_t + x_t)", (at + 1) % count)),
            );
            add(
                &format!("{count} cycles"),
                list(count / 2, "\n", |at| format!("a{at}_t = tanh(b{at}_t + x_t)\nb{at}_t = tanh(a{at}_t)")),
            );
            add(
                &format!("{count} cycles of one"),
                list(count, "\n", |at| format!("a{at}_t = tanh(a{at}_t + x_t)")),
            );
            add(
                &format!("{count} cycles through one"),
                format!(
                    "h_t = tanh(a0_t + x_t)\n{}",
                    list(count, "\n", |at| format!("a{at}_t = tanh(h_t + a{}_t)", at + 1))
                ),
            );
        }
        add(
            "60 that all need all",
            list(60, "\n", |at| {
                format!("a{at}_t = tanh({} + x_t)", list(60, " + ", |other| format!("a{other}_t")))
            }),
        );
        add(
            "a ladder",
            list(2000, "\n", |at| {
                format!("a{at}_t = tanh(a{}_t + a{}_t)", (at + 1) % 2000, at.saturating_sub(1))
            }),
        );
    }
    cases
}
