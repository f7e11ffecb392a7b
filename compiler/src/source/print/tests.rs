//! What is printed reads back as what was printed: for every document of the repository, and for random equations.

use std::path::{Path, PathBuf};

use super::super::ast::Document;
use super::super::{Syntax, parse, print_latex, print_text};
use crate::diagnostic::Diagnostic;
use crate::resolve::{CyclePolicy, Options, resolve, settle};

/// The tree without its places; `quotients` says that parentheses around quotients are left out too.
fn shape(document: &Document, quotients: bool) -> String {
    let text = format!("{document:?}");
    let mut kept = String::new();
    for (index, piece) in text.split("span: Span { start: ").enumerate() {
        let rest = piece.split_once('}').map_or(piece, |(_, rest)| rest);
        kept.push_str(if index == 0 { piece } else { rest });
    }
    let kept = kept.replace("name_span: Span", "");
    let group = "Group(Expression { kind: Divide(";
    let mut text = kept;
    while let Some(start) = text.find(group).filter(|_| quotients) {
        // The group ends at the parenthesis that closes it.
        let inside = start + "Group(Expression { kind: ".len();
        let mut depth = 0_usize;
        let mut end = inside;
        for (at, next) in text[inside..].char_indices() {
            depth = match next {
                '(' => depth + 1,
                ')' => depth - 1,
                _ => depth,
            };
            if depth == 0 && next == ')' {
                end = inside + at + 1;
                break;
            }
        }
        let close = text[end..].find(')').map_or(text.len(), |at| end + at + 1);
        text = format!("{}{}{}", &text[..start], &text[inside..end], &text[close..]);
    }
    text
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics.iter().filter(|found| found.is_error()).count()
}

/// What is wrong with printing `document`, if anything is.
fn fault(document: &Document) -> Option<String> {
    for (printed, syntax) in [(print_latex(document), Syntax::Latex), (print_text(document), Syntax::Text)] {
        let again = parse(&printed, syntax, None);
        if errors(&again.diagnostics) > 0 {
            return Some(format!("{syntax:?}: {printed}\n{:?}", again.diagnostics));
        }
        let quotients = syntax == Syntax::Text;
        if shape(document, quotients) != shape(&again.document, quotients) {
            return Some(format!("{syntax:?}: {printed}\nread back as\n{}", print_text(&again.document)));
        }
    }
    None
}

#[test]
fn documents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths: Vec<PathBuf> =
        ["tests/golden", "tests/wild", "tests/documents", "runtime/zoo", "examples/equations"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("folders of the repository"))
            .map(|entry| entry.expect("readable").path())
            .collect();
    paths.sort();
    let (mut count, mut faults) = (0, Vec::new());
    for path in paths {
        let Some(syntax) = path.extension().and_then(|name| name.to_str()).and_then(Syntax::from_extension)
        else {
            continue;
        };
        let source = std::fs::read_to_string(&path).expect("readable");
        let parsed = settle(parse(&source, syntax, None), &Options::default());
        if errors(&parsed.diagnostics) > 0 || parsed.document.statements.is_empty() {
            continue;
        }
        count += 1;
        faults.extend(fault(&parsed.document).map(|fault| format!("{}\n{fault}", path.display())));
    }
    assert!(count > 200, "only {count} documents were read");
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n\n"));
}

/// A number generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("small")
    }

    fn pick<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }

    /// An expression as LaTeX, of every kind of node.
    fn expression(&mut self, depth: usize) -> String {
        let leaf = depth == 0 || self.below(5) == 0;
        if leaf {
            return self
                .pick(&[
                    "h_{t-1}",
                    "x_t",
                    "W",
                    "U_{hh}",
                    "b",
                    "\\alpha",
                    "\\tilde{c}_t",
                    "0.5",
                    "2",
                    "z_t",
                    "\\mathcal{W}",
                    "k'_{j,t}",
                    "h_{t-2}",
                    "\\gamma_c",
                    "V^{2}",
                    "u_t^2",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        let part = |random: &mut Self| random.expression(depth);
        let (a, b) = (part(self), part(self));
        match self.below(15) {
            0 => format!("{a} + {b}"),
            1 => format!("{a} - {b}"),
            2 => {
                format!("{a} {} {b}", self.pick(&["\\odot", "\\cdot", "*", "\\times", "/", "@", "\\otimes"]))
            }
            3 | 4 => format!("{a} {b}"),
            5 => format!("\\frac{{{a}}}{{{b}}}"),
            6 => format!("({a} + {b})"),
            7 => format!("[{a}, {b}]"),
            8 => format!("\\{}({a})", self.pick(&["sigma", "tanh", "exp", "sqrt", "sin"])),
            9 => format!("\\max({a}, {b})"),
            10 => format!("-{a}"),
            11 => format!("({a})^{{{}}}", self.pick(&["2", "\\top", "n + 1", "-1"])),
            12 => format!("\\operatorname{{{}}}({a})", self.pick(&["softmax", "hardsigmoid", "LN", "mean"])),
            13 => format!("({a})[{}]", self.pick(&[":n", "n:", "2n:3n", "3:n + m", "0:4 (n + 2)"])),
            _ => format!("{{{a}}} {b}"),
        }
    }
}

#[test]
fn random_equations() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut count, mut cells) = (0, 0);
    for _ in 0..1_500 {
        let rows: Vec<String> = ["h_t", "z_t", "\\tilde{c}_t", "A"][..=random.below(4)]
            .iter()
            .map(|name| format!("{name} = {}", random.expression(4)))
            .collect();
        let source = rows.join(" \\\\ ");
        let parsed = parse(&source, Syntax::Latex, None);
        if errors(&parsed.diagnostics) > 0 || parsed.document.statements.is_empty() {
            continue;
        }
        count += 1;
        if let Some(fault) = fault(&parsed.document) {
            panic!("{source}\n{fault}");
        }
        // What differs in parentheses may not differ in meaning.
        let options = Options { cycle: CyclePolicy::Previous, ..Options::default() };
        let codes = |document: &Document| match resolve(document, &options) {
            Ok(cell) => (true, cell.terms.len()),
            Err(found) => (false, found.len()),
        };
        let meant = codes(&parsed.document);
        let text = print_text(&parsed.document);
        assert_eq!(codes(&parse(&text, Syntax::Text, None).document), meant, "{source}\n{text}");
        cells += usize::from(meant.0);
    }
    assert!(count > 400 && cells > 5, "{count} were read, {cells} are cells");
}
