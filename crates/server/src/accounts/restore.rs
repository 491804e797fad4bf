//! An account is filled from what its owner has kept: a repository as a CAR, or the archive that [`super::export`] makes.
//!
//! For accounts that are not active: those that have come without their old server, or whose server has lost them. What is here
//! already stays, so that a file that breaks off is simply sent again.

use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cairn_model::Cid;
use cairn_store::{Account, NoAccount, StoreError, UploadError};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::export::type_of;
use super::import;
use super::moving::{self, Claim};
use super::preferences::Preferences;
use super::tar::{self, BLOCK, NotTar};
use crate::App;
use crate::error::XrpcError;

/// A file as it comes.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, XrpcError>> + Send>>;

/// What an archive says of itself, or the preferences, in bytes.
const MAX_JSON_BYTES: u64 = 4 << 20;

/// Why an account is not filled from a file.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the account is active")]
    Active,
    #[error("the account is being moved in")]
    Busy,
    #[error("neither a CAR nor an archive")]
    Kind,
    #[error("the archive is of another account")]
    Another,
    #[error("the file ends too early")]
    Short,
    #[error(transparent)]
    Failed(#[from] XrpcError),
}

impl From<NotTar> for RestoreError {
    fn from(NotTar: NotTar) -> Self {
        Self::Kind
    }
}

impl From<StoreError> for RestoreError {
    fn from(err: StoreError) -> Self {
        Self::Failed(err.into())
    }
}

impl From<UploadError> for RestoreError {
    fn from(err: UploadError) -> Self {
        Self::Failed(err.into())
    }
}

/// Takes what the file has.
///
/// # Errors
/// For an account that is active, and a file that cannot be used. What came before the fault is kept.
pub async fn restore(app: &App, account: &Account, file: &mut Pieces) -> Result<(), RestoreError> {
    let mut claim = Claim::take(app, account.id).ok_or(RestoreError::Busy)?;
    claim.wake_after();
    let account = inactive(app, account).await?;
    let mut file = Reader { pieces: file, ahead: Bytes::new() };
    file.fill(BLOCK).await?;
    if tar::is_tar(&file.ahead) {
        return archive(app, &account, &mut file).await;
    }
    if file.ahead.is_empty() {
        return Err(RestoreError::Kind);
    }
    repository(app, &account, &mut file, None).await
}

async fn inactive(app: &App, account: &Account) -> Result<Arc<Account>, RestoreError> {
    let account = app.store.account(account.id).await?.ok_or(NoAccount).map_err(XrpcError::from)?;
    if account.is_active() { Err(RestoreError::Active) } else { Ok(account) }
}

async fn archive(app: &App, account: &Account, file: &mut Reader<'_>) -> Result<(), RestoreError> {
    #[derive(Deserialize)]
    struct About {
        did: String,
    }
    let mut kept: Option<Preferences> = None;
    while let Some(block) = file.block().await? {
        let Some(entry) = tar::read(&block)? else { break };
        let size = entry.size;
        match entry.name.as_str() {
            "account.json" if entry.is_file => {
                let about: About = file.json(size).await?;
                if about.did != account.did.as_str() {
                    return Err(RestoreError::Another);
                }
            }
            "preferences.json" if entry.is_file => kept = Some(file.json(size).await?),
            "repo.car" if entry.is_file => repository(app, account, file, Some(size)).await?,
            name => match name.strip_prefix("blobs/").filter(|_| entry.is_file) {
                Some(name) => blob(app, account, file, name, size).await?,
                None => file.skip(size).await?,
            },
        }
        file.skip(tar::padding(size).len() as u64).await?;
    }
    match kept {
        Some(kept) => Ok(kept.put(&app.store, account.id, true).await?),
        None => Ok(()),
    }
}

/// The next `size` bytes, or all that are left, are a CAR.
async fn repository(
    app: &App,
    account: &Account,
    file: &mut Reader<'_>,
    size: Option<u64>,
) -> Result<(), RestoreError> {
    let limit = app.config.import_limit.unwrap_or(u64::MAX);
    let mut left = size.unwrap_or(u64::MAX);
    let mut seen = 0_u64;
    let mut arriving = import::begin(app, account).await?;
    while let Some(piece) = file.next(left).await? {
        let bytes = piece.len() as u64;
        seen = seen.saturating_add(bytes);
        if seen > limit {
            return Err(XrpcError::too_large().into());
        }
        left = left.saturating_sub(bytes);
        arriving.push(piece).await?;
    }
    if size.is_some() && left > 0 {
        return Err(RestoreError::Short);
    }
    // Sending it may have taken hours.
    inactive(app, account).await?;
    arriving.finish().await?;
    Ok(moving::repository_is_here(app, account.id).await?)
}

/// A file that is called by its CID. Those that no record waits for are passed over.
async fn blob(
    app: &App,
    account: &Account,
    file: &mut Reader<'_>,
    name: &str,
    size: u64,
) -> Result<(), RestoreError> {
    let (cid, extension) = name.split_once('.').unwrap_or((name, ""));
    let Ok(cid) = Cid::parse(cid) else { return file.skip(size).await };
    let is_wanted = app.store.refers_to_blob(account.id, cid).await?
        && app.store.blob_info(account.id, cid).await?.is_none();
    if !is_wanted {
        return file.skip(size).await;
    }
    let mut upload = app.store.upload_blob(account.id, app.config.blob_upload_limit).await?;
    let mut left = size;
    while let Some(piece) = file.next(left).await? {
        left = left.saturating_sub(piece.len() as u64);
        match upload.write(piece).await {
            // One that cannot be had keeps no other.
            Err(UploadError::TooLarge { .. }) => return file.skip(left).await,
            written => written?,
        }
    }
    if left > 0 {
        return Err(RestoreError::Short);
    }
    // Bytes of something else wait for no record and go by themselves.
    match upload.finish(type_of(extension)).await {
        Ok(_) | Err(UploadError::TakenDown) => Ok(()),
        Err(err) => Err(err.into()),
    }
}

/// A file that is read in parts.
struct Reader<'a> {
    pieces: &'a mut Pieces,
    /// What has come and is not read yet.
    ahead: Bytes,
}

impl Reader<'_> {
    /// Has so many bytes ahead, or all that are left.
    async fn fill(&mut self, count: usize) -> Result<(), XrpcError> {
        if self.ahead.is_empty() {
            self.ahead = self.pieces.next().await.transpose()?.unwrap_or_default();
        }
        if self.ahead.len() >= count {
            return Ok(());
        }
        let mut ahead = BytesMut::from(&self.ahead[..]);
        while ahead.len() < count
            && let Some(piece) = self.pieces.next().await
        {
            ahead.extend_from_slice(&piece?);
        }
        self.ahead = ahead.freeze();
        Ok(())
    }

    /// The next bytes, at most `limit`; none when there are no more, or none may be.
    async fn next(&mut self, limit: u64) -> Result<Option<Bytes>, XrpcError> {
        if limit == 0 {
            return Ok(None);
        }
        self.fill(1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let piece = self.ahead.split_to(self.ahead.len().min(limit));
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    /// A block; none at the end.
    async fn block(&mut self) -> Result<Option<[u8; BLOCK]>, RestoreError> {
        self.fill(BLOCK).await?;
        if self.ahead.is_empty() {
            return Ok(None);
        }
        let block = self.ahead.get(..BLOCK).and_then(|block| block.try_into().ok());
        let block = block.ok_or(RestoreError::Short)?;
        self.ahead = self.ahead.split_off(BLOCK);
        Ok(Some(block))
    }

    async fn skip(&mut self, size: u64) -> Result<(), RestoreError> {
        let mut left = size;
        while let Some(piece) = self.next(left).await? {
            left = left.saturating_sub(piece.len() as u64);
        }
        if left > 0 { Err(RestoreError::Short) } else { Ok(()) }
    }

    async fn json<T: DeserializeOwned>(&mut self, size: u64) -> Result<T, RestoreError> {
        if size > MAX_JSON_BYTES {
            return Err(RestoreError::Kind);
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.fill(size).await?;
        let text = self.ahead.split_to(size.min(self.ahead.len()));
        if text.len() < size {
            return Err(RestoreError::Short);
        }
        serde_json::from_slice(&text).map_err(|_| RestoreError::Kind)
    }
}
