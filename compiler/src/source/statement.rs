//! Blocks of mathematics to statements: where one equation ends and the next begins, and what each says.
//!
//! Every equation is cut out before it is parsed, so that an error in one leaves the others alone.

use super::ast::{Expression, ExpressionKind, Function, Reference, Size, Statement, StatementKind};
use super::convention::Convention;
use super::pratt::{Parser, Stop, describe};
use super::print;
use super::sequence::{BracketFault, Sequence};
use super::token::{Bracket, Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAXIMUM_NESTING;
use crate::span::Span;

/// Reads the statements of one block.
pub(crate) struct Reader<'a> {
    pub(crate) convention: &'a Convention,
    /// The end of a line ends an equation, unless it clearly goes on.
    pub(crate) lines: bool,
    pub(crate) statements: Vec<Statement>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Rows that were skipped: what a lexer found in them does not matter.
    pub(crate) skipped: Vec<Span>,
}

/// Most names that one chained equality defines; each gets a copy of the value.
const MAXIMUM_TARGETS: usize = 16;
/// Most axes of a declaration, and most terms of a size.
const MAXIMUM_AXES: usize = 8;

/// Words of whole cells in signatures such as `h_t = \mathrm{LSTM}(x_t, h_{t-1})`.
const CELLS: [&str; 8] = ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell", "BiLSTM", "BiGRU"];

impl<'a> Reader<'a> {
    /// A reader with nothing read.
    pub(crate) fn new(convention: &'a Convention, lines: bool) -> Self {
        Self { convention, lines, statements: Vec::new(), diagnostics: Vec::new(), skipped: Vec::new() }
    }

    fn report(&mut self, code: Code, message: impl Into<String>, span: Span, help: Option<String>) {
        self.diagnostics.push(Diagnostic { code, message: message.into(), span, labels: Vec::new(), help });
    }

    /// Reads all of `tokens`.
    pub(crate) fn read(&mut self, tokens: &[Token]) {
        let mut pending: Vec<Reference> = Vec::new();
        let tokens = &ungroup_cases(tokens);
        for (start, end) in segments(tokens, self.lines) {
            let row: Vec<Token> = strip(&tokens[start..end]);
            if row.is_empty() {
                continue;
            }
            let _: Result<(), Stop> = self.row(&row, &mut pending);
        }
        self.drop_pending(&mut pending);
    }

    /// Names that wait for a declaration which does not come.
    fn drop_pending(&mut self, pending: &mut Vec<Reference>) {
        for reference in pending.drain(..) {
            let message = format!("`{}` stands alone: no `=` follows", reference.name.canonical);
            self.report(Code::SkippedRow, message, reference.span, None);
        }
    }

    fn row(&mut self, row: &[Token], pending: &mut Vec<Reference>) -> Result<(), Stop> {
        let (sequence, fault) = Sequence::new(row);
        if let Some(word) = is_loss(&sequence) {
            return self.loss(&sequence, fault.is_some(), word, pending);
        }
        self.plain_row(&sequence, fault, pending)
    }

    /// A row whose left side is called like a loss: an equation if it can be read as one, else no part of the cell.
    fn loss(
        &mut self,
        sequence: &Sequence<'_>,
        faulty: bool,
        word: &str,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let span = sequence.span(0, sequence.tokens.len());
        let before = self.diagnostics.len();
        let unknown = sequence.tokens.iter().any(|token| token.kind == TokenKind::Unknown);
        if !faulty && !unknown && self.plain_row(sequence, None, pending).is_ok() {
            return Ok(());
        }
        self.diagnostics.truncate(before);
        self.skip(format!("`{word}` is read as a loss, which is no part of the cell: skipped"), span);
        Ok(())
    }

    fn skip(&mut self, message: impl Into<String>, span: Span) {
        self.skipped.push(span);
        self.report(Code::SkippedRow, message, span, None);
    }

    fn plain_row(
        &mut self,
        sequence: &Sequence<'_>,
        fault: Option<BracketFault>,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let row = sequence.tokens;
        if let Some(fault) = fault {
            return self.bracket_fault(sequence, fault);
        }
        // `[ h_t = … ]`: what is left of `\[ … \]`.
        if sequence.kind(0) == Some(&TokenKind::Open(Bracket::Square))
            && sequence.after(0) == row.len()
            && row.iter().any(|token| token.kind == TokenKind::Equals)
        {
            let place = sequence.span(0, 1);
            let message = "an equation cannot stand in square brackets";
            let help = Some("take the brackets away, or write `\\[` and `\\]`".to_owned());
            self.report(Code::UnexpectedToken, message, place, help);
            return Err(Stop);
        }
        let relations = relations(sequence);
        let first = relations.iter().find(|index| row[**index].kind == TokenKind::Equals);
        let membership = relations.iter().find(|index| row[**index].kind == TokenKind::In);
        match (first, membership) {
            (None, Some(index)) => self.membership(sequence, *index, pending),
            (Some(equals), Some(index)) if index < equals => self.membership(sequence, *index, pending),
            (Some(_), _) => {
                let equals: Vec<usize> =
                    relations.iter().copied().filter(|index| row[*index].kind == TokenKind::Equals).collect();
                let targets = std::mem::take(pending);
                self.equation(sequence, &equals, targets)
            }
            (None, None) => self.without_relation(sequence, pending),
        }
    }

    fn bracket_fault(&mut self, sequence: &Sequence<'_>, fault: BracketFault) -> Result<(), Stop> {
        let place = |index: usize| sequence.span(index, index + 1);
        let sign = |index: usize| sequence.kind(index).map_or_else(String::new, describe);
        match fault {
            BracketFault::Unclosed(index) => {
                let message = format!("{} is never closed in this equation", sign(index));
                self.report(Code::UnbalancedBracket, message, place(index), None);
            }
            BracketFault::Unopened(index, None) => {
                let message = format!("{} closes nothing", sign(index));
                self.report(Code::UnbalancedBracket, message, place(index), None);
            }
            BracketFault::Unopened(index, Some(open)) => {
                let message = format!("{} does not close {}", sign(index), sign(open));
                self.report(Code::UnbalancedBracket, message, place(index), None);
                if let Some(last) = self.diagnostics.last_mut() {
                    last.labels.push((place(open), "opened here".to_owned()));
                }
            }
            BracketFault::TooDeep(index) => {
                let message = format!("brackets are nested deeper than {MAXIMUM_NESTING} (MAXIMUM_NESTING)");
                self.report(Code::NestingTooDeep, message, place(index), None);
            }
        }
        Err(Stop)
    }

    /// A parser of tokens `start..end` of a row.
    fn parser<'s>(&'s mut self, sequence: &'s Sequence<'s>, start: usize, end: usize) -> Parser<'s> {
        let mut parser = Parser::new(sequence, self.convention, &mut self.diagnostics);
        parser.position = start;
        parser.end = end;
        parser
    }

    /// A row with neither `=` nor `\in`.
    fn without_relation(
        &mut self,
        sequence: &Sequence<'_>,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let tokens = sequence.tokens;
        let span = sequence.span(0, tokens.len());
        if tokens.iter().any(|token| token.kind == TokenKind::Unknown) {
            return Err(Stop);
        }
        if let Some(colon) = tokens.iter().position(|token| token.kind == TokenKind::Colon)
            && sequence.after_name(0) == Some(colon)
        {
            return self.colon_declaration(sequence, colon);
        }
        if sequence.after_name(0) == Some(tokens.len()) {
            let named = self.parser(sequence, 0, tokens.len()).name()?;
            pending.push(named.reference());
            return Ok(());
        }
        let calculates = tokens.iter().any(|token| {
            matches!(
                token.kind,
                TokenKind::Plus | TokenKind::Minus | TokenKind::Product(_) | TokenKind::Function(..)
            )
        });
        if calculates || self.lines {
            let help = Some("write `name = expression`".to_owned());
            self.report(Code::ExpectedEquation, "this row is no equation: it has no `=`", span, help);
            return Err(Stop);
        }
        self.report(Code::SkippedRow, "this row is no equation and is skipped", span, None);
        Ok(())
    }

    /// `a = e`, `a = b = e`, `\Phi(v) = e`.
    fn equation(
        &mut self,
        sequence: &Sequence<'_>,
        equals: &[usize],
        pending: Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let Some(&first) = equals.first() else { return Err(Stop) };
        if let Some(word) = self.signature(sequence, first) {
            let message = format!("the signature of `{word}` defines nothing and is skipped");
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        }
        for reference in pending {
            let message = format!("`{}` stands alone: no `=` follows", reference.name.canonical);
            self.report(Code::SkippedRow, message, reference.span, None);
        }
        if is_prose(sequence, first + 1) {
            self.skip("words on the right side define nothing: skipped", span);
            return Ok(());
        }
        let left = self.left_side(sequence, first)?;
        // Parts between the signs: names are further targets, the rest are values.
        let mut bounds: Vec<(usize, usize)> = equals.windows(2).map(|pair| (pair[0] + 1, pair[1])).collect();
        bounds.push((equals.last().map_or(first, |last| *last) + 1, end));
        let mut targets = vec![left];
        let mut values: Vec<Expression> = Vec::new();
        let last = bounds.len() - 1;
        for (number, (from, to)) in bounds.into_iter().enumerate() {
            if number < last && values.is_empty() && sequence.after_name(from) == Some(to) {
                let named = self.parser(sequence, from, to).name()?;
                targets.push(LeftSide::Name(named.reference()));
                continue;
            }
            let mut parser = self.parser(sequence, from, to);
            let value = parser.expression()?;
            parser.unexpected_tail()?;
            values.push(value);
        }
        if targets.len() > MAXIMUM_TARGETS {
            let message = format!("the chain defines {} names, more than {MAXIMUM_TARGETS}", targets.len());
            self.report(Code::EquationTooLong, message, span, None);
            return Err(Stop);
        }
        let value = self.one_value(values)?;
        for target in targets {
            self.define(target, value.clone(), span)?;
        }
        Ok(())
    }

    /// The value of a chained equality.
    fn one_value(&mut self, values: Vec<Expression>) -> Result<Expression, Stop> {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Err(Stop) };
        for further in values {
            if print::text::expression(&first) == print::text::expression(&further) {
                continue;
            }
            let differs = match (&first.kind, &further.kind) {
                (ExpressionKind::Call(one, _), ExpressionKind::Call(other, _)) => one != other,
                _ => false,
            };
            if differs {
                let message = "this side applies another function than the one before";
                let help = Some("keep the side that is meant".to_owned());
                self.report(Code::ChainDiffers, message, further.span, help);
                if let Some(last) = self.diagnostics.last_mut() {
                    last.labels.push((first.span, "the side before".to_owned()));
                }
                return Err(Stop);
            }
            let message = "this side is taken to repeat the one before and is skipped";
            self.report(Code::SkippedRow, message, further.span, None);
        }
        Ok(first)
    }

    /// The word of a cell that the right side calls by name.
    fn signature(&self, sequence: &Sequence<'_>, equals: usize) -> Option<String> {
        let TokenKind::Word { text, .. } = sequence.kind(equals + 1)? else { return None };
        if !CELLS.contains(&text.as_str()) {
            return None;
        }
        let after = sequence.after_name(equals + 1)?;
        (sequence.kind(after) == Some(&TokenKind::Open(Bracket::Round))).then(|| text.clone())
    }

    /// What stands left of `=`.
    fn left_side(&mut self, sequence: &Sequence<'_>, equals: usize) -> Result<LeftSide, Stop> {
        let span = sequence.span(0, equals);
        if equals == 0 {
            let place = sequence.span(0, 1);
            self.report(Code::LeftSide, "nothing stands left of `=`", place, None);
            return Err(Stop);
        }
        if sequence.tokens[..equals].iter().any(|token| token.kind == TokenKind::Unknown) {
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
        if sequence.kind(0) == Some(&TokenKind::Fraction)
            && matches!(sequence.kind(2).or(sequence.kind(1)), Some(TokenKind::Word { text, .. }) if text == "d")
        {
            let help = Some("write the step of its discretisation".to_owned());
            self.report(
                Code::DifferentialEquation,
                "a differential equation is outside the language",
                span,
                help,
            );
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

    fn define(&mut self, target: LeftSide, value: Expression, span: Span) -> Result<(), Stop> {
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
            LeftSide::Known(function, spelled, parameter) => {
                return self.known_function(function, &spelled, &parameter, &value, span);
            }
        };
        self.statements.push(Statement { kind, span });
        Ok(())
    }

    /// A definition of a function that is known: it must say what is known.
    fn known_function(
        &mut self,
        function: Function,
        spelled: &str,
        parameter: &Reference,
        value: &Expression,
        span: Span,
    ) -> Result<(), Stop> {
        let body = print::text::expression(value);
        let name = print::text::reference(parameter);
        let known: Vec<String> = match function {
            Function::Sigmoid => vec![
                format!("1 / (1 + exp(-{name}))"),
                format!("1 / (1 + exp((-{name})))"),
                format!("(1 + exp(-{name}))^{{-1}}"),
            ],
            Function::Relu => vec![format!("max(0, {name})"), format!("max({name}, 0)")],
            Function::Tanh => vec![format!("(exp({name}) - exp(-{name})) / (exp({name}) + exp(-{name}))")],
            Function::Softplus => vec![format!("log(1 + exp({name}))")],
            Function::Silu => vec![format!("{name} sigmoid({name})"), format!("{name} * sigmoid({name})")],
            _ => Vec::new(),
        };
        if known.contains(&body) {
            let message = format!("`{spelled}` is known; its definition is skipped");
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        }
        let message = format!("`{spelled}` is a known function and cannot be defined anew");
        let help = Some("give the function a name of its own, such as `\\Phi`".to_owned());
        self.report(Code::LeftSide, message, span, help);
        Err(Stop)
    }

    /// `x_t, h_t \in \mathbb{R}^{d}`.
    fn membership(
        &mut self,
        sequence: &Sequence<'_>,
        relation: usize,
        pending: &mut Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let mut targets = std::mem::take(pending);
        for (from, to) in sequence.parts(0, relation) {
            if sequence.after_name(from) != Some(to) {
                let place = sequence.span(from, to.max(from + 1));
                self.report(Code::LeftSide, "only a name can be declared", place, None);
                return Err(Stop);
            }
            targets.push(self.parser(sequence, from, to).name()?.reference());
        }
        let reals = matches!(sequence.kind(relation + 1), Some(TokenKind::Reals))
            || matches!(sequence.kind(relation + 1), Some(TokenKind::Word { text, .. }) if text == "R");
        if !reals {
            // `z_t \in (0, 1)^h` says nothing about shapes that is needed.
            let message = "only sets of real numbers declare a shape; this one is skipped";
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        }
        let sizes = match sequence.kind(relation + 2) {
            None => Vec::new(),
            Some(TokenKind::Superscript) => {
                let Some((from, to, over)) = sequence.script(relation + 3) else {
                    let place = sequence.span(relation, end);
                    self.report(Code::BadSize, "no size follows", place, None);
                    return Err(Stop);
                };
                if over != end {
                    let place = sequence.span(over, end);
                    self.report(
                        Code::UnexpectedToken,
                        "this does not belong to the declaration",
                        place,
                        None,
                    );
                    return Err(Stop);
                }
                self.sizes(sequence, from, to)?
            }
            Some(_) => {
                let place = sequence.span(relation + 2, end);
                self.report(Code::UnexpectedToken, "this does not belong to the declaration", place, None);
                return Err(Stop);
            }
        };
        for target in targets {
            let kind = StatementKind::Declaration { target, sizes: sizes.clone() };
            self.statements.push(Statement { kind, span });
        }
        Ok(())
    }

    /// `w: [h]`, `alpha: scalar`.
    fn colon_declaration(&mut self, sequence: &Sequence<'_>, colon: usize) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let target = self.parser(sequence, 0, colon).name()?.reference();
        let sizes = match sequence.kind(colon + 1) {
            Some(TokenKind::Word { text, .. }) if text == "scalar" && colon + 2 == end => Vec::new(),
            Some(TokenKind::Open(Bracket::Square)) if sequence.after(colon + 1) == end => {
                self.sizes(sequence, colon + 2, end - 1)?
            }
            _ => {
                if !self.lines {
                    // `x_t: \text{input vector}` explains a name.
                    self.report(Code::SkippedRow, "this remark is skipped", span, None);
                    return Ok(());
                }
                let place = sequence.span(colon, end);
                let help = Some("write `w: [h]`, `W: [h, x]` or `alpha: scalar`".to_owned());
                self.report(Code::BadSize, "a declaration gives sizes in square brackets", place, help);
                return Err(Stop);
            }
        };
        self.statements.push(Statement { kind: StatementKind::Declaration { target, sizes }, span });
        Ok(())
    }

    /// Sizes parted by `\times` or commas.
    fn sizes(&mut self, sequence: &Sequence<'_>, start: usize, end: usize) -> Result<Vec<Size>, Stop> {
        let (mut sizes, mut from, mut index) = (Vec::new(), start, start);
        while index <= end {
            let separates = index == end
                || matches!(
                    sequence.kind(index),
                    Some(
                        TokenKind::Comma
                            | TokenKind::Semicolon
                            | TokenKind::Product(super::ast::ProductSign::Cross)
                    )
                );
            if separates {
                if sizes.len() == MAXIMUM_AXES {
                    let place = sequence.span(from, end);
                    self.report(Code::BadSize, format!("more than {MAXIMUM_AXES} axes"), place, None);
                    return Err(Stop);
                }
                if !(index == end && from == end && !sizes.is_empty()) {
                    sizes.push(self.size(sequence, from, index)?);
                }
                from = index + 1;
            }
            index = if index == end { end + 1 } else { sequence.after(index).min(end) };
        }
        Ok(sizes)
    }

    fn size(&mut self, sequence: &Sequence<'_>, start: usize, end: usize) -> Result<Size, Stop> {
        let (start, end, _) = sequence.without_brackets(start, end);
        let mut terms = Vec::new();
        let (mut from, mut index) = (start, start);
        while index <= end {
            if index == end || sequence.kind(index) == Some(&TokenKind::Plus) {
                if terms.len() == MAXIMUM_AXES {
                    let place = sequence.span(from, end);
                    self.report(Code::BadSize, format!("more than {MAXIMUM_AXES} terms"), place, None);
                    return Err(Stop);
                }
                terms.push(self.size_term(sequence, from, index)?);
                from = index + 1;
            }
            index = if index == end { end + 1 } else { sequence.after(index).min(end) };
        }
        Ok(match (terms.len(), terms.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                terms.extend(last);
                Size::Sum(terms)
            }
        })
    }

    fn size_term(&mut self, sequence: &Sequence<'_>, start: usize, end: usize) -> Result<Size, Stop> {
        let (start, end, _) = sequence.without_brackets(start, end);
        match sequence.kind(start) {
            Some(TokenKind::Number { whole: Some(number), .. }) if end == start + 1 => {
                Ok(Size::Known(*number))
            }
            _ if start < end && sequence.after_name(start) == Some(end) => {
                let named = self.parser(sequence, start, end).name()?;
                let mut name = named.parts.finish().canonical;
                if named.time.is_some() {
                    name.push_str("_t");
                }
                Ok(Size::Named(name))
            }
            Some(TokenKind::Unknown) => Err(Stop),
            _ => {
                let place = sequence.span(start, end.max(start + 1));
                let help = Some("a size is a number, a name or a sum of these".to_owned());
                self.report(Code::BadSize, "this is no size", place, help);
                Err(Stop)
            }
        }
    }
}

/// The left side of an equation.
#[derive(Clone, Debug)]
enum LeftSide {
    Name(Reference),
    Function(Reference, Reference),
    Known(Function, String, Reference),
}

/// Indices of `=` and `\in` outside brackets.
fn relations(sequence: &Sequence<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < sequence.tokens.len() {
        match sequence.kind(index) {
            Some(TokenKind::Equals | TokenKind::In) => found.push(index),
            // Scripts may hold relations of their own.
            Some(TokenKind::Subscript | TokenKind::Superscript) => {
                index = sequence.script(index + 1).map_or(index + 1, |script| script.2);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    found
}

/// The word that a left side has in common with losses.
fn is_loss<'s>(sequence: &Sequence<'s>) -> Option<&'s str> {
    let TokenKind::Word { text, .. } = sequence.kind(0)? else { return None };
    let loss = matches!(text.as_str(), "L" | "J" | "E" | "cal_L" | "cal_J" | "Loss" | "loss");
    let after = sequence.after_name(0)?;
    (loss && sequence.kind(after) == Some(&TokenKind::Equals)).then_some(text)
}

/// True where the rest of a row is words: six or more single letters in a row without any sign.
fn is_prose(sequence: &Sequence<'_>, from: usize) -> bool {
    let rest = sequence.tokens.get(from..).unwrap_or_default();
    let letters =
        |token: &Token| matches!(&token.kind, TokenKind::Word { text, upper: false } if text.len() == 1);
    rest.len() >= 6
        && rest.iter().all(letters)
        && rest.iter().filter(|token| !token.spaced).count() * 3 >= rest.len() * 2
}

/// `\begin{cases}` around whole equations only groups them: its ends become ends of rows.
fn ungroup_cases(tokens: &[Token]) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut closing: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let mut token = token.clone();
        if token.kind == TokenKind::Open(Bracket::Cases)
            && let Some(close) = sequence.partner(index)
            && sequence.is_left_side(index + 1)
        {
            // `NAME =` before the group says nothing.
            if kept.last().is_some_and(|last| last.kind == TokenKind::Equals) {
                while kept
                    .last()
                    .is_some_and(|last| !matches!(last.kind, TokenKind::RowEnd | TokenKind::Newline))
                {
                    kept.pop();
                }
            }
            token.kind = TokenKind::RowEnd;
            closing.push(close);
        } else if closing.last() == Some(&index) {
            closing.pop();
            token.kind = TokenKind::RowEnd;
        }
        kept.push(token);
    }
    kept
}

/// True where `start..end` only remarks: words in an upright font, text, or a number in parentheses.
fn is_remark(sequence: &Sequence<'_>, start: usize, end: usize) -> bool {
    let (from, to, bracketed) = sequence.without_brackets(start, end);
    let number = bracketed && to == from + 1 && matches!(sequence.kind(from), Some(TokenKind::Number { .. }));
    number
        || start < end
            && (start..end).all(|index| match sequence.kind(index) {
                Some(TokenKind::Remark | TokenKind::Comma | TokenKind::Period) => true,
                Some(TokenKind::Open(Bracket::Round) | TokenKind::Close(Bracket::Round)) => true,
                Some(TokenKind::Word { text, .. }) => text.len() > 1 && !super::name::is_greek_word(text),
                _ => false,
            })
}

/// The tokens of one equation without layout, remarks and punctuation at its ends.
fn strip(tokens: &[Token]) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    // A column or a part after a gap that only remarks, behind the equation.
    let (mut index, mut cut) = (0, tokens.len());
    let mut equals = false;
    while index < tokens.len() {
        match tokens[index].kind {
            TokenKind::Equals => equals = true,
            TokenKind::Align | TokenKind::Quad if equals => {
                let from = sequence.skip_layout(index);
                let to = (from..tokens.len())
                    .find(|at| matches!(tokens[*at].kind, TokenKind::Align | TokenKind::Quad))
                    .unwrap_or(tokens.len());
                if is_remark(&sequence, from, to) {
                    cut = index;
                    break;
                }
                index = to.max(index + 1);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    let tokens = &tokens[..cut];
    let (sequence, _) = Sequence::new(tokens);
    let mut dropped = vec![false; tokens.len()];
    for index in 0..tokens.len() {
        match tokens[index].kind {
            // `\underbrace{u}_{…}` is `u`.
            TokenKind::Underbrace => {
                let Some(close) = sequence.partner(index + 1) else { continue };
                dropped[index] = true;
                // The braces stay, since they hold a sum together; around one matrix they would part it from the next.
                if sequence.kind(index + 2) == Some(&TokenKind::Open(Bracket::Matrix))
                    && sequence.after(index + 2) == close
                {
                    dropped[index + 1] = true;
                    dropped[close] = true;
                }
                let mut after = close + 1;
                while matches!(sequence.kind(after), Some(TokenKind::Subscript | TokenKind::Superscript)) {
                    let Some(script) = sequence.script(after + 1) else { break };
                    for mark in dropped.iter_mut().take(script.2).skip(after) {
                        *mark = true;
                    }
                    after = script.2;
                }
            }
            // `{\rm tanh}` is `tanh`.
            TokenKind::Open(Bracket::Brace)
                if sequence.partner(index) == Some(index + 2)
                    && matches!(sequence.kind(index + 1), Some(TokenKind::Function(..))) =>
            {
                let before = index.checked_sub(1).and_then(|before| sequence.kind(before));
                let argument = matches!(
                    before,
                    Some(
                        TokenKind::Subscript
                            | TokenKind::Superscript
                            | TokenKind::Accent(_)
                            | TokenKind::Fraction
                            | TokenKind::Close(Bracket::Brace)
                    )
                );
                if !argument {
                    dropped[index] = true;
                    dropped[index + 2] = true;
                }
            }
            _ => {}
        }
    }
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        if dropped.get(index) == Some(&true) {
            continue;
        }
        match &token.kind {
            TokenKind::Open(Bracket::Matrix | Bracket::Cases) => depth += 1,
            TokenKind::Close(Bracket::Matrix | Bracket::Cases) => depth = depth.saturating_sub(1),
            TokenKind::Newline => continue,
            TokenKind::Quad => continue,
            TokenKind::Align | TokenKind::RowEnd if depth == 0 => continue,
            _ => {}
        }
        kept.push(token.clone());
    }
    let dress = |kind: &TokenKind| {
        matches!(
            kind,
            TokenKind::Comma
                | TokenKind::Semicolon
                | TokenKind::Period
                | TokenKind::Remark
                | TokenKind::Where
                | TokenKind::Colon
                | TokenKind::Align
                | TokenKind::RowEnd
        )
    };
    while kept.last().is_some_and(|token| dress(&token.kind)) {
        kept.pop();
    }
    let start = kept.iter().take_while(|token| dress(&token.kind)).count();
    kept.drain(..start);
    drop_label(&mut kept);
    kept
}

/// Drops words before a colon: `Input Gate : i_t = …`.
fn drop_label(tokens: &mut Vec<Token>) {
    let Some(colon) = tokens
        .iter()
        .take_while(|token| !matches!(token.kind, TokenKind::Equals | TokenKind::In))
        .position(|token| token.kind == TokenKind::Colon)
    else {
        return;
    };
    let words = tokens[..colon].iter().all(|token| {
        matches!(token.kind, TokenKind::Word { .. } | TokenKind::Number { .. } | TokenKind::Remark)
    });
    let (sequence, _) = Sequence::new(tokens);
    if words && sequence.is_left_side(colon + 1) {
        tokens.drain(..=colon);
    }
}

/// The ranges of `tokens` that hold one equation each.
fn segments(tokens: &[Token], lines: bool) -> Vec<(usize, usize)> {
    let (sequence, _) = Sequence::new(tokens);
    let mut segments = Vec::new();
    let mut depth: Vec<Bracket> = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            // Deeper brackets are an error of their own.
            TokenKind::Open(bracket) if depth.len() < 2 * MAXIMUM_NESTING => depth.push(bracket),
            TokenKind::Close(bracket) => {
                if let Some(found) = depth.iter().rposition(|open| *open == bracket) {
                    depth.truncate(found);
                }
            }
            _ => {}
        }
        let outside = depth.is_empty();
        let in_matrix = depth.iter().any(|open| matches!(open, Bracket::Matrix | Bracket::Cases));
        let splits = match token.kind {
            TokenKind::RowEnd if in_matrix => false,
            TokenKind::RowEnd if outside => !continues(&sequence, last, index),
            TokenKind::Newline if lines && outside => !continues(&sequence, last, index),
            TokenKind::Semicolon if lines && outside => true,
            // An unclosed bracket must not swallow the next equation.
            TokenKind::RowEnd if !in_matrix => {
                sequence.is_left_side(index + 1) || begins_equation(&sequence, index + 1)
            }
            TokenKind::Newline if !in_matrix => sequence.is_left_side(index + 1),
            TokenKind::Comma | TokenKind::Semicolon | TokenKind::Period | TokenKind::Quad if outside => {
                sequence.is_left_side(index + 1)
            }
            TokenKind::Semicolon if lines => sequence.is_left_side(index + 1),
            TokenKind::Where if outside => true,
            _ => false,
        };
        if splits {
            segments.push((start, index));
            start = index + 1;
            depth.clear();
        }
        if !token.kind.is_layout() {
            last = if splits { None } else { Some(index) };
        }
    }
    segments.push((start, tokens.len()));
    if lines { split_declarations(&sequence, segments) } else { segments }
}

/// `where w: [h], alpha: scalar`: one declaration each.
fn split_declarations(sequence: &Sequence<'_>, segments: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut split = Vec::new();
    for (start, end) in segments {
        let mut from = start;
        let mut index = start;
        while index < end {
            if sequence.kind(index) == Some(&TokenKind::Comma) {
                let next = sequence.skip_layout(index + 1);
                let after = sequence.after_name(next).map(|after| sequence.skip_layout(after));
                if after.is_some_and(|after| sequence.kind(after) == Some(&TokenKind::Colon)) {
                    split.push((from, index));
                    from = index + 1;
                }
            }
            index = sequence.after(index);
        }
        split.push((from, end));
    }
    split
}

/// True where the row from `start` on has a relation that is not its first token.
fn begins_equation(sequence: &Sequence<'_>, start: usize) -> bool {
    let mut index = sequence.skip_layout(start);
    let first = index;
    while let Some(kind) = sequence.kind(index) {
        match kind {
            TokenKind::RowEnd | TokenKind::Newline => return false,
            TokenKind::Equals => return index > first,
            TokenKind::Subscript | TokenKind::Superscript => {
                index = sequence.script(index + 1).map_or(index + 1, |script| script.2);
                continue;
            }
            _ => {}
        }
        index = sequence.after(index);
    }
    false
}

/// True where the equation goes on after the end of a row at `index`; `last` is the last token before that is no layout.
fn continues(sequence: &Sequence<'_>, last: Option<usize>, index: usize) -> bool {
    let operator = |kind: Option<&TokenKind>| {
        matches!(
            kind,
            Some(
                TokenKind::Plus
                    | TokenKind::Minus
                    | TokenKind::Product(_)
                    | TokenKind::Slash
                    | TokenKind::Equals
                    | TokenKind::DirectSum
                    | TokenKind::In
            )
        )
    };
    let next = sequence.skip_layout(index + 1);
    let next_operator = operator(sequence.kind(next)) && !sequence.is_left_side(next);
    // A row with an equation of its own does not finish another one.
    next_operator
        || last.is_some_and(|last| operator(sequence.kind(last))) && !begins_equation(sequence, next)
}
