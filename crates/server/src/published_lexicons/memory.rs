//! What is remembered between look-ups, in memory of bounded size.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_lexicon::Lexicons;
use cairn_model::Nsid;
use jiff::Timestamp;
use lru::LruCache;

use super::error::PublishedLexiconError;
use super::lexicon::ResolvedLexicon;

/// Encoded bytes of all lexicons in a cache. In memory they take some eight times as much.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Failures are small.
const MAX_FAILURES: NonZeroUsize = NonZeroUsize::new(8_192).expect("not zero");
/// How long a failure stands before the network is asked again. Short: whoever publishes a lexicon tries it at once.
pub(super) const RETRY: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Held {
    pub(super) lexicon: Arc<ResolvedLexicon>,
    pub(super) verified_at: Timestamp,
}

/// The lexicons that a collection's records are validated against.
#[derive(Clone)]
pub(super) struct RecordLexicons {
    pub(super) lexicons: Arc<Lexicons>,
    /// Whether every reference was found.
    pub(super) whole: bool,
    pub(super) gathered_at: Timestamp,
    pub(super) size_bytes: usize,
}

pub(super) struct Memory {
    lexicons: Mutex<Weighed<Held>>,
    records: Mutex<Weighed<RecordLexicons>>,
    failures: Mutex<LruCache<Nsid, (Timestamp, PublishedLexiconError)>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            lexicons: Mutex::new(Weighed::new()),
            records: Mutex::new(Weighed::new()),
            failures: Mutex::new(LruCache::new(MAX_FAILURES)),
        }
    }

    pub(super) fn lexicon(&self, nsid: &Nsid) -> Option<Held> {
        lock(&self.lexicons).get(nsid)
    }

    /// Holds a lexicon that was found.
    pub(super) fn hold(&self, nsid: &Nsid, held: Held) {
        let (cid, bytes) = (held.lexicon.cid, held.lexicon.size_bytes);
        let mut lexicons = lock(&self.lexicons);
        let is_news = lexicons.get(nsid).is_some_and(|before| before.lexicon.cid != cid);
        lexicons.put(nsid, held, bytes);
        drop(lexicons);
        if is_news {
            self.drop_records();
        }
    }

    /// Lets go of a lexicon.
    pub(super) fn drop_lexicon(&self, nsid: &Nsid) {
        lock(&self.lexicons).pop(nsid);
        self.drop_records();
    }

    /// Which sets a lexicon is a part of is not kept: they are made anew in milliseconds, and lexicons change rarely.
    fn drop_records(&self) {
        *lock(&self.records) = Weighed::new();
    }

    pub(super) fn record(&self, collection: &Nsid) -> Option<RecordLexicons> {
        lock(&self.records).get(collection)
    }

    pub(super) fn hold_record(&self, collection: &Nsid, set: RecordLexicons) {
        let bytes = set.size_bytes;
        lock(&self.records).put(collection, set, bytes);
    }

    /// The failure of the last look-up, while it stands.
    pub(super) fn failure(&self, nsid: &Nsid, now: Timestamp) -> Option<PublishedLexiconError> {
        let mut failures = lock(&self.failures);
        let (at, err) = failures.get(nsid)?;
        if age(*at, now) <= RETRY {
            return Some(err.clone());
        }
        failures.pop(nsid);
        None
    }

    /// What had failed before has not.
    pub(super) fn succeed(&self, nsid: &Nsid) {
        lock(&self.failures).pop(nsid);
    }

    pub(super) fn fail(&self, nsid: &Nsid, err: PublishedLexiconError, now: Timestamp) {
        lock(&self.failures).put(nsid.clone(), (now, err));
    }
}

/// An instant from the future, after the clock was set back, counts as too old.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries with a weight each; those used longest ago go when all together weigh too much.
struct Weighed<T> {
    entries: LruCache<Nsid, (T, usize)>,
    bytes: usize,
}

impl<T: Clone> Weighed<T> {
    fn new() -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0 }
    }

    fn get(&mut self, nsid: &Nsid) -> Option<T> {
        self.entries.get(nsid).map(|(entry, _)| entry.clone())
    }

    fn put(&mut self, nsid: &Nsid, entry: T, bytes: usize) {
        // What an entry costs beside its content.
        let bytes = bytes.saturating_add(512);
        self.pop(nsid);
        self.entries.put(nsid.clone(), (entry, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        while self.bytes > MAX_BYTES {
            let Some((_, (_, bytes))) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    fn pop(&mut self, nsid: &Nsid) {
        if let Some((_, bytes)) = self.entries.pop(nsid) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_go_when_there_is_too_much() {
        let nsid = |n: usize| Nsid::parse(&format!("com.example.n{n}")).unwrap();
        let mut weighed = Weighed::new();
        for n in 0..8 {
            weighed.put(&nsid(n), n, MAX_BYTES / 8 - 512);
        }
        assert_eq!(weighed.get(&nsid(0)), Some(0));
        weighed.put(&nsid(8), 8, 0);
        assert_eq!((weighed.get(&nsid(0)), weighed.get(&nsid(1))), (Some(0), None));
        weighed.put(&nsid(8), 9, 0);
        assert_eq!(weighed.get(&nsid(8)), Some(9));
        assert_eq!(weighed.bytes, MAX_BYTES / 8 * 7 + 512);
    }

    #[test]
    fn failures_stand_for_a_minute() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let nsid = Nsid::parse("com.example.thing").unwrap();
        let memory = Memory::new();
        memory.fail(&nsid, PublishedLexiconError::Timeout, at(0));
        assert!(memory.failure(&nsid, at(60)).is_some());
        assert!(memory.failure(&nsid, at(61)).is_none());
    }
}
