//! What passes through: large, slow, packed and broken bodies.

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use cairn_tests::{StandIn, TestPds, World, slowly};
use reqwest::Method;
use tokio::time::Instant;

const METHOD: &str = "com.example.body";
const MIB: usize = 1024 * 1024;

async fn with_limits(headers: Duration, body: Duration, max_mib: usize) -> (TestPds, StandIn) {
    let world = World::start().await;
    let appview = StandIn::start(&world).await;
    let pds = world
        .pds_with(|config| {
            config.appview = Some(appview.target());
            config.proxy.headers_timeout = headers;
            config.proxy.body_timeout = body;
            config.proxy.max_response_bytes = max_mib * MIB;
            config.blob_upload_limit = 64 * 1024 * 1024;
        })
        .await;
    (pds, appview)
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn large_bodies_pass_in_both_directions() {
    let (pds, appview) = with_limits(LONG, LONG, 64).await;
    let alice = pds.account("alice").await;
    appview.on(METHOD, |_| {
        let piece = Bytes::from(vec![7; MIB]);
        let kind = [("content-type", "application/octet-stream")];
        (kind, slowly(48, piece, Duration::ZERO)).into_response()
    });
    let pieces = (0..32).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![9; MIB])));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let reply = alice.upload(METHOD, "application/octet-stream", body).await;
    assert_eq!(reply.body().len(), 48 * MIB);
    assert!(reply.bytes.iter().all(|byte| *byte == 7));
    let seen = appview.last();
    assert_eq!(seen.body.len(), 32 * MIB);
    assert_eq!(seen.signer, Ok(alice.did.clone()));
}

#[tokio::test]
async fn pieces_arrive_as_they_come() {
    let (pds, appview) = with_limits(LONG, LONG, 1).await;
    let alice = pds.account("alice").await;
    appview.on(METHOD, |_| slowly(3, Bytes::from_static(b"piece"), SHORT).into_response());
    let start = Instant::now();
    let mut response = alice.request(Method::GET, METHOD).send().await.unwrap();
    let mut times = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        assert_eq!(piece, "piece");
        times.push(start.elapsed());
    }
    assert_eq!(times.len(), 3);
    assert!(times[2] - times[0] >= SHORT, "{times:?}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_or_cut() {
    let (pds, appview) = with_limits(LONG, LONG, 1).await;
    let alice = pds.account("alice").await;
    appview.on(METHOD, |_| Bytes::from(vec![0; MIB + 1]).into_response());
    assert_eq!(alice.query(METHOD, &[]).await, (502, "UpstreamFailure"));
    appview.on(METHOD, |_| Bytes::from(vec![0; MIB]).into_response());
    assert_eq!(alice.query(METHOD, &[]).await.body().len(), MIB);
    // Without a length, the end is seen when it is too late for another status.
    appview
        .on(METHOD, |_| slowly(5, Bytes::from(vec![0; MIB / 4]), Duration::ZERO).into_response());
    let response = alice.request(Method::GET, METHOD).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused() {
    let (pds, _appview) = with_limits(LONG, LONG, 1).await;
    let alice = pds.account("alice").await;
    let pieces = (0..65).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![9; MIB])));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let reply = alice.upload(METHOD, "application/octet-stream", body).await;
    assert_eq!(reply, (413, "PayloadTooLarge"));
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let (pds, appview) = with_limits(SHORT, LONG, 1).await;
    let alice = pds.account("alice").await;
    // A listener that accepts and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", silent.local_addr().unwrap().port());
    let slow = pds
        .world
        .pds_with(|config| {
            let mut target = appview.target();
            target.url = url.parse().unwrap();
            config.appview = Some(target);
            config.proxy.headers_timeout = SHORT;
        })
        .await;
    let bob = slow.account("bobby").await;
    let start = Instant::now();
    assert_eq!(bob.query(METHOD, &[]).await, (504, "UpstreamTimeout"));
    assert_eq!(bob.upload(METHOD, "text/plain", "body").await, (504, "UpstreamTimeout"));
    assert!(start.elapsed() < Duration::from_secs(5));

    // A client may be slower than that, as long as it goes on.
    let body = slowly(4, Bytes::from_static(b"piece"), SHORT);
    let body = reqwest::Body::wrap_stream(body.into_data_stream());
    alice.upload(METHOD, "text/plain", body).await.ok();
    assert_eq!(appview.last().body, "piecepiecepiecepiece");
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut() {
    let (pds, appview) = with_limits(LONG, SHORT, 1).await;
    let alice = pds.account("alice").await;
    appview.on(METHOD, |_| slowly(2, Bytes::from_static(b"piece"), SHORT / 2).into_response());
    assert_eq!(alice.query(METHOD, &[]).await.body(), "piecepiece");
    appview.on(METHOD, |_| slowly(2, Bytes::from_static(b"piece"), LONG).into_response());
    let start = Instant::now();
    let response = alice.request(Method::GET, METHOD).send().await;
    assert!(match response {
        Ok(response) => response.bytes().await.is_err(),
        Err(_) => true,
    });
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn packed_bodies_pass_as_they_are() {
    let (pds, appview) = with_limits(LONG, LONG, 1).await;
    let alice = pds.account("alice").await;
    let packed: Bytes = b"not really packed, and nobody looks".as_slice().into();
    let body = packed.clone();
    appview.on(METHOD, move |_| {
        let headers = [("content-encoding", "zstd"), ("content-type", "application/json")];
        (headers, Body::from(body.clone())).into_response()
    });
    let request = alice.request(Method::GET, METHOD).header("accept-encoding", "zstd, gzip");
    let reply = alice.send(request).await;
    assert_eq!((reply.header("content-encoding"), reply.body()), (Some("zstd"), &packed));
    assert_eq!(appview.last().header("accept-encoding"), Some("zstd, gzip"));

    let request = alice
        .request(Method::POST, METHOD)
        .header("content-encoding", "gzip")
        .header("content-type", "application/json")
        .body(packed.clone());
    alice.send(request).await.body();
    let seen = appview.last();
    assert_eq!((seen.header("content-encoding"), &seen.body), (Some("gzip"), &packed));

    // What the service left unpacked stays so: packing it here would cost more than passing it on.
    appview.on(METHOD, |_| {
        ([("content-type", "application/json")], format!("\"{}\"", "a".repeat(5_000)))
            .into_response()
    });
    let request = alice.request(Method::GET, METHOD).header("accept-encoding", "gzip");
    let reply = alice.send(request).await;
    assert_eq!((reply.header("content-encoding"), reply.body().len()), (None, 5_002));
}

#[tokio::test]
async fn a_service_may_answer_before_it_has_read_everything() {
    let (pds, appview) = with_limits(LONG, LONG, 1).await;
    let alice = pds.account("alice").await;
    appview.on(METHOD, |_| cairn_tests::refusal(413, "PayloadTooLarge", "no"));
    let reply = alice.upload(METHOD, "text/plain", vec![0; 4 * MIB]).await;
    assert_eq!(reply, (413, "PayloadTooLarge"));
}
