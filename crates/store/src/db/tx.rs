//! What a storage function sees of a transaction.

use std::ops::Deref;

use bytes::Bytes;
use cairn_repo::frame::Frame;
use jiff::Timestamp;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::events::{Emitted, EventKind};
use crate::ids::AccountId;

/// A snapshot: everything read through it is of one moment. Dereferences to the connection.
pub(crate) struct ReadTx<'c> {
    conn: &'c Connection,
}

impl<'c> ReadTx<'c> {
    pub(crate) fn new(conn: &'c Connection) -> ReadTx<'c> {
        ReadTx { conn }
    }
}

impl Deref for ReadTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}

/// What runs when a batch is durable, before its callers are answered.
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

/// The writer's transaction, shared by all jobs of a batch. Dereferences to the connection.
pub(crate) struct WriteTx<'c> {
    conn: &'c Connection,
    now: Timestamp,
    last_seq: u64,
    emitted: Vec<Emitted>,
    hidden: Vec<(AccountId, u64)>,
    after_commit: Vec<AfterCommit>,
}

/// What becomes visible when a transaction is durable.
pub(crate) struct Effects {
    pub(crate) emitted: Vec<Emitted>,
    pub(crate) hidden: Vec<(AccountId, u64)>,
    pub(crate) after_commit: Vec<AfterCommit>,
}

/// How far a transaction was when a job began.
pub(crate) struct Mark {
    emitted: usize,
    hidden: usize,
    after_commit: usize,
}

impl<'c> WriteTx<'c> {
    pub(crate) fn new(conn: &'c Connection, now: Timestamp, last_seq: u64) -> WriteTx<'c> {
        WriteTx {
            conn,
            now,
            last_seq,
            emitted: Vec::new(),
            hidden: Vec::new(),
            after_commit: Vec::new(),
        }
    }

    /// The time of the batch.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The same in microseconds since 1970, the form in which instants are stored.
    pub(crate) fn now_micros(&self) -> i64 {
        self.now.as_microsecond()
    }

    /// Stores an event under the next sequence number. It is published once the batch is durable.
    ///
    /// The sequence comes from the clock, so it does not go back after an old backup was restored:
    /// relays punish that.
    pub(crate) fn emit(
        &mut self,
        account: AccountId,
        kind: EventKind,
        mut frame: Frame,
    ) -> Result<u64, StoreError> {
        let micros = u64::try_from(self.now_micros()).unwrap_or(0);
        let seq = micros.max(self.last_seq + 1).max(Frame::MIN_SEQ);
        let row =
            i64::try_from(seq).map_err(|_| StoreError::Damaged { what: "sequence number" })?;
        frame.set_seq(seq).map_err(|_| StoreError::Damaged { what: "sequence number" })?;
        let frame: Bytes = frame.into_bytes();
        self.conn
            .prepare_cached(
                "INSERT INTO event (seq, account, kind, at, frame) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((row, account.get(), kind.code(), self.now_micros(), frame.as_ref()))?;
        self.last_seq = seq;
        self.emitted.push(Emitted { seq, account, kind, frame });
        Ok(seq)
    }

    /// Runs `action` when the batch is durable, before any caller of the batch is answered.
    pub(crate) fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }

    /// Hides all events of an account so far; their rows are removed in the background.
    pub(crate) fn hide_events(&mut self, account: AccountId) -> Result<(), StoreError> {
        let until = self.last_seq;
        let row =
            i64::try_from(until).map_err(|_| StoreError::Damaged { what: "sequence number" })?;
        self.conn
            .prepare_cached(
                "INSERT INTO event_purge (account, seq) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET seq = excluded.seq",
            )?
            .execute((account.get(), row))?;
        self.hidden.push((account, until));
        Ok(())
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            emitted: self.emitted.len(),
            hidden: self.hidden.len(),
            after_commit: self.after_commit.len(),
        }
    }

    /// Forgets what a refused job left; it changed no row.
    pub(crate) fn rewind(&mut self, mark: &Mark) {
        self.emitted.truncate(mark.emitted);
        self.hidden.truncate(mark.hidden);
        self.after_commit.truncate(mark.after_commit);
    }

    pub(crate) fn into_effects(self) -> Effects {
        Effects { emitted: self.emitted, hidden: self.hidden, after_commit: self.after_commit }
    }
}

impl Deref for WriteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}
