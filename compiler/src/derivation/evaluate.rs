//! The equations evaluated: what they mean, in plain f64, apart from the graph they come from. For tests.

use std::collections::BTreeMap;

use super::Derivation;
use super::equation::{Equation, Expression, Range, Symbol};
use crate::operator::Binary;
use crate::operator::evaluate::{cumulative_sum, evaluate_binary, evaluate_unary};
use crate::shape::{Dimension, Shape};

/// A value of one sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) axes: Vec<usize>,
    pub(super) elements: Vec<f64>,
}

/// The values of one sample at one step.
pub(super) type Values = BTreeMap<Symbol, Tensor>;

impl Tensor {
    fn scalar(value: f64) -> Self {
        Self { axes: Vec::new(), elements: vec![value] }
    }

    fn map(self, function: impl Fn(f64) -> f64) -> Self {
        Self { elements: self.elements.into_iter().map(function).collect(), ..self }
    }

    fn combine(&self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        let axes = if self.axes.is_empty() { &other.axes } else { &self.axes };
        assert!(
            self.axes.is_empty() || other.axes.is_empty() || self.axes == other.axes,
            "{self:?} {other:?}"
        );
        let count = axes.iter().product();
        let at =
            |tensor: &Self, index: usize| tensor.elements[if tensor.axes.is_empty() { 0 } else { index }];
        let elements = (0..count).map(|index| function(at(self, index), at(other, index))).collect();
        Self { axes: axes.clone(), elements }
    }

    fn columns(&self) -> usize {
        *self.axes.last().expect("no scalar")
    }
}

/// Evaluates over a sequence.
pub(super) struct Evaluator<'a> {
    pub(super) derivation: &'a Derivation,
    pub(super) sizes: Vec<usize>,
}

impl Evaluator<'_> {
    /// Evaluates equations in order and adds their values.
    pub(super) fn run(&self, equations: &[Equation], values: &mut Values, all: &[Values]) {
        for equation in equations {
            let value = self.value(&equation.value, values, all);
            let expected = equation.shape.sizes(&self.sizes).expect("sizes");
            let shown = self.derivation.symbol_text(equation.symbol);
            assert_eq!(value.axes, expected, "shape of {shown}");
            assert!(values.insert(equation.symbol, value).is_none(), "{shown} is defined twice");
        }
    }

    fn size(&self, dimension: &Dimension) -> usize {
        dimension.size(&self.sizes).expect("sizes")
    }

    pub(super) fn value(&self, expression: &Expression, values: &Values, all: &[Values]) -> Tensor {
        let of = |expression: &Expression| self.value(expression, values, all);
        match expression {
            Expression::Number(value) => Tensor::scalar(*value),
            Expression::Name(symbol) => values
                .get(symbol)
                .unwrap_or_else(|| panic!("{} is not known yet", self.derivation.symbol_text(*symbol)))
                .clone(),
            Expression::Size(n) => Tensor::scalar(self.size(n) as f64),
            Expression::Identity(n) => {
                let n = self.size(n);
                let elements = (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect();
                Tensor { axes: vec![n, n], elements }
            }
            Expression::Call(function, operand) => of(operand).map(|x| evaluate_unary(*function, x)),
            Expression::Sum(terms) => {
                let mut sum: Option<Tensor> = None;
                for term in terms {
                    let value = of(&term.value).map(|x| if term.subtracted { -x } else { x });
                    sum = Some(match sum {
                        Some(sum) => sum.combine(&value, |a, b| a + b),
                        None => value,
                    });
                }
                sum.expect("a sum has terms")
            }
            Expression::Product(factors) => factors
                .iter()
                .fold(Tensor::scalar(1.0), |product, factor| product.combine(&of(factor), |a, b| a * b)),
            Expression::Quotient(over, under) => of(over).combine(&of(under), |a, b| a / b),
            Expression::Square(operand) => of(operand).map(|x| x * x),
            Expression::Compare(function, a, b) => {
                assert!(matches!(
                    function,
                    Binary::Less | Binary::LessOrEqual | Binary::Maximum | Binary::Minimum
                ));
                of(a).combine(&of(b), |a, b| evaluate_binary(*function, a, b))
            }
            Expression::Select(condition, taken, other) => {
                let condition = of(condition);
                // Neither branch may be multiplied: what is not taken may be infinite.
                let taken = condition.combine(&of(taken), |c, x| if c == 0.0 { f64::NAN } else { x });
                let other = condition.combine(&of(other), |c, x| if c == 0.0 { x } else { f64::NAN });
                let shaped = taken.combine(&other, |_, _| 0.0);
                let condition = condition.combine(&shaped, |c, _| c);
                let elements = (0..condition.elements.len())
                    .map(|at| {
                        let side = if condition.elements[at] == 0.0 { &other } else { &taken };
                        side.elements[if side.axes.is_empty() { 0 } else { at }]
                    })
                    .collect();
                Tensor { axes: condition.axes, elements }
            }
            Expression::Apply(matrix, operand) => {
                let (matrix, operand) = (of(matrix), of(operand));
                let (rows, inner) = (matrix.axes[0], matrix.axes[1]);
                assert_eq!(inner, operand.axes[0]);
                let columns = operand.axes.get(1).copied().unwrap_or(1);
                let elements = (0..rows * columns)
                    .map(|at| {
                        let (i, j) = (at / columns, at % columns);
                        (0..inner)
                            .map(|k| matrix.elements[i * inner + k] * operand.elements[k * columns + j])
                            .sum()
                    })
                    .collect();
                let mut axes = operand.axes.clone();
                axes[0] = rows;
                Tensor { axes, elements }
            }
            Expression::Outer(left, right) => {
                let (left, right) = (of(left), of(right));
                assert!(left.axes.len() == 1 && right.axes.len() == 1);
                let row = |u: &f64| right.elements.iter().map(|v| u * v).collect::<Vec<f64>>();
                let elements = left.elements.iter().flat_map(row).collect();
                Tensor { axes: vec![left.axes[0], right.axes[0]], elements }
            }
            Expression::Transpose(operand) => {
                let operand = of(operand);
                let (rows, columns) = (operand.axes[0], operand.axes[1]);
                let elements = (0..rows * columns)
                    .map(|at| operand.elements[(at % rows) * columns + at / rows])
                    .collect();
                Tensor { axes: vec![columns, rows], elements }
            }
            Expression::Concatenate(parts) => {
                let elements: Vec<f64> = parts
                    .iter()
                    .flat_map(|part| {
                        let part = of(part);
                        assert_eq!(part.axes.len(), 1, "a vector");
                        part.elements
                    })
                    .collect();
                Tensor { axes: vec![elements.len()], elements }
            }
            Expression::Part { whole, range, columns } => {
                let whole = of(whole);
                assert_eq!(whole.axes.len(), if *columns { 2 } else { 1 });
                self.rows(&whole, range, |from, range, _| from[range].to_vec())
            }
            Expression::Pad { part, range, columns } => {
                let part = of(part);
                assert_eq!(part.axes.len(), if *columns { 2 } else { 1 });
                self.rows(&part, range, |from, range, total| {
                    let mut row = vec![0.0; total];
                    row[range].copy_from_slice(from);
                    row
                })
            }
            Expression::ElementSum(operand) => Tensor::scalar(of(operand).elements.iter().sum()),
            Expression::RowMaximum(operand) => {
                let operand = of(operand);
                let (rows, columns) = (operand.axes[0], operand.axes[1]);
                let row = |i: usize| &operand.elements[i * columns..(i + 1) * columns];
                let elements =
                    (0..rows).map(|i| row(i).iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
                Tensor { axes: vec![rows], elements }
            }
            Expression::MaximumElement(operand) => {
                Tensor::scalar(of(operand).elements.into_iter().fold(f64::NEG_INFINITY, f64::max))
            }
            Expression::CumulativeSum(reverse, operand) => {
                let operand = of(operand);
                Tensor { elements: cumulative_sum(&operand.elements, *reverse), ..operand }
            }
            Expression::Fill(value, shape) => {
                assert_ne!(*shape, Shape::Scalar);
                let axes = shape.sizes(&self.sizes).expect("sizes");
                let elements = vec![of(value).elements[0]; axes.iter().product()];
                Tensor { axes, elements }
            }
            Expression::Total(operand) => {
                let mut sum: Option<Tensor> = None;
                for values in all {
                    let value = self.value(operand, values, &[]);
                    sum = Some(match sum {
                        Some(sum) => sum.combine(&value, |a, b| a + b),
                        None => value,
                    });
                }
                sum.expect("the tests have steps")
            }
        }
    }

    /// Changes each row of a matrix, or a vector as one row.
    fn rows(
        &self,
        tensor: &Tensor,
        range: &Range,
        change: impl Fn(&[f64], std::ops::Range<usize>, usize) -> Vec<f64>,
    ) -> Tensor {
        let start = self.size(&range.start);
        let (end, total) = (start + self.size(&range.length), self.size(&range.total));
        let rows: Vec<Vec<f64>> =
            tensor.elements.chunks(tensor.columns()).map(|row| change(row, start..end, total)).collect();
        let mut axes = tensor.axes.clone();
        if let (Some(last), Some(row)) = (axes.last_mut(), rows.first()) {
            *last = row.len();
        }
        Tensor { axes, elements: rows.concat() }
    }
}
