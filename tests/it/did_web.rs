//! Accounts whose DID is a did:web: of this server's own names, and of hosts that their owners keep.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::routing::get;
use cairn_identity::service_auth::{self, Claims};
use cairn_identity::{Clock, Curve, SigningKey};
use cairn_model::{Did, Nsid};
use cairn_tests::{PASSWORD, Reply, TestAccount, TestPds};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CREATE: &str = "com.atproto.server.createAccount";
const UPDATE: &str = "com.atproto.identity.updateHandle";
const ROTATE: &str = "com.atproto.admin.updateAccountSigningKey";

async fn offering() -> TestPds {
    TestPds::start_with(|config| config.hosted_did_web = true).await
}

/// Signs up for a name with a DID.
async fn ask(pds: &TestPds, did: &str, handle: &str) -> Reply {
    let (name, _) = handle.split_once('.').unwrap();
    let input = json!({ "did": did, "handle": handle, "email": format!("{name}@mail.test"), "password": PASSWORD });
    pds.anyone.call(CREATE, input).await
}

/// What a host shows of itself.
async fn shown(pds: &TestPds, host: &str) -> Option<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/.well-known/did.json", pds.anyone.base);
    let response = client.get(url).header("host", host).send().await.unwrap();
    match response.status().as_u16() {
        200 => Some(response.json().await.unwrap()),
        status => {
            assert_eq!(status, 404);
            None
        }
    }
}

#[tokio::test]
async fn a_name_of_this_server_can_be_a_did() {
    let pds = offering().await;
    let mut firehose = pds.firehose().await;
    let created = ask(&pds, "did:web:alice.test", "Alice.test").await.ok();
    let alice = TestAccount::from_session(&pds, &created);
    assert_eq!(alice.did.as_str(), "did:web:alice.test");
    assert_eq!(
        firehose.names(4).await,
        ["identity alice.test", "account active", "empty commit", "sync"]
    );
    let key = pds.world.signing_key(&alice.did).await;
    let document = shown(&pds, "alice.test:8443").await.unwrap();
    assert_eq!(document["id"], "did:web:alice.test");
    assert_eq!(document["alsoKnownAs"], json!(["at://alice.test"]));
    assert_eq!(document["verificationMethod"][0]["publicKeyMultibase"], key.multikey());
    assert_eq!(document["service"][0]["serviceEndpoint"], pds.url());
    assert_eq!(shown(&pds, "bobby.test").await, None);

    let mut follower = pds.follower().await;
    alice.post("hello").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
    let described =
        pds.anyone.query("com.atproto.repo.describeRepo", &[("repo", "alice.test")]).await.ok();
    assert_eq!(described["handleIsCorrect"], true);
    assert_eq!(described["didDoc"], document);

    // A new key is in the document at once, and a document outlives a deactivation.
    pds.admin().call(ROTATE, json!({ "did": alice.did })).await.ok();
    assert_ne!(pds.world.signing_key(&alice.did).await, key);
    alice.post("with another key").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    assert!(shown(&pds, "alice.test").await.is_some());
    alice.poke("com.atproto.server.activateAccount").await.ok();
}

#[tokio::test]
async fn a_name_stays_with_its_did() {
    let pds = offering().await;
    let created = ask(&pds, "did:web:alice.test", "alice.test").await.ok();
    let alice = TestAccount::from_session(&pds, &created);
    let bob = pds.account("bobby").await;
    alice.call(UPDATE, json!({ "handle": "alicia.test" })).await.ok();
    let document = shown(&pds, "alice.test").await.unwrap();
    assert_eq!(document["alsoKnownAs"], json!(["at://alicia.test"]));
    assert_eq!(shown(&pds, "alicia.test").await, None);
    assert_eq!(pds.anyone.page("/tls-check?domain=alice.test").await.status, 200);
    // The old name is free, but for nobody else.
    assert_eq!(
        bob.call(UPDATE, json!({ "handle": "alice.test" })).await,
        (400, "HandleNotAvailable")
    );
    let input = json!({ "handle": "alice.test", "email": "c@mail.test", "password": PASSWORD });
    assert_eq!(pds.anyone.call(CREATE, input.clone()).await, (400, "HandleNotAvailable"));
    assert_eq!(ask(&pds, "did:web:alice.test", "alice.test").await, (400, "AlreadyExists"));
    alice.call(UPDATE, json!({ "handle": "alice.test" })).await.ok();

    // After its account the DID is nobody's for ever; the name alone is free again.
    pds.admin().call("com.atproto.admin.deleteAccount", json!({ "did": alice.did })).await.ok();
    assert_eq!(shown(&pds, "alice.test").await, None);
    assert_eq!(ask(&pds, "did:web:alice.test", "alice.test").await, (400, "AlreadyExists"));
    let carla = pds.anyone.call(CREATE, input).await.ok();
    assert!(carla["did"].as_str().unwrap().starts_with("did:plc:"));
}

#[tokio::test]
async fn only_the_did_of_the_name_is_given_out_and_only_where_it_is_offered() {
    let pds = offering().await;
    for (did, handle) in [
        ("did:web:bobby.test", "alice.test"),
        ("did:web:Alice.test", "alice.test"),
        ("did:web:support.test", "support.test"),
        ("did:web:a.alice.test", "a.alice.test"),
        ("did:web:alice.test", "alice.example.com"),
        ("did:web:test", "alice.test"),
    ] {
        assert_eq!(ask(&pds, did, handle).await.status / 100, 4, "{did} {handle}");
    }
    let input = json!({ "did": "did:web:alice.test", "handle": "alice.test", "email": "a@mail.test", "password": PASSWORD, "recoveryKey": SigningKey::generate(Curve::K256).did_key().to_string() });
    assert_eq!(pds.anyone.call(CREATE, input).await, (400, "InvalidRequest"));
    let closed = TestPds::start().await;
    assert_eq!(ask(&closed, "did:web:alice.test", "alice.test").await, (400, "InvalidRequest"));
    // The server's own document is what it was.
    assert_eq!(shown(&pds, "localhost").await.unwrap()["id"], pds.config.service_did.as_str());
}

/// Somebody with a host of their own.
pub struct Owner {
    pub did: Did,
    key: SigningKey,
    document: Arc<Mutex<Value>>,
}

impl Owner {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let did = Did::parse(&format!("did:web:localhost%3A{port}")).unwrap();
        let key = SigningKey::generate(Curve::K256);
        let document = Arc::new(Mutex::new(Value::Null));
        let served = Arc::clone(&document);
        let router = axum::Router::new().route(
            "/.well-known/did.json",
            get(move || async move { Json(served.lock().unwrap().clone()) }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        let owner = Self { did, key, document };
        owner.publish(owner.key.did_key().as_str(), "https://old.example", &[]);
        owner
    }

    pub fn publish(&self, key: &str, pds: &str, aliases: &[&str]) {
        *self.document.lock().unwrap() = json!({
            "id": self.did,
            "alsoKnownAs": aliases,
            "verificationMethod": [{
                "id": "#atproto", "type": "Multikey", "controller": self.did,
                "publicKeyMultibase": key.strip_prefix("did:key:").unwrap(),
            }],
            "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds }],
        });
    }

    pub async fn arrive(&self, pds: &TestPds) -> TestAccount {
        let lxm = Nsid::parse(CREATE).unwrap();
        let aud = pds.config.service_did.as_str();
        let claims = Claims::new(
            &self.did,
            aud,
            Some(&lxm),
            pds.world.clock().now(),
            service_auth::DEFAULT_LIFETIME,
        );
        let token = service_auth::create(&self.key, &claims);
        let input = json!({ "did": self.did, "handle": "alice.test", "email": "alice@mail.test", "password": PASSWORD });
        let created = pds.anyone.bearer(&token).call(CREATE, input).await.ok();
        TestAccount::from_session(pds, &created)
    }
}

#[tokio::test]
async fn a_did_web_of_ones_own_host_is_brought_along() {
    let pds = TestPds::start().await;
    let owner = Owner::new().await;
    let alice = owner.arrive(&pds).await;
    assert_eq!(alice.poke("com.atproto.server.activateAccount").await, (400, "InvalidRequest"));
    let recommended =
        alice.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await.ok();
    let key = recommended["verificationMethods"]["atproto"].as_str().unwrap();
    owner.publish(key, pds.url(), &["at://alice.test"]);
    let status = alice.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!(status["validDid"], true, "no rotation key is asked for");
    alice.poke("com.atproto.server.activateAccount").await.ok();
    alice.post("here").await;
    assert_eq!(alice.repo().await.records.len(), 1);

    // The owner says first what the server then does: a handle, a key.
    assert_eq!(
        alice.call(UPDATE, json!({ "handle": "alicia.test" })).await,
        (400, "InvalidRequest")
    );
    owner.publish(key, pds.url(), &["at://alicia.test"]);
    alice.call(UPDATE, json!({ "handle": "alicia.test" })).await.ok();

    let admin = pds.admin();
    assert_eq!(admin.call(ROTATE, json!({ "did": alice.did })).await, (400, "InvalidRequest"));
    let reserved = pds
        .anyone
        .call("com.atproto.server.reserveSigningKey", json!({ "did": alice.did }))
        .await
        .ok();
    let next = reserved["signingKey"].as_str().unwrap();
    let input = json!({ "did": alice.did, "signingKey": next });
    assert_eq!(admin.call(ROTATE, input.clone()).await, (400, "InvalidRequest"));
    owner.publish(next, pds.url(), &["at://alicia.test"]);
    let mut firehose = pds.firehose().await;
    admin.call(ROTATE, input).await.ok();
    assert_eq!(firehose.names(2).await, ["identity alicia.test", "sync"]);
    alice.post("with another key").await;
    assert_eq!(alice.repo().await.records.len(), 2);
}
