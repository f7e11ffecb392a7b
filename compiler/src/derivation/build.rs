//! Graph to equations: which nodes get names, and the tree of each.
//!
//! A node has a name where it is a leaf, where the user or [`super::name`] has named it or the gradient by it, where it
//! is a root, and where it is shared or long. All others are written out where they are read.

use std::collections::{BTreeMap, BTreeSet};

use crate::derivation::equation::{Equation, Expression, Range, Symbol};
use crate::derivation::name::{self, Letters, Value, ValueName, label, labelled};
use crate::derivation::{Derivation, forward};
use crate::diagnostic::Code;
use crate::differentiate::differentiate;
use crate::graph::{Graph, InitialStates, NodeId, Phase, Root, lower};
use crate::operator::{Binary, Operator, Ternary, Unary};
use crate::passes::{PassError, split_initial};
use crate::resolve::Cell;
use crate::shape::{Dimension, Shape};
use crate::simplify::simplify;
use crate::source::ast::Document;

/// Shared parts with no more leaves and functions than this are written out at each place.
const SMALL_SIZE: usize = 4;

/// Parts with more leaves and functions than this get a name.
pub(super) const MAXIMUM_SIZE: usize = 32;

pub(super) fn derive(cell: &Cell, document: &Document) -> Result<Derivation, PassError> {
    let letters = Letters::choose(cell);
    let states = name::states(cell);
    let mut values = name::written(cell, document);
    // Labels that tell every definition from every other, whatever the names are.
    let mut numbered = cell.clone();
    for (number, definition) in numbered.definitions.iter_mut().enumerate() {
        definition.name = label(number);
    }
    let (step, initial) = split_initial(&lower(&numbered)?)?;
    let mut step = simplify(&step);
    name::name_unwritten(&mut step, &mut values)?;
    let graph = simplify(&differentiate(&step)?);
    for (id, _) in graph.iter() {
        let labels = labelled(&graph, id).0;
        let first = labels.first().copied().filter(|_| !is_given(graph.operator(id)));
        for number in labels {
            if let Some(value) = values.get_mut(number as usize) {
                value.once = graph.phase(id) == Phase::Before;
                // One value with several names has one gradient.
                value.same_as = first.filter(|&first| first != number);
                value.has_adjoint = first == Some(number);
            }
        }
    }

    let (document, mut remarks) = forward::normalise(document);
    let cut = cell
        .diagnostics
        .iter()
        .filter(|diagnostic| matches!(diagnostic.code, Code::CyclePrevious | Code::CycleSolved));
    remarks.extend(cut.map(|diagnostic| diagnostic.message.clone()));
    let frozen = cell.parameters.iter().filter(|parameter| parameter.frozen);
    remarks
        .extend(frozen.map(|parameter| format!("{} is frozen: no gradient by it is wanted", parameter.name)));
    let mut derivation = Derivation {
        document,
        remarks,
        names: vec![None; graph.len()],
        graph,
        values,
        states,
        unknowns: name::unknowns(cell),
        temporaries: Vec::new(),
        letters,
        once: Vec::new(),
        forward: Vec::new(),
        backward: Vec::new(),
        solved: Vec::new(),
        carried: Vec::new(),
        inputs: Vec::new(),
        totals: Vec::new(),
        beginnings: Vec::new(),
    };
    choose_names(&mut derivation);
    write_equations(&mut derivation);
    if let Some(initial) = initial {
        write_beginnings(&mut derivation, &initial);
    }
    Ok(derivation)
}

/// What the gradients by declared initial states give for parameters.
fn write_beginnings(derivation: &mut Derivation, initial: &InitialStates) {
    let mut part = Derivation {
        names: vec![None; initial.graph().len()],
        graph: initial.graph().clone(),
        values: Vec::new(),
        once: Vec::new(),
        forward: Vec::new(),
        backward: Vec::new(),
        solved: Vec::new(),
        carried: Vec::new(),
        inputs: Vec::new(),
        totals: Vec::new(),
        ..derivation.clone()
    };
    choose_names(&mut part);
    write_equations(&mut part);
    derivation.temporaries = part.temporaries;
    let zero = |equation: &Equation| match &equation.value {
        Expression::Number(value) => *value == 0.0,
        Expression::Fill(value, _) => **value == Expression::Number(0.0),
        _ => false,
    };
    for mut equation in [part.once, part.forward, part.backward, part.totals].concat() {
        let gradient = matches!(equation.symbol, Symbol::ParameterGradient(_));
        if gradient && zero(&equation) {
            continue;
        }
        equation.value.before_the_first_step(initial.states());
        derivation.beginnings.push(equation);
    }
}

/// The symbol of a leaf with a port.
fn leaf(operator: &Operator) -> Option<Symbol> {
    match *operator {
        Operator::Parameter(index) => Some(Symbol::Parameter(index)),
        Operator::Input(index) => Some(Symbol::Input(index)),
        Operator::State(index) => Some(Symbol::State(index)),
        Operator::Unknown(index) => Some(Symbol::Unknown(index)),
        Operator::OutputGradient(index) => Some(Symbol::OutputGradient(index)),
        Operator::StateGradient(index) => Some(Symbol::Arriving(index)),
        Operator::SolutionGradient(index) => Some(Symbol::Circling(index)),
        _ => None,
    }
}

/// The symbol that a gradient root defines.
fn root_symbol(root: Root) -> Option<Symbol> {
    match root {
        Root::PreviousStateGradient(index) => Some(Symbol::Leaving(index)),
        Root::UnknownGradient(index) => Some(Symbol::Circling(index)),
        Root::InputGradient(index) => Some(Symbol::InputGradient(index)),
        Root::ParameterGradient(index) => Some(Symbol::ParameterGradient(index)),
        Root::NextState(_) | Root::Solution(_) | Root::Output(_) | Root::InitialState(_) => None,
    }
}

/// True for leaves that are what they are called: no equation defines them.
fn is_given(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::Parameter(_) | Operator::Input(_) | Operator::State(_) | Operator::Unknown(_)
    )
}

fn has_adjoint(values: &[Value], number: u32) -> bool {
    values.get(number as usize).is_some_and(|value| value.has_adjoint)
}

fn choose_names(derivation: &mut Derivation) {
    let graph = &derivation.graph;
    let live = graph.reachable();
    let uses = graph.use_counts();
    let mut root_of: Vec<Option<Symbol>> = vec![None; graph.len()];
    for (&root, id) in graph.roots() {
        // What is solved for has its name already: the leaf.
        if let (Some(symbol), None) = (root_symbol(root), root.solves()) {
            root_of[id.0 as usize].get_or_insert(symbol);
        }
    }
    // Leaves and functions of each node as it will be written, and whether a product of matrices is among them.
    let mut sizes: Vec<usize> = vec![1; graph.len()];
    let mut products = vec![false; graph.len()];
    for (id, node) in graph.iter() {
        let at = id.0 as usize;
        if !live[at] {
            continue;
        }
        if is_given(&node.operator) {
            derivation.names[at] = leaf(&node.operator);
            continue;
        }
        // Numbers speak for themselves.
        if graph.uniform_value(id).is_some() {
            continue;
        }
        if let (Operator::Sum, Some(&operand)) = (&node.operator, node.operands.first())
            && ones(graph, operand).is_some()
            && root_of[at].is_none()
        {
            continue;
        }
        let (values, adjoints) = labelled(graph, id);
        let named = values.first().map(|&value| Symbol::Value(value));
        let adjoint = adjoints.into_iter().find(|&value| has_adjoint(&derivation.values, value));
        let named = named.or_else(|| adjoint.map(Symbol::Adjoint));
        let named = named.or_else(|| root_of[at]);
        if named.is_some() {
            derivation.names[at] = named;
            continue;
        }
        if let Some(symbol) = leaf(&node.operator) {
            derivation.names[at] = Some(symbol);
            continue;
        }
        let mut operands: Vec<NodeId> = node.operands.clone();
        operands.dedup();
        let inner: usize = operands.iter().map(|operand| sizes[operand.0 as usize]).sum();
        // What only moves elements of a named value reads like a name.
        let cut = matches!(
            node.operator,
            Operator::Transpose | Operator::SliceColumns { .. } | Operator::Slice { .. } | Operator::Total
        );
        let function = operands.len() == 1 && (!cut || inner > 1);
        sizes[at] = inner.max(1) + usize::from(function);
        products[at] = matches!(
            node.operator,
            Operator::MatrixVector
                | Operator::MatrixMatrix
                | Operator::Sum
                | Operator::MaximumElement
                | Operator::CumulativeSum { .. }
                | Operator::RowMaximum
        ) || operands.iter().any(|operand| products[operand.0 as usize]);
        let shared = uses[at] > 1 && (sizes[at] > SMALL_SIZE || products[at]);
        if shared || sizes[at] > MAXIMUM_SIZE {
            let number = u32::try_from(derivation.temporaries.len()).unwrap_or(u32::MAX);
            let gradient = matches!(graph.phase(id), Phase::Backward | Phase::After);
            derivation.names[at] = Some(Symbol::Temporary { number, gradient });
            derivation.temporaries.push(graph.phase(id).is_per_step());
            sizes[at] = 1;
            products[at] = false;
        }
    }
}

fn write_equations(derivation: &mut Derivation) {
    let graph = derivation.graph.clone();
    let names = derivation.names.clone();
    let live = graph.reachable();
    let read: Vec<bool> = {
        let mut read = vec![false; graph.len()];
        for (id, node) in graph.iter() {
            if live[id.0 as usize] {
                node.operands.iter().for_each(|operand| read[operand.0 as usize] = true);
            }
        }
        read
    };
    let writer = Trees { graph: &graph, names: &names };
    for (id, node) in graph.iter() {
        let at = id.0 as usize;
        if !live[at] {
            continue;
        }
        let shape = &node.shape;
        let equation = |symbol, value| Equation { symbol, value, shape: shape.clone() };
        let (_, adjoints) = labelled(&graph, id);
        let defined = names[at].filter(|&symbol| leaf(&node.operator) != Some(symbol));
        if let Some(symbol) = defined {
            let equation = equation(symbol, writer.tree(id));
            let list = match (graph.phase(id), symbol) {
                (Phase::Before, _) => &mut derivation.once,
                (Phase::Forward, _) => &mut derivation.forward,
                (Phase::After, _) => &mut derivation.totals,
                // What later equations read stays in order.
                (Phase::Backward, Symbol::Leaving(_)) if !read[at] => &mut derivation.carried,
                (Phase::Backward, Symbol::InputGradient(_)) if !read[at] => &mut derivation.inputs,
                (Phase::Backward, _) => &mut derivation.backward,
            };
            list.push(equation);
        }
        for adjoint in adjoints {
            let symbol = Symbol::Adjoint(adjoint);
            if names[at] != Some(symbol) && has_adjoint(&derivation.values, adjoint) {
                let once = derivation.values.get(adjoint as usize).is_some_and(|value| value.once);
                let list = if once { &mut derivation.totals } else { &mut derivation.backward };
                list.push(equation(symbol, writer.reference(id)));
            }
        }
    }
    // Roots that go by another name.
    for (&root, &id) in graph.roots() {
        let Some(symbol) = root_symbol(root) else { continue };
        if names[id.0 as usize] == Some(symbol) {
            continue;
        }
        let equation = Equation { symbol, value: writer.reference(id), shape: graph.shape(id).clone() };
        match root {
            Root::PreviousStateGradient(_) => derivation.carried.push(equation),
            Root::UnknownGradient(_) => derivation.solved.push(equation),
            Root::InputGradient(_) => derivation.inputs.push(equation),
            _ => derivation.totals.push(equation),
        }
    }
    derivation.solved.sort_by_key(|equation| equation.symbol);
    derivation.carried.sort_by_key(|equation| equation.symbol);
    derivation.inputs.sort_by_key(|equation| equation.symbol);
    derivation.backward = pair_arguments(std::mem::take(&mut derivation.backward), &derivation.values);
    order_totals(&mut derivation.totals);
}

/// What an equation reads.
fn reads(equation: &Equation) -> BTreeSet<Symbol> {
    let mut found = BTreeSet::new();
    let mut stack = vec![&equation.value];
    while let Some(expression) = stack.pop() {
        if let Expression::Name(symbol) = expression {
            found.insert(*symbol);
        }
        expression.operands(|operand| stack.push(operand));
    }
    found
}

/// Gradients by parameters in the order of the parameters, after what they read; in the order of the graph where that
/// would put one before another that it reads.
fn order_totals(totals: &mut Vec<Equation>) {
    let mut sorted = totals.clone();
    sorted.sort_by_key(|equation| match equation.symbol {
        Symbol::ParameterGradient(index) => (1, index),
        _ => (0, 0),
    });
    let mut waiting: BTreeSet<Symbol> = sorted.iter().map(|equation| equation.symbol).collect();
    let in_order = sorted.iter().all(|equation| {
        let ready = reads(equation).is_disjoint(&waiting);
        waiting.remove(&equation.symbol);
        ready
    });
    if in_order {
        *totals = sorted;
    }
}

/// The gradient by the argument of a function directly after the gradient by its value, where that is in order.
fn pair_arguments(equations: Vec<Equation>, values: &[Value]) -> Vec<Equation> {
    let argument_of: BTreeMap<Symbol, Symbol> = (0_u32..)
        .zip(values)
        .filter_map(|(number, value)| match value.name {
            ValueName::Argument(of) => Some((Symbol::Adjoint(of), Symbol::Adjoint(number))),
            _ => None,
        })
        .collect();
    let mut waiting: BTreeMap<Symbol, Equation> =
        equations.iter().map(|equation| (equation.symbol, equation.clone())).collect();
    let mut result = Vec::with_capacity(equations.len());
    for equation in equations {
        let mut next = waiting.remove(&equation.symbol);
        while let Some(equation) = next {
            let argument = argument_of.get(&equation.symbol).copied();
            result.push(equation);
            let ready = |symbol: &Symbol| {
                waiting
                    .get(symbol)
                    .is_some_and(|equation| reads(equation).iter().all(|read| !waiting.contains_key(read)))
            };
            next = argument.filter(ready).and_then(|symbol| waiting.remove(&symbol));
        }
    }
    result
}

/// Writes nodes as trees.
struct Trees<'a> {
    graph: &'a Graph,
    names: &'a [Option<Symbol>],
}

impl Trees<'_> {
    /// The node by its name, or written out.
    fn reference(&self, id: NodeId) -> Expression {
        match self.names.get(id.0 as usize).copied().flatten() {
            Some(symbol) => Expression::Name(symbol),
            None => self.tree(id),
        }
    }

    /// An operand of an element-wise operator: a scalar need not be repeated to meet a vector.
    fn element(&self, id: NodeId, others: &[NodeId]) -> Expression {
        let graph = self.graph;
        let repeated = |id: NodeId| {
            matches!(graph.operator(id), Operator::Broadcast(_) | Operator::BroadcastMatrix(..))
                && self.names.get(id.0 as usize).copied().flatten().is_none()
        };
        let full =
            |other: &NodeId| *other != id && !repeated(*other) && graph.shape(*other) == graph.shape(id);
        match graph.operands(id) {
            &[scalar] if repeated(id) && others.iter().any(full) => self.reference(scalar),
            _ => self.reference(id),
        }
    }

    fn range(&self, start: &Dimension, length: &Dimension, total: &Dimension) -> Range {
        Range { start: start.clone(), length: length.clone(), total: total.clone() }
    }

    /// The node written out. Recursion is bounded: parts of more than `MAXIMUM_SIZE` leaves have names.
    fn tree(&self, id: NodeId) -> Expression {
        let node = self.graph.node(id);
        if let Some(symbol) = leaf(&node.operator) {
            return Expression::Name(symbol);
        }
        let operands = node.operands.as_slice();
        let element = |position: usize| match operands.get(position) {
            Some(&operand) => self.element(operand, operands),
            None => Expression::Number(f64::NAN),
        };
        let whole = |position: usize| match operands.get(position) {
            Some(&operand) => self.reference(operand),
            None => Expression::Number(f64::NAN),
        };
        let boxed = |expression: Expression| Box::new(expression);
        match &node.operator {
            Operator::Constant(bits) => Expression::Number(f64::from_bits(*bits)),
            Operator::Identity(n) => Expression::Identity(n.clone()),
            Operator::Unary(Unary::Negate) => Expression::negated(element(0)),
            Operator::Unary(function) => Expression::Call(*function, boxed(element(0))),
            Operator::Binary(Binary::Add) => Expression::sum(element(0), false, element(1)),
            Operator::Binary(Binary::Subtract) => Expression::sum(element(0), true, element(1)),
            Operator::Binary(Binary::Multiply) => Expression::product(element(0), element(1)),
            Operator::Binary(Binary::Divide) => Expression::Quotient(boxed(element(0)), boxed(element(1))),
            Operator::Binary(function) => {
                Expression::Compare(*function, boxed(element(0)), boxed(element(1)))
            }
            // a b + c
            Operator::Ternary(Ternary::MultiplyAdd) => {
                Expression::sum(Expression::product(element(0), element(1)), false, element(2))
            }
            // a b - c
            Operator::Ternary(Ternary::MultiplySubtract) => {
                Expression::sum(Expression::product(element(0), element(1)), true, element(2))
            }
            // c - a b
            Operator::Ternary(Ternary::NegatedMultiplyAdd) => {
                Expression::sum(element(2), true, Expression::product(element(0), element(1)))
            }
            Operator::Ternary(Ternary::Select) => {
                Expression::Select(boxed(element(0)), boxed(element(1)), boxed(element(2)))
            }
            Operator::MatrixVector | Operator::MatrixMatrix => {
                Expression::Apply(boxed(whole(0)), boxed(whole(1)))
            }
            Operator::Outer => Expression::Outer(boxed(whole(0)), boxed(whole(1))),
            Operator::Transpose => Expression::transposed(whole(0)),
            Operator::Concatenate => {
                Expression::Concatenate(operands.iter().map(|&operand| self.reference(operand)).collect())
            }
            Operator::Slice { start, length } | Operator::SliceColumns { start, length } => {
                let columns = matches!(node.operator, Operator::SliceColumns { .. });
                let total = operands.first().map(|&operand| last_axis(self.graph.shape(operand)));
                let range = self.range(start, length, &total.unwrap_or_default());
                Expression::Part { whole: boxed(whole(0)), range, columns }
            }
            Operator::Pad { start, total } | Operator::PadColumns { start, total } => {
                let columns = matches!(node.operator, Operator::PadColumns { .. });
                let length = operands.first().map(|&operand| last_axis(self.graph.shape(operand)));
                let range = self.range(start, &length.unwrap_or_default(), total);
                Expression::Pad { part: boxed(whole(0)), range, columns }
            }
            Operator::Sum => match operands.first().and_then(|&operand| ones(self.graph, operand)) {
                Some(n) => Expression::Size(n),
                None => Expression::ElementSum(boxed(whole(0))),
            },
            Operator::RowMaximum => Expression::RowMaximum(boxed(whole(0))),
            Operator::MaximumElement => Expression::MaximumElement(boxed(whole(0))),
            Operator::CumulativeSum { reverse } => Expression::CumulativeSum(*reverse, boxed(whole(0))),
            Operator::Broadcast(_) | Operator::BroadcastMatrix(..) => {
                Expression::Fill(boxed(whole(0)), node.shape.clone())
            }
            Operator::Total => Expression::Total(boxed(whole(0))),
            // Leaves with a port have been dealt with.
            Operator::Input(_)
            | Operator::State(_)
            | Operator::Unknown(_)
            | Operator::Parameter(_)
            | Operator::OutputGradient(_)
            | Operator::StateGradient(_)
            | Operator::SolutionGradient(_) => Expression::Number(f64::NAN),
        }
    }
}

/// The length of a vector of ones.
fn ones(graph: &Graph, id: NodeId) -> Option<Dimension> {
    match graph.shape(id) {
        Shape::Vector(n) if graph.uniform_value(id) == Some(1.0) => Some(n.clone()),
        _ => None,
    }
}

/// Elements of a vector, columns of a matrix.
fn last_axis(shape: &Shape) -> Dimension {
    match shape {
        Shape::Scalar => Dimension::constant(1),
        Shape::Vector(n) | Shape::Matrix(_, n) => n.clone(),
    }
}
