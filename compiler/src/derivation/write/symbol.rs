//! Names: every value as the equations write it.

use super::{Notation, Style, Writer};
use crate::derivation::equation::{Range, Symbol};
use crate::derivation::name::ValueName;
use crate::shape::{Dimension, Shape};
use crate::source::ast::Name;
use crate::source::print;

/// A name of the cell with its time index.
pub(in crate::derivation) fn name(style: Style, canonical: &str, time: Option<i32>) -> String {
    let name = Name { canonical: canonical.to_owned(), upper: false, superscript: None };
    match style {
        Style::Latex => print::latex::name(&name, time),
        Style::Text => match time {
            None => canonical.to_owned(),
            Some(0) => format!("{canonical}_t"),
            Some(offset) => format!("{canonical}_{{t{offset:+}}}"),
        },
    }
}

/// A value that an equation of the cell defines; `definition` tells several definitions of one name apart.
pub(in crate::derivation) fn written(
    style: Style,
    canonical: &str,
    definition: Option<u32>,
    time: Option<i32>,
) -> String {
    let name = name(style, canonical, time);
    match (definition, style) {
        (None, _) => name,
        (Some(definition), Style::Text) => format!("{name}^({definition})"),
        (Some(definition), Style::Latex) => format!("{name}^{{({definition})}}"),
    }
}

/// The sign of an adjoint; `taken` where the cell has a `delta` of its own.
pub(in crate::derivation) const fn delta(style: Style, taken: bool) -> &'static str {
    match (style, taken) {
        (Style::Text, _) => "δ",
        (Style::Latex, true) => "\\boldsymbol{\\delta} ",
        (Style::Latex, false) => "\\delta ",
    }
}

/// The sign of a gradient by what is constant over time.
pub(in crate::derivation) const fn nabla(style: Style) -> &'static str {
    style.pick("∇", "\\nabla ")
}

/// What the loss gives by an output.
pub(in crate::derivation) fn given(style: Style, output: &str) -> String {
    match style {
        Style::Text => format!("∂L/∂{output}"),
        Style::Latex => format!("\\frac{{\\partial L}}{{\\partial {output}}}"),
    }
}

/// The part of an adjoint of `state` that comes back from the step after this one.
pub(in crate::derivation) fn arriving(style: Style, delta: &str, state: &str) -> String {
    match style {
        Style::Text => format!("{delta}{state}^{{←t+1}}"),
        Style::Latex => format!("{delta}{state}^{{\\leftarrow t+1}}"),
    }
}

/// The part of an adjoint of `state` that this step hands back.
pub(in crate::derivation) fn leaving(style: Style, delta: &str, state: &str) -> String {
    match style {
        Style::Text => format!("{delta}{state}^{{←t}}"),
        Style::Latex => format!("{delta}{state}^{{\\leftarrow t}}"),
    }
}

/// A name at a given step.
pub(in crate::derivation) fn at(style: Style, canonical: &str, step: &str) -> String {
    let braces = step.chars().count() > 1;
    let mut text = name(style, canonical, Some(0));
    // The time index comes last: `_t` or `_{…,t}`.
    if let Some(place) = text.rfind('t') {
        let closed = text[place..].ends_with('}');
        let step = if braces && !closed { format!("{{{step}}}") } else { step.to_owned() };
        text.replace_range(place..=place, &step);
    }
    text
}

/// The gradient by a state before the first step that reads it so many steps `back`.
pub(in crate::derivation) fn initial(style: Style, canonical: &str, back: u32) -> String {
    format!("{}{}", nabla(style), at(style, canonical, &(1 - i64::from(back)).to_string()))
}

/// The part of the adjoint of `value` that comes back to it through a cycle of the step.
pub(in crate::derivation) fn circling(style: Style, delta: &str, value: &str) -> String {
    match style {
        Style::Text => format!("{delta}{value}^{{↺}}"),
        Style::Latex => format!("{delta}{value}^{{\\circlearrowleft}}"),
    }
}

/// A state `back` steps before the step `later` steps on.
pub(in crate::derivation) fn state(style: Style, canonical: &str, back: u32, later: i32) -> String {
    let back = i32::try_from(back).unwrap_or(i32::MAX);
    name(style, canonical, Some(later.saturating_sub(back)))
}

impl Writer<'_> {
    /// A name with its time index.
    pub(super) fn name(&self, canonical: &str, time: Option<i32>) -> String {
        name(self.style, canonical, time)
    }

    pub(super) fn value(&mut self, number: u32) -> String {
        let Some(value) = self.derivation.values.get(number as usize).cloned() else { return "?".to_owned() };
        let time = value.indexed.then_some(0);
        match value.name {
            ValueName::Written { canonical, definition } => {
                if definition.is_some() {
                    self.used.insert(Notation::Definition);
                }
                written(self.style, &canonical, definition, time)
            }
            ValueName::Argument(of) => {
                self.used.insert(Notation::Argument);
                let letter = self.derivation.letters.argument.clone();
                let of = self.bare_value(of);
                match self.style {
                    Style::Text => format!("{letter}_{of}_t"),
                    Style::Latex => format!("{}^{{{of}}}_t", self.name(&letter, None)),
                }
            }
            ValueName::Made(number) => {
                self.used.insert(Notation::Made);
                let letter = self.derivation.letters.value.clone();
                match self.style {
                    Style::Text => format!("{letter}{number}_t"),
                    Style::Latex => self.name(&format!("{letter}_{number}"), Some(0)),
                }
            }
        }
    }

    /// The name of a value without its time index.
    fn bare_value(&self, number: u32) -> String {
        match self.derivation.values.get(number as usize).map(|value| &value.name) {
            Some(ValueName::Written { canonical, definition }) => {
                let name = self.name(canonical, None);
                match (definition, self.style) {
                    (None, _) => name,
                    (Some(definition), Style::Text) => format!("{name}^({definition})"),
                    (Some(definition), Style::Latex) => format!("{{{name}}}^{{({definition})}}"),
                }
            }
            Some(ValueName::Made(number)) => match self.style {
                Style::Text => format!("{}{number}", self.derivation.letters.value),
                Style::Latex => self.name(&format!("{}_{number}", self.derivation.letters.value), None),
            },
            // An argument is that of a function, which is none.
            Some(ValueName::Argument(_)) | None => "?".to_owned(),
        }
    }

    pub(super) fn delta(&mut self) -> &'static str {
        self.used.insert(Notation::Adjoint);
        delta(self.style, self.derivation.letters.delta_taken)
    }

    pub(super) fn nabla(&mut self) -> &'static str {
        self.used.insert(Notation::Gradient);
        nabla(self.style)
    }

    pub(super) fn symbol(&mut self, symbol: Symbol) -> String {
        let signature = self.derivation.graph.signature();
        let port = |ports: &[crate::graph::Port], index: u32| {
            ports.get(index as usize).map_or_else(|| "?".to_owned(), |port| port.name.clone())
        };
        let parameter = |index| port(&signature.parameters, index);
        match symbol {
            Symbol::Parameter(index) => self.name(&parameter(index), None),
            Symbol::Input(index) => self.name(&port(&signature.inputs, index), Some(0)),
            Symbol::State(index) => self.state(index, 0),
            Symbol::Unknown(index) => self.unknown(index),
            Symbol::Value(number) => self.value(number),
            Symbol::Circling(index) => {
                self.used.insert(Notation::Circling);
                let (sign, name) = (self.delta(), self.unknown(index));
                circling(self.style, sign, &name)
            }
            Symbol::Adjoint(number) => {
                let once = self.derivation.values.get(number as usize).is_some_and(|value| value.once);
                let sign = if once { self.nabla() } else { self.delta() };
                format!("{sign}{}", self.value(number))
            }
            Symbol::OutputGradient(index) => {
                self.used.insert(Notation::Given);
                let name = port(&signature.outputs, index);
                // An output is one of the values that the equations define; it is written as they write it.
                let indexed = self.derivation.values.iter().rev().find_map(|value| match &value.name {
                    ValueName::Written { canonical, .. } if *canonical == name => Some(value.indexed),
                    _ => None,
                });
                let name = self.name(&name, indexed.unwrap_or(true).then_some(0));
                given(self.style, &name)
            }
            Symbol::Initial(index) => {
                self.used.insert(Notation::Gradient);
                match self.derivation.states.get(index as usize) {
                    Some(state) => initial(self.style, &state.canonical, state.back),
                    None => "?".to_owned(),
                }
            }
            Symbol::Arriving(index) => {
                self.used.insert(Notation::Handed);
                let (sign, name) = (self.delta(), self.state(index, 1));
                arriving(self.style, sign, &name)
            }
            Symbol::Leaving(index) => {
                self.used.insert(Notation::Handed);
                let (sign, name) = (self.delta(), self.state(index, 0));
                leaving(self.style, sign, &name)
            }
            Symbol::InputGradient(index) => {
                let name = port(&signature.inputs, index);
                format!("{}{}", self.delta(), self.name(&name, Some(0)))
            }
            Symbol::ParameterGradient(index) => {
                let name = parameter(index);
                format!("{}{}", self.nabla(), self.name(&name, None))
            }
            Symbol::Temporary { number, .. } => {
                self.used.insert(Notation::Temporary);
                let per_step = self.derivation.temporaries.get(number as usize).copied().unwrap_or(true);
                let letter = &self.derivation.letters.temporary;
                let time = per_step.then_some(0);
                match self.style {
                    Style::Text => self.name(&format!("{letter}{}", number + 1), time),
                    Style::Latex => self.name(&format!("{letter}_{}", number + 1), time),
                }
            }
        }
    }

    /// An unknown by the name of its value.
    fn unknown(&mut self, index: u32) -> String {
        match self.derivation.unknowns.get(index as usize).copied().flatten() {
            Some(number) => self.value(number),
            None => "?".to_owned(),
        }
    }

    /// A state as it enters the step, or `later` steps on.
    pub(super) fn state(&self, index: u32, later: i32) -> String {
        let Some(state) = self.derivation.states.get(index as usize) else { return "?".to_owned() };
        self::state(self.style, &state.canonical, state.back, later)
    }

    pub(super) fn size(&self, dimension: &Dimension) -> String {
        let names: Vec<String> =
            self.derivation.graph.signature().dimensions.iter().map(|name| self.name(name, None)).collect();
        dimension.describe(&names)
    }

    pub(super) fn range(&self, range: &Range) -> String {
        let start = if range.start == Dimension::default() { String::new() } else { self.size(&range.start) };
        let end = range.end();
        let end = if end == range.total { String::new() } else { self.size(&end) };
        match self.style {
            Style::Text => format!("{start}:{end}"),
            Style::Latex => format!("{start}{{:}}{end}"),
        }
    }

    pub(super) fn shape(&self, shape: &Shape) -> String {
        match shape {
            Shape::Scalar => String::new(),
            Shape::Vector(n) => self.size(n),
            Shape::Matrix(rows, columns) => {
                format!("{}{}{}", self.size(rows), self.pick("×", " \\times "), self.size(columns))
            }
        }
    }
}
