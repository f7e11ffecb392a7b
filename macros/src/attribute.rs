//! `#[cell]` on a unit struct: the arguments, the item, and where its equations are.

use std::path::{Path, PathBuf};

use gatewright_compiler::resolve::CyclePolicy;
use gatewright_compiler::source::Syntax;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Fields, Item, ItemStruct, Lit, LitStr, Meta, Token};

use crate::check::check_attributes;
use crate::documentation::Documentation;
use crate::errors::Errors;
use crate::expand::{cell_or_skeleton, skeleton};
use crate::file;
use crate::parse::{CellItem, text_equations};

/// The arguments of `#[cell(…)]`.
#[derive(Default)]
struct Arguments {
    file: Option<LitStr>,
    section: Option<LitStr>,
    cycle: CyclePolicy,
}

/// All of `#[cell(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    let (mut code, error) = expand_parts(arguments, item, &folder);
    code.extend(error.map(syn::Error::into_compile_error));
    code
}

/// The code, and the errors to be shown beside it. Files are read in `folder`.
pub(crate) fn expand_parts(
    arguments: TokenStream,
    item: TokenStream,
    folder: &Path,
) -> (TokenStream, Option<syn::Error>) {
    let mut errors = Errors::default();
    let code = expand_item(&mut errors, arguments, item, folder);
    (code, errors.finish())
}

fn expand_item(
    errors: &mut Errors,
    arguments: TokenStream,
    tokens: TokenStream,
    folder: &Path,
) -> TokenStream {
    let arguments = check_arguments(errors, arguments);
    let item = match syn::parse2::<Item>(tokens) {
        Ok(item) => item,
        Err(error) => {
            errors.push(error);
            return TokenStream::new();
        }
    };
    let item = match check_item(errors, item) {
        Ok(item) => item,
        Err(item) => return item.into_token_stream(),
    };
    let name = item.ident.clone();
    let (mut choices, documents) = check_attributes(errors, &item.attrs, false);
    let documentation = Documentation::new(&documents);
    let cell = CellItem { attributes: Vec::new(), visibility: item.vis, name: name.clone() };
    let Some(arguments) = arguments else {
        choices.docs = documentation.attributes();
        return skeleton(&cell, &choices, &[]);
    };
    choices.cycle = arguments.cycle;
    let section = arguments.section.as_ref().map(LitStr::span);
    let source = match &arguments.file {
        Some(literal) => {
            file::read(folder, literal, section).map_err(|error| errors.at(literal.span(), error))
        }
        None => {
            if let Some(attribute) = documentation.unread.first() {
                let message = "the macro cannot see the text of this documentation\n\
                    help: name the file of the equations: `#[cell(file = \"…\")]`";
                errors.push(syn::Error::new_spanned(&attribute.meta, message));
                Err(())
            } else {
                Ok((documentation.text(name.span(), section), Syntax::Markdown))
            }
        }
    };
    choices.docs = documentation.attributes();
    let mut code = match source {
        Ok((text, syntax)) => {
            let wanted = arguments.section.as_ref().map(LitStr::value);
            let mut equations = text_equations(text, syntax, wanted.as_deref(), choices.cycle);
            equations.documented = arguments.file.is_none();
            cell_or_skeleton(errors, &cell, &equations, &choices)
        }
        Err(()) => skeleton(&cell, &choices, &[]),
    };
    if let Some(literal) = &arguments.file
        && folder.join(literal.value()).is_file()
    {
        code.extend(file::dependency(literal));
    }
    code
}

/// An argument that the macro does not know would be ignored in silence, so it is an error. `None` where the arguments
/// are wrong, so that nothing is said about equations that they would choose.
fn check_arguments(errors: &mut Errors, tokens: TokenStream) -> Option<Arguments> {
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let metas = match syn::parse::Parser::parse2(parser, tokens) {
        Ok(metas) => metas,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let mut arguments = Arguments::default();
    let mut given: Vec<String> = Vec::new();
    let mut right = true;
    let mut wrong = |place: Span, message: String| {
        errors.at(place, message);
        right = false;
    };
    for meta in metas {
        let name = meta.path().to_token_stream().to_string();
        if !["file", "section", "cycle"].contains(&name.as_str()) {
            wrong(
                meta.path().span(),
                format!(
                    "`#[cell]` has no argument `{name}`\n\
                    help: it has `file = \"lstm.md\"`, `section = \"3.1\"` and `cycle = \"previous\"`"
                ),
            );
            continue;
        }
        if given.contains(&name) {
            wrong(meta.path().span(), format!("`{name}` is given twice"));
        }
        let value = match &meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Some(literal.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(value) = value else {
            wrong(meta.span(), format!("`{name}` needs a text: `{name} = \"…\"`"));
            continue;
        };
        match name.as_str() {
            "file" => arguments.file = Some(value),
            "section" => arguments.section = Some(value),
            _ => match cycle_policy(&value.value()) {
                Some(policy) => arguments.cycle = policy,
                None => wrong(
                    value.span(),
                    "the ways out of a cycle are `\"previous\"`, `\"fixed-point\"` and `\"reject\"`"
                        .to_owned(),
                ),
            },
        }
        given.push(name);
    }
    right.then_some(arguments)
}

fn cycle_policy(text: &str) -> Option<CyclePolicy> {
    Some(match text {
        "reject" => CyclePolicy::Reject,
        "previous" => CyclePolicy::Previous,
        "fixed-point" => CyclePolicy::FixedPoint,
        _ => return None,
    })
}

/// The struct, if it is one without fields and parameters of its own; else the item as it was, so that other code goes
/// on to resolve.
fn check_item(errors: &mut Errors, item: Item) -> Result<ItemStruct, Box<Item>> {
    const ADVICE: &str = "help: `#[cell]` makes a cell of a unit struct: `pub struct Lstm;`";
    let Item::Struct(item) = item else {
        errors.push(syn::Error::new_spanned(&item, format!("this is no struct\n{ADVICE}")));
        return Err(Box::new(item));
    };
    let mut right = true;
    if !matches!(item.fields, Fields::Unit) {
        let message = format!("a cell has no fields: its parameters follow from its equations\n{ADVICE}");
        errors.push(syn::Error::new_spanned(&item.fields, message));
        right = false;
    }
    if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
        let message =
            format!("a cell has no generic parameters: `compile` chooses the numbers and sizes\n{ADVICE}");
        errors.push(syn::Error::new_spanned(&item.generics, message));
        right = false;
    }
    if right { Ok(item) } else { Err(Box::new(Item::Struct(item))) }
}
