//! The threads that run the blocks of a call, one for each worker. What a call gives does not depend on how many there are.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::block::Block;
use super::compiled::internal;
use super::worker::Worker;
use crate::error::CallError;
use crate::matmul::Element;

/// Runs `work` on every block, on a thread for each worker, which takes the next block that is left. The first error by block
/// order is the result.
pub(super) fn each_block<T: Element>(
    blocks: &mut [Block<T>],
    workers: &mut [Worker<T>],
    work: impl Fn(&mut Block<T>) -> Result<(), CallError> + Sync,
) -> Result<(), CallError> {
    each_block_in_turn(blocks, workers, 1, |block, _| work(block))
}

/// Runs `work` on every block, then on every block again, so many times. It is told how often it was called before in this
/// order, and may wait until calls of smaller numbers have done something. Each thread takes the call that is next, and lends the
/// block what its worker has. The first error by number is the result; calls behind it are not begun.
pub(super) fn each_block_in_turn<T: Element>(
    blocks: &mut [Block<T>],
    workers: &mut [Worker<T>],
    times: usize,
    work: impl Fn(&mut Block<T>, usize) -> Result<(), CallError> + Sync,
) -> Result<(), CallError> {
    let Some((first, others)) = workers.split_first_mut() else {
        return Err(internal("blocks and nobody to run them"));
    };
    let count = blocks.len();
    let calls = times.saturating_mul(count);
    if others.is_empty() {
        let call = |number| first.lend(&mut blocks[number % count], |block| work(block, number));
        return (0..calls).try_for_each(call);
    }
    let line =
        Line { state: Mutex::new(State { blocks, next: 0, calls, failed: None }), back: Condvar::new() };
    let run = |worker: &mut Worker<T>| {
        while let Some(mut lent) = line.take() {
            let number = lent.number;
            let outcome = worker.lend(&mut lent.block, |block| work(block, number));
            lent.outcome = Some(outcome);
        }
    };
    let run = &run;
    std::thread::scope(|scope| {
        // Where the system has no more threads, those there are do the work.
        let others: Vec<_> = others
            .iter_mut()
            .map_while(|worker| std::thread::Builder::new().spawn_scoped(scope, move || run(worker)).ok())
            .collect();
        run(first);
        // One that has panicked has left an error.
        others.into_iter().for_each(|other| drop(other.join()));
    });
    let state = line.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// The calls that are to be made.
struct Line<'b, T> {
    state: Mutex<State<'b, T>>,
    /// A block is back.
    back: Condvar,
}

struct State<'b, T> {
    /// Another block stands in the place of one that is lent, and says so.
    blocks: &'b mut [Block<T>],
    next: usize,
    calls: usize,
    /// The first call by number that has failed.
    failed: Option<(usize, CallError)>,
}

impl<'b, T> Line<'b, T> {
    fn lock(&self) -> MutexGuard<'_, State<'b, T>> {
        // No thread panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The block of the next call, once the call before on this block has ended; `None` where there is no more to do.
    fn take(&self) -> Option<Lent<'_, 'b, T>> {
        let mut state = self.lock();
        while state.failed.is_none() && state.next < state.calls {
            let number = state.next;
            let index = number % state.blocks.len();
            if !state.blocks[index].lent {
                state.next += 1;
                let block = std::mem::replace(&mut state.blocks[index], Block::stand_in());
                return Some(Lent { line: self, block, index, number, outcome: None });
            }
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

/// A block that is lent for one call. It goes back however the call ends.
struct Lent<'l, 'b, T> {
    line: &'l Line<'b, T>,
    block: Block<T>,
    index: usize,
    number: usize,
    /// `None` where the call has panicked.
    outcome: Option<Result<(), CallError>>,
}

impl<T> Drop for Lent<'_, '_, T> {
    fn drop(&mut self) {
        let panicked = || Err(CallError::Internal("a thread of the run panicked".to_owned()));
        let outcome = self.outcome.take().unwrap_or_else(panicked);
        let mut state = self.line.lock();
        state.blocks[self.index] = std::mem::take(&mut self.block);
        if let Err(error) = outcome
            && state.failed.as_ref().is_none_or(|(number, _)| self.number < *number)
        {
            state.failed = Some((self.number, error));
        }
        drop(state);
        self.line.back.notify_all();
    }
}
