//! Documentation of the generated items: equations as MathML and in Unicode, roles, shapes, and all notes.

use gatewright_compiler::diagnostic::Severity;
use gatewright_compiler::resolve::Cell;
use gatewright_compiler::shape::Shape;
use gatewright_compiler::source::ast::Document;
use gatewright_compiler::source::{print, print_latex};

use crate::mathml;
use crate::parse::Equations;

/// Every statement as a line, in Unicode.
pub(crate) fn lines(document: &Document) -> Vec<String> {
    document.statements.iter().map(|statement| unicode(&print::text::statement(statement))).collect()
}

/// The documentation of the cell's type, below what the user wrote.
pub(crate) fn cell(cell: &Cell, equations: &Equations, lines: &[String]) -> String {
    let shape = |shape: &Shape| match shape {
        Shape::Scalar => "scalar".to_owned(),
        shape => format!("`{}`", shape.describe(&cell.dimensions)),
    };
    let mut text = String::new();
    if !equations.documented {
        let latex = print_latex(&equations.parsed.document);
        text.extend(mathml::latex(&latex, true).map(|mathml| format!("{mathml}\n\n")));
    }
    text.push_str(&format!(
        "```text\n{}\n```\n\n| role | name | shape |\n| --- | --- | --- |\n",
        lines.join("\n")
    ));
    let mut row = |role: &str, name: &str, shape: String| {
        text.push_str(&format!("| {role} | `{name}` | {shape} |\n"));
    };
    for input in &cell.inputs {
        row("input", &input.name, shape(&input.shape));
    }
    for state in &cell.states {
        row(
            if state.hidden { "delayed value" } else { "state" },
            &state.variable.name,
            shape(&state.variable.shape),
        );
    }
    for output in &cell.outputs {
        let value = cell.terms.get(output.value.0 as usize);
        row("output", &output.name, value.map_or_else(String::new, |term| shape(&term.shape)));
    }
    for parameter in &cell.parameters {
        row("parameter", &parameter.name, shape(&parameter.shape));
    }
    for (name, value) in &cell.constants {
        row("constant", name, format!("= {value}"));
    }
    let notes = notes(cell, equations);
    if !notes.is_empty() {
        text.push_str("\n# Notes\n\n");
        for note in notes {
            text.push_str(&format!("- {note}\n"));
        }
    }
    text
}

/// Notes and warnings, a line each.
fn notes(cell: &Cell, equations: &Equations) -> Vec<String> {
    let found = equations.parsed.diagnostics.iter().chain(&cell.diagnostics);
    found
        .filter(|diagnostic| !diagnostic.is_error())
        .map(|diagnostic| {
            let severity = if diagnostic.code.severity() == Severity::Warning { "warning: " } else { "" };
            let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!(": {help}"));
            format!("{severity}{}{help} ({})", diagnostic.message, diagnostic.code.as_str()).replace('\\', "")
        })
        .collect()
}

/// `Parameter, [h, x].`
pub(crate) fn what(role: &str, shape: &Shape, dimensions: &[String]) -> String {
    match shape {
        Shape::Scalar => format!("{role}, a scalar."),
        shape => format!("{role}, `{}`.", shape.describe(dimensions)),
    }
}

/// The documentation of a name: what it is, and the equations that have it.
pub(crate) fn name(what: &str, statements: &[usize], lines: &[String]) -> String {
    let mut text = format!("{what}\n\n```text\n");
    for statement in statements {
        if let Some(line) = lines.get(*statement) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str("```");
    text
}

/// Words of the plain spelling by the letter they spell.
const LETTERS: [(&str, &str); 34] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("sigmoid", "σ"),
    ("sigma", "σ"),
    ("tau", "τ"),
    ("upsilon", "υ"),
    ("phi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("Gamma", "Γ"),
    ("Delta", "Δ"),
    ("Theta", "Θ"),
    ("Lambda", "Λ"),
    ("Xi", "Ξ"),
    ("Pi", "Π"),
    ("Sigma", "Σ"),
    ("Phi", "Φ"),
    ("Psi", "Ψ"),
    ("Omega", "Ω"),
];

/// A line of the plain spelling with Greek letters, marks and small time indices: `h̃ₜ = tanh(W_h hₜ₋₁)`.
///
/// For readers only; names keep their labels as they are, since that is how fields are named.
pub(crate) fn unicode(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word > 0 && first.is_ascii_alphabetic() {
            let (name, after) = rest.split_at(word);
            rest = after;
            self::word(name, &mut text);
            // `h_` before `{t-1}`.
            if name.ends_with('_')
                && let Some((index, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
            {
                text.pop();
                text.extend(index.chars().map(small));
                rest = after;
            }
        } else {
            let end = word.max(first.len_utf8());
            let (other, after) = rest.split_at(end);
            rest = after;
            text.push_str(other);
        }
    }
    text
}

fn word(name: &str, text: &mut String) {
    let mut parts = name.split('_').peekable();
    let base = parts.next().unwrap_or("");
    let letter = LETTERS.iter().find(|(word, _)| *word == base);
    text.push_str(letter.map_or(base, |(_, letter)| letter));
    let mut decorating = true;
    while let Some(part) = parts.next() {
        let mark = match part {
            "tilde" => Some('\u{303}'),
            "hat" => Some('\u{302}'),
            "bar" => Some('\u{304}'),
            "dot" => Some('\u{307}'),
            "prime" => Some('′'),
            _ => None,
        };
        match mark.filter(|_| decorating) {
            Some(mark) => text.push(mark),
            None if part == "t" && parts.peek().is_none() => text.push('ₜ'),
            None => {
                decorating = false;
                text.push('_');
                text.push_str(part);
            }
        }
    }
}

/// A character of a time index, below the line.
fn small(character: char) -> char {
    match character {
        't' => 'ₜ',
        '+' => '₊',
        '-' => '₋',
        '0'..='9' => {
            char::from_u32(u32::from('₀') + (u32::from(character) - u32::from('0'))).unwrap_or(character)
        }
        other => other,
    }
}
