//! Which definition a read takes its value from.
//!
//! With several definitions of one name, a read in equation *k* takes the last definition above it or, where there
//! is none above, the last of all; the value that lives on to the next step is the last.

use super::draft::Draft;
use super::expression::{NodeKind, Role, Source};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_STATES;

/// Links every read to its source.
pub(super) fn link(draft: &mut Draft) {
    draft.sources = vec![Source::None; draft.nodes.len()];
    for index in 0..draft.equations.len() {
        let (first, end) = (draft.equations[index].first_node, draft.equations[index].end_node);
        for node in first..end {
            let NodeKind::Read { symbol, time } = draft.nodes[node].kind else { continue };
            let known = draft.symbol(symbol);
            let indexed = known.definitions.first().is_some_and(|&at| draft.equations[at].time.is_some());
            if indexed && time.is_none() {
                // Reported by `time`: which step is meant is not known.
                draft.nodes[node].kind = NodeKind::Faulty;
                continue;
            }
            let (role, back) = (known.role, time.map_or(0, |time| known.shift - i64::from(time)));
            draft.sources[node] = match role {
                Role::Parameter | Role::Unused => Source::Parameter(symbol),
                Role::Identity => Source::Identity,
                Role::Input => match delay(draft, node, back) {
                    Some(back) => Source::Input(symbol, back),
                    None => Source::None,
                },
                Role::PerStep | Role::Once | Role::Constant(_) => match delay(draft, node, back) {
                    Some(0) => {
                        let definitions = &draft.symbol(symbol).definitions;
                        let above = definitions.partition_point(|&at| at < index);
                        let chosen =
                            above.checked_sub(1).and_then(|at| definitions.get(at)).or(definitions.last());
                        chosen.map_or(Source::None, |&at| Source::Equation(at))
                    }
                    Some(back) => Source::Delayed(symbol, back),
                    None => Source::None,
                },
            };
            if draft.sources[node] == Source::None {
                draft.nodes[node].kind = NodeKind::Faulty;
            }
        }
    }
}

/// The number of steps back, reported where it is none that a cell can read.
fn delay(draft: &mut Draft, node: usize, back: i64) -> Option<u32> {
    let (span, kind) = (draft.nodes[node].span, &draft.nodes[node].kind);
    let NodeKind::Read { symbol, .. } = *kind else { return None };
    let symbol = draft.symbol(symbol);
    let name = symbol.canonical.clone();
    if back < 0 {
        let place = symbol.definitions.first().map(|&at| draft.equations[at].target_span);
        // `h_t` from `h_{t+1}`: a recurrence that runs backwards.
        let backward = symbol
            .definitions
            .iter()
            .any(|&at| draft.reads(&draft.equations[at]).any(|(read, _, _)| read.0 == node));
        let found =
            draft.findings.report(Code::FutureRead, span, format!("`{name}` is read {} ahead", steps(-back)));
        let found = match place {
            Some(place) => found.label(place, "defined at this time index"),
            None => found,
        };
        found.help(if backward {
            "correct the time index; a backward direction is this cell with `t-1`, run over the reversed sequence: \
             the layer `Bidirectional` does so"
        } else {
            "a cell reads this step and earlier ones: correct the time index"
        });
        return None;
    }
    if back > MAXIMUM_STATES as i64 {
        let message =
            format!("`{name}` is read {} back, more than MAXIMUM_STATES = {MAXIMUM_STATES}", steps(back));
        draft.findings.report(Code::TooManyStates, span, message);
        return None;
    }
    u32::try_from(back).ok()
}

fn steps(count: i64) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}
