//! Running a plan over sequences.
//!
//! A batch is cut into blocks of rows. Each block runs all steps in memory of its own, on any thread; then threads share
//! out the numbers of the parameter gradients, each of which is a sum over all blocks. The blocks, and the order of the
//! sum, depend on the batch alone, so the result does not depend on the number of threads. Inputs are copied in and outputs out: within a block rows are aligned and padded.
//!
//! - [`arena`]: where the buffers of a plan lie in one allocation, for given T and B
//! - [`engine`]: a plan with its element loops compiled (or interpreted)
//! - [`block`]: the programs of a plan over one block
//! - [`gradient`]: gradients by parameters, from all blocks
//! - [`solve`]: the iteration that solves a step, where its equations need each other
//! - [`compiled`]: the cell as users hold it

pub(crate) mod arena;
pub(crate) mod block;
pub(crate) mod compiled;
pub(crate) mod engine;
pub(crate) mod gradient;
pub(crate) mod roles;
mod solve;
#[cfg(test)]
mod tests;
