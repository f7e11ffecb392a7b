//! Products that read on where a sign was lost.
//!
//! `U h_{t-1} b`, `b W x_t` and `U h_{t-1} V * s_{t-1}` have a meaning as they stand, a product of vectors, and are never
//! meant so: a bias is added, and a matrix product that begins directly behind another one lacks its `+`, as does a gated
//! value behind another. The number one directly before a value, `(1 z_t)`, has lost its sign too.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source, Symbol};
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::span::Span;

/// Reports each place where a `+` is missing, and takes the product out of what later passes look at.
pub(super) fn check(draft: &mut Draft) {
    // A product within a product is looked at with the outer one.
    let mut inner = vec![false; draft.nodes.len()];
    let mut found: Vec<(usize, NodeId, NodeId)> = Vec::new();
    for (at, node) in draft.nodes.iter().enumerate().rev() {
        let NodeKind::Factors { factors, .. } = &node.kind else { continue };
        for factor in factors {
            inner[factor.0] |= is_chain(draft, *factor);
        }
        if inner[at] {
            continue;
        }
        let factors = flat(draft, NodeId(at));
        let lost = bias(draft, &factors)
            .or_else(|| second_product(draft, &factors))
            .or_else(|| second_gate(draft, &factors))
            .or_else(|| carried(draft, &factors))
            .or_else(|| one(draft, &factors));
        if let Some((left, right)) = lost {
            found.push((at, left, right));
        }
    }
    for (at, left, right) in found.into_iter().rev() {
        let ones = ones(draft, left, right).map(str::to_owned);
        let (left, right) = (draft.span(left), draft.span(right));
        draft.nodes[at].kind = NodeKind::Faulty;
        if let Some(name) = ones {
            draft
                .findings
                .report(
                    Code::AmbiguousProduct,
                    left.to(right),
                    format!(
                        "a product of `{name}_t` and a vector of ones, which is no value of the language"
                    ),
                )
                .help(format!(
                    "scale the rows of a matrix as in `diag({name}_t) S_{{t-1}}`, its columns as in \
                     `S_{{t-1}} diag({name}_t)`; a sum over elements is `sum({name}_t)`"
                ));
            continue;
        }
        draft
            .findings
            .report(Code::AmbiguousProduct, right, "a sign is missing before this factor, most likely a `+`")
            .label(left, "the factor before")
            .help("write the sign; a product of vectors is written with `\\odot`, in text with `.*`");
    }
    letters(draft);
    complements(draft);
}

/// `W x_t + bias` and `bb_f` in LaTeX: letters side by side that nothing declares, a product of vectors that are
/// learned; and `WW_f`, one letter twice.
fn letters(draft: &mut Draft) {
    let letter = |node: NodeId| {
        parameter(draft, node)
            .filter(|symbol| symbol.declared.is_none() && matches!(draft.kind(node), NodeKind::Read { .. }))
            .and_then(|symbol| symbol.canonical.split('_').next().filter(|base| base.len() == 1))
    };
    let word = |left: NodeId, right: NodeId| {
        let lower = |node| parameter(draft, node).is_some_and(|symbol| !symbol.upper);
        let bare = parameter(draft, left).is_some_and(|symbol| symbol.canonical.len() == 1);
        letter(left)
            .zip(letter(right))
            .is_some_and(|(one, other)| bare && (one == other || lower(left) && lower(right)))
    };
    let mut found: Vec<(Span, String)> = Vec::new();
    let mut products = Vec::new();
    for (at, node) in draft.nodes.iter().enumerate() {
        if !matches!(node.kind, NodeKind::Factors { .. }) {
            continue;
        }
        let factors = flat(draft, NodeId(at));
        let glued = |pair: &[Signed]| {
            pair[1].0 == Some(ProductSign::Juxtaposition)
                && draft.span(pair[0].1).end == draft.span(pair[1].1).start
                && word(pair[0].1, pair[1].1)
        };
        let Some(first) = factors.windows(2).position(glued) else { continue };
        let run = factors[first..].windows(2).take_while(|pair| glued(pair)).count() + 1;
        let run: Vec<NodeId> = factors[first..first + run].iter().map(|(_, node)| *node).collect();
        let span = draft.span(run[0]).to(draft.span(run[run.len() - 1]));
        products.push(at);
        // A product within a product is seen twice.
        if found.iter().all(|(known, _)| *known != span) {
            let names = run.iter().filter_map(|node| parameter(draft, *node));
            found.push((span, names.map(|symbol| symbol.canonical.as_str()).collect()));
        }
    }
    // Its letters say nothing: `i` in `bias` is no imaginary unit.
    for at in products {
        draft.nodes[at].kind = NodeKind::Faulty;
    }
    for (span, word) in found {
        draft
            .findings
            .report(Code::AmbiguousProduct, span, format!("`{word}` reads as a product of weights of one letter each"))
            .help(format!(
                "write a name of several letters upright, `\\mathrm{{{word}}}`, a label with `_`, and a product with blanks"
            ));
    }
}

/// `z_t \odot h_{t-1} + ( - z_t) \odot n_t`: where the two are weighed, a one stood before the sign.
fn complements(draft: &mut Draft) {
    let read = |node: NodeId| match draft.kind(node) {
        NodeKind::Read { symbol, time } if draft.varying[node.0] => Some((*symbol, *time)),
        _ => None,
    };
    let mut found = Vec::new();
    for node in &draft.nodes {
        let NodeKind::Add(left, right) = node.kind else { continue };
        let (left, right) = (flat(draft, left), flat(draft, right));
        for (one, other) in [(&left, &right), (&right, &left)] {
            for (_, factor) in one {
                let inner = match draft.kind(*factor) {
                    NodeKind::Negate(inner) => *inner,
                    // `(l - z_t)`, the letter.
                    NodeKind::Subtract(from, inner)
                        if parameter(draft, *from)
                            .is_some_and(|symbol| symbol.canonical == "l" && symbol.declared.is_none()) =>
                    {
                        *inner
                    }
                    _ => continue,
                };
                if let Some(gate) = read(inner)
                    && other.iter().any(|(_, factor)| read(*factor) == Some(gate))
                {
                    found.push((draft.span(*factor), draft.symbol(gate.0).canonical.clone()));
                }
            }
        }
    }
    for (span, name) in found {
        draft
            .findings
            .report(Code::AmbiguousProduct, span, "a one is missing before this sign, most likely")
            .help(format!("write `(1 - {name}_t)`; a difference of both is written without brackets"));
    }
}

/// A factor, and the sign before it; none before the first.
type Signed = (Option<ProductSign>, NodeId);

/// The factors of a product with those of juxtapositions in it.
fn flat(draft: &Draft, product: NodeId) -> Vec<Signed> {
    let NodeKind::Factors { factors, signs, .. } = draft.kind(product) else { return Vec::new() };
    let mut flat = Vec::new();
    for (position, factor) in factors.iter().enumerate() {
        let sign = position.checked_sub(1).and_then(|before| signs.get(before).copied());
        match draft.kind(*factor) {
            NodeKind::Factors { factors: chain, .. } if is_chain(draft, *factor) => {
                let rest = chain.iter().skip(1).map(|next| (Some(ProductSign::Juxtaposition), *next));
                flat.extend(chain.first().map(|first| (sign, *first)));
                flat.extend(rest);
            }
            _ => flat.push((sign, *factor)),
        }
    }
    flat
}

fn is_chain(draft: &Draft, node: NodeId) -> bool {
    matches!(draft.kind(node), NodeKind::Factors { signs, .. }
        if signs.iter().all(|sign| *sign == ProductSign::Juxtaposition))
}

/// `W h_{t-1} b`, `b W h_{t-1}`: a parameter that is called like a bias, without a sign behind a complete product or
/// before a weight.
fn bias(draft: &Draft, factors: &[Signed]) -> Option<(NodeId, NodeId)> {
    let called_bias = |node: NodeId| {
        parameter(draft, node).is_some_and(|symbol| {
            // In text `bi` is one word.
            let word = symbol.canonical.len() == 2 && symbol.canonical.starts_with('b') && !symbol.upper;
            (symbol.canonical == "b" || word || symbol.canonical.starts_with("b_"))
                && symbol.declared.is_none()
        })
    };
    factors.windows(2).enumerate().find_map(|(position, pair)| {
        let &[(_, left), (Some(ProductSign::Juxtaposition), right)] = pair else { return None };
        let before = factors.get(..=position).unwrap_or_default();
        let behind = called_bias(right)
            && before.iter().any(|(_, factor)| weighs(draft, *factor))
            && before.iter().any(|(_, factor)| draft.varying[factor.0]);
        (behind || called_bias(left) && is_weight(draft, right)).then_some((left, right))
    })
}

/// `H * h_{t-1} W * s_{t-1}`, `U h_{t-1} W \circ c_{t-1}`: a weight without a sign behind a matrix product, and a sign
/// behind it.
fn second_product(draft: &Draft, factors: &[Signed]) -> Option<(NodeId, NodeId)> {
    factors
        .windows(4)
        .find_map(|four| {
            let &[(_, first), (_, value), (Some(ProductSign::Juxtaposition), weight), (Some(sign), last)] =
                four
            else {
                return None;
            };
            let products =
                sign != ProductSign::Juxtaposition && is_weight(draft, first) && is_weight(draft, weight);
            (products && is_value(draft, value) && is_value(draft, last)).then_some((value, weight))
        })
        // `x_t * W h_{t-1} * U`.
        .or_else(|| {
            factors.windows(4).find_map(|four| {
                let &[
                    (_, value),
                    (Some(one), weight),
                    (Some(ProductSign::Juxtaposition), second),
                    (Some(other), last),
                ] = four
                else {
                    return None;
                };
                let written = one != ProductSign::Juxtaposition && one == other;
                (written
                    && is_value(draft, value)
                    && is_weight(draft, weight)
                    && is_value(draft, second)
                    && is_weight(draft, last))
                .then_some((weight, second))
            })
        })
}

/// `i_t * g_t c_{t-1}`: the value of the step before side by side with a product of this one, whose sign is written.
fn carried(draft: &Draft, factors: &[Signed]) -> Option<(NodeId, NodeId)> {
    let [(_, gate), (Some(sign), value), (Some(ProductSign::Juxtaposition), last)] = factors else {
        return None;
    };
    let time = |node: NodeId| match draft.kind(node) {
        NodeKind::Read { time, .. } => *time,
        _ => None,
    };
    let earlier = time(*last).zip(time(*value)).is_some_and(|(last, value)| last < value);
    let values = [*gate, *value, *last].iter().all(|node| is_value(draft, *node));
    (*sign != ProductSign::Juxtaposition && values && earlier).then_some((*value, *last))
}

/// `f_t \odot c_{t-1} i_t \odot g_t`: two gated values side by side, each with its sign.
fn second_gate(draft: &Draft, factors: &[Signed]) -> Option<(NodeId, NodeId)> {
    factors.windows(4).find_map(|four| {
        let &[
            (_, gate),
            (Some(sign), value),
            (Some(ProductSign::Juxtaposition), second),
            (Some(other), last),
        ] = four
        else {
            return None;
        };
        let gated = sign != ProductSign::Juxtaposition && sign == other;
        let varying = [gate, second, last].iter().all(|&node| draft.varying[node.0]);
        (gated && varying && is_value(draft, value))
            .then_some((value, second))
            // `(1 - z_t) \odot n_t z_t \odot h_{t-1}`.
            .filter(|_| is_value(draft, second) || is_difference(draft, second))
    })
}

fn is_difference(draft: &Draft, node: NodeId) -> bool {
    matches!(draft.kind(node), NodeKind::Subtract(..))
}

/// `(1 z_t)`, `f1(x_t)`: nobody multiplies by a written one.
fn one(draft: &Draft, factors: &[Signed]) -> Option<(NodeId, NodeId)> {
    factors.windows(2).find_map(|pair| {
        let &[(_, left), (Some(ProductSign::Juxtaposition), right)] = pair else { return None };
        let is_one = |node: NodeId| *draft.kind(node) == NodeKind::Number(1.0);
        (is_one(left) && draft.varying[right.0] || is_one(right)).then_some((left, right))
    })
}

/// `\alpha_t^\top \mathbf{1}`, `\mathbf{1} \alpha_t^\top`: the name of the value that a row or a column of ones repeats.
fn ones(draft: &Draft, left: NodeId, right: NodeId) -> Option<&str> {
    let is_one = |node: NodeId| *draft.kind(node) == NodeKind::Number(1.0);
    let turned = |node: NodeId| match draft.kind(node) {
        NodeKind::Transpose(inner) if is_value(draft, *inner) => match draft.kind(*inner) {
            NodeKind::Read { symbol, .. } => Some(draft.symbol(*symbol).canonical.as_str()),
            _ => None,
        },
        _ => None,
    };
    if is_one(left) { turned(right) } else { turned(left).filter(|_| is_one(right)) }
}

/// The parameter that a node reads, transposed or not.
fn parameter(draft: &Draft, node: NodeId) -> Option<&Symbol> {
    let node = match draft.kind(node) {
        NodeKind::Transpose(inner) => *inner,
        _ => node,
    };
    match draft.sources[node.0] {
        Source::Parameter(symbol) => {
            Some(draft.symbol(symbol)).filter(|symbol| symbol.role == Role::Parameter)
        }
        _ => None,
    }
}

/// A parameter, or a product with one.
fn weighs(draft: &Draft, node: NodeId) -> bool {
    match draft.kind(node) {
        NodeKind::Factors { factors, .. } => factors.iter().any(|factor| parameter(draft, *factor).is_some()),
        _ => parameter(draft, node).is_some(),
    }
}

/// An upper-case parameter.
fn is_weight(draft: &Draft, node: NodeId) -> bool {
    parameter(draft, node).is_some_and(|symbol| symbol.upper)
}

/// A per-step value by its name alone.
fn is_value(draft: &Draft, node: NodeId) -> bool {
    matches!(draft.kind(node), NodeKind::Read { .. }) && draft.varying[node.0]
}
