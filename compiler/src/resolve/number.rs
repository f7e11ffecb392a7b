//! Which names stand for one number, where only their places say so.
//!
//! A name without declaration is a vector or a matrix. In some places only a number has a meaning: before a matrix of
//! the step, before the identity, beside numbers in a sum. What is read so is said in a note, but for `\gamma I`.

use super::draft::Draft;
use super::expression::{Equation, NodeId, NodeKind, Role, Source, SymbolId};
use super::initial::step_label;
use super::kind::{Kinds, ROUNDS, attempt};
use super::product::Kind;
use crate::diagnostic::Code;
use crate::source::ast::{Function, ProductSign};
use crate::source::is_greek_word;
use crate::span::Span;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How often each input and parameter is read.
fn reads(draft: &Draft) -> HashMap<SymbolId, usize> {
    let mut reads = HashMap::new();
    for source in &draft.sources {
        if let Source::Input(symbol, _) | Source::Parameter(symbol) = source {
            *reads.entry(*symbol).or_default() += 1;
        }
    }
    reads
}

/// The symbols that are read as often as was `found`, so in no other place.
pub(super) fn nowhere_else(draft: &Draft, found: HashMap<SymbolId, usize>) -> BTreeSet<SymbolId> {
    let reads = reads(draft);
    found.into_iter().filter(|(symbol, count)| reads.get(symbol) == Some(count)).map(|one| one.0).collect()
}

/// `\Delta t`, `\Delta_t`: what scales the matrix of a differential equation.
pub(super) fn is_step_size(draft: &Draft, node: NodeId) -> bool {
    let NodeKind::Read { symbol, .. } = draft.kind(node) else { return false };
    let base = draft.symbol(*symbol).canonical.split('_').next().unwrap_or("");
    matches!(base, "Delta" | "delta" | "Deltat" | "dt")
}

/// What is taken modulo something.
fn phase(node: &NodeKind) -> Option<NodeId> {
    match node {
        NodeKind::Call(Function::Modulo, arguments) => arguments.first().copied(),
        _ => None,
    }
}

/// `w^\top x_t + b`: an undeclared lower-case parameter that is only ever added to numbers of each step, or taken away
/// from them, is a number.
/// A sum of several is settled from its first bias on.
pub(super) fn number_biases(
    draft: &mut Draft,
    kinds: &mut Kinds,
    scalars: &mut BTreeSet<SymbolId>,
    vectors: &BTreeSet<SymbolId>,
) {
    let phases: HashSet<NodeId> = draft.nodes.iter().filter_map(|node| phase(&node.kind)).collect();
    for _ in 0..ROUNDS {
        let mut added: HashMap<SymbolId, (usize, bool)> = HashMap::new();
        for (at, node) in draft.nodes.iter().enumerate() {
            let (NodeKind::Add(a, b) | NodeKind::Subtract(a, b)) = node.kind else { continue };
            // `(\tau_t - s) \bmod p`: a phase is each unit's own, as the period is.
            let phase = phases.contains(&NodeId(at));
            for (term, other) in [(a, b), (b, a)] {
                if let Source::Parameter(symbol) = draft.sources[term.0] {
                    let entry = added.entry(symbol).or_insert((0, true));
                    entry.0 += 1;
                    entry.1 &= !phase && draft.varying[at] && kinds.nodes[other.0] == Kind::Scalar;
                }
            }
        }
        let reads = reads(draft);
        let mut found: Vec<SymbolId> = added
            .into_iter()
            .filter(|(symbol, (count, numbers))| {
                let known = draft.symbol(*symbol);
                *numbers
                    && reads.get(symbol) == Some(count)
                    && known.role == Role::Parameter
                    && known.declared.is_none()
                    && !known.upper
                    && kinds.symbols[symbol.0] == Kind::Vector
            })
            .map(|(symbol, _)| symbol)
            .collect();
        if found.is_empty() {
            break;
        }
        found.sort_unstable();
        scalars.extend(&found);
        *kinds = attempt(draft, scalars, vectors);
        for symbol in found {
            let (name, span) = (draft.symbol(symbol).canonical.clone(), draft.symbol(symbol).first);
            draft
                .findings
                .report(
                    Code::ScalarRead,
                    span,
                    format!("`{name}` is only added to numbers, or taken from them: it is read as one"),
                )
                .help(format!("where a vector is meant, declare `{name}`"));
        }
    }
}

/// How the terms of the sum that a state is carry it on, and what else they are.
#[derive(Default)]
struct Carried {
    /// A term has the state of the step before.
    own: bool,
    /// One of these terms has `\otimes`.
    own_tensor: bool,
    /// An inner product as a term, and whether its row varies.
    inner: Option<(Span, bool)>,
    /// A term with `\otimes` between other values.
    tensor: Option<NodeId>,
    /// Any other term.
    others: bool,
}

fn carried(draft: &Draft, kinds: &Kinds, equation: &Equation) -> Carried {
    let own = |node: NodeId| matches!(draft.sources[node.0], Source::Delayed(symbol, _) if symbol == equation.target);
    let base = |symbol: SymbolId| draft.symbol(symbol).canonical.split('_').next();
    // `\tilde{C}_t` is made for `C_t`.
    let candidate = |node: &NodeId| matches!(draft.kind(*node), NodeKind::Read { symbol, .. } if base(*symbol) == base(equation.target));
    let mut found = Carried::default();
    let mut stack = vec![equation.value];
    // Applied functions share their argument: as a tree, `f(f(x))` with `f(u) = u + u` grows without bounds.
    let mut seen = HashSet::new();
    while let Some(node) = stack.pop() {
        if !seen.insert(node.0) {
            continue;
        }
        match draft.kind(node) {
            NodeKind::Add(a, b) | NodeKind::Subtract(a, b) => stack.extend([*a, *b]),
            NodeKind::Factors { factors, signs, .. } => {
                let tensor = signs.contains(&ProductSign::Tensor);
                let row = factors.iter().find(|factor| kinds.nodes[factor.0] == Kind::Row);
                let number = kinds.nodes[node.0] == Kind::Scalar || scaled_inner(draft, kinds, factors);
                if factors.iter().any(|factor| own(*factor)) {
                    (found.own, found.own_tensor) = (true, found.own_tensor || tensor);
                } else if let (true, Some(row)) = (number, row) {
                    found.inner = Some((draft.span(node), draft.varying[row.0]));
                } else if tensor && !factors.iter().any(candidate) {
                    found.tensor = Some(node);
                } else {
                    found.others = true;
                }
            }
            _ if own(node) => found.own = true,
            _ => found.others = true,
        }
    }
    found
}

/// `S_t = S_{t-1} + \beta_t k_t^\top v_t`: read as columns, `k_t^\top v_t` is one number, added to every element of a state that
/// nothing else gives a shape; read as rows, which is mostly meant, it is an outer product. A Greek factor before it is no vector.
/// So is `v_t \otimes k_t` an outer product where the state is carried on without this sign, which would be element by element,
/// and is called or declared like a matrix.
pub(super) fn inner_states(draft: &mut Draft, kinds: &Kinds) {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for (index, equation) in draft.equations.iter().enumerate() {
        let state = draft.symbol(equation.target);
        let matrix = state.declared.as_ref().is_some_and(|declared| declared.sizes.len() == 2);
        if kinds.equations[index] != Kind::Vector && !matrix {
            continue;
        }
        let terms = carried(draft, kinds, equation);
        match terms {
            Carried { own: true, inner: Some((span, varies)), others: false, tensor: None, .. }
                if kinds.equations[index] == Kind::Vector =>
            {
                // A weight has no outer product with a value.
                let outer = if varies {
                    "values are columns: write an outer product as `v_t k_t^\\top`; "
                } else {
                    ""
                };
                let state = draft.written(equation.target, 0);
                let help = format!(
                    "{outer}where the state is one number, declare it, as in `{state} \\in \\mathbb{{R}}`"
                );
                found.push((span, "this is one number, added to every element of the state", help));
            }
            Carried { own: true, own_tensor: false, tensor: Some(product), .. }
                if matrix && kinds.nodes[product.0] == Kind::Vector
                    || state.upper && state.declared.is_none() =>
            {
                let span = draft.span(product);
                wrong.push(product);
                let help = "write an outer product as `v_t k_t^\\top`, and a product element by element as \
                            `v_t \\odot k_t`";
                let message =
                    "an outer product is mostly meant here, but `\\otimes` reads element by element";
                found.push((span, message, help.to_owned()));
            }
            _ => {}
        }
    }
    // Nothing is said of what the product does not fit.
    for product in wrong {
        draft.nodes[product.0].kind = NodeKind::Faulty;
    }
    for (span, message, help) in found {
        draft.findings.report(Code::AmbiguousProduct, span, message).help(help);
    }
}

/// `\beta_t k_t^\top v_t`: an inner product behind a Greek letter.
fn scaled_inner(draft: &Draft, kinds: &Kinds, factors: &[NodeId]) -> bool {
    factors.split_first().is_some_and(|(first, rest)| {
        let vectors = rest.iter().map(|factor| kinds.nodes[factor.0]).filter(|kind| *kind != Kind::Scalar);
        greek_vector(draft, kinds, *first).is_some() && vectors.eq([Kind::Row, Kind::Vector])
    })
}

/// An undeclared Greek input or parameter that reads as a vector.
fn greek_vector(draft: &Draft, kinds: &Kinds, node: NodeId) -> Option<SymbolId> {
    let (Source::Input(symbol, _) | Source::Parameter(symbol)) = draft.sources[node.0] else { return None };
    let known = draft.symbol(symbol);
    let base = known.canonical.split('_').next().unwrap_or("");
    let greek = is_greek_word(base) && !known.upper;
    (greek && known.declared.is_none() && kinds.symbols[symbol.0] == Kind::Vector).then_some(symbol)
}

/// Undeclared Greek inputs and parameters, and names that equations divide by, that only ever stand before an outer
/// product or a matrix that varies in time, as in `\alpha_t S_{t-1} + \beta_t v_t k_t^\top` and `\gamma S_{t-1}`, or below
/// a matrix; or of which alone what stands there is made, `(1 - \eta) S_{t-1}`: a vector has no meaning there.
pub(super) fn letter_scales(
    draft: &Draft,
    kinds: &Kinds,
    divisors: &BTreeSet<SymbolId>,
) -> BTreeSet<SymbolId> {
    let kind = |node: &NodeId| kinds.nodes[node.0];
    let letter = |node: NodeId| match draft.sources[node.0] {
        Source::Parameter(symbol) if divisors.contains(&symbol) => Some(symbol),
        _ => greek_vector(draft, kinds, node),
    };
    let letters = |node: &NodeId| {
        let mut reads = Vec::new();
        let made = made_of(draft, kinds, *node, |read, _| {
            let symbol = letter(read);
            reads.extend(symbol.map(|symbol| (symbol, read)));
            symbol.is_some()
        });
        made.then_some(reads)
    };
    // `\lambda + x_t^\top P_{t-1} x_t`: here, too, it is a number.
    let mut added: HashMap<SymbolId, usize> = HashMap::new();
    // What functions share is read once.
    let mut scaling: HashMap<SymbolId, BTreeSet<NodeId>> = HashMap::new();
    let mut scale = |reads: Vec<(SymbolId, NodeId)>| {
        for (symbol, read) in reads {
            scaling.entry(symbol).or_default().insert(read);
        }
    };
    for node in &draft.nodes {
        match &node.kind {
            // Beside a matrix, what is to become a number makes a product unknown.
            NodeKind::Divide(upper, lower) if matches!(kind(upper), Kind::Matrix | Kind::Unknown) => {
                letters(lower).into_iter().for_each(&mut scale);
            }
            NodeKind::Add(a, b) | NodeKind::Subtract(a, b) => {
                for (term, other) in [(a, b), (b, a)] {
                    if let Some(symbol) =
                        letter(*term).filter(|_| kind(other) == Kind::Scalar && draft.varying[other.0])
                    {
                        *added.entry(symbol).or_default() += 1;
                    }
                }
            }
            NodeKind::Factors { factors, signs, .. }
                if !signs.contains(&ProductSign::Hadamard)
                    && factors.iter().any(|factor| matches!(kind(factor), Kind::Matrix | Kind::Row)) =>
            {
                let run: Vec<_> = factors.iter().map_while(letters).collect();
                let next = factors.get(run.len());
                let matrix = next.is_some_and(|next| kind(next) == Kind::Matrix && draft.varying[next.0]);
                for (position, reads) in run.into_iter().enumerate() {
                    let mut rest = factors[position + 1..].windows(2);
                    let outer =
                        |pair: &[NodeId]| kind(&pair[0]) == Kind::Vector && kind(&pair[1]) == Kind::Row;
                    if matrix || rest.any(outer) {
                        scale(reads);
                    }
                }
            }
            _ => {}
        }
    }
    let count = |(symbol, reads): (SymbolId, BTreeSet<NodeId>)| {
        (symbol, reads.len() + added.get(&symbol).copied().unwrap_or(0))
    };
    nowhere_else(draft, scaling.into_iter().map(count).collect())
}

/// Undeclared lower-case inputs that stand directly before a matrix that varies in time, as `f_t` in
/// `f_t C_{t-1} + i_t v_t k_t^\top`, or of which alone what stands there is made, `f_t = \sigma(\tilde f_t)`: a vector has
/// no meaning there. With them those that scale the outer product they are added to, since they are gates of one memory.
pub(super) fn matrix_scales(draft: &Draft, kinds: &Kinds) -> BTreeSet<SymbolId> {
    let kind = |node: &NodeId| kinds.nodes[node.0];
    let mut found = BTreeSet::new();
    for equation in &draft.equations {
        let (mut scales, mut partners) = (BTreeSet::new(), BTreeSet::new());
        for node in &draft.nodes[equation.first_node..equation.end_node] {
            let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
            let Some((first, rest)) = factors.split_first() else { continue };
            if kind(first) != Kind::Vector || signs.contains(&ProductSign::Hadamard) {
                continue;
            }
            match rest {
                [next, ..] if kind(next) == Kind::Matrix && draft.varying[next.0] => {
                    scales.extend(made_of_inputs(draft, kinds, *first));
                }
                [column, row] if kind(column) == Kind::Vector && kind(row) == Kind::Row => {
                    partners.extend(made_of_inputs(draft, kinds, *first));
                }
                _ => {}
            }
        }
        if !scales.is_empty() {
            found.extend(scales);
            found.extend(partners);
        }
    }
    found
}

/// What a definition that is declared as a number is made of: `f_t \in \mathbb{R}` and `f_t = \sigma(\tilde f_t)`.
pub(super) fn declared_numbers(draft: &Draft, kinds: &Kinds) -> BTreeSet<SymbolId> {
    let declared = |symbol| kinds.declared(draft, symbol).is_some_and(<[_]>::is_empty);
    let numbers = draft.equations.iter().filter(|equation| declared(equation.target));
    numbers.flat_map(|equation| made_of_inputs(draft, kinds, equation.value)).collect()
}

/// `y_t = a y_{t-1} + b u_t + c` with `y_t, u_t \in \mathbb{R}`: the undeclared parameters that the definition of what is
/// declared as a number is made of, element by element, beside numbers alone.
pub(super) fn weights_of_numbers(draft: &Draft, kinds: &Kinds) -> BTreeSet<SymbolId> {
    let mut found = BTreeSet::new();
    for equation in &draft.equations {
        let begins = step_label(&draft.symbol(equation.target).canonical).filter(|_| equation.time.is_none());
        let value = begins.and_then(|(state, _)| draft.lookup(state)).unwrap_or(equation.target);
        if kinds.declared(draft, value).is_none_or(|sizes| !sizes.is_empty()) {
            continue;
        }
        let mut weights = BTreeSet::new();
        let numbers = made_of(draft, kinds, equation.value, |read, _| match draft.sources[read.0] {
            Source::Parameter(symbol) => {
                weights.insert(symbol);
                draft.symbol(symbol).declared.is_none()
            }
            _ => false,
        });
        if numbers {
            found.extend(weights);
        }
    }
    found
}

/// Those of which nothing is to be said but of what they are made of: states that are numbers if others are.
fn undefined(draft: &Draft, symbols: &BTreeSet<SymbolId>) -> Vec<SymbolId> {
    symbols.iter().copied().filter(|symbol| draft.symbol(*symbol).definitions.is_empty()).collect()
}

/// Says which names are numbers since they scale matrices.
pub(super) fn note_scales(draft: &mut Draft, scalars: &BTreeSet<SymbolId>) {
    for symbol in undefined(draft, scalars) {
        let (name, span) = (draft.symbol(symbol).canonical.clone(), draft.symbol(symbol).first);
        draft
            .findings
            .report(Code::ScalarRead, span, format!("`{name}` scales a matrix: it is read as a scalar"))
            .help(format!("where a vector is meant, write `diag({name})`, or declare `{name}`"));
    }
}

/// Says which names are numbers since what they are part of is declared as one.
pub(super) fn note_parts(draft: &mut Draft, parts: &BTreeSet<SymbolId>) {
    for symbol in undefined(draft, parts) {
        let (name, span) = (draft.symbol(symbol).canonical.clone(), draft.symbol(symbol).first);
        let message = format!("`{name}` is part of what is declared as one number: it is read as one");
        draft.findings.report(Code::ScalarRead, span, message).help(format!("declare `{name}` otherwise"));
    }
}

/// The undeclared lower-case inputs that a vector is made of, element by element, where it is made of nothing else but
/// numbers and states that are made so, and these states: if all are numbers, it is one. Else none.
fn made_of_inputs(draft: &Draft, kinds: &Kinds, node: NodeId) -> BTreeSet<SymbolId> {
    let mut numbers = BTreeSet::new();
    let made = made_of(draft, kinds, node, |read, stack| match draft.sources[read.0] {
        _ if kinds.nodes[read.0] != Kind::Vector => false,
        Source::Input(symbol, _) => {
            let known = draft.symbol(symbol);
            numbers.insert(symbol);
            !known.upper && known.declared.is_none()
        }
        Source::Equation(at) | Source::Unknown(at) => {
            stack.push(draft.equations[at].value);
            draft.symbol(draft.equations[at].target).declared.is_none()
        }
        Source::Delayed(symbol, _) => {
            let known = draft.symbol(symbol);
            numbers.insert(symbol);
            stack.extend(known.definitions.last().map(|&at| draft.equations[at].value));
            known.declared.is_none()
        }
        Source::Parameter(_) | Source::Identity | Source::None => false,
    });
    if made { numbers } else { BTreeSet::new() }
}

/// True where an expression is made element by element of numbers and of names that `read` takes, which may name other
/// expressions that these are made of: if all of them are numbers, it is one.
fn made_of(
    draft: &Draft,
    kinds: &Kinds,
    node: NodeId,
    mut read: impl FnMut(NodeId, &mut Vec<NodeId>) -> bool,
) -> bool {
    let mut stack = vec![node];
    let mut seen = HashSet::new();
    while let Some(node) = stack.pop() {
        if kinds.nodes[node.0] == Kind::Scalar || !seen.insert(node.0) {
            continue;
        }
        let elements = match draft.kind(node) {
            NodeKind::Read { .. } => read(node, &mut stack),
            // `g w^\top x_t`: the inner product is a number.
            NodeKind::Factors { factors, .. } => {
                let inner = |at: usize| {
                    let kind = |at: usize| factors.get(at).map(|factor| kinds.nodes[factor.0]);
                    kind(at) == Some(Kind::Row) && kind(at + 1) == Some(Kind::Vector)
                };
                let outside =
                    (0..factors.len()).filter(|&at| !inner(at) && !at.checked_sub(1).is_some_and(inner));
                stack.extend(outside.map(|at| factors[at]));
                true
            }
            kind if makes_elements(kind) => {
                kind.operands(|operand| stack.push(operand));
                true
            }
            _ => false,
        };
        if !elements {
            return false;
        }
    }
    true
}

/// Operators that make of numbers a number.
pub(super) const fn makes_elements(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Negate(_)
        | NodeKind::Add(..)
        | NodeKind::Subtract(..)
        | NodeKind::Divide(..)
        | NodeKind::Power(..)
        | NodeKind::Factors { .. } => true,
        NodeKind::Call(function, _) => by_element(*function),
        _ => false,
    }
}

/// Functions that make of one number one number.
pub(super) const fn by_element(function: Function) -> bool {
    matches!(
        function,
        Function::Sigmoid
            | Function::Tanh
            | Function::Relu
            | Function::Softplus
            | Function::Exponential
            | Function::Logarithm
            | Function::SquareRoot
            | Function::Absolute
            | Function::Maximum
            | Function::Minimum
            | Function::LogSigmoid
            | Function::Clip
    )
}

/// The lower-case parameters and inputs that an expression is made of, element by element, where it is made of nothing
/// else but numbers.
fn lower_names(draft: &Draft, node: NodeId) -> BTreeSet<SymbolId> {
    let mut found = BTreeSet::new();
    let mut stack = vec![node];
    let mut seen = HashSet::new();
    while let Some(node) = stack.pop() {
        if !seen.insert(node) {
            continue;
        }
        match (draft.kind(node), draft.sources[node.0]) {
            (NodeKind::Number(_), _) => {}
            (NodeKind::Read { .. }, Source::Parameter(symbol) | Source::Input(symbol, _))
                if !draft.symbol(symbol).upper =>
            {
                found.insert(symbol);
            }
            (kind, _) if makes_elements(kind) => kind.operands(|operand| stack.push(operand)),
            _ => return BTreeSet::new(),
        }
    }
    found
}

/// Undeclared lower-case parameters and inputs that stand before the identity, as `\gamma I`, `\alpha_t I` and
/// `\delta^{-1} I`: nothing but a number can.
pub(super) fn identity_scales(draft: &Draft) -> BTreeSet<SymbolId> {
    let mut found = BTreeSet::new();
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        for (pair, sign) in factors.windows(2).zip(signs) {
            let &[scale, identity] = pair else { continue };
            if draft.sources[identity.0] == Source::Identity && *sign != ProductSign::Hadamard {
                found.extend(lower_names(draft, scale));
            }
        }
    }
    found
}
