//! Definitions of functions that are known.
//!
//! # Invariants
//!
//! - A function that is known keeps its meaning: what defines it otherwise is an error.
//! - `\sigma` is a sign for whatever activation a text means. It is the logistic function unless the text defines it as
//!   another; then [`Reader::own_sigma`] is set, and the whole text is read again with `\sigma` as a name.

use super::{Reader, Stop};
use crate::diagnostic::Code;
use crate::source::ast::{Expression, ExpressionKind, Function, Reference};
use crate::source::name;
use crate::span::Span;

/// Where a function and its definition are compared. No two functions that are known have the same values here.
const POINTS: [f64; 6] = [-20.0, -2.5, -0.75, 0.0, 0.5, 3.0];

impl Reader<'_> {
    /// A definition of a function that is known: it must say what is known.
    pub(super) fn known_function(
        &mut self,
        function: Function,
        spelled: &str,
        parameter: &Reference,
        value: &Expression,
        span: Span,
    ) -> Result<(), Stop> {
        if is_known(function, parameter, value) {
            self.known_sigma |= spelled == "sigma";
            let message = format!("`{spelled}` is known; its definition is skipped");
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        }
        self.own_sigma |= spelled == "sigma" && is_activation(parameter, value);
        self.known_anew(spelled, span)
    }

    /// The error for a known function that is to be something else.
    pub(super) fn known_anew(&mut self, spelled: &str, span: Span) -> Result<(), Stop> {
        self.anew.extend(name::function(spelled));
        let message = format!("`{spelled}` is a known function and cannot be defined anew");
        let help = Some("give the function a name of its own, such as `\\Phi`".to_owned());
        self.report(Code::LeftSide, message, span, help);
        Err(Stop)
    }
}

/// True where an expression of the parameter has the values of the function, however it is written.
fn is_known(function: Function, parameter: &Reference, body: &Expression) -> bool {
    POINTS.iter().all(|&x| match (apply(function, &[x]), value(body, parameter, x)) {
        (Some(known), Some(found)) => (known - found).abs() <= 1e-9 * (1.0 + known.abs()),
        _ => false,
    })
}

/// True where an expression of the parameter may be what a text calls its activation: `\sigma(i) = j` is a permutation,
/// `\sigma(n) = 1 / \sqrt{n}` a schedule, `\sigma(x) = x / 4 + 1 / 2` an approximation.
fn is_activation(parameter: &Reference, body: &Expression) -> bool {
    let (mut reads, mut bends) = (false, false);
    for part in body.walk() {
        match &part.kind {
            ExpressionKind::Reference(read) => reads |= read.name == parameter.name,
            ExpressionKind::Call(function, _) => {
                bends |= !matches!(function, Function::SquareRoot | Function::Logarithm);
            }
            _ => {}
        }
    }
    reads && bends
}

/// A function of numbers; `None` for those that no definition of another is made of.
fn apply(function: Function, arguments: &[f64]) -> Option<f64> {
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    Some(match (function, arguments) {
        (Function::Sigmoid, &[x]) => logistic(x),
        (Function::Tanh, &[x]) => x.tanh(),
        (Function::Relu, &[x]) => x.max(0.0),
        (Function::Softplus, &[x]) => x.exp().ln_1p(),
        (Function::LogSigmoid, &[x]) => logistic(x).ln(),
        (Function::Silu, &[x]) => x * logistic(x),
        (Function::Softsign, &[x]) => x / (1.0 + x.abs()),
        (Function::HardTanh, &[x]) => x.clamp(-1.0, 1.0),
        (Function::Exponential, &[x]) => x.exp(),
        (Function::Logarithm, &[x]) => x.ln(),
        (Function::SquareRoot, &[x]) => x.sqrt(),
        (Function::Absolute, &[x]) => x.abs(),
        (Function::Maximum, &[x, y]) => x.max(y),
        (Function::Minimum, &[x, y]) => x.min(y),
        (Function::Clip, &[x, low, high]) => x.max(low).min(high),
        _ => return None,
    })
}

/// The value of an expression where its parameter is a number; `None` where it reads anything else. Uses a stack of its
/// own, since trees lean to the left.
fn value(body: &Expression, parameter: &Reference, x: f64) -> Option<f64> {
    let mut pending = vec![(body, false)];
    let mut values: Vec<f64> = Vec::new();
    while let Some((expression, ready)) = pending.pop() {
        let operands = expression.operands();
        if !ready && !operands.is_empty() {
            pending.push((expression, true));
            pending.extend(operands.into_iter().rev().map(|operand| (operand, false)));
            continue;
        }
        let operands = values.split_off(values.len().checked_sub(operands.len())?);
        values.push(match (&expression.kind, operands.as_slice()) {
            (ExpressionKind::Number(number), _) => *number,
            (ExpressionKind::Reference(read), _)
                if read.name == parameter.name && read.time == parameter.time =>
            {
                x
            }
            // `e^{-x}`, where the text has an `e` of its own.
            (ExpressionKind::Reference(read), _) if read.time.is_none() && read.name.canonical == "e" => {
                std::f64::consts::E
            }
            (ExpressionKind::Negate(_), &[value]) => -value,
            (ExpressionKind::Group(_), &[value]) => value,
            (ExpressionKind::Add(..), &[left, right]) => left + right,
            (ExpressionKind::Subtract(..), &[left, right]) => left - right,
            (ExpressionKind::Product(..) | ExpressionKind::Chain(_), factors) => factors.iter().product(),
            (ExpressionKind::Divide(..), &[left, right]) => left / right,
            (ExpressionKind::Power(..), &[base, power]) => base.powf(power),
            (ExpressionKind::Call(function, _), arguments) => apply(*function, arguments)?,
            _ => return None,
        });
    }
    values.pop()
}
