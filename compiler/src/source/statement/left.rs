//! Left sides, and the statements that they make with a value.

use super::{Reader, Stop};
use crate::diagnostic::Code;
use crate::source::ast::{Expression, ExpressionKind, Function, Reference, Statement, StatementKind};
use crate::source::letters;
use crate::source::name;
use crate::source::sequence::Sequence;
use crate::source::token::{Bracket, TokenKind};
use crate::span::Span;

impl Reader<'_> {
    /// What stands left of `=`.
    pub(super) fn left_side(&mut self, sequence: &Sequence<'_>, equals: usize) -> Result<LeftSide, Stop> {
        let span = sequence.span(0, equals);
        if equals == 0 {
            let place = sequence.span(0, 1);
            self.report(Code::LeftSide, "nothing stands left of `=`", place, None);
            return Err(Stop);
        }
        if sequence.tokens[..equals].iter().any(|token| token.kind.is_unreadable()) {
            return Err(Stop);
        }
        // A known function without index is bound or defined anew.
        if let Some(TokenKind::Function(function, spelled)) = sequence.kind(0)
            && sequence.after_name(0).is_none()
        {
            if equals == 1 {
                let named = self.parser(sequence, 0, 1).name()?;
                return Ok(LeftSide::Name(named.reference()));
            }
            let parameter = self.parameter(sequence, 1, equals)?;
            return Ok(LeftSide::Known(*function, spelled.clone(), parameter));
        }
        // `\frac{dh}{dt}`, `\tau \frac{d h(t)}{dt}`, `d h / d t`, whatever scales it; `\tau \dot{h}`.
        let differential = |index: usize| matches!(sequence.kind(index), Some(TokenKind::Word { text, .. }) if text == "d" || text == "dt");
        let quotient = (0..equals).any(|index| match sequence.kind(index) {
            Some(TokenKind::Fraction) => {
                let under = sequence.after(index + 1);
                let begins = |at: usize| differential(at) || differential(at + 1);
                begins(index + 1) && begins(under)
            }
            Some(TokenKind::Slash) => differential(index + 1),
            Some(TokenKind::Accent("dot" | "ddot")) => index > 0,
            _ => false,
        });
        if quotient {
            let help = Some("write the step of its discretisation".to_owned());
            self.report(
                Code::DifferentialEquation,
                "a differential equation is outside the language",
                span,
                help,
            );
            return Err(Stop);
        }
        // `[i_t, f_t] = …`, `(i_t, f_t) = …`.
        if matches!(sequence.kind(0), Some(TokenKind::Open(Bracket::Round | Bracket::Square)))
            && sequence.after(0) == equals
        {
            let parts = sequence.parts(1, equals - 1);
            if parts.len() > 1 && parts.iter().all(|&(from, to)| sequence.after_name(from) == Some(to)) {
                let mut names = Vec::with_capacity(parts.len());
                for (from, to) in parts {
                    names.push(self.parser(sequence, from, to).name()?.reference());
                }
                return Ok(LeftSide::List(names));
            }
        }
        if let Some(run) = letters::run(sequence, equals) {
            let word = run.word();
            let message = format!("`{word}` is no single name: it reads as a product of letters");
            let help = format!("write a name of several letters upright: `\\mathrm{{{word}}}_t`");
            self.report(Code::LeftSide, message, span, Some(help));
            self.letters.push(run);
            return Err(Stop);
        }
        let Some(after) = sequence.after_name(0) else {
            let help = Some("only a name can be defined: `name = expression`".to_owned());
            self.report(Code::LeftSide, "the left side of `=` is no name", span, help);
            return Err(Stop);
        };
        let mut parser = self.parser(sequence, 0, equals);
        let named = parser.name()?;
        let position = parser.position.max(after);
        if named.transposed || named.power.is_some() {
            let help = Some("only a name can be defined: `name = expression`".to_owned());
            self.report(Code::LeftSide, "the left side of `=` is an expression", span, help);
            return Err(Stop);
        }
        if position == equals {
            return Ok(LeftSide::Name(named.reference()));
        }
        if sequence.kind(position) == Some(&TokenKind::Open(Bracket::Round))
            && sequence.after(position) == equals
        {
            let parameter = self.parameter(sequence, position, equals)?;
            return Ok(LeftSide::Function(named.reference(), parameter));
        }
        let lost = sequence.kind(position) == Some(&TokenKind::Word { text: "t".to_owned(), upper: false })
            || sequence.kind(position) == Some(&TokenKind::Open(Bracket::Brace));
        let help = if lost {
            "an index needs its underscore: `h_t`, `h_{t-1}`"
        } else {
            "only a name can be defined: `name = expression`"
        };
        let code = if lost { Code::LostIndex } else { Code::LeftSide };
        self.report(code, "the left side of `=` is no single name", span, Some(help.to_owned()));
        Err(Stop)
    }

    /// `(v)` between `open` and `end`.
    fn parameter(&mut self, sequence: &Sequence<'_>, open: usize, end: usize) -> Result<Reference, Stop> {
        if sequence.kind(open) == Some(&TokenKind::Open(Bracket::Round))
            && sequence.after(open) == end
            && sequence.after_name(open + 1) == Some(end - 1)
        {
            return Ok(self.parser(sequence, open + 1, end - 1).name()?.reference());
        }
        let span = sequence.span(open, end);
        let help = Some("a function is defined by `name(argument) = expression`".to_owned());
        self.report(Code::LeftSide, "a function is defined for one name in parentheses", span, help);
        Err(Stop)
    }

    pub(super) fn define(&mut self, target: LeftSide, value: Expression, span: Span) -> Result<(), Stop> {
        let kind = match target {
            // `h_t^{(0)} = x_t`: the layer below the first is the input.
            LeftSide::Name(target)
                if self.convention.layer.is_some()
                    && matches!(&value.kind, ExpressionKind::Reference(read)
                        if read.name == target.name && read.time == target.time) =>
            {
                self.skip("this names the input of the first layer and is skipped", span);
                return Ok(());
            }
            // `\sigma = \tanh`, `\sigma = 0.1`: where `\sigma` is applied it is read as the function that is known.
            LeftSide::Name(target)
                if target.time.is_none()
                    && target.name.superscript.is_none()
                    && !(self.convention.own_sigma && target.name.canonical == "sigma")
                    && let Some(known) = name::function(&target.name.canonical) =>
            {
                let spelled = target.name.canonical;
                if let ExpressionKind::FunctionName(function) = value.kind {
                    if function == known {
                        self.skip(format!("`{spelled}` is known; its definition is skipped"), span);
                        return Ok(());
                    }
                    self.own_sigma |= spelled == "sigma";
                }
                return self.known_anew(&spelled, span);
            }
            LeftSide::Name(target) => match value.kind {
                ExpressionKind::FunctionName(_) if target.time.is_none() => StatementKind::Function {
                    name: target.name,
                    name_span: target.span,
                    parameter: None,
                    body: value,
                },
                _ => StatementKind::Definition { target, value },
            },
            LeftSide::Function(target, parameter) => StatementKind::Function {
                name: target.name,
                name_span: target.span,
                parameter: Some(parameter),
                body: value,
            },
            LeftSide::List(names) => {
                let place = names.first().map_or(span, |name| name.span);
                let message = "several names are defined at once";
                let help = "the equal parts of a vector are `[i_t, f_t] = split(…)`; else write one equation for each";
                self.report(Code::LeftSide, message, place, Some(help.to_owned()));
                return Err(Stop);
            }
            LeftSide::Known(function, spelled, parameter) => {
                return self.known_function(function, &spelled, &parameter, &value, span);
            }
        };
        self.statements.push(Statement { kind, span });
        Ok(())
    }
}

/// The left side of an equation.
#[derive(Clone, Debug)]
pub(super) enum LeftSide {
    Name(Reference),
    /// Several, for the parts of a vector.
    List(Vec<Reference>),
    Function(Reference, Reference),
    Known(Function, String, Reference),
}
