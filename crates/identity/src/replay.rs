//! Remembers which one-time tokens were used, until they expire by themselves: service tokens, DPoP proofs, client
//! assertions.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

type Key = [u8; 32];

/// A bounded memory of used tokens. When it is full, the tokens that expire soonest are forgotten: they are worth
/// least to whoever would replay them.
#[derive(Debug)]
pub struct ReplayMemory {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    keys: HashSet<Key>,
    by_expiry: BTreeSet<(i64, Key)>,
}

impl ReplayMemory {
    /// A memory of at most this many uses, about 150 bytes each when it is full.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), used: Mutex::default() }
    }

    /// Notes a use. `false` when the token was used before. The key is a SHA-256 of what makes the token unique; the
    /// times are Unix times in seconds, and from `expires_at` on a use is forgotten.
    pub fn first_use(&self, key: Key, expires_at: i64, now: i64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget_expired(now);
        if !used.keys.insert(key) {
            return false;
        }
        used.by_expiry.insert((expires_at, key));
        while used.keys.len() > self.capacity {
            used.forget_first();
        }
        true
    }

    /// Takes a use back: the token may be used once more.
    pub fn forget(&self, one: Use) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.by_expiry.remove(&(one.expires_at, one.key));
        used.keys.remove(&one.key);
    }
}

/// One use, to be taken back with [`ReplayMemory::forget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub(crate) key: Key,
    pub(crate) expires_at: i64,
}

impl Used {
    fn forget_expired(&mut self, now: i64) {
        while self.by_expiry.first().is_some_and(|(expires_at, _)| *expires_at <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.by_expiry.pop_first() {
            self.keys.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_once_until_it_expires() {
        let memory = ReplayMemory::new(10);
        assert!(memory.first_use([1; 32], 100, 0));
        assert!(!memory.first_use([1; 32], 100, 99));
        assert!(memory.first_use([1; 32], 200, 100));
    }

    #[test]
    fn a_use_can_be_taken_back() {
        let memory = ReplayMemory::new(10);
        let one = Use { key: [1; 32], expires_at: 100 };
        assert!(memory.first_use(one.key, one.expires_at, 0));
        memory.forget(one);
        assert!(memory.first_use(one.key, one.expires_at, 1));
        assert!(!memory.first_use(one.key, one.expires_at, 2));
    }

    #[test]
    fn a_full_memory_forgets_what_expires_first() {
        let memory = ReplayMemory::new(2);
        assert!(memory.first_use([1; 32], 100, 0));
        assert!(memory.first_use([2; 32], 50, 0));
        assert!(memory.first_use([3; 32], 70, 0));
        assert!(!memory.first_use([1; 32], 100, 0));
        assert!(!memory.first_use([3; 32], 70, 0));
        assert!(memory.first_use([2; 32], 50, 0));
    }
}
