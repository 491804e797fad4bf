//! What a strict consumer checks of events and proofs.
//!
//! The signature is checked by a closure over the signed bytes, because keys are not this crate's
//! matter. What needs a consumer's own state is left to it: that `rev` grows and is not in the
//! future, and that `since` and `prevData` continue what it has.
//! Spec: <https://atproto.com/specs/sync#commit-validation>.

use std::collections::HashSet;
use std::convert::Infallible;

use bytes::Bytes;
use cairn_model::{Cid, Codec, Did, RepoPath, Tid};

use crate::blocks::{BlockMap, BlockMapError};
use crate::commit::{COMMIT_VERSION, Commit, CommitError};
use crate::frame::{Action, CommitBody, Op, SyncBody};
use crate::limits::{
    MAX_COMMIT_BLOCKS_BYTES, MAX_COMMIT_OPS, MAX_RECORD_BYTES, MAX_SYNC_BLOCKS_BYTES,
};
use crate::node::empty_root;
use crate::tree::{Tree, TreeError};

/// Each way in which an event or a proof can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("blocks have {bytes} bytes, more than {limit}")]
    BlocksTooLarge { bytes: usize, limit: usize },
    #[error("event has {ops} operations, more than {MAX_COMMIT_OPS}")]
    TooManyOps { ops: usize },
    #[error("event has a deprecated flag set")]
    DeprecatedFlag,
    #[error("blocks are not a car with one root")]
    Blocks(#[from] BlockMapError),
    #[error("root of the car is {found}, and the commit {expected}")]
    Root { expected: Cid, found: Cid },
    #[error("commit block is missing")]
    CommitMissing,
    #[error("commit is not valid")]
    Commit(#[from] CommitError),
    #[error("commit has the old version {version}")]
    Version { version: u64 },
    #[error("commit belongs to another account")]
    Did { found: Did },
    #[error("commit has revision {found}, and the event {expected}")]
    Rev { expected: Tid, found: Tid },
    #[error("signature does not verify")]
    Signature,
    #[error("operation on {path} does not have the CIDs of its action")]
    OpFields { path: RepoPath },
    #[error("there is more than one operation on {path}")]
    DuplicatePath { path: RepoPath },
    #[error("record {cid} at {path} is missing")]
    RecordMissing { path: RepoPath, cid: Cid },
    #[error("record at {path} has {bytes} bytes, more than {MAX_RECORD_BYTES}")]
    RecordTooLarge { path: RepoPath, bytes: usize },
    #[error("tree does not allow to look up or to undo an operation")]
    Tree(#[from] TreeError<Infallible>),
    #[error("operation on {path} says {said:?}, and the tree {found:?}")]
    OpMismatch { path: RepoPath, said: Option<Cid>, found: Option<Cid> },
    #[error("prevData is missing, and the commit is not the first")]
    PrevDataMissing,
    #[error("operations lead back to {found} instead of prevData {expected}")]
    PrevData { expected: Cid, found: Cid },
}

/// What a verified event brings.
#[derive(Debug, Clone)]
pub struct Verified {
    pub cid: Cid,
    pub commit: Commit,
    /// All blocks of the event, the records of its creations and updates among them.
    pub blocks: BlockMap,
}

/// What a verified record proof shows.
#[derive(Debug, Clone)]
pub struct RecordProof {
    pub commit: Commit,
    /// The record's CID and block; `None` if the repository has no such record.
    pub record: Option<(Cid, Bytes)>,
}

/// Checks a `#commit` event on its own: sizes, CAR, commit, signature, operations, records, and
/// that undoing the operations in the new tree gives `prevData`.
///
/// `key_check` gets the signed bytes and the signature.
pub fn commit_event(
    event: &CommitBody,
    key_check: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Verified, VerifyError> {
    if event.ops.len() > MAX_COMMIT_OPS {
        return Err(VerifyError::TooManyOps { ops: event.ops.len() });
    }
    if event.rebase || event.too_big {
        return Err(VerifyError::DeprecatedFlag);
    }
    check_size(&event.blocks, MAX_COMMIT_BLOCKS_BYTES)?;
    let (root, blocks) = BlockMap::from_car(&event.blocks)?;
    if root != event.commit {
        return Err(VerifyError::Root { expected: event.commit, found: root });
    }
    let commit = signed_commit(root, &blocks, &event.repo, key_check)?;
    check_current(&commit, event.rev)?;
    check_ops(&event.ops, &blocks)?;
    let expected = match event.prev_data {
        Some(prev_data) => prev_data,
        // The first commit follows the empty tree.
        None if event.since.is_none() => empty_root().0,
        None => return Err(VerifyError::PrevDataMissing),
    };
    let found = invert(commit.data, &event.ops, &blocks)?;
    if found != expected {
        return Err(VerifyError::PrevData { expected, found });
    }
    Ok(Verified { cid: root, commit, blocks })
}

/// Checks a `#sync` event: size, CAR, commit, signature.
pub fn sync_event(
    event: &SyncBody,
    key_check: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Verified, VerifyError> {
    check_size(&event.blocks, MAX_SYNC_BLOCKS_BYTES)?;
    let (root, blocks) = BlockMap::from_car(&event.blocks)?;
    let commit = signed_commit(root, &blocks, &event.did, key_check)?;
    check_current(&commit, event.rev)?;
    Ok(Verified { cid: root, commit, blocks })
}

/// Checks the CAR that `com.atproto.sync.getRecord` returns, and returns the record's CID, or
/// `None` if the CAR proves that there is no such record.
pub fn record_proof(
    car: &[u8],
    did: &Did,
    path: &RepoPath,
    key_check: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Option<Cid>, VerifyError> {
    read_record_proof(car, did, path, key_check).map(|proof| proof.record.map(|(cid, _)| cid))
}

/// Like [`record_proof`], with the commit and the record's block.
pub fn read_record_proof(
    car: &[u8],
    did: &Did,
    path: &RepoPath,
    key_check: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<RecordProof, VerifyError> {
    check_size(car, MAX_COMMIT_BLOCKS_BYTES)?;
    let (root, blocks) = BlockMap::from_car(car)?;
    let commit = signed_commit(root, &blocks, did, key_check)?;
    let cid = Tree::from_blocks(commit.data, &blocks)?.get(&blocks, path.as_str())?;
    let record = match cid {
        Some(cid) => Some((cid, record_block(path, cid, &blocks)?)),
        None => None,
    };
    Ok(RecordProof { commit, record })
}

/// Undoes operations, the last one first, in the tree of which the blocks are a part, and returns
/// the root before them.
pub fn invert(data: Cid, ops: &[Op], blocks: &BlockMap) -> Result<Cid, VerifyError> {
    if ops.is_empty() {
        return Ok(data);
    }
    let mut tree = Tree::from_blocks(data, blocks)?;
    for op in ops.iter().rev() {
        let path = op.path.as_str();
        let found = match (op.action, op.prev) {
            (Action::Create, None) => tree.delete(blocks, path)?,
            (Action::Update, Some(prev)) => tree.update(blocks, path, prev)?,
            (Action::Delete, Some(prev)) => tree.insert(blocks, path, prev)?,
            _ => return Err(VerifyError::OpFields { path: op.path.clone() }),
        };
        if found != op.cid {
            return Err(VerifyError::OpMismatch { path: op.path.clone(), said: op.cid, found });
        }
    }
    Ok(tree.commit().root)
}

fn check_size(blocks: &[u8], limit: usize) -> Result<(), VerifyError> {
    if blocks.len() > limit {
        return Err(VerifyError::BlocksTooLarge { bytes: blocks.len(), limit });
    }
    Ok(())
}

fn signed_commit(
    root: Cid,
    blocks: &BlockMap,
    did: &Did,
    key_check: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Commit, VerifyError> {
    let commit = Commit::decode(blocks.get(&root).ok_or(VerifyError::CommitMissing)?)?;
    if commit.did != *did {
        return Err(VerifyError::Did { found: commit.did });
    }
    if !key_check(&commit.signing_bytes(), &commit.sig) {
        return Err(VerifyError::Signature);
    }
    Ok(commit)
}

fn check_current(commit: &Commit, rev: Tid) -> Result<(), VerifyError> {
    if commit.version != COMMIT_VERSION {
        return Err(VerifyError::Version { version: commit.version });
    }
    if commit.rev != rev {
        return Err(VerifyError::Rev { expected: rev, found: commit.rev });
    }
    Ok(())
}

fn check_ops(ops: &[Op], blocks: &BlockMap) -> Result<(), VerifyError> {
    let mut paths = HashSet::with_capacity(ops.len());
    for op in ops {
        let path = || op.path.clone();
        let is_legal = match op.action {
            Action::Create => op.cid.is_some() && op.prev.is_none(),
            Action::Update => op.cid.is_some() && op.prev.is_some(),
            Action::Delete => op.cid.is_none() && op.prev.is_some(),
        };
        let links = [op.cid, op.prev];
        if !is_legal || links.iter().flatten().any(|cid| cid.codec() != Codec::DagCbor) {
            return Err(VerifyError::OpFields { path: path() });
        }
        if !paths.insert(op.path.as_str()) {
            return Err(VerifyError::DuplicatePath { path: path() });
        }
        if let Some(cid) = op.cid {
            record_block(&op.path, cid, blocks)?;
        }
    }
    Ok(())
}

/// The block of a record; its hash was checked when the CAR was read.
fn record_block(path: &RepoPath, cid: Cid, blocks: &BlockMap) -> Result<Bytes, VerifyError> {
    let block = blocks.get(&cid).ok_or(VerifyError::RecordMissing { path: path.clone(), cid })?;
    if block.len() > MAX_RECORD_BYTES {
        return Err(VerifyError::RecordTooLarge { path: path.clone(), bytes: block.len() });
    }
    Ok(block.clone())
}
