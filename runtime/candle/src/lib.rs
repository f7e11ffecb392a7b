//! A compiled recurrent cell as a [candle](https://github.com/huggingface/candle) layer.
//!
//! [`CellLayer`] takes any [`SequenceCell`](gatewright::sequence::SequenceCell) and gives a layer whose parameters are
//! ordinary named variables: candle's optimisers, losses and checkpoints see `W_xi`, not a flat buffer. A whole sequence
//! is one node of candle's graph, forward and backward. It is a [`Module`](candle_core::Module) and an
//! [`RNN`](candle_nn::RNN), so it stands where candle's own layers do.
//!
//! Gradients flow to every parameter, to the input sequence and to the initial states, from outputs and from final
//! states. First order only: candle does not differentiate through a gradient. On the CPU only: elsewhere the layer is
//! an error.
//!
//! [`Adam`] is candle's, with a memory that a checkpoint can hold; [`dense()`] makes candle's dense layer from a seed.

#![forbid(unsafe_code)]

mod dense;
mod fill;
mod last;
mod layer;
mod operation;
mod optimizer;
mod pool;
mod recurrent;

pub use dense::dense;
pub use layer::{CellLayer, Sequences, Steps};
pub use optimizer::{Adam, AdamState};
pub use recurrent::CellState;

/// The numbers a layer computes in, `f32` or `f64`: those that candle and compiled cells both know.
pub trait Element: gatewright::Real + candle_core::WithDType {}

impl Element for f32 {}
impl Element for f64 {}
