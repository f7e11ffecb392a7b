//! `LANGUAGE.md`, the reference of the equation language, run as a test.
//!
//! # Form of the page
//!
//! - `## 4 Functions` opens a section; a paragraph that begins with `**4.3**` is a statement of it. Numbers follow each
//!   other, so that a statement can be cited.
//! - A fenced block under a statement is an example: a text in the spelling that its first word names, `latex`, `text`
//!   (as in a `.cell` file), `markdown` or `tokens` (as in `cell!`). Words behind it are choices of the reader:
//!   `section:`, `cycle:`, `output:`, `frozen:`.
//! - The `outcome` block behind it holds what comes out ([`outcome`]): roles and shapes, what is frozen, notes and
//!   warnings; or errors with their places.
//! - `same` behind the spelling says that the text is the same cell as the last one without it, names included;
//!   `differs` says that it is another one. Neither needs an outcome.
//! - `each` says that every line is a text of its own. Where all lines are one cell, or the same refusal, there is one
//!   outcome; else a line for each.
//! - What no text can show names a test: `` `path/from/the/root.rs::function` `` in the statement.
//!
//! # What is checked
//!
//! Every outcome; that every statement has an example or a test; that every test that is named exists; that the
//! numbers follow each other. `UPDATE_EXPECT=1` writes the outcomes into the page. An outcome that the statement above
//! it does not say is never recorded: either is mended.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gatewright_compiler::diagnostic::{Diagnostic, Severity};
use gatewright_compiler::graph::Sameness;
use gatewright_compiler::passes::{check, read};
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options};
use gatewright_compiler::source::{Parsed, Syntax};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::{graph, roles};

/// What comes of reading a text.
type Reading = Result<Cell, Vec<Diagnostic>>;

/// A block of text with what its fence says of it.
struct Example {
    /// Words of the fence.
    words: Vec<String>,
    text: String,
    /// Where the block stands in the page.
    range: Range<usize>,
    /// The outcome block behind it.
    outcome: Option<(Range<usize>, String)>,
}

/// A numbered statement.
struct Statement {
    number: (usize, usize),
    examples: Vec<Example>,
    /// `path::function`.
    tests: Vec<String>,
}

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("LANGUAGE.md")
}

/// `4.3` of `**4.3** …`.
fn number(paragraph: &str) -> Option<(usize, usize)> {
    let (number, _) = paragraph.strip_prefix("**")?.split_once("**")?;
    let (section, statement) = number.split_once('.')?;
    Some((section.parse().ok()?, statement.parse().ok()?))
}

/// The statements of the page; what does not follow its form is written to `faults`.
fn statements(page: &str, faults: &mut String) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut section = 0;
    let mut heading = false;
    let mut block: Option<(Vec<String>, String)> = None;
    for (event, range) in Parser::new(page).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => heading = true,
            Event::Text(title) if heading => {
                heading = false;
                section += 1;
                if title.split(' ').next() != Some(section.to_string().as_str()) {
                    let _ = writeln!(faults, "`{title}` should be section {section}");
                }
            }
            Event::Start(Tag::Paragraph) => {
                let Some(number) = number(&page[range]) else { continue };
                let before = found.iter().filter(|one| one.number.0 == section).count();
                if number != (section, before + 1) {
                    let _ = writeln!(faults, "{number:?} should be {section}.{}", before + 1);
                }
                found.push(Statement { number, examples: Vec::new(), tests: Vec::new() });
            }
            Event::Code(code) if code.contains(".rs::") => {
                if let Some(statement) = found.last_mut() {
                    statement.tests.push(code.into_string());
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                block = Some((info.split_whitespace().map(str::to_owned).collect(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, block)) = &mut block {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                let Some((words, text)) = block.take() else { continue };
                let Some(statement) = found.last_mut() else { continue };
                if words.first().is_some_and(|word| word == "outcome") {
                    match statement.examples.last_mut() {
                        Some(example) if example.outcome.is_none() => example.outcome = Some((range, text)),
                        _ => writeln!(faults, "{:?}: an outcome of nothing", statement.number)
                            .expect("a string takes all"),
                    }
                } else {
                    statement.examples.push(Example { words, text, range, outcome: None });
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(feature = "tokens")]
fn tokens(text: &str) -> Option<Parsed> {
    Some(gatewright_compiler::source::parse_tokens(text.parse().expect("Rust tokens")).0)
}

/// Without the feature that reads them, nothing can be said of them.
#[cfg(not(feature = "tokens"))]
fn tokens(_: &str) -> Option<Parsed> {
    None
}

/// What becomes of a text that is read as its fence says; nothing where this build cannot read it.
fn reading(words: &[String], text: &str) -> Option<Reading> {
    let mut options = Options::default();
    let mut section = None;
    for word in &words[1..] {
        let names = |list: &str| list.split('+').map(str::to_owned).collect();
        match word.split_once(':') {
            Some(("section", title)) => section = Some(title),
            Some(("cycle", "previous")) => options.cycle = CyclePolicy::Previous,
            Some(("cycle", "fixed-point")) => options.cycle = CyclePolicy::FixedPoint,
            Some(("output", list)) => options.outputs = names(list),
            Some(("frozen", list)) => options.frozen = names(list),
            _ if ["same", "differs", "each"].contains(&word.as_str()) => {}
            _ => panic!("{words:?}: `{word}` is no choice"),
        }
    }
    let syntax = match words[0].as_str() {
        "latex" => Syntax::Latex,
        "markdown" => Syntax::Markdown,
        "text" => Syntax::Text,
        "tokens" => return tokens(text).map(|parsed| check(parsed, &options)),
        other => panic!("`{other}` is no spelling"),
    };
    Some(read(text, syntax, section, &options))
}

/// What comes out, in lines: inputs, outputs, states, parameters and constants with their shapes, then a line for each
/// note and warning; or a line for each error.
fn outcome(text: &str, places: bool, result: &Reading) -> String {
    let mut out = String::new();
    let findings = match result {
        Ok(cell) => {
            let _ = writeln!(out, "{}", roles(cell).trim_end());
            for frozen in cell.parameters.iter().filter(|one| one.frozen) {
                let _ = writeln!(out, "frozen {}", frozen.name);
            }
            &cell.diagnostics
        }
        Err(found) => found,
    };
    for found in findings {
        let severity = found.code.severity();
        if result.is_err() && severity != Severity::Error {
            continue;
        }
        let kind = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let _ = write!(out, "{kind} {} {}", found.code.as_str(), found.code.title());
        let (start, end) = (found.span.start as usize, found.span.end as usize);
        if places && end > start {
            let place: String = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
            let shown: String = place.chars().take(40).collect();
            let rest = if shown.len() < place.len() { "…" } else { "" };
            if text.trim_end().contains('\n') {
                let _ = write!(out, ", line {}", text[..start].matches('\n').count() + 1);
            }
            let _ = write!(out, ": {shown}{rest}");
        }
        out.push('\n');
    }
    out
}

/// True where both are one cell, names included, and the same parameters are learned.
fn is_same(one: &str, first: &Cell, other: &str, second: &Cell) -> bool {
    let frozen = |cell: &Cell| -> Vec<String> {
        cell.parameters.iter().filter(|one| one.frozen).map(|one| one.name.clone()).collect()
    };
    if frozen(first) != frozen(second) {
        return false;
    }
    match graph(one, first).compare(&graph(other, second)) {
        Sameness::Same(names) => names.iter().all(|(from, to)| from == to),
        Sameness::Different => false,
        Sameness::Unknown => panic!("{one}\nand\n{other}\ncannot be compared"),
    }
}

/// The outcome of a block, and the cell of its first text.
fn run(example: &Example) -> Option<(String, Option<Cell>)> {
    let places = example.words[0] != "tokens";
    if !example.words.iter().any(|word| word == "each") {
        let result = reading(&example.words, &example.text)?;
        return Some((outcome(&example.text, places, &result), result.ok()));
    }
    let mut all: Vec<(&str, Reading, String)> = Vec::new();
    for line in example.text.lines() {
        let result = reading(&example.words, line)?;
        let outcome = outcome(line, false, &result);
        all.push((line, result, outcome));
    }
    let (line, first, expected) = all.first().expect("a line");
    let other = |(other, result, _): &(&str, Reading, String)| match (first, result) {
        (Ok(first), Ok(second)) => !is_same(line, first, other, second),
        _ => false,
    };
    let one = all[1..].iter().all(|each| each.2 == *expected && !other(each));
    let mut outcome = expected.clone();
    if !one {
        outcome.clear();
        for each in &all {
            outcome.push_str(&each.2.trim_end().replace('\n', "; "));
            // What looks alike and is not.
            outcome.push_str(if each.2 == *expected && other(each) { "; another cell\n" } else { "\n" });
        }
    }
    Some((outcome, all.swap_remove(0).1.ok()))
}

#[test]
fn every_statement_of_the_reference_holds() {
    let page = std::fs::read_to_string(page_path()).expect("the page");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut faults = String::new();
    // Blocks to be written, in the order of the page.
    let mut written: Vec<(Range<usize>, String)> = Vec::new();
    for statement in statements(&page, &mut faults) {
        let (section, at) = statement.number;
        if statement.examples.is_empty() && statement.tests.is_empty() {
            let _ = writeln!(faults, "{section}.{at} has neither an example nor a test");
        }
        for test in &statement.tests {
            let (path, function) = test.split_once("::").expect("a path and a function");
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            if !text.contains(&format!("fn {function}()")) {
                let _ = writeln!(faults, "{section}.{at}: there is no test `{test}`");
            }
        }
        let mut base: Option<(&Example, Option<Cell>)> = None;
        for example in &statement.examples {
            let Some((found, cell)) = run(example) else { continue };
            let has = |wanted: &str| example.words.iter().any(|word| word == wanted);
            let compared = has("same") || has("differs");
            if compared {
                let one = match (&base, &cell) {
                    (Some((other, Some(first))), Some(second)) => {
                        Some(is_same(&other.text, first, &example.text, second))
                    }
                    _ => None,
                };
                if one != Some(has("same")) {
                    let _ = writeln!(faults, "{section}.{at}: {}\n{found}", example.text);
                }
            } else {
                base = Some((example, cell));
            }
            match &example.outcome {
                Some((_, expected)) if *expected == found => {}
                None if compared => {}
                other => {
                    let _ = writeln!(faults, "{section}.{at}:\n{}gives\n{found}", example.text);
                    let block = format!("```outcome\n{found}```");
                    match other {
                        Some((range, _)) => written.push((range.clone(), block)),
                        None => written.push((example.range.end..example.range.end, format!("\n{block}"))),
                    }
                }
            }
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut page = page;
        for (range, block) in written.into_iter().rev() {
            page.replace_range(range, &block);
        }
        std::fs::write(page_path(), page).expect("the page is written");
        println!("{faults}");
    } else {
        assert!(faults.is_empty(), "{faults}");
    }
}
