//! Sources that fail or lie.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use cairn_model::Cid;
use cairn_repo::limits::MAX_NODE_ENTRIES;
use cairn_repo::{BuildError, NodeSource, Tree, TreeBuilder, TreeError, key_layer};
use proptest::prelude::*;

use crate::support::{Failing, OutOfReads, Rows, build, key, record};

proptest! {
    #[test]
    fn an_edit_whose_source_fails_changes_nothing(
        present in prop::collection::btree_set(0_usize..10_000, 1..60),
        edits in prop::collection::vec((0_usize..10_000, any::<bool>()), 1..8),
    ) {
        let value = record(1).0;
        let mut model: BTreeMap<String, Cid> =
            present.iter().map(|n| (key(*n).to_string(), value)).collect();
        let (root, layer, rows) = build(&model);
        let mut tree = Tree::from_root(root, layer);
        for (n, prefer_present) in edits {
            let wanted = key(n).to_string();
            let present = model.keys().nth(n % model.len().max(1)).cloned();
            let edited = if prefer_present { present.unwrap_or(wanted) } else { wanted };
            let delete = model.contains_key(&edited);
            // Each attempt reads one node more than the one before, until it succeeds.
            for reads in 0.. {
                let source = Failing { rows: &rows, reads_left: Cell::new(reads) };
                // A clone has loaded nothing that the attempt before has loaded.
                let mut attempt = tree.clone();
                let result = if delete {
                    attempt.delete(&source, &edited)
                } else {
                    attempt.insert(&source, &edited, value)
                };
                match result {
                    Err(TreeError::Source(OutOfReads)) => {
                        prop_assert_eq!(attempt.clone().commit().root, tree.clone().commit().root);
                    }
                    other => {
                        prop_assert_eq!(other.unwrap(), delete.then_some(value));
                        tree = attempt;
                        break;
                    }
                }
            }
            if delete { model.remove(&edited); } else { model.insert(edited, value); }
        }
        prop_assert_eq!(tree.commit().root, build(&model).0);
    }
}

/// A source that gives the same node for everything.
struct Only(Bytes);

impl NodeSource for Only {
    type Error = std::convert::Infallible;

    fn node(&self, _: &str, _: u8, _: &Cid) -> Result<Option<Bytes>, Self::Error> {
        Ok(Some(self.0.clone()))
    }
}

#[test]
fn a_node_out_of_its_place_is_refused() {
    let model = (0..60).map(|n| (key(n).to_string(), record(1).0)).collect();
    let (root, layer, rows) = build(&model);
    let root_row = Only(rows.rows[&(String::new(), layer)].1.clone());
    let mut tree = Tree::from_root(root, layer);
    let absent = "app.bsky.feed.like/zzz";
    assert!(matches!(tree.get(&root_row, absent), Err(TreeError::Node { .. })));
    // With the right source, the same tree answers.
    assert_eq!(tree.get(&rows, absent).unwrap(), None);
}

#[test]
fn a_missing_node_is_named() {
    let (root, layer, _) = build(&BTreeMap::from([(key(0).to_string(), record(1).0)]));
    let mut tree = Tree::from_root(root, layer);
    let error = tree.get(&Rows::default(), "a/b").unwrap_err();
    assert!(matches!(error, TreeError::Missing { cid, .. } if cid == root), "{error}");
}

/// Keys of layer 0 before and after one key of layer 1.
fn crowded(n_left: usize, n_right: usize) -> (Vec<String>, String) {
    let leaves = |collection: &str, n: usize| -> Vec<String> {
        let all = (0..).map(|i| format!("{collection}/{i:06}"));
        all.filter(|key| key_layer(key.as_bytes()) == 0).take(n).collect()
    };
    let higher = (0..).map(|i| format!("b.b.b/{i}")).find(|key| key_layer(key.as_bytes()) == 1);
    let mut keys = leaves("a.a.a", n_left);
    keys.extend(leaves("c.c.c", n_right));
    (keys, higher.unwrap())
}

#[test]
fn chosen_keys_cannot_grow_a_node_beyond_its_limit() {
    let value = record(1).0;
    let (mut keys, higher) = crowded(MAX_NODE_ENTRIES, 1);
    let one_more = keys.pop().unwrap();
    keys.push(higher.clone());
    let model = keys.iter().map(|key| (key.clone(), value)).collect();
    let (root, layer, rows) = build(&model);
    let mut tree = Tree::from_root(root, layer);
    tree.insert(&rows, &one_more, value).unwrap();
    // Without the key between them, both sides would become one node.
    assert!(matches!(tree.delete(&rows, &higher), Err(TreeError::NodeFull)));
    let full = (0..).map(|i| format!("a.a.a/x{i}")).find(|key| key_layer(key.as_bytes()) == 0);
    let full = tree.insert(&rows, &full.unwrap(), value);
    assert!(matches!(full, Err(TreeError::NodeFull)));
    tree.delete(&rows, &one_more).unwrap();
    tree.delete(&rows, &higher).unwrap();
    let mut builder = TreeBuilder::new();
    let (mut keys, _) = crowded(MAX_NODE_ENTRIES, 1);
    let last = keys.pop().unwrap();
    keys.iter().for_each(|key| builder.push(key, value).unwrap());
    assert!(matches!(builder.push(&last, value), Err(BuildError::NodeFull { layer: 0, .. })));
}
