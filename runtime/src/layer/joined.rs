//! What several parts have together: parameters and states one part after the other, and a budget.

use std::ops::Range;

use smallvec::SmallVec;

use super::LayerError;
use crate::error::CallError;
use crate::parameters::ParameterLayout;
use crate::sequence::{CellLayout, Keep, Port};

/// Ports in a list that takes no memory from the heap: a step of training with layers allocates nothing. More are
/// possible, and are allocated.
const PORTS: usize = 16;

/// What is read of each port.
pub(super) type Slices<'a, T> = SmallVec<[&'a [T]; PORTS]>;
/// What is written of each port.
pub(super) type SlicesMut<'a, T> = SmallVec<[&'a mut [T]; PORTS]>;

/// The parameters and states of all parts, and which are whose.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) parameters: ParameterLayout,
    pub(super) states: Vec<Port>,
    parameters_of: Vec<Range<usize>>,
    states_of: Vec<Range<usize>>,
}

impl Joined {
    /// Parts with their names.
    pub(super) fn new<'a>(
        parts: impl IntoIterator<Item = (String, &'a CellLayout)>,
    ) -> Result<Self, LayerError> {
        let mut parameters = ParameterLayout::default();
        let (mut states, mut parameters_of, mut states_of) = (Vec::new(), Vec::new(), Vec::new());
        for (name, part) in parts {
            let (first_element, first_state) = (parameters.length(), states.len());
            parameters.append(&name, &part.parameters).ok_or(LayerError::TooLarge)?;
            states.extend(
                part.states.iter().map(|port| Port { name: format!("{name}.{}", port.name), ..port.clone() }),
            );
            parameters_of.push(first_element..parameters.length());
            states_of.push(first_state..states.len());
        }
        Ok(Self { parameters, states, parameters_of, states_of })
    }

    /// Elements of the flat parameters that are a part's.
    pub(super) fn parameters_of(&self, part: usize) -> Range<usize> {
        self.parameters_of[part].clone()
    }

    /// The slices of a part's states; none where none are given.
    pub(super) fn states_of<'a, 'b, T>(&self, part: usize, all: &'a [&'b [T]]) -> &'a [&'b [T]] {
        all.get(self.states_of[part].clone()).unwrap_or_default()
    }

    /// As [`Joined::states_of`].
    pub(super) fn states_of_mut<'s, T>(&self, part: usize, all: &'s mut [&mut [T]]) -> SlicesMut<'s, T> {
        reborrowed(all.get_mut(self.states_of[part].clone()).unwrap_or_default())
    }
}

/// The same slices for a shorter time: lists of slices to write to can be mixed only where all live equally long.
pub(super) fn reborrowed<'s, T>(slices: &'s mut [&mut [T]]) -> SlicesMut<'s, T> {
    slices.iter_mut().map(|slice| &mut **slice).collect()
}

/// Cuts memory into consecutive sequences of `rows` rows, one for each port.
pub(super) fn cut<'a, T>(memory: &'a [T], ports: &[Port], rows: usize) -> Slices<'a, T> {
    let mut rest = memory;
    ports
        .iter()
        .map(|port| {
            let (sequence, behind) = rest.split_at(rows * port.size);
            rest = behind;
            sequence
        })
        .collect()
}

/// As [`cut`].
pub(super) fn cut_mut<'a, T>(memory: &'a mut [T], ports: &[Port], rows: usize) -> SlicesMut<'a, T> {
    let mut rest = memory;
    ports
        .iter()
        .map(|port| {
            let (sequence, behind) = std::mem::take(&mut rest).split_at_mut(rows * port.size);
            rest = behind;
            sequence
        })
        .collect()
}

/// Elements of one row of all ports.
pub(super) fn width(ports: &[Port]) -> usize {
    ports.iter().map(|port| port.size).sum()
}

/// What a part of a layer says of its share of a budget, as said of the layer's.
pub(super) fn of_whole(error: CallError, keep: Keep, parts: usize, own: usize) -> CallError {
    match (error, keep) {
        (CallError::Budget { minimum, .. }, Keep::Checkpoints { bytes }) => {
            CallError::Budget { bytes, minimum: minimum.saturating_mul(parts).saturating_add(own) }
        }
        (error, _) => error,
    }
}
