//! Input that nobody means well: nothing panics, every place lies in the source, and what it costs is measured
//! beside the other tests of texts.

use super::{Parsed, Syntax, parse, print_latex, print_text};
use crate::limits::{MAXIMUM_NESTING, MAXIMUM_SOURCE_BYTES};

/// A small generator (xorshift), so that a failure can be repeated from its number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn pick<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }
}

#[rustfmt::skip]
const PIECES: [&str; 112] = [
    "h_t", "h_{t-1}", "x_t", "W", "U_{hh}", "b", "=", "=", "=", " + ", " - ", "\\odot ", " \\cdot ", "*", "/", "(", ")",
    "[", "]", "{", "}", "\\{", "\\}", "\\left(", "\\right)", "\\sigma(", "\\tanh ", "\\tanh(", "tanh", "softmax", "\\frac{a}{b}", "\\frac",
    "^", "_", "^{2}", "^\\top", "^T", "^{(t)}", "^{<t-1>}", "^{t-1}", "_{t+1}", "'", "\\tilde{c}_t", "\\tilde", "\\hat h", "\\mathbf{W}",
    "\\mathcal{X}", "\\mathrm{hh}", "\\text{forget gate}", "\\text{", "\\operatorname{hard sigmoid}", "\\\\", "\\\\[2pt]", "&", "&&", "&amp;", "\\quad ",
    "\n", "\n\n", ";", ",", ".", ":", ":=", "\\in \\mathbb{R}^{n \\times d}", "\\in", "\\mathbb{R}", "$$", "$", "\\[", "\\]", "\\(", "\\)",
    "\\begin{aligned}", "\\end{aligned}", "\\begin{bmatrix}", "\\end{bmatrix}", "\\begin{cases}", "\\end{cases}", "\\begin{array}{ll}",
    "\\end{array}", "```", "```math\n", "# A\n", "## 3.1 B\n", ".. math::\n", "    ", "<math>", "</math>", "<sub>", "</sub>", "\\sum_{j=1}^n",
    "|", "\\|", "\\underbrace{", "\\langle ", "\\rangle ", "σ", "⊙", "h̃", "ẑ", "hₜ₋₁", "ᵀ", "隐", "1", "0.5", "12", "1e-5", "e^{x}", "where w: [h]",
    "\\unknown", "%",
];

/// Checks what must hold whatever the text.
fn verify(source: &str, parsed: &Parsed, number: usize) {
    let length = u32::try_from(source.len()).expect("short");
    let spans = parsed
        .diagnostics
        .iter()
        .flat_map(|found| std::iter::once(found.span).chain(found.labels.iter().map(|label| label.0)))
        .chain(parsed.document.statements.iter().map(|statement| statement.span));
    for span in spans {
        assert!(span.start <= span.end && span.end <= length, "{number}: {span:?} of {length} in {source:?}");
        assert!(
            source.is_char_boundary(span.start as usize) && source.is_char_boundary(span.end as usize),
            "{number}: {span:?} in {source:?}"
        );
    }
    for found in &parsed.diagnostics {
        assert!(!found.message.is_empty());
        assert!(
            !found.span.is_empty() || found.span.start == 0 || found.span.end == length,
            "{number}: {found:?} in {source:?}"
        );
    }
}

/// Without errors, what was read prints, and what is printed reads back as the same text.
fn verify_round_trip(parsed: &Parsed, number: usize, source: &str) {
    let text = print_text(&parsed.document);
    let latex = print_latex(&parsed.document);
    let errors = |parsed: &Parsed| parsed.diagnostics.iter().filter(|found| found.is_error()).count();
    if errors(parsed) > 0 || parsed.document.statements.is_empty() {
        return;
    }
    let again = parse(&latex, Syntax::Latex, None);
    assert_eq!(errors(&again), 0, "{number}: {source:?} gave {latex} and {:?}", again.diagnostics);
    assert_eq!(print_text(&again.document), text, "{number}: {source:?} gave {latex}");
}

#[test]
fn soup() {
    let golden: Vec<String> = super::tests::golden_files()
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("readable"))
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..20_000 {
        let mut source = String::new();
        match random.below(4) {
            0 => {
                for _ in 0..=random.below(40) {
                    source.push_str(random.pick(&PIECES));
                }
            }
            1 => {
                let file = &golden[random.below(golden.len())];
                let end = random.below(file.len());
                source.push_str(file.get(..end).unwrap_or(""));
            }
            2 => {
                let file = &golden[random.below(golden.len())];
                source.push_str(file);
                for _ in 0..=random.below(4) {
                    let at = random.below(source.len());
                    let to = (at + random.below(6)).min(source.len());
                    if source.is_char_boundary(at) && source.is_char_boundary(to) {
                        source.replace_range(at..to, random.pick(&PIECES));
                    }
                }
            }
            _ => {
                let bytes: Vec<u8> =
                    (0..random.below(60)).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
                source.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let syntax = [Syntax::Latex, Syntax::Markdown, Syntax::Text][random.below(3)];
        let section = [None, None, None, Some("A"), Some("3.1")][random.below(5)];
        let parsed = parse(&source, syntax, section);
        verify(&source, &parsed, number);
        verify_round_trip(&parsed, number, &source);
    }
}

#[test]
fn long_repetitions() {
    for piece in PIECES.iter().chain(&[
        "h_t = x_t\n",
        "h_t = ((",
        "a = b  c\n",
        "\\text{\\text{",
        "h_t = \\tanh\\tanh ",
        "x_t + ",
        "x_",
        "^{",
    ]) {
        let source = piece.repeat(3000 / piece.len());
        for syntax in [Syntax::Latex, Syntax::Markdown, Syntax::Text] {
            let parsed = parse(&source, syntax, None);
            verify(&source, &parsed, 0);
            let _ = print_text(&parsed.document);
        }
    }
}

#[test]
fn limits() {
    let codes = |source: &str, syntax: Syntax| -> Vec<&'static str> {
        parse(source, syntax, None).diagnostics.iter().map(|found| found.code.as_str()).collect()
    };
    let nested = |depth: usize| format!("h_t = {}x_t{}", "(".repeat(depth), ")".repeat(depth));
    assert!(codes(&nested(MAXIMUM_NESTING), Syntax::Latex).is_empty());
    let fractions = |depth: usize| format!("h_t = {}x_t{}", "\\frac{1}{".repeat(depth), "}".repeat(depth));
    assert!(codes(&fractions(MAXIMUM_NESTING), Syntax::Latex).is_empty());
    assert_eq!(codes(&fractions(MAXIMUM_NESTING + 1), Syntax::Latex), ["GW0552"]);
    let powers = |depth: usize| format!("h_t = {}x_t{}", "x_t^{1 + ".repeat(depth), "}".repeat(depth));
    assert!(codes(&powers(MAXIMUM_NESTING), Syntax::Latex).is_empty());
    let calls = |depth: usize| format!("h_t = {}x_t", "\\tanh ".repeat(depth));
    assert!(codes(&calls(MAXIMUM_NESTING), Syntax::Latex).is_empty());
    assert_eq!(codes(&calls(MAXIMUM_NESTING + 1), Syntax::Latex), ["GW0552"]);
    assert_eq!(codes(&nested(MAXIMUM_NESTING + 1), Syntax::Latex), ["GW0552"]);
    assert_eq!(codes(&nested(100_000), Syntax::Text), ["GW0552"]);
    assert_eq!(codes(&format!("h_t = {}x_t", "-".repeat(5000)), Syntax::Text), ["GW0004"]);
    assert_eq!(codes(&format!("h_t = x_t{}", " + x_t".repeat(5000)), Syntax::Text), ["GW0553"]);
    assert_eq!(codes(&format!("h_t = x_t{}", " x_t".repeat(5000)), Syntax::Text), ["GW0553"]);
    assert_eq!(codes(&format!("h_{{{}}} = x_t", "a".repeat(300)), Syntax::Text), ["GW0554"]);
    assert_eq!(codes(&" ".repeat(MAXIMUM_SOURCE_BYTES + 1), Syntax::Text), ["GW0551"]);
    assert_eq!(codes(&"h_t = x_t\n".repeat(5), Syntax::Text), [""; 0]);
    let many: String = (0..5000).map(|number| format!("h{number}_t = x_t\n")).collect();
    assert_eq!(codes(&many, Syntax::Text), ["GW0501"]);
    assert_eq!(codes("", Syntax::Markdown), ["GW0008"]);
}
