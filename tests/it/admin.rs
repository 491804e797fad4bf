//! What operators and moderators do.

use cairn_tests::{PASSWORD, TestPds, World, post};
use serde_json::{Value, json};

const UPDATE: &str = "com.atproto.admin.updateSubjectStatus";

fn repo(did: &impl ToString) -> Value {
    json!({ "$type": "com.atproto.admin.defs#repoRef", "did": did.to_string() })
}

#[tokio::test]
async fn only_the_operator_is_the_operator() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let input = json!({ "subject": repo(&alice.did), "takedown": { "applied": true } });
    assert_eq!(pds.anyone.call(UPDATE, input.clone()).await, (401, "AuthMissing"));
    assert_eq!(
        pds.anyone.authorized("Basic YWRtaW46d3Jvbmc=").call(UPDATE, input.clone()).await,
        (401, "AuthenticationRequired")
    );
    assert_eq!(alice.call(UPDATE, input).await.status / 100, 4);
    assert_eq!(
        alice.call("com.atproto.admin.deleteAccount", json!({ "did": alice.did })).await.status
            / 100,
        4
    );
    alice.query("com.atproto.server.getSession", &[]).await.ok();
}

#[tokio::test]
async fn an_account_is_taken_down_and_brought_back() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("hello").await;
    let mut firehose = pds.firehose().await;
    let down =
        json!({ "subject": repo(&alice.did), "takedown": { "applied": true, "ref": "case 1" } });
    let done = pds.admin().call(UPDATE, down).await.ok();
    assert_eq!(
        done,
        json!({ "subject": repo(&alice.did), "takedown": { "applied": true, "ref": "case 1" } })
    );
    assert_eq!(firehose.names(1).await, ["account takendown"]);
    let params = [("did", alice.did.as_str())];
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &params).await.ok();
    assert_eq!(status["takedown"], json!({ "applied": true, "ref": "case 1" }));

    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await, (400, "RepoTakendown"));
    assert_eq!(alice.create("app.bsky.feed.post", post("x")).await, (401, "AccountTakedown"));
    assert_eq!(alice.refresher().poke("com.atproto.server.refreshSession").await.status / 100, 4);
    assert_eq!(alice.poke("com.atproto.server.activateAccount").await, (401, "AccountTakedown"));
    // Tokens from before speak for the account nowhere else, except for moving away.
    let service_auth = async |lxm: &str| {
        let params = [("aud", "did:web:elsewhere.example"), ("lxm", lxm)];
        alice.query("com.atproto.server.getServiceAuth", &params).await
    };
    assert_eq!(service_auth("app.bsky.feed.getTimeline").await, (400, "InvalidToken"));
    service_auth("com.atproto.server.createAccount").await.ok();
    let sign_in = |allow: bool| {
        let input =
            json!({ "identifier": "alice.test", "password": PASSWORD, "allowTakendown": allow });
        let anyone = pds.anyone.clone();
        async move { anyone.call("com.atproto.server.createSession", input).await }
    };
    assert_eq!(sign_in(false).await, (401, "AccountTakedown"));
    // Whoever is taken down can still take their things and leave.
    let leaving = cairn_tests::TestAccount::from_session(&pds, &sign_in(true).await.ok());
    assert_eq!(leaving.repo().await.records.len(), 1);
    let auth = |lxm: &'static str| {
        let leaving = leaving.clone();
        async move {
            leaving
                .query(
                    "com.atproto.server.getServiceAuth",
                    &[("aud", "did:web:new.test"), ("lxm", lxm)],
                )
                .await
        }
    };
    auth("com.atproto.server.createAccount").await.ok();
    assert_eq!(auth("app.bsky.feed.getTimeline").await, (400, "InvalidToken"));
    assert_eq!(leaving.create("app.bsky.feed.post", post("x")).await, (400, "InvalidToken"));

    let up = json!({ "subject": repo(&alice.did), "takedown": { "applied": false } });
    pds.admin().call(UPDATE, up).await.ok();
    assert_eq!(firehose.names(1).await, ["account active"]);
    alice.record("app.bsky.feed.post", &rkey).await.ok();
    let mut follower = pds.follower().await;
    alice.post("back").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn an_account_is_deactivated_and_activated_by_the_operator() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut firehose = pds.firehose().await;
    let set = |input: Value| {
        let admin = pds.admin();
        async move { admin.call(UPDATE, input).await }
    };
    set(json!({ "subject": repo(&alice.did), "deactivated": { "applied": true } })).await.ok();
    set(json!({ "subject": repo(&alice.did) })).await.ok();
    set(json!({ "subject": repo(&alice.did), "deactivated": { "applied": false } })).await.ok();
    let told = firehose.names(5).await;
    assert_eq!(
        told,
        [
            "account deactivated",
            "account deactivated",
            "account active",
            "identity alice.test",
            "sync"
        ]
    );
    let both = json!({ "subject": repo(&alice.did), "takedown": { "applied": true }, "deactivated": { "applied": false } });
    assert_eq!(set(both).await, (400, "InvalidRequest"));
    let nobody = json!({ "subject": repo(&"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"), "takedown": { "applied": true } });
    assert_eq!(set(nobody).await, (400, "NotFound"));
    assert_eq!(
        set(json!({ "subject": { "$type": "com.example.what" } })).await,
        (400, "InvalidRequest")
    );
}

#[tokio::test]
async fn a_record_and_a_blob_are_hidden_alone() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let created = alice.create("app.bsky.feed.post", post("bad")).await.ok();
    let good = alice.post("good").await;
    let rkey = cairn_tests::rkey(&created);
    let subject = json!({ "$type": "com.atproto.repo.strongRef", "uri": created["uri"], "cid": created["cid"] });
    pds.admin()
        .call(UPDATE, json!({ "subject": subject, "takedown": { "applied": true } }))
        .await
        .ok();
    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await, (400, "RecordNotFound"));
    let params = [("repo", alice.did.as_str()), ("collection", "app.bsky.feed.post")];
    let listed = pds.anyone.query("com.atproto.repo.listRecords", &params).await.ok();
    assert_eq!(listed["records"].as_array().unwrap().len(), 1);
    assert!(listed["records"][0]["uri"].as_str().unwrap().ends_with(&good));
    assert_eq!(alice.repo().await.records.len(), 2, "exports are complete");
    let params = [("uri", created["uri"].as_str().unwrap())];
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &params).await.ok();
    assert_eq!(status["takedown"]["applied"], true);
    pds.admin()
        .call(UPDATE, json!({ "subject": subject, "takedown": { "applied": false } }))
        .await
        .ok();
    alice.record("app.bsky.feed.post", &rkey).await.ok();

    // What is taken down is not brought back by another record in its place, and can be lifted while there is none.
    let input = json!({ "subject": subject, "takedown": { "applied": true } });
    pds.admin().call(UPDATE, input.clone()).await.ok();
    alice.delete("app.bsky.feed.post", &rkey).await.ok();
    alice.put("app.bsky.feed.post", &rkey, post("bad again")).await.ok();
    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await, (400, "RecordNotFound"));
    alice.delete("app.bsky.feed.post", &rkey).await.ok();
    let lift = json!({ "subject": subject, "takedown": { "applied": false } });
    pds.admin().call(UPDATE, lift.clone()).await.ok();
    assert_eq!(pds.admin().call(UPDATE, lift).await, (400, "NotFound"));
    alice.put("app.bsky.feed.post", &rkey, post("good")).await.ok();
    alice.record("app.bsky.feed.post", &rkey).await.ok();

    let blob = alice.blob("text/plain", "bad").await;
    alice.create("com.example.file", json!({ "file": blob })).await.ok();
    let cid = blob["ref"]["$link"].as_str().unwrap();
    let subject =
        json!({ "$type": "com.atproto.admin.defs#repoBlobRef", "did": alice.did, "cid": cid });
    pds.admin()
        .call(UPDATE, json!({ "subject": subject, "takedown": { "applied": true, "ref": "r" } }))
        .await
        .ok();
    let params = [("did", alice.did.as_str()), ("cid", cid)];
    assert_eq!(pds.anyone.query("com.atproto.sync.getBlob", &params).await, (400, "BlobNotFound"));
    assert_eq!(
        alice.upload("com.atproto.repo.uploadBlob", "text/plain", "bad").await,
        (400, "InvalidRequest")
    );
    pds.admin()
        .call(UPDATE, json!({ "subject": subject, "takedown": { "applied": false } }))
        .await
        .ok();
    pds.anyone.query("com.atproto.sync.getBlob", &params).await.body();
}

#[tokio::test]
async fn operators_change_handle_address_and_password() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let admin = pds.admin();
    let handle = json!({ "did": alice.did, "handle": "support.test" });
    admin.call("com.atproto.admin.updateAccountHandle", handle).await.ok();
    let email = json!({ "account": "support.test", "email": "new@mail.test" });
    admin.call("com.atproto.admin.updateAccountEmail", email).await.ok();
    let password = json!({ "did": alice.did, "password": "another one" });
    admin.call("com.atproto.admin.updateAccountPassword", password).await.ok();
    assert_eq!(
        alice.refresher().poke("com.atproto.server.refreshSession").await,
        (400, "ExpiredToken")
    );
    let session = alice
        .sign_in(&pds, "another one")
        .await
        .query("com.atproto.server.getSession", &[])
        .await
        .ok();
    assert_eq!(
        (&session["handle"], &session["email"]),
        (&json!("support.test"), &json!("new@mail.test"))
    );

    let info =
        admin.query("com.atproto.admin.getAccountInfo", &[("did", alice.did.as_str())]).await.ok();
    assert_eq!(info["handle"], "support.test");
    let both = [("dids", alice.did.as_str()), ("dids", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")];
    let infos = admin.query("com.atproto.admin.getAccountInfos", &both).await.ok();
    assert_eq!(infos["infos"].as_array().unwrap().len(), 1);
    let mail = json!({ "recipientDid": alice.did, "senderDid": alice.did, "content": "hello", "subject": "About" });
    assert_eq!(admin.call("com.atproto.admin.sendEmail", mail).await.ok(), json!({ "sent": true }));
    assert_eq!(pds.mail()[0].subject, "About");
}

#[tokio::test]
async fn the_domain_itself_is_the_operators_to_give() {
    let world = World::start().await;
    let own = |config: &mut cairn_server::ServerConfig| {
        config.handle_domains = vec![".own.test".to_owned()];
    };
    let pds = world.pds_with(own).await;
    let (alice, bob) =
        (pds.account_named("alice.own.test").await, pds.account_named("bob.own.test").await);
    let apex = json!({ "handle": "own.test" });
    let itself = "com.atproto.identity.updateHandle";
    assert_eq!(bob.call(itself, apex.clone()).await, (400, "InvalidRequest"));
    let input = json!({ "did": alice.did, "handle": "own.test" });
    pds.admin().call("com.atproto.admin.updateAccountHandle", input).await.ok();
    let resolved = [("handle", "own.test")];
    let found = pds.anyone.query("com.atproto.identity.resolveHandle", &resolved).await.ok();
    assert_eq!(found["did"], alice.did.as_str());
    assert_eq!(bob.call(itself, apex).await.status, 400);
    let data = world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://own.test"]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.get(format!("{}/.well-known/atproto-did", pds.anyone.base));
    let answer = asked.header("host", "own.test").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), alice.did.as_str());
}

#[tokio::test]
async fn operators_delete_accounts() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut firehose = pds.firehose().await;
    let delete = "com.atproto.admin.deleteAccount";
    pds.admin().call(delete, json!({ "did": alice.did })).await.ok();
    assert_eq!(firehose.names(1).await, ["account deleted"]);
    assert_eq!(pds.admin().call(delete, json!({ "did": alice.did })).await, (400, "NotFound"));
    let params = [("did", alice.did.as_str())];
    assert_eq!(
        pds.admin().query("com.atproto.admin.getAccountInfo", &params).await,
        (400, "NotFound")
    );
}
