//! Workers whose rows are damaged or change under them.

mod damage;

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use cairn_model::{RepoPath, Value};
use tokio::task::JoinHandle;

use super::*;
use crate::StoreError;
use crate::accounts::testing::World;
use crate::{Account, Store, WriteTx};

async fn write(
    store: &Store,
    account: &Account,
    at: &str,
    action: WriteAction,
) -> Result<WriteOutcome, WriteError> {
    let path = RepoPath::parse(at).unwrap();
    let writes = vec![RecordWrite { path, action }];
    let account = account.did.clone();
    store.write(WriteRequest { account, writes, swap_commit: None, dedupe: false }).await
}

fn create(text: &str) -> WriteAction {
    WriteAction::Create(NewRecord::new(&Value::String(text.to_owned()), Vec::new()))
}

#[tokio::test]
async fn damaged_nodes_are_reported_as_damage() {
    let world = World::new();
    let alice = world.account("alice").await;
    world.post(&alice, "one", Vec::new()).await;
    let world = world.reopen().await;
    world
        .store
        .write_tx(|tx| {
            tx.execute("UPDATE tree SET cid = zeroblob(32) WHERE layer < 255", [])?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    for _ in 0..2 {
        let refused = write(&world.store, &alice, "com.example.post/two", create("two")).await;
        assert!(
            matches!(refused, Err(WriteError::Store(StoreError::Damaged { what: "tree" }))),
            "{refused:?}"
        );
    }
}

/// Starts `work` and lets it queue.
async fn begin<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task = tokio::spawn(work);
    tokio::time::sleep(Duration::from_millis(150)).await;
    task
}

/// The answer waits for a commit, and the account's end stands between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_behind_commits_is_of_the_state_that_is_stored_then() {
    let world = World::new();
    let alice = world.account("alice").await;
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let store = world.store.clone();
    let blocker = begin(async move {
        let wait = move |_: &mut WriteTx<'_>| {
            let _ = held.lock().unwrap().recv();
            Ok::<_, StoreError>(())
        };
        store.write_tx(wait).await
    })
    .await;
    let (store, account) = (world.store.clone(), alice.clone());
    let first = begin(async move {
        write(&store, &account, "com.example.post/one", create("one")).await.map(drop)
    })
    .await;
    let (store, account) = (world.store.clone(), alice.id);
    let end = begin(async move { store.deactivate(account, None).await.map(drop) }).await;
    let (store, account) = (world.store.clone(), alice.clone());
    let nothing = begin(async move {
        let delete = WriteAction::Delete { swap: None, must_exist: false };
        write(&store, &account, "com.example.post/none", delete).await.map(drop)
    })
    .await;
    drop(release);
    blocker.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
    end.await.unwrap().unwrap();
    let refused = nothing.await.unwrap();
    assert!(matches!(refused, Err(WriteError::Inactive(_))), "{refused:?}");
}
