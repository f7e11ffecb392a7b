//! Running a plan over sequences.
//!
//! A call becomes a table of rows, and the table is cut into blocks of rows. Each block runs all steps in memory of its
//! own, on any thread. What a row gives depends on no other row; the blocks of a run with a tape, and the order in which
//! their parameter gradients are added, depend on the table and the plan alone: so the result does not depend on the number
//! of threads. Inputs are copied in and outputs out: within a block rows are aligned and padded, chunk by chunk, so that what
//! is copied is in a cache where it is read. Where the way back packs an input and does nothing else with it, it is packed
//! from the caller's.
//!
//! - [`table`]: which stretch of which sample each row runs
//! - [`piece`]: the stretches of time that a block goes through, and which of them are in memory together
//! - [`budget`]: how many, for a number of bytes
//! - [`arena`]: where the buffers of a plan lie in one allocation
//! - [`worker`]: what a thread has for itself, and lends the block that it runs
//! - [`engine`]: a plan with its element loops compiled (or interpreted)
//! - [`block`]: the programs of a plan over one piece of one block; of one row, all steps of a chunk at a stretch
//! - [`ready`]: the programs of its time loop, made ready for all steps of the piece
//! - [`chunk_products`]: the products outside of it, made ready for the lengths of chunks
//! - [`constant`]: what is computed once, from parameters and from sums
//! - [`matrices`]: the packed matrices of a plan, which take turns in memory
//! - [`weights`]: what runs read of the parameters, made ready
//! - [`solve`]: the iteration that solves a step, where its equations need each other
//! - [`in_place`]: inputs that the way back reads where the caller has them
//! - [`stage`]: what is copied into a block, out of it, and from piece to piece
//! - [`outlet`]: the caller's sequences, which blocks fill as they go
//! - [`gradient`]: what blocks add to gradients by parameters
//! - [`sum`]: the order in which they do, where they share one
//! - [`round`]: the pieces of a block that are in memory together, forward and back
//! - [`memory`]: what a workspace holds
//! - [`threads`]: the threads that run its blocks
//! - [`check`] and [`run`]: a call
//! - [`compiled`]: the cell as users hold it

pub(crate) mod arena;
pub(crate) mod block;
mod budget;
pub(crate) mod check;
mod chunk_products;
pub(crate) mod compiled;
pub(crate) mod constant;
pub(crate) mod engine;
pub(crate) mod gradient;
mod in_place;
pub(crate) mod matrices;
pub(crate) mod memory;
mod outlet;
mod piece;
mod ready;
pub(crate) mod roles;
mod round;
pub(crate) mod run;
mod solve;
pub(crate) mod stage;
mod sum;
mod table;
#[cfg(test)]
mod tests;
mod threads;
pub(crate) mod weights;
mod worker;
