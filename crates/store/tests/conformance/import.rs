//! Imports that want more than their share, and what consumers learn of an import.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use cairn_model::Map;
use cairn_repo::walk::Walker;
use cairn_repo::{BlockMap, car};
use cairn_store::ImportError;

use crate::export::{Blocks, blocks_in_order, fill, import};
use crate::support::{World, create, record};

#[tokio::test]
async fn imports_that_nobody_feeds_stop_neither_exports_nor_other_imports() {
    let world = World::new();
    let alice = world.account("alice").await;
    let bob = world.account("bob").await;
    fill(&bob, 30).await;
    let mut held = Vec::new();
    for _ in 0..130 {
        match world.store.import(alice.id).await {
            Ok(import) => held.push(import),
            Err(err) => assert!(matches!(err, ImportError::UnderWay), "{err:?}"),
        }
    }
    assert_eq!(held.len(), 1);
    let car = bob.export().await;
    assert_eq!(import(&bob, &bob, &car).await.unwrap(), 30);

    drop(held);
    let car = alice.export().await;
    // The thread of the one that was given up has to notice.
    loop {
        match import(&alice, &alice, &car).await {
            Err(ImportError::UnderWay) => tokio::time::sleep(Duration::from_millis(5)).await,
            done => break assert_eq!(done.unwrap(), 0),
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn an_import_that_trickles_in_is_given_up() {
    let world = World::with(|config| config.tuning.slow_transfer = Duration::from_millis(100));
    let alice = world.account("alice").await;
    let car = alice.export().await;
    let mut slow = world.store.import(alice.id).await.unwrap();
    let mut end = Ok(());
    for byte in &car {
        tokio::time::sleep(Duration::from_millis(5)).await;
        end = slow.push(Bytes::copy_from_slice(&[*byte])).await;
        if end.is_err() {
            break;
        }
    }
    assert!(matches!(end, Err(ImportError::TooSlow)), "{end:?}");
    world.finish().await;
}

/// A CAR names a block once, however many keys name it.
#[tokio::test]
async fn a_small_car_does_not_become_many_rows() {
    let world = World::new();
    let alice = world.account("alice").await;
    let text = "x".repeat(900_000);
    for i in 0..26 {
        alice.create(&format!("com.example.note/{i}"), &text).await.unwrap();
    }
    let whole = alice.export().await;
    let (root, blocks) = blocks_in_order(&whole);
    let mut seen = HashSet::new();
    let once = blocks.iter().filter(|(cid, _)| seen.insert(*cid));
    let small = car::to_vec(&root, once.map(|(cid, bytes)| (cid, bytes.as_ref())));
    assert!(small.len() < 1_000_000 && whole.len() > 23_000_000);
    let before = alice.head().await;
    let refused = import(&alice, &alice, &small).await;
    assert!(matches!(refused, Err(ImportError::Inflated)), "{refused:?}");
    assert_eq!(alice.head().await, before);
    // What was sent in full may be stored in full.
    assert_eq!(import(&alice, &alice, &whole).await.unwrap(), 26);
    world.store.sweep().await.unwrap();
    world.finish().await;
}

/// A consumer that has followed further than the backup reaches.
#[tokio::test]
async fn since_a_rev_before_an_import_everything_has_changed() {
    let world = World::new();
    let alice = world.account("alice").await;
    fill(&alice, 100).await;
    let mut upload = world.store.upload_blob(alice.id, 100).await.unwrap();
    upload.write(Bytes::from_static(b"picture")).await.unwrap();
    let blob = upload.finish(None).await.unwrap();
    let post = Map::from_iter([("image", blob.to_value())]);
    alice.write(vec![create("com.example.post/one", record(post.into()))]).await.unwrap();
    let backup = alice.export().await;
    alice.delete("com.example.post/one").await.unwrap();
    let known = alice.head().await.rev;
    import(&alice, &alice, &backup).await.unwrap();
    let imported = alice.head().await;

    let (root, blocks) = BlockMap::from_car(&alice.export_since(Some(known)).await).unwrap();
    assert_eq!(root, imported.commit);
    let mut source = Blocks(blocks);
    let mut walker = Walker::new(imported.data);
    while walker.next(&mut source).unwrap().is_some() {}
    assert_eq!(world.store.list_blobs(alice.id, Some(known), None, 10).await.unwrap(), [blob.cid]);

    alice.create("com.example.note/after", "after").await.unwrap();
    let newer = alice.export_since(Some(imported.rev)).await;
    assert!(newer.len() < backup.len() / 4, "{} of {}", newer.len(), backup.len());
    assert_eq!(world.store.list_blobs(alice.id, Some(imported.rev), None, 10).await.unwrap(), []);
    world.finish().await;
}
