//! The tree against a `BTreeMap` and against the tree that is built from nothing.

use std::collections::BTreeMap;

use cairn_model::Cid;
use cairn_repo::{BuildError, Tree, TreeBuilder, TreeError, empty_root};
use proptest::prelude::*;

use crate::support::{KEYS, Repo, Rows, build, key, record};

fn assert_same_as_fresh(repo: &Repo) {
    let (root, layer, rows) = build(&repo.model);
    assert_eq!(repo.tree.root(), Some(root));
    assert_eq!(repo.tree.layer(), layer);
    assert_eq!(repo.rows, rows);
}

#[derive(Debug, Clone)]
struct Batch {
    writes: Vec<(usize, Option<u32>)>,
    /// What happens to the cached tree after the commit.
    cache: Cache,
}

#[derive(Debug, Clone, Copy)]
enum Cache {
    Keep,
    Prune(usize),
    Reopen,
}

fn batches(keys: usize) -> impl Strategy<Value = Vec<Batch>> {
    let write = (0..keys, prop_oneof![2 => (0_u32..9).prop_map(Some), 1 => Just(None)]);
    let cache =
        prop_oneof![Just(Cache::Keep), (0_usize..6).prop_map(Cache::Prune), Just(Cache::Reopen),];
    let batch = (prop::collection::vec(write, 1..12), cache)
        .prop_map(|(writes, cache)| Batch { writes, cache });
    prop::collection::vec(batch, 1..24)
}

fn run(batches: Vec<Batch>) {
    let mut repo = Repo::new();
    for batch in batches {
        let writes: Vec<_> = batch.writes.iter().map(|(n, value)| (key(*n), *value)).collect();
        repo.write(&writes);
        assert_same_as_fresh(&repo);
        match batch.cache {
            Cache::Keep => {}
            Cache::Prune(keep) => repo.tree.prune(keep),
            Cache::Reopen => {
                repo.tree = Tree::from_root(repo.tree.root().unwrap(), repo.tree.layer());
            }
        }
    }
}

proptest! {
    #[test]
    fn edits_on_few_keys_give_the_rows_of_a_fresh_build(batches in batches(14)) {
        run(batches);
    }

    #[test]
    fn edits_on_many_keys_give_the_rows_of_a_fresh_build(batches in batches(10_000)) {
        run(batches);
    }

    #[test]
    fn edits_on_high_keys_give_the_rows_of_a_fresh_build(mut batches in batches(24)) {
        // The last keys of the pool are those of the highest layers.
        for (n, _) in batches.iter_mut().flat_map(|batch| &mut batch.writes) {
            *n = KEYS.len() - 1 - *n;
        }
        run(batches);
    }

    #[test]
    fn a_tree_finds_what_a_map_finds(present in prop::collection::btree_set(0_usize..10_000, 0..60)) {
        let model: BTreeMap<String, Cid> =
            present.iter().map(|n| (key(*n).to_string(), record(1).0)).collect();
        let (root, layer, rows) = build(&model);
        let mut tree = Tree::from_root(root, layer);
        for key in KEYS.iter() {
            prop_assert_eq!(tree.get(&rows, key.as_str()).unwrap(), model.get(key.as_str()).copied());
        }
        tree.prune(1);
        prop_assert_eq!(tree.root(), Some(root));
    }
}

#[test]
fn the_empty_tree_is_one_empty_node() {
    let mut tree = Tree::empty();
    assert_eq!(tree.root(), None);
    let changes = tree.commit();
    assert_eq!((changes.root, changes.layer), (empty_root().0, 0));
    assert_eq!(
        changes.root.to_string(),
        "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"
    );
    assert_eq!(changes.upserts.len(), 1);
    assert_eq!(tree.root(), Some(changes.root));
    assert!(tree.commit().upserts.is_empty());
}

#[test]
fn a_refused_edit_leaves_the_tree_clean() {
    let mut repo = Repo::new();
    repo.write(&[(key(1), Some(1)), (key(2), Some(2))]);
    let root = repo.tree.root();
    let (there, absent) = (key(1).as_str(), key(3).as_str());
    let value = record(9).0;
    let exists = repo.tree.insert(&repo.rows, there, value);
    assert!(matches!(exists, Err(TreeError::KeyExists { key }) if key == there));
    for missing in
        [repo.tree.delete(&repo.rows, absent), repo.tree.update(&repo.rows, absent, value)]
    {
        assert!(matches!(missing, Err(TreeError::KeyMissing { key }) if key == absent));
    }
    assert!(matches!(repo.tree.insert(&repo.rows, "no-slash", value), Err(TreeError::Key(_))));
    assert_eq!(repo.tree.root(), root);
}

#[test]
fn proofs_wait_for_the_commit() {
    let mut tree = Tree::empty();
    let rows = Rows::default();
    tree.insert(&rows, key(1).as_str(), record(1).0).unwrap();
    assert!(matches!(tree.record_proof(&rows, "a/b"), Err(TreeError::Uncommitted)));
}

#[test]
fn an_edit_that_is_undone_before_the_commit_writes_nothing() {
    let mut repo = Repo::new();
    let writes: Vec<_> = (0..30).map(|n| (key(n), Some(1))).collect();
    repo.write(&writes);
    // The key is the last one, so nothing stands right of it that would move.
    let last = "zz.zz.zz/3k";
    repo.tree.insert(&repo.rows, last, record(1).0).unwrap();
    repo.tree.delete(&repo.rows, last).unwrap();
    let changes = repo.tree.commit();
    assert_eq!(changes.upserts, []);
    repo.rows.apply(&changes);
    assert_same_as_fresh(&repo);
}

#[test]
fn a_builder_wants_its_keys_sorted() {
    let mut builder = TreeBuilder::new();
    builder.push("a/b", record(1).0).unwrap();
    for key in ["a/b", "a/a"] {
        let error = BuildError::Order { key: key.to_owned() };
        assert_eq!(builder.push(key, record(1).0), Err(error));
    }
}

#[test]
fn pruning_keeps_about_as_many_nodes_as_it_is_told() {
    let mut repo = Repo::new();
    let writes: Vec<_> = (0..90).map(|n| (key(n), Some(1))).collect();
    repo.write(&writes);
    let all = repo.tree.loaded_nodes();
    for n in 0..90 {
        repo.tree.get(&repo.rows, key(n).as_str()).unwrap();
    }
    repo.tree.prune(12);
    assert!(repo.tree.loaded_nodes() <= 24, "{} of {all} nodes stay", repo.tree.loaded_nodes());
    repo.tree.prune(0);
    assert!(repo.tree.loaded_nodes() <= 12);
    repo.write(&[(key(100), Some(1))]);
    assert_same_as_fresh(&repo);
}
