//! An account moves from one server to another, with everything.

use std::time::Duration;

use cairn_tests::{DirectoryFault, PASSWORD, RepoCopy, TestAccount, TestPds, World, post};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Lets the DID document name the new server, as the account's owner would.
pub async fn point_there(at_old: &TestAccount, old: &TestPds, at_new: &TestAccount) {
    let recommended =
        at_new.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await.ok();
    at_old.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let email = at_old.query("com.atproto.server.getSession", &[]).await.ok()["email"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut input = recommended;
    input["token"] = json!(old.mailed_code(&email));
    let signed = at_old.call("com.atproto.identity.signPlcOperation", input).await.ok();
    at_new
        .call(
            "com.atproto.identity.submitPlcOperation",
            json!({ "operation": signed["operation"] }),
        )
        .await
        .ok();
}

/// In one world; the second gives out names of its own.
pub async fn two_servers() -> (TestPds, TestPds) {
    let world = World::start().await;
    let new = world.pds_with(|config| config.handle_domains = vec![".new.test".to_owned()]).await;
    (world.pds().await, new)
}

#[tokio::test]
async fn an_account_moves_with_everything_it_has() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    for n in 0..50 {
        alice.post(&format!("post {n}")).await;
    }
    let blob = alice.blob("text/plain", "a file").await;
    alice.create("com.example.file", json!({ "file": blob })).await.ok();
    let preferences = json!({ "preferences": [{ "$type": "app.bsky.actor.defs#adultContentPref", "enabled": true }] });
    alice.call("app.bsky.actor.putPreferences", preferences.clone()).await.ok();
    let mut consumer = new.follower().await;
    let left = alice.repo().await;

    let there = alice.arrive_at(&new, "alice.new.test").await;
    assert_eq!(there.did, alice.did);
    assert_eq!(
        there.create("app.bsky.feed.post", post("too soon")).await,
        (401, "AccountDeactivated")
    );
    assert_eq!(there.poke("com.atproto.server.activateAccount").await, (400, "InvalidRequest"));
    there
        .upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", alice.car().await)
        .await
        .ok();
    // Once more, as after an answer that got lost.
    there
        .upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", alice.car().await)
        .await
        .ok();
    let missing = there.query("com.atproto.repo.listMissingBlobs", &[]).await.ok();
    assert_eq!(missing["blobs"].as_array().unwrap().len(), 1);
    let cid = missing["blobs"][0]["cid"].as_str().unwrap();
    let bytes = old
        .anyone
        .query("com.atproto.sync.getBlob", &[("did", alice.did.as_str()), ("cid", cid)])
        .await;
    there.blob("text/plain", bytes.body().clone()).await;
    assert_eq!(
        there.query("com.atproto.repo.listMissingBlobs", &[]).await.ok()["blobs"],
        json!([])
    );
    there.call("app.bsky.actor.putPreferences", preferences.clone()).await.ok();
    let status = there.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!(status["activated"], false);
    assert_eq!(status["validDid"], false);
    assert_eq!(status["indexedRecords"], 51);
    assert_eq!(status["expectedBlobs"], status["importedBlobs"]);

    point_there(&alice, &old, &there).await;
    assert_eq!(
        there.query("com.atproto.server.checkAccountStatus", &[]).await.ok()["validDid"],
        true
    );
    there.poke("com.atproto.server.activateAccount").await.ok();
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    // What stays behind cannot come back to life.
    assert_eq!(alice.poke("com.atproto.server.activateAccount").await, (400, "InvalidRequest"));

    let arrived = there.repo().await;
    assert_eq!(arrived.records, left.records);
    assert!(arrived.rev > left.rev, "revs rise over a migration");
    assert_eq!(there.query("app.bsky.actor.getPreferences", &[]).await.ok(), preferences);
    there.post("from here").await;
    consumer.until(&there.did, &there.head().await.rev).await;
    consumer.assert_level_with(&there.did, &there.repo().await);
}

#[tokio::test]
async fn a_repository_can_be_imported_after_the_document_has_changed() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    alice.post("one").await;
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let car = alice.car().await;
    point_there(&alice, &old, &there).await;
    there.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.ok();
    there.poke("com.atproto.server.activateAccount").await.ok();
    assert_eq!(there.repo().await.records.len(), 1);
}

/// It has no other home any more.
#[tokio::test]
async fn an_account_whose_identity_has_come_is_not_given_up_for_want_of_an_activation() {
    let (old, mut new) = two_servers().await;
    let alice = old.account("alice").await;
    alice.post("one").await;
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let car = alice.car().await;
    there.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.ok();
    point_there(&alice, &old, &there).await;
    new.world.clock().advance(Duration::from_secs(31 * 86_400));
    new.restart().await;
    let there = there.sign_in(&new, PASSWORD).await;
    there.poke("com.atproto.server.activateAccount").await.ok();
    assert_eq!(there.repo().await.records.len(), 1);
}

#[tokio::test]
async fn an_account_that_is_brought_along_and_never_comes_is_forgotten() {
    let (old, mut new) = two_servers().await;
    let alice = old.account("alice").await;
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let sign_in = json!({ "identifier": there.did, "password": PASSWORD });
    let create = "com.atproto.server.createSession";
    new.world.clock().advance(Duration::from_secs(29 * 86_400));
    new.restart().await;
    new.anyone.call(create, sign_in.clone()).await.ok();
    // Nobody is forgotten for want of an answer.
    new.world.fault_directory(Some(DirectoryFault::Fails));
    new.world.clock().advance(Duration::from_secs(2 * 86_400));
    new.restart().await;
    new.anyone.call(create, sign_in.clone()).await.ok();
    new.world.fault_directory(None);
    new.restart().await;
    let gone = async {
        while new.anyone.call(create, sign_in.clone()).await.status == 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), gone).await.expect("the account is forgotten");
    let alice = alice.sign_in(&old, PASSWORD).await;
    assert_eq!(alice.repo().await.records.len(), 0, "it lives where it lived");
}

#[tokio::test]
async fn blobs_that_come_with_a_move_do_not_count_as_a_days_uploads() {
    let world = World::start().await;
    let (old, new) = (
        world.pds().await,
        world
            .pds_with(|config| {
                config.handle_domains = vec![".new.test".to_owned()];
                config.rate_limits.enabled = true;
            })
            .await,
    );
    let alice = old.account("alice").await;
    for text in ["one", "two"] {
        let blob = alice.blob("text/plain", text).await;
        alice.create("com.example.file", json!({ "file": blob })).await.ok();
    }
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let day = Some("1000;w=86400");
    let upload = async |text: &'static str| {
        there.upload("com.atproto.repo.uploadBlob", "text/plain", text).await
    };
    // Nothing is known of what it lacks.
    assert_eq!(upload("one").await.header("ratelimit-policy"), day);
    let car = alice.car().await;
    there.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.ok();
    // What no record waits for counts, although the answer does not say so.
    upload("something else").await.ok();
    let missing = upload("two").await;
    missing.ok();
    assert_ne!(missing.header("ratelimit-policy"), day);
    // Now it lacks nothing.
    let third = upload("three").await;
    assert_eq!(third.header("ratelimit-policy"), day);
    assert_eq!(third.header("ratelimit-remaining"), Some("997"));
}

#[tokio::test]
async fn only_whoever_holds_the_did_brings_it_along() {
    let (old, new) = two_servers().await;
    let (alice, mallory) = (old.account("alice").await, old.account("mallory").await);
    // A token is spent by the account that it makes, not by a try that fails.
    let create = "com.atproto.server.createAccount";
    let aud = new.config.service_did.to_string();
    let params = [("aud", aud.as_str()), ("lxm", create)];
    let token = mallory.query("com.atproto.server.getServiceAuth", &params).await.ok();
    let mover = new.anyone.bearer(token["token"].as_str().unwrap());
    let mut input = json!({ "did": mallory.did, "handle": "x.new.test", "email": "x@mail.test", "password": PASSWORD });
    assert_eq!(mover.call(create, input.clone()).await, (400, "InvalidHandle"));
    input["handle"] = json!("mallory.new.test");
    mover.call(create, input.clone()).await.ok();
    input["handle"] = json!("mallory2.new.test");
    assert_eq!(mover.call(create, input).await, (401, "JwtReplayed"));
    let create = "com.atproto.server.createAccount";
    let input = json!({ "did": alice.did, "handle": "alice.new.test", "email": "m@mail.test", "password": PASSWORD });
    let aud = new.config.service_did.to_string();
    let params = [("aud", aud.as_str()), ("lxm", create)];
    let token = mallory.query("com.atproto.server.getServiceAuth", &params).await.ok();
    let token = token["token"].as_str().unwrap();
    assert_eq!(
        new.anyone.bearer(token).call(create, input.clone()).await,
        (401, "AuthenticationRequired")
    );
    // A session token of the other server is no proof.
    assert_eq!(new.anyone.bearer(&alice.access_jwt).call(create, input.clone()).await.status, 401);

    alice.arrive_at(&new, "alice.new.test").await;
    let token = alice.query("com.atproto.server.getServiceAuth", &params).await.ok();
    let mut again = input;
    again["handle"] = json!("alicia.new.test");
    let again = new.anyone.bearer(token["token"].as_str().unwrap()).call(create, again).await;
    assert_eq!(again.error(), (400, "AlreadyExists".to_owned()));
}

#[tokio::test]
async fn a_handle_of_ones_own_comes_along_if_it_points_there() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    new.world.set_handle("alice.example.com", alice.did.as_str());
    let there = alice.arrive_at(&new, "alice.example.com").await;
    assert_eq!(there.handle, "alice.example.com");
}

#[tokio::test]
async fn an_import_replaces_a_live_repository_and_consumers_follow() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("one").await;
    let car = alice.car().await;
    for n in 0..30 {
        alice.post(&format!("later {n}")).await;
    }
    let mut follower = pds.follower().await;
    alice.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.ok();
    assert_eq!(alice.repo().await.records.len(), 1);
    alice.post("and on").await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn imports_can_be_switched_off_and_bounded() {
    let world = World::start().await;
    let open = world.pds().await;
    let alice = open.account("alice").await;
    let car = alice.car().await;
    let import = "com.atproto.repo.importRepo";
    let closed = world
        .pds_with(|config| {
            config.accepting_imports = false;
            config.handle_domains = vec![".two.test".to_owned()]
        })
        .await;
    let bob = closed.account_named("bobby.two.test").await;
    assert_eq!(
        bob.upload(import, "application/vnd.ipld.car", car.clone()).await,
        (400, "InvalidRequest")
    );
    let small = world
        .pds_with(|config| {
            config.import_limit = Some(100);
            config.handle_domains = vec![".three.test".to_owned()]
        })
        .await;
    let carla = small.account_named("carla.three.test").await;
    assert_eq!(
        carla.upload(import, "application/vnd.ipld.car", car).await,
        (413, "PayloadTooLarge")
    );
}

#[tokio::test]
async fn a_did_web_is_brought_along_and_its_document_decides() {
    let world = World::start().await;
    let pds = world.pds().await;
    let host = WebHost::start().await;
    let key = cairn_identity::SigningKey::generate(cairn_identity::Curve::P256);
    host.serve("https://old.example.com", key.did_key().as_ref(), "alice.test");

    let lxm = cairn_model::Nsid::parse("com.atproto.server.createAccount").unwrap();
    let now = cairn_identity::Clock::now(world.clock().as_ref());
    let lifetime = cairn_identity::service_auth::DEFAULT_LIFETIME;
    let aud = pds.config.service_did.to_string();
    let claims =
        cairn_identity::service_auth::Claims::new(&host.did, aud, Some(&lxm), now, lifetime);
    let token = cairn_identity::service_auth::create(&key, &claims);
    let reserved = pds
        .anyone
        .call("com.atproto.server.reserveSigningKey", json!({ "did": host.did }))
        .await
        .ok();
    let input = json!({ "did": host.did, "handle": "alice.test", "email": "a@mail.test", "password": PASSWORD });
    let created = pds.anyone.bearer(&token).call(lxm.as_str(), input).await.ok();
    let alice = TestAccount::from_session(&pds, &created);

    assert_eq!(alice.poke("com.atproto.server.activateAccount").await, (400, "InvalidRequest"));
    let reserved = reserved["signingKey"].as_str().unwrap();
    host.serve(pds.url(), reserved, "alice.test");
    alice.poke("com.atproto.server.activateAccount").await.ok();
    alice.post("from a web did").await;
    let repo: RepoCopy = alice.repo().await;
    assert_eq!(repo.records.len(), 1);

    let update = "com.atproto.identity.updateHandle";
    assert_eq!(
        alice.call(update, json!({ "handle": "alicia.test" })).await,
        (400, "InvalidRequest")
    );
    host.serve(pds.url(), reserved, "alicia.test");
    alice.call(update, json!({ "handle": "alicia.test" })).await.ok();
}

/// A host that serves one did:web document.
struct WebHost {
    did: cairn_model::Did,
    document: std::sync::Arc<std::sync::Mutex<Value>>,
}

impl WebHost {
    async fn start() -> Self {
        let document = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::sync::Arc::clone(&document);
        let answer = move || std::future::ready(axum::Json(served.lock().unwrap().clone()));
        let app = axum::Router::new().route("/.well-known/did.json", axum::routing::get(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            did: cairn_model::Did::parse(&format!("did:web:localhost%3A{port}")).unwrap(),
            document,
        }
    }

    fn serve(&self, pds: &str, did_key: &str, handle: &str) {
        *self.document.lock().unwrap() = json!({
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": self.did,
            "alsoKnownAs": [format!("at://{handle}")],
            "verificationMethod": [{
                "id": format!("{}#atproto", self.did), "type": "Multikey", "controller": self.did,
                "publicKeyMultibase": did_key.strip_prefix("did:key:").unwrap(),
            }],
            "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds }],
        });
    }
}
