//! The one expression parser: precedence climbing over the tokens of a single equation.
//!
//! From loose to tight: concatenation (`a \| b`), sums, unary minus, written products and `/`, juxtaposition, scripts.
//! What a factor is, is in `factor`; what stands behind it, in `suffix`; words applied like functions, in `word`.
//!
//! # Invariants
//!
//! - Every recursive step passes a factor or a sign, each of which goes through `enter`, so depth is bounded by
//!   `MAXIMUM_NESTING`; the number of operators of one equation is bounded too, so that the tree is nowhere deeper than
//!   `MAXIMUM_OPERATORS`.
//! - A function that returns `Err(Stop)` has reported why, or a lexer has.

mod suffix;
mod word;

use super::ast::{Comparison, Expression, ExpressionKind, Function, ProductSign, Reference};
use super::convention::Convention;
use super::letters;
use super::name::NameParts;
use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind, describe};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::{MAXIMUM_NESTING, MAXIMUM_OPERATORS};
use crate::span::Span;

/// Parsing of this equation cannot go on; the reason is reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop;

/// What a name turned out to be once its scripts were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) parts: NameParts,
    pub(crate) time: Option<i32>,
    pub(crate) span: Span,
    pub(crate) transposed: bool,
    pub(crate) power: Option<Box<Expression>>,
    /// The offset of the layer index above, where there is one.
    pub(crate) layer: Option<i32>,
}

impl Named {
    /// The reference without power and transpose.
    pub(crate) fn reference(&self) -> Reference {
        Reference { name: self.parts.finish(), time: self.time, span: self.span }
    }
}

/// The parser of one equation.
pub(crate) struct Parser<'a> {
    pub(crate) sequence: &'a Sequence<'a>,
    pub(crate) position: usize,
    pub(crate) end: usize,
    pub(crate) convention: &'a Convention,
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
    depth: usize,
    operators: usize,
    /// Bars that are open here, innermost last: true for `\|`.
    pub(crate) bars: Vec<bool>,
    /// A bar parts the elements of a square bracket here.
    pub(crate) bar_separates: bool,
}

const SUM: u8 = 10;
const NEGATION: u8 = 15;
const PRODUCT: u8 = 20;

impl<'a> Parser<'a> {
    /// A parser of all of `sequence`.
    pub(crate) fn new(
        sequence: &'a Sequence<'a>,
        convention: &'a Convention,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let end = sequence.tokens.len();
        Self {
            sequence,
            position: 0,
            end,
            convention,
            diagnostics,
            depth: 0,
            operators: 0,
            bars: Vec::new(),
            bar_separates: false,
        }
    }

    pub(crate) fn kind(&self) -> Option<&'a TokenKind> {
        if self.position < self.end { self.sequence.kind(self.position) } else { None }
    }

    pub(crate) fn token(&self) -> Option<&'a Token> {
        if self.position < self.end { self.sequence.tokens.get(self.position) } else { None }
    }

    /// The place of the next token; an empty place at the end.
    pub(crate) fn here(&self) -> Span {
        match self.token() {
            Some(token) => token.span,
            None => self.last_span(),
        }
    }

    /// The place of the token before.
    fn last_span(&self) -> Span {
        let last = self.position.checked_sub(1).and_then(|last| self.sequence.tokens.get(last));
        last.map_or_else(|| self.sequence.span(0, 0), |token| token.span)
    }

    pub(crate) fn fail<T>(
        &mut self,
        code: Code,
        message: impl Into<String>,
        span: Span,
        help: Option<String>,
    ) -> Result<T, Stop> {
        self.diagnostics.push(Diagnostic { code, message: message.into(), span, labels: Vec::new(), help });
        Err(Stop)
    }

    /// Reports what stands here instead of a value.
    pub(crate) fn unexpected<T>(&mut self) -> Result<T, Stop> {
        let span = self.here();
        match self.kind() {
            Some(TokenKind::Unknown | TokenKind::Foreign) => Err(Stop),
            None => {
                let message = "the equation ends where a value is needed";
                self.fail(Code::ExpectedValue, message, span, None)
            }
            Some(kind) => {
                let message = format!("{} stands where a value is needed", describe(kind));
                let (code, help) = outside(kind);
                self.fail(code, message, span, help)
            }
        }
    }

    pub(crate) fn enter(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        // The innermost factor is no nesting.
        if self.depth > MAXIMUM_NESTING + 1 {
            let span = self.here();
            let message = format!("the expression is nested deeper than {MAXIMUM_NESTING} (MAXIMUM_NESTING)");
            return self.fail(Code::NestingTooDeep, message, span, None);
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn count_operator(&mut self) -> Result<(), Stop> {
        self.operators += 1;
        if self.operators > MAXIMUM_OPERATORS {
            let span = self.here();
            let message =
                format!("the equation has more than {MAXIMUM_OPERATORS} operators (MAXIMUM_OPERATORS)");
            let help = Some("name parts of it in equations of their own".to_owned());
            return self.fail(Code::EquationTooLong, message, span, help);
        }
        Ok(())
    }

    /// Parses the tokens `start..end` with `parse`, all of them, and leaves the position after `over`.
    pub(crate) fn within<T>(
        &mut self,
        (start, end, over): (usize, usize, usize),
        parse: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let outer = std::mem::replace(&mut self.end, end);
        let bars = std::mem::take(&mut self.bars);
        let separates = std::mem::take(&mut self.bar_separates);
        self.position = start;
        let result = parse(self).and_then(|value| {
            if self.position < self.end { self.unexpected_tail().map(|()| value) } else { Ok(value) }
        });
        self.end = outer;
        self.bars = bars;
        self.bar_separates = separates;
        self.position = over;
        result
    }

    /// Reports a token after a complete expression.
    pub(crate) fn unexpected_tail(&mut self) -> Result<(), Stop> {
        let span = self.here();
        match self.kind() {
            None => Ok(()),
            Some(TokenKind::Unknown | TokenKind::Foreign) => Err(Stop),
            Some(TokenKind::Comma)
                if matches!(self.sequence.kind(self.position + 1),
                    Some(TokenKind::Word { text, .. }) if matches!(text.as_str(), "if" | "when" | "otherwise"))
                    || self.compares(self.position + 1, self.end) =>
            {
                let message = "a condition follows: a definition by cases is outside the language";
                self.fail(Code::Piecewise, message, span, None)
            }
            Some(TokenKind::Subscript) if let Some(word) = letters::braced(self.sequence, self.position) => {
                let message =
                    format!("`{word}` reads as a product of letters, and only a name takes an index");
                let help = format!("write a name of several letters upright: `\\mathrm{{{word}}}_t`");
                self.fail(Code::UnexpectedToken, message, span, Some(help))
            }
            Some(kind) => {
                let message = format!("{} does not continue the expression", describe(kind));
                let (code, help) = outside(kind);
                self.fail(code, message, span, help)
            }
        }
    }

    /// An expression up to the end or to a token that cannot continue it.
    pub(crate) fn expression(&mut self) -> Result<Expression, Stop> {
        let first = self.binary(0)?;
        let mut elements = vec![first];
        while self.is_concatenation() {
            self.refuse_two_double_bars()?;
            self.position += 1;
            elements.push(self.binary(0)?);
        }
        Ok(match (elements.len(), elements.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                let span = elements.first().map_or(last.span, |first| first.span.to(last.span));
                elements.push(last);
                Expression { kind: ExpressionKind::Concatenate(elements), span }
            }
            (_, None) => return Err(Stop),
        })
    }

    /// `a \| b \| c` joins three values or multiplies by the norm of one; in square brackets it joins.
    fn refuse_two_double_bars(&mut self) -> Result<(), Stop> {
        let double = |index: usize| self.sequence.kind(index) == Some(&TokenKind::DoubleBar);
        if !double(self.position) || self.sequence.kind(self.end) == Some(&TokenKind::Close(Bracket::Square))
        {
            return Ok(());
        }
        let mut second = self.sequence.after(self.position);
        while second < self.end && !double(second) {
            second = self.sequence.after(second);
        }
        if second >= self.end {
            return Ok(());
        }
        let span = self.sequence.span(self.position, second + 1);
        let message = "two double bars between values are a norm or a concatenation";
        let help = "write `norm(x)`, or begin the product with the norm; a concatenation is `[a, b, c]`";
        self.fail(Code::AmbiguousProduct, message, span, Some(help.to_owned()))
    }

    /// A comparison, or a value that is taken for its not being zero.
    pub(crate) fn condition(&mut self) -> Result<Expression, Stop> {
        // `where((a < b), x, y)`.
        if self.kind() == Some(&TokenKind::Open(Bracket::Round))
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && (close + 1 == self.end || self.sequence.kind(close + 1) == Some(&TokenKind::Comma))
            && self.compares(self.position + 1, close)
        {
            self.enter()?;
            let condition = self.within((self.position + 1, close, close + 1), Self::condition);
            self.leave();
            return condition;
        }
        let left = self.expression()?;
        let Some(comparison) = self.comparison() else { return Ok(left) };
        self.count_operator()?;
        self.position += 1;
        let right = self.expression()?;
        if self.comparison().is_some() {
            let span = self.here();
            let message = "two comparisons stand in a row";
            let help = "compare twice: `where(a < b, where(b < c, x, y), y)`";
            return self.fail(Code::Piecewise, message, span, Some(help.to_owned()));
        }
        let span = left.span.to(right.span);
        let kind = ExpressionKind::Compare(comparison, Box::new(left), Box::new(right));
        Ok(Expression { kind, span })
    }

    /// The comparison at the position.
    fn comparison(&self) -> Option<Comparison> {
        match self.kind()? {
            TokenKind::Less => Some(Comparison::Less),
            TokenKind::Greater => Some(Comparison::Greater),
            TokenKind::Comparison(comparison) => Some(*comparison),
            _ => None,
        }
    }

    fn is_concatenation(&self) -> bool {
        match self.kind() {
            Some(TokenKind::DirectSum) => true,
            Some(TokenKind::DoubleBar) => self.bars.last() != Some(&true),
            Some(TokenKind::Bar) => self.bar_separates && self.bars.is_empty(),
            _ => false,
        }
    }

    fn binary(&mut self, minimum: u8) -> Result<Expression, Stop> {
        let mut left = self.prefix()?;
        loop {
            let (power, product) = match self.kind() {
                Some(TokenKind::Plus | TokenKind::Minus) => (SUM, None),
                Some(TokenKind::Product(sign)) => (PRODUCT, Some(*sign)),
                Some(TokenKind::Slash | TokenKind::Modulo) => (PRODUCT, None),
                Some(TokenKind::Function(..)) if self.is_infix_modulo() => (PRODUCT, None),
                // `W_r . [h, x]`: a period between blanks is a product.
                Some(TokenKind::Period) if self.period_multiplies() => (PRODUCT, Some(ProductSign::Dot)),
                _ => return Ok(left),
            };
            if power <= minimum {
                return Ok(left);
            }
            let operator = self.kind();
            self.count_operator()?;
            self.position += 1;
            if product.is_some() && self.kind() == Some(&TokenKind::Subscript) {
                let place = self.sequence.span(self.position - 1, self.position + 2);
                let message = "a product sign with a label reads as a convolution, as over a graph";
                return self.fail(Code::Convolution, message, place, None);
            }
            let right = self.binary(power)?;
            let span = left.span.to(right.span);
            if operator == Some(&TokenKind::Slash) && is_number(&left) && begins_with_number(&right) {
                let message = "`1 / 2 x` is read by some as a half of x and by others as one over 2 x";
                let help = "write `(1 / 2) x` or `\\frac{1}{2} x` for the one, `1 / (2 x)` for the other";
                return self.fail(Code::AmbiguousProduct, message, span, Some(help.to_owned()));
            }
            let (left_box, right_box) = (Box::new(left), Box::new(right));
            let kind = match (operator, product) {
                (_, Some(sign)) => ExpressionKind::Product(sign, left_box, right_box),
                (Some(TokenKind::Plus), _) => ExpressionKind::Add(left_box, right_box),
                (Some(TokenKind::Minus), _) => ExpressionKind::Subtract(left_box, right_box),
                (Some(TokenKind::Modulo | TokenKind::Function(..)), _) => {
                    ExpressionKind::Call(Function::Modulo, vec![*left_box, *right_box])
                }
                _ => ExpressionKind::Divide(left_box, right_box),
            };
            left = Expression { kind, span };
        }
    }

    /// `a \\mathrm{mod} b`: the function stands between its operands, not before both.
    fn is_infix_modulo(&self) -> bool {
        if !matches!(self.kind(), Some(TokenKind::Function(Function::Modulo, _))) {
            return false;
        }
        let open = self.position + 1;
        let both = self.sequence.kind(open) == Some(&TokenKind::Open(Bracket::Round))
            && self
                .sequence
                .partner(open)
                .is_some_and(|close| self.sequence.parts(open + 1, close).len() > 1);
        !both
    }

    /// `W . x_t`; without blanks only before a concatenation or a name with an index, as in `W_f.[h_{t-1}, x_t]` and
    /// `W_x.x_t`: `x_t.dot(W)` is program code.
    fn period_multiplies(&self) -> bool {
        let next = self.position + 1;
        let indexed = || match self.sequence.kind(next) {
            Some(TokenKind::Open(Bracket::Square | Bracket::Round) | TokenKind::Accent(_)) => true,
            Some(TokenKind::Word { .. }) => {
                matches!(
                    self.sequence.kind(next + 1),
                    Some(TokenKind::Subscript | TokenKind::Superscript | TokenKind::Open(Bracket::Square))
                )
            }
            _ => false,
        };
        next < self.end
            && self.sequence.tokens.get(next).is_some_and(|token| self.begins_factor_kind(&token.kind))
            && (self.token().is_some_and(|token| token.spaced) || indexed())
    }

    fn prefix(&mut self) -> Result<Expression, Stop> {
        match self.kind() {
            Some(TokenKind::Minus) => {
                let start = self.here();
                // `1 -- z_t` would be a sum.
                let before = self.position.checked_sub(1).and_then(|before| self.sequence.kind(before));
                if before == Some(&TokenKind::Minus) && self.token().is_some_and(|token| !token.spaced) {
                    let help = Some("write one sign, or parentheses: `a - (-b)`".to_owned());
                    return self.fail(Code::ExpectedValue, "two signs follow each other", start, help);
                }
                self.enter()?;
                self.count_operator()?;
                self.position += 1;
                let operand = self.binary(NEGATION)?;
                self.leave();
                let span = start.to(operand.span);
                Ok(Expression { kind: ExpressionKind::Negate(Box::new(operand)), span })
            }
            Some(TokenKind::Plus) => {
                // `C_{t-1} * + i_t`: a factor is missing, and the sum would become a product.
                let before = self.position.checked_sub(1).and_then(|before| self.sequence.kind(before));
                if matches!(before, Some(TokenKind::Product(_) | TokenKind::Slash)) {
                    let span = self.here();
                    let help = Some("write the factor between the two signs, or one sign".to_owned());
                    return self.fail(Code::ExpectedValue, "two signs follow each other", span, help);
                }
                self.position += 1;
                self.chain()
            }
            _ => self.chain(),
        }
    }

    fn begins_factor_kind(&self, kind: &TokenKind) -> bool {
        match kind {
            TokenKind::Word { .. }
            | TokenKind::Number { .. }
            | TokenKind::Function(..)
            | TokenKind::Accent(_)
            | TokenKind::Fraction
            | TokenKind::LargeOperator(_)
            | TokenKind::Open(_) => true,
            TokenKind::Bar => self.bars.is_empty() && !self.bar_separates,
            _ => false,
        }
    }

    pub(crate) fn begins_factor(&self) -> bool {
        self.kind().is_some_and(|kind| self.begins_factor_kind(kind))
    }

    /// Juxtaposed factors.
    fn chain(&mut self) -> Result<Expression, Stop> {
        let first = self.factor()?;
        self.chain_from(first, false)
    }

    /// The factors after `first`; those of a function without parentheses end at the next function.
    pub(crate) fn chain_from(&mut self, first: Expression, argument: bool) -> Result<Expression, Stop> {
        let mut factors = vec![first];
        while self.begins_factor()
            && !(argument && matches!(self.kind(), Some(TokenKind::Function(..))))
            && !self.is_infix_modulo()
        {
            self.count_operator()?;
            let next = self.factor()?;
            // `[W, U] [x_t, h_{t-1}]` is `W x_t + U h_{t-1}`.
            let blocks = match (factors.pop(), next) {
                (Some(left), right) if are_blocks(&left, &right) => {
                    let span = left.span.to(right.span);
                    match (left.kind, right.kind) {
                        (ExpressionKind::Concatenate(left), ExpressionKind::Concatenate(right)) => {
                            [None, Some(self.sum_of_products(left, right, span)?)]
                        }
                        _ => return Err(Stop),
                    }
                }
                (left, right) => [left, Some(right)],
            };
            factors.extend(blocks.into_iter().flatten());
        }
        Ok(match (factors.len(), factors.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                let span = factors.first().map_or(last.span, |first| first.span.to(last.span));
                factors.push(last);
                Expression { kind: ExpressionKind::Chain(factors), span }
            }
            (_, None) => return Err(Stop),
        })
    }

    /// One factor with its scripts.
    pub(crate) fn factor(&mut self) -> Result<Expression, Stop> {
        self.enter()?;
        let factor = self.factor_inner();
        self.leave();
        factor
    }

    fn factor_inner(&mut self) -> Result<Expression, Stop> {
        let start = self.position;
        if let Some(inside) = self.indicator_at(start) {
            return self.indicator(inside);
        }
        match self.kind() {
            Some(TokenKind::Modulo) => self.function(Function::Modulo, "mod"),
            Some(TokenKind::Number { value, .. }) => self.number(*value),
            Some(TokenKind::Function(function, spelled)) => self.function(*function, spelled),
            // `\mathbb{1} - z_t`: ones, unless it is an indicator.
            Some(TokenKind::Word { text, .. })
                if matches!(text.as_str(), "bb_1" | "bb_0")
                    && !matches!(self.sequence.kind(start + 1), Some(TokenKind::Open(_))) =>
            {
                self.number(if text == "bb_1" { 1.0 } else { 0.0 })
            }
            Some(TokenKind::Word { .. } | TokenKind::Accent(_)) => self.reference(),
            Some(TokenKind::Open(Bracket::Brace)) if self.brace_is_name(start) => self.reference(),
            Some(TokenKind::Open(bracket)) => self.bracketed(*bracket),
            Some(TokenKind::Bar) => self.bars_around(false),
            Some(TokenKind::DoubleBar) => self.bars_around(true),
            Some(TokenKind::Fraction) => self.fraction(),
            Some(TokenKind::LargeOperator(name)) => self.large_operator(name),
            _ => self.unexpected(),
        }
    }

    fn number(&mut self, value: f64) -> Result<Expression, Stop> {
        let span = self.here();
        self.position += 1;
        self.scripts(Expression { kind: ExpressionKind::Number(value), span })
    }

    fn function(&mut self, function: Function, spelled: &str) -> Result<Expression, Stop> {
        if self.is_labelled_function(function) {
            return self.labelled_function(function);
        }
        let call = self.call(function, spelled)?;
        self.scripts(call)
    }

    fn fraction(&mut self) -> Result<Expression, Stop> {
        let start = self.position;
        self.position += 1;
        self.count_operator()?;
        let over = self.fraction_argument()?;
        let under = self.fraction_argument()?;
        let span = self.sequence.span(start, self.position);
        let kind = ExpressionKind::Divide(Box::new(over), Box::new(under));
        self.scripts(Expression { kind, span })
    }

    pub(crate) fn brace_is_name(&self, index: usize) -> bool {
        self.sequence.after_name(index).is_some_and(|after| after <= self.end)
    }

    /// A name with its scripts, as an expression.
    fn reference(&mut self) -> Result<Expression, Stop> {
        self.check_word()?;
        let named = self.name()?;
        if matches!(named.parts.base.as_str(), "infty" | "inf")
            && named.reference().name.canonical == named.parts.base
        {
            let kind = ExpressionKind::Number(f64::INFINITY);
            return Ok(Expression { kind, span: named.span });
        }
        self.check_name(&named)?;
        // `\Delta t (…)`: a factor, and no word that is applied like a function.
        let step = named.parts.base == "Deltat" && self.kind() == Some(&TokenKind::Open(Bracket::Round));
        let name = self.named_expression(named)?;
        Ok(if step {
            Expression { span: name.span, kind: ExpressionKind::Group(Box::new(name)) }
        } else {
            name
        })
    }
}

/// The code and the advice for a token that is known but stands in a wrong place.
pub(crate) fn outside(kind: &TokenKind) -> (Code, Option<String>) {
    match kind {
        TokenKind::Less | TokenKind::Greater | TokenKind::Comparison(_) => {
            let help = "a comparison chooses between two values, `where(a < b, x, y)`, or is 1 or 0 as \
                        `\\mathbb{1}[a < b]`, in text `indicator(a < b)`";
            (Code::Piecewise, Some(help.to_owned()))
        }
        TokenKind::Relation(_) => {
            (Code::Piecewise, Some("an equation is `name = expression`, and defines a name".to_owned()))
        }
        TokenKind::Colon => {
            let help = "a part of a vector is `a_t[0:n]`, counted from 0 and without its end, or `chunk(a, j, m)`, the \
                        j-th of m equal parts; all equal parts at once are `i_t, f_t = split(a_t)`";
            (Code::UnexpectedToken, Some(help.to_owned()))
        }
        TokenKind::Equals => (
            Code::UnexpectedToken,
            Some("part equations by `;`, a new line or `\\\\`, and close every bracket".to_owned()),
        ),
        TokenKind::Subscript => (Code::UnexpectedToken, Some("only a name takes an index".to_owned())),
        _ => (Code::UnexpectedToken, None),
    }
}

fn is_number(expression: &Expression) -> bool {
    matches!(expression.kind, ExpressionKind::Number(_))
}

/// True for factors of which the first is a number: `2 x_t`.
fn begins_with_number(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Chain(factors) if factors.first().is_some_and(is_number))
}

/// True for weights side by side before as many values: matrices by their case, without time index.
fn are_blocks(left: &Expression, right: &Expression) -> bool {
    let (ExpressionKind::Concatenate(weights), ExpressionKind::Concatenate(values)) =
        (&left.kind, &right.kind)
    else {
        return false;
    };
    let weight = |one: &Expression| matches!(&one.kind, ExpressionKind::Reference(name) if name.name.upper && name.time.is_none());
    weights.len() == values.len() && weights.iter().all(weight) && !values.iter().all(weight)
}
