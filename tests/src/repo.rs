//! A repository read from a CAR file, with everything checked that a consumer can check.

use std::collections::BTreeMap;

use bytes::Bytes;
use cairn_identity::PublicKey;
use cairn_model::{Cid, Did, Tid};
use cairn_repo::walk::{Step, Walker};
use cairn_repo::{BlockMap, Commit, TreeBuilder};

/// A whole repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoCopy {
    pub commit: Cid,
    pub rev: Tid,
    pub data: Cid,
    /// Record CIDs by path.
    pub records: BTreeMap<String, Cid>,
}

impl RepoCopy {
    /// Reads a full export. Panics when it is not this account's, not signed by this key, or not whole.
    #[track_caller]
    pub fn read(car: &Bytes, did: &Did, key: &PublicKey) -> Self {
        let (root, mut blocks) = BlockMap::from_car(car).unwrap();
        let commit = Commit::decode(blocks.get(&root).expect("the commit is there")).unwrap();
        assert_eq!(commit.did, *did);
        key.verify_strict(&commit.signing_bytes(), &commit.sig)
            .expect("the commit is signed by the account's key");
        let mut walker = Walker::new(commit.data);
        let mut records = BTreeMap::new();
        while let Some(step) = walker.next(&mut blocks).unwrap() {
            if let Step::Record { path, cid } = step {
                assert!(blocks.get(&cid).is_some(), "the record at {path} is there");
                records.insert(path.to_string(), cid);
            }
        }
        assert_eq!(root_of(&records), commit.data, "the tree is the one that its records give");
        Self { commit: root, rev: commit.rev, data: commit.data, records }
    }
}

/// The root of the tree that these records give.
pub fn root_of(records: &BTreeMap<String, Cid>) -> Cid {
    let mut builder = TreeBuilder::new();
    for (path, cid) in records {
        builder.push(path, *cid).unwrap();
    }
    builder.finish().0
}
