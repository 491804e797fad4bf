//! Closing and opening again.

use cairn_store::{OpenError, Store, StoreConfig, StoreError, WriteError};

use crate::support::{World, create, did, note, open};

#[tokio::test]
async fn everything_is_there_after_the_store_was_closed() {
    let world = World::new();
    let alice = world.account("alice").await;
    for i in 0..50 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    let head = alice.head().await;
    let seq = world.store.events().head_seq();
    let id = alice.id;
    let world = world.reopen(|_| ()).await;
    assert_eq!(world.store.head(id).await.unwrap(), Some(head));
    assert_eq!(world.store.events().head_seq(), seq);
    let request = cairn_store::WriteRequest {
        account: did("alice"),
        writes: vec![create("com.example.note/after", note("x"))],
        swap_commit: None,
        dedupe: false,
    };
    world.store.write(request).await.unwrap();
    world.finish().await;
}

#[tokio::test]
async fn a_closed_store_answers_and_does_not_hang() {
    let world = World::new();
    let alice = world.account("alice").await;
    world.store.close().await;
    let refused = alice.create("com.example.note/a", "x").await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Closed))));
    assert!(matches!(world.store.head(alice.id).await, Err(StoreError::Closed)));
    world.store.close().await;
}

#[tokio::test]
async fn a_directory_has_one_store_at_a_time() {
    let world = World::new();
    let second = Store::open(StoreConfig::new(world.dir.path()));
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    let World { dir, store, .. } = world;
    drop(store);
    open(dir.path(), |_| ()).close().await;
}
