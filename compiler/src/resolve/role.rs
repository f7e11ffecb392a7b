//! What each name stands for: per-step value or computed once, constant, parameter, identity, output.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use crate::source::ast::Function;
use std::collections::HashSet;

/// Settles the roles that `time` left open and fills `varying`.
pub(super) fn assign(draft: &mut Draft) {
    find_identities(draft);
    find_once(draft);
}

/// A name without index that is defined from things that vary in time is a per-step value; one defined from
/// parameters alone is computed once.
fn find_once(draft: &mut Draft) {
    // Names that vary: inputs, indexed definitions, and what reads them. A worklist over the readers of each name.
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); draft.symbols.len()];
    let mut varies: Vec<bool> = draft.symbols.iter().map(|symbol| symbol.role == Role::Input).collect();
    for (index, equation) in draft.equations.iter().enumerate() {
        let mut seen = HashSet::new();
        for (_, symbol, time) in draft.reads(equation) {
            if seen.insert(symbol) {
                readers[symbol.0].push(index);
            }
            // A value read by its time index is one of each step.
            varies[symbol.0] |= time.is_some();
        }
        varies[equation.target.0] |= equation.time.is_some();
    }
    let mut pending: Vec<usize> = (0..varies.len()).filter(|&at| varies[at]).collect();
    while let Some(symbol) = pending.pop() {
        for &equation in &readers[symbol] {
            let target = draft.equations[equation].target.0;
            if !varies[target] {
                varies[target] = true;
                pending.push(target);
            }
        }
    }
    for (symbol, &varies) in draft.symbols.iter_mut().zip(&varies) {
        if symbol.role == Role::PerStep && !varies {
            symbol.role = Role::Once;
        }
    }
    let mut varying = vec![false; draft.nodes.len()];
    for (at, node) in draft.nodes.iter().enumerate() {
        let mut any = matches!(node.kind, NodeKind::Read { symbol, .. } if varies[symbol.0]);
        node.kind.operands(|operand| any |= varying[operand.0]);
        varying[at] = any;
    }
    draft.varying = varying;
}

/// `I` and `I_n` are the identity where they stand as a term of a sum or as the value of an upper-case name, alone or
/// scaled: among matrices.
fn find_identities(draft: &mut Draft) {
    let mut term = vec![false; draft.nodes.len()];
    let mut found = HashSet::new();
    // `S_0 = I`, `A = I - W`: a name of a matrix.
    for equation in &draft.equations {
        term[equation.value.0] = draft.symbol(equation.target).upper;
    }
    for at in (0..draft.nodes.len()).rev() {
        let inherited = term[at];
        match &draft.nodes[at].kind {
            NodeKind::Add(a, b) | NodeKind::Subtract(a, b) => {
                term[a.0] = true;
                term[b.0] = true;
            }
            NodeKind::Negate(a) => term[a.0] |= inherited,
            NodeKind::Factors { factors, .. } if inherited => {
                if let Some(last) = factors.last() {
                    term[last.0] = true;
                }
            }
            NodeKind::Read { symbol, time: None } if inherited => {
                let known = draft.symbol(*symbol);
                let name = known.canonical.as_str();
                let unit = name == "I" || name.strip_prefix("I_").is_some_and(|label| !label.contains('_'));
                if unit && known.role == Role::Parameter && known.declared.is_none() {
                    found.insert(*symbol);
                }
            }
            _ => {}
        }
    }
    for symbol in found {
        draft.symbols[symbol.0].role = Role::Identity;
    }
}

/// Names defined without index from numbers alone become constants; needs an order of evaluation.
pub(super) fn find_constants(draft: &mut Draft) {
    for at in 0..draft.order.len() {
        let equation = &draft.equations[draft.order[at]];
        let symbol = draft.symbol(equation.target);
        if symbol.role != Role::Once || symbol.definitions.len() != 1 {
            continue;
        }
        if let Some(value) = fold(draft, equation.value, equation.first_node) {
            let target = equation.target;
            draft.symbols[target.0].role = Role::Constant(value);
        }
    }
}

/// The number that an expression of numbers and constants is.
fn fold(draft: &Draft, root: NodeId, first: usize) -> Option<f64> {
    let mut values: Vec<Option<f64>> = Vec::new();
    for at in first..=root.0 {
        let of = |node: &NodeId| node.0.checked_sub(first).and_then(|at| values.get(at).copied().flatten());
        let value = match &draft.nodes[at].kind {
            NodeKind::Number(value) => Some(*value),
            NodeKind::Read { symbol, .. } => match (draft.symbol(*symbol).role, draft.sources[at]) {
                (Role::Constant(value), Source::Equation(_)) => Some(value),
                _ => None,
            },
            NodeKind::Negate(a) => of(a).map(|a| -a),
            NodeKind::Add(a, b) => of(a).zip(of(b)).map(|(a, b)| a + b),
            NodeKind::Subtract(a, b) => of(a).zip(of(b)).map(|(a, b)| a - b),
            NodeKind::Divide(a, b) => of(a).zip(of(b)).map(|(a, b)| a / b),
            NodeKind::Power(a, b) => of(a).zip(of(b)).map(|(a, b)| a.powf(b)),
            NodeKind::Factors { factors, .. } => {
                factors.iter().map(of).try_fold(1.0, |product, factor| factor.map(|factor| product * factor))
            }
            NodeKind::Call(Function::SquareRoot, arguments) => arguments.first().and_then(of).map(f64::sqrt),
            _ => None,
        };
        values.push(value);
    }
    values.last().copied().flatten()
}

/// The output: `y_t`, else `\hat y_t`, else `\tilde y_t`, else an indexed `h_t` (unless a state `H_t` is made from it),
/// else the one indexed definition that nothing reads, that is no state (a gate, `σ(…)`, that does not depend on what the
/// states become in this step is no output but one that was forgotten), else the state `H_t`, else the last state, and
/// with no state at all the last definition.
pub(super) fn output(draft: &Draft, states: &[SymbolId]) -> Option<SymbolId> {
    let per_step = |name: &str| {
        draft.lookup(name).filter(|&id| draft.symbol(id).role == Role::PerStep && defined(draft, id))
    };
    if let Some(output) = ["y", "y_hat", "y_tilde"].into_iter().find_map(per_step) {
        return Some(output);
    }
    // `H_t = (1 - z_t) H_{t-1} + z_t h_t`: the candidate of a state `H` is no output.
    let candidate = |id: SymbolId| {
        draft.equations.iter().any(|equation| {
            states.contains(&equation.target)
                && draft.symbol(equation.target).canonical == "H"
                && draft.reads(equation).any(|(node, symbol, _)| {
                    symbol == id && matches!(draft.sources[node.0], Source::Equation(_))
                })
        })
    };
    if let Some(output) = per_step("h").filter(|&id| indexed(draft, id) && !candidate(id)) {
        return Some(output);
    }
    let mut read: HashSet<SymbolId> = HashSet::new();
    for equation in &draft.equations {
        read.extend(draft.reads(equation).map(|(_, symbol, _)| symbol));
    }
    // What a state of this step decides.
    let fresh = decided_by(draft, states);
    let unread: Vec<SymbolId> = (0..draft.symbols.len())
        .map(SymbolId)
        .filter(|id| defined(draft, *id) && indexed(draft, *id) && !read.contains(id) && !states.contains(id))
        .filter(|id| states.is_empty() || fresh.contains(id) || !is_gate(draft, *id))
        .collect();
    match (unread.as_slice(), states.last()) {
        (&[only], _) => Some(only),
        // The matrices of others are written `H_t`, `C_t`, whichever stands last.
        (_, Some(&last)) => {
            let hidden = |id: &&SymbolId| draft.symbol(**id).canonical == "H";
            Some(states.iter().find(hidden).copied().unwrap_or(last))
        }
        _ => {
            let per_step = |target: &SymbolId| draft.symbol(*target).role == Role::PerStep;
            draft.equations.iter().rev().map(|equation| equation.target).find(per_step)
        }
    }
}

/// The state that is made from `id` in this step, where `id` is made from no state of this step: a candidate, as in
/// `s_t = (1 - z_t) s_{t-1} + z_t h_t`, or one head of several, as in `x_t = σ(f_t) g_t + (1 - σ(f_t)) h_t`.
pub(super) fn state_made_of(draft: &Draft, states: &[SymbolId], id: SymbolId) -> Option<SymbolId> {
    if states.contains(&id) || decided_by(draft, states).contains(&id) {
        return None;
    }
    let made = decided_by(draft, &[id]);
    states.iter().copied().find(|state| made.contains(state))
}

/// These values, and what depends on them in the same step.
fn decided_by(draft: &Draft, values: &[SymbolId]) -> HashSet<SymbolId> {
    let mut decided: HashSet<SymbolId> = values.iter().copied().collect();
    for &at in &draft.order {
        let equation = &draft.equations[at];
        let depends = draft.reads(equation).any(|(node, symbol, _)| {
            matches!(draft.sources[node.0], Source::Equation(_) | Source::Unknown(_))
                && decided.contains(&symbol)
        });
        if depends {
            decided.insert(equation.target);
        }
    }
    decided
}

/// True where the name is defined as a sigmoid of something.
pub(super) fn is_gate(draft: &Draft, id: SymbolId) -> bool {
    draft.symbol(id).definitions.first().is_some_and(|&at| {
        let value = draft.equations[at].value;
        matches!(draft.nodes[value.0].kind, NodeKind::Call(Function::Sigmoid, _))
    })
}

fn defined(draft: &Draft, id: SymbolId) -> bool {
    !draft.symbol(id).definitions.is_empty()
}

fn indexed(draft: &Draft, id: SymbolId) -> bool {
    draft.symbol(id).definitions.first().is_some_and(|&at| draft.equations[at].time.is_some())
}
