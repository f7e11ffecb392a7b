//! Equations to terms, whose sizes are solved meanwhile.

use super::assemble::assemble;
use super::builder::{Builder, Value};
use super::cell::{Cell, TermId};
use super::dimension::{Clash, scaled};
use super::draft::Draft;
use super::expression::{NodeKind, Role, Source, SymbolId};
use super::kind::Kinds;
use super::product::{Factor, Kind, read_product};
use super::variable::Variables;
use crate::diagnostic::Code;
use crate::operator::{Binary, Operator, Unary};
use crate::shape::{Dimension, DimensionId, Shape};
use crate::source::ast::Size;
use crate::span::Span;
use std::collections::{BTreeSet, HashMap};

/// Shapes of inputs, states, unknowns and parameters while sizes are being solved.
pub(super) struct Shapes {
    pub(super) of: HashMap<SymbolId, Shape>,
    /// Of the unknowns, by equation, with their numbers.
    pub(super) unknowns: HashMap<usize, (u32, Shape)>,
}

/// Builds the cell. `None` where an error was reported.
pub(super) fn build(draft: &mut Draft, kinds: &Kinds, variables: &Variables) -> Option<Cell> {
    let mut findings = std::mem::take(&mut draft.findings);
    let mut builder = Builder::new(&mut findings);
    let shapes = allocate(&mut builder, draft, kinds, variables);
    let values = equations(&mut builder, draft, kinds, variables, &shapes);
    let next = next_values(&mut builder, draft, variables, &shapes, &values);
    let initial = initial_values(&mut builder, draft, variables, &shapes, &values);
    builder.solver.finish();
    report_clashes(&mut builder, draft);
    let cell = assemble(builder, draft, variables, &shapes, &values, (next, initial));
    draft.findings = findings;
    cell.filter(|_| !draft.findings.has_errors())
}

/// Gives every input, state, unknown and parameter a shape: declared, or of fresh sizes.
fn allocate(builder: &mut Builder<'_>, draft: &Draft, kinds: &Kinds, variables: &Variables) -> Shapes {
    let mut of = HashMap::new();
    let ranked = [(1, &variables.as_read), (3, &variables.parameters)];
    for (rank, symbols) in ranked {
        for &symbol in symbols {
            let known = draft.symbol(symbol);
            let kind = match known.definitions.last() {
                Some(&last) => kinds.equations[last],
                None => kinds.symbols[symbol.0],
            };
            of.insert(symbol, fresh_shape(builder, draft, kinds, symbol, kind, rank));
        }
    }
    let mut unknowns = HashMap::new();
    for (number, &equation) in (0_u32..).zip(&variables.unknowns) {
        let (symbol, kind) = (draft.equations[equation].target, kinds.equations[equation]);
        unknowns.insert(equation, (number, fresh_shape(builder, draft, kinds, symbol, kind, 2)));
    }
    Shapes { of, unknowns }
}

/// The shape of a name before the equations fix it.
fn fresh_shape(
    builder: &mut Builder<'_>,
    draft: &Draft,
    kinds: &Kinds,
    symbol: SymbolId,
    kind: Kind,
    rank: u8,
) -> Shape {
    let name = &draft.symbol(symbol).canonical;
    match (kinds.declared(draft, symbol), kind) {
        (Some(sizes), _) => declared_shape(builder, sizes),
        (None, Kind::Scalar) => Shape::Scalar,
        (None, Kind::Matrix) => {
            let rows = builder.solver.fresh(rank, name);
            Shape::Matrix(rows, builder.solver.fresh(rank, name))
        }
        (None, _) => Shape::Vector(builder.solver.fresh(rank, name)),
    }
}

fn declared_shape(builder: &mut Builder<'_>, sizes: &[Size]) -> Shape {
    match sizes {
        [] => Shape::Scalar,
        [n] => Shape::Vector(dimension(builder, n)),
        [rows, columns, ..] => {
            let rows = dimension(builder, rows);
            Shape::Matrix(rows, dimension(builder, columns))
        }
    }
}

/// A size as it was written.
fn dimension(builder: &mut Builder<'_>, size: &Size) -> Dimension {
    // Sums within sums are flattened by an explicit stack.
    let mut total = Dimension::default();
    let mut pending = vec![(1, size)];
    while let Some((count, size)) = pending.pop() {
        let one = match size {
            Size::Known(number) => Dimension::constant(*number),
            Size::Named(name) => builder.solver.declared(name),
            Size::Sum(parts) => {
                pending.extend(parts.iter().rev().map(|part| (count, part)));
                continue;
            }
            Size::Multiple(times, part) => {
                pending.push((times.saturating_mul(count), part));
                continue;
            }
        };
        total = total.plus(&scaled(&one, count));
    }
    total
}

/// Makes the terms of every equation in order of evaluation; gives each equation's value.
fn equations(
    builder: &mut Builder<'_>,
    draft: &Draft,
    kinds: &Kinds,
    variables: &Variables,
    shapes: &Shapes,
) -> Vec<Option<Value>> {
    let mut number: HashMap<(SymbolId, u32), u32> = variables.state_number.clone();
    number.extend((0u32..).zip(&variables.inputs).map(|(at, &input)| ((input, 0), at)));
    number.extend((0u32..).zip(&variables.parameters).map(|(at, &parameter)| ((parameter, 0), at)));
    let mut values: Vec<Option<Value>> = vec![None; draft.equations.len()];
    let mut nodes: Vec<Option<Value>> = vec![None; draft.nodes.len()];
    for &index in &draft.order {
        let equation = &draft.equations[index];
        for at in equation.first_node..equation.end_node {
            nodes[at] = term(builder, draft, shapes, &number, &values, &nodes, at);
        }
        let symbol = draft.symbol(equation.target);
        let value = nodes[equation.value.0].and_then(|value| {
            // A definition keeps columns and full matrices.
            let value = builder.full(value)?;
            let kind = if value.kind == Kind::Row { Kind::Vector } else { value.kind };
            Some(Value { kind, span: equation.target_span, ..value })
        });
        if let Some(value) = value {
            let shape = builder.shape(value.term);
            if let (Some(sizes), Some(declared)) = (kinds.declared(draft, equation.target), &symbol.declared)
            {
                let wanted = declared_shape(builder, sizes);
                let reason = format!("are the declared and the defined shape of `{}`", symbol.canonical);
                builder.solver.unify(&Clash {
                    reason,
                    whole: equation.span,
                    left: (wanted, declared.span),
                    right: (shape.clone(), draft.span(equation.value)),
                    unsolved: false,
                });
            }
            if let Some((_, read)) = shapes.unknowns.get(&index) {
                let place = first_read(draft, Source::Unknown(index)).unwrap_or(symbol.first);
                builder.solver.unify(&Clash {
                    reason: format!(
                        "are the shapes of `{}` as it is read and as it is defined",
                        symbol.canonical
                    ),
                    whole: equation.span,
                    left: (read.clone(), place),
                    right: (shape.clone(), draft.span(equation.value)),
                    unsolved: false,
                });
            }
            // All definitions of a name have one shape.
            if let Some((first, before)) = symbol.definitions.iter().find_map(|&at| Some((at, values[at]?))) {
                builder.solver.unify(&Clash {
                    reason: format!("are the shapes of two definitions of `{}`", symbol.canonical),
                    whole: equation.target_span,
                    left: (builder.shape(before.term), draft.equations[first].target_span),
                    right: (shape.clone(), equation.target_span),
                    unsolved: false,
                });
            }
            for size in shape.axes() {
                builder.solver.suggest(size, 2, &symbol.canonical);
            }
        }
        values[index] = value;
    }
    values
}

/// The term of one expression whose operands have theirs.
fn term(
    builder: &mut Builder<'_>,
    draft: &Draft,
    shapes: &Shapes,
    number: &HashMap<(SymbolId, u32), u32>,
    values: &[Option<Value>],
    nodes: &[Option<Value>],
    at: usize,
) -> Option<Value> {
    let node = &draft.nodes[at];
    let span = node.span;
    let of = |operand: &super::expression::NodeId| nodes.get(operand.0).copied().flatten();
    match &node.kind {
        NodeKind::Faulty => None,
        NodeKind::Number(value) => builder.number(*value, span),
        NodeKind::Read { symbol, .. } if draft.lost.contains(symbol) => None,
        NodeKind::Read { symbol, .. } => {
            let (operator, shape) = match draft.sources[at] {
                Source::Equation(equation) => {
                    if let Role::Constant(value) = draft.symbol(*symbol).role {
                        return builder.number(value, span);
                    }
                    return values[equation].map(|value| Value { span, ..value });
                }
                Source::Unknown(equation) => {
                    let (number, shape) = shapes.unknowns.get(&equation)?;
                    (Operator::Unknown(*number), shape)
                }
                Source::Input(symbol, 0) => {
                    (Operator::Input(*number.get(&(symbol, 0))?), shapes.of.get(&symbol)?)
                }
                Source::Input(symbol, back) | Source::Delayed(symbol, back) => {
                    (Operator::State(*number.get(&(symbol, back))?), shapes.of.get(&symbol)?)
                }
                Source::Parameter(symbol) => {
                    (Operator::Parameter(*number.get(&(symbol, 0))?), shapes.of.get(&symbol)?)
                }
                Source::Identity => {
                    let n = builder.solver.fresh(4, &draft.symbol(*symbol).canonical);
                    let shape = Shape::Matrix(n.clone(), n.clone());
                    let term = builder.leaf(Operator::Identity(n), shape, span)?;
                    return Some(Value { term, kind: Kind::Matrix, span });
                }
                Source::None => return None,
            };
            let kind = match shape {
                Shape::Scalar => Kind::Scalar,
                Shape::Vector(_) => Kind::Vector,
                Shape::Matrix(..) => Kind::Matrix,
            };
            let term = builder.leaf(operator, shape.clone(), span)?;
            Some(Value { term, kind, span })
        }
        NodeKind::Negate(a) => builder.unary(Unary::Negate, of(a)?, span),
        NodeKind::Add(a, b) => builder.binary(Binary::Add, of(a)?, of(b)?, "added", span),
        NodeKind::Subtract(a, b) => builder.binary(Binary::Subtract, of(a)?, of(b)?, "subtracted", span),
        NodeKind::Divide(a, b) => builder.binary(Binary::Divide, of(a)?, of(b)?, "divided", span),
        NodeKind::Power(a, b) => builder.power(of(a)?, of(b)?, span),
        NodeKind::Compare(sign, a, b) => builder.compare(*sign, of(a)?, of(b)?, span),
        NodeKind::Transpose(a) => {
            let inner = of(a)?;
            // `[a, b]^\top` and `[a^\top, b^\top]^\top` are the same concatenation.
            if matches!(draft.kind(*a), NodeKind::Concatenate(_)) {
                return Some(Value { kind: Kind::Vector, span, ..inner });
            }
            builder.transpose(inner, span)
        }
        NodeKind::Concatenate(parts) => {
            let parts: Vec<Value> = parts.iter().map(of).collect::<Option<_>>()?;
            builder.concatenate(&parts, span)
        }
        NodeKind::Call(function, arguments) => {
            let arguments: Vec<Value> = arguments.iter().map(of).collect::<Option<_>>()?;
            builder.call(*function, &arguments, span)
        }
        NodeKind::Slice(a, start, end) => {
            let a = of(a)?;
            let start = dimension(builder, start);
            let end = end.as_ref().map(|end| dimension(builder, end));
            builder.slice(a, start, end, span)
        }
        NodeKind::Factors { factors, signs, .. } => {
            let operands: Vec<Value> = factors.iter().map(of).collect::<Option<_>>()?;
            let kinds: Vec<Factor> = operands
                .iter()
                .zip(factors)
                .map(|(value, node)| Factor { kind: value.kind, varying: draft.varying[node.0] })
                .collect();
            match read_product(&kinds, signs) {
                Ok(steps) => builder.product(&operands, &steps, span),
                Err(refusal) => {
                    builder.refuse(refusal, &operands, span);
                    None
                }
            }
        }
    }
}

/// The value of each state, hidden ones included, at the end of the step.
fn next_values(
    builder: &mut Builder<'_>,
    draft: &Draft,
    variables: &Variables,
    shapes: &Shapes,
    values: &[Option<Value>],
) -> Vec<Option<TermId>> {
    let mut next = Vec::with_capacity(variables.states.len() + variables.hidden.len());
    for symbol in &variables.states {
        let known = draft.symbol(*symbol);
        let value = known.definitions.last().and_then(|&last| values.get(last).copied().flatten());
        if let (Some(value), Some(shape), Some(&last)) =
            (value, shapes.of.get(symbol), known.definitions.last())
        {
            let place = first_delayed(draft, *symbol).unwrap_or(known.first);
            builder.solver.unify(&Clash {
                reason: format!("are the shapes of `{}` as it is read and as it is defined", known.canonical),
                whole: draft.equations[last].span,
                left: (shape.clone(), place),
                right: (builder.shape(value.term), draft.span(draft.equations[last].value)),
                unsolved: false,
            });
        }
        next.push(value.map(|value| value.term));
    }
    for hidden in &variables.hidden {
        let span = draft.symbol(hidden.of).first;
        let (Some(shape), before) = (shapes.of.get(&hidden.of), hidden.back - 1) else {
            next.push(None);
            continue;
        };
        let operator = match variables.state_number.get(&(hidden.of, before)) {
            Some(&number) => Some(Operator::State(number)),
            None => variables
                .inputs
                .iter()
                .position(|input| *input == hidden.of)
                .and_then(|at| u32::try_from(at).ok())
                .map(Operator::Input),
        };
        next.push(operator.and_then(|operator| builder.leaf(operator, shape.clone(), span)));
    }
    next
}

/// The declared value of each state before the first step, by the number of the state; zeros are left out.
fn initial_values(
    builder: &mut Builder<'_>,
    draft: &Draft,
    variables: &Variables,
    shapes: &Shapes,
    values: &[Option<Value>],
) -> HashMap<u32, TermId> {
    let mut initial = HashMap::new();
    let mut declared: Vec<_> = draft.initial.iter().collect();
    declared.sort();
    for (key, &index) in declared {
        let equation = &draft.equations[index];
        let value = match draft.symbol(equation.target).role {
            Role::Constant(value) => builder.number(value, equation.span),
            _ => values[index],
        };
        let (Some(value), Some(shape), Some(&number)) =
            (value, shapes.of.get(&key.0), variables.state_number.get(key))
        else {
            continue;
        };
        if builder.as_number(value) == Some(0.0) {
            continue;
        }
        if let Some(value) = builder.spread(value, shape, equation.span) {
            let name = &draft.symbol(key.0).canonical;
            builder.solver.unify(&Clash {
                reason: format!("are the shapes of `{name}` and of its initial value"),
                whole: equation.span,
                left: (shape.clone(), first_delayed(draft, key.0).unwrap_or(equation.span)),
                right: (builder.shape(value.term), draft.span(equation.value)),
                unsolved: false,
            });
            initial.insert(number, value.term);
        }
    }
    initial
}

/// The first read from a source.
fn first_read(draft: &Draft, wanted: Source) -> Option<Span> {
    let at = draft.sources.iter().position(|source| *source == wanted)?;
    draft.nodes.get(at).map(|node| node.span)
}

fn first_delayed(draft: &Draft, symbol: SymbolId) -> Option<Span> {
    draft
        .sources
        .iter()
        .position(|source| matches!(source, Source::Delayed(read, _) if *read == symbol))
        .and_then(|at| draft.nodes.get(at))
        .map(|node| node.span)
}

/// Turns contradictions of sizes into diagnostics.
fn report_clashes(builder: &mut Builder<'_>, draft: &Draft) {
    let names = builder.solver.working_names();
    let declared = declared_places(draft);
    report_ranges(builder, &names);
    // One contradiction is said once, where it is met first; what follows from it is not.
    let mut said: BTreeSet<(String, String)> = BTreeSet::new();
    for clash in std::mem::take(&mut builder.solver.clashes) {
        let shapes = [&clash.left.0, &clash.right.0].map(|shape| builder.solver.resolve_shape(shape));
        let [left, right] = shapes.each_ref().map(|shape| shape.describe(&names));
        let pair = if left < right { (left.clone(), right.clone()) } else { (right.clone(), left.clone()) };
        if !said.insert(pair) {
            continue;
        }
        let (code, message, help) = if clash.unsolved {
            (
                Code::UnsolvedDimension,
                format!("{left} and {right} {}, but that does not fix their sizes", clash.reason),
                "declare the shapes, as in `W \\in \\mathbb{R}^{n \\times d}`",
            )
        } else {
            (
                Code::ShapeContradiction,
                format!("{left} and {right} {}, but cannot be equal in size", clash.reason),
                "look at both places: one of them is not what the other needs",
            )
        };
        let ids: BTreeSet<DimensionId> =
            shapes.iter().flat_map(Shape::axes).flat_map(Dimension::terms).map(|(id, _)| *id).collect();
        let mut found = builder
            .findings
            .report(code, clash.whole, message)
            .label(clash.left.1, left)
            .label(clash.right.1, right);
        let places = [clash.left.1, clash.right.1];
        for (name, place) in
            ids.iter().filter_map(|id| declared.get_key_value(names.get(id.0 as usize)?.as_str()))
        {
            if !places.contains(place) {
                found = found.label(*place, format!("`{name}` is declared here"));
            }
        }
        found.help(help);
    }
}

/// Slices that are not known to lie in their vectors.
fn report_ranges(builder: &mut Builder<'_>, names: &[String]) {
    for (range, beyond) in builder.solver.ranges_beyond() {
        let (end, total) = (builder.solver.resolve(&range.end), builder.solver.resolve(&range.total));
        let [end, total] = [end, total].map(|size| Shape::Vector(size).describe(names));
        let [end, total] = [end, total].map(|size| size.trim_matches(['[', ']']).to_owned());
        let (message, help) = if beyond {
            (
                format!("this part ends after {end} elements, but the vector has {total}"),
                "elements are counted from 0, and the end is not one of them: `a[0:n]` are the first `n`"
                    .to_owned(),
            )
        } else {
            (
                format!(
                    "this part ends after {end} elements, but nothing says that the vector has so many: {total}"
                ),
                if end.bytes().all(|byte| byte.is_ascii_digit()) {
                    format!(
                        "give the vector's size as a number, or as a sum that is enough, as in `[{end} + m]`"
                    )
                } else {
                    format!("declare its size by the same letters, as in `a_t \\in \\mathbb{{R}}^{{{end}}}`")
                },
            )
        };
        builder
            .findings
            .report(Code::SliceOutOfRange, range.whole, message)
            .label(range.of, format!("[{total}]"))
            .help(help);
    }
}

/// Where each size is declared first.
fn declared_places(draft: &Draft) -> HashMap<&str, Span> {
    let mut places: HashMap<&str, Span> = HashMap::new();
    for declared in draft.symbols.iter().filter_map(|symbol| symbol.declared.as_ref()) {
        for name in declared.sizes.iter().flat_map(Size::names) {
            let place = places.entry(name).or_insert(declared.span);
            *place = (*place).min(declared.span);
        }
    }
    places
}
