//! Reading blobs, and what is known of them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use cairn_model::{BlobRef, Cid, Tid};

use super::BlobName;
use super::rows::{self, BlobCounts, BlobInfo, MissingBlob};
use super::upload::blocking;
use crate::{AccountId, Store, StoreError};

/// More CIDs do not go in one page.
const MAX_PAGE: u32 = 1_000;

/// An open blob. Its bytes stay readable even if the blob is removed meanwhile.
#[derive(Clone, Debug)]
pub struct BlobFile {
    pub blob: BlobRef,
    file: Arc<File>,
}

impl BlobFile {
    /// At most `max_bytes` from `offset` on; empty at the end. Reads on a blocking thread.
    pub async fn read_at(&self, offset: u64, max_bytes: usize) -> Result<Bytes, StoreError> {
        let left = usize::try_from(self.blob.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(max_bytes);
        let file = Arc::clone(&self.file);
        // Taken on the caller's thread, where it is given back too: what is allocated on one of many
        // blocking threads and freed elsewhere stays with that thread's heap.
        let mut buffer = Vec::with_capacity(length);
        blocking(move || {
            buffer.resize(length, 0);
            file.read_exact_at(&mut buffer, offset)?;
            Ok(Bytes::from(buffer))
        })
        .await
    }

    /// The file itself, for callers that bring their own way of reading it.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}

impl Store {
    /// Opens a blob for its public: none when it is unknown, temporary, no longer referred to, or
    /// taken down. Whether the account is active is for the caller to judge.
    pub async fn open_blob(
        &self,
        account: AccountId,
        cid: Cid,
    ) -> Result<Option<BlobFile>, StoreError> {
        let path = self.blob_folder().path(account, &cid);
        self.read_one(move |tx| {
            let name = BlobName { account, cid };
            let Some(info) = rows::find(tx, name)?.filter(BlobInfo::is_served) else {
                return Ok(None);
            };
            let file = match File::open(path) {
                Ok(file) => file,
                // Removed between the snapshot and now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            if file.metadata()?.len() != info.blob.size {
                return Err(StoreError::Damaged { what: "blob file" });
            }
            Ok(Some(BlobFile { blob: info.blob, file: Arc::new(file) }))
        })
        .await
    }

    /// What is known of a blob, whatever its state.
    pub async fn blob_info(
        &self,
        account: AccountId,
        cid: Cid,
    ) -> Result<Option<BlobInfo>, StoreError> {
        self.read_one(move |tx| rows::find(tx, BlobName { account, cid })).await
    }

    /// Takes a blob down (`Some`), or brings it back (`None`). A blob that is down is neither served
    /// nor taken again. Returns whether the blob is known.
    pub async fn set_blob_takedown(
        &self,
        account: AccountId,
        cid: Cid,
        takedown_ref: Option<String>,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| {
            rows::set_takedown(tx, BlobName { account, cid }, takedown_ref.as_deref())
        })
        .await
    }

    /// CIDs that the account's records refer to, after `cursor`; with `since`, only those of records
    /// that were written in a later revision. Includes blobs whose bytes are not here yet.
    pub async fn list_blobs(
        &self,
        account: AccountId,
        since: Option<Tid>,
        cursor: Option<Cid>,
        limit: u32,
    ) -> Result<Vec<Cid>, StoreError> {
        let since = match since.map(|rev| i64::try_from(rev.as_u64())).transpose() {
            Ok(since) => since,
            // No TID has the top bit set, so no record is newer.
            Err(_) => return Ok(Vec::new()),
        };
        let limit = limit.min(MAX_PAGE);
        self.read_one(move |tx| rows::list(tx, account, since, cursor.as_ref(), limit)).await
    }

    /// Blobs of an account that [`Store::open_blob`] opens, after `cursor`.
    pub async fn held_blobs(
        &self,
        account: AccountId,
        cursor: Option<Cid>,
        limit: u32,
    ) -> Result<Vec<BlobRef>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.read_one(move |tx| rows::held(tx, account, cursor.as_ref(), limit)).await
    }

    /// Blobs that the account's records refer to and that were not uploaded, after `cursor`.
    pub async fn list_missing_blobs(
        &self,
        account: AccountId,
        cursor: Option<Cid>,
        limit: u32,
    ) -> Result<Vec<MissingBlob>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.read_one(move |tx| rows::list_missing(tx, account, cursor.as_ref(), limit)).await
    }

    /// Whether a record of the account refers to the blob, wherever its bytes are.
    pub async fn refers_to_blob(&self, account: AccountId, cid: Cid) -> Result<bool, StoreError> {
        self.read_one(move |tx| rows::is_referenced(tx, account, &cid)).await
    }

    /// How many blobs the account's records refer to, and how many are here.
    pub async fn blob_counts(&self, account: AccountId) -> Result<BlobCounts, StoreError> {
        self.read(move |tx| rows::count(tx, account)).await
    }
}
