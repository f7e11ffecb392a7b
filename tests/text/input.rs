//! One input for each seed: token soup, words of the tables, damaged texts, bytes, cells of random equations, and Rust
//! tokens.
//!
//! Most inputs are short, since a short text meets as many rules and a failure of it says more.

use gatewright_compiler::resolve::{CyclePolicy, Options};
use gatewright_compiler::source::Syntax;

use crate::corpus::Corpus;
use crate::random::Random;

/// How an input comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As text.
    Text(Syntax),
    /// As Rust tokens.
    Tokens,
}

/// A text and all that is told beside it.
#[derive(Clone, Debug)]
pub struct Input {
    /// The text.
    pub text: String,
    /// How it is spelled.
    pub spelling: Spelling,
    /// A section that is asked for.
    pub section: Option<&'static str>,
    /// What to do where the equations leave something open.
    pub options: Options,
    /// Size of each free dimension, in turn.
    pub sizes: [usize; 4],
}

/// Kinds of inputs, for the count of what was tried.
pub const KINDS: [&str; 7] = ["soup", "words", "damaged", "spliced", "bytes", "equations", "tokens"];

/// Longest text that a whole document is taken of, so that most time goes into many inputs and not into few.
const LONGEST: usize = 600;

#[rustfmt::skip]
const PIECES: [&str; 144] = [
    "h_t", "h_{t-1}", "x_t", "W", "U_{hh}", "b", "=", "=", "=", " + ", " - ", "\\odot ", " \\cdot ", "*", "/", "(", ")",
    "[", "]", "{", "}", "\\{", "\\}", "\\left(", "\\right)", "\\sigma(", "\\tanh ", "\\tanh(", "tanh", "softmax", "\\frac{a}{b}", "\\frac",
    "^", "_", "^{2}", "^\\top", "^T", "^{(t)}", "^{<t-1>}", "^{t-1}", "_{t+1}", "'", "\\tilde{c}_t", "\\tilde", "\\hat h", "\\mathbf{W}",
    "\\mathcal{X}", "\\mathrm{hh}", "\\text{forget gate}", "\\text{", "\\operatorname{hard sigmoid}", "\\\\", "\\\\[2pt]", "&", "&&", "&amp;", "\\quad ",
    "\n", "\n\n", ";", ",", ".", ":", ":=", "\\in \\mathbb{R}^{n \\times d}", "\\in", "\\mathbb{R}", "$$", "$", "\\[", "\\]", "\\(", "\\)",
    "\\begin{aligned}", "\\end{aligned}", "\\begin{bmatrix}", "\\end{bmatrix}", "\\begin{cases}", "\\end{cases}", "\\begin{array}{ll}",
    "\\end{array}", "```", "```math\n", "# A\n", "## 3.1 B\n", ".. math::\n", "    ", "<math>", "</math>", "<sub>", "</sub>", "\\sum_{j=1}^n",
    "|", "\\|", "\\underbrace{", "\\langle ", "\\rangle ", "σ", "⊙", "h̃", "ẑ", "hₜ₋₁", "ᵀ", "隐", "1", "0.5", "12", "1e-5", "e^{x}", "where w: [h]",
    "\\unknown", "%", "h_0 = 0", "h_{-1}", "h_{t-2}", "x_{t-300}", "W: frozen", "y_t: output", "alpha: scalar", "split(", "chunk(h_t, 2, 4)",
    "where(a < b, x_t, ", "\\mathbb{1}[", "mod(t, 2)", "^{(l)}", "^{(l-1)}", "^{-1}", "^{99999999999}", "1e400", "4294967296", "\u{0}", "\u{202e}",
    "\u{303}", "\r\n", "\t", "f(u) = u + u", "f(", "v_t k_t^\\top", "I", "diag(", "h_t =", "  (gate)", "--", "#",
];

/// Random equations in one of three spellings.
struct Equations<'r> {
    random: &'r mut Random,
    latex: bool,
}

#[rustfmt::skip]
const FUNCTIONS: [&str; 47] = [
    "sigmoid", "tanh", "relu", "softplus", "exp", "ln", "sqrt", "abs", "sin", "cos", "max", "min", "elu", "selu", "gelu",
    "silu", "softsign", "hard_sigmoid", "hard_tanh", "clip", "sign", "softmax", "LN", "mean", "sum", "norm",
    "logsigmoid", "diag", "where", "indicator", "mod", "floor", "ceil", "round", "cumsum", "revcumsum", "cumax",
    "sumsq", "dot", "outer", "rowscale", "tmatvec", "chunk", "split", "colsoftmax", "rowsoftmax", "f",
];

impl Equations<'_> {
    fn function(&mut self) -> &'static str {
        // The usual ones half of the time: cells with only rare ones are seldom accepted.
        if self.random.once_in(2) { FUNCTIONS[self.random.below(2)] } else { self.random.word(&FUNCTIONS) }
    }

    fn name(&mut self, base: &str, back: usize) -> String {
        match (self.latex, back) {
            (_, 0) => format!("{base}_t"),
            (true, back) => format!("{base}_{{t-{back}}}"),
            (false, back) => format!("{base}[t-{back}]"),
        }
    }

    fn leaf(&mut self, at: usize) -> String {
        let state = ["h", "c", "S", "n"][self.random.below(4)];
        match self.random.below(14) {
            0..=3 => self.name("x", 0),
            4..=6 => self.name(state, 1),
            7 => {
                let gate = ["z", "r", "o", "h", "c"][(at + self.random.below(3)) % 5];
                self.name(gate, 0)
            }
            8 => self.name(state, 2),
            9 => self.random.word(&["b", "w", "b_z", "alpha", "I", "k_t", "v_t"]).to_owned(),
            10 => self.random.word(&["0", "1", "2", "0.5", "-1", "1e-5", "3"]).to_owned(),
            _ => {
                let weight = ["W", "U", "V", "W_z", "U_z", "R"][self.random.below(6)];
                let vector = if self.random.once_in(2) { self.name("x", 0) } else { self.name(state, 1) };
                let times = if self.latex { " " } else { " * " };
                format!("{weight}{times}{vector}")
            }
        }
    }

    fn expression(&mut self, depth: usize, at: usize) -> String {
        if depth == 0 {
            return self.leaf(at);
        }
        let (a, b) = (self.random.below(depth), self.random.below(depth));
        let mut sub = |depth| self.expression(depth, at);
        let (left, right) = (sub(a), sub(b));
        match self.random.below(15) {
            0..=3 => format!("{left} + {right}"),
            4 => format!("{left} - ({right})"),
            5 | 6 if self.latex => format!("({left}) \\odot ({right})"),
            5 | 6 => format!("({left}) * ({right})"),
            7 if self.latex => format!("\\frac{{{left}}}{{{right}}}"),
            7 => format!("({left}) / ({right})"),
            8 => format!("[{left}, {right}]"),
            9 if self.latex => format!("({left}) ({right})^\\top"),
            9 => format!("outer({left}, {right})"),
            10 if self.latex => format!("({left})^\\top ({right})"),
            10 => format!("dot({left}, {right})"),
            _ => {
                let function = self.function();
                let count = match function {
                    "max" | "min" | "mod" | "dot" | "outer" | "rowscale" | "tmatvec" => 2,
                    "where" | "clip" => 3,
                    "indicator" => 4,
                    "chunk" | "split" => 5,
                    _ => 1,
                };
                let arguments = match count {
                    1 => left,
                    2 => format!("{left}, {right}"),
                    3 if function == "where" => {
                        let sign = ["<", ">", "==", "!="][self.random.below(4)];
                        format!("{left} {sign} {right}, {right}, {left}")
                    }
                    3 => format!("{left}, -1, 1"),
                    4 => format!("{left} < {right}"),
                    _ => {
                        format!(
                            "{left}, {}, {}",
                            self.random.below(4),
                            [1, 2, 2, 3, 65_537][self.random.below(5)]
                        )
                    }
                };
                let function =
                    if self.latex { format!("\\operatorname{{{function}}}") } else { function.to_owned() };
                format!("{function}({arguments})")
            }
        }
    }

    fn document(&mut self) -> String {
        let end = if self.latex { " \\\\\n" } else { ";\n" };
        let mut text = String::new();
        let first = self.random.below(5);
        let count = 1 + self.random.below(4);
        for at in first..first + count {
            let depth = self.random.below(4);
            let base = ["z", "r", "c", "h", "o", "S", "n"][at % 7];
            let (target, value) = (self.name(base, 0), self.expression(depth, at));
            text.push_str(&format!("{target} = {value}{end}"));
        }
        // Something to carry on.
        if self.random.below(3) > 0 {
            let base = ["h", "c", "S"][self.random.below(3)];
            let (now, before, depth) = (self.name(base, 0), self.name(base, 1), self.random.below(3));
            let value = self.expression(depth, first);
            let sign = ["+", "-", "*"][self.random.below(3)];
            text.push_str(&format!("{now} = {before} {sign} {value}{end}"));
        }
        if self.random.once_in(6) {
            let extra = ["f(u) = u + u", "A = W - U", "h_0 = 0", "h_0 = b", "alpha = 0.5", "b = 1/3"];
            text.push_str(&format!("{}{end}", self.random.word(&extra)));
        }
        if !self.latex && self.random.once_in(6) {
            let extra = [
                "where W: frozen",
                "where y_t: output",
                "where c_t: output",
                "where b: [h]",
                "where alpha: scalar",
            ];
            text.push_str(self.random.word(&extra));
        }
        text
    }
}

/// The nearest place at or before `at` where a text may be cut.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A text of the corpus: all of it where it is short, else mostly some lines.
fn some_text(corpus: &Corpus, random: &mut Random) -> (String, Syntax) {
    let chosen = random.pick(&corpus.texts);
    let text = &chosen.text;
    if text.len() <= LONGEST || random.once_in(200) {
        return (text.clone(), chosen.syntax);
    }
    let from = boundary(text, random.below(text.len()));
    let from = text[..from].rfind('\n').map_or(0, |line| line + 1);
    let to = boundary(text, from + 40 + random.below(LONGEST));
    let mut part = text[from..to].to_owned();
    // What was cut out of display mathematics is display mathematics.
    if chosen.syntax == Syntax::Markdown && !part.contains("$$") && text.contains("$$") {
        part = format!("$$\n{part}\n$$");
    }
    (part, chosen.syntax)
}

fn some_word<'c>(corpus: &'c Corpus, random: &mut Random) -> &'c str {
    corpus.words[random.below(corpus.words.len())].as_str()
}

/// A word of the tables as it would be written.
fn written(corpus: &Corpus, random: &mut Random, text: &mut String) {
    let word = some_word(corpus, random);
    match random.below(5) {
        0 => text.push_str(word),
        1 => text.push_str(&format!("\\{word}{{")),
        2 => text.push_str(&format!("\\begin{{{word}}}")),
        _ => text.push_str(&format!("\\{word} ")),
    }
}

/// Damages a text in one place.
fn damage(text: &mut String, corpus: &Corpus, random: &mut Random) {
    let from = boundary(text, random.below(text.len() + 1));
    let span = if random.once_in(3) { random.below(40) } else { random.below(4) };
    let to = boundary(text, from + span).max(from);
    match random.below(9) {
        0 => text.replace_range(from..to, random.word(&PIECES)),
        1 => text.insert_str(from, random.word(&PIECES)),
        2 => text.replace_range(from..to, ""),
        3 => {
            let word = some_word(corpus, random).to_owned();
            text.replace_range(from..to, &word);
        }
        4 => {
            let mut word = String::new();
            written(corpus, random, &mut word);
            text.insert_str(from, &word);
        }
        5 => {
            let copy = text[from..to].to_owned();
            text.insert_str(from, &copy);
        }
        6 => text.truncate(from),
        7 => {
            // Two lines change places, or one comes twice.
            let mut lines: Vec<&str> = text.split('\n').collect();
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            if random.once_in(2) {
                lines.swap(a, b)
            } else {
                lines[a] = lines[b]
            }
            *text = lines.join("\n");
        }
        _ => {
            // One character becomes another of the text: names meet other names.
            if let (Some(old), Some(at)) = (text[from..].chars().next(), text.chars().nth(random.below(30))) {
                text.replace_range(from..from + old.len_utf8(), at.encode_utf8(&mut [0; 4]));
            }
        }
    }
}

fn any_syntax(random: &mut Random) -> Syntax {
    *random.pick(&[Syntax::Latex, Syntax::Markdown, Syntax::Text])
}

/// The input of a seed, and the number of its kind.
#[must_use]
pub fn generate(corpus: &Corpus, seed: u64) -> (usize, Input) {
    let random = &mut Random::new(seed);
    let kind = [0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 6, 6][random.below(13)];
    let mut text = String::new();
    let mut spelling = Spelling::Text(any_syntax(random));
    match kind {
        0 => (0..=random.below(40)).for_each(|_| text.push_str(random.word(&PIECES))),
        1 => {
            for _ in 0..=random.below(20) {
                if random.once_in(2) {
                    text.push_str(random.word(&PIECES))
                } else {
                    written(corpus, random, &mut text)
                }
            }
        }
        2 => {
            let (chosen, syntax) = some_text(corpus, random);
            text = chosen;
            for _ in 0..=random.below(4) {
                damage(&mut text, corpus, random);
            }
            if !random.once_in(8) {
                spelling = Spelling::Text(syntax);
            }
        }
        3 => {
            let ((left, syntax), (right, _)) = (some_text(corpus, random), some_text(corpus, random));
            text.push_str(&left[..boundary(&left, random.below(left.len() + 1))]);
            text.push_str(&right[boundary(&right, random.below(right.len() + 1))..]);
            spelling = Spelling::Text(syntax);
        }
        4 => {
            let narrow = random.once_in(2);
            let byte = |random: &mut Random| random.below(if narrow { 128 } else { 256 }) as u8;
            let bytes: Vec<u8> = (0..random.below(80)).map(|_| byte(random)).collect();
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        _ => {
            let latex = kind == 5 && random.once_in(2);
            text = Equations { random, latex }.document();
            spelling = Spelling::Text(if latex { Syntax::Latex } else { Syntax::Text });
            if kind == 6 {
                spelling = Spelling::Tokens;
                for _ in 0..random.below(3) {
                    damage(&mut text, corpus, random);
                }
            } else if random.once_in(6) {
                damage(&mut text, corpus, random);
            }
        }
    }
    let section = *random.pick(&[None, None, None, None, None, None, Some("A"), Some("3.1")]);
    let cycle = *random.pick(&[CyclePolicy::Reject, CyclePolicy::Previous, CyclePolicy::FixedPoint]);
    let some = |random: &mut Random, names: &[&str]| -> Vec<String> {
        if random.once_in(8) { vec![random.word(names).to_owned()] } else { Vec::new() }
    };
    let outputs = some(random, &["h", "c", "y", "x", "W", "nothing", ""]);
    let frozen = some(random, &["W", "U", "b", "h", "nothing", ""]);
    let sizes = std::array::from_fn(|_| [1, 2, 3, 4, 6, 8, 17][random.below(7)]);
    (kind, Input { text, spelling, section, options: Options { cycle, outputs, frozen }, sizes })
}
