//! The bytes of a tree node: hand-written codec, strict in both directions.
//!
//! `{ "e": [ { "k": bytes, "p": uint, "t": CID | null, "v": CID } ], "l": CID | null }`, keys in
//! this order. Exactly one byte string is valid for a given node, so decoding and encoding again
//! gives the same bytes. Spec: <https://atproto.com/specs/repository#mst-structure>.

use bytes::Bytes;
use cairn_model::cbor::{CborError, Reader, write};
use cairn_model::{Cid, Codec};

use crate::key::{KeyError, check_key, checked_layer, common_prefix_len};
use crate::limits::{MAX_KEY_BYTES, MAX_NODE_ENTRIES};

/// One node as its block says it, with whole keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeData {
    /// The child left of the first entry.
    pub left: Option<Cid>,
    pub entries: Vec<DataEntry>,
}

/// One entry: a key, its record, and the child between it and the next entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataEntry {
    pub key: Box<str>,
    pub value: Cid,
    pub right: Option<Cid>,
}

/// Each way in which a block can fail to be a node, or to stand where it is said to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    #[error("node is not valid DAG-CBOR")]
    Cbor(#[from] CborError),
    #[error("node does not have exactly the fields e and l")]
    Fields,
    #[error("entry {entry} does not have exactly the fields k, p, t and v")]
    EntryFields { entry: usize },
    #[error("node has {entries} entries, more than {MAX_NODE_ENTRIES}")]
    TooManyEntries { entries: usize },
    #[error("entry {entry} does not share the prefix that its key and the one before it have")]
    Prefix { entry: usize },
    #[error("entry {entry} is not greater than the key before it")]
    Order { entry: usize },
    #[error("key of entry {entry} is not valid")]
    Key { entry: usize, source: KeyError },
    #[error("link to something that is not DAG-CBOR")]
    LinkCodec,
    #[error("key {key:?} belongs to layer {expected} and stands on layer {found}")]
    Layer { key: Box<str>, expected: u8, found: u8 },
    #[error("key {key:?} stands outside the range of its subtree")]
    Range { key: Box<str> },
    #[error("node on layer 0 has a child")]
    ChildBelowLeaf,
    #[error("node has neither entries nor a child")]
    Empty,
    #[error("root has a child and no entries")]
    UntrimmedRoot,
}

/// Where a node stands, for the checks that need to know: its layer, and the open interval of
/// keys that may occur in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    /// Nearest key to the left on a higher layer, empty if none.
    pub lo: &'a str,
    /// Nearest key to the right on a higher layer.
    pub hi: Option<&'a str>,
    pub layer: u8,
    pub is_root: bool,
}

impl<'a> At<'a> {
    pub(crate) fn root(layer: u8) -> At<'static> {
        At { lo: "", hi: None, layer, is_root: true }
    }

    /// Where the child between two neighbouring entries stands. `None` leaves that bound as it is.
    pub(crate) fn child(self, before: Option<&'a str>, after: Option<&'a str>) -> Self {
        At {
            lo: before.unwrap_or(self.lo),
            hi: after.or(self.hi),
            layer: self.layer.saturating_sub(1),
            is_root: false,
        }
    }
}

impl NodeData {
    /// Checks that this node may stand at a position: key range, and that it is not an empty node
    /// where none may be. `layers` also hashes each key; rows that we wrote ourselves need not
    /// pay for it.
    pub(crate) fn check(&self, at: At<'_>, layers: bool) -> Result<(), NodeError> {
        if self.entries.is_empty() {
            match (self.left.is_some(), at.is_root) {
                (true, true) => return Err(NodeError::UntrimmedRoot),
                (false, true) if at.layer == 0 => return Ok(()),
                (false, _) => return Err(NodeError::Empty),
                (true, false) => {}
            }
        }
        let has_child = self.left.is_some() || self.entries.iter().any(|e| e.right.is_some());
        if at.layer == 0 && has_child {
            return Err(NodeError::ChildBelowLeaf);
        }
        // Order inside the node is checked by the codec, so the outermost keys suffice.
        if let Some(first) = self.entries.first().filter(|e| *e.key <= *at.lo) {
            return Err(NodeError::Range { key: first.key.clone() });
        }
        if let (Some(last), Some(hi)) = (self.entries.last(), at.hi)
            && *last.key >= *hi
        {
            return Err(NodeError::Range { key: last.key.clone() });
        }
        if layers {
            self.check_layers(at.layer)?;
        }
        Ok(())
    }

    fn check_layers(&self, found: u8) -> Result<(), NodeError> {
        for (entry, data) in self.entries.iter().enumerate() {
            let expected =
                checked_layer(&data.key).map_err(|source| NodeError::Key { entry, source })?;
            if expected != found {
                return Err(NodeError::Layer { key: data.key.clone(), expected, found });
            }
        }
        Ok(())
    }

    /// The layer of a root: that of its first key, 0 for the empty tree.
    pub(crate) fn root_layer(&self) -> Result<u8, NodeError> {
        match self.entries.first() {
            Some(first) => {
                checked_layer(&first.key).map_err(|source| NodeError::Key { entry: 0, source })
            }
            None => Ok(0),
        }
    }
}

/// Decodes a node block and checks all that the block alone tells: canonical form, exact fields,
/// exact prefixes, order, key syntax, number of entries.
pub fn decode_node(bytes: &[u8]) -> Result<NodeData, NodeError> {
    let mut reader = Reader::new(bytes);
    if reader.map()? != 2 {
        return Err(NodeError::Fields);
    }
    reader.expect_key("e")?;
    let entries = reader.array()?;
    if entries > MAX_NODE_ENTRIES {
        return Err(NodeError::TooManyEntries { entries });
    }
    let mut node = NodeData { left: None, entries: Vec::with_capacity(entries) };
    let mut key = Vec::with_capacity(64);
    for entry in 0..entries {
        let data = decode_entry(&mut reader, entry, &mut key)?;
        node.entries.push(data);
    }
    reader.expect_key("l")?;
    node.left = reader.opt_cid()?;
    reader.end()?;
    if node.left.is_some_and(|cid| cid.codec() != Codec::DagCbor) {
        return Err(NodeError::LinkCodec);
    }
    Ok(node)
}

/// Reads one entry. `key` holds the whole key of the entry before it, and then of this one.
fn decode_entry(
    reader: &mut Reader<'_>,
    entry: usize,
    key: &mut Vec<u8>,
) -> Result<DataEntry, NodeError> {
    if reader.map()? != 4 {
        return Err(NodeError::EntryFields { entry });
    }
    reader.expect_key("k")?;
    let suffix = reader.bytes()?;
    reader.expect_key("p")?;
    let prefix = usize::try_from(reader.uint()?).map_err(|_| NodeError::Prefix { entry })?;
    reader.expect_key("t")?;
    let right = reader.opt_cid()?;
    reader.expect_key("v")?;
    let value = reader.cid()?;
    if value.codec() != Codec::DagCbor || right.is_some_and(|cid| cid.codec() != Codec::DagCbor) {
        return Err(NodeError::LinkCodec);
    }
    extend_key(key, prefix, suffix, entry)?;
    let text = std::str::from_utf8(key)
        .map_err(|_| NodeError::Key { entry, source: KeyError::Character })?;
    check_key(text).map_err(|source| NodeError::Key { entry, source })?;
    Ok(DataEntry { key: text.into(), value, right })
}

/// Replaces what follows the shared prefix. The prefix must be as long as it can be, and the key
/// must be greater than the one before: both follow from the first byte that differs.
fn extend_key(
    key: &mut Vec<u8>,
    prefix: usize,
    suffix: &[u8],
    entry: usize,
) -> Result<(), NodeError> {
    if prefix > key.len() {
        return Err(NodeError::Prefix { entry });
    }
    let Some(&next) = suffix.first() else {
        return Err(NodeError::Order { entry });
    };
    if let Some(&before) = key.get(prefix) {
        match next.cmp(&before) {
            std::cmp::Ordering::Equal => return Err(NodeError::Prefix { entry }),
            std::cmp::Ordering::Less => return Err(NodeError::Order { entry }),
            std::cmp::Ordering::Greater => {}
        }
    }
    if prefix + suffix.len() > MAX_KEY_BYTES {
        return Err(NodeError::Key { entry, source: KeyError::TooLong });
    }
    key.truncate(prefix);
    key.extend_from_slice(suffix);
    Ok(())
}

/// Encodes a node whose keys are valid and sorted.
pub fn encode_node(node: &NodeData) -> Bytes {
    let entries = node.entries.iter().map(|e| (&*e.key, e.value, e.right));
    encode_parts(node.left, entries).into()
}

/// Encodes a node from its parts: (key, value, right child) in key order.
pub(crate) fn encode_parts<'a>(
    left: Option<Cid>,
    entries: impl ExactSizeIterator<Item = (&'a str, Cid, Option<Cid>)>,
) -> Vec<u8> {
    // An entry takes about 41 bytes per link, 12 for its fields, and the rest of its key.
    let mut out = Vec::with_capacity(50 + entries.len() * 120);
    write::map(&mut out, 2);
    write::text(&mut out, "e");
    write::array(&mut out, entries.len());
    let mut before: &[u8] = &[];
    for (key, value, right) in entries {
        let key = key.as_bytes();
        let shared = common_prefix_len(before, key);
        write::map(&mut out, 4);
        write::text(&mut out, "k");
        write::bytes(&mut out, key.split_at(shared).1);
        write::text(&mut out, "p");
        write::uint(&mut out, shared as u64);
        write::text(&mut out, "t");
        write::opt_cid(&mut out, right.as_ref());
        write::text(&mut out, "v");
        write::cid(&mut out, &value);
        before = key;
    }
    write::text(&mut out, "l");
    write::opt_cid(&mut out, left.as_ref());
    out
}

/// The one node of an empty tree, and its CID.
pub fn empty_root() -> (Cid, Bytes) {
    let bytes = encode_node(&NodeData::default());
    (Cid::cbor_of(&bytes), bytes)
}
