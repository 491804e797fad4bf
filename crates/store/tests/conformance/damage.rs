//! A disk without room.

use cairn_store::{StoreError, WriteError};

use crate::support::{World, create, note};

#[tokio::test]
async fn a_full_disk_is_an_error_and_loses_nothing_that_was_acknowledged() {
    // The database file may not grow beyond this.
    let world = World::with(|config| config.tuning.max_pages = Some(220));
    let alice = world.account("alice").await;
    let bob = world.account("bob").await;
    let big = "x".repeat(40_000);
    let mut kept = Vec::new();
    let mut refused = 0;
    for i in 0..60 {
        let repo = if i % 2 == 0 { &alice } else { &bob };
        let key = format!("com.example.note/{i}");
        match repo.write(vec![create(&key, note(&big))]).await {
            Ok(_) => kept.push((i % 2 == 0, key)),
            Err(WriteError::Store(StoreError::Full(_))) => refused += 1,
            Err(err) => panic!("{err:?}"),
        }
    }
    assert!(refused > 0 && !kept.is_empty());
    let events = world.events().await.len();
    for (of_alice, key) in &kept {
        let repo = if *of_alice { &alice } else { &bob };
        assert!(repo.text(key).await.is_some(), "{key}");
    }
    assert_eq!(events, 8 + kept.len());
    assert_eq!(world.store.verify(None).await.unwrap().problems, []);

    // Room again.
    let (did, id) = (alice.did.clone(), alice.id);
    let world = world.reopen(|_| ()).await;
    let writes = vec![create("com.example.note/room", note(&big))];
    let request =
        cairn_store::WriteRequest { account: did, writes, swap_commit: None, dedupe: false };
    world.store.write(request).await.unwrap();
    assert!(world.store.head(id).await.unwrap().is_some());
    world.finish().await;
}
