//! Receiving a blob.
//!
//! Bytes go to a temporary file in steps of about a megabyte, hashed and written on a blocking
//! thread while the next step arrives, so that memory stays flat whatever the size and a slow
//! client holds no thread. Finishing syncs the bytes, names the file by its CID, and then writes
//! the row: a row therefore always has its file, and a crash leaves at most a file without a row.

use std::io::{self, Write};

use bytes::Bytes;

use cairn_model::{BlobRef, Cid, Codec};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::runtime::Handle;
use tokio::sync::OwnedRwLockReadGuard;
use tokio::task::JoinHandle;

use super::files::BlobFolder;
use super::{BlobName, rows, sniff};
use crate::accounts::standing_of;
use crate::{Account, AccountId, AccountRef, NoAccount, Store, StoreError};

/// Bytes that are gathered before a blocking thread takes them. A 1 MB image is one step.
const STEP_BYTES: usize = 1024 * 1024;

/// Why a blob was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the blob is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    /// The account's blobs would take more than they may.
    #[error("the account's blobs may take {quota_bytes} bytes, and take {used_bytes}")]
    QuotaExceeded { quota_bytes: u64, used_bytes: u64 },
    /// Moderation took a blob of this content down; it cannot come back this way.
    #[error("the blob was taken down and cannot be uploaded again")]
    TakenDown,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An upload under way. Dropping it discards what came so far.
pub struct BlobUpload {
    store: Store,
    account: AccountId,
    limit_bytes: u64,
    quota: Option<Quota>,
    received_bytes: u64,
    step: Vec<Bytes>,
    step_bytes: usize,
    draft: Draft,
}

/// What the account's blobs may take and took when the upload began. The transaction that writes the row looks again.
#[derive(Clone, Copy)]
struct Quota {
    bytes: u64,
    used_bytes: u64,
}

/// Where the bytes received so far are.
enum Draft {
    /// None is written yet.
    Empty,
    /// A blocking thread is at work on a step.
    Writing(JoinHandle<io::Result<DraftFile>>),
    /// A step failed, or the draft was handed on.
    Gone,
}

/// A temporary file and what is known of its content.
struct DraftFile {
    file: NamedTempFile,
    hasher: Sha256,
    head: Vec<u8>,
}

/// A whole temporary file, synced.
struct Sealed {
    file: NamedTempFile,
    cid: Cid,
    head: Vec<u8>,
}

impl Store {
    /// Begins an upload of at most `limit_bytes` to an account, which may be inactive.
    ///
    /// # Errors
    /// Without an account, and when the disk has no room for more.
    pub async fn upload_blob(
        &self,
        account: impl Into<AccountRef>,
        limit_bytes: u64,
    ) -> Result<BlobUpload, UploadError> {
        let account = self.account(account).await?.ok_or(NoAccount)?;
        self.space().for_blobs(0)?;
        Ok(BlobUpload {
            store: self.clone(),
            account: account.id,
            limit_bytes,
            quota: self.blob_quota(&account).await?,
            received_bytes: 0,
            step: Vec::new(),
            step_bytes: 0,
            draft: Draft::Empty,
        })
    }

    async fn blob_quota(&self, account: &Account) -> Result<Option<Quota>, UploadError> {
        let Some(bytes) = account.quotas.or(self.config().quotas).blob_bytes else {
            return Ok(None);
        };
        let id = account.id;
        let standing = self.read_one(move |tx| standing_of(tx, id)).await?.ok_or(NoAccount)?;
        Ok(Some(Quota { bytes, used_bytes: standing.blob_bytes }))
    }
}

impl BlobUpload {
    /// Says how many bytes will come, so that what does not fit is refused before it comes.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::QuotaExceeded`], or no room on the disk.
    pub fn announce(&self, bytes: u64) -> Result<(), UploadError> {
        self.check(bytes)?;
        Ok(self.store.space().for_blobs(bytes)?)
    }

    fn check(&self, bytes: u64) -> Result<(), UploadError> {
        if bytes > self.limit_bytes {
            return Err(UploadError::TooLarge { limit_bytes: self.limit_bytes });
        }
        match self.quota {
            Some(quota) if quota.used_bytes.saturating_add(bytes) > quota.bytes => {
                let (quota_bytes, used_bytes) = (quota.bytes, quota.used_bytes);
                Err(UploadError::QuotaExceeded { quota_bytes, used_bytes })
            }
            _ => Ok(()),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`] or [`UploadError::QuotaExceeded`] as soon as one is passed. After an error the upload is
    /// over.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), UploadError> {
        let length = chunk.len();
        self.received_bytes = self.received_bytes.saturating_add(length as u64);
        self.check(self.received_bytes)?;
        self.step.push(chunk);
        self.step_bytes += length;
        if self.step_bytes >= STEP_BYTES {
            let draft = self.take_draft().await?;
            let step = self.take_step();
            let folder = self.store.blob_folder().clone();
            // Each step looks again: uploads that run at the same time share what is free.
            self.store.space().for_blobs(self.step_bytes as u64)?;
            self.draft = Draft::Writing(tokio::task::spawn_blocking(move || {
                let mut draft = DraftFile::or_new(draft, &folder)?;
                draft.append(&step)?;
                Ok(draft)
            }));
        }
        Ok(())
    }

    /// How many bytes came so far.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Ends the upload. The blob is durable, and temporary unless a record already refers to it.
    ///
    /// The type is what the first bytes say, else `declared_mime_type` (a `Content-Type`), else
    /// `application/octet-stream`.
    pub async fn finish(
        mut self,
        declared_mime_type: Option<&str>,
    ) -> Result<BlobRef, UploadError> {
        let draft = self.take_draft().await?;
        let step = self.take_step();
        let folder = self.store.blob_folder().clone();
        let account = self.account;
        let Sealed { file, cid, head } = blocking({
            let folder = folder.clone();
            move || {
                let mut draft = DraftFile::or_new(draft, &folder)?;
                draft.append(&step)?;
                draft.seal()
            }
        })
        .await?;
        // Not on a blocking thread: a removal, which holds the gate, needs one of those to end.
        let gate = folder.gate().clone().read_owned().await;
        let gate = blocking(move || {
            folder.place(file, account, &cid)?;
            Ok(gate)
        })
        .await?;
        let mime_type = sniff::mime_type(&head, declared_mime_type);
        self.record(BlobRef { cid, mime_type, size: self.received_bytes }, gate).await
    }

    /// Writes the row. The gate travels with the job, so that it holds even if the caller is gone.
    async fn record(
        &self,
        blob: BlobRef,
        gate: OwnedRwLockReadGuard<()>,
    ) -> Result<BlobRef, UploadError> {
        let name = BlobName { account: self.account, cid: blob.cid };
        let (row, defaults) = (blob.clone(), self.store.config().quotas);
        let recorded = self
            .store
            .write_tx(move |tx| {
                let _held = &gate;
                rows::insert_upload(tx, name.account, &row, defaults)
            })
            .await;
        if let Err(UploadError::NoAccount(_) | UploadError::QuotaExceeded { .. }) = &recorded {
            self.store.remove_orphans(name.account, vec![name.cid]).await?;
        }
        recorded.map(|()| blob)
    }

    async fn take_draft(&mut self) -> Result<Option<DraftFile>, StoreError> {
        match std::mem::replace(&mut self.draft, Draft::Gone) {
            Draft::Empty => Ok(None),
            Draft::Writing(task) => Ok(Some(join(task).await?)),
            Draft::Gone => Err(io::Error::other("the upload failed before").into()),
        }
    }

    fn take_step(&mut self) -> Vec<Bytes> {
        self.step_bytes = 0;
        std::mem::take(&mut self.step)
    }
}

/// The file is removed off the async threads, which takes a while if it is large.
impl Drop for BlobUpload {
    fn drop(&mut self) {
        let draft = std::mem::replace(&mut self.draft, Draft::Gone);
        if let (Draft::Writing(task), Ok(runtime)) = (draft, Handle::try_current()) {
            runtime.clone().spawn_blocking(move || drop(runtime.block_on(task)));
        }
    }
}

impl DraftFile {
    fn or_new(draft: Option<Self>, folder: &BlobFolder) -> io::Result<Self> {
        match draft {
            Some(draft) => Ok(draft),
            None => {
                let file = folder.new_temp()?;
                Ok(Self { file, hasher: Sha256::new(), head: Vec::new() })
            }
        }
    }

    fn append(&mut self, step: &[Bytes]) -> io::Result<()> {
        for chunk in step {
            let wanted = sniff::HEAD_BYTES.saturating_sub(self.head.len()).min(chunk.len());
            self.head.extend_from_slice(&chunk[..wanted]);
            self.hasher.update(chunk);
            self.file.as_file_mut().write_all(chunk)?;
        }
        Ok(())
    }

    fn seal(self) -> io::Result<Sealed> {
        self.file.as_file().sync_data()?;
        let cid = Cid::new(Codec::Raw, self.hasher.finalize().into());
        Ok(Sealed { file: self.file, cid, head: self.head })
    }
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    join(tokio::task::spawn_blocking(work)).await
}

async fn join<T>(task: JoinHandle<io::Result<T>>) -> Result<T, StoreError> {
    match task.await {
        Ok(done) => Ok(done?),
        // The runtime drops blocking tasks that have not begun when it shuts down.
        Err(error) if error.is_cancelled() => Err(StoreError::Closed),
        Err(error) => Err(io::Error::other(error).into()),
    }
}
