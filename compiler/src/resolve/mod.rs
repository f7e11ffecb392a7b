//! Syntax tree to checked cell.
//!
//! # Invariants
//!
//! - Names are settled before roles, roles before kinds (scalar, vector, matrix), kinds before sizes; each pass reads
//!   only what the passes before it have filled in.
//! - Every finding is collected: after an error the passes go on with the most likely meaning, and no cell is given.
//! - Nothing here recurses: expressions lie in one arena, operands before their users.

mod activation;
mod assemble;
mod builder;
mod cell;
mod collect;
mod definition;
mod dimension;
mod draft;
mod expression;
mod findings;
mod flatten;
mod function;
mod initial;
mod kind;
mod lint;
mod mark;
mod number;
mod order;
mod product;
mod role;
mod settle;
mod slip;
mod term;
mod time;
mod variable;
mod vector;

#[cfg(test)]
mod test;

pub use cell::{Cell, Definition, Output, State, Term, TermId, Unknown, Variable};
pub use settle::settle;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::ast::Document;
use draft::Draft;

/// What to do about definitions of one step that need each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CyclePolicy {
    /// They are an error.
    #[default]
    Reject,
    /// Read the value of the step before along the cycle's state.
    Previous,
    /// Solve the equations of the step by iteration.
    FixedPoint,
}

/// How to resolve what the equations leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Cycles within one step.
    pub cycle: CyclePolicy,
    /// Values that are outputs, by canonical name, besides those that the equations mark; where neither says any, one
    /// is chosen.
    pub outputs: Vec<String>,
    /// Parameters that are given and not learned, by canonical name, besides those that the equations mark.
    pub frozen: Vec<String>,
}

/// Checks a document and finds the cell it means.
///
/// # Errors
///
/// All errors, and with them all warnings and notes, in the order of the text.
pub fn resolve(document: &Document, options: &Options) -> Result<Cell, Vec<Diagnostic>> {
    let mut draft = Draft::new(options.clone());
    let cell = run(&mut draft, document);
    let failed = draft.findings.has_errors();
    let diagnostics = draft.findings.finish();
    match cell {
        Some(cell) if !failed => Ok(Cell { diagnostics, ..cell }),
        _ => Err(diagnostics),
    }
}

/// What is wrong with the equations that could be read, where others could not: errors that those cannot have caused.
#[must_use]
pub fn errors_of_the_rest(document: &Document, options: &Options) -> Vec<Diagnostic> {
    let Err(mut found) = resolve(document, options) else { return Vec::new() };
    found.retain(|one| {
        let consequence = matches!(
            one.code,
            Code::NoEquations | Code::NothingVaries | Code::UnsolvedDimension | Code::InitialState
        );
        one.is_error() && !consequence
    });
    found
}

/// The passes. `None` where an error was found that leaves nothing to go on with.
fn run(draft: &mut Draft, document: &Document) -> Option<Cell> {
    collect::collect(draft, document)?;
    time::normalise(draft);
    role::assign(draft);
    definition::link(draft);
    order::sort(draft);
    role::find_constants(draft);
    activation::check(draft);
    slip::check(draft);
    let kinds = kind::infer(draft);
    let variables = variable::number(draft)?;
    initial::find(draft, &variables);
    mark::apply(draft, document, &variables);
    lint::check(draft, &variables);
    term::build(draft, &kinds, &variables)
}
