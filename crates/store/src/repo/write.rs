//! What a write asks for and what it is answered.

use bytes::Bytes;
use cairn_model::{BlobRef, Cid, Did, RepoPath, Tid, Value, cbor};
use cairn_repo::frame::Action;

use crate::accounts::AccountStatus;
use crate::error::StoreError;

/// Most writes in one request: an event holds no more.
/// https://atproto.com/specs/sync
pub const MAX_WRITES: usize = cairn_repo::limits::MAX_COMMIT_OPS;

/// Writes that become one commit, or none of them happens.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// Whose repository.
    pub account: Did,
    /// In the order in which they take effect; a later one sees what an earlier one did.
    pub writes: Vec<RecordWrite>,
    /// Only if the current commit is this one.
    pub swap_commit: Option<Cid>,
    /// A follow, block, like or repost takes the place of those of the same kind with the same
    /// subject.
    pub dedupe: bool,
}

/// A write of one record.
#[derive(Clone, Debug)]
pub struct RecordWrite {
    /// Where.
    pub path: RepoPath,
    /// What.
    pub action: WriteAction,
}

/// What happens to a record. `swap`: only if the record's CID is this, or, if `Some(None)`, there
/// is no record.
#[derive(Clone, Debug)]
pub enum WriteAction {
    /// There must be no record.
    Create(NewRecord),
    /// There must be a record.
    Update {
        /// The new content.
        record: NewRecord,
        /// See the enum.
        swap: Option<Option<Cid>>,
    },
    /// A create or an update.
    Put {
        /// The new content.
        record: NewRecord,
        /// See the enum.
        swap: Option<Option<Cid>>,
    },
    /// There must be a record if `must_exist`, else a missing one is no error and no commit.
    Delete {
        /// See the enum.
        swap: Option<Option<Cid>>,
        /// See the variant.
        must_exist: bool,
    },
}

/// A record as it will be stored.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// CID of `bytes`.
    pub cid: Cid,
    /// The block, DAG-CBOR.
    pub bytes: Bytes,
    /// The blobs it refers to.
    pub blobs: Vec<BlobRef>,
}

impl NewRecord {
    /// Encodes a record whose blob references have been read from it.
    pub fn new(record: &Value, blobs: Vec<BlobRef>) -> NewRecord {
        let bytes = Bytes::from(cbor::encode(record));
        NewRecord { cid: Cid::cbor_of(&bytes), bytes, blobs }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOutcome {
    /// None when nothing had to change.
    pub commit: Option<CommitMeta>,
    /// One for each write, in order.
    pub results: Vec<WriteResult>,
}

/// A commit as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitMeta {
    /// CID of the commit block.
    pub cid: Cid,
    /// Its rev.
    pub rev: Tid,
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResult {
    /// Where.
    pub path: RepoPath,
    /// What was done; a put says which of the two it was.
    pub action: Action,
    /// The record's CID; none after a delete.
    pub cid: Option<Cid>,
}

/// Why a request was refused. Nothing of it has happened.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such account here.
    #[error("there is no such account")]
    NoAccount,
    /// The account may not write.
    #[error("the account is {}", .0.as_str().unwrap_or("active"))]
    Inactive(AccountStatus),
    /// The repository is at another commit.
    #[error("commit was at {current}")]
    InvalidSwapCommit {
        /// The current commit.
        current: Cid,
    },
    /// The record has another CID.
    #[error("record was at {}", current.map_or_else(|| "null".to_owned(), |cid| cid.to_string()))]
    InvalidSwapRecord {
        /// The record.
        path: RepoPath,
        /// Its current CID.
        current: Option<Cid>,
    },
    /// A create, but there is a record.
    #[error("there is a record at {path}")]
    RecordExists {
        /// Where.
        path: RepoPath,
    },
    /// An update or a delete, but there is no record.
    #[error("there is no record at {path}")]
    RecordMissing {
        /// Where.
        path: RepoPath,
    },
    /// A record refers to a blob that was not uploaded, or that was taken down.
    #[error("could not find blob {cid}")]
    BlobNotFound {
        /// The blob.
        cid: Cid,
    },
    /// A record says of a fresh blob another type than it was uploaded with.
    #[error("blob {cid} is {stored}, the record says {referenced}")]
    InvalidMimeType {
        /// The blob.
        cid: Cid,
        /// As uploaded.
        stored: String,
        /// As the record says.
        referenced: String,
    },
    /// A record says of a fresh blob another size than it has.
    #[error("blob {cid} has {stored} bytes, the record says {referenced}")]
    InvalidSize {
        /// The blob.
        cid: Cid,
        /// As uploaded.
        stored: u64,
        /// As the record says.
        referenced: u64,
    },
    /// A record's block is larger than consumers take.
    #[error("a record has {bytes} bytes, more than the {max} that fit")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The blocks of the commit do not fit into an event.
    #[error("too many writes: the event would have {bytes} bytes, at most {max} fit")]
    TooLarge {
        /// The size of the blocks.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The repository would take more of the disk than it may.
    #[error("the repository may take {quota_bytes} bytes")]
    QuotaExceeded {
        /// What it may take.
        quota_bytes: u64,
    },
    /// More writes than fit into an event.
    #[error("too many writes: {count}, at most {MAX_WRITES}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// The keys of this repository were chosen so that its tree degenerates.
    #[error("the repository's tree takes no more keys of this kind")]
    TreeFull,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
