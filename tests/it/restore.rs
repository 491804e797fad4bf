//! The clock goes back, or an older copy of the data folder is put in place: consumers must be able to follow on.

use std::time::Duration;

use cairn_identity::Clock;
use cairn_repo::frame::Event;
use cairn_tests::TestPds;
use jiff::SignedDuration;

#[tokio::test]
async fn a_clock_that_goes_back_takes_neither_sequence_nor_revs_with_it() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("first").await;
    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;

    let clock = pds.world.clock().clone();
    // Tokens are not valid before they are issued, but an hour's difference is none of the repository's business.
    let earlier = clock.now().saturating_sub(SignedDuration::from_hours(1)).unwrap();
    clock.set(earlier);
    alice.post("second").await;
    follower.until(&alice.did, &alice.head().await.rev).await;

    pds.restart().await;
    follower.reconnect(&pds.anyone.base).await;
    alice.post("third").await;
    let bobby = pds.account("bobby").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.until(&bobby.did, &bobby.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn an_older_copy_of_the_data_goes_on_above_what_consumers_have_seen() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("kept").await;
    let copy = pds.copy().await;
    pds.world.clock().advance(Duration::from_secs(60));
    let mut firehose = pds.firehose().await;
    for n in 0..20 {
        alice.post(&format!("lost {n}")).await;
    }
    let lost = alice.head().await;
    let mut seen = 0;
    for _ in 0..20 {
        let Event::Commit(commit) = firehose.event().await else { panic!("not a commit") };
        seen = commit.seq;
    }

    pds.world.clock().advance(Duration::from_secs(60));
    pds.put_back(&copy).await;
    assert_eq!(alice.repo().await.records.len(), 1);
    // A relay that comes back with its cursor waits for what is new, and gets it.
    let mut firehose = pds.firehose_from(seen).await;
    alice.post("new").await;
    let Event::Commit(commit) = firehose.event().await else { panic!("not a commit") };
    assert!(commit.seq > seen);
    assert!(commit.rev.to_string() > lost.rev);
    assert_eq!(alice.head().await.rev, commit.rev.to_string());
}
