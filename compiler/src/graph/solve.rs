//! When a step that is solved by iteration is solved.
//!
//! The unknowns of one sample are solved when none of them changed any more in the last iteration: the largest change
//! of an element is within a tolerance times the largest element of the unknown. What remains of the error is the
//! change that further iterations would add up to, `ρ / (1 - ρ)` of the last one where each is `ρ` of the one before.
//!
//! A sample that is solved stays as it is while others of its batch go on, so what it gives does not depend on them.

use crate::operator::real::Real;

/// Tolerance of a change, in units of the precision's machine epsilon.
pub const TOLERANCE: u32 = 32;

/// Most iterations of one step. Enough for changes that shrink by 4 % in each.
pub const MAXIMUM_ITERATIONS: u32 = 1000;

/// Below this the changes of an unknown of the forward step are compared with it instead of its largest element: an
/// unknown that tends to zero would never be solved to its own size. The walk back needs none. It is linear, so there
/// zero is reached at once or not at all, and gradients may be of any size.
pub const SMALLEST_SCALE: f64 = 1.0 / 1024.0;

/// How a step is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SolveOptions {
    /// Tolerance of a change, in units of the precision's machine epsilon.
    pub tolerance: u32,
    /// Most iterations of one step, at least 1.
    pub iterations: u32,
}

impl Default for SolveOptions {
    fn default() -> Self {
        Self { tolerance: TOLERANCE, iterations: MAXIMUM_ITERATIONS }
    }
}

/// What an iteration did to an unknown of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// No more than the tolerance.
    Settled,
    /// More.
    Moving,
    /// An element is infinite or not a number.
    NotFinite,
}

impl SolveOptions {
    /// Compares an unknown of one sample before and after an iteration of the forward step, or of the walk back.
    #[must_use]
    pub fn compare<T: Real>(self, old: &[T], new: &[T], backward: bool) -> Change {
        let mut scale = if backward { T::ZERO } else { T::from_f64(SMALLEST_SCALE) };
        let (mut change, mut finite) = (T::ZERO, true);
        for (&old, &new) in old.iter().zip(new) {
            finite &= new.to_f64().is_finite();
            scale = scale.maximum(new.abs());
            change = change.maximum((new - old).abs());
        }
        let epsilon = if T::BITS == 32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        if !finite {
            Change::NotFinite
        } else if change <= T::from_f64(epsilon * f64::from(self.tolerance)) * scale {
            Change::Settled
        } else {
            Change::Moving
        }
    }
}

/// Why a step was not solved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "step {step}, sample {sample}: {}`{name}` {} (iteration {iterations})",
    if *backward { "the gradient by " } else { "" },
    if *finite { "does not converge: its equations are no contraction here" } else { "becomes infinite or not a number" }
)]
pub struct Unsolved {
    /// The step, from 0.
    pub step: usize,
    /// The sample of the batch, from 0.
    pub sample: usize,
    /// The unknown that moved last.
    pub name: String,
    /// The walk back was to be solved, rather than the step.
    pub backward: bool,
    /// Iterations made.
    pub iterations: u32,
    /// No element is infinite or not a number.
    pub finite: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_relative_to_the_largest_element() {
        let options = SolveOptions::default();
        let epsilon = f64::EPSILON;
        let compare = |old: &[f64], new: &[f64], backward| options.compare(old, new, backward);
        assert_eq!(compare(&[1.0, 1e-9], &[1.0, 1e-9 + 16.0 * epsilon], false), Change::Settled);
        assert_eq!(compare(&[1.0, 1e-9], &[1.0, 1e-9 + 64.0 * epsilon], false), Change::Moving);
        assert_eq!(compare(&[1e-20], &[2e-20], false), Change::Settled);
        assert_eq!(compare(&[1e-20], &[2e-20], true), Change::Moving);
        assert_eq!(compare(&[0.0], &[0.0], true), Change::Settled);
        assert_eq!(compare(&[], &[], true), Change::Settled);
        assert_eq!(compare(&[f64::NAN], &[f64::NAN], false), Change::NotFinite);
        assert_eq!(compare(&[1.0], &[f64::INFINITY], false), Change::NotFinite);
        assert_eq!(options.compare(&[1.0_f32], &[1.0 + 16.0 * f32::EPSILON], false), Change::Settled);
    }
}
