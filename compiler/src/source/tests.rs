//! Sources against the syntax tree printed as text; printers against the parser; hostile input.

use std::path::Path;

use expect_test::{Expect, expect, expect_file};

use super::ast::Document;
use super::{Syntax, parse, print_latex, print_text};

/// The tree of `source` as text, then its findings.
fn shown(source: &str, syntax: Syntax, section: Option<&str>) -> String {
    let parsed = parse(source, syntax, section);
    let mut text = print_text(&parsed.document);
    for diagnostic in &parsed.diagnostics {
        let place = source.get(diagnostic.span.start as usize..diagnostic.span.end as usize).unwrap_or("?");
        text.push_str(&format!("{} {} `{place}`\n", diagnostic.code.as_str(), diagnostic.message));
    }
    text
}

fn check(source: &str, syntax: Syntax, expected: &Expect) {
    expected.assert_eq(&shown(source, syntax, None));
}

/// The tree without its places.
fn without_spans(document: &Document) -> String {
    let text = format!("{document:?}");
    let mut kept = String::new();
    for piece in text.split("Span { start: ") {
        kept.push_str(
            piece.split_once('}').map_or(piece, |(_, rest)| if kept.is_empty() { piece } else { rest }),
        );
    }
    kept
}

pub(super) fn golden_files() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the golden files are part of the repository")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tex"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn golden() {
    let mut all = String::new();
    for path in golden_files() {
        let source = std::fs::read_to_string(&path).expect("readable");
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
        all.push_str(&format!("{name}\n{}\n", shown(&source, Syntax::Latex, None)));
    }
    expect_file!["../../../tests/golden/syntax.txt"].assert_eq(&all);
}

#[test]
fn printed_trees_read_back() {
    for path in golden_files() {
        let source = std::fs::read_to_string(&path).expect("readable");
        let first = parse(&source, Syntax::Latex, None).document;
        let latex = print_latex(&first);
        let again = parse(&latex, Syntax::Latex, None);
        assert_eq!(again.diagnostics, [], "{latex}");
        assert_eq!(without_spans(&first), without_spans(&again.document), "{latex}");
        let text = print_text(&first);
        let again = parse(&text, Syntax::Text, None);
        assert_eq!(again.diagnostics, [], "{text}");
        assert_eq!(text, print_text(&again.document).replace("((c_t / n_t))", "(c_t / n_t)"));
    }
}
