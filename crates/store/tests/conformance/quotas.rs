//! Counters of bytes, and the bounds that rest on them. Every world checks its counters at its end.

use std::path::Path;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use cairn_store::{ImportError, Quotas, UploadError, Usage, WriteError};

use crate::support::{Repo, World, create, delete, note, put, update};

fn quotas(blob_bytes: u64, repo_bytes: u64) -> Quotas {
    Quotas { blob_bytes: Some(blob_bytes), repo_bytes: Some(repo_bytes) }
}

async fn upload(repo: &Repo<'_>, bytes: &str) -> Result<(), UploadError> {
    let mut upload = repo.world.store.upload_blob(repo.id, 1 << 20).await?;
    upload.write(Bytes::copy_from_slice(bytes.as_bytes())).await?;
    upload.finish(None).await.map(drop)
}

async fn usage(repo: &Repo<'_>) -> Usage {
    repo.world.store.usage(repo.id).await.unwrap()
}

/// Runs them interleaved.
async fn at_once<T>(work: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<Pin<Box<_>>> = work.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, output) in running.iter_mut().zip(&mut done) {
            if output.is_none()
                && let Poll::Ready(result) = future.as_mut().poll(cx)
            {
                *output = Some(result);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn records_are_counted_by_their_blocks() {
    let world = World::new();
    let alice = world.account("alice").await;
    let (small, large) = (note("a"), note(&"b".repeat(1_000)));
    let (small_bytes, large_bytes) = (small.bytes.len() as u64, large.bytes.len() as u64);
    alice.write(vec![create("com.example.note/a", small.clone())]).await.unwrap();
    assert_eq!(usage(&alice).await.record_bytes, small_bytes);
    let writes = vec![
        update("com.example.note/a", large.clone()),
        put("com.example.note/b", small.clone()),
        create("com.example.note/c", small),
    ];
    alice.write(writes).await.unwrap();
    assert_eq!(usage(&alice).await.record_bytes, large_bytes + 2 * small_bytes);
    alice.write(vec![delete("com.example.note/a", true)]).await.unwrap();
    assert_eq!(usage(&alice).await.record_bytes, 2 * small_bytes);
    assert!(usage(&alice).await.node_bytes > 0);
    world.finish().await;
}

#[tokio::test]
async fn writes_at_once_do_not_pass_the_quota_together() {
    let world = World::with(|config| config.quotas = quotas(0, 3_000));
    let alice = world.account("alice").await;
    let text = "x".repeat(500);
    let paths: Vec<String> = (0..16).map(|i| format!("com.example.note/{i}")).collect();
    let results = at_once(paths.iter().map(|path| alice.create(path, &text))).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(WriteError::QuotaExceeded { quota_bytes: 3_000 })))
        .count();
    assert_eq!(done + refused, 16);
    assert!((3..=5).contains(&done), "{done} were done");
    assert!(usage(&alice).await.repo_bytes() <= 3_000);
    world.finish().await;
}

#[tokio::test]
async fn an_import_beyond_the_quota_is_refused_and_changes_nothing() {
    let old_host = World::new();
    let there = old_host.account("alice").await;
    for i in 0..20 {
        there.create(&format!("com.example.note/{i}"), &"x".repeat(200)).await.unwrap();
    }
    let car = Bytes::from(there.export().await);
    let needed = usage(&there).await.repo_bytes();

    let world = World::with(|config| config.quotas = quotas(0, needed - 1));
    let here = world.account("alice").await;
    here.create("com.example.note/mine", "mine").await.unwrap();
    let import = async || {
        let mut import = world.store.import(here.id).await?;
        import.push(car.clone()).await?;
        let key = there.key.public();
        import.finish(move |message, sig| key.verify_strict(message, sig).is_ok()).await
    };
    assert!(matches!(import().await, Err(ImportError::QuotaExceeded { .. })));
    assert_eq!(here.text("com.example.note/mine").await.as_deref(), Some("mine"));
    world.store.set_quotas(&here.did, quotas(0, needed)).await.unwrap();
    import().await.unwrap();
    assert_eq!(usage(&here).await.repo_bytes(), needed);
    assert!(here.create("com.example.note/more", "more").await.is_err());
    old_host.finish().await;
    world.finish().await;
}

#[tokio::test]
async fn uploads_at_once_do_not_pass_the_quota_together() {
    let world = World::with(|config| config.quotas = quotas(100, 0));
    let alice = world.account("alice").await;
    let bodies: Vec<String> = (0..8).map(|i| i.to_string().repeat(30)).collect();
    let results = at_once(bodies.iter().map(|body| upload(&alice, body))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(usage(&alice).await.temporary_blobs.bytes, 90);
    assert_eq!(world.store.check_blobs(alice.id, true).await.unwrap(), []);
    assert_eq!(count_files(&world.dir.path().join("blobs")), 3, "what was refused is gone");
    assert!(matches!(upload(&alice, "one more").await, Ok(())));
    assert!(matches!(
        upload(&alice, "and another").await,
        Err(UploadError::QuotaExceeded { quota_bytes: 100, used_bytes: 98 })
    ));
    world.finish().await;
}

fn count_files(folder: &Path) -> usize {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}
