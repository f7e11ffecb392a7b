//! Blocks of mathematics to statements: where one equation ends and the next begins, and what each says.
//!
//! Every equation is cut out before it is parsed, so that an error in one leaves the others alone.
//! Here are rows and equations; `left` reads left sides and makes the statements, `aside` knows what defines nothing.

mod aside;
mod known;
mod left;

pub(crate) use aside::Sample;
use left::LeftSide;

use std::collections::HashSet;

use super::ast::{Expression, ExpressionKind, Function, Reference, Statement};
use super::chain::Implied;
use super::convention::Convention;
use super::letters::{self, Run};
use super::pratt::{Parser, Stop};
use super::row::{
    is_loss, is_prose, relations, segments, spell_joins, strip, trailing_word, ungroup, words, words_once,
};
use super::sequence::{BracketFault, Sequence};
use super::stack::is_column;
use super::token::{Bracket, Token, TokenKind, describe};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAXIMUM_NESTING;
use crate::span::Span;

/// Reads the statements of one block.
pub(crate) struct Reader<'a> {
    pub(crate) convention: &'a Convention,
    /// The end of a line ends an equation, unless it clearly goes on.
    pub(crate) lines: bool,
    pub(crate) statements: Vec<Statement>,
    /// Left sides of equations that could not be read.
    pub(crate) lost: Vec<Reference>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Rows that were skipped: what a lexer found in them does not matter.
    pub(crate) skipped: Vec<Span>,
    /// Rows that were skipped as losses: how they are called, where, and why they could not be read.
    pub(crate) losses: Vec<(String, Span, Vec<Diagnostic>)>,
    /// What signatures of whole cells define, with the word of the cell.
    pub(crate) signatures: Vec<(Reference, String, Span)>,
    /// Names that are drawn at random.
    pub(crate) samples: Vec<Sample>,
    /// Names that a general form, `h_t = f_W(h_{t-1}, x_t)`, defines, with the place of the error that it is.
    pub(crate) general: Vec<(String, Span)>,
    /// What a chained equality says of a name in passing.
    pub(crate) implied: Vec<Implied>,
    /// Functions that one side of a chain names and another writes out, with the place of that side.
    pub(crate) announced: Vec<(String, Span)>,
    /// `\sigma` was defined as a function that it is not known as.
    pub(crate) own_sigma: bool,
    /// `\sigma` was defined as the function that it is known as.
    pub(crate) known_sigma: bool,
    /// Known functions that were defined as others.
    pub(crate) anew: Vec<Function>,
    /// Names of several letters that were to be defined, and read as products.
    pub(crate) letters: Vec<Run>,
    /// Words that stand once in all that is read.
    once: HashSet<String>,
    /// How many segments before the one that is read are joined to it by commas.
    listed: usize,
}

/// Most names that one chained equality defines; each gets a copy of the value.
const MAXIMUM_TARGETS: usize = 16;

impl<'a> Reader<'a> {
    /// A reader with nothing read.
    pub(crate) fn new(convention: &'a Convention, lines: bool) -> Self {
        Self {
            convention,
            lines,
            statements: Vec::new(),
            lost: Vec::new(),
            diagnostics: Vec::new(),
            skipped: Vec::new(),
            losses: Vec::new(),
            general: Vec::new(),
            implied: Vec::new(),
            announced: Vec::new(),
            own_sigma: convention.own_sigma,
            known_sigma: false,
            anew: Vec::new(),
            letters: Vec::new(),
            once: HashSet::new(),
            listed: 0,
            samples: Vec::new(),
            signatures: Vec::new(),
        }
    }

    pub(crate) fn report(
        &mut self,
        code: Code,
        message: impl Into<String>,
        span: Span,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic { code, message: message.into(), span, labels: Vec::new(), help });
    }

    /// Reads all of `tokens`.
    pub(crate) fn read(&mut self, tokens: &[Token]) {
        let mut pending: Vec<Reference> = Vec::new();
        let mut tokens = ungroup(&spell_joins(tokens));
        if self.convention.own_sigma {
            super::rewrite::name_sigma(&mut tokens);
        }
        let tokens = &tokens;
        if self.lines {
            self.once = words_once(tokens);
        }
        for (start, end) in segments(tokens, self.lines) {
            let comma = start.checked_sub(1).is_some_and(|before| tokens[before].kind == TokenKind::Comma);
            self.listed = if comma { self.listed + 1 } else { 0 };
            let mut row: Vec<Token> = strip(&tokens[start..end]);
            self.drop_domains(&mut row);
            if row.is_empty() {
                continue;
            }
            if self.row(&row, &mut pending).is_err() {
                // Names that stood before a comma would have been defined with it.
                self.lost.append(&mut pending);
                self.lose(&row);
            }
        }
        self.drop_pending(&mut pending);
    }

    /// Notes the names left of the relation of a row that could not be read.
    fn lose(&mut self, row: &[Token]) {
        let (sequence, _) = Sequence::new(row);
        let relation = |token: &Token| matches!(token.kind, TokenKind::Equals | TokenKind::In);
        let before = self.diagnostics.len();
        let Some(end) = row.iter().position(relation) else {
            self.lose_headless(&sequence);
            self.diagnostics.truncate(before);
            return;
        };
        // Not its first letter.
        if let Some(run) = letters::run(&sequence, end) {
            self.lost.push(run.reference());
            return;
        }
        for (from, _) in sequence.parts(0, end).into_iter().take(MAXIMUM_TARGETS) {
            if sequence.after_name(from).is_some_and(|after| after <= end)
                && let Ok(named) = self.parser(&sequence, from, end).name()
            {
                self.lost.push(named.reference());
            }
        }
        self.diagnostics.truncate(before);
    }

    /// `o_t \sigma(W x_t)`, `h_t (1 - z_t) h_{t-1}`: a name of this step, directly before a function or with its own
    /// value of the step before behind it, lacks its `=`.
    fn lose_headless(&mut self, sequence: &Sequence<'_>) {
        let end = sequence.tokens.len();
        let Some(after) = sequence.after_name(0).filter(|after| *after < end) else { return };
        let Ok(named) = self.parser(sequence, 0, after).name() else { return };
        if named.time.is_none() {
            return;
        }
        let function = matches!(sequence.kind(after), Some(TokenKind::Function(..)));
        let factor = matches!(
            sequence.kind(after),
            Some(
                TokenKind::Word { .. } | TokenKind::Open(_) | TokenKind::Number { .. } | TokenKind::Accent(_)
            )
        );
        let mut carried = false;
        for index in after..end {
            if factor
                && let Some(over) = sequence.after_name(index).filter(|over| *over <= end)
                && let Ok(read) = self.parser(sequence, index, over).name()
            {
                let earlier = read.time.zip(named.time).is_some_and(|(read, now)| read < now);
                carried |= earlier && read.reference().name == named.reference().name;
            }
        }
        if function || carried {
            self.lost.push(named.reference());
        }
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
            return self.loss(&sequence, fault.is_some(), &word, pending);
        }
        self.plain_row(&sequence, fault, pending)
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
                let read = match membership {
                    Some(&set) if equals.iter().all(|index| *index < set) => {
                        self.equation_in_set(sequence, set, &equals, targets.clone())
                    }
                    _ => self.equation(sequence, &equals, targets.clone()),
                };
                if read.is_err() {
                    self.lost.extend(targets);
                }
                read
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
    pub(crate) fn parser<'s>(
        &'s mut self,
        sequence: &'s Sequence<'s>,
        start: usize,
        end: usize,
    ) -> Parser<'s> {
        let mut parser = Parser::new(sequence, self.convention, &mut self.diagnostics);
        parser.position = start;
        parser.end = end;
        parser
    }

    /// `a = e`, `a = b = e`, `\Phi(v) = e`.
    pub(crate) fn equation(
        &mut self,
        sequence: &Sequence<'_>,
        equals: &[usize],
        mut pending: Vec<Reference>,
    ) -> Result<(), Stop> {
        let end = sequence.tokens.len();
        let span = sequence.span(0, end);
        let Some(&first) = equals.first() else { return Err(Stop) };
        if let Some(word) = self.signature(sequence, first) {
            let message = format!("the signature of `{word}` defines nothing and is skipped");
            let before = self.diagnostics.len();
            if let Some(after) = sequence.after_name(0)
                && let Ok(named) = self.parser(sequence, 0, after).name()
            {
                self.signatures.push((named.reference(), word.clone(), span));
            }
            self.signatures.extend(pending.iter().map(|name| (name.clone(), word.clone(), span)));
            self.diagnostics.truncate(before);
            self.report(Code::SkippedRow, message, span, None);
            return Ok(());
        }
        // `h_t = 0, t = 0`.
        if let [time, _, step] = sequence.tokens
            && matches!(&time.kind, TokenKind::Word { text, .. } if *text == self.convention.time)
            && matches!(step.kind, TokenKind::Number { .. })
        {
            let message = "a condition on the time: a definition by cases is outside the language";
            let help = "write the beginning of a state as `h_0 = s`".to_owned();
            self.report(Code::Piecewise, message, sequence.span(0, 3), Some(help));
            return Err(Stop);
        }
        if let Some(what) = self.foreign(sequence, first) {
            self.skip(format!("{what} is no part of the cell: skipped"), span);
            return Ok(());
        }
        if equals.len() == 1 && !pending.is_empty() {
            let parts = sequence.parts(first + 1, end);
            if parts.len() == pending.len() + 1 {
                return self.pairs(sequence, first, pending, &parts);
            }
        }
        // `i_t, f_t = split(a_t)`: the names before the last are part of the left side.
        let last = equals.last().map_or(first, |last| *last);
        if !matches!(sequence.kind(last + 1), Some(TokenKind::Function(Function::Chunk, _))) {
            let listed = pending.split_off(pending.len() - self.listed.min(pending.len()));
            self.drop_pending(&mut pending);
            if let Some(name) = listed.first() {
                let place = name.span.to(sequence.span(0, first));
                let message = "several names stand left of one value";
                let help = "write an equation for each of them; `i_t, f_t = split(a_t)` gives equal parts of a vector";
                self.report(Code::LeftSide, message, place, Some(help.to_owned()));
                return Err(Stop);
            }
        }
        if is_prose(sequence.tokens.get(first + 1..).unwrap_or_default()) {
            self.skip("words on the right side define nothing: skipped", span);
            return Ok(());
        }
        if equals.len() == 1 && is_column(sequence, first) {
            return self.gate_stack(sequence, first);
        }
        if self.lines
            && let Some((from, to)) = words(sequence, first + 1)
        {
            let place = sequence.span(from, to);
            let help =
                Some("leave remarks out, or part them by `#`; a product of names needs a sign".to_owned());
            self.report(Code::UnexpectedToken, "these words read as a product of weights", place, help);
            return Err(Stop);
        }
        if self.lines
            && let Some(last) = trailing_word(sequence, first + 1)
            && self.once.contains(&last)
        {
            let place = sequence.span(end - 1, end);
            let message = format!("`{last}` stands behind the equation like a remark, but reads as a factor");
            let help = format!("leave the remark out, or part it by `#`; write `* {last}` if it is a weight");
            self.report(Code::UnexpectedToken, message, place, Some(help));
            return Err(Stop);
        }
        let left = match self.left_side(sequence, first) {
            Ok(left) => left,
            Err(stop) => {
                self.name_what_is_outside(sequence, first + 1, end);
                return Err(stop);
            }
        };
        // Parts between the signs: names are further targets, the rest are values.
        let mut bounds: Vec<(usize, usize)> = equals.windows(2).map(|pair| (pair[0] + 1, pair[1])).collect();
        bounds.push((equals.last().map_or(first, |last| *last) + 1, end));
        let mut targets = vec![left];
        let mut values: Vec<Expression> = Vec::new();
        let (mut unread, start) = (Vec::new(), self.diagnostics.len());
        let last = bounds.len() - 1;
        for (number, (from, to)) in bounds.into_iter().enumerate() {
            if number < last && values.is_empty() && sequence.after_name(from) == Some(to) {
                let named = self.parser(sequence, from, to).name()?;
                targets.push(LeftSide::Name(named.reference()));
                continue;
            }
            let before = self.diagnostics.len();
            let mut parser = self.parser(sequence, from, to);
            let value = parser.expression().and_then(|value| parser.unexpected_tail().map(|()| value));
            if value.is_err()
                && let Some(LeftSide::Name(target)) = targets.first()
                && let Some(found) = self.diagnostics.get(before)
                && found.code == Code::UnboundActivation
            {
                // `h_t = f(h_{t-1}, x_t) = \tanh(W h_{t-1} + U x_t)`.
                if number < last && self.diagnostics.len() == before + 1 {
                    unread.push(sequence.span(from, to));
                    continue;
                }
                self.general.push((target.name.canonical.clone(), found.span));
            }
            values.push(value?);
        }
        if targets.len() > MAXIMUM_TARGETS {
            let message = format!("the chain defines {} names, more than {MAXIMUM_TARGETS}", targets.len());
            self.report(Code::EquationTooLong, message, span, None);
            return Err(Stop);
        }
        // The last side could be read: the general forms before it say nothing else.
        for side in unread {
            let found = self.diagnostics[start..].iter_mut().find(|found| {
                found.code == Code::UnboundActivation
                    && side.start <= found.span.start
                    && found.span.end <= side.end
            });
            if let Some(found) = found {
                found.code = Code::SkippedRow;
                found.message = "this general form is skipped: the other side says what it is".to_owned();
                found.help = None;
            }
        }
        let value = self.one_value(values, span)?;
        if let ExpressionKind::Call(Function::Chunk, arguments) = &value.kind
            && (arguments.len() < 3
                || targets.len() + pending.len() > 1
                || matches!(targets[0], LeftSide::List(_)))
        {
            return self.parts(pending, targets, arguments, value.span, span);
        }
        self.drop_pending(&mut pending);
        for target in targets {
            self.define(target, value.clone(), span)?;
        }
        Ok(())
    }

    /// `i_t, f_t = split(a_t)`, `[i_t, f_t] = chunk(a_t, 2)`: a definition of each name by its part.
    fn parts(
        &mut self,
        pending: Vec<Reference>,
        targets: Vec<LeftSide>,
        arguments: &[Expression],
        place: Span,
        span: Span,
    ) -> Result<(), Stop> {
        let mut names: Vec<Reference> = pending;
        for target in targets {
            match target {
                LeftSide::Name(name) => names.push(name),
                LeftSide::List(list) => names.extend(list),
                LeftSide::Function(..) | LeftSide::Known(..) => names.clear(),
            }
        }
        let Some(whole) = arguments.first().filter(|_| names.len() > 1) else {
            let message = "the parts of a vector are several values";
            let help = "name them all, `i_t, f_t = split(a_t)`, or take one, `i_t = chunk(a_t, 1, 2)`";
            self.report(Code::ArgumentCount, message, place, Some(help.to_owned()));
            return Err(Stop);
        };
        if names.len() > MAXIMUM_TARGETS {
            let message = format!("the list defines {} names, more than {MAXIMUM_TARGETS}", names.len());
            self.report(Code::EquationTooLong, message, span, None);
            return Err(Stop);
        }
        let count = names.len() as f64;
        let fits = match arguments {
            [_] => true,
            [_, given] => given.kind == ExpressionKind::Number(count),
            _ => false,
        };
        if !fits {
            let message = format!("{count} names stand on the left side of these parts");
            let help = format!("write `split(…)` or `chunk(…, {count})`: equal parts, one for each name");
            self.report(Code::ArgumentCount, message, place, Some(help));
            return Err(Stop);
        }
        for (index, target) in names.into_iter().enumerate() {
            let number = |value: f64| Expression { kind: ExpressionKind::Number(value), span: place };
            let arguments = vec![whole.clone(), number((index + 1) as f64), number(count)];
            let value = Expression { kind: ExpressionKind::Call(Function::Chunk, arguments), span: place };
            self.define(LeftSide::Name(target), value, span)?;
        }
        Ok(())
    }

    /// `a_t, b_t = u_t, v_t`: each name and its value.
    fn pairs(
        &mut self,
        sequence: &Sequence<'_>,
        equals: usize,
        mut names: Vec<Reference>,
        values: &[(usize, usize)],
    ) -> Result<(), Stop> {
        let span = sequence.span(0, sequence.tokens.len());
        match self.left_side(sequence, equals)? {
            LeftSide::Name(last) => names.push(last),
            _ => {
                self.report(Code::LeftSide, "only names can be defined side by side", span, None);
                return Err(Stop);
            }
        }
        let mut read = Vec::with_capacity(names.len());
        for (from, to) in values {
            let mut parser = self.parser(sequence, *from, *to);
            read.push(parser.expression().and_then(|value| parser.unexpected_tail().map(|()| value))?);
        }
        for (name, value) in names.into_iter().zip(read) {
            let span = name.span.to(value.span);
            self.define(LeftSide::Name(name), value, span)?;
        }
        Ok(())
    }

    /// Where a left side is invalid, only what lies outside the language is reported of the right one: to correct the left side would
    /// not help there.
    fn name_what_is_outside(&mut self, sequence: &Sequence<'_>, from: usize, end: usize) {
        let before = self.diagnostics.len();
        let _ = self.parser(sequence, from, end).expression();
        let found = self.diagnostics.split_off(before);
        self.diagnostics.extend(found.into_iter().filter(|one| one.code.is_outside_the_language()));
    }
}
