//! Text or tokens to syntax tree. What the texts mean is said in `LANGUAGE.md` ([`crate::language`]).
//!
//! `find` cuts the mathematics out of a document and `choose` says what of it is the cell; `latex`, `text` and
//! `rust_tokens` turn that into one alphabet of tokens, `rewrite` names what only neighbours tell, `convention` settles
//! what the whole document says about time, `statement` cuts tokens into equations, and `pratt` with `script` parses each.
//! `needed` judges what was skipped, once all is read; `explanation` reads what the text around the equations declares.
//! `print` goes back.
//!
//! # Invariants
//!
//! - Nothing fails at the first error: every equation is parsed on its own, and findings are data.
//! - Every span lies inside the source, on character boundaries.

mod alternative;
pub mod ast;
mod chain;
mod choose;
mod clause;
mod command;
mod component;
mod convention;
mod declaration;
mod difference;
mod domain;
mod explanation;
mod factor;
mod find;
mod formula;
mod indicator;
mod inline;
mod latex;
mod letters;
mod lines;
mod name;
mod needed;
mod normal;
mod pratt;
pub mod print;
mod remark;
mod rewrite;
mod row;
#[cfg(feature = "tokens")]
mod rust_tokens;
mod script;
mod section;
mod sequence;
mod spoken;
mod stack;
mod statement;
mod table;
mod text;
mod token;
mod unit;
mod upright;
mod writer;

pub use formula::{Formula, formulas};
pub(crate) use inline::references;
pub(crate) use name::{
    argument_counts, counted, distance, function_name, is_greek_word, nearest, nearest_function,
};
#[cfg(feature = "tokens")]
pub use rust_tokens::TokenSpans;

use ast::{Document, Statement};
use convention::Convention;
use find::{Block, Place, Spelling};
use rewrite::{
    beginnings, label_brackets, match_intervals, name_arguments, name_arrows, open_braces, ring_signs,
};
use sequence::Sequence;
use token::{Token, TokenKind};
use writer::Writer;

use crate::diagnostic::{Code, Diagnostic, advise};
use crate::limits::{MAXIMUM_DEFINITIONS, MAXIMUM_DIAGNOSTICS, MAXIMUM_SOURCE_BYTES};
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
            "md" | "markdown" | "rst" | "txt" => Self::Markdown,
            "cell" => Self::Text,
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
    if text.len() > MAXIMUM_SOURCE_BYTES {
        let message = format!(
            "the source has {} bytes, more than {MAXIMUM_SOURCE_BYTES} (MAXIMUM_SOURCE_BYTES)",
            text.len()
        );
        let diagnostic = finding(Code::SourceTooLong, message, Span::new(0, 0));
        return Parsed { document: Document::default(), diagnostics: vec![diagnostic] };
    }
    let mut found = find::find(text, syntax);
    let chosen = match section {
        None => std::iter::once(0..text.len()).collect(),
        Some(section) => match section::choose(&found, section) {
            Ok(chosen) => chosen,
            Err(diagnostic) => {
                return Parsed { document: Document::default(), diagnostics: vec![diagnostic] };
            }
        },
    };
    found.blocks.retain(|block| chosen.iter().any(|range| range.contains(&block.range.start)));
    let blocks = choose::choose(text, syntax, &found, &chosen);
    let mut reading = read(text, &blocks);
    if syntax != Syntax::Text {
        reading = spoken::bind(text, &found, &blocks, reading);
        inline::mark_outputs(text, &blocks, &found, &mut reading.statements);
    }
    let Reading { mut statements, lost, mut diagnostics, .. } = reading;
    needed::skip_differential(&statements, &found, &mut diagnostics);
    needed::skip_gradients(&statements, &lost, &mut diagnostics);
    section::merge(&mut statements, &found, &mut diagnostics);
    if !diagnostics.iter().any(|found| found.code == Code::SectionsDiffer) {
        alternative::check(text, &mut statements, &found, &mut diagnostics);
    }
    let mut explanations = Vec::new();
    let failed = diagnostics.iter().any(|found| found.is_error());
    if syntax != Syntax::Text && !failed {
        let places = (&found, chosen.as_slice(), blocks.as_slice());
        let convention = conventions(text, &blocks);
        explanations = explanation::find(text, places, &statements, &convention, &mut diagnostics);
    }
    if syntax != Syntax::Text {
        remark::remark(text, &found, &blocks, &statements, &mut diagnostics);
    }
    let mut parsed = finish(statements, lost, diagnostics);
    parsed.document.explanations = explanations;
    parsed
}

/// What was read of some blocks.
struct Reading {
    statements: Vec<Statement>,
    /// Left sides of equations that could not be read.
    lost: Vec<ast::Reference>,
    diagnostics: Vec<Diagnostic>,
    /// `\sigma` is defined as another function than the logistic one.
    own_sigma: bool,
    /// `\sigma` is defined as the logistic function.
    known_sigma: bool,
    /// Known functions that are defined as others.
    anew: Vec<ast::Function>,
}

/// Parses the equations of a token stream. Spans count Rust tokens; the table leads to the compiler's places.
#[cfg(feature = "tokens")]
#[must_use]
pub fn parse_tokens(tokens: proc_macro2::TokenStream) -> (Parsed, TokenSpans) {
    let mut writer = Writer::default();
    let spans = rust_tokens::lex(tokens, &mut writer);
    let lexed = [beginnings(writer.tokens)];
    let block = Block { range: 0..0, outer: 0..0, spelling: Spelling::Text, place: Place::Cell };
    let convention = settle(&[block], &lexed);
    let [tokens] = &lexed;
    let mut reader = statement::Reader::new(&convention, true);
    reader.read(tokens);
    let mut diagnostics = writer.diagnostics;
    diagnostics.append(&mut reader.diagnostics);
    chain::report_announced(reader.announced, &reader.statements, &mut diagnostics);
    chain::define(reader.implied, &mut reader.statements, &mut diagnostics);
    (finish(reader.statements, reader.lost, diagnostics), spans)
}

fn finding(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic { code, message: message.into(), span, labels: Vec::new(), help: None }
}

/// What blocks of `source` settle together before a single equation is read.
fn conventions(source: &str, blocks: &[Block]) -> Convention {
    let style = text_style(source, blocks);
    let lexed = lex(source, blocks, style).0;
    Convention { style, ..settle(blocks, &lexed) }
}

/// The conventions of lexed blocks.
fn settle(blocks: &[Block], lexed: &[Vec<Token>]) -> Convention {
    let convention = convention::observe(lexed);
    // Few texts define it: only then all is read to see as what. What says that it is known is believed.
    let own_sigma = defines_sigma(lexed) && {
        let reading = parse_blocks(blocks, lexed, &convention, Vec::new());
        reading.own_sigma && !reading.known_sigma
    };
    Convention { own_sigma, ..convention }
}

/// True where `\sigma` stands on a left side.
fn defines_sigma(blocks: &[Vec<Token>]) -> bool {
    blocks.iter().any(|tokens| {
        let (sequence, _) = Sequence::new(tokens);
        (0..tokens.len()).any(|index| {
            matches!(sequence.kind(index), Some(TokenKind::Function(_, spelled)) if spelled == "sigma")
                && sequence.begins_left_side(index)
        })
    })
}

/// How names in plain text are read, seen over all blocks.
fn text_style(source: &str, blocks: &[Block]) -> text::TextStyle {
    let texts = || {
        blocks
            .iter()
            .filter(|block| block.spelling == Spelling::Text)
            .filter_map(|block| source.get(block.range.clone()))
    };
    // What one block defines another one may read.
    let joined = || texts().collect::<Vec<_>>().join("\n");
    let cell = blocks.iter().any(|block| block.place == Place::Cell);
    text::TextStyle {
        suffix_time: texts().any(lines::has_suffix_time) && !texts().any(lines::has_written_time),
        glued_weights: !cell && texts().any(lines::has_written_time) && lines::has_glued_weights(&joined()),
    }
}

/// Lexes and parses blocks of `source` as one cell.
fn read(source: &str, blocks: &[Block]) -> Reading {
    let (lexed, diagnostics) = lex(source, blocks, text_style(source, blocks));
    parse_blocks(blocks, &lexed, &settle(blocks, &lexed), diagnostics)
}

/// As [`read`], with these conventions.
fn read_with(source: &str, blocks: &[Block], convention: &Convention) -> Reading {
    let (lexed, diagnostics) = lex(source, blocks, convention.style);
    parse_blocks(blocks, &lexed, convention, diagnostics)
}

/// Reads one block as part of a document with these conventions.
fn read_one(source: &str, block: &Block, convention: &Convention) -> Reading {
    read_with(source, std::slice::from_ref(block), convention)
}

/// The tokens of each block.
fn lex(source: &str, blocks: &[Block], style: text::TextStyle) -> (Vec<Vec<Token>>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut lexed = Vec::with_capacity(blocks.len());
    let mut uprights = Vec::new();
    for block in blocks {
        // One list for all blocks: advice that is dear to find is given to its first entries only.
        let mut writer = Writer::after(std::mem::take(&mut diagnostics));
        let text = source.get(block.range.clone()).unwrap_or("");
        let start = block.range.start;
        match block.spelling {
            // Without delimiters, a comment or a text: labels and remarks stand beside the equations.
            Spelling::Latex if block.place == Place::Whole => {
                let doubled = latex::is_doubled(text);
                let mut end = start;
                for line in lines::equations(text) {
                    if !writer.tokens.is_empty() {
                        writer.push(TokenKind::Newline, text::place(0, end, end));
                    }
                    latex::lex(&text[line.clone()], start + line.start, doubled, &mut writer);
                    end = start + line.end;
                }
                name_arrows(&mut writer.tokens);
            }
            Spelling::Latex => {
                latex::lex(text, start, latex::is_doubled(text), &mut writer);
                name_arrows(&mut writer.tokens);
            }
            Spelling::Text if let Some(line) = lines::program(text) => {
                let place = text::place(0, start + line.start, start + line.end);
                writer.diagnostics.push(Diagnostic {
                    help: Some(
                        "write the equations that it computes, as in `h_t = tanh(W x_t + U h_{t-1})`"
                            .to_owned(),
                    ),
                    ..finding(Code::UnexpectedToken, "this is program code, no equation", place)
                });
            }
            Spelling::Text => {
                let mut end = start;
                for line in lines::equations(text) {
                    if !writer.tokens.is_empty() {
                        writer.push(TokenKind::Newline, text::place(0, end, end));
                    }
                    text::lex(&text[line.clone()], start + line.start, style, &mut writer);
                    end = start + line.end;
                }
            }
        }
        if block.spelling == Spelling::Text && block.place != Place::Cell {
            ring_signs(&mut writer.tokens);
        }
        name_arguments(&mut writer.tokens);
        match_intervals(&mut writer.tokens);
        diagnostics = writer.diagnostics;
        uprights.append(&mut writer.uprights);
        lexed.push(beginnings(label_brackets(open_braces(writer.tokens))));
    }
    upright::settle(&mut lexed, &uprights, &mut diagnostics);
    component::rewrite(&mut lexed);
    difference::join(&mut lexed);
    (lexed, diagnostics)
}

/// Parses lexed blocks; `diagnostics` are those of the lexers.
fn parse_blocks(
    blocks: &[Block],
    lexed: &[Vec<Token>],
    convention: &Convention,
    mut diagnostics: Vec<Diagnostic>,
) -> Reading {
    let mut statements = Vec::new();
    let mut lost = Vec::new();
    let mut general = Vec::new();
    let mut samples = Vec::new();
    let mut signatures = Vec::new();
    let mut implied = Vec::new();
    let mut announced = Vec::new();
    let mut losses = Vec::new();
    let (mut own_sigma, mut known_sigma, mut anew) = (false, false, Vec::new());
    let mut runs = Vec::new();
    for (block, tokens) in blocks.iter().zip(lexed) {
        let mut reader = statement::Reader::new(convention, block.spelling == Spelling::Text);
        reader.read(tokens);
        statements.append(&mut reader.statements);
        lost.append(&mut reader.lost);
        let skipped = reader.skipped;
        if !skipped.is_empty() {
            diagnostics.retain(|found: &Diagnostic| {
                !skipped.iter().any(|span| span.start <= found.span.start && found.span.end <= span.end)
            });
        }
        diagnostics.append(&mut reader.diagnostics);
        general.append(&mut reader.general);
        samples.append(&mut reader.samples);
        signatures.append(&mut reader.signatures);
        implied.append(&mut reader.implied);
        announced.append(&mut reader.announced);
        losses.append(&mut reader.losses);
        own_sigma |= reader.own_sigma;
        known_sigma |= reader.known_sigma;
        anew.append(&mut reader.anew);
        runs.append(&mut reader.letters);
    }
    // Each reads all statements, and later ones are not even reported.
    for run in runs.iter().take(MAXIMUM_DIAGNOSTICS) {
        letters::join(run, &mut statements);
    }
    chain::report_announced(announced, &statements, &mut diagnostics);
    chain::define(implied, &mut statements, &mut diagnostics);
    needed::skip_general_forms(&general, &statements, &mut diagnostics);
    needed::report_samples(&samples, &statements, &mut diagnostics);
    needed::note_ties(&samples, &statements, &mut diagnostics);
    needed::report_signatures(&signatures, &statements, &mut diagnostics);
    needed::report_losses(losses, &statements, &mut diagnostics);
    let announced = |name: &ast::Reference| general.iter().any(|(known, _)| *known == name.name.canonical);
    lost.retain(|name| !announced(name) || !needed::defines(&statements, &name.name.canonical));
    if convention.own_sigma
        && let Some(own) = statements.iter().find(|statement| inline::binds_sigma(statement))
    {
        let message = "`sigma` is this function here, not the logistic one";
        diagnostics.push(finding(Code::OwnSigma, message, own.span));
    }
    if convention.layer.is_some()
        && let Some(first) = statements.first()
    {
        let message = "layers are counted by a superscript: one layer is compiled; stack it";
        diagnostics.push(finding(Code::OneLayer, message, first.span));
    }
    if let Some((name, place)) = &convention.mixed {
        let message = format!("the time of `{name}` stands above it and elsewhere below: one value");
        diagnostics.push(finding(Code::TwoNotations, message, *place));
    }
    if let (Some(component), Some(first)) = (&convention.component, statements.first()) {
        let message =
            format!("`{component}` counts components: the equations are read for all of them at once");
        diagnostics.push(finding(Code::SkippedRow, message, first.span));
    }
    let statements = needed::without_losses(statements, &mut diagnostics);
    let mut statements = needed::without_readouts(statements, &mut diagnostics);
    statements.shrink_to_fit();
    Reading { statements, lost, diagnostics, own_sigma, known_sigma, anew }
}

/// Orders the findings, and adds the one that nothing was found.
fn finish(
    mut statements: Vec<Statement>,
    mut lost: Vec<ast::Reference>,
    mut diagnostics: Vec<Diagnostic>,
) -> Parsed {
    lost.truncate(MAXIMUM_DEFINITIONS);
    let errors = diagnostics.iter().any(|diagnostic| diagnostic.is_error());
    if !errors {
        // What was only skipped is no loss.
        lost.clear();
    }
    if statements.is_empty() && !errors {
        diagnostics.push(finding(Code::NoEquations, "the text holds no equation", Span::new(0, 0)));
    }
    if let Some(statement) = statements.get(MAXIMUM_DEFINITIONS) {
        let message = format!(
            "there are {} statements, more than {MAXIMUM_DEFINITIONS} (MAXIMUM_DEFINITIONS)",
            statements.len()
        );
        diagnostics.push(finding(Code::TooManyDefinitions, message, statement.span));
        statements.truncate(MAXIMUM_DEFINITIONS);
    }
    advise(&mut diagnostics);
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    limit(&mut diagnostics);
    Parsed { document: Document { statements, lost, ..Document::default() }, diagnostics }
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
pub fn print_latex(document: &Document) -> String {
    print::latex::document(document)
}

/// The document as plain text, one line per statement.
#[must_use]
pub fn print_text(document: &Document) -> String {
    print::text::document(document)
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
