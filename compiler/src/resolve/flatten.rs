//! Syntax trees to the arena: parentheses dissolve, products become lists of factors, functions are applied.
//!
//! An explicit stack replaces recursion, so that no text can exhaust the machine's.

use super::collect::Superscripts;
use super::draft::Draft;
use super::expression::{Node, NodeId, NodeKind};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_NODES;
use crate::source::ast::{Comparison, Expression, ExpressionKind, Function, ProductSign, Reference, Size};
use crate::span::Span;
use std::collections::HashMap;

/// What a document binds a function's name to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binding<'a> {
    /// `g = \tanh`.
    Known(Function),
    /// `\Phi(v) = …`.
    Defined { parameter: &'a Reference, body: &'a Expression },
    /// A name without argument bound to something that is no function.
    Alias(&'a Expression),
}

impl Binding<'_> {
    /// True where both are the same function.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a == b,
            (Self::Defined { body: a, .. }, Self::Defined { body: b, .. })
            | (Self::Alias(a), Self::Alias(b)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }
}

/// Functions by canonical name, each with its place.
pub(super) type Functions<'a> = HashMap<&'a str, (Binding<'a>, Span)>;

/// Inside which application of a document's own function an expression is read.
#[derive(Clone, Copy)]
struct Scope<'a> {
    parameter: &'a Reference,
    argument: NodeId,
    body: &'a Expression,
    outer: Option<usize>,
}

/// What is left to do; results lie on a second stack.
enum Work<'a> {
    Visit(&'a Expression, Option<usize>),
    Juxtaposed(&'a [Expression], Span, Option<usize>),
    Apply(Binding<'a>, Span, Option<usize>),
    /// Takes the value on top to a power.
    Raise(u32, Span),
    Build(Build<'a>, Span),
}

enum Build<'a> {
    Negate,
    Add,
    Subtract,
    Divide,
    Power,
    Compare(Comparison),
    Transpose,
    Concatenate(usize),
    Call(Function, usize),
    Slice(&'a Size, Option<&'a Size>),
    Factors(Vec<ProductSign>, Vec<usize>),
}

/// One factor of a product, or a function with its argument.
struct Item<'a> {
    function: Option<Binding<'a>>,
    /// The factor, or the argument.
    work: Work<'a>,
    span: Span,
    /// Above the name of the function: of its value.
    power: Option<u32>,
    /// Behind the parentheses of the argument, outermost first: of the value too.
    behind: Vec<&'a Expression>,
}

/// What parentheses hold, and what stands behind them, outermost first: powers, transposes, parts. `None` for anything else.
fn in_parentheses(expression: &Expression) -> (Option<&Expression>, Vec<&Expression>) {
    let (mut inner, mut behind) = (expression, Vec::new());
    loop {
        match &inner.kind {
            ExpressionKind::Group(_) => return (Some(inner), behind),
            ExpressionKind::Power(base, _) | ExpressionKind::Transpose(base) => {
                behind.push(inner);
                inner = base;
            }
            ExpressionKind::Slice { of, .. } => {
                behind.push(inner);
                inner = of;
            }
            _ => return (None, Vec::new()),
        }
    }
}

/// Moves one right side into the arena. `None` where a limit was met.
pub(super) fn flatten<'a>(
    draft: &mut Draft,
    expression: &'a Expression,
    functions: &Functions<'a>,
    superscripts: &Superscripts<'a>,
) -> Option<NodeId> {
    let mut pass =
        Flatten { draft, functions, superscripts, scopes: Vec::new(), work: Vec::new(), done: Vec::new() };
    pass.work.push(Work::Visit(expression, None));
    while let Some(work) = pass.work.pop() {
        match work {
            Work::Visit(expression, scope) => pass.visit(expression, scope)?,
            Work::Juxtaposed(factors, span, scope) => pass.juxtaposed(factors, span, scope)?,
            Work::Apply(binding, span, scope) => pass.apply(binding, span, scope)?,
            Work::Raise(power, span) => pass.raise(power, span)?,
            Work::Build(build, span) => pass.build(build, span)?,
        }
    }
    pass.done.pop()
}

struct Flatten<'d, 'a, 'f> {
    draft: &'d mut Draft,
    functions: &'f Functions<'a>,
    superscripts: &'f Superscripts<'a>,
    scopes: Vec<Scope<'a>>,
    work: Vec<Work<'a>>,
    done: Vec<NodeId>,
}

impl<'a> Flatten<'_, 'a, '_> {
    fn push(&mut self, kind: NodeKind, span: Span) -> Option<NodeId> {
        if self.draft.nodes.len() >= MAXIMUM_NODES {
            let message = format!("more than {MAXIMUM_NODES} operations (MAXIMUM_NODES)");
            self.draft.findings.report(Code::TooManyOperations, span, message);
            return None;
        }
        let id = NodeId(self.draft.nodes.len());
        self.draft.nodes.push(Node { kind, span });
        Some(id)
    }

    fn finished(&mut self, kind: NodeKind, span: Span) -> Option<()> {
        let id = self.push(kind, span)?;
        self.done.push(id);
        Some(())
    }

    fn plan<I>(&mut self, build: Build<'a>, span: Span, operands: I, scope: Option<usize>)
    where
        I: IntoIterator<Item = &'a Expression>,
        I::IntoIter: DoubleEndedIterator,
    {
        self.work.push(Work::Build(build, span));
        self.work.extend(operands.into_iter().rev().map(|operand| Work::Visit(operand, scope)));
    }

    fn visit(&mut self, expression: &'a Expression, scope: Option<usize>) -> Option<()> {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Number(value) => self.finished(NodeKind::Number(*value), span)?,
            ExpressionKind::Reference(reference) => self.reference(reference, scope)?,
            ExpressionKind::FunctionName(_) => {
                self.draft
                    .findings
                    .report(Code::FunctionAsValue, span, "a function stands here without an argument")
                    .help("apply it, as in `\\tanh(c_t)`, or bind it to a name, as in `g = \\tanh`");
                self.finished(NodeKind::Faulty, span)?;
            }
            ExpressionKind::Negate(a) => self.plan(Build::Negate, span, [&**a], scope),
            ExpressionKind::Add(a, b) => self.plan(Build::Add, span, [&**a, &**b], scope),
            ExpressionKind::Subtract(a, b) => self.plan(Build::Subtract, span, [&**a, &**b], scope),
            ExpressionKind::Divide(a, b) => self.plan(Build::Divide, span, [&**a, &**b], scope),
            ExpressionKind::Power(a, b) => self.plan(Build::Power, span, [&**a, &**b], scope),
            ExpressionKind::Compare(sign, a, b) => {
                self.plan(Build::Compare(*sign), span, [&**a, &**b], scope);
            }
            ExpressionKind::Transpose(a) => self.plan(Build::Transpose, span, [&**a], scope),
            ExpressionKind::Concatenate(parts) => {
                self.plan(Build::Concatenate(parts.len()), span, parts.iter(), scope);
            }
            ExpressionKind::Call(function, arguments) => {
                self.plan(Build::Call(*function, arguments.len()), span, arguments.iter(), scope);
            }
            ExpressionKind::Slice { of, start, end } => {
                self.plan(Build::Slice(start, end.as_ref()), span, [&**of], scope);
            }
            ExpressionKind::Group(inner) => self.work.push(Work::Visit(inner, scope)),
            ExpressionKind::Chain(factors) => self.work.push(Work::Juxtaposed(factors, span, scope)),
            ExpressionKind::Product(..) => {
                let (mut factors, mut signs, mut left) = (Vec::new(), Vec::new(), expression);
                while let ExpressionKind::Product(sign, a, b) = &left.kind {
                    factors.push(&**b);
                    signs.push(*sign);
                    left = a;
                }
                factors.push(left);
                factors.reverse();
                signs.reverse();
                self.plan(Build::Factors(signs, Vec::new()), span, factors, scope);
            }
        }
        Some(())
    }

    /// A name: an argument of the function being applied, or a value, perhaps to a power.
    fn reference(&mut self, reference: &Reference, scope: Option<usize>) -> Option<()> {
        let span = reference.span;
        if let Some(scope) = scope.map(|scope| self.scopes[scope]) {
            let parameter = scope.parameter;
            if parameter.name.canonical == reference.name.canonical && parameter.time == reference.time {
                self.done.push(scope.argument);
                return match reference.name.superscript {
                    Some(power) => self.raise(power, span),
                    None => Some(()),
                };
            }
        }
        let (name, power) = self.superscripts.read(reference);
        if reference.time.is_none() && self.functions.contains_key(name.as_str()) {
            let message = format!("the function `{name}` stands here without an argument");
            self.draft
                .findings
                .report(Code::FunctionAsValue, span, message)
                .help(format!("apply it, as in `{name}(c_t)`"));
            return self.finished(NodeKind::Faulty, span);
        }
        let symbol = self.draft.intern(&name, reference.name.upper, span)?;
        if let (Some(number), None) = (reference.name.superscript, power) {
            let weight = || (number, reference.name.canonical.clone());
            self.draft.numbered.entry(symbol).or_insert_with(weight);
        }
        self.finished(NodeKind::Read { symbol, time: reference.time }, span)?;
        match power {
            Some(power) => self.raise(power, span),
            None => Some(()),
        }
    }

    fn raise(&mut self, power: u32, span: Span) -> Option<()> {
        let exponent = self.push(NodeKind::Number(f64::from(power)), span)?;
        self.done.push(exponent);
        self.build(Build::Power, span)
    }

    /// Juxtaposed factors. A bound function takes the parenthesis that follows it or, without one, all that follows.
    fn juxtaposed(&mut self, factors: &'a [Expression], span: Span, scope: Option<usize>) -> Option<()> {
        let mut items: Vec<Item<'a>> = Vec::new();
        let mut applied = Vec::new();
        let mut at = 0;
        while let Some(factor) = factors.get(at) {
            let next = factors.get(at + 1);
            let (argument, behind) = next.map_or((None, Vec::new()), in_parentheses);
            let mut power = None;
            let function = match &factor.kind {
                ExpressionKind::FunctionName(function) => Some(Binding::Known(*function)),
                ExpressionKind::Reference(reference) if reference.time.is_none() => {
                    if behind.is_empty() && argument.is_some() && reference.name.superscript.is_none() {
                        applied.push(items.len());
                    }
                    let (name, above) = self.superscripts.read(reference);
                    power = above;
                    self.functions.get(name.as_str()).map(|bound| bound.0)
                }
                _ => None,
            };
            match (function, argument, next) {
                (Some(binding), Some(argument), _) => {
                    applied.pop_if(|position| *position == items.len());
                    let (work, span) = (Work::Visit(argument, scope), factor.span.to(argument.span));
                    items.push(Item { function: Some(binding), work, span, power, behind });
                    at += 2;
                }
                (Some(binding), None, Some(argument)) => {
                    let rest = &factors[at + 1..];
                    let rest_span = rest.last().map_or(argument.span, |last| argument.span.to(last.span));
                    let (work, span) = (Work::Juxtaposed(rest, rest_span, scope), factor.span.to(rest_span));
                    items.push(Item { function: Some(binding), work, span, power, behind: Vec::new() });
                    at = factors.len();
                }
                _ => {
                    let (work, span) = (Work::Visit(factor, scope), factor.span);
                    items.push(Item { function: None, work, span, power: None, behind: Vec::new() });
                    at += 1;
                }
            }
        }
        if items.len() > 1 {
            let signs = vec![ProductSign::Juxtaposition; items.len() - 1];
            self.work.push(Work::Build(Build::Factors(signs, applied), span));
        } else if items.is_empty() {
            return self.finished(NodeKind::Faulty, span);
        }
        for item in items.into_iter().rev() {
            // The last of the work is pushed first.
            for outer in item.behind {
                match &outer.kind {
                    ExpressionKind::Power(_, power) => {
                        self.work.push(Work::Build(Build::Power, outer.span));
                        self.work.push(Work::Visit(power, scope));
                    }
                    ExpressionKind::Slice { start, end, .. } => {
                        self.work.push(Work::Build(Build::Slice(start, end.as_ref()), outer.span));
                    }
                    _ => self.work.push(Work::Build(Build::Transpose, outer.span)),
                }
            }
            if let Some(binding) = item.function {
                self.work.extend(item.power.map(|power| Work::Raise(power, item.span)));
                self.work.push(Work::Apply(binding, item.span, scope));
            }
            self.work.push(item.work);
        }
        Some(())
    }

    /// Applies a function to the value on top of the results.
    fn apply(&mut self, binding: Binding<'a>, span: Span, outer: Option<usize>) -> Option<()> {
        match binding {
            Binding::Known(function) => self.build(Build::Call(function, 1), span),
            Binding::Alias(body) => {
                self.done.pop();
                self.draft
                    .findings
                    .report(Code::FunctionAsValue, body.span, "this is no function")
                    .label(span, "applied here")
                    .help("bind the name to a function, as in `g = \\tanh`");
                self.finished(NodeKind::Faulty, span)
            }
            Binding::Defined { parameter, body } => {
                let argument = self.done.pop()?;
                let mut around = outer;
                while let Some(scope) = around.map(|scope| self.scopes[scope]) {
                    if std::ptr::eq(scope.body, body) {
                        self.draft
                            .findings
                            .report(Code::RecursiveFunction, span, "a function is defined by itself")
                            .label(body.span, "its definition");
                        return self.finished(NodeKind::Faulty, span);
                    }
                    around = scope.outer;
                }
                self.scopes.push(Scope { parameter, argument, body, outer });
                self.draft.applications += 1;
                if self.draft.applications > MAXIMUM_NODES {
                    let message = format!("more than {MAXIMUM_NODES} operations (MAXIMUM_NODES)");
                    self.draft.findings.report(Code::TooManyOperations, span, message);
                    return None;
                }
                self.work.push(Work::Visit(body, Some(self.scopes.len() - 1)));
                Some(())
            }
        }
    }

    fn build(&mut self, build: Build<'a>, span: Span) -> Option<()> {
        let count = match &build {
            Build::Negate | Build::Transpose | Build::Slice(..) => 1,
            Build::Add | Build::Subtract | Build::Divide | Build::Power | Build::Compare(_) => 2,
            Build::Concatenate(count) | Build::Call(_, count) => *count,
            Build::Factors(signs, _) => signs.len() + 1,
        };
        let operands = self.done.split_off(self.done.len().checked_sub(count)?);
        let kind = match (build, operands.as_slice()) {
            (Build::Negate, &[a]) => NodeKind::Negate(a),
            (Build::Transpose, &[a]) => NodeKind::Transpose(a),
            (Build::Slice(start, end), &[a]) => NodeKind::Slice(a, start.clone(), end.cloned()),
            (Build::Add, &[a, b]) => NodeKind::Add(a, b),
            (Build::Subtract, &[a, b]) => NodeKind::Subtract(a, b),
            (Build::Divide, &[a, b]) => NodeKind::Divide(a, b),
            (Build::Power, &[a, b]) => NodeKind::Power(a, b),
            (Build::Compare(sign), &[a, b]) => NodeKind::Compare(sign, a, b),
            (Build::Concatenate(_), _) => NodeKind::Concatenate(operands),
            (Build::Call(function, _), _) => NodeKind::Call(function, operands),
            (Build::Factors(signs, applied), _) => NodeKind::Factors { factors: operands, signs, applied },
            _ => NodeKind::Faulty,
        };
        self.finished(kind, span)
    }
}
