//! The one expression parser: precedence climbing over the tokens of a single equation.
//!
//! From loose to tight: concatenation (`a \| b`), sums, unary minus, written products and `/`, juxtaposition, scripts.
//!
//! # Invariants
//!
//! - Every recursive step passes a factor or a sign, each of which goes through `enter`, so depth is bounded by `MAXIMUM_NESTING`; the number of operators
//!   of one equation is bounded too, so that the tree is nowhere deeper than `MAXIMUM_OPERATORS`.
//! - A function that returns `Err(Stop)` has reported why, or a lexer has.

use super::ast::{Comparison, Expression, ExpressionKind, Function, ProductSign, Reference, Size};
use super::convention::Convention;
use super::factor::transpose;
use super::name::{self, NameParts};
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

/// Words for maps whose weights have no names.
#[rustfmt::skip]
const MAPS: [&str; 16] = [
    "linear", "lin", "fc", "dense", "affine", "mlp", "ffn", "ffnn", "fnn", "nn", "dnn", "net", "network", "encoder",
    "decoder", "embedding",
];

/// Words for convolutions, over grids or graphs.
const CONVOLUTIONS: [&str; 12] = [
    "conv",
    "cnn",
    "convd",
    "gc",
    "gcn",
    "gconv",
    "graphconv",
    "chebconv",
    "diffconv",
    "gnn",
    "gat",
    "dwconv",
];

/// Words for normalization over a batch.
const NORMALIZATIONS: [&str; 4] = ["bn", "batchnorm", "batchnormalization", "batchnormalisation"];

/// Words for what has no gradient: the place of a maximum, a random draw.
const CHOICES: [&str; 8] =
    ["argmax", "argmin", "argsort", "topk", "sample", "multinomial", "bernoulli", "onehot"];

/// Longest run of letters that is read as a word.
const LONGEST_WORD: usize = 24;

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
        self.named_expression(named)
    }

    /// `foo(x_t)` in LaTeX: letters written together before a parenthesis are no product but a word that is no function.
    fn check_word(&mut self) -> Result<(), Stop> {
        let letter = |index: usize| match self.sequence.tokens.get(index) {
            Some(Token { kind: TokenKind::Word { text, upper }, spaced, .. }) if text.len() == 1 => {
                Some((text.as_str(), *upper, *spaced))
            }
            _ => None,
        };
        let start = self.position;
        let spaced = letter(start).is_none_or(|(_, _, spaced)| spaced);
        if !spaced && start.checked_sub(1).is_some_and(|before| letter(before).is_some()) {
            // Not the first letter of its run.
            return Ok(());
        }
        let mut word = String::new();
        let mut end = start;
        while let Some((text, upper, spaced)) = letter(end)
            && (end == start || !spaced && !upper)
            && word.len() <= LONGEST_WORD
        {
            word.push_str(text);
            end += 1;
        }
        let capital = word.starts_with(|first: char| first.is_ascii_uppercase());
        // `GC(A, X_t)`: capitals alone are a word where several arguments follow.
        let mut capitals = start;
        while let Some((_, true, spaced)) = letter(capitals)
            && (capitals == start || !spaced)
            && capitals - start <= LONGEST_WORD
        {
            capitals += 1;
        }
        if capitals >= start + 2
            && capitals < self.end
            && self.sequence.kind(capitals) == Some(&TokenKind::Open(Bracket::Round))
            && let Some(close) = self.sequence.partner(capitals)
        {
            let word: String = (start..capitals).filter_map(letter).map(|(text, ..)| text).collect();
            let span = self.sequence.span(start, capitals);
            self.check_foreign(&word, span)?;
            if self.sequence.parts(capitals + 1, close).len() > 1 {
                let message = format!("`{word}` is applied like a function, but nothing binds it");
                let help =
                    format!("write out what it computes, or bind it: `\\mathrm{{{word}}}(u) = W u + b`");
                return self.fail(Code::UnboundActivation, message, span, Some(help));
            }
        }
        let applied = end < self.end
            && self
                .sequence
                .tokens
                .get(end)
                .is_some_and(|token| token.kind == TokenKind::Open(Bracket::Round) && !token.spaced);
        if !applied || word.len() < if capital { 4 } else { 3 } || word.len() > LONGEST_WORD {
            return Ok(());
        }
        let span = self.sequence.span(start, end);
        self.check_foreign(&word, span)?;
        let help = match name::nearest_function(&word) {
            Some(near) => {
                format!("did you mean `{near}`? A product of letters is written with blanks between them")
            }
            None => format!(
                "bind it, as in `\\mathrm{{{word}}}(u) = W u + b`; a product of letters is written with blanks \
                 between them"
            ),
        };
        let message = format!("there is no function `{word}`");
        self.fail(Code::UnknownFunction, message, span, Some(help))
    }

    /// Words for operations that are outside the language.
    fn check_foreign(&mut self, word: &str, span: Span) -> Result<(), Stop> {
        let letters: String = word
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        if word.len() > 1 && CONVOLUTIONS.contains(&letters.as_str()) {
            let message = format!("`{word}` reads as a convolution, which is outside the language");
            return self.fail(Code::Convolution, message, span, None);
        }
        if word.len() > 1 && MAPS.contains(&letters.as_str()) {
            let message = format!("`{word}` names no weights");
            let help = Some("write the map out, as in `W_z x_t + b_z`".to_owned());
            return self.fail(Code::NamedMap, message, span, help);
        }
        if NORMALIZATIONS.contains(&letters.as_str()) {
            let message = format!("`{word}` reads as batch normalization, which is outside the language");
            let help = "its statistics are those of a batch, and a cell is one sample: normalize the input \
                        outside, or write `LN` for the values of one sample";
            return self.fail(Code::UnknownFunction, message, span, Some(help.to_owned()));
        }
        if CHOICES.contains(&letters.as_str()) {
            let message = format!("`{word}` has no gradient and is outside the language");
            return self.fail(Code::SampleOrChoice, message, span, None);
        }
        Ok(())
    }

    /// Names that stand for something the equations do not say.
    fn check_name(&mut self, named: &Named) -> Result<(), Stop> {
        let bare = NameParts { base: named.parts.base.clone(), ..NameParts::default() };
        if named.parts.base == "t"
            && self.convention.time == "t"
            && named.time.is_none()
            && named.parts == bare
        {
            let message = "the time `t` stands as a value";
            let help = "an index needs its underscore: `h_t`, `h_{t-1}`; the time itself is an input of its own, such \
                        as `\\tau_t` with `\\tau_t \\in \\mathbb{R}`";
            let help = Some(help.to_owned());
            return self.fail(Code::LostIndex, message, named.span, help);
        }
        if named.parts.base.starts_with("bb_")
            && matches!(self.kind(), Some(TokenKind::Open(Bracket::Round | Bracket::Square)))
        {
            let message = "an expectation or a probability is outside the language";
            return self.fail(Code::SampleOrChoice, message, named.span, None);
        }
        let round = self.kind() == Some(&TokenKind::Open(Bracket::Round));
        // `\mathrm{MLP}_w[s_t, m_{t-1}]` is applied too.
        if !round && self.kind() != Some(&TokenKind::Open(Bracket::Square)) {
            return Ok(());
        }
        if named.time.is_some() {
            return if round { self.check_gate(named) } else { Ok(()) };
        }
        self.check_foreign(&named.parts.base, named.span)?;
        if !round {
            return Ok(());
        }
        let word = named.parts.base.len() > 2 && !name::is_greek_word(&named.parts.base);
        if (!named.parts.upper || word)
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && self.sequence.parts(self.position + 1, close).len() > 1
        {
            let name = named.parts.finish().canonical;
            let message = format!("`{name}` is applied like a function, but nothing binds it");
            let help = "bind functions of one argument, as in `f(u) = \\tanh(W u + b)`, and give several \
                        values as one: `f([x_t, h_{t-1}])`";
            return self.fail(Code::UnboundActivation, message, named.span, Some(help.to_owned()));
        }
        Ok(())
    }

    /// `o_t \odot f_t(c_t)`: a value of this step stands before one name in parentheses, as a function does, in a
    /// product whose other sign is written.
    fn check_gate(&mut self, named: &Named) -> Result<(), Stop> {
        let start = (0..self.position)
            .rev()
            .find(|at| self.sequence.tokens.get(*at).is_some_and(|token| token.span.end <= named.span.start));
        let written = start.is_some_and(|before| {
            matches!(self.sequence.kind(before), Some(TokenKind::Product(ProductSign::Hadamard)))
        });
        if written
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && self.sequence.after_name(self.position + 1) == Some(close)
            && self.sequence.tokens.get(self.position).is_some_and(|open| !open.spaced)
        {
            let message = format!(
                "`{}_t` is a value of this step, but applied like a function",
                named.parts.finish().canonical
            );
            let help = "write the function that is meant, such as `\\tanh(c_t)`, or the sign of a product";
            return self.fail(Code::UnboundActivation, message, named.span, Some(help.to_owned()));
        }
        Ok(())
    }

    pub(crate) fn named_expression(&mut self, mut named: Named) -> Result<Expression, Stop> {
        let span = named.span;
        let power = named.power.take();
        if named.parts.base == "e"
            && !self.convention.letter_e
            && named.time.is_none()
            && named.parts == (NameParts { base: "e".to_owned(), ..NameParts::default() })
            && let Some(power) = power
        {
            return Ok(Expression { kind: ExpressionKind::Call(Function::Exponential, vec![*power]), span });
        }
        let mut expression = Expression { kind: ExpressionKind::Reference(named.reference()), span };
        if let Some(power) = power {
            expression = Expression { kind: ExpressionKind::Power(Box::new(expression), power), span };
        }
        if named.transposed {
            expression = Expression { kind: ExpressionKind::Transpose(Box::new(expression)), span };
        }
        let end = expression.span.end;
        expression = self.slices(expression)?;
        if expression.span.end == end { Ok(expression) } else { self.scripts(expression) }
    }

    /// `a[0:n]`, `(W x_t)[n:]`: elements of what stands before the position. They are counted from 0, as in code; what
    /// may be counted from 1 is refused.
    pub(crate) fn slices(&mut self, mut of: Expression) -> Result<Expression, Stop> {
        while self.kind() == Some(&TokenKind::Open(Bracket::Square))
            && let Some(close) = self.sequence.partner(self.position).filter(|close| *close < self.end)
            && let Some(colon) = self.colon_of_slice(self.position + 1, close)
        {
            self.count_operator()?;
            let first = self.position + 1;
            let start = if colon == first { Size::Known(0) } else { self.size(first, colon)? };
            let end = if colon + 1 == close { None } else { Some(self.size(colon + 1, close)?) };
            if end.is_some() && is_one_more(&start) {
                let place = self.sequence.span(first, close);
                let message = "it is open whether these elements are counted from 0 or from 1";
                let help = "write `a[0:n]` or `a[:n]` for the first `n` elements, `a[n:2n]` for the next: the first \
                            has the number 0, and the end is not one of them";
                return self.fail(Code::UnexpectedToken, message, place, Some(help.to_owned()));
            }
            self.position = close + 1;
            let span = of.span.to(self.sequence.span(close, close + 1));
            of = Expression { kind: ExpressionKind::Slice { of: Box::new(of), start, end }, span };
        }
        Ok(of)
    }

    /// The one colon among `start..end`, where nothing else parts them.
    fn colon_of_slice(&self, start: usize, end: usize) -> Option<usize> {
        let (mut found, mut index) = (None, start);
        while index < end {
            match self.sequence.kind(index) {
                Some(TokenKind::Colon) if found.is_none() => found = Some(index),
                Some(TokenKind::Colon | TokenKind::Comma | TokenKind::Semicolon) => return None,
                _ => {}
            }
            index = self.sequence.after(index);
        }
        found
    }

    /// Scripts of anything but a name: powers and transposes.
    pub(crate) fn scripts(&mut self, mut base: Expression) -> Result<Expression, Stop> {
        while let Some(over) = self.component() {
            self.position = over;
        }
        while self.kind() == Some(&TokenKind::Superscript) {
            let Some(script) = self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end)
            else {
                self.position += 1;
                return self.unexpected();
            };
            self.count_operator()?;
            let span = base.span.to(self.sequence.span(self.position, script.2));
            if self.is_transpose(script.0, script.1) {
                // `\mathbf{1}^\top x_t` is a sum over elements; a number would only scale.
                if is_number(&base) {
                    let message = "a number has no transpose";
                    let help = Some("write `sum(x)` for a row of ones before `x`".to_owned());
                    return self.fail(Code::UnexpectedToken, message, span, help);
                }
                self.position = script.2;
                base = transpose(base, span);
                continue;
            }
            let power = self.within(script, Self::expression)?;
            base = Expression { kind: ExpressionKind::Power(Box::new(base), Box::new(power)), span };
        }
        Ok(base)
    }

    /// Behind the index of a component at the position, `(…)^j`, where the document counts components by that letter.
    fn component(&self) -> Option<usize> {
        let component = self.convention.component.as_deref()?;
        if !matches!(self.kind()?, TokenKind::Superscript | TokenKind::Subscript) {
            return None;
        }
        let (start, end, over) =
            self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end)?;
        let (start, end) = self.sequence.without_braces(start, end);
        let letter =
            matches!(self.sequence.kind(start), Some(TokenKind::Word { text, .. }) if text == component);
        (letter && end == start + 1).then_some(over)
    }

    /// `\top`, `T`.
    pub(crate) fn is_transpose(&self, start: usize, end: usize) -> bool {
        let (start, end) = self.sequence.without_braces(start, end);
        end == start + 1
            && match self.sequence.kind(start) {
                Some(TokenKind::Top) => true,
                Some(TokenKind::Word { text, .. }) => text == "T",
                _ => false,
            }
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

/// `1`, `n + 1`: where the count from 1 begins a part.
fn is_one_more(size: &Size) -> bool {
    match size {
        Size::Known(number) => *number == 1,
        Size::Sum(parts) => parts.contains(&Size::Known(1)),
        Size::Named(_) | Size::Multiple(..) => false,
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
