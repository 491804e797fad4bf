//! What moderation hides at present, in lists, and what a blob belongs to.

use cairn_model::{Cid, Did, RepoPath};
use rusqlite::Row;

use crate::accounts::columns::parsed;
use crate::blobs::cid_of;
use crate::{AccountId, Store, StoreError};

/// Lists have no longer pages.
const MAX_PAGE: u32 = 1_000;

/// A record that is hidden. It may be gone from the repository, and would be hidden again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenRecord {
    pub account: AccountId,
    pub did: Did,
    pub path: RepoPath,
    pub reference: String,
}

/// A blob that is neither served nor taken again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenBlob {
    pub account: AccountId,
    pub did: Did,
    pub cid: Cid,
    pub reference: String,
}

impl Store {
    /// Hidden records by account and path, after one.
    pub async fn hidden_records(
        &self,
        after: Option<(AccountId, RepoPath)>,
        limit: u32,
    ) -> Result<Vec<HiddenRecord>, StoreError> {
        let (account, path) =
            after.map_or((0, String::new()), |(account, path)| (account.get(), path.to_string()));
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT account, did, path, reference
                 FROM record_takedown JOIN account ON account.id = record_takedown.account
                 WHERE (account, path) > (?1, ?2) ORDER BY account, path LIMIT ?3",
            )?;
            let rows = statement.query_map((account, path, limit.min(MAX_PAGE)), record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Hidden blobs by account and CID, after one.
    pub async fn hidden_blobs(
        &self,
        after: Option<(AccountId, Cid)>,
        limit: u32,
    ) -> Result<Vec<HiddenBlob>, StoreError> {
        let (account, cid) = after
            .map_or((0, Vec::new()), |(account, cid)| (account.get(), cid.to_bytes().to_vec()));
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT blob.account, did, blob.cid, blob.takedown_ref
                 FROM blob JOIN account ON account.id = blob.account
                 WHERE blob.takedown_ref IS NOT NULL AND (blob.account, blob.cid) > (?1, ?2)
                 ORDER BY blob.account, blob.cid LIMIT ?3",
            )?;
            let mut rows = statement.query((account, cid, limit.min(MAX_PAGE)))?;
            let mut blobs = Vec::new();
            while let Some(row) = rows.next()? {
                blobs.push(HiddenBlob {
                    account: AccountId::new(row.get(0)?),
                    did: parsed(row, "did")?,
                    cid: cid_of(row, 2)?,
                    reference: row.get(3)?,
                });
            }
            Ok(blobs)
        })
        .await
    }

    /// Where an account's records refer to a blob, in order, `limit` of them at most.
    pub async fn records_with_blob(
        &self,
        account: AccountId,
        cid: Cid,
        limit: u32,
    ) -> Result<Vec<RepoPath>, StoreError> {
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT path FROM repo JOIN blob_ref ON blob_ref.repo = repo.id
                 WHERE repo.account = ?1 AND repo.state = 1 AND blob_ref.cid = ?2
                 ORDER BY path LIMIT ?3",
            )?;
            let rows = statement
                .query_map((account.get(), cid.to_bytes(), limit.min(MAX_PAGE)), |row| {
                    parsed(row, "path")
                })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<HiddenRecord> {
    Ok(HiddenRecord {
        account: AccountId::new(row.get("account")?),
        did: parsed(row, "did")?,
        path: parsed(row, "path")?,
        reference: row.get("reference")?,
    })
}
