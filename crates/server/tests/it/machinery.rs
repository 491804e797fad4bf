//! Paths, verbs, parameters and the headers that every answer has.

use axum::body::Body;
use http::{Method, Request};

use crate::harness::{Server, request};

#[tokio::test]
async fn an_unknown_method_has_nobody_to_answer_it() {
    let server = Server::start().await;
    let reply = server.get("/xrpc/com.example.nothing.here").await;
    assert_eq!(reply.error(), (400, "InvalidRequest".into()));
    assert_eq!(reply.message(), "No service configured for com.example.nothing.here");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn paths_that_name_no_method_are_refused() {
    let server = Server::start().await;
    for path in
        ["/xrpc/", "/xrpc/a/b", "/xrpc/com.atproto.sync.getHead/more", "/xrpc/nothing", "/xrpc/%00"]
    {
        assert_eq!(server.get(path).await.error(), (400, "InvalidRequest".into()), "{path}");
    }
    assert_eq!(server.get("/xrpc/com.atproto.sync.listRepos/").await.status, 200);
}

#[tokio::test]
async fn a_known_method_says_which_verb_it_wants() {
    let server = Server::start().await;
    let reply = server.post_with("/xrpc/com.atproto.sync.listRepos", &[], "").await;
    assert_eq!(reply.error(), (400, "InvalidRequest".into()));
    assert_eq!(reply.message(), "Incorrect HTTP method (POST) expected GET");
    let reply = server.get("/xrpc/com.atproto.server.createSession").await;
    assert_eq!(reply.message(), "Incorrect HTTP method (GET) expected POST");
    let head = request(Method::HEAD, "/xrpc/com.atproto.sync.listRepos", &[], Body::empty());
    assert_eq!(server.send(head).await.status, 200);
}

#[tokio::test]
async fn parameters_are_checked_before_credentials() {
    let server = Server::start().await;
    let reply = server
        .get_with("/xrpc/com.atproto.sync.getRepo?did=nonsense", &[("authorization", "rubbish")])
        .await;
    assert_eq!(reply.error(), (400, "InvalidRequest".into()));
    assert!(
        reply.message().starts_with("Invalid com.atproto.sync.getRepo params: did: "),
        "{}",
        reply.message()
    );
    let reply = server.get("/xrpc/com.atproto.sync.getRepo").await;
    assert_eq!(reply.message(), "Invalid com.atproto.sync.getRepo params: did: missing");
    let reply = server.get("/xrpc/com.atproto.sync.listRepos?limit=1001").await;
    assert_eq!(
        reply.message(),
        "Invalid com.atproto.sync.listRepos params: limit: must be between 1 and 1000"
    );
}

#[tokio::test]
async fn preflights_are_answered_for_any_path() {
    let server = Server::start().await;
    let ask = request(
        Method::OPTIONS,
        "/xrpc/com.atproto.repo.createRecord",
        &[
            ("origin", "https://app.example"),
            ("access-control-request-headers", "authorization,content-type"),
        ],
        Body::empty(),
    );
    let reply = server.send(ask).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("access-control-max-age"), "86400");
    assert_eq!(reply.header("access-control-allow-headers"), "authorization,content-type");
    assert!(reply.header("access-control-allow-methods").contains("POST"));
}

#[tokio::test]
async fn answers_to_credentials_stay_out_of_shared_caches() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let path = format!("/xrpc/com.atproto.sync.getLatestCommit?did={}", alice.did);
    let reply = server.get(&path).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), "private");
    assert_eq!(reply.header("vary"), "Authorization");
    assert_eq!(server.get("/xrpc/com.atproto.sync.listRepos").await.header("cache-control"), "");
}

#[tokio::test]
async fn large_answers_are_compressed_on_request() {
    use std::io::Read;
    let server = Server::start().await;
    for n in 0..20 {
        server.person(&format!("p{n}")).await;
    }
    let plain = server.get("/xrpc/com.atproto.sync.listRepos").await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    let packed = server
        .get_with("/xrpc/com.atproto.sync.listRepos", &[("accept-encoding", "gzip, br")])
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < plain.body.len());
    assert_eq!(&packed.body[..2], [0x1f, 0x8b]);
    let mut reader = async_compression_sync(&packed.body);
    let mut unpacked = Vec::new();
    reader.read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    let small = server
        .get_with("/xrpc/com.atproto.sync.listRepos?limit=1", &[("accept-encoding", "gzip")])
        .await;
    assert_eq!(small.header("content-encoding"), "");
}

/// Unpacks gzip by the asynchronous decoder over memory, which never waits.
fn async_compression_sync(bytes: &[u8]) -> std::io::Cursor<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let bytes = bytes.to_vec();
    let unpacked = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut out = Vec::new();
            let mut decoder = async_compression::tokio::bufread::GzipDecoder::new(&bytes[..]);
            decoder.read_to_end(&mut out).await.unwrap();
            out
        })
    });
    std::io::Cursor::new(unpacked.join().unwrap())
}

#[tokio::test]
async fn odd_requests_are_answered_in_json_with_a_4xx() {
    let server = Server::start().await;
    let long = format!("/xrpc/com.atproto.sync.getRepo?did=did:web:{}", "a".repeat(5_000));
    let paths = [
        "/xrpc/com.atproto.sync.getRepo?did=%00",
        "/xrpc/com.atproto.sync.getRepo?did=%ff%fe",
        "/xrpc/com.atproto.sync.getBlocks?did=did:web:a.example&cids=nonsense",
        "/xrpc/com.atproto.sync.getBlob?did=did:web:a.example&cid=bafy",
        "/xrpc/com.atproto.sync.getRecord?did=did:web:a.example&collection=a&rkey=..",
        "/xrpc/com.atproto.sync.listRepos?cursor=%F0%9F%92%A9",
        "/xrpc/com.atproto.sync.listReposByCollection?collection=a.b",
        "/xrpc/com.atproto.sync.getRepo?did=did:web:nobody.example",
        long.as_str(),
    ];
    for path in paths {
        let reply = server.send(Request::get(path).body(Body::empty()).unwrap()).await;
        let (status, name) = reply.error();
        assert!((400..500).contains(&status) && !name.is_empty(), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn an_account_that_was_deleted_meanwhile_is_an_unknown_one() {
    let server = Server::start().await;
    let did = cairn_model::Did::parse("did:plc:ewvi7nxzyoun6zhxrhs64oiz").unwrap();
    let err = cairn_server::accounts::identity::signing_key(&server.app, &did).await.unwrap_err();
    assert_eq!((err.status().as_u16(), err.name()), (400, "AccountNotFound"));
}
