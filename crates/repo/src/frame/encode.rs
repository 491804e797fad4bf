//! Encoding frames. Keys stand in DAG-CBOR order: by length, then bytewise.

use cairn_model::cbor::write;
use cairn_model::{Cid, Did, Tid};

use super::{Action, CommitEvent, Frame, Op, kind};

/// A `#commit` event. An operation's `prev` is left out of creations, its `cid` is null in
/// deletions, whatever the caller filled in.
pub fn commit(event: &CommitEvent<'_>) -> Frame {
    let mut out = Vec::with_capacity(512 + event.blocks.len() + event.ops.len() * 200);
    header(&mut out, kind::COMMIT);
    write::map(&mut out, if event.prev_data.is_some() { 12 } else { 11 });
    write::text(&mut out, "ops");
    write::array(&mut out, event.ops.len());
    for op in event.ops {
        write_op(&mut out, op);
    }
    text(&mut out, "rev", &event.rev.to_string());
    let seq_at = seq(&mut out);
    text(&mut out, "repo", event.repo.as_str());
    text(&mut out, "time", event.time);
    write::text(&mut out, "blobs");
    write::array(&mut out, 0);
    match event.since {
        Some(since) => text(&mut out, "since", &since.to_string()),
        None => null(&mut out, "since"),
    }
    bytes(&mut out, "blocks", event.blocks);
    link(&mut out, "commit", &event.commit);
    bool(&mut out, "rebase", false);
    bool(&mut out, "tooBig", false);
    if let Some(prev_data) = &event.prev_data {
        link(&mut out, "prevData", prev_data);
    }
    Frame { bytes: out, seq_at }
}

fn write_op(out: &mut Vec<u8>, op: &Op) {
    let prev = op.prev.as_ref().filter(|_| op.action != Action::Create);
    let cid = op.cid.as_ref().filter(|_| op.action != Action::Delete);
    write::map(out, if prev.is_some() { 4 } else { 3 });
    write::text(out, "cid");
    write::opt_cid(out, cid);
    text(out, "path", op.path.as_str());
    if let Some(prev) = prev {
        link(out, "prev", prev);
    }
    text(out, "action", op.action.as_str());
}

/// A `#sync` event. `blocks` is a CAR with the commit as its root and only block.
pub fn sync(did: &Did, rev: Tid, blocks: &[u8], time: &str) -> Frame {
    let mut out = Vec::with_capacity(256 + blocks.len());
    header(&mut out, kind::SYNC);
    write::map(&mut out, 5);
    text(&mut out, "did", did.as_str());
    text(&mut out, "rev", &rev.to_string());
    let seq_at = seq(&mut out);
    text(&mut out, "time", time);
    bytes(&mut out, "blocks", blocks);
    Frame { bytes: out, seq_at }
}

/// An `#identity` event. Without a handle, consumers resolve it themselves.
pub fn identity(did: &Did, handle: Option<&str>, time: &str) -> Frame {
    let mut out = Vec::with_capacity(256);
    header(&mut out, kind::IDENTITY);
    write::map(&mut out, if handle.is_some() { 4 } else { 3 });
    text(&mut out, "did", did.as_str());
    let seq_at = seq(&mut out);
    text(&mut out, "time", time);
    if let Some(handle) = handle {
        text(&mut out, "handle", handle);
    }
    Frame { bytes: out, seq_at }
}

/// An `#account` event. `status` says why an account is not active; `None` if it is.
pub fn account(did: &Did, active: bool, status: Option<&str>, time: &str) -> Frame {
    let mut out = Vec::with_capacity(256);
    header(&mut out, kind::ACCOUNT);
    write::map(&mut out, if status.is_some() { 5 } else { 4 });
    text(&mut out, "did", did.as_str());
    let seq_at = seq(&mut out);
    text(&mut out, "time", time);
    bool(&mut out, "active", active);
    if let Some(status) = status {
        text(&mut out, "status", status);
    }
    Frame { bytes: out, seq_at }
}

/// An `#info` frame, such as `OutdatedCursor`. It has no sequence number.
pub fn info(name: &str, message: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    header(&mut out, kind::INFO);
    write::map(&mut out, if message.is_some() { 2 } else { 1 });
    text(&mut out, "name", name);
    if let Some(message) = message {
        text(&mut out, "message", message);
    }
    out
}

/// An error frame, such as `FutureCursor`. The stream ends after it.
pub fn error(name: &str, message: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write::map(&mut out, 1);
    write::text(&mut out, "op");
    write::int(&mut out, -1);
    write::map(&mut out, if message.is_some() { 2 } else { 1 });
    text(&mut out, "error", name);
    if let Some(message) = message {
        text(&mut out, "message", message);
    }
    out
}

fn header(out: &mut Vec<u8>, kind: &str) {
    write::map(out, 2);
    text(out, "t", kind);
    write::text(out, "op");
    write::uint(out, 1);
}

/// Reserves the sequence number and returns where its eight bytes begin.
fn seq(out: &mut Vec<u8>) -> usize {
    write::text(out, "seq");
    write::u64_fixed(out, Frame::MIN_SEQ);
    out.len() - 8
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    write::text(out, key);
    write::text(out, value);
}

fn bytes(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    write::text(out, key);
    write::bytes(out, value);
}

fn bool(out: &mut Vec<u8>, key: &str, value: bool) {
    write::text(out, key);
    write::bool(out, value);
}

fn link(out: &mut Vec<u8>, key: &str, value: &Cid) {
    write::text(out, key);
    write::cid(out, value);
}

fn null(out: &mut Vec<u8>, key: &str) {
    write::text(out, key);
    write::null(out);
}
