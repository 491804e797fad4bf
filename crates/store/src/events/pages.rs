//! How much of the log one subscriber reads at once.
//!
//! A page stays in memory until its subscriber has taken it, and one that takes nothing is given
//! up only after a while. So those who replay share a budget: a lone one gets large pages, and a
//! thousand that are stuck cost little.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of frames in the pages of all replays.
const BUDGET_BYTES: usize = 64 << 20;
/// Larger pages save nothing.
const LARGEST_BYTES: usize = 1 << 20;
/// Smaller pages cost more than they save.
const SMALLEST_BYTES: usize = 16 << 10;

/// Counts the subscribers that replay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages(Arc<AtomicUsize>);

/// One subscriber's part of the budget.
#[derive(Debug)]
pub(crate) struct Share(Arc<AtomicUsize>);

impl Pages {
    pub(crate) fn share(&self) -> Share {
        self.0.fetch_add(1, Ordering::Relaxed);
        Share(Arc::clone(&self.0))
    }
}

impl Share {
    /// The size of the next page.
    pub(crate) fn page_bytes(&self) -> usize {
        let sharers = self.0.load(Ordering::Relaxed).max(1);
        (BUDGET_BYTES / sharers).clamp(SMALLEST_BYTES, LARGEST_BYTES)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
