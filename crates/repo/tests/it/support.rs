//! Keys, rows and repositories for tests.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use cairn_model::{Cid, Did, RepoPath, Tid};
use cairn_repo::frame::{self, Action, CommitBody, CommitEvent, Event, Op};
use cairn_repo::{
    BlockMap, Changes, NodeRow, NodeSource, Tree, TreeBuilder, UnsignedCommit, car, key_layer,
};

/// Record keys, many on layer 0 and some on each layer up to about 8, in no particular order.
pub static KEYS: LazyLock<Vec<RepoPath>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    let mut per_layer = [0; 16];
    for n in 0_u32..200_000 {
        // Two collections, so that prefixes differ; scrambled, so that layers mix.
        let collection = if n % 3 == 0 { "app.bsky.feed.like" } else { "app.bsky.feed.post" };
        let path = format!("{collection}/{:08x}", n.wrapping_mul(2_654_435_761));
        let layer = key_layer(path.as_bytes());
        let count = &mut per_layer[usize::from(layer)];
        if *count < if layer == 0 { 48 } else { 12 } {
            *count += 1;
            keys.push(RepoPath::parse(&path).unwrap());
        }
    }
    assert!(per_layer[7] > 0, "keys on high layers were found");
    keys
});

pub fn key(n: usize) -> &'static RepoPath {
    &KEYS[n % KEYS.len()]
}

/// A record block; different for each number.
pub fn record(n: u32) -> (Cid, Bytes) {
    let mut bytes = vec![0xa1, 0x61, b'n', 0x1a];
    bytes.extend((n | 0x1_0000).to_be_bytes());
    (Cid::cbor_of(&bytes), bytes.into())
}

/// A table of nodes by position, as a store keeps it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub rows: HashMap<(String, u8), (Cid, Bytes)>,
}

impl Rows {
    pub fn apply(&mut self, changes: &Changes) {
        for (lo, layer) in &changes.removed {
            self.rows.remove(&(lo.clone(), *layer));
        }
        for row in &changes.upserts {
            self.put(row.clone());
        }
    }

    /// Of all blocks together.
    fn bytes(&self) -> i64 {
        self.rows.values().map(|(_, bytes)| i64::try_from(bytes.len()).unwrap()).sum()
    }

    pub fn put(&mut self, row: NodeRow) {
        self.rows.insert((row.lo, row.layer), (row.cid, row.bytes));
    }

    pub fn blocks(&self) -> BlockMap {
        self.rows.values().cloned().collect()
    }
}

impl NodeSource for Rows {
    type Error = Infallible;

    fn node(&self, lo: &str, layer: u8, cid: &Cid) -> Result<Option<Bytes>, Infallible> {
        let row = self.rows.get(&(lo.to_owned(), layer));
        Ok(row.map(|(stored, bytes)| {
            assert_eq!(stored, cid, "the row at ({lo:?}, {layer}) is the node that is asked for");
            bytes.clone()
        }))
    }
}

/// Rows that stop answering after a number of reads.
pub struct Failing<'a> {
    pub rows: &'a Rows,
    pub reads_left: Cell<u32>,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("out of reads")]
pub struct OutOfReads;

impl NodeSource for Failing<'_> {
    type Error = OutOfReads;

    fn node(&self, lo: &str, layer: u8, cid: &Cid) -> Result<Option<Bytes>, OutOfReads> {
        let left = self.reads_left.get().checked_sub(1).ok_or(OutOfReads)?;
        self.reads_left.set(left);
        Ok(self.rows.node(lo, layer, cid).unwrap_or_else(|never| match never {}))
    }
}

/// The tree of a set of keys, built from nothing.
pub fn build(model: &BTreeMap<String, Cid>) -> (Cid, u8, Rows) {
    let mut builder = TreeBuilder::new();
    let mut rows = Rows::default();
    for (key, value) in model {
        builder.push(key, *value).unwrap();
        builder.drain_rows().for_each(|row| rows.put(row));
    }
    let (root, layer) = builder.finish();
    builder.drain_rows().for_each(|row| rows.put(row));
    (root, layer, rows)
}

pub fn did() -> Did {
    Did::parse("did:plc:ewvi7nxzyoun6zhxrhs64oiz").unwrap()
}

/// Not a signature, but it depends on every byte that is signed.
pub fn sign(bytes: &[u8]) -> [u8; 64] {
    let mut sig = [7; 64];
    sig[..32].copy_from_slice(Cid::cbor_of(bytes).digest());
    sig
}

pub fn key_check(bytes: &[u8], sig: &[u8]) -> bool {
    sig == sign(bytes)
}

/// One account's repository, written as a store would write it.
pub struct Repo {
    pub tree: Tree,
    pub rows: Rows,
    pub model: BTreeMap<String, Cid>,
    pub head: Option<(Cid, Tid, Cid)>,
    clock: u64,
}

impl Repo {
    pub fn new() -> Self {
        let (tree, rows, model) = (Tree::empty(), Rows::default(), BTreeMap::new());
        Self { tree, rows, model, head: None, clock: 1_700_000_000_000_000 }
    }

    /// Creates, updates (`Some`) or deletes (`None`), whichever fits what is there.
    pub fn write(&mut self, writes: &[(&RepoPath, Option<u32>)]) -> CommitBody {
        let mut ops = Vec::new();
        let mut blocks = BlockMap::default();
        for (path, value) in writes {
            let prev = self.model.get(path.as_str()).copied();
            let cid = value.map(record).map(|(cid, bytes)| {
                blocks.insert(cid, bytes);
                cid
            });
            let action = match (prev, cid) {
                (None, None) => continue,
                (None, Some(_)) => Action::Create,
                (Some(_), Some(_)) => Action::Update,
                (Some(_), None) => Action::Delete,
            };
            self.apply(action, path, cid);
            ops.push(Op { action, path: (*path).clone(), cid, prev });
        }
        self.commit(&ops, blocks)
    }

    fn apply(&mut self, action: Action, path: &RepoPath, cid: Option<Cid>) {
        let key = path.as_str();
        let prev = match (action, cid) {
            (Action::Create, Some(cid)) => self.tree.insert(&self.rows, key, cid),
            (Action::Update, Some(cid)) => self.tree.update(&self.rows, key, cid),
            _ => self.tree.delete(&self.rows, key),
        };
        assert_eq!(prev.unwrap(), self.model.get(key).copied());
        match cid {
            Some(cid) => self.model.insert(key.to_owned(), cid),
            None => self.model.remove(key),
        };
    }

    fn commit(&mut self, ops: &[Op], mut blocks: BlockMap) -> CommitBody {
        let changes = self.tree.commit();
        let keys = ops.iter().map(|op| op.path.as_str());
        blocks.extend(self.tree.covering_proof_beyond(&self.rows, keys, &changes).unwrap());
        let before = self.rows.bytes();
        self.rows.apply(&changes);
        assert_eq!(self.rows.bytes() - before, changes.bytes_delta);
        blocks.extend(changes.upserts.into_iter().map(|row| (row.cid, row.bytes)));
        self.clock += 1_000;
        let rev = Tid::from_parts(self.clock, 3);
        let unsigned = UnsignedCommit { did: did(), data: changes.root, rev };
        let sig = sign(&unsigned.signing_bytes());
        let commit = unsigned.sign_with(sig);
        blocks.insert(commit.cid(), commit.encode().into());
        let before = self.head.replace((commit.cid(), rev, changes.root));
        let car = car::to_vec(&commit.cid(), blocks.iter().map(|(cid, b)| (cid, b.as_ref())));
        let frame = frame::commit(&CommitEvent {
            repo: &did(),
            commit: commit.cid(),
            rev,
            since: before.map(|(_, rev, _)| rev),
            prev_data: before.map(|(_, _, data)| data),
            ops,
            blocks: &car,
            time: "2026-11-23T12:00:00.000Z",
        });
        match frame::decode(&frame.into_bytes()).unwrap() {
            Event::Commit(body) => body,
            other => panic!("a commit decodes as {other:?}"),
        }
    }
}
