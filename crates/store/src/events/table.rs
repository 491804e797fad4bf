//! The rows of the event log.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::events::Event;
use crate::ids::AccountId;

/// The newest and the oldest sequence number; zeros when there is no event.
pub(crate) fn bounds(conn: &Connection) -> Result<(u64, u64), StoreError> {
    let newest =
        conn.query_row("SELECT max(seq) FROM event", [], |row| row.get::<_, Option<i64>>(0))?;
    let oldest =
        conn.query_row("SELECT min(seq) FROM event", [], |row| row.get::<_, Option<i64>>(0))?;
    Ok((seq_of(newest.unwrap_or(0))?, seq_of(oldest.unwrap_or(0))?))
}

/// A cursor from which the last `n` events follow; zero when there are not more.
pub(crate) fn cursor_before_last(conn: &Connection, n: u32) -> Result<u64, StoreError> {
    let seq = conn
        .prepare_cached("SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?1")?
        .query_row([n], |row| row.get(0))
        .optional()?;
    seq_of(seq.unwrap_or(0))
}

/// A page of a replay.
pub(crate) struct Page {
    pub(crate) events: Vec<Arc<Event>>,
    /// Everything up to here has been looked at.
    pub(crate) reached: u64,
}

/// Events after `cursor`, as far as a page goes. Frames are not decoded; a page's frames share one
/// buffer.
pub(crate) fn page(
    conn: &Connection,
    cursor: u64,
    max_events: usize,
    page_bytes: usize,
    hidden: &HashMap<AccountId, u64>,
) -> Result<Page, StoreError> {
    let from = i64::try_from(cursor).unwrap_or(i64::MAX);
    let mut statement =
        conn.prepare_cached("SELECT seq, account, frame FROM event WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = statement.query([from])?;
    let mut buffer = BytesMut::with_capacity(page_bytes + page_bytes / 4);
    let mut ends: Vec<(u64, usize)> = Vec::new();
    let mut reached = cursor;
    while ends.len() < max_events && buffer.len() < page_bytes {
        let Some(row) = rows.next()? else { break };
        let seq = seq_of(row.get(0)?)?;
        reached = seq;
        let account = AccountId::new(row.get(1)?);
        if hidden.get(&account).is_some_and(|until| seq <= *until) {
            continue;
        }
        let frame =
            row.get_ref(2)?.as_blob().map_err(|_| StoreError::Damaged { what: "event frame" })?;
        buffer.extend_from_slice(frame);
        ends.push((seq, buffer.len()));
    }
    let buffer = buffer.freeze();
    let mut start = 0;
    let mut events = Vec::with_capacity(ends.len());
    for (seq, end) in ends {
        events.push(Arc::new(Event { seq, frame: buffer.slice(start..end) }));
        start = end;
    }
    Ok(Page { events, reached })
}

/// The events before `seq`, the newest first, as far as a page goes.
pub(crate) fn before(
    conn: &Connection,
    seq: u64,
    max_events: usize,
    page_bytes: usize,
    hidden: &HashMap<AccountId, u64>,
) -> Result<Vec<Arc<Event>>, StoreError> {
    let until = i64::try_from(seq).unwrap_or(i64::MAX);
    let mut statement = conn
        .prepare_cached("SELECT seq, account, frame FROM event WHERE seq < ?1 ORDER BY seq DESC")?;
    let mut rows = statement.query([until])?;
    let (mut events, mut bytes) = (Vec::new(), 0_usize);
    while events.len() < max_events && bytes < page_bytes {
        let Some(row) = rows.next()? else { break };
        let seq = seq_of(row.get(0)?)?;
        let account = AccountId::new(row.get(1)?);
        if hidden.get(&account).is_some_and(|until| seq <= *until) {
            continue;
        }
        let frame: Vec<u8> = row.get(2)?;
        bytes = bytes.saturating_add(frame.len());
        events.push(Arc::new(Event { seq, frame: frame.into() }));
    }
    Ok(events)
}

/// The accounts whose events await removal.
pub(crate) fn purges(conn: &Connection) -> Result<HashMap<AccountId, u64>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT account, seq FROM event_purge")?;
    let mut rows = statement.query([])?;
    let mut purges = HashMap::new();
    while let Some(row) = rows.next()? {
        purges.insert(AccountId::new(row.get(0)?), seq_of(row.get(1)?)?);
    }
    Ok(purges)
}

/// What a step of pruning did.
#[derive(Clone, Copy)]
pub(crate) struct Pruned {
    /// The last event that was removed; none when there was nothing to remove.
    pub(crate) until: Option<u64>,
    /// The oldest event that is left, zero when there is none.
    pub(crate) oldest: u64,
}

/// The last event that was removed for its age, zero when there is none.
pub(crate) fn removed(conn: &Connection) -> Result<u64, StoreError> {
    let seq = conn
        .query_row("SELECT max(seq) FROM event_removed", [], |row| row.get::<_, Option<i64>>(0))?;
    seq_of(seq.unwrap_or(0))
}

/// Removes events older than `before` (microseconds since 1970), at most `limit` of them. The
/// newest event always stays.
pub(crate) fn prune(conn: &Connection, before: i64, limit: u32) -> Result<Pruned, StoreError> {
    let until: Option<i64> = conn
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq, at FROM event ORDER BY seq LIMIT ?2)
             WHERE at < ?1 AND seq < (SELECT max(seq) FROM event)",
        )?
        .query_row((before, limit), |row| row.get(0))?;
    if let Some(until) = until {
        conn.prepare_cached("DELETE FROM event WHERE seq <= ?1")?.execute([until])?;
        conn.prepare_cached("INSERT OR REPLACE INTO event_removed (one, seq) VALUES (1, ?1)")?
            .execute([until])?;
    }
    let (_, oldest) = bounds(conn)?;
    Ok(Pruned { until: until.map(seq_of).transpose()?, oldest })
}

fn seq_of(row: i64) -> Result<u64, StoreError> {
    u64::try_from(row).map_err(|_| StoreError::Damaged { what: "sequence number" })
}

/// Rows that one step of a purge looks at.
const PURGE_ROWS: u32 = 5_000;

/// A pass through the log that removes the events of deleted accounts, all at once: it has no index
/// by account, which would cost each write a page, and a purge is rare.
#[derive(Clone)]
pub(crate) struct Purge {
    accounts: Arc<HashMap<AccountId, u64>>,
    until: u64,
    cursor: u64,
}

impl Purge {
    /// A pass for these accounts, each up to a sequence number; none when there are none.
    pub(crate) fn of(accounts: HashMap<AccountId, u64>) -> Option<Purge> {
        let until = *accounts.values().max()?;
        Some(Purge { accounts: Arc::new(accounts), until, cursor: 0 })
    }

    /// The rest, once everything up to `reached` has been looked at.
    pub(crate) fn after(self, reached: u64) -> Purge {
        Purge { cursor: reached, ..self }
    }

    pub(crate) fn accounts(&self) -> &HashMap<AccountId, u64> {
        &self.accounts
    }
}

/// A step of a pass. Returns how far it looked; none when the pass is done.
pub(crate) fn purge(conn: &Connection, purge: &Purge) -> Result<Option<u64>, StoreError> {
    let row = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let (cursor, until) = (row(purge.cursor), row(purge.until));
    let reached: Option<i64> = conn
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
        )?
        .query_row((cursor, until, PURGE_ROWS), |row| row.get(0))?;
    let Some(reached) = reached else {
        let mut done =
            conn.prepare_cached("DELETE FROM event_purge WHERE account = ?1 AND seq = ?2")?;
        for (account, until) in purge.accounts() {
            done.execute((account.get(), row(*until)))?;
        }
        return Ok(None);
    };
    // `event_purge` holds these accounts, and perhaps others since, whose turn it is next.
    conn.prepare_cached(
        "DELETE FROM event WHERE seq > ?1 AND seq <= ?2 AND seq <=
           (SELECT seq FROM event_purge WHERE event_purge.account = event.account)",
    )?
    .execute((cursor, reached))?;
    Ok(Some(seq_of(reached)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, StoreConfig};

    /// One pass, in steps, whatever the number of accounts; what came after their end stays.
    #[tokio::test]
    async fn the_events_of_all_deleted_accounts_go_in_one_pass() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::new(dir.path())).unwrap();
        let accounts: HashMap<_, _> = (1..=40).map(|id| (AccountId::new(id), 5_100)).collect();
        let mut pass = Purge::of(accounts.clone()).unwrap();
        let (left, steps) = store
            .write_tx(move |tx| {
                let mut event = tx.prepare(
                    "INSERT INTO event (seq, account, kind, at, frame) VALUES (?1, ?2, 0, 0, x'')",
                )?;
                for seq in 1..=5_200 {
                    event.execute((seq, seq % 50))?;
                }
                for (account, until) in &accounts {
                    let row = (account.get(), i64::try_from(*until).unwrap());
                    tx.execute("INSERT INTO event_purge (account, seq) VALUES (?1, ?2)", row)?;
                }
                let mut steps = 0;
                while let Some(reached) = purge(tx, &pass)? {
                    pass = pass.clone().after(reached);
                    steps += 1;
                }
                let count = |what: &str| -> Result<i64, StoreError> {
                    let sql = format!("SELECT count(*) FROM {what}");
                    Ok(tx.query_row(&sql, [], |row| row.get(0))?)
                };
                let gone = "event WHERE seq <= 5100 AND account BETWEEN 1 AND 40";
                Ok::<_, StoreError>(((count(gone)?, count("event")?, count("event_purge")?), steps))
            })
            .await
            .unwrap();
        assert_eq!(left, (0, 100 + 5_100 / 5, 0));
        assert_eq!(steps, 2);
        store.close().await;
    }
}
