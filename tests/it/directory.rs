//! What the server makes of DIDs and of the did:plc directory: fresh looks, failures, ends.

use std::time::Duration;

use cairn_identity::plc::sign_tombstone;
use cairn_identity::{Curve, SigningKey};
use cairn_tests::{DirectoryFault, PASSWORD, TestAccount, TestPds};
use serde_json::{Value, json};

const REFRESH: &str = "com.atproto.identity.refreshIdentity";
const RESOLVE: &str = "com.atproto.identity.resolveDid";
const UPDATE: &str = "com.atproto.identity.updateHandle";
const ACTIVATE: &str = "com.atproto.server.activateAccount";

/// An account whose owner has a key above the server's own.
async fn account_with_a_key(pds: &TestPds) -> (TestAccount, SigningKey) {
    let key = SigningKey::generate(Curve::P256);
    let input = json!({ "handle": "alice.test", "email": "alice@mail.test", "password": PASSWORD, "recoveryKey": key.did_key().to_string() });
    let created = pds.anyone.call("com.atproto.server.createAccount", input).await.ok();
    (TestAccount::from_session(pds, &created), key)
}

#[tokio::test]
async fn the_directorys_limits_and_failures_reach_the_client_as_such() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.world.fault_directory(Some(DirectoryFault::Limits(120)));
    let limited = alice.call(UPDATE, json!({ "handle": "alicia.test" })).await;
    assert_eq!(limited.header("retry-after"), Some("120"));
    assert_eq!(limited, (429, "RateLimitExceeded"));
    let input = json!({ "handle": "bobby.test", "email": "b@mail.test", "password": PASSWORD });
    let create = "com.atproto.server.createAccount";
    assert_eq!(pds.anyone.call(create, input.clone()).await, (429, "RateLimitExceeded"));
    // What stands in nobody's cache cannot be told either.
    let stranger = [("did", "did:plc:ewvi7nxzyoun6zhxrhs64oiz")];
    assert_eq!(pds.anyone.query(RESOLVE, &stranger).await, (429, "RateLimitExceeded"));
    pds.world.fault_directory(Some(DirectoryFault::Fails));
    assert_eq!(
        alice.call(UPDATE, json!({ "handle": "alicia.test" })).await,
        (502, "UpstreamFailure")
    );
    assert_eq!(pds.anyone.call(create, input.clone()).await, (502, "UpstreamFailure"));
    pds.world.fault_directory(None);
    pds.anyone.call(create, input).await.ok();
    alice.call(UPDATE, json!({ "handle": "alicia.test" })).await.ok();
}

#[tokio::test]
async fn a_did_that_cannot_be_resolved_is_not_found() {
    let pds = TestPds::start().await;
    let (alice, key) = account_with_a_key(&pds).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let nobody_there = format!("did:web:localhost%3A{port}");
    for did in ["did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", &nobody_there] {
        assert_eq!(pds.anyone.query(RESOLVE, &[("did", did)]).await, (400, "DidNotFound"), "{did}");
        assert_eq!(alice.call(REFRESH, json!({ "identifier": did })).await, (400, "DidNotFound"));
    }
    let params = [("did", "did:web:host.example:path")];
    assert_eq!(pds.anyone.query(RESOLVE, &params).await, (400, "InvalidRequest"));
    assert_eq!(
        alice.call(REFRESH, json!({ "identifier": "nobody.test" })).await,
        (400, "HandleNotFound")
    );

    let last = pds.world.plc().get_last_op(&alice.did).await.unwrap();
    pds.world.plc().submit(&alice.did, &sign_tombstone(last.cid(), &key)).await.unwrap();
    assert_eq!(
        alice.call(REFRESH, json!({ "identifier": alice.did })).await,
        (400, "DidDeactivated")
    );
    let params = [("did", alice.did.as_str())];
    assert_eq!(pds.anyone.query(RESOLVE, &params).await, (400, "DidDeactivated"));
}

#[tokio::test]
async fn a_fresh_look_passes_every_cache() {
    let pds = TestPds::start().await;
    let (alice, key) = account_with_a_key(&pds).await;
    pds.anyone.query(RESOLVE, &[("did", alice.did.as_str())]).await.ok();
    let input = json!({ "identifier": "alice.test" });
    assert_eq!(pds.anyone.call(REFRESH, input.clone()).await, (401, "AuthMissing"));
    let mut firehose = pds.firehose().await;
    let same = alice.call(REFRESH, input).await.ok();
    assert_eq!((&same["did"], &same["handle"]), (&json!(alice.did), &json!("alice.test")));

    // The owner names a domain of theirs with their own key; the server follows, and says so once.
    pds.world.set_handle("alice.example.com", alice.did.as_str());
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    let last = pds.world.plc().get_last_op(&alice.did).await.unwrap();
    let mut next = data.next_operation(last.cid());
    next.also_known_as = vec!["at://alice.example.com".to_owned()];
    pds.world.plc().submit(&alice.did, &next.sign(&key)).await.unwrap();
    let input = json!({ "identifier": alice.did });
    for _ in 0..2 {
        let fresh = alice.call(REFRESH, input.clone()).await.ok();
        assert_eq!(fresh["handle"], "alice.example.com");
        assert_eq!(fresh["didDoc"]["alsoKnownAs"], json!(["at://alice.example.com"]));
    }
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["handle"], "alice.example.com");
    // The domain goes to somebody else: the name is not shown, and the network is told to look.
    pds.world.set_handle("alice.example.com", "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
    alice.post("in between").await;
    let lost = alice.call(REFRESH, input).await.ok();
    assert_eq!(lost["handle"], "handle.invalid");
    alice.post("afterwards").await;
    assert_eq!(
        firehose.names(4).await,
        ["identity alice.example.com", "commit", "identity alice.example.com", "commit"]
    );
}

#[tokio::test]
async fn changes_of_an_identity_take_turns() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let token = pds.mailed_code("alice@mail.test");
    let aliases = json!(["at://alice.test", "https://alice.example.com"]);
    let sign = json!({ "token": token, "alsoKnownAs": aliases });
    let signed = alice.call("com.atproto.identity.signPlcOperation", sign).await.ok();
    // Whichever comes second builds on the first, although the directory takes its time with it.
    pds.world.fault_directory(Some(DirectoryFault::Dawdles(Duration::from_millis(300))));
    let submit = json!({ "operation": signed["operation"] });
    let (submitted, updated) =
        tokio::join!(alice.call("com.atproto.identity.submitPlcOperation", submit), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            alice.call(UPDATE, json!({ "handle": "alicia.test" })).await
        });
    submitted.ok();
    updated.ok();
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test", "https://alice.example.com"]);
}

#[tokio::test]
async fn a_name_of_this_server_is_not_taken_by_naming_it() {
    let pds = TestPds::start().await;
    let (alice, key) = account_with_a_key(&pds).await;
    pds.anyone.query(RESOLVE, &[("did", alice.did.as_str())]).await.ok();
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    let last = pds.world.plc().get_last_op(&alice.did).await.unwrap();
    let mut next = data.next_operation(last.cid());
    next.also_known_as = vec!["at://support.test".to_owned()];
    pds.world.plc().submit(&alice.did, &next.sign(&key)).await.unwrap();
    let mut firehose = pds.firehose().await;
    let fresh = alice.call(REFRESH, json!({ "identifier": alice.did })).await.ok();
    assert_eq!(fresh["handle"], "handle.invalid");
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["handle"], "alice.test");
    // Others are told that the document is another one.
    assert_eq!(firehose.names(1).await, ["identity alice.test"]);
}

#[tokio::test]
async fn an_account_needs_the_servers_rotation_key_to_be_active() {
    let pds = TestPds::start().await;
    let (alice, key) = account_with_a_key(&pds).await;
    let status = async || -> Value {
        let status = alice.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
        status["validDid"].clone()
    };
    assert_eq!(status().await, true);
    let set = async |keys: Vec<String>| {
        let data = pds.world.plc().get_data(&alice.did).await.unwrap();
        let last = pds.world.plc().get_last_op(&alice.did).await.unwrap();
        let mut next = data.next_operation(last.cid());
        next.rotation_keys = keys;
        pds.world.plc().submit(&alice.did, &next.sign(&key)).await.unwrap();
    };
    set(vec![key.did_key().to_string()]).await;
    assert_eq!(status().await, false);
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let refused = alice.poke(ACTIVATE).await;
    assert_eq!(refused, (400, "InvalidRequest"));
    assert!(refused.message().contains("rotation key"), "{}", refused.message());
    set(vec![key.did_key().to_string(), pds.rotation_key().did_key().to_string()]).await;
    assert_eq!(status().await, true);
    alice.poke(ACTIVATE).await.ok();
}
