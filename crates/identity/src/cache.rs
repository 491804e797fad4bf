//! A bounded cache with two ages: beyond the first an entry is served and renewed, beyond the second it is gone.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;

/// How long entries live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// Up to this age an entry is fresh.
    pub(crate) stale: Duration,
    /// Beyond this age an entry is not served.
    pub(crate) max: Duration,
    /// How long a failure is remembered.
    pub(crate) negative: Duration,
}

pub(crate) struct TtlCache<K, V, E> {
    entries: Mutex<LruCache<K, Entry<V, E>>>,
    lifetimes: Lifetimes,
}

struct Entry<V, E> {
    value: Result<V, E>,
    at: Timestamp,
}

/// A cached answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cached<V, E> {
    Fresh(Result<V, E>),
    /// To be served, and renewed behind the caller's back.
    Stale(V),
}

impl<K: Hash + Eq, V: Clone, E: Clone> TtlCache<K, V, E> {
    pub(crate) fn new(capacity: NonZeroUsize, lifetimes: Lifetimes) -> Self {
        Self { entries: Mutex::new(LruCache::new(capacity)), lifetimes }
    }

    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<Cached<V, E>> {
        let mut entries = self.lock();
        let entry = entries.get(key)?;
        // An entry from the future, after the clock was set back, counts as too old.
        let age = Duration::try_from(now.duration_since(entry.at)).unwrap_or(Duration::MAX);
        match &entry.value {
            Ok(value) if age <= self.lifetimes.stale => Some(Cached::Fresh(Ok(value.clone()))),
            Ok(value) if age <= self.lifetimes.max => Some(Cached::Stale(value.clone())),
            Err(error) if age <= self.lifetimes.negative => Some(Cached::Fresh(Err(error.clone()))),
            _ => {
                entries.pop(key);
                None
            }
        }
    }

    pub(crate) fn put(&self, key: K, value: Result<V, E>, now: Timestamp) {
        self.lock().put(key, Entry { value, at: now });
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, Entry<V, E>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_grow_stale_and_vanish() {
        let lifetimes = Lifetimes {
            stale: Duration::from_secs(10),
            max: Duration::from_secs(20),
            negative: Duration::from_secs(2),
        };
        let cache = TtlCache::<u8, u8, ()>::new(NonZeroUsize::new(2).unwrap(), lifetimes);
        let at = |second| Timestamp::from_second(second).unwrap();
        cache.put(1, Ok(7), at(0));
        cache.put(2, Err(()), at(0));
        assert_eq!(cache.get(&1, at(10)), Some(Cached::Fresh(Ok(7))));
        assert_eq!(cache.get(&1, at(11)), Some(Cached::Stale(7)));
        assert_eq!(cache.get(&2, at(2)), Some(Cached::Fresh(Err(()))));
        assert_eq!(cache.get(&2, at(3)), None);
        assert_eq!(cache.get(&1, at(21)), None);
    }
}
