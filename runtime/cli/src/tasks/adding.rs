//! The adding problem (Hochreiter and Schmidhuber, 1997): two of many numbers are marked; what is their sum?
//!
//! Numbers are uniform in `[0, 1)`; one is marked in each half of the sequence (Arjovsky, Shah and Bengio, 2016). Whoever
//! always says 1 is wrong by 1/6 in the mean square.

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Metric, Recipe, Target, Targets, Task, Training, drawn_test,
    length,
};

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "adding",
    summary: "the sum of the two marked numbers of a sequence",
    source: "Hochreiter and Schmidhuber, 1997",
    data: Data::Drawn,
    length: Some(100),
    recipe: Recipe {
        hidden: 64,
        duration: Duration::Steps(4000),
        batch: 64,
        learning_rate: 1e-3,
        decay: false,
    },
    target: Some(Target { value: 0.005, cells: "GRU" }),
    open: |given| Ok(Box::new(Adding::new(length(given, 2)?))),
};

/// Test sequences.
const TEST: usize = 1000;

/// Sequences of numbers with marks.
struct Adding {
    draw: Box<dyn Fn(&mut Random) -> Example + Send + Sync>,
    test: Vec<Example>,
}

impl Adding {
    fn new(steps: usize) -> Self {
        let draw = move |random: &mut Random| draw(steps, random);
        Self { test: drawn_test("adding", TEST, draw), draw: Box::new(draw) }
    }
}

impl Task for Adding {
    fn features(&self) -> usize {
        2
    }

    fn answers(&self) -> usize {
        1
    }

    fn metric(&self) -> Metric {
        Metric::MeanSquaredError
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "always 1", value: 1.0 / 6.0 }
    }

    fn training(&self) -> Training<'_> {
        Training::Drawn(&*self.draw)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

/// Number and mark at each step.
fn draw(steps: usize, random: &mut Random) -> Example {
    let half = steps / 2;
    let marked = [random.below(half), half + random.below(steps - half)];
    let mut values = Vec::with_capacity(2 * steps);
    let mut sum = 0.0;
    for step in 0..steps {
        let number = random.unit() as f32;
        let mark = marked.contains(&step);
        if mark {
            sum += number;
        }
        values.extend([number, f32::from(u8::from(mark))]);
    }
    Example { values, targets: Targets::Numbers(vec![sum]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_marked_and_their_sum_is_asked() {
        let mut random = Random::new(5);
        for steps in [2, 3, 10] {
            for _ in 0..20 {
                let Example { values, targets } = draw(steps, &mut random);
                let marked: Vec<f32> =
                    values.chunks(2).filter(|pair| pair[1] == 1.0).map(|pair| pair[0]).collect();
                assert_eq!((values.len(), marked.len()), (2 * steps, 2));
                assert_eq!(targets, Targets::Numbers(vec![marked[0] + marked[1]]));
            }
        }
        let task = Adding::new(10);
        let squares = task.test().iter().map(|example| match &example.targets {
            Targets::Numbers(sum) => f64::from(sum[0] - 1.0).powi(2),
            Targets::Classes(_) => f64::NAN,
        });
        assert!((squares.sum::<f64>() / TEST as f64 - task.baseline().value).abs() < 0.02);
    }
}
