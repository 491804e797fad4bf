//! Repositories of one record, made by hand: for hosts that are not what they say.

use cairn_identity::SigningKey;
use cairn_model::{Cid, Did, RepoPath, TidClock};
use cairn_repo::{TreeBuilder, UnsignedCommit, car};

/// The CAR with which a host proves a record of an account, signed by this key.
pub fn record_proof(did: &Did, key: &SigningKey, path: &RepoPath, record: &[u8]) -> Vec<u8> {
    let mut tree = TreeBuilder::new();
    let cid = Cid::cbor_of(record);
    tree.push(path.as_str(), cid).unwrap();
    let (data, _) = tree.finish();
    let rev = TidClock::new(0).next(1_800_000_000_000_000);
    let unsigned = UnsignedCommit { did: did.clone(), data, rev };
    let signature = key.sign(&unsigned.signing_bytes());
    let commit = unsigned.sign_with(signature);
    let (root, commit) = (commit.cid(), commit.encode());
    let nodes: Vec<_> = tree.drain_rows().collect();
    let nodes = nodes.iter().map(|node| (&node.cid, &*node.bytes));
    let ends = [(&root, &*commit), (&cid, record)];
    car::to_vec(&root, ends.into_iter().chain(nodes))
}
