//! The functions of the language in the vocabulary of [`crate::operator`].

use super::builder::{Builder, Value};
use super::expression::unary;
use super::product::{Kind, Rule};
use crate::diagnostic::Code;
use crate::operator::{Binary, Unary};
use crate::source::ast::{Comparison, Function};
use crate::source::{argument_counts, counted, function_name};
use crate::span::Span;

/// Added to the variance by `LN`.
const NORMALISATION_EPSILON: f64 = 1e-5;
/// Scale and slope of `selu` (Klambauer et al., 2017).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_SLOPE: f64 = 1.673_263_242_354_377_2;
/// Largest power that is computed by multiplication.
const LARGEST_PRODUCT_POWER: f64 = 64.0;
/// Most equal parts that a vector is cut into.
const MAXIMUM_PARTS: u32 = 65_536;

impl Builder<'_> {
    /// Applies a known function.
    pub(super) fn call(&mut self, function: Function, arguments: &[Value], span: Span) -> Option<Value> {
        let (least, most, count) = argument_counts(function);
        let Some(&a) = arguments.first().filter(|_| (least..=most).contains(&arguments.len())) else {
            let found = self.findings.report(
                Code::ArgumentCount,
                span,
                format!(
                    "`{}` takes {count}, but {} given",
                    function_name(function),
                    counted(arguments.len())
                ),
            );
            if function == Function::Chunk {
                found.help("to define all parts at once, name them: `i_t, f_t = chunk(a_t, 2)`");
            }
            return None;
        };
        if let Some(operator) = unary(function) {
            return self.unary(operator, a, span);
        }
        match function {
            Function::Maximum => self.fold(Binary::Maximum, arguments, span),
            Function::Minimum => self.fold(Binary::Minimum, arguments, span),
            Function::Clip => {
                let (low, high) = (*arguments.get(1)?, *arguments.get(2)?);
                self.clip(a, low, high, span)
            }
            // x where x > 0, else e^x - 1; the exponent is clipped so that the branch not taken stays finite.
            Function::Elu => {
                let branch = self.exponential_minus_one(a, span)?;
                let positive = self.unary(Unary::Step, a, span)?;
                self.select(positive, a, branch, span)
            }
            // scale x where x > 0, else scale slope (e^x - 1)
            Function::Selu => {
                let branch = self.exponential_minus_one(a, span)?;
                let branch = self.scale(SELU_SLOPE, branch, span)?;
                let positive = self.unary(Unary::Step, a, span)?;
                let value = self.select(positive, a, branch, span)?;
                self.scale(SELU_SCALE, value, span)
            }
            // x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))
            Function::Gelu => {
                let square = self.binary(Binary::Multiply, a, a, "multiplied", span)?;
                let cube = self.binary(Binary::Multiply, square, a, "multiplied", span)?;
                let cube = self.scale(0.044_715, cube, span)?;
                let inner = self.binary(Binary::Add, a, cube, "added", span)?;
                let inner = self.scale((2.0 / std::f64::consts::PI).sqrt(), inner, span)?;
                let inner = self.unary(Unary::Tanh, inner, span)?;
                let one = self.number(1.0, span)?;
                let inner = self.binary(Binary::Add, one, inner, "added", span)?;
                let half = self.scale(0.5, a, span)?;
                self.binary(Binary::Multiply, half, inner, "multiplied", span)
            }
            // x σ(x)
            Function::Silu => {
                let gate = self.unary(Unary::Sigmoid, a, span)?;
                self.binary(Binary::Multiply, a, gate, "multiplied", span)
            }
            // x / (1 + |x|)
            Function::Softsign => {
                let size = self.unary(Unary::Absolute, a, span)?;
                let one = self.number(1.0, span)?;
                let below = self.binary(Binary::Add, one, size, "added", span)?;
                self.binary(Binary::Divide, a, below, "divided", span)
            }
            // clip(x/5 + 1/2, 0, 1)
            Function::HardSigmoid => {
                let scaled = self.scale(0.2, a, span)?;
                let half = self.number(0.5, span)?;
                let moved = self.binary(Binary::Add, scaled, half, "added", span)?;
                let (low, high) = (self.number(0.0, span)?, self.number(1.0, span)?);
                self.clip(moved, low, high, span)
            }
            Function::HardTanh => {
                let (low, high) = (self.number(-1.0, span)?, self.number(1.0, span)?);
                self.clip(a, low, high, span)
            }
            // ln σ(x) = -softplus(-x)
            Function::LogSigmoid => {
                let negated = self.unary(Unary::Negate, a, span)?;
                let positive = self.unary(Unary::Softplus, negated, span)?;
                self.unary(Unary::Negate, positive, span)
            }
            Function::Sum => self.sum(a, span),
            Function::Diagonal => self.vector(a, span).map(|value| Value { kind: Kind::Diagonal, ..value }),
            // Σ x / n
            Function::Mean => {
                let a = self.vector(a, span)?;
                self.mean(a, span)
            }
            // sqrt(Σ x²)
            Function::Norm => {
                let square = self.binary(Binary::Multiply, a, a, "multiplied", span)?;
                let sum = self.sum(square, span)?;
                self.unary(Unary::SquareRoot, sum, span)
            }
            // e^(x - max x) / Σ e^(x - max x)
            Function::Softmax => {
                let a = self.vector(a, span)?;
                let largest = self.largest(a, span)?;
                let moved = self.binary(Binary::Subtract, a, largest, "subtracted", span)?;
                let exponential = self.unary(Unary::Exponential, moved, span)?;
                let sum = self.sum(exponential, span)?;
                self.binary(Binary::Divide, exponential, sum, "divided", span)
            }
            // e^(x_ij - max_k x_kj) / Σ_k e^(x_kj - max_k x_kj)
            Function::ColumnSoftmax => {
                let a = self.matrix(a, span)?;
                let turned = self.transpose(a, span)?;
                self.rows_softmax(a, turned, true, span)
            }
            // e^(x_ij - max_k x_ik) / Σ_k e^(x_ik - max_k x_ik)
            Function::RowSoftmax => {
                let a = self.matrix(a, span)?;
                self.rows_softmax(a, a, false, span)
            }
            // d / sqrt(Σ d² / n + ε) with d = x - Σ x / n
            Function::LayerNorm => {
                let a = self.vector(a, span)?;
                let mean = self.mean(a, span)?;
                let centred = self.binary(Binary::Subtract, a, mean, "subtracted", span)?;
                let square = self.binary(Binary::Multiply, centred, centred, "multiplied", span)?;
                let variance = self.mean(square, span)?;
                let epsilon = self.number(NORMALISATION_EPSILON, span)?;
                let moved = self.binary(Binary::Add, variance, epsilon, "added", span)?;
                let deviation = self.unary(Unary::SquareRoot, moved, span)?;
                self.binary(Binary::Divide, centred, deviation, "divided", span)
            }
            // b where a is not zero, else c
            Function::Where => self.choose(a, *arguments.get(1)?, *arguments.get(2)?, span),
            // A comparison is 1 or 0; of a value it is told whether it is zero.
            Function::Indicator => {
                let (one, zero) = (self.number(1.0, span)?, self.number(0.0, span)?);
                self.choose(a, one, zero, span)
            }
            // a - b floor(a / b): a' = 1, b' = -floor(a / b), since floor' = 0
            Function::Modulo => {
                let b = *arguments.get(1)?;
                let quotient = self.binary(Binary::Divide, a, b, "divided", span)?;
                let whole = self.unary(Unary::Floor, quotient, span)?;
                let whole = self.binary(Binary::Multiply, b, whole, "multiplied", span)?;
                self.binary(Binary::Subtract, a, whole, "subtracted", span)
            }
            // -floor(-x)
            Function::Ceiling => {
                let negated = self.unary(Unary::Negate, a, span)?;
                let below = self.unary(Unary::Floor, negated, span)?;
                self.unary(Unary::Negate, below, span)
            }
            Function::CumulativeSum | Function::ReverseCumulativeSum => {
                let a = self.vector(a, span)?;
                self.cumulative_sum(function == Function::ReverseCumulativeSum, a, span)
            }
            // cumsum(softmax(x))
            Function::Cumax => {
                let softmax = self.call(Function::Softmax, &[a], span)?;
                self.cumulative_sum(false, softmax, span)
            }
            // Σ x²
            Function::SumOfSquares => {
                let square = self.binary(Binary::Multiply, a, a, "multiplied", span)?;
                self.sum(square, span)
            }
            Function::Dot => {
                let (a, b) = (self.vector(a, span)?, self.vector(*arguments.get(1)?, span)?);
                self.step(Rule::Inner, a, b, Kind::Scalar, span)
            }
            Function::Outer => {
                let (a, b) = (self.vector(a, span)?, self.vector(*arguments.get(1)?, span)?);
                self.step(Rule::Outer, a, b, Kind::Matrix, span)
            }
            // diag(a) S
            Function::RowScale => {
                let (a, matrix) = (self.vector(a, span)?, self.matrix(*arguments.get(1)?, span)?);
                let diagonal = Value { kind: Kind::Diagonal, ..a };
                self.step(Rule::DiagonalMatrix, diagonal, matrix, Kind::Matrix, span)
            }
            // S^T q
            Function::TransposedProduct => {
                let (matrix, vector) = (self.matrix(a, span)?, self.vector(*arguments.get(1)?, span)?);
                let transposed = self.transpose(matrix, matrix.span)?;
                self.step(Rule::MatrixVector, transposed, vector, Kind::Vector, span)
            }
            Function::Chunk => {
                let a = self.vector(a, span)?;
                let count = self.part_number(*arguments.get(2)?, 1, MAXIMUM_PARTS)?;
                let part = self.part_number(*arguments.get(1)?, 1, count)?;
                self.chunk(a, part - 1, count, span)
            }
            // One operator each: done above.
            Function::Sigmoid
            | Function::Tanh
            | Function::Relu
            | Function::Softplus
            | Function::Exponential
            | Function::Logarithm
            | Function::SquareRoot
            | Function::Absolute
            | Function::Sine
            | Function::Cosine
            | Function::Sign
            | Function::Floor
            | Function::Round => None,
        }
    }

    /// `a < b`: 1 where it holds, else 0. Of what is not a number only `!=` holds.
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        a: Value,
        b: Value,
        span: Span,
    ) -> Option<Value> {
        let doing = "compared";
        match comparison {
            Comparison::Less => self.binary(Binary::Less, a, b, doing, span),
            Comparison::LessOrEqual => self.binary(Binary::LessOrEqual, a, b, doing, span),
            Comparison::Greater => self.binary(Binary::Less, b, a, doing, span),
            Comparison::GreaterOrEqual => self.binary(Binary::LessOrEqual, b, a, doing, span),
            // Neither below nor above.
            Comparison::Equal => {
                let (below, above) = (
                    self.binary(Binary::LessOrEqual, a, b, doing, span)?,
                    self.binary(Binary::LessOrEqual, b, a, doing, span)?,
                );
                self.binary(Binary::Multiply, below, above, "multiplied", span)
            }
            Comparison::NotEqual => {
                let equal = self.compare(Comparison::Equal, a, b, span)?;
                let one = self.number(1.0, span)?;
                self.binary(Binary::Subtract, one, equal, "subtracted", span)
            }
        }
    }

    /// A whole number of `chunk` from `least` to `most`; anything else is reported.
    fn part_number(&mut self, value: Value, least: u32, most: u32) -> Option<u32> {
        let number = self
            .as_number(value)
            .filter(|number| number.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(number));
        let Some(number) = number else {
            let message = format!("a whole number from {least} to {most} is needed here");
            self.findings.report(Code::ArgumentCount, value.span, message).help(
                "`chunk(a, j, m)` is the j-th of m equal parts of `a`, counted from 1, as in `chunk(a_t, 1, 4)`",
            );
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within bounds"
        )]
        Some(number as u32)
    }

    /// `a^b`.
    pub(super) fn power(&mut self, a: Value, b: Value, span: Span) -> Option<Value> {
        if matches!(a.kind, Kind::Matrix | Kind::Diagonal) {
            let inverse = self.as_number(b).is_some_and(|exponent| exponent < 0.0);
            let message = if inverse {
                "the inverse of a matrix is outside the language"
            } else {
                "a power of a matrix"
            };
            self.findings.report(Code::MatrixPower, span, message).help(
                "write the product out; a number that only tells weights apart belongs on the name itself",
            );
            return None;
        }
        let Some(exponent) = self.as_number(b) else {
            // a^b = e^(b ln a)
            let logarithm = match self.as_number(a) {
                Some(base) => self.number(base.ln(), a.span)?,
                None => self.unary(Unary::Logarithm, a, a.span)?,
            };
            let inner = self.binary(Binary::Multiply, b, logarithm, "multiplied", span)?;
            return self.unary(Unary::Exponential, inner, span);
        };
        if exponent == 0.5 {
            return self.unary(Unary::SquareRoot, a, span);
        }
        if exponent.fract() != 0.0 || exponent.abs() > LARGEST_PRODUCT_POWER {
            let logarithm = self.unary(Unary::Logarithm, a, span)?;
            let inner = self.scale(exponent, logarithm, span)?;
            return self.unary(Unary::Exponential, inner, span);
        }
        // Squares, and the product of those that the exponent's binary digits name.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer of at most 64"
        )]
        let mut digits = exponent.abs() as u32;
        let (mut square, mut result) = (a, None);
        while digits > 0 {
            if digits & 1 == 1 {
                result = Some(match result {
                    None => square,
                    Some(result) => self.binary(Binary::Multiply, result, square, "multiplied", span)?,
                });
            }
            digits >>= 1;
            if digits > 0 {
                square = self.binary(Binary::Multiply, square, square, "multiplied", span)?;
            }
        }
        match result {
            None => {
                // x^0 is 1 in the shape of x.
                let zero = self.number(0.0, span)?;
                let nothing = self.binary(Binary::Multiply, zero, a, "multiplied", span)?;
                let one = self.number(1.0, span)?;
                self.binary(Binary::Add, one, nothing, "added", span)
            }
            Some(result) if exponent < 0.0 => {
                let one = self.number(1.0, span)?;
                self.binary(Binary::Divide, one, result, "divided", span)
            }
            Some(result) => Some(result),
        }
    }

    fn fold(&mut self, function: Binary, arguments: &[Value], span: Span) -> Option<Value> {
        let mut all = arguments.iter().copied();
        let mut result = all.next()?;
        for next in all {
            result = self.binary(function, result, next, "compared", span)?;
        }
        Some(result)
    }

    /// max(low, min(high, a))
    fn clip(&mut self, a: Value, low: Value, high: Value, span: Span) -> Option<Value> {
        let below = self.binary(Binary::Minimum, a, high, "compared", span)?;
        self.binary(Binary::Maximum, below, low, "compared", span)
    }

    /// e^min(a, 0) - 1
    fn exponential_minus_one(&mut self, a: Value, span: Span) -> Option<Value> {
        let zero = self.number(0.0, span)?;
        let negative = self.binary(Binary::Minimum, a, zero, "compared", span)?;
        let exponential = self.unary(Unary::Exponential, negative, span)?;
        let one = self.number(1.0, span)?;
        self.binary(Binary::Subtract, exponential, one, "subtracted", span)
    }

    fn scale(&mut self, factor: f64, a: Value, span: Span) -> Option<Value> {
        let factor = self.number(factor, span)?;
        self.binary(Binary::Multiply, factor, a, "multiplied", span)
    }

    fn mean(&mut self, a: Value, span: Span) -> Option<Value> {
        let (sum, count) = (self.sum(a, span)?, self.count(a, span)?);
        self.binary(Binary::Divide, sum, count, "divided", span)
    }

    /// Softmax of each row of `by_rows`, which is the matrix or, for columns, its transpose.
    fn rows_softmax(&mut self, a: Value, by_rows: Value, columns: bool, span: Span) -> Option<Value> {
        let largest = self.row_maximum(by_rows, span)?;
        let largest = self.repeated(largest, a, columns, span)?;
        let moved = self.binary(Binary::Subtract, a, largest, "subtracted", span)?;
        let exponential = self.unary(Unary::Exponential, moved, span)?;
        let by_rows = if columns { self.transpose(exponential, span)? } else { exponential };
        let sums = self.row_sums(by_rows, span)?;
        let sums = self.repeated(sums, a, columns, span)?;
        self.binary(Binary::Divide, exponential, sums, "divided", span)
    }

    /// A matrix; anything else is reported.
    fn matrix(&mut self, a: Value, span: Span) -> Option<Value> {
        let a = self.full(a)?;
        if a.kind == Kind::Matrix {
            return Some(a);
        }
        self.findings
            .report(
                Code::OperandKind,
                span,
                format!("a matrix is needed here, {} was found", a.kind.describe()),
            )
            .label(a.span, a.kind.describe());
        None
    }

    /// A vector; anything else is reported.
    pub(super) fn vector(&mut self, a: Value, span: Span) -> Option<Value> {
        if matches!(a.kind, Kind::Vector | Kind::Row) {
            return Some(a);
        }
        self.findings
            .report(
                Code::OperandKind,
                span,
                format!("a vector is needed here, {} was found", a.kind.describe()),
            )
            .label(a.span, a.kind.describe());
        None
    }
}
