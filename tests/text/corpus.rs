//! What inputs are made of: every equation text of the repository, and every word that the front end knows.
//!
//! Words are the string literals of the front end's own source, so a command that is added to a table is tried from
//! that day on. Texts are the golden files, the zoo, the sets of real writing, the documents and every literal with an
//! equation in the tests of the language.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gatewright_compiler::source::Syntax;
use proc_macro2::{TokenStream, TokenTree};

/// A text and how it is spelled.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Its spelling.
    pub syntax: Syntax,
}

/// All that inputs are made of.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Whole texts.
    pub texts: Vec<Text>,
    /// Commands and words, as written in text.
    pub words: Vec<String>,
}

/// Folders of texts, from the root of the repository.
const FOLDERS: [&str; 6] =
    ["tests/golden", "tests/wild", "tests/wild/more", "tests/documents", "tests/equations", "runtime/zoo"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of a folder and below, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The string literals of a Rust source.
fn literals(source: &str) -> Vec<String> {
    let Ok(tokens) = source.parse::<TokenStream>() else { return Vec::new() };
    let mut waiting: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    while let Some(tree) = waiting.pop() {
        match tree {
            TokenTree::Group(group) => waiting.extend(group.stream()),
            TokenTree::Literal(literal) => found.extend(unquoted(&literal.to_string())),
            _ => {}
        }
    }
    found
}

/// What a string literal means.
fn unquoted(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let quoted = raw.trim_matches('#');
        return Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let inside = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut rest = inside.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            text.push(next);
            continue;
        }
        match rest.next()? {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            '0' => text.push('\0'),
            'u' => {
                let digits: String = rest.by_ref().skip(1).take_while(|&digit| digit != '}').collect();
                text.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            // The line goes on behind the blanks of the next.
            '\n' => {
                let skipped = rest.as_str().trim_start();
                rest = skipped.chars();
            }
            other => text.push(other),
        }
    }
    Some(text)
}

fn spelling(text: &str) -> Syntax {
    if text.contains("$$") || text.contains("```") {
        Syntax::Markdown
    } else if text.contains('\\') {
        Syntax::Latex
    } else {
        Syntax::Text
    }
}

/// Collects everything.
///
/// # Panics
///
/// Where so little is found that the tests would test nothing.
#[must_use]
pub fn collect() -> Corpus {
    let mut texts = Vec::new();
    for folder in FOLDERS {
        for path in files(&root().join(folder)) {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
            if let (Some(syntax), Ok(text)) = (Syntax::from_extension(extension), fs::read_to_string(&path)) {
                texts.push(Text { text, syntax });
            }
        }
    }
    assert!(texts.len() > 200, "only {} texts were found", texts.len());
    for path in files(&root().join("compiler/tests/language")) {
        for text in literals(&fs::read_to_string(path).unwrap_or_default()) {
            if text.contains('=') && text.contains('_') {
                let syntax = spelling(&text);
                texts.push(Text { text, syntax });
            }
        }
    }
    assert!(texts.len() > 500, "only {} texts with those of the language", texts.len());
    let mut words = BTreeSet::new();
    for path in files(&root().join("compiler/src/source")) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if matches!(name, "tests.rs" | "hostile.rs") {
            continue;
        }
        for word in literals(&fs::read_to_string(&path).unwrap_or_default()) {
            if !word.is_empty() && word.len() <= 24 && !word.contains(' ') {
                words.insert(word);
            }
        }
    }
    assert!(words.len() > 300, "only {} words were found", words.len());
    Corpus { texts, words: words.into_iter().collect() }
}
