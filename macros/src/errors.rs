//! Findings to compile errors.

use gatewright_compiler::diagnostic::Diagnostic;
use gatewright_compiler::source::TokenSpans;
use proc_macro2::{Ident, Span};
use quote::quote_spanned;

/// Errors as they are found; [`Errors::finish`] must be called, so that none is lost.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    finished: bool,
}

impl Errors {
    /// An error on one token.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// An error that syn found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// A finding about equations: on the tokens it is about, or on the cell's name where there are none.
    pub(crate) fn diagnostic(&mut self, cell: &Ident, spans: &TokenSpans, diagnostic: &Diagnostic) {
        let message = message(spans, diagnostic);
        if diagnostic.span.is_empty() || spans.is_empty() {
            return self.at(cell.span(), message);
        }
        // Places cannot be joined on stable Rust, but an error from the first token to the last is underlined whole.
        let (first, last) = (spans.first(diagnostic.span), spans.last(diagnostic.span));
        let mut tokens = quote_spanned!(first=> _);
        if diagnostic.span.end > diagnostic.span.start.saturating_add(1) {
            tokens.extend(quote_spanned!(last=> _));
        }
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// All errors in one.
    pub(crate) fn finish(mut self) -> Option<syn::Error> {
        self.finished = true;
        std::mem::take(&mut self.found).into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        })
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(self.finished || std::thread::panicking(), "errors were collected and not reported");
    }
}

/// Message, code, further places and advice, a line each.
pub(crate) fn message(spans: &TokenSpans, diagnostic: &Diagnostic) -> String {
    let mut text = format!("{} [{}]", tokens_spelling(&diagnostic.message), diagnostic.code.as_str());
    for (span, remark) in &diagnostic.labels {
        let start = spans.first(*span).start();
        let remark = tokens_spelling(remark);
        text.push_str(&format!("\n  at {}:{}: {remark}", start.line, start.column + 1));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {}", tokens_spelling(help)));
    }
    if diagnostic.code == gatewright_compiler::diagnostic::Code::Cycle {
        text.push_str(
            "\nhelp: `#[cycle(previous)]` or `#[cycle(fixed_point)]` before the cell's name chooses one",
        );
    }
    text
}

/// Advice is written in LaTeX; here equations are tokens.
fn tokens_spelling(text: &str) -> String {
    text.replace(r" \in \mathbb{R}`", ": scalar`").replace('\\', "")
}
