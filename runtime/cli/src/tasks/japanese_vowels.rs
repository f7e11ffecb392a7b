//! Nine speakers say /ae/: who is it? Utterances of 7 to 29 frames with twelve cepstrum coefficients each.
//!
//! The parts are those of the source: 270 utterances to learn from, 370 of other occasions to be judged by. Every
//! coefficient is given in standard deviations from its mean, both of the training part.

use super::{
    Baseline, Data, Duration, Entry, Example, Given, Metric, Recipe, Target, Targets, Task, Training,
    wrong_line,
};
use crate::failure::Failure;

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "japanese_vowels",
    summary: "which of nine speakers says /ae/: 640 utterances of 7 to 29 frames",
    source: "Kudo, Toyama and Shimbo, 1999",
    data: Data::Embedded,
    length: None,
    recipe: Recipe {
        hidden: 64,
        duration: Duration::Epochs(60),
        batch: 32,
        learning_rate: 3e-3,
        decay: false,
    },
    target: Some(Target { value: 0.95, cells: "GRU" }),
    open: |given| Ok(Box::new(JapaneseVowels::new(given)?)),
};

/// The utterances that come with the command, described in `examples/data/README.md`.
const UTTERANCES: &str = include_str!("../../../../examples/data/japanese_vowels.csv");

/// Coefficients of a frame.
const COEFFICIENTS: usize = 12;
/// Speakers.
const SPEAKERS: usize = 9;

/// Utterances with their speakers.
struct JapaneseVowels {
    train: Vec<Example>,
    test: Vec<Example>,
}

impl JapaneseVowels {
    fn new(given: &Given) -> Result<Self, Failure> {
        let (mut train, mut test) = (Vec::new(), Vec::new());
        let lines = given.text(UTTERANCES).lines().enumerate();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let (learned, example) = utterance(text).map_err(|error| wrong_line(line, error))?;
            if learned { &mut train } else { &mut test }.push(example);
        }
        if train.is_empty() || test.is_empty() {
            return Err(Failure::data("there must be utterances of both parts, `train` and `test`"));
        }
        standardise(&mut train, &mut test);
        Ok(Self { train, test })
    }
}

impl Task for JapaneseVowels {
    fn features(&self) -> usize {
        COEFFICIENTS
    }

    fn answers(&self) -> usize {
        SPEAKERS
    }

    fn metric(&self) -> Metric {
        Metric::Accuracy
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "guessing", value: 1.0 / SPEAKERS as f64 }
    }

    fn training(&self) -> Training<'_> {
        Training::Set(&self.train)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

/// `train|test,speaker,v0,v1,…`: frame after frame of twelve coefficients; speakers from 1.
fn utterance(line: &str) -> Result<(bool, Example), String> {
    let mut fields = line.trim().split(',');
    let learned = match fields.next() {
        Some("train") => true,
        Some("test") => false,
        other => return Err(format!("`{}` is neither `train` nor `test`", other.unwrap_or_default())),
    };
    let speaker = fields.next().unwrap_or_default();
    let class = match speaker.parse::<u32>() {
        Ok(number) if (1..=SPEAKERS as u32).contains(&number) => number - 1,
        _ => return Err(format!("`{speaker}` is no speaker from 1 to {SPEAKERS}")),
    };
    let values = fields
        .map(|field| {
            let number = field.parse::<f32>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("`{field}` is no finite number"))
        })
        .collect::<Result<Vec<f32>, String>>()?;
    if values.is_empty() || !values.len().is_multiple_of(COEFFICIENTS) {
        return Err(format!("{} numbers are no frames of {COEFFICIENTS}", values.len()));
    }
    Ok((learned, Example { values, targets: Targets::Classes(vec![class]) }))
}

/// Both parts in standard deviations from the mean of the training part, coefficient by coefficient.
fn standardise(train: &mut [Example], test: &mut [Example]) {
    for at in 0..COEFFICIENTS {
        let of = |example: &Example| example.values.iter().skip(at).step_by(COEFFICIENTS).copied().collect();
        let numbers: Vec<f32> = train.iter().flat_map(|example| -> Vec<f32> { of(example) }).collect();
        let count = numbers.len() as f64;
        let mean = numbers.iter().map(|&number| f64::from(number)).sum::<f64>() / count;
        let square = numbers.iter().map(|&number| (f64::from(number) - mean).powi(2)).sum::<f64>() / count;
        // A coefficient that never changes tells nothing and stays near zero.
        let deviation = if square > 0.0 { square.sqrt() } else { 1.0 };
        for example in train.iter_mut().chain(test.iter_mut()) {
            for value in example.values.iter_mut().skip(at).step_by(COEFFICIENTS) {
                *value = ((f64::from(*value) - mean) / deviation) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_those_of_the_source() {
        let task = JapaneseVowels::new(&Given::default()).expect("the utterances that come along");
        let counts = |examples: &[Example]| {
            let mut counts = [0; SPEAKERS];
            for example in examples {
                let Targets::Classes(classes) = &example.targets else { panic!("speakers are classes") };
                counts[classes[0] as usize] += 1;
            }
            counts
        };
        assert_eq!(counts(&task.train), [30; SPEAKERS]);
        assert_eq!(counts(&task.test), [31, 35, 88, 44, 29, 24, 40, 50, 29]);
        let lengths = task.train.iter().chain(&task.test).map(|example| example.values.len() / COEFFICIENTS);
        let lengths: Vec<usize> = lengths.collect();
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&7), Some(&29)));
        let first: f64 = task
            .train
            .iter()
            .flat_map(|example| example.values.iter().step_by(COEFFICIENTS))
            .map(|&v| f64::from(v))
            .sum();
        assert!(first.abs() < 1e-2, "the mean is taken off: {first}");
    }

    #[test]
    fn wrong_utterances_are_errors_with_their_line() {
        let frame = "0.5,".repeat(COEFFICIENTS);
        let good = format!("train,1,{}", frame.trim_end_matches(','));
        let message = |text: String| match JapaneseVowels::new(&Given {
            data: Some(("x".into(), text.clone())),
            length: None,
        }) {
            Err(Failure::Data(message)) => message,
            _ => panic!("{text} must be refused"),
        };
        assert!(message(good.clone()).contains("both parts"));
        assert!(message(format!("{good}\ntest,10,1")).starts_with("line 2: `10` is no speaker"));
        assert!(message(format!("{good}\ntest,0,1")).contains("no speaker"));
        assert!(message("tset,1,1".to_owned()).contains("neither"));
        assert!(message("test,1,NaN".to_owned()).contains("finite"));
        assert!(message(format!("{good},1")).contains("13 numbers"));
        assert!(message("test,1".to_owned()).contains("0 numbers"));
    }
}
