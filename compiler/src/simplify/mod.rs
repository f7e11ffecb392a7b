//! Graph to smaller graph with the same meaning.
//!
//! [`simplify`] runs the passes below until nothing changes. Multiply-adds are not formed here: the planner forms them
//! within each element loop, after it has folded the matrix products out of the sums.
//! Passes are deterministic: the same graph always gives the same result.
//!
//! # What a rule may change
//!
//! - *Rounding*: rules treat values as real numbers, so a result may differ in its last bits, and where an
//!   intermediate result of the original overflows and the new one does not (or the other way round) by more. Numbers
//!   are folded in `f64`.
//! - *The sign of a zero*: `x + 0` becomes `x`, `0 - x` becomes `-x`.
//! - *Not-a-numbers and infinities stay*: `x * 0`, `0 / x` and `x - x` are not folded, since `x` may be NaN or
//!   infinite; matrices of zeros are not special either. What is zero by structure is another matter: elements beside
//!   a `Pad`, off the diagonal of `Identity` or in the branch of a `Select` that is not taken are not multiplied at
//!   all, so that `Identity x` becomes `x`.

mod algebra;
#[cfg(test)]
mod generated;
mod split;
mod structure;
mod sum;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, GraphError};

/// A pass: the same meaning, in a new graph.
type Pass = fn(&Graph) -> Result<Graph, GraphError>;

/// The passes in order, by name.
const PASSES: [(&str, Pass); 4] =
    [("algebra", algebra::pass), ("structure", structure::pass), ("split", split::pass), ("sum", sum::pass)];

/// Rules lead towards fewer or cheaper nodes, so rounds end by themselves; this bounds the work on hostile graphs.
const MAXIMUM_ROUNDS: usize = 24;

/// The graph, simplified. Dead nodes are dropped.
///
/// Where a pass cannot give its result (it would have more than [`crate::limits::MAXIMUM_NODES`] nodes, or a total of
/// what turns out to be constant over time), the graph is given back as far as the passes before took it.
#[must_use]
pub fn simplify(graph: &Graph) -> Graph {
    let mut current = graph.clone().compact();
    // Passes in a row that changed nothing.
    let mut unchanged = 0;
    for (name, pass) in PASSES.into_iter().cycle().take(PASSES.len() * MAXIMUM_ROUNDS) {
        let next = match pass(&current) {
            Ok(next) => next.compact(),
            Err(error) => {
                log::warn!("simplify: pass {name} stops: {error}");
                return current;
            }
        };
        debug_assert_eq!(next.verify(), Ok(()), "after pass {name}");
        log::debug!("simplify: {name}: {} nodes to {}", current.len(), next.len());
        unchanged = if next == current { unchanged + 1 } else { 0 };
        current = next;
        if unchanged == PASSES.len() {
            break;
        }
    }
    current
}
