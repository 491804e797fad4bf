//! Walks: the order in which rows and records stream, and trees that are wrong.

use std::collections::BTreeMap;

use bytes::Bytes;
use cairn_model::Cid;
use cairn_repo::walk::{Step, WalkError, Walker};
use cairn_repo::{BlockMap, DataEntry, NodeData, NodeError, TreeBuilder, encode_node, key_layer};
use proptest::prelude::*;

use crate::support::{KEYS, Rows, build, key, record};

fn walk(
    root: Cid,
    blocks: &mut BlockMap,
) -> Result<Vec<Step>, WalkError<std::convert::Infallible>> {
    let mut walker = Walker::new(root);
    let mut steps = Vec::new();
    while let Some(step) = walker.next(blocks)? {
        steps.push(step);
    }
    Ok(steps)
}

/// What an export does: nodes by (lo ascending, layer descending), merged with records by key.
fn merged(model: &BTreeMap<String, Cid>, rows: &Rows) -> Vec<(String, Option<u8>, Cid)> {
    let mut all: Vec<_> =
        rows.rows.iter().map(|((lo, layer), (cid, _))| (lo.clone(), Some(*layer), *cid)).collect();
    all.extend(model.iter().map(|(key, cid)| (key.clone(), None, *cid)));
    // A record comes before the nodes at its key.
    all.sort_by_key(|(key, layer, _)| (key.clone(), layer.map(|layer| u8::MAX - layer)));
    all
}

proptest! {
    #[test]
    fn rows_and_records_in_order_are_the_walk(
        present in prop::collection::btree_set(0_usize..10_000, 0..200),
    ) {
        let model: BTreeMap<String, Cid> =
            present.iter().map(|n| (key(*n).to_string(), record(*n as u32).0)).collect();
        let (root, _, rows) = build(&model);
        let steps = walk(root, &mut rows.blocks()).unwrap();
        let met: Vec<_> = steps
            .iter()
            .map(|step| match step {
                Step::Node(row) => (row.lo.clone(), Some(row.layer), row.cid),
                Step::Record { path, cid } => (path.to_string(), None, *cid),
            })
            .collect();
        prop_assert_eq!(met, merged(&model, &rows));
        // What was walked builds the same tree.
        let mut builder = TreeBuilder::new();
        for step in steps {
            if let Step::Record { path, cid } = step {
                builder.push(path.as_str(), cid).unwrap();
            }
        }
        prop_assert_eq!(builder.finish().0, root);
    }

    #[test]
    fn a_missing_node_ends_the_walk(missing in any::<prop::sample::Index>()) {
        let model = KEYS.iter().map(|key| (key.to_string(), record(1).0)).collect();
        let (root, _, rows) = build(&model);
        let all: Vec<_> = rows.rows.values().cloned().collect();
        let absent = missing.get(&all).0;
        let mut blocks: BlockMap = all.iter().filter(|(cid, _)| *cid != absent).cloned().collect();
        let error = walk(root, &mut blocks).unwrap_err();
        let is_named = matches!(error, WalkError::Missing { cid } if cid == absent);
        prop_assert!(is_named);
    }
}

/// Keys of the pool that stand on a layer, sorted.
fn on_layer(layer: u8) -> Vec<&'static str> {
    let mut keys: Vec<_> = KEYS.iter().map(|key| key.as_str()).collect();
    keys.retain(|key| key_layer(key.as_bytes()) == layer);
    keys.sort_unstable();
    keys
}

fn node(left: Option<Cid>, entries: &[(&str, Option<Cid>)]) -> (Cid, Bytes) {
    let value = record(1).0;
    let entries =
        entries.iter().map(|(key, right)| DataEntry { key: (*key).into(), value, right: *right });
    let bytes = encode_node(&NodeData { left, entries: entries.collect() });
    (Cid::cbor_of(&bytes), bytes)
}

fn fault(nodes: &[(Cid, Bytes)]) -> NodeError {
    let mut blocks = nodes.iter().cloned().collect();
    let (root, _) = nodes.last().unwrap();
    match walk(*root, &mut blocks).unwrap_err() {
        WalkError::Node { source, .. } => source,
        other => panic!("{other}"),
    }
}

#[test]
fn each_wrong_structure_has_its_name() {
    let (low, high) = (on_layer(0), on_layer(1));
    let top = high[5];
    let after = *low.iter().find(|key| **key > top).unwrap();
    let empty = node(None, &[]);
    let leaf = node(None, &[(low[0], None)]);

    let skipped_child = node(Some(empty.0), &[(top, None)]);
    assert_eq!(fault(&[empty.clone(), skipped_child]), NodeError::Empty);
    let untrimmed = node(Some(leaf.0), &[]);
    assert_eq!(fault(&[leaf.clone(), untrimmed]), NodeError::UntrimmedRoot);
    let below_leaf = node(Some(leaf.0), &[(low[1], None)]);
    assert_eq!(fault(&[leaf.clone(), below_leaf]), NodeError::ChildBelowLeaf);
    let mixed = node(None, &[(low[0], None), (top, None)]);
    assert!(matches!(fault(&[mixed]), NodeError::Layer { expected: 1, found: 0, .. }));
    let too_high = node(None, &[(high[0], None)]);
    let same_layer = node(Some(too_high.0), &[(top, None)]);
    assert!(matches!(fault(&[too_high, same_layer]), NodeError::Layer { .. }));
    let right_of = node(None, &[(after, None)]);
    let on_the_left = node(Some(right_of.0), &[(top, None)]);
    assert!(matches!(fault(&[right_of, on_the_left]), NodeError::Range { .. }));
    let on_the_right = node(None, &[(top, Some(leaf.0))]);
    assert!(matches!(fault(&[leaf, on_the_right]), NodeError::Range { .. }));
}

#[test]
fn a_record_path_must_be_one() {
    // A key of the tree, but its first segment is not an NSID.
    let mut builder = TreeBuilder::new();
    builder.push("A0/374913", record(1).0).unwrap();
    let (root, _) = builder.finish();
    let mut blocks: BlockMap = builder.drain_rows().map(|row| (row.cid, row.bytes)).collect();
    assert!(matches!(walk(root, &mut blocks), Err(WalkError::Path { .. })));
}
