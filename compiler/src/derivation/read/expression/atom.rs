//! Names, numbers, functions and whatever else stands between operators.

use super::{Factor, Reader, Result, Size};
use crate::derivation::write::Style;
use crate::graph::NodeId;
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, Shape};

/// Functions of one argument in parentheses: text, LaTeX.
const FUNCTIONS: [(&str, &str, Unary); 13] = [
    ("abs(", "\\left|", Unary::Absolute),
    ("sqrt(", "\\sqrt{", Unary::SquareRoot),
    ("sigmoid(", "\\sigma(", Unary::Sigmoid),
    ("tanh(", "\\tanh(", Unary::Tanh),
    ("exp(", "\\exp(", Unary::Exponential),
    ("log(", "\\log(", Unary::Logarithm),
    ("sin(", "\\sin(", Unary::Sine),
    ("cos(", "\\cos(", Unary::Cosine),
    ("relu(", "\\mathrm{ReLU}(", Unary::Relu),
    ("softplus(", "\\operatorname{softplus}(", Unary::Softplus),
    ("floor(", "\\left\\lfloor ", Unary::Floor),
    ("round(", "\\operatorname{round}(", Unary::Round),
    ("sign(", "\\operatorname{sign}(", Unary::Sign),
];

impl<'a> Reader<'a> {
    /// What no operator stands in.
    pub(super) fn atom(&mut self) -> Result<Factor> {
        self.blanks();
        if let Some((value, rest)) = self.names.longest(self.rest) {
            self.rest = rest;
            return Ok(Factor::Value(value));
        }
        if self.take("(", "\\left(") {
            let value = self.inner()?;
            self.need(")", "\\right)", "`)`")?;
            return Ok(Factor::Value(value));
        }
        if self.take("[", "[") {
            return self.list();
        }
        if self.take("1[", "\\mathbf{1}[") {
            return self.indicator();
        }
        if self.take("1_{", "\\mathbf{1}_{") {
            let rows = self.dimension()?;
            let shape = if self.take("×", "\\times") {
                Shape::Matrix(rows, self.dimension()?)
            } else {
                Shape::Vector(rows)
            };
            self.need("}", "}", "`}`")?;
            return Ok(Factor::Ones(shape));
        }
        if self.take("0_{", "0_{") {
            return self.zeros();
        }
        if self.take("I_{", "I_{") || self.take("Id_{", "\\mathrm{Id}_{") {
            let n = self.dimension()?;
            self.need("}", "}", "`}`")?;
            return Ok(Factor::Value(self.node(Operator::Identity(n), Vec::new())?));
        }
        if self.style == Style::Latex && self.take("", "\\frac{") {
            let over = self.inner()?;
            self.need("", "}{", "`}{`")?;
            let under = self.inner()?;
            self.need("", "}", "`}`")?;
            return Ok(Factor::Value(self.node(Operator::Binary(Binary::Divide), vec![over, under])?));
        }
        for (text, latex, function) in FUNCTIONS {
            if self.take(text, latex) {
                let operand = self.inner()?;
                let closing = match function {
                    Unary::Absolute => "\\right|",
                    Unary::SquareRoot => "}",
                    Unary::Floor => "\\right\\rfloor",
                    _ => ")",
                };
                self.need(")", closing, "the end of an argument")?;
                return Ok(Factor::Value(self.node(Operator::Unary(function), vec![operand])?));
            }
        }
        if self.take("dim(", "\\dim(") {
            let n = self.dimension()?;
            self.need(")", ")", "`)`")?;
            let ones = self.value(Factor::Ones(Shape::Vector(n)))?;
            return Ok(Factor::Value(self.node(Operator::Sum, vec![ones])?));
        }
        if self.take("sum(", "\\operatorname{sum}(") {
            let [operand] = self.arguments()?;
            return Ok(Factor::Value(self.node(Operator::Sum, vec![operand])?));
        }
        for (text, latex, reverse) in [
            ("cumsum(", "\\operatorname{cumsum}(", false),
            ("revcumsum(", "\\operatorname{revcumsum}(", true),
        ] {
            if self.take(text, latex) {
                let [operand] = self.arguments()?;
                let sums = self.node(Operator::CumulativeSum { reverse }, vec![operand])?;
                return Ok(Factor::Value(sums));
            }
        }
        if self.take("rowmax(", "\\operatorname{rowmax}(") {
            let [operand] = self.arguments()?;
            return Ok(Factor::Value(self.node(Operator::RowMaximum, vec![operand])?));
        }
        if self.take("max(", "\\max(") {
            let first = self.inner()?;
            if self.take(")", ")") {
                return Ok(Factor::Value(self.node(Operator::MaximumElement, vec![first])?));
            }
            self.need(",", ",", "`,`")?;
            let [second] = self.arguments()?;
            return Ok(Factor::Value(self.node(Operator::Binary(Binary::Maximum), vec![first, second])?));
        }
        if self.take("min(", "\\min(") {
            let [first, second] = self.arguments()?;
            return Ok(Factor::Value(self.node(Operator::Binary(Binary::Minimum), vec![first, second])?));
        }
        if self.take("if(", "\\operatorname{if}(") {
            let arguments: [NodeId; 3] = self.arguments()?;
            return Ok(Factor::Value(self.node(Operator::Ternary(Ternary::Select), arguments.to_vec())?));
        }
        self.number()
    }

    /// `N` arguments and the parenthesis behind them.
    fn arguments<const N: usize>(&mut self) -> Result<[NodeId; N]> {
        let mut arguments = [NodeId(0); N];
        for (number, argument) in arguments.iter_mut().enumerate() {
            if number > 0 {
                self.need(",", ",", "`,`")?;
            }
            *argument = self.inner()?;
        }
        self.need(")", ")", "`)`")?;
        Ok(arguments)
    }

    /// `a > 0]` or `a < b]`.
    fn indicator(&mut self) -> Result<Factor> {
        let left = self.inner()?;
        let value = if self.take(">", ">") {
            self.need("0", "0", "0")?;
            self.node(Operator::Unary(Unary::Step), vec![left])?
        } else {
            let function = if self.take("≤", "\\le ") {
                Binary::LessOrEqual
            } else {
                self.need("<", "<", "`<`, `≤` or `> 0`")?;
                Binary::Less
            };
            let right = self.inner()?;
            self.node(Operator::Binary(function), vec![left, right])?
        };
        self.need("]", "]", "`]`")?;
        Ok(Factor::Value(value))
    }

    /// `n}`, `m×n}` or `:×n}`, after `0_{`.
    fn zeros(&mut self) -> Result<Factor> {
        if self.take(":×", "{:} \\times") {
            let columns = self.size()?;
            self.need("}", "}", "`}`")?;
            return Ok(Factor::ZeroColumns(columns));
        }
        let rows = self.size()?;
        let factor = if self.take("×", "\\times") {
            let (Size::Known(rows), columns) = (rows, self.dimension()?) else { return self.fail("a size") };
            let zero = self.graph.zero(&Shape::Matrix(rows, columns));
            Factor::Value(zero.map_err(|error| self.broken(error))?)
        } else {
            Factor::Zeros(rows)
        };
        self.need("}", "}", "`}`")?;
        Ok(factor)
    }

    /// Elements up to `]`: vectors one after the other, or columns of a matrix among columns of zeros.
    fn list(&mut self) -> Result<Factor> {
        let mut elements = Vec::new();
        loop {
            elements.push(if self.take("0_{", "0_{") { self.zeros()? } else { Factor::Value(self.inner()?) });
            if self.take("]", "]") {
                break;
            }
            self.need(",", ",", "`,` or `]`")?;
        }
        let last_axis = |shape: &Shape| match shape {
            Shape::Scalar => None,
            Shape::Vector(n) | Shape::Matrix(_, n) => Some(n.clone()),
        };
        // One value among zeros, whose number need not be a sum.
        let values: Vec<(usize, NodeId)> = elements
            .iter()
            .enumerate()
            .filter_map(|(at, element)| match element {
                Factor::Value(value) => Some((at, *value)),
                _ => None,
            })
            .collect();
        if let [(at, value)] = *values.as_slice()
            && elements.len() > 1
        {
            let mut start = Dimension::default();
            let mut total = Dimension::default();
            let mut columns = None;
            for (position, element) in elements.iter().enumerate() {
                let size = match element {
                    Factor::ZeroColumns(size) => {
                        columns = Some(true);
                        size.clone()
                    }
                    Factor::Zeros(size) => {
                        columns = Some(false);
                        size.clone()
                    }
                    _ => match last_axis(self.graph.shape(value)) {
                        Some(n) => Size::Known(n),
                        None => return self.fail("a list of vectors before this"),
                    },
                };
                if position == at {
                    start = total.clone();
                }
                total = match size {
                    Size::Known(n) => total.plus(&n),
                    Size::Rest { total: whole, used } if used == total => whole,
                    Size::Rest { .. } => return self.fail("a number of zeros before this"),
                };
            }
            let operator = match columns {
                Some(true) => Operator::PadColumns { start, total },
                _ => Operator::Pad { start, total },
            };
            return Ok(Factor::Value(self.node(operator, vec![value])?));
        }
        let mut vectors = Vec::with_capacity(elements.len());
        for element in elements {
            vectors.push(self.value(element)?);
        }
        Ok(Factor::Value(self.node(Operator::Concatenate, vectors)?))
    }

    fn number(&mut self) -> Result<Factor> {
        let number = if self.take("∞", "\\infty") {
            f64::INFINITY
        } else if self.take("NaN", "\\mathrm{NaN}") {
            f64::NAN
        } else if self.style == Style::Latex && self.take("", "{") {
            let digits = self.digits()?;
            self.need("", "\\cdot 10^{", "a power of ten")?;
            let end = self.rest.find('}').unwrap_or(0);
            let Ok(power) = self.rest[..end].parse::<i32>() else { return self.fail("a power of ten") };
            self.rest = &self.rest[end..];
            self.need("", "}}", "`}}`")?;
            // As the digits with their exponent are read, which a product would round again.
            match format!("{digits}e{power}").parse() {
                Ok(number) => number,
                Err(_) => return self.fail("a number before this"),
            }
        } else {
            let digits = self.digits()?;
            match digits.parse() {
                Ok(number) => number,
                Err(_) => return self.fail("a number before this"),
            }
        };
        let constant = self.graph.constant(number).map_err(|error| self.broken(error))?;
        Ok(Factor::Value(constant))
    }

    /// Digits with a point, and in text an exponent.
    fn digits(&mut self) -> Result<&'a str> {
        let text = self.style == Style::Text;
        let mut length = 0;
        let mut before = ' ';
        for letter in self.rest.chars() {
            let exponent = text && length > 0 && letter == 'e';
            let sign = before == 'e' && letter == '-';
            if !(letter.is_ascii_digit() || letter == '.' || exponent || sign) {
                break;
            }
            length += 1;
            before = letter;
        }
        if length == 0 {
            return self.fail("a value");
        }
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(digits)
    }
}
