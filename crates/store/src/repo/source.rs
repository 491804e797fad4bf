//! Where a tree's nodes come from: rows by position.

use bytes::Bytes;
use cairn_model::Cid;
use cairn_repo::NodeSource;
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::ids::RepoId;

/// The stored nodes of one generation of a repository.
pub(crate) struct Nodes<'c> {
    pub(crate) conn: &'c Connection,
    pub(crate) repo: RepoId,
}

impl NodeSource for Nodes<'_> {
    type Error = StoreError;

    /// A row of another CID counts as missing: the tree is older or newer than the rows.
    fn node(&self, lo: &str, layer: u8, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        let bytes: Option<Vec<u8>> = self
            .conn
            .prepare_cached(
                "SELECT bytes FROM node WHERE repo = ?1 AND lo = ?2 AND layer = ?3 AND cid = ?4",
            )?
            .query_row((self.repo.0, lo, layer, cid.digest()), |row| row.get(0))
            .optional()?;
        Ok(bytes.map(Bytes::from))
    }
}
