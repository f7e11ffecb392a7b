//! Temporal order (Hochreiter and Schmidhuber, 1997, task 6a): which of two signs came first, among much noise?
//!
//! Symbols are `a b c d` and the signs `X Y`. One sign stands in the second tenth of the sequence, one in the sixth; the
//! class is one of `XX XY YX YY`.

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Metric, Recipe, Target, Targets, Task, Training, drawn_test,
    length,
};

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "temporal_order",
    summary: "in which order two signs came among noise",
    source: "Hochreiter and Schmidhuber, 1997",
    data: Data::Drawn,
    length: Some(50),
    recipe: Recipe {
        hidden: 32,
        duration: Duration::Steps(1500),
        batch: 64,
        learning_rate: 2e-3,
        decay: true,
    },
    target: Some(Target { value: 1.0, cells: "LSTM, GRU" }),
    open: |given| Ok(Box::new(TemporalOrder::new(length(given, 10)?))),
};

/// Symbols that mean nothing; the two signs come after them.
const NOISE: usize = 4;
/// All symbols.
const SYMBOLS: usize = 6;
/// Orders of two signs.
const ORDERS: usize = 4;
/// Test sequences.
const TEST: usize = 1000;

/// Sequences of symbols.
struct TemporalOrder {
    draw: Box<dyn Fn(&mut Random) -> Example + Send + Sync>,
    test: Vec<Example>,
}

impl TemporalOrder {
    fn new(steps: usize) -> Self {
        let draw = move |random: &mut Random| draw(steps, random);
        Self { test: drawn_test("temporal_order", TEST, draw), draw: Box::new(draw) }
    }
}

impl Task for TemporalOrder {
    fn features(&self) -> usize {
        SYMBOLS
    }

    fn answers(&self) -> usize {
        ORDERS
    }

    fn metric(&self) -> Metric {
        Metric::Accuracy
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "guessing", value: 1.0 / ORDERS as f64 }
    }

    fn training(&self) -> Training<'_> {
        Training::Drawn(&*self.draw)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

fn draw(steps: usize, random: &mut Random) -> Example {
    let tenth = steps / 10;
    let first = (tenth + random.below(tenth), random.below(2));
    let second = (5 * tenth + random.below(tenth), random.below(2));
    let mut values = vec![0.0; steps * SYMBOLS];
    for (step, row) in values.chunks_exact_mut(SYMBOLS).enumerate() {
        let noise = random.below(NOISE);
        let sign = [first, second].into_iter().find(|(place, _)| *place == step);
        row[sign.map_or(noise, |(_, sign)| NOISE + sign)] = 1.0;
    }
    Example { values, targets: Targets::Classes(vec![(2 * first.1 + second.1) as u32]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_is_the_order_of_the_signs() {
        let mut random = Random::new(3);
        let mut seen = [0; ORDERS];
        for steps in [10, 50, 57] {
            for _ in 0..40 {
                let Example { values, targets } = draw(steps, &mut random);
                assert_eq!(values.len(), steps * SYMBOLS);
                assert!(values.chunks(SYMBOLS).all(|row| row.iter().sum::<f32>() == 1.0));
                let signs: Vec<u32> = values
                    .chunks(SYMBOLS)
                    .filter_map(|row| row[NOISE..].iter().position(|&value| value == 1.0))
                    .map(|sign| sign as u32)
                    .collect();
                assert_eq!(signs.len(), 2);
                let class = 2 * signs[0] + signs[1];
                assert_eq!(targets, Targets::Classes(vec![class]));
                seen[class as usize] += 1;
            }
        }
        assert!(seen.iter().all(|&count| count > 10), "{seen:?}");
    }
}
