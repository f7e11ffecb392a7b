//! Warnings and notes: nothing here stops a compilation.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use super::variable::Variables;
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::source::distance;
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Reports everything worth knowing.
pub(super) fn check(draft: &mut Draft, variables: &Variables) {
    let differential = derivatives(draft, variables);
    if draft.outputs.is_empty()
        && !differential
        && let Some(first) = draft.equations.first()
    {
        let span = first.target_span;
        draft
            .findings
            .report(Code::NothingVaries, span, "no name here carries a time index, so nothing varies in time")
            .help("write `x_t` for the input of this step and `h_{t-1}` for the value of the one before");
        return;
    }
    no_state(draft, variables);
    unread_definitions(draft, variables);
    shared_parameters(draft, variables);
    further_inputs(draft, variables);
    unused_declarations(draft);
    capital_times(draft, variables);
    lost_indices(draft, variables);
    glued_inputs(draft, variables);
    other_definitions(draft, variables);
    numbered_weights(draft);
    learned_exponents(draft);
    learned_constants(draft, variables);
    imaginary_units(draft);
    joined_weights(draft);
    chosen_output(draft, variables);
}

/// `x_T` beside `h_{t-1}`: a parameter, or a slip for `x_t`.
fn capital_times(draft: &mut Draft, variables: &Variables) {
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
fn lost_indices(draft: &mut Draft, variables: &Variables) {
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
fn glued_inputs(draft: &mut Draft, variables: &Variables) {
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

/// Indices that run, and the time written twice.
fn runs(label: &str) -> bool {
    matches!(label, "i" | "j" | "k" | "tt")
}

/// `f_i = …` that nothing reads, beside an `f_t` that nothing defines.
fn other_definitions(draft: &mut Draft, variables: &Variables) {
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

/// `e` of `[h_{t-1}, e]`, where `e_t` may have been meant.
fn joined_weights(draft: &mut Draft) {
    let mut found: BTreeMap<SymbolId, Span> = BTreeMap::new();
    for node in &draft.nodes {
        let NodeKind::Concatenate(parts) = &node.kind else { continue };
        let varies = |part: &NodeId| {
            matches!(draft.nodes[part.0].kind, NodeKind::Read { symbol, .. }
                if matches!(draft.symbol(symbol).role, Role::Input | Role::PerStep))
        };
        if !parts.iter().any(varies) {
            continue;
        }
        for part in parts {
            if let Source::Parameter(symbol) = draft.sources[part.0]
                && draft.symbol(symbol).role == Role::Parameter
                && draft.symbol(symbol).declared.is_none()
            {
                found.entry(symbol).or_insert(draft.nodes[part.0].span);
            }
        }
    }
    for (symbol, span) in found {
        let name = draft.symbol(symbol).canonical.clone();
        let message = format!("`{name}` is learned, as weights are, and joined with what varies in time");
        draft
            .findings
            .report(Code::JoinedWeight, span, message)
            .help(format!("write `{name}_t` for its value of this step, or declare it if it is a weight"));
    }
}

/// `W^2` beside `W`, and no `W^1`: a weight of its own, where a power may have been meant.
fn numbered_weights(draft: &mut Draft) {
    let mut found = Vec::new();
    for (&symbol, (number, weight)) in &draft.numbered {
        let role = |name: &str| draft.lookup(name).map(|id| draft.symbol(id).role);
        if *number > 1
            && draft.symbol(symbol).role == Role::Parameter
            && role(weight) == Some(Role::Parameter)
            && role(&format!("{weight}_1")).is_none()
        {
            found.push((draft.symbol(symbol).first, *number, weight.clone()));
        }
    }
    for (span, number, weight) in found {
        let message = format!("`{weight}^{number}` is a weight of its own, and no power of `{weight}`");
        let power = vec![weight.as_str(); number.min(4) as usize].join(" ");
        draft
            .findings
            .report(Code::NumberedWeight, span, message)
            .help(format!("write a power as a product, `{power}`"));
    }
}

/// `(1 + x_t)^p`: nobody would think that `p` is learned.
fn learned_exponents(draft: &mut Draft) {
    let mut found: BTreeSet<SymbolId> = BTreeSet::new();
    for node in &draft.nodes {
        if let NodeKind::Power(_, exponent) = node.kind
            && let Source::Parameter(symbol) = draft.sources[exponent.0]
            && draft.symbol(symbol).role == Role::Parameter
            && draft.symbol(symbol).declared.is_none()
            && !draft.frozen.contains(&symbol)
        {
            found.insert(symbol);
        }
    }
    for symbol in found {
        let (name, span) = (draft.symbol(symbol).canonical.clone(), draft.symbol(symbol).first);
        draft
            .findings
            .report(Code::LearnedExponent, span, format!("the exponent `{name}` is learned, as weights are"))
            .help(format!("give its value, as in `{name} = 2`, or declare it if it is learned"));
    }
}

/// Names of constants, and what to write for them.
const CONSTANTS: [(&str, &str); 3] = [
    ("pi", "write `3.14159265` for the number"),
    ("nan", "no equation can use what is no number"),
    ("NaN", "no equation can use what is no number"),
];

/// `\cos(2 \pi x_t)`: nobody would think that `\pi` is learned.
fn learned_constants(draft: &mut Draft, variables: &Variables) {
    for &parameter in &variables.parameters {
        let symbol = draft.symbol(parameter);
        let constant = CONSTANTS.iter().find(|(name, _)| *name == symbol.canonical);
        let Some((name, remedy)) = constant.filter(|_| symbol.declared.is_none()) else { continue };
        if draft.frozen.contains(&parameter) {
            continue;
        }
        let span = symbol.first;
        draft
            .findings
            .report(Code::LearnedConstant, span, format!("`{name}` is learned here, as weights are"))
            .help(format!("{remedy}, or declare `{name}` if it is learned"));
    }
}

/// `\exp(-\nu + i \theta)`: a vector of weights that only parameters are multiplied by could be one of them.
fn imaginary_units(draft: &mut Draft) {
    let is_unit = |node: NodeId| {
        matches!(draft.sources[node.0], Source::Parameter(symbol)
            if matches!(draft.symbol(symbol).canonical.as_str(), "i" | "j")
                && draft.symbol(symbol).role == Role::Parameter
                && draft.symbol(symbol).declared.is_none())
    };
    // `b i a s` is a word.
    let is_letter = |node: NodeId| matches!(draft.sources[node.0], Source::Parameter(symbol) if draft.symbol(symbol).canonical.len() == 1);
    let mut found = Vec::new();
    for (at, node) in draft.nodes.iter().enumerate() {
        if let NodeKind::Factors { factors, .. } = &node.kind
            && !draft.varying[at]
            && factors.len() > 1
            && factors.iter().filter(|factor| is_letter(**factor)).count() < 2
        {
            found.extend(factors.iter().copied().find(|factor| is_unit(*factor)));
        }
    }
    for node in found {
        let span = draft.span(node);
        draft.findings.report(Code::ComplexNumber, span, "this reads as the imaginary unit").help(
            "numbers are real: write real and imaginary parts as two values, or declare the name if it is a weight",
        );
    }
}

/// `\dot{h} = f(h)`, `\dot{h}(t) = f(h(t))` or `h'(t) = …`, where nothing defines `h` and nothing reads `h'`: the
/// derivative of `h`, not a value of its own. True where there is one.
fn derivatives(draft: &mut Draft, variables: &Variables) -> bool {
    let mut found = Vec::new();
    let read: HashSet<SymbolId> = draft
        .equations
        .iter()
        .flat_map(|equation| draft.reads(equation))
        .map(|(_, symbol, _)| symbol)
        .collect();
    for equation in &draft.equations {
        let name = &draft.symbol(equation.target).canonical;
        let Some(base) = name.strip_suffix("_dot").or_else(|| name.strip_suffix("_prime")) else { continue };
        let reads = |id: SymbolId| {
            draft.reads(equation).any(|(_, symbol, time)| symbol == id && time == equation.time)
        };
        // `h'` without an index is often the new value.
        let undefined = |id: SymbolId| match equation.time {
            Some(_) => variables.inputs.contains(&id),
            None => name.ends_with("_dot") && draft.symbol(id).role == Role::Parameter,
        };
        if !read.contains(&equation.target) && draft.lookup(base).is_some_and(|id| undefined(id) && reads(id))
        {
            found.push((equation.target_span, base.to_owned()));
        }
    }
    let any = !found.is_empty();
    for (span, base) in found {
        draft
            .findings
            .report(
                Code::DifferentialEquation,
                span,
                format!("this reads as the derivative of `{base}`, which nothing defines"),
            )
            .help(format!("write the step of its discretisation, as in `{base}_t = {base}_{{t-1}} + …`"));
    }
    any
}

/// Where the output is neither called `y` nor carried, another value may have been meant.
fn chosen_output(draft: &mut Draft, variables: &Variables) {
    let (&[output], Some(state)) = (draft.outputs.as_slice(), variables.states.last()) else { return };
    if !draft.output_chosen {
        return;
    }
    if variables.states.contains(&output) || matches!(draft.symbol(output).canonical.as_str(), "y" | "h") {
        return;
    }
    let Some(&last) = draft.symbol(output).definitions.last() else { return };
    let (name, state) = (draft.written(output, 0), draft.written(*state, 0));
    let span = draft.equations[last].target_span;
    draft.findings.report(Code::OutputChosen, span, format!("`{name}` is the output")).help(format!(
        "if the output is the state `{state}`, name it (`{state}: output`) or leave this equation out"
    ));
}

fn no_state(draft: &mut Draft, variables: &Variables) {
    let Some(first) = draft.equations.first() else { return };
    if variables.states.is_empty() && variables.hidden.is_empty() {
        let span = draft.equations.last().map_or(first.target_span, |last| last.target_span);
        draft
            .findings
            .report(
                Code::NoState,
                span,
                "nothing is carried from one step to the next: this is no recurrent cell",
            )
            .help("a state is a value that is defined and read at an earlier step, such as `h_{t-1}`");
    }
}

/// Overwritten definitions, and gates that nothing reads.
fn unread_definitions(draft: &mut Draft, variables: &Variables) {
    let read: HashSet<usize> = draft
        .sources
        .iter()
        .filter_map(|source| match source {
            Source::Equation(equation) | Source::Unknown(equation) => Some(*equation),
            _ => None,
        })
        .collect();
    let beginnings: HashSet<usize> = draft.initial.values().copied().collect();
    let mut found: Vec<(Code, Span, String, Option<Span>)> = Vec::new();
    for (index, equation) in draft.equations.iter().enumerate() {
        if read.contains(&index) || beginnings.contains(&index) {
            continue;
        }
        let symbol = draft.symbol(equation.target);
        let name = draft.written(equation.target, 0);
        match symbol.definitions.last() {
            Some(&last) if last != index => {
                let message = format!("this definition of `{name}` is overwritten, and nothing reads it");
                found.push((
                    Code::OverwrittenDefinition,
                    equation.span,
                    message,
                    Some(draft.equations[last].span),
                ));
            }
            _ if !draft.outputs.contains(&equation.target)
                && !variables.states.contains(&equation.target) =>
            {
                found.push((Code::UnreadDefinition, equation.span, format!("nothing reads `{name}`"), None));
            }
            _ => {}
        }
    }
    let needed = needed_equations(draft);
    // After an error it is open what reads what.
    let states: &[SymbolId] = if draft.findings.has_errors() { &[] } else { &variables.states };
    for &state in states {
        if let Some(&last) = draft.symbol(state).definitions.last()
            && !needed.contains(&last)
        {
            let message = format!("nothing that the output needs reads `{}`", draft.written(state, 0));
            found.push((Code::UnreadDefinition, draft.equations[last].span, message, None));
        }
    }
    for (code, span, message, later) in found {
        let finding = draft.findings.report(code, span, message);
        match later {
            Some(later) => finding
                .label(later, "the definition that lives on")
                .help("remove one, or give one another name"),
            None => finding.help("remove it, or read it where it belongs"),
        };
    }
}

/// Equations that the outputs need, in this step or through states.
fn needed_equations(draft: &Draft) -> HashSet<usize> {
    let lives = |symbol: SymbolId| draft.symbol(symbol).definitions.last().copied();
    let mut left: Vec<usize> = draft.outputs.iter().filter_map(|output| lives(*output)).collect();
    let mut needed = HashSet::new();
    while let Some(index) = left.pop() {
        let Some(equation) = draft.equations.get(index).filter(|_| needed.insert(index)) else { continue };
        let sources = draft.sources[equation.first_node..equation.end_node].iter();
        left.extend(sources.filter_map(|source| match *source {
            Source::Equation(equation) | Source::Unknown(equation) => Some(equation),
            Source::Delayed(symbol, _) => lives(symbol),
            _ => None,
        }));
    }
    needed
}

fn shared_parameters(draft: &mut Draft, variables: &Variables) {
    // Definitions of one place, the parts of one vector, are one equation.
    let mut readers: HashMap<SymbolId, Vec<(Span, Span)>> = HashMap::new();
    for equation in &draft.equations {
        for node in equation.first_node..equation.end_node {
            if let Source::Parameter(symbol) = draft.sources[node] {
                let places = readers.entry(symbol).or_default();
                if places.last().is_none_or(|(last, _)| *last != equation.span) {
                    places.push((equation.span, draft.nodes[node].span));
                }
            }
        }
    }
    for symbol in &variables.parameters {
        let Some([(_, first), others @ ..]) = readers.get(symbol).map(Vec::as_slice) else { continue };
        if others.is_empty() {
            continue;
        }
        let name = draft.symbol(*symbol).canonical.clone();
        let message = format!("`{name}` is used in {} equations: their gradients add", others.len() + 1);
        let mut found = draft.findings.report(Code::SharedParameter, *first, message);
        for (_, place) in others.iter().take(8) {
            found = found.label(*place, "used here too");
        }
    }
}

/// The second and every further input, so that a misspelled name is seen.
fn further_inputs(draft: &mut Draft, variables: &Variables) {
    let x = variables.inputs.iter().find(|id| draft.symbol(**id).canonical == "x");
    let Some(main) = x.or(variables.inputs.first()).copied() else { return };
    for input in &variables.inputs {
        if *input == main {
            continue;
        }
        let symbol = draft.symbol(*input);
        let (name, first) = (symbol.canonical.clone(), symbol.first);
        let base = |name: &str| name.split('_').next().unwrap_or(name).to_lowercase();
        let own = base(&name);
        let targets = draft.equations.iter().map(|equation| equation.target);
        let close = targets
            .chain(std::iter::once(main))
            .take_while(|_| draft.findings.keeps(Code::FurtherInput))
            .map(|id| &draft.symbol(id).canonical)
            .find(|other| {
                let alike = name.len() > 2 && name.len().abs_diff(other.len()) <= 1;
                base(other) == own || alike && distance(other, &name) == 1
            })
            .cloned();
        let found = draft.findings.report(
            Code::FurtherInput,
            first,
            format!("`{name}_t` is never defined: it becomes an input"),
        );
        if let Some(close) = close {
            found.help(format!("did you mean `{close}_t`?"));
        }
    }
}

fn unused_declarations(draft: &mut Draft) {
    let read: BTreeSet<SymbolId> = draft
        .sources
        .iter()
        .filter_map(|source| match source {
            Source::Parameter(symbol) | Source::Input(symbol, _) => Some(*symbol),
            _ => None,
        })
        .collect();
    for index in 0..draft.symbols.len() {
        let symbol = &draft.symbols[index];
        if let (Some(declared), true) =
            (&symbol.declared, matches!(symbol.role, Role::Unused | Role::Parameter))
            && symbol.definitions.is_empty()
            && !read.contains(&SymbolId(index))
        {
            let (name, span) = (symbol.canonical.clone(), declared.span);
            draft.findings.report(
                Code::UnusedDeclaration,
                span,
                format!("`{name}` is declared, but no equation has it"),
            );
        }
    }
}
