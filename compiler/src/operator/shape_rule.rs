//! The shape of an operator's result from the shapes of its operands.

use thiserror::Error;

use super::Operator;
use crate::shape::{Dimension, Shape};

/// Why an operator does not apply to operands of given shapes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// Wrong number of operands.
    #[error("`{operator}` takes {expected} operands, not {found}")]
    Arity {
        /// Name of the operator.
        operator: &'static str,
        /// How many it takes, in words.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An operand that is not of the kind the operator takes.
    #[error("operand {position} of `{operator}` must be a {expected}, not {found}")]
    Kind {
        /// Name of the operator.
        operator: &'static str,
        /// Which operand, from 0.
        position: usize,
        /// `scalar`, `vector`, `matrix` or a choice of them.
        expected: &'static str,
        /// The operand's shape.
        found: Box<Shape>,
    },
    /// Operands whose sizes do not agree.
    #[error("the operands of `{operator}` do not agree: {left} and {right}")]
    Mismatch {
        /// Name of the operator.
        operator: &'static str,
        /// Shape of an operand.
        left: Box<Shape>,
        /// Shape of a later operand.
        right: Box<Shape>,
    },
    /// A part that is not known to lie within the whole.
    #[error("`{operator}` of {length} elements from {start} does not fit into {total}")]
    Range {
        /// Name of the operator.
        operator: &'static str,
        /// First element of the part.
        start: Dimension,
        /// Size of the part.
        length: Dimension,
        /// Size of the whole.
        total: Dimension,
    },
    /// A leaf that refers to an input, state, parameter or output that does not exist.
    #[error("`{operator}({index})` refers to nothing")]
    NoPort {
        /// Name of the operator.
        operator: &'static str,
        /// What it refers to.
        index: u32,
    },
}

/// Reads operands of the expected kinds, with errors that name the operator.
struct Operands<'a> {
    operator: &'static str,
    shapes: &'a [&'a Shape],
}

impl<'a> Operands<'a> {
    fn wrong(&self, position: usize, expected: &'static str) -> ShapeError {
        match self.shapes.get(position) {
            Some(&found) => ShapeError::Kind {
                operator: self.operator,
                position,
                expected,
                found: Box::new(found.clone()),
            },
            None => ShapeError::Arity { operator: self.operator, expected: "more", found: self.shapes.len() },
        }
    }

    fn vector(&self, position: usize) -> Result<&'a Dimension, ShapeError> {
        match self.shapes.get(position) {
            Some(Shape::Vector(n)) => Ok(n),
            _ => Err(self.wrong(position, "vector")),
        }
    }

    fn matrix(&self, position: usize) -> Result<(&'a Dimension, &'a Dimension), ShapeError> {
        match self.shapes.get(position) {
            Some(Shape::Matrix(rows, columns)) => Ok((rows, columns)),
            _ => Err(self.wrong(position, "matrix")),
        }
    }

    fn scalar(&self, position: usize) -> Result<(), ShapeError> {
        match self.shapes.get(position) {
            Some(Shape::Scalar) => Ok(()),
            _ => Err(self.wrong(position, "scalar")),
        }
    }

    fn mismatch(&self, left: usize, right: usize) -> ShapeError {
        match (self.shapes.get(left), self.shapes.get(right)) {
            (Some(&left), Some(&right)) => ShapeError::Mismatch {
                operator: self.operator,
                left: Box::new(left.clone()),
                right: Box::new(right.clone()),
            },
            _ => ShapeError::Arity { operator: self.operator, expected: "more", found: self.shapes.len() },
        }
    }

    /// All operands that are not scalars have one shape; that is the result's.
    fn broadcast(&self) -> Result<Shape, ShapeError> {
        let mut result: Option<usize> = None;
        for (position, shape) in self.shapes.iter().enumerate() {
            match result {
                _ if **shape == Shape::Scalar => {}
                None => result = Some(position),
                Some(first) if self.shapes.get(first) == Some(shape) => {}
                Some(first) => return Err(self.mismatch(first, position)),
            }
        }
        Ok(result
            .and_then(|position| self.shapes.get(position))
            .map_or(Shape::Scalar, |&shape| shape.clone()))
    }

    /// Checks that `length` elements from `start` lie within `total`.
    fn within(&self, start: &Dimension, length: &Dimension, total: &Dimension) -> Result<(), ShapeError> {
        if total.minus(&start.plus(length)).is_some() {
            return Ok(());
        }
        Err(ShapeError::Range {
            operator: self.operator,
            start: start.clone(),
            length: length.clone(),
            total: total.clone(),
        })
    }
}

/// The shape of `operator` applied to operands of the shapes `operands`.
///
/// `port` is the shape of what a leaf refers to (an input, a state, an unknown, a parameter; for a gradient leaf the
/// output, state or unknown that it is the gradient by), `None` where that does not exist. Other operators do not read it.
///
/// # Errors
///
/// Where the operator does not apply.
pub fn result_shape(
    operator: &Operator,
    operands: &[&Shape],
    port: Option<&Shape>,
) -> Result<Shape, ShapeError> {
    let name = operator.name();
    let given = Operands { operator: name, shapes: operands };
    let fits = operator.arity().map_or(!operands.is_empty(), |arity| arity == operands.len());
    if !fits {
        let expected = match operator.arity() {
            Some(0) => "no",
            Some(1) => "1",
            Some(2) => "2",
            Some(_) => "3",
            None => "1 or more",
        };
        return Err(ShapeError::Arity { operator: name, expected, found: operands.len() });
    }
    match operator {
        Operator::Constant(_) => Ok(Shape::Scalar),
        Operator::Identity(n) => Ok(Shape::Matrix(n.clone(), n.clone())),
        Operator::Input(index)
        | Operator::State(index)
        | Operator::Unknown(index)
        | Operator::Parameter(index)
        | Operator::OutputGradient(index)
        | Operator::StateGradient(index)
        | Operator::SolutionGradient(index) => {
            port.cloned().ok_or(ShapeError::NoPort { operator: name, index: *index })
        }
        Operator::Unary(_) | Operator::Binary(_) | Operator::Ternary(_) | Operator::Total => {
            given.broadcast()
        }
        Operator::MatrixVector => {
            let ((rows, columns), n) = (given.matrix(0)?, given.vector(1)?);
            if columns == n { Ok(Shape::Vector(rows.clone())) } else { Err(given.mismatch(0, 1)) }
        }
        Operator::Outer => Ok(Shape::Matrix(given.vector(0)?.clone(), given.vector(1)?.clone())),
        Operator::MatrixMatrix => {
            let ((rows, inner), (same, columns)) = (given.matrix(0)?, given.matrix(1)?);
            if inner == same {
                Ok(Shape::Matrix(rows.clone(), columns.clone()))
            } else {
                Err(given.mismatch(0, 1))
            }
        }
        Operator::Transpose => {
            let (rows, columns) = given.matrix(0)?;
            Ok(Shape::Matrix(columns.clone(), rows.clone()))
        }
        Operator::Concatenate => {
            let mut total = Dimension::default();
            for position in 0..operands.len() {
                total = total.plus(given.vector(position)?);
            }
            Ok(Shape::Vector(total))
        }
        Operator::Slice { start, length } => {
            given.within(start, length, given.vector(0)?)?;
            Ok(Shape::Vector(length.clone()))
        }
        Operator::Pad { start, total } => {
            given.within(start, given.vector(0)?, total)?;
            Ok(Shape::Vector(total.clone()))
        }
        Operator::SliceColumns { start, length } => {
            let (rows, columns) = given.matrix(0)?;
            given.within(start, length, columns)?;
            Ok(Shape::Matrix(rows.clone(), length.clone()))
        }
        Operator::PadColumns { start, total } => {
            let (rows, columns) = given.matrix(0)?;
            given.within(start, columns, total)?;
            Ok(Shape::Matrix(rows.clone(), total.clone()))
        }
        Operator::Sum => match operands {
            [Shape::Vector(_) | Shape::Matrix(..)] => Ok(Shape::Scalar),
            _ => Err(given.wrong(0, "vector or matrix")),
        },
        Operator::RowMaximum => given.matrix(0).map(|(rows, _)| Shape::Vector(rows.clone())),
        Operator::MaximumElement => given.vector(0).map(|_| Shape::Scalar),
        Operator::CumulativeSum { .. } => given.vector(0).map(|n| Shape::Vector(n.clone())),
        Operator::Broadcast(n) => given.scalar(0).map(|()| Shape::Vector(n.clone())),
        Operator::BroadcastMatrix(rows, columns) => {
            given.scalar(0).map(|()| Shape::Matrix(rows.clone(), columns.clone()))
        }
    }
}
