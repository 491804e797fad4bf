//! The commits of one repository that a worker has built and the writer has not answered yet.
//!
//! Each is built on the one before, without waiting. If one fails, the whole chain from there on
//! fails too, because each names the head it was built on; the worker then waits until the chain is
//! through and reads the repository anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Shared by a worker and the jobs it has sent.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    poisoned: AtomicBool,
    waiting: Mutex<u32>,
    settled: Condvar,
}

impl Chain {
    /// Adds a commit to the chain.
    pub(crate) fn place(self: &Arc<Self>) -> Place {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Place { chain: Arc::clone(self), settled: false }
    }

    /// Whether a commit of the chain has failed, or was found to rest on nothing.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// The chain does not rest on the stored state: all that is built on it is void.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// Whether every commit of the chain has been answered.
    pub(crate) fn is_settled(&self) -> bool {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) == 0
    }

    /// Waits until every commit of the chain has been answered: a batch of the writer, at most two.
    pub(crate) fn wait(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let _waited = self.settled.wait_while(waiting, |waiting| *waiting > 0);
    }
}

/// The place of one commit in its chain. Dropping it unsettled, as when the writer is gone, counts
/// as a failure.
#[derive(Debug)]
pub(crate) struct Place {
    chain: Arc<Chain>,
    settled: bool,
}

impl Place {
    /// The commit failed: all that is built on it is void.
    pub(crate) fn poison(&self) {
        self.chain.poison();
    }

    /// The commit is answered.
    pub(crate) fn settle(mut self) {
        self.settled = true;
        self.leave();
    }

    fn leave(&self) {
        let mut waiting = self.chain.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(1);
        if *waiting == 0 {
            self.chain.settled.notify_all();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.settled {
            self.poison();
            self.leave();
        }
    }
}
