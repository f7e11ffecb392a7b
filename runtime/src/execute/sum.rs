//! One gradient by all parameters that several blocks add to, each in its turn.
//!
//! Blocks go back chunk by chunk, all of them through their last chunk, then all through the one before it. Every chunk of
//! every block has a number in this order, and adds what it gives to each parameter in the order of these numbers,
//! whichever threads run them. So there is one sum, however many blocks there are, and its bits do not depend on
//! threads.
//!
//! ```text
//! thread 0   chunk 0 ........ W U | chunk 2 ........ W U
//! thread 1   chunk 1 ........   W U | chunk 3 ........ W U
//! ```
//!
//! A turn is of a [`Lot`], neighbouring parameters: while one block adds to `U`, the next one adds to `W`.
//!
//! # Invariants
//!
//! - Numbers are given out in order, and a chunk waits for chunks of smaller numbers alone: the smallest that is not
//!   done waits for none.
//! - Each chunk passes each lot once, after the last of its terms there. One that gives up passes none, and says so.
//! - A call that runs several chunks holds the turn of the next chunk while it runs one: so those who wait are woken also where it
//!   fails after the chunk has passed every lot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::compiled::internal;
use super::gradient::GradientOrder;
use crate::error::CallError;
use crate::matmul::Element;

/// Most lots: so many that two blocks seldom wait for each other, so few that they take no memory from the heap.
const LOTS: usize = 16;

/// Neighbouring parameters.
#[derive(Debug)]
struct Lot<'g, T> {
    /// First element within all parameters.
    first: usize,
    /// How many terms each chunk adds; a lot without is not waited for.
    terms: usize,
    state: Mutex<LotState<'g, T>>,
    passed: Condvar,
    /// How often those that wait were woken, for tests.
    #[cfg(test)]
    woken: AtomicUsize,
}

#[derive(Debug)]
struct LotState<'g, T> {
    gradient: &'g mut [T],
    /// The number of the chunk that may add.
    turn: usize,
    /// Threads that wait for it to be theirs. Where there are none nobody is woken: to ask the system takes as long as some steps of
    /// a small cell.
    waiting: usize,
}

impl<'g, T> Lot<'g, T> {
    fn lock(&self) -> MutexGuard<'_, LotState<'g, T>> {
        // Who panics here gives up its turn, so nobody reads what it has left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gradient by all parameters.
#[derive(Debug)]
pub(super) struct Sum<'g, T> {
    lots: SmallVec<[Lot<'g, T>; LOTS]>,
    /// The smallest number of a chunk that has given up.
    given_up: AtomicUsize,
}

impl<'g, T> Sum<'g, T> {
    /// Lots of `gradient`, in which each parameter begins and ends as `ranges` say, for what is added in an order.
    pub(super) fn new(gradient: &'g mut [T], ranges: &[(usize, usize)], order: &GradientOrder) -> Self {
        let least = gradient.len().div_ceil(LOTS).max(1);
        let mut lots: SmallVec<[Lot<'g, T>; LOTS]> = SmallVec::new();
        let (mut rest, mut first) = (gradient, 0);
        for (index, &(offset, length)) in ranges.iter().enumerate() {
            let end = offset + length;
            if end - first < least && index + 1 < ranges.len() {
                continue;
            }
            let (gradient, behind) = std::mem::take(&mut rest).split_at_mut(end - first);
            let state = Mutex::new(LotState { gradient, turn: 0, waiting: 0 });
            lots.push(Lot {
                first,
                terms: 0,
                state,
                passed: Condvar::new(),
                #[cfg(test)]
                woken: AtomicUsize::new(0),
            });
            (rest, first) = (behind, end);
        }
        let mut sum = Self { lots, given_up: AtomicUsize::new(usize::MAX) };
        for parameter in order.parameters() {
            let lot = sum.lot(ranges[parameter].0);
            sum.lots[lot].terms += 1;
        }
        sum
    }

    /// The lot that holds an element.
    fn lot(&self, element: usize) -> usize {
        self.lots.partition_point(|lot| lot.first <= element).saturating_sub(1)
    }

    /// The turn of the chunk with a number.
    pub(super) fn turn(&self, number: usize) -> Turn<'_, 'g, T> {
        Turn { sum: self, number, left: self.lots.iter().map(|lot| lot.terms).collect() }
    }
}

/// The turn of one chunk; dropped before it has [passed](Turn::pass), it has given up.
#[derive(Debug)]
pub(super) struct Turn<'t, 'g, T> {
    sum: &'t Sum<'g, T>,
    number: usize,
    /// For each lot how many terms are still to be added.
    left: SmallVec<[usize; LOTS]>,
}

impl<'t, 'g, T> Turn<'t, 'g, T> {
    /// Adds one term to the gradient by a parameter.
    pub(super) fn add(
        &mut self,
        (offset, length): (usize, usize),
        add: impl FnOnce(&mut [T]) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        let index = self.sum.lot(offset);
        let lot = self.sum.lots.get(index).ok_or_else(|| internal("a gradient by no parameter"))?;
        let mut state = self.wait(lot)?;
        let start = offset - lot.first;
        add(&mut state.gradient[start..start + length])?;
        self.left[index] = self.left[index].saturating_sub(1);
        if self.left[index] == 0 {
            Self::pass_lot(lot, state);
        }
        Ok(())
    }

    /// Adds a gradient by all parameters, and ends the turn.
    pub(super) fn add_all(self, addends: &[T]) -> Result<(), CallError>
    where
        T: Element,
    {
        self.end(|lot, gradient| {
            let addends = addends.get(lot.first..).unwrap_or_default();
            gradient.iter_mut().zip(addends).for_each(|(sum, &addend)| *sum = *sum + addend);
        })
    }

    /// Ends the turn, also where there was nothing to add.
    pub(super) fn pass(self) -> Result<(), CallError> {
        self.end(|_, _| {})
    }

    /// Passes every lot that was not passed; in each, `last` is done before.
    fn end(mut self, last: impl Fn(&Lot<'g, T>, &mut [T])) -> Result<(), CallError> {
        for (lot, left) in self.sum.lots.iter().zip(&self.left) {
            if *left > 0 {
                let mut state = self.wait(lot)?;
                last(lot, state.gradient);
                Self::pass_lot(lot, state);
            }
        }
        self.left.fill(0);
        Ok(())
    }

    /// Waits until the lot is this chunk's.
    fn wait(&self, lot: &'t Lot<'g, T>) -> Result<MutexGuard<'t, LotState<'g, T>>, CallError> {
        let mut state = lot.lock();
        while state.turn != self.number {
            if self.sum.given_up.load(Ordering::SeqCst) < self.number {
                return Err(internal("a block before this one has given up"));
            }
            state.waiting += 1;
            state = lot.passed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        Ok(state)
    }

    fn pass_lot(lot: &Lot<'g, T>, mut state: MutexGuard<'_, LotState<'g, T>>) {
        state.turn += 1;
        let awaited = state.waiting > 0;
        drop(state);
        if awaited {
            #[cfg(test)]
            lot.woken.fetch_add(1, Ordering::SeqCst);
            lot.passed.notify_all();
        }
    }
}

impl<T> Drop for Turn<'_, '_, T> {
    fn drop(&mut self) {
        if self.left.iter().all(|&left| left == 0) {
            return;
        }
        self.sum.given_up.fetch_min(self.number, Ordering::SeqCst);
        for lot in &self.sum.lots {
            // Who looks at `given_up` holds the lock until it waits.
            drop(lot.lock());
            lot.passed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::Sum;
    use crate::error::CallError;
    use crate::execute::block::Block;
    use crate::execute::compiled::{Backend, CompileOptions, CompiledCell};
    use crate::execute::threads::each_block_in_turn;
    use crate::execute::worker::Workers;

    const BLOCKS: usize = 5;
    const CHUNKS: usize = 4;

    /// Four weights, four weights of the state before and four biases.
    fn compiled() -> CompiledCell<f64> {
        let cell = crate::zoo::find("lstm").expect("a cell").read().expect("reads");
        let options = CompileOptions { backend: Backend::Interpreter, ..CompileOptions::default() };
        CompiledCell::new(&cell, &[("x", 3), ("h", 4)], options).expect("compiles")
    }

    /// Who is not woken hangs: that is a failure here.
    fn in_time(test: fn()) {
        let (done, is_done) = channel();
        let running = std::thread::spawn(move || {
            test();
            // Nobody may be left who waits for it.
            let _ = done.send(());
        });
        let outcome = is_done.recv_timeout(Duration::from_secs(60));
        assert_ne!(outcome, Err(RecvTimeoutError::Timeout), "somebody waits and is not woken");
        if let Err(panic) = running.join() {
            std::panic::resume_unwind(panic);
        }
    }

    /// Each chunk of each block changes every weight in a way that does not commute; the smaller its number, the longer it sleeps
    /// before. Gives also how often those that waited were woken.
    fn sums(
        cell: &CompiledCell<f64>,
        threads: usize,
        outcome: impl Fn(usize) -> Result<(), CallError> + Sync,
    ) -> Result<(Vec<f64>, usize), CallError> {
        let (ranges, order) = (&cell.parameter_ranges, &cell.training.gradients);
        let mut gradient = vec![1.0; cell.parameter_layout().length()];
        let mut blocks: Vec<Block<f64>> = (0..BLOCKS).map(|_| Block::default()).collect();
        let sum = Sum::new(&mut gradient, ranges, order);
        assert!(sum.lots.len() > 4, "{} lots", sum.lots.len());
        let mut workers = Workers::default();
        let outcome = each_block_in_turn(&mut blocks, workers.of_threads(threads), CHUNKS, |_, number| {
            let mut turn = sum.turn(number);
            std::thread::sleep(Duration::from_millis((BLOCKS - number % BLOCKS) as u64));
            // The chunk of one block is the shorter: it has nothing to add.
            if number % BLOCKS != 2 || number < BLOCKS {
                for parameter in order.parameters() {
                    outcome(number)?;
                    turn.add(ranges[parameter], |total| {
                        total.iter_mut().for_each(|sum| *sum = *sum * 1.25 + number as f64);
                        Ok(())
                    })?;
                }
            }
            turn.pass()
        });
        assert!(sum.lots.iter().all(|lot| lot.lock().waiting == 0));
        outcome?;
        let woken = sum.lots.iter().map(|lot| lot.woken.load(Ordering::SeqCst)).sum();
        drop(sum);
        Ok((gradient, woken))
    }

    #[test]
    fn who_waits_is_woken_and_nobody_else() {
        in_time(|| {
            let cell = compiled();
            let woken = |threads| sums(&cell, threads, |_| Ok(())).expect("runs").1;
            assert_eq!(woken(1), 0);
            assert!(woken(2) > 0);
        });
    }

    #[test]
    fn what_is_added_does_not_depend_on_threads() {
        in_time(|| {
            let cell = compiled();
            let (expected, _) = sums(&cell, 1, |_| Ok(())).expect("runs");
            let mut weight = 1.0;
            for number in (0..BLOCKS * CHUNKS).filter(|number| number % BLOCKS != 2 || *number < BLOCKS) {
                weight = weight * 1.25 + number as f64;
            }
            assert!(expected.contains(&weight) && expected.contains(&1.0), "{weight}: {expected:?}");
            for threads in [2, 3, 5, 9] {
                let (found, _) = sums(&cell, threads, |_| Ok(())).expect("runs");
                assert_eq!(found, expected, "{threads} threads");
            }
        });
    }

    /// Blocks that wait for it give up too; the first by number is told of, and those before it are done.
    #[test]
    fn nobody_waits_for_a_block_that_has_given_up() {
        in_time(|| {
            let cell = compiled();
            let fails = |number: usize| CallError::Internal(format!("chunk {number}"));
            for threads in [1, 2, 5] {
                let outcome =
                    |number: usize| if [6, 8, 9].contains(&number) { Err(fails(number)) } else { Ok(()) };
                assert_eq!(sums(&cell, threads, outcome), Err(fails(6)), "{threads} threads");
            }
        });
    }

    /// Also if none passes after it: all before it have, and the next one waits.
    #[test]
    fn who_waits_for_a_block_that_gives_up_is_woken() {
        in_time(|| {
            let fails = || CallError::Internal("late".to_owned());
            let outcome = |number: usize| {
                if number != 1 {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(100));
                Err(fails())
            };
            assert_eq!(sums(&compiled(), 2, outcome), Err(fails()));
        });
    }

    #[test]
    fn nobody_waits_for_a_thread_that_has_panicked() {
        in_time(|| {
            let cell = compiled();
            let main = std::thread::current().id();
            let outcome = |number: usize| {
                assert!(number < 6 || std::thread::current().id() == main, "as it should");
                Ok(())
            };
            let result = sums(&cell, 4, outcome);
            assert!(
                matches!(&result, Err(CallError::Internal(text)) if text.contains("panicked")),
                "{result:?}"
            );
        });
    }
}
