//! Code that is never called, so that editors lead from every use of a name to its declaration and show its equation.
//!
//! A macro that only checks its input leaves its tokens out of the expansion, and editors know nothing of them. Here
//! every name that is no parameter is a field, with documentation, at the place of its definition; every mention is a
//! read of its field, or of the field of the parameter view, at the place of the mention.

use std::collections::BTreeMap;

use gatewright_compiler::resolve::Cell;
use gatewright_compiler::shape::Shape;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::document;
use crate::expand::{Expansion, allowed, key_of, statements, suffixed};
use crate::names::{Fields, first};
use crate::parse::{Mention, Place};

/// ```text
/// const _: () = {
///     struct Values {
///         /// Value, `[h]`. (its definition)
///         i_t: (),
///         …
///     }
///     fn pretend(values: &Values, parameters: &LstmParameters<'_, f64>) {
///         let _ = &values.i_t;
///         let _ = &parameters.W_xi;
///         …
///     }
/// };
/// ```
/// Every identifier after a point has the place of its mention.
pub(crate) fn pretend(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { item, choices, equations, cell, lines, parameters, .. } = expansion;
    let site = Span::mixed_site();
    let mut mentions: BTreeMap<String, Vec<&Mention>> = BTreeMap::new();
    for mention in &equations.mentions {
        mentions.entry(key_of(cell, mention)).or_default().push(mention);
    }
    let mut fields = Fields::default();
    let mut declarations = Vec::new();
    let mut reads = Vec::new();
    for (key, mentions) in &mentions {
        let parameter = parameters.iter().find(|parameter| parameter.key == key);
        let (owner, field) = match parameter {
            Some(parameter) => (Ident::new("parameters", site), parameter.field.clone()),
            None => {
                let Some(declared) = first(mentions) else { continue };
                let field = fields.field(key, Some(declared));
                let targets: Vec<&Mention> =
                    mentions.iter().filter(|mention| mention.place == Place::Target).copied().collect();
                let shown = if targets.is_empty() { statements(mentions) } else { statements(&targets) };
                let text = document::name(&what(cell, key), &shown, lines);
                declarations.push(quote_spanned!(site=> #[doc = #text] #field: ()));
                (Ident::new("values", site), field)
            }
        };
        for mention in mentions {
            let mut used = field.clone();
            used.set_span(mention.identifier.as_ref().map_or(site, Ident::span));
            reads.push(quote_spanned!(site=> let _ = &#owner.#used;));
        }
    }
    let configuration = &choices.configuration;
    let view = (!parameters.is_empty()).then(|| {
        let view = suffixed(&item.name, "Parameters");
        quote_spanned!(site=> parameters: &#view<'_, f64>)
    });
    let allowed = allowed();
    quote_spanned! {site=>
        #(#configuration)*
        const _: () = {
            #allowed
            #[allow(dead_code, reason = "for editors")]
            struct Values { #(#declarations,)* }

            #[allow(dead_code, clippy::too_many_lines, reason = "for editors")]
            fn pretend(values: &Values, #view) { #(#reads)* }
        };
    }
}

/// What a name is, in a few words.
fn what(cell: &Cell, key: &str) -> String {
    let what = |role: &str, shape: &Shape| document::what(role, shape, &cell.dimensions);
    if let Some(input) = cell.inputs.iter().find(|input| input.name == key) {
        return what("Input", &input.shape);
    }
    let output = cell.outputs.iter().any(|output| output.name == key);
    if let Some(state) = cell.states.iter().find(|state| state.variable.name == key) {
        return what(if output { "State and output" } else { "State" }, &state.variable.shape);
    }
    if let Some((_, value)) = cell.constants.iter().find(|(name, _)| name == key) {
        return format!("Constant, {value}.");
    }
    let definition = cell.definitions.iter().find(|definition| definition.name == key);
    match definition.and_then(|definition| cell.terms.get(definition.value.0 as usize)) {
        Some(term) => what(if output { "Output" } else { "Value" }, &term.shape),
        None => "A name of the equations.".to_owned(),
    }
}
