//! Equations to text or LaTeX, with as few parentheses as the meaning allows.
//!
//! Precedence, loosest first: sums; a sign; products, quotients and `Σ_t`; products of matrices by juxtaposition;
//! powers and transposes; names, calls and brackets.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Derivation;
use super::equation::{Equation, Expression, Range, Symbol, Term};
use super::name::ValueName;
use crate::operator::{Binary, Unary};
use crate::shape::{Dimension, Shape};
use crate::source::ast::Name;
use crate::source::print;

/// Spelling of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Text,
    Latex,
}

const SUM: u8 = 1;
const SIGN: u8 = 2;
const PRODUCT: u8 = 3;
const APPLY: u8 = 4;
const POWER: u8 = 5;
const ATOM: u8 = 6;

/// Writes equations of one derivation in one style; notes which notation it has used.
pub(super) struct Writer<'a> {
    derivation: &'a Derivation,
    style: Style,
    used: BTreeSet<Notation>,
}

/// Notation that the legend explains where it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Notation {
    Adjoint,
    Gradient,
    Given,
    Handed,
    Circling,
    Argument,
    Made,
    Temporary,
    Definition,
    Hadamard,
    Total,
    Columns,
    Elements,
    Zeros,
    Ones,
    Size,
    ElementSum,
    CumulativeSum,
    ReverseCumulativeSum,
    RowMaximum,
    Select,
    Indicator,
}

/// The whole answer.
pub(super) fn document(derivation: &Derivation, style: Style) -> String {
    let mut writer = Writer { derivation, style, used: BTreeSet::new() };
    let mut text = String::new();
    writer.heading("Forward, as written", &mut text);
    match style {
        Style::Text => {
            for line in print::text::document(&derivation.document).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
        Style::Latex => {
            let statements = &derivation.document.statements;
            let row = |statement| print::latex::statement(statement, " &= ", " &\\in ");
            writer.rows(&statements.iter().map(row).collect::<Vec<_>>(), &mut text);
        }
    }
    let unwritten = |equations: &[Equation]| -> Vec<Equation> {
        equations.iter().filter(|equation| !writer.is_written(equation.symbol)).cloned().collect()
    };
    let (once, forward) = (unwritten(&derivation.once), unwritten(&derivation.forward));
    writer.section("Parts that are computed once", &once, &mut text);
    writer.section("Parts of the forward step that the way back speaks of", &forward, &mut text);
    let from_to = match style {
        Style::Text => "Backward, at each step t = T, …, 1",
        Style::Latex => "Backward, at each step $t = T, \\dots, 1$",
    };
    writer.section(from_to, &derivation.backward, &mut text);
    let solved = "Solved with these by iteration, from zero until nothing changes";
    writer.section(solved, &derivation.solved, &mut text);
    writer.section("Handed to the step before", &derivation.carried, &mut text);
    writer.section("Gradients by the inputs", &derivation.inputs, &mut text);
    writer.section("Gradients by the parameters, once", &derivation.totals, &mut text);
    writer.initial_states(&mut text);
    writer.legend(&mut text);
    text
}

impl Derivation {
    /// A symbol as text, for pictures.
    pub(super) fn symbol_text(&self, symbol: Symbol) -> String {
        Writer { derivation: self, style: Style::Text, used: BTreeSet::new() }.symbol(symbol)
    }
}

impl Writer<'_> {
    fn pick<'t>(&self, text: &'t str, latex: &'t str) -> &'t str {
        match self.style {
            Style::Text => text,
            Style::Latex => latex,
        }
    }

    fn heading(&self, title: &str, text: &mut String) {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = match self.style {
            Style::Text => writeln!(text, "{title}"),
            Style::Latex => writeln!(text, "\\paragraph{{{title}}}"),
        };
    }

    fn rows(&self, rows: &[String], text: &mut String) {
        match self.style {
            Style::Text => {
                for row in rows {
                    let _ = writeln!(text, "  {row}");
                }
            }
            Style::Latex if rows.is_empty() => {}
            Style::Latex => {
                let _ = writeln!(text, "\\begin{{align*}}\n{}\n\\end{{align*}}", rows.join(" \\\\\n"));
            }
        }
    }

    fn section(&mut self, title: &str, equations: &[Equation], text: &mut String) {
        if equations.is_empty() {
            return;
        }
        self.heading(title, text);
        let rows: Vec<String> = equations.iter().map(|equation| self.equation(equation)).collect();
        self.rows(&rows, text);
    }

    fn equation(&mut self, equation: &Equation) -> String {
        let mut text = self.symbol(equation.symbol);
        text.push_str(self.pick(" = ", " &= "));
        match &equation.value {
            // The left side says of what shape the zero is.
            Expression::Fill(value, _) if **value == Expression::Number(0.0) => text.push('0'),
            value => self.write(value, 0, &mut text),
        }
        text
    }

    /// True for values whose equation is the user's own.
    fn is_written(&self, symbol: Symbol) -> bool {
        let Symbol::Value(number) = symbol else { return false };
        let value = self.derivation.values.get(number as usize);
        value.is_some_and(|value| matches!(value.name, ValueName::Written { .. }))
    }

    /// What the loss gives by final states, and the gradients by initial ones.
    fn initial_states(&mut self, text: &mut String) {
        let states = self.derivation.states.clone();
        if states.is_empty() {
            return;
        }
        self.heading("First and last step", text);
        let mut rows = Vec::new();
        for (number, state) in (0_u32..).zip(&states) {
            let back = i64::from(state.back);
            let (first, last) = (self.symbol(Symbol::Leaving(number)), self.symbol(Symbol::Arriving(number)));
            let initial = self.at(&state.canonical, &(1 - back).to_string());
            let end = if back == 1 { "T".to_owned() } else { format!("T-{}", back - 1) };
            let end = self.at(&state.canonical, &end);
            let nabla = self.pick("∇", "\\nabla ");
            rows.push(match self.style {
                Style::Text => format!("{nabla}{initial} = {first} at t = 1"),
                Style::Latex => format!("{nabla}{initial} &= \\left. {first} \\right|_{{t = 1}}"),
            });
            rows.push(match self.style {
                Style::Text => format!("{last} at t = T is given: gradient of the loss by the final {end}"),
                Style::Latex => format!(
                    "\\left. {last} \\right|_{{t = T}} &\\quad \\text{{is given: gradient of the loss by the final }} {end}"
                ),
            });
        }
        self.used.insert(Notation::Gradient);
        self.rows(&rows, text);
    }

    /// A name with its time index.
    fn name(&self, canonical: &str, time: Option<i32>) -> String {
        let name = Name { canonical: canonical.to_owned(), upper: false, superscript: None };
        match self.style {
            Style::Latex => print::latex::name(&name, time),
            Style::Text => match time {
                None => canonical.to_owned(),
                Some(0) => format!("{canonical}_t"),
                Some(offset) => format!("{canonical}_{{t{offset:+}}}"),
            },
        }
    }

    /// A name at a given step.
    fn at(&self, canonical: &str, step: &str) -> String {
        let braces = step.chars().count() > 1;
        let mut text = self.name(canonical, Some(0));
        // The time index comes last: `_t` or `_{…,t}`.
        if let Some(place) = text.rfind('t') {
            let closed = text[place..].ends_with('}');
            let step = if braces && !closed { format!("{{{step}}}") } else { step.to_owned() };
            text.replace_range(place..=place, &step);
        }
        text
    }

    fn value(&mut self, number: u32) -> String {
        let Some(value) = self.derivation.values.get(number as usize).cloned() else { return "?".to_owned() };
        let time = value.indexed.then_some(0);
        match value.name {
            ValueName::Written { canonical, definition: None } => self.name(&canonical, time),
            ValueName::Written { canonical, definition: Some(definition) } => {
                self.used.insert(Notation::Definition);
                let name = self.name(&canonical, time);
                match self.style {
                    Style::Text => format!("{name}^({definition})"),
                    Style::Latex => format!("{name}^{{({definition})}}"),
                }
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

    fn delta(&mut self) -> &'static str {
        self.used.insert(Notation::Adjoint);
        match self.style {
            Style::Text => "δ",
            Style::Latex if self.derivation.letters.delta_taken => "\\boldsymbol{\\delta} ",
            Style::Latex => "\\delta ",
        }
    }

    fn nabla(&mut self) -> &'static str {
        self.used.insert(Notation::Gradient);
        self.pick("∇", "\\nabla ")
    }

    fn symbol(&mut self, symbol: Symbol) -> String {
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
                match self.style {
                    Style::Text => format!("{sign}{name}^{{↺}}"),
                    Style::Latex => format!("{sign}{name}^{{\\circlearrowleft}}"),
                }
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
                match self.style {
                    Style::Text => format!("∂L/∂{name}"),
                    Style::Latex => format!("\\frac{{\\partial L}}{{\\partial {name}}}"),
                }
            }
            Symbol::Arriving(index) => {
                self.used.insert(Notation::Handed);
                let (sign, name) = (self.delta(), self.state(index, 1));
                match self.style {
                    Style::Text => format!("{sign}{name}^{{←t+1}}"),
                    Style::Latex => format!("{sign}{name}^{{\\leftarrow t+1}}"),
                }
            }
            Symbol::Leaving(index) => {
                self.used.insert(Notation::Handed);
                let (sign, name) = (self.delta(), self.state(index, 0));
                match self.style {
                    Style::Text => format!("{sign}{name}^{{←t}}"),
                    Style::Latex => format!("{sign}{name}^{{\\leftarrow t}}"),
                }
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
    fn state(&self, index: u32, later: i32) -> String {
        let Some(state) = self.derivation.states.get(index as usize) else { return "?".to_owned() };
        let back = i32::try_from(state.back).unwrap_or(i32::MAX);
        self.name(&state.canonical, Some(later.saturating_sub(back)))
    }

    fn size(&self, dimension: &Dimension) -> String {
        let names: Vec<String> =
            self.derivation.graph.signature().dimensions.iter().map(|name| self.name(name, None)).collect();
        dimension.describe(&names)
    }

    fn range(&self, range: &Range) -> String {
        let start = if range.start == Dimension::default() { String::new() } else { self.size(&range.start) };
        let end = range.end();
        let end = if end == range.total { String::new() } else { self.size(&end) };
        match self.style {
            Style::Text => format!("{start}:{end}"),
            Style::Latex => format!("{start}{{:}}{end}"),
        }
    }

    fn shape(&self, shape: &Shape) -> String {
        match shape {
            Shape::Scalar => String::new(),
            Shape::Vector(n) => self.size(n),
            Shape::Matrix(rows, columns) => {
                format!("{}{}{}", self.size(rows), self.pick("×", " \\times "), self.size(columns))
            }
        }
    }

    fn level(&self, expression: &Expression) -> u8 {
        match expression {
            Expression::Number(value) if value.is_sign_negative() => SIGN,
            Expression::Name(Symbol::OutputGradient(_)) | Expression::Quotient(..)
                if self.style == Style::Text =>
            {
                PRODUCT
            }
            Expression::Name(Symbol::Value(number) | Symbol::Adjoint(number))
                if self.derivation.values.get(*number as usize).is_some_and(|value| {
                    matches!(value.name, ValueName::Written { definition: Some(_), .. })
                }) =>
            {
                // A power of a name with a superscript needs parentheses.
                POWER
            }
            Expression::Name(Symbol::Arriving(_) | Symbol::Leaving(_) | Symbol::Circling(_)) => POWER,
            Expression::Sum(terms) => match terms.as_slice() {
                [_] => SIGN,
                _ => SUM,
            },
            Expression::Product(_) | Expression::Total(_) => PRODUCT,
            Expression::Apply(..) | Expression::Outer(..) | Expression::Fill(..) => APPLY,
            Expression::Square(_) | Expression::Transpose(_) => POWER,
            _ => ATOM,
        }
    }

    fn write(&mut self, expression: &Expression, minimum: u8, text: &mut String) {
        if self.level(expression) < minimum {
            text.push_str(self.pick("(", "\\left("));
            self.write(expression, 0, text);
            text.push_str(self.pick(")", "\\right)"));
            return;
        }
        match expression {
            Expression::Number(value) => text.push_str(&self.number(*value)),
            Expression::Name(symbol) => text.push_str(&self.symbol(*symbol)),
            Expression::Size(n) => {
                self.used.insert(Notation::Size);
                let n = self.size(n);
                let _ = write!(text, "{}({n})", self.pick("dim", "\\dim"));
            }
            Expression::Identity(n) => {
                let n = self.size(n);
                let _ = write!(text, "I_{{{n}}}");
            }
            Expression::Call(function, operand) => self.call(*function, operand, text),
            Expression::Sum(terms) => self.sum(terms, text),
            Expression::Product(factors) => self.product(factors, text),
            Expression::Quotient(over, under) => match self.style {
                Style::Text => {
                    self.write(over, PRODUCT, text);
                    text.push_str(" / ");
                    self.write(under, APPLY, text);
                }
                Style::Latex => {
                    text.push_str("\\frac{");
                    self.write(over, 0, text);
                    text.push_str("}{");
                    self.write(under, 0, text);
                    text.push('}');
                }
            },
            Expression::Square(operand) => {
                self.write(operand, ATOM, text);
                text.push_str(self.pick("^2", "^{2}"));
            }
            Expression::Compare(function @ (Binary::Less | Binary::LessOrEqual), a, b) => {
                self.used.insert(Notation::Indicator);
                text.push_str(self.pick("1[", "\\mathbf{1}["));
                self.write(a, 0, text);
                text.push_str(match function {
                    Binary::Less => " < ",
                    _ => self.pick(" ≤ ", " \\le "),
                });
                self.write(b, 0, text);
                text.push(']');
            }
            Expression::Compare(function, a, b) => {
                let minimum = *function == Binary::Minimum;
                text.push_str(if minimum { self.pick("min", "\\min") } else { self.pick("max", "\\max") });
                self.list("(", &[a, b], ")", text);
            }
            Expression::Select(condition, taken, other) => {
                self.used.insert(Notation::Select);
                text.push_str(self.pick("if", "\\operatorname{if}"));
                self.list("(", &[condition, taken, other], ")", text);
            }
            Expression::Apply(matrix, operand) => {
                self.write(matrix, POWER, text);
                text.push(' ');
                // `U V x` is `U (V x)`.
                let chain = matches!(**operand, Expression::Apply(..));
                self.write(operand, if chain { APPLY } else { POWER }, text);
            }
            Expression::Outer(left, right) => {
                self.write(left, POWER, text);
                text.push(' ');
                self.transposed(right, text);
            }
            Expression::Transpose(operand) => self.transposed(operand, text),
            Expression::Concatenate(parts) => self.list("[", &parts.iter().collect::<Vec<_>>(), "]", text),
            Expression::Part { whole, range, columns } => {
                self.write(whole, ATOM, text);
                self.used.insert(if *columns { Notation::Columns } else { Notation::Elements });
                let rows = if *columns { self.pick(":, ", "{:},\\, ") } else { "" };
                let _ = write!(text, "[{rows}{}]", self.range(range));
            }
            Expression::Pad { part, range, columns } => self.pad(part, range, *columns, text),
            Expression::ElementSum(operand) => {
                self.used.insert(Notation::ElementSum);
                text.push_str(self.pick("sum", "\\operatorname{sum}"));
                self.list("(", &[operand], ")", text);
            }
            Expression::MaximumElement(operand) => {
                self.used.insert(Notation::ElementSum);
                text.push_str(self.pick("max", "\\max"));
                self.list("(", &[operand], ")", text);
            }
            Expression::CumulativeSum(reverse, operand) => {
                self.used.insert(if *reverse {
                    Notation::ReverseCumulativeSum
                } else {
                    Notation::CumulativeSum
                });
                text.push_str(match reverse {
                    false => self.pick("cumsum", "\\operatorname{cumsum}"),
                    true => self.pick("revcumsum", "\\operatorname{revcumsum}"),
                });
                self.list("(", &[operand], ")", text);
            }
            Expression::RowMaximum(operand) => {
                self.used.insert(Notation::RowMaximum);
                text.push_str(self.pick("rowmax", "\\operatorname{rowmax}"));
                self.list("(", &[operand], ")", text);
            }
            Expression::Fill(value, shape) => {
                let shape = self.shape(shape);
                if **value == Expression::Number(0.0) {
                    self.used.insert(Notation::Zeros);
                    let _ = write!(text, "0_{{{shape}}}");
                    return;
                }
                self.used.insert(Notation::Ones);
                if **value != Expression::Number(1.0) {
                    self.write(value, POWER, text);
                    text.push(' ');
                }
                let _ = write!(text, "{}_{{{shape}}}", self.pick("1", "\\mathbf{1}"));
            }
            Expression::Total(operand) => {
                self.used.insert(Notation::Total);
                text.push_str(self.pick("Σ_t ", "\\sum_t "));
                self.write(operand, PRODUCT, text);
            }
        }
    }

    fn number(&self, value: f64) -> String {
        if value.is_infinite() {
            let sign = if value < 0.0 { "-" } else { "" };
            return format!("{sign}{}", self.pick("∞", "\\infty"));
        }
        if value.is_nan() {
            return self.pick("NaN", "\\mathrm{NaN}").to_owned();
        }
        // Fifteen digits: what folding has left beyond them is rounding.
        let value = format!("{value:.14e}").parse().unwrap_or(value);
        if value != 0.0 && !(1e-4..1e6).contains(&f64::abs(value)) {
            let text = format!("{value:e}");
            return match (self.style, text.split_once('e')) {
                (Style::Latex, Some((digits, power))) => format!("{{{digits} \\cdot 10^{{{power}}}}}"),
                _ => text,
            };
        }
        value.to_string()
    }

    fn transposed(&mut self, operand: &Expression, text: &mut String) {
        self.write(operand, ATOM, text);
        text.push_str(self.pick("^T", "^{\\top}"));
    }

    fn list(&mut self, open: &str, parts: &[&Expression], close: &str, text: &mut String) {
        text.push_str(open);
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            self.write(part, 0, text);
        }
        text.push_str(close);
    }

    fn sum(&mut self, terms: &[Term], text: &mut String) {
        // What is added stands first where anything is: `1 - x`, not `-x + 1`.
        let first = terms.iter().position(|term| !term.subtracted).unwrap_or(0);
        let others = terms.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, term)| term);
        for (number, term) in terms.get(first).into_iter().chain(others).enumerate() {
            text.push_str(match (number, term.subtracted) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            });
            // After a sign a sum or another sign needs parentheses.
            let minimum = if number > 0 || term.subtracted { PRODUCT } else { SUM };
            self.write(&term.value, minimum, text);
        }
    }

    fn product(&mut self, factors: &[Expression], text: &mut String) {
        self.used.insert(Notation::Hadamard);
        for (number, factor) in factors.iter().enumerate() {
            if number > 0 {
                text.push_str(self.pick(" ⊙ ", " \\odot "));
            }
            // From left to right: a quotient may only come first.
            self.write(factor, if number == 0 { PRODUCT } else { APPLY }, text);
        }
    }

    fn call(&mut self, function: Unary, operand: &Expression, text: &mut String) {
        let (open, close) = match (function, self.style) {
            (Unary::Absolute, _) => ("|", "|"),
            (Unary::SquareRoot, Style::Latex) => ("\\sqrt{", "}"),
            (Unary::SquareRoot, Style::Text) => ("sqrt(", ")"),
            (Unary::Step, _) => {
                self.used.insert(Notation::Indicator);
                (self.pick("1[", "\\mathbf{1}["), " > 0]")
            }
            (Unary::Sigmoid, _) => (self.pick("sigmoid(", "\\sigma("), ")"),
            (Unary::Tanh, _) => (self.pick("tanh(", "\\tanh("), ")"),
            (Unary::Exponential, _) => (self.pick("exp(", "\\exp("), ")"),
            (Unary::Logarithm, _) => (self.pick("log(", "\\log("), ")"),
            (Unary::Sine, _) => (self.pick("sin(", "\\sin("), ")"),
            (Unary::Cosine, _) => (self.pick("cos(", "\\cos("), ")"),
            (Unary::Relu, _) => (self.pick("relu(", "\\mathrm{ReLU}("), ")"),
            (Unary::Softplus, _) => (self.pick("softplus(", "\\operatorname{softplus}("), ")"),
            (Unary::Floor, _) => (self.pick("floor(", "\\lfloor "), self.pick(")", " \\rfloor")),
            (Unary::Round, _) => (self.pick("round(", "\\operatorname{round}("), ")"),
            (Unary::Sign, _) => (self.pick("sign(", "\\operatorname{sign}("), ")"),
            (Unary::Negate, _) => ("-(", ")"),
        };
        text.push_str(open);
        self.write(operand, 0, text);
        text.push_str(close);
    }

    /// `[0_h, x, 0_n]`, by columns for matrices.
    fn pad(&mut self, part: &Expression, range: &Range, columns: bool, text: &mut String) {
        self.used.insert(Notation::Zeros);
        let before = (range.start != Dimension::default()).then(|| self.size(&range.start));
        let end = range.end();
        let after = match range.total.minus(&end) {
            Some(rest) if rest == Dimension::default() => None,
            Some(rest) => Some(self.size(&rest)),
            None => Some(format!("{} - ({})", self.size(&range.total), self.size(&end))),
        };
        let rows = if columns { self.pick(":×", "{:} \\times ") } else { "" };
        text.push('[');
        if let Some(before) = before {
            let _ = write!(text, "0_{{{rows}{before}}}, ");
        }
        self.write(part, 0, text);
        if let Some(after) = after {
            let _ = write!(text, ", 0_{{{rows}{after}}}");
        }
        text.push(']');
    }

    /// Explains the notation that has been used.
    fn legend(&mut self, text: &mut String) {
        let mut rows: Vec<String> = Vec::new();
        let math = |latex: &str| format!("${latex}$");
        let latex = self.style == Style::Latex;
        let letters = self.derivation.letters.clone();
        let delta = self.delta().trim_end().to_owned();
        for notation in self.used.clone() {
            let pick = |text: &str, tex: &str| if latex { math(tex) } else { text.to_owned() };
            rows.push(match notation {
                Notation::Adjoint => format!(
                    "{}: gradient of the loss L by v at step t, over all ways through this and later steps",
                    pick("δv_t", &format!("{delta} v_t"))
                ),
                Notation::Gradient => format!(
                    "{}: gradient of the loss by p, over all steps and samples for a parameter",
                    pick("∇p", "\\nabla p")
                ),
                Notation::Given => format!(
                    "{}: gradient by the output y at step t alone, as the loss gives it",
                    pick("∂L/∂y_t", "\\partial L / \\partial y_t")
                ),
                Notation::Handed => format!(
                    "{}: the part of {} that comes back from step t+1; step t hands {} to the step before",
                    pick("δv_t^{←t+1}", &format!("{delta} v_t^{{\\leftarrow t+1}}")),
                    pick("δv_t", &format!("{delta} v_t")),
                    pick("δv_{t-1}^{←t}", &format!("{delta} v_{{t-1}}^{{\\leftarrow t}}"))
                ),
                Notation::Circling => format!(
                    "{}: the part of {} that comes back to v through the cycle of the step",
                    pick("δv_t^{↺}", &format!("{delta} v_t^{{\\circlearrowleft}}")),
                    pick("δv_t", &format!("{delta} v_t"))
                ),
                Notation::Argument => format!(
                    "{}: the argument of the function that gives v",
                    pick(&format!("{}_v_t", letters.argument), &format!("{}^{{v}}_t", letters.argument))
                ),
                Notation::Made => format!(
                    "{}: parts of the equations without a name of their own",
                    pick(
                        &format!("{0}1, {0}2, …", letters.value),
                        &format!("{0}_1, {0}_2, \\dots", letters.value)
                    )
                ),
                Notation::Temporary => format!(
                    "{}: parts that are shared or long",
                    pick(
                        &format!("{0}1, {0}2, …", letters.temporary),
                        &format!("{0}_1, {0}_2, \\dots", letters.temporary)
                    )
                ),
                Notation::Definition => format!(
                    "{}: the value of the first definition of v; without number, of the last",
                    pick("v_t^(1)", "v_t^{(1)}")
                ),
                Notation::Hadamard => {
                    format!("{}: element by element; a scalar meets every element", pick("⊙", "\\odot"))
                }
                Notation::Total => {
                    format!(
                        "{}: over all steps and all samples, up to the next + or -",
                        pick("Σ_t", "\\sum_t")
                    )
                }
                Notation::Columns => format!(
                    "{}: columns a up to b (without b) of W, counted from 0; {} the first b, {} from a on",
                    pick("W[:, a:b]", "W[{:},\\, a{:}b]"),
                    pick("W[:, :b]", "W[{:},\\, {:}b]"),
                    pick("W[:, a:]", "W[{:},\\, a{:}]")
                ),
                Notation::Elements => format!(
                    "{}: elements a up to b (without b) of v, counted from 0",
                    pick("v[a:b]", "v[a{:}b]")
                ),
                Notation::Zeros => {
                    format!(
                        "{}: n zeros; n columns of zeros with {}",
                        pick("0_{n}", "0_{n}"),
                        pick("0_{:×n}", "0_{{:} \\times n}")
                    )
                }
                Notation::Ones => format!("{}: n ones", pick("1_{n}", "\\mathbf{1}_{n}")),
                Notation::Size => {
                    format!("{}: the size of the dimension h", pick("dim(h)", "\\dim(h)"))
                }
                Notation::ElementSum => {
                    "sum(v), max(v) of one vector or matrix: over its elements".to_owned()
                }
                Notation::CumulativeSum => {
                    "cumsum(v): each element the sum of the elements of v up to it".to_owned()
                }
                Notation::ReverseCumulativeSum => {
                    "revcumsum(v): each element the sum of the elements of v from it on".to_owned()
                }
                Notation::RowMaximum => "rowmax(M): the largest element of each row of a matrix".to_owned(),
                Notation::Select => "if(c, a, b): a where c is not 0, else b, element by element".to_owned(),
                Notation::Indicator => {
                    format!("{}: 1 where it holds, else 0", pick("1[…]", "\\mathbf{1}[\\dots]"))
                }
            });
        }
        let same: Vec<(u32, u32)> = (0_u32..)
            .zip(&self.derivation.values)
            .filter_map(|(number, value)| Some((value.same_as?, number)))
            .collect();
        for (first, other) in same {
            let (first, other) = (self.value(first), self.value(other));
            let (first, other) = if latex { (math(&first), math(&other)) } else { (first, other) };
            rows.push(format!("{other} and {first} are one value, which goes by {first} here"));
        }
        for remark in &self.derivation.remarks {
            rows.push(if latex { escape(remark) } else { remark.clone() });
        }
        if rows.is_empty() {
            return;
        }
        self.heading("Notation", text);
        if latex {
            let _ = writeln!(text, "\\begin{{itemize}}");
        }
        for row in rows {
            let _ = if latex { writeln!(text, "\\item {row}") } else { writeln!(text, "  {row}") };
        }
        if latex {
            let _ = writeln!(text, "\\end{{itemize}}");
        }
    }
}

/// Plain words as LaTeX text.
pub(super) fn escape(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '_' | '{' | '}' | '#' | '$' | '%' | '&' => {
                text.push('\\');
                text.push(letter);
            }
            '\\' => text.push_str("\\textbackslash{}"),
            '^' => text.push_str("\\textasciicircum{}"),
            '~' => text.push_str("\\textasciitilde{}"),
            '`' => text.push('\''),
            '·' => text.push_str("$\\cdot$"),
            '→' => text.push_str("$\\to$"),
            '∇' => text.push_str("$\\nabla$"),
            '⊙' => text.push_str("$\\odot$"),
            'Σ' => text.push_str("$\\Sigma$"),
            _ => text.push(letter),
        }
    }
    text
}
