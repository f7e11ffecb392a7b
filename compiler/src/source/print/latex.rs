//! The syntax tree as LaTeX that reads back to the same tree.

use crate::source::ast::{
    Comparison, Document, Expression, ExpressionKind, Function, Name, ProductSign, Reference, Size,
    Statement, StatementKind,
};
use crate::source::name;

/// A document as one `aligned` block, a row for each statement.
#[must_use]
pub fn document(document: &Document) -> String {
    let rows: Vec<String> = document.statements.iter().map(|row| statement(row, " &= ", " &\\in ")).collect();
    format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}\n", rows.join(" \\\\\n"))
}

/// One statement; `equals` and `member` stand between its sides.
#[must_use]
pub fn statement(statement: &Statement, equals: &str, member: &str) -> String {
    match &statement.kind {
        StatementKind::Definition { target, value } => {
            format!("{}{equals}{}", reference(target), expression(value))
        }
        StatementKind::Function { name, parameter, body, .. } => {
            let argument =
                parameter.as_ref().map_or(String::new(), |parameter| format!("({})", reference(parameter)));
            format!("{}{argument}{equals}{}", self::name(name, None), expression(body))
        }
        StatementKind::Mark { target, mark } => {
            format!("{} : \\text{{{}}}", reference(target), mark.word())
        }
        StatementKind::Declaration { target, sizes } => {
            let sizes: Vec<String> = sizes.iter().map(size).collect();
            let power =
                if sizes.is_empty() { String::new() } else { format!("^{{{}}}", sizes.join(" \\times ")) };
            format!("{}{member}\\mathbb{{R}}{power}", reference(target))
        }
    }
}

fn size(size: &Size) -> String {
    match size {
        Size::Known(number) => number.to_string(),
        Size::Named(canonical) => canonical_name(canonical, None, None),
        Size::Sum(terms) => {
            format!("({})", terms.iter().map(self::size).collect::<Vec<_>>().join(" + "))
        }
        Size::Multiple(count, size) => format!("{count} {}", self::size(size)),
    }
}

/// A name with its time index.
#[must_use]
pub fn reference(reference: &Reference) -> String {
    name(&reference.name, reference.time)
}

/// A name, at a time where one is given.
#[must_use]
pub fn name(name: &Name, time: Option<i32>) -> String {
    canonical_name(&name.canonical, time, name.superscript)
}

/// Decorations that stand over a letter, and their commands.
const ACCENTS: [(&str, &str); 13] = [
    ("tilde", "\\tilde"),
    ("hat", "\\hat"),
    ("bar", "\\bar"),
    ("dot", "\\dot"),
    ("ddot", "\\ddot"),
    ("check", "\\check"),
    ("breve", "\\breve"),
    ("acute", "\\acute"),
    ("grave", "\\grave"),
    ("ring", "\\mathring"),
    ("rightarrow", "\\overrightarrow"),
    ("leftarrow", "\\overleftarrow"),
    ("underline", "\\underline"),
];

fn canonical_name(canonical: &str, time: Option<i32>, superscript: Option<u32>) -> String {
    let mut parts = canonical.split('_').peekable();
    let first = parts.next().unwrap_or("");
    let alphabet = match first {
        "cal" => Some("\\mathcal"),
        "frak" => Some("\\mathfrak"),
        "bb" => Some("\\mathbb"),
        _ => None,
    };
    let mut text = match (alphabet, parts.peek()) {
        (Some(alphabet), Some(_)) => format!("{alphabet}{{{}}}", parts.next().unwrap_or("")),
        _ => base(first),
    };
    // A base of two tokens needs braces of its own under scripts.
    if first == "Deltat" {
        text = format!("{{{text}}}");
    }
    while let Some(decoration) = parts.peek() {
        if *decoration == "prime" {
            text.push('\'');
        } else if let Some((_, command)) = ACCENTS.iter().find(|(accent, _)| accent == decoration) {
            text = format!("{command}{{{text}}}");
        } else {
            break;
        }
        parts.next();
    }
    let mut below: Vec<String> = parts.map(label).collect();
    match time {
        None => {}
        Some(0) => below.push("t".to_owned()),
        Some(offset) => below.push(format!("t{offset:+}")),
    }
    match below.as_slice() {
        [] => {}
        [single] if single.chars().count() == 1 => {
            text.push('_');
            text.push_str(single);
        }
        several => text.push_str(&format!("_{{{}}}", several.join(","))),
    }
    if let Some(number) = superscript {
        text.push_str(&format!("^{{{number}}}"));
    }
    text
}

fn base(word: &str) -> String {
    if word == "Deltat" {
        return "\\Delta t".to_owned();
    }
    if name::is_greek_word(word) {
        return format!("\\{word}");
    }
    if word.chars().count() == 1 { word.to_owned() } else { format!("\\mathrm{{{word}}}") }
}

fn label(word: &str) -> String {
    let plain = word.chars().count() <= 3 || word.bytes().all(|byte| byte.is_ascii_digit());
    if plain { word.to_owned() } else { format!("\\mathrm{{{word}}}") }
}

/// The command of a product.
const fn product_sign(sign: ProductSign) -> &'static str {
    match sign {
        ProductSign::Juxtaposition => " ",
        ProductSign::Dot => " \\cdot ",
        ProductSign::Asterisk => " * ",
        ProductSign::Cross => " \\times ",
        ProductSign::Hadamard => " \\odot ",
        ProductSign::Tensor => " \\otimes ",
        ProductSign::At => " @ ",
    }
}

/// The command of a comparison.
const fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " \\le ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " \\ge ",
        Comparison::Equal => " == ",
        Comparison::NotEqual => " \\ne ",
    }
}

fn function(function: Function) -> String {
    match function {
        Function::Sigmoid => "\\sigma".to_owned(),
        Function::Tanh
        | Function::Exponential
        | Function::Logarithm
        | Function::Sine
        | Function::Cosine
        | Function::Maximum
        | Function::Minimum => format!("\\{}", name::function_name(function)),
        Function::Relu => "\\mathrm{ReLU}".to_owned(),
        Function::LayerNorm => "\\mathrm{LN}".to_owned(),
        other => format!("\\operatorname{{{}}}", name::function_name(other).replace('_', "")),
    }
}

/// An expression.
#[must_use]
pub fn expression(expression: &Expression) -> String {
    let mut text = String::new();
    write(expression, 0, &mut text);
    text
}

/// How tightly an expression holds together.
fn strength(expression: &Expression) -> u8 {
    match &expression.kind {
        ExpressionKind::Compare(..) => 0,
        ExpressionKind::Add(..) | ExpressionKind::Subtract(..) => 1,
        ExpressionKind::Negate(_) => 2,
        ExpressionKind::Product(..) => 3,
        ExpressionKind::Divide(over, under) if !(fits_fraction(over) && fits_fraction(under)) => 3,
        ExpressionKind::Chain(_) => 4,
        _ => 5,
    }
}

/// True for what `\frac` gives back as it was: what holds together, or a sum or product in parentheses.
fn fits_fraction(expression: &Expression) -> bool {
    strength(expression) == 5 && !matches!(expression.kind, ExpressionKind::Divide(..))
}

fn compound(expression: &Expression) -> bool {
    matches!(
        expression.kind,
        ExpressionKind::Add(..)
            | ExpressionKind::Subtract(..)
            | ExpressionKind::Negate(_)
            | ExpressionKind::Product(..)
            | ExpressionKind::Divide(..)
            | ExpressionKind::Chain(_)
    )
}

fn write(expression: &Expression, minimum: u8, text: &mut String) {
    if strength(expression) < minimum {
        text.push('(');
        write(expression, 0, text);
        text.push(')');
        return;
    }
    match &expression.kind {
        ExpressionKind::Number(value) if value.is_infinite() => text.push_str("\\infty"),
        ExpressionKind::Number(value) => text.push_str(&value.to_string()),
        ExpressionKind::Reference(found) => text.push_str(&reference(found)),
        ExpressionKind::FunctionName(found) => text.push_str(&function(*found)),
        ExpressionKind::Negate(inner) => {
            text.push('-');
            write(inner, 2, text);
        }
        ExpressionKind::Add(left, right) => binary(left, " + ", right, 1, text),
        ExpressionKind::Subtract(left, right) => binary(left, " - ", right, 1, text),
        ExpressionKind::Product(sign, left, right) => binary(left, product_sign(*sign), right, 3, text),
        ExpressionKind::Divide(over, under) if strength(expression) == 5 => {
            text.push_str("\\frac");
            for part in [over, under] {
                text.push('{');
                match &part.kind {
                    ExpressionKind::Group(inner) if compound(inner) => write(inner, 0, text),
                    _ => write(part, 0, text),
                }
                text.push('}');
            }
        }
        ExpressionKind::Divide(left, right) => binary(left, " / ", right, 3, text),
        ExpressionKind::Chain(factors) => {
            for (number, factor) in factors.iter().enumerate() {
                if number > 0 {
                    text.push(' ');
                }
                write(factor, 5, text);
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
            text.push_str("^{\\top}");
        }
        ExpressionKind::Concatenate(elements) if elements.len() == 1 => {
            text.push_str("\\begin{bmatrix} ");
            list(elements, text);
            text.push_str(" \\end{bmatrix}");
        }
        ExpressionKind::Concatenate(elements) => {
            text.push('[');
            list(elements, text);
            text.push(']');
        }
        ExpressionKind::Call(Function::SquareRoot, arguments) => {
            text.push_str("\\sqrt{");
            list(arguments, text);
            text.push('}');
        }
        ExpressionKind::Compare(sign, left, right) => binary(left, comparison(*sign), right, 0, text),
        ExpressionKind::Call(Function::Floor, arguments) => {
            text.push_str("\\lfloor ");
            list(arguments, text);
            text.push_str(" \\rfloor");
        }
        ExpressionKind::Call(Function::Ceiling, arguments) => {
            text.push_str("\\lceil ");
            list(arguments, text);
            text.push_str(" \\rceil");
        }
        ExpressionKind::Call(Function::Indicator, arguments) => {
            text.push_str("\\mathbb{1}[");
            list(arguments, text);
            text.push(']');
        }
        ExpressionKind::Call(found, arguments) => {
            text.push_str(&function(*found));
            text.push('(');
            list(arguments, text);
            text.push(')');
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
    let negated = matches!(right.kind, ExpressionKind::Negate(_));
    write(right, if negated { 0 } else { strength + 1 }, text);
}

fn list(elements: &[Expression], text: &mut String) {
    for (number, element) in elements.iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        write(element, 0, text);
    }
}
