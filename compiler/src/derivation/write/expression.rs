//! Expressions, with as few parentheses as the meaning allows.
//!
//! Precedence, loosest first: sums; a sign; `Σ_t`, which takes all up to the next `+` or `-`; element-wise products and
//! quotients, from left to right; products of matrices by juxtaposition, from right to left; powers and transposes;
//! names, calls and brackets. [`crate::derivation::read`] goes by the same table.

use std::fmt::Write;

use super::{Notation, Style, Writer};
use crate::derivation::equation::{Expression, Range, Symbol, Term};
use crate::operator::{Binary, Unary};
use crate::shape::Dimension;

pub(super) const SUM: u8 = 1;
const SIGN: u8 = 2;
pub(super) const TOTAL: u8 = 3;
const PRODUCT: u8 = 4;
const APPLY: u8 = 5;
const POWER: u8 = 6;
const ATOM: u8 = 7;

impl Writer<'_> {
    fn level(&mut self, expression: &Expression) -> u8 {
        match expression {
            Expression::Number(value) if value.is_sign_negative() => SIGN,
            Expression::Name(Symbol::OutputGradient(_)) if self.style == Style::Text => PRODUCT,
            // A power would be taken for one of the value that an adjoint is of, or be a second superscript.
            Expression::Name(symbol) => {
                let name = self.symbol(*symbol);
                if symbol.is_gradient() || name.contains(['^', '\'']) { POWER } else { ATOM }
            }
            Expression::Quotient(..) => match self.style {
                Style::Text => PRODUCT,
                Style::Latex => APPLY,
            },
            Expression::Sum(terms) => match terms.as_slice() {
                [_] => SIGN,
                _ => SUM,
            },
            Expression::Total(_) | Expression::SampleTotal(_) => TOTAL,
            Expression::Product(_) => PRODUCT,
            Expression::Apply(..) | Expression::Outer(..) | Expression::Fill(..) => APPLY,
            Expression::Square(_) | Expression::Transpose(_) => POWER,
            Expression::Number(_)
            | Expression::Size(_)
            | Expression::Identity(_)
            | Expression::Call(..)
            | Expression::Compare(..)
            | Expression::Select(..)
            | Expression::Concatenate(_)
            | Expression::Part { .. }
            | Expression::Pad { .. }
            | Expression::ElementSum(_)
            | Expression::RowMaximum(_)
            | Expression::CumulativeSum(..)
            | Expression::MaximumElement(_) => ATOM,
        }
    }

    pub(super) fn write(&mut self, expression: &Expression, minimum: u8, text: &mut String) {
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
                let letter = &self.derivation.letters.identity;
                let letter = if self.style == Style::Latex && letter.len() > 1 {
                    format!("\\mathrm{{{letter}}}")
                } else {
                    letter.clone()
                };
                let _ = write!(text, "{letter}_{{{n}}}");
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
            Expression::Compare(Binary::Minimum, a, b) => {
                text.push_str(self.pick("min", "\\min"));
                self.list("(", &[a, b], ")", text);
            }
            Expression::Compare(Binary::Maximum, a, b) => {
                text.push_str(self.pick("max", "\\max"));
                self.list("(", &[a, b], ")", text);
            }
            // Trees are made with forms of their own for these.
            Expression::Compare(Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide, ..) => {
                text.push('?');
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
                let (notation, name) = match reverse {
                    false => (Notation::CumulativeSum, self.pick("cumsum", "\\operatorname{cumsum}")),
                    true => {
                        (Notation::ReverseCumulativeSum, self.pick("revcumsum", "\\operatorname{revcumsum}"))
                    }
                };
                self.used.insert(notation);
                text.push_str(name);
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
            Expression::SampleTotal(operand) => {
                self.used.insert(Notation::SampleTotal);
                text.push_str(self.pick("Σ ", "\\sum "));
                self.write(operand, TOTAL, text);
            }
            Expression::Total(operand) => {
                self.used.insert(Notation::Total);
                text.push_str(self.pick("Σ_t ", "\\sum_t "));
                self.write(operand, TOTAL, text);
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

    /// The terms as they read best: what is added stands first where anything is, `1 - x` and not `-x + 1`.
    pub(super) fn in_order(terms: &[Term]) -> impl Iterator<Item = &Term> {
        let first = terms.iter().position(|term| !term.subtracted).unwrap_or(0);
        let others = terms.iter().enumerate().filter(move |(at, _)| *at != first).map(|(_, term)| term);
        terms.get(first).into_iter().chain(others)
    }

    fn sum(&mut self, terms: &[Term], text: &mut String) {
        for (number, term) in Self::in_order(terms).enumerate() {
            text.push_str(match (number, term.subtracted) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            });
            // After a sign a sum or another sign needs parentheses.
            let minimum = if number > 0 || term.subtracted { TOTAL } else { SUM };
            self.write(&term.value, minimum, text);
        }
    }

    fn product(&mut self, factors: &[Expression], text: &mut String) {
        let mut before = String::new();
        for (number, factor) in factors.iter().enumerate() {
            // From left to right: a quotient may only come first.
            let mut written = String::new();
            self.write(factor, if number == 0 { PRODUCT } else { APPLY }, &mut written);
            // A number scales what stands behind it, unless that begins with a figure.
            let figure = written.starts_with(|first: char| first.is_ascii_digit() || first == '{')
                || written.starts_with("\\mathbf{1}");
            if number == 1 && matches!(factors[0], Expression::Number(_)) && !figure {
                before.push(' ');
            } else if number > 0 {
                self.used.insert(Notation::Hadamard);
                before.push_str(self.pick(" ⊙ ", " \\odot "));
            }
            before.push_str(&written);
        }
        text.push_str(&before);
    }

    fn call(&mut self, function: Unary, operand: &Expression, text: &mut String) {
        let (open, close) = match (function, self.style) {
            // Bars that open and close alike could not be told apart.
            (Unary::Absolute, _) => (self.pick("abs(", "\\left|"), self.pick(")", "\\right|")),
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
            (Unary::Floor, _) => (self.pick("floor(", "\\left\\lfloor "), self.pick(")", " \\right\\rfloor")),
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
}
