//! The directory's tables. The only module that knows SQL.
//!
//! One table holds all operations in the order in which they were taken in. `created_at` (milliseconds) rises strictly
//! over the whole table, so paging through an export by timestamp loses nothing.

use std::path::Path;
use std::time::Duration;

use cairn_identity::plc::{LogEntry, Operation, check_incoming, check_next, check_rate};
use cairn_model::{Cid, Did};
use jiff::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use crate::error::{DirectoryError, SubmitError};

const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE operation (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        did TEXT NOT NULL,
        cid TEXT NOT NULL,
        operation TEXT NOT NULL,
        nullified INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL UNIQUE
    ) STRICT;
    CREATE UNIQUE INDEX operation_by_did ON operation (did, seq);
    PRAGMA user_version = 1;
";
const COLUMNS: &str = "seq, did, cid, operation, nullified, created_at";
/// How long opening waits for another process to let go.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

pub(crate) struct Storage {
    connection: Connection,
}

/// An entry and its place in the order of all operations.
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) entry: LogEntry,
}

impl Storage {
    pub(crate) fn open(path: &Path) -> Result<Self, DirectoryError> {
        Self::prepare(Connection::open(path)?)
    }

    pub(crate) fn in_memory() -> Result<Self, DirectoryError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, DirectoryError> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A directory has one writer: the lock is kept for as long as the file is open.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Self::set_up(&mut connection).map_err(|error| match error {
            DirectoryError::Storage(error) if is_busy(&error) => DirectoryError::Locked,
            other => other,
        })?;
        Ok(Self { connection })
    }

    fn set_up(connection: &mut Connection) -> Result<(), DirectoryError> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        match tx.query_row("PRAGMA user_version", [], |row| row.get(0))? {
            0 => tx.execute_batch(SCHEMA)?,
            SCHEMA_VERSION => {}
            found => return Err(DirectoryError::Version { found }),
        }
        Ok(tx.commit()?)
    }

    /// Checks an operation against the limits and the DID's log, and keeps it. Returns its sequence number.
    pub(crate) fn submit(
        &mut self,
        did: &Did,
        operation: &Operation,
        now: Timestamp,
    ) -> Result<i64, SubmitError> {
        check_incoming(operation)?;
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let at = instant_after(&tx, now)?;
        let active: Vec<LogEntry> = log(&tx, did, false)?;
        let nullified = check_next(did, &active, operation, at)?;
        if nullified.is_empty() {
            // Recoveries are exempt, so that a thief cannot lock the owner out by filling the quota.
            check_rate(&active, at)?;
        }
        nullify(&tx, did, &nullified)?;
        let json = serde_json::to_string(operation).expect("operations have string keys only");
        tx.prepare_cached(
            "INSERT INTO operation (did, cid, operation, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            did.as_str(),
            operation.cid().to_string(),
            json,
            at.as_millisecond()
        ])?;
        let seq = tx.last_insert_rowid();
        tx.commit()?;
        Ok(seq)
    }

    /// The DID's operations in order, with or without the nullified ones.
    pub(crate) fn log(
        &self,
        did: &Did,
        with_nullified: bool,
    ) -> Result<Vec<LogEntry>, DirectoryError> {
        log(&self.connection, did, with_nullified)
    }

    /// The DID's last operation that is not nullified.
    pub(crate) fn last(&self, did: &Did) -> Result<Option<Operation>, DirectoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operation WHERE did = ?1 AND nullified = 0
             ORDER BY seq DESC LIMIT 1"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([did.as_str()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(read(row)?.entry.operation))
    }

    /// Up to `count` operations after a sequence number.
    pub(crate) fn after_seq(&self, after: i64, count: u32) -> Result<Vec<Stored>, DirectoryError> {
        let sql = format!("SELECT {COLUMNS} FROM operation WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        page(&self.connection, &sql, after, count)
    }

    /// Up to `count` operations taken in after an instant.
    pub(crate) fn after_time(
        &self,
        after: Timestamp,
        count: u32,
    ) -> Result<Vec<Stored>, DirectoryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operation WHERE created_at > ?1 ORDER BY created_at LIMIT ?2"
        );
        page(&self.connection, &sql, after.as_millisecond(), count)
    }

    /// The newest sequence number; 0 when there is none.
    pub(crate) fn head_seq(&self) -> Result<i64, DirectoryError> {
        let sql = "SELECT COALESCE(MAX(seq), 0) FROM operation";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }
}

/// The instant of an operation that arrives now: in whole milliseconds and later than all before it.
fn instant_after(connection: &Connection, now: Timestamp) -> Result<Timestamp, DirectoryError> {
    let sql = "SELECT MAX(created_at) FROM operation";
    let newest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    let earliest = newest.map_or(i64::MIN, |newest| newest.saturating_add(1));
    let at = now.as_millisecond().max(earliest);
    Ok(Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX))
}

fn log(
    connection: &Connection,
    did: &Did,
    with_nullified: bool,
) -> Result<Vec<LogEntry>, DirectoryError> {
    let sql =
        format!("SELECT {COLUMNS} FROM operation WHERE did = ?1 AND nullified <= ?2 ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![did.as_str(), with_nullified])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read(row)?.entry);
    }
    Ok(entries)
}

fn nullify(connection: &Connection, did: &Did, cids: &[Cid]) -> Result<(), DirectoryError> {
    let mut statement = connection.prepare_cached(
        "UPDATE operation SET nullified = 1 WHERE did = ?1 AND cid = ?2 AND nullified = 0",
    )?;
    for cid in cids {
        statement.execute([did.as_str(), &cid.to_string()])?;
    }
    Ok(())
}

fn page(
    connection: &Connection,
    sql: &str,
    after: i64,
    count: u32,
) -> Result<Vec<Stored>, DirectoryError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![after, count])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Stored, DirectoryError> {
    let seq: i64 = row.get(0)?;
    let damaged = || DirectoryError::Damaged { seq };
    let did: String = row.get(1)?;
    let cid: String = row.get(2)?;
    let operation: String = row.get(3)?;
    let entry = LogEntry {
        did: Did::parse(&did).map_err(|_| damaged())?,
        cid: Cid::parse(&cid).map_err(|_| damaged())?,
        operation: serde_json::from_str(&operation).map_err(|_| damaged())?,
        nullified: row.get(4)?,
        created_at: Timestamp::from_millisecond(row.get(5)?).map_err(|_| damaged())?,
    };
    Ok(Stored { seq, entry })
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}
