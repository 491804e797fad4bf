//! Request bodies: presence, types, codings, limits, and JSON that is not what it should be.

use std::convert::Infallible;
use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::io::AsyncReadExt;

use crate::harness::{Reply, Server};

const LOGIN: &str = "/xrpc/com.atproto.server.createSession";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn login(server: &Server, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    server.post_with(LOGIN, headers, body).await
}

/// A body whose length is not announced.
fn chunked(bytes: Vec<u8>) -> Body {
    let chunks: Vec<_> = bytes
        .chunks(1_000)
        .map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(stream::iter(chunks))
}

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    async_compression::tokio::bufread::GzipEncoder::new(bytes).read_to_end(&mut out).await.unwrap();
    out
}

async fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    async_compression::tokio::bufread::BrotliEncoder::new(bytes)
        .read_to_end(&mut out)
        .await
        .unwrap();
    out
}

async fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    async_compression::tokio::bufread::ZlibEncoder::new(bytes).read_to_end(&mut out).await.unwrap();
    out
}

#[tokio::test]
async fn a_method_with_input_wants_a_body_of_its_type() {
    let server = Server::start().await;
    let missing = "Request body is expected but none was provided";
    assert_eq!(login(&server, &[], "").await.message(), missing);
    assert_eq!(login(&server, &[JSON], "").await.message(), missing);
    assert_eq!(login(&server, &[JSON], chunked(Vec::new())).await.message(), missing);
    assert_eq!(
        login(&server, &[], "{}").await.message(),
        "Request encoding (Content-Type) required but not provided"
    );
    let wrong = login(&server, &[("content-type", "text/plain")], "{}").await;
    assert_eq!(wrong.message(), "Wrong request encoding (Content-Type): text/plain");
    let typed = login(&server, &[("content-type", "Application/JSON ; charset=utf-8")], "{}").await;
    assert!(typed.message().starts_with("Invalid input: "), "{}", typed.message());
}

#[tokio::test]
async fn a_method_without_input_wants_no_body() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let path = "/xrpc/com.atproto.server.activateAccount";
    let auth = alice.bearer();
    let reply =
        server.post_with(path, &[("authorization", &auth), ("content-length", "2")], "{}").await;
    assert_eq!(reply.error(), (400, "InvalidRequest".into()));
    assert_eq!(reply.message(), "A request body was provided when none was expected");
    let reply =
        server.post_with(path, &[("authorization", &auth), ("content-length", "0")], "").await;
    assert_ne!(reply.message(), "A request body was provided when none was expected");
}

#[tokio::test]
async fn limits_count_decoded_bytes() {
    let server = Server::start().await;
    let big = format!(r#"{{"identifier":"{}","password":"x"}}"#, "a".repeat(200_000));
    let too_large = (413, "PayloadTooLarge".to_owned());
    assert_eq!(login(&server, &[JSON], big.clone()).await.error(), too_large);
    assert_eq!(login(&server, &[JSON], chunked(big.clone().into_bytes())).await.error(), too_large);
    assert_eq!(
        login(&server, &[JSON, ("content-length", "99999999")], "{}").await.error(),
        too_large
    );
    let bomb = gzip(big.as_bytes()).await;
    assert!(bomb.len() < 2_000);
    assert_eq!(
        login(&server, &[JSON, ("content-encoding", "gzip")], bomb).await.error(),
        too_large
    );
}

#[tokio::test]
async fn bodies_may_be_encoded() {
    let server = Server::start().await;
    let json = br#"{"identifier":5,"password":"x"}"#;
    let plain = login(&server, &[JSON], json.to_vec()).await.message();
    for (coding, body) in
        [("gzip", gzip(json).await), ("br", brotli(json).await), ("Deflate", deflate(json).await)]
    {
        let reply = login(&server, &[JSON, ("content-encoding", coding)], body).await;
        assert_eq!(reply.message(), plain, "{coding}");
    }
    let odd = login(&server, &[JSON, ("content-encoding", "zstd")], json.to_vec()).await;
    assert_eq!(odd.error(), (415, "UnsupportedMediaType".into()));
    let broken = login(&server, &[JSON, ("content-encoding", "gzip")], json.to_vec()).await;
    assert_eq!(broken.error(), (400, "InvalidRequest".into()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let server = Server::start().await;
    let body = Body::from_stream(stream::iter([
        Ok(Bytes::from_static(b"{")),
        Err(io::Error::other("gone")),
    ]));
    assert_eq!(login(&server, &[JSON], body).await.error(), (400, "InvalidRequest".into()));
}

#[tokio::test]
async fn errors_in_json_name_the_field() {
    let server = Server::start().await;
    let reply = login(&server, &[JSON], r#"{"identifier":5,"password":"x"}"#).await;
    assert!(reply.message().starts_with("Invalid input: identifier: "), "{}", reply.message());
    let reply = login(&server, &[JSON], r#"{"identifier":"alice"}"#).await;
    assert!(reply.message().contains("password"), "{}", reply.message());
}

#[tokio::test]
async fn no_json_whatsoever_gives_a_5xx_or_hangs() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let auth = alice.bearer();
    let record = |record: &str| {
        format!(r#"{{"repo":"{}","collection":"com.example.thing","record":{record}}}"#, alice.did)
    };
    let deep = |open: &str, close: &str, n| format!("{}1{}", open.repeat(n), close.repeat(n));
    let bodies = [
        record(&deep("[", "]", 100)),
        record(&deep("[", "]", 100_000)),
        record(&deep(r#"{"a":"#, "}", 50_000)),
        record(r#"{"f":1.5}"#),
        record(r#"{"f":1e400}"#),
        record(r#"{"n":99999999999999999999}"#),
        record(r#"{"n":-9223372036854775809}"#),
        record("{\"c\":\"\u{1}\"}"),
        record(r#"{"l":{"$link":"nonsense"}}"#),
        record(r#"{"b":{"$bytes":"***"}}"#),
        record(r#"{"b":{"$type":"blob","ref":5}}"#),
        record("[]"),
        record("null"),
        record("\"text\""),
        r#"{"repo":"did:web:a.example""#.to_owned(),
        "[1,2".to_owned(),
        "\u{feff}{}".to_owned(),
        "nul".to_owned(),
        "{}{}".to_owned(),
    ];
    for body in bodies {
        for path in ["/xrpc/com.atproto.repo.createRecord", LOGIN] {
            let reply =
                server.post_with(path, &[JSON, ("authorization", &auth)], body.clone()).await;
            let (status, name) = reply.error();
            let start: String = body.chars().take(120).collect();
            assert!((400..500).contains(&status) && !name.is_empty(), "{path} {start}: {reply:?}");
        }
    }
    let raw = server.post_with(LOGIN, &[JSON], vec![b'"', 0xff, 0xfe, b'"']).await;
    assert_eq!(raw.error(), (400, "InvalidRequest".into()));
}
