//! Reading single records and pages of them.

use bytes::Bytes;
use cairn_model::{Cid, Nsid, RecordKey, RepoPath, Tid};
use cairn_repo::{Tree, TreeError, car};
use rusqlite::{Connection, OptionalExtension};

use super::head::{self, Head};
use super::rows::{cid_of, rev_of};
use super::source::Nodes;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::store::Store;

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// CID of `bytes`.
    pub cid: Cid,
    /// The block, DAG-CBOR.
    pub bytes: Bytes,
    /// The rev of the commit that wrote it.
    pub rev: Tid,
    /// Why moderation hides it, if it does.
    pub takedown_ref: Option<String>,
}

/// A record in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRecord {
    /// Its key; also the cursor to go on after it.
    pub rkey: RecordKey,
    /// CID of `bytes`.
    pub cid: Cid,
    /// The block, DAG-CBOR.
    pub bytes: Bytes,
}

/// Which records of a collection to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordRange {
    /// Where the last page ended.
    pub cursor: Option<RecordKey>,
    /// At most so many.
    pub limit: u32,
    /// From the lowest key up, instead of from the highest down.
    pub ascending: bool,
}

impl Store {
    /// Where an account's repository stands; none when it has none.
    pub async fn head(&self, account: AccountId) -> Result<Option<Head>, StoreError> {
        self.read_one(move |tx| Ok(head::current(tx, account)?.map(|current| current.head))).await
    }

    /// A record, hidden or not; none when there is none.
    pub async fn record(
        &self,
        account: AccountId,
        path: &RepoPath,
    ) -> Result<Option<Record>, StoreError> {
        let path = path.clone();
        self.read_one(move |tx| record(tx, account, &path)).await
    }

    /// A page of a collection, without hidden records. Only an empty page is surely the last.
    pub async fn list_records(
        &self,
        account: AccountId,
        collection: &Nsid,
        range: RecordRange,
    ) -> Result<Vec<ListedRecord>, StoreError> {
        let collection = collection.clone();
        self.read_one(move |tx| list_records(tx, account, &collection, &range)).await
    }

    /// The collections in which an account has records, sorted.
    pub async fn collections(&self, account: AccountId) -> Result<Vec<Nsid>, StoreError> {
        self.read_one(move |tx| collections(tx, account)).await
    }

    /// How many records an account has.
    pub async fn record_count(&self, account: AccountId) -> Result<u64, StoreError> {
        self.read_one(move |tx| {
            let count: Option<i64> = tx
                .prepare_cached("SELECT record_count FROM repo WHERE account = ?1 AND state = 1")?
                .query_row([account.get()], |row| row.get(0))
                .optional()?;
            u64::try_from(count.unwrap_or(0)).map_err(|_| StoreError::Damaged { what: "count" })
        })
        .await
    }

    /// How many blocks an export of an account's repository has: its commit, its nodes and its
    /// records.
    pub async fn block_count(&self, account: AccountId) -> Result<u64, StoreError> {
        self.read_one(move |tx| {
            let count: i64 = tx
                .prepare_cached(
                    "SELECT ifnull(sum(
                       1 + (SELECT count(*) FROM record WHERE record.repo = repo.id)
                         + (SELECT count(*) FROM node WHERE node.repo = repo.id)), 0)
                     FROM repo WHERE account = ?1 AND state = 1",
                )?
                .query_row([account.get()], |row| row.get(0))?;
            u64::try_from(count).map_err(|_| StoreError::Damaged { what: "count" })
        })
        .await
    }

    /// Hides what is at `path`, or shows it again, also what comes there later: whoever deletes a record that is taken
    /// down does not bring it back with the next one. Returns whether there is a record to hide, or a takedown to lift.
    pub async fn set_record_takedown(
        &self,
        account: AccountId,
        path: &RepoPath,
        takedown_ref: Option<String>,
    ) -> Result<bool, StoreError> {
        let path = path.clone();
        self.write_tx(move |tx| {
            let exists = record(tx, account, &path)?.is_some();
            if let Some(reference) = takedown_ref.as_ref().filter(|_| exists) {
                tx.prepare_cached(
                    "REPLACE INTO record_takedown (account, path, reference) VALUES (?1, ?2, ?3)",
                )?
                .execute((account.get(), path.as_str(), reference))?;
            }
            if takedown_ref.is_some() {
                return Ok(exists);
            }
            let lifted = tx
                .prepare_cached("DELETE FROM record_takedown WHERE account = ?1 AND path = ?2")?
                .execute((account.get(), path.as_str()))?;
            Ok(exists || lifted > 0)
        })
        .await
    }

    /// A CAR that proves what is at `path`, or that nothing is: commit, the nodes on the path, the
    /// record. None when the account has no repository.
    pub async fn record_proof(
        &self,
        account: AccountId,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let path = path.clone();
        self.read(move |tx| record_proof(tx, account, &path)).await
    }
}

fn record(
    conn: &Connection,
    account: AccountId,
    path: &RepoPath,
) -> Result<Option<Record>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT record.cid, record.rev, record.bytes, record_takedown.reference
         FROM repo JOIN record ON record.repo = repo.id AND record.path = ?2
         LEFT JOIN record_takedown ON record_takedown.account = ?1 AND record_takedown.path = ?2
         WHERE repo.account = ?1 AND repo.state = 1",
    )?;
    let mut rows = statement.query((account.get(), path.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Record {
        cid: cid_of(row.get_ref(0)?)?,
        rev: rev_of(row.get(1)?)?,
        bytes: row.get::<_, Vec<u8>>(2)?.into(),
        takedown_ref: row.get(3)?,
    }))
}

const DESCENDING: &str = "SELECT record.path, record.cid, record.bytes
    FROM repo JOIN record ON record.repo = repo.id
    WHERE repo.account = ?1 AND repo.state = 1 AND record.path > ?2 AND record.path < ?3
    AND NOT EXISTS (SELECT 1 FROM record_takedown WHERE account = ?1 AND path = record.path)
    ORDER BY record.path DESC LIMIT ?4";

const ASCENDING: &str = "SELECT record.path, record.cid, record.bytes
    FROM repo JOIN record ON record.repo = repo.id
    WHERE repo.account = ?1 AND repo.state = 1 AND record.path > ?2 AND record.path < ?3
    AND NOT EXISTS (SELECT 1 FROM record_takedown WHERE account = ?1 AND path = record.path)
    ORDER BY record.path LIMIT ?4";

/// A page of records ends early once it weighs this much: a hundred of the largest would be 100 MB, for anybody to ask.
pub const MAX_LIST_BYTES: usize = 4 << 20;

fn list_records(
    conn: &Connection,
    account: AccountId,
    collection: &Nsid,
    range: &RecordRange,
) -> Result<Vec<ListedRecord>, StoreError> {
    let (mut after, mut before) = bounds(collection);
    if let Some(cursor) = &range.cursor {
        let bound = if range.ascending { &mut after } else { &mut before };
        *bound = format!("{collection}/{cursor}");
    }
    let skip = collection.as_str().len() + 1;
    let sql = if range.ascending { ASCENDING } else { DESCENDING };
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((account.get(), after, before, range.limit))?;
    let mut records = Vec::new();
    let mut weight = 0;
    while weight < MAX_LIST_BYTES
        && let Some(row) = rows.next()?
    {
        let path = row.get_ref(0)?.as_str().map_err(|_| DAMAGED)?;
        let rkey = path.get(skip..).ok_or(DAMAGED)?;
        let bytes: Bytes = row.get::<_, Vec<u8>>(2)?.into();
        weight += bytes.len();
        records.push(ListedRecord {
            rkey: RecordKey::parse(rkey).map_err(|_| DAMAGED)?,
            cid: cid_of(row.get_ref(1)?)?,
            bytes,
        });
    }
    Ok(records)
}

/// Between which paths, exclusive, a collection's records lie.
pub(super) fn bounds(collection: &Nsid) -> (String, String) {
    // The character that follows the slash: no rkey reaches it.
    (format!("{collection}/"), format!("{collection}0"))
}

pub(super) fn collections(conn: &Connection, account: AccountId) -> Result<Vec<Nsid>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT collection.name FROM repo JOIN collection ON collection.repo = repo.id
         WHERE repo.account = ?1 AND repo.state = 1 ORDER BY collection.name",
    )?;
    let mut rows = statement.query([account.get()])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str().map_err(|_| DAMAGED)?;
        names.push(Nsid::parse(name).map_err(|_| DAMAGED)?);
    }
    Ok(names)
}

fn record_proof(
    conn: &Connection,
    account: AccountId,
    path: &RepoPath,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(current) = head::current(conn, account)? else { return Ok(None) };
    let head = &current.head;
    let source = Nodes { conn, repo: current.id };
    let mut tree = Tree::from_root(head.data, head.layer);
    let nodes = tree.record_proof(&source, path.as_str()).map_err(|err| match err {
        TreeError::Source(err) => err,
        _ => StoreError::Damaged { what: "tree" },
    })?;
    let record: Option<Vec<u8>> = conn
        .prepare_cached("SELECT bytes FROM record WHERE repo = ?1 AND path = ?2")?
        .query_row((current.id.0, path.as_str()), |row| row.get(0))
        .optional()?;
    let mut out = Vec::new();
    car::write_header(&[head.commit], &mut out);
    car::write_block(&head.commit, &current.bytes, &mut out);
    for (cid, bytes) in &nodes {
        car::write_block(cid, bytes, &mut out);
    }
    if let Some(bytes) = &record {
        car::write_block(&Cid::cbor_of(bytes), bytes, &mut out);
    }
    Ok(Some(out))
}

const DAMAGED: StoreError = StoreError::Damaged { what: "path" };
