//! Import: a CAR replaces an account's repository, after it has been checked whole.
//! https://atproto.com/guides/account-migration
//!
//! The CAR is spooled to a file while it comes in, each block's hash checked. Then its tree is
//! walked from the root, which checks the structure and gives the rows in order; they fill a new
//! generation in small transactions, beside the current one. A last small transaction puts the new
//! one in its place, under a fresh commit that the account's present key signs. Blocks that the
//! tree does not reach are never stored.

mod rows;
mod spool;
mod stage;
#[cfg(test)]
mod tests;
mod turns;

use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn_model::cbor::CborError;
use cairn_model::{Cid, Did, RepoPath, Tid};
use cairn_repo::car::CarError;
use cairn_repo::walk::WalkError;
use cairn_repo::{CommitError, limits};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::spool::Spool;
use self::stage::Stage;
pub(crate) use self::turns::ImportTurns;
use super::head::Head;
use super::pace::is_too_slow;
use crate::accounts;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::store::Store;

/// Chunks that may wait to be spooled.
const CHUNKS: usize = 8;

/// How far a rev may be ahead of our clock. Relays drop commits beyond it.
const MAX_REV_LEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Why an import was refused. The repository is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such account here.
    #[error("there is no such account")]
    NoAccount,
    /// The account has an import already.
    #[error("an import into this account is under way")]
    UnderWay,
    /// No turn got free.
    #[error("too many imports are under way, try again later")]
    Crowded,
    /// The client sends so little that others wait in vain.
    #[error("the car file arrives too slowly")]
    TooSlow,
    /// Not a CAR, or cut short, or a block is not what its CID says.
    #[error("not a valid car file")]
    Car(#[from] CarError),
    /// A repository has one root.
    #[error("the car file has {count} roots, a repository has one")]
    Roots {
        /// How many.
        count: usize,
    },
    /// The root is not a commit.
    #[error("the root {cid} is missing")]
    NoCommit {
        /// The root.
        cid: Cid,
    },
    /// The root is not a commit.
    #[error("the root is not a commit")]
    Commit(#[from] CommitError),
    /// The repository of somebody else.
    #[error("the repository belongs to {found}")]
    Did {
        /// Whose it is.
        found: Did,
    },
    /// The commit is not signed by the key that it must be signed with.
    #[error("the signature of the commit is not valid")]
    Signature,
    /// The commit is from the future, and all later ones would have to be too.
    #[error("the rev {rev} is in the future")]
    FutureRev {
        /// The commit's rev.
        rev: Tid,
    },
    /// The tree is not sound.
    #[error("the tree of the repository is not valid")]
    Tree(#[source] Box<WalkError<StoreError>>),
    /// A record of the tree is not in the CAR.
    #[error("the record at {path} is missing: {cid}")]
    RecordMissing {
        /// Where.
        path: RepoPath,
        /// Its CID.
        cid: Cid,
    },
    /// A record is not DAG-CBOR, or not the data model.
    #[error("the record at {path} is not valid")]
    Record {
        /// Where.
        path: RepoPath,
        /// Why.
        source: CborError,
    },
    /// A record is not an object, or its CID not one of DAG-CBOR.
    #[error("the record at {path} is not an object")]
    NotAnObject {
        /// Where.
        path: RepoPath,
    },
    /// A record is larger than consumers take.
    #[error(
        "the record at {path} has {bytes} bytes, at most {} are allowed",
        limits::MAX_RECORD_BYTES
    )]
    RecordTooLarge {
        /// Where.
        path: RepoPath,
        /// Its size.
        bytes: usize,
    },
    /// Few blocks under many keys: the rows would take a multiple of what was sent.
    #[error("the repository takes far more bytes than the car file has")]
    Inflated,
    /// The repository takes more of the disk than the account may.
    #[error("the repository is larger than the {quota_bytes} bytes that it may take")]
    QuotaExceeded {
        /// What it may take.
        quota_bytes: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an import brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportStats {
    /// Where the repository stands now.
    pub head: Head,
    /// The rev of the imported commit.
    pub imported_rev: Tid,
    /// Records.
    pub records: u64,
    /// Nodes of the tree.
    pub nodes: u64,
    /// References of records to blobs.
    pub blob_refs: u64,
}

/// Says whether these bytes were signed, as this signature says, by the key that counts.
pub type KeyCheck = Box<dyn Fn(&[u8], &[u8]) -> bool + Send>;

/// A repository on its way in. Dropping it gives up.
pub struct Import {
    chunks: mpsc::Sender<Input>,
    result: JoinHandle<Result<ImportStats, ImportError>>,
    received_bytes: u64,
    /// How long the client has taken for that; the disk's own time does not count.
    took: Duration,
    waits_since: Instant,
    slow: Duration,
}

enum Input {
    Chunk(Bytes),
    End(KeyCheck),
}

impl Store {
    /// Begins an import into an account, in any state. It can be repeated.
    ///
    /// # Errors
    /// When there is no such account, it has an import already, all turns are taken for long, or the
    /// disk has no room for more.
    pub async fn import(&self, account: AccountId) -> Result<Import, ImportError> {
        let found = self
            .read_one(move |tx| accounts::find(tx, &accounts::AccountRef::Id(account)))
            .await?
            .ok_or(ImportError::NoAccount)?;
        self.space().for_data(0)?;
        let quota = found.quotas.or(self.config().quotas).repo_bytes;
        let turn = self.import_turns().take(account).await?;
        let (chunks, inputs) = mpsc::channel(CHUNKS);
        let stage = Stage::new(self, account, found.did, quota)?;
        let (dir, space) = (self.config().dir.clone(), self.space().clone());
        let result = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            take(inputs, Spool::new(&dir, space)?, stage)
        });
        Ok(Import {
            chunks,
            result,
            received_bytes: 0,
            took: Duration::ZERO,
            waits_since: Instant::now(),
            slow: self.config().tuning.slow_transfer,
        })
    }
}

impl Import {
    /// Takes the next part of the CAR; waits while the disk is busy.
    ///
    /// # Errors
    /// When the import has failed already, or the parts come too slowly.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), ImportError> {
        self.received_bytes = self.received_bytes.saturating_add(chunk.len() as u64);
        self.took += self.waits_since.elapsed();
        if is_too_slow(self.received_bytes, self.took, self.slow) {
            return Err(ImportError::TooSlow);
        }
        let sent = self.chunks.send(Input::Chunk(chunk)).await;
        self.waits_since = Instant::now();
        if sent.is_ok() {
            return Ok(());
        }
        match (&mut self.result).await {
            Ok(Err(err)) => Err(err),
            Ok(Ok(_)) | Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// After the last part: checks everything and puts the repository in place. `key_check` says of
    /// the commit's signing bytes and signature whether the key in the account's DID document made
    /// it.
    ///
    /// # Errors
    /// When the CAR is not a sound repository of this account.
    pub async fn finish(
        self,
        key_check: impl Fn(&[u8], &[u8]) -> bool + Send + 'static,
    ) -> Result<ImportStats, ImportError> {
        // If it has failed already, its result says so.
        let _ = self.chunks.send(Input::End(Box::new(key_check))).await;
        drop(self.chunks);
        self.result.await.map_err(|_| StoreError::Closed)?
    }
}

fn take(
    mut inputs: mpsc::Receiver<Input>,
    mut spool: Spool,
    stage: Stage,
) -> Result<ImportStats, ImportError> {
    while let Some(input) = inputs.blocking_recv() {
        match input {
            Input::Chunk(chunk) => spool.push(&chunk)?,
            Input::End(key_check) => return stage.run(spool.finish()?, &key_check),
        }
    }
    // The sender has gone away before the end.
    Err(StoreError::Closed.into())
}
