//! Bodies of the fuzz targets: each takes any bytes, and panics where a promise is broken. Property
//! tests call the same functions.

use crate::car::{self, CarError, CarItem, CarReader};
use crate::frame::{self, CommitEvent, Event};
use crate::{decode_node, encode_node};

/// Whatever decodes as a node encodes to the same bytes.
pub fn node(bytes: &[u8]) {
    if let Ok(node) = decode_node(bytes) {
        assert!(encode_node(&node) == bytes, "a node has more than one encoding");
    }
}

/// A CAR reads the same whole and in pieces, and what was read writes the same bytes.
pub fn car(bytes: &[u8]) {
    let whole = read_car(bytes, bytes.len().max(1));
    // A prime, so that pieces end anywhere.
    let pieces = read_car(bytes, 7);
    assert_eq!(whole, pieces, "a car reads differently in pieces");
    let Ok(items) = whole else { return };
    let mut out = Vec::new();
    for item in items {
        match item {
            CarItem::Header { roots } => car::write_header(&roots, &mut out),
            CarItem::Block { cid, bytes } => car::write_block(&cid, &bytes, &mut out),
        }
    }
    assert_eq!(out, bytes, "a car has more than one encoding");
}

fn read_car(bytes: &[u8], piece: usize) -> Result<Vec<CarItem>, CarError> {
    let mut reader = CarReader::new();
    let mut items = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(item) = reader.next()? {
            items.push(item);
        }
    }
    reader.finish()?;
    Ok(items)
}

/// Whatever decodes as an event encodes to the same bytes, deprecated fields aside.
pub fn frame(bytes: &[u8]) {
    let Ok(event) = frame::decode(bytes) else { return };
    let encoded = match &event {
        Event::Commit(body) => {
            if body.rebase || body.too_big || !body.blobs.is_empty() {
                return;
            }
            let ops_are_legal = body.ops.iter().all(|op| match op.action {
                frame::Action::Create => op.prev.is_none(),
                frame::Action::Update => true,
                frame::Action::Delete => op.cid.is_none(),
            });
            if !ops_are_legal {
                return;
            }
            let event = CommitEvent {
                repo: &body.repo,
                commit: body.commit,
                rev: body.rev,
                since: body.since,
                prev_data: body.prev_data,
                ops: &body.ops,
                blocks: &body.blocks,
                time: body.time.as_str(),
            };
            numbered(frame::commit(&event), body.seq)
        }
        Event::Sync(body) => {
            numbered(frame::sync(&body.did, body.rev, &body.blocks, body.time.as_str()), body.seq)
        }
        // Handles are normalised to lower case.
        Event::Identity(body) => {
            let handle = body.handle.as_ref().map(|handle| handle.as_str());
            let encoded =
                numbered(frame::identity(&body.did, handle, body.time.as_str()), body.seq);
            encoded.map(|_| bytes.to_vec())
        }
        Event::Account(body) => numbered(
            frame::account(&body.did, body.active, body.status.as_deref(), body.time.as_str()),
            body.seq,
        ),
        Event::Info { name, message } => Some(frame::info(name, message.as_deref())),
        Event::Error { error, message } => Some(frame::error(error, message.as_deref())),
    };
    if let Some(encoded) = encoded {
        assert_eq!(encoded, bytes, "an event has more than one encoding");
    }
}

/// `None` for numbers that frames do not take.
fn numbered(mut frame: frame::Frame, seq: u64) -> Option<Vec<u8>> {
    frame.set_seq(seq).ok().map(|()| frame.into_bytes().into())
}
