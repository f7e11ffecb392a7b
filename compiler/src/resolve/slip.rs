//! Products that read on where a sign was lost.
//!
//! `U h_{t-1} b` and `U * h_{t-1} V * s_{t-1}` have a meaning as they stand, a product of vectors, and are never meant
//! so: a bias is added, and a matrix product that begins directly behind another one lacks its `+`.

use super::draft::Draft;
use super::expression::{NodeId, NodeKind, Role, Source};
use crate::diagnostic::Code;
use crate::source::ast::ProductSign;
use crate::span::Span;

/// Reports each place where a `+` is missing, and takes the product out of what later passes look at.
pub(super) fn check(draft: &mut Draft) {
    let mut found: Vec<(usize, Span, Span)> = Vec::new();
    for (at, node) in draft.nodes.iter().enumerate() {
        let NodeKind::Factors { factors, signs, .. } = &node.kind else { continue };
        if let Some((left, right)) =
            bias(draft, factors, signs).or_else(|| second_product(draft, factors, signs))
        {
            found.push((at, draft.span(left), draft.span(right)));
        }
    }
    for (at, left, right) in found {
        draft.nodes[at].kind = NodeKind::Faulty;
        draft
            .findings
            .report(Code::AmbiguousProduct, right, "a sign is missing before this factor, most likely a `+`")
            .label(left, "the factor before")
            .help("write the sign; a product of vectors is written with `\\odot`, in text with `.*`");
    }
}

/// The factors of `W h_{t-1} b` between which the sign is missing: the last is called like a bias.
fn bias(draft: &Draft, factors: &[NodeId], signs: &[ProductSign]) -> Option<(NodeId, NodeId)> {
    let (&last, before) = factors.split_last()?;
    let &left = before.last()?;
    let (at, sign) = match draft.kind(left) {
        _ if signs.last() == Some(&ProductSign::Juxtaposition) => (last, left),
        _ => match draft.kind(last) {
            // `W * h_{t-1} b`: the chain is the last factor of the written product.
            NodeKind::Factors { factors: chain, signs, .. }
                if chain.len() == 2 && signs.first() == Some(&ProductSign::Juxtaposition) =>
            {
                (*chain.get(1)?, *chain.first()?)
            }
            _ => return None,
        },
    };
    let Source::Parameter(symbol) = draft.sources[at.0] else { return None };
    let symbol = draft.symbol(symbol);
    let called_bias = symbol.canonical == "b" || symbol.canonical.starts_with("b_");
    let weight = before.iter().chain(std::iter::once(&left)).any(|factor| is_weight(draft, *factor));
    (called_bias
        && symbol.declared.is_none()
        && symbol.role == Role::Parameter
        && weight
        && is_value(draft, sign))
    .then_some((sign, at))
}

/// The factors of `H * h_{t-1} W * s_{t-1}` between which the sign is missing.
fn second_product(draft: &Draft, factors: &[NodeId], signs: &[ProductSign]) -> Option<(NodeId, NodeId)> {
    let written =
        |sign: &ProductSign| matches!(sign, ProductSign::Asterisk | ProductSign::Dot | ProductSign::Cross);
    factors.windows(3).zip(signs.windows(2)).find_map(|(factors, signs)| {
        let &[first, middle, last] = factors else { return None };
        let NodeKind::Factors { factors: chain, signs: inner, .. } = draft.kind(middle) else { return None };
        let (&[value, weight], [ProductSign::Juxtaposition]) = (chain.as_slice(), inner.as_slice()) else {
            return None;
        };
        let products = signs.iter().all(written) && is_weight(draft, first) && is_weight(draft, weight);
        (products && is_value(draft, value) && is_value(draft, last)).then_some((value, weight))
    })
}

/// An upper-case parameter by its name alone.
fn is_weight(draft: &Draft, node: NodeId) -> bool {
    matches!(draft.sources[node.0], Source::Parameter(symbol) if draft.symbol(symbol).upper)
}

/// A per-step value by its name alone.
fn is_value(draft: &Draft, node: NodeId) -> bool {
    matches!(draft.kind(node), NodeKind::Read { .. }) && draft.varying[node.0]
}
