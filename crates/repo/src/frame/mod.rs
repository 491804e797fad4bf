//! Frames of the event stream `com.atproto.sync.subscribeRepos`.
//!
//! A frame is two DAG-CBOR objects in a row: a header (`{ "t": "#commit", "op": 1 }`) and a body.
//! Frames are encoded once, before their sequence number is known; [`Frame::set_seq`] then writes
//! it in place. Spec: <https://atproto.com/specs/event-stream>, <https://atproto.com/specs/sync>.

mod decode;
mod encode;

use bytes::Bytes;
use cairn_model::{Cid, Datetime, Did, Handle, RepoPath, Tid};

pub use decode::{FrameError, decode};
pub use encode::{account, commit, error, identity, info, sync};

/// An encoded event that waits for its sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    /// Where the eight bytes of the number begin.
    seq_at: usize,
}

/// A sequence number for which nine bytes are not the canonical form, or beyond what JSON
/// numbers hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sequence number {seq} is not between 2^32 and 2^53 - 1")]
pub struct SeqError {
    pub seq: u64,
}

impl Frame {
    /// The least number that a frame takes. DAG-CBOR wants integers in their shortest form, and
    /// from here on that is the nine bytes that frames reserve. A sequence that follows the clock
    /// in microseconds is far above it.
    pub const MIN_SEQ: u64 = 1 << 32;
    /// The greatest number: consumers read it into a double.
    pub const MAX_SEQ: u64 = (1 << 53) - 1;

    /// Writes the sequence number; it may be written again.
    pub fn set_seq(&mut self, seq: u64) -> Result<(), SeqError> {
        if !(Self::MIN_SEQ..=Self::MAX_SEQ).contains(&seq) {
            return Err(SeqError { seq });
        }
        let place = self.bytes.get_mut(self.seq_at..).and_then(|rest| rest.first_chunk_mut::<8>());
        match place {
            Some(place) => *place = seq.to_be_bytes(),
            None => unreachable!("a frame reserves nine bytes for its number"),
        }
        Ok(())
    }

    /// The number that was set last; [`Frame::MIN_SEQ`] before the first time.
    pub fn seq(&self) -> u64 {
        let place = self.bytes.get(self.seq_at..).and_then(|rest| rest.first_chunk::<8>());
        place.map_or(Self::MIN_SEQ, |bytes| u64::from_be_bytes(*bytes))
    }

    /// Length of the frame in bytes; setting the number does not change it.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: a frame has a header.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What goes on the socket.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

/// What a `#commit` event says.
#[derive(Debug, Clone, Copy)]
pub struct CommitEvent<'a> {
    pub repo: &'a Did,
    /// CID of the commit block.
    pub commit: Cid,
    pub rev: Tid,
    /// Revision of the commit before; `None` for the first.
    pub since: Option<Tid>,
    /// Tree root of the commit before; `None` for the first.
    pub prev_data: Option<Cid>,
    pub ops: &'a [Op],
    /// A CAR with the commit as its root.
    pub blocks: &'a [u8],
    /// A datetime with milliseconds, in UTC.
    pub time: &'a str,
}

/// One change of one record in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub action: Action,
    pub path: RepoPath,
    /// The record; `None` if it was deleted.
    pub cid: Option<Cid>,
    /// The record before; `None` if it was created.
    pub prev: Option<Cid>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A frame as a consumer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Commit(CommitBody),
    Sync(SyncBody),
    Identity(IdentityBody),
    Account(AccountBody),
    /// `#info`: something about the stream itself; has no sequence number.
    Info {
        name: String,
        message: Option<String>,
    },
    /// The stream ends after this.
    Error {
        error: String,
        message: Option<String>,
    },
}

/// A `#commit` event. Its CAR, operations and signature have not been checked, see
/// [`crate::verify::commit_event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitBody {
    pub seq: u64,
    pub repo: Did,
    pub commit: Cid,
    pub rev: Tid,
    pub since: Option<Tid>,
    pub prev_data: Option<Cid>,
    pub ops: Vec<Op>,
    pub blocks: Bytes,
    pub time: Datetime,
    /// Deprecated, false.
    pub rebase: bool,
    /// Deprecated, false.
    pub too_big: bool,
    /// Deprecated, empty.
    pub blobs: Vec<Cid>,
}

/// A `#sync` event: the repository is at this commit, whatever it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncBody {
    pub seq: u64,
    pub did: Did,
    pub rev: Tid,
    pub blocks: Bytes,
    pub time: Datetime,
}

/// An `#identity` event: what is known of the identity should be resolved again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityBody {
    pub seq: u64,
    pub did: Did,
    pub handle: Option<Handle>,
    pub time: Datetime,
}

/// An `#account` event: whether this host serves the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBody {
    pub seq: u64,
    pub did: Did,
    pub active: bool,
    pub status: Option<String>,
    pub time: Datetime,
}

/// The names on the wire.
mod kind {
    pub(super) const COMMIT: &str = "#commit";
    pub(super) const SYNC: &str = "#sync";
    pub(super) const IDENTITY: &str = "#identity";
    pub(super) const ACCOUNT: &str = "#account";
    pub(super) const INFO: &str = "#info";
}
