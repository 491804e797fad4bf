//! Removing the bytes that nobody needs: uploads that no record took, blobs whose last reference
//! went, and files that a crash left without a row.

use std::time::{Duration, SystemTime};

use cairn_model::Cid;
use rusqlite::Connection;

use super::upload::blocking;
use super::{BlobName, rows};
use crate::accounts::columns::micros;
use crate::{AccountId, Store, StoreError, WriteTx};

/// Blobs that are removed under one hold of the gate; uploads wait that long.
const BATCH: u32 = 128;
/// A file younger than this may belong to an upload whose row is still to come.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// How long blobs that no record refers to are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobAges {
    /// From the upload on. The spec asks for an hour at least and advises several.
    pub temporary: Duration,
    /// From the loss of the last reference on.
    pub unreferenced: Duration,
}

impl Default for BlobAges {
    fn default() -> Self {
        Self {
            temporary: Duration::from_secs(6 * 3600),
            unreferenced: Duration::from_secs(24 * 3600),
        }
    }
}

/// The instants before which blobs have waited long enough.
#[derive(Clone, Copy)]
struct Deadlines {
    temporary: i64,
    unreferenced: i64,
}

impl Store {
    /// Job: removes blobs that no record has referred to for as long as `ages` says. Returns how
    /// many. Blobs that were taken down stay, so that they are known when they come again.
    pub async fn collect_blobs(&self, ages: BlobAges) -> Result<usize, StoreError> {
        let now = self.clock().now();
        let before = |age: Duration| now.checked_sub(age).map_or(i64::MIN, micros);
        let deadlines = Deadlines {
            temporary: before(ages.temporary),
            unreferenced: before(ages.unreferenced),
        };
        let mut total = 0;
        loop {
            let due = self.read(move |tx| due(tx, deadlines)).await?;
            if due.is_empty() {
                return Ok(total);
            }
            total += self.remove_blobs(due, deadlines).await?;
        }
    }

    async fn remove_blobs(
        &self,
        due: Vec<BlobName>,
        deadlines: Deadlines,
    ) -> Result<usize, StoreError> {
        let gate = self.blob_folder().gate().clone().write_owned().await;
        let removed = self.write_tx(move |tx| remove_rows(tx, &due, deadlines)).await?;
        let folder = self.blob_folder().clone();
        blocking(move || {
            let _held = gate;
            for name in &removed {
                folder.remove(name.account, &name.cid)?;
            }
            Ok(removed.len())
        })
        .await
    }

    /// Job: removes files without a row, which a crash between the two leaves behind. Walks the
    /// whole blob folder, so once a day is enough. Returns how many were removed.
    pub async fn sweep_blob_files(&self) -> Result<usize, StoreError> {
        let folder = self.blob_folder().clone();
        let mut total = 0;
        for account in blocking(move || folder.accounts()).await? {
            let folder = self.blob_folder().clone();
            let written_before = SystemTime::now() - ORPHAN_AGE;
            let files = blocking(move || folder.files_of(account, written_before)).await?;
            for batch in files.chunks(BATCH as usize) {
                total += self.remove_orphans(account, batch.to_vec()).await?;
            }
        }
        Ok(total)
    }

    /// Removes those of the files that have no row.
    pub(super) async fn remove_orphans(
        &self,
        account: AccountId,
        cids: Vec<Cid>,
    ) -> Result<usize, StoreError> {
        let gate = self.blob_folder().gate().clone().write_owned().await;
        let orphans = self
            .read(move |tx| {
                let mut orphans = Vec::new();
                for cid in cids {
                    if rows::find(tx, BlobName { account, cid })?.is_none() {
                        orphans.push(cid);
                    }
                }
                Ok::<_, StoreError>(orphans)
            })
            .await?;
        let folder = self.blob_folder().clone();
        blocking(move || {
            let _held = gate;
            for cid in &orphans {
                folder.remove(account, cid)?;
            }
            Ok(orphans.len())
        })
        .await
    }
}

fn due(conn: &Connection, deadlines: Deadlines) -> Result<Vec<BlobName>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT account, cid FROM blob WHERE temporary_since <= ?1 AND takedown_ref IS NULL
         UNION ALL
         SELECT account, cid FROM blob WHERE unreferenced_since <= ?2 AND takedown_ref IS NULL
         LIMIT ?3",
    )?;
    let mut rows = statement.query((deadlines.temporary, deadlines.unreferenced, BATCH))?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(BlobName { account: AccountId::new(row.get(0)?), cid: rows::cid(row, 1)? });
    }
    Ok(due)
}

/// Removes the rows that are still due. One that a record refers to after all is put right.
fn remove_rows(
    tx: &mut WriteTx<'_>,
    due: &[BlobName],
    deadlines: Deadlines,
) -> Result<Vec<BlobName>, StoreError> {
    let mut removed = Vec::new();
    let mut delete = tx.prepare_cached(
        "DELETE FROM blob WHERE account = ?1 AND cid = ?2 AND takedown_ref IS NULL
           AND (temporary_since <= ?3 OR unreferenced_since <= ?4)",
    )?;
    for name in due {
        if rows::is_referenced(tx, name.account, &name.cid)? {
            rows::mark_referenced(tx, name.account, &name.cid)?;
            continue;
        }
        let cid = name.cid.to_bytes();
        let keys = (name.account.get(), cid, deadlines.temporary, deadlines.unreferenced);
        if delete.execute(keys)? > 0 {
            removed.push(*name);
        }
    }
    Ok(removed)
}
