//! A right side to nodes, by the table of precedence in [`crate::derivation::write`].

mod atom;

use super::ReadError;
use super::names::Names;
use crate::derivation::write::Style;
use crate::graph::{Graph, GraphError, NodeId};
use crate::limits::MAXIMUM_NESTING;
use crate::operator::{Binary, Operator, Unary};
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
}
