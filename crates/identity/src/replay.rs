//! Remembers which one-time tokens were used, until they expire by themselves: service tokens, DPoP proofs, client
//! assertions.

use std::collections::{BTreeMap, HashMap, VecDeque};
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
    /// What was used, and until when that counts.
    keys: HashMap<Key, Noted>,
    /// The same by end.
    ends: BTreeMap<i64, VecDeque<Key>>,
    /// Keys in `ends`.
    noted: usize,
}

#[derive(Debug)]
struct Noted {
    expires_at: i64,
    /// It keeps its place until it expires.
    taken_back: bool,
}

impl ReplayMemory {
    /// A memory of at most this many uses, about 100 bytes each when it is full.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), used: Mutex::default() }
    }

    /// Notes a use. `false` when the token was used before. The key is a SHA-256 of what makes the token unique; the
    /// times are Unix times in seconds, and from `expires_at` on a use is forgotten.
    pub fn first_use(&self, key: Key, expires_at: i64, now: i64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget_expired(now);
        if let Some(known) = used.keys.get_mut(&key) {
            if !known.taken_back {
                return false;
            }
            known.taken_back = false;
            if known.expires_at == expires_at {
                return true;
            }
        }
        used.keys.insert(key, Noted { expires_at, taken_back: false });
        used.ends.entry(expires_at).or_default().push_back(key);
        used.noted += 1;
        while used.noted > self.capacity {
            used.forget_first();
        }
        true
    }

    /// Takes a use back: the token may be used once more.
    pub fn forget(&self, one: Use) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = used.keys.get_mut(&one.key)
            && known.expires_at == one.expires_at
        {
            known.taken_back = true;
        }
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
        while self.ends.first_key_value().is_some_and(|(expires_at, _)| *expires_at <= now) {
            self.forget_first();
        }
    }

    /// Forgets the oldest of those that end first.
    fn forget_first(&mut self) {
        let Some(mut first) = self.ends.first_entry() else { return };
        let expires_at = *first.key();
        let key = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        let Some(key) = key else { return };
        self.noted -= 1;
        // It may have been used again with another end.
        if self.keys.get(&key).is_some_and(|known| known.expires_at == expires_at) {
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
    fn a_use_that_was_taken_back_ends_nothing_else() {
        let memory = ReplayMemory::new(10);
        let one = Use { key: [1; 32], expires_at: 100 };
        assert!(memory.first_use(one.key, one.expires_at, 0));
        memory.forget(one);
        assert!(memory.first_use(one.key, 200, 1));
        memory.forget(one);
        assert!(!memory.first_use(one.key, 200, 150));
        assert!(memory.first_use(one.key, 300, 200));
    }

    #[test]
    fn uses_that_are_taken_back_again_and_again_take_bounded_room() {
        let memory = ReplayMemory::new(3);
        for _ in 0..100 {
            let one = Use { key: [1; 32], expires_at: 100 };
            assert!(memory.first_use(one.key, one.expires_at, 0));
            memory.forget(one);
        }
        let used = memory.used.lock().unwrap();
        let noted: usize = used.ends.values().map(VecDeque::len).sum();
        assert_eq!((noted, used.noted, used.keys.len()), (1, 1, 1));
    }

    #[test]
    fn of_those_that_expire_together_the_oldest_is_forgotten() {
        let memory = ReplayMemory::new(2);
        for key in [1, 2, 3] {
            assert!(memory.first_use([key; 32], 100, 0));
        }
        assert!(!memory.first_use([3; 32], 100, 0));
        assert!(!memory.first_use([2; 32], 100, 0));
        assert!(memory.first_use([1; 32], 100, 0));
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
