//! Blob references of records: checked before a write, kept with it, dropped with its record.
//! https://atproto.com/specs/blob

use cairn_model::{BlobRef, Cid, RepoPath};
use rusqlite::{Connection, OptionalExtension};

use super::write::WriteError;
use crate::db::WriteTx;
use crate::error::StoreError;
use crate::ids::{AccountId, RepoId};

/// Checks that the account has the blob and may use it. What a record says of a blob that nothing
/// refers to yet must be true; later ones are not compared, as in the reference implementation.
pub(crate) fn check(
    conn: &Connection,
    account: AccountId,
    blob: &BlobRef,
) -> Result<(), WriteError> {
    let stored: Option<(String, i64, bool, bool)> = conn
        .prepare_cached(
            "SELECT mime_type, size, temporary_since IS NOT NULL, takedown_ref IS NOT NULL
             FROM blob WHERE account = ?1 AND cid = ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_row((account.get(), blob.cid.to_bytes()), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
                .optional()
        })
        .map_err(StoreError::from)?;
    let Some((mime_type, size, temporary, false)) = stored else {
        return Err(WriteError::BlobNotFound { cid: blob.cid });
    };
    if !temporary {
        return Ok(());
    }
    if mime_type != blob.mime_type {
        return Err(WriteError::InvalidMimeType {
            cid: blob.cid,
            stored: mime_type,
            referenced: blob.mime_type.clone(),
        });
    }
    let stored = u64::try_from(size).unwrap_or(0);
    if stored != blob.size {
        return Err(WriteError::InvalidSize { cid: blob.cid, stored, referenced: blob.size });
    }
    Ok(())
}

/// Adds the references of a record, and keeps the blobs for good.
pub(crate) fn add(
    tx: &WriteTx<'_>,
    account: AccountId,
    repo: RepoId,
    path: &RepoPath,
    blobs: &[BlobRef],
) -> Result<(), StoreError> {
    for blob in blobs {
        let cid = blob.cid.to_bytes();
        tx.prepare_cached("INSERT OR IGNORE INTO blob_ref (repo, path, cid) VALUES (?1, ?2, ?3)")?
            .execute((repo.0, path.as_str(), cid))?;
        tx.prepare_cached(
            "UPDATE blob SET temporary_since = NULL, unreferenced_since = NULL
             WHERE account = ?1 AND cid = ?2
             AND (temporary_since IS NOT NULL OR unreferenced_since IS NOT NULL)",
        )?
        .execute((account.get(), cid))?;
    }
    Ok(())
}

/// Drops the references of a path. Returns the blobs it referred to.
pub(crate) fn remove(
    tx: &WriteTx<'_>,
    repo: RepoId,
    path: &RepoPath,
) -> Result<Vec<Cid>, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "blob reference" };
    let mut statement =
        tx.prepare_cached("DELETE FROM blob_ref WHERE repo = ?1 AND path = ?2 RETURNING cid")?;
    let mut rows = statement.query((repo.0, path.as_str()))?;
    let mut cids = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(|_| DAMAGED)?;
        cids.push(Cid::from_bytes(bytes).map_err(|_| DAMAGED)?);
    }
    Ok(cids)
}

/// Marks those of the blobs to which no record refers any more. They are removed some time later.
pub(crate) fn mark_unreferenced(
    tx: &WriteTx<'_>,
    account: AccountId,
    repo: RepoId,
    cids: &[Cid],
) -> Result<(), StoreError> {
    for cid in cids {
        tx.prepare_cached(
            "UPDATE blob SET unreferenced_since = ?4
             WHERE account = ?1 AND cid = ?3 AND temporary_since IS NULL
             AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE repo = ?2 AND cid = ?3)",
        )?
        .execute((account.get(), repo.0, cid.to_bytes(), tx.now_micros()))?;
    }
    Ok(())
}
