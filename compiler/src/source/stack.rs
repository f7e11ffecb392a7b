//! Gate stacks: several gates defined at once, as one column of names.
//!
//! `(i; f; o; g) = (σ; σ; σ; tanh) W [h_{t-1}, x_t]` is one weight with as many blocks of rows as there are gates:
//! each gate is its function of its part of the product. Without functions, `(i; f) = σ(…)`, the value itself has the
//! parts: those that it is a column of, `(a; b) = (W x_t; U h_{t-1}) + (b_a; b_b)`, or else as many equal ones.
//!
//! A column is a matrix, or stands in square brackets with semicolons: `[i; f; o; g] = W [x_t; h_{t-1}]`.

use super::ast::{Expression, ExpressionKind, Function, Reference, Statement, StatementKind};
use super::factor::grouped;
use super::pratt::Stop;
use super::sequence::Sequence;
use super::statement::Reader;
use super::token::{Bracket, TokenKind};
use crate::diagnostic::Code;
use crate::span::Span;

/// Most gates of one stack.
const MAXIMUM_GATES: usize = 64;

impl Reader<'_> {
    /// A row whose left side, up to `equals`, is a column of names.
    pub(crate) fn gate_stack(&mut self, sequence: &Sequence<'_>, equals: usize) -> Result<(), Stop> {
        let (end, span) = (sequence.tokens.len(), sequence.span(0, sequence.tokens.len()));
        let names = self.column(sequence, 0, equals)?;
        let mut gates: Vec<Reference> = Vec::with_capacity(names.len());
        for (from, to) in names {
            if sequence.after_name(from) != Some(to) || gates.len() == MAXIMUM_GATES {
                return self.no_stack(sequence.span(from, to.max(from + 1)));
            }
            gates.push(self.parser(sequence, from, to).name()?.reference());
        }
        let (functions, from) = self.functions(sequence, equals + 1, gates.len());
        let mut parser = self.parser(sequence, from, end);
        let value = parser.expression().and_then(|value| parser.unexpected_tail().map(|()| value))?;
        let sum = matches!(value.kind, ExpressionKind::Add(..) | ExpressionKind::Subtract(..));
        if !functions.is_empty() && sum {
            return self.no_stack(value.span);
        }
        let count = gates.len();
        if functions.is_empty()
            && let Some(rows) = rows(&value, count)
        {
            for (target, value) in gates.into_iter().zip(rows) {
                self.statements.push(Statement { kind: StatementKind::Definition { target, value }, span });
            }
            return Ok(());
        }
        for (number, target) in gates.into_iter().enumerate() {
            let make = |kind| Expression { kind, span: value.span };
            let number_of = |number: usize| make(ExpressionKind::Number(number as f64));
            let part = vec![value.clone(), number_of(number + 1), number_of(count)];
            let part = make(ExpressionKind::Call(Function::Chunk, part));
            let gate = match functions.get(number) {
                Some(&function) => make(ExpressionKind::Call(function, vec![part])),
                None => part,
            };
            let kind = StatementKind::Definition { target, value: gate };
            self.statements.push(Statement { kind, span });
        }
        Ok(())
    }

    /// The cells of the matrix that `start..end` is, which must be one column.
    fn column(
        &mut self,
        sequence: &Sequence<'_>,
        start: usize,
        end: usize,
    ) -> Result<Vec<(usize, usize)>, Stop> {
        if sequence.after(start) != end {
            return self.no_stack(sequence.span(start, end));
        }
        let rows = self.parser(sequence, start, end).matrix_rows(start + 1, end - 1);
        if rows.len() < 2 || rows.iter().any(|row| row.len() != 1) {
            return self.no_stack(sequence.span(start, end));
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// The functions in the column at `start`, and the index after them; none where none stands there.
    fn functions(&mut self, sequence: &Sequence<'_>, start: usize, count: usize) -> (Vec<Function>, usize) {
        let none = (Vec::new(), start);
        if !matches!(sequence.kind(start), Some(TokenKind::Open(Bracket::Matrix | Bracket::Square))) {
            return none;
        }
        let after = sequence.after(start);
        let rows = self.parser(sequence, start, after).matrix_rows(start + 1, after - 1);
        let functions: Vec<Function> = rows
            .iter()
            .filter_map(|row| match row.as_slice() {
                &[(from, to)] => {
                    let (from, to) = sequence.without_braces(from, to);
                    match sequence.kind(from) {
                        Some(TokenKind::Function(function, _)) if to == from + 1 => Some(*function),
                        _ => None,
                    }
                }
                _ => None,
            })
            .collect();
        if functions.len() != count || rows.len() != count {
            return none;
        }
        // `(σ; tanh) \circ (…)`, `(σ; tanh) \cdot W […]`: applied all the same.
        let product = matches!(sequence.kind(after), Some(TokenKind::Product(_)));
        (functions, after + usize::from(product))
    }

    fn no_stack<T>(&mut self, span: Span) -> Result<T, Stop> {
        let message = "a stack of gates is a column of names, and as many functions of one product";
        let help = "write one equation for each, as in `i_t = \\sigma(W_i [h_{t-1}, x_t])`".to_owned();
        self.report(Code::MatrixOfBlocks, message, span, Some(help));
        Err(Stop)
    }
}

/// True where the left side, up to `equals`, begins with a column: a matrix, or a list with semicolons alone.
pub(crate) fn is_column(sequence: &Sequence<'_>, equals: usize) -> bool {
    match sequence.kind(0) {
        Some(TokenKind::Open(Bracket::Matrix)) => true,
        Some(TokenKind::Open(Bracket::Square)) if sequence.after(0) == equals => {
            let mut at = 1;
            let mut signs = Vec::new();
            while at + 1 < equals {
                if let Some(sign @ (TokenKind::Comma | TokenKind::Semicolon)) = sequence.kind(at) {
                    signs.push(sign);
                }
                at = sequence.after(at);
            }
            !signs.is_empty() && signs.into_iter().all(|sign| *sign == TokenKind::Semicolon)
        }
        _ => false,
    }
}

/// The rows of a value that is a column of `count` values, or a sum of such columns.
fn rows(value: &Expression, count: usize) -> Option<Vec<Expression>> {
    // Sums lean to the left.
    let mut waiting = vec![(value, true)];
    let mut columns = Vec::new();
    while let Some((value, plus)) = waiting.pop() {
        match &value.kind {
            ExpressionKind::Concatenate(rows) if rows.len() == count => columns.push((rows, plus)),
            ExpressionKind::Group(inner) if columns.is_empty() && waiting.is_empty() => {
                waiting.push((inner, plus));
            }
            ExpressionKind::Add(left, right) => waiting.extend([(&**right, true), (&**left, plus)]),
            ExpressionKind::Subtract(left, right) => waiting.extend([(&**right, false), (&**left, plus)]),
            _ => return None,
        }
    }
    let mut columns = columns.into_iter();
    let mut sums = columns.next()?.0.clone();
    for (column, plus) in columns {
        let add = |(sum, row): (Expression, &Expression)| {
            let (left, right) = (Box::new(sum), Box::new(grouped(row.clone())));
            let kind =
                if plus { ExpressionKind::Add(left, right) } else { ExpressionKind::Subtract(left, right) };
            Expression { kind, span: value.span }
        };
        sums = sums.into_iter().zip(column).map(add).collect();
    }
    Some(sums)
}
