//! The event log.

use std::sync::Arc;
use std::time::Duration;

use cairn_identity::{Clock, TestClock};
use cairn_repo::frame::Event;

use crate::support::World;

#[tokio::test]
async fn live_subscribers_get_every_event_in_order() {
    let world = World::new();
    let alice = world.account("alice").await;
    let mut live = world.store.events().subscribe(None);
    for i in 0..20 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    let mut seqs = Vec::new();
    while seqs.len() < 20 {
        seqs.extend(live.next_batch().await.unwrap().iter().map(|event| event.seq));
    }
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(seqs.last(), Some(&world.store.events().head_seq()));
    assert_eq!(live.lag(), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_subscriber_that_is_behind_the_ring_reads_the_table_and_catches_up() {
    let world = World::with(|config| config.tuning.ring_events = 8);
    let alice = world.account("alice").await;
    for i in 0..100 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    let mut subscription = world.store.events().subscribe(Some(0));
    let mut count = 0;
    while subscription.lag() > 0 {
        count += subscription.next_batch().await.unwrap().len();
    }
    // Four of the account, and the commits.
    assert_eq!(count, 104);
    alice.create("com.example.note/last", "x").await.unwrap();
    assert_eq!(subscription.next_batch().await.unwrap().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_cursor_continues_exactly_after_it() {
    let world = World::new();
    let alice = world.account("alice").await;
    for i in 0..10 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    let all = world.store.events().subscribe(Some(0)).next_batch().await.unwrap();
    for (at, event) in all.iter().enumerate().take(all.len() - 1) {
        let rest = world.store.events().subscribe(Some(event.seq)).next_batch().await.unwrap();
        assert_eq!(rest, all[at + 1..]);
    }
    world.finish().await;
}

#[tokio::test]
async fn sequence_numbers_follow_the_clock_and_never_go_back() {
    let clock = Arc::new(TestClock::new("2026-11-01T12:00:00Z".parse().unwrap()));
    let time = clock.now();
    let own = Arc::clone(&clock);
    let world = World::with(move |config| config.clock = own);
    let alice = world.account("alice").await;
    let first = world.store.events().head_seq();
    assert!(first >= time.as_microsecond() as u64);
    clock.set(time - Duration::from_secs(3600));
    alice.create("com.example.note/a", "x").await.unwrap();
    assert_eq!(world.store.events().head_seq(), first + 1);
    clock.set(time + Duration::from_secs(3600));
    alice.create("com.example.note/b", "x").await.unwrap();
    assert_eq!(world.store.events().head_seq(), clock.now().as_microsecond() as u64);
    world.finish().await;
}

#[tokio::test]
async fn old_events_go_and_the_newest_stays() {
    let clock = Arc::new(TestClock::new("2026-11-01T12:00:00Z".parse().unwrap()));
    let own = Arc::clone(&clock);
    let world = World::with(move |config| {
        config.clock = own;
        config.event_retention = Duration::from_secs(3600);
    });
    let alice = world.account("alice").await;
    for i in 0..10 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    let head = world.store.events().head_seq();
    clock.advance(Duration::from_secs(7200));
    world.store.sweep().await.unwrap();
    assert_eq!(world.store.events().oldest_seq(), head);
    assert_eq!(world.frames().await.len(), 1);
    let again = Arc::clone(&clock);
    let world = world.reopen(move |config| config.clock = again).await;
    assert_eq!(world.store.events().head_seq(), head);
    assert_eq!(world.store.events().oldest_seq(), head);
    world.store.verify(None).await.unwrap();
}

#[tokio::test]
async fn the_events_of_a_deleted_account_are_gone() {
    let world = World::new();
    let alice = world.account("alice").await;
    let bob = world.account("bob").await;
    for i in 0..5 {
        alice.create(&format!("com.example.note/{i}"), "x").await.unwrap();
        bob.create(&format!("com.example.note/{i}"), "x").await.unwrap();
    }
    world.store.delete_account(&alice.did).await.unwrap();
    let of_alice = |events: Vec<Event>| {
        events
            .into_iter()
            .filter(|event| match event {
                Event::Commit(body) => body.repo == alice.did,
                Event::Sync(body) => body.did == alice.did,
                Event::Identity(body) => body.did == alice.did,
                Event::Account(body) => body.did == alice.did,
                _ => false,
            })
            .collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let left = of_alice(world.events().await);
        let [Event::Account(body)] = left.as_slice() else { panic!("{left:?}") };
        assert_eq!((body.active, body.status.as_deref()), (false, Some("deleted")));
        world.store.sweep().await.unwrap();
    }
    assert!(world.store.account(&alice.did).await.unwrap().is_none());
    assert!(world.store.head(alice.id).await.unwrap().is_none());
    let again = world.account("alice").await;
    again.create("com.example.note/a", "anew").await.unwrap();
    world.finish().await;
}

#[tokio::test]
async fn subscriptions_end_when_the_store_closes() {
    let world = World::new();
    let mut live = world.store.events().subscribe(None);
    let waiting = tokio::spawn(async move { live.next_batch().await.is_err() });
    tokio::task::yield_now().await;
    world.store.close().await;
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn many_who_replay_and_take_nothing_hold_little_memory() {
    const MIB: usize = 1 << 20;
    let world = World::with(|config| config.tuning.ring_events = 1);
    let alice = world.account("alice").await;
    let text = "x".repeat(16 << 10);
    for i in 0..100 {
        alice.create(&format!("com.example.note/{i}"), &text).await.unwrap();
    }
    let log = world.store.events();
    let (mut subscriptions, mut held) = (Vec::new(), Vec::new());
    for _ in 0..1_000 {
        let mut subscription = log.subscribe(Some(0));
        held.push(subscription.next_batch().await.unwrap());
        subscriptions.push(subscription);
    }
    let size = |batch: &[Arc<cairn_store::Event>]| -> usize {
        batch.iter().map(|event| event.frame.len()).sum()
    };
    let all: usize = held.iter().map(|batch| size(batch)).sum();
    assert!(all < 320 * MIB, "{all}");
    assert!(size(&held[0]) >= MIB);
    drop((subscriptions, held));
    let alone = log.subscribe(Some(0)).next_batch().await.unwrap();
    assert!(size(&alone) >= MIB);
    world.finish().await;
}
