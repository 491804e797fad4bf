//! Recent events in memory, and the signal that there are new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::watch;

use crate::events::EventKind;
use crate::ids::AccountId;

/// One event of the firehose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the stream: microseconds since 1970 when the clock is sane, strictly increasing
    /// always.
    pub seq: u64,
    /// The bytes that go on the socket, shared among all subscribers.
    pub frame: Bytes,
}

/// An event of a batch that is not yet durable.
pub(crate) struct Emitted {
    pub(crate) seq: u64,
    pub(crate) account: AccountId,
    pub(crate) kind: EventKind,
    pub(crate) frame: Bytes,
}

/// How many events have gone out since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Of all kinds.
    pub events: u64,
    pub commits: u64,
}

/// The newest events, bounded by count and by bytes.
pub(crate) struct EventRing {
    recent: RwLock<Recent>,
    head: watch::Sender<u64>,
    oldest: AtomicU64,
    removed: AtomicU64,
    published: AtomicU64,
    commits: AtomicU64,
    hidden: RwLock<HashMap<AccountId, u64>>,
    closed: AtomicBool,
    max_events: usize,
    max_bytes: usize,
}

struct Recent {
    events: VecDeque<(AccountId, Arc<Event>)>,
    bytes: usize,
    /// All events after this one are in `events`.
    complete_after: u64,
}

impl Recent {
    fn drop_front(&mut self) {
        if let Some((_, event)) = self.events.pop_front() {
            self.bytes -= event.frame.len();
            self.complete_after = event.seq;
        }
    }
}

/// What the ring can tell a subscriber.
pub(crate) enum Fresh {
    /// Events after the cursor, in order; empty when there are none.
    Events(Vec<Arc<Event>>),
    /// The cursor is older than the ring.
    Behind,
}

impl EventRing {
    /// `head` and `oldest` are from the table; zero when it is empty. `hidden` are events that
    /// await removal.
    pub(crate) fn new(
        head: u64,
        oldest: u64,
        hidden: HashMap<AccountId, u64>,
        max_events: usize,
        max_bytes: usize,
    ) -> EventRing {
        EventRing {
            recent: RwLock::new(Recent { events: VecDeque::new(), bytes: 0, complete_after: head }),
            head: watch::Sender::new(head),
            oldest: AtomicU64::new(oldest),
            removed: AtomicU64::new(0),
            published: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            hidden: RwLock::new(hidden),
            closed: AtomicBool::new(false),
            max_events: max_events.max(1),
            max_bytes,
        }
    }

    /// Makes events of a durable batch visible.
    pub(crate) fn publish(&self, emitted: Vec<Emitted>) {
        let Some(last) = emitted.last().map(|event| event.seq) else { return };
        if let Some(first) = emitted.first() {
            // Only the first event of an empty log finds a zero here.
            let _ =
                self.oldest.compare_exchange(0, first.seq, Ordering::Relaxed, Ordering::Relaxed);
        }
        let (mut events, mut commits) = (0, 0);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        for Emitted { seq, account, kind, frame } in emitted {
            events += 1;
            commits += u64::from(kind == EventKind::Commit);
            recent.bytes += frame.len();
            recent.events.push_back((account, Arc::new(Event { seq, frame })));
        }
        while recent.events.len() > self.max_events
            || (recent.bytes > self.max_bytes && recent.events.len() > 1)
        {
            recent.drop_front();
        }
        drop(recent);
        self.published.fetch_add(events, Ordering::Relaxed);
        self.commits.fetch_add(commits, Ordering::Relaxed);
        self.head.send_replace(last);
    }

    /// What was made visible since the ring was made.
    pub(crate) fn counts(&self) -> EventCounts {
        EventCounts {
            events: self.published.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
        }
    }

    /// The events after `cursor`, at most `limit`.
    pub(crate) fn after(&self, cursor: u64, limit: usize) -> Fresh {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        if cursor < recent.complete_after {
            return Fresh::Behind;
        }
        let start = recent.events.partition_point(|(_, event)| event.seq <= cursor);
        Fresh::Events(
            recent.events.range(start..).take(limit).map(|(_, event)| Arc::clone(event)).collect(),
        )
    }

    /// The newest sequence number, zero when there has never been an event.
    pub(crate) fn head_seq(&self) -> u64 {
        *self.head.borrow()
    }

    /// Ends all subscriptions.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.head.send_modify(|_| ());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Wakes when there are new events.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// The oldest sequence number that is kept, zero when there is none.
    pub(crate) fn oldest_seq(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    /// The last event that was removed for its age, zero when there is none.
    pub(crate) fn removed_seq(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// Forgets events up to `removed`, which are gone from the table; the oldest left is `seq`.
    pub(crate) fn forget(&self, removed: u64, seq: u64) {
        self.removed.store(removed, Ordering::Relaxed);
        self.oldest.store(seq, Ordering::Relaxed);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        while recent.events.front().is_some_and(|(_, event)| event.seq < seq) {
            recent.drop_front();
        }
    }

    /// Hides the events of an account up to `seq`: it is deleted, its rows go in the background.
    pub(crate) fn hide(&self, account: AccountId, seq: u64) {
        self.hidden.write().unwrap_or_else(PoisonError::into_inner).insert(account, seq);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.events.retain(|(of, event)| *of != account || event.seq > seq);
        recent.bytes = recent.events.iter().map(|(_, event)| event.frame.len()).sum();
    }

    /// The rows of hidden accounts up to these sequence numbers are gone.
    pub(crate) fn unhide(&self, gone: &HashMap<AccountId, u64>) {
        let mut hidden = self.hidden.write().unwrap_or_else(PoisonError::into_inner);
        hidden.retain(|account, until| gone.get(account) != Some(until));
    }

    /// The accounts whose events await removal, with the last sequence number that goes.
    pub(crate) fn hidden(&self) -> HashMap<AccountId, u64> {
        self.hidden.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
