//! Texts by the thousand, each down the whole road.
//!
//! The suite takes 200,000; `GATEWRIGHT_TEXTS=10000000 GATEWRIGHT_SEED=1000000` takes more, and from another seed on,
//! `GATEWRIGHT_THREADS=1` on fewer threads. A failure prints the seed and the text;
//! `GATEWRIGHT_TEXTS=1 GATEWRIGHT_SEED=<seed>` repeats it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gatewright_tests_text::corpus::{self, Corpus};
use gatewright_tests_text::input::{self, KINDS};
use gatewright_tests_text::road::{End, drive};
use gatewright_tests_text::work::cost;

/// What no short text may cost, in CPU time of a thread: a hundred times what the dearest do in a debug build.
const LONGEST: Duration = Duration::from_secs(10);

/// What no text may take as time passes, on any machine: it would never end.
const ENDLESS: Duration = Duration::from_secs(300);

/// Stack of a thread: what Rust gives by default, half a main thread's.
const STACK: usize = 2 << 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What became of the texts of one thread.
#[derive(Debug, Default)]
struct Report {
    /// Counts by kind and end.
    ends: BTreeMap<(usize, &'static str), u64>,
    /// Seed and what was wrong with it.
    failures: Vec<(u64, String)>,
    /// Cost and seed of the dearest text.
    dearest: (Duration, u64),
    total: Duration,
}

fn of_panic(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text").to_owned()
}

/// Drives every `stride`th seed from `first` to `end`; `current` says which one it is at.
fn work(corpus: &Corpus, (first, end, stride): (u64, u64, u64), current: &AtomicU64) -> Report {
    let mut report = Report::default();
    let mut seed = first;
    while seed < end {
        current.store(seed, Ordering::Relaxed);
        let (kind, input) = input::generate(corpus, seed);
        let (result, time) = cost(|| catch_unwind(AssertUnwindSafe(|| drive(&input))));
        report.total += time;
        report.dearest = report.dearest.max((time, seed));
        match result {
            Ok(reached) => {
                let reached = match reached {
                    End::NoTokens => "no tokens",
                    End::Refused(_) => "refused",
                    End::Limited => "beyond a limit",
                    End::Large => "large",
                    End::Planned => "planned",
                };
                *report.ends.entry((kind, reached)).or_default() += 1;
            }
            Err(panic) => report.failures.push((seed, of_panic(&*panic))),
        }
        if time > LONGEST {
            report.failures.push((seed, format!("it costs {time:?}")));
        }
        seed += stride;
    }
    current.store(u64::MAX, Ordering::Relaxed);
    report
}

#[test]
fn every_text_ends_in_a_cell_or_in_errors() {
    let (count, first) = (number("GATEWRIGHT_TEXTS", 200_000), number("GATEWRIGHT_SEED", 0));
    let threads = number("GATEWRIGHT_THREADS", 2).max(1);
    let corpus = Arc::new(corpus::collect());
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let (corpus, current) = (Arc::clone(&corpus), Arc::new(AtomicU64::new(first)));
            let seen = Arc::clone(&current);
            let seeds = (first + thread, first + count, threads);
            let worker = move || work(&corpus, seeds, &current);
            (thread::Builder::new().stack_size(STACK).spawn(worker).expect("a thread"), seen)
        })
        .collect();
    // A thread that is at the same text for long will be so for ever.
    let mut since = vec![(first, Instant::now()); workers.len()];
    while workers.iter().any(|(worker, _)| !worker.is_finished()) {
        thread::sleep(Duration::from_millis(50));
        for ((_, seen), since) in workers.iter().zip(&mut since) {
            let seed = seen.load(Ordering::Relaxed);
            if seed != since.0 {
                *since = (seed, Instant::now());
            }
            let text = || input::generate(&corpus, seed).1;
            assert!(
                seed == u64::MAX || since.1.elapsed() < ENDLESS,
                "seed {seed} does not end: {:#?}",
                text()
            );
        }
    }
    let reports: Vec<Report> =
        workers.into_iter().map(|(worker, _)| worker.join().expect("caught")).collect();
    let mut ends = BTreeMap::<_, u64>::new();
    let mut failures = Vec::new();
    for report in &reports {
        report.ends.iter().for_each(|(&end, count)| *ends.entry(end).or_default() += count);
        failures.extend(report.failures.iter().cloned());
        let (time, seed) = report.dearest;
        println!("{:?} of CPU time, at most {time:?} for one text (seed {seed})", report.total);
    }
    for ((kind, end), count) in &ends {
        println!("{:<10} {end:<15} {count:>9}", KINDS[*kind]);
    }
    failures.sort();
    for (seed, text) in failures.iter().take(40) {
        println!("{seed}: {}", text.lines().next().unwrap_or_default());
    }
    // The shortest text says most.
    let length = |seed: u64| input::generate(&corpus, seed).1.text.len();
    if let Some((seed, text)) = failures.iter().min_by_key(|failure| length(failure.0)) {
        let input = input::generate(&corpus, *seed).1;
        panic!("{} failures; seed {seed}: {text}\n{input:#?}\n{}", failures.len(), input.text);
    }
    // Texts that all stop at the first stage would test only that.
    let planned: u64 = ends.iter().filter(|((_, end), _)| *end == "planned").map(|(_, count)| count).sum();
    assert!(count < 1000 || planned * 50 > count, "only {planned} of {count} texts came to a plan");
}
