//! Equations written by components, `h_i = \tanh(\sum_j W_{ij} x_j + b_i)`, to equations of vectors and matrices.
//!
//! The rewriting is all or nothing, since an index that is dropped in one place and kept in another would make two
//! names of one. It happens where every sum is a matrix product, and where every subscript of the document holds
//! nothing but these indices, numbers and the time: so `W_f` beside `\sum_j` leaves it open whether `i` in `b_i` is an
//! index or the label of a gate, and the sum stays an error.
//!
//! ```text
//! \sum_j W_{ij} x_j  ->  W x        \sum_j W_{ji} x_j  ->  x W        b_i  ->  b
//! ```

use std::collections::BTreeSet;

use super::ast::ProductSign;
use super::sequence::Sequence;
use super::token::{Bracket, Token, TokenKind};

/// Most sums that are looked at.
const LOOKED_AT: usize = 256;

/// One sum that is a matrix product.
struct Sum {
    /// The sign and its limits: dropped.
    sign: (usize, usize),
    /// The weight with its scripts.
    weight: (usize, usize),
    /// The value with its scripts, where the weight's first index is the one summed over.
    swapped: Option<(usize, usize)>,
}

/// Rewrites all blocks, or none.
pub(crate) fn rewrite(blocks: &mut [Vec<Token>]) {
    let has_sum = |token: &Token| token.kind == TokenKind::LargeOperator("sum");
    if !blocks.iter().any(|tokens| tokens.iter().any(has_sum)) {
        return;
    }
    let mut letters: BTreeSet<String> = BTreeSet::new();
    let mut sums = Vec::with_capacity(blocks.len());
    for tokens in blocks.iter() {
        let (sequence, fault) = Sequence::new(tokens);
        if fault.is_some() {
            return;
        }
        let Some(found) = matrix_products(&sequence, &mut letters) else { return };
        sums.push(found);
    }
    if letters.is_empty()
        || !blocks.iter().zip(&sums).all(|(tokens, sums)| only_indices(tokens, sums, &letters))
    {
        return;
    }
    for (tokens, sums) in blocks.iter_mut().zip(&sums) {
        *tokens = without_indices(tokens, sums, &letters);
    }
}

/// The sums of a block. `None` where one is no matrix product; notes their index letters.
fn matrix_products(sequence: &Sequence<'_>, letters: &mut BTreeSet<String>) -> Option<Vec<Sum>> {
    let mut sums = Vec::new();
    for start in 0..sequence.tokens.len() {
        if sequence.kind(start) != Some(&TokenKind::LargeOperator("sum")) {
            continue;
        }
        if sums.len() == LOOKED_AT {
            return None;
        }
        let (mut after, mut over) = (start + 1, None);
        while let Some(TokenKind::Subscript | TokenKind::Superscript) = sequence.kind(after) {
            let (from, to, next) = sequence.script(after + 1)?;
            if sequence.kind(after) == Some(&TokenKind::Subscript) {
                // `j`, `j=1`.
                let alone = to == from + 1 || sequence.kind(from + 1) == Some(&TokenKind::Equals);
                over = letter(sequence.kind(from)?).filter(|_| alone);
            }
            after = next;
        }
        let over = over?;
        let first = sequence.skip_layout(after);
        let (weight_end, indices) = name_with_indices(sequence, first)?;
        let [row, column] = <[String; 2]>::try_from(indices).ok()?;
        let mut second = weight_end;
        if matches!(sequence.kind(second), Some(TokenKind::Product(sign)) if *sign != ProductSign::Hadamard) {
            second += 1;
        }
        let (value_end, indices) = name_with_indices(sequence, second)?;
        let swapped = match (row == over, column == over) {
            (false, true) => None,
            (true, false) => Some((second, value_end)),
            _ => return None,
        };
        if !indices.contains(&over) || !has_time(sequence, second, value_end) || is_defined(sequence, first) {
            return None;
        }
        letters.extend([row, column]);
        sums.push(Sum { sign: (start, first), weight: (first, weight_end), swapped });
    }
    Some(sums)
}

/// True where the name `start..end` is a value of a step: `x_j^{(t)}`, `x_{j,t}`, `x_j(t-1)`. A sum over steps, such as
/// `\sum_j \alpha_{ij} h_j`, is no product.
fn has_time(sequence: &Sequence<'_>, start: usize, end: usize) -> bool {
    let time = |at: usize| sequence.kind(at).and_then(letter).is_some_and(|text| text == "t");
    let called = matches!(sequence.kind(end), Some(TokenKind::Open(Bracket::Round | Bracket::Square)));
    (start..end).any(time) || called && time(end + 1)
}

/// True where the word at `at` stands on a left side: `\alpha_{ij} = …` is no weight.
fn is_defined(sequence: &Sequence<'_>, at: usize) -> bool {
    let same = |other: usize| other != at && sequence.kind(other) == sequence.kind(at);
    (0..sequence.tokens.len()).any(|other| same(other) && sequence.begins_left_side(other))
}

fn letter(kind: &TokenKind) -> Option<String> {
    match kind {
        TokenKind::Word { text, .. } if text.len() == 1 => Some(text.clone()),
        _ => None,
    }
}

/// The end of the name at `start`, a word with scripts, and the letters of its subscripts but the time.
fn name_with_indices(sequence: &Sequence<'_>, start: usize) -> Option<(usize, Vec<String>)> {
    let TokenKind::Word { .. } = sequence.kind(start)? else { return None };
    let (mut after, mut indices) = (start + 1, Vec::new());
    while let Some(script @ (TokenKind::Subscript | TokenKind::Superscript)) = sequence.kind(after) {
        let (from, to, next) = sequence.script(after + 1)?;
        if *script == TokenKind::Subscript {
            indices.extend((from..to).filter_map(|at| letter(sequence.kind(at)?)).filter(|text| text != "t"));
        }
        after = next;
    }
    Some((after, indices))
}

/// True where every subscript but those of sums holds index letters, numbers and the time alone, and no index is a name.
fn only_indices(tokens: &[Token], sums: &[Sum], letters: &BTreeSet<String>) -> bool {
    let (sequence, _) = Sequence::new(tokens);
    let index = |kind: &TokenKind| letter(kind).is_some_and(|text| letters.contains(&text));
    let time = |kind: &TokenKind| letter(kind).is_some_and(|text| text == "t");
    let mut inside = vec![false; tokens.len()];
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Subscript
            && let Some((from, to, _)) = sequence.script(at + 1)
        {
            inside[from..to].fill(true);
        }
    }
    (0..tokens.len()).all(|at| {
        let limits = sums.iter().any(|sum| (sum.sign.0..sum.sign.1).contains(&at));
        match &tokens[at].kind {
            _ if limits => true,
            TokenKind::Subscript => sequence.script(at + 1).is_some_and(|(from, to, _)| {
                let kinds = || (from..to).filter_map(|inside| sequence.kind(inside));
                // `s_{i-1}` counts along an index.
                let counts = kinds().any(|kind| matches!(kind, TokenKind::Minus | TokenKind::Plus));
                (!counts || kinds().any(time))
                    && (from..to).filter_map(|inside| sequence.kind(inside)).all(|kind| {
                        index(kind)
                            || time(kind)
                            || matches!(
                                kind,
                                TokenKind::Comma
                                    | TokenKind::Minus
                                    | TokenKind::Plus
                                    | TokenKind::Number { .. }
                            )
                    })
            }),
            kind if index(kind) && !inside[at] => !matches!(
                sequence.kind(at + 1),
                Some(TokenKind::Subscript | TokenKind::Superscript | TokenKind::Equals)
            ),
            _ => true,
        }
    })
}

/// The tokens without sums and indices.
fn without_indices(tokens: &[Token], sums: &[Sum], letters: &BTreeSet<String>) -> Vec<Token> {
    let (sequence, _) = Sequence::new(tokens);
    let mut dropped = vec![false; tokens.len()];
    let index = |at: usize| {
        tokens.get(at).and_then(|token| letter(&token.kind)).is_some_and(|text| letters.contains(&text))
    };
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Subscript {
            continue;
        }
        let Some((from, to, over)) = sequence.script(at + 1) else { continue };
        let kept = (from..to).any(|inside| !index(inside) && tokens[inside].kind != TokenKind::Comma);
        for inside in at..over {
            let part = (from..to).contains(&inside);
            dropped[inside] |= !kept || part && (index(inside) || tokens[inside].kind == TokenKind::Comma);
        }
    }
    // The value before the weight, `x W`, where the sum runs over the first index.
    let mut order: Vec<usize> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(sum) = sums.iter().find(|sum| sum.sign.0 == at) {
            if let Some(value) = sum.swapped {
                order.extend(value.0..value.1);
                order.extend(sum.weight.0..sum.weight.1);
                at = value.1;
            } else {
                at = sum.sign.1;
            }
            continue;
        }
        order.push(at);
        at += 1;
    }
    let weights: BTreeSet<usize> = sums.iter().map(|sum| sum.weight.0).collect();
    order
        .into_iter()
        .filter(|at| !dropped[*at])
        .map(|at| {
            let mut token = tokens[at].clone();
            // A weight with two indices is a matrix, however it is written.
            if weights.contains(&at)
                && let TokenKind::Word { text, upper } = &mut token.kind
            {
                if let Some(first) = text.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                *upper = true;
            }
            token
        })
        .collect()
}
