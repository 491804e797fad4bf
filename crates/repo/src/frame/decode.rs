//! Decoding frames, strictly: exactly the known fields, canonical form, valid identifiers.

use bytes::Bytes;
use cairn_model::cbor::{CborError, Reader};
use cairn_model::{Cid, Datetime, Did, Handle, RepoPath, SyntaxError, Tid};

use super::{AccountBody, Action, CommitBody, Event, Frame, IdentityBody, Op, SyncBody, kind};
use crate::limits::{MAX_COMMIT_OPS, MAX_FRAME_BYTES};

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame has {bytes} bytes, more than {MAX_FRAME_BYTES}")]
    TooLarge { bytes: usize },
    #[error("frame is not valid DAG-CBOR")]
    Cbor(#[from] CborError),
    #[error("frame has op {op}")]
    UnknownOp { op: i64 },
    /// A consumer passes over such frames.
    #[error("frame has type {kind:?}")]
    UnknownKind { kind: String },
    #[error("frame does not have exactly the fields of its type")]
    Fields,
    #[error("frame has an identifier that is not valid")]
    Syntax(#[from] SyntaxError),
    #[error("operation has action {action:?}")]
    Action { action: String },
    #[error("frame has {ops} operations, more than {MAX_COMMIT_OPS}")]
    TooManyOps { ops: usize },
    #[error("sequence number {seq} is zero or beyond 2^53 - 1")]
    Seq { seq: u64 },
}

/// Decodes one frame. Encoding what it returns gives the same bytes, except for the deprecated
/// fields of commits and for numbers below [`Frame::MIN_SEQ`].
pub fn decode(frame: &[u8]) -> Result<Event, FrameError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge { bytes: frame.len() });
    }
    let mut reader = Reader::new(frame);
    let event = match reader.map()? {
        1 => error(&mut reader)?,
        2 => message(&mut reader)?,
        _ => return Err(FrameError::Fields),
    };
    reader.end()?;
    Ok(event)
}

fn error(reader: &mut Reader<'_>) -> Result<Event, FrameError> {
    reader.expect_key("op")?;
    let op = reader.int()?;
    if op != -1 {
        return Err(FrameError::UnknownOp { op });
    }
    let len = reader.map()?;
    let error = text(reader, "error")?.to_owned();
    let message = optional_message(reader, len)?;
    Ok(Event::Error { error, message })
}

fn message(reader: &mut Reader<'_>) -> Result<Event, FrameError> {
    let kind = text(reader, "t")?;
    reader.expect_key("op")?;
    let op = reader.int()?;
    if op != 1 {
        return Err(FrameError::UnknownOp { op });
    }
    let len = reader.map()?;
    match kind {
        kind::COMMIT => commit(reader, len).map(Event::Commit),
        kind::SYNC => sync(reader, len).map(Event::Sync),
        kind::IDENTITY => identity(reader, len).map(Event::Identity),
        kind::ACCOUNT => account(reader, len).map(Event::Account),
        kind::INFO => {
            let name = text(reader, "name")?.to_owned();
            let message = optional_message(reader, len)?;
            Ok(Event::Info { name, message })
        }
        other => Err(FrameError::UnknownKind { kind: other.to_owned() }),
    }
}

fn commit(reader: &mut Reader<'_>, len: usize) -> Result<CommitBody, FrameError> {
    let has_prev_data = optional(len, 11)?;
    let ops = ops(reader)?;
    let rev = Tid::parse(text(reader, "rev")?)?;
    let seq = seq(reader)?;
    let repo = Did::parse(text(reader, "repo")?)?;
    let time = Datetime::parse(text(reader, "time")?)?;
    reader.expect_key("blobs")?;
    let mut blobs = Vec::new();
    for _ in 0..reader.array()? {
        blobs.push(reader.cid()?);
    }
    reader.expect_key("since")?;
    let since = if reader.is_null() {
        reader.null()?;
        None
    } else {
        Some(Tid::parse(reader.text()?)?)
    };
    let blocks = blocks(reader)?;
    let commit = link(reader, "commit")?;
    reader.expect_key("rebase")?;
    let rebase = reader.bool()?;
    reader.expect_key("tooBig")?;
    let too_big = reader.bool()?;
    let prev_data = if has_prev_data { Some(link(reader, "prevData")?) } else { None };
    Ok(CommitBody {
        seq,
        repo,
        commit,
        rev,
        since,
        prev_data,
        ops,
        blocks,
        time,
        rebase,
        too_big,
        blobs,
    })
}

fn ops(reader: &mut Reader<'_>) -> Result<Vec<Op>, FrameError> {
    reader.expect_key("ops")?;
    let len = reader.array()?;
    if len > MAX_COMMIT_OPS {
        return Err(FrameError::TooManyOps { ops: len });
    }
    let mut ops = Vec::with_capacity(len);
    for _ in 0..len {
        ops.push(op(reader)?);
    }
    Ok(ops)
}

fn op(reader: &mut Reader<'_>) -> Result<Op, FrameError> {
    let len = reader.map()?;
    let has_prev = optional(len, 3)?;
    reader.expect_key("cid")?;
    let cid = reader.opt_cid()?;
    let path = RepoPath::parse(text(reader, "path")?)?;
    let prev = if has_prev { Some(link(reader, "prev")?) } else { None };
    let action = match text(reader, "action")? {
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        other => return Err(FrameError::Action { action: other.to_owned() }),
    };
    Ok(Op { action, path, cid, prev })
}

fn sync(reader: &mut Reader<'_>, len: usize) -> Result<SyncBody, FrameError> {
    if len != 5 {
        return Err(FrameError::Fields);
    }
    let did = Did::parse(text(reader, "did")?)?;
    let rev = Tid::parse(text(reader, "rev")?)?;
    let seq = seq(reader)?;
    let time = Datetime::parse(text(reader, "time")?)?;
    let blocks = blocks(reader)?;
    Ok(SyncBody { seq, did, rev, blocks, time })
}

fn identity(reader: &mut Reader<'_>, len: usize) -> Result<IdentityBody, FrameError> {
    let has_handle = optional(len, 3)?;
    let did = Did::parse(text(reader, "did")?)?;
    let seq = seq(reader)?;
    let time = Datetime::parse(text(reader, "time")?)?;
    let handle = if has_handle { Some(Handle::parse(text(reader, "handle")?)?) } else { None };
    Ok(IdentityBody { seq, did, handle, time })
}

fn account(reader: &mut Reader<'_>, len: usize) -> Result<AccountBody, FrameError> {
    let has_status = optional(len, 4)?;
    let did = Did::parse(text(reader, "did")?)?;
    let seq = seq(reader)?;
    let time = Datetime::parse(text(reader, "time")?)?;
    reader.expect_key("active")?;
    let active = reader.bool()?;
    let status = if has_status { Some(text(reader, "status")?.to_owned()) } else { None };
    Ok(AccountBody { seq, did, active, status, time })
}

/// Whether an object has its one optional field beyond the required ones.
fn optional(len: usize, required: usize) -> Result<bool, FrameError> {
    match len.checked_sub(required) {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(FrameError::Fields),
    }
}

fn optional_message(reader: &mut Reader<'_>, len: usize) -> Result<Option<String>, FrameError> {
    Ok(if optional(len, 1)? { Some(text(reader, "message")?.to_owned()) } else { None })
}

fn text<'a>(reader: &mut Reader<'a>, key: &'static str) -> Result<&'a str, FrameError> {
    reader.expect_key(key)?;
    Ok(reader.text()?)
}

fn link(reader: &mut Reader<'_>, key: &'static str) -> Result<Cid, FrameError> {
    reader.expect_key(key)?;
    Ok(reader.cid()?)
}

fn blocks(reader: &mut Reader<'_>) -> Result<Bytes, FrameError> {
    reader.expect_key("blocks")?;
    Ok(Bytes::copy_from_slice(reader.bytes()?))
}

fn seq(reader: &mut Reader<'_>) -> Result<u64, FrameError> {
    reader.expect_key("seq")?;
    let seq = reader.uint()?;
    if (1..=Frame::MAX_SEQ).contains(&seq) { Ok(seq) } else { Err(FrameError::Seq { seq }) }
}
