//! What writes do to one repository.

use cairn_model::{Cid, Map, Value};
use cairn_repo::frame::{Action, Event};
use cairn_store::{NewRecord, RecordWrite, WriteAction, WriteError, WriteRequest};

use crate::support::{World, create, delete, note, path, put, put_if, record, update};

#[tokio::test]
async fn records_are_created_read_updated_and_deleted() {
    let world = World::new();
    let alice = world.account("alice").await;
    let outcome = alice.create("com.example.note/a", "one").await.unwrap();
    assert_eq!(outcome.results[0].action, Action::Create);
    assert_eq!(alice.text("com.example.note/a").await.as_deref(), Some("one"));
    assert_eq!(outcome.commit.unwrap().cid, alice.head().await.commit);

    let first = alice.head().await;
    alice.write(vec![update("com.example.note/a", note("two"))]).await.unwrap();
    assert_eq!(alice.text("com.example.note/a").await.as_deref(), Some("two"));
    assert!(alice.head().await.rev > first.rev);

    alice.delete("com.example.note/a").await.unwrap();
    assert_eq!(alice.text("com.example.note/a").await, None);
    world.finish().await;
}

#[tokio::test]
async fn the_empty_tree_is_reached_and_left_again() {
    let world = World::new();
    let alice = world.account("alice").await;
    let empty = alice.head().await.data;
    for _ in 0..3 {
        alice.create("com.example.note/a", "one").await.unwrap();
        assert_ne!(alice.head().await.data, empty);
        alice.delete("com.example.note/a").await.unwrap();
        assert_eq!(alice.head().await.data, empty);
    }
    world.finish().await;
}

#[tokio::test]
async fn creates_of_existing_and_changes_of_missing_records_are_refused_and_change_nothing() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create("com.example.note/a", "one").await.unwrap();
    let before = alice.head().await;

    let taken = alice.write(vec![
        create("com.example.note/b", note("b")),
        create("com.example.note/a", note("x")),
    ]);
    assert!(matches!(taken.await, Err(WriteError::RecordExists { path }) if path.rkey() == "a"));
    let missing = alice.write(vec![update("com.example.note/z", note("x"))]).await;
    assert!(matches!(missing, Err(WriteError::RecordMissing { .. })));
    assert!(matches!(
        alice.delete("com.example.note/z").await,
        Err(WriteError::RecordMissing { .. })
    ));

    assert_eq!(alice.head().await, before);
    assert_eq!(alice.text("com.example.note/b").await, None);
    assert_eq!(alice.text("com.example.note/a").await.as_deref(), Some("one"));
    world.finish().await;
}

#[tokio::test]
async fn deleting_what_is_missing_is_no_commit_where_that_is_asked_for() {
    let world = World::new();
    let alice = world.account("alice").await;
    let before = alice.head().await;
    let outcome = alice.write(vec![delete("com.example.note/z", false)]).await.unwrap();
    assert_eq!(outcome.commit, None);
    assert_eq!(alice.head().await, before);
    world.finish().await;
}

#[tokio::test]
async fn a_put_creates_updates_or_does_nothing() {
    let world = World::new();
    let alice = world.account("alice").await;
    let created = alice.write(vec![put("com.example.note/self", note("one"))]).await.unwrap();
    assert_eq!(created.results[0].action, Action::Create);
    let updated = alice.write(vec![put("com.example.note/self", note("two"))]).await.unwrap();
    assert_eq!(updated.results[0].action, Action::Update);
    let before = alice.head().await;
    let same = alice.write(vec![put("com.example.note/self", note("two"))]).await.unwrap();
    assert_eq!(same.commit, None);
    assert_eq!(same.results[0].cid, Some(note("two").cid));
    assert_eq!(alice.head().await, before);
    world.finish().await;
}

#[tokio::test]
async fn swaps_compare_with_the_current_state() {
    let world = World::new();
    let alice = world.account("alice").await;
    let stale = alice.head().await.commit;
    alice.create("com.example.note/a", "one").await.unwrap();
    let current = alice.head().await.commit;

    let request = |swap_commit| WriteRequest {
        swap_commit: Some(swap_commit),
        ..alice.request(vec![create("com.example.note/b", note("b"))])
    };
    let refused = world.store.write(request(stale)).await;
    assert!(matches!(refused, Err(WriteError::InvalidSwapCommit { current: at }) if at == current));
    world.store.write(request(current)).await.unwrap();

    let absent = alice.write(vec![put_if("com.example.note/a", note("x"), None)]).await;
    assert!(matches!(absent, Err(WriteError::InvalidSwapRecord { current: Some(_), .. })));
    let other = Cid::cbor_of(b"other");
    let wrong = alice.write(vec![put_if("com.example.note/a", note("x"), Some(other))]).await;
    assert!(matches!(wrong, Err(WriteError::InvalidSwapRecord { .. })));
    let right = note("one").cid;
    alice.write(vec![put_if("com.example.note/a", note("x"), Some(right))]).await.unwrap();
    alice.write(vec![put_if("com.example.note/new", note("x"), None)]).await.unwrap();

    let swap = Some(Some(right));
    let gone = RecordWrite {
        path: path("com.example.note/a"),
        action: WriteAction::Delete { swap, must_exist: true },
    };
    assert!(matches!(alice.write(vec![gone]).await, Err(WriteError::InvalidSwapRecord { .. })));
    world.finish().await;
}

#[tokio::test]
async fn several_writes_of_one_path_become_one_operation() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create("com.example.note/old", "old").await.unwrap();
    alice
        .write(vec![
            create("com.example.note/b", note("b")),
            // Comes and goes.
            create("com.example.note/gone", note("gone")),
            delete("com.example.note/gone", true),
            // A create.
            create("com.example.note/a", note("1")),
            update("com.example.note/a", note("2")),
            // An update.
            delete("com.example.note/old", true),
            create("com.example.note/old", note("new")),
        ])
        .await
        .unwrap();
    let events = world.events().await;
    let Some(Event::Commit(commit)) = events.last() else { panic!("not a commit") };
    let ops: Vec<_> = commit.ops.iter().map(|op| (op.action, op.path.rkey())).collect();
    assert_eq!(ops, [(Action::Create, "b"), (Action::Create, "a"), (Action::Update, "old")]);
    assert_eq!(commit.ops[2].prev, Some(note("old").cid));
    assert_eq!(alice.text("com.example.note/a").await.as_deref(), Some("2"));
    assert_eq!(alice.text("com.example.note/old").await.as_deref(), Some("new"));
    assert_eq!(alice.text("com.example.note/gone").await, None);

    let nothing = vec![create("com.example.note/x", note("x")), delete("com.example.note/x", true)];
    assert_eq!(alice.write(nothing).await.unwrap().commit, None);
    world.finish().await;
}

#[tokio::test]
async fn two_records_with_equal_bytes_live_and_die_apart() {
    let world = World::new();
    let alice = world.account("alice").await;
    alice.create("com.example.note/a", "same").await.unwrap();
    alice.create("com.example.note/b", "same").await.unwrap();
    alice.delete("com.example.note/a").await.unwrap();
    assert_eq!(alice.text("com.example.note/b").await.as_deref(), Some("same"));
    let car = alice.export().await;
    let (_, blocks) = cairn_repo::BlockMap::from_car(&car).unwrap();
    assert!(blocks.get(&note("same").cid).is_some());
    world.finish().await;
}

#[tokio::test]
async fn a_batch_of_two_hundred_is_one_commit_and_more_are_refused() {
    let world = World::new();
    let alice = world.account("alice").await;
    let batch = |n: usize| -> Vec<_> {
        (0..n).map(|i| create(&format!("com.example.note/k{i:05}"), note(&i.to_string()))).collect()
    };
    assert!(matches!(alice.write(batch(201)).await, Err(WriteError::TooMany { count: 201 })));
    let outcome = alice.write(batch(200)).await.unwrap();
    assert_eq!(outcome.results.len(), 200);
    let deletes: Vec<_> =
        (0..200).map(|i| delete(&format!("com.example.note/k{i:05}"), true)).collect();
    alice.write(deletes).await.unwrap();
    assert_eq!(world.store.record_count(alice.id).await.unwrap(), 0);
    world.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_into_an_event_is_refused_and_the_repository_goes_on() {
    let world = World::new();
    let alice = world.account("alice").await;
    let big = |n: usize| note(&"x".repeat(n));
    let huge = alice.write(vec![create("com.example.note/a", big(1_000_001))]).await;
    assert!(matches!(huge, Err(WriteError::RecordTooLarge { .. })));
    // By the records alone, and only with what comes to them.
    for size in [999_000, 666_600] {
        let three: Vec<_> =
            (0..3).map(|i| create(&format!("com.example.note/{i}"), big(size + i))).collect();
        let refused = alice.write(three).await;
        assert!(matches!(refused, Err(WriteError::TooLarge { .. })), "{size}: {refused:?}");
    }
    alice.create("com.example.note/b", "small").await.unwrap();
    assert_eq!(world.store.record_count(alice.id).await.unwrap(), 1);
    world.finish().await;
}

#[tokio::test]
async fn writes_to_unknown_and_inactive_accounts_are_refused() {
    let world = World::new();
    let alice = world.account("alice").await;
    let request = WriteRequest {
        account: crate::support::did("nobody"),
        ..alice.request(vec![create("com.example.note/a", note("a"))])
    };
    assert!(matches!(world.store.write(request).await, Err(WriteError::NoAccount)));
    alice.create("com.example.note/a", "a").await.unwrap();
    world.store.deactivate(&alice.did, None).await.unwrap();
    assert!(matches!(alice.create("com.example.note/b", "b").await, Err(WriteError::Inactive(_))));
    world.store.activate(&alice.did).await.unwrap();
    alice.create("com.example.note/b", "b").await.unwrap();
    world.finish().await;
}

fn like(target: &str) -> NewRecord {
    let subject = Value::from(Map::from_iter([("uri", target), ("cid", "bafy")]));
    record(Value::from(Map::from_iter([
        ("$type", Value::from("app.bsky.feed.like")),
        ("subject", subject),
    ])))
}

#[tokio::test]
async fn a_second_like_takes_the_place_of_the_first_in_the_same_commit() {
    let world = World::new();
    let alice = world.account("alice").await;
    let dedupe = |rkey: &str, target: &str| WriteRequest {
        dedupe: true,
        ..alice.request(vec![create(&format!("app.bsky.feed.like/{rkey}"), like(target))])
    };
    world.store.write(dedupe("a", "at://x/y/1")).await.unwrap();
    world.store.write(dedupe("b", "at://x/y/2")).await.unwrap();
    world.store.write(dedupe("c", "at://x/y/1")).await.unwrap();
    let Some(Event::Commit(commit)) = world.events().await.pop() else { panic!("not a commit") };
    let ops: Vec<_> = commit.ops.iter().map(|op| (op.action, op.path.rkey())).collect();
    assert_eq!(ops, [(Action::Delete, "a"), (Action::Create, "c")]);

    // Without the rule both stay; with it, several at once go.
    alice.write(vec![create("app.bsky.feed.like/d", like("at://x/y/1"))]).await.unwrap();
    let all =
        futures(["e", "f", "g", "h"].map(|rkey| world.store.write(dedupe(rkey, "at://x/y/1"))));
    for outcome in all.await {
        outcome.unwrap();
    }
    assert_eq!(world.store.record_count(alice.id).await.unwrap(), 2);
    world.finish().await;
}

async fn futures<T, F: Future<Output = T>, const N: usize>(all: [F; N]) -> Vec<T> {
    let mut results = Vec::new();
    let mut pending: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    results
}
