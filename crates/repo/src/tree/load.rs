//! Loading: what an operation needs is brought into memory first, without changing the tree.

use std::error::Error as StdError;

use cairn_model::Cid;

use super::commit::row_bytes;
use super::{Child, Mode, Node, NodeSource, Tree, TreeError};
use crate::limits::MAX_NODE_ENTRIES;
use crate::node::{At, decode_node};

/// The children on both sides of a key, and where they stand.
pub(super) type Around<'a> = ((&'a mut Child, At<'a>), (&'a mut Child, At<'a>));

pub(super) struct Loader<'a, S> {
    pub(super) source: &'a S,
    pub(super) mode: Mode,
    pub(super) tick: u64,
    pub(super) loaded: &'a mut usize,
}

impl<S> Loader<'_, S>
where
    S: NodeSource,
    S::Error: StdError + 'static,
{
    /// The node behind a child pointer, read from the source if it is not in memory.
    pub(super) fn load<'c>(
        &mut self,
        child: &'c mut Child,
        at: At<'_>,
    ) -> Result<Option<&'c mut Node>, TreeError<S::Error>> {
        if let Child::Stored(cid) = *child {
            *child = Child::Loaded(Box::new(self.fetch(cid, at)?));
            *self.loaded += 1;
        }
        match child {
            Child::Loaded(node) => {
                node.used = self.tick;
                Ok(Some(node))
            }
            Child::Empty | Child::Stored(_) => Ok(None),
        }
    }

    fn fetch(&self, cid: Cid, at: At<'_>) -> Result<Node, TreeError<S::Error>> {
        let position = || (at.lo.to_owned(), at.layer);
        let bytes =
            self.source.node(at.lo, at.layer, &cid).map_err(TreeError::Source)?.ok_or_else(
                || {
                    let (lo, layer) = position();
                    TreeError::Missing { lo, layer, cid }
                },
            )?;
        decode_node(&bytes)
            .and_then(|data| data.check(at, self.mode == Mode::Blocks).map(|()| data))
            .map(|data| Node::from_data(data, cid, self.tick, row_bytes(&bytes)))
            .map_err(|source| {
                let (lo, layer) = position();
                TreeError::Node { lo, layer, cid, source }
            })
    }

    /// Loads the nodes on the way to a key: to the key itself or, if it is absent, as far down as
    /// there are nodes whose range spans it.
    pub(super) fn path(
        &mut self,
        root: &mut Child,
        layer: u8,
        key: &str,
    ) -> Result<Option<Cid>, TreeError<S::Error>> {
        let mut child = root;
        let mut at = At::root(layer);
        while let Some(node) = self.load(child, at)? {
            let (i, found) = node.find(key);
            if found {
                return Ok(node.entries.get(i).map(|e| e.value));
            }
            (child, at) = node.child_at(i, at);
        }
        Ok(None)
    }

    /// Loads the nodes on both sides of a gap that is about to close: the last children of `left`
    /// and the first children of `right`, as long as there is something on the right.
    pub(super) fn seam(
        &mut self,
        left: (&mut Child, At<'_>),
        right: (&mut Child, At<'_>),
    ) -> Result<(), TreeError<S::Error>> {
        // Nodes that only move need no look inside, except to be written where they go.
        if self.mode == Mode::Blocks && left.0.is_empty() {
            return Ok(());
        }
        let Some(after) = self.load(right.0, right.1)? else {
            return Ok(());
        };
        let (after_first, after_at) = after.child_at(0, right.1);
        let Some(before) = self.load(left.0, left.1)? else {
            let (nothing, at) = (&mut Child::Empty, left.1.child(None, None));
            return self.seam((nothing, at), (after_first, after_at));
        };
        let n_before = before.entries.len();
        let (before_last, before_at) = before.child_at(n_before, left.1);
        self.seam((before_last, before_at), (after_first, after_at))
    }

    /// Loads a chain of nodes without entries and the node below it: what becomes the root when
    /// the tree is trimmed.
    pub(super) fn next_root<'c>(
        &mut self,
        mut child: &'c mut Child,
        mut at: At<'c>,
    ) -> Result<(), TreeError<S::Error>> {
        while let Some(node) = self.load(child, at)? {
            if !node.entries.is_empty() {
                break;
            }
            at = at.child(None, None);
            child = &mut node.left;
        }
        Ok(())
    }
}

impl Node {
    /// The child left of entry `i`, and where it stands.
    pub(super) fn child_at<'a>(&'a mut self, i: usize, at: At<'a>) -> (&'a mut Child, At<'a>) {
        let Some((before, after)) = self.entries.split_at_mut_checked(i) else {
            return (&mut self.left, at.child(None, None));
        };
        let hi = after.first().map(|e| &*e.key);
        match before.last_mut() {
            Some(entry) => (&mut entry.right, at.child(Some(&entry.key), hi)),
            None => (&mut self.left, at.child(None, hi)),
        }
    }

    /// The children on both sides of entry `i`, and where they stand.
    pub(super) fn children_around<'a>(&'a mut self, i: usize, at: At<'a>) -> Option<Around<'a>> {
        let (before, rest) = self.entries.split_at_mut_checked(i)?;
        let (entry, after) = rest.split_first_mut()?;
        let left = match before.last_mut() {
            Some(e) => (&mut e.right, at.child(Some(&e.key), Some(&entry.key))),
            None => (&mut self.left, at.child(None, Some(&entry.key))),
        };
        let right_at = at.child(Some(&entry.key), after.first().map(|e| &*e.key));
        Some((left, (&mut entry.right, right_at)))
    }
}

impl Tree {
    /// Loads the path to a key and returns its record.
    pub(super) fn load_path<S>(
        &mut self,
        source: &S,
        key: &str,
    ) -> Result<Option<Cid>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let layer = self.layer;
        let (root, mut loader) = self.loader(source);
        loader.path(root, layer, key)
    }

    /// Loads what the removal of a present key needs: the seam below it and, if it is the only
    /// key of the root, the nodes among which the next root is.
    pub(super) fn load_removal<S>(
        &mut self,
        source: &S,
        key: &str,
    ) -> Result<(), TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let layer = self.layer;
        let (mut child, mut loader) = self.loader(source);
        let mut at = At::root(layer);
        while let Some(node) = loader.load(child, at)? {
            let (i, found) = node.find(key);
            if !found {
                (child, at) = node.child_at(i, at);
                continue;
            }
            let becomes_trimmed = at.is_root && node.entries.len() == 1;
            let Some(((left, left_at), (right, right_at))) = node.children_around(i, at) else {
                break;
            };
            loader.seam((&mut *left, left_at), (&mut *right, right_at))?;
            if becomes_trimmed {
                loader.next_root(left, left_at)?;
                loader.next_root(right, right_at)?;
            }
            return check_merged_size(left, right);
        }
        Ok(())
    }
}

/// Merging joins two nodes on each layer of the seam; none may grow beyond the limit.
fn check_merged_size<E: StdError + 'static>(
    left: &Child,
    right: &Child,
) -> Result<(), TreeError<E>> {
    let (mut left, mut right) = (left, right);
    while let (Child::Loaded(l), Child::Loaded(r)) = (left, right) {
        if l.entries.len() + r.entries.len() > MAX_NODE_ENTRIES {
            return Err(TreeError::NodeFull);
        }
        left = l.entries.last().map_or(&l.left, |e| &e.right);
        right = &r.left;
    }
    Ok(())
}
