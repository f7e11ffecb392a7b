//! Running parity: after each bit, is the number of ones so far odd?
//!
//! It is learned on sequences of `--length` bits and judged on sequences five times as long: only what counts instead of
//! remembering sequences is right there.

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Metric, Recipe, Target, Targets, Task, Training, drawn_test,
    length,
};

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "parity",
    summary: "whether the ones so far are odd in number, judged at five times the training length",
    source: "Hochreiter and Schmidhuber, 1997",
    data: Data::Drawn,
    length: Some(20),
    recipe: Recipe {
        hidden: 16,
        duration: Duration::Steps(1000),
        batch: 64,
        learning_rate: 1e-2,
        decay: false,
    },
    target: Some(Target { value: 1.0, cells: "LSTM, GRU" }),
    open: |given| Ok(Box::new(Parity::new(length(given, 1)?))),
};

/// How much longer test sequences are.
const LONGER: usize = 5;
/// Test sequences.
const TEST: usize = 500;

/// Sequences of bits.
struct Parity {
    draw: Box<dyn Fn(&mut Random) -> Example + Send + Sync>,
    test: Vec<Example>,
}

impl Parity {
    fn new(steps: usize) -> Self {
        let test = drawn_test("parity", TEST, |random| draw(LONGER * steps, random));
        Self { test, draw: Box::new(move |random| draw(steps, random)) }
    }
}

impl Task for Parity {
    fn features(&self) -> usize {
        1
    }

    fn answers(&self) -> usize {
        2
    }

    fn metric(&self) -> Metric {
        Metric::Accuracy
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "guessing", value: 0.5 }
    }

    fn training(&self) -> Training<'_> {
        Training::Drawn(&*self.draw)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

fn draw(steps: usize, random: &mut Random) -> Example {
    let bits: Vec<u32> = (0..steps).map(|_| random.below(2) as u32).collect();
    let mut odd = 0;
    let parities = bits.iter().map(|bit| {
        odd ^= bit;
        odd
    });
    Example {
        targets: Targets::Classes(parities.collect()),
        values: bits.iter().map(|&bit| bit as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_the_parity_of_what_came_so_far() {
        let Example { values, targets } = draw(30, &mut Random::new(2));
        let Targets::Classes(parities) = targets else { panic!("parities are classes") };
        for (step, parity) in parities.iter().enumerate() {
            assert_eq!(values[..=step].iter().sum::<f32>() as u32 % 2, *parity);
        }
        let task = Parity::new(7);
        assert!(task.test().iter().all(|example| example.values.len() == 35));
        let Training::Drawn(draw) = task.training() else { panic!("drawn") };
        assert_eq!(draw(&mut Random::new(1)).values.len(), 7);
    }
}
