//! Chained equalities: `h_t = \sigma(z_t) = \sigma(W x_t + U h_{t-1})`.
//!
//! Every side says the same value, so one is read. Two sides that apply one function, the first to a name, say what
//! that name is: its definition, where the document has no other.

use super::ast::{Expression, ExpressionKind, Reference, Size, Statement, StatementKind};
use super::statement::Reader;
use super::{normal, pratt::Stop, print};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Most names of a side that a note names.
const MAXIMUM_TARGETS: usize = 16;

/// Said of a side that is not read.
const REPEATS: &str = "this side is taken to repeat the one before and is skipped";

/// A definition that a chain gives in passing.
pub(crate) struct Implied {
    /// `z_t`.
    target: Reference,
    /// `W x_t + U h_{t-1}`.
    value: Expression,
    /// The chain.
    chain: Span,
    /// The side that is not read otherwise.
    place: Span,
}

/// The argument of `one` where it is a name of a step, and that of `other`, which says what it is.
fn named(one: &Expression, other: &Expression) -> Option<(Reference, Expression)> {
    let argument = |side: &Expression| match &side.kind {
        ExpressionKind::Call(_, arguments) => match arguments.as_slice() {
            [argument] => Some(argument.clone()),
            _ => None,
        },
        _ => None,
    };
    let ExpressionKind::Reference(name) = argument(one)?.kind else { return None };
    let value = argument(other).filter(|value| !matches!(value.kind, ExpressionKind::Reference(_)))?;
    name.time.is_some().then_some((name, value))
}

/// Adds the definitions that nothing else gives, each before its chain, and says of every other side that it repeats.
pub(crate) fn define(
    implied: Vec<Implied>,
    statements: &mut Vec<Statement>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for Implied { target, value, chain, place } in implied {
        let known = super::needed::defines(statements, &target.name.canonical);
        let message = if known {
            REPEATS.to_owned()
        } else {
            format!("this side says what `{}` is", target.name.canonical)
        };
        diagnostics.push(Diagnostic {
            code: Code::SkippedRow,
            message,
            span: place,
            labels: Vec::new(),
            help: None,
        });
        if !known {
            let at = statements.iter().position(|statement| statement.span == chain);
            let kind = StatementKind::Definition { target, value };
            statements.insert(at.unwrap_or(statements.len()), Statement { kind, span: place });
        }
    }
}

impl Reader<'_> {
    /// The value of a chained equality.
    pub(super) fn one_value(&mut self, values: Vec<Expression>, span: Span) -> Result<Expression, Stop> {
        let mut values = values.into_iter();
        let Some(mut first) = values.next() else { return Err(Stop) };
        for further in values {
            if normal::form(&first) == normal::form(&further) {
                continue;
            }
            // `\alpha = \Delta t / \tau = 0.2`: the number is what is meant, however it came about.
            if !super::inline::reads(&further) && super::inline::reads(&first) {
                let mut names: Vec<String> = Vec::new();
                super::inline::references(&first, &mut |read| {
                    names.push(format!("`{}`", read.name.canonical))
                });
                names.dedup();
                names.truncate(MAXIMUM_TARGETS);
                let message = format!(
                    "this side is taken to be the number that the next one is, and is skipped: it says nothing of {}",
                    names.join(", ")
                );
                self.report(Code::SkippedRow, message, first.span, None);
                first = further;
                continue;
            }
            // `z_t = \Phi(x_t) = \tanh(W x_t + b)`: one side names a function, the other says what it computes.
            let sides = (function_of_values(&first), function_of_values(&further));
            if let (Some((name, side)), None) | (None, Some((name, side))) = sides {
                self.announced.push((name, side));
                if side == first.span {
                    first = further;
                }
                continue;
            }
            let repeats = match (&first.kind, &further.kind) {
                (ExpressionKind::Call(one, _), ExpressionKind::Call(other, _)) => one == other,
                // `g(W_x x_t + W_a a_{t-1}) = g(W [a_{t-1}, x_t])`, where nothing binds `g` yet.
                (ExpressionKind::Chain(one), ExpressionKind::Chain(other)) if applies(one, other) => true,
                _ => skeleton(&first) == skeleton(&further),
            };
            if !repeats {
                let message = match (&first.kind, &further.kind) {
                    (ExpressionKind::Call(..), ExpressionKind::Call(..)) => {
                        "this side applies another function than the one before"
                    }
                    _ => "this side is another expression than the one before",
                };
                let help = Some("keep the side that is meant".to_owned());
                self.report(Code::ChainDiffers, message, further.span, help);
                if let Some(last) = self.diagnostics.last_mut() {
                    last.labels.push((first.span, "the side before".to_owned()));
                }
                // The first side is read on, so that what else is wrong is found too.
                continue;
            }
            if let Some((target, value)) = named(&first, &further).or_else(|| named(&further, &first)) {
                self.implied.push(Implied { target, value, chain: span, place: further.span });
                continue;
            }
            self.report(Code::SkippedRow, REPEATS, further.span, None);
        }
        Ok(first)
    }
}

/// The name of `\Phi(x_t)`, `f(h_{t-1})`, `f_\theta(x_t)`, and its place: a small or Greek letter without index, applied to
/// one value of a step. A weight before parentheses is a factor.
fn function_of_values(side: &Expression) -> Option<(String, Span)> {
    let ExpressionKind::Chain(factors) = &side.kind else { return None };
    let [Expression { kind: ExpressionKind::Reference(name), .. }, argument] = factors.as_slice() else {
        return None;
    };
    let ExpressionKind::Group(argument) = &argument.kind else { return None };
    let value = matches!(&argument.kind, ExpressionKind::Reference(value) if value.time.is_some());
    let base = name.name.canonical.split('_').next().unwrap_or("");
    let letter = base.starts_with(|first: char| first.is_ascii_lowercase()) || super::is_greek_word(base);
    (value && letter && name.time.is_none()).then(|| (name.name.canonical.clone(), side.span))
}

/// Says of each side that names a function that it is not read, where nothing else binds that.
pub(crate) fn report_announced(
    announced: Vec<(String, Span)>,
    statements: &[Statement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (name, span) in announced {
        let bound = statements.iter().any(|statement| {
            matches!(&statement.kind, StatementKind::Function { name: known, .. } if known.canonical == name)
        });
        let (code, message, help) = if bound {
            let help = "keep the side that is meant".to_owned();
            (
                Code::ChainDiffers,
                format!("`{name}` is bound, and the other side says something else"),
                Some(help),
            )
        } else {
            (
                Code::SkippedRow,
                "this general form is skipped: the other side says what it is".to_owned(),
                None,
            )
        };
        diagnostics.push(Diagnostic { code, message, span, labels: Vec::new(), help });
    }
}

/// True where both are one name applied to something in parentheses.
fn applies(one: &[Expression], other: &[Expression]) -> bool {
    let parts = |factors: &[Expression]| match factors {
        [Expression { kind: ExpressionKind::Reference(name), .. }, argument]
            if matches!(argument.kind, ExpressionKind::Group(_)) =>
        {
            Some(print::text::reference(name))
        }
        _ => None,
    };
    parts(one).is_some_and(|name| parts(other) == Some(name))
}

/// What an expression is but for its names: its kind, how many operands it has, and which elements a slice takes.
type Bone<'a> = (u8, usize, Option<(&'a Size, Option<&'a Size>)>);

/// An expression without its names: two sides with one skeleton say the same in other names.
fn skeleton(expression: &Expression) -> Vec<Bone<'_>> {
    let mut parts = Vec::new();
    let mut stack = vec![expression];
    while let Some(expression) = stack.pop() {
        let mut bounds = None;
        let (kind, count) = match &expression.kind {
            ExpressionKind::Group(inner) => {
                stack.push(inner);
                continue;
            }
            ExpressionKind::Number(_) => (0, 0),
            ExpressionKind::FunctionName(_) => (1, 0),
            ExpressionKind::Reference(read) => (2, usize::from(read.time.is_some())),
            ExpressionKind::Negate(_) => (3, 1),
            ExpressionKind::Transpose(_) => (4, 1),
            ExpressionKind::Add(..) => (5, 2),
            ExpressionKind::Subtract(..) => (6, 2),
            ExpressionKind::Product(..) => (7, 2),
            ExpressionKind::Divide(..) => (8, 2),
            ExpressionKind::Power(..) => (9, 2),
            ExpressionKind::Chain(factors) => (10, factors.len()),
            ExpressionKind::Concatenate(elements) => (11, elements.len()),
            ExpressionKind::Compare(comparison, ..) => (12 + *comparison as u8, 2),
            // Another part is another value, whatever its names.
            ExpressionKind::Slice { start, end, .. } => {
                bounds = Some((start, end.as_ref()));
                (31, 1)
            }
            ExpressionKind::Call(function, arguments) => (32 + *function as u8, arguments.len()),
        };
        parts.push((kind, count, bounds));
        stack.extend(expression.operands().into_iter().rev());
    }
    parts
}
