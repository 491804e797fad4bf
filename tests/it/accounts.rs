//! `createAccount` and what comes before it.

use cairn_identity::{Curve, DidKey, SigningKey};
use cairn_model::Did;
use cairn_server::config::SignUp;
use cairn_tests::{PASSWORD, TestPds};
use serde_json::{Value, json};

fn wanted(handle: &str, email: &str) -> Value {
    json!({ "handle": handle, "email": email, "password": PASSWORD })
}

#[tokio::test]
async fn a_server_describes_itself() {
    let pds = TestPds::start_with(|config| {
        config.sign_up = SignUp::Invite;
        config.contact_email = Some("admin@mail.test".to_owned());
        config.links.privacy_policy = Some("https://example.com/privacy".to_owned());
    })
    .await;
    let description = pds.anyone.query("com.atproto.server.describeServer", &[]).await.ok();
    assert_eq!(
        description,
        json!({
            "did": pds.config.service_did,
            "availableUserDomains": [".test"],
            "inviteCodeRequired": true,
            "blobUploadLimit": pds.config.blob_upload_limit,
            "links": { "privacyPolicy": "https://example.com/privacy" },
            "contact": { "email": "admin@mail.test" },
        })
    );
}

#[tokio::test]
async fn a_new_account_has_a_did_of_its_own_and_is_live_at_once() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.handle, "alice.test");

    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alice.test"]);
    assert_eq!(data.services["atproto_pds"].endpoint, pds.url());
    assert_eq!(data.rotation_keys, [pds.rotation_key().did_key().to_string()]);

    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(
        session,
        json!({
            "did": alice.did, "handle": "alice.test", "email": "alice@mail.test",
            "emailConfirmed": false, "emailAuthFactor": false, "active": true,
        })
    );
    assert!(alice.repo().await.records.is_empty());
}

#[tokio::test]
async fn the_persons_recovery_key_rules_over_the_servers() {
    let pds = TestPds::start_with(|config| {
        config.recovery_did_key = Some(SigningKey::generate(Curve::P256).did_key().to_string());
    })
    .await;
    let own = SigningKey::generate(Curve::K256).did_key().to_string();
    let mut input = wanted("alice.test", "a@mail.test");
    input["recoveryKey"] = json!(own);
    let created = pds.anyone.call("com.atproto.server.createAccount", input).await.ok();
    let did = Did::parse(created["did"].as_str().unwrap()).unwrap();
    let keys = pds.world.plc().get_data(&did).await.unwrap().rotation_keys;
    let operator = pds.config.recovery_did_key.clone().unwrap();
    assert_eq!(keys, [own, operator, pds.rotation_key().did_key().to_string()]);
}

#[tokio::test]
async fn handles_and_addresses_are_taken_once() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let create = |handle: &'static str, email: &'static str| {
        let anyone = pds.anyone.clone();
        async move { anyone.call("com.atproto.server.createAccount", wanted(handle, email)).await }
    };
    assert_eq!(create("alice.test", "other@mail.test").await, (400, "HandleNotAvailable"));
    assert_eq!(create("ALICE.test", "other@mail.test").await, (400, "HandleNotAvailable"));
    assert_eq!(create("alicia.test", "ALICE@mail.test").await, (400, "InvalidRequest"));
    create("alicia.test", "other@mail.test").await.ok();
}

#[tokio::test]
async fn one_of_many_who_want_a_handle_gets_it() {
    let pds = TestPds::start().await;
    let attempts = (0..8).map(|n| {
        let anyone = pds.anyone.clone();
        async move {
            anyone
                .call(
                    "com.atproto.server.createAccount",
                    wanted("alice.test", &format!("a{n}@mail.test")),
                )
                .await
        }
    });
    let replies = futures_util::future::join_all(attempts).await;
    let made = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(made, 1);
    assert!(
        replies.iter().all(|reply| reply.status == 200 || *reply == (400, "HandleNotAvailable"))
    );
}

#[tokio::test]
async fn unfit_wishes_are_refused_by_name() {
    let pds = TestPds::start().await;
    let email = "a@mail.test";
    for (handle, name) in [
        ("alice", "InvalidHandle"),
        ("al ice.test", "InvalidHandle"),
        ("al.test", "InvalidHandle"),
        ("a-name-of-nineteen-c.test", "InvalidHandle"),
        ("a.b.test", "InvalidHandle"),
        ("alice.localhost", "InvalidHandle"),
        ("admin.test", "HandleNotAvailable"),
        ("alice.example.com", "UnsupportedDomain"),
    ] {
        let reply =
            pds.anyone.call("com.atproto.server.createAccount", wanted(handle, email)).await;
        assert_eq!(reply.error(), (400, name.to_owned()), "{handle}");
    }
    for (key, value) in [
        ("email", json!("nobody")),
        ("email", Value::Null),
        ("password", json!("")),
        ("password", json!("x".repeat(257))),
        ("recoveryKey", json!("did:key:nonsense")),
        // Of a curve that the directory does not take.
        ("recoveryKey", json!("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")),
        ("plcOp", json!({})),
    ] {
        let mut input = wanted("alice.test", email);
        input[key] = value;
        let reply = pds.anyone.call("com.atproto.server.createAccount", input).await;
        assert_eq!(reply.error(), (400, "InvalidRequest".to_owned()), "{key}");
    }
}

#[tokio::test]
async fn a_did_of_somebody_else_is_not_taken_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut input = wanted("mallory.test", "m@mail.test");
    input["did"] = json!(alice.did);
    let reply = pds.anyone.call("com.atproto.server.createAccount", input).await;
    assert_eq!(reply.error(), (401, "AuthenticationRequired".to_owned()));
}

#[tokio::test]
async fn a_reserved_key_stays_the_same_for_its_did() {
    let pds = TestPds::start().await;
    let reserve = |input: Value| {
        let anyone = pds.anyone.clone();
        async move {
            anyone.call("com.atproto.server.reserveSigningKey", input).await.ok()["signingKey"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    let did = json!({ "did": "did:web:alice.example.com" });
    let key = reserve(did.clone()).await;
    assert!(DidKey::parse(&key).is_ok());
    assert_eq!(reserve(did).await, key);
    assert_ne!(reserve(json!({})).await, key);
}

#[tokio::test]
async fn no_account_is_made_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    pds.world.stop_directory().await;
    let create = "com.atproto.server.createAccount";
    let input = wanted("alice.test", "a@mail.test");
    assert_eq!(pds.anyone.call(create, input).await, (502, "UpstreamFailure"));
    let found =
        pds.anyone.query("com.atproto.identity.resolveHandle", &[("handle", "alice.test")]).await;
    assert_eq!(found.error(), (400, "HandleNotFound".to_owned()));
}
