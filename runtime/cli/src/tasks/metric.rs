//! How answers are judged, and what is made small while learning.

use std::f64::consts::LN_2;

/// What is asked, which fixes the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// A class: the loss is the cross entropy.
    Class,
    /// A number: the loss is the squared error.
    Number,
}

/// How the answers on the test part are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Metric {
    /// The share of answers that are right.
    Accuracy,
    /// The cross entropy, in nats for each answer.
    CrossEntropy,
    /// The cross entropy, in bits for each character.
    BitsPerCharacter,
    /// The mean squared error.
    MeanSquaredError,
    /// The root of the mean squared error, in units of which the task's numbers are multiples.
    RootMeanSquaredError {
        /// What a number of the task stands for.
        unit: f64,
    },
}

/// What was counted over the test part, in a fixed order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Answers.
    pub(crate) answers: usize,
    /// Sum of their losses.
    pub(crate) loss: f64,
    /// Right ones, of classes.
    pub(crate) right: f64,
}

impl Metric {
    /// What is asked.
    pub(crate) fn objective(self) -> Objective {
        match self {
            Self::Accuracy | Self::CrossEntropy | Self::BitsPerCharacter => Objective::Class,
            Self::MeanSquaredError | Self::RootMeanSquaredError { .. } => Objective::Number,
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::CrossEntropy => "cross entropy",
            Self::BitsPerCharacter => "bits per character",
            Self::MeanSquaredError => "mean squared error",
            Self::RootMeanSquaredError { .. } => "root mean squared error",
        }
    }

    /// Its value on what was counted.
    pub(crate) fn value(self, tally: Tally) -> f64 {
        let answers = tally.answers as f64;
        match self {
            Self::Accuracy => tally.right / answers,
            Self::CrossEntropy | Self::MeanSquaredError => tally.loss / answers,
            Self::BitsPerCharacter => tally.loss / answers / LN_2,
            Self::RootMeanSquaredError { unit } => unit * (tally.loss / answers).sqrt(),
        }
    }

    /// Whether `value` is as good as `other`, or better.
    pub(crate) fn is_better(self, value: f64, other: f64) -> bool {
        if self == Self::Accuracy { value >= other } else { value <= other }
    }

    /// How a target reads.
    pub(crate) fn relation(self) -> &'static str {
        if self == Self::Accuracy { "≥" } else { "≤" }
    }

    /// The value with as many digits as tell runs apart.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::RootMeanSquaredError { .. } => format!("{value:.2}"),
            Self::MeanSquaredError => format!("{value:.5}"),
            _ => format!("{value:.4}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_from_what_was_counted() {
        let tally = Tally { answers: 4, loss: 8.0, right: 3.0 };
        assert_eq!(Metric::Accuracy.value(tally), 0.75);
        assert_eq!(Metric::CrossEntropy.value(tally), 2.0);
        assert!((Metric::BitsPerCharacter.value(tally) - 2.0 / 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!(Metric::RootMeanSquaredError { unit: 10.0 }.value(tally), 10.0 * 2.0_f64.sqrt());
        assert!(Metric::Accuracy.is_better(0.9, 0.8) && Metric::MeanSquaredError.is_better(0.8, 0.9));
    }
}
