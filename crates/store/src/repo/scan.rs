//! Reads that take long: each on a thread and a snapshot of its own, so that short reads do not
//! wait for them.

use bytes::Bytes;
use cairn_model::{Cid, Nsid};
use rusqlite::Connection;
use std::collections::HashMap;

use super::{head, read};
use crate::db::connection::Opener;
use crate::error::{OpenError, StoreError};
use crate::ids::AccountId;
use crate::store::Store;

impl Store {
    /// The blocks of these CIDs in an account's repository: commit, nodes, records; those that it
    /// has.
    ///
    /// Rows are stored by position, so this looks through all of them.
    pub async fn blocks(
        &self,
        account: AccountId,
        cids: Vec<Cid>,
    ) -> Result<Vec<(Cid, Bytes)>, StoreError> {
        let opener = self.opener().clone();
        let _turn = self.scans().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || blocks(&open(&opener)?, account, &cids))
            .await
            .map_err(|_| StoreError::Closed)?
    }
}

impl Store {
    /// How many records an account has in each of its collections, sorted by collection. Hidden ones count.
    ///
    /// Looks at the key of every record.
    pub async fn collection_counts(
        &self,
        account: AccountId,
    ) -> Result<Vec<(Nsid, u64)>, StoreError> {
        let opener = self.opener().clone();
        let _turn = self.scans().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || collection_counts(&open(&opener)?, account))
            .await
            .map_err(|_| StoreError::Closed)?
    }
}

fn collection_counts(
    conn: &Connection,
    account: AccountId,
) -> Result<Vec<(Nsid, u64)>, StoreError> {
    conn.execute_batch("BEGIN")?;
    let names = read::collections(conn, account)?;
    let mut statement = conn.prepare(
        "SELECT count(*) FROM repo JOIN record ON record.repo = repo.id
         WHERE repo.account = ?1 AND repo.state = 1 AND record.path > ?2 AND record.path < ?3",
    )?;
    let mut counts = Vec::with_capacity(names.len());
    for name in names {
        let (after, before) = read::bounds(&name);
        let count: i64 = statement.query_row((account.get(), after, before), |row| row.get(0))?;
        let count = u64::try_from(count).map_err(|_| StoreError::Damaged { what: "count" })?;
        counts.push((name, count));
    }
    Ok(counts)
}

/// Once the blocks that one scan has found weigh this much, it looks for no more: they wait in memory, and anybody may
/// ask for them.
pub const MAX_BLOCKS_BYTES: usize = 4 << 20;

/// A connection for one scan.
pub(crate) fn open(opener: &Opener) -> Result<Connection, StoreError> {
    opener.reader().map_err(|err| match err {
        OpenError::Store(err) => err,
        OpenError::Io { source, .. } => source.into(),
        _ => StoreError::Closed,
    })
}

fn blocks(
    conn: &Connection,
    account: AccountId,
    cids: &[Cid],
) -> Result<Vec<(Cid, Bytes)>, StoreError> {
    conn.execute_batch("BEGIN")?;
    let Some(current) = head::current(conn, account)? else { return Ok(Vec::new()) };
    let mut wanted: HashMap<&[u8], Cid> =
        cids.iter().map(|cid| (cid.digest().as_slice(), *cid)).collect();
    let mut found = Vec::new();
    if let Some(cid) = wanted.remove(current.head.commit.digest().as_slice()) {
        found.push((cid, Bytes::from(current.bytes)));
    }
    let mut statement = conn.prepare("SELECT cid, bytes FROM tree WHERE repo = ?1")?;
    let mut rows = statement.query([current.id.0])?;
    let mut weight = 0;
    while !wanted.is_empty()
        && weight < MAX_BLOCKS_BYTES
        && let Some(row) = rows.next()?
    {
        const DAMAGED: StoreError = StoreError::Damaged { what: "block" };
        let digest = row.get_ref(0)?.as_blob().map_err(|_| DAMAGED)?;
        if let Some(cid) = wanted.remove(digest) {
            let bytes = row.get_ref(1)?.as_blob().map_err(|_| DAMAGED)?;
            weight += bytes.len();
            found.push((cid, Bytes::copy_from_slice(bytes)));
        }
    }
    Ok(found)
}
