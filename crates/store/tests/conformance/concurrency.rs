//! Many writers at once.

use std::sync::Arc;

use cairn_model::{Map, Value};
use cairn_store::WriteRequest;

use crate::support::{World, create, note, record, update};

/// What peers lose: two writers that build on one root.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_one_account_each_get_their_own_commit() {
    let world = Arc::new(World::new());
    let alice = world.account("alice").await.did;
    let mut tasks = Vec::new();
    for task in 0..16 {
        let (world, did) = (Arc::clone(&world), alice.clone());
        tasks.push(tokio::spawn(async move {
            let mut commits = Vec::new();
            for i in 0..25 {
                let request = WriteRequest {
                    account: did.clone(),
                    writes: vec![create(&format!("com.example.note/t{task}-{i}"), note("x"))],
                    swap_commit: None,
                    dedupe: false,
                };
                commits.push(world.store.write(request).await.unwrap().commit.unwrap());
            }
            commits
        }));
    }
    let mut revs = Vec::new();
    for task in tasks {
        let commits = task.await.unwrap();
        assert!(commits.windows(2).all(|pair| pair[0].rev < pair[1].rev));
        revs.extend(commits.into_iter().map(|commit| commit.rev));
    }
    revs.sort_unstable();
    revs.dedup();
    assert_eq!(revs.len(), 400);
    let account = world.store.account(&alice).await.unwrap().unwrap();
    assert_eq!(world.store.record_count(account.id).await.unwrap(), 400);
    Arc::into_inner(world).unwrap().finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_accounts_are_written_at_once() {
    // So few are kept warm that repositories come and go.
    let world = Arc::new(World::with(|config| config.tuning.warm_repos = 4));
    let mut dids = Vec::new();
    for name in "abcdefghijklmnopqrstuvwxyz".chars() {
        dids.push(world.account(&format!("user{name}")).await.did);
    }
    let mut tasks = Vec::new();
    for task in 0..8usize {
        let (world, dids) = (Arc::clone(&world), dids.clone());
        tasks.push(tokio::spawn(async move {
            for i in 0..60usize {
                let account = dids[(task * 7 + i * 3) % dids.len()].clone();
                let writes = vec![create(&format!("com.example.note/t{task}-{i}"), note("x"))];
                let request = WriteRequest { account, writes, swap_commit: None, dedupe: false };
                world.store.write(request).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let report = world.store.verify(None).await.unwrap();
    assert_eq!((report.repos, report.records), (26, 480));
    Arc::into_inner(world).unwrap().finish().await;
}

/// A chain of commits of which one in the middle cannot be stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn status_changes_and_key_changes_cut_into_a_stream_of_writes() {
    let world = Arc::new(World::new());
    let alice = world.account("alice").await.did;
    let writer = {
        let (world, account) = (Arc::clone(&world), alice.clone());
        tokio::spawn(async move {
            let mut written = 0u64;
            for i in 0..300 {
                let writes = vec![create(&format!("com.example.note/{i}"), note("x"))];
                let request = WriteRequest {
                    account: account.clone(),
                    writes,
                    swap_commit: None,
                    dedupe: false,
                };
                written += u64::from(world.store.write(request).await.is_ok());
            }
            written
        })
    };
    for _ in 0..20 {
        world.store.recommit(&alice).await.unwrap();
        world.store.deactivate(&alice, None).await.unwrap();
        world.store.activate(&alice).await.unwrap();
    }
    let written = writer.await.unwrap();
    let account = world.store.account(&alice).await.unwrap().unwrap();
    assert_eq!(world.store.record_count(account.id).await.unwrap(), written);
    Arc::into_inner(world).unwrap().finish().await;
}

/// Likes that are not yet durable count as duplicates too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_likes_of_one_post_at_once_one_stays() {
    let world = Arc::new(World::new());
    let alice = world.account("alice").await.did;
    let mut tasks = Vec::new();
    for i in 0..600 {
        let subject = Map::from_iter([("uri", format!("at://x/y/{}", i % 3))]);
        let like = Map::from_iter([
            ("$type", Value::from("app.bsky.feed.like")),
            ("subject", Value::from(subject)),
        ]);
        let request = WriteRequest {
            account: alice.clone(),
            writes: vec![create(&format!("app.bsky.feed.like/{i}"), record(Value::from(like)))],
            swap_commit: None,
            dedupe: true,
        };
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move { world.store.write(request).await.map(|_| ()) }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let account = world.store.account(&alice).await.unwrap().unwrap();
    assert_eq!(world.store.record_count(account.id).await.unwrap(), 3);
    Arc::into_inner(world).unwrap().finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_many_swaps_wins() {
    let world = Arc::new(World::new());
    let alice = world.account("alice").await;
    alice.create("com.example.note/counter", "0").await.unwrap();
    let (did, swap) = (alice.did.clone(), alice.head().await.commit);
    let mut tasks = Vec::new();
    for i in 0..20 {
        let request = WriteRequest {
            account: did.clone(),
            writes: vec![update("com.example.note/counter", note(&format!("by {i}")))],
            swap_commit: Some(swap),
            dedupe: false,
        };
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move { world.store.write(request).await.is_ok() }));
    }
    let mut winners = 0;
    for task in tasks {
        winners += u32::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
    drop(alice);
    Arc::into_inner(world).unwrap().finish().await;
}
