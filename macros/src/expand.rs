//! Items to code, whichever macro they come from. Above each generator stands the code it makes, for the cell `Lstm`.
//!
//! # Invariants
//!
//! - The user's identifiers are used as they are, with their own places; no group of tokens is given a place of the
//!   user's, since an editor would then show all of it at that place. Our own tokens have mixed-site places.
//! - What is generated compiles: names that are no Rust identifiers are made ones ([`crate::names`]).
//! - On errors a skeleton is generated beside them, so that other code goes on to resolve.

use gatewright_compiler::resolve::{Cell, CyclePolicy};
use gatewright_compiler::shape::Shape;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use crate::check::{self, Checked, Choices};
use crate::document;
use crate::documentation::Documentation;
use crate::errors::Errors;
use crate::names::{Fields, first};
use crate::parse::{self, CellItem, Equations, Invocation, Mention, Place};
use crate::places::Places;
use crate::{pretend, warn};

/// All of `cell! { … }`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (mut code, error) = expand_parts(input);
    code.extend(error.map(syn::Error::into_compile_error));
    code
}

/// The code, and the errors to be shown beside it.
pub(crate) fn expand_parts(input: TokenStream) -> (TokenStream, Option<syn::Error>) {
    let mut errors = Errors::default();
    let code = match syn::parse2::<Invocation>(input) {
        Ok(invocation) => {
            let cells = invocation.cells.into_iter();
            cells.map(|(item, equations)| expand_cell(&mut errors, &item, equations)).collect()
        }
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    (code, errors.finish())
}

fn expand_cell(errors: &mut Errors, item: &CellItem, equations: TokenStream) -> TokenStream {
    let (mut choices, docs) = check::check_attributes(errors, &item.attributes, true);
    choices.docs = Documentation::new(&docs).attributes();
    cell_or_skeleton(errors, item, &parse::equations(equations), &choices)
}

/// The cell, or its skeleton where the equations are wrong.
pub(crate) fn cell_or_skeleton(
    errors: &mut Errors,
    item: &CellItem,
    equations: &Equations,
    choices: &Choices,
) -> TokenStream {
    match check::check(errors, item, equations, choices) {
        Some(checked) => cell(&Expansion::new(item, choices, equations, &checked)),
        None => skeleton(item, choices, &equations.likely_parameters),
    }
}

/// One cell while it is expanded.
pub(crate) struct Expansion<'a> {
    pub(crate) item: &'a CellItem,
    pub(crate) choices: &'a Choices,
    pub(crate) equations: &'a Equations,
    pub(crate) cell: &'a Cell,
    pub(crate) text: &'a str,
    /// Statements as lines of Unicode.
    pub(crate) lines: Vec<String>,
    /// A field for each parameter, in the order of the layout.
    pub(crate) parameters: Vec<ParameterField<'a>>,
}

/// A field of the parameter views.
pub(crate) struct ParameterField<'a> {
    /// Canonical name.
    pub(crate) key: &'a str,
    pub(crate) field: Ident,
    shape: &'a Shape,
    document: String,
}

impl<'a> Expansion<'a> {
    fn new(item: &'a CellItem, choices: &'a Choices, equations: &'a Equations, checked: &'a Checked) -> Self {
        let cell = &checked.cell;
        let lines = document::lines(&equations.parsed.document);
        let mut fields = Fields::default();
        let parameters = cell
            .parameters
            .iter()
            .map(|parameter| {
                let mentions = mentions_of(cell, equations, &parameter.name);
                let read: Vec<&Mention> =
                    mentions.iter().filter(|mention| mention.place == Place::Read).copied().collect();
                let what = document::what("Parameter", &parameter.shape, &cell.dimensions);
                ParameterField {
                    key: &parameter.name,
                    field: fields.field(&parameter.name, first(&read)),
                    shape: &parameter.shape,
                    document: document::name(&what, &statements(&read), &lines),
                }
            })
            .collect();
        Self { item, choices, equations, cell, text: &checked.text, lines, parameters }
    }
}

/// Where a name of the cell is written.
pub(crate) fn mentions_of<'a>(cell: &Cell, equations: &'a Equations, key: &str) -> Vec<&'a Mention> {
    equations.mentions.iter().filter(|mention| key_of(cell, mention) == key).collect()
}

/// The name of the cell that a mention means.
pub(crate) fn key_of(cell: &Cell, mention: &Mention) -> String {
    mention.key(|labelled| {
        cell.parameters.iter().any(|parameter| parameter.name == labelled)
            || cell.definitions.iter().any(|definition| definition.name == labelled)
    })
}

/// The statements of mentions, each once.
pub(crate) fn statements(mentions: &[&Mention]) -> Vec<usize> {
    let mut statements: Vec<usize> = mentions.iter().map(|mention| mention.statement).collect();
    statements.dedup();
    statements
}

fn cell(expansion: &Expansion<'_>) -> TokenStream {
    let mut code = cell_type(expansion);
    code.extend(sizes(expansion));
    code.extend(parameter_view(expansion, false));
    code.extend(parameter_view(expansion, true));
    if matches!(expansion.equations.places, Places::Tokens(_)) {
        code.extend(pretend::pretend(expansion));
    }
    code.extend(warn::warnings(expansion));
    code
}

/// `#[allow(…)]` for names as the equations spell them.
pub(crate) fn allowed() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #[allow(non_snake_case, uncommon_codepoints, mixed_script_confusables,
            reason = "names are spelled as in the equations")]
    }
}

/// ```text
/// /// (what the user wrote) (equations, roles, shapes, notes)
/// #[derive(Clone, Copy, Debug, Default)]
/// pub struct Lstm;
///
/// impl Lstm {
///     pub const EQUATIONS: &'static str = "i_t = sigmoid(W_xi [h_{t-1}, x_t] + b_i)\n…";
///     pub const INPUTS: &'static [&'static str] = &["x"];
///     … STATES, OUTPUTS, PARAMETERS, DIMENSIONS
///     pub fn cell() -> gatewright::compiler::resolve::Cell { gatewright::expansion::cell(Self::EQUATIONS, …) }
///     pub fn compile<T: Element>(sizes: LstmSizes, options: CompileOptions)
///         -> Result<CompiledCell<T>, CompileError>
///     {
///         CompiledCell::new(&Self::cell(), &[("x", sizes.x), ("h", sizes.h)], options)
///     }
/// }
/// ```
fn cell_type(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { item, choices, cell, text, .. } = expansion;
    let (visibility, name, Choices { docs, configuration, cycle }) = (&item.visibility, &item.name, choices);
    let separator = (!docs.is_empty()).then_some(quote_spanned!(Span::mixed_site()=> #[doc = ""]));
    let document = document::cell(cell, expansion.equations, &expansion.lines);
    let list = |names: Vec<&str>| quote_spanned!(Span::mixed_site()=> &[#(#names),*]);
    let inputs = list(cell.inputs.iter().map(|input| input.name.as_str()).collect());
    let states = list(cell.states.iter().map(|state| state.variable.name.as_str()).collect());
    let outputs = list(cell.outputs.iter().map(|output| output.name.as_str()).collect());
    let parameters = list(cell.parameters.iter().map(|parameter| parameter.name.as_str()).collect());
    let dimensions = list(cell.dimensions.iter().map(String::as_str).collect());
    let dimension_names = &cell.dimensions;
    let dimension_fields = dimension_fields(cell);
    let sizes = suffixed(name, "Sizes");
    let cycle = Ident::new(
        match cycle {
            CyclePolicy::Reject => "Reject",
            CyclePolicy::Previous => "Previous",
            CyclePolicy::FixedPoint => "FixedPoint",
        },
        Span::mixed_site(),
    );
    let unused = if dimension_names.is_empty() {
        quote_spanned!(Span::mixed_site()=> let _ = sizes;)
    } else {
        TokenStream::new()
    };
    quote_spanned! {Span::mixed_site()=>
        #(#configuration)*
        #(#docs)*
        #separator
        #[doc = #document]
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name;

        #(#configuration)*
        #[allow(dead_code, reason = "no user needs all of what is generated")]
        impl #name {
            /// The equations as plain text.
            #visibility const EQUATIONS: &'static str = #text;
            /// Names of the input sequences, in the order a run takes them.
            #visibility const INPUTS: &'static [&'static str] = #inputs;
            /// Names of the states, in the order a run takes them.
            #visibility const STATES: &'static [&'static str] = #states;
            /// Names of the output sequences, in the order a run gives them.
            #visibility const OUTPUTS: &'static [&'static str] = #outputs;
            /// Names of the parameters, in the order of the flat buffer.
            #visibility const PARAMETERS: &'static [&'static str] = #parameters;
            /// Names of the sizes that the equations leave open.
            #visibility const DIMENSIONS: &'static [&'static str] = #dimensions;

            /// The checked cell. Places in it count bytes of `EQUATIONS`.
            #[must_use]
            #visibility fn cell() -> ::gatewright::compiler::resolve::Cell {
                ::gatewright::expansion::cell(
                    Self::EQUATIONS,
                    ::gatewright::compiler::resolve::CyclePolicy::#cycle,
                )
            }

            /// Compiles the cell for these sizes, for any number of steps and samples.
            ///
            /// # Errors
            ///
            /// A size that is too large; a failure of the code generator.
            #visibility fn compile<T: ::gatewright::Element>(
                sizes: #sizes,
                options: ::gatewright::CompileOptions,
            ) -> ::core::result::Result<::gatewright::CompiledCell<T>, ::gatewright::error::CompileError> {
                #unused
                ::gatewright::CompiledCell::new(
                    &Self::cell(),
                    &[#((#dimension_names, sizes.#dimension_fields)),*],
                    options,
                )
            }
        }
    }
}

/// ```text
/// /// The sizes that the equations of `Lstm` leave open.
/// #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// pub struct LstmSizes {
///     /// Size `x`, of: `x`.
///     pub x: usize,
///     /// Size `h`, of: `h`, `C`.
///     pub h: usize,
/// }
/// ```
fn sizes(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { item, choices, cell, .. } = expansion;
    let (visibility, name, configuration) = (&item.visibility, &item.name, &choices.configuration);
    let sizes = suffixed(name, "Sizes");
    let fields = dimension_fields(cell);
    let documents = cell.dimensions.iter().map(|dimension| {
        let states = cell.states.iter().map(|state| &state.variable);
        let having: Vec<String> = cell
            .inputs
            .iter()
            .chain(states)
            .filter(|variable| variable.shape.describe(&cell.dimensions) == format!("[{dimension}]"))
            .map(|variable| format!("`{}`", variable.name))
            .collect();
        if having.is_empty() {
            format!("Size `{dimension}`.")
        } else {
            format!("Size `{dimension}`, of: {}.", having.join(", "))
        }
    });
    let document = format!("The sizes that the equations of [`{name}`] leave open.");
    let allowed = allowed();
    quote_spanned! {Span::mixed_site()=>
        #(#configuration)*
        #[doc = #document]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #allowed
        #[allow(dead_code, reason = "no user needs all of what is generated")]
        #visibility struct #sizes {
            #(#[doc = #documents] #visibility #fields: usize,)*
        }
    }
}

/// ```text
/// /// Parameters of `Lstm` by name: a view of a flat buffer.
/// #[derive(Clone, Debug, PartialEq)]
/// pub struct LstmParameters<'a, T> {
///     /// Parameter, `[h, h + x]`. (equations that have it)
///     pub W_xi: MatrixView<'a, T>,
///     pub b_i: &'a [T],
///     …
/// }
///
/// impl<'a, T> LstmParameters<'a, T> {
///     pub fn view(cell: &(impl SequenceCell<T> + ?Sized), parameters: &'a [T]) -> Result<Self, ViewError> {
///         let mut parts = Parts::new(&cell.layout().parameters, parameters)?;
///         let view = Self { W_xi: parts.matrix("W_xi")?, b_i: parts.vector("b_i")?, … };
///         parts.finish()?;
///         Ok(view)
///     }
/// }
/// ```
/// and `LstmParametersMut` with `MatrixViewMut<'a, T>` and `&'a mut [T]`.
fn parameter_view(expansion: &Expansion<'_>, mutable: bool) -> TokenStream {
    let Expansion { item, choices, parameters, .. } = expansion;
    if parameters.is_empty() {
        return TokenStream::new();
    }
    let (visibility, name, configuration) = (&item.visibility, &item.name, &choices.configuration);
    let view = suffixed(name, if mutable { "ParametersMut" } else { "Parameters" });
    let site = Span::mixed_site();
    let exclusive = mutable.then(|| quote_spanned!(site=> mut));
    let parts = Ident::new(if mutable { "PartsMut" } else { "Parts" }, site);
    let matrix = Ident::new(if mutable { "MatrixViewMut" } else { "MatrixView" }, site);
    let keys = parameters.iter().map(|parameter| parameter.key);
    let fields: Vec<&Ident> = parameters.iter().map(|parameter| &parameter.field).collect();
    let documents = parameters.iter().map(|parameter| &parameter.document);
    let (types, readers): (Vec<TokenStream>, Vec<Ident>) = parameters
        .iter()
        .map(|parameter| match parameter.shape {
            Shape::Matrix(..) => {
                (quote_spanned!(site=> ::gatewright::parameters::#matrix<'a, T>), Ident::new("matrix", site))
            }
            Shape::Vector(_) => (quote_spanned!(site=> &'a #exclusive [T]), Ident::new("vector", site)),
            Shape::Scalar => (quote_spanned!(site=> &'a #exclusive T), Ident::new("scalar", site)),
        })
        .unzip();
    let derives = if mutable {
        quote_spanned!(site=> #[derive(Debug, PartialEq)])
    } else {
        quote_spanned!(site=> #[derive(Clone, Copy, Debug, PartialEq)])
    };
    let document = format!(
        "Parameters of [`{name}`] by name, or gradients by them: a{} view of a flat buffer.",
        if mutable { "n exclusive" } else { "" }
    );
    let allowed = allowed();
    quote_spanned! {site=>
        #(#configuration)*
        #[doc = #document]
        #derives
        #allowed
        #[allow(dead_code, reason = "no user needs all of what is generated")]
        #visibility struct #view<'a, T> {
            #(#[doc = #documents] #visibility #fields: #types,)*
        }

        #(#configuration)*
        #[allow(dead_code, reason = "no user needs all of what is generated")]
        impl<'a, T> #view<'a, T> {
            /// Names the parts of a flat buffer of `cell`.
            ///
            /// # Errors
            ///
            /// A buffer of another length than the cell's parameters, or a cell with other parameters.
            #visibility fn view(
                cell: &(impl ::gatewright::sequence::SequenceCell<T> + ?::core::marker::Sized),
                parameters: &'a #exclusive [T],
            ) -> ::core::result::Result<Self, ::gatewright::parameters::ViewError> {
                let layout = &::gatewright::sequence::SequenceCell::layout(cell).parameters;
                let mut parts = ::gatewright::parameters::#parts::new(layout, parameters)?;
                let view = Self { #(#fields: parts.#readers(#keys)?),* };
                parts.finish()?;
                ::core::result::Result::Ok(view)
            }
        }
    }
}

/// The names of the generated items, for code that uses them while the equations are wrong:
/// ```text
/// pub struct Lstm;
/// pub struct LstmSizes {}
/// pub struct LstmParameters<'a, T> { W_xi: MatrixView<'a, T>, b_i: &'a [T], … }
/// ```
/// with the functions of the whole expansion. Parameters are guessed, since equations that could not be read are missing:
/// what has no index and no definition, a matrix where it is upper case. The sizes are not known.
pub(crate) fn skeleton(item: &CellItem, choices: &Choices, parameters: &[Ident]) -> TokenStream {
    let (visibility, name) = (&item.visibility, &item.name);
    let Choices { docs, configuration, .. } = choices;
    let sizes = suffixed(name, "Sizes");
    let site = Span::mixed_site();
    let allowed = allowed();
    let views = [("Parameters", None), ("ParametersMut", Some(quote_spanned!(site=> mut)))].map(
        |(suffix, exclusive)| {
            if parameters.is_empty() {
                return TokenStream::new();
            }
            let view = suffixed(name, suffix);
            let matrix = Ident::new(if exclusive.is_some() { "MatrixViewMut" } else { "MatrixView" }, site);
            let fields = parameters.iter().map(|field| {
                if field.to_string().starts_with(char::is_uppercase) {
                    quote_spanned!(site=> #visibility #field: ::gatewright::parameters::#matrix<'a, T>)
                } else {
                    quote_spanned!(site=> #visibility #field: &'a #exclusive [T])
                }
            });
            quote_spanned! {site=>
                #(#configuration)*
                #allowed
                #[allow(dead_code, missing_docs, reason = "the equations have errors")]
                #[derive(Debug)]
                #visibility struct #view<'a, T> { #(#fields,)* }

                #(#configuration)*
                #[allow(dead_code, missing_docs, unused_variables, reason = "the equations have errors")]
                impl<'a, T> #view<'a, T> {
                    #visibility fn view(
                        cell: &(impl ::gatewright::sequence::SequenceCell<T> + ?::core::marker::Sized),
                        parameters: &'a #exclusive [T],
                    ) -> ::core::result::Result<Self, ::gatewright::parameters::ViewError> {
                        ::core::unreachable!()
                    }
                }
            }
        },
    );
    quote_spanned! {site=>
        #(#configuration)*
        #(#docs)*
        #[allow(missing_docs, reason = "the equations have errors")]
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name;

        #(#configuration)*
        #[allow(missing_docs, reason = "the equations have errors")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #visibility struct #sizes {}

        #(#configuration)*
        #[allow(dead_code, missing_docs, unused_variables, reason = "the equations have errors")]
        impl #name {
            #visibility fn cell() -> ::gatewright::compiler::resolve::Cell {
                ::core::unreachable!()
            }

            #visibility fn compile<T: ::gatewright::Element>(
                sizes: #sizes,
                options: ::gatewright::CompileOptions,
            ) -> ::core::result::Result<::gatewright::CompiledCell<T>, ::gatewright::error::CompileError> {
                ::core::unreachable!()
            }
        }

        #(#views)*
    }
}

/// `LstmSizes`, at the place of `Lstm`.
pub(crate) fn suffixed(name: &Ident, suffix: &str) -> Ident {
    let text = name.to_string();
    let text = text.strip_prefix("r#").unwrap_or(&text);
    Ident::new(&format!("{text}{suffix}"), name.span())
}

fn dimension_fields(cell: &Cell) -> Vec<Ident> {
    let mut fields = Fields::default();
    cell.dimensions.iter().map(|dimension| fields.field(dimension, None)).collect()
}
