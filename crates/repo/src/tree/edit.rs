//! Edits: insert splits the subtrees that a new key divides, delete merges the ones that it held
//! apart. Everything here works on loaded nodes and cannot fail. Recursion goes down one layer at
//! a time, so its depth is bounded by [`crate::limits::MAX_LAYER`].

use std::error::Error as StdError;

use cairn_model::Cid;

use super::{Child, Entry, Node, NodeSource, Tree, TreeError};
use crate::key::checked_layer;
use crate::limits::MAX_NODE_ENTRIES;

impl Tree {
    /// Adds a key. Returns `None`: there was no record before.
    ///
    /// # Errors
    /// [`TreeError::KeyExists`] if the key is there.
    pub fn insert<S>(
        &mut self,
        source: &S,
        key: &str,
        value: Cid,
    ) -> Result<Option<Cid>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let key_layer = checked_layer(key)?;
        if self.load_path(source, key)?.is_some() {
            return Err(TreeError::KeyExists { key: key.to_owned() });
        }
        self.check_room(key, key_layer)?;
        let mut edit = self.edit();
        let entry = Entry { key: key.into(), value, right: Child::Empty };
        let layer = self.layer;
        if key_layer > layer || self.root_is_vacant() {
            let old = self.root.take();
            self.root = edit.grow(old, layer, key_layer, entry);
            self.layer = key_layer;
        } else {
            edit.insert(&mut self.root, "", layer, key_layer, entry);
        }
        self.finish(edit);
        Ok(None)
    }

    /// Replaces the record of a key. Returns the one before.
    ///
    /// # Errors
    /// [`TreeError::KeyMissing`] if the key is not there.
    pub fn update<S>(
        &mut self,
        source: &S,
        key: &str,
        value: Cid,
    ) -> Result<Option<Cid>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let Some(before) = self.load_path(source, key)? else {
            return Err(TreeError::KeyMissing { key: key.to_owned() });
        };
        let mut child = &mut self.root;
        while let Child::Loaded(node) = child {
            node.touch();
            let (i, found) = node.find(key);
            if let Some(entry) = node.entries.get_mut(i).filter(|_| found) {
                entry.value = value;
                break;
            }
            child = node.child(i);
        }
        Ok(Some(before))
    }

    /// Removes a key. Returns the record that it had.
    ///
    /// # Errors
    /// [`TreeError::KeyMissing`] if the key is not there.
    pub fn delete<S>(&mut self, source: &S, key: &str) -> Result<Option<Cid>, TreeError<S::Error>>
    where
        S: NodeSource,
        S::Error: StdError + 'static,
    {
        let Some(before) = self.load_path(source, key)? else {
            return Err(TreeError::KeyMissing { key: key.to_owned() });
        };
        self.load_removal(source, key)?;
        let mut edit = self.edit();
        edit.delete(&mut self.root, "", self.layer, key);
        self.trim(&mut edit);
        self.finish(edit);
        Ok(Some(before))
    }

    /// Whether the tree is the empty one: a root without anything.
    fn root_is_vacant(&self) -> bool {
        match &self.root {
            Child::Empty => true,
            Child::Stored(_) => false,
            Child::Loaded(node) => node.entries.is_empty() && node.left.is_empty(),
        }
    }

    fn check_room<E: StdError + 'static>(
        &self,
        key: &str,
        key_layer: u8,
    ) -> Result<(), TreeError<E>> {
        let mut child = &self.root;
        let mut layer = self.layer;
        while let Child::Loaded(node) = child {
            if layer == key_layer {
                let full = node.entries.len() >= MAX_NODE_ENTRIES;
                return if full { Err(TreeError::NodeFull) } else { Ok(()) };
            }
            let (i, _) = node.find(key);
            child = match i.checked_sub(1).and_then(|before| node.entries.get(before)) {
                Some(entry) => &entry.right,
                None => &node.left,
            };
            layer = layer.saturating_sub(1);
        }
        Ok(())
    }

    /// Takes off roots without entries. The tree without any key is one empty node on layer 0.
    fn trim(&mut self, edit: &mut Edit) {
        loop {
            match &mut self.root {
                Child::Empty => {
                    self.root = edit.node(Child::Empty, Vec::new());
                    self.layer = 0;
                    return;
                }
                Child::Loaded(node) if node.entries.is_empty() && !node.left.is_empty() => {
                    edit.vacate("", self.layer, node);
                    let below = node.left.take();
                    self.root = below;
                    self.layer = self.layer.saturating_sub(1);
                }
                Child::Loaded(_) | Child::Stored(_) => return,
            }
        }
    }

    fn edit(&mut self) -> Edit {
        Edit {
            tick: self.tick,
            created: 0,
            vacated: std::mem::take(&mut self.vacated),
            vacated_bytes: self.vacated_bytes,
        }
    }

    fn finish(&mut self, edit: Edit) {
        self.loaded += edit.created;
        self.vacated = edit.vacated;
        self.vacated_bytes = edit.vacated_bytes;
    }
}

/// One edit in progress: where nodes left, and how many came.
struct Edit {
    tick: u64,
    created: usize,
    vacated: Vec<(String, u8)>,
    vacated_bytes: u64,
}

impl Edit {
    fn node(&mut self, left: Child, entries: Vec<Entry>) -> Child {
        self.created += 1;
        Child::Loaded(Box::new(Node::new(left, entries, self.tick)))
    }

    /// The node no longer stands where it stood, and its row goes.
    fn vacate(&mut self, lo: &str, layer: u8, node: &mut Node) {
        self.vacated.push((lo.to_owned(), layer));
        self.vacated_bytes += u64::from(std::mem::take(&mut node.row_bytes));
    }

    /// Puts a key above the whole tree: what is left and right of it hangs below it, with a node
    /// without entries on each layer in between.
    fn grow(&mut self, mut old: Child, layer: u8, key_layer: u8, mut entry: Entry) -> Child {
        let (mut left, mut right) = match &mut old {
            Child::Loaded(node) if node.entries.is_empty() && node.left.is_empty() => {
                self.vacate("", layer, node);
                (Child::Empty, Child::Empty)
            }
            Child::Empty | Child::Stored(_) | Child::Loaded(_) => {
                self.split(old, "", layer, &entry.key)
            }
        };
        for _ in layer.saturating_add(1)..key_layer {
            left = self.raise(left);
            right = self.raise(right);
        }
        entry.right = right;
        self.node(left, vec![entry])
    }

    /// A node without entries above a subtree; nothing above nothing.
    fn raise(&mut self, child: Child) -> Child {
        if child.is_empty() { child } else { self.node(child, Vec::new()) }
    }

    /// Inserts an entry on its layer below a child pointer, creating nodes without entries on the
    /// way where there are none.
    fn insert(&mut self, child: &mut Child, lo: &str, layer: u8, key_layer: u8, entry: Entry) {
        if child.is_empty() {
            *child = self.node(Child::Empty, Vec::new());
        }
        let node = loaded(child);
        node.touch();
        let (i, _) = node.find(&entry.key);
        if layer > key_layer {
            let child_lo: Box<str> = node.child_lo(i, lo).into();
            return self.insert(node.child(i), &child_lo, layer - 1, key_layer, entry);
        }
        let spanning = node.child(i).take();
        let (left, right) =
            self.split(spanning, node.child_lo(i, lo), layer.saturating_sub(1), &entry.key);
        *node.child(i) = left;
        node.entries.insert(i, Entry { right, ..entry });
    }

    /// Divides a subtree at a key that is not in it. The left part stays at `(lo, layer)`, the
    /// right part goes to `(key, layer)`. A part without entries and child vanishes; one that has
    /// only a child stays, so that no layer is skipped.
    fn split(&mut self, child: Child, lo: &str, layer: u8, key: &str) -> (Child, Child) {
        let Child::Loaded(mut node) = child else {
            debug_assert!(child.is_empty(), "the path to a key is loaded before it is inserted");
            return (child, Child::Empty);
        };
        let (i, _) = node.find(key);
        let spanning = node.child(i).take();
        let (left, right) =
            self.split(spanning, node.child_lo(i, lo), layer.saturating_sub(1), key);
        let has_left = i > 0 || !left.is_empty();
        let has_right = i < node.entries.len() || !right.is_empty();
        match (has_left, has_right) {
            (true, true) => {
                let after = node.entries.split_off(i);
                *node.child(i) = left;
                node.touch();
                (Child::Loaded(node), self.node(right, after))
            }
            // Nothing lies right of the key: the subtree is as it was.
            (_, false) => {
                *node.child(i) = left;
                (Child::Loaded(node), Child::Empty)
            }
            // Nothing lies left of it: the same node, named by another position.
            (false, true) => {
                node.left = right;
                node.leave_position();
                self.vacate(lo, layer, &mut node);
                (Child::Empty, Child::Loaded(node))
            }
        }
    }

    /// Removes a present key below a child pointer.
    fn delete(&mut self, child: &mut Child, lo: &str, layer: u8, key: &str) {
        let Child::Loaded(node) = child else {
            debug_assert!(false, "the path to a key is loaded before it is deleted");
            return;
        };
        node.touch();
        let (i, found) = node.find(key);
        let child_lo: Box<str> = node.child_lo(i, lo).into();
        let below = layer.saturating_sub(1);
        if found {
            let right = node.entries.remove(i).right;
            let left = node.child(i).take();
            *node.child(i) = self.merge(left, right, &child_lo, key, below);
        } else {
            self.delete(node.child(i), &child_lo, below, key);
        }
        if node.entries.is_empty() && node.left.is_empty() {
            self.vacate(lo, layer, node);
            *child = Child::Empty;
        }
    }

    /// Joins two neighbouring subtrees, at `(lo, layer)` and at `(key, layer)`, at `(lo, layer)`.
    fn merge(&mut self, left: Child, right: Child, lo: &str, key: &str, layer: u8) -> Child {
        let below = layer.saturating_sub(1);
        match (left, right) {
            (left, Child::Empty) => left,
            (Child::Empty, mut right) => {
                self.shift(&mut right, key, layer);
                right
            }
            (Child::Loaded(mut left), Child::Loaded(mut right)) => {
                self.vacate(key, layer, &mut right);
                let last = left.last_child().take();
                let first = right.left.take();
                let last_lo = left.child_lo(left.entries.len(), lo);
                let joined = self.merge(last, first, last_lo, key, below);
                *left.last_child() = joined;
                left.entries.append(&mut right.entries);
                left.touch();
                Child::Loaded(left)
            }
            (left, _) => {
                debug_assert!(false, "both sides of the seam are loaded before they are merged");
                left
            }
        }
    }

    /// Moves the chain of first children that stood at `key` to the position left of it.
    fn shift(&mut self, child: &mut Child, key: &str, layer: u8) {
        let mut child = child;
        let mut layer = layer;
        while let Child::Loaded(node) = child {
            self.vacate(key, layer, node);
            node.leave_position();
            layer = layer.saturating_sub(1);
            child = &mut node.left;
        }
    }
}

/// The node behind a pointer that the caller has just filled or loaded.
fn loaded(child: &mut Child) -> &mut Node {
    match child {
        Child::Loaded(node) => node,
        Child::Empty | Child::Stored(_) => {
            unreachable!("the path to a key is loaded before it is inserted")
        }
    }
}
