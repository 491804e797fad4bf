//! Commit events and record proofs as a strict consumer checks them.

use bytes::Bytes;
use cairn_model::{Cid, Did, RepoPath, Tid};
use cairn_repo::frame::{self, Action, CommitBody, Event, Op};
use cairn_repo::limits::{MAX_COMMIT_BLOCKS_BYTES, MAX_RECORD_BYTES};
use cairn_repo::verify::{self, VerifyError};
use cairn_repo::{BlockMap, BlockMapError, UnsignedCommit, car, key_layer};
use proptest::prelude::*;

use crate::support::{KEYS, Repo, build, did, key, key_check, record, sign};

fn check(event: &CommitBody) -> Result<verify::Verified, VerifyError> {
    verify::commit_event(event, key_check)
}

/// The CAR of `com.atproto.sync.getRecord`, with or without the record.
fn proof_car(repo: &mut Repo, path: &RepoPath, record_block: Option<(Cid, Bytes)>) -> Vec<u8> {
    let (_, rev, data) = repo.head.unwrap();
    let unsigned = UnsignedCommit { did: did(), data, rev };
    let sig = sign(&unsigned.signing_bytes());
    let commit = unsigned.sign_with(sig);
    let mut blocks = vec![(commit.cid(), Bytes::from(commit.encode()))];
    blocks.extend(repo.tree.record_proof(&repo.rows, path.as_str()).unwrap());
    blocks.extend(record_block);
    car::to_vec(&commit.cid(), blocks.iter().map(|(cid, bytes)| (cid, bytes.as_ref())))
}

/// Replaces the CAR of an event by one with other blocks.
fn with_blocks(event: &CommitBody, blocks: &BlockMap) -> CommitBody {
    let blocks = blocks.iter().map(|(cid, bytes)| (cid, bytes.as_ref()));
    CommitBody { blocks: car::to_vec(&event.commit, blocks).into(), ..event.clone() }
}

proptest! {
    #[test]
    fn each_commit_event_verifies_and_leads_back(
        first in prop::collection::btree_set(0_usize..10_000, 0..80),
        batches in prop::collection::vec(
            prop::collection::btree_map(0_usize..10_000, prop::option::of(0_u32..9), 0..9), 1..12),
    ) {
        let mut repo = Repo::new();
        let writes: Vec<_> = first.iter().map(|n| (&KEYS[n % KEYS.len()], Some(1))).collect();
        let unique: std::collections::BTreeMap<_, _> = writes.into_iter().collect();
        let event = repo.write(&unique.into_iter().collect::<Vec<_>>());
        prop_assert!(event.prev_data.is_none() && event.since.is_none());
        check(&event).unwrap();
        for batch in batches {
            let unique: std::collections::BTreeMap<_, _> =
                batch.into_iter().map(|(n, value)| (key(n), value)).collect();
            let event = repo.write(&unique.into_iter().collect::<Vec<_>>());
            let verified = check(&event).unwrap();
            prop_assert_eq!(Some(verified.cid), repo.head.map(|(cid, _, _)| cid));
            prop_assert_eq!(verified.commit.rev, event.rev);
        }
    }

    #[test]
    fn record_proofs_show_presence_and_absence(
        present in prop::collection::btree_set(0_usize..150, 0..60),
        asked in 0_usize..150,
    ) {
        let mut repo = Repo::new();
        repo.write(&present.iter().map(|n| (key(*n), Some(1))).collect::<Vec<_>>());
        let path = key(asked);
        let block = repo.model.get(path.as_str()).map(|_| record(1));
        let car = proof_car(&mut repo, path, block.clone());
        let proof = verify::read_record_proof(&car, &did(), path, key_check).unwrap();
        prop_assert_eq!(proof.record, block.clone());
        let cid = verify::record_proof(&car, &did(), path, key_check).unwrap();
        prop_assert_eq!(cid, block.map(|(cid, _)| cid));
    }

    #[test]
    fn no_changed_byte_of_the_blocks_passes(
        present in prop::collection::btree_set(0_usize..150, 20..40),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut repo = Repo::new();
        repo.write(&present.iter().map(|n| (key(*n), Some(1))).collect::<Vec<_>>());
        let event = repo.write(&[(key(151), Some(2)), (key(7), Some(3)), (key(8), None)]);
        let mut blocks = event.blocks.to_vec();
        let at = at.index(blocks.len());
        blocks[at] ^= flip;
        check(&CommitBody { blocks: blocks.into(), ..event }).unwrap_err();
    }

    #[test]
    fn an_event_without_one_of_its_blocks_never_leads_elsewhere(
        present in prop::collection::btree_set(0_usize..150, 20..60),
        dropped in any::<prop::sample::Index>(),
    ) {
        let mut repo = Repo::new();
        repo.write(&present.iter().map(|n| (key(*n), Some(1))).collect::<Vec<_>>());
        let event = repo.write(&[(key(151), Some(2)), (key(152), Some(3))]);
        let (_, blocks) = BlockMap::from_car(&event.blocks).unwrap();
        let mut cids: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
        cids.sort();
        let dropped = *dropped.get(&cids);
        let rest = blocks.iter().filter(|(cid, _)| **cid != dropped);
        let rest: BlockMap = rest.map(|(cid, bytes)| (*cid, bytes.clone())).collect();
        let result = check(&with_blocks(&event, &rest));
        let is_named = matches!(
            result,
            Ok(_)
                | Err(VerifyError::CommitMissing
                    | VerifyError::RecordMissing { .. }
                    | VerifyError::Tree(_))
        );
        prop_assert!(is_named);
        let wrong = CommitBody { prev_data: Some(dropped), ..with_blocks(&event, &rest) };
        prop_assert!(check(&wrong).is_err());
    }
}

#[test]
fn events_of_many_operations_verify_in_a_natural_tree() {
    let keys: Vec<RepoPath> = (0_u32..3_000)
        .map(|n| format!("app.bsky.feed.post/{:08x}", n.wrapping_mul(2_654_435_761)))
        .map(|path| RepoPath::parse(&path).unwrap())
        .collect();
    let mut repo = Repo::new();
    for (round, keys) in keys.chunks(200).enumerate() {
        let creations: Vec<_> = keys.iter().map(|key| (key, Some(round as u32))).collect();
        check(&repo.write(&creations)).unwrap();
        repo.tree.prune(50);
    }
    // Every third key goes, every third changes.
    for keys in keys.chunks(200) {
        let writes: Vec<_> = keys
            .iter()
            .enumerate()
            .filter(|(n, _)| n % 3 > 0)
            .map(|(n, key)| (key, (n % 3 == 1).then_some(999)))
            .collect();
        check(&repo.write(&writes)).unwrap();
        repo.tree.prune(50);
    }
    let (root, _, rows) = build(&repo.model);
    assert_eq!((repo.tree.root(), &repo.rows), (Some(root), &rows));
}

#[test]
fn a_key_above_all_others_and_at_their_edge_verifies() {
    let layer_of = |path: &RepoPath| key_layer(path.as_str().as_bytes());
    let mut keys: Vec<_> = KEYS.iter().collect();
    keys.sort();
    let is_high = |path: &&&RepoPath| layer_of(path) >= 4;
    let low = |range: &[&'static RepoPath]| -> Vec<_> {
        range.iter().filter(|path| layer_of(path) == 0).map(|path| (*path, Some(1))).collect()
    };
    let first = keys.iter().position(|path| is_high(&path)).unwrap();
    let last = keys.iter().rposition(|path| is_high(&path)).unwrap();
    // The tree below hangs on one side of the new root, under nodes without entries.
    for (edge, others) in [(first, low(&keys[first..])), (last, low(&keys[..last]))] {
        let mut repo = Repo::new();
        check(&repo.write(&others)).unwrap();
        check(&repo.write(&[(keys[edge], Some(2))])).unwrap();
        check(&repo.write(&[(keys[edge], None)])).unwrap();
    }
}

/// An event with one creation, one update and one deletion in a tree of some size.
fn event() -> CommitBody {
    let mut repo = Repo::new();
    repo.write(&(0..40).map(|n| (key(n), Some(1))).collect::<Vec<_>>());
    let event = repo.write(&[(key(50), Some(2)), (key(3), Some(3)), (key(4), None)]);
    check(&event).unwrap();
    event
}

#[test]
fn a_commit_without_operations_verifies() {
    let mut repo = Repo::new();
    check(&repo.write(&[])).unwrap();
    repo.write(&[(key(1), Some(1))]);
    let event = repo.write(&[]);
    check(&event).unwrap();
    let elsewhere = CommitBody { prev_data: Some(record(1).0), ..event };
    assert!(matches!(check(&elsewhere), Err(VerifyError::PrevData { .. })));
}

#[test]
fn what_the_event_says_must_be_what_is_signed() {
    let event = event();
    let other = Did::parse("did:web:other.example").unwrap();
    let error = check(&CommitBody { repo: other, ..event.clone() }).unwrap_err();
    assert!(matches!(error, VerifyError::Did { .. }));
    let error = check(&CommitBody { rev: Tid::from_parts(1, 1), ..event.clone() }).unwrap_err();
    assert!(matches!(error, VerifyError::Rev { .. }));
    let error = check(&CommitBody { commit: record(1).0, ..event.clone() }).unwrap_err();
    assert!(matches!(error, VerifyError::Root { .. }));
    let error = verify::commit_event(&event, |_, _| false).unwrap_err();
    assert!(matches!(error, VerifyError::Signature));
    for flagged in [
        CommitBody { rebase: true, ..event.clone() },
        CommitBody { too_big: true, ..event.clone() },
    ] {
        assert!(matches!(check(&flagged), Err(VerifyError::DeprecatedFlag)));
    }
    let error = check(&CommitBody { prev_data: None, ..event }).unwrap_err();
    assert!(matches!(error, VerifyError::PrevDataMissing));
}

#[test]
fn operations_must_be_legal_and_true() {
    let event = event();
    let (some, other) = (record(1).0, record(77).0);
    let change = |i: usize, change: &dyn Fn(&mut Op)| {
        let mut event = event.clone();
        change(&mut event.ops[i]);
        check(&event).unwrap_err()
    };
    let (create, update, delete) = (0, 1, 2);
    assert_eq!(
        event.ops.iter().map(|op| op.action).collect::<Vec<_>>(),
        [Action::Create, Action::Update, Action::Delete]
    );
    for illegal in [
        change(create, &|op| op.prev = Some(some)),
        change(create, &|op| op.cid = None),
        change(update, &|op| op.prev = None),
        change(update, &|op| op.cid = None),
        change(delete, &|op| op.prev = None),
        change(delete, &|op| op.cid = Some(some)),
        change(delete, &|op| op.prev = Some(Cid::raw_of(b""))),
    ] {
        assert!(matches!(illegal, VerifyError::OpFields { .. }), "{illegal}");
    }
    let missing = change(create, &|op| op.cid = Some(other));
    assert!(matches!(missing, VerifyError::RecordMissing { .. }));
    let twice = change(create, &|op| op.path = event.ops[1].path.clone());
    assert!(matches!(twice, VerifyError::DuplicatePath { .. }));
    for untrue in
        [change(update, &|op| op.prev = Some(other)), change(delete, &|op| op.prev = Some(other))]
    {
        assert!(matches!(untrue, VerifyError::PrevData { .. }), "{untrue}");
    }
    let swapped = change(update, &|op| op.cid = event.ops[0].cid);
    assert!(matches!(swapped, VerifyError::OpMismatch { .. }), "{swapped}");
    let mut silent = event.clone();
    silent.ops.pop();
    assert!(matches!(check(&silent), Err(VerifyError::PrevData { .. })));
    let absent = change(create, &|op| op.path = key(60).clone());
    assert!(matches!(absent, VerifyError::Tree(_)), "{absent}");
}

#[test]
fn sizes_are_limited() {
    let event = event();
    let op = event.ops[0].clone();
    let crowded = CommitBody { ops: vec![op; 201], ..event.clone() };
    assert!(matches!(check(&crowded), Err(VerifyError::TooManyOps { ops: 201 })));
    let large = Bytes::from(vec![0; MAX_COMMIT_BLOCKS_BYTES + 1]);
    let large = CommitBody { blocks: large, ..event.clone() };
    assert!(matches!(check(&large), Err(VerifyError::BlocksTooLarge { .. })));
    // A record that is too large, with everything else in order.
    let bytes = Bytes::from(vec![0x58; MAX_RECORD_BYTES + 1]);
    let cid = Cid::cbor_of(&bytes);
    let (_, mut blocks) = BlockMap::from_car(&event.blocks).unwrap();
    blocks.insert(cid, bytes);
    let mut event = with_blocks(&event, &blocks);
    event.ops[0].cid = Some(cid);
    assert!(matches!(check(&event), Err(VerifyError::RecordTooLarge { .. })));
}

#[test]
fn a_car_has_one_root() {
    let event = event();
    let mut rootless = Vec::new();
    car::write_header(&[], &mut rootless);
    let error = check(&CommitBody { blocks: rootless.into(), ..event }).unwrap_err();
    assert!(matches!(error, VerifyError::Blocks(BlockMapError::Roots { roots: 0 })));
}

#[test]
fn a_sync_event_holds_its_commit() {
    let unsigned =
        UnsignedCommit { did: did(), data: record(1).0, rev: Tid::from_parts(1_700_000_000, 1) };
    let sig = sign(&unsigned.signing_bytes());
    let commit = unsigned.sign_with(sig);
    let block = commit.encode();
    let car = car::to_vec(&commit.cid(), [(&commit.cid(), block.as_slice())]);
    let frame = frame::sync(&did(), commit.rev, &car, "2026-11-23T12:00:00.000Z");
    let Event::Sync(event) = frame::decode(&frame.into_bytes()).unwrap() else { panic!() };
    let verified = verify::sync_event(&event, key_check).unwrap();
    assert_eq!((verified.cid, &verified.commit), (commit.cid(), &commit));
    let stale = frame::SyncBody { rev: Tid::from_parts(1, 1), ..event };
    assert!(matches!(verify::sync_event(&stale, key_check), Err(VerifyError::Rev { .. })));
}

#[test]
fn a_proof_of_another_account_or_without_its_record_is_refused() {
    let mut repo = Repo::new();
    repo.write(&[(key(1), Some(1)), (key(2), Some(1))]);
    let path = key(1);
    let car = proof_car(&mut repo, path, None);
    let error = verify::record_proof(&car, &did(), path, key_check).unwrap_err();
    assert!(matches!(error, VerifyError::RecordMissing { .. }));
    let car = proof_car(&mut repo, path, Some(record(1)));
    let other = Did::parse("did:web:other.example").unwrap();
    let error = verify::record_proof(&car, &other, path, key_check).unwrap_err();
    assert!(matches!(error, VerifyError::Did { .. }));
}
