//! Documentation of an item as a text, and back: with its formulas as MathML.

use gatewright_compiler::source::{Syntax, formulas};
use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, parse_quote_spanned};

use crate::mathml;
use crate::places::Text;

/// The documentation of an item.
pub(crate) struct Documentation {
    /// What stands in `///`, `/** … */` and `#[doc = "…"]`, as rustdoc reads it, without its common indent.
    lines: Vec<Line>,
    /// Places of the attributes that hold the lines.
    places: Vec<Span>,
    /// `#[doc(hidden)]` and its like.
    others: Vec<Attribute>,
    /// `#[doc = include_str!("…")]`, which the macro cannot read.
    pub(crate) unread: Vec<Attribute>,
}

struct Line {
    text: String,
    /// Which attribute holds it.
    attribute: usize,
    /// Its number in the file.
    number: usize,
}

impl Documentation {
    /// Reads `doc` attributes.
    pub(crate) fn new(attributes: &[Attribute]) -> Self {
        let mut documentation =
            Self { lines: Vec::new(), places: Vec::new(), others: Vec::new(), unread: Vec::new() };
        for attribute in attributes {
            let Meta::NameValue(pair) = &attribute.meta else {
                documentation.others.push(attribute.clone());
                continue;
            };
            let Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) = &pair.value else {
                documentation.unread.push(attribute.clone());
                continue;
            };
            documentation.add(literal);
        }
        // The common indent of all lines that are not blank, as rustdoc takes it off.
        let indent = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
        let common = documentation
            .lines
            .iter()
            .filter(|line| !line.text.trim().is_empty())
            .map(|line| indent(&line.text))
            .min()
            .unwrap_or(0);
        for line in &mut documentation.lines {
            line.text.drain(..common.min(indent(&line.text)));
        }
        documentation
    }

    fn add(&mut self, literal: &LitStr) {
        let attribute = self.places.len();
        self.places.push(literal.span());
        let (first, last) = (literal.span().start().line, literal.span().end().line);
        let value = literal.value();
        let mut lines: Vec<&str> = value.split('\n').map(|line| line.trim_end_matches('\r')).collect();
        let mut skipped = 0;
        if let [start, inside @ .., end] = lines.as_slice() {
            // Of `/** … */` the lines with nothing but the delimiters are none, nor is a column of `*`.
            let column = inside.iter().all(|line| line.trim_start().starts_with('*')) && !inside.is_empty();
            let end_is_none = end.trim().is_empty();
            if start.trim().is_empty() {
                skipped = 1;
            }
            if end_is_none {
                lines.pop();
            }
            if column {
                for line in lines.iter_mut().skip(1) {
                    *line = line.trim_start().strip_prefix('*').unwrap_or(line);
                }
            }
        }
        for (index, line) in lines.into_iter().enumerate().skip(skipped) {
            let number = (first + index).min(last.max(first));
            self.lines.push(Line { text: line.to_owned(), attribute, number });
        }
    }

    /// The lines as one text with places; findings about no line are shown at `whole`.
    pub(crate) fn text(&self, whole: Span, section: Option<Span>) -> Text {
        let place = |line: &Line| self.places.get(line.attribute).copied().unwrap_or(whole);
        // Without numbers of lines, those of the documentation are shown.
        let known = self.lines.first().is_some_and(|line| line.number > 0);
        let number =
            |(index, line): (usize, &Line)| (place(line), if known { line.number } else { index + 1 });
        Text {
            text: self.joined(),
            lines: self.lines.iter().enumerate().map(number).collect(),
            whole,
            section,
            path: None,
        }
    }

    fn joined(&self) -> String {
        self.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The attributes again, formulas as MathML. Each keeps its place; a formula of several lines stands in the last of
    /// them, and the others are gone.
    pub(crate) fn attributes(self) -> Vec<Attribute> {
        let text = self.joined();
        let mut formulas = formulas(&text, Syntax::Markdown).into_iter().peekable();
        let mut kept: Vec<Vec<String>> = vec![Vec::new(); self.places.len()];
        let (mut line_start, mut written) = (0, 0);
        let mut current = String::new();
        for line in &self.lines {
            let line_end = line_start + line.text.len();
            while let Some(formula) = formulas.next_if(|formula| formula.range.start <= line_end) {
                current.push_str(text.get(written.max(line_start)..formula.range.start).unwrap_or(""));
                current.push_str(&mathml::formula(&text, &formula));
                written = formula.range.end;
            }
            if written <= line_end {
                current.push_str(text.get(written.max(line_start)..line_end).unwrap_or(""));
                if let Some(lines) = kept.get_mut(line.attribute) {
                    lines.push(std::mem::take(&mut current));
                }
            }
            line_start = line_end + 1;
        }
        let lines = self.places.iter().zip(&kept).filter(|(_, lines)| !lines.is_empty());
        let mut attributes: Vec<Attribute> = lines
            .map(|(place, lines)| {
                let literal = LitStr::new(&lines.join("\n"), *place);
                parse_quote_spanned!(*place=> #[doc = #literal])
            })
            .collect();
        attributes.extend(self.unread);
        attributes.extend(self.others);
        attributes
    }
}
