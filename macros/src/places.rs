//! Where findings are shown: on the tokens of `cell!`, or on the lines of a text.
//!
//! A macro on stable Rust cannot point into a literal, so a finding about a text is shown on the line of documentation
//! that it is about, or on the name of the file, and its message holds the excerpt with carets.

use gatewright_compiler::diagnostic::render::{Origin, excerpt};
use gatewright_compiler::diagnostic::{Code, Diagnostic};
use gatewright_compiler::source::TokenSpans;
use gatewright_compiler::span::Span;

/// What leads from the places of equations to the compiler's.
#[derive(Debug)]
pub(crate) enum Places {
    /// Places count tokens.
    Tokens(TokenSpans),
    /// Places count bytes.
    Text(Text),
}

/// A text that holds equations.
#[derive(Debug)]
pub(crate) struct Text {
    /// The text.
    pub(crate) text: String,
    /// For each line of it, where findings are shown, and its number in the file that it stands in.
    pub(crate) lines: Vec<(proc_macro2::Span, usize)>,
    /// Where findings about no line are shown.
    pub(crate) whole: proc_macro2::Span,
    /// Where findings about the choice of a section are shown.
    pub(crate) section: Option<proc_macro2::Span>,
    /// The path to be shown; documentation has none, since the compiler shows its lines.
    pub(crate) path: Option<String>,
}

impl Places {
    /// Where a finding begins and ends; `None` where it is about nothing in particular.
    pub(crate) fn of(&self, diagnostic: &Diagnostic) -> Option<(proc_macro2::Span, proc_macro2::Span)> {
        let span = diagnostic.span;
        match self {
            Self::Tokens(spans) => {
                let long = span.end > span.start.saturating_add(1);
                let first = spans.first(span);
                (!span.is_empty() && !spans.is_empty())
                    .then(|| (first, if long { spans.last(span) } else { first }))
            }
            Self::Text(text) => {
                let of_section = [Code::SectionNotFound, Code::SectionAmbiguous, Code::SectionsDiffer]
                    .contains(&diagnostic.code);
                let place = match text.section.filter(|_| of_section) {
                    Some(section) => section,
                    None if span.is_empty() => text.whole,
                    None => text.line(span).0,
                };
                Some((place, place))
            }
        }
    }

    /// Message, code, further places and advice, a line each; the excerpt of a text.
    pub(crate) fn message(&self, diagnostic: &Diagnostic) -> String {
        let message = format!("{} [{}]", diagnostic.message, diagnostic.code.as_str());
        match self {
            Self::Tokens(spans) => token_message(spans, &message, diagnostic),
            Self::Text(text) => text.message(&message, diagnostic),
        }
    }
}

impl Text {
    fn line_index(&self, span: Span) -> usize {
        let start = usize::try_from(span.start).unwrap_or(usize::MAX).min(self.text.len());
        self.text.bytes().take(start).filter(|byte| *byte == b'\n').count()
    }

    fn line(&self, span: Span) -> (proc_macro2::Span, usize) {
        let index = self.line_index(span);
        self.lines.get(index).or(self.lines.last()).copied().unwrap_or((self.whole, 1))
    }

    fn message(&self, message: &str, diagnostic: &Diagnostic) -> String {
        let mut text = match &self.path {
            Some(path) if diagnostic.span.is_empty() => format!("{path}: {message}"),
            _ => message.to_owned(),
        };
        if diagnostic.span.is_empty() {
            if let Some(help) = &diagnostic.help {
                text.push_str(&format!("\nhelp: {help}"));
            }
        } else {
            // Lines are numbered as in the file, also where other attributes stand between lines of documentation.
            let first = diagnostic.labels.iter().map(|label| label.0).fold(diagnostic.span, Span::to);
            let first_line = (self.line(first).1).saturating_sub(self.line_index(first)).max(1);
            let origin = Origin { path: self.path.as_deref(), first_line };
            text.push('\n');
            text.push_str(&excerpt(diagnostic, &self.text, &origin));
        }
        if diagnostic.code == Code::NoEquations && self.path.is_none() {
            text.push_str(
                "\nhelp: write equations in the documentation, `/// $$ h_t = … $$`, or name their file: \
                `#[cell(file = \"…\")]`",
            );
        }
        if diagnostic.code == Code::Cycle {
            text.push_str(
                "\nhelp: `#[cell(cycle = \"previous\")]` chooses the one, `#[cell(cycle = \"fixed-point\")]` the other",
            );
        }
        text.replace("`--section \"", "`section = \"")
    }
}

fn token_message(spans: &TokenSpans, message: &str, diagnostic: &Diagnostic) -> String {
    let mut text = tokens_spelling(message);
    for (span, remark) in &diagnostic.labels {
        let start = spans.first(*span).start();
        let remark = tokens_spelling(remark);
        text.push_str(&format!("\n  at {}:{}: {remark}", start.line, start.column + 1));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {}", tokens_spelling(help)));
    }
    if diagnostic.code == Code::Cycle {
        text.push_str(
            "\nhelp: `#[cycle(previous)]` before the cell's name chooses the one, `#[cycle(fixed_point)]` the other",
        );
    }
    text
}

/// Advice is written in LaTeX; here equations are tokens.
fn tokens_spelling(text: &str) -> String {
    text.replace(r" \in \mathbb{R}`", ": scalar`").replace('\\', "")
}
