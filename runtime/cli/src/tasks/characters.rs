//! A model of the characters of a text: which comes next?
//!
//! The first nine tenths of the text are learned from, in pieces that begin anywhere; the last tenth is cut into pieces,
//! one after the other, and judged by. Every piece begins without memory of the one before. A character is a class of
//! its own, those that only the last tenth has included.

use std::collections::BTreeMap;

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Given, Metric, Recipe, Targets, Task, Training, length,
};
use crate::failure::Failure;

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "characters",
    summary: "the next character of the text that --data names, in pieces of --length characters",
    source: "any text in UTF-8",
    data: Data::Required,
    length: Some(64),
    recipe: Recipe {
        hidden: 128,
        duration: Duration::Steps(2000),
        batch: 32,
        learning_rate: 3e-3,
        decay: false,
    },
    target: None,
    open: |given| Ok(Box::new(Characters::new(given, length(given, 1)?)?)),
};

/// One character in this many is judged by.
const TEST_SHARE: usize = 10;
/// More different characters than a model of characters is meant for: each is a row of the input and of the head.
const MOST_CHARACTERS: usize = 1024;
/// Characters of the last tenth that are judged by, at most: a test must not take longer than what it tests.
const MOST_JUDGED: usize = 64_000;

/// Pieces of a text.
struct Characters {
    alphabet: usize,
    baseline: f64,
    draw: Box<dyn Fn(&mut Random) -> Example + Send + Sync>,
    test: Vec<Example>,
}

impl Characters {
    fn new(given: &Given, steps: usize) -> Result<Self, Failure> {
        let text = given.text("");
        let classes: BTreeMap<char, u32> = {
            let different: std::collections::BTreeSet<char> = text.chars().collect();
            different.into_iter().zip(0..).collect()
        };
        let alphabet = classes.len();
        if alphabet > MOST_CHARACTERS {
            return Err(Failure::data(format!(
                "the text has {alphabet} different characters, more than {MOST_CHARACTERS} (MOST_CHARACTERS)"
            )));
        }
        let mut learned: Vec<u32> =
            text.chars().map(|character| classes.get(&character).copied().unwrap_or(0)).collect();
        let judged = learned.split_off(learned.len() - learned.len() / TEST_SHARE);
        // A piece needs one character more than it has steps.
        if learned.len() <= steps || judged.len() <= steps {
            return Err(Failure::data(format!(
                "the text is too short: nine tenths to learn from and one to be judged by, each longer than the \
                {steps} characters of a piece"
            )));
        }
        let test: Vec<Example> = judged
            .windows(steps + 1)
            .step_by(steps)
            .take((MOST_JUDGED / steps).max(1))
            .map(|piece| example(piece, alphabet))
            .collect();
        let baseline = order_zero(&learned, alphabet, &test);
        let draw = move |random: &mut Random| {
            let start = random.below(learned.len() - steps);
            example(&learned[start..=start + steps], alphabet)
        };
        Ok(Self { alphabet, baseline, draw: Box::new(draw), test })
    }
}

impl Task for Characters {
    fn features(&self) -> usize {
        self.alphabet
    }

    fn answers(&self) -> usize {
        self.alphabet
    }

    fn metric(&self) -> Metric {
        Metric::BitsPerCharacter
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "frequencies", value: self.baseline }
    }

    fn training(&self) -> Training<'_> {
        Training::Drawn(&*self.draw)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

/// Each character but the last as one of so many, and the one that follows it.
fn example(piece: &[u32], alphabet: usize) -> Example {
    let steps = piece.len() - 1;
    let mut values = vec![0.0; steps * alphabet];
    for (row, &class) in values.chunks_exact_mut(alphabet).zip(piece) {
        row[class as usize] = 1.0;
    }
    Example { values, targets: Targets::Classes(piece[1..].to_vec()) }
}

/// Bits for each character of the test by how often each occurs in what was learned from, none being impossible.
fn order_zero(learned: &[u32], alphabet: usize, test: &[Example]) -> f64 {
    let mut counts = vec![1_usize; alphabet];
    for &class in learned {
        counts[class as usize] += 1;
    }
    let total = (learned.len() + alphabet) as f64;
    let (mut bits, mut characters) = (0.0, 0_usize);
    for example in test {
        if let Targets::Classes(classes) = &example.targets {
            bits -= classes.iter().map(|&class| (counts[class as usize] as f64 / total).log2()).sum::<f64>();
            characters += classes.len();
        }
    }
    bits / characters as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(text: &str, steps: usize) -> Result<Characters, Failure> {
        Characters::new(&Given { data: Some(("text".into(), text.to_owned())), length: None }, steps)
    }

    #[test]
    fn pieces_are_one_character_behind_their_targets() {
        let text: String = "añb€".chars().cycle().take(400).collect();
        let task = task(&text, 8).expect("long enough");
        assert_eq!((task.alphabet, task.test.len()), (4, 4));
        assert!((task.baseline - 2.0).abs() < 1e-3, "four characters alike often: {}", task.baseline);
        let mut random = Random::new(1);
        for _ in 0..20 {
            let Example { values, targets } = (task.draw)(&mut random);
            let read: Vec<u32> = values
                .chunks(4)
                .map(|row| row.iter().position(|&value| value == 1.0).expect("one") as u32)
                .collect();
            let Targets::Classes(next) = targets else { panic!("characters are classes") };
            assert_eq!((read.len(), &read[1..]), (8, &next[..7]));
        }
    }

    #[test]
    fn texts_that_cannot_be_learned_are_errors() {
        let message = |text: &str| match task(text, 8) {
            Err(Failure::Data(message)) => message,
            _ => panic!("must be refused"),
        };
        assert!(message("").contains("too short"));
        assert!(message(&"a".repeat(80)).contains("too short"));
        let many: String = ('一'..).take(2000).collect();
        assert!(message(&many).contains("different characters"));
    }
}
