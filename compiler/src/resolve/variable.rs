//! Inputs, states and parameters of the cell, numbered, and states for what is read from further back.

use super::draft::Draft;
use super::expression::{Source, SymbolId};
use crate::diagnostic::Code;
use crate::limits::MAXIMUM_STATES;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A state that the compiler adds: the value of a name so many steps ago.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    /// Its name.
    pub(super) name: String,
    /// Whose value it holds.
    pub(super) of: SymbolId,
    /// How many steps ago: two or more for a state, one or more for an input.
    pub(super) back: u32,
}

/// The numbering.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// In the order they are first read.
    pub(super) inputs: Vec<SymbolId>,
    /// In the order they are defined.
    pub(super) states: Vec<SymbolId>,
    /// Inputs and states in the order they are first read: sizes are named after the first.
    pub(super) as_read: Vec<SymbolId>,
    /// Numbered after the states.
    pub(super) hidden: Vec<Hidden>,
    /// The equations whose values are unknowns of the step, in their order.
    pub(super) unknowns: Vec<usize>,
    /// In the order they are first read.
    pub(super) parameters: Vec<SymbolId>,
    /// State number by name and steps back; for an input from one step on, for a state from one step on.
    pub(super) state_number: HashMap<(SymbolId, u32), u32>,
}

/// Numbers inputs, states and parameters. `None` where there are too many.
pub(super) fn number(draft: &mut Draft) -> Option<Variables> {
    let mut variables = Variables::default();
    let mut seen: HashSet<SymbolId> = HashSet::new();
    let mut read: Vec<SymbolId> = Vec::new();
    let mut furthest: BTreeMap<SymbolId, u32> = BTreeMap::new();
    for equation in &draft.equations {
        for source in &draft.sources[equation.first_node..equation.end_node] {
            match *source {
                Source::Input(symbol, back) => {
                    if seen.insert(symbol) {
                        variables.inputs.push(symbol);
                        read.push(symbol);
                    }
                    let known = furthest.entry(symbol).or_default();
                    *known = back.max(*known);
                }
                Source::Parameter(symbol) => {
                    if seen.insert(symbol) {
                        variables.parameters.push(symbol);
                    }
                }
                Source::Delayed(symbol, back) => {
                    if seen.insert(symbol) {
                        read.push(symbol);
                    }
                    let known = furthest.entry(symbol).or_default();
                    *known = back.max(*known);
                }
                Source::Equation(source) | Source::Unknown(source) => {
                    let symbol = draft.equations[source].target;
                    if seen.insert(symbol) {
                        read.push(symbol);
                    }
                }
                Source::None | Source::Identity => {}
            }
        }
    }
    let unknowns: BTreeSet<usize> = draft
        .sources
        .iter()
        .filter_map(|source| match *source {
            Source::Unknown(equation) => Some(equation),
            _ => None,
        })
        .collect();
    variables.unknowns = unknowns.into_iter().collect();
    let input_set: HashSet<SymbolId> = variables.inputs.iter().copied().collect();
    let is_state = |symbol: &SymbolId| furthest.contains_key(symbol) && !input_set.contains(symbol);
    variables.states = read.iter().copied().filter(is_state).collect();
    variables.states.sort_by_key(|symbol| draft.symbol(*symbol).definitions.first().copied());
    variables.as_read = read.into_iter().filter(|symbol| furthest.contains_key(symbol)).collect();
    let hidden = |symbol: &SymbolId, from: u32| {
        let last = furthest.get(symbol).copied().unwrap_or(0);
        (from..=last).map(|back| (*symbol, back)).collect::<Vec<_>>()
    };
    let delays = variables.states.iter().flat_map(|state| hidden(state, 2));
    let lags = variables.inputs.iter().flat_map(|input| hidden(input, 1));
    let added: Vec<(SymbolId, u32)> = delays.chain(lags).take(MAXIMUM_STATES + 1).collect();
    if variables.states.len() + added.len() > MAXIMUM_STATES {
        let span = draft.equations.first().map(|equation| equation.span).unwrap_or_default();
        let message = format!("more than {MAXIMUM_STATES} states, delays included (MAXIMUM_STATES)");
        draft.findings.report(Code::TooManyStates, span, message);
        return None;
    }
    for (number, &state) in (0u32..).zip(&variables.states) {
        variables.state_number.insert((state, 1), number);
    }
    for (number, (of, back)) in (variables.states.len() as u32..).zip(added) {
        let mut name = format!("{}_delay_{back}", draft.symbol(of).canonical);
        while draft.lookup(&name).is_some() {
            name.push('_');
        }
        variables.hidden.push(Hidden { name, of, back });
        variables.state_number.insert((of, back), number);
    }
    Some(variables)
}
