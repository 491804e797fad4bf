//! A whole tree from its sorted keys, in memory bounded by one open node per layer.

use std::sync::Arc;

use cairn_model::Cid;

use crate::key::{KeyError, checked_layer};
use crate::limits::MAX_NODE_ENTRIES;
use crate::node::{DataEntry, NodeData, encode_node};
use crate::tree::NodeRow;

/// Why a sequence of keys cannot become a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("key {key:?} is not greater than the one before it")]
    Order { key: String },
    #[error("key {key:?} is not valid")]
    Key { key: String, source: KeyError },
    #[error("node at ({lo:?}, {layer}) would hold more than {MAX_NODE_ENTRIES} entries")]
    NodeFull { lo: String, layer: u8 },
}

/// Builds the tree of a sorted sequence of keys.
///
/// Nodes become rows as soon as nothing more can enter them; take them with
/// [`TreeBuilder::drain_rows`] as often as memory asks for.
#[derive(Debug)]
pub struct TreeBuilder {
    /// One element per layer up to the highest key so far; at least layer 0.
    levels: Vec<Level>,
    last_key: Arc<str>,
    finished: Vec<NodeRow>,
}

/// One layer: the node that is being filled, and where the next one stands.
#[derive(Debug, Clone)]
struct Level {
    /// The last key on a higher layer.
    lo: Arc<str>,
    open: Option<NodeData>,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TreeBuilder {
    pub fn new() -> Self {
        let nothing: Arc<str> = "".into();
        let levels = vec![Level { lo: nothing.clone(), open: None }];
        Self { levels, last_key: nothing, finished: Vec::new() }
    }

    /// Adds the next key.
    ///
    /// # Errors
    /// If the key is not valid, not greater than the one before, or one too many for its node.
    pub fn push(&mut self, key: &str, value: Cid) -> Result<(), BuildError> {
        if *key <= *self.last_key {
            return Err(BuildError::Order { key: key.to_owned() });
        }
        let layer =
            checked_layer(key).map_err(|source| BuildError::Key { key: key.to_owned(), source })?;
        // Levels are created up to the key's layer. Nothing was above them, so `lo` is empty.
        while self.levels.len() <= usize::from(layer) {
            self.levels.push(Level { lo: "".into(), open: None });
        }
        for below in 0..layer {
            self.close(below);
        }
        let key: Arc<str> = key.into();
        self.add_entry(layer, &key, value)?;
        for level in self.levels.iter_mut().take(usize::from(layer)) {
            level.lo = key.clone();
        }
        self.last_key = key;
        Ok(())
    }

    /// The rows that were finished since the last call, children before parents.
    pub fn drain_rows(&mut self) -> std::vec::Drain<'_, NodeRow> {
        self.finished.drain(..)
    }

    /// Closes all nodes. Returns the root's CID and layer; the last rows are then in
    /// [`TreeBuilder::drain_rows`]. The builder is as new afterwards.
    pub fn finish(&mut self) -> (Cid, u8) {
        // There are at most MAX_LAYER + 1 levels, because layers of keys are checked.
        let top = u8::try_from(self.levels.len() - 1).unwrap_or(u8::MAX);
        for below in 0..top {
            self.close(below);
        }
        let root = self.close_node(top, NodeData::default());
        let finished = std::mem::take(&mut self.finished);
        *self = Self { finished, ..Self::new() };
        (root, top)
    }

    fn add_entry(&mut self, layer: u8, key: &str, value: Cid) -> Result<(), BuildError> {
        let Some(level) = self.levels.get_mut(usize::from(layer)) else {
            unreachable!("levels up to the key's layer have been created")
        };
        let node = level.open.get_or_insert_default();
        if node.entries.len() >= MAX_NODE_ENTRIES {
            return Err(BuildError::NodeFull { lo: (*level.lo).to_owned(), layer });
        }
        node.entries.push(DataEntry { key: key.into(), value, right: None });
        Ok(())
    }

    /// Finishes the open node of a layer, if any, and links it from the layer above.
    fn close(&mut self, layer: u8) {
        let Some(node) = self.levels.get_mut(usize::from(layer)).and_then(|l| l.open.take()) else {
            return;
        };
        let cid = self.emit(layer, &node);
        if let Some(above) = self.levels.get_mut(usize::from(layer) + 1) {
            let parent = above.open.get_or_insert_default();
            match parent.entries.last_mut() {
                Some(entry) => entry.right = Some(cid),
                None => parent.left = Some(cid),
            }
        }
    }

    /// Finishes the open node of a layer, or the given one in its place.
    fn close_node(&mut self, layer: u8, otherwise: NodeData) -> Cid {
        let open = self.levels.get_mut(usize::from(layer)).and_then(|l| l.open.take());
        self.emit(layer, &open.unwrap_or(otherwise))
    }

    fn emit(&mut self, layer: u8, node: &NodeData) -> Cid {
        let lo = self.levels.get(usize::from(layer)).map_or("", |level| &level.lo);
        let bytes = encode_node(node);
        let cid = Cid::cbor_of(&bytes);
        self.finished.push(NodeRow { lo: lo.to_owned(), layer, cid, bytes });
        cid
    }
}
