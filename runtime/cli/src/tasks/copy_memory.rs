//! Copy memory (Hochreiter and Schmidhuber, 1997; in this form Arjovsky, Shah and Bengio, 2016).
//!
//! ```text
//! input    s_1 … s_K  blank × (T - 1)  go  blank × K
//! target   blank × (T + K)                 s_1 … s_K
//! ```
//!
//! `K` symbols of eight kinds are read, then come `T` steps of blanks whose last says that it is time, then the symbols
//! are to be said. Without memory the best cross entropy is `K ln 8 / (T + 2K)`: blanks are known, symbols guessed.

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Metric, Recipe, Targets, Task, Training, drawn_test, length,
};

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "copy_memory",
    summary: "say five symbols again after --length steps of blanks",
    source: "Hochreiter and Schmidhuber, 1997; Arjovsky, Shah and Bengio, 2016",
    data: Data::Drawn,
    length: Some(20),
    recipe: Recipe {
        hidden: 128,
        duration: Duration::Steps(3000),
        batch: 64,
        learning_rate: 1e-3,
        decay: false,
    },
    target: None,
    open: |given| Ok(Box::new(CopyMemory::new(length(given, 1)?))),
};

/// Kinds of symbols; the classes after them are the blank and the sign to speak.
const KINDS: usize = 8;
const BLANK: u32 = 8;
const GO: u32 = 9;
/// Classes.
const CLASSES: usize = 10;
/// Symbols to copy, `K`.
const SYMBOLS: usize = 5;
/// Test sequences.
const TEST: usize = 1000;

/// Sequences of symbols and blanks.
struct CopyMemory {
    blanks: usize,
    draw: Box<dyn Fn(&mut Random) -> Example + Send + Sync>,
    test: Vec<Example>,
}

impl CopyMemory {
    fn new(blanks: usize) -> Self {
        let draw = move |random: &mut Random| draw(blanks, random);
        Self { blanks, test: drawn_test("copy_memory", TEST, draw), draw: Box::new(draw) }
    }
}

impl Task for CopyMemory {
    fn features(&self) -> usize {
        CLASSES
    }

    fn answers(&self) -> usize {
        CLASSES
    }

    fn metric(&self) -> Metric {
        Metric::CrossEntropy
    }

    fn baseline(&self) -> Baseline {
        let steps = self.blanks + 2 * SYMBOLS;
        Baseline { name: "no memory", value: SYMBOLS as f64 * (KINDS as f64).ln() / steps as f64 }
    }

    fn training(&self) -> Training<'_> {
        Training::Drawn(&*self.draw)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

fn draw(blanks: usize, random: &mut Random) -> Example {
    let steps = blanks + 2 * SYMBOLS;
    let symbols: Vec<u32> = (0..SYMBOLS).map(|_| random.below(KINDS) as u32).collect();
    let mut read = vec![BLANK; steps];
    read[..SYMBOLS].copy_from_slice(&symbols);
    read[SYMBOLS + blanks - 1] = GO;
    let mut said = vec![BLANK; steps];
    said[SYMBOLS + blanks..].copy_from_slice(&symbols);
    let mut values = vec![0.0; steps * CLASSES];
    for (row, &symbol) in values.chunks_exact_mut(CLASSES).zip(&read) {
        row[symbol as usize] = 1.0;
    }
    Example { values, targets: Targets::Classes(said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_first_is_said_last() {
        for blanks in [1, 4] {
            let Example { values, targets } = draw(blanks, &mut Random::new(3));
            let read: Vec<u32> = values
                .chunks(CLASSES)
                .map(|row| {
                    assert_eq!(row.iter().sum::<f32>(), 1.0);
                    row.iter().position(|&value| value == 1.0).expect("one") as u32
                })
                .collect();
            let Targets::Classes(said) = targets else { panic!("symbols are classes") };
            assert_eq!((read.len(), said.len()), (blanks + 10, blanks + 10));
            assert_eq!(read[..5], said[blanks + 5..]);
            assert_eq!(read.iter().filter(|&&symbol| symbol == GO).count(), 1);
            assert_eq!(read[blanks + 4], GO);
            assert!(said[..blanks + 5].iter().chain(&read[blanks + 5..]).all(|&symbol| symbol == BLANK));
        }
        assert!((CopyMemory::new(20).baseline().value - 0.3466).abs() < 1e-4);
    }
}
