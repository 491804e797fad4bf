//! The interop vectors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cairn_model::Cid;
use cairn_repo::{BlockMap, Tree, common_prefix_len, key_layer};
use serde_json::Value;

use crate::support::build;

fn vectors(path: &str) -> Option<String> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: {path} skipped");
        return None;
    };
    Some(std::fs::read_to_string(PathBuf::from(dir).join(path)).unwrap())
}

fn cases(path: &str) -> Vec<Value> {
    vectors(path).map_or_else(Vec::new, |text| serde_json::from_str(&text).unwrap())
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

fn cid(value: &Value) -> Cid {
    Cid::parse(value.as_str().unwrap()).unwrap()
}

#[test]
fn keys_stand_on_the_layers_of_the_vectors() {
    for case in cases("mst/key_heights.json") {
        let layer = key_layer(case["key"].as_str().unwrap().as_bytes());
        assert_eq!(u64::from(layer), case["height"].as_u64().unwrap(), "{case}");
    }
}

#[test]
fn example_keys_name_their_layers() {
    let Some(text) = vectors("mst/example_keys.txt") else { return };
    for key in text.lines().filter(|line| !line.is_empty()) {
        let named = key[1..].split_once('/').unwrap().0.parse::<u8>().unwrap();
        assert_eq!(key_layer(key.as_bytes()), named, "{key}");
    }
}

#[test]
fn common_prefixes_are_those_of_the_vectors() {
    for case in cases("mst/common_prefix.json") {
        let [left, right] = ["left", "right"].map(|side| case[side].as_str().unwrap().as_bytes());
        assert_eq!(common_prefix_len(left, right) as u64, case["len"].as_u64().unwrap(), "{case}");
    }
}

#[test]
fn commit_proofs_cover_exactly_the_blocks_of_the_vectors() {
    for case in cases("firehose/commit-proof-fixtures.json") {
        let comment = &case["comment"];
        let leaf = cid(&case["leafValue"]);
        let model: BTreeMap<_, _> =
            strings(&case["keys"]).into_iter().map(|key| (key.to_owned(), leaf)).collect();
        let (before, layer, mut rows) = build(&model);
        assert_eq!(before, cid(&case["rootBeforeCommit"]), "{comment}");
        let mut tree = Tree::from_root(before, layer);
        let (adds, dels) = (strings(&case["adds"]), strings(&case["dels"]));
        for key in &adds {
            tree.insert(&rows, key, leaf).unwrap();
        }
        for key in &dels {
            tree.delete(&rows, key).unwrap();
        }
        let changes = tree.commit();
        rows.apply(&changes);
        assert_eq!(changes.root, cid(&case["rootAfterCommit"]), "{comment}");
        let touched = adds.iter().chain(&dels).copied();
        let proof = tree.covering_proof(&rows, touched).unwrap();
        let found: BTreeSet<Cid> = proof.iter().map(|(cid, _)| *cid).collect();
        let expected: BTreeSet<Cid> =
            case["blocksInProof"].as_array().unwrap().iter().map(cid).collect();
        assert_eq!(found, expected, "{comment}");
        undo(&case, proof.into_iter().collect(), changes.root);
    }
}

/// The proof alone must be enough to lead back to the tree before.
fn undo(case: &Value, proof: BlockMap, root: Cid) {
    let leaf = cid(&case["leafValue"]);
    let mut tree = Tree::from_blocks(root, &proof).unwrap();
    for key in strings(&case["dels"]).into_iter().rev() {
        tree.insert(&proof, key, leaf).unwrap();
    }
    for key in strings(&case["adds"]).into_iter().rev() {
        tree.delete(&proof, key).unwrap();
    }
    assert_eq!(tree.commit().root, cid(&case["rootBeforeCommit"]), "{}", case["comment"]);
}
