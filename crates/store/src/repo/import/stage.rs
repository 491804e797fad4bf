//! From a spooled CAR to a repository: check, fill a new generation, put it in place.

use std::sync::Arc;

use bytes::Bytes;
use cairn_model::{Cid, Codec, Did, Limits, RepoPath, Value, cbor};
use cairn_repo::walk::{BlockSource, Step, WalkError, Walker};
use cairn_repo::{Commit, limits};

use super::rows::{Chunk, RecordRow};
use super::spool::Blocks;
use super::{ImportError, ImportStats, KeyCheck, MAX_REV_LEAD};
use crate::accounts::{self, AccountStatus};
use crate::blobs::settle_references;
use crate::db::{WriteTx, Writer};
use crate::error::StoreError;
use crate::ids::{AccountId, RepoId};
use crate::janitor::Janitor;
use crate::repo::head::{self, Head, State};
use crate::repo::links;
use crate::repo::rows::rev_row;
use crate::repo::verify::distinct_blobs;
use crate::seal::MasterKey;
use crate::space::Space;
use crate::store::Store;

/// Rows in one transaction: few enough that other writes hardly wait.
const CHUNK_ROWS: usize = 1_000;

/// Bytes in one transaction.
const CHUNK_BYTES: usize = 1 << 20;

/// A CAR may hold a record once that stands at many keys, but a row holds each by itself: the rows
/// may take this many times the CAR, and [`INFLATION_FREE_BYTES`] more.
const INFLATION: u64 = 4;
const INFLATION_FREE_BYTES: u64 = 16 << 20;

/// Fills a new generation of an account's repository.
pub(super) struct Stage {
    writer: Writer,
    janitor: Janitor,
    master: Arc<MasterKey>,
    now: jiff::Timestamp,
    space: Space,
    account: AccountId,
    did: Did,
    quota: Option<u64>,
}

impl Stage {
    pub(super) fn new(
        store: &Store,
        account: AccountId,
        did: Did,
        quota: Option<u64>,
    ) -> Result<Stage, StoreError> {
        Ok(Stage {
            writer: store.writer().clone(),
            janitor: store.janitor().clone(),
            master: Arc::clone(store.master_key()),
            now: store.clock().now(),
            space: store.space().clone(),
            account,
            did,
            quota,
        })
    }

    pub(super) fn run(
        self,
        mut blocks: Blocks,
        key_check: &KeyCheck,
    ) -> Result<ImportStats, ImportError> {
        let (cid, commit, bytes) = self.commit(&mut blocks, key_check)?;
        let head = Head { commit: cid, rev: commit.rev, data: commit.data, layer: 0 };
        let repo = self.begin(head, bytes)?;
        let result = self.fill(repo, &commit, &mut blocks).and_then(|filled| {
            let head = self.put_in_place(repo, &commit, &filled)?;
            Ok(ImportStats {
                head,
                imported_rev: commit.rev,
                records: filled.records,
                nodes: filled.nodes,
                blob_refs: filled.blob_refs,
            })
        });
        if result.is_err() {
            self.abandon(repo);
        }
        self.janitor.wake();
        result
    }

    /// The commit that is the root, checked.
    fn commit(
        &self,
        blocks: &mut Blocks,
        key_check: &KeyCheck,
    ) -> Result<(Cid, Commit, Bytes), ImportError> {
        let cid = blocks.root;
        let bytes = blocks.block(&cid)?.ok_or(ImportError::NoCommit { cid })?;
        let commit = Commit::decode(&bytes)?;
        if commit.did != self.did {
            return Err(ImportError::Did { found: commit.did });
        }
        if !key_check(&commit.signing_bytes(), &commit.sig) {
            return Err(ImportError::Signature);
        }
        let latest = self.now.checked_add(MAX_REV_LEAD).unwrap_or(jiff::Timestamp::MAX);
        if u64::try_from(latest.as_microsecond()).is_ok_and(|latest| commit.rev.micros() > latest) {
            return Err(ImportError::FutureRev { rev: commit.rev });
        }
        Ok((cid, commit, bytes))
    }

    pub(super) fn begin(&self, head: Head, bytes: Bytes) -> Result<RepoId, ImportError> {
        let account = self.account;
        self.writer.write_tx_blocking(move |tx| {
            if accounts::status_of(tx, account)?.is_none() {
                return Err(ImportError::NoAccount);
            }
            Ok(head::insert(tx, account, State::Staged, &head, &bytes, 0)?)
        })
    }

    pub(super) fn fill(
        &self,
        repo: RepoId,
        commit: &Commit,
        blocks: &mut Blocks,
    ) -> Result<Filled, ImportError> {
        let rev = rev_row(commit.rev);
        let mut filled = Filled::default();
        let mut chunk = Chunk::default();
        let mut walker = Walker::new(commit.data);
        loop {
            let step = walker.next(blocks).map_err(tree_error)?;
            let ended = step.is_none();
            match step {
                Some(Step::Node(node)) => {
                    if filled.nodes == 0 {
                        filled.layer = node.layer;
                    }
                    filled.nodes += 1;
                    filled.node_bytes += node.bytes.len() as u64;
                    chunk.bytes += node.bytes.len();
                    chunk.nodes.push(node);
                }
                Some(Step::Record { path, cid }) => {
                    let record = record(path, cid, blocks)?;
                    filled.records += 1;
                    filled.blob_refs += record.blobs.len() as u64;
                    filled.record_bytes += record.bytes.len() as u64;
                    chunk.bytes += record.bytes.len();
                    chunk.records.push(record);
                }
                None => {}
            }
            self.check_size(&filled, blocks.bytes)?;
            if ended || chunk.rows() >= CHUNK_ROWS || chunk.bytes >= CHUNK_BYTES {
                self.space.for_data(chunk.bytes as u64)?;
                let full = std::mem::take(&mut chunk);
                self.writer.write_tx_blocking(move |tx| {
                    // What is written for a dead generation after its rows were removed would stay.
                    if !head::is_staged(tx, repo)? {
                        return Err(ImportError::NoAccount);
                    }
                    Ok(full.insert(tx, repo, rev)?)
                })?;
            }
            if ended {
                return Ok(filled);
            }
        }
    }

    fn check_size(&self, filled: &Filled, car_bytes: u64) -> Result<(), ImportError> {
        let bytes = filled.record_bytes.saturating_add(filled.node_bytes);
        if bytes > car_bytes.saturating_mul(INFLATION).saturating_add(INFLATION_FREE_BYTES) {
            return Err(ImportError::Inflated);
        }
        match self.quota {
            Some(quota_bytes) if bytes > quota_bytes => {
                Err(ImportError::QuotaExceeded { quota_bytes })
            }
            _ => Ok(()),
        }
    }

    /// The moment at which the import takes effect.
    fn put_in_place(
        &self,
        repo: RepoId,
        commit: &Commit,
        filled: &Filled,
    ) -> Result<Head, ImportError> {
        let (account, did, master) = (self.account, self.did.clone(), Arc::clone(&self.master));
        let (data, imported) = (commit.data, commit.rev);
        let layer = filled.layer;
        let sizes = Sizes {
            records: size_row(filled.records)?,
            record_bytes: size_row(filled.record_bytes)?,
            node_bytes: size_row(filled.node_bytes)?,
        };
        self.writer.write_tx_blocking(move |tx| {
            let status = accounts::status_of(tx, account)?.ok_or(ImportError::NoAccount)?;
            let key = accounts::signing_key(tx, account, &master)?
                .ok_or(StoreError::Damaged { what: "signing key" })?;
            let before = head::current(tx, account)?.map(|current| current.head.rev);
            let rev = head::next_rev(tx, before.max(Some(imported)));
            let signed = head::sign(&did, data, layer, rev, &key);
            replace(tx, account, repo, &signed, &sizes)?;
            settle_references(tx, account, repo)?;
            if status == AccountStatus::Active {
                head::emit_sync(tx, account, &did)?;
            }
            Ok(signed.0)
        })
    }

    fn abandon(&self, repo: RepoId) {
        let abandoned = self.writer.write_tx_blocking(move |tx| {
            tx.execute("UPDATE repo SET state = 2 WHERE id = ?1 AND state = 0", [repo.0])?;
            Ok::<_, StoreError>(())
        });
        if let Err(err) = abandoned {
            // The next start does it.
            tracing::warn!(error = &err as &dyn std::error::Error, "an import left rows behind");
        }
    }
}

/// What the walk has seen.
#[derive(Default)]
pub(super) struct Filled {
    layer: u8,
    nodes: u64,
    node_bytes: u64,
    records: u64,
    record_bytes: u64,
    blob_refs: u64,
}

/// The same in a row.
struct Sizes {
    records: i64,
    record_bytes: i64,
    node_bytes: i64,
}

fn replace(
    tx: &WriteTx<'_>,
    account: AccountId,
    repo: RepoId,
    (head, bytes): &(Head, Vec<u8>),
    sizes: &Sizes,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE repo SET state = 2 WHERE account = ?1 AND state = 1")?
        .execute([account.get()])?;
    tx.prepare_cached(
        "UPDATE repo SET state = 1, head = ?2, rev = ?3, first_rev = ?3, data = ?4, layer = ?5, bytes = ?6,
           record_bytes = ?7, node_bytes = ?8, record_count = ?9
         WHERE id = ?1",
    )?
    .execute((
        repo.0,
        head.commit.digest(),
        rev_row(head.rev),
        head.data.digest(),
        head.layer,
        bytes,
        sizes.record_bytes,
        sizes.node_bytes,
        sizes.records,
    ))?;
    Ok(())
}

fn size_row(bytes: u64) -> Result<i64, StoreError> {
    i64::try_from(bytes).map_err(|_| StoreError::Damaged { what: "repository size" })
}

/// A record's block, checked to be one.
fn record(path: RepoPath, cid: Cid, blocks: &mut Blocks) -> Result<RecordRow, ImportError> {
    let Some(bytes) = blocks.block(&cid)? else {
        return Err(ImportError::RecordMissing { path, cid });
    };
    if bytes.len() > limits::MAX_RECORD_BYTES {
        return Err(ImportError::RecordTooLarge { path, bytes: bytes.len() });
    }
    let value = match cbor::decode(&bytes, &Limits::RECORD) {
        Ok(value @ Value::Object(_)) if cid.codec() == Codec::DagCbor => value,
        Ok(_) => return Err(ImportError::NotAnObject { path }),
        Err(source) => return Err(ImportError::Record { path, source }),
    };
    let link = links::link_of(&path, &bytes);
    Ok(RecordRow { path, cid, bytes, blobs: distinct_blobs(&value), link })
}

fn tree_error(err: WalkError<StoreError>) -> ImportError {
    match err {
        WalkError::Source(err) => err.into(),
        err => ImportError::Tree(Box::new(err)),
    }
}
