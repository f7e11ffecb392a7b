//! Which steps of which sample `run` runs: `lengths [B]` and `resets [T, B]` among the data.

use gatewright::Element;
use gatewright::parameters::NamedTensor;
use gatewright::sequence::{Direction, Sequences};

use crate::failure::Failure;

/// What the data say of each sample.
#[derive(Debug, Default)]
pub(crate) struct Stretches {
    lengths: Vec<usize>,
    resets: Vec<bool>,
}

impl Stretches {
    /// From the tensors, where there are any.
    pub(crate) fn read<T: Element>(
        lengths: Option<&NamedTensor<T>>,
        resets: Option<&NamedTensor<T>>,
    ) -> Result<Self, Failure> {
        let mut stretches = Self::default();
        for value in lengths.into_iter().flat_map(|tensor| &tensor.values) {
            stretches.lengths.push(whole(value.to_f64()).ok_or_else(|| {
                Failure::data(format!("`lengths` holds {}, which is no number of steps", value.to_f64()))
            })?);
        }
        for value in resets.into_iter().flat_map(|tensor| &tensor.values) {
            stretches.resets.push(match value.to_f64() {
                0.0 => false,
                1.0 => true,
                other => {
                    return Err(Failure::data(format!("`resets` holds {other}, which is neither 0 nor 1")));
                }
            });
        }
        Ok(stretches)
    }

    /// As a run is told.
    pub(crate) fn sequences(&self, reverse: bool) -> Sequences<'_> {
        let direction = if reverse { Direction::Reverse } else { Direction::Forward };
        Sequences { lengths: &self.lengths, resets: &self.resets, direction }
    }
}

/// A number without fraction, of which every smaller one has a float too.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared before")]
fn whole(value: f64) -> Option<usize> {
    let exact = value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value);
    exact.then_some(value as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_whole_number() {
        assert_eq!([0.0, 7.0].map(whole), [Some(0), Some(7)]);
        for wrong in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
    }
}
