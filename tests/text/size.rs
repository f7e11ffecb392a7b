//! Texts that are long, deep or wide: each ends in a cell or in errors at a cost that stays in proportion.
//!
//! Costs are CPU time of the thread, which other processes change little; the limit holds for builds with
//! optimisation, and is ten times as high without. `GATEWRIGHT_COSTS=lags` prints what texts cost whose names have that
//! word, and drives no others; with nothing behind the sign, all. How each text ends is kept in `ends`, at full size;
//! `UPDATE_EXPECT=1` writes it anew.

mod large;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use gatewright_compiler::resolve::Options;
use gatewright_tests_text::corpus;
use gatewright_tests_text::input::{Input, Spelling};
use gatewright_tests_text::road::{End, drive_whole};
use gatewright_tests_text::work::cost;

use large::{Case, LATEX, MARKDOWN, TEXT, case, deep, long, many};

/// What one text may cost.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

/// Builds without optimisation try one kind of each at full size, and the others at a tenth.
const SLOW: bool = cfg!(debug_assertions);

/// Drives every case. Prints `ends`, if it is known how each ends, or those that cost too much, dearest first.
fn all(mut cases: Vec<Case>, ends: Option<ExpectFile>) {
    if SLOW {
        cases.retain(|case| !case.name.contains("30000"));
    }
    let shown = std::env::var("GATEWRIGHT_COSTS").ok();
    if let Some(word) = &shown {
        cases.retain(|case| case.name.contains(word));
    }
    let all = shown.as_ref().is_none_or(String::is_empty) && !SLOW;
    let work = move || {
        let mut costs = Vec::new();
        for case in cases {
            let options = Options { cycle: case.cycle, ..Options::default() };
            let input = Input {
                text: case.text,
                spelling: case.spelling,
                section: None,
                options,
                sizes: [3, 4, 2, 5],
            };
            let (end, mut time) = cost(|| drive_whole(&input));
            // Other work on the machine makes a text dearer, never cheaper.
            for _ in 0..2 {
                if time > LIMIT {
                    time = time.min(cost(|| drive_whole(&input)).1);
                }
            }
            if shown.is_some() {
                println!("{time:>12.3?} {end:?} {}, {:?}", case.name, case.spelling);
            }
            costs.push((time, end, case.name, case.spelling));
        }
        costs
    };
    let worker = thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    let mut costs = worker.join().expect("no panic");
    if let (Some(ends), true) = (ends, all) {
        ends.assert_eq(&listed(&costs));
    }
    costs.sort_by_key(|one| std::cmp::Reverse(one.0));
    costs.retain(|one| one.0 > LIMIT);
    assert!(costs.is_empty(), "{} texts cost more than {LIMIT:?}: {costs:#?}", costs.len());
}

/// One line for each name: how its text ends in each spelling.
fn listed(costs: &[(Duration, End, String, Spelling)]) -> String {
    let mut text = String::new();
    for alike in costs.chunk_by(|one, next| one.2 == next.2) {
        let ends: BTreeMap<String, Vec<&str>> =
            alike.iter().fold(BTreeMap::new(), |mut ends, (_, end, _, spelling)| {
                let spelling = match *spelling {
                    LATEX => "LaTeX",
                    MARKDOWN => "Markdown",
                    TEXT => "text",
                    _ => "tokens",
                };
                ends.entry(match end {
                    End::Refused(code) => format!("{} {}", code.as_str(), code.title()),
                    end => format!("{end:?}").to_lowercase(),
                })
                .or_default()
                .push(spelling);
                ends
            });
        let ends: Vec<String> =
            ends.into_iter().map(|(end, spellings)| format!("{end} ({})", spellings.join(", "))).collect();
        let _ = writeln!(text, "{}: {}", alike[0].2, ends.join("; "));
    }
    text
}

/// The spellings of one name one after the other.
fn side_by_side(mut cases: Vec<Case>) -> Vec<Case> {
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

#[test]
fn deep_texts() {
    all(side_by_side(deep(100_000)), Some(expect_file!["ends/deep.txt"]));
}

#[test]
fn long_texts() {
    all(side_by_side(long()), Some(expect_file!["ends/long.txt"]));
}

#[test]
fn texts_of_many_parts() {
    all(many(), Some(expect_file!["ends/many.txt"]));
}

#[test]
fn repeated_words() {
    let words = corpus::collect().words;
    let mut cases = Vec::new();
    for word in &words {
        for (spelling, name, piece) in [
            (LATEX, "command ", format!("\\{word}")),
            (MARKDOWN, "word ", word.clone()),
            (TEXT, "line ", format!("{word}\n")),
        ] {
            cases.push(case(
                format!("{name}{word}, {spelling:?}"),
                spelling,
                piece.repeat(4000 / piece.len()),
            ));
        }
    }
    all(cases, None);
}

/// Ends that are known, so that the texts above do not all end in the same early error.
#[test]
fn ends_of_large_texts() {
    let ends: Vec<End> = many()
        .into_iter()
        .filter(|case| {
            matches!(
                case.name.as_str(),
                "a long delay" | "as many states as allowed" | "f(u) = u + u, 40 deep" | "to the power 64"
            )
        })
        .map(|case| {
            let options = Options::default();
            drive_whole(&Input {
                text: case.text,
                spelling: case.spelling,
                section: None,
                options,
                sizes: [3; 4],
            })
        })
        .collect();
    assert_eq!(ends, [End::Planned; 4]);
}
