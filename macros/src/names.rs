//! Names of the cell to identifiers of the expansion.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};

use crate::parse::{Mention, Place};

/// Identifiers of the fields of one generated type, no two alike.
#[derive(Default)]
pub(crate) struct Fields {
    taken: HashSet<String>,
}

impl Fields {
    /// The field for the name `key`: the user's own identifier where that is the whole name as written, else the
    /// canonical name, at the place of the user's identifier.
    pub(crate) fn field(&mut self, key: &str, mention: Option<&Mention>) -> Ident {
        let written = mention.and_then(|mention| mention.identifier.as_ref());
        let own = mention.filter(|mention| mention.whole).and(written);
        // A keyword written without `r#` is a name of the equations, but no identifier.
        if let Some(own) = own
            && syn::parse_str::<Ident>(&own.to_string()).is_ok()
            && self.taken.insert(own.to_string())
        {
            return own.clone();
        }
        let span = written.map_or_else(Span::call_site, Ident::span);
        let mut text = key.to_owned();
        loop {
            let ident = identifier(&text, span);
            if self.taken.insert(ident.to_string()) {
                return ident;
            }
            text.push('_');
        }
    }
}

/// `text` as an identifier: other characters become `_`, and a keyword is written raw.
pub(crate) fn identifier(text: &str, span: Span) -> Ident {
    let mut clean: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) || clean.trim_matches('_').is_empty() {
        clean.insert_str(0, "n_");
    }
    if syn::parse_str::<Ident>(&clean).is_ok() {
        return Ident::new(&clean, span);
    }
    match clean.as_str() {
        // These cannot be written raw.
        "self" | "Self" | "super" | "crate" => Ident::new(&format!("{clean}_"), span),
        _ => Ident::new_raw(&clean, span),
    }
}

/// The mention that a name's declaration stands for: its definition, else its first mention.
pub(crate) fn first<'m>(mentions: &[&'m Mention]) -> Option<&'m Mention> {
    mentions.iter().find(|mention| mention.place == Place::Target).or_else(|| mentions.first()).copied()
}
