//! The list of passes from a checked cell to the graphs that are planned.

use crate::differentiate::{DifferentiateError, differentiate};
use crate::graph::{Graph, GraphError, lower};
use crate::resolve::Cell;
use crate::simplify::simplify;

/// The two graphs of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphs {
    /// Forward only, simplified: what inference plans.
    pub forward: Graph,
    /// Forward and adjoint, simplified: what training plans.
    pub gradient: Graph,
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
    let forward = simplify(lowered);
    checked("simplify", &forward);
    let raw_gradient = differentiate(&forward)?;
    checked("differentiate", &raw_gradient);
    let gradient = simplify(&raw_gradient);
    checked("simplify the gradient", &gradient);
    Ok(Graphs { forward, gradient })
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
