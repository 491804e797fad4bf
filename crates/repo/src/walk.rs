//! Walking a whole tree that came from elsewhere, checking all of its structure.
//!
//! The order is the spec's streamable pre-order: each node before what hangs below it, each
//! record before the subtree right of its key. That is also the order of a table of nodes by
//! `(lo ascending, layer descending)` merged with the records by key: before record `k` come the
//! nodes at smaller keys, after it the nodes at `k` from the top layer down.
//! Spec: <https://atproto.com/specs/repository#mst-structure>.

use std::error::Error as StdError;

use bytes::Bytes;
use cairn_model::{Cid, RepoPath, SyntaxError};

use crate::node::{At, DataEntry, NodeData, NodeError, decode_node};
use crate::tree::NodeRow;

/// Where blocks come from. The source vouches for their hashes.
pub trait BlockSource {
    type Error;

    /// The block of a CID; `None` if there is none.
    fn block(&mut self, cid: &Cid) -> Result<Option<Bytes>, Self::Error>;
}

/// What a walk meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Node(NodeRow),
    /// A record's key and CID, in key order. Its block has not been looked at.
    Record {
        path: RepoPath,
        cid: Cid,
    },
}

/// Each way in which a tree can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum WalkError<E: StdError + 'static> {
    #[error("node {cid} is missing")]
    Missing { cid: Cid },
    #[error("node {cid} is damaged")]
    Node { cid: Cid, source: NodeError },
    #[error("key {key:?} is not a record path")]
    Path { key: Box<str>, source: SyntaxError },
    #[error("source of blocks failed")]
    Source(#[source] E),
}

/// A walk in progress: an explicit stack of one frame per layer.
#[derive(Debug)]
pub struct Walker {
    root: Option<Cid>,
    stack: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    lo: Box<str>,
    hi: Option<Box<str>>,
    layer: u8,
    /// The child to go into next, left of what remains of the entries.
    child: Option<Cid>,
    entries: std::vec::IntoIter<DataEntry>,
}

impl Walker {
    pub fn new(root: Cid) -> Self {
        Self { root: Some(root), stack: Vec::new() }
    }

    /// The next node or record; `None` at the end. Do not go on after an error.
    pub fn next<S>(&mut self, source: &mut S) -> Result<Option<Step>, WalkError<S::Error>>
    where
        S: BlockSource,
        S::Error: StdError + 'static,
    {
        if let Some(root) = self.root.take() {
            let (data, bytes) = fetch(source, root)?;
            let layer =
                data.root_layer().map_err(|source| WalkError::Node { cid: root, source })?;
            return self.enter(data, (root, bytes), ("".into(), None), layer, true).map(Some);
        }
        while let Some(frame) = self.stack.last_mut() {
            if let Some(cid) = frame.child.take() {
                let hi = frame.entries.as_slice().first().map(|e| e.key.clone());
                let bounds = (frame.lo.clone(), hi.or_else(|| frame.hi.clone()));
                // A node on layer 0 that has a child was refused when it was entered.
                let layer = frame.layer.saturating_sub(1);
                let (data, bytes) = fetch(source, cid)?;
                return self.enter(data, (cid, bytes), bounds, layer, false).map(Some);
            }
            let Some(entry) = frame.entries.next() else {
                self.stack.pop();
                continue;
            };
            let path = RepoPath::parse(&entry.key)
                .map_err(|source| WalkError::Path { key: entry.key.clone(), source })?;
            frame.child = entry.right;
            frame.lo = entry.key;
            return Ok(Some(Step::Record { path, cid: entry.value }));
        }
        Ok(None)
    }

    /// Checks a node against its place and puts it on the stack.
    fn enter<E: StdError + 'static>(
        &mut self,
        data: NodeData,
        (cid, bytes): (Cid, Bytes),
        (lo, hi): (Box<str>, Option<Box<str>>),
        layer: u8,
        is_root: bool,
    ) -> Result<Step, WalkError<E>> {
        let at = At { lo: &lo, hi: hi.as_deref(), layer, is_root };
        data.check(at, true).map_err(|source| WalkError::Node { cid, source })?;
        let row = NodeRow { lo: lo.to_string(), layer, cid, bytes };
        self.stack.push(Frame {
            lo,
            hi,
            layer,
            child: data.left,
            entries: data.entries.into_iter(),
        });
        Ok(Step::Node(row))
    }
}

fn fetch<S>(source: &mut S, cid: Cid) -> Result<(NodeData, Bytes), WalkError<S::Error>>
where
    S: BlockSource,
    S::Error: StdError + 'static,
{
    let bytes = source.block(&cid).map_err(WalkError::Source)?.ok_or(WalkError::Missing { cid })?;
    let data = decode_node(&bytes).map_err(|source| WalkError::Node { cid, source })?;
    Ok((data, bytes))
}
