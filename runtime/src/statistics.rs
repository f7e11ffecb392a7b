//! What gates do: statistics of a named value over the steps and samples of a run.
//!
//! A value becomes an output with `NAME: output` in the equations, with `--output`, or with
//! [`Graph::watch`](gatewright_compiler::graph::Graph::watch). Saturation is counted as Karpathy, Johnson and Fei-Fei
//! (2015, "Visualizing and understanding recurrent networks") count it: the share of activations in the lowest and in the
//! highest tenth of what the function can give.

use gatewright_compiler::operator::real::Real;

use crate::sequence::Sequences;

/// Statistics of one value over all steps that were run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Elements that were counted: steps of all samples, times units.
    pub elements: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// Share of elements in the lowest tenth of the range.
    pub low: f64,
    /// Share of elements in the highest tenth of the range.
    pub high: f64,
    /// Units.
    pub units: usize,
    /// Units that never moved: the same number at every step of every sample.
    pub dead: usize,
}

impl Activity {
    /// Counts a sequence `[T, B, n]` of a value with `units` elements that lie in `range`, over the steps that the
    /// samples have. All shares are NaN where nothing was run.
    ///
    /// # Panics
    ///
    /// Never: of a slice that is no whole number of rows the rest is not counted.
    #[must_use]
    pub fn of<T: Real>(
        values: &[T],
        units: usize,
        batch: usize,
        sequences: &Sequences<'_>,
        range: (f64, f64),
    ) -> Self {
        let tenth = (range.1 - range.0) / 10.0;
        let (lowest, highest) = (range.0 + tenth, range.1 - tenth);
        let (mut count, mut sum, mut squares, mut low, mut high) = (0_usize, 0.0, 0.0, 0_usize, 0_usize);
        let mut first: Vec<Option<T>> = vec![None; units];
        let mut moved = vec![false; units];
        for (row, values) in values.chunks_exact(units.max(1)).enumerate() {
            let (step, sample) = (row / batch.max(1), row % batch.max(1));
            if !sequences.has_step(step, sample) {
                continue;
            }
            for ((&value, first), moved) in values.iter().zip(&mut first).zip(&mut moved) {
                let number = value.to_f64();
                count += 1;
                sum += number;
                squares += number * number;
                low += usize::from(number < lowest);
                high += usize::from(number > highest);
                *moved |= *first.get_or_insert(value) != value;
            }
        }
        let share = |part: usize| part as f64 / count as f64;
        let mean = sum / count as f64;
        Self {
            elements: count,
            mean,
            // Rounding may leave a variance of zero below it.
            deviation: (squares / count as f64 - mean * mean).max(0.0).sqrt(),
            low: share(low),
            high: share(high),
            units,
            dead: moved.iter().filter(|&&moved| !moved).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_is_counted_over_the_steps_there_are() {
        // Two samples of lengths 2 and 1, two units; what lies past the end is not counted.
        let values = [0.05, 0.5, 0.95, 0.5, 0.15, 0.5, 9.0, 9.0];
        let sequences = Sequences { lengths: &[2, 1], ..Sequences::default() };
        let activity = Activity::of::<f64>(&values, 2, 2, &sequences, (0.0, 1.0));
        assert_eq!((activity.elements, activity.units, activity.dead), (6, 2, 1));
        assert!((activity.mean - 2.65 / 6.0).abs() < 1e-12);
        assert!((activity.low - 1.0 / 6.0).abs() < 1e-12 && (activity.high - 1.0 / 6.0).abs() < 1e-12);
        let variance = (0.0025 + 0.9025 + 0.0225 + 0.75) / 6.0 - (2.65_f64 / 6.0).powi(2);
        assert!((activity.deviation - variance.sqrt()).abs() < 1e-12);
        assert!(Activity::of::<f64>(&[], 2, 2, &sequences, (0.0, 1.0)).mean.is_nan());
    }
}
