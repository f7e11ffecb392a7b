//! Time indices that are likely to have been lost or written otherwise.

use crate::diagnostic::Code;
use crate::resolve::draft::Draft;
use crate::resolve::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use crate::resolve::variable::Variables;
use crate::source::ast::ProductSign;
use std::collections::BTreeSet;

/// `x_T` beside `h_{t-1}`: a parameter, or a slip for `x_t`.
pub(super) fn capital_times(draft: &mut Draft, variables: &Variables) {
    for parameter in &variables.parameters {
        let symbol = draft.symbol(*parameter);
        let Some(base) = symbol.canonical.strip_suffix("_T").filter(|base| !base.contains('_')) else {
            continue;
        };
        let value = draft.lookup(base).is_some_and(|id| !draft.symbol(id).definitions.is_empty());
        if symbol.declared.is_some() || !(value || base == "x") {
            continue;
        }
        let (base, span) = (base.to_owned(), symbol.first);
        draft
            .findings
            .report(Code::MixedIndex, span, format!("`{base}_T` has a capital `T` where the time is `t`"))
            .help(format!("write `{base}_t`, or declare `{base}_T` if it is a parameter"));
    }
}

/// `W xt` and `U h_{t1}` beside `h_{t-1}`, and `W x` or `U c_i` where nothing is an input: a value of each step that
/// lost its index.
pub(super) fn lost_indices(draft: &mut Draft, variables: &Variables) {
    let mut found = Vec::new();
    let meant =
        |name: &str| format!("write `{name}` for its value of a step, or declare the name if it is a weight");
    let transposes = draft.nodes.iter().any(|node| matches!(node.kind, NodeKind::Transpose(_)));
    let alone = variables.inputs.is_empty() && !variables.states.is_empty();
    // An equation that could not be read may have the input.
    let mapped = if draft.lost.is_empty() { mapped_parameters(draft) } else { BTreeSet::new() };
    for &parameter in &variables.parameters {
        let symbol = draft.symbol(parameter);
        if symbol.declared.is_some() {
            continue;
        }
        let name = symbol.canonical.as_str();
        let per_step = |base: &str| {
            draft.lookup(base).is_some_and(|id| matches!(draft.symbol(id).role, Role::Input | Role::PerStep))
        };
        if let Some(base) =
            name.strip_suffix('t').filter(|base| base.len() == 1 && (per_step(base) || *base == "x"))
        {
            found.push((
                Code::LostIndex,
                symbol.first,
                format!("`{name}` is read as a weight"),
                meant(&format!("{base}_t")),
            ));
        } else if let Some(base) = lost_minus(name).filter(|base| per_step(base)) {
            found.push((
                Code::LostIndex,
                symbol.first,
                format!("`{name}` is read as a weight"),
                meant(&format!("{base}_{{t-1}}")),
            ));
        } else if let Some(weight) = name
            .strip_suffix('T')
            .filter(|weight| transposes && weight.len() > 1 && symbol.upper && !weight.contains('_'))
        {
            let message = format!("`{name}` is read as a weight, beside transposes of others");
            let help = format!("write `{weight}^T` for the transpose, or declare the name if it is a weight");
            found.push((Code::AmbiguousProduct, symbol.first, message, help));
        } else if let Some(base) = other_index(draft, parameter, &mapped).filter(|_| !name.ends_with("_T")) {
            let message = format!("`{name}` is read as a weight beside the value `{base}_t`");
            found.push((Code::MixedIndex, symbol.first, message, meant(&format!("{base}_t"))));
        } else if let Some(base) = state_elsewhere(draft, variables, parameter) {
            let message = format!("`{name}` is read as a weight beside the state `{base}_t`");
            let help = format!(
                "write `{base}_{{t-1}}` for its value of the step before, or declare the name if it is a weight"
            );
            found.push((Code::MixedIndex, symbol.first, message, help));
        } else if alone && (name == "x" || mapped.contains(&parameter)) && !name.ends_with("_T") {
            let message =
                format!("`{name}` has no time index, so it is read as a weight, and nothing is an input");
            let base = name.split('_').next().unwrap_or(name);
            found.push((Code::MixedIndex, symbol.first, message, meant(&format!("{base}_t"))));
        }
    }
    for (code, span, message, help) in found {
        draft.findings.report(code, span, message).help(help);
    }
}

/// Parameters that are vectors by their names, directly behind a weight: `U c`. Nobody learns a vector to map it.
fn mapped_parameters(draft: &Draft) -> BTreeSet<SymbolId> {
    let parameter = |node: NodeId| match draft.sources[node.0] {
        Source::Parameter(symbol) if draft.symbol(symbol).role == Role::Parameter => Some(symbol),
        _ => None,
    };
    let mut found = BTreeSet::new();
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        for (sign, pair) in signs.iter().zip(factors.windows(2)) {
            if *sign != ProductSign::Hadamard
                && let Some(weight) = parameter(pair[0])
                && let Some(vector) = parameter(pair[1])
                && draft.symbol(weight).upper
                && !draft.symbol(vector).upper
                && matches!(draft.kind(pair[1]), NodeKind::Read { .. })
            {
                found.insert(vector);
            }
        }
    }
    found
}

/// `Wout x(t)` that lost its blank: `Woutx` would be an input.
pub(super) fn glued_inputs(draft: &mut Draft, variables: &Variables) {
    let mut found = Vec::new();
    for &input in &variables.inputs {
        let symbol = draft.symbol(input);
        let name = symbol.canonical.as_str();
        if symbol.declared.is_some()
            || !symbol.upper
            || !name.bytes().all(|letter| letter.is_ascii_alphabetic())
        {
            continue;
        }
        // The longest value that the word ends with.
        let value = (1..name.len()).map(|at| &name[at..]).find(|value| {
            value.starts_with(|first: char| first.is_ascii_lowercase())
                && draft
                    .lookup(value)
                    .is_some_and(|id| matches!(draft.symbol(id).role, Role::Input | Role::PerStep))
        });
        if let Some(value) = value {
            found.push((symbol.first, name.to_owned(), value.to_owned()));
        }
    }
    for (span, name, value) in found {
        let weight = &name[..name.len() - value.len()];
        draft
            .findings
            .report(
                Code::AmbiguousProduct,
                span,
                format!("`{name}` is read as an input, but ends with the value `{value}`"),
            )
            .help(format!(
                "write the product with a blank, `{weight} {value}_t`, or declare `{name}_t` if it is an input"
            ));
    }
}

/// The `h` of `h_{t1}`, `h_{t_1}`, `h_{t1-}`, `h_{i-1}`, `h_{-1}` and `ht1`, where `h_{t-1}` was meant.
fn lost_minus(name: &str) -> Option<&str> {
    if let Some((before, _)) = name.split_once("_minus_") {
        return match before.rsplit_once('_') {
            Some((base, label)) => (label.len() == 1 || label == "tt").then_some(base),
            // `h_{-1}`.
            None => Some(before),
        };
    }
    // `ht1`, where `ht-1` is the step before.
    if let Some((base, steps)) =
        name.split_at_checked(1).and_then(|(base, rest)| Some((base, rest.strip_prefix('t')?)))
        && !steps.is_empty()
        && steps.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(base);
    }
    let (base, steps) = name.split_once("_time_").or_else(|| name.split_once("_t"))?;
    let steps = steps.trim_end_matches("_minus");
    (!steps.is_empty() && steps.bytes().all(|byte| byte.is_ascii_digit())).then_some(base)
}

/// The `x` of `W x_i` beside `x_t`, where no value was meant to be learned: one with two indices. Nobody learns a vector
/// to map it, an index that runs is no label, and in `B_i = S x_i` what is made of it would be computed once.
fn other_index<'a>(draft: &'a Draft, parameter: SymbolId, mapped: &BTreeSet<SymbolId>) -> Option<&'a str> {
    let (base, letter) = draft.symbol(parameter).canonical.rsplit_once('_')?;
    let role = draft.symbol(draft.lookup(base)?).role;
    let other = runs(letter) || letter.len() == 1 && mapped.contains(&parameter);
    let once = || {
        draft.equations.iter().any(|equation| {
            let target = draft.symbol(equation.target);
            target.role == Role::Once
                && target.canonical.rsplit_once('_').is_some_and(|(_, label)| label == letter)
                && draft.reads(equation).any(|(_, symbol, _)| symbol == parameter)
        })
    };
    let meant = match role {
        Role::Input => other || letter.len() == 1 && once(),
        Role::PerStep => other,
        _ => false,
    };
    meant.then_some(base)
}

/// Labels that tell which step a value is of.
const OF_STEPS: [&str; 8] = ["last", "final", "tau", "n_bar", "t_bar", "end", "enc", "dec"];

/// The `h` of `h_{\text{last}}` and `h_\tau`, a state at an index that nothing says the meaning of.
fn state_elsewhere<'a>(draft: &'a Draft, variables: &Variables, parameter: SymbolId) -> Option<&'a str> {
    let symbol = draft.symbol(parameter);
    let (base, label) = symbol.canonical.split_once('_')?;
    let state = draft.lookup(base).is_some_and(|id| variables.states.contains(&id));
    (state && OF_STEPS.contains(&label)).then_some(base)
}

/// Indices that run, and the time written twice.
fn runs(label: &str) -> bool {
    matches!(label, "i" | "j" | "k" | "tt")
}

/// `f_i = …` that nothing reads, beside an `f_t` that nothing defines.
pub(super) fn other_definitions(draft: &mut Draft, variables: &Variables) {
    let mut found = Vec::new();
    for equation in &draft.equations {
        let target = draft.symbol(equation.target);
        let Some((base, label)) = target.canonical.rsplit_once('_') else { continue };
        let undefined = |id: SymbolId| variables.inputs.contains(&id) && draft.symbol(id).declared.is_none();
        let read = || {
            draft
                .equations
                .iter()
                .any(|other| draft.reads(other).any(|(_, symbol, _)| symbol == equation.target))
        };
        if (runs(label) || label == "T") && draft.lookup(base).is_some_and(undefined) && !read() {
            found.push((equation.target_span, target.canonical.clone(), base.to_owned()));
        }
    }
    for (span, name, base) in found {
        draft
            .findings
            .report(Code::MixedIndex, span, format!("nothing reads `{name}`, and nothing defines `{base}_t`"))
            .help(format!("write one index for both, or declare `{base}_t` if it is an input"));
    }
}
