//! Pages of records and of repositories.

use cairn_model::{Nsid, RecordKey};
use cairn_store::RecordRange;

use crate::support::{World, create, note, path, put};

#[tokio::test]
async fn records_are_listed_by_collection_in_both_directions() {
    let world = World::new();
    let alice = world.account("alice").await;
    let collection = Nsid::parse("com.example.note").unwrap();
    // Collections whose names begin alike, or sort right before and after.
    let writes = (0..25).map(|i| create(&format!("com.example.note/k{i:02}"), note("x"))).chain(
        ["com.example.not", "com.example.noted", "com.example.note.deep"]
            .map(|other| create(&format!("{other}/k"), note("x"))),
    );
    alice.write(writes.collect()).await.unwrap();
    for ascending in [false, true] {
        let mut cursor: Option<RecordKey> = None;
        let mut keys = Vec::new();
        loop {
            let range = RecordRange { cursor, limit: 10, ascending };
            let page = world.store.list_records(alice.id, &collection, range).await.unwrap();
            cursor = page.last().map(|record| record.rkey.clone());
            if page.is_empty() {
                break;
            }
            keys.extend(page.into_iter().map(|record| record.rkey.as_str().to_owned()));
        }
        let mut expected: Vec<String> = (0..25).map(|i| format!("k{i:02}")).collect();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(keys, expected);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_record_that_was_taken_down_is_not_listed_but_stays_in_the_repository() {
    let world = World::new();
    let alice = world.account("alice").await;
    for rkey in ["a", "b"] {
        alice.create(&format!("com.example.note/{rkey}"), rkey).await.unwrap();
    }
    let at = path("com.example.note/a");
    let collection = Nsid::parse("com.example.note").unwrap();
    let range = || RecordRange { cursor: None, limit: 10, ascending: true };
    assert!(world.store.set_record_takedown(alice.id, &at, Some("mod-1".into())).await.unwrap());
    let record = world.store.record(alice.id, &at).await.unwrap().unwrap();
    assert_eq!(record.takedown_ref.as_deref(), Some("mod-1"));
    assert_eq!(world.store.list_records(alice.id, &collection, range()).await.unwrap().len(), 1);
    assert!(world.store.set_record_takedown(alice.id, &at, None).await.unwrap());
    assert_eq!(world.store.list_records(alice.id, &collection, range()).await.unwrap().len(), 2);
    let none = path("com.example.note/none");
    assert!(!world.store.set_record_takedown(alice.id, &none, Some("x".into())).await.unwrap());
    world.finish().await;
}

#[tokio::test]
async fn collections_come_and_go_with_their_records() {
    let world = World::new();
    let alice = world.account("alice").await;
    let names = async || {
        let collections = world.store.collections(alice.id).await.unwrap();
        collections.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert!(names().await.is_empty());
    alice.create("com.example.note/a", "x").await.unwrap();
    alice.create("com.example.note.sub/a", "x").await.unwrap();
    alice.create("com.example.note/b", "x").await.unwrap();
    assert_eq!(names().await, ["com.example.note", "com.example.note.sub"]);
    alice.delete("com.example.note/a").await.unwrap();
    assert_eq!(names().await, ["com.example.note", "com.example.note.sub"]);
    alice.delete("com.example.note/b").await.unwrap();
    assert_eq!(names().await, ["com.example.note.sub"]);
    world.finish().await;
}

#[tokio::test]
async fn repositories_are_listed_all_and_by_collection() {
    let world = World::new();
    let mut dids = Vec::new();
    for (i, name) in ["ann", "ben", "cat", "dan", "eve"].into_iter().enumerate() {
        let repo = world.account(name).await;
        let collection = if i % 2 == 0 { "com.example.note" } else { "com.example.other" };
        repo.create(&format!("{collection}/a"), "x").await.unwrap();
        dids.push(repo.did);
    }
    let mut cursor = None;
    let mut found = Vec::new();
    loop {
        let page = world.store.list_repos(cursor, 2).await.unwrap();
        found.extend(page.repos.into_iter().map(|repo| repo.did));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, dids);
    let collection = Nsid::parse("com.example.note").unwrap();
    let first = world.store.list_repos_by_collection(&collection, None, 2).await.unwrap();
    let rest =
        world.store.list_repos_by_collection(&collection, first.cursor.clone(), 2).await.unwrap();
    let found: Vec<_> = first.repos.into_iter().chain(rest.repos).map(|repo| repo.did).collect();
    assert_eq!(found, [dids[0].clone(), dids[2].clone(), dids[4].clone()]);
    world.finish().await;
}

#[tokio::test]
async fn what_was_written_after_a_rev_is_told_in_the_order_of_writing() {
    let world = World::new();
    let alice = world.account("alice").await;
    let note_collection = Nsid::parse("com.example.note").unwrap();
    let since = async |rev, limit| {
        let found = world.store.records_since(alice.id, rev, vec![note_collection.clone()], limit);
        let paths = found.await.unwrap().into_iter().map(|record| record.path.rkey().to_owned());
        paths.collect::<Vec<_>>()
    };
    let start = alice.head().await.rev;
    for rkey in ["k1", "k2"] {
        alice.create(&format!("com.example.note/{rkey}"), rkey).await.unwrap();
    }
    assert!(since(start, 10).await.is_empty(), "everything is new: the rev is from elsewhere");
    let rev = alice.head().await.rev;
    assert!(since(rev, 10).await.is_empty());
    // Keys say little about the order of writing.
    for rkey in ["k9", "k3", "k5"] {
        alice.create(&format!("com.example.note/{rkey}"), rkey).await.unwrap();
    }
    alice.create("com.example.other/k4", "of another collection").await.unwrap();
    alice.write(vec![put("com.example.note/k1", note("again"))]).await.unwrap();
    assert_eq!(since(rev, 10).await, ["k9", "k3", "k5", "k1"]);
    assert_eq!(since(rev, 2).await, ["k9", "k3"]);
    alice.delete("com.example.note/k3").await.unwrap();
    let hidden = path("com.example.note/k5");
    world.store.set_record_takedown(alice.id, &hidden, Some("mod-1".into())).await.unwrap();
    assert_eq!(since(rev, 10).await, ["k9", "k1"]);
    assert!(since(alice.head().await.rev, 10).await.is_empty());
    world.finish().await;
}
