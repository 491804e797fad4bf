//! Counting in windows, in memory of bounded size.
//!
//! A window opens with a key's first charge and closes after its time; so does the reference count. Keys are kept as 64-bit hashes under a key of
//! this process, so that an entry has a fixed size whatever the client sends.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bucket::{Bucket, Window};
use super::report::Standing;

const SHARDS: usize = 16;
/// Entries per shard; with 16 shards about 8 MiB at the very most.
const SHARD_ENTRIES: usize = 16_384;

#[derive(Clone, Copy)]
struct Count {
    closes_at: i64,
    used: u32,
    limit: u32,
}

impl Count {
    /// How much of the window is used, in thousandths.
    fn fullness(&self) -> u64 {
        u64::from(self.used) * 1_000 / u64::from(self.limit.max(1))
    }
}

pub(crate) struct Windows {
    shards: [Mutex<HashMap<u64, Count>>; SHARDS],
    hasher: RandomState,
}

/// A charge that found no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted(pub Standing);

impl Windows {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    /// Spends points of one window. A charge that finds no room spends what is left.
    pub(crate) fn charge(
        &self,
        bucket: Bucket,
        window: Window,
        key: &str,
        points: u32,
        now: i64,
    ) -> Result<Standing, Exhausted> {
        let id = self.hasher.hash_one(Key { bucket, seconds: window.seconds, key });
        let mut shard = self.shard(id);
        if shard.len() >= SHARD_ENTRIES && !shard.contains_key(&id) {
            make_room(&mut shard, now);
        }
        let closes_at = now.saturating_add(i64::from(window.seconds));
        let opened = Count { closes_at, used: 0, limit: window.points };
        let count = shard.entry(id).or_insert(opened);
        if count.closes_at <= now {
            *count = opened;
        }
        let used = count.used.saturating_add(points);
        count.used = used.min(window.points);
        let standing = Standing {
            limit: window.points,
            remaining: window.points - count.used,
            resets_at: count.closes_at,
            window_seconds: window.seconds,
        };
        if used > window.points { Err(Exhausted(standing)) } else { Ok(standing) }
    }

    fn shard(&self, id: u64) -> MutexGuard<'_, HashMap<u64, Count>> {
        let n = usize::try_from(id % 16).unwrap_or(0);
        self.shards[n].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what has closed. If everything is open, something has to go, for a flood of keys must not stop the counting of new
/// ones: the windows with most room left, so that nobody who is at a limit gets rid of it by flooding.
fn make_room(shard: &mut HashMap<u64, Count>, now: i64) {
    shard.retain(|_, count| count.closes_at > now);
    if shard.len() < SHARD_ENTRIES {
        return;
    }
    const DROPPED: usize = SHARD_ENTRIES / 16;
    let mut counts: Vec<(u64, u64)> =
        shard.iter().map(|(id, count)| (count.fullness(), *id)).collect();
    counts.select_nth_unstable(DROPPED);
    for (_, id) in counts.into_iter().take(DROPPED) {
        shard.remove(&id);
    }
}

#[derive(Hash)]
struct Key<'a> {
    bucket: Bucket,
    seconds: u32,
    key: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { points: 5, seconds: 60 };

    #[test]
    fn a_window_opens_with_the_first_charge_and_closes_after_its_time() {
        let windows = Windows::new();
        let charge = |key, points, now| windows.charge(Bucket::RepoWrite, WINDOW, key, points, now);
        let standing = charge("a", 3, 100).unwrap();
        assert_eq!((standing.remaining, standing.resets_at), (2, 160));
        assert_eq!(charge("a", 2, 159).unwrap().remaining, 0);
        assert!(charge("a", 1, 159).is_err());
        assert_eq!(charge("b", 1, 159).unwrap().remaining, 4);
        assert_eq!(charge("a", 1, 160).unwrap().remaining, 4);
    }

    #[test]
    fn a_flood_of_keys_stays_within_bounds() {
        let windows = Windows::new();
        for n in 0..(SHARDS * SHARD_ENTRIES * 2) {
            windows.charge(Bucket::Global, WINDOW, &n.to_string(), 1, 0).unwrap();
        }
        let entries: usize = windows.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(entries <= SHARDS * SHARD_ENTRIES);
    }

    #[test]
    fn a_flood_of_keys_does_not_lift_a_limit_that_is_reached() {
        let windows = Windows::new();
        let charge = |key: &str, points| windows.charge(Bucket::Global, WINDOW, key, points, 0);
        charge("guesser", 5).unwrap();
        for n in 0..(SHARDS * SHARD_ENTRIES * 2) {
            charge(&n.to_string(), 1).unwrap();
        }
        assert!(charge("guesser", 1).is_err());
    }
}
