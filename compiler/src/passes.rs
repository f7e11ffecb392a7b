//! The lists of passes: from a text to a checked cell, and from a checked cell to the graphs that are planned.

use crate::diagnostic::{Code, Diagnostic};
use crate::differentiate::{DifferentiateError, differentiate};
use crate::graph::{Graph, GraphError, InitialStates, lower};
use crate::resolve::{Cell, Options, errors_of_the_rest, resolve, settle};
use crate::simplify::simplify;
use crate::source::{Parsed, Syntax, parse};

/// Reads and checks a text: all of it, or the part under the heading `section`. The cell's `diagnostics` are the notes
/// and warnings of both stages.
///
/// # Errors
///
/// All findings, errors among them.
pub fn read(
    text: &str,
    syntax: Syntax,
    section: Option<&str>,
    options: &Options,
) -> Result<Cell, Vec<Diagnostic>> {
    check(parse(text, syntax, section), options)
}

/// Checks what was parsed. Where equations could not be read, what is wrong with the others is said all the same.
///
/// # Errors
///
/// All findings, errors among them.
pub fn check(parsed: Parsed, options: &Options) -> Result<Cell, Vec<Diagnostic>> {
    let Parsed { document, mut diagnostics } = settle(parsed, options);
    if diagnostics.iter().any(|diagnostic| diagnostic.is_error()) {
        // Several cells at once contradict each other, which says nothing of any of them.
        let several = |found: &Diagnostic| {
            matches!(found.code, Code::SectionsDiffer | Code::AlternativeDefinitions | Code::SourceTooLong)
        };
        let several = diagnostics.iter().any(several);
        let mut rest = errors_of_the_rest(&document, options);
        // But what no part of them binds, none does.
        rest.retain(|found| {
            !several || matches!(found.code, Code::UnboundActivation | Code::UnknownFunction)
        });
        diagnostics.extend(rest);
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end, diagnostic.code));
        return Err(diagnostics);
    }
    match resolve(&document, options) {
        Ok(mut cell) => {
            diagnostics.append(&mut cell.diagnostics);
            cell.diagnostics = diagnostics;
            Ok(cell)
        }
        Err(found) => {
            diagnostics.extend(found);
            Err(diagnostics)
        }
    }
}

/// The two graphs of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphs {
    /// Forward only, simplified: what inference plans.
    pub forward: Graph,
    /// Forward and adjoint, simplified: what training plans.
    pub gradient: Graph,
    /// Where states begin; `None` where all begin at zero.
    pub initial: Option<InitialStates>,
}

/// Why a pass failed. A checked cell passes all of them but for limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassError {
    /// The cell could not be lowered.
    #[error("lowering the cell: {0}")]
    Lower(#[from] GraphError),
    /// The gradient could not be derived.
    #[error("deriving the gradient: {0}")]
    Differentiate(#[from] DifferentiateError),
}

/// All passes before the plan, in order, from a checked cell.
///
/// # Errors
///
/// A limit on the size of the graph.
pub fn run(cell: &Cell) -> Result<Graphs, PassError> {
    run_from_graph(&lower(cell)?)
}

/// All passes before the plan, in order, from the graph of a step.
///
/// # Errors
///
/// As [`run`].
pub fn run_from_graph(lowered: &Graph) -> Result<Graphs, PassError> {
    checked("lower", lowered);
    let (step, initial) = split_initial(lowered)?;
    let forward = simplify(&step);
    checked("simplify", &forward);
    let raw_gradient = differentiate(&forward)?;
    checked("differentiate", &raw_gradient);
    let gradient = simplify(&raw_gradient);
    checked("simplify the gradient", &gradient);
    Ok(Graphs { forward, gradient, initial })
}

/// The step alone, and where its states begin, with gradients; `None` where all begin at zero.
///
/// # Errors
///
/// A limit on the size of the graph.
pub fn split_initial(lowered: &Graph) -> Result<(Graph, Option<InitialStates>), DifferentiateError> {
    let (step, initial) = lowered.split_initial()?;
    let derived = |graph: Graph| Ok::<_, DifferentiateError>(simplify(&differentiate(&simplify(&graph))?));
    Ok((step, initial.map(|initial| initial.try_map(derived)).transpose()?))
}

/// Logs the size after a pass; in debug builds verifies the graph.
fn checked(pass: &str, graph: &Graph) {
    log::debug!("{pass}: {} nodes", graph.len());
    if cfg!(debug_assertions)
        && let Err(error) = graph.verify()
    {
        unreachable!("after `{pass}`: {error}\n{graph}");
    }
}
