//! Reading the event log: live and replayed.

use std::sync::Arc;

use tokio::sync::watch;

use crate::db::Readers;
use crate::error::StoreError;
use crate::events::pages::{Pages, Share};
use crate::events::ring::{Event, EventCounts, EventRing, Fresh};
use crate::events::table;

/// Events in one batch of a subscription.
const BATCH_EVENTS: usize = 1024;

/// Bytes of frames in one look back.
const LOOK_BYTES: usize = 4 << 20;

/// The event log of a store.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) ring: Arc<EventRing>,
    pub(crate) pager: Readers,
    pub(crate) pages: Pages,
}

impl EventLog {
    /// The newest sequence number, zero when there has never been an event. A cursor beyond it is
    /// in the future.
    pub fn head_seq(&self) -> u64 {
        self.ring.head_seq()
    }

    /// The oldest sequence number that is kept, zero when there is none. A cursor below it is
    /// outdated when events have been removed.
    pub fn oldest_seq(&self) -> u64 {
        self.ring.oldest_seq()
    }

    /// How many events there were since the store was opened.
    pub fn counts(&self) -> EventCounts {
        self.ring.counts()
    }

    /// A cursor from which the last `n` events follow, or all of them when there are fewer.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn cursor_before_last(&self, n: u32) -> Result<u64, StoreError> {
        self.pager.read_one(move |tx| table::cursor_before_last(tx, n)).await
    }

    /// The events before a sequence number, or the newest of all, the newest first: `max_events` at most, and fewer where
    /// they are large.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn before(
        &self,
        seq: Option<u64>,
        max_events: usize,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let hidden = self.ring.hidden();
        let seq = seq.unwrap_or(u64::MAX);
        self.pager.read_one(move |tx| table::before(tx, seq, max_events, LOOK_BYTES, &hidden)).await
    }

    /// Follows the log from after `cursor`; from the present on when it is `None`.
    pub fn subscribe(&self, cursor: Option<u64>) -> Subscription {
        let head = self.ring.watch();
        let cursor = cursor.unwrap_or_else(|| *head.borrow());
        Subscription { log: self.clone(), head, cursor, share: None }
    }
}

/// A place in the event log that moves forward.
pub struct Subscription {
    log: EventLog,
    head: watch::Receiver<u64>,
    cursor: u64,
    /// While it replays.
    share: Option<Share>,
}

impl Subscription {
    /// The next events in order, at least one; waits until there is one. Can be dropped and called
    /// again.
    ///
    /// # Errors
    /// When the log cannot be read or the store has closed.
    pub async fn next_batch(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        loop {
            self.head.borrow_and_update();
            let events = match self.log.ring.after(self.cursor, BATCH_EVENTS) {
                Fresh::Events(events) if events.is_empty() => {
                    if self.log.ring.is_closed() {
                        return Err(StoreError::Closed);
                    }
                    self.share = None;
                    self.head.changed().await.map_err(|_| StoreError::Closed)?;
                    continue;
                }
                Fresh::Events(events) => {
                    self.share = None;
                    events
                }
                Fresh::Behind => self.replay().await?,
            };
            if let Some(last) = events.last() {
                self.cursor = last.seq;
                return Ok(events);
            }
        }
    }

    /// The place reached: everything up to here has been returned.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How far this subscription is behind the newest event, in sequence numbers (microseconds).
    pub fn lag(&self) -> u64 {
        self.log.head_seq().saturating_sub(self.cursor)
    }

    /// Whether events after the place reached were removed for their age before they were returned.
    pub fn has_missed_events(&self) -> bool {
        self.cursor < self.log.ring.removed_seq()
    }

    async fn replay(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        let cursor = self.cursor;
        let head = self.log.head_seq();
        let hidden = self.log.ring.hidden();
        let share = self.share.get_or_insert_with(|| self.log.pages.share());
        let page_bytes = share.page_bytes();
        let page = self
            .log
            .pager
            .read_one(move |tx| table::page(tx, cursor, BATCH_EVENTS, page_bytes, &hidden))
            .await?;
        // Everything up to `head` was durable before the page was read. Rows that are gone are no
        // reason to look again.
        self.cursor = if page.reached == cursor { head.max(cursor) } else { page.reached };
        Ok(page.events)
    }
}
