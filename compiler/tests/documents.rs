//! Five articles, their equation blocks alone under headings of their own: whole and by section.
//!
//! `UPDATE_EXPECT=1 cargo test -p gatewright-compiler --no-default-features --test documents` writes what is found to
//! `tests/documents/outcomes.txt`.

use std::fmt::Write as _;
use std::path::Path;

use gatewright_compiler::passes::read;
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options, Variable};
use gatewright_compiler::source::Syntax;

/// Writes the cell, or what was found, for one part of a document.
fn describe(text: &str, section: Option<&str>, cycle: CyclePolicy, out: &mut String) {
    let findings = match read(text, Syntax::Markdown, section, &Options { cycle, ..Options::default() }) {
        Ok(cell) => {
            write_cell(&cell, out);
            cell.diagnostics
        }
        Err(findings) => findings,
    };
    for found in findings {
        let line = text[..found.span.start as usize].matches('\n').count() + 1;
        writeln!(out, "  {} line {line}: {}", found.code.as_str(), found.message).expect("a string");
    }
}

fn write_cell(cell: &Cell, out: &mut String) {
    let dimensions = &cell.dimensions;
    let list = |variables: &mut dyn Iterator<Item = &Variable>| {
        variables
            .map(|one| format!("{}{}", one.name, one.shape.describe(dimensions)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let outputs: Vec<&str> = cell.outputs.iter().map(|output| output.name.as_str()).collect();
    writeln!(out, "  inputs {}", list(&mut cell.inputs.iter())).expect("a string");
    writeln!(out, "  states {}", list(&mut cell.states.iter().map(|state| &state.variable)))
        .expect("a string");
    writeln!(out, "  parameters {}", list(&mut cell.parameters.iter())).expect("a string");
    writeln!(out, "  output {}", outputs.join(" ")).expect("a string");
}

#[test]
fn articles_give_their_cells_or_the_reason_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/documents");
    let mut out = String::new();
    for number in 0..5 {
        let text = std::fs::read_to_string(folder.join(format!("{number}.md"))).expect("the equations");
        writeln!(out, "{number}.md").expect("a string");
        describe(&text, None, CyclePolicy::Reject, &mut out);
        let headings =
            text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        for heading in headings {
            writeln!(out, "{number}.md --section \"{heading}\"").expect("a string");
            describe(&text, Some(heading), CyclePolicy::Reject, &mut out);
        }
    }
    let text = std::fs::read_to_string(folder.join("4.md")).expect("the equations");
    writeln!(out, "4.md --section \"LSTM\" --cycle previous").expect("a string");
    describe(&text, Some("LSTM"), CyclePolicy::Previous, &mut out);
    expect_test::expect_file![folder.join("outcomes.txt")].assert_eq(&out);
}

/// The articles speak of their equations in lines full of inline mathematics, lists and code.
#[test]
fn text_around_the_equations_changes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/documents");
    for number in 0..5 {
        let text = std::fs::read_to_string(folder.join(format!("{number}.md"))).expect("the equations");
        let prose = "\nHere $i_t$ is a gate, $W_{xi}$ its weight & $x_t = 3$ an input&emsp;of `shape = 4`.\n\n\
                     ```python\nmodel = Sequential()\nh_t = 7\n```\n\n<img src=\"a.png\"/> ![figure](b.png)\n";
        let mut inside = false;
        let told: String = text
            .lines()
            .map(|line| {
                let closes = line == "$$" && inside;
                inside ^= line == "$$";
                if closes { format!("{line}\n{prose}\n") } else { format!("{line}\n") }
            })
            .collect();
        let summary = |text: &str| match read(text, Syntax::Markdown, None, &Options::default()) {
            Ok(cell) => {
                let mut out = String::new();
                write_cell(&cell, &mut out);
                out
            }
            Err(findings) => findings.iter().map(|found| format!("{}\n", found.message)).collect(),
        };
        assert_eq!(summary(&told), summary(&text), "{number}.md");
    }
}
