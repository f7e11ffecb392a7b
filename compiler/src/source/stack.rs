//! Gate stacks: several gates defined at once, as one column of names.
//!
//! `(i; f; o; g) = (σ; σ; σ; tanh) W [h_{t-1}, x_t]` is one weight with as many blocks of rows as there are gates:
//! each gate is its function of its part of the product. Without functions, `(i; f) = σ(…)`, the value itself has the
//! parts.

use super::ast::{Expression, ExpressionKind, Function, Reference, Statement, StatementKind};
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
        if sequence.kind(start) != Some(&TokenKind::Open(Bracket::Matrix)) {
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
