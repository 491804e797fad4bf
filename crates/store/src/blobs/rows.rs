//! The rows of blobs. Records refer to them from the tables of repositories.

use cairn_model::{BlobRef, Cid};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{BlobName, UploadError};
use crate::accounts::columns::opt_instant;
use crate::accounts::{Standing, standing_of};
use crate::{AccountId, NoAccount, Quotas, RepoId, StoreError, WriteTx};

/// What is known of a blob, whatever its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    pub blob: BlobRef,
    /// Since when it waits for a record to refer to it.
    pub temporary_since: Option<jiff::Timestamp>,
    /// Since when no record refers to it any more.
    pub unreferenced_since: Option<jiff::Timestamp>,
    /// The moderation reference of a takedown.
    pub takedown_ref: Option<String>,
}

impl BlobInfo {
    /// Whether anyone may fetch it from an active account.
    pub fn is_served(&self) -> bool {
        self.temporary_since.is_none()
            && self.unreferenced_since.is_none()
            && self.takedown_ref.is_none()
    }
}

/// A blob that a record refers to and that was never uploaded here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingBlob {
    pub cid: Cid,
    /// `collection/rkey` of one record that refers to it.
    pub record_path: String,
}

/// Blobs of one account in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobCounts {
    /// Different blobs that records refer to.
    pub expected: u64,
    /// Blobs that are here. Those that no record refers to any more are on their way out, and do not count.
    pub imported: u64,
}

/// Makes a blob permanent because a record refers to it.
pub(super) fn mark_referenced(
    tx: &WriteTx<'_>,
    account: AccountId,
    cid: &Cid,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE blob SET temporary_since = NULL, unreferenced_since = NULL
         WHERE account = ?1 AND cid = ?2
           AND (temporary_since IS NOT NULL OR unreferenced_since IS NOT NULL)",
    )?
    .execute((account.get(), cid.to_bytes()))?;
    Ok(())
}

/// Brings all blobs of an account in line with the references of its repository, after an import.
pub(crate) fn settle_references(
    tx: &WriteTx<'_>,
    account: AccountId,
    repo: RepoId,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE blob SET temporary_since = NULL, unreferenced_since = NULL
         WHERE account = ?1 AND (temporary_since IS NOT NULL OR unreferenced_since IS NOT NULL)
           AND EXISTS (SELECT 1 FROM blob_ref WHERE repo = ?2 AND blob_ref.cid = blob.cid)",
    )?
    .execute((account.get(), repo.0))?;
    tx.prepare_cached(
        "UPDATE blob SET unreferenced_since = ?3
         WHERE account = ?1 AND temporary_since IS NULL AND unreferenced_since IS NULL
           AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE repo = ?2 AND blob_ref.cid = blob.cid)",
    )?
    .execute((account.get(), repo.0, tx.now_micros()))?;
    Ok(())
}

/// Records that the bytes of a blob are in place.
pub(super) fn insert_upload(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    blob: &BlobRef,
    default_quotas: Quotas,
) -> Result<(), UploadError> {
    let standing = standing_of(tx, account)?.ok_or(NoAccount)?;
    match find(tx, BlobName { account, cid: blob.cid })? {
        Some(known) if known.takedown_ref.is_some() => return Err(UploadError::TakenDown),
        // Its bytes are counted.
        Some(_) => {}
        None => check_quota(&standing, blob.size, default_quotas)?,
    }
    Ok(upsert(tx, account, blob)?)
}

fn check_quota(standing: &Standing, bytes: u64, defaults: Quotas) -> Result<(), UploadError> {
    let used_bytes = standing.blob_bytes;
    match standing.quotas.or(defaults).blob_bytes {
        Some(quota_bytes) if used_bytes.saturating_add(bytes) > quota_bytes => {
            Err(UploadError::QuotaExceeded { quota_bytes, used_bytes })
        }
        _ => Ok(()),
    }
}

/// A blob that records refer to keeps the type that it has; any other is as if it were fresh.
fn upsert(tx: &WriteTx<'_>, account: AccountId, blob: &BlobRef) -> Result<(), StoreError> {
    let size = i64::try_from(blob.size).map_err(|_| StoreError::Damaged { what: "blob size" })?;
    let temporary_since =
        if is_referenced(tx, account, &blob.cid)? { None } else { Some(tx.now_micros()) };
    tx.prepare_cached(
        "INSERT INTO blob (account, cid, mime_type, size, created_at, temporary_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, cid) DO UPDATE SET
           mime_type = CASE WHEN temporary_since IS NULL AND unreferenced_since IS NULL
             THEN mime_type ELSE excluded.mime_type END,
           temporary_since = CASE WHEN temporary_since IS NULL AND unreferenced_since IS NULL
             THEN NULL ELSE excluded.temporary_since END,
           unreferenced_since = NULL",
    )?
    .execute((
        account.get(),
        blob.cid.to_bytes(),
        &blob.mime_type,
        size,
        tx.now_micros(),
        temporary_since,
    ))?;
    Ok(())
}

/// Whether a record of the account's current repository refers to the blob.
pub(super) fn is_referenced(
    conn: &Connection,
    account: AccountId,
    cid: &Cid,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM repo JOIN blob_ref ON blob_ref.repo = repo.id
               WHERE repo.account = ?1 AND repo.state = 1 AND blob_ref.cid = ?2)",
        )?
        .query_row((account.get(), cid.to_bytes()), |row| row.get(0))?)
}

pub(super) fn find(conn: &Connection, name: BlobName) -> Result<Option<BlobInfo>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT mime_type, size, temporary_since, unreferenced_since, takedown_ref
             FROM blob WHERE account = ?1 AND cid = ?2",
        )?
        .query_row((name.account.get(), name.cid.to_bytes()), |row| {
            Ok((
                row.get("mime_type")?,
                row.get::<_, i64>("size")?,
                opt_instant(row, "temporary_since")?,
                opt_instant(row, "unreferenced_since")?,
                row.get("takedown_ref")?,
            ))
        })
        .optional()?;
    let Some((mime_type, size, temporary_since, unreferenced_since, takedown_ref)) = found else {
        return Ok(None);
    };
    let size = unsigned(size)?;
    let blob = BlobRef { cid: name.cid, mime_type, size };
    Ok(Some(BlobInfo { blob, temporary_since, unreferenced_since, takedown_ref }))
}

pub(super) fn set_takedown(
    conn: &Connection,
    name: BlobName,
    takedown_ref: Option<&str>,
) -> Result<bool, StoreError> {
    let changed = conn
        .prepare_cached("UPDATE blob SET takedown_ref = ?3 WHERE account = ?1 AND cid = ?2")?
        .execute((name.account.get(), name.cid.to_bytes(), takedown_ref))?;
    Ok(changed > 0)
}

/// CIDs that records refer to, in the order of their bytes; with `since`, only from records that
/// were written in a later revision, or all if an import has replaced the repository of that one.
pub(super) fn list(
    conn: &Connection,
    account: AccountId,
    since: Option<i64>,
    after: Option<&Cid>,
    limit: u32,
) -> Result<Vec<Cid>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT blob_ref.cid FROM repo JOIN blob_ref ON blob_ref.repo = repo.id
         WHERE repo.account = ?1 AND repo.state = 1 AND blob_ref.cid > ?2
           AND (?3 IS NULL OR ?3 < repo.first_rev OR (SELECT rev FROM record
                 WHERE record.repo = blob_ref.repo AND record.path = blob_ref.path) > ?3)
         ORDER BY blob_ref.cid LIMIT ?4",
    )?;
    let mut rows = statement.query((account.get(), cursor_bytes(after), since, limit))?;
    let mut cids = Vec::new();
    while let Some(row) = rows.next()? {
        cids.push(cid(row, 0)?);
    }
    Ok(cids)
}

/// Blobs that are here, that records refer to and that moderation leaves alone, in the order of their CIDs' bytes.
pub(super) fn held(
    conn: &Connection,
    account: AccountId,
    after: Option<&Cid>,
    limit: u32,
) -> Result<Vec<BlobRef>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT cid, mime_type, size FROM blob
         WHERE account = ?1 AND cid > ?2 AND temporary_since IS NULL
           AND unreferenced_since IS NULL AND takedown_ref IS NULL
         ORDER BY cid LIMIT ?3",
    )?;
    let mut rows = statement.query((account.get(), cursor_bytes(after), limit))?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let size = unsigned(row.get(2)?)?;
        held.push(BlobRef { cid: cid(row, 0)?, mime_type: row.get(1)?, size });
    }
    Ok(held)
}

pub(super) fn list_missing(
    conn: &Connection,
    account: AccountId,
    after: Option<&Cid>,
    limit: u32,
) -> Result<Vec<MissingBlob>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT blob_ref.cid, min(blob_ref.path) FROM repo
         JOIN blob_ref ON blob_ref.repo = repo.id
         WHERE repo.account = ?1 AND repo.state = 1 AND blob_ref.cid > ?2
           AND NOT EXISTS (SELECT 1 FROM blob
             WHERE blob.account = ?1 AND blob.cid = blob_ref.cid)
         GROUP BY blob_ref.cid ORDER BY blob_ref.cid LIMIT ?3",
    )?;
    let mut rows = statement.query((account.get(), cursor_bytes(after), limit))?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        missing.push(MissingBlob { cid: cid(row, 0)?, record_path: row.get(1)? });
    }
    Ok(missing)
}

pub(super) fn count(conn: &Connection, account: AccountId) -> Result<BlobCounts, StoreError> {
    let expected: i64 = conn
        .prepare_cached(
            "SELECT count(DISTINCT blob_ref.cid) FROM repo
             JOIN blob_ref ON blob_ref.repo = repo.id
             WHERE repo.account = ?1 AND repo.state = 1",
        )?
        .query_row([account.get()], |row| row.get(0))?;
    let imported: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM blob WHERE account = ?1 AND unreferenced_since IS NULL",
        )?
        .query_row([account.get()], |row| row.get(0))?;
    Ok(BlobCounts { expected: unsigned(expected)?, imported: unsigned(imported)? })
}

/// A page of an account's blobs with their sizes, for checks.
pub(super) fn sizes(
    conn: &Connection,
    account: AccountId,
    after: Option<&Cid>,
    limit: u32,
) -> Result<Vec<(Cid, u64)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT cid, size FROM blob WHERE account = ?1 AND cid > ?2 ORDER BY cid LIMIT ?3",
    )?;
    let mut rows = statement.query((account.get(), cursor_bytes(after), limit))?;
    let mut sizes = Vec::new();
    while let Some(row) = rows.next()? {
        sizes.push((cid(row, 0)?, unsigned(row.get(1)?)?));
    }
    Ok(sizes)
}

pub(crate) fn cid(row: &Row<'_>, index: usize) -> Result<Cid, StoreError> {
    let bytes = row.get_ref(index)?.as_blob().map_err(|_| DAMAGED_CID)?;
    Cid::from_bytes(bytes).map_err(|_| DAMAGED_CID)
}

const DAMAGED_CID: StoreError = StoreError::Damaged { what: "blob cid" };

/// The empty blob sorts before every CID.
fn cursor_bytes(after: Option<&Cid>) -> Vec<u8> {
    after.map_or_else(Vec::new, |cid| cid.to_bytes().to_vec())
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged { what: "blob size" })
}
