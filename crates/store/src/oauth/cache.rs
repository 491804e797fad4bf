//! The access tokens that were looked up last: each request of an OAuth client asks for one.
//!
//! A change drops the entry after its commit and before its caller is answered. A reader may hold a row from a snapshot
//! older than that: it may only add it if nothing was dropped since it began.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::{OAuthAccess, SecretHash};

/// About 0.5 KiB each, more with long scopes.
const ENTRIES: usize = 16_384;
/// A token with more scopes than this is read from the database each time, which bounds the memory.
const MAX_GRANTED_BYTES: usize = 4096;

/// What access tokens stand for, by their hashes.
#[derive(Clone)]
pub(crate) struct AccessCache {
    entries: Arc<Mutex<Entries>>,
}

struct Entries {
    tokens: LruCache<SecretHash, Arc<OAuthAccess>>,
    dropped: u64,
}

/// How many changes there had been when a reader began.
#[derive(Clone, Copy)]
pub(crate) struct AccessMark(u64);

impl AccessCache {
    pub(crate) fn new() -> Self {
        let entries = NonZeroUsize::new(ENTRIES).expect("the number of entries is not zero");
        let entries = Entries { tokens: LruCache::new(entries), dropped: 0 };
        Self { entries: Arc::new(Mutex::new(entries)) }
    }

    /// The entry if it is here, else the mark to hand to [`insert`](Self::insert).
    pub(super) fn get(&self, hash: &SecretHash) -> Result<Arc<OAuthAccess>, AccessMark> {
        let mut entries = self.lock();
        let dropped = entries.dropped;
        entries.tokens.get(hash).map(Arc::clone).ok_or(AccessMark(dropped))
    }

    /// Keeps an entry that was read after `mark` was taken.
    pub(super) fn insert(&self, hash: SecretHash, access: &Arc<OAuthAccess>, mark: AccessMark) {
        let mut entries = self.lock();
        if entries.dropped == mark.0 && access.granted.len() <= MAX_GRANTED_BYTES {
            entries.tokens.put(hash, Arc::clone(access));
        }
    }

    pub(super) fn drop_tokens(&self, hashes: &[SecretHash]) {
        let mut entries = self.lock();
        entries.dropped += 1;
        for hash in hashes {
            entries.tokens.pop(hash);
        }
    }

    /// The entries are valid between any two statements, so a panic elsewhere does no harm.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
