//! The Merkle search tree as a lazy tree of pointers, named by position.
//!
//! A node stands at `(lo, layer)`: `lo` is the nearest key to its left on a higher layer, empty if
//! there is none. Edits load the nodes that they need *before* they change anything, so a failed
//! edit leaves the tree as it was. CIDs are computed once, by [`Tree::commit`], for all edits
//! since the last one. Spec: <https://atproto.com/specs/repository#mst-structure>.

mod commit;
mod edit;
mod load;
mod proof;
mod prune;

use std::error::Error as StdError;

use bytes::Bytes;
use cairn_model::Cid;

use crate::key::KeyError;
use crate::node::{NodeData, NodeError, decode_node};
use load::Loader;

/// Where nodes come from that a tree has not loaded.
pub trait NodeSource {
    type Error;

    /// The block of the node at `(lo, layer)`, whose CID is `cid`; `None` if there is no such
    /// node. A table of positions looks up by position, a CAR by CID. A table must not return a
    /// node with another CID: that is an older or newer state, and mixing states corrupts trees.
    fn node(&self, lo: &str, layer: u8, cid: &Cid) -> Result<Option<Bytes>, Self::Error>;
}

impl<S: NodeSource + ?Sized> NodeSource for &S {
    type Error = S::Error;

    fn node(&self, lo: &str, layer: u8, cid: &Cid) -> Result<Option<Bytes>, Self::Error> {
        (**self).node(lo, layer, cid)
    }
}

/// A repository's tree, of which only the nodes that were touched are in memory.
#[derive(Debug, Clone)]
pub struct Tree {
    root: Child,
    layer: u8,
    mode: Mode,
    /// Counts operations; nodes remember the last one that touched them.
    tick: u64,
    /// Upper bound of the nodes in memory; exact after [`Tree::prune`].
    loaded: usize,
    /// Positions that nodes have left since the last commit.
    vacated: Vec<(String, u8)>,
    /// Bytes of the rows at these positions.
    vacated_bytes: u64,
}

/// What a tree may take for granted about its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Our own rows: keys stand on their layers, and all nodes are there, so that a node that
    /// moves can be emitted with its bytes.
    Rows,
    /// Blocks from elsewhere: each key's layer is checked. Only the nodes that a consumer needs
    /// are there, and positions do not matter.
    Blocks,
}

#[derive(Debug, Clone)]
enum Child {
    Empty,
    Stored(Cid),
    Loaded(Box<Node>),
}

#[derive(Debug, Clone)]
struct Node {
    left: Child,
    entries: Vec<Entry>,
    state: State,
    used: u64,
    /// Bytes of the row that is stored for this node, 0 if none is.
    row_bytes: u32,
}

#[derive(Debug, Clone)]
struct Entry {
    key: Box<str>,
    value: Cid,
    right: Child,
}

/// What storage knows of a node. The parent of a node that is not clean is not clean either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Stored at its position with this CID.
    Clean(Cid),
    /// Content known by this CID, stored at another position.
    Moved(Cid),
    /// Content changed. `was`: the CID stored at this very position, if it never left it.
    Dirty { was: Option<Cid> },
}

/// One node of the tree as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    pub lo: String,
    pub layer: u8,
    pub cid: Cid,
    pub bytes: Bytes,
}

/// What the edits since the last commit mean for a table of nodes by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// CID of the root, the commit's `data`.
    pub root: Cid,
    /// Layer of the root.
    pub layer: u8,
    /// Nodes that are new, changed or moved; parents before children.
    pub upserts: Vec<NodeRow>,
    /// Positions at which no node stands any more. Some may never have been stored: a node that
    /// came and went between two commits. None is among the upserts.
    pub removed: Vec<(String, u8)>,
    /// How many bytes more the blocks of all rows have than before; negative if there are fewer.
    pub bytes_delta: i64,
}

/// Why an operation on a tree failed. The tree is as it was before it.
#[derive(Debug, thiserror::Error)]
pub enum TreeError<E: StdError + 'static> {
    #[error("key {key:?} exists")]
    KeyExists { key: String },
    #[error("key {key:?} does not exist")]
    KeyMissing { key: String },
    #[error("key is not valid")]
    Key(#[from] KeyError),
    #[error("node {cid} at ({lo:?}, {layer}) is missing")]
    Missing { lo: String, layer: u8, cid: Cid },
    #[error("node {cid} at ({lo:?}, {layer}) is damaged")]
    Node { lo: String, layer: u8, cid: Cid, source: NodeError },
    /// See [`crate::limits::MAX_NODE_ENTRIES`]: only chosen keys lead here.
    #[error("a node would hold more entries than allowed")]
    NodeFull,
    #[error("tree has edits that are not committed")]
    Uncommitted,
    #[error("source of nodes failed")]
    Source(#[source] E),
}

impl Tree {
    /// The empty tree, not yet committed.
    pub fn empty() -> Self {
        let root = Child::Loaded(Box::new(Node::new(Child::Empty, Vec::new(), 0)));
        Self { loaded: 1, ..Self::over(root, 0) }
    }

    /// A stored tree over rows that we wrote ourselves. Nothing is loaded yet.
    ///
    /// To abandon edits that are not committed, drop the tree and start again from the last root.
    pub fn from_root(root: Cid, layer: u8) -> Self {
        Self::over(Child::Stored(root), layer)
    }

    fn over(root: Child, layer: u8) -> Self {
        Self {
            root,
            layer,
            mode: Mode::Rows,
            tick: 0,
            loaded: 0,
            vacated: Vec::new(),
            vacated_bytes: 0,
        }
    }

    /// A tree over blocks from elsewhere, of which some may be missing. Reads the root node to
    /// learn its layer, and checks each node that it loads, its keys' layers included.
    ///
    /// Such a tree is for verification: [`Changes::removed`] and moved nodes are not complete.
    pub fn from_blocks<S>(root: Cid, source: &S) -> Result<Self, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let bytes = source
            .node("", 0, &root)
            .map_err(TreeError::Source)?
            .ok_or(TreeError::Missing { lo: String::new(), layer: 0, cid: root })?;
        let layer = decode_node(&bytes)
            .and_then(|node| node.root_layer())
            .map_err(|source| TreeError::Node { lo: String::new(), layer: 0, cid: root, source })?;
        let mut tree = Self::from_root(root, layer);
        tree.mode = Mode::Blocks;
        Ok(tree)
    }

    /// CID of the root; `None` while there are edits that are not committed.
    pub fn root(&self) -> Option<Cid> {
        match &self.root {
            Child::Empty => None,
            Child::Stored(cid) => Some(*cid),
            Child::Loaded(node) => match node.state {
                State::Clean(cid) => Some(cid),
                State::Moved(_) | State::Dirty { .. } => None,
            },
        }
    }

    /// Layer of the root; 0 for the empty tree.
    pub fn layer(&self) -> u8 {
        self.layer
    }

    /// The record at a key.
    pub fn get<S>(&mut self, source: &S, key: &str) -> Result<Option<Cid>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        self.load_path(source, key)
    }

    fn loader<'a, S>(&'a mut self, source: &'a S) -> (&'a mut Child, Loader<'a, S>) {
        self.tick += 1;
        let loader = Loader { source, mode: self.mode, tick: self.tick, loaded: &mut self.loaded };
        (&mut self.root, loader)
    }
}

impl Node {
    /// A node that storage does not know.
    fn new(left: Child, entries: Vec<Entry>, tick: u64) -> Self {
        Self { left, entries, state: State::Dirty { was: None }, used: tick, row_bytes: 0 }
    }

    fn from_data(data: NodeData, cid: Cid, tick: u64, row_bytes: u32) -> Self {
        let entries = data.entries.into_iter().map(|e| Entry {
            key: e.key,
            value: e.value,
            right: Child::from_link(e.right),
        });
        Self {
            left: Child::from_link(data.left),
            entries: entries.collect(),
            state: State::Clean(cid),
            used: tick,
            row_bytes,
        }
    }

    /// Index of the first entry that is not less than the key, and whether it is the key.
    fn find(&self, key: &str) -> (usize, bool) {
        let i = self.entries.partition_point(|e| *e.key < *key);
        (i, self.entries.get(i).is_some_and(|e| *e.key == *key))
    }

    /// The child left of entry `i`; of the last child, if `i` is the number of entries.
    fn child(&mut self, i: usize) -> &mut Child {
        match i.checked_sub(1).and_then(|before| self.entries.get_mut(before)) {
            Some(entry) => &mut entry.right,
            None => &mut self.left,
        }
    }

    fn last_child(&mut self) -> &mut Child {
        self.child(self.entries.len())
    }

    /// The key that the child left of entry `i` stands at.
    fn child_lo<'a>(&'a self, i: usize, lo: &'a str) -> &'a str {
        i.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(lo, |e| &e.key)
    }

    fn touch(&mut self) {
        self.state = match self.state {
            State::Clean(cid) => State::Dirty { was: Some(cid) },
            State::Moved(_) => State::Dirty { was: None },
            dirty @ State::Dirty { .. } => dirty,
        };
    }

    fn leave_position(&mut self) {
        self.state = match self.state {
            State::Clean(cid) | State::Moved(cid) => State::Moved(cid),
            State::Dirty { .. } => State::Dirty { was: None },
        };
    }

    fn is_clean(&self) -> bool {
        matches!(self.state, State::Clean(_))
    }
}

impl Child {
    fn from_link(link: Option<Cid>) -> Self {
        link.map_or(Self::Empty, Self::Stored)
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Empty)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The link to this child. Below a dirty child there is none yet.
    fn link(&self) -> Option<Cid> {
        match self {
            Self::Empty => None,
            Self::Stored(cid) => Some(*cid),
            Self::Loaded(node) => match node.state {
                State::Clean(cid) | State::Moved(cid) => Some(cid),
                State::Dirty { .. } => None,
            },
        }
    }
}
