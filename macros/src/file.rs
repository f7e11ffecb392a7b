//! Equations in a file beside the crate: `#[cell(file = "lstm.md")]`.
//!
//! The path is relative to the folder of `Cargo.toml`, which every tool that expands macros knows; where the source
//! file lies only the compiler knows, and not always.

use std::path::{Component, Path};

use gatewright_compiler::limits::MAXIMUM_SOURCE_BYTES;
use gatewright_compiler::source::Syntax;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::LitStr;

use crate::places::Text;

/// Reads the file that `literal` names in `folder`. The error is a message.
pub(crate) fn read(folder: &Path, literal: &LitStr, section: Option<Span>) -> Result<(Text, Syntax), String> {
    let path = literal.value();
    let shown = Path::new(&path);
    if shown.components().any(|part| matches!(part, Component::RootDir | Component::Prefix(_))) {
        return Err(format!("`{path}` is absolute\nhelp: give the path from the folder of `Cargo.toml`"));
    }
    let extension = shown.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let Some(syntax) = Syntax::from_extension(extension) else {
        return Err(format!(
            "how `{path}` is spelled is not known\nhelp: its name must end in `.tex`, `.md` or `.cell`"
        ));
    };
    let place = folder.join(shown);
    let unread = |what: &dyn std::fmt::Display| {
        format!("`{path}` cannot be read: {what}\nhelp: the path is relative to the folder of `Cargo.toml`")
    };
    let metadata = std::fs::metadata(&place).map_err(|error| unread(&error))?;
    if !metadata.is_file() {
        return Err(unread(&"it is no file"));
    }
    if usize::try_from(metadata.len()).is_ok_and(|length| length > MAXIMUM_SOURCE_BYTES) {
        return Err(unread(&format!(
            "it has {} bytes, more than {MAXIMUM_SOURCE_BYTES} (MAXIMUM_SOURCE_BYTES)",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(&place).map_err(|error| unread(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        format!("`{path}` is no text in UTF-8: its line {line} is broken\nhelp: save it as UTF-8")
    })?;
    let span = literal.span();
    let lines = (1..=text.split('\n').count()).map(|number| (span, number)).collect();
    Ok((Text { text, lines, whole: span, section, path: Some(path) }, syntax))
}

/// Has the crate built again when the file changes:
/// ```text
/// const _: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", "lstm.md"));
/// ```
pub(crate) fn dependency(literal: &LitStr) -> TokenStream {
    let path = literal.value();
    quote_spanned! {Span::mixed_site()=>
        const _: &[u8] =
            ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));
    }
}
