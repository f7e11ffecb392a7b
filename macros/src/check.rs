//! What must hold before an item is expanded: a list of named checks, each with its reason.

use gatewright_compiler::diagnostic::Code;
use gatewright_compiler::passes;
use gatewright_compiler::plan::plan;
use gatewright_compiler::resolve::{Cell, CyclePolicy, Options, errors_of_the_rest, resolve};
use gatewright_compiler::source::{Syntax, parse, print_text};
use proc_macro2::TokenTree;
use syn::{Attribute, Meta};

use crate::errors::Errors;
use crate::parse::{CellItem, Equations};
use crate::places::Places;

/// An item that may be expanded.
pub(crate) struct Checked {
    /// What the equations mean.
    pub(crate) cell: Cell,
    /// The equations as plain text, which means the same cell.
    pub(crate) text: String,
}

/// What the attributes of an item say.
#[derive(Default)]
pub(crate) struct Choices {
    /// Documentation that the user wrote, with formulas as MathML.
    pub(crate) docs: Vec<Attribute>,
    /// `#[cfg(…)]` and `#[allow(…)]`, for every generated item.
    pub(crate) configuration: Vec<Attribute>,
    /// `#[cycle(…)]`, `#[cell(cycle = "…")]`.
    pub(crate) cycle: CyclePolicy,
}

/// Runs all checks. `None` where nothing can be expanded but a skeleton; `errors` says why.
pub(crate) fn check(
    errors: &mut Errors,
    item: &CellItem,
    equations: &Equations,
    choices: &Choices,
) -> Option<Checked> {
    let options = Options { cycle: choices.cycle, ..Options::default() };
    let read = check_syntax(errors, item, equations);
    let cell = check_meaning(errors, item, equations, &options, read)?;
    check_state(errors, item, equations, &cell);
    check_compilation(errors, item, &cell);
    let text = check_printing(errors, item, equations, &cell, &options)?;
    Some(Checked { cell, text })
}

/// The choices, but for the documentation, and the attributes that hold that. An attribute that the macro does not know
/// would be ignored in silence, so it is an error. `in_cell` says that the attributes stand in `cell!`.
pub(crate) fn check_attributes(
    errors: &mut Errors,
    attributes: &[Attribute],
    in_cell: bool,
) -> (Choices, Vec<Attribute>) {
    let mut choices = Choices::default();
    let mut docs = Vec::new();
    let mut cycle_given = false;
    for attribute in attributes {
        let path = attribute.path();
        if path.is_ident("doc") {
            docs.push(attribute.clone());
        } else if path.is_ident("cfg") || path.is_ident("allow") {
            choices.configuration.push(attribute.clone());
        } else if path.is_ident("cycle") && in_cell {
            if std::mem::replace(&mut cycle_given, true) {
                errors.push(syn::Error::new_spanned(attribute, "`cycle` is given twice"));
            }
            match cycle_policy(&attribute.meta) {
                Some(policy) => choices.cycle = policy,
                None => errors.push(syn::Error::new_spanned(
                    attribute,
                    "expected `#[cycle(previous)]`, `#[cycle(fixed_point)]` or `#[cycle(reject)]`",
                )),
            }
        } else {
            let known = if in_cell {
                "`///`, `allow`, `cfg` and `cycle` have"
            } else {
                "`///`, `allow` and `cfg` have; a way out of a cycle is an argument: `#[cell(cycle = \"previous\")]`"
            };
            let message = format!("this attribute has no meaning on a cell\nhelp: {known}");
            errors.push(syn::Error::new_spanned(attribute, message));
        }
    }
    (choices, docs)
}

fn cycle_policy(meta: &Meta) -> Option<CyclePolicy> {
    let Meta::List(list) = meta else { return None };
    let mut tokens = list.tokens.clone().into_iter();
    let (Some(TokenTree::Ident(word)), None) = (tokens.next(), tokens.next()) else { return None };
    match word.to_string().as_str() {
        "reject" => Some(CyclePolicy::Reject),
        "previous" => Some(CyclePolicy::Previous),
        "fixed_point" => Some(CyclePolicy::FixedPoint),
        _ => None,
    }
}

/// Every equation must be read. True where all were.
fn check_syntax(errors: &mut Errors, item: &CellItem, equations: &Equations) -> bool {
    let mut read = true;
    for diagnostic in &equations.parsed.diagnostics {
        // A skipped row is an equation that silently would not be there. Beside the text of a document it is expected,
        // and brings a warning.
        let tokens = matches!(equations.places, Places::Tokens(_));
        if diagnostic.is_error() || tokens && diagnostic.code == Code::SkippedRow {
            errors.diagnostic(&item.name, &equations.places, diagnostic);
            read = false;
        }
    }
    read
}

/// The equations must mean a cell. Where some could not be read, only errors are shown that these cannot have caused.
fn check_meaning(
    errors: &mut Errors,
    item: &CellItem,
    equations: &Equations,
    options: &Options,
    read: bool,
) -> Option<Cell> {
    if !read {
        for diagnostic in errors_of_the_rest(&equations.parsed.document, options) {
            errors.diagnostic(&item.name, &equations.places, &diagnostic);
        }
        return None;
    }
    match resolve(&equations.parsed.document, options) {
        Ok(cell) => Some(cell),
        Err(diagnostics) => {
            for diagnostic in &diagnostics {
                if diagnostic.is_error() || diagnostic.code == Code::NoState {
                    errors.diagnostic(&item.name, &equations.places, diagnostic);
                }
            }
            None
        }
    }
}

/// A cell without state runs, but whoever writes one in a macro for recurrent cells has made a slip: a missing `t-1`.
fn check_state(errors: &mut Errors, item: &CellItem, equations: &Equations, cell: &Cell) {
    for diagnostic in cell.diagnostics.iter().filter(|diagnostic| diagnostic.code == Code::NoState) {
        errors.diagnostic(&item.name, &equations.places, diagnostic);
    }
}

/// What `compile` will do at run time must succeed, up to the code generator: all passes, and the plans of both graphs.
fn check_compilation(errors: &mut Errors, item: &CellItem, cell: &Cell) {
    let graphs = match passes::run(cell) {
        Ok(graphs) => graphs,
        Err(error) => return internal(errors, item, &error.to_string()),
    };
    // Whether a plan exists does not depend on the sizes; these are small and differ, so that none meet by chance.
    let sizes: Vec<usize> = (2..).take(cell.dimensions.len()).collect();
    for graph in [&graphs.forward, &graphs.gradient] {
        if let Err(error) = plan(graph, &sizes) {
            internal(errors, item, &error.to_string());
        }
    }
}

/// The generated code reads the equations again, from plain text. That this gives the same cell is seen to here, so that
/// it cannot fail there.
fn check_printing(
    errors: &mut Errors,
    item: &CellItem,
    equations: &Equations,
    cell: &Cell,
    options: &Options,
) -> Option<String> {
    let text = print_text(&equations.parsed.document);
    let again = parse(&text, Syntax::Text, None);
    let same = again.diagnostics.is_empty()
        && resolve(&again.document, options).is_ok_and(|again| again.placeless() == cell.clone().placeless());
    if !same {
        internal(errors, item, &format!("printed as text, the equations do not mean the same:\n{text}"));
        return None;
    }
    Some(text)
}

/// A defect of the compiler, not of the equations.
fn internal(errors: &mut Errors, item: &CellItem, what: &str) {
    let message = format!(
        "internal error: {what}\nhelp: this is a defect of gatewright; please report these equations"
    );
    errors.at(item.name.span(), message);
}
