//! Equations to text or LaTeX.
//!
//! | file | writes |
//! | --- | --- |
//! | `symbol` | names |
//! | `expression` | right sides |
//! | `legend` | the list of the notation that was used |
//!
//! What is written here, [`crate::derivation::read`] reads.

mod expression;
mod legend;
pub(super) mod symbol;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Derivation;
use super::equation::{Equation, Expression, Symbol};
use super::layout::{Section, continuation, heading};
use super::name::ValueName;
use crate::source::print;
use expression::{SUM, TOTAL};
pub(super) use legend::escape;

/// How equations are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plain text with the signs of mathematics.
    Text,
    /// LaTeX.
    Latex,
}

impl Style {
    pub(super) const fn pick<'t>(self, text: &'t str, latex: &'t str) -> &'t str {
        match self {
            Self::Text => text,
            Self::Latex => latex,
        }
    }
}

/// What stands between the sides of an equation that adds.
pub(super) const fn adds_sign(style: Style) -> &'static str {
    style.pick(" += ", " &\\mathrel{+}= ")
}

/// Rows are broken before a term that would end beyond this many characters.
const WIDTH: usize = 100;

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
    SampleTotal,
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
    writer.heading(Section::Written, &mut text);
    let statements = &derivation.document.statements;
    let rows: Vec<String> = match style {
        Style::Text => statements.iter().map(print::text::statement).collect(),
        Style::Latex => {
            statements.iter().map(|row| print::latex::statement(row, " &= ", " &\\in ")).collect()
        }
    };
    writer.rows(&rows, &mut text);
    let unwritten = |equations: &[Equation]| -> Vec<Equation> {
        equations.iter().filter(|equation| !writer.is_written(equation.symbol)).cloned().collect()
    };
    let (once, forward) = (unwritten(&derivation.once), unwritten(&derivation.forward));
    for (section, equations) in [
        (Section::Once, &once),
        (Section::Parts, &forward),
        (Section::Backward, &derivation.backward),
        (Section::Solved, &derivation.solved),
        (Section::Carried, &derivation.carried),
        (Section::Inputs, &derivation.inputs),
        (Section::Totals, &derivation.totals),
    ] {
        writer.section(section, equations, &mut text);
    }
    writer.ends(&mut text);
    writer.section(Section::Beginnings, &derivation.beginnings, &mut text);
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
        self.style.pick(text, latex)
    }

    fn heading(&self, section: Section, text: &mut String) {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", heading(self.style, section.title(self.style)));
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

    fn section(&mut self, section: Section, equations: &[Equation], text: &mut String) {
        if equations.is_empty() {
            return;
        }
        self.heading(section, text);
        let rows: Vec<String> = equations
            .iter()
            .map(|equation| {
                let gradient = matches!(equation.symbol, Symbol::ParameterGradient(_));
                self.equation(equation, section == Section::Beginnings && gradient)
            })
            .collect();
        self.rows(&rows, text);
    }

    /// An equation, on several lines where it is long; one that adds to what is there, where asked.
    fn equation(&mut self, equation: &Equation, adds: bool) -> String {
        let mut text = self.symbol(equation.symbol);
        text.push_str(match adds {
            true => adds_sign(self.style),
            false => self.pick(" = ", " &= "),
        });
        match &equation.value {
            // The left side says of what shape the zero is.
            Expression::Fill(value, _) if **value == Expression::Number(0.0) => text.push('0'),
            Expression::Sum(terms) => {
                let mut width = self.width(&text);
                for (number, term) in Self::in_order(terms).enumerate() {
                    let sign = match (number, term.subtracted) {
                        (0, false) => "",
                        (0, true) => "-",
                        (_, false) => "+ ",
                        (_, true) => "- ",
                    };
                    let mut written = sign.to_owned();
                    // After a sign a sum or another sign needs parentheses.
                    let minimum = if number > 0 || term.subtracted { TOTAL } else { SUM };
                    self.write(&term.value, minimum, &mut written);
                    let length = self.width(&written);
                    if number > 0 && width + length > WIDTH {
                        text.push_str(self.pick("\n", " \\\\\n"));
                        text.push_str(continuation(self.style));
                        width = 6;
                    } else if number > 0 {
                        text.push(' ');
                    }
                    text.push_str(&written);
                    width += length + 1;
                }
            }
            value => self.write(value, 0, &mut text),
        }
        text
    }

    /// About how many characters wide the text is once it is set.
    fn width(&self, text: &str) -> usize {
        match self.style {
            Style::Text => text.chars().count(),
            Style::Latex => {
                let (mut width, mut command) = (0, false);
                for letter in text.chars() {
                    command = letter == '\\' || (command && letter.is_ascii_alphabetic());
                    let counted = letter == '\\' || !(command || "{}^_&".contains(letter));
                    width += usize::from(counted);
                }
                width
            }
        }
    }

    /// True for values whose equation is the user's own.
    fn is_written(&self, symbol: Symbol) -> bool {
        let Symbol::Value(number) = symbol else { return false };
        let value = self.derivation.values.get(number as usize);
        value.is_some_and(|value| matches!(value.name, ValueName::Written { .. }))
    }

    /// What the loss gives by final states, and the gradients by initial ones.
    fn ends(&mut self, text: &mut String) {
        let states = self.derivation.states.clone();
        if states.is_empty() {
            return;
        }
        self.heading(Section::Ends, text);
        let mut rows = Vec::new();
        for (number, state) in (0_u32..).zip(&states) {
            let back = i64::from(state.back);
            let (first, last) = (self.symbol(Symbol::Leaving(number)), self.symbol(Symbol::Arriving(number)));
            let initial = self.symbol(Symbol::Initial(number));
            let end = if back == 1 { "T".to_owned() } else { format!("T-{}", back - 1) };
            let end = symbol::at(self.style, &state.canonical, &end);
            rows.push(match self.style {
                Style::Text => format!("{initial} = {first} at t = 1"),
                Style::Latex => format!("{initial} &= {first} \\bigr|_{{t = 1}}"),
            });
            rows.push(match self.style {
                Style::Text => format!("{last} at t = T is given: gradient of the loss by the final {end}"),
                Style::Latex => format!(
                    "{last} \\bigr|_{{t = T}} &\\quad \\text{{is given: gradient of the loss by the final }} {end}"
                ),
            });
        }
        self.rows(&rows, text);
    }
}
