//! Tokens to items, and the equations of an item, tokens or text, to their syntax tree.

use gatewright_compiler::resolve::{CyclePolicy, Options, settle};
use gatewright_compiler::source::ast::{Expression, ExpressionKind, Reference, Statement, StatementKind};
use gatewright_compiler::source::{Parsed, Syntax, parse, parse_tokens};
use gatewright_compiler::span::Span;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Visibility};

use crate::names::identifier;
use crate::places::{Places, Text};

/// All of `cell! { … }`.
pub(crate) struct Invocation {
    pub(crate) cells: Vec<(CellItem, TokenStream)>,
}

/// `#[…] pub Lstm` of `cell!`, or `#[…] pub struct Lstm;` under `#[cell]`.
pub(crate) struct CellItem {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
}

impl Parse for Invocation {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut cells = Vec::new();
        while !input.is_empty() {
            let item: CellItem = input.parse()?;
            let name = &item.name;
            if !input.peek(syn::token::Brace) {
                return Err(
                    input.error(format!("the equations of `{name}` are needed in braces: `{name} {{ … }}`"))
                );
            }
            let content;
            syn::braced!(content in input);
            cells.push((item, content.parse()?));
        }
        if cells.is_empty() {
            return Err(
                input.error("a cell is needed, such as `pub Elman { h_t = tanh(W x_t + U h_{t-1} + b) }`")
            );
        }
        Ok(Self { cells })
    }
}

impl Parse for CellItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        Ok(Self { attributes, visibility: input.parse()?, name: input.parse()? })
    }
}

/// The equations of an item, as far as they could be read.
pub(crate) struct Equations {
    pub(crate) parsed: Parsed,
    /// What leads from the places in them to the compiler's.
    pub(crate) places: Places,
    /// They stand in the item's documentation, which need not show them again.
    pub(crate) documented: bool,
    /// Names that look like parameters, each once, in equations that may be wrong.
    pub(crate) likely_parameters: Vec<Ident>,
    /// Every name that is written in an equation that could be read, in the order of the text.
    pub(crate) mentions: Vec<Mention>,
}

/// Identifiers without time index, not applied like a function, not defined, and not among the declarations.
fn likely_parameters(tokens: TokenStream, mentions: &[Mention]) -> Vec<Ident> {
    let mut found: Vec<Ident> = Vec::new();
    let mut stack = vec![tokens.into_iter().peekable()];
    while let Some(stream) = stack.last_mut() {
        match stream.next() {
            Some(TokenTree::Ident(ident)) if ident == "where" => break,
            Some(TokenTree::Ident(ident)) => {
                let text = ident.to_string();
                let indexed = text.ends_with("_t") || text.ends_with('_') || text == "t";
                let applied = matches!(stream.peek(), Some(TokenTree::Group(group))
                    if group.delimiter() == Delimiter::Parenthesis);
                if !indexed
                    && !applied
                    && syn::parse_str::<Ident>(&text).is_ok()
                    && found.iter().all(|known| *known != ident)
                {
                    found.push(ident);
                }
            }
            Some(TokenTree::Group(group)) => stack.push(group.stream().into_iter().peekable()),
            Some(TokenTree::Punct(_) | TokenTree::Literal(_)) => {}
            None => {
                stack.pop();
            }
        }
    }
    found.retain(|ident| {
        let mut targets = mentions.iter().filter(|mention| mention.place == Place::Target);
        !targets.any(|mention| mention.identifier.as_ref() == Some(ident))
    });
    found
}

/// A name where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    /// Canonical name, without its superscript.
    pub(crate) base: String,
    /// Superscript, which the resolver takes as a label or a power.
    pub(crate) superscript: Option<u32>,
    /// The user's identifier, where it begins with one; a text has none.
    pub(crate) identifier: Option<Ident>,
    /// The identifier is all of it: no index or label follows in tokens of its own.
    pub(crate) whole: bool,
    /// It has a time index.
    pub(crate) indexed: bool,
    /// Its tokens or bytes.
    pub(crate) span: Span,
    /// Index of the statement.
    pub(crate) statement: usize,
    /// What it does there.
    pub(crate) place: Place,
}

/// What a mention does in its statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is defined: a left side, the name or the argument of a function.
    Target,
    /// It is declared.
    Declared,
    /// It is read.
    Read,
}

impl Mention {
    /// The key in the cell, given the names that the cell knows.
    pub(crate) fn key(&self, known: impl Fn(&str) -> bool) -> String {
        match self.superscript.map(|number| format!("{}_{number}", self.base)) {
            Some(labelled) if known(&labelled) => labelled,
            _ => self.base.clone(),
        }
    }
}

/// Reads the equations of an item of `cell!`.
pub(crate) fn equations(tokens: TokenStream) -> Equations {
    let mut identifiers = Vec::new();
    number(tokens.clone(), &mut identifiers);
    let (parsed, spans) = parse_tokens(tokens.clone());
    debug_assert!(identifiers.len() >= spans.len(), "tokens are numbered as the compiler numbers them");
    let mentions = mentions(&parsed, &identifiers);
    let likely_parameters = likely_parameters(tokens, &mentions);
    Equations { parsed, places: Places::Tokens(spans), documented: false, likely_parameters, mentions }
}

/// Reads the equations of a text, or of its part under the heading `section`.
pub(crate) fn text_equations(
    text: Text,
    syntax: Syntax,
    section: Option<&str>,
    cycle: CyclePolicy,
) -> Equations {
    let options = Options { cycle, ..Options::default() };
    let parsed = settle(parse(&text.text, syntax, section), &options);
    let mentions = mentions(&parsed, &[]);
    let mut likely_parameters: Vec<Ident> = Vec::new();
    for (index, mention) in mentions.iter().enumerate() {
        let same = |other: &&Mention| other.base == mention.base;
        let defined = mentions.iter().filter(same).any(|other| other.place == Place::Target);
        let first = mentions.iter().position(|other| other.base == mention.base) == Some(index);
        if first && !defined && !mention.indexed {
            likely_parameters.push(identifier(&mention.base, text.whole));
        }
    }
    Equations { parsed, places: Places::Text(text), documented: false, likely_parameters, mentions }
}

fn mentions(parsed: &Parsed, identifiers: &[Option<Ident>]) -> Vec<Mention> {
    let mut collector = Collector { identifiers, mentions: Vec::new(), statement: 0 };
    for (index, statement) in parsed.document.statements.iter().enumerate() {
        collector.statement = index;
        collector.statement(statement);
    }
    collector.mentions
}

/// Identifiers by token number. A group counts one token for each of its delimiters, as in the compiler.
fn number(tokens: TokenStream, identifiers: &mut Vec<Option<Ident>>) {
    // A stack of streams instead of recursion: depth is the user's. `None` closes a group.
    let mut stack = vec![(tokens.into_iter(), false)];
    while let Some((stream, visible)) = stack.last_mut() {
        match stream.next() {
            Some(TokenTree::Group(group)) => {
                let visible = group.delimiter() != Delimiter::None;
                if visible {
                    identifiers.push(None);
                }
                stack.push((group.stream().into_iter(), visible));
            }
            Some(TokenTree::Ident(ident)) => identifiers.push(Some(ident)),
            Some(TokenTree::Punct(_) | TokenTree::Literal(_)) => identifiers.push(None),
            None => {
                if *visible {
                    identifiers.push(None);
                }
                stack.pop();
            }
        }
    }
}

struct Collector<'a> {
    identifiers: &'a [Option<Ident>],
    mentions: Vec<Mention>,
    statement: usize,
}

impl Collector<'_> {
    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Definition { target, value } => {
                self.reference(target, Place::Target);
                self.expression(value);
            }
            StatementKind::Function { name, name_span, parameter, body } => {
                let head = Reference { name: name.clone(), time: None, span: *name_span };
                self.reference(&head, Place::Target);
                if let Some(parameter) = parameter {
                    self.reference(parameter, Place::Target);
                }
                self.expression(body);
            }
            StatementKind::Declaration { target, .. } | StatementKind::Mark { target, .. } => {
                self.reference(target, Place::Declared)
            }
        }
    }

    fn reference(&mut self, reference: &Reference, place: Place) {
        let identifier = self.identifiers.get(reference.span.start as usize).cloned().flatten();
        let whole = identifier.is_some() && reference.span.end == reference.span.start.saturating_add(1);
        self.mentions.push(Mention {
            base: reference.name.canonical.clone(),
            superscript: reference.name.superscript,
            identifier,
            whole,
            indexed: reference.time.is_some(),
            span: reference.span,
            statement: self.statement,
            place,
        });
    }

    /// Depth is bounded: the parser refuses what is nested or chained too deeply.
    fn expression(&mut self, expression: &Expression) {
        if let ExpressionKind::Reference(reference) = &expression.kind {
            self.reference(reference, Place::Read);
        }
        for operand in expression.operands() {
            self.expression(operand);
        }
    }
}
