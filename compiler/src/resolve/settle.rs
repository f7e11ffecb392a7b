//! Which declarations in lines of text belong to the cell.
//!
//! A text that explains its equations says the sizes of their names, mostly: `x_t` may stand for a batch or for a whole
//! sequence there, `W_*` for weights of several sizes, and what stands under another heading may speak of another
//! cell. So the equations are tried with all declarations, then without those that may speak of something else.
//! What is left contradicts the equations, which is an error: either side is wrong.
//!
//! # Invariants
//!
//! - Equations that mean no cell, by themselves or with declarations that mend them, are left alone: what is wrong with
//!   them is said first.
//! - A declaration that is not used brings a note.

use super::{Cell, Options, resolve};
use crate::diagnostic::{Code, Diagnostic};
use crate::shape::Shape;
use crate::source::Parsed;
use crate::source::ast::{Document, Explanation, Size, StatementKind};
use crate::span::Span;
use std::collections::HashMap;

/// Most declarations that are left out one at a time, to find the one that does not fit.
const MAXIMUM_TRIALS: usize = 16;

/// Makes statements of the declarations in lines of text that belong to the cell.
#[must_use]
pub fn settle(parsed: Parsed, options: &Options) -> Parsed {
    let Parsed { mut document, mut diagnostics } = parsed;
    let explanations = std::mem::take(&mut document.explanations);
    let error = |found: &Diagnostic| found.is_error();
    if explanations.is_empty() || diagnostics.iter().any(error) {
        return Parsed { document, diagnostics };
    }
    let with = |kept: &[&Explanation]| {
        let mut all = document.clone();
        all.statements.extend(kept.iter().map(|one| one.declaration.clone()));
        all
    };
    let all: Vec<&Explanation> = explanations.iter().collect();
    let everything = with(&all);
    let with_all = match resolve(&everything, options) {
        Ok(_) => return Parsed { document: everything, diagnostics },
        Err(found) => errors(&found),
    };
    let cell = match resolve(&document, options) {
        Ok(cell) => cell,
        Err(found) => {
            let wrong = [errors(&found), with_all];
            return alone((document, everything), wrong, &explanations, diagnostics, options);
        }
    };
    let axes = axes(&cell);
    let per_sample = |one: &&Explanation| match &one.declaration.kind {
        // `X_t \in \mathbb{R}^{n \times d}` beside equations for one sample: rows are samples.
        StatementKind::Declaration { target, sizes } => {
            sizes.len() < 2
                || sizes.contains(&Size::Known(1))
                || axes.get(target.name.canonical.as_str()).is_none_or(|&(axes, varies)| axes == 2 || !varies)
        }
        _ => true,
    };
    let firm: Vec<&Explanation> = all.iter().copied().filter(|one| one.firm).collect();
    let fewest: Vec<&Explanation> = firm.iter().copied().filter(per_sample).collect();
    let mut kept = firm;
    let mut settled = with(&kept);
    if resolve(&settled, options).is_err() && fewest.len() < kept.len() {
        kept = fewest;
        settled = with(&kept);
    }
    let dropped = all.iter().filter(|one| !kept.iter().any(|kept| std::ptr::eq(**one, *kept)));
    if let Some(note) = unused(dropped.copied()) {
        diagnostics.push(note);
        diagnostics.sort_by_key(|found| (found.span, found.code));
    }
    Parsed { document: settled, diagnostics }
}

/// What is wrong, and where.
fn errors(found: &[Diagnostic]) -> Vec<(Code, Span)> {
    found.iter().filter(|one| one.is_error()).map(|one| (one.code, one.span)).collect()
}

/// Equations that mean no cell by themselves, nor with all declarations. Where they mean one without one of these, that is
/// what is wrong. Else what is wrong is said of the equations, and that the declarations were left out, unless these mend
/// all of it.
fn alone(
    (document, mut everything): (Document, Document),
    [by_themselves, with_all]: [Vec<(Code, Span)>; 2],
    explanations: &[Explanation],
    mut diagnostics: Vec<Diagnostic>,
    options: &Options,
) -> Parsed {
    let first = document.statements.len();
    let dropped = (0..explanations.len().min(MAXIMUM_TRIALS)).find(|&at| {
        let mut rest = everything.clone();
        rest.statements.remove(first + at);
        resolve(&rest, options).is_ok()
    });
    if let Some(at) = dropped {
        let one = &explanations[at];
        if !one.firm {
            everything.statements.remove(first + at);
            diagnostics.extend(unused(std::iter::once(one)));
            diagnostics.sort_by_key(|found| (found.span, found.code));
        }
        return Parsed { document: everything, diagnostics };
    }
    // Where they mend all that is wrong with the equations, what else they contradict is what is wrong; and where they
    // bring nothing wrong of their own, they fit.
    let remaining = with_all.iter().filter(|one| by_themselves.contains(one)).count();
    if remaining == 0 || remaining == with_all.len() {
        return Parsed { document: everything, diagnostics };
    }
    diagnostics.extend(unused(explanations.iter()));
    diagnostics.sort_by_key(|found| (found.span, found.code));
    Parsed { document, diagnostics }
}

/// One note for all that is not used.
fn unused<'e>(dropped: impl Iterator<Item = &'e Explanation>) -> Option<Diagnostic> {
    let mut names: Vec<&str> = Vec::new();
    let mut first = None;
    for one in dropped {
        first.get_or_insert(one.declaration.span);
        if let StatementKind::Declaration { target, .. } = &one.declaration.kind
            && !names.contains(&target.name.canonical.as_str())
            && names.len() < 8
        {
            names.push(&target.name.canonical);
        }
    }
    let message = format!(
        "what the text declares of `{}` does not fit the equations and is not used",
        names.join("`, `")
    );
    Some(Diagnostic { code: Code::UnreadDeclaration, message, span: first?, labels: Vec::new(), help: None })
}

/// How many axes each name of a cell has, and whether it varies in time.
fn axes(cell: &Cell) -> HashMap<&str, (usize, bool)> {
    let count = |shape: &Shape| match shape {
        Shape::Scalar => 0,
        Shape::Vector(_) => 1,
        Shape::Matrix(..) => 2,
    };
    let mut axes = HashMap::new();
    for one in &cell.parameters {
        axes.insert(one.name.as_str(), (count(&one.shape), false));
    }
    for one in &cell.definitions {
        if let Some(term) = cell.terms.get(one.value.0 as usize) {
            axes.insert(one.name.as_str(), (count(&term.shape), true));
        }
    }
    for one in cell.inputs.iter().chain(cell.states.iter().map(|state| &state.variable)) {
        axes.insert(one.name.as_str(), (count(&one.shape), true));
    }
    axes
}
