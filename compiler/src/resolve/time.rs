//! Which index of a name means the current step.
//!
//! A document that defines `h_{t+1}` from `h_t` means the same as one that defines `h_t` from `h_{t-1}`: for each
//! name the index of its definition, or for an input the newest index it is read at, is the current step.
//!
//! An equation holds at every time, so it may be moved as a whole: `y_t = V h_t` beside `h_{t+1} = f(x_{t+1}, h_t)` is
//! `y_{t+1} = V h_{t+1}`, an output of the step whose input the document names alike. Beside `h_{t+1} = f(x_t, h_t)` it
//! stays and reads the state of the step before.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, SymbolId};
use crate::diagnostic::Code;
use std::collections::HashSet;

/// Sets `shift` of every name and tells inputs from parameters.
pub(super) fn normalise(draft: &mut Draft) {
    for index in 0..draft.symbols.len() {
        defined_time(draft, SymbolId(index));
    }
    let mut newest: Vec<Option<i64>> = vec![None; draft.symbols.len()];
    let mut indexed = vec![None; draft.symbols.len()];
    let mut bare = vec![None; draft.symbols.len()];
    // Names that are never read without an index but directly before a parenthesis.
    let mut only_applied = vec![true; draft.symbols.len()];
    let applied = applied(draft);
    for equation in &draft.equations {
        for (node, symbol, time) in draft.reads(equation) {
            let span = draft.span(node);
            match time {
                Some(time) => {
                    newest[symbol.0] = newest[symbol.0].max(Some(i64::from(time)));
                    indexed[symbol.0].get_or_insert(span);
                }
                None => {
                    bare[symbol.0].get_or_insert(span);
                    only_applied[symbol.0] &= applied.contains(&node);
                }
            }
        }
    }
    for index in 0..draft.symbols.len() {
        let symbol = &draft.symbols[index];
        let name = symbol.canonical.clone();
        let defined_at =
            symbol.definitions.first().map(|&at| (draft.equations[at].time, draft.equations[at].target_span));
        let given = symbol.definitions.iter().all(|&at| {
            draft.equations[at].time.is_none() && draft.reads(&draft.equations[at]).next().is_none()
        });
        let findings = &mut draft.findings;
        match (defined_at, indexed[index], bare[index]) {
            // `x = 3` beside `x_t`: a number has no steps.
            (Some((None, place)), Some(with), _) if given => {
                findings
                    .report(
                        Code::MixedIndex,
                        with,
                        format!("`{name}` is a given number, but read with a time index"),
                    )
                    .label(place, "given here")
                    .help(format!("write `{name}` in both places, or give the two values different names"));
            }
            // `f_t = f(W x_t)`: the gate and the function are two things.
            (None, Some(with), Some(without)) | (Some((Some(_), with)), _, Some(without))
                if only_applied[index] && !symbol.upper =>
            {
                findings
                    .report(
                        Code::UnboundActivation,
                        without,
                        format!("`{name}` is applied like a function, but nothing binds it"),
                    )
                    .label(with, "this is another value")
                    .help(format!(
                        "add a line such as `{}`, or write the product with a sign",
                        super::activation::binding(&name)
                    ));
            }
            (None, Some(with), Some(without)) => {
                findings
                    .report(
                        Code::MixedIndex,
                        without,
                        format!("`{name}` is read with a time index and without one"),
                    )
                    .label(with, "with a time index")
                    .help(format!("write `{name}_t` in both places, or give the two values different names"));
            }
            (Some((Some(_), place)), _, Some(without)) => {
                findings
                    .report(
                        Code::MixedIndex,
                        without,
                        format!("`{name}` is defined with a time index, but read without"),
                    )
                    .label(place, "defined here")
                    .help(format!("write `{name}_t` for this step or `{name}_{{t-1}}` for the one before"));
            }
            _ => {}
        }
        let role = match (defined_at, newest[index], bare[index]) {
            // Whether it changes from step to step is found later, by `role`.
            (Some(_), _, _) => Role::PerStep,
            (None, Some(time), _) => {
                draft.symbols[index].shift = time;
                Role::Input
            }
            (None, None, Some(_)) => Role::Parameter,
            (None, None, None) => Role::Unused,
        };
        draft.symbols[index].role = role;
    }
    follow_inputs(draft);
}

/// Moves what is defined at an older index than that of the inputs to theirs, where nothing that stays reads it and
/// everything it reads is there by then.
fn follow_inputs(draft: &mut Draft) {
    let inputs = draft.symbols.iter().filter(|symbol| symbol.role == Role::Input);
    let Some(newest) = inputs.map(|symbol| symbol.shift).max() else { return };
    let mut moved: Vec<i64> = draft
        .symbols
        .iter()
        .map(|symbol| {
            let indexed = symbol.definitions.first().is_some_and(|&at| draft.equations[at].time.is_some());
            if indexed { (newest - symbol.shift).max(0) } else { 0 }
        })
        .collect();
    if moved.iter().all(|steps| *steps == 0) {
        return;
    }
    let mut reads: Vec<(SymbolId, SymbolId, i64)> = Vec::new();
    let mut concerned: Vec<Vec<usize>> = vec![Vec::new(); draft.symbols.len()];
    for equation in &draft.equations {
        for (_, symbol, time) in draft.reads(equation) {
            let Some(time) = time else { continue };
            concerned[symbol.0].push(reads.len());
            concerned[equation.target.0].push(reads.len());
            reads.push((equation.target, symbol, i64::from(time)));
        }
    }
    // Each name stays at most once, so each read is looked at a few times.
    let mut waiting: Vec<usize> = (0..reads.len()).collect();
    while let Some((reader, read, time)) = waiting.pop().map(|at| reads[at]) {
        let back = draft.symbol(read).shift + moved[read.0] - time - moved[reader.0];
        let stays = match (moved[reader.0] > 0, moved[read.0] > 0) {
            (false, true) => read,
            (true, _) if back < 0 => reader,
            _ => continue,
        };
        moved[stays.0] = 0;
        waiting.extend(&concerned[stays.0]);
    }
    for index in 0..draft.equations.len() {
        let equation = &mut draft.equations[index];
        let steps = i32::try_from(moved[equation.target.0]).unwrap_or(i32::MAX);
        if steps == 0 {
            continue;
        }
        equation.time = equation.time.map(|time| time.saturating_add(steps));
        for node in &mut draft.nodes[equation.first_node..equation.end_node] {
            if let NodeKind::Read { time: Some(time), .. } = &mut node.kind {
                *time = time.saturating_add(steps);
            }
        }
    }
    for (symbol, steps) in draft.symbols.iter_mut().zip(moved) {
        symbol.shift += steps;
    }
}

/// Names that stand directly before a parenthesis.
fn applied(draft: &Draft) -> HashSet<NodeId> {
    let mut found = HashSet::new();
    for node in &draft.nodes {
        if let NodeKind::Factors { factors, applied, .. } = &node.kind {
            found.extend(applied.iter().filter_map(|position| factors.get(*position)));
        }
    }
    found
}

/// The time at which a name is defined; it must be the same in all its definitions.
fn defined_time(draft: &mut Draft, symbol: SymbolId) {
    let definitions = &draft.symbol(symbol).definitions;
    let Some(&first) = definitions.first() else { return };
    let (time, place) = (draft.equations[first].time, draft.equations[first].target_span);
    let differing: Vec<_> = definitions
        .iter()
        .map(|&at| &draft.equations[at])
        .filter(|equation| equation.time != time)
        .map(|equation| equation.target_span)
        .collect();
    for span in differing {
        let message = format!("`{}` is defined at two times", draft.symbol(symbol).canonical);
        draft
            .findings
            .report(Code::DefinedAtTwoTimes, span, message)
            .label(place, "the other definition")
            .help("define it at one time index, and read the step before where that is meant");
    }
    draft.symbols[symbol.0].shift = i64::from(time.unwrap_or(0));
}
