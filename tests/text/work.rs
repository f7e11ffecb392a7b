//! What a piece of work costs, in a measure that other processes do not change much.

use std::time::{Duration, Instant};

/// CPU time of this thread so far. Where the system does not tell, time as it passes.
#[must_use]
pub fn thread_time() -> Duration {
    thread_local! {
        static BEGUN: Instant = Instant::now();
    }
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .filter(|&nanoseconds| nanoseconds > 0)
        .map_or_else(|| BEGUN.with(Instant::elapsed), Duration::from_nanos)
}

/// What `work` costs this thread.
pub fn cost<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = thread_time();
    let result = work();
    (result, thread_time().saturating_sub(begun))
}
