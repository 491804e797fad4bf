//! A finished commit on its way through the writer: rows only, no thinking.

use std::sync::Arc;

use bytes::Bytes;
use cairn_model::{BlobRef, Cid, RepoPath};
use cairn_repo::Changes;
use cairn_repo::frame::Frame;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

use super::blobs;
use super::chain::{Chain, Place};
use super::head::Head;
use super::links::{self, Link};
use super::rows::rev_row;
use super::write::{WriteError, WriteOutcome};
use crate::accounts::{self, Quotas, quota_row};
use crate::db::{Job, Ran, WriteTx};
use crate::error::StoreError;
use crate::events::EventKind;
use crate::ids::{AccountId, RepoId};

/// Why a worker's result did not hold.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was built on a state that is not, or no longer, the stored one. Build it again.
    Stale,
    /// For the caller.
    Refused(WriteError),
}

impl<E: Into<WriteError>> From<E> for Failure {
    fn from(err: E) -> Failure {
        Failure::Refused(err.into())
    }
}

/// Where the result goes.
pub(crate) type Reply = oneshot::Sender<Result<WriteOutcome, Failure>>;

/// The state of a repository that a worker's answer rests on.
#[derive(Clone, Copy)]
pub(crate) struct Basis {
    pub(crate) account: AccountId,
    pub(crate) repo: RepoId,
    pub(crate) head: Cid,
}

impl Basis {
    /// Whether it is the stored state, and of an account that may write. An import, a new signature
    /// or the end of the account change it without the worker.
    pub(crate) fn stands(&self, conn: &Connection) -> Result<bool, StoreError> {
        let head = conn
            .prepare_cached("SELECT 1 FROM repo WHERE id = ?1 AND head = ?2 AND state = 1")?
            .exists((self.repo.0, self.head.digest()))?;
        let status = accounts::status_of(conn, self.account)?;
        Ok(head && status.is_some_and(|status| status.is_active()))
    }
}

/// Everything that a commit changes.
pub(crate) struct Prepared {
    pub(crate) account: AccountId,
    pub(crate) repo: RepoId,
    pub(crate) before: Cid,
    pub(crate) head: Head,
    pub(crate) commit: Vec<u8>,
    pub(crate) records: Vec<RecordChange>,
    pub(crate) nodes: Changes,
    pub(crate) frame: Frame,
    pub(crate) outcome: WriteOutcome,
}

impl Prepared {
    fn basis(&self) -> Basis {
        Basis { account: self.account, repo: self.repo, head: self.before }
    }
}

/// What happens to one record.
pub(crate) struct RecordChange {
    pub(crate) path: RepoPath,
    pub(crate) existed: bool,
    pub(crate) after: Option<RecordRow>,
}

/// A record's new content.
pub(crate) struct RecordRow {
    pub(crate) cid: Cid,
    pub(crate) bytes: Bytes,
    pub(crate) blobs: Vec<BlobRef>,
    pub(crate) link: Option<Link>,
}

/// The job that stores a commit.
pub(crate) struct CommitJob {
    pub(crate) prepared: Prepared,
    /// For accounts without quotas of their own.
    pub(crate) default_quotas: Quotas,
    pub(crate) place: Place,
    pub(crate) reply: Reply,
    pub(crate) refused: Option<Failure>,
}

impl Job for CommitJob {
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Ran {
        self.refused = store(tx, &self.prepared, self.default_quotas).err();
        if self.refused.is_none() {
            return Ran::Done;
        }
        self.place.poison();
        Ran::Refused
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let CommitJob { prepared, place, reply, refused, .. } = *self;
        let result = match (fate, refused) {
            (Err(err), _) => {
                place.poison();
                Err(err.into())
            }
            (Ok(()), Some(failure)) => Err(failure),
            (Ok(()), None) => Ok(prepared.outcome),
        };
        place.settle();
        // The caller may have gone away.
        let _ = reply.send(result);
    }
}

/// The job that answers a request which changes nothing, once the commits on which that answer
/// rests are durable, and if nothing else has come after them.
pub(crate) struct Confirm {
    pub(crate) chain: Arc<Chain>,
    pub(crate) basis: Basis,
    /// What the transaction found.
    pub(crate) stands: Result<bool, StoreError>,
    pub(crate) result: Result<WriteOutcome, Failure>,
    pub(crate) reply: Reply,
}

impl Job for Confirm {
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Ran {
        self.stands = self.basis.stands(tx);
        Ran::Done
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let result = match fate.and(self.stands) {
            Err(err) => Err(err.into()),
            Ok(true) => self.result,
            Ok(false) => {
                self.chain.poison();
                Err(Failure::Stale)
            }
        };
        let _ = self.reply.send(result);
    }
}

fn store(tx: &mut WriteTx<'_>, commit: &Prepared, defaults: Quotas) -> Result<(), Failure> {
    let quotas = check(tx, commit)?.or(defaults);
    move_head(tx, commit, quotas.repo_bytes)?;
    let mut dropped = Vec::new();
    for change in &commit.records {
        write_record(tx, commit, change, &mut dropped)?;
    }
    blobs::mark_unreferenced(tx, commit.account, commit.repo, &dropped)?;
    write_nodes(tx, commit)?;
    tx.emit(commit.account, EventKind::Commit, commit.frame.clone())?;
    Ok(())
}

/// All that can be wrong with the request is found here and by [`move_head`], before anything changes. Returns the account's
/// own quotas.
fn check(tx: &WriteTx<'_>, commit: &Prepared) -> Result<Quotas, Failure> {
    let standing = accounts::standing_of(tx, commit.account)?;
    let Some(standing) = standing.filter(|standing| standing.status.is_active()) else {
        // The worker finds out what the account is now, perhaps another one of the same DID.
        return Err(Failure::Stale);
    };
    for row in commit.records.iter().filter_map(|change| change.after.as_ref()) {
        for blob in &row.blobs {
            blobs::check(tx, commit.account, blob)?;
        }
    }
    Ok(standing.quotas)
}

/// How many records more there are, and how many bytes more they take.
#[derive(Default)]
struct Growth {
    records: i64,
    bytes: i64,
}

/// Records that replace nothing need no look at the rows.
fn record_growth(tx: &WriteTx<'_>, commit: &Prepared) -> Result<Growth, StoreError> {
    let mut growth = Growth::default();
    for change in &commit.records {
        if let Some(row) = &change.after {
            growth.records += 1;
            growth.bytes += i64::try_from(row.bytes.len()).unwrap_or(i64::MAX);
        }
        if change.existed {
            growth.records -= 1;
            let before: Option<i64> = tx
                .prepare_cached(
                    "SELECT length(bytes) FROM tree WHERE repo = ?1 AND key = ?2 AND layer = 255",
                )?
                .query_row((commit.repo.0, change.path.as_str()), |row| row.get(0))
                .optional()?;
            growth.bytes -= before.unwrap_or(0);
        }
    }
    Ok(growth)
}

/// Moves the head and counts records and bytes, in one statement. A repository may always become smaller.
fn move_head(tx: &WriteTx<'_>, commit: &Prepared, quota: Option<u64>) -> Result<(), Failure> {
    let head = &commit.head;
    let (records, nodes) = (record_growth(tx, commit)?, commit.nodes.bytes_delta);
    let quota = quota.filter(|_| records.bytes.saturating_add(nodes) > 0);
    let moved = tx
        .prepare_cached(
            "UPDATE repo SET head = ?3, rev = ?4, data = ?5, layer = ?6, bytes = ?7,
               record_bytes = record_bytes + ?8, node_bytes = node_bytes + ?9,
               record_count = record_count + ?11
             WHERE id = ?1 AND head = ?2 AND state = 1
               AND (?10 IS NULL OR record_bytes + node_bytes + ?8 + ?9 <= ?10)",
        )
        .and_then(|mut statement| {
            statement.execute((
                commit.repo.0,
                commit.before.digest(),
                head.commit.digest(),
                rev_row(head.rev),
                head.data.digest(),
                head.layer,
                &commit.commit,
                records.bytes,
                nodes,
                quota_row(quota),
                records.records,
            ))
        })
        .map_err(StoreError::from)?;
    match quota {
        _ if moved > 0 => Ok(()),
        Some(quota_bytes) if commit.basis().stands(tx)? => {
            Err(WriteError::QuotaExceeded { quota_bytes }.into())
        }
        _ => Err(Failure::Stale),
    }
}

fn write_record(
    tx: &WriteTx<'_>,
    commit: &Prepared,
    change: &RecordChange,
    dropped: &mut Vec<Cid>,
) -> Result<(), StoreError> {
    let (repo, path) = (commit.repo, &change.path);
    if change.existed {
        links::remove(tx, repo, path)?;
        dropped.extend(blobs::remove(tx, repo, path)?);
    }
    let Some(row) = &change.after else {
        tx.prepare_cached("DELETE FROM tree WHERE repo = ?1 AND key = ?2 AND layer = 255")?
            .execute((repo.0, path.as_str()))?;
        return forget_collection(tx, repo, path);
    };
    // As the only constraint is the key, REPLACE overwrites in place without a look first.
    tx.prepare_cached(
        "REPLACE INTO tree (repo, key, layer, cid, rev, bytes) VALUES (?1, ?2, 255, ?3, ?4, ?5)",
    )?
    .execute((
        repo.0,
        path.as_str(),
        row.cid.digest(),
        rev_row(commit.head.rev),
        row.bytes.as_ref(),
    ))?;
    if !change.existed {
        tx.prepare_cached("INSERT OR IGNORE INTO collection (repo, name) VALUES (?1, ?2)")?
            .execute((repo.0, path.collection()))?;
    }
    if let Some(link) = &row.link {
        links::insert(tx, repo, link)?;
    }
    blobs::add(tx, commit.account, repo, path, &row.blobs)
}

/// After a delete: an empty collection is not listed.
fn forget_collection(tx: &WriteTx<'_>, repo: RepoId, path: &RepoPath) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM collection WHERE repo = ?1 AND name = ?2 AND NOT EXISTS
         (SELECT 1 FROM record WHERE repo = ?1 AND path > ?2 || '/' AND path < ?2 || '0')",
    )?
    .execute((repo.0, path.collection()))?;
    Ok(())
}

fn write_nodes(tx: &WriteTx<'_>, commit: &Prepared) -> Result<(), StoreError> {
    let rev = rev_row(commit.head.rev);
    if !commit.nodes.removed.is_empty() {
        let mut delete =
            tx.prepare_cached("DELETE FROM tree WHERE repo = ?1 AND key = ?2 AND layer = ?3")?;
        for (lo, layer) in &commit.nodes.removed {
            delete.execute((commit.repo.0, lo, layer))?;
        }
    }
    let mut upsert = tx.prepare_cached(
        "REPLACE INTO tree (repo, key, layer, cid, rev, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for node in &commit.nodes.upserts {
        upsert.execute((
            commit.repo.0,
            &node.lo,
            node.layer,
            node.cid.digest(),
            rev,
            node.bytes.as_ref(),
        ))?;
    }
    Ok(())
}
