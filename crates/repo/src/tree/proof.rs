//! Proofs: the blocks that show a key's presence or absence, and the ones that let a consumer
//! undo an operation.
//!
//! The covering proof of a key is, in the tree *after* the operation, the path to the key and
//! the paths to its left and right neighbours: what is needed to take the key out, or to put it
//! in where it is absent. Spec: <https://atproto.com/specs/sync#firehose>.

use std::collections::HashSet;
use std::error::Error as StdError;

use bytes::Bytes;
use cairn_model::Cid;

use super::load::Around;
use super::{Changes, Child, Loader, Node, NodeSource, State, Tree, TreeError};
use crate::node::At;

/// Blocks of a proof without repetition, in the order in which they were met.
#[derive(Default)]
struct Proof {
    seen: HashSet<Cid>,
    blocks: Vec<(Cid, Bytes)>,
}

impl Proof {
    fn add(&mut self, node: &Node) {
        if let State::Clean(cid) = node.state
            && self.seen.insert(cid)
        {
            self.blocks.push((cid, node.encode().into()));
        }
    }
}

impl Tree {
    /// The nodes on the path to a key, from the root down. They prove which record it has, or
    /// that it has none.
    ///
    /// # Errors
    /// [`TreeError::Uncommitted`] if there are edits since the last commit.
    pub fn record_proof<S>(
        &mut self,
        source: &S,
        key: &str,
    ) -> Result<Vec<(Cid, Bytes)>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        self.prove(source, [key], Proof::default(), |_, _, _| Ok(()))
    }

    /// The covering proof of the keys that a commit touched; deleted ones included. Each node is
    /// there once, whether the commit changed it or not.
    ///
    /// # Errors
    /// [`TreeError::Uncommitted`] if there are edits since the last commit.
    pub fn covering_proof<'k, S>(
        &mut self,
        source: &S,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Result<Vec<(Cid, Bytes)>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        self.prove(source, keys, Proof::default(), neighbours)
    }

    /// The nodes of the covering proof that the commit did not write: together with its
    /// [`Changes::upserts`] they are what the event carries.
    ///
    /// # Errors
    /// [`TreeError::Uncommitted`] if there are edits since the last commit.
    pub fn covering_proof_beyond<'k, S>(
        &mut self,
        source: &S,
        keys: impl IntoIterator<Item = &'k str>,
        changes: &Changes,
    ) -> Result<Vec<(Cid, Bytes)>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let seen = changes.upserts.iter().map(|row| row.cid).collect();
        self.prove(source, keys, Proof { seen, blocks: Vec::new() }, neighbours)
    }

    /// Walks to each key and, where it is present, hands the children around it to `below`.
    /// Where it is absent, the path to the gap is the path to both neighbours.
    fn prove<'k, S>(
        &mut self,
        source: &S,
        keys: impl IntoIterator<Item = &'k str>,
        mut proof: Proof,
        below: impl Fn(&mut Loader<'_, S>, Around<'_>, &mut Proof) -> Result<(), TreeError<S::Error>>,
    ) -> Result<Vec<(Cid, Bytes)>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        if self.root().is_none() {
            return Err(TreeError::Uncommitted);
        }
        let layer = self.layer;
        let (root, mut loader) = self.loader(source);
        for key in keys {
            let mut child = &mut *root;
            let mut at = At::root(layer);
            while let Some(node) = loader.load(child, at)? {
                proof.add(node);
                let (i, found) = node.find(key);
                if !found {
                    (child, at) = node.child_at(i, at);
                    continue;
                }
                if let Some(around) = node.children_around(i, at) {
                    below(&mut loader, around, &mut proof)?;
                }
                break;
            }
        }
        Ok(proof.blocks)
    }
}

/// Adds the paths from a key to its neighbours below it.
fn neighbours<S>(
    loader: &mut Loader<'_, S>,
    ((left, left_at), (right, right_at)): Around<'_>,
    proof: &mut Proof,
) -> Result<(), TreeError<S::Error>>
where
    S: NodeSource,
    S::Error: StdError + 'static,
{
    loader.spine(left, left_at, Side::Last, proof)?;
    loader.spine(right, right_at, Side::First, proof)
}

#[derive(Clone, Copy)]
enum Side {
    First,
    Last,
}

impl<S> Loader<'_, S>
where
    S: NodeSource,
    S::Error: StdError + 'static,
{
    /// Adds the nodes along the outer edge of a subtree: the path to its first or last key.
    fn spine<'c>(
        &mut self,
        mut child: &'c mut Child,
        mut at: At<'c>,
        side: Side,
        proof: &mut Proof,
    ) -> Result<(), TreeError<S::Error>> {
        while let Some(node) = self.load(child, at)? {
            proof.add(node);
            let i = match side {
                Side::First => 0,
                Side::Last => node.entries.len(),
            };
            (child, at) = node.child_at(i, at);
        }
        Ok(())
    }
}
