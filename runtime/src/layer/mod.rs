//! Layers: cells put together, or changed, into what models are made of.
//!
//! | layer | what it is |
//! | --- | --- |
//! | [`Stack`] | layers one upon the other, of any cells and sizes |
//! | [`Bidirectional`] | one layer from the first step to the last, one from the last to the first, their outputs merged |
//! | [`Residual`] | a layer whose inputs are added to its outputs (He et al. 2016) |
//! | [`RegularizedCell`] | a cell with dropout, zoneout or DropConnect in training |
//!
//! Each is a [`SequenceCell`] again: what runs, trains, saves or adapts one cell does so with any of them, and they can
//! be put into each other. The parameters of the parts lie one part after the other in the flat buffer, each under the
//! part's name: `0.W`, `forward.1.b`; so do states.
//!
//! # Invariants
//!
//! - A layer holds no data of a run. Its [`Workspace`](crate::workspace::Workspace) has one of its own for each part, and
//!   the sequences between the parts.
//! - Outputs and input gradients past the end of a sample are zero, as a cell's are; what is given there is not read.
//! - All arithmetic of a layer's own is element by element in a fixed order: results do not depend on threads.

mod bidirectional;
mod joined;
mod regularized;
mod residual;
mod stack;

pub use bidirectional::{Bidirectional, Merge};
pub use regularized::{RegularizedCell, RegularizedError};
pub use residual::Residual;
pub use stack::Stack;

use crate::sequence::{Port, SequenceCell};

/// Why layers cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A stack without layers.
    #[error("a stack needs at least one layer")]
    Empty,
    /// What one layer gives is not what the next takes.
    #[error("{from} gives {given}, {to} takes {taken}: they must be as many, each of the same size")]
    Mismatch {
        /// The part that gives.
        from: String,
        /// What it gives.
        given: String,
        /// The part that takes.
        to: String,
        /// What it takes.
        taken: String,
    },
    /// More parameters than can be addressed.
    #[error("the layers have more parameters than can be addressed")]
    TooLarge,
}

/// Checks that what is given here can be taken there.
fn check_fit(from: &str, given: &[Port], to: &str, taken: &[Port]) -> Result<(), LayerError> {
    let sizes = |ports: &[Port]| ports.iter().map(|port| port.size).collect::<Vec<_>>();
    if sizes(given) == sizes(taken) {
        return Ok(());
    }
    let list = |ports: &[Port]| {
        let named: Vec<_> = ports.iter().map(|port| format!("`{}` of {}", port.name, port.size)).collect();
        if named.is_empty() { "nothing".to_owned() } else { named.join(", ") }
    };
    Err(LayerError::Mismatch {
        from: from.to_owned(),
        given: list(given),
        to: to.to_owned(),
        taken: list(taken),
    })
}

/// A shared cell or layer.
pub type Shared<T> = std::sync::Arc<dyn SequenceCell<T>>;
