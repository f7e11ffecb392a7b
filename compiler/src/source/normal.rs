//! Expressions as text in a fixed order, to tell whether two say the same.
//!
//! Terms of sums and factors of element-wise products are sorted, parentheses that change nothing are left out, and the
//! signs of other products are all written alike: `b + W \cdot x_t` and `(W x_t) + b` have one form. The order of
//! other factors is kept, since matrices do not commute.

use super::ast::{Expression, ExpressionKind, ProductSign};
use super::print;

/// The form of `expression`. Recursion is as deep as that of the printer, which the parser bounds.
pub(crate) fn form(expression: &Expression) -> String {
    match &expression.kind {
        ExpressionKind::Group(inner) => form(inner),
        ExpressionKind::Add(..) | ExpressionKind::Subtract(..) => {
            let mut terms = Vec::new();
            let mut stack = vec![(expression, true)];
            while let Some((term, positive)) = stack.pop() {
                match &term.kind {
                    ExpressionKind::Add(left, right) => {
                        stack.extend([(&**left, positive), (&**right, positive)]);
                    }
                    ExpressionKind::Subtract(left, right) => {
                        stack.extend([(&**left, positive), (&**right, !positive)]);
                    }
                    ExpressionKind::Negate(inner) => stack.push((inner, !positive)),
                    ExpressionKind::Group(inner) => stack.push((inner, positive)),
                    _ => terms.push(format!("{}{}", if positive { "+" } else { "-" }, form(term))),
                }
            }
            terms.sort_unstable();
            format!("({})", terms.concat())
        }
        ExpressionKind::Product(ProductSign::Hadamard, ..) => {
            let mut factors = Vec::new();
            let mut stack = vec![expression];
            while let Some(factor) = stack.pop() {
                match &factor.kind {
                    ExpressionKind::Product(ProductSign::Hadamard, left, right) => {
                        stack.extend([&**left, &**right]);
                    }
                    ExpressionKind::Group(inner) => stack.push(inner),
                    _ => factors.push(form(factor)),
                }
            }
            factors.sort_unstable();
            format!("({})", factors.join(" ⊙ "))
        }
        ExpressionKind::Product(..) | ExpressionKind::Chain(_) => {
            let mut factors = Vec::new();
            let mut stack = vec![expression];
            while let Some(factor) = stack.pop() {
                match &factor.kind {
                    ExpressionKind::Product(sign, left, right) if *sign != ProductSign::Hadamard => {
                        stack.extend([&**right, &**left]);
                    }
                    ExpressionKind::Chain(inner) => stack.extend(inner.iter().rev()),
                    _ => factors.push(form(factor)),
                }
            }
            format!("({})", factors.join(" "))
        }
        ExpressionKind::Negate(inner) => format!("(-{})", form(inner)),
        ExpressionKind::Transpose(inner) => format!("{}^T", form(inner)),
        ExpressionKind::Divide(left, right) => format!("({} / {})", form(left), form(right)),
        ExpressionKind::Power(left, right) => format!("{}^{}", form(left), form(right)),
        ExpressionKind::Compare(comparison, left, right) => {
            format!("({} {comparison:?} {})", form(left), form(right))
        }
        ExpressionKind::Concatenate(elements) => format!("[{}]", list(elements)),
        ExpressionKind::Call(function, arguments) => format!("{function:?}({})", list(arguments)),
        ExpressionKind::Slice { of, start, end } => format!("{}[{start:?}:{end:?}]", form(of)),
        ExpressionKind::Number(_) | ExpressionKind::Reference(_) | ExpressionKind::FunctionName(_) => {
            print::text::expression(expression)
        }
    }
}

fn list(elements: &[Expression]) -> String {
    elements.iter().map(form).collect::<Vec<_>>().join(", ")
}
