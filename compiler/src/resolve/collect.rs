//! Statements to equations: functions and aliases, declarations, labels and powers.
//!
//! A superscript number is a label where the name is a matrix (upper case, without time index, not declared
//! otherwise) or where some equation defines the name with that superscript; otherwise it is a power.

use super::draft::Draft;
use super::expression::{Declared, Equation, Node, NodeId, NodeKind, SymbolId};
use super::flatten::{Binding, Functions, flatten};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_DEFINITIONS;
use crate::source::ast::{Document, Expression, ExpressionKind, Name, Reference, Size, StatementKind};
use crate::source::references;
use crate::span::Span;
use std::collections::{HashMap, HashSet};

/// Decides which superscript numbers are labels.
#[derive(Debug, Default)]
pub(super) struct Superscripts<'a> {
    defined: HashSet<(&'a str, u32)>,
    not_matrices: HashSet<&'a str>,
}

impl<'a> Superscripts<'a> {
    fn of(document: &'a Document) -> Self {
        let mut found = Self::default();
        for statement in &document.statements {
            match &statement.kind {
                StatementKind::Definition { target, .. } => {
                    if let Some(number) = target.name.superscript {
                        found.defined.insert((&target.name.canonical, number));
                    }
                }
                StatementKind::Declaration { target, sizes } => {
                    if sizes.len() < 2 {
                        found.not_matrices.insert(&target.name.canonical);
                    }
                }
                StatementKind::Function { .. } | StatementKind::Mark { .. } => {}
            }
        }
        found
    }

    /// The canonical name of a reference, and the power it is raised to.
    pub(super) fn read(&self, reference: &Reference) -> (String, Option<u32>) {
        let Name { canonical, upper, superscript } = &reference.name;
        let Some(number) = *superscript else { return (canonical.clone(), None) };
        let matrix = *upper && reference.time.is_none() && !self.not_matrices.contains(canonical.as_str());
        if matrix || self.defined.contains(&(canonical.as_str(), number)) {
            (format!("{canonical}_{number}"), None)
        } else {
            (canonical.clone(), Some(number))
        }
    }
}

/// The canonical name of a name on a left side, where a superscript can only be a label.
pub(super) fn target_name(name: &Name) -> String {
    match name.superscript {
        Some(number) => format!("{}_{number}", name.canonical),
        None => name.canonical.clone(),
    }
}

/// Fills the draft with equations. `None` where a limit was met and nothing further makes sense.
pub(super) fn collect(draft: &mut Draft, document: &Document) -> Option<()> {
    let superscripts = Superscripts::of(document);
    let values = values_like_functions(document);
    let (functions, aliases) = functions(draft, document, &values);
    for (statement, content) in document.statements.iter().enumerate() {
        match &content.kind {
            StatementKind::Function { name, name_span, parameter: Some(parameter), body }
                if values.contains(&statement) =>
            {
                let target = (target_name(name), name.upper, *name_span, parameter.time.or(Some(0)));
                define(draft, target, (statement, content.span), (body, &functions, &superscripts))?;
            }
            StatementKind::Function { .. } | StatementKind::Mark { .. } => {}
            StatementKind::Declaration { target, sizes } => {
                let symbol = draft.intern(&target_name(&target.name), target.name.upper, target.span)?;
                declare(draft, symbol, (sizes, target.time.is_some()), content.span);
            }
            StatementKind::Definition { target, value } => {
                if aliases.contains(&statement) {
                    continue;
                }
                let target = (target_name(&target.name), target.name.upper, target.span, target.time);
                define(draft, target, (statement, content.span), (value, &functions, &superscripts))?;
            }
        }
    }
    lost(draft, document)?;
    drop_repetitions(draft);
    for (index, equation) in draft.equations.iter().enumerate() {
        draft.symbols[equation.target.0].definitions.push(index);
    }
    if draft.equations.is_empty() {
        let span = document.statements.iter().fold(Span::default(), |all, one| all.to(one.span));
        draft
            .findings
            .report(Code::NoEquations, span, "there is no equation here")
            .help("a cell needs at least one, such as `h_t = \\tanh(W x_t + U h_{t-1} + b)`");
    }
    Some(())
}

/// Adds one equation: the name that it defines, with its place and time, the number of its statement, and its value.
fn define<'a>(
    draft: &mut Draft,
    (name, upper, target_span, time): (String, bool, Span, Option<i32>),
    (statement, span): (usize, Span),
    (value, functions, superscripts): (&'a Expression, &Functions<'a>, &Superscripts<'a>),
) -> Option<()> {
    if draft.equations.len() >= MAXIMUM_DEFINITIONS {
        let message = format!("more than {MAXIMUM_DEFINITIONS} definitions (MAXIMUM_DEFINITIONS)");
        draft.findings.report(Code::TooManyDefinitions, span, message);
        return None;
    }
    let target = draft.intern(&name, upper, target_span)?;
    let first_node = draft.nodes.len();
    let value = flatten(draft, value, functions, superscripts)?;
    let end_node = draft.nodes.len();
    draft.equations.push(Equation {
        target,
        time,
        target_span,
        span,
        statement,
        value,
        first_node,
        end_node,
    });
    Some(())
}

/// `\mathrm{Retention}(X_n) = S_n Q_n`: where nothing applies the function, and its body reads what the equations define at
/// a step, it is a value of the step, named together with the input. As a function it would be dropped, and with it all
/// that only it reads. A function of what is no value of a step, `J(\theta)`, is a loss.
fn values_like_functions(document: &Document) -> HashSet<usize> {
    let mut defined: HashSet<&str> = HashSet::new();
    let mut read: HashSet<&str> = HashSet::new();
    let mut read_at_step: HashSet<&str> = HashSet::new();
    for statement in &document.statements {
        let value = match &statement.kind {
            StatementKind::Definition { target, value } => {
                if target.time.is_some() {
                    defined.insert(&target.name.canonical);
                }
                value
            }
            StatementKind::Function { body, .. } => body,
            StatementKind::Declaration { .. } | StatementKind::Mark { .. } => continue,
        };
        references(value, &mut |reference| {
            read.insert(&reference.name.canonical);
            if reference.time.is_some() {
                read_at_step.insert(&reference.name.canonical);
            }
        });
    }
    let is_value = |kind: &StatementKind| {
        let StatementKind::Function { name, parameter: Some(parameter), body, .. } = kind else {
            return false;
        };
        let (mut of_step, mut of_argument) = (false, false);
        references(body, &mut |reference| {
            let own = reference.name == parameter.name;
            of_argument |= own;
            of_step |=
                !own && reference.time.is_some() && defined.contains(reference.name.canonical.as_str());
        });
        of_step
            && (parameter.time.is_some()
                || !of_argument && read_at_step.contains(parameter.name.canonical.as_str()))
            && !read.contains(name.canonical.as_str())
            && !defined.contains(name.canonical.as_str())
    };
    let statements = document.statements.iter().enumerate();
    statements.filter(|(_, statement)| is_value(&statement.kind)).map(|(index, _)| index).collect()
}

/// What was to be defined where an equation could not be read: a value of which nothing is known.
fn lost(draft: &mut Draft, document: &Document) -> Option<()> {
    for target in &document.lost {
        let symbol = draft.intern(&target_name(&target.name), target.name.upper, target.span)?;
        draft.lost.insert(symbol);
        let first_node = draft.nodes.len();
        draft.nodes.push(Node { kind: NodeKind::Faulty, span: target.span });
        draft.equations.push(Equation {
            target: symbol,
            time: target.time,
            target_span: target.span,
            span: target.span,
            statement: document.statements.len(),
            value: NodeId(first_node),
            first_node,
            end_node: first_node + 1,
        });
    }
    Some(())
}

/// The functions that the document binds, and the statements that are aliases though written like definitions
/// (`g = f` where `f` is a function).
fn functions<'a>(
    draft: &mut Draft,
    document: &'a Document,
    values: &HashSet<usize>,
) -> (Functions<'a>, HashSet<usize>) {
    let mut bound: Functions<'a> = HashMap::new();
    for (index, statement) in document.statements.iter().enumerate() {
        if values.contains(&index) {
            continue;
        }
        let StatementKind::Function { name, name_span, parameter, body } = &statement.kind else { continue };
        let binding = match parameter {
            Some(parameter) => Binding::Defined { parameter, body },
            None => match bare_function(body) {
                Some(function) => Binding::Known(function),
                None => Binding::Alias(body),
            },
        };
        bind(draft, &mut bound, &name.canonical, binding, *name_span);
    }
    let mut aliases = HashSet::new();
    // `a = b` where `b` is a function makes `a` one; a chain of such equations needs several rounds only where it
    // is written from the end to the beginning.
    let candidates: Vec<(usize, &Reference, &Reference)> = document
        .statements
        .iter()
        .enumerate()
        .filter_map(|(index, statement)| match &statement.kind {
            StatementKind::Definition { target, value } if target.time.is_none() => match &value.kind {
                ExpressionKind::Reference(source) if source.time.is_none() => Some((index, target, source)),
                _ => None,
            },
            _ => None,
        })
        .take(MAXIMUM_DEFINITIONS)
        .collect();
    loop {
        let before = aliases.len();
        for (index, target, source) in &candidates {
            if aliases.contains(index) {
                continue;
            }
            if let Some(known) = bound.get(source.name.canonical.as_str()) {
                let (binding, span) = (known.0, target.span);
                bind(draft, &mut bound, &target.name.canonical, binding, span);
                aliases.insert(*index);
            }
        }
        if aliases.len() == before {
            break;
        }
    }
    for statement in &document.statements {
        if let StatementKind::Definition { target, value } = &statement.kind
            && target.time.is_none()
        {
            let function = bound.get(target.name.canonical.as_str());
            let alias = matches!(&value.kind, ExpressionKind::Reference(source)
                if source.time.is_none() && bound.contains_key(source.name.canonical.as_str()));
            if let (Some(&(_, place)), false) = (function, alias) {
                let message = format!("`{}` is bound to a function and to a value", target.name.canonical);
                draft
                    .findings
                    .report(Code::NameConflict, target.span, message)
                    .label(place, "the function")
                    .help("give one of them another name");
            }
        }
    }
    (bound, aliases)
}

fn bind<'a>(draft: &mut Draft, bound: &mut Functions<'a>, name: &'a str, binding: Binding<'a>, span: Span) {
    match bound.get(name) {
        Some((known, place)) if !known.same(&binding) => {
            draft
                .findings
                .report(Code::NameConflict, span, format!("`{name}` is bound to two functions"))
                .label(*place, "the first")
                .help("give one of them another name");
        }
        Some(_) => {}
        None => {
            bound.insert(name, (binding, span));
        }
    }
}

fn bare_function(body: &Expression) -> Option<crate::source::ast::Function> {
    let mut inner = body;
    while let ExpressionKind::Group(content) = &inner.kind {
        inner = content;
    }
    match inner.kind {
        ExpressionKind::FunctionName(function) => Some(function),
        _ => None,
    }
}

/// `W \in \mathbb{R}^{n \times 1}` declares a vector: a last axis of one element is dropped. So is the first one of a
/// name written like a vector, `b \in \mathbb{R}^{1 \times n}`, or of a value of each step: a row beside rows of values.
fn declare(draft: &mut Draft, symbol: SymbolId, (sizes, indexed): (&[Size], bool), span: Span) {
    let mut sizes = sizes.to_vec();
    if sizes.len() == 2 && sizes[1] == Size::Known(1) {
        sizes.pop();
    } else if sizes.len() == 2 && sizes[0] == Size::Known(1) && (indexed || !draft.symbol(symbol).upper) {
        sizes.remove(0);
    }
    let name = draft.symbol(symbol).canonical.clone();
    if sizes.len() > 2 {
        draft
            .findings
            .report(Code::OperandKind, span, format!("`{name}` is declared with {} axes", sizes.len()))
            .help("values are scalars, vectors or matrices");
        return;
    }
    match &draft.symbol(symbol).declared {
        None => draft.symbols[symbol.0].declared = Some(Declared { sizes, span }),
        Some(known) if known.sizes == sizes => {}
        Some(known) => {
            let place = known.span;
            draft
                .findings
                .report(
                    Code::ConflictingDeclaration,
                    span,
                    format!("`{name}` is declared twice, differently"),
                )
                .label(place, "declared here first")
                .help("keep one of the two declarations");
        }
    }
}

/// An identical definition repeated is one definition, unless what it reads was defined anew in between.
fn drop_repetitions(draft: &mut Draft) {
    let mut total: HashMap<SymbolId, usize> = HashMap::new();
    for equation in &draft.equations {
        *total.entry(equation.target).or_default() += 1;
    }
    let mut last: HashMap<SymbolId, usize> = HashMap::new();
    let mut dropped = HashSet::new();
    for (index, equation) in draft.equations.iter().enumerate() {
        let Some(before) = last.insert(equation.target, index) else { continue };
        if !same_equation(draft, &draft.equations[before], equation) {
            continue;
        }
        let mut between: HashMap<SymbolId, usize> = HashMap::new();
        for other in &draft.equations[before..index] {
            *between.entry(other.target).or_default() += 1;
        }
        let differs = draft.reads(equation).any(|(_, symbol, time)| {
            if symbol == equation.target {
                return time == equation.time;
            }
            let inside = between.get(&symbol).copied().unwrap_or(0);
            inside > 0 && total.get(&symbol).copied().unwrap_or(0) > inside
        });
        if !differs {
            dropped.insert(index);
        }
    }
    retain(draft, &dropped);
}

fn same_equation(draft: &Draft, first: &Equation, second: &Equation) -> bool {
    let length = first.end_node - first.first_node;
    if first.time != second.time || second.end_node - second.first_node != length {
        return false;
    }
    let base = (first.first_node, second.first_node);
    (0..length).all(|at| {
        let (a, b) = (&draft.nodes[base.0 + at].kind, &draft.nodes[base.1 + at].kind);
        same_kind(a, b, base)
    })
}

/// Equal up to the place of the equation in the arena.
fn same_kind(a: &NodeKind, b: &NodeKind, base: (usize, usize)) -> bool {
    let operands = |kind: &NodeKind, base: usize| {
        let mut all = Vec::new();
        kind.operands(|operand| all.push(operand.0.wrapping_sub(base)));
        all
    };
    if operands(a, base.0) != operands(b, base.1) {
        return false;
    }
    match (a, b) {
        (NodeKind::Number(x), NodeKind::Number(y)) => x.to_bits() == y.to_bits(),
        (NodeKind::Read { .. }, NodeKind::Read { .. }) => a == b,
        (NodeKind::Call(f, _), NodeKind::Call(g, _)) => f == g,
        (NodeKind::Slice(_, s, e), NodeKind::Slice(_, t, f)) => s == t && e == f,
        (NodeKind::Factors { signs: s, .. }, NodeKind::Factors { signs: t, .. }) => s == t,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn retain(draft: &mut Draft, dropped: &HashSet<usize>) {
    let mut index = 0;
    draft.equations.retain(|_| {
        index += 1;
        !dropped.contains(&(index - 1))
    });
}
