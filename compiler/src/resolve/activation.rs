//! Names that stand before a parenthesis and are bound to no function.
//!
//! Such a name is a product with what is in the parenthesis (`U (r_t \odot h_{t-1})`), except where that would be a
//! silent misreading: then it is an error that offers the line to paste.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, SymbolId};
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::source::nearest_function;
use crate::span::Span;
use std::collections::{BTreeMap, HashMap};

/// Letters that papers apply like functions.
const ACTIVATIONS: [&str; 8] = ["phi", "varphi", "psi", "Phi", "Psi", "f", "g", "a"];
/// Capital letters that papers apply like functions.
#[rustfmt::skip]
const OPERATORS: [&str; 15] = [
    "F", "G", "H", "S", "T", "N", "D", "Theta", "Phi", "Psi", "Omega", "Gamma", "Lambda", "Sigma", "Delta",
];
/// Most bindings that the line to paste offers.
const MAXIMUM_OFFERED: usize = 8;

/// Words that are letters.
const GREEK: [&str; 54] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "varepsilon",
    "zeta",
    "eta",
    "theta",
    "vartheta",
    "iota",
    "kappa",
    "varkappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "varpi",
    "rho",
    "varrho",
    "sigma",
    "varsigma",
    "tau",
    "upsilon",
    "phi",
    "varphi",
    "chi",
    "psi",
    "omega",
    "ell",
    "Alpha",
    "Beta",
    "Gamma",
    "Delta",
    "Epsilon",
    "Zeta",
    "Eta",
    "Theta",
    "Iota",
    "Kappa",
    "Lambda",
    "Mu",
    "Nu",
    "Xi",
    "Omicron",
    "Pi",
    "Rho",
    "Sigma",
    "Tau",
    "Upsilon",
    "Chi",
    "Omega",
];

/// Reports unbound activations and unknown functions.
pub(super) fn check(draft: &mut Draft) {
    // For each name applied to a value of each step: the products in which it is.
    let mut applied: BTreeMap<SymbolId, Vec<(usize, NodeId)>> = BTreeMap::new();
    let mut applications: HashMap<SymbolId, usize> = HashMap::new();
    let mut reads: HashMap<SymbolId, usize> = HashMap::new();
    for (at, node) in draft.nodes.iter().enumerate() {
        if let Source::Parameter(symbol) = draft.sources[at] {
            *reads.entry(symbol).or_default() += 1;
        }
        let NodeKind::Factors { factors, applied: positions, .. } = &node.kind else { continue };
        for &position in positions {
            let (Some(name), Some(argument)) = (factors.get(position), factors.get(position + 1)) else {
                continue;
            };
            if let Source::Parameter(symbol) = draft.sources[name.0]
                && draft.symbol(symbol).role == Role::Parameter
                && draft.symbol(symbol).declared.is_none()
            {
                *applications.entry(symbol).or_default() += 1;
                let word = &draft.symbol(symbol).canonical;
                if draft.varying[argument.0] || word.starts_with("sigma_") || is_word(word) {
                    applied.entry(symbol).or_default().push((at, *name));
                }
            }
        }
    }
    let mut bindings: Vec<(SymbolId, Span, String)> = Vec::new();
    for (symbol, places) in applied {
        let known = draft.symbol(symbol);
        let name = known.canonical.clone();
        let Some(first) = places.first().map(|(_, name)| draft.span(*name)) else { continue };
        if is_word(&name) {
            for (product, name) in places {
                // No product: what it is made of says nothing about shapes.
                draft.nodes[product].kind = NodeKind::Faulty;
                draft.nodes[name.0].kind = NodeKind::Faulty;
                draft.sources[name.0] = Source::None;
            }
            let found =
                draft.findings.report(Code::UnknownFunction, first, format!("there is no function `{name}`"));
            match nearest_function(&name) {
                Some(close) => found.help(format!("did you mean `{close}`?")),
                None => found.help(format!(
                    "bind it, as in `{name}(u) = W u + b`, or declare `{name}` if it is a weight"
                )),
            };
            continue;
        }
        let letter = ACTIVATIONS.contains(&name.as_str());
        let sigma = name.starts_with("sigma_");
        let only_applied = reads.get(&symbol) == applications.get(&symbol);
        // `\mathcal{H}(W x_t + U h_{t-1})`: nobody multiplies what a gate is applied to by a matrix of such a name.
        let operator = || {
            let base = name.split('_').next().unwrap_or(&name);
            let parametrized = || ["_theta", "_phi", "_w", "_W"].iter().any(|label| name.ends_with(label));
            name.strip_prefix("cal_").is_some_and(|letter| OPERATORS.contains(&letter))
                || OPERATORS.contains(&base)
                    && (parametrized()
                        || places.iter().all(|(product, _)| {
                            takes_products(draft, *product) || takes_thresholds(draft, *product)
                        }))
        };
        let complements = places.iter().all(|(product, _)| takes_complements(draft, *product));
        if letter || sigma || only_applied && (!known.upper && !complements || operator()) {
            bindings.push((symbol, first, binding(&name)));
        }
    }
    let line: Vec<&str> = bindings.iter().map(|(_, _, line)| line.as_str()).take(MAXIMUM_OFFERED).collect();
    let line = line.join(", ");
    for (symbol, place, _) in &bindings {
        let name = draft.symbol(*symbol).canonical.clone();
        draft
            .findings
            .report(
                Code::UnboundActivation,
                *place,
                format!("`{name}` is applied like a function, but nothing binds it"),
            )
            .help(format!(
                "add a line such as `{line}`, or declare it (`{} \\in \\mathbb{{R}}`) if it is a factor",
                latex(&name)
            ));
    }
    dependent_matrices(draft);
    convolutions(draft);
}

/// True where what a name is applied to is one less a value, as in `\zeta (1 - z_t)`: that is scaled, not mapped.
fn takes_complements(draft: &Draft, product: usize) -> bool {
    let NodeKind::Factors { factors, applied, .. } = &draft.nodes[product].kind else { return false };
    applied.iter().filter_map(|position| factors.get(position + 1)).all(|argument| {
        matches!(draft.kind(*argument), NodeKind::Subtract(one, _)
            if matches!(draft.kind(*one), NodeKind::Number(value) if *value == 1.0))
    })
}

/// True where what a name is applied to is a value less a parameter, as in `\Theta(u_t - \theta)`: the step of a spike.
fn takes_thresholds(draft: &Draft, product: usize) -> bool {
    let NodeKind::Factors { factors, applied, .. } = &draft.nodes[product].kind else { return false };
    applied.iter().filter_map(|position| factors.get(position + 1)).all(|argument| {
        matches!(draft.kind(*argument), NodeKind::Subtract(value, threshold)
            if draft.varying[value.0] && !draft.varying[threshold.0])
    })
}

/// True where a name is applied to what a gate is applied to: products of parameters and values of this step, or sums
/// with one among them.
fn takes_products(draft: &Draft, product: usize) -> bool {
    let NodeKind::Factors { factors, applied, .. } = &draft.nodes[product].kind else { return false };
    let is_parameter = |node: NodeId| {
        let node = match draft.kind(node) {
            NodeKind::Transpose(inner) => *inner,
            _ => node,
        };
        matches!(draft.sources[node.0], Source::Parameter(_))
    };
    let is_product = |node: NodeId| match draft.kind(node) {
        NodeKind::Factors { factors, .. } => {
            draft.varying[node.0] && factors.iter().any(|factor| is_parameter(*factor))
        }
        _ => false,
    };
    applied.iter().filter_map(|position| factors.get(position + 1)).all(|argument| {
        // Sums lean to the left.
        let mut sum = *argument;
        while let NodeKind::Add(left, right) = draft.kind(sum) {
            if is_product(*right) {
                return true;
            }
            sum = *left;
        }
        is_product(sum)
    })
}

/// `A(x_t) h_{t-1}`: a matrix that depends on the input, as selective models write it; as a product it would be
/// `(A x_t) \odot h_{t-1}`, which nobody writes with these parentheses.
fn dependent_matrices(draft: &mut Draft) {
    let mut found = Vec::new();
    // `A (x_t)` and nothing else.
    let mut note = |name: NodeId, argument: NodeId| {
        if let Source::Parameter(symbol) = draft.sources[name.0]
            && draft.symbol(symbol).upper
            && draft.symbol(symbol).declared.is_none()
            && matches!(draft.kind(argument), NodeKind::Read { .. })
            && draft.varying[argument.0]
        {
            found.push((draft.span(name), draft.symbol(symbol).canonical.clone()));
        }
    };
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, applied } = &node.kind else { continue };
        let multiplies = |sign: Option<&ProductSign>| sign.is_some_and(|sign| *sign != ProductSign::Hadamard);
        for &position in applied {
            if let (Some(&name), Some(&argument)) = (factors.get(position), factors.get(position + 1))
                && multiplies(signs.get(position + 1))
            {
                note(name, argument);
            }
        }
        for (position, factor) in factors.iter().enumerate() {
            if let NodeKind::Factors { factors: inner, applied, .. } = draft.kind(*factor)
                && let (&[name, argument], [0]) = (inner.as_slice(), applied.as_slice())
                && multiplies(signs.get(position))
            {
                note(name, argument);
            }
        }
    }
    for (span, name) in found {
        draft
            .findings
            .report(Code::UnboundActivation, span, format!("`{name}` depends on what stands in parentheses"))
            .help(format!("give the matrix a name of its own, `{name}_t`, and an equation that defines it"));
    }
}

/// `W * X_t` among calligraphic operands, or beside `\odot` with upper-case per-step values, means a convolution; so
/// does `W * X` with all of the sequence. `W * x_t` beside `\odot` is a matrix product for most, so that it is only said.
fn convolutions(draft: &mut Draft) {
    let hadamard = draft.nodes.iter().any(
        |node| matches!(&node.kind, NodeKind::Factors { signs, .. } if signs.contains(&ProductSign::Hadamard)),
    );
    let mut found = Vec::new();
    // `W * X_t` beside `U * h_{t-1}`: the sign is that of matrix products.
    let mut products = None;
    for node in &draft.nodes {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        for (sign, pair) in signs.iter().zip(factors.windows(2)) {
            let &[left, right] = pair else { continue };
            if *sign == ProductSign::Asterisk
                && matches!(draft.sources[left.0], Source::Parameter(symbol) if draft.symbol(symbol).upper)
                && matches!(draft.kind(right), NodeKind::Read { symbol, .. }
                    if !draft.symbol(*symbol).upper && draft.varying[right.0])
            {
                products = products.or(Some(node.span));
            }
            let (NodeKind::Read { symbol: weight, .. }, NodeKind::Read { symbol: value, .. }) =
                (draft.kind(left), draft.kind(right))
            else {
                continue;
            };
            let (weight_role, weight) = (draft.symbol(*weight).role, draft.symbol(*weight));
            let value = draft.symbol(*value);
            let calligraphic = value.canonical.starts_with("cal_");
            if *sign == ProductSign::Asterisk
                && weight_role == Role::Parameter
                && weight.upper
                && (draft.varying[right.0] && (calligraphic || hadamard && value.upper)
                    || hadamard && value.canonical == "X" && value.role == Role::Parameter)
            {
                found.push((calligraphic, node.span, weight.canonical.clone(), value.canonical.clone()));
            }
        }
    }
    found.retain(|(calligraphic, ..)| *calligraphic || products.is_none());
    if let Some(span) = products.filter(|_| hadamard && found.is_empty()) {
        let message = "`*` is read as a matrix product, beside a sign for products element by element";
        let help = "write a convolution as one outside the cell, whose result is an input; it is outside the language";
        draft.findings.report(Code::AsteriskProduct, span, message).help(help);
    }
    for (_, span, weight, value) in found {
        draft
            .findings
            .report(
                Code::Convolution,
                span,
                format!("`{weight} * {value}` reads as a convolution, which is outside the language"),
            )
            .help("where a matrix product is meant, write it side by side or with `\\cdot`");
    }
}

/// A name of three letters or more that is no Greek letter and has no labels.
fn is_word(name: &str) -> bool {
    let base = name.strip_suffix("_t").unwrap_or(name);
    let base_letters = base.split('_').next().unwrap_or(base);
    // Real and imaginary parts.
    if matches!(base, "Re" | "Im") {
        return true;
    }
    let letters = base.len() >= 3 && base.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '_');
    let letter = GREEK.contains(&base_letters) || ACTIVATIONS.contains(&base_letters);
    letters && base_letters.len() >= 3 && !letter && base_letters != "cal"
}

/// The line that binds a name to what papers mean by it.
pub(super) fn binding(name: &str) -> String {
    let function = match name {
        "sigma_c" | "sigma_h" => "\\tanh",
        "f" | "sigma_g" => "\\sigma",
        name if name.starts_with("sigma") => "\\sigma",
        _ => "\\tanh",
    };
    format!("{} = {function}", latex(name))
}

/// A canonical name as LaTeX.
fn latex(name: &str) -> String {
    if let Some(letter) = name.strip_prefix("cal_") {
        return format!("\\mathcal{{{letter}}}");
    }
    let mut parts = name.split('_');
    let base = parts.next().unwrap_or(name);
    let base = if GREEK.contains(&base) || ACTIVATIONS.contains(&base) && base.len() > 1 {
        format!("\\{base}")
    } else {
        base.to_owned()
    };
    let labels: Vec<&str> = parts.collect();
    match labels.as_slice() {
        [] => base,
        [one] if one.len() == 1 => format!("{base}_{one}"),
        all => format!("{base}_{{{}}}", all.join(",")),
    }
}
