//! A right side to nodes, by the table of precedence in [`crate::derivation::write`].

use super::ReadError;
use super::names::Names;
use crate::derivation::write::Style;
use crate::graph::{Graph, GraphError, NodeId};
use crate::limits::MAXIMUM_NESTING;
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::shape::{Dimension, Shape};

/// Reads `row` from byte `start` on.
pub(super) fn read(
    row: &str,
    start: usize,
    style: Style,
    graph: &mut Graph,
    names: &Names,
) -> Result<NodeId, ReadError> {
    let mut reader = Reader { row, rest: row.get(start..).unwrap_or(""), style, graph, names, depth: 0 };
    let value = reader.sum()?;
    reader.blanks();
    if !reader.rest.is_empty() {
        return reader.fail("the end");
    }
    Ok(value)
}

struct Reader<'a> {
    row: &'a str,
    rest: &'a str,
    style: Style,
    graph: &'a mut Graph,
    names: &'a Names,
    depth: usize,
}

/// A factor of a product by juxtaposition, or an element of a list.
#[derive(Clone, Debug)]
enum Factor {
    Value(NodeId),
    /// A vector with a transpose.
    Row(NodeId),
    /// Ones of a shape: behind a scalar, the scalar in every element.
    Ones(Shape),
    /// Columns of zeros among columns.
    ZeroColumns(Size),
    /// A vector of zeros.
    Zeros(Size),
}

/// A number of zeros.
#[derive(Clone, Debug)]
enum Size {
    Known(Dimension),
    /// `total - (used)`, where that is no sum.
    Rest {
        total: Dimension,
        used: Dimension,
    },
}

type Result<T, E = ReadError> = std::result::Result<T, E>;

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
    fn fail<T>(&self, expected: &'static str) -> Result<T> {
        Err(ReadError::Row { row: self.row.to_owned(), rest: self.rest.to_owned(), expected })
    }

    fn node(&mut self, operator: Operator, operands: Vec<NodeId>) -> Result<NodeId> {
        self.graph.insert(operator, operands).map_err(|error| self.broken(error))
    }

    fn broken(&self, error: GraphError) -> ReadError {
        ReadError::Graph { row: self.row.to_owned(), error: Box::new(error) }
    }

    fn blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            match self.rest.strip_prefix("\\,") {
                Some(rest) if self.style == Style::Latex => self.rest = rest,
                _ => return,
            }
        }
    }

    /// Takes a sign, spelled as in the style, if it stands here.
    fn take(&mut self, text: &str, latex: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(self.style.pick(text, latex)) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, text: &str, latex: &str, expected: &'static str) -> Result<()> {
        if self.take(text, latex) { Ok(()) } else { self.fail(expected) }
    }

    /// A sum in brackets: one level deeper.
    fn inner(&mut self) -> Result<NodeId> {
        self.depth += 1;
        if self.depth > MAXIMUM_NESTING {
            return self.fail("less nesting");
        }
        let value = self.sum();
        self.depth -= 1;
        value
    }

    fn sum(&mut self) -> Result<NodeId> {
        let negative = self.take("-", "-");
        let mut sum = self.total()?;
        if negative {
            sum = self.node(Operator::Unary(Unary::Negate), vec![sum])?;
        }
        loop {
            let function = if self.take("+", "+") {
                Binary::Add
            } else if self.take("-", "-") {
                Binary::Subtract
            } else {
                return Ok(sum);
            };
            let term = self.total()?;
            sum = self.node(Operator::Binary(function), vec![sum, term])?;
        }
    }

    fn total(&mut self) -> Result<NodeId> {
        // Over the steps of the page: those of the sequence, or the one before the first.
        if self.take("Σ_t ", "\\sum_t ") || self.take("Σ ", "\\sum ") {
            let operand = self.product()?;
            return self.node(Operator::Total, vec![operand]);
        }
        self.product()
    }

    fn product(&mut self) -> Result<NodeId> {
        let mut product = self.chain()?;
        loop {
            let function = if self.take("⊙", "\\odot") {
                Binary::Multiply
            } else if self.style == Style::Text && self.take("/", "/") {
                Binary::Divide
            } else {
                return Ok(product);
            };
            let factor = self.chain()?;
            product = self.node(Operator::Binary(function), vec![product, factor])?;
        }
    }

    /// Factors side by side, the last first.
    fn chain(&mut self) -> Result<NodeId> {
        let mut factors = vec![self.power()?];
        while self.begins_factor() {
            factors.push(self.power()?);
        }
        let mut right = factors.pop().unwrap_or(Factor::Ones(Shape::Scalar));
        while let Some(left) = factors.pop() {
            right = Factor::Value(self.juxtaposed(left, right)?);
        }
        self.value(right)
    }

    fn begins_factor(&mut self) -> bool {
        self.blanks();
        let ends: &[&str] = match self.style {
            Style::Text => &["+", "-", "⊙", "/", ")", "]", ",", "<", "≤", ">"],
            Style::Latex => &["+", "-", "\\odot", "}", ")", "]", ",", "<", "\\le ", ">", "\\right"],
        };
        !self.rest.is_empty() && !ends.iter().any(|end| self.rest.starts_with(end))
    }

    fn juxtaposed(&mut self, left: Factor, right: Factor) -> Result<NodeId> {
        let left = self.value(left)?;
        let scalar = *self.graph.shape(left) == Shape::Scalar;
        match right {
            Factor::Row(right) => self.node(Operator::Outer, vec![left, right]),
            Factor::Ones(shape) if scalar => {
                self.graph.broadcast(left, &shape).map_err(|error| self.broken(error))
            }
            right => {
                let right = self.value(right)?;
                let operator = match (self.graph.shape(left), self.graph.shape(right)) {
                    (Shape::Scalar, _) => Operator::Binary(Binary::Multiply),
                    (Shape::Matrix(..), Shape::Vector(_)) => Operator::MatrixVector,
                    (Shape::Matrix(..), Shape::Matrix(..)) => Operator::MatrixMatrix,
                    _ => return self.fail("a product of matrices before this"),
                };
                self.node(operator, vec![left, right])
            }
        }
    }

    fn value(&mut self, factor: Factor) -> Result<NodeId> {
        let filled = |reader: &mut Self, number: f64, shape: &Shape| {
            let number = reader.graph.constant(number).map_err(|error| reader.broken(error))?;
            reader.graph.broadcast(number, shape).map_err(|error| reader.broken(error))
        };
        match factor {
            Factor::Value(value) => Ok(value),
            Factor::Ones(shape) => filled(self, 1.0, &shape),
            Factor::Zeros(Size::Known(n)) => filled(self, 0.0, &Shape::Vector(n)),
            Factor::Row(_) => self.fail("a vector before the transposed one"),
            Factor::ZeroColumns(_) | Factor::Zeros(Size::Rest { .. }) => self.fail("a list around zeros"),
        }
    }

    fn power(&mut self) -> Result<Factor> {
        let mut factor = self.atom()?;
        loop {
            if self.take("^2", "^{2}") {
                let value = self.value(factor)?;
                factor = Factor::Value(self.node(Operator::Binary(Binary::Multiply), vec![value, value])?);
            } else if self.take("^T", "^{\\top}") {
                let value = self.value(factor)?;
                factor = match self.graph.shape(value) {
                    Shape::Matrix(..) => Factor::Value(self.node(Operator::Transpose, vec![value])?),
                    _ => Factor::Row(value),
                };
            } else if self.begins_range() {
                let value = self.value(factor)?;
                factor = Factor::Value(self.part(value)?);
            } else {
                return Ok(factor);
            }
        }
    }

    /// True where a bracket opens that has a colon of its own: elements or columns.
    fn begins_range(&self) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        let mut depth = 0_usize;
        for letter in self.rest.chars() {
            match letter {
                '[' | '(' => depth += 1,
                ']' | ')' => {
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                ':' if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    /// `[a:b]` or `[:, a:b]`.
    fn part(&mut self, whole: NodeId) -> Result<NodeId> {
        self.need("[", "[", "`[`")?;
        let columns = self.take(":,", "{:},");
        let (Shape::Vector(total) | Shape::Matrix(_, total)) = self.graph.shape(whole).clone() else {
            return self.fail("a vector or matrix before this");
        };
        let start = if self.take(":", "{:}") {
            Dimension::default()
        } else {
            let start = self.dimension()?;
            self.need(":", "{:}", "`:`")?;
            start
        };
        let end = if self.take("]", "]") {
            total
        } else {
            let end = self.dimension()?;
            self.need("]", "]", "`]`")?;
            end
        };
        let Some(length) = end.minus(&start) else { return self.fail("a range before this") };
        let operator = match columns {
            true => Operator::SliceColumns { start, length },
            false => Operator::Slice { start, length },
        };
        self.node(operator, vec![whole])
    }

    /// `2 h + x + 3`.
    fn dimension(&mut self) -> Result<Dimension> {
        let mut sum = Dimension::default();
        loop {
            self.blanks();
            let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = match digits {
                0 => None,
                _ => match self.rest[..digits].parse::<u32>() {
                    Ok(number) => Some(number),
                    Err(_) => return self.fail("a smaller number"),
                },
            };
            self.rest = &self.rest[digits..];
            self.blanks();
            let named = self.names.longest_dimension(self.rest);
            let term = match (number, named) {
                (number, Some((id, rest))) => {
                    self.rest = rest;
                    Dimension::free(id).times(number.unwrap_or(1))
                }
                (Some(number), None) => Dimension::constant(number),
                (None, None) => return self.fail("a size"),
            };
            sum = sum.plus(&term);
            if !self.take("+", "+") {
                return Ok(sum);
            }
        }
    }

    /// `n`, or `n - (m)`.
    fn size(&mut self) -> Result<Size> {
        let total = self.dimension()?;
        if !self.take("-", "-") {
            return Ok(Size::Known(total));
        }
        self.need("(", "(", "`(`")?;
        let used = self.dimension()?;
        self.need(")", ")", "`)`")?;
        Ok(match total.minus(&used) {
            Some(rest) => Size::Known(rest),
            None => Size::Rest { total, used },
        })
    }

    fn atom(&mut self) -> Result<Factor> {
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
