//! Findings to compile errors.

use gatewright_compiler::diagnostic::Diagnostic;
use proc_macro2::{Ident, Span};
use quote::quote_spanned;

use crate::places::Places;

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

    /// A finding about equations: on the tokens or the line it is about, or on the cell's name where there are none.
    pub(crate) fn diagnostic(&mut self, cell: &Ident, places: &Places, diagnostic: &Diagnostic) {
        let message = places.message(diagnostic);
        let Some((first, last)) = places.of(diagnostic) else { return self.at(cell.span(), message) };
        // Places cannot be joined on stable Rust, but an error from the first token to the last is underlined whole.
        self.found.push(syn::Error::new_spanned(
            [quote_spanned!(first=> _), quote_spanned!(last=> _)]
                .into_iter()
                .collect::<proc_macro2::TokenStream>(),
            message,
        ));
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
