//! Findings that do not stop compilation, as compiler warnings.
//!
//! A macro on stable Rust can report errors only. But the compiler warns where something deprecated is used, at the
//! place of the use and with a text of one's own; so each finding becomes a deprecated constant of its name, used at the
//! place of the finding. `#[allow(deprecated)]` silences it as it silences other warnings.

use gatewright_compiler::diagnostic::{Code, Diagnostic, Severity};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::expand::Expansion;
use crate::parse::Place;
use crate::places::Places;

/// ```text
/// const _: () = {
///     #[deprecated(note = "nothing reads `g_t` [GW0803]")]
///     const unread_definition: () = ();
///     let _: () = unread_definition;
/// };
/// ```
/// for each warning; the use has the place of the finding.
pub(crate) fn warnings(expansion: &Expansion<'_>) -> TokenStream {
    let (places, configuration) = (&expansion.equations.places, &expansion.choices.configuration);
    let found = expansion.equations.parsed.diagnostics.iter().chain(&expansion.cell.diagnostics);
    let site = Span::mixed_site();
    found
        .filter(|diagnostic| is_warning(expansion, diagnostic))
        .map(|diagnostic| {
            let mut note = places.message(diagnostic);
            if diagnostic.code == Code::FurtherInput {
                note.push_str(match places {
                    Places::Tokens(_) => {
                        "\nhelp: if an input is meant, declare it: `where name: [size];` after the equations"
                    }
                    Places::Text(_) => {
                        "\nhelp: if an input is meant, declare it: `name_t \\in \\mathbb{R}^{size}`"
                    }
                });
            }
            let name = diagnostic.code.title().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            let declared = Ident::new(&name, site);
            let used = Ident::new(
                &name,
                site.located_at(
                    places.of(diagnostic).map_or_else(|| expansion.item.name.span(), |place| place.0),
                ),
            );
            quote_spanned! {site=>
                #(#configuration)*
                const _: () = {
                    #[deprecated(note = #note)]
                    #[allow(non_upper_case_globals, reason = "the name is read in the warning")]
                    const #declared: () = ();
                    let _: () = #used;
                };
            }
        })
        .collect()
}

/// Warnings, and the note about a name that becomes a further input, since it may be misspelled. It is not where the
/// name is declared.
fn is_warning(expansion: &Expansion<'_>, diagnostic: &Diagnostic) -> bool {
    match diagnostic.code {
        // An error already.
        Code::NoState => false,
        Code::SkippedRow => true,
        Code::FurtherInput => {
            let mentions = &expansion.equations.mentions;
            let name =
                mentions.iter().find(|mention| mention.span == diagnostic.span).map(|mention| &mention.base);
            let declared = |base: &String| {
                mentions.iter().any(|mention| mention.place == Place::Declared && mention.base == *base)
            };
            !name.is_some_and(declared)
        }
        code => code.severity() == Severity::Warning,
    }
}
