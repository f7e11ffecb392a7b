//! Handwritten digits, read row by row: a sequence of eight steps of eight pixels.

use gatewright::parameters::Random;

use super::{Classification, Example};
use crate::failure::Failure;

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

/// The task, from the images that come with the command or from others of the same form.
pub(crate) fn digits(images: Option<&str>) -> Result<Classification, Failure> {
    let mut of_class: Vec<Vec<Example>> = vec![Vec::new(); CLASSES];
    for (line, text) in
        images.unwrap_or(IMAGES).lines().enumerate().filter(|(_, text)| !text.trim().is_empty())
    {
        let example = image(text).map_err(|error| Failure::data(format!("line {}: {error}", line + 1)))?;
        if let Some(examples) = of_class.get_mut(example.class as usize) {
            examples.push(example);
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
    Ok(Classification { name: "digits", steps: SIDE, features: SIDE, classes: CLASSES, train, test })
}

/// `p0,p1,…,p63,digit`.
fn image(line: &str) -> Result<Example, String> {
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
    Ok(Example { values, class })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_fixed_stratified_and_disjoint() {
        let task = digits(None).expect("the images that come along");
        assert_eq!((task.train.len(), task.test.len()), (1346, 451));
        for class in 0..10 {
            let count =
                |examples: &[Example]| examples.iter().filter(|example| example.class == class).count();
            let (train, test) = (count(&task.train), count(&task.test));
            assert!((43..=46).contains(&test) && train > 2 * test, "{class}: {train}, {test}");
        }
        assert_eq!(digits(None).expect("again").test, task.test);
        assert!(task.test.iter().all(|example| !task.train.contains(example)));
    }

    #[test]
    fn wrong_images_are_errors_with_their_line() {
        let good = format!("{}3\n", "0,".repeat(64));
        let message = |text: &str| match digits(Some(text)) {
            Err(Failure::Data(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(message(&format!("{good}1,2\n")).starts_with("line 2: expected 65"));
        assert!(message(&format!("{}10\n", "0,".repeat(64))).contains("no digit"));
        assert!(message(&format!("{}3\n", "17,".repeat(64))).contains("grey value"));
        assert!(message(&format!("{}3\n", "NaN,".repeat(64))).contains("grey value"));
        assert!(message("").contains("too few"));
    }
}
