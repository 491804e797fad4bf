//! Bytes: commits, nodes, CARs and frames.

use bytes::Bytes;
use cairn_model::cbor::{self, Reader};
use cairn_model::{Cid, Limits, RepoPath, Tid, Value};
use cairn_repo::car::{self, CarError, CarItem, CarLimits, CarReader};
use cairn_repo::frame::{self, Action, CommitEvent, Event, Frame, FrameError, Op};
use cairn_repo::{
    Commit, CommitError, DataEntry, NodeData, NodeError, UnsignedCommit, decode_node, encode_node,
    fuzz,
};
use proptest::prelude::*;

use crate::support::{build, did, key, record};

const TIME: &str = "2026-11-23T12:00:00.000Z";

fn rev() -> Tid {
    Tid::from_parts(1_700_000_000_000_000, 5)
}

fn commit() -> Commit {
    UnsignedCommit { did: did(), data: record(1).0, rev: rev() }.sign_with([9; 64])
}

/// The objects that a frame consists of; decoding them checks that they are canonical.
fn objects(frame: &[u8]) -> Vec<Value> {
    let mut reader = Reader::new(frame);
    let mut objects = Vec::new();
    while !reader.remaining().is_empty() {
        let object = reader.skip(&Limits::RECORD).unwrap();
        objects.push(cbor::decode(object, &Limits::RECORD).unwrap());
    }
    objects
}

fn keys(object: &Value) -> Vec<&str> {
    let Value::Object(map) = object else { panic!("{object:?} is no object") };
    map.iter().map(|(key, _)| key).collect()
}

fn commit_frame(prev_data: Option<Cid>, ops: &[Op], blocks: &[u8]) -> Frame {
    frame::commit(&CommitEvent {
        repo: &did(),
        commit: commit().cid(),
        rev: rev(),
        since: prev_data.map(|_| rev()),
        prev_data,
        ops,
        blocks,
        time: TIME,
    })
}

fn ops() -> Vec<Op> {
    let path = |n| RepoPath::clone(key(n));
    let (some, other) = (Some(record(1).0), Some(record(2).0));
    vec![
        Op { action: Action::Create, path: path(1), cid: some, prev: None },
        Op { action: Action::Update, path: path(2), cid: some, prev: other },
        Op { action: Action::Delete, path: path(3), cid: None, prev: other },
    ]
}

#[test]
fn a_commit_is_the_canonical_object_and_the_signature_covers_the_rest() {
    let commit = commit();
    let signed = cbor::decode(&commit.encode(), &Limits::RECORD).unwrap();
    assert_eq!(keys(&signed), ["did", "rev", "sig", "data", "prev", "version"]);
    let unsigned = cbor::decode(&commit.signing_bytes(), &Limits::RECORD).unwrap();
    assert_eq!(keys(&unsigned), ["did", "rev", "data", "prev", "version"]);
    assert_eq!(Commit::decode(&commit.encode()), Ok(commit.clone()));
    let Commit { did, data, rev, .. } = commit.clone();
    assert_eq!(UnsignedCommit { did, data, rev }.signing_bytes(), commit.signing_bytes());
    assert_eq!(commit.cid(), Cid::cbor_of(&commit.encode()));
}

#[test]
fn only_whole_commits_of_known_versions_are_read() {
    let old = Commit { version: 2, prev: Some(record(3).0), ..commit() };
    assert_eq!(Commit::decode(&old.encode()), Ok(old));
    let next = Commit { version: 4, ..commit() };
    assert_eq!(Commit::decode(&next.encode()), Err(CommitError::Version { version: 4 }));
    let unsigned = Commit { sig: Vec::new(), ..commit() };
    assert_eq!(Commit::decode(&unsigned.encode()), Err(CommitError::Unsigned));
    assert_eq!(Commit::decode(&commit().signing_bytes()), Err(CommitError::Fields));
    let raw = Commit { data: Cid::raw_of(b""), ..commit() };
    assert_eq!(Commit::decode(&raw.encode()), Err(CommitError::LinkCodec));
    let bytes = commit().encode();
    for end in 0..bytes.len() {
        Commit::decode(&bytes[..end]).unwrap_err();
    }
    Commit::decode(&[bytes.as_slice(), &[0]].concat()).unwrap_err();
    assert_eq!(Commit::decode(&vec![0; 5_000]), Err(CommitError::TooLarge));
}

fn entry(key: &str) -> DataEntry {
    DataEntry { key: key.into(), value: record(1).0, right: None }
}

#[test]
fn nodes_have_one_encoding() {
    let node = NodeData { left: Some(record(2).0), entries: vec![entry("a/bcd"), entry("a/bce")] };
    let bytes = encode_node(&node);
    assert_eq!(decode_node(&bytes), Ok(node));
    // The second key is stored as the prefix length 4 and its last byte.
    let at = bytes.windows(6).position(|w| w == [0x61, b'k', 0x41, b'e', 0x61, b'p']).unwrap();
    let with = |suffix: &[u8], prefix: u8| {
        let mut changed = bytes[..at + 2].to_vec();
        changed.push(0x40 | suffix.len() as u8);
        changed.extend(suffix);
        changed.extend([0x61, b'p', prefix]);
        changed.extend(&bytes[at + 7..]);
        decode_node(&changed)
    };
    assert!(with(b"e", 4).is_ok());
    assert_eq!(with(b"ce", 3), Err(NodeError::Prefix { entry: 1 }));
    assert_eq!(with(b"e", 6), Err(NodeError::Prefix { entry: 1 }));
    assert_eq!(with(b"d", 4), Err(NodeError::Prefix { entry: 1 }));
    assert_eq!(with(b"", 4), Err(NodeError::Order { entry: 1 }));
    assert_eq!(with(b"b", 4), Err(NodeError::Order { entry: 1 }));
    assert!(with(b"x", 5).is_ok());
    assert!(matches!(with(b"/", 5), Err(NodeError::Key { entry: 1, .. })));
    assert!(matches!(with(&[0xff], 5), Err(NodeError::Key { entry: 1, .. })));
    let raw = NodeData { left: Some(Cid::raw_of(b"")), entries: vec![] };
    assert_eq!(decode_node(&encode_node(&raw)), Err(NodeError::LinkCodec));
}

#[test]
fn events_are_two_canonical_objects_with_exactly_their_fields() {
    let mut frame = commit_frame(Some(record(3).0), &ops(), b"car");
    frame.set_seq(1_700_000_000_000_000).unwrap();
    let frame = frame.into_bytes();
    let [header, body] = &objects(&frame)[..] else { panic!() };
    assert_eq!(keys(header), ["t", "op"]);
    let expected = [
        "ops", "rev", "seq", "repo", "time", "blobs", "since", "blocks", "commit", "rebase",
        "tooBig", "prevData",
    ];
    assert_eq!(keys(body), expected);
    let Event::Commit(decoded) = frame::decode(&frame).unwrap() else { panic!() };
    assert_eq!((decoded.seq, decoded.ops), (1_700_000_000_000_000, ops()));
    let first = objects(&commit_frame(None, &[], b"").into_bytes());
    assert_eq!(keys(&first[1]), expected[..11]);
    let sync = objects(&frame::sync(&did(), rev(), b"car", TIME).into_bytes());
    assert_eq!(keys(&sync[1]), ["did", "rev", "seq", "time", "blocks"]);
    let identity = objects(&frame::identity(&did(), Some("a.test"), TIME).into_bytes());
    assert_eq!(keys(&identity[1]), ["did", "seq", "time", "handle"]);
    let account = objects(&frame::account(&did(), false, Some("deleted"), TIME).into_bytes());
    assert_eq!(keys(&account[1]), ["did", "seq", "time", "active", "status"]);
    let account = objects(&frame::account(&did(), true, None, TIME).into_bytes());
    assert_eq!(keys(&account[1]), ["did", "seq", "time", "active"]);
    let info = objects(&frame::info("OutdatedCursor", Some("too old")));
    assert_eq!(keys(&info[1]), ["name", "message"]);
    let error = objects(&frame::error("FutureCursor", Some("Cursor in the future.")));
    assert_eq!((keys(&error[0]), keys(&error[1])), (vec!["op"], vec!["error", "message"]));
}

#[test]
fn a_number_is_set_in_place_and_only_where_it_is_canonical() {
    let mut frame = commit_frame(None, &ops(), b"car");
    let before = frame.clone();
    for seq in [Frame::MIN_SEQ, 1_763_900_000_000_000, Frame::MAX_SEQ] {
        frame.set_seq(seq).unwrap();
        assert_eq!((frame.seq(), frame.len()), (seq, before.len()));
        let Event::Commit(body) = frame::decode(&frame.clone().into_bytes()).unwrap() else {
            panic!()
        };
        assert_eq!(body.seq, seq);
    }
    for seq in [0, 1, Frame::MIN_SEQ - 1, Frame::MAX_SEQ + 1, u64::MAX] {
        assert_eq!(frame.set_seq(seq).unwrap_err().seq, seq);
    }
}

#[test]
fn frames_of_another_kind_are_named() {
    let mut other = frame::info("x", None);
    let at = other.windows(5).position(|w| w == b"#info").unwrap();
    other[at + 1] = b'x';
    let unknown = FrameError::UnknownKind { kind: "#xnfo".to_owned() };
    assert_eq!(frame::decode(&other), Err(unknown));
    let mut trailing = frame::info("x", None);
    trailing.push(0);
    assert!(matches!(frame::decode(&trailing), Err(FrameError::Cbor(_))));
}

fn sample_car() -> (Vec<Cid>, Vec<(Cid, Bytes)>, Vec<u8>) {
    let blocks: Vec<_> = (0..5).map(record).collect();
    let roots = vec![blocks[3].0];
    let mut bytes = Vec::new();
    car::write_header(&roots, &mut bytes);
    blocks.iter().for_each(|(cid, block)| car::write_block(cid, block, &mut bytes));
    (roots, blocks, bytes)
}

fn read(reader: &mut CarReader, bytes: &[u8]) -> Result<Vec<CarItem>, CarError> {
    reader.push(bytes);
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(item);
    }
    reader.finish()?;
    Ok(items)
}

#[test]
fn a_car_gives_its_roots_and_blocks() {
    let (roots, blocks, bytes) = sample_car();
    let mut expected = vec![CarItem::Header { roots }];
    expected.extend(blocks.into_iter().map(|(cid, bytes)| CarItem::Block { cid, bytes }));
    assert_eq!(read(&mut CarReader::new(), &bytes), Ok(expected));
    let mut no_roots = Vec::new();
    car::write_header(&[], &mut no_roots);
    let header = CarItem::Header { roots: vec![] };
    assert_eq!(read(&mut CarReader::new(), &no_roots), Ok(vec![header]));
}

#[test]
fn a_car_that_is_cut_or_changed_is_refused() {
    let (_, blocks, bytes) = sample_car();
    let whole_sections = (0..=5).map(|n| {
        let rest: usize = blocks[n..].iter().map(|(_, block)| car::block_len(block.len())).sum();
        bytes.len() - rest
    });
    let whole_sections: Vec<_> = whole_sections.collect();
    for end in 0..bytes.len() {
        let result = read(&mut CarReader::new(), &bytes[..end]);
        if whole_sections.contains(&end) {
            result.unwrap();
        } else {
            assert_eq!(result, Err(CarError::Truncated), "cut at {end}");
        }
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let result = read(&mut CarReader::new(), &changed);
        // A root may name anything; all else is bound by lengths, constants and hashes.
        let in_root = (18..54).contains(&at);
        assert!(result.is_err() || in_root, "byte {at} changed unnoticed");
    }
}

#[test]
fn sections_beyond_the_limits_are_refused_before_they_arrive() {
    let limits = CarLimits { header_bytes: 100, block_bytes: 8 };
    let (_, _, bytes) = sample_car();
    assert!(read(&mut CarReader::with_limits(limits), &bytes).is_ok());
    let mut large = bytes.clone();
    let nine = [0; 9];
    car::write_block(&Cid::cbor_of(&nine), &nine, &mut large);
    let error = CarError::BlockTooLarge { bytes: 9, limit: 8 };
    let cut = large.len() - nine.len();
    assert_eq!(read(&mut CarReader::with_limits(limits), &large[..cut]), Err(error));
    let error = CarError::HeaderTooLarge { bytes: 101, limit: 100 };
    assert_eq!(read(&mut CarReader::with_limits(limits), &[101]), Err(error));
    let mut short = bytes;
    short.push(35);
    let error = CarError::SectionTooShort { bytes: 35 };
    assert_eq!(read(&mut CarReader::new(), &short), Err(error));
}

/// Valid bytes of each format, for mutation.
fn samples() -> Vec<Vec<u8>> {
    let model = (0..40).map(|n| (key(n).to_string(), record(1).0)).collect();
    let (_, _, rows) = build(&model);
    let mut samples: Vec<_> = rows.rows.values().map(|(_, bytes)| bytes.to_vec()).collect();
    samples.sort();
    samples.push(sample_car().2);
    samples.push(frame::error("FutureCursor", None));
    samples.push(frame::info("OutdatedCursor", Some("old")));
    let frames = [
        commit_frame(Some(record(3).0), &ops(), b"car"),
        commit_frame(None, &[], b""),
        frame::sync(&did(), rev(), b"car", TIME),
        frame::identity(&did(), Some("a.test"), TIME),
        frame::account(&did(), false, Some("takendown"), TIME),
    ];
    samples.extend(frames.into_iter().map(|frame| frame.into_bytes().to_vec()));
    samples
}

fn fuzz_all(bytes: &[u8]) {
    fuzz::node(bytes);
    fuzz::car(bytes);
    fuzz::frame(bytes);
}

proptest! {
    #[test]
    fn any_bytes_keep_the_promises(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_all(&bytes);
    }

    #[test]
    fn changed_samples_keep_the_promises(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = sample.get(&samples()).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        fuzz_all(&bytes);
    }
}
