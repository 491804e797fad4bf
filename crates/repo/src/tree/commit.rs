//! Committing: CIDs bottom-up for what changed, and the rows that follow from it.

use std::collections::HashSet;

use cairn_model::Cid;

use super::{Changes, Child, Node, NodeRow, State, Tree};
use crate::node::encode_parts;

impl Tree {
    /// Computes the CIDs of all nodes that changed since the last commit and says which rows to
    /// write and to remove. Without edits: no rows.
    pub fn commit(&mut self) -> Changes {
        let mut rows = Rows { upserts: Vec::new(), bytes: 0, bytes_before: self.vacated_bytes };
        rows.commit(&mut self.root, "", self.layer);
        self.vacated_bytes = 0;
        let bytes_delta = rows.bytes_delta();
        let mut upserts = rows.upserts;
        // Children were finished first; readers want the root first.
        upserts.reverse();
        let mut removed = std::mem::take(&mut self.vacated);
        if !removed.is_empty() {
            removed.sort_unstable();
            removed.dedup();
            let taken: HashSet<(&str, u8)> =
                upserts.iter().map(|row| (row.lo.as_str(), row.layer)).collect();
            removed.retain(|(lo, layer)| !taken.contains(&(lo.as_str(), *layer)));
        }
        let root = match self.root.link() {
            Some(root) => root,
            None => unreachable!("the root has just been given its CID"),
        };
        Changes { root, layer: self.layer, upserts, removed, bytes_delta }
    }
}

/// The rows to write, and the bytes of all rows that are written, overwritten or removed.
struct Rows {
    upserts: Vec<NodeRow>,
    bytes: u64,
    bytes_before: u64,
}

impl Rows {
    fn commit(&mut self, child: &mut Child, lo: &str, layer: u8) {
        let Child::Loaded(node) = child else { return };
        if node.is_clean() {
            return;
        }
        let below = layer.saturating_sub(1);
        // Right to left, so that the reversed rows are in pre-order.
        for entry in node.entries.iter_mut().rev() {
            self.commit(&mut entry.right, &entry.key, below);
        }
        self.commit(&mut node.left, lo, below);
        let bytes = node.encode();
        let cid = match node.state {
            State::Clean(cid) | State::Moved(cid) => cid,
            State::Dirty { .. } => Cid::cbor_of(&bytes),
        };
        if node.state != (State::Dirty { was: Some(cid) }) {
            self.bytes_before += u64::from(node.row_bytes);
            node.row_bytes = row_bytes(&bytes);
            self.bytes += u64::from(node.row_bytes);
            self.upserts.push(NodeRow { lo: lo.to_owned(), layer, cid, bytes: bytes.into() });
        }
        node.state = State::Clean(cid);
    }

    fn bytes_delta(&self) -> i64 {
        let (more, less) = (
            self.bytes.saturating_sub(self.bytes_before),
            self.bytes_before.saturating_sub(self.bytes),
        );
        i64::try_from(more).unwrap_or(i64::MAX) - i64::try_from(less).unwrap_or(i64::MAX)
    }
}

/// The size of a node's block, which [`crate::limits::MAX_NODE_ENTRIES`] bounds.
pub(super) fn row_bytes(block: &[u8]) -> u32 {
    u32::try_from(block.len()).unwrap_or(u32::MAX)
}

impl Node {
    /// The block of this node. Its children have their CIDs.
    pub(super) fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|e| (&*e.key, e.value, e.right.link()));
        encode_parts(self.left.link(), entries)
    }
}
