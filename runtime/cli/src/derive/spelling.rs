//! How an operator is written, in plain text and in LaTeX.

use gatewright::compiler::graph::Signature;
use gatewright::compiler::operator::{Binary, Operator, Ternary, Unary};
use gatewright::compiler::shape::{Dimension, Shape};
use gatewright::compiler::source::ast::Name;
use gatewright::compiler::source::print::latex;

/// The two ways to write equations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Text,
    Latex,
}

/// How tightly a piece of text holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// `a + b`, `-a`, `Σ a`.
    Sum,
    /// `a ⊙ b`, `a / b`.
    Product,
    /// `W v`.
    Juxtaposition,
    /// A name, a call, a bracket.
    Atom,
}

/// A written value.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) level: Level,
    /// Operators in it, one within the other.
    pub(crate) depth: usize,
}

impl Written {
    pub(crate) fn atom(text: String) -> Self {
        Self { text, level: Level::Atom, depth: 0 }
    }

    /// The text, in parentheses where it holds together less than `level`.
    fn at(&self, level: Level) -> String {
        if self.level >= level { self.text.clone() } else { format!("({})", self.text) }
    }
}

impl Spelling {
    /// A name, at a time where one is given.
    pub(crate) fn name(self, canonical: &str, time: Option<i32>) -> String {
        match (self, time) {
            (Self::Latex, _) => {
                let name = Name { canonical: canonical.to_owned(), upper: false, superscript: None };
                latex::name(&name, time)
            }
            (Self::Text, None) => canonical.to_owned(),
            (Self::Text, Some(0)) => format!("{canonical}_t"),
            (Self::Text, Some(offset)) => format!("{canonical}_{{t{offset:+}}}"),
        }
    }

    /// The gradient of the loss by a name.
    pub(crate) fn gradient(self, canonical: &str, time: Option<i32>) -> String {
        let sign = if self == Self::Text { "∂" } else { "\\partial " };
        format!("{sign}{}", self.name(canonical, time))
    }

    /// A part of the gradient by a name: what comes from later steps, or from the output itself.
    fn partial_gradient(self, canonical: &str, part: &str) -> String {
        let gradient = self.gradient(canonical, Some(0));
        match self {
            Self::Text => format!("{gradient}[{part}]"),
            Self::Latex => format!("{{{gradient}}}^{{\\mathrm{{{part}}}}}"),
        }
    }

    fn call(self, text: &str, latex: &str, arguments: &[&Written]) -> Written {
        let function = if self == Self::Text { text } else { latex };
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
        Written::atom(format!("{function}({})", arguments.join(", ")))
    }

    /// `left sign right`, of element-wise factors with these shapes.
    fn times(self, left: (&Written, &Shape), right: (&Written, &Shape)) -> String {
        let scalar = *left.1 == Shape::Scalar || *right.1 == Shape::Scalar;
        let sign = match (self, scalar) {
            (Self::Text, true) => "·",
            (Self::Text, false) => "⊙",
            (Self::Latex, true) => "\\cdot",
            (Self::Latex, false) => "\\odot",
        };
        format!("{} {sign} {}", left.0.at(Level::Product), right.0.at(Level::Product))
    }

    /// An operator on operands that are written already, each with its shape.
    pub(crate) fn operator(
        self,
        operator: &Operator,
        operands: &[(&Written, &Shape)],
        signature: &Signature,
    ) -> Written {
        let port = || signature.port_of_leaf(operator).map_or("?", |port| port.name.as_str());
        let size = |dimension: &Dimension| dimension.describe(&signature.dimensions).replace(' ', "");
        let range =
            |start: &Dimension, length: &Dimension| format!("{}:{}", size(start), size(&start.plus(length)));
        let mut written = match (operator, operands) {
            (Operator::Constant(bits), _) => {
                let value = f64::from_bits(*bits);
                let level = if value.is_sign_negative() { Level::Sum } else { Level::Atom };
                Written { text: value.to_string(), level, depth: 0 }
            }
            (Operator::Input(_), _) => Written::atom(self.name(port(), Some(0))),
            (Operator::State(_), _) => Written::atom(self.name(port(), Some(-1))),
            (Operator::Parameter(_), _) => Written::atom(self.name(port(), None)),
            (Operator::Identity(_), _) => Written::atom("I".to_owned()),
            (Operator::OutputGradient(_), _) => Written::atom(self.partial_gradient(port(), "output")),
            (Operator::StateGradient(_), _) => Written::atom(self.partial_gradient(port(), "later")),
            (Operator::Unary(function), [x]) => self.unary(*function, x.0),
            (Operator::Binary(function), [a, b]) => self.binary(*function, *a, *b),
            (Operator::Ternary(function), [a, b, c]) => self.ternary(*function, *a, *b, c.0),
            (Operator::MatrixVector | Operator::MatrixMatrix, [a, b]) => {
                let text = format!("{} {}", a.0.at(Level::Atom), b.0.at(Level::Juxtaposition));
                Written { text, level: Level::Juxtaposition, depth: 0 }
            }
            (Operator::Outer, [a, b]) => {
                let transposed = if self == Self::Text { "ᵀ" } else { "^{\\top}" };
                let right = self.scripted(b.0);
                let text = format!("{} {right}{transposed}", a.0.at(Level::Atom));
                Written { text, level: Level::Juxtaposition, depth: 0 }
            }
            (Operator::Transpose, [a]) => {
                let transposed = if self == Self::Text { "ᵀ" } else { "^{\\top}" };
                Written::atom(format!("{}{transposed}", self.scripted(a.0)))
            }
            (Operator::Concatenate, parts) => {
                let parts: Vec<&str> = parts.iter().map(|part| part.0.text.as_str()).collect();
                Written::atom(format!("[{}]", parts.join(", ")))
            }
            (Operator::Slice { start, length }, [a]) => {
                Written::atom(format!("{}[{}]", a.0.at(Level::Atom), range(start, length)))
            }
            (Operator::SliceColumns { start, length }, [a]) => {
                Written::atom(format!("{}[:, {}]", a.0.at(Level::Atom), range(start, length)))
            }
            (Operator::Pad { start, total } | Operator::PadColumns { start, total }, [a]) => {
                let columns = matches!(operator, Operator::PadColumns { .. });
                let function = match (self, columns) {
                    (Self::Text, false) => "pad",
                    (Self::Text, true) => "pad_columns",
                    (Self::Latex, false) => "\\operatorname{pad}",
                    (Self::Latex, true) => "\\operatorname{pad\\_columns}",
                };
                Written::atom(format!("{function}({}, {}, {})", a.0.text, size(start), size(total)))
            }
            (Operator::Sum, [a]) => self.call("sum", "\\operatorname{sum}", &[a.0]),
            (Operator::MaximumElement, [a]) => self.call("max", "\\max", &[a.0]),
            (Operator::Broadcast(_) | Operator::BroadcastMatrix(..), [a]) => a.0.clone(),
            (Operator::Total, [a]) => {
                let sign = if self == Self::Text { "Σ_{t,b}" } else { "\\sum_{t,b}" };
                Written { text: format!("{sign} {}", a.0.at(Level::Product)), level: Level::Sum, depth: 0 }
            }
            // The graph's invariants give each operator its number of operands.
            (operator, operands) => {
                let operands: Vec<&Written> = operands.iter().map(|operand| operand.0).collect();
                self.call(&format!("{operator:?}"), "?", &operands)
            }
        };
        written.depth = operands.iter().map(|operand| operand.0.depth + 1).max().unwrap_or(0);
        written
    }

    /// An operand that takes a superscript: LaTeX wants braces around what has one already.
    fn scripted(self, operand: &Written) -> String {
        let text = operand.at(Level::Atom);
        if self == Self::Latex && text.contains('^') { format!("{{{text}}}") } else { text }
    }

    fn unary(self, function: Unary, x: &Written) -> Written {
        match function {
            Unary::Negate => {
                Written { text: format!("-{}", x.at(Level::Product)), level: Level::Sum, depth: 0 }
            }
            Unary::Absolute => Written::atom(format!("|{}|", x.text)),
            Unary::Sign => self.call("sign", "\\operatorname{sign}", &[x]),
            Unary::Step => self.call("step", "\\operatorname{step}", &[x]),
            Unary::Relu => self.call("relu", "\\operatorname{relu}", &[x]),
            Unary::SquareRoot => self.call("sqrt", "\\operatorname{sqrt}", &[x]),
            Unary::Sigmoid => self.call("σ", "\\sigma", &[x]),
            Unary::Tanh => self.call("tanh", "\\tanh", &[x]),
            Unary::Exponential => self.call("exp", "\\exp", &[x]),
            Unary::Logarithm => self.call("ln", "\\ln", &[x]),
            Unary::Softplus => self.call("softplus", "\\operatorname{softplus}", &[x]),
            Unary::Sine => self.call("sin", "\\sin", &[x]),
            Unary::Cosine => self.call("cos", "\\cos", &[x]),
        }
    }

    fn binary(self, function: Binary, a: (&Written, &Shape), b: (&Written, &Shape)) -> Written {
        let sum = |text: String| Written { text, level: Level::Sum, depth: 0 };
        match function {
            Binary::Add => sum(format!("{} + {}", a.0.text, after_plus(b.0))),
            Binary::Subtract => sum(format!("{} - {}", a.0.text, b.0.at(Level::Product))),
            Binary::Multiply => Written { text: self.times(a, b), level: Level::Product, depth: 0 },
            Binary::Divide if self == Self::Latex => {
                Written::atom(format!("\\frac{{{}}}{{{}}}", a.0.text, b.0.text))
            }
            Binary::Divide => {
                let text = format!("{} / {}", a.0.at(Level::Product), b.0.at(Level::Juxtaposition));
                Written { text, level: Level::Product, depth: 0 }
            }
            Binary::Maximum => self.call("max", "\\max", &[a.0, b.0]),
            Binary::Minimum => self.call("min", "\\min", &[a.0, b.0]),
            Binary::Less => self.call("less", "\\operatorname{less}", &[a.0, b.0]),
        }
    }

    fn ternary(
        self,
        function: Ternary,
        a: (&Written, &Shape),
        b: (&Written, &Shape),
        c: &Written,
    ) -> Written {
        let sum = |text: String| Written { text, level: Level::Sum, depth: 0 };
        match function {
            Ternary::MultiplyAdd => sum(format!("{} + {}", self.times(a, b), after_plus(c))),
            Ternary::MultiplySubtract => sum(format!("{} - {}", self.times(a, b), c.at(Level::Product))),
            Ternary::NegatedMultiplyAdd => sum(format!("{} - {}", c.text, self.times(a, b))),
            Ternary::Select => self.call("select", "\\operatorname{select}", &[a.0, b.0, c]),
        }
    }
}

/// A summand after a plus sign: a leading minus needs parentheses.
fn after_plus(summand: &Written) -> String {
    if summand.text.starts_with('-') { summand.at(Level::Product) } else { summand.text.clone() }
}
