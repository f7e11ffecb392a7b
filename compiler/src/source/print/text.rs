//! The syntax tree as plain text: the spelling of `cell!`, with a sign of its own for every product.
//!
//! Text has no fraction bar: a quotient beside a sign comes back in parentheses. A quotient juxtaposed to other factors
//! stands in braces, since `alpha (x_t / 2)` might be a function and its argument.

use crate::source::ast::{
    Comparison, Document, Expression, ExpressionKind, Function, ProductSign, Reference, Size, Statement,
    StatementKind,
};
use crate::source::name;

/// A document, one statement on each line.
#[must_use]
pub fn document(document: &Document) -> String {
    let mut text = String::new();
    for statement in &document.statements {
        text.push_str(&self::statement(statement));
        text.push('\n');
    }
    text
}

/// One statement.
#[must_use]
pub fn statement(statement: &Statement) -> String {
    match &statement.kind {
        StatementKind::Definition { target, value } => {
            format!("{} = {}", reference(target), expression(value))
        }
        StatementKind::Function { name, parameter, body, .. } => {
            let head = reference(&Reference { name: name.clone(), time: None, span: statement.span });
            match parameter {
                Some(parameter) => format!("{head}({}) = {}", reference(parameter), expression(body)),
                None => format!("{head} = {}", expression(body)),
            }
        }
        StatementKind::Mark { target, mark } => format!("{}: {}", reference(target), mark.word()),
        StatementKind::Declaration { target, sizes } => {
            if sizes.is_empty() {
                return format!("{}: scalar", reference(target));
            }
            let sizes: Vec<String> = sizes.iter().map(size).collect();
            format!("{}: [{}]", reference(target), sizes.join(", "))
        }
    }
}

fn size(size: &Size) -> String {
    match size {
        Size::Known(number) => number.to_string(),
        Size::Named(name) => name.clone(),
        Size::Sum(terms) => terms.iter().map(self::size).collect::<Vec<_>>().join(" + "),
        Size::Multiple(count, size) if matches!(**size, Size::Sum(_)) => {
            format!("{count} ({})", self::size(size))
        }
        Size::Multiple(count, size) => format!("{count} {}", self::size(size)),
    }
}

/// A name with its time index.
#[must_use]
pub fn reference(reference: &Reference) -> String {
    let mut text = reference.name.canonical.clone();
    match reference.time {
        None => {}
        Some(0) => text.push_str("_t"),
        Some(offset) => text.push_str(&format!("_{{t{offset:+}}}")),
    }
    if let Some(number) = reference.name.superscript {
        text.push_str(&format!("^{number}"));
    }
    text
}

/// The sign of a product.
#[must_use]
pub const fn product_sign(sign: ProductSign) -> &'static str {
    match sign {
        ProductSign::Juxtaposition => " ",
        ProductSign::Dot => "·",
        ProductSign::Asterisk => "*",
        ProductSign::Cross => "×",
        ProductSign::Hadamard => "⊙",
        ProductSign::Tensor => "⊗",
        ProductSign::At => "@",
    }
}

/// The sign of a comparison.
#[must_use]
pub const fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
    }
}

/// How tightly an expression holds together; a looser one needs parentheses, which a parsed tree always has.
const fn strength(kind: &ExpressionKind) -> u8 {
    match kind {
        ExpressionKind::Compare(..) => 0,
        ExpressionKind::Add(..) | ExpressionKind::Subtract(..) => 1,
        ExpressionKind::Negate(_) => 2,
        ExpressionKind::Product(..) | ExpressionKind::Divide(..) => 3,
        ExpressionKind::Chain(_) => 4,
        _ => 5,
    }
}

/// An expression.
#[must_use]
pub fn expression(expression: &Expression) -> String {
    let mut text = String::new();
    write(expression, 0, &mut text);
    text
}

fn write(expression: &Expression, minimum: u8, text: &mut String) {
    if strength(&expression.kind) < minimum {
        text.push('(');
        write(expression, 0, text);
        text.push(')');
        return;
    }
    match &expression.kind {
        ExpressionKind::Number(value) if value.is_infinite() => text.push_str("infty"),
        ExpressionKind::Number(value) => text.push_str(&value.to_string()),
        ExpressionKind::Reference(found) => text.push_str(&reference(found)),
        ExpressionKind::FunctionName(function) => text.push_str(name::function_name(*function)),
        ExpressionKind::Negate(inner) => {
            text.push('-');
            write(inner, 2, text);
        }
        ExpressionKind::Add(left, right) => binary(left, " + ", right, 1, text),
        ExpressionKind::Subtract(left, right) => binary(left, " - ", right, 1, text),
        ExpressionKind::Product(sign, left, right) => {
            binary(left, &format!(" {} ", product_sign(*sign)), right, 3, text);
        }
        ExpressionKind::Divide(left, right) => binary(left, " / ", right, 3, text),
        ExpressionKind::Chain(factors) => {
            for (number, factor) in factors.iter().enumerate() {
                if number > 0 {
                    text.push(' ');
                }
                if matches!(factor.kind, ExpressionKind::Divide(..)) {
                    text.push('{');
                    write(factor, 0, text);
                    text.push('}');
                } else {
                    write(factor, 5, text);
                }
            }
        }
        ExpressionKind::Power(base, power) => {
            write(base, 5, text);
            text.push_str("^{");
            write(power, 0, text);
            text.push('}');
        }
        ExpressionKind::Transpose(inner) => {
            write(inner, 5, text);
            text.push_str("^T");
        }
        ExpressionKind::Concatenate(elements) => list('[', elements, ']', text),
        ExpressionKind::Compare(sign, left, right) => {
            binary(left, &format!(" {} ", comparison(*sign)), right, 0, text);
        }
        ExpressionKind::Call(Function::Absolute, arguments) if arguments.len() == 1 => {
            text.push_str("abs");
            list('(', arguments, ')', text);
        }
        ExpressionKind::Call(function, arguments) => {
            text.push_str(name::function_name(*function));
            list('(', arguments, ')', text);
        }
        ExpressionKind::Slice { of, start, end } => {
            write(of, 5, text);
            let end = end.as_ref().map_or(String::new(), size);
            text.push_str(&format!("[{}:{end}]", size(start)));
        }
        ExpressionKind::Group(inner) => {
            text.push('(');
            write(inner, 0, text);
            text.push(')');
        }
    }
}

fn binary(left: &Expression, sign: &str, right: &Expression, strength: u8, text: &mut String) {
    write(left, strength, text);
    text.push_str(sign);
    // A sign after a sign needs no parentheses.
    let negated = matches!(right.kind, ExpressionKind::Negate(_));
    write(right, if negated { 0 } else { strength + 1 }, text);
}

fn list(open: char, elements: &[Expression], close: char, text: &mut String) {
    text.push(open);
    for (number, element) in elements.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        write(element, 0, text);
    }
    text.push(close);
}
