//! A repository that changes without its worker: what the worker has in memory answers nobody.

use cairn_model::Cid;
use cairn_store::{WriteError, WriteOutcome, WriteRequest};

use crate::export::import;
use crate::support::{Repo, World, create, delete, note, put};

const AT: &str = "com.example.note/one";

async fn write_at(repo: &Repo<'_>, commit: Cid, text: &str) -> Result<WriteOutcome, WriteError> {
    let request = repo.request(vec![put(AT, note(text))]);
    repo.world.store.write(WriteRequest { swap_commit: Some(commit), ..request }).await
}

#[tokio::test]
async fn a_record_that_an_import_brought_back_is_deleted() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create(AT, "old").await.unwrap();
    let backup = alice.export().await;
    alice.delete(AT).await.unwrap();
    import(&alice, &alice, &backup).await.unwrap();
    let outcome = alice.write(vec![delete(AT, false)]).await.unwrap();
    assert!(outcome.commit.is_some());
    assert_eq!(alice.text(AT).await, None);

    import(&alice, &alice, &backup).await.unwrap();
    alice.delete(AT).await.unwrap();
    assert_eq!(alice.text(AT).await, None);
    world.finish().await;
}

#[tokio::test]
async fn a_record_that_an_import_took_back_is_written() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create(AT, "old").await.unwrap();
    let backup = alice.export().await;
    alice.write(vec![put(AT, note("new"))]).await.unwrap();
    import(&alice, &alice, &backup).await.unwrap();
    let outcome = alice.write(vec![put(AT, note("new"))]).await.unwrap();
    assert!(outcome.commit.is_some());
    assert_eq!(alice.text(AT).await.as_deref(), Some("new"));
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_is_of_the_repository_as_it_is() {
    let world = World::new();
    let alice = world.account("alice").await;
    let empty = alice.export().await;
    alice.create(AT, "old").await.unwrap();
    import(&alice, &alice, &empty).await.unwrap();
    alice.write(vec![create(AT, note("again"))]).await.unwrap();
    world.finish().await;
}

#[tokio::test]
async fn a_swap_is_with_the_head_that_readers_see() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create(AT, "old").await.unwrap();
    world.store.recommit(&alice.did).await.unwrap();
    write_at(&alice, alice.head().await.commit, "signed anew").await.unwrap();

    world.store.deactivate(&alice.did, None).await.unwrap();
    world.store.activate(&alice.did).await.unwrap();
    let current = alice.head().await.commit;
    write_at(&alice, current, "back again").await.unwrap();

    let late = write_at(&alice, current, "too late").await;
    let now = alice.head().await.commit;
    assert!(
        matches!(&late, Err(WriteError::InvalidSwapCommit { current }) if *current == now),
        "{late:?}"
    );
    assert_eq!(alice.text(AT).await.as_deref(), Some("back again"));
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_may_not_write_is_not_told_that_nothing_had_to_change() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create(AT, "old").await.unwrap();
    world.store.deactivate(&alice.did, None).await.unwrap();
    let refused = alice.write(vec![delete("com.example.note/none", false)]).await;
    assert!(matches!(refused, Err(WriteError::Inactive(_))), "{refused:?}");
    world.finish().await;
}
