//! What accounts take of the disk.

use rusqlite::{Connection, OptionalExtension};

use crate::accounts::columns::opt_bytes;
use crate::{AccountId, Store, StoreError};

/// What one account takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blocks of its records, in bytes.
    pub record_bytes: u64,
    /// Blocks of its tree, in bytes.
    pub node_bytes: u64,
    /// Blobs that records refer to.
    pub blobs: Held,
    /// Blobs that wait for a record.
    pub temporary_blobs: Held,
    /// Blobs in quarantine: the last record that referred to them is gone.
    pub unreferenced_blobs: Held,
}

/// A number of blobs and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub count: u64,
    pub bytes: u64,
}

impl Usage {
    /// What counts towards the quota of the repository.
    pub fn repo_bytes(&self) -> u64 {
        self.record_bytes.saturating_add(self.node_bytes)
    }

    /// What counts towards the quota of blobs.
    pub fn blob_bytes(&self) -> u64 {
        [self.blobs, self.temporary_blobs, self.unreferenced_blobs]
            .iter()
            .fold(0, |sum, held| sum.saturating_add(held.bytes))
    }
}

impl Store {
    /// What an account takes of the disk; nothing for one that is not here. Reads the row of its repository and those of its
    /// blobs.
    pub async fn usage(&self, account: AccountId) -> Result<Usage, StoreError> {
        self.read(move |tx| usage(tx, account)).await
    }
}

/// The same inside a transaction.
pub(crate) fn usage(conn: &Connection, account: AccountId) -> Result<Usage, StoreError> {
    let repo = conn
        .prepare_cached(
            "SELECT record_bytes, node_bytes FROM repo WHERE account = ?1 AND state = 1",
        )?
        .query_row([account.get()], |row| {
            Ok((opt_bytes(row, "record_bytes")?, opt_bytes(row, "node_bytes")?))
        })
        .optional()?;
    let (record_bytes, node_bytes) = repo.unwrap_or_default();
    let mut usage = Usage {
        record_bytes: record_bytes.unwrap_or(0),
        node_bytes: node_bytes.unwrap_or(0),
        ..Usage::default()
    };
    let mut statement = conn.prepare_cached(
        "SELECT temporary_since IS NOT NULL, unreferenced_since IS NOT NULL,
           count(*) AS count, sum(size) AS bytes
         FROM blob WHERE account = ?1 GROUP BY 1, 2",
    )?;
    let mut rows = statement.query([account.get()])?;
    while let Some(row) = rows.next()? {
        let part = match (row.get(0)?, row.get(1)?) {
            (true, _) => &mut usage.temporary_blobs,
            (false, true) => &mut usage.unreferenced_blobs,
            (false, false) => &mut usage.blobs,
        };
        part.count += opt_bytes(row, "count")?.unwrap_or(0);
        part.bytes += opt_bytes(row, "bytes")?.unwrap_or(0);
    }
    Ok(usage)
}
