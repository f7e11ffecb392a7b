//! The number of sunspots, year by year: how many will the next year have?
//!
//! A sequence is sixteen years and the target the year after. The first four fifths of all such windows are learned
//! from, the last fifth is the test: of 309 years (1700 to 2008) 234 windows and 59, whose targets are the years 1950 to
//! 2008. Whoever says that the next year will be like this one is wrong by 33.2 there. The number of passes of the recipe
//! was chosen with the years up to 1949 alone.

use super::{
    Baseline, Data, Duration, Entry, Example, Given, Metric, Recipe, Target, Targets, Task, Training,
    wrong_line,
};
use crate::failure::Failure;

/// The row of the table.
pub(crate) const ENTRY: Entry = Entry {
    name: "sunspots",
    summary: "sunspots of the next year from those of sixteen years",
    source: "National Geophysical Data Center, 1700 to 2008",
    data: Data::Embedded,
    length: None,
    recipe: Recipe {
        hidden: 32,
        duration: Duration::Epochs(30),
        batch: 32,
        learning_rate: 3e-3,
        decay: false,
    },
    target: Some(Target { value: 19.5, cells: "LSTM, GRU" }),
    open: |given| Ok(Box::new(Sunspots::new(given)?)),
};

/// The numbers that come with the command, described in `examples/data/README.md`.
const YEARS: &str = include_str!("../../../../examples/data/sunspots.csv");

/// Years in a sequence.
const WINDOW: usize = 16;

/// Windows of years.
struct Sunspots {
    /// One standard deviation of the years that are learned from.
    unit: f64,
    persistence: f64,
    train: Vec<Example>,
    test: Vec<Example>,
}

impl Sunspots {
    fn new(given: &Given) -> Result<Self, Failure> {
        let years = years(given.text(YEARS))?;
        let windows = years.len().saturating_sub(WINDOW);
        let learned = windows * 4 / 5;
        if learned == 0 || learned == windows {
            return Err(Failure::data(format!("{} years are too few for windows of {WINDOW}", years.len())));
        }
        let known = &years[..learned + WINDOW];
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let unit = (known.iter().map(|year| (year - mean).powi(2)).sum::<f64>() / known.len() as f64).sqrt();
        if unit <= 0.0 || !unit.is_finite() {
            return Err(Failure::data("the numbers of the years to learn from do not change, or too much"));
        }
        let scaled: Vec<f32> = years.iter().map(|year| ((year - mean) / unit) as f32).collect();
        let example = |years: &[f32]| {
            let (next, window) = years.split_last()?;
            Some(Example { values: window.to_vec(), targets: Targets::Numbers(vec![*next]) })
        };
        let mut train: Vec<Example> = scaled.windows(WINDOW + 1).filter_map(example).collect();
        let test = train.split_off(learned);
        let squares = years.windows(2).skip(WINDOW - 1 + learned).map(|pair| (pair[1] - pair[0]).powi(2));
        let persistence = (squares.sum::<f64>() / test.len() as f64).sqrt();
        Ok(Self { unit, persistence, train, test })
    }
}

impl Task for Sunspots {
    fn features(&self) -> usize {
        1
    }

    fn answers(&self) -> usize {
        1
    }

    fn metric(&self) -> Metric {
        Metric::RootMeanSquaredError { unit: self.unit }
    }

    fn baseline(&self) -> Baseline {
        Baseline { name: "persistence", value: self.persistence }
    }

    fn training(&self) -> Training<'_> {
        Training::Set(&self.train)
    }

    fn test(&self) -> &[Example] {
        &self.test
    }
}

/// `year,number`, year after year.
fn years(text: &str) -> Result<Vec<f64>, Failure> {
    let mut numbers = Vec::new();
    let mut before: Option<i32> = None;
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let fields = text.trim().split_once(',');
        let parsed =
            fields.and_then(|(year, number)| Some((year.parse::<i32>().ok()?, number.parse::<f64>().ok()?)));
        let Some((year, number)) = parsed.filter(|(_, number)| number.is_finite()) else {
            return Err(wrong_line(line, format!("`{text}` is not of the form YEAR,NUMBER")));
        };
        if before.is_some_and(|before| before.checked_add(1) != Some(year)) {
            return Err(wrong_line(line, format!("{year} does not follow the year before")));
        }
        before = Some(year);
        numbers.push(number);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persistence_is_what_the_literature_compares_with() {
        let task = Sunspots::new(&Given::default()).expect("the years that come along");
        assert_eq!((task.train.len(), task.test.len()), (234, 59));
        assert!((task.persistence - 33.175).abs() < 1e-3, "{}", task.persistence);
        // The same from the windows: the last year of each is the guess.
        let squares = task.test.iter().map(|example| {
            let Targets::Numbers(next) = &example.targets else { panic!("a number") };
            f64::from(next[0] - example.values[WINDOW - 1]).powi(2)
        });
        let root = task.unit * (squares.sum::<f64>() / 59.0).sqrt();
        assert!((root - task.persistence).abs() < 1e-4, "{root}");
    }

    #[test]
    fn wrong_years_are_errors_with_their_line() {
        let message = |text: &str| {
            let data = Some(("x".into(), text.to_owned()));
            match Sunspots::new(&Given { data, length: None }) {
                Err(Failure::Data(message)) => message,
                _ => panic!("{text} must be refused"),
            }
        };
        assert!(message("1700,5\n1702,3").starts_with("line 2: 1702 does not follow"));
        assert!(message("1700,5\n1701").starts_with("line 2"));
        assert!(message("1700,NaN").contains("YEAR,NUMBER"));
        assert!(message("1700,5").contains("too few"));
        let still: String = (0..40).map(|year| format!("{year},7\n")).collect();
        assert!(message(&still).contains("do not change"));
    }
}
