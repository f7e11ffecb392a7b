//! An order of evaluation, and what is done about cycles within one step.
//!
//! The order is that of the text as far as what the definitions read allows.

use super::CyclePolicy;
use super::draft::Draft;
use super::expression::{NodeId, Role, Source, SymbolId};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_STATES;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

/// Fills `order`. Cycles are reported, or cut as the options say; after a report they are cut all the same, so that
/// the passes behind can go on and find what else is wrong.
pub(super) fn sort(draft: &mut Draft) {
    for _ in 0..=MAXIMUM_STATES {
        let (order, rest) = evaluate(draft);
        draft.order = order;
        let Some(cycle) = rest.map(|rest| find_cycle(draft, &rest)) else { return };
        if cycle.is_empty() {
            return;
        }
        resolve_cycle(draft, &cycle);
    }
    let span = draft.equations.first().map(|equation| equation.span).unwrap_or_default();
    draft.findings.report(
        Code::TooManyStates,
        span,
        format!("more than {MAXIMUM_STATES} cycles (MAXIMUM_STATES)"),
    );
}

/// Equations that can be evaluated, in order, and a mark for each that cannot.
fn evaluate(draft: &Draft) -> (Vec<usize>, Option<Vec<bool>>) {
    let count = draft.equations.len();
    let mut waiting = vec![0usize; count];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, equation) in draft.equations.iter().enumerate() {
        let mut seen = HashSet::new();
        for node in equation.first_node..equation.end_node {
            if let Source::Equation(source) = draft.sources[node]
                && seen.insert(source)
            {
                waiting[index] += 1;
                readers[source].push(index);
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..count).filter(|&at| waiting[at] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse(equation)) = ready.pop() {
        order.push(equation);
        for &reader in &readers[equation] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    let rest = (order.len() < count).then(|| waiting.iter().map(|&open| open > 0).collect());
    (order, rest)
}

/// One edge of a loop: in `reader`, the node `read` takes the value of the next reader of the loop.
struct Edge {
    reader: usize,
    read: NodeId,
    source: usize,
}

/// A loop among the equations marked in `rest`: follow first reads until an equation comes again.
fn find_cycle(draft: &Draft, rest: &[bool]) -> Vec<Edge> {
    let Some(mut at) = rest.iter().position(|&open| open) else { return Vec::new() };
    let mut place = vec![None; rest.len()];
    let mut path: Vec<Edge> = Vec::new();
    loop {
        if let Some(start) = place[at] {
            path.drain(..start);
            // The loop is told from its first equation in the text.
            let first = path.iter().enumerate().min_by_key(|(_, edge)| edge.reader).map_or(0, |(at, _)| at);
            path.rotate_left(first);
            return path;
        }
        place[at] = Some(path.len());
        let equation = &draft.equations[at];
        let next = (equation.first_node..equation.end_node).find_map(|node| match draft.sources[node] {
            Source::Equation(source) if rest[source] => Some((NodeId(node), source)),
            _ => None,
        });
        let Some((read, source)) = next else { return Vec::new() };
        path.push(Edge { reader: at, read, source });
        at = source;
    }
}

/// Reports a loop and cuts it at a read of a state: so that it reads the value of the step before, or so that all reads
/// of that value which the value itself needs are reads of an unknown. With each unknown all loops through it are cut.
fn resolve_cycle(draft: &mut Draft, cycle: &[Edge]) {
    let states: HashSet<SymbolId> = draft
        .sources
        .iter()
        .filter_map(|source| match source {
            Source::Delayed(symbol, _) => Some(*symbol),
            _ => None,
        })
        .collect();
    let target = |equation: usize| draft.equations[equation].target;
    // A read of a state, best one that stands above the definition it reads; else any read that stands above.
    let chosen = cycle
        .iter()
        .min_by_key(|edge| (!states.contains(&target(edge.source)), edge.reader > edge.source, edge.reader))
        .map(|edge| (edge.reader, edge.read, edge.source));
    let Some((reader, read, source)) = chosen else { return };
    let name = |equation: usize| draft.written(target(equation), 0);
    let loop_text = cycle
        .iter()
        .map(|edge| name(edge.reader))
        .chain(cycle.first().map(|edge| name(edge.reader)))
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", which needs ")
        .replacen(", which needs ", " needs ", 1);
    let labels: Vec<_> = cycle
        .iter()
        .map(|edge| (draft.span(edge.read), format!("`{}` needs `{}`", name(edge.reader), name(edge.source))))
        .collect();
    let cut = target(source);
    let (before, now) = (draft.written(cut, 1), draft.written(cut, 0));
    let by = name(reader);
    let span = draft.span(read);
    // What does not change from step to step has no step before.
    let once = draft.symbol(cut).role == Role::Once;
    match if once { CyclePolicy::Reject } else { draft.options.cycle } {
        CyclePolicy::Previous => {
            draft
                .findings
                .report(
                    Code::CyclePrevious,
                    span,
                    format!("`{by}` reads `{before}` where `{now}` is written"),
                )
                .help(format!("this cuts the cycle {loop_text}"));
        }
        CyclePolicy::FixedPoint => {
            draft
                .findings
                .report(Code::CycleSolved, span, format!("`{now}` is solved for by iteration at each step"))
                .help(format!("this solves the cycle {loop_text}"));
            let needed = needed_by(draft, source);
            for (_, equation) in draft.equations.iter().enumerate().filter(|(at, _)| needed[*at]) {
                for node in equation.first_node..equation.end_node {
                    if draft.sources[node] == Source::Equation(source) {
                        draft.sources[node] = Source::Unknown(source);
                    }
                }
            }
            return;
        }
        CyclePolicy::Reject => {
            let message = format!("these definitions of one step need each other: {loop_text}");
            let mut found = draft.findings.report(Code::Cycle, span, message);
            for (span, remark) in labels {
                found = found.label(span, remark);
            }
            if once {
                found.help("define one of them without the others");
            } else {
                found.help(format!(
                    "correct a time index, or choose a way out: `previous` reads `{before}` here, `fixed-point` \
                     solves the equations of the step by iteration"
                ));
            }
        }
    }
    let equation = &draft.equations[reader];
    for node in equation.first_node..equation.end_node {
        if draft.sources[node] == Source::Equation(source) {
            draft.sources[node] = Source::Delayed(cut, 1);
        }
    }
}

/// Which equations an equation needs within the step, over all ways; itself only where it is on a loop.
fn needed_by(draft: &Draft, equation: usize) -> Vec<bool> {
    let mut needed = vec![false; draft.equations.len()];
    let mut waiting = vec![equation];
    while let Some(at) = waiting.pop() {
        let equation = &draft.equations[at];
        for source in &draft.sources[equation.first_node..equation.end_node] {
            if let Source::Equation(source) = *source
                && !std::mem::replace(&mut needed[source], true)
            {
                waiting.push(source);
            }
        }
    }
    needed
}
