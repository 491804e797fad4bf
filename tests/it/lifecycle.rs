//! Accounts come, rest, and go; consumers are told in the right order.

use std::time::Duration;

use cairn_identity::Clock;
use cairn_tests::{PASSWORD, TestAccount, TestPds, post};
use jiff::SignedDuration;
use serde_json::json;

const DEACTIVATE: &str = "com.atproto.server.deactivateAccount";
const ACTIVATE: &str = "com.atproto.server.activateAccount";

#[tokio::test]
async fn a_new_account_is_announced_in_order() {
    let pds = TestPds::start().await;
    let mut firehose = pds.firehose().await;
    pds.account("alice").await;
    assert_eq!(
        firehose.names(4).await,
        ["identity alice.test", "account active", "empty commit", "sync"]
    );
}

#[tokio::test]
async fn a_deactivated_account_is_hidden_from_all_but_its_owner() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("hello").await;
    let mut follower = pds.follower().await;
    let mut firehose = pds.firehose().await;
    alice.call(DEACTIVATE, json!({})).await.ok();
    assert_eq!(firehose.names(1).await, ["account deactivated"]);

    let did = alice.did.as_str();
    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await, (400, "RepoDeactivated"));
    assert_eq!(
        pds.anyone.query("com.atproto.sync.getRepo", &[("did", did)]).await,
        (400, "RepoDeactivated")
    );
    let status = pds.anyone.query("com.atproto.sync.getRepoStatus", &[("did", did)]).await.ok();
    assert_eq!((&status["active"], &status["status"]), (&json!(false), &json!("deactivated")));
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!((&session["active"], &session["status"]), (&json!(false), &json!("deactivated")));
    assert_eq!(alice.create("app.bsky.feed.post", post("x")).await, (401, "AccountDeactivated"));
    // The owner signs in, reads everything, uploads, and keeps preferences.
    let again = alice.sign_in(&pds, PASSWORD).await;
    assert_eq!(again.repo().await.records.len(), 1);
    again.blob("text/plain", "x").await;

    again.poke(ACTIVATE).await.ok();
    assert_eq!(firehose.names(3).await, ["account active", "identity alice.test", "sync"]);
    alice.record("app.bsky.feed.post", &rkey).await.ok();
    alice.post("back again").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn the_date_of_deletion_must_be_a_date() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(
        alice.call(DEACTIVATE, json!({ "deleteAfter": "soon" })).await,
        (400, "InvalidRequest")
    );
    // What deletes at once takes more than a session.
    for soon in [SignedDuration::from_hours(-1_000_000), SignedDuration::from_hours(23)] {
        let soon = pds.world.clock().now().saturating_add(soon).unwrap();
        let refused = alice.call(DEACTIVATE, json!({ "deleteAfter": soon.to_string() })).await;
        assert_eq!(refused, (400, "InvalidRequest"));
        assert!(refused.message().contains("24 hours"), "{}", refused.message());
    }
    let later = pds.world.clock().now().saturating_add(SignedDuration::from_hours(25)).unwrap();
    alice.call(DEACTIVATE, json!({ "deleteAfter": later.to_string() })).await.ok();
    let told = async {
        loop {
            let mail = pds.mail().into_iter().find(|mail| mail.subject.contains("will be deleted"));
            if let Some(mail) = mail {
                return mail;
            }
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await.expect("alice is told");
    assert!(told.text.contains("activate it again"), "{}", told.text);
}

#[tokio::test]
async fn a_moderator_who_deactivates_changes_no_date_of_deletion() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let due = pds.world.clock().now().saturating_add(SignedDuration::from_hours(48)).unwrap();
    alice.call(DEACTIVATE, json!({ "deleteAfter": due.to_string() })).await.ok();
    let subject = json!({ "$type": "com.atproto.admin.defs#repoRef", "did": alice.did });
    let input = json!({ "subject": subject, "deactivated": { "applied": true } });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", input).await.ok();
    pds.world.clock().advance(Duration::from_secs(49 * 3_600));
    pds.restart().await;
    pds.follower().await.until_status(&alice.did, Some("deleted")).await;
}

#[tokio::test]
async fn an_account_is_deleted_when_its_date_has_come_and_it_is_still_deactivated() {
    let mut pds = TestPds::start().await;
    let gone = pds.account("gone").await;
    let back = pds.account("back").await;
    let held = pds.account("held").await;
    let due = pds.world.clock().now().saturating_add(SignedDuration::from_hours(48)).unwrap();
    for account in [&gone, &back, &held] {
        account.call(DEACTIVATE, json!({ "deleteAfter": due.to_string() })).await.ok();
    }
    back.poke(ACTIVATE).await.ok();
    let subject = json!({ "$type": "com.atproto.admin.defs#repoRef", "did": held.did });
    let takedown = json!({ "subject": subject, "takedown": { "applied": true } });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();

    pds.world.clock().advance(Duration::from_secs(47 * 3_600));
    pds.restart().await;
    let mut firehose = pds.firehose().await;
    pds.account("alice").await;
    assert_eq!(firehose.names(1).await, ["identity alice.test"]);

    pds.world.clock().advance(Duration::from_secs(2 * 3_600));
    pds.restart().await;
    let mut follower = pds.follower().await;
    follower.until_status(&gone.did, Some("deleted")).await;
    let status = async |account: &TestAccount| {
        let did = [("did", account.did.as_str())];
        pds.anyone.query("com.atproto.sync.getRepoStatus", &did).await
    };
    assert_eq!(status(&gone).await, (400, "RepoNotFound"));
    assert_eq!(status(&back).await.ok()["active"], true);
    assert_eq!(status(&held).await.ok()["status"], "takendown");
}

#[tokio::test]
async fn an_account_is_deleted_with_password_and_mailed_code() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    alice.post("soon gone").await;
    let blob = alice.blob("text/plain", "x").await;
    alice.create("com.example.file", json!({ "file": blob })).await.ok();
    let delete = "com.atproto.server.deleteAccount";
    let input = |password: &str, token: &str| json!({ "did": alice.did, "password": password, "token": token });
    assert_eq!(
        pds.anyone.call(delete, input(PASSWORD, "AAAAA-BBBBB")).await,
        (400, "InvalidToken")
    );
    alice.poke("com.atproto.server.requestAccountDelete").await.ok();
    let token = pds.mailed_code("alice@mail.test");
    assert_eq!(
        pds.anyone.call(delete, input("wrong", &token)).await,
        (401, "AuthenticationRequired")
    );
    let of_bob = json!({ "did": bob.did, "password": PASSWORD, "token": token });
    assert_eq!(pds.anyone.call(delete, of_bob).await, (400, "InvalidToken"));

    let mut firehose = pds.firehose().await;
    pds.anyone.call(delete, input(PASSWORD, &token)).await.ok();
    assert_eq!(firehose.names(1).await, ["account deleted"]);
    assert_eq!(alice.query("com.atproto.server.getSession", &[]).await, (403, "AccountNotFound"));
    assert_eq!(
        pds.anyone.query("com.atproto.sync.getRepo", &[("did", alice.did.as_str())]).await,
        (400, "RepoNotFound")
    );
    let sign_in = json!({ "identifier": "alice.test", "password": PASSWORD });
    assert_eq!(
        pds.anyone.call("com.atproto.server.createSession", sign_in).await,
        (401, "AuthenticationRequired")
    );

    // Who comes later sees only that it is gone, and the name is free.
    let mut follower = pds.follower().await;
    follower.until_status(&alice.did, Some("deleted")).await;
    pds.account("alice").await;
    bob.post("still here").await;
    follower.until(&bob.did, &bob.head().await.rev).await;
}

#[tokio::test]
async fn account_status_tells_how_far_a_migration_is() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for n in 0..10 {
        alice.post(&format!("post {n}")).await;
    }
    let blob = alice.blob("text/plain", "x").await;
    alice.create("com.example.file", json!({ "file": blob })).await.ok();
    let head = alice.head().await;
    let status = alice.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!(status["activated"], true);
    assert_eq!(status["validDid"], true);
    assert_eq!(status["repoCommit"], head.cid);
    assert_eq!(status["repoRev"], head.rev);
    assert_eq!(status["indexedRecords"], 11);
    assert!(status["repoBlocks"].as_u64().unwrap() > 11, "{status}");
    assert_eq!((&status["expectedBlobs"], &status["importedBlobs"]), (&json!(1), &json!(1)));
    assert_eq!(status["privateStateValues"], 0);
}

#[tokio::test]
async fn everything_is_followed_over_restarts() {
    let mut pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let mut follower = pds.follower().await;
    for n in 0..5 {
        alice.post(&format!("a{n}")).await;
        bob.post(&format!("b{n}")).await;
    }
    follower.until(&bob.did, &bob.head().await.rev).await;
    pds.restart().await;
    alice.post("after").await;
    bob.call(DEACTIVATE, json!({})).await.ok();
    follower.reconnect(&pds.anyone.base).await;
    follower.until_status(&bob.did, Some("deactivated")).await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
    assert_eq!(follower.account(&alice.did).handle.as_deref(), Some("alice.test"));
}
