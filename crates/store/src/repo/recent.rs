//! What an account has written lately: for services that are behind.

use bytes::Bytes;
use cairn_model::{Cid, Nsid, RepoPath, Tid};
use rusqlite::{Connection, OptionalExtension};

use super::head;
use super::rows::{cid_of, rev_of, rev_row};
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::store::Store;

/// Of each collection, the records with the highest keys are looked at, so many. Keys are timestamps almost always, so
/// what was written last stands last, and no index by rev is needed, which every write would pay for.
const LOOKED_AT: u32 = 256;
/// Some of the oldest records are among the first so many of a repository.
const FIRST: u32 = 64;

/// A record that was written after some rev.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentRecord {
    /// Where it stands.
    pub path: RepoPath,
    /// CID of `bytes`.
    pub cid: Cid,
    /// The block, DAG-CBOR.
    pub bytes: Bytes,
    /// The rev of the commit that wrote it.
    pub rev: Tid,
}

impl Store {
    /// The records of some collections that were written after `rev`, in the order of writing, `limit` at most, hidden
    /// ones left out.
    ///
    /// Nothing when the repository has no record from before: then `rev` speaks of the account's life at another host.
    pub async fn records_since(
        &self,
        account: AccountId,
        rev: Tid,
        collections: Vec<Nsid>,
        limit: usize,
    ) -> Result<Vec<RecentRecord>, StoreError> {
        self.read(move |tx| records_since(tx, account, rev, &collections, limit)).await
    }

    /// The rev that wrote the record with the highest key of a collection: when something was put there last, where keys
    /// are timestamps.
    pub async fn last_rev(
        &self,
        account: AccountId,
        collection: Nsid,
    ) -> Result<Option<Tid>, StoreError> {
        self.read_one(move |tx| last_rev(tx, account, &collection)).await
    }
}

fn last_rev(
    conn: &Connection,
    account: AccountId,
    collection: &Nsid,
) -> Result<Option<Tid>, StoreError> {
    let Some(current) = head::current(conn, account)? else { return Ok(None) };
    let (low, high) = bounds(collection);
    let found = conn
        .prepare_cached(
            "SELECT rev FROM record WHERE repo = ?1 AND path > ?2 AND path < ?3
             ORDER BY path DESC LIMIT 1",
        )?
        .query_row((current.id.0, low, high), |row| row.get(0))
        .optional()?;
    found.map(rev_of).transpose()
}

/// What all paths of a collection stand between.
fn bounds(collection: &Nsid) -> (String, String) {
    // The character that follows the slash: no rkey reaches it.
    (format!("{collection}/"), format!("{collection}0"))
}

fn records_since(
    conn: &Connection,
    account: AccountId,
    rev: Tid,
    collections: &[Nsid],
    limit: usize,
) -> Result<Vec<RecentRecord>, StoreError> {
    let Some(current) = head::current(conn, account)? else { return Ok(Vec::new()) };
    if current.head.rev <= rev {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for collection in collections {
        newest(conn, account, current.id.0, rev, collection, &mut found)?;
    }
    if found.is_empty() || !has_older(conn, current.id.0, rev)? {
        return Ok(Vec::new());
    }
    found.sort_by_key(|record: &RecentRecord| record.rev);
    found.truncate(limit);
    Ok(found)
}

fn newest(
    conn: &Connection,
    account: AccountId,
    repo: i64,
    after: Tid,
    collection: &Nsid,
    found: &mut Vec<RecentRecord>,
) -> Result<(), StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "path" };
    let mut statement = conn.prepare_cached(
        "SELECT record.rev, record.path, record.cid, record.bytes FROM record
         WHERE record.repo = ?2 AND record.path > ?3 AND record.path < ?4
         AND NOT EXISTS (SELECT 1 FROM record_takedown WHERE account = ?1 AND path = record.path)
         ORDER BY record.path DESC LIMIT ?5",
    )?;
    let (low, high) = bounds(collection);
    let mut rows = statement.query((account.get(), repo, low, high, LOOKED_AT))?;
    while let Some(row) = rows.next()? {
        let rev = rev_of(row.get(0)?)?;
        if rev <= after {
            continue;
        }
        let path = row.get_ref(1)?.as_str().map_err(|_| DAMAGED)?;
        found.push(RecentRecord {
            path: RepoPath::parse(path).map_err(|_| DAMAGED)?,
            cid: cid_of(row.get_ref(2)?)?,
            bytes: row.get::<_, Vec<u8>>(3)?.into(),
            rev,
        });
    }
    Ok(())
}

fn has_older(conn: &Connection, repo: i64, rev: Tid) -> Result<bool, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM (
               SELECT rev FROM record WHERE repo = ?1 ORDER BY path LIMIT ?3) WHERE rev <= ?2)",
        )?
        .query_row((repo, rev_row(rev), FIRST), |row| row.get(0))?;
    Ok(found)
}
