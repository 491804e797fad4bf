//! What [`Store::verify`] finds in rows that are not what they say.

use cairn_model::{Map, Value};

use super::{create, write};
use crate::accounts::testing::World;
use crate::{Account, NewRecord, RepoFault, StoreError, WriteAction};

/// Three posts, one of them with a blob, and a follow.
async fn account(world: &World) -> Account {
    let alice = world.account("alice").await;
    let store = &world.store;
    for rkey in ["one", "two"] {
        write(store, &alice, &format!("com.example.post/{rkey}"), create(rkey)).await.unwrap();
    }
    let mut upload = store.upload_blob(alice.id, 100).await.unwrap();
    upload.write(bytes::Bytes::from_static(b"a blob")).await.unwrap();
    let blob = upload.finish(None).await.unwrap();
    let picture = Value::Object(Map::from_iter([("picture", blob.to_value())]));
    let picture = WriteAction::Create(NewRecord::new(&picture, vec![blob]));
    write(store, &alice, "com.example.post/three", picture).await.unwrap();
    let follow = Value::Object(Map::from_iter([("subject", "did:example:bob")]));
    let follow = WriteAction::Create(NewRecord::new(&follow, Vec::new()));
    write(store, &alice, "app.bsky.graph.follow/bob", follow).await.unwrap();
    alice
}

fn name(fault: &RepoFault) -> &'static str {
    match fault {
        RepoFault::NoRepository => "no repository",
        RepoFault::NoKey => "no key",
        RepoFault::Commit { .. } => "commit",
        RepoFault::Signature => "signature",
        RepoFault::Path { .. } => "path",
        RepoFault::Record { .. } => "record",
        RepoFault::Rev { .. } => "rev",
        RepoFault::Keys { .. } => "keys",
        RepoFault::Node { .. } => "node",
        RepoFault::NodeCount { .. } => "node count",
        RepoFault::Root { .. } => "root",
        RepoFault::BlobRefs { .. } => "blob references",
        RepoFault::BlobRefCount { .. } => "blob reference count",
        RepoFault::Link { .. } => "link",
        RepoFault::LinkCount { .. } => "link count",
        RepoFault::Collections => "collections",
        RepoFault::RecordCount { .. } => "record count",
        RepoFault::Bytes { what, .. } => what,
    }
}

#[tokio::test]
async fn rows_that_say_something_wrong_are_found() {
    const ONE: &str = "key = 'com.example.post/one' AND layer = 255";
    let cases: &[(&str, &[&str])] = &[
        ("UPDATE repo SET state = 2", &["no repository"]),
        ("UPDATE repo SET bytes = x'a0'", &["commit"]),
        ("UPDATE repo SET data = zeroblob(32)", &["commit", "root"]),
        (&format!("UPDATE tree SET bytes = x'6378797a' WHERE {ONE}"), &["record"]),
        (&format!("UPDATE tree SET cid = zeroblob(32) WHERE {ONE}"), &["record", "node", "root"]),
        (&format!("UPDATE tree SET key = 'nonsense' WHERE {ONE}"), &["path", "root"]),
        (&format!("UPDATE tree SET rev = rev + 1000000000 WHERE {ONE}"), &["rev"]),
        (&format!("DELETE FROM tree WHERE {ONE}"), &["root", "record count", "records"]),
        ("UPDATE tree SET bytes = x'a0' WHERE layer < 255", &["node", "nodes"]),
        ("DELETE FROM tree WHERE layer < 255", &["node", "node count", "nodes"]),
        ("DELETE FROM blob_ref", &["blob references", "blob reference count"]),
        ("INSERT INTO blob_ref SELECT id, 'x/y', x'00' FROM repo", &["blob reference count"]),
        ("DELETE FROM backlink", &["link", "link count"]),
        ("INSERT INTO backlink SELECT id, 'a', 'b', 'c' FROM repo", &["link count"]),
        ("DELETE FROM collection WHERE name = 'com.example.post'", &["collections"]),
        ("UPDATE repo SET record_count = record_count - 1", &["record count"]),
        ("UPDATE repo SET record_bytes = record_bytes + 1", &["records"]),
        ("UPDATE repo SET node_bytes = node_bytes - 1", &["nodes"]),
        ("UPDATE account SET blob_bytes = 0", &["blobs"]),
    ];
    for (sql, expected) in cases {
        let world = World::new();
        let alice = account(&world).await;
        assert_eq!(world.store.verify(None).await.unwrap().problems, []);
        let damage = (*sql).to_owned();
        let damaged = world.store.write_tx(move |tx| Ok::<_, StoreError>(tx.execute(&damage, [])?));
        assert!(damaged.await.unwrap() > 0, "{sql}");
        let report = world.store.verify(Some(alice.id)).await.unwrap();
        let found: Vec<&str> = report.problems.iter().map(|problem| name(&problem.fault)).collect();
        for expected in *expected {
            assert!(found.contains(expected), "{sql}: {found:?}");
        }
    }
}
