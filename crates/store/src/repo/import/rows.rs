//! The rows of an import, written in chunks.

use bytes::Bytes;
use cairn_model::{Cid, RepoPath};
use cairn_repo::NodeRow;

use crate::db::WriteTx;
use crate::error::StoreError;
use crate::ids::RepoId;
use crate::repo::links::{self, Link};

/// A record as its rows need it.
pub(super) struct RecordRow {
    pub(super) path: RepoPath,
    pub(super) cid: Cid,
    pub(super) bytes: Bytes,
    pub(super) blobs: Vec<Cid>,
    pub(super) link: Option<Link>,
}

/// Rows for one transaction.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) nodes: Vec<NodeRow>,
    pub(super) records: Vec<RecordRow>,
    pub(super) bytes: usize,
}

impl Chunk {
    pub(super) fn rows(&self) -> usize {
        self.nodes.len() + self.records.len()
    }

    pub(super) fn insert(
        &self,
        tx: &WriteTx<'_>,
        repo: RepoId,
        rev: i64,
    ) -> Result<(), StoreError> {
        let mut insert = tx.prepare_cached(
            "INSERT INTO tree (repo, key, layer, cid, rev, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for node in &self.nodes {
            let bytes = node.bytes.as_ref();
            insert.execute((repo.0, &node.lo, node.layer, node.cid.digest(), rev, bytes))?;
        }
        let mut insert = tx.prepare_cached(
            "INSERT INTO tree (repo, key, layer, cid, rev, bytes) VALUES (?1, ?2, 255, ?3, ?4, ?5)",
        )?;
        for record in &self.records {
            let bytes = record.bytes.as_ref();
            insert.execute((repo.0, record.path.as_str(), record.cid.digest(), rev, bytes))?;
        }
        self.insert_derived(tx, repo)
    }

    fn insert_derived(&self, tx: &WriteTx<'_>, repo: RepoId) -> Result<(), StoreError> {
        let mut blob_ref = tx.prepare_cached(
            "INSERT OR IGNORE INTO blob_ref (repo, path, cid) VALUES (?1, ?2, ?3)",
        )?;
        let mut collection =
            tx.prepare_cached("INSERT OR IGNORE INTO collection (repo, name) VALUES (?1, ?2)")?;
        let mut last = None;
        for record in &self.records {
            let name = record.path.collection();
            // Records come sorted, so each collection is one run.
            if last != Some(name) {
                collection.execute((repo.0, name))?;
                last = Some(name);
            }
            for cid in &record.blobs {
                blob_ref.execute((repo.0, record.path.as_str(), cid.to_bytes()))?;
            }
            if let Some(link) = &record.link {
                links::insert(tx, repo, link)?;
            }
        }
        Ok(())
    }
}
