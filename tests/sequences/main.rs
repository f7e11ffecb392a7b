//! Sequences: ragged batches, resets, directions, checkpoints, carried states and streams.

mod call;
mod carried;
mod checkpoints;
mod ragged;
mod stream;
