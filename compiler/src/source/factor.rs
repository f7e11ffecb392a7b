//! Factors that are more than a name: brackets, matrices, bars, fractions, and calls of known functions.

use super::ast::{Expression, ExpressionKind, Function, ProductSign};
use super::name;
use super::pratt::{Parser, Stop};
use super::token::{Bracket, TokenKind};
use crate::diagnostic::Code;
use crate::span::Span;

impl Parser<'_> {
    /// Parentheses, square brackets, braces, matrices.
    pub(crate) fn bracketed(&mut self, bracket: Bracket) -> Result<Expression, Stop> {
        let start = self.position;
        let Some(close) = self.sequence.partner(start).filter(|close| *close < self.end) else {
            let span = self.here();
            return self.fail(Code::UnbalancedBracket, "this bracket is never closed", span, None);
        };
        let span = self.sequence.span(start, close + 1);
        let inside = (start + 1, close, close + 1);
        let expression = match bracket {
            Bracket::Round => {
                let parts = self.sequence.parts(start + 1, close);
                if parts.len() > 1
                    && parts.iter().all(|(from, to)| self.sequence.after_name(*from) == Some(*to))
                {
                    let message = "several values stand in parentheses";
                    let help = "values are joined by square brackets, as in `W [h_{t-1}, x_t]`";
                    return self.fail(Code::UnexpectedToken, message, span, Some(help.to_owned()));
                }
                let inner = self.within(inside, Self::expression)?;
                Expression { kind: ExpressionKind::Group(Box::new(inner)), span }
            }
            Bracket::Brace => {
                let inner = self.within(inside, Self::expression)?;
                // What is in braces keeps its unity. A quotient has it, as in `\frac`.
                let quotient = matches!(&inner.kind, ExpressionKind::Divide(over, under)
                    if !is_compound(over) && !is_compound(under));
                let kind = if quotient { inner.kind } else { grouped(inner).kind };
                Expression { kind, span }
            }
            Bracket::Square => {
                let mut elements = self.elements(inside, Self::expression)?;
                let kind = match (elements.len(), elements.pop()) {
                    (1, Some(only)) => match only.kind {
                        kind @ ExpressionKind::Concatenate(_) => kind,
                        // `W [x_t h_{t-1}]`, `[W U] [x_t; h_{t-1}]`, `W [r_t * h_{t-1} x_t]`.
                        kind if is_row_of_weights(&kind) || holds_values_side_by_side(&kind) => {
                            let message =
                                "names side by side in square brackets: a product, or one beside the other";
                            let help = "write `[a, b]` for one beside the other, `(a b)` or `(a \\odot b)` for their product";
                            return self.fail(Code::AmbiguousProduct, message, span, Some(help.to_owned()));
                        }
                        _ => ExpressionKind::Group(Box::new(only)),
                    },
                    (_, Some(last)) => {
                        elements.push(last);
                        ExpressionKind::Concatenate(elements)
                    }
                    (_, None) => return Err(Stop),
                };
                Expression { kind, span }
            }
            Bracket::Floor | Bracket::Ceiling => {
                let inner = self.within(inside, Self::expression)?;
                let function = if bracket == Bracket::Floor { Function::Floor } else { Function::Ceiling };
                Expression { kind: ExpressionKind::Call(function, vec![inner]), span }
            }
            Bracket::Matrix => self.matrix(start, close)?,
            Bracket::Angle => {
                let message = "an inner product in angle brackets is no part of the language";
                let help = Some("write it as `a^\\top b`".to_owned());
                return self.fail(Code::UnexpectedToken, message, span, help);
            }
            Bracket::Cases => {
                let message = "a piecewise definition is outside the language";
                let help = Some(
                    "write it with `where(a < b, x, y)`, `max`, `min`, `clip` or a known function".to_owned(),
                );
                return self.fail(Code::Piecewise, message, span, help);
            }
        };
        let expression = self.positive_part(expression, bracket);
        let expression = match bracket {
            Bracket::Round | Bracket::Square => self.slices(expression)?,
            _ => expression,
        };
        self.scripts(expression)
    }

    /// `[x]_+`, `(x)_{+}`, `[x]^+`: the larger of zero and what stands in the brackets. `(A)^+` may be an inverse.
    fn positive_part(&mut self, inner: Expression, bracket: Bracket) -> Expression {
        match self.kind() {
            Some(TokenKind::Subscript) => {}
            Some(TokenKind::Superscript) if bracket == Bracket::Square => {}
            _ => return inner,
        }
        let Some((from, to, over)) = self.sequence.script(self.position + 1) else { return inner };
        let (from, to) = self.sequence.without_braces(from, to);
        if self.sequence.kind(from) != Some(&TokenKind::Plus) || to != from + 1 || over > self.end {
            return inner;
        }
        let span = inner.span.to(self.sequence.span(from, over));
        self.position = over;
        let inner = match inner.kind {
            ExpressionKind::Group(inner) => *inner,
            _ => inner,
        };
        Expression { kind: ExpressionKind::Call(Function::Relu, vec![inner]), span }
    }

    /// Comma-separated expressions in `inside`, the first read by `first`.
    fn elements(
        &mut self,
        inside: (usize, usize, usize),
        first: fn(&mut Self) -> Result<Expression, Stop>,
    ) -> Result<Vec<Expression>, Stop> {
        let square = self.sequence.kind(inside.0.wrapping_sub(1)) == Some(&TokenKind::Open(Bracket::Square));
        self.within(inside, |parser| {
            parser.bar_separates = square;
            let mut elements = vec![first(parser)?];
            while matches!(parser.kind(), Some(TokenKind::Comma | TokenKind::Semicolon)) {
                parser.count_operator()?;
                parser.position += 1;
                elements.push(parser.expression()?);
            }
            Ok(elements)
        })
    }

    /// `\begin{bmatrix} a \\ b \end{bmatrix}`: one column is a concatenation; each row before one column is a sum of
    /// products, and several rows are the concatenation of theirs.
    fn matrix(&mut self, open: usize, close: usize) -> Result<Expression, Stop> {
        let rows = self.matrix_rows(open + 1, close);
        let span = self.sequence.span(open, close + 1);
        if rows.iter().all(|row| row.len() == 1) && !rows.is_empty() {
            let elements = self.matrix_cells(rows.iter().flatten())?;
            self.position = close + 1;
            return Ok(Expression { kind: ExpressionKind::Concatenate(elements), span });
        }
        // `[W & U] [h \\ x]` is `W h + U x`.
        if let Some(width) = rows.first().map(Vec::len)
            && rows.iter().all(|row| row.len() == width)
        {
            let mut next = close + 1;
            if matches!(
                self.sequence.kind(next),
                Some(TokenKind::Product(ProductSign::Dot | ProductSign::Cross))
            ) {
                next += 1;
            }
            if self.sequence.kind(next) == Some(&TokenKind::Open(Bracket::Matrix))
                && next < self.end
                && let Some(end) = self.sequence.partner(next).filter(|end| *end < self.end)
            {
                let column = self.matrix_rows(next + 1, end);
                if column.len() == width && column.iter().all(|cell| cell.len() == 1) {
                    let span = span.to(self.sequence.span(next, end + 1));
                    let right = self.matrix_cells(column.iter().flatten())?;
                    let mut sums = Vec::with_capacity(rows.len());
                    for row in &rows {
                        let left = self.matrix_cells(row.iter())?;
                        sums.push(self.sum_of_products(left, right.clone(), span)?);
                    }
                    self.position = end + 1;
                    return Ok(match (sums.len(), sums.pop()) {
                        (1, Some(only)) => only,
                        (_, last) => {
                            sums.extend(last);
                            Expression { kind: ExpressionKind::Concatenate(sums), span }
                        }
                    });
                }
            }
        }
        let message = "a matrix of blocks is outside the language here";
        let help = Some("write its rows as equations of their own".to_owned());
        self.fail(Code::MatrixOfBlocks, message, span, help)
    }

    pub(crate) fn sum_of_products(
        &mut self,
        left: Vec<Expression>,
        right: Vec<Expression>,
        span: Span,
    ) -> Result<Expression, Stop> {
        let mut sum: Option<Expression> = None;
        for (matrix, vector) in left.into_iter().zip(right) {
            self.count_operator()?;
            let place = matrix.span;
            let product = Expression {
                kind: ExpressionKind::Chain(vec![grouped(matrix), grouped(vector)]),
                span: place,
            };
            sum = Some(match sum {
                None => product,
                Some(sum) => Expression { kind: ExpressionKind::Add(Box::new(sum), Box::new(product)), span },
            });
        }
        match sum {
            Some(sum) => Ok(Expression { kind: ExpressionKind::Group(Box::new(sum)), span }),
            None => Err(Stop),
        }
    }

    /// The cells of a matrix by row; rows without any token are left out. In square brackets semicolons end rows.
    pub(crate) fn matrix_rows(&self, start: usize, end: usize) -> Vec<Vec<(usize, usize)>> {
        let square = self.sequence.kind(start.wrapping_sub(1)) == Some(&TokenKind::Open(Bracket::Square));
        let mut rows = Vec::new();
        let mut row = Vec::new();
        let (mut from, mut index) = (start, start);
        while index <= end {
            let kind = if index == end { Some(&TokenKind::RowEnd) } else { self.sequence.kind(index) };
            match kind {
                Some(TokenKind::Align) => {
                    row.push((from, index));
                    from = index + 1;
                }
                Some(end) if *end == TokenKind::RowEnd || square && *end == TokenKind::Semicolon => {
                    row.push((from, index));
                    if row.len() > 1 || row.iter().any(|(from, to)| from < to) {
                        rows.push(std::mem::take(&mut row));
                    }
                    row.clear();
                    from = index + 1;
                }
                _ => {}
            }
            index = if index == end { end + 1 } else { self.sequence.after(index) };
        }
        rows
    }

    fn matrix_cells<'c>(
        &mut self,
        cells: impl Iterator<Item = &'c (usize, usize)>,
    ) -> Result<Vec<Expression>, Stop> {
        cells.map(|(from, to)| self.within((*from, *to, *to), Self::expression)).collect()
    }

    /// `|x|`, `\|x\|`.
    pub(crate) fn bars_around(&mut self, double: bool) -> Result<Expression, Stop> {
        let start = self.position;
        let open = self.here();
        self.position += 1;
        self.bars.push(double);
        let inner = self.expression()?;
        self.bars.pop();
        let closed = matches!(
            (double, self.kind()),
            (true, Some(TokenKind::DoubleBar)) | (false, Some(TokenKind::Bar))
        );
        if !closed {
            return self.fail(Code::UnbalancedBracket, "this bar is never closed", open, None);
        }
        self.position += 1;
        if double && self.is_subscript_two() {
            self.position += 1;
            self.position = self.sequence.script(self.position).map_or(self.position, |script| script.2);
        } else if double && self.kind() == Some(&TokenKind::Subscript) && self.component().is_none() {
            let over = self.sequence.script(self.position + 1).map_or(self.position + 1, |script| script.2);
            let span = self.sequence.span(start, over.min(self.end));
            let message = "only the Euclidean norm is known";
            let help =
                "it is `\\|v\\|` or `\\|v\\|_2`; write another one out, as in `sum(|v|^3)^{1/3}`, `sum(|v|)`";
            return self.fail(Code::UnexpectedToken, message, span, Some(help.to_owned()));
        }
        let span = self.sequence.span(start, self.position);
        let function = if double { Function::Norm } else { Function::Absolute };
        self.scripts(Expression { kind: ExpressionKind::Call(function, vec![inner]), span })
    }

    /// True before `_2`: `\|x\|_2` is the norm that is meant without it.
    fn is_subscript_two(&self) -> bool {
        self.kind() == Some(&TokenKind::Subscript)
            && self.sequence.script(self.position + 1).is_some_and(|(from, to, over)| {
                let (from, to) = self.sequence.without_braces(from, to);
                let two = matches!(self.sequence.kind(from), Some(TokenKind::Number { whole: Some(2), .. }));
                two && to == from + 1 && over <= self.end
            })
    }

    /// An argument of `\frac`: a group in braces or one token.
    pub(crate) fn fraction_argument(&mut self) -> Result<Expression, Stop> {
        let Some(script) = self.sequence.script(self.position).filter(|script| script.2 <= self.end) else {
            return self.unexpected();
        };
        // `\frac{d h}{d t}` is a derivative, not a quotient.
        if let Some(TokenKind::Word { text, .. }) = self.sequence.kind(script.0)
            && text == "d"
            && script.1 <= script.0 + 2
            && self.sequence.kind(self.position.wrapping_sub(1)) == Some(&TokenKind::Fraction)
            && let Some(under) = self.sequence.script(script.2)
            && self.sequence.kind(under.0) == Some(&TokenKind::Word { text: "d".to_owned(), upper: false })
        {
            let span = self.sequence.span(self.position - 1, under.2);
            let message = "a derivative by time is outside the language";
            let help = Some("write the step of its discretisation".to_owned());
            return self.fail(Code::DifferentialEquation, message, span, help);
        }
        let inner = self.within(script, Self::expression)?;
        Ok(grouped(inner))
    }

    /// A function name that its scripts make a name (`\sigma_g`, `\sigma_t`).
    pub(crate) fn is_labelled_function(&self, function: Function) -> bool {
        match self.sequence.kind(self.position + 1).filter(|_| self.position + 1 < self.end) {
            Some(TokenKind::Subscript | TokenKind::Mark(_)) => true,
            Some(TokenKind::Superscript) => function == Function::Sigmoid && !self.is_function_power(),
            _ => false,
        }
    }

    /// True before a function with a number above it and a parenthesis behind: `\sigma^2(x)` is a power of the value, and
    /// `\sigma^{-1}(x)` the inverse.
    fn is_function_power(&self) -> bool {
        self.sequence.script(self.position + 2).is_some_and(|(from, to, over)| {
            let (from, to) = self.sequence.without_braces(from, to);
            let from = from + usize::from(self.sequence.kind(from) == Some(&TokenKind::Minus));
            let number = matches!(self.sequence.kind(from), Some(TokenKind::Number { .. }));
            let applied = matches!(self.sequence.kind(over), Some(TokenKind::Open(Bracket::Round)));
            number && to == from + 1 && applied && over < self.end
        })
    }

    /// The value of a known function with scripts: a name, or the function that its label names.
    pub(crate) fn labelled_function(&mut self, function: Function) -> Result<Expression, Stop> {
        // `\sigma_{\text{sigmoid}}` is the function that its label names.
        if function == Function::Sigmoid
            && self.sequence.kind(self.position + 1) == Some(&TokenKind::Subscript)
            && let Some((from, to, over)) = self.sequence.script(self.position + 2)
            && over <= self.end
        {
            let (from, to) = self.sequence.without_braces(from, to);
            if to == from + 1
                && let Some(TokenKind::Function(label, spelled)) = self.sequence.kind(from)
            {
                self.position = over - 1;
                return self.call(*label, spelled).and_then(|call| self.scripts(call));
            }
        }
        let start = self.here();
        // `sum_{i<t} …`.
        if function == Function::Sum
            && self.sequence.kind(self.position + 1) == Some(&TokenKind::Subscript)
            && let Some((from, to, _)) = self.sequence.script(self.position + 2)
            && (self.compares(from, to)
                || (from..to)
                    .any(|at| matches!(self.sequence.kind(at), Some(TokenKind::Equals | TokenKind::In))))
        {
            return self.large_operator("sum");
        }
        let named = self.name()?;
        // `\log_{10} x_t` is applied too.
        let applied = self.begins_factor();
        let pools = matches!(
            function,
            Function::Maximum
                | Function::Minimum
                | Function::Mean
                | Function::Sum
                | Function::Norm
                | Function::Softmax
        );
        if pools && applied && named.time.is_some() {
            let message = format!("`{}` over the time is no part of a cell", name::function_name(function));
            let help = "a cell is one step: pool its outputs outside, or carry the value on as a state, as in \
                        `m_t = \\max(m_{t-1}, h_t)`";
            return self.fail(Code::SumOverIndices, message, named.span, Some(help.to_owned()));
        }
        if function != Function::Sigmoid && applied && named.time.is_none() {
            let message = format!("`{}` is a known function with a label", named.parts.finish().canonical);
            let help = Some(format!(
                "bind it, as in `f = {}`, or leave the label out",
                name::function_name(function)
            ));
            return self.fail(Code::LabelledFunction, message, start, help);
        }
        self.named_expression(named)
    }

    /// A known function at the position, with its arguments.
    pub(crate) fn call(&mut self, function: Function, spelled: &str) -> Result<Expression, Stop> {
        let start = self.position;
        let place = self.here();
        self.position += 1;
        // `\tanh^2(x)`: a power of the value.
        let mut power = None;
        if self.kind() == Some(&TokenKind::Superscript)
            && let Some(script) =
                self.sequence.script(self.position + 1).filter(|script| script.2 <= self.end)
        {
            let found = self.within(script, Self::expression)?;
            if matches!(found.kind, ExpressionKind::Negate(_)) {
                let message = "the inverse of a function is outside the language";
                let help = Some("a quotient is written `\\frac{1}{f(x)}`".to_owned());
                return self.fail(Code::UnexpectedToken, message, found.span, help);
            }
            power = Some(Box::new(found));
        }
        let Some(arguments) = self.arguments(function)? else {
            return Ok(Expression { kind: ExpressionKind::FunctionName(function), span: place });
        };
        self.applied(function, spelled, arguments, power, start)
    }

    /// The arguments at the position: in brackets, or the juxtaposed factors that follow; none where nothing follows.
    fn arguments(&mut self, function: Function) -> Result<Option<Vec<Expression>>, Stop> {
        match self.kind() {
            Some(TokenKind::Open(Bracket::Square)) if function == Function::SquareRoot => {
                let span = self.here();
                self.fail(Code::UnexpectedToken, "only the square root is known", span, None)
            }
            Some(TokenKind::Open(Bracket::Brace))
                if function != Function::SquareRoot && self.brace_is_name(self.position) =>
            {
                // `\tanh{x}_t` is one name.
                self.factor().map(|name| Some(vec![name]))
            }
            Some(TokenKind::Open(bracket @ (Bracket::Round | Bracket::Square | Bracket::Brace))) => {
                self.arguments_in(*bracket, function).map(Some)
            }
            _ if self.begins_factor() => {
                let first = self.factor()?;
                self.chain_from(first, true).map(|argument| Some(vec![argument]))
            }
            _ => Ok(None),
        }
    }

    /// Arguments in brackets. Several in square ones are one concatenation, but for functions of several arguments.
    fn arguments_in(&mut self, bracket: Bracket, function: Function) -> Result<Vec<Expression>, Stop> {
        let open = self.position;
        let Some(close) = self.sequence.partner(open).filter(|close| *close < self.end) else {
            let span = self.here();
            return self.fail(Code::UnbalancedBracket, "this bracket is never closed", span, None);
        };
        let first = match function {
            Function::Where | Function::Indicator => Self::condition,
            _ => Self::expression,
        };
        let elements = self.elements((open + 1, close, close + 1), first)?;
        let several = name::argument_counts(function).1 > 1 && function != Function::Clip;
        if bracket == Bracket::Square && elements.len() > 1 && !several {
            let span = self.sequence.span(open, close + 1);
            return Ok(vec![Expression { kind: ExpressionKind::Concatenate(elements), span }]);
        }
        Ok(elements)
    }

    /// The call, once its arguments are read; `start` is its first token.
    fn applied(
        &mut self,
        function: Function,
        spelled: &str,
        arguments: Vec<Expression>,
        power: Option<Box<Expression>>,
        start: usize,
    ) -> Result<Expression, Stop> {
        self.count_operator()?;
        let span = self.sequence.span(start, self.position);
        let (mut least, most, needs) = name::argument_counts(function);
        if function == Function::Chunk {
            // The other numbers are seen on the left side where that is a list of names.
            least = 1;
        }
        if !(least..=most).contains(&arguments.len()) {
            let message = format!("`{spelled}` takes {needs}, but {} given", name::counted(arguments.len()));
            return self.fail(Code::ArgumentCount, message, span, None);
        }
        let call = Expression { kind: ExpressionKind::Call(function, arguments), span };
        Ok(match power {
            Some(power) => Expression { kind: ExpressionKind::Power(Box::new(call), power), span },
            None => call,
        })
    }

    /// `\sum_j W_{ij} x_j`, and the operators we do not take.
    pub(crate) fn large_operator(&mut self, operator: &str) -> Result<Expression, Stop> {
        let span = self.here();
        let (code, message) = match operator {
            "sum" => (Code::SumOverIndices, "a sum over indices is outside the language"),
            "product" => (Code::SumOverIndices, "a product over indices is outside the language"),
            "choice" => (
                Code::SampleOrChoice,
                "the place of a maximum or minimum has no gradient and is outside the language",
            ),
            "integral" => (Code::DifferentialEquation, "an integral is outside the language"),
            "gradient" => (Code::Gradient, "the gradient of a function is outside the language"),
            _ => (Code::DifferentialEquation, "a derivative is outside the language"),
        };
        let help = match operator {
            "sum" => Some("write a matrix product, or `sum(…)` over the features"),
            "gradient" => Some("write it out: of `|M k - v|^2 / 2` by `M` it is `(M k - v) k^\\top`"),
            _ => None,
        };
        self.fail(code, message, span, help.map(str::to_owned))
    }
}

/// A sum in parentheses of its own; anything else as it is.
pub(crate) fn grouped(inner: Expression) -> Expression {
    if !is_compound(&inner) {
        return inner;
    }
    let span = inner.span;
    Expression { kind: ExpressionKind::Group(Box::new(inner)), span }
}

/// True for what needs parentheses beside something else.
fn is_compound(expression: &Expression) -> bool {
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

/// The transpose of `base`. A transposed concatenation is the concatenation.
pub(crate) fn transpose(base: Expression, span: Span) -> Expression {
    if let ExpressionKind::Concatenate(elements) = base.kind {
        let elements = elements
            .into_iter()
            .map(|element| match element.kind {
                ExpressionKind::Transpose(inner) => *inner,
                _ => element,
            })
            .collect();
        return Expression { kind: ExpressionKind::Concatenate(elements), span };
    }
    Expression { kind: ExpressionKind::Transpose(Box::new(base)), span }
}

/// True for values of steps side by side without a sign or with a point, alone or beside written products.
fn holds_values_side_by_side(kind: &ExpressionKind) -> bool {
    match kind {
        ExpressionKind::Chain(values) => values.iter().all(is_timed),
        // `[h_{t-1}. x_t]`, where a comma was meant.
        ExpressionKind::Product(ProductSign::Dot, left, right) if is_timed(left) && is_timed(right) => true,
        ExpressionKind::Product(_, left, right) => {
            holds_values_side_by_side(&left.kind) || holds_values_side_by_side(&right.kind)
        }
        _ => false,
    }
}

/// True for matrices side by side without a sign.
fn is_row_of_weights(kind: &ExpressionKind) -> bool {
    matches!(kind, ExpressionKind::Chain(factors) if factors.iter().all(is_weight))
}

/// A name with a time index.
fn is_timed(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Reference(read) if read.time.is_some())
}

/// A name in upper case without a time index: a matrix.
fn is_weight(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Reference(read) if read.time.is_none() && read.name.upper)
}
