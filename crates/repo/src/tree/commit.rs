//! Committing: CIDs bottom-up for what changed, and the rows that follow from it.

use std::collections::HashSet;

use cairn_model::Cid;

use super::{Changes, Child, Node, NodeRow, State, Tree};
use crate::node::encode_parts;

impl Tree {
    /// Computes the CIDs of all nodes that changed since the last commit and says which rows to
    /// write and to remove. Without edits: no rows.
    pub fn commit(&mut self) -> Changes {
        let mut upserts = Vec::new();
        commit_child(&mut self.root, "", self.layer, &mut upserts);
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
        Changes { root, layer: self.layer, upserts, removed }
    }
}

fn commit_child(child: &mut Child, lo: &str, layer: u8, upserts: &mut Vec<NodeRow>) {
    let Child::Loaded(node) = child else { return };
    if node.is_clean() {
        return;
    }
    let below = layer.saturating_sub(1);
    // Right to left, so that the reversed rows are in pre-order.
    for entry in node.entries.iter_mut().rev() {
        commit_child(&mut entry.right, &entry.key, below, upserts);
    }
    commit_child(&mut node.left, lo, below, upserts);
    let bytes = node.encode();
    let cid = match node.state {
        State::Clean(cid) | State::Moved(cid) => cid,
        State::Dirty { .. } => Cid::cbor_of(&bytes),
    };
    if node.state != (State::Dirty { was: Some(cid) }) {
        upserts.push(NodeRow { lo: lo.to_owned(), layer, cid, bytes: bytes.into() });
    }
    node.state = State::Clean(cid);
}

impl Node {
    /// The block of this node. Its children have their CIDs.
    pub(super) fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|e| (&*e.key, e.value, e.right.link()));
        encode_parts(self.left.link(), entries)
    }
}
