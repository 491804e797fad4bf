//! What accounts may take of the disk, and the room that is kept on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use cairn_store::Quotas;
use futures_util::stream;
use http::Method;
use serde_json::json;

use crate::harness::{ADMIN_PASSWORD, Person, Reply, Server, request};

const RECORD: &str = "com.example.thing";

fn small() -> Quotas {
    Quotas { blob_bytes: Some(1_000), repo_bytes: Some(2_000) }
}

async fn upload(server: &Server, person: &Person, body: impl Into<Body>) -> Reply {
    let headers = [("authorization", &*person.bearer()), ("content-type", "text/plain")];
    server.post_with("/xrpc/com.atproto.repo.uploadBlob", &headers, body).await
}

async fn write(server: &Server, person: &Person, method: &str, body: serde_json::Value) -> Reply {
    let headers = [("authorization", &*person.bearer()), ("content-type", "application/json")];
    let path = format!("/xrpc/com.atproto.repo.{method}");
    server.post_with(&path, &headers, body.to_string()).await
}

async fn put(server: &Server, person: &Person, rkey: &str, bytes: usize) -> Reply {
    let record = json!({ "$type": RECORD, "text": "x".repeat(bytes) });
    let body = json!({ "repo": person.did, "collection": RECORD, "rkey": rkey, "record": record });
    write(server, person, "putRecord", body).await
}

async fn admin(server: &Server, method: Method, path: &str, body: &str) -> Reply {
    let basic = data_encoding::BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes());
    let authorization = format!("Basic {basic}");
    let headers = [("authorization", &*authorization), ("content-type", "application/json")];
    server.send(request(method, path, &headers, Body::from(body.to_owned()))).await
}

#[tokio::test]
async fn blobs_count_from_the_upload_on() {
    let server = Server::with_store(|config| config.quotas = small()).await;
    let alice = server.person("alice").await;
    assert_eq!(upload(&server, &alice, "a".repeat(600)).await.status, 200);
    let second = upload(&server, &alice, "b".repeat(500)).await;
    assert_eq!(second.error(), (413, "QuotaExceeded".into()));
    let unannounced = Body::from_stream(stream::iter(
        (0..5).map(|_| Ok::<_, std::convert::Infallible>("c".repeat(100))),
    ));
    assert_eq!(upload(&server, &alice, unannounced).await.error().1, "QuotaExceeded");
    assert_eq!(upload(&server, &alice, "d".repeat(400)).await.status, 200);
    assert_eq!(upload(&server, &alice, "e").await.status, 413);

    // Another account has its own, and the operator can give more.
    let bob = server.person("bob").await;
    assert_eq!(upload(&server, &bob, "b".repeat(900)).await.status, 200);
    let more = Quotas { blob_bytes: Some(0), repo_bytes: None };
    server.app.store.set_quotas(&alice.did, more).await.unwrap();
    assert_eq!(upload(&server, &alice, "b".repeat(5_000)).await.status, 200);
}

#[tokio::test]
async fn an_announced_length_beyond_the_quota_is_refused_before_the_body_comes() {
    let server = Server::with_store(|config| config.quotas = small()).await;
    let alice = server.person("alice").await;
    let never = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
    let headers = [
        ("authorization", &*alice.bearer()),
        ("content-type", "text/plain"),
        ("content-length", "1001"),
    ];
    let refused = server.post_with("/xrpc/com.atproto.repo.uploadBlob", &headers, never).await;
    assert_eq!(refused.error(), (413, "QuotaExceeded".into()));
}

#[tokio::test]
async fn a_repository_grows_to_its_quota_and_may_always_shrink() {
    let server = Server::with_store(|config| config.quotas = small()).await;
    let alice = server.person("alice").await;
    assert_eq!(put(&server, &alice, "one", 1_400).await.status, 200);
    let refused = put(&server, &alice, "two", 1_000).await;
    assert_eq!(refused.error(), (413, "QuotaExceeded".into()));
    assert!(refused.message().contains("2000 bytes"), "{}", refused.message());
    assert_eq!(put(&server, &alice, "one", 3_000).await.status, 413);
    assert_eq!(put(&server, &alice, "one", 500).await.status, 200);
    assert_eq!(put(&server, &alice, "two", 900).await.status, 200);
    let little = Quotas { blob_bytes: None, repo_bytes: Some(10) };
    server.app.store.set_quotas(&alice.did, little).await.unwrap();
    assert_eq!(put(&server, &alice, "three", 1).await.status, 413);
    let gone = json!({ "repo": alice.did, "collection": RECORD, "rkey": "two" });
    assert_eq!(write(&server, &alice, "deleteRecord", gone).await.status, 200);
}

#[tokio::test]
async fn the_operator_sees_and_sets_what_an_account_may_take() {
    let server = Server::with_store(|config| config.quotas = small()).await;
    let alice = server.person("alice").await;
    server.blob(&alice, b"kept", "text/plain").await;
    assert_eq!(upload(&server, &alice, "waiting").await.status, 200);
    let path = format!("/admin/api/accounts/{}/usage", alice.did);
    let usage = admin(&server, Method::GET, &path, "").await.json();
    assert_eq!(usage["blobs"], json!({ "count": 1, "bytes": 4 }));
    assert_eq!(usage["temporaryBlobs"], json!({ "count": 1, "bytes": 7 }));
    assert_eq!(usage["unreferencedBlobs"], json!({ "count": 0, "bytes": 0 }));
    assert_eq!(usage["blobBytes"], 11);
    assert_eq!(usage["quotas"], json!({ "blobBytes": 1_000, "repoBytes": 2_000 }));
    assert_eq!(usage["ownQuotas"], json!({ "blobBytes": null, "repoBytes": null }));
    let (records, nodes) = (usage["recordBytes"].as_u64(), usage["nodeBytes"].as_u64());
    assert_eq!(usage["repoBytes"].as_u64(), Some(records.unwrap() + nodes.unwrap()));
    assert!(records > Some(50) && nodes > Some(50), "{usage}");

    let path = format!("/admin/api/accounts/{}/quotas", alice.did);
    let set = admin(&server, Method::POST, &path, r#"{"blobBytes":0,"repoBytes":5}"#).await;
    assert_eq!(set.json()["quotas"], json!({ "blobBytes": null, "repoBytes": 5 }));
    assert_eq!(set.json()["ownQuotas"], json!({ "blobBytes": 0, "repoBytes": 5 }));
    assert_eq!(put(&server, &alice, "one", 1).await.status, 413);
    let slip = admin(&server, Method::POST, &path, r#"{"blobByte":0}"#).await;
    assert_eq!(slip.error(), (400, "InvalidRequest".into()));

    assert_eq!(server.get(&path).await.status, 401);
    assert_eq!(admin(&server, Method::GET, &path, "").await.status, 405);
    let nobody =
        admin(&server, Method::GET, "/admin/api/accounts/did:web:nobody.example/usage", "");
    assert_eq!(nobody.await.error(), (404, "NotFound".into()));
    assert_eq!(admin(&server, Method::GET, "/admin/api/accounts/x/usage", "").await.status, 400);
}

#[tokio::test]
async fn what_is_left_of_a_disk_is_for_the_writes_of_those_who_are_here() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let asked = Arc::clone(&free);
    let server = Server::with_store(move |config| {
        config.min_free_bytes = 1_000;
        config.free_bytes = Arc::new(move |_| Ok(asked.load(Ordering::Relaxed)));
    })
    .await;
    let alice = server.person("alice").await;
    let announced = async |bytes: usize| {
        let length = bytes.to_string();
        let headers = [
            ("authorization", &*alice.bearer()),
            ("content-type", "text/plain"),
            ("content-length", &*length),
        ];
        let body = "a".repeat(bytes);
        server.post_with("/xrpc/com.atproto.repo.uploadBlob", &headers, body).await
    };
    free.store(1_500, Ordering::Relaxed);
    assert_eq!(announced(400).await.status, 200);
    let refused = announced(600).await;
    assert_eq!(refused.error(), (503, "NotEnoughResources".into()));
    assert!(refused.message().contains("nearly full"), "{}", refused.message());

    free.store(999, Ordering::Relaxed);
    assert_eq!(upload(&server, &alice, "c").await.status, 503);
    let sign_up =
        json!({ "handle": "bob.pds.test", "email": "b@example.com", "password": "12345678" });
    let headers = [("content-type", "application/json")];
    let path = "/xrpc/com.atproto.server.createAccount";
    let refused = server.post_with(path, &headers, sign_up.to_string()).await;
    assert_eq!(refused.error(), (503, "NotEnoughResources".into()));
    let account = server.app.store.account(&alice.did).await.unwrap().unwrap();
    assert!(server.app.store.import(account.id).await.is_err());
    assert_eq!(put(&server, &alice, "one", 100).await.status, 200);
}
