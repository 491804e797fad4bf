//! The writer's promises, with jobs that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use rusqlite::Connection;

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
