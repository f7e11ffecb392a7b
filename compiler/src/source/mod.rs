//! Text or tokens to syntax tree.
//!
//! `find` cuts the mathematics out of a document, `latex`, `text` and `rust_tokens` turn it into one alphabet of
//! tokens, `convention` settles what the whole document says about time, `statement` cuts tokens into equations, and
//! `pratt` with `script` parses each. `print` goes back.
//!
//! # Invariants
//!
//! - Nothing fails at the first error: every equation is parsed on its own, and findings are data.
//! - Every span lies inside the source, on character boundaries.

pub mod ast;
mod convention;
mod find;
mod latex;
mod name;
mod pratt;
pub mod print;
#[cfg(feature = "tokens")]
mod rust_tokens;
mod script;
mod sequence;
mod statement;
mod text;
mod token;
mod writer;

#[cfg(feature = "tokens")]
pub use rust_tokens::TokenSpans;

use ast::{Document, Statement};
use find::{Block, Spelling};
use writer::Writer;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::limits::{MAXIMUM_DIAGNOSTICS, MAXIMUM_SOURCE_BYTES};
use crate::span::Span;

/// How a source is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// LaTeX, with or without text around the mathematics.
    Latex,
    /// Markdown with LaTeX mathematics.
    Markdown,
    /// Plain text, spelled as in `cell!`.
    Text,
}

impl Syntax {
    /// The syntax of files with this extension (without the point).
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "tex" | "latex" => Self::Latex,
            "md" | "markdown" | "rst" => Self::Markdown,
            "cell" | "txt" => Self::Text,
            _ => return None,
        })
    }
}

/// What parsing gives: a document, as far as it could be read, and what was found on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The statements that could be read.
    pub document: Document,
    /// Errors, warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses the mathematics of `text`, or of its part under the heading `section`.
#[must_use]
pub fn parse(text: &str, syntax: Syntax, section: Option<&str>) -> Parsed {
    let _ = section;
    if text.len() > MAXIMUM_SOURCE_BYTES {
        let message = format!(
            "the source has {} bytes, more than {MAXIMUM_SOURCE_BYTES} (MAXIMUM_SOURCE_BYTES)",
            text.len()
        );
        let diagnostic = finding(Code::SourceTooLong, message, Span::new(0, 0));
        return Parsed { document: Document::default(), diagnostics: vec![diagnostic] };
    }
    let mut blocks = match syntax {
        Syntax::Text => Vec::new(),
        Syntax::Latex | Syntax::Markdown => find::display(text, 0..text.len()),
    };
    if blocks.is_empty() {
        let spelling = if syntax == Syntax::Text { Spelling::Text } else { Spelling::Latex };
        blocks.push(Block { range: 0..text.len(), spelling });
    }
    read(text, &blocks)
}

/// Parses the equations of a token stream. Spans count Rust tokens; the table leads to the compiler's places.
#[cfg(feature = "tokens")]
#[must_use]
pub fn parse_tokens(tokens: proc_macro2::TokenStream) -> (Parsed, TokenSpans) {
    let mut writer = Writer::default();
    let spans = rust_tokens::lex(tokens, &mut writer);
    let lexed = [writer.tokens];
    let convention = convention::observe(&lexed);
    let mut reader = statement::Reader::new(&convention, true);
    let [tokens] = &lexed;
    reader.read(tokens);
    let mut diagnostics = writer.diagnostics;
    diagnostics.append(&mut reader.diagnostics);
    (finish(reader.statements, diagnostics), spans)
}

fn finding(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic { code, message: message.into(), span, labels: Vec::new(), help: None }
}

/// Lexes and parses blocks of `source` as one cell.
fn read(source: &str, blocks: &[Block]) -> Parsed {
    let mut diagnostics = Vec::new();
    let mut lexed = Vec::with_capacity(blocks.len());
    for block in blocks {
        let mut writer = Writer::default();
        let text = source.get(block.range.clone()).unwrap_or("");
        match block.spelling {
            Spelling::Latex => latex::lex(text, block.range.start, false, &mut writer),
            Spelling::Text => {
                text::lex(text, block.range.start, text::TextStyle::default(), &mut writer);
            }
        }
        diagnostics.append(&mut writer.diagnostics);
        lexed.push(writer.tokens);
    }
    let convention = convention::observe(&lexed);
    let mut statements = Vec::new();
    for (block, tokens) in blocks.iter().zip(&lexed) {
        let mut reader = statement::Reader::new(&convention, block.spelling == Spelling::Text);
        reader.read(tokens);
        statements.append(&mut reader.statements);
        diagnostics.append(&mut reader.diagnostics);
    }
    finish(statements, diagnostics)
}

/// Orders the findings, and adds the one that nothing was found.
fn finish(statements: Vec<Statement>, mut diagnostics: Vec<Diagnostic>) -> Parsed {
    let errors = diagnostics.iter().any(|diagnostic| diagnostic.code.severity() == Severity::Error);
    if statements.is_empty() && !errors {
        diagnostics.push(finding(Code::NoEquations, "the text holds no equation", Span::new(0, 0)));
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    limit(&mut diagnostics);
    Parsed { document: Document { statements }, diagnostics }
}

/// Keeps the first findings of each kind and counts the rest.
fn limit(diagnostics: &mut Vec<Diagnostic>) {
    let mut counts: Vec<(Code, usize)> = Vec::new();
    let mut dropped = 0_usize;
    let mut last = Span::default();
    diagnostics.retain(|diagnostic| {
        let position = counts.iter().position(|(code, _)| *code == diagnostic.code).unwrap_or_else(|| {
            counts.push((diagnostic.code, 0));
            counts.len() - 1
        });
        counts[position].1 += 1;
        let kept = counts[position].1 <= MAXIMUM_DIAGNOSTICS;
        if !kept {
            dropped += 1;
            last = diagnostic.span;
        }
        kept
    });
    if dropped > 0 {
        diagnostics.push(finding(
            Code::MoreOfTheKind,
            format!("{dropped} further findings are left out"),
            last,
        ));
    }
}

/// The document as LaTeX, one row per statement.
#[must_use]
pub fn print_text(document: &Document) -> String {
    print::text::document(document)
}

#[cfg(test)]
mod tests;
