//! Sequences: ragged batches, resets, directions, checkpoints, carried states, streams and held weights.

mod call;
mod carried;
mod checkpoints;
mod inference;
mod ragged;
mod stream;
