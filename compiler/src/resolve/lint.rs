//! Warnings and notes: nothing here stops a compilation. In [`index`] are those about time indices.

mod index;

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use super::role;
use super::variable::Variables;
use crate::diagnostic::Code;
use crate::source::ast::{Function, Size};
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
    index::capital_times(draft, variables);
    index::lost_indices(draft, variables);
    index::glued_inputs(draft, variables);
    index::other_definitions(draft, variables);
    numbered_weights(draft);
    learned_exponents(draft);
    learned_constants(draft, variables);
    imaginary_units(draft);
    joined_weights(draft);
    chosen_output(draft, variables);
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

/// `\cos(2 \pi x_t)`, `\frac{1}{\sqrt{d}} U h_{t-1}`: nobody would think that `\pi` is learned, or a dimension.
fn learned_constants(draft: &mut Draft, variables: &Variables) {
    let mut dimensions: HashSet<&str> = HashSet::new();
    for declared in draft.symbols.iter().filter_map(|symbol| symbol.declared.as_ref()) {
        dimensions.extend(declared.sizes.iter().flat_map(Size::names));
    }
    // A root has no learned number below it: it would be no number where that is negative.
    let rooted: HashSet<SymbolId> = draft
        .nodes
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Call(Function::SquareRoot, arguments) => match draft.sources[arguments.first()?.0] {
                Source::Parameter(symbol) => Some(symbol),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for &parameter in &variables.parameters {
        let symbol = draft.symbol(parameter);
        if symbol.declared.is_some() || draft.frozen.contains(&parameter) {
            continue;
        }
        let name = symbol.canonical.as_str();
        let constant = CONSTANTS.iter().find(|(constant, _)| *constant == name);
        let remedy = match constant {
            Some((_, remedy)) => (*remedy).to_owned(),
            None if dimensions.contains(name) || rooted.contains(&parameter) => {
                format!("write its number, as in `{name} = 64`, where it is a dimension or another number")
            }
            None => continue,
        };
        let help = format!("{remedy}, or declare `{name}` if it is learned");
        found.push((symbol.first, format!("`{name}` is learned here, as weights are"), help));
    }
    for (span, message, help) in found {
        draft.findings.report(Code::LearnedConstant, span, message).help(help);
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

/// Where the output is neither called `y` nor carried, another value may have been meant. So it may where `h_t` is what a
/// state is made from.
fn chosen_output(draft: &mut Draft, variables: &Variables) {
    let (&[output], Some(&state)) = (draft.outputs.as_slice(), variables.states.last()) else { return };
    if !draft.output_chosen || variables.states.contains(&output) {
        return;
    }
    let Some(&last) = draft.symbol(output).definitions.last() else { return };
    let span = draft.equations[last].target_span;
    let name = draft.written(output, 0);
    let (message, help) = match draft.symbol(output).canonical.as_str() {
        "y" => return,
        "h" => {
            let Some(state) = role::state_made_of(draft, &variables.states, output) else { return };
            let state = draft.written(state, 0);
            (
                format!("`{name}` is the output, though it is no state: `{state}` is made from it"),
                format!("if the output is the state, name it: `{state}: output`"),
            )
        }
        _ => {
            let state = draft.written(state, 0);
            (
                format!("`{name}` is the output"),
                format!(
                    "if the output is the state `{state}`, name it (`{state}: output`) or leave this equation out"
                ),
            )
        }
    };
    draft.findings.report(Code::OutputChosen, span, message).help(help);
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
    // `o_t = V h_t` beside `h_t`: hardly forgotten, unless it is a gate or a candidate, `\tilde{c}_t`. Beside a `y_t` the
    // output is clear.
    let chosen = draft.output_chosen
        && !draft.findings.has_errors()
        && draft.outputs.iter().all(|output| !draft.symbol(*output).canonical.starts_with('y'));
    let forgotten = |symbol: SymbolId, name: &str| {
        let candidate = draft.symbol(symbol).canonical.contains("_tilde");
        if chosen && !candidate && !role::is_gate(draft, symbol) {
            format!("remove it, read it where it belongs, or make it the output: `{name}: output`")
        } else {
            "remove it, or read it where it belongs".to_owned()
        }
    };
    let mut found: Vec<(Code, Span, String, Option<Span>, String)> = Vec::new();
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
                    String::new(),
                ));
            }
            _ if !draft.outputs.contains(&equation.target)
                && !variables.states.contains(&equation.target) =>
            {
                let help = forgotten(equation.target, &name);
                let message = format!("nothing reads `{name}`");
                found.push((Code::UnreadDefinition, equation.span, message, None, help));
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
            let name = draft.written(state, 0);
            let message = format!("nothing that the output needs reads `{name}`");
            let help = forgotten(state, &name);
            found.push((Code::UnreadDefinition, draft.equations[last].span, message, None, help));
        }
    }
    for (code, span, message, later, help) in found {
        let finding = draft.findings.report(code, span, message);
        match later {
            Some(later) => finding
                .label(later, "the definition that lives on")
                .help("remove one, or give one another name"),
            None => finding.help(help),
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
