//! Blobs: uploaded, referred to, served, and gone again.

use cairn_model::Cid;
use cairn_tests::{TestPds, rkey};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use serde_json::{Value, json};

const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
const UPLOAD: &str = "com.atproto.repo.uploadBlob";
const GET: &str = "com.atproto.sync.getBlob";

fn with_blob(blob: &Value) -> Value {
    json!({ "file": blob })
}

fn cid(blob: &Value) -> String {
    blob["ref"]["$link"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_blob_is_seen_once_a_record_refers_to_it_and_until_none_does() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let blob = alice.blob("text/plain", PNG).await;
    assert_eq!(
        blob,
        json!({ "$type": "blob", "ref": { "$link": Cid::raw_of(PNG) }, "mimeType": "image/png", "size": PNG.len() })
    );
    let (did, cid) = (alice.did.to_string(), cid(&blob));
    let get = || async { pds.anyone.query(GET, &[("did", &did), ("cid", &cid)]).await };
    assert_eq!(get().await, (400, "BlobNotFound"));

    let first = alice.create("com.example.file", with_blob(&blob)).await.ok();
    let second = alice.create("com.example.file", with_blob(&blob)).await.ok();
    let served = get().await;
    assert_eq!(served.body(), PNG);
    assert_eq!(served.header("content-type"), Some("image/png"));
    assert_eq!(served.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(served.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert!(served.header("content-disposition").unwrap().starts_with("attachment"));
    let listed = pds.anyone.query("com.atproto.sync.listBlobs", &[("did", &did)]).await.ok();
    assert_eq!(listed["cids"], json!([cid]));

    alice.delete("com.example.file", &rkey(&first)).await.ok();
    get().await.body();
    alice.delete("com.example.file", &rkey(&second)).await.ok();
    assert_eq!(get().await, (400, "BlobNotFound"));
    let listed = pds.anyone.query("com.atproto.sync.listBlobs", &[("did", &did)]).await.ok();
    assert_eq!(listed["cids"], json!([]));
}

#[tokio::test]
async fn parts_of_a_blob_can_be_asked_for() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let blob = alice.blob("application/x-test", bytes.clone()).await;
    alice.create("com.example.file", with_blob(&blob)).await.ok();
    let range = |range: &'static str| {
        let request =
            pds.anyone.request(Method::GET, &format!("{GET}?did={}&cid={}", alice.did, cid(&blob)));
        pds.anyone.send(request.header(RANGE, range))
    };
    for (asked, from, to) in [
        ("bytes=0-99", 0, 100),
        ("bytes=2999990-", 2_999_990, 3_000_000),
        ("bytes=-5", 2_999_995, 3_000_000),
    ] {
        let part = range(asked).await;
        assert_eq!(part.status, 206, "{asked}");
        assert_eq!(part.bytes, &bytes[from..to], "{asked}");
        assert_eq!(
            part.header("content-range"),
            Some(format!("bytes {from}-{}/3000000", to - 1).as_str())
        );
    }
    assert_eq!(range("bytes=3000000-").await.status, 416);
    let whole = pds.anyone.query(GET, &[("did", alice.did.as_str()), ("cid", &cid(&blob))]).await;
    assert_eq!(whole.body(), &bytes);
}

#[tokio::test]
async fn a_record_must_tell_the_truth_about_its_blobs() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let blob = alice.blob("text/plain", "hello").await;
    let changed = |key: &str, value: Value| {
        let mut blob = blob.clone();
        blob[key] = value;
        with_blob(&blob)
    };
    for (record, name) in [
        (changed("mimeType", json!("text/html")), "InvalidMimeType"),
        (changed("size", json!(6)), "InvalidSize"),
        (changed("ref", json!({ "$link": Cid::raw_of(b"other") })), "BlobNotFound"),
        (changed("size", json!(-1)), "InvalidRequest"),
        (changed("ref", json!(cid(&blob))), "InvalidRequest"),
        (json!({ "file": { "cid": cid(&blob), "mimeType": "text/plain" } }), "InvalidRequest"),
    ] {
        let reply = alice.create("com.example.file", record.clone()).await;
        assert_eq!(reply.error(), (400, name.to_owned()), "{record}");
    }
    // Nobody refers to what somebody else uploaded.
    assert_eq!(bob.create("com.example.file", with_blob(&blob)).await, (400, "BlobNotFound"));
    alice.create("com.example.file", with_blob(&blob)).await.ok();
}

#[tokio::test]
async fn a_picture_in_a_post_is_held_against_the_lexicon() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let post = |blob: &Value| {
        json!({
            "text": "look", "createdAt": "2026-11-23T10:00:00Z",
            "embed": { "$type": "app.bsky.embed.images", "images": [{ "alt": "", "image": blob }] },
        })
    };
    let picture = alice.blob("image/png", PNG).await;
    alice.create("app.bsky.feed.post", post(&picture)).await.ok();
    let text = alice.blob("text/plain", "hello").await;
    assert_eq!(alice.create("app.bsky.feed.post", post(&text)).await, (400, "InvalidRequest"));
    let mut large = PNG.to_vec();
    large.resize(2_000_001, 0);
    let large = alice.blob("image/png", large).await;
    assert_eq!(alice.create("app.bsky.feed.post", post(&large)).await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn uploads_end_at_the_limit() {
    let pds = TestPds::start_with(|config| config.blob_upload_limit = 1_000_000).await;
    let alice = pds.account("alice").await;
    let fits = alice.blob("application/octet-stream", vec![7; 1_000_000]).await;
    assert_eq!(fits["size"], 1_000_000);
    let announced = alice.upload(UPLOAD, "application/octet-stream", vec![7; 1_000_001]).await;
    assert_eq!(announced.error(), (413, "PayloadTooLarge".to_owned()));
    let pieces =
        futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![7u8; 100_000])));
    let streamed =
        alice.upload(UPLOAD, "application/octet-stream", reqwest::Body::wrap_stream(pieces)).await;
    assert_eq!(streamed.error(), (413, "PayloadTooLarge".to_owned()));
}

#[tokio::test]
async fn an_upload_names_its_type_and_may_be_empty() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let untyped = alice.send(alice.request(Method::POST, UPLOAD).body("x")).await;
    assert_eq!(untyped.error(), (400, "InvalidRequest".to_owned()));
    let nothing = alice
        .request(Method::POST, UPLOAD)
        .header(CONTENT_TYPE, "text/plain")
        .header(CONTENT_LENGTH, "0");
    let blob = alice.send(nothing).await.ok();
    assert_eq!(blob["blob"]["size"], 0);
    alice.create("com.example.file", with_blob(&blob["blob"])).await.ok();
    assert_eq!(pds.anyone.upload(UPLOAD, "text/plain", "x").await, (401, "AuthMissing"));
    let odd = alice
        .request(Method::POST, UPLOAD)
        .header(CONTENT_TYPE, "text/plain")
        .header(CONTENT_ENCODING, "zebra")
        .body("x");
    assert_eq!(alice.send(odd).await, (415, "UnsupportedMediaType"));
}

#[tokio::test]
async fn another_service_uploads_with_a_token_of_the_account() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let token = |lxm: &'static str, aud: String| {
        let alice = alice.clone();
        async move {
            let params = [("aud", aud.as_str()), ("lxm", lxm)];
            alice.query("com.atproto.server.getServiceAuth", &params).await.ok()["token"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    let aud = pds.config.service_did.to_string();
    let good = pds.anyone.bearer(&token(UPLOAD, aud.clone()).await);
    good.upload(UPLOAD, "text/plain", "from the video service").await.ok();
    assert_eq!(good.upload(UPLOAD, "text/plain", "again").await.status, 401);
    let other = pds.anyone.bearer(&token("com.atproto.repo.createRecord", aud.clone()).await);
    assert_eq!(other.upload(UPLOAD, "text/plain", "x").await, (401, "BadJwtLexiconMethod"));
    let elsewhere = pds.anyone.bearer(&token(UPLOAD, "did:web:else.test".to_owned()).await);
    assert_eq!(elsewhere.upload(UPLOAD, "text/plain", "x").await, (401, "BadJwtAudience"));

    // Whose key cannot be looked up may try again later.
    let fresh = pds.anyone.bearer(&token(UPLOAD, aud).await);
    pds.restart().await;
    pds.world.stop_directory().await;
    assert_eq!(fresh.upload(UPLOAD, "text/plain", "x").await, (502, "UpstreamFailure"));
}

#[tokio::test]
async fn many_uploads_of_the_same_bytes_are_one_blob() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let uploads = (0..10).map(|_| alice.blob("text/plain", vec![b'x'; 300_000]));
    let blobs = futures_util::future::join_all(uploads).await;
    assert!(blobs.iter().all(|blob| *blob == blobs[0]));
    let created = alice.create("com.example.file", with_blob(&blobs[0])).await.ok();
    let head = alice.delete("com.example.file", &rkey(&created)).await.ok();
    assert!(head["commit"].is_object());
}

#[tokio::test]
async fn a_profile_that_changes_its_picture_lets_go_of_the_old_one() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut other = PNG.to_vec();
    other.push(1);
    let (old, new) = (alice.blob("image/png", PNG).await, alice.blob("image/png", other).await);
    alice.put("app.bsky.actor.profile", "self", json!({ "avatar": old })).await.ok();
    alice.put("app.bsky.actor.profile", "self", json!({ "avatar": new })).await.ok();
    let get = |blob: &Value| {
        let cid = cid(blob);
        let (did, anyone) = (alice.did.to_string(), pds.anyone.clone());
        async move { anyone.query(GET, &[("did", &did), ("cid", &cid)]).await }
    };
    assert_eq!(get(&old).await, (400, "BlobNotFound"));
    get(&new).await.body();
}

#[tokio::test]
async fn an_old_profile_can_be_edited_with_its_old_picture() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let blob = alice.blob("image/png", PNG).await;
    let old = json!({ "cid": cid(&blob), "mimeType": "image/png" });
    alice.put("app.bsky.actor.profile", "self", json!({ "avatar": old })).await.ok();
    let profile = alice.record("app.bsky.actor.profile", "self").await.ok();
    assert_eq!(profile["value"]["avatar"], blob);
    let unknown = json!({ "cid": Cid::raw_of(b"other"), "mimeType": "image/png" });
    let reply = alice.put("app.bsky.actor.profile", "self", json!({ "avatar": unknown })).await;
    assert_eq!(reply.error(), (400, "InvalidRequest".to_owned()));
}
