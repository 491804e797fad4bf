//! Uploads, references and removal against a real store.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use cairn_model::{BlobRef, Cid, Codec};
use sha2::{Digest, Sha256};

use super::*;
use crate::accounts::testing::World;
use crate::{Account, RepoId, StoreError};

const LIMIT: u64 = 10 << 20;
const NOW: BlobAges = BlobAges { temporary: Duration::ZERO, unreferenced: Duration::ZERO };

impl World {
    async fn upload(&self, account: &Account, bytes: &'static str) -> BlobRef {
        self.upload_chunks(account, vec![Bytes::from_static(bytes.as_bytes())]).await
    }

    async fn upload_chunks(&self, account: &Account, chunks: Vec<Bytes>) -> BlobRef {
        let mut upload = self.store.upload_blob(account.id, LIMIT).await.unwrap();
        for chunk in chunks {
            upload.write(chunk).await.unwrap();
        }
        upload.finish(Some("text/plain")).await.unwrap()
    }

    fn blob_path(&self, account: &Account, cid: &Cid) -> PathBuf {
        self.store.blob_folder().path(account.id, cid)
    }

    fn temp_files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("blobs/tmp")).unwrap().count()
    }

    async fn is_served(&self, account: &Account, cid: Cid) -> bool {
        self.store.open_blob(account.id, cid).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_blob_is_served_once_a_record_refers_to_it_and_until_none_does() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload(&alice, "hello").await;
    assert_eq!(blob.cid, Cid::raw_of(b"hello"));
    assert_eq!((blob.mime_type.as_str(), blob.size), ("text/plain", 5));
    assert!(!world.is_served(&alice, blob.cid).await);
    assert!(world.store.list_blobs(alice.id, None, None, 10).await.unwrap().is_empty());

    world.post(&alice, "one", vec![blob.clone()]).await;
    world.post(&alice, "two", vec![blob.clone()]).await;
    let file = world.store.open_blob(alice.id, blob.cid).await.unwrap().unwrap();
    assert_eq!(file.blob, blob);
    assert_eq!(file.read_at(0, 100).await.unwrap(), "hello");
    assert_eq!(file.read_at(1, 3).await.unwrap(), "ell");
    assert_eq!(file.read_at(9, 3).await.unwrap(), "");
    assert_eq!(world.store.list_blobs(alice.id, None, None, 10).await.unwrap(), [blob.cid]);

    world.delete_post(&alice, "one").await;
    assert!(world.is_served(&alice, blob.cid).await);
    world.delete_post(&alice, "two").await;
    assert!(!world.is_served(&alice, blob.cid).await);
    assert!(world.store.list_blobs(alice.id, None, None, 10).await.unwrap().is_empty());

    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);
    world.advance_hours(24);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 1);
    assert!(!world.blob_path(&alice, &blob.cid).exists());
    assert_eq!(file.read_at(0, 100).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_large_blob_arrives_whole_in_chunks_of_any_size() {
    let world = World::new();
    let alice = world.account("alice").await;
    let bytes: Vec<u8> =
        (0..5_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let whole = Bytes::from(bytes);
    let cid = Cid::new(Codec::Raw, Sha256::digest(&whole).into());
    for size in [7_919, 65_536, 1 << 20, whole.len()] {
        let chunks = (0..whole.len()).step_by(size);
        let chunks = chunks.map(|at| whole.slice(at..whole.len().min(at + size))).collect();
        let blob = world.upload_chunks(&alice, chunks).await;
        assert_eq!((blob.cid, blob.size), (cid, 5_000_000));
    }
    assert_eq!(std::fs::read(world.blob_path(&alice, &cid)).unwrap(), whole);
    assert_eq!(world.temp_files(), 0);
    assert!(world.store.check_blobs(alice.id, true).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload_chunks(&alice, Vec::new()).await;
    assert_eq!((blob.cid, blob.size), (Cid::raw_of(b""), 0));
    world.post(&alice, "one", vec![blob.clone()]).await;
    let file = world.store.open_blob(alice.id, blob.cid).await.unwrap().unwrap();
    assert!(file.read_at(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_beyond_its_limit_or_given_up_leaves_nothing() {
    let world = World::new();
    let alice = world.account("alice").await;
    let megabytes = Bytes::from(vec![7; 3 << 20]);
    let mut upload = world.store.upload_blob(alice.id, 4 << 20).await.unwrap();
    upload.write(megabytes.clone()).await.unwrap();
    let refused = upload.write(megabytes.clone()).await;
    assert!(matches!(refused, Err(UploadError::TooLarge { limit_bytes: 4_194_304 })));
    drop(upload);

    let mut exact = world.store.upload_blob(alice.id, 3 << 20).await.unwrap();
    exact.write(megabytes).await.unwrap();
    exact.write(Bytes::new()).await.unwrap();
    drop(exact);
    assert_eq!(world.store.blob_counts(alice.id).await.unwrap().imported, 0);
    let world = world.reopen().await;
    assert_eq!(world.temp_files(), 0);
    let nobody = world.store.upload_blob(crate::accounts::testing::did("nobody"), 1).await;
    assert!(matches!(nobody, Err(UploadError::NoAccount(_))));
}

#[tokio::test]
async fn an_upload_to_an_account_deleted_meanwhile_is_refused_and_removed() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut upload = world.store.upload_blob(alice.id, LIMIT).await.unwrap();
    upload.write(Bytes::from_static(b"late")).await.unwrap();
    world.store.delete_account(alice.id).await.unwrap();
    assert!(matches!(upload.finish(None).await, Err(UploadError::NoAccount(_))));
    assert!(!world.blob_path(&alice, &Cid::raw_of(b"late")).exists());
}

#[tokio::test]
async fn temporary_blobs_go_after_their_time_and_others_stay() {
    let world = World::new();
    let alice = world.account("alice").await;
    let kept = world.upload(&alice, "kept").await;
    let lost = world.upload(&alice, "lost").await;
    world.post(&alice, "one", vec![kept.clone()]).await;
    world.advance_hours(5);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);
    world.upload(&alice, "lost").await;
    world.advance_hours(2);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);
    world.advance_hours(5);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 1);
    assert!(!world.blob_path(&alice, &lost.cid).exists());
    assert!(world.is_served(&alice, kept.cid).await);
    assert!(world.store.check_blobs(alice.id, true).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_blob_in_quarantine_comes_back_with_a_record_or_an_upload() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload(&alice, "hello").await;
    world.post(&alice, "one", vec![blob.clone()]).await;
    world.delete_post(&alice, "one").await;
    assert!(!world.is_served(&alice, blob.cid).await);
    world.post(&alice, "two", vec![blob.clone()]).await;
    assert!(world.is_served(&alice, blob.cid).await);
    world.advance_hours(48);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);

    world.delete_post(&alice, "two").await;
    world.advance_hours(20);
    // Fresh once more, so its time begins anew.
    world.upload(&alice, "hello").await;
    world.advance_hours(5);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);
    world.post(&alice, "three", vec![blob.clone()]).await;
    assert!(world.is_served(&alice, blob.cid).await);
    assert_eq!(world.store.usage(alice.id).await.unwrap().blob_bytes(), 5);
}

#[tokio::test]
async fn a_takedown_outlasts_the_quarantine_and_the_bytes_stay_counted() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload(&alice, "bad").await;
    world.post(&alice, "one", vec![blob.clone()]).await;
    world.store.set_blob_takedown(alice.id, blob.cid, Some("mod".to_owned())).await.unwrap();
    world.delete_post(&alice, "one").await;
    world.advance_hours(100);
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 0);
    assert_eq!(world.store.usage(alice.id).await.unwrap().unreferenced_blobs.bytes, 3);
    world.store.set_blob_takedown(alice.id, blob.cid, None).await.unwrap();
    assert_eq!(world.store.collect_blobs(BlobAges::default()).await.unwrap(), 1);
    assert_eq!(world.store.usage(alice.id).await.unwrap().blob_bytes(), 0);
}

#[tokio::test]
async fn a_file_that_no_record_wants_any_more_stands_for_none_that_is_missing() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload(&alice, "picture").await;
    world.post(&alice, "one", vec![blob]).await;
    let counts = world.store.blob_counts(alice.id).await.unwrap();
    assert_eq!((counts.expected, counts.imported), (1, 1));
    world.delete_post(&alice, "one").await;
    let counts = world.store.blob_counts(alice.id).await.unwrap();
    assert_eq!((counts.expected, counts.imported), (0, 0));
}

#[tokio::test]
async fn many_blobs_are_collected_in_batches() {
    let world = World::new();
    let alice = world.account("alice").await;
    for i in 0..300 {
        world.upload_chunks(&alice, vec![Bytes::from(format!("blob {i}"))]).await;
    }
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 300);
    assert_eq!(world.store.blob_counts(alice.id).await.unwrap().imported, 0);
}

#[tokio::test]
async fn a_blob_that_was_taken_down_does_not_come_back() {
    let world = World::new();
    let alice = world.account("alice").await;
    let blob = world.upload(&alice, "bad").await;
    world.post(&alice, "one", vec![blob.clone()]).await;
    let down = Some("mod-1".to_owned());
    assert!(world.store.set_blob_takedown(alice.id, blob.cid, down.clone()).await.unwrap());
    assert!(!world.is_served(&alice, blob.cid).await);
    let mut again = world.store.upload_blob(alice.id, LIMIT).await.unwrap();
    again.write(Bytes::from_static(b"bad")).await.unwrap();
    assert!(matches!(again.finish(None).await, Err(UploadError::TakenDown)));
    let info = world.store.blob_info(alice.id, blob.cid).await.unwrap().unwrap();
    assert_eq!(info.takedown_ref, down);

    world.delete_post(&alice, "one").await;
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 0);
    assert!(world.store.set_blob_takedown(alice.id, blob.cid, None).await.unwrap());
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 1);
    assert!(!world.store.set_blob_takedown(alice.id, blob.cid, None).await.unwrap());
}

#[tokio::test]
async fn the_same_bytes_of_two_accounts_live_apart() {
    let world = World::new();
    let (alice, bob) = (world.account("alice").await, world.account("bob").await);
    let mine = world.upload(&alice, "shared").await;
    let theirs = world.upload(&bob, "shared").await;
    assert_eq!(mine, theirs);
    world.post(&alice, "one", vec![mine.clone()]).await;
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 1);
    assert!(world.is_served(&alice, mine.cid).await);
    assert!(!world.is_served(&bob, mine.cid).await);
}

#[tokio::test]
async fn a_blob_that_a_record_waits_for_is_permanent_at_once() {
    let world = World::new();
    let alice = world.account("alice").await;
    let awaited = Cid::raw_of(b"awaited");
    world.refer(&alice, "com.example.post/imported", awaited).await;
    let missing = world.store.list_missing_blobs(alice.id, None, 10).await.unwrap();
    assert_eq!(missing[0].record_path, "com.example.post/imported");
    let counts = world.store.blob_counts(alice.id).await.unwrap();
    assert_eq!(counts, BlobCounts { expected: 1, imported: 0 });
    assert_eq!(world.store.list_blobs(alice.id, None, None, 10).await.unwrap(), [awaited]);

    world.upload(&alice, "awaited").await;
    assert!(world.is_served(&alice, awaited).await);
    assert!(world.store.list_missing_blobs(alice.id, None, 10).await.unwrap().is_empty());
    let counts = world.store.blob_counts(alice.id).await.unwrap();
    assert_eq!(counts, BlobCounts { expected: 1, imported: 1 });
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn references_are_settled_after_an_import() {
    let world = World::new();
    let alice = world.account("alice").await;
    let (early, gone) = (world.upload(&alice, "early").await, world.upload(&alice, "gone").await);
    world.post(&alice, "one", vec![gone.clone()]).await;
    world.refer(&alice, "com.example.post/imported", early.cid).await;
    world.unrefer(&alice, gone.cid).await;
    let id = alice.id;
    world
        .store
        .write_tx(move |tx| {
            let repo = current_repo(tx, id)?;
            settle_references(tx, id, repo)
        })
        .await
        .unwrap();
    assert!(world.is_served(&alice, early.cid).await);
    assert!(!world.is_served(&alice, gone.cid).await);
    assert_eq!(world.store.collect_blobs(NOW).await.unwrap(), 1);
}

#[tokio::test]
async fn lists_go_in_pages_and_can_start_after_a_revision() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut cids = Vec::new();
    for text in ["a", "b", "c"] {
        let blob = world.upload(&alice, text).await;
        cids.push(blob.cid);
        world.post(&alice, text, vec![blob]).await;
    }
    let rev = world.rev(&alice).await;
    let late = world.upload(&alice, "late").await;
    world.post(&alice, "late", vec![late.clone()]).await;
    cids.push(late.cid);
    cids.sort_unstable_by_key(|cid| cid.to_bytes());

    let mut listed = Vec::new();
    loop {
        let page = world.store.list_blobs(alice.id, None, listed.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, cids);
    let since = world.store.list_blobs(alice.id, Some(rev), None, 10).await.unwrap();
    assert_eq!(since, [late.cid]);
}

#[tokio::test]
async fn files_without_a_row_are_swept_and_others_kept() {
    let world = World::new();
    let alice = world.account("alice").await;
    let kept = world.upload(&alice, "kept").await;
    let orphan = world.blob_path(&alice, &Cid::raw_of(b"orphan"));
    let young = world.blob_path(&alice, &Cid::raw_of(b"young"));
    let foreign = orphan.with_file_name("README");
    for path in [&orphan, &young, &foreign] {
        std::fs::write(path, "orphan").unwrap();
    }
    for path in [&orphan, &foreign, &world.blob_path(&alice, &kept.cid)] {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(7200)).unwrap();
    }
    assert_eq!(world.store.sweep_blob_files().await.unwrap(), 1);
    assert!(!orphan.exists());
    assert!(young.exists() && foreign.exists());
    assert!(world.blob_path(&alice, &kept.cid).exists());
}

#[tokio::test]
async fn a_check_finds_files_that_are_not_what_their_rows_say() {
    let world = World::new();
    let alice = world.account("alice").await;
    let (lost, cut, bent) = (
        world.upload(&alice, "lost").await,
        world.upload(&alice, "short").await,
        world.upload(&alice, "bent").await,
    );
    std::fs::remove_file(world.blob_path(&alice, &lost.cid)).unwrap();
    std::fs::write(world.blob_path(&alice, &cut.cid), "s").unwrap();
    std::fs::write(world.blob_path(&alice, &bent.cid), "bend").unwrap();
    let faults = |problems: Vec<BlobProblem>| {
        let mut faults: Vec<_> = problems.into_iter().map(|p| (p.cid, p.fault)).collect();
        faults.sort_unstable_by_key(|(cid, _)| cid.to_bytes());
        faults
    };
    let mut expected = vec![
        (lost.cid, BlobFault::MissingFile),
        (cut.cid, BlobFault::WrongSize { expected: 5, found: 1 }),
        (bent.cid, BlobFault::WrongContent),
    ];
    expected.sort_unstable_by_key(|(cid, _)| cid.to_bytes());
    assert_eq!(faults(world.store.check_blobs(alice.id, true).await.unwrap()), expected);
    expected.retain(|(_, fault)| *fault != BlobFault::WrongContent);
    assert_eq!(faults(world.store.check_blobs(alice.id, false).await.unwrap()), expected);

    world.upload(&alice, "lost").await;
    world.upload(&alice, "short").await;
    world.upload(&alice, "bent").await;
    assert!(world.store.check_blobs(alice.id, true).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_collections_at_once_never_part_a_row_from_its_file() {
    let world = World::new();
    let alice = world.account("alice").await;
    let uploads: Vec<_> = (0..4)
        .map(|_| {
            let (store, id) = (world.store.clone(), alice.id);
            tokio::spawn(async move {
                for i in 0..40 {
                    let mut upload = store.upload_blob(id, LIMIT).await.unwrap();
                    upload.write(Bytes::from(format!("blob {}", i % 5))).await.unwrap();
                    upload.finish(None).await.unwrap();
                }
            })
        })
        .collect();
    while !uploads.iter().all(tokio::task::JoinHandle::is_finished) {
        world.store.collect_blobs(NOW).await.unwrap();
        assert!(world.store.check_blobs(alice.id, false).await.unwrap().is_empty());
    }
    for upload in uploads {
        upload.await.unwrap();
    }
}

/// A removal holds the gate and needs a blocking thread; uploads that wait for the gate must leave it
/// one.
#[test]
fn uploads_that_wait_for_a_removal_hold_no_thread() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new();
        let alice = world.account("alice").await;
        let removal = world.store.blob_folder().gate().clone().write_owned().await;
        let mut upload = world.store.upload_blob(alice.id, LIMIT).await.unwrap();
        upload.write(Bytes::from_static(b"waits")).await.unwrap();
        let upload = tokio::spawn(upload.finish(None));
        while world.temp_files() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = tokio::task::spawn_blocking(move || drop(removal));
        tokio::time::timeout(Duration::from_secs(20), other).await.unwrap().unwrap();
        assert_eq!(upload.await.unwrap().unwrap().cid, Cid::raw_of(b"waits"));
    });
}

impl World {
    /// Adds a reference as an import does: whether or not the blob is here.
    async fn refer(&self, account: &Account, path: &'static str, cid: Cid) {
        let id = account.id;
        self.store
            .write_tx(move |tx| {
                let repo = current_repo(tx, id)?;
                tx.execute(
                    "INSERT INTO blob_ref (repo, path, cid) VALUES (?1, ?2, ?3)",
                    (repo.0, path, cid.to_bytes()),
                )?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    async fn unrefer(&self, account: &Account, cid: Cid) {
        let id = account.id;
        self.store
            .write_tx(move |tx| {
                let repo = current_repo(tx, id)?;
                tx.execute(
                    "DELETE FROM blob_ref WHERE repo = ?1 AND cid = ?2",
                    (repo.0, cid.to_bytes()),
                )?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    async fn rev(&self, account: &Account) -> cairn_model::Tid {
        self.store.head(account.id).await.unwrap().unwrap().rev
    }
}

fn current_repo(conn: &rusqlite::Connection, id: AccountId) -> Result<RepoId, StoreError> {
    Ok(RepoId(conn.query_row(
        "SELECT id FROM repo WHERE account = ?1 AND state = 1",
        [id.get()],
        |row| row.get(0),
    )?))
}
