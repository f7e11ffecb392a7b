//! Text or tokens to syntax tree. What the texts mean is said in `LANGUAGE.md` ([`crate::language`]).
//!
//! `find` cuts the mathematics out of a document, `latex`, `text` and `rust_tokens` turn it into one alphabet of
//! tokens, `convention` settles what the whole document says about time, `statement` cuts tokens into equations, and
//! `pratt` with `script` parses each. `explanation` reads what the text around them declares. `print` goes back.
//!
//! # Invariants
//!
//! - Nothing fails at the first error: every equation is parsed on its own, and findings are data.
//! - Every span lies inside the source, on character boundaries.

mod alternative;
pub mod ast;
mod chain;
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
mod inline;
mod latex;
mod lines;
mod name;
mod normal;
mod pratt;
pub mod print;
mod row;
#[cfg(feature = "tokens")]
mod rust_tokens;
mod script;
mod section;
mod sequence;
mod stack;
mod statement;
mod table;
mod text;
mod token;
mod writer;

pub use formula::{Formula, formulas};
pub(crate) use name::{
    argument_counts, counted, distance, function_name, is_greek_word, nearest, nearest_function,
};
#[cfg(feature = "tokens")]
pub use rust_tokens::TokenSpans;

use std::ops::Range;

use ast::{Document, Statement, StatementKind};
use convention::Convention;
use find::{Block, Found, Place, Spelling};
use token::{Token, TokenKind};
use writer::Writer;

use crate::diagnostic::{Code, Diagnostic, Severity, advise};
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
    let blocks = choose(text, syntax, &found, &chosen);
    let Reading { mut statements, lost, mut diagnostics } = read(text, &blocks);
    skip_differential(&statements, &found, &mut diagnostics);
    section::merge(&mut statements, &found, &mut diagnostics);
    if !diagnostics.iter().any(|found| found.code == Code::SectionsDiffer) {
        alternative::check(text, &mut statements, &found, &mut diagnostics);
    }
    let mut explanations = Vec::new();
    let failed = diagnostics.iter().any(|found| found.code.severity() == Severity::Error);
    if syntax != Syntax::Text && !failed {
        let places = (&found, chosen.as_slice(), blocks.as_slice());
        let convention = conventions(text, &blocks);
        explanations = explanation::find(text, places, &statements, &convention, &mut diagnostics);
    }
    let mut parsed = finish(Reading { statements, lost, diagnostics });
    parsed.document.explanations = explanations;
    parsed
}

/// Where a discrete form stands beside it, under the same heading, a differential equation is an explanation.
fn skip_differential(statements: &[Statement], found: &Found, diagnostics: &mut [Diagnostic]) {
    if !diagnostics.iter().any(|one| one.code == Code::DifferentialEquation) {
        return;
    }
    let heading = |span: Span| found.heading_at(usize::try_from(span.start).unwrap_or(usize::MAX));
    let steps: Vec<Option<usize>> = statements
        .iter()
        .filter(|statement| match &statement.kind {
            StatementKind::Definition { value, .. } => {
                let mut delayed = false;
                inline::references(value, &mut |read| delayed |= read.time.is_some_and(|time| time < 0));
                delayed
            }
            _ => false,
        })
        .map(|statement| heading(statement.span))
        .collect();
    for one in diagnostics.iter_mut().filter(|one| one.code == Code::DifferentialEquation) {
        if steps.contains(&heading(one.span)) {
            one.code = Code::SkippedRow;
            one.message = "this differential equation is skipped: its discrete form is read".to_owned();
            one.help = None;
        } else if let Some(Some(step)) = steps.first()
            && let Some(section) = found.headings.get(*step)
        {
            one.help =
                Some(format!("its discrete form is a cell of its own: `--section \"{}\"`", section.title));
        }
    }
}

/// What was read of some blocks.
struct Reading {
    statements: Vec<Statement>,
    /// Left sides of equations that could not be read.
    lost: Vec<ast::Reference>,
    diagnostics: Vec<Diagnostic>,
}

/// How often inline definitions are looked for that the ones found before need.
const MAXIMUM_ROUNDS: usize = 8;

/// What is the cell: display mathematics with the inline definitions it needs, else inline mathematics, else
/// plain fences, code spans, or the whole text.
fn choose(text: &str, syntax: Syntax, found: &Found, chosen: &[Range<usize>]) -> Vec<Block> {
    let of = |place: Place| -> Vec<Block> {
        found.blocks.iter().filter(|block| block.place == place).cloned().collect()
    };
    let mut display = of(Place::Display);
    let inline = of(Place::Inline);
    // `($$\delta 1$$)`: a sign in a sentence.
    let relates = |block: &Block| {
        const RELATIONS: [&str; 10] =
            ["=", "＝", "∈", "≔", "←", "~", "\\in", "\\leftarrow", "\\gets", "\\sim"];
        let inside = text.get(block.range.clone()).unwrap_or("");
        RELATIONS.iter().any(|relation| inside.contains(relation)) || inside.contains("eqq")
    };
    if display.iter().any(relates) {
        with_needed(text, &mut display, &inline);
        return display;
    }
    let inline = inline::definitions(text, &inline);
    if !inline.is_empty() {
        return inline;
    }
    if !display.is_empty() {
        return display;
    }
    for place in [Place::Fence, Place::Span] {
        // All of a fence must be equations, or it is something else.
        let fences = of(place);
        let convention = conventions(text, &fences);
        let (mut fences, others): (Vec<Block>, Vec<Block>) = fences.into_iter().partition(|block| {
            let Reading { statements, diagnostics, .. } = read_one(text, block, &convention);
            !statements.is_empty()
                && (place == Place::Fence || defines_indexed(&statements))
                && !diagnostics.iter().any(|diagnostic| diagnostic.code == Code::ExpectedEquation)
        });
        let broken = inline::broken(text, &others, &read(text, &fences).statements, &convention);
        fences.extend(broken);
        fences.sort_by_key(|block| block.range.start);
        if !fences.is_empty() {
            if place == Place::Span {
                // `z = [h_{t-1}; x_t]` in a code span, which others read.
                with_needed(text, &mut fences, &others);
            }
            return fences;
        }
    }
    // Mathematics that defines nothing, and nothing beside it.
    let mut outside = String::with_capacity(text.len());
    let mut position = 0;
    for block in found.blocks.iter().filter(|block| block.place == Place::Inline) {
        outside.push_str(text.get(position..block.outer.start).unwrap_or(""));
        position = position.max(block.outer.end);
    }
    if position > 0 && !outside.contains(['=', '＝', '←']) && !text[position..].contains(['=', '＝', '←'])
    {
        return Vec::new();
    }
    let mut whole = Vec::new();
    for range in chosen {
        let mut start = range.start;
        let code = found.code.iter().filter(|code| range.contains(&code.start));
        for end in code.cloned().chain(std::iter::once(range.end..range.end)) {
            let part = text.get(start..end.start).unwrap_or("");
            let command = part.match_indices('\\').any(|(position, _)| {
                part[position + 1..].starts_with(|next: char| next.is_ascii_alphabetic())
            });
            // Without any sign of an equation it is prose.
            if part.contains(['=', '＝', '∈', '←', ':', '\\']) || syntax != Syntax::Markdown {
                let latex = command || syntax == Syntax::Latex;
                let spelling = if latex { Spelling::Latex } else { Spelling::Text };
                let range = start..end.start;
                let place = if syntax == Syntax::Text { Place::Cell } else { Place::Whole };
                whole.push(Block { range: range.clone(), outer: range, spelling, place });
            }
            start = end.end;
        }
    }
    whole
}

/// Adds to the blocks of a cell the definitions of `inline` that it needs, which may need more in their turn.
fn with_needed(text: &str, chosen: &mut Vec<Block>, inline: &[Block]) {
    // What is read here is read again: a long text without inline equations is spared it.
    let rounds = if inline.is_empty() { 0 } else { MAXIMUM_ROUNDS };
    for _ in 0..rounds {
        let statements = read(text, chosen).statements;
        let inline: Vec<Block> = inline.iter().filter(|block| !chosen.contains(block)).cloned().collect();
        let wanted = inline::needed(text, &inline, &statements, &conventions(text, chosen));
        if wanted.is_empty() {
            break;
        }
        chosen.extend(wanted);
        chosen.sort_by_key(|block| block.range.start);
    }
}

/// True where every definition has a time index.
fn defines_indexed(statements: &[Statement]) -> bool {
    statements.iter().all(|statement| match &statement.kind {
        StatementKind::Definition { target, .. } => target.time.is_some(),
        _ => false,
    })
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
    chain::report_announced(reader.announced, &reader.statements, &mut diagnostics);
    chain::define(reader.implied, &mut reader.statements, &mut diagnostics);
    (finish(Reading { statements: reader.statements, lost: reader.lost, diagnostics }), spans)
}

fn finding(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic { code, message: message.into(), span, labels: Vec::new(), help: None }
}

/// What blocks of `source` settle together before a single equation is read.
fn conventions(source: &str, blocks: &[Block]) -> Convention {
    let style = text_style(source, blocks);
    Convention { style, ..convention::observe(&lex(source, blocks, style).0) }
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
    let convention = convention::observe(&lexed);
    parse_blocks(blocks, &lexed, &convention, diagnostics)
}

/// Reads one block as part of a document with these conventions.
fn read_one(source: &str, block: &Block, convention: &Convention) -> Reading {
    let blocks = std::slice::from_ref(block);
    let (lexed, diagnostics) = lex(source, blocks, convention.style);
    parse_blocks(blocks, &lexed, convention, diagnostics)
}

/// The tokens of each block.
fn lex(source: &str, blocks: &[Block], style: text::TextStyle) -> (Vec<Vec<Token>>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut lexed = Vec::with_capacity(blocks.len());
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
        diagnostics = writer.diagnostics;
        lexed.push(label_brackets(writer.tokens));
    }
    component::rewrite(&mut lexed);
    difference::join(&mut lexed);
    (lexed, diagnostics)
}

/// `W^{\leftarrow}`: an arrow alone in a script is a label, the direction.
fn name_arrows(tokens: &mut [Token]) {
    use token::Bracket;
    for at in 1..tokens.len() {
        let word = match tokens[at].kind {
            TokenKind::Equals => "leftarrow",
            TokenKind::Arrow => "rightarrow",
            _ => continue,
        };
        let braced = tokens[at - 1].kind == TokenKind::Open(Bracket::Brace)
            && tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Close(Bracket::Brace));
        let sign = at.checked_sub(if braced { 2 } else { 1 }).and_then(|sign| tokens.get(sign));
        if sign.is_some_and(|sign| matches!(sign.kind, TokenKind::Subscript | TokenKind::Superscript)) {
            tokens[at].kind = TokenKind::Word { text: word.to_owned(), upper: false };
        }
    }
}

/// `f_t o c_{t-1}`: on a keyboard a ring is the letter `o`, where it stands between blanks and two factors wherever it
/// stands alone.
fn ring_signs(tokens: &mut [Token]) {
    use token::Bracket;
    let factor_ends = |token: &Token| {
        matches!(token.kind, TokenKind::Word { .. } | TokenKind::Number { .. } | TokenKind::Mark(_))
            || matches!(token.kind, TokenKind::Close(Bracket::Round | Bracket::Brace | Bracket::Square))
    };
    let factor_begins = |token: &Token| {
        matches!(token.kind, TokenKind::Word { .. } | TokenKind::Function(..) | TokenKind::Accent(_))
            || token.kind == TokenKind::Open(Bracket::Round)
    };
    let mut rings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !matches!(&token.kind, TokenKind::Word { text, .. } if text == "o") {
            continue;
        }
        let script = |token: Option<&Token>| {
            token.is_some_and(|token| matches!(token.kind, TokenKind::Subscript | TokenKind::Superscript))
        };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        // `W_o`, `o_t`: a label, a gate.
        let label = before.is_some_and(|before| before.kind == TokenKind::Open(Bracket::Brace))
            && at.checked_sub(2).is_some_and(|sign| script(tokens.get(sign)));
        if script(before) || label || tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Subscript)
        {
            continue;
        }
        let after = tokens.get(at + 1);
        let stands = token.spaced
            && before.is_some_and(factor_ends)
            && after.is_some_and(|after| after.spaced && factor_begins(after));
        if !stands {
            return;
        }
        rings.push(at);
    }
    for at in rings {
        tokens[at].kind = TokenKind::Product(ast::ProductSign::Hadamard);
    }
}

/// `W[i]` where the time stands in brackets too, `x[t]`: a label of one letter, directly behind a name.
fn label_brackets(tokens: Vec<Token>) -> Vec<Token> {
    use token::Bracket;
    let letter = |at: usize, known: Option<bool>| {
        let word = |at: usize| match tokens.get(at) {
            Some(Token { kind: TokenKind::Word { text, .. }, .. }) => Some(text.as_str()),
            _ => None,
        };
        let open =
            tokens.get(at).is_some_and(|open| open.kind == TokenKind::Open(Bracket::Square) && !open.spaced);
        let named = open && at.checked_sub(1).is_some_and(|before| word(before).is_some());
        named
            && word(at + 1).is_some_and(|text| match known {
                Some(time) => time == (text == "t"),
                None => false,
            })
    };
    let closed =
        |at: usize| tokens.get(at).is_some_and(|close| close.kind == TokenKind::Close(Bracket::Square));
    let times = (0..tokens.len()).filter(|&at| letter(at, Some(true))).count();
    let labels: Vec<usize> = (0..tokens.len())
        .filter(|&at| times > 1 && letter(at, Some(false)) && closed(at + 2))
        .filter(|&at| matches!(&tokens[at + 1].kind, TokenKind::Word { text, .. } if text.len() == 1))
        .collect();
    if labels.is_empty() {
        return tokens;
    }
    let mut next = labels.iter().peekable();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut dropped = None;
    for (at, mut token) in tokens.into_iter().enumerate() {
        if next.peek() == Some(&&at) {
            next.next();
            token.kind = TokenKind::Subscript;
            dropped = Some(at + 2);
        } else if dropped == Some(at) {
            continue;
        }
        kept.push(token);
    }
    kept
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
    }
    chain::report_announced(announced, &statements, &mut diagnostics);
    chain::define(implied, &mut statements, &mut diagnostics);
    skip_general_forms(&general, &statements, &mut diagnostics);
    report_samples(&samples, &statements, &mut diagnostics);
    report_signatures(&signatures, &statements, &mut diagnostics);
    report_losses(losses, &statements, &mut diagnostics);
    let announced = |name: &ast::Reference| general.iter().any(|(known, _)| *known == name.name.canonical);
    lost.retain(|name| !announced(name) || !defines(&statements, &name.name.canonical));
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
    let mut statements = without_losses(statements, &mut diagnostics);
    statements.shrink_to_fit();
    Reading { statements, lost, diagnostics }
}

fn defines(statements: &[Statement], name: &str) -> bool {
    statements.iter().any(|statement| {
        matches!(&statement.kind, StatementKind::Definition { target, .. } if target.name.canonical == name)
    })
}

/// `h_t = \mathrm{LSTM}(x_t, h_{t-1})`: an error where equations read what it defines, and nothing else defines that.
fn report_signatures(
    signatures: &[(ast::Reference, String, Span)],
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (target, word, span) in signatures {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } = &statement.kind {
                inline::references(value, &mut |reference| read |= reference.name == target.name);
            }
        }
        if read && !defines(statements, &target.name.canonical) {
            let message = format!("`{word}` names no weights, but `{}` is needed", target.name.canonical);
            diagnostics.push(Diagnostic {
                help: Some("write the equations of the cell out".to_owned()),
                ..finding(Code::NamedMap, message, *span)
            });
        }
    }
}

/// `L = \sum_t …`: skipped as a loss, but an error where an equation reads it, which would take it for a weight.
fn report_losses(
    losses: Vec<(String, Span, Vec<Diagnostic>)>,
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (word, span, found) in losses {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } =
                &statement.kind
            {
                inline::references(value, &mut |reference| read |= reference.name.canonical == word);
            }
        }
        if !read || defines(statements, &word) {
            continue;
        }
        diagnostics.retain(|one| one.code != Code::SkippedRow || one.span != span);
        if found.is_empty() {
            let message = format!("`{word}` is needed, but this equation cannot be read");
            diagnostics.push(finding(Code::UnexpectedToken, message, span));
        }
        diagnostics.extend(found);
    }
}

/// `z_t \sim \mathcal{N}(\mu_t, I)`: an error where equations of the cell decide the distribution and read what was
/// drawn. Else it says where an input or a weight comes from.
fn report_samples(
    samples: &[statement::Sample],
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for sample in samples {
        let mut read = false;
        for statement in statements {
            if let StatementKind::Definition { value, .. } = &statement.kind {
                inline::references(value, &mut |reference| read |= reference.name == sample.drawn.name);
            }
        }
        if read && sample.from.iter().any(|name| defines(statements, name)) {
            let message = format!("`{}` is drawn at random", sample.drawn.name.canonical);
            diagnostics.push(Diagnostic {
                help: Some(
                    "draw the noise outside, as an input: `z_t = \\mu_t + s_t \\odot \\epsilon_t`".to_owned(),
                ),
                ..finding(Code::SampleOrChoice, message, sample.span)
            });
        }
    }
}

/// `h_t = f_W(h_{t-1}, x_t)` announces what an equation of the same name then says.
fn skip_general_forms(general: &[(String, Span)], statements: &[Statement], diagnostics: &mut [Diagnostic]) {
    if general.is_empty() {
        return;
    }
    let defined: std::collections::HashSet<&str> = statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::Definition { target, .. } => Some(target.name.canonical.as_str()),
            _ => None,
        })
        .collect();
    let skipped: std::collections::HashSet<Span> =
        general.iter().filter(|(name, _)| defined.contains(name.as_str())).map(|(_, place)| *place).collect();
    for found in diagnostics {
        if found.code == Code::UnboundActivation && skipped.contains(&found.span) {
            found.code = Code::SkippedRow;
            found.message = "this general form is skipped: another equation says what it is".to_owned();
            found.help = None;
        }
    }
}

/// Drops what is called like a loss and read by nothing, with a note.
fn without_losses(statements: Vec<Statement>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Statement> {
    const LOSSES: [&str; 15] = [
        "L", "J", "E", "cal_L", "cal_J", "Loss", "loss", "CE", "BCE", "MSE", "RMSE", "MAE", "NLL", "KL",
        "PPL",
    ];
    let is_loss = |statement: &Statement| matches!(&statement.kind, StatementKind::Definition { target, .. } if LOSSES.contains(&target.name.canonical.as_str()));
    if statements.len() < 2 || !statements.iter().any(is_loss) {
        return statements;
    }
    let mut read = std::collections::HashSet::new();
    for statement in statements.iter().filter(|statement| !is_loss(statement)) {
        if let StatementKind::Definition { value, .. } | StatementKind::Function { body: value, .. } =
            &statement.kind
        {
            inline::references(value, &mut |reference| {
                read.insert(reference.name.canonical.clone());
            });
        }
    }
    let (kept, dropped): (Vec<Statement>, Vec<Statement>) = statements.into_iter().partition(|statement| {
        !is_loss(statement)
            || matches!(&statement.kind, StatementKind::Definition { target, .. } if read.contains(&target.name.canonical))
    });
    if kept.is_empty() {
        return dropped;
    }
    for statement in dropped {
        if let StatementKind::Definition { target, .. } = &statement.kind {
            let message = format!(
                "`{}` is read as a loss, which is no part of the cell: skipped",
                target.name.canonical
            );
            diagnostics.push(finding(Code::SkippedRow, message, statement.span));
        }
    }
    kept
}

/// Orders the findings, and adds the one that nothing was found.
fn finish(Reading { mut statements, mut lost, mut diagnostics }: Reading) -> Parsed {
    lost.truncate(MAXIMUM_DEFINITIONS);
    let errors = diagnostics.iter().any(|diagnostic| diagnostic.code.severity() == Severity::Error);
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
