//! Which upper-case names stand for vectors, where only their places say so.
//!
//! Upper case reads as a matrix. Some places have no meaning for one, or another than papers give them: a term of a sum
//! of vectors, the argument of a function of elements, a factor of one number, a divisor. What is read so for the last
//! or for a function is said in a note.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use super::kind::Kinds;
use super::number::{by_element, is_step_size, makes_elements, nowhere_else};
use super::product::Kind;
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::source::is_greek_word;
use std::collections::{BTreeSet, HashMap, HashSet};

/// `\operatorname{softplus}(\Lambda)`: undeclared upper-case Greek parameters that only functions of elements are applied
/// to. They hold a number for each unit; weights have Latin letters.
pub(super) fn applied_letters(draft: &Draft) -> BTreeSet<SymbolId> {
    let letter = |node: NodeId| match draft.sources[node.0] {
        Source::Parameter(symbol) => {
            let known = draft.symbol(symbol);
            let base = known.canonical.split('_').next().unwrap_or("");
            (known.upper && is_greek_word(base) && known.declared.is_none()).then_some(symbol)
        }
        _ => None,
    };
    let mut applied: HashMap<SymbolId, usize> = HashMap::new();
    for node in &draft.nodes {
        if let NodeKind::Call(function, arguments) = &node.kind
            && by_element(*function)
            && let [argument] = arguments.as_slice()
            && let Some(symbol) = letter(*argument)
        {
            *applied.entry(symbol).or_default() += 1;
        }
    }
    nowhere_else(draft, applied)
}

/// Undeclared upper-case parameters that only ever stand as terms of sums that vary in time, as `B` in
/// `W x_t + U h_{t-1} + B`, with the other term of each sum.
pub(super) fn addends(draft: &Draft) -> HashMap<SymbolId, Vec<NodeId>> {
    let mut added: HashMap<SymbolId, Vec<NodeId>> = HashMap::new();
    let candidate = |node: NodeId| match draft.sources[node.0] {
        Source::Parameter(symbol) => {
            let known = draft.symbol(symbol);
            (known.upper && known.declared.is_none() && known.role == Role::Parameter).then_some(symbol)
        }
        _ => None,
    };
    for (at, node) in draft.nodes.iter().enumerate() {
        if let NodeKind::Add(a, b) | NodeKind::Subtract(a, b) = node.kind
            && draft.varying[at]
        {
            for (term, other) in [(a, b), (b, a)] {
                if let Some(symbol) = candidate(term) {
                    added.entry(symbol).or_default().push(other);
                }
            }
        }
    }
    let counts = added.iter().map(|(symbol, others)| (*symbol, others.len())).collect();
    let only_added = nowhere_else(draft, counts);
    added.retain(|symbol, _| only_added.contains(symbol));
    added
}

/// `A m_{t-1} + B u_t` with one number `u_t`: an undeclared upper-case parameter that only ever multiplies numbers of
/// each step, in terms added to vectors, is a vector. So it is beside a matrix that is applied to something, and in
/// what a lower-case name is: read as a matrix, it would make matrices of states that nothing else makes so.
pub(super) fn number_columns(draft: &Draft, kinds: &Kinds) -> BTreeSet<SymbolId> {
    let parameter = |node: NodeId| match draft.sources[node.0] {
        Source::Parameter(symbol) => {
            let known = draft.symbol(symbol);
            (known.upper && known.declared.is_none() && known.role == Role::Parameter).then_some(symbol)
        }
        _ => None,
    };
    let applied = |node: NodeId| {
        matches!(draft.kind(node), NodeKind::Factors { factors, signs, .. }
            if factors.iter().any(|factor| parameter(*factor).is_some()) && !signs.contains(&ProductSign::Hadamard))
    };
    // Before the matrix that is meant as a column made matrices of what it is added to.
    let kind = |node: NodeId, kind: Kind| kinds.nodes[node.0] == kind || kinds.settled[node.0] == kind;
    let mut found: HashMap<SymbolId, usize> = HashMap::new();
    for equation in &draft.equations {
        let nodes = equation.first_node..equation.end_node;
        let lower = !draft.symbol(equation.target).upper;
        let mut terms: HashSet<NodeId> = HashSet::new();
        for node in &draft.nodes[nodes.clone()] {
            let (NodeKind::Add(a, b) | NodeKind::Subtract(a, b)) = node.kind else { continue };
            let beside = |(_, other): &(NodeId, NodeId)| kind(*other, Kind::Vector) || applied(*other);
            terms.extend([(a, b), (b, a)].iter().filter(|pair| beside(pair)).map(|pair| pair.0));
        }
        for at in nodes.map(NodeId).filter(|at| lower || terms.contains(at)) {
            let NodeKind::Factors { factors, .. } = draft.kind(at) else { continue };
            let &[left, right] = factors.as_slice() else { continue };
            for (weight, number) in [(left, right), (right, left)] {
                if let Some(symbol) = parameter(weight)
                    && kind(number, Kind::Scalar)
                    && draft.varying[number.0]
                    && !is_step_size(draft, number)
                {
                    *found.entry(symbol).or_default() += 1;
                }
            }
        }
    }
    nowhere_else(draft, found)
}

/// Names that equations divide by.
#[derive(Default)]
pub(super) struct Divisors {
    /// Undeclared upper-case parameters: for its case alone none is a matrix, since no paper divides by one element by
    /// element.
    pub(super) names: BTreeSet<SymbolId>,
    /// Undeclared upper-case parameters that only stand above them, as `T_s` in `T_s / T_d`.
    pub(super) numerators: BTreeSet<SymbolId>,
    /// Parameters that are declared to be matrices, where they stand.
    pub(super) matrices: Vec<NodeId>,
}

/// Finds `C` of `\frac{1}{C} (x_t - G v_{t-1})` and `T_d` of `\alpha = T_s / T_d`.
pub(super) fn divisors(draft: &Draft) -> Divisors {
    let mut found = Divisors::default();
    let mut above: HashMap<SymbolId, usize> = HashMap::new();
    let weighs = weighing_fractions(draft);
    for (at, node) in draft.nodes.iter().enumerate() {
        let NodeKind::Divide(upper, lower) = node.kind else { continue };
        for (node, symbol) in divided_by(draft, lower) {
            match &draft.symbol(symbol).declared {
                None => {
                    found.names.insert(symbol);
                }
                Some(declared) if declared.sizes.len() == 2 => found.matrices.push(node),
                Some(_) => {}
            }
        }
        // `\frac{W}{N} x_t` is a matrix over a number; `\frac{T_s}{T_d} x_t` has two of one kind.
        if let (Some(upper), Some(lower)) = (upper_name(draft, upper), upper_name(draft, lower))
            && (!weighs.contains(&NodeId(at)) || letter(draft, upper) == letter(draft, lower))
        {
            *above.entry(upper).or_default() += 1;
        }
    }
    found.numerators = nowhere_else(draft, above);
    found.numerators.retain(|symbol| draft.symbol(*symbol).declared.is_none());
    found
}

/// The parameter with a name in upper case that an expression is, but for the size of a step, one number.
fn upper_name(draft: &Draft, node: NodeId) -> Option<SymbolId> {
    let Source::Parameter(symbol) = draft.sources[node.0] else { return None };
    let known = draft.symbol(symbol);
    (known.upper && known.role == Role::Parameter && !is_step_size(draft, node)).then_some(symbol)
}

/// `T` of `T_s`.
fn letter(draft: &Draft, symbol: SymbolId) -> Option<&str> {
    draft.symbol(symbol).canonical.split('_').next()
}

/// Quotients that stand before a value of the step, as a weight does.
fn weighing_fractions(draft: &Draft) -> HashSet<NodeId> {
    let mut found = HashSet::new();
    for node in &draft.nodes {
        let NodeKind::Factors { factors, .. } = &node.kind else { continue };
        let before = factors.windows(2).filter(|pair| draft.varying[pair[1].0]).map(|pair| pair[0]);
        found.extend(before.filter(|factor| matches!(draft.kind(*factor), NodeKind::Divide(..))));
    }
    found
}

/// The upper-case parameters that a divisor is made of, element by element. A product with a value of the step is none of
/// theirs: it may be one with a matrix.
fn divided_by(draft: &Draft, divisor: NodeId) -> Vec<(NodeId, SymbolId)> {
    let mut found = Vec::new();
    let mut stack = vec![divisor];
    let mut seen = HashSet::new();
    while let Some(node) = stack.pop() {
        if !seen.insert(node) {
            continue;
        }
        match draft.kind(node) {
            NodeKind::Read { .. } => found.extend(upper_name(draft, node).map(|symbol| (node, symbol))),
            NodeKind::Factors { .. } if draft.varying[node.0] => {}
            kind if makes_elements(kind) => kind.operands(|operand| stack.push(operand)),
            _ => {}
        }
    }
    found
}

/// A matrix that is divided by is an error: its inverse may be meant. Where what it divides is a vector, that is one
/// without this.
pub(super) fn report_divisors(draft: &mut Draft, kinds: &Kinds, divisors: &Divisors) {
    let matrices: HashSet<NodeId> = divisors.matrices.iter().copied().collect();
    let mut found = Vec::new();
    for node in &draft.nodes {
        if let NodeKind::Divide(upper, lower) = node.kind
            && kinds.nodes[upper.0] != Kind::Vector
        {
            let inside = divided_by(draft, lower).into_iter().find(|one| matrices.contains(&one.0));
            found.extend(inside.map(|(read, symbol)| (node.span, read, symbol)));
        }
    }
    for (span, read, symbol) in found {
        let (name, place) = (draft.symbol(symbol).canonical.clone(), draft.span(read));
        draft
            .findings
            .report(Code::OperandKind, span, format!("`{name}` is declared as a matrix, and divided by"))
            .label(place, "a matrix")
            .help(format!(
                "declare `{name}` as a number or a vector, or give the inverse matrix as a weight"
            ));
    }
}

/// Says which names are read as vectors for where they stand.
pub(super) fn note(draft: &mut Draft, symbols: &BTreeSet<SymbolId>, why: &str, help: &str) {
    for &symbol in symbols {
        let (name, span) = (draft.symbol(symbol).canonical.clone(), draft.symbol(symbol).first);
        let message = format!("`{name}` is read as a vector: {why}");
        draft.findings.report(Code::VectorRead, span, message).help(help.replace('?', &name));
    }
}
