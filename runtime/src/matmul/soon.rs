//! What is read or written soon after a product, fetched while the product computes.
//!
//! A loop back in time reads the tape, which is in no cache any more, and waits for each line. The kernels of a product
//! before it have an instruction to spare in each round of theirs: they ask for two lines each (one, where sums fill the
//! registers), and go on. What one product has no round left for, the next one asks for.
//!
//! ```text
//! for k in 0..depth
//!     fetch two lines of what is read soon
//!     the work of round k
//! ```

use crate::cache::LINE;

/// Numbers that are read soon, wherever they are: an address to ask for, never to follow, so the numbers need not be there
/// any more.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    first: usize,
    bytes: usize,
}

impl Lines {
    /// The lines of some numbers.
    #[must_use]
    pub fn of<T>(numbers: &[T]) -> Self {
        Self { first: numbers.as_ptr().addr(), bytes: size_of_val(numbers) }
    }
}

/// What is read soon, handed out in pieces as the kernels of products ask for them. What one product has not asked for is
/// left to the next.
#[derive(Debug, Default)]
pub struct Soon {
    parts: Vec<Lines>,
    /// The part that is asked for now.
    part: usize,
    /// Bytes of it that were asked for.
    begun: usize,
    /// Bytes of all that was ever noted, for tests.
    #[cfg(test)]
    pub(crate) noted: usize,
}

/// What one kernel asks for: from round to round some bytes on; nothing where that is none. No address is ever followed, so it
/// may be any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) first: *const u8,
    pub(super) step: usize,
}

impl Extend<Lines> for Soon {
    fn extend<I: IntoIterator<Item = Lines>>(&mut self, lines: I) {
        #[cfg(test)]
        let lines = lines.into_iter().inspect(|part| self.noted += part.bytes);
        self.parts.extend(lines);
    }
}

impl Soon {
    /// Nothing, in the same memory.
    pub fn clear(&mut self) {
        self.parts.clear();
        (self.part, self.begun) = (0, 0);
    }

    /// What a kernel of `depth` rounds asks for: at most a line in each.
    #[inline]
    pub(super) fn take(&mut self, depth: usize) -> Option<Ahead> {
        let part = self.parts.get(self.part)?;
        let first = std::ptr::without_provenance(part.first.wrapping_add(self.begun));
        let left = part.bytes.saturating_sub(self.begun);
        // Without a division where it would give a line or more.
        let step = if left >= depth.saturating_mul(LINE) { LINE } else { left.div_ceil(depth.max(1)) };
        self.begun += step * depth;
        if self.begun >= part.bytes {
            (self.part, self.begun) = (self.part + 1, 0);
        }
        Some(Ahead { first, step })
    }
}

impl Ahead {
    /// Nothing: no bytes on.
    #[inline]
    pub(super) fn nothing() -> Self {
        Self { first: std::ptr::null(), step: 0 }
    }
}

/// Asks for every line of some numbers, all at once: as they are copied some hundred bytes at a time, a copy would wait
/// for each.
pub(crate) fn fetch_all<T>(numbers: &[T]) {
    let first = numbers.as_ptr().cast::<u8>();
    for line in 0..size_of_val(numbers).div_ceil(LINE) {
        fetch(first.wrapping_add(line * LINE));
    }
}

/// Whether anything is ever asked for: on x86-64.
pub(super) const ASKS: bool = cfg!(any(test, target_arch = "x86_64"));

/// Asks for the line of an address; a hint, which nothing can go wrong with. Elsewhere than on x86-64 nothing is asked for.
#[inline(always)]
pub(super) fn fetch(address: *const u8) {
    #[cfg(test)]
    asked::note(address);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 has SSE; a prefetch reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// What is asked for, for tests: no result shows it.
#[cfg(test)]
pub(crate) mod asked {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::cache::LINE;

    thread_local! {
        static LINES: RefCell<Option<Vec<usize>>> = const { RefCell::new(None) };
    }

    /// Threads that note lines: the kernels of all other tests ask this alone.
    static NOTING: AtomicUsize = AtomicUsize::new(0);

    /// The lines, addresses over [`LINE`], that this thread asks for in a run, in order.
    pub(crate) fn lines_of(run: impl FnOnce()) -> Vec<usize> {
        LINES.set(Some(Vec::new()));
        NOTING.fetch_add(1, Ordering::Relaxed);
        run();
        NOTING.fetch_sub(1, Ordering::Relaxed);
        LINES.take().unwrap_or_default()
    }

    pub(super) fn note(address: *const u8) {
        if NOTING.load(Ordering::Relaxed) == 0 {
            return;
        }
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push(address.addr() / LINE);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Soon};

    #[test]
    fn what_one_product_leaves_is_for_the_next() {
        let workspace = [0.0_f32; 256];
        let mut soon = Soon::default();
        soon.extend([Lines::of(&workspace[..160]), Lines::of(&workspace[192..])]);
        // Two kernels of the first product, of four rounds each; the others of the second.
        let taken: Vec<_> = (0..5).map(|_| soon.take(4).map(|ahead| ahead.first.addr())).collect();
        let first = workspace.as_ptr().addr();
        assert_eq!(
            taken,
            [0, 256, 512, 768].map(|at| Some(first + at)).into_iter().chain([None]).collect::<Vec<_>>()
        );
        soon.extend([Lines::of(&workspace[..16])]);
        soon.clear();
        assert!(soon.take(4).is_none());
    }

    #[test]
    fn every_line_of_every_part_is_asked_for_and_few_others() {
        let workspace = [0.0_f32; 4096];
        let base = workspace.as_ptr();
        let parts = [64..1100, 2048..2064, 3000..3000, 100..140];
        for depth in [1, 7, 64, 512] {
            let mut soon = Soon::default();
            soon.extend(parts.clone().map(|part| Lines::of(&workspace[part])));
            let mut asked = [false; 256];
            while let Some(ahead) = soon.take(depth) {
                let first = ahead.first.addr() - base.addr();
                for round in 0..depth {
                    asked[(first + round * ahead.step) / 64] = true;
                }
            }
            let wanted =
                |line: usize| parts.iter().any(|part| part.start < line * 16 + 16 && part.end > line * 16);
            for (line, &asked) in asked.iter().enumerate() {
                assert!(asked || !wanted(line), "line {line} with {depth} rounds");
            }
            let count = |which: &dyn Fn(usize) -> bool| (0..256).filter(|&line| which(line)).count();
            let over = count(&|line| asked[line] && !wanted(line));
            // A kernel asks for a byte more in each round at most.
            assert!(over <= parts.len() * depth.div_ceil(64), "{over} lines too many with {depth} rounds");
        }
    }
}
