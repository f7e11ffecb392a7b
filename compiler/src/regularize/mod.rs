//! Regularisers: random changes of a cell that training makes, as rewrites of the forward graph.
//!
//! Each choice becomes a *mask*, a further given input or a further frozen parameter of the cell, and arithmetic with it. So
//! the gradient with a mask is derived like any other, and the same mask serves both directions because both read it.
//! Drawing the numbers of a mask is the caller's.
//!
//! | choice | training | inference | mask |
//! | --- | --- | --- | --- |
//! | [`Kind::Dropout`] | `x_t` becomes `m_t ⊙ x_t` everywhere | nothing | 0 or `1 / (1 - rate)` |
//! | [`Kind::RecurrentDropout`] | `h_{t-1}` becomes `m_t ⊙ h_{t-1}` in vectors that a matrix multiplies | nothing | 0 or `1 / (1 - rate)` |
//! | [`Kind::Zoneout`] | `h_t` becomes `h_{t-1}` where `m_t` is 1 | `rate h_{t-1} + (1 - rate) h_t` | 1 with probability `rate`, else 0 |
//! | [`Kind::DropConnect`] | `U` becomes `M ⊙ U` everywhere | nothing | 0 or `1 / (1 - rate)` |
//!
//! Sources: Srivastava et al. (2014) for dropout; Gal and Ghahramani (2016) for one mask over all steps of a sequence
//! and for the place of the recurrent mask; Krueger et al. (2017) for zoneout, whose equations let the other states of
//! the step read what zoneout has not touched; Wan et al. (2013) and Merity et al. (2018) for DropConnect on recurrent
//! matrices.
//!
//! A state that holds an earlier input and nothing else (an input lag) is an input for all of this: no recurrent dropout
//! masks it, and a matrix that multiplies it alone is no recurrent one for DropConnect.
//!
//! # Invariants
//!
//! - A mask is the last of its kind of port: the cell's own inputs and parameters keep their numbers.
//! - The name of a mask, `dropout.x`, holds a full stop, which no name of an equation does.
//! - With masks of ones (zeros for zoneout) the training graph means what the cell means.

mod choose;
mod mask;
#[cfg(test)]
mod tests;
mod zoneout;

use thiserror::Error;

use self::zoneout::Share;
use crate::graph::{Graph, GraphError};

/// What is made random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Elements of an input.
    Dropout,
    /// Elements of a state, where a matrix multiplies it.
    RecurrentDropout,
    /// Which elements of a state stay as they were.
    Zoneout,
    /// Elements of a matrix that multiplies a state.
    DropConnect,
}

impl Kind {
    /// The name in the names of masks and in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropout => "dropout",
            Self::RecurrentDropout => "recurrent-dropout",
            Self::Zoneout => "zoneout",
            Self::DropConnect => "drop-connect",
        }
    }

    /// What it applies to.
    const fn target(self) -> &'static str {
        match self {
            Self::Dropout => "an input",
            Self::RecurrentDropout => "a state that a matrix multiplies",
            Self::Zoneout => "a state that the equations define",
            Self::DropConnect => "a learned matrix that multiplies a state",
        }
    }
}

/// How often a mask is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Drawn {
    /// Anew at every step.
    #[default]
    EachStep,
    /// Once for a sequence: variational dropout (Gal and Ghahramani 2016).
    EachSequence,
}

/// One choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Regularizer {
    /// What is made random.
    pub kind: Kind,
    /// Name of the one input, state or parameter; `None` for all that the kind applies to.
    pub target: Option<String>,
    /// Probability that an element is dropped, or kept as it was: in `[0, 1)`.
    pub rate: f64,
    /// How often the mask is drawn; DropConnect draws once for all samples of a run, whatever is said here.
    pub drawn: Drawn,
}

/// Where a mask is given to the training graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskPort {
    /// As this input, `[T, B, n]`.
    Input(u32),
    /// As this frozen parameter, of the shape of the matrix.
    Parameter(u32),
}

/// A mask that a run of the training graph needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// What it does.
    pub kind: Kind,
    /// Where it is given.
    pub port: MaskPort,
    /// As in [`Regularizer::rate`].
    pub rate: f64,
    /// As in [`Regularizer::drawn`].
    pub drawn: Drawn,
}

impl Mask {
    /// What an element of the mask is where it is hit, which has the probability [`Mask::rate`].
    #[must_use]
    pub fn hit(&self) -> f64 {
        if self.kind == Kind::Zoneout { 1.0 } else { 0.0 }
    }

    /// What an element of the mask is where it is not hit.
    #[must_use]
    pub fn missed(&self) -> f64 {
        if self.kind == Kind::Zoneout { 0.0 } else { 1.0 / (1.0 - self.rate) }
    }
}

/// A cell with its choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Regularized {
    /// The graph that training runs, forward only.
    pub training: Graph,
    /// The graph that inference runs: without masks.
    pub inference: Graph,
    /// The masks of the training graph.
    pub masks: Vec<Mask>,
}

/// Why choices do not fit a cell.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RegularizeError {
    /// A rate outside `[0, 1)`.
    #[error("the rate {rate} of {} is not in [0, 1)", .kind.name())]
    Rate {
        /// Of which choice.
        kind: Kind,
        /// What was given.
        rate: f64,
    },
    /// A name that is no target of the choice.
    #[error("`{name}` is not {}, which {} is for; the cell has {}", .kind.target(), .kind.name(), listed(.known))]
    Target {
        /// Of which choice.
        kind: Kind,
        /// What was given.
        name: String,
        /// Names that can be given.
        known: Vec<String>,
    },
    /// The cell has nothing that the choice could apply to.
    #[error("the cell has not {}, which {} is for", .kind.target(), .kind.name())]
    Nothing {
        /// Of which choice.
        kind: Kind,
    },
    /// Two choices of one kind for one target.
    #[error("{} is chosen twice for `{name}`", .kind.name())]
    Twice {
        /// Of which choice.
        kind: Kind,
        /// The target.
        name: String,
    },
    /// A limit on the size of graphs.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) }
}

/// The forward graph of a cell, regularised.
///
/// # Errors
///
/// A choice that does not fit the cell, or a graph that becomes too large.
pub fn regularize(cell: &Graph, choices: &[Regularizer]) -> Result<Regularized, RegularizeError> {
    let chosen = choose::choose(cell, choices)?;
    let (masked, masks) = mask::apply(cell, &chosen)?;
    let zoned = || chosen.iter().zip(&masks).filter(|(one, _)| one.kind == Kind::Zoneout);
    let drawn: Vec<_> = zoned().map(|(one, mask)| (one.port, Share::Drawn(mask::leaf(mask.port)))).collect();
    let expected: Vec<_> = zoned().map(|(one, mask)| (one.port, Share::Expected(mask.rate))).collect();
    Ok(Regularized {
        training: zoneout::apply(&masked, &drawn)?.compact(),
        inference: zoneout::apply(cell, &expected)?.compact(),
        masks,
    })
}
