//! How many follow the firehose, bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the sockets.
#[derive(Debug, Default)]
pub struct Subscribers {
    present: Arc<AtomicUsize>,
    max: usize,
}

/// One counted socket; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Subscribers {
    pub(crate) fn new(max: usize) -> Self {
        Self { present: Arc::default(), max }
    }

    /// Takes a seat, if there is one.
    pub(crate) fn enter(&self) -> Option<Seat> {
        let taken = self.present.fetch_add(1, Ordering::AcqRel);
        let seat = Seat(Arc::clone(&self.present));
        (taken < self.max).then_some(seat)
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        self.present.load(Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let subscribers = Subscribers::new(1);
        let seat = subscribers.enter().unwrap();
        assert!(subscribers.enter().is_none());
        assert_eq!(subscribers.count(), 1);
        drop(seat);
        assert!(subscribers.enter().is_some());
    }
}
