//! Sequences: ragged batches, resets, directions, checkpoints, carried states and streams.

mod call;
mod checkpoints;
mod ragged;
