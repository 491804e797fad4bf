//! Accounts change their signing keys, and nobody loses track of them.

use cairn_repo::frame::Event;
use cairn_tests::{DirectoryFault, Follower, StandIn, TestAccount, TestPds, World, name};
use serde_json::{Value, json};

const ROTATE: &str = "com.atproto.admin.updateAccountSigningKey";
const RESERVE: &str = "com.atproto.server.reserveSigningKey";

async fn rotate(pds: &TestPds, account: &TestAccount) -> cairn_tests::Reply {
    pds.admin().call(ROTATE, json!({ "did": account.did })).await
}

async fn reserve(pds: &TestPds, input: Value) -> String {
    let reserved = pds.anyone.call(RESERVE, input).await.ok();
    reserved["signingKey"].as_str().unwrap().to_owned()
}

/// The key that the account's document names.
async fn named(pds: &TestPds, account: &TestAccount) -> String {
    pds.world.signing_key(&account.did).await.did_key().to_string()
}

/// Writes something, and makes sure that a strict consumer follows up to there.
async fn assert_followed(account: &TestAccount, follower: &mut Follower) {
    account.post("and on").await;
    follower.until(&account.did, &account.head().await.rev).await;
    follower.assert_level_with(&account.did, &account.repo().await);
}

#[tokio::test]
async fn consumers_follow_over_a_change_of_keys() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("before").await;
    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    let (before, head) = (named(&pds, &alice).await, alice.head().await);
    let mut firehose = pds.firehose().await;
    rotate(&pds, &alice).await.ok();
    let after = named(&pds, &alice).await;
    assert_ne!(before, after);
    assert_eq!(firehose.names(2).await, ["identity alice.test", "sync"]);
    assert!(alice.head().await.rev > head.rev);
    // The export is signed with the new key, and so is what follows.
    assert_eq!(alice.repo().await.records.len(), 1);
    assert_followed(&alice, &mut follower).await;
    let recommended =
        alice.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await.ok();
    assert_eq!(recommended["verificationMethods"]["atproto"], after);
    let status = alice.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!(status["validDid"], true);
    // Nothing else in the document has changed.
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alice.test"]);
    assert_eq!(data.rotation_keys, [pds.rotation_key().did_key().to_string()]);
}

#[tokio::test]
async fn writes_go_on_while_the_key_changes() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("before").await;
    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    let writes = (0..40).map(|n| {
        let alice = alice.clone();
        async move { alice.post(&format!("post {n}")).await }
    });
    let (_, rotated) = tokio::join!(futures_util::future::join_all(writes), rotate(&pds, &alice));
    rotated.ok();
    assert_followed(&alice, &mut follower).await;
    assert_eq!(alice.repo().await.records.len(), 42);
}

#[tokio::test]
async fn tokens_are_signed_with_the_new_key_at_once() {
    let world = World::start().await;
    let appview = StandIn::start(&world).await;
    let target = appview.target();
    let pds = world.pds_with(move |config| config.appview = Some(target)).await;
    let alice = pds.account("alice").await;
    let params = [("aud", appview.did().as_str()), ("lxm", "app.bsky.unknown.method")];
    let verified = async || {
        alice.query("app.bsky.unknown.method", &[]).await.ok();
        assert_eq!(appview.last().signer, Ok(alice.did.clone()));
        let token = alice.query("com.atproto.server.getServiceAuth", &params).await.ok();
        let caller = pds.anyone.bearer(token["token"].as_str().unwrap());
        let request = caller.request(reqwest::Method::GET, "").build().unwrap();
        request.headers()["authorization"].to_str().unwrap().to_owned()
    };
    // Twice each, so that whatever remembers the key has it.
    verified().await;
    let old = verified().await;
    rotate(&pds, &alice).await.ok();
    verified().await;
    let new = verified().await;
    // The stand-in, asked directly, believes the new key and not the one before.
    let ask = async |authorization: &str| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/xrpc/app.bsky.unknown.method", appview.base());
        client.get(url).header("authorization", authorization).send().await.unwrap();
        appview.last().signer
    };
    assert_eq!(ask(&new).await, Ok(alice.did.clone()));
    assert!(ask(&old).await.is_err());
}

#[tokio::test]
async fn only_a_key_that_waits_for_the_account_is_taken() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let for_bob = reserve(&pds, json!({ "did": bob.did })).await;
    let foreign = "did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc";
    let before = named(&pds, &alice).await;
    for key in [for_bob.as_str(), foreign, named(&pds, &bob).await.as_str(), "nonsense"] {
        let input = json!({ "did": alice.did, "signingKey": key });
        assert_eq!(pds.admin().call(ROTATE, input).await, (400, "InvalidRequest"), "{key}");
    }
    assert_eq!(named(&pds, &alice).await, before);
    let nobody = json!({ "did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" });
    assert_eq!(pds.admin().call(ROTATE, nobody).await, (400, "NotFound"));
    assert_eq!(pds.anyone.call(ROTATE, json!({ "did": alice.did })).await, (401, "AuthMissing"));
    assert_eq!(alice.call(ROTATE, json!({ "did": alice.did })).await.status / 100, 4);

    let mut firehose = pds.firehose().await;
    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    for key in [reserve(&pds, json!({})).await, reserve(&pds, json!({ "did": alice.did })).await] {
        let input = json!({ "did": alice.did, "signingKey": key });
        pds.admin().call(ROTATE, input.clone()).await.ok();
        assert_eq!(named(&pds, &alice).await, key);
        // Once more, as after an answer that got lost: nothing is left to do, and nothing to tell.
        pds.admin().call(ROTATE, input).await.ok();
        assert_followed(&alice, &mut follower).await;
        assert_eq!(firehose.names(3).await, ["identity alice.test", "sync", "commit"]);
    }
    assert_eq!(pds.world.plc().get_audit_log(&alice.did).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_change_that_the_directory_does_not_take_changes_nothing() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut follower = pds.follower().await;
    assert_followed(&alice, &mut follower).await;
    let before = named(&pds, &alice).await;
    for (fault, error) in [
        (DirectoryFault::Fails, (502, "UpstreamFailure")),
        (DirectoryFault::TakesNothing, (502, "UpstreamFailure")),
        (DirectoryFault::Limits(9), (429, "RateLimitExceeded")),
    ] {
        pds.world.fault_directory(Some(fault));
        assert_eq!(rotate(&pds, &alice).await, error, "{fault:?}");
    }
    pds.world.fault_directory(None);
    assert_eq!(named(&pds, &alice).await, before);
    assert_followed(&alice, &mut follower).await;
    rotate(&pds, &alice).await.ok();
    assert_ne!(named(&pds, &alice).await, before);
    assert_followed(&alice, &mut follower).await;
}

#[tokio::test]
async fn a_lost_answer_of_the_directory_is_asked_for() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut follower = pds.follower().await;
    assert_followed(&alice, &mut follower).await;
    pds.world.fault_directory(Some(DirectoryFault::LosesAnswers));
    rotate(&pds, &alice).await.ok();
    pds.world.fault_directory(None);
    assert_followed(&alice, &mut follower).await;
}

#[tokio::test]
async fn what_is_interrupted_between_document_and_account_is_taken_up_at_the_next_start() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("before").await;
    let before = named(&pds, &alice).await;
    let mut past = pds.firehose_from(0).await;
    past.names(4).await;
    let Event::Commit(last) = past.event().await else { panic!("not a commit") };
    let cursor = last.seq;
    pds.world.fault_directory(Some(DirectoryFault::FallsAfterNext));
    assert_eq!(rotate(&pds, &alice).await, (502, "UpstreamFailure"));
    pds.stop().await;
    pds.world.fault_directory(None);
    let after = named(&pds, &alice).await;
    assert_ne!(before, after, "the document is ahead of the account");
    pds.start_again().await;
    let mut firehose = pds.firehose_from(cursor).await;
    assert_eq!(firehose.names(2).await, ["identity alice.test", "sync"]);
    alice.repo().await;
    let mut follower = Follower::new(pds.world.clone(), pds.firehose_from(cursor).await);
    assert_eq!(name(&follower.step().await), "identity alice.test");
    assert_eq!(named(&pds, &alice).await, after);
}

#[tokio::test]
async fn the_next_call_takes_up_what_was_interrupted_too() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut follower = pds.follower().await;
    assert_followed(&alice, &mut follower).await;
    pds.world.fault_directory(Some(DirectoryFault::FallsAfterNext));
    assert_eq!(rotate(&pds, &alice).await, (502, "UpstreamFailure"));
    pds.world.fault_directory(None);
    let published = named(&pds, &alice).await;
    rotate(&pds, &alice).await.ok();
    assert_eq!(named(&pds, &alice).await, published, "the key that was published is the one");
    assert_followed(&alice, &mut follower).await;

    // With another key wanted, the one in between is taken up first, so that none is ever lost.
    pds.world.fault_directory(Some(DirectoryFault::FallsAfterNext));
    assert_eq!(rotate(&pds, &alice).await, (502, "UpstreamFailure"));
    pds.world.fault_directory(Some(DirectoryFault::TakesNothing));
    let key = reserve(&pds, json!({ "did": alice.did })).await;
    let input = json!({ "did": alice.did, "signingKey": key });
    assert_eq!(pds.admin().call(ROTATE, input.clone()).await, (502, "UpstreamFailure"));
    assert_followed(&alice, &mut follower).await;
    pds.world.fault_directory(None);
    pds.admin().call(ROTATE, input).await.ok();
    assert_eq!(named(&pds, &alice).await, key);
    assert_followed(&alice, &mut follower).await;
}

#[tokio::test]
async fn an_inactive_account_changes_its_key_in_silence() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("before").await;
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let mut firehose = pds.firehose().await;
    rotate(&pds, &alice).await.ok();
    alice.poke("com.atproto.server.activateAccount").await.ok();
    assert_eq!(
        firehose.names(4).await,
        ["identity alice.test", "account active", "identity alice.test", "sync"]
    );
    let Event::Commit(commit) = ({
        alice.post("after").await;
        firehose.event().await
    }) else {
        panic!("not a commit")
    };
    assert_eq!(commit.ops.len(), 1);
    assert_eq!(alice.repo().await.records.len(), 2);
}

#[tokio::test]
async fn the_key_of_an_account_that_has_moved_away_is_not_touched() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    let last = pds.world.plc().get_last_op(&alice.did).await.unwrap();
    let moved = data.next_operation(last.cid()).with_pds_endpoint("https://else.test");
    pds.world.plc().submit(&alice.did, &moved.sign(pds.rotation_key())).await.unwrap();
    let before = named(&pds, &alice).await;
    assert_eq!(rotate(&pds, &alice).await, (400, "InvalidRequest"));
    assert_eq!(named(&pds, &alice).await, before);
}
