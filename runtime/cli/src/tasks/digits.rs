//! Handwritten digits, read row by row (eight steps of eight pixels) or pixel by pixel (64 steps of one).

use gatewright::parameters::Random;

use super::{
    Baseline, Data, Duration, Entry, Example, Given, Metric, Recipe, Target, Targets, Task, Training,
    wrong_line,
};
use crate::failure::Failure;

/// Rows.
pub(crate) const BY_ROWS: Entry = Entry {
    name: "digits",
    summary: "1,797 handwritten digits of 8×8 pixels, read row by row",
    source: "Alpaydin and Kaynak, 1998",
    data: Data::Embedded,
    length: None,
    recipe: Recipe {
        hidden: 64,
        duration: Duration::Epochs(30),
        batch: 32,
        learning_rate: 3e-3,
        decay: false,
    },
    target: Some(Target { value: 0.95, cells: "LSTM, GRU" }),
    open: |given| Ok(Box::new(Digits::new(given, SIDE)?)),
};

/// Pixels.
pub(crate) const BY_PIXELS: Entry = Entry {
    name: "digits_by_pixels",
    summary: "the same digits, read pixel by pixel: 64 steps",
    recipe: Recipe {
        hidden: 64,
        duration: Duration::Epochs(40),
        batch: 32,
        learning_rate: 3e-3,
        decay: false,
    },
    target: None,
    open: |given| Ok(Box::new(Digits::new(given, 1)?)),
    ..BY_ROWS
};

/// The images that come with the command, described in `examples/data/README.md`.
const IMAGES: &str = include_str!("../../../../examples/data/digits.csv");

/// Rows, and pixels in a row.
const SIDE: usize = 8;
/// Brightest pixel.
const BRIGHTEST: f32 = 16.0;
/// Digits.
const CLASSES: usize = 10;
/// Fixes which images are the test part, for all runs alike.
const SPLIT_SEED: u64 = 0;
/// One image in this many is a test image.
const TEST_SHARE: usize = 4;

/// Images with their digits, so many pixels at a step.
struct Digits {
    features: usize,
    train: Vec<Example>,
    test: Vec<Example>,
}

impl Digits {
    fn new(given: &Given, features: usize) -> Result<Self, Failure> {
        let mut of_class: Vec<Vec<Example>> = vec![Vec::new(); CLASSES];
        let lines = given.text(IMAGES).lines().enumerate();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let (values, class) = image(text).map_err(|error| wrong_line(line, error))?;
            if let Some(examples) = of_class.get_mut(class as usize) {
                examples.push(Example { values, targets: Targets::Classes(vec![class]) });
            }
        }
        // A quarter of every digit, so that the parts hold the digits in the same shares.
        let mut random = Random::named(SPLIT_SEED, "digits");
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for mut examples in of_class {
            random.shuffle(&mut examples);
            let held_back = (examples.len() + TEST_SHARE / 2) / TEST_SHARE;
            test.extend(examples.drain(..held_back));
            train.append(&mut examples);
        }
        if train.is_empty() || test.is_empty() {
            return Err(Failure::data("too few images to learn from some and be judged by others"));
        }
        Ok(Self { features, train, test })
    }
}

impl Task for Digits {
    fn features(&self) -> usize {
        self.features
    }

    fn answers(&self) -> usize {
        CLASSES
    }

    fn metric(&self) -> Metric {
        Metric::Accuracy
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "guessing", value: 1.0 / CLASSES as f64 }
    }

    fn training(&self) -> Training<'_> {
        Training::Set(&self.train)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

/// `p0,p1,…,p63,digit`.
fn image(line: &str) -> Result<(Vec<f32>, u32), String> {
    let numbers: Vec<&str> = line.trim().split(',').collect();
    let Some((class, pixels)) = numbers.split_last().filter(|(_, pixels)| pixels.len() == SIDE * SIDE) else {
        return Err(format!("expected {} numbers, found {}", SIDE * SIDE + 1, numbers.len()));
    };
    let class: u32 = class.trim().parse().map_err(|_| format!("`{class}` is no digit"))?;
    if class as usize >= CLASSES {
        return Err(format!("`{class}` is no digit"));
    }
    let values = pixels
        .iter()
        .map(|pixel| match pixel.trim().parse::<f32>() {
            Ok(value) if (0.0..=BRIGHTEST).contains(&value) => Ok(value / BRIGHTEST),
            _ => Err(format!("`{pixel}` is no grey value from 0 to 16")),
        })
        .collect::<Result<Vec<f32>, String>>()?;
    Ok((values, class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_fixed_stratified_and_disjoint() {
        let task = Digits::new(&Given::default(), SIDE).expect("the images that come along");
        assert_eq!((task.train.len(), task.test.len()), (1346, 451));
        for class in 0..10 {
            let class = Targets::Classes(vec![class]);
            let count =
                |examples: &[Example]| examples.iter().filter(|example| example.targets == class).count();
            let (train, test) = (count(&task.train), count(&task.test));
            assert!((43..=46).contains(&test) && train > 2 * test, "{class:?}: {train}, {test}");
        }
        assert!(task.test.iter().all(|example| !task.train.contains(example)));
    }

    #[test]
    fn wrong_images_are_errors_with_their_line() {
        let good = format!("{}3\n", "0,".repeat(64));
        let message = |text: &str| {
            let data = Some(("images.csv".into(), text.to_owned()));
            match Digits::new(&Given { data, length: None }, 1) {
                Err(Failure::Data(message)) => message,
                _ => panic!("{text} must be refused"),
            }
        };
        assert!(message(&format!("{good}1,2\n")).starts_with("line 2: expected 65"));
        assert!(message(&format!("{}10\n", "0,".repeat(64))).contains("no digit"));
        assert!(message(&format!("{}3\n", "17,".repeat(64))).contains("grey value"));
        assert!(message(&format!("{}3\n", "NaN,".repeat(64))).contains("grey value"));
        assert!(message("").contains("too few"));
    }
}
