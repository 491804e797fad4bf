//! Who follows the firehose: bounded in total and per client, and known to the operator.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::config::FirehoseConfig;
use crate::limits::{AddressSeat, AddressSeats};

/// What a client says of itself is cut.
const MAX_USER_AGENT_CHARS: usize = 120;

/// The open sockets.
#[derive(Debug)]
pub struct Subscribers {
    stopping: CancellationToken,
    present: Arc<Mutex<BTreeMap<u64, Arc<Presence>>>>,
    next_id: AtomicU64,
    max: usize,
    by_address: Arc<AddressSeats>,
}

/// A subscriber, as the operator sees it.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Not given twice while the server runs.
    pub id: u64,
    pub address: IpAddr,
    pub user_agent: String,
    pub since: Timestamp,
    /// The cursor that it came with.
    pub asked: Option<u64>,
    cursor: AtomicU64,
    sent: AtomicU64,
    ended: CancellationToken,
}

/// Who wants to follow.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer {
    pub address: IpAddr,
    pub user_agent: String,
    pub at: Timestamp,
    pub cursor: Option<u64>,
    /// Whether it may have all seats.
    pub is_free: bool,
}

/// A socket that is counted; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seat {
    present: Arc<Mutex<BTreeMap<u64, Arc<Presence>>>>,
    presence: Arc<Presence>,
    _own: Option<AddressSeat>,
}

/// Why there is no seat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken.
    Full,
    /// This client has as many as one may have.
    TooMany,
}

impl Subscribers {
    /// `stopping` ends all of them.
    pub(crate) fn new(config: &FirehoseConfig, stopping: &CancellationToken) -> Self {
        Self {
            stopping: stopping.clone(),
            present: Arc::default(),
            next_id: AtomicU64::new(1),
            max: config.max_subscribers,
            by_address: AddressSeats::new(config.max_per_address),
        }
    }

    /// Takes a seat, if there is one.
    pub(crate) fn enter(&self, who: Newcomer) -> Result<Seat, NoSeat> {
        let own = if who.is_free {
            None
        } else {
            Some(self.by_address.enter(who.address).ok_or(NoSeat::TooMany)?)
        };
        let mut present = locked(&self.present);
        if present.len() >= self.max {
            return Err(NoSeat::Full);
        }
        let presence = Arc::new(Presence {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            address: who.address,
            user_agent: plain(&who.user_agent),
            since: who.at,
            asked: who.cursor,
            cursor: AtomicU64::new(who.cursor.unwrap_or(0)),
            sent: AtomicU64::new(0),
            ended: self.stopping.child_token(),
        });
        present.insert(presence.id, Arc::clone(&presence));
        Ok(Seat { present: Arc::clone(&self.present), presence, _own: own })
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        locked(&self.present).len()
    }

    /// All of them, who came first first.
    pub(crate) fn present(&self) -> Vec<Arc<Presence>> {
        locked(&self.present).values().cloned().collect()
    }

    /// Closes one, if it is still there.
    pub(crate) fn hang_up(&self, id: u64) -> Option<Arc<Presence>> {
        let presence = locked(&self.present).get(&id).cloned()?;
        presence.ended.cancel();
        Some(presence)
    }
}

impl Presence {
    /// The last event that was sent; before the first, the one that the subscriber said it has.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Relaxed)
    }

    /// How many events were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// So many events were sent, up to this one.
    pub(crate) fn note(&self, events: usize, cursor: u64) {
        self.presence.sent.fetch_add(u64::try_from(events).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.presence.cursor.store(cursor, Ordering::Relaxed);
    }

    /// The present, for a subscriber that begins there.
    pub(crate) fn begin_at(&self, cursor: u64) {
        self.presence.cursor.store(cursor, Ordering::Relaxed);
    }

    /// Cancelled when the operator hangs up, or the server stops.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.presence.ended.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked(&self.present).remove(&self.presence.id);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plain(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(MAX_USER_AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomer(is_free: bool) -> Newcomer {
        Newcomer {
            address: IpAddr::from([192, 0, 2, 1]),
            user_agent: "relay\n/1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            cursor: Some(7),
            is_free,
        }
    }

    #[test]
    fn seats_are_limited_and_given_back() {
        let limits =
            FirehoseConfig { max_subscribers: 2, max_per_address: 1, ..FirehoseConfig::default() };
        let subscribers = Subscribers::new(&limits, &CancellationToken::new());
        let seat = subscribers.enter(newcomer(false)).unwrap();
        assert_eq!(subscribers.enter(newcomer(false)).unwrap_err(), NoSeat::TooMany);
        let other = subscribers.enter(newcomer(true)).unwrap();
        assert_eq!(subscribers.enter(newcomer(true)).unwrap_err(), NoSeat::Full);
        assert_eq!(subscribers.count(), 2);
        drop((seat, other));
        assert!(subscribers.enter(newcomer(false)).is_ok());
    }

    #[test]
    fn the_operator_sees_who_is_there_and_hangs_up() {
        let stopping = CancellationToken::new();
        let subscribers = Subscribers::new(&FirehoseConfig::default(), &stopping);
        let seat = subscribers.enter(newcomer(false)).unwrap();
        seat.note(3, 12);
        let present = subscribers.present();
        let it = present.first().unwrap();
        assert_eq!((it.user_agent.as_str(), it.cursor(), it.sent()), ("relay/1", 12, 3));
        assert!(!seat.ended().is_cancelled());
        assert!(subscribers.hang_up(it.id).is_some() && seat.ended().is_cancelled());
        drop(seat);
        assert!(subscribers.hang_up(it.id).is_none());
        let seat = subscribers.enter(newcomer(false)).unwrap();
        stopping.cancel();
        assert!(seat.ended().is_cancelled());
    }
}
