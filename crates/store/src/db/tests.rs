//! The writer's promises, with jobs that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use rusqlite::Connection;

use crate::accounts::testing::World;
use crate::db::reader::in_snapshot;
use crate::{Store, StoreConfig, StoreError};

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(dir.path())).unwrap();
    (dir, store)
}

fn insert(conn: &Connection, account: i64) -> Result<(), StoreError> {
    conn.execute("INSERT INTO event_purge (account, seq) VALUES (?1, 0)", [account])?;
    Ok(())
}

async fn stored(store: &Store) -> Vec<i64> {
    store
        .read(|tx| {
            let mut statement = tx.prepare("SELECT account FROM event_purge ORDER BY account")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap()
}

/// Jobs of one batch, some of which fail after they changed rows or panic: only they fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_spoils_its_batch_fails_alone() {
    let (_dir, store) = open();
    let (release, held) = mpsc::channel::<()>();
    // Keeps the writer busy until the others have queued up behind it.
    let blocker = {
        let store = store.clone();
        let held = std::sync::Mutex::new(held);
        tokio::spawn(async move {
            store
                .write_tx(move |_| {
                    let _ = held.lock().unwrap().recv();
                    Ok::<_, StoreError>(())
                })
                .await
        })
    };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let runs = Arc::new(AtomicU32::new(0));
    let mut jobs = Vec::new();
    for account in 1..=6i64 {
        let (store, runs) = (store.clone(), Arc::clone(&runs));
        jobs.push(tokio::spawn(async move {
            store
                .write_tx(move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    // Refused before it changes anything.
                    if account == 5 {
                        return Err(StoreError::Contended);
                    }
                    insert(tx, account)?;
                    match account {
                        3 => Err(StoreError::Contended),
                        4 => panic!("on purpose"),
                        _ => Ok(account),
                    }
                })
                .await
        }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(release);
    let mut results = Vec::new();
    for job in jobs {
        results.push(job.await.unwrap());
    }
    assert!(matches!(
        results.as_slice(),
        [
            Ok(1),
            Ok(2),
            Err(StoreError::Contended),
            Err(StoreError::Defect),
            Err(StoreError::Contended),
            Ok(6)
        ]
    ));
    blocker.await.unwrap().unwrap();
    assert_eq!(stored(&store).await, [1, 2, 6]);
    assert!(runs.load(Ordering::Relaxed) > 6, "the batch ran again");
    store.close().await;
}

#[tokio::test]
async fn a_read_that_panics_is_an_error_for_its_caller_alone() {
    let (_dir, store) = open();
    for _ in 0..20 {
        let read = store.read(|_| -> Result<(), StoreError> { panic!("on purpose") }).await;
        assert!(matches!(read, Err(StoreError::Defect)));
    }
    assert_eq!(stored(&store).await, [0i64; 0]);
    store.close().await;
}

#[test]
fn a_panic_ends_the_snapshot_in_which_it_happens() {
    let conn = Connection::open_in_memory().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        in_snapshot(&conn, |_| -> Result<(), StoreError> { panic!("on purpose") })
    }));
    assert!(panicked.is_err() && conn.is_autocommit());
    in_snapshot(&conn, |_| Ok::<_, StoreError>(())).unwrap();
}

/// A long read pins the log; writes go on, and the log is begun anew once the read has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = StoreConfig::new(dir.path());
    config.tuning.checkpoint_pages = 20;
    config.tuning.log_limit_pages = 200;
    let store = Store::open(config).unwrap();
    for account in 0..2_000 {
        store.write_tx(move |tx| insert(tx, account)).await.unwrap();
    }
    let log = std::fs::metadata(dir.path().join("cairn.sqlite-wal")).unwrap().len();
    assert!(log < 8192 * 1_000, "{log} bytes");
    store.close().await;
}

/// A database from before the counters gets them right.
#[tokio::test]
async fn what_existing_accounts_have_is_counted_by_the_migrations() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut upload = world.store.upload_blob(alice.id, 100).await.unwrap();
    upload.write(bytes::Bytes::from_static(b"a blob")).await.unwrap();
    upload.finish(None).await.unwrap();
    for i in 0..40 {
        world.post(&alice, &format!("post{i}"), Vec::new()).await;
    }
    let before = world.store.usage(alice.id).await.unwrap();
    world.store.close().await;
    let conn = Connection::open(world.folder.path().join("cairn.sqlite")).unwrap();
    conn.execute_batch(
        "DROP INDEX account_blob_bytes;
         DROP TRIGGER blob_added; DROP TRIGGER blob_removed; DROP TRIGGER blob_resized;
         ALTER TABLE repo DROP COLUMN record_bytes; ALTER TABLE repo DROP COLUMN node_bytes;
         ALTER TABLE repo DROP COLUMN record_count;
         ALTER TABLE account DROP COLUMN blob_bytes; ALTER TABLE account DROP COLUMN blob_quota;
         ALTER TABLE account DROP COLUMN repo_quota;",
    )
    .unwrap();
    conn.execute_batch(include_str!("../../migrations/013_usage.sql")).unwrap();
    conn.execute_batch(include_str!("../../migrations/021_record_count.sql")).unwrap();
    drop(conn);
    let world = world.reopen().await;
    assert_eq!(world.store.usage(alice.id).await.unwrap(), before);
    assert!(before.record_bytes > 0 && before.node_bytes > 0);
    assert_eq!(before.temporary_blobs.bytes, 6);
    assert_eq!(world.store.record_count(alice.id).await.unwrap(), 40);
    assert_eq!(world.store.verify(None).await.unwrap().problems, []);
}
