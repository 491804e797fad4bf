//! The routes beside XRPC.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use cairn_server::config::Secret;
use cairn_server::router;
use futures_util::StreamExt;
use http::Method;

use crate::harness::{Server, request};

/// A path of the table with something for each name in it.
pub fn filled(pattern: &str, with: &str) -> String {
    let segment = |segment| if segment_is_open(segment) { with } else { segment };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn segment_is_open(segment: &str) -> bool {
    segment.starts_with('{')
}

#[tokio::test]
async fn figures_say_what_was_done_and_the_documentation_lists_them() {
    let server = Server::with(|config| config.metrics_token = Some(Secret::new("figures"))).await;
    let alice = server.person("alice").await;
    server.write(&alice, "com.example.note/a", "x").await;
    server.get("/xrpc/com.atproto.server.describeServer").await;
    server.get("/xrpc/com.atproto.server.getSession").await;
    server.get("/nothing").await;
    let reply = server.get_with("/metrics", &[("authorization", "Bearer figures")]).await;
    assert_eq!(reply.content_type(), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    for line in [
        "cairn_build_info{version=\"1.2.3\"} 1",
        "cairn_requests_total{class=\"query\",code=\"2xx\"} 1",
        "cairn_requests_total{class=\"query\",code=\"4xx\"} 1",
        "cairn_requests_total{class=\"route\",code=\"4xx\"} 1",
        "cairn_request_duration_seconds_count{class=\"query\"} 2",
        "cairn_request_duration_seconds_bucket{class=\"query\",le=\"+Inf\"} 2",
        "cairn_accounts{state=\"active\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse::<u64>().unwrap()
    };
    assert!(value("cairn_commits_total") > 0);
    assert!(value("cairn_events_total") > value("cairn_commits_total"));
    assert!(value("cairn_database_bytes") > 0 && value("process_resident_memory_bytes") > 0);
    let docs = include_str!("../../../../docs/operations.md");
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(docs.contains(&format!("| `{name}`")), "{name} is not in docs/operations.md");
    }
}

#[tokio::test]
async fn health_tells_the_version() {
    let server = Server::start().await;
    let reply = server.get("/xrpc/_health").await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()),
        (200, serde_json::json!({"version": "1.2.3"}))
    );
    server.app.store.close().await;
    let reply = server.get("/xrpc/_health").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["version"], "1.2.3");
}

#[tokio::test]
async fn a_handle_resolves_by_its_host_name() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let ask =
        async |host: &str| server.get_with("/.well-known/atproto-did", &[("host", host)]).await;
    let reply = ask("ALICE.pds.test:443").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_ref()), (200, alice.did.as_str().as_bytes()));
    assert!(reply.content_type().starts_with("text/plain"));
    // As HTTP/2 says it.
    let reply = server.get("http://alice.pds.test/.well-known/atproto-did").await;
    assert_eq!(reply.body.as_ref(), alice.did.as_str().as_bytes());
    for host in ["bob.pds.test", "pds.test", "alice.elsewhere.test", "", "!"] {
        assert_eq!(ask(host).await.status, 404, "{host}");
    }
    server.app.store.deactivate(&alice.did, None).await.unwrap();
    assert_eq!(ask("alice.pds.test").await.status, 404);
}

#[tokio::test]
async fn the_servers_did_document_names_its_endpoint() {
    let server = Server::start().await;
    let reply = server.get_with("/.well-known/did.json", &[("host", "pds.test")]).await;
    assert_eq!(reply.json()["id"], "did:web:pds.test");
    assert_eq!(reply.json()["service"][0]["serviceEndpoint"], "https://pds.test");
    assert_eq!(
        server.get_with("/.well-known/did.json", &[("host", "alice.pds.test")]).await.status,
        404
    );
}

#[tokio::test]
async fn a_proxy_may_get_certificates_for_names_of_this_server_only() {
    let server = Server::start().await;
    server.person("alice").await;
    let ask = async |domain: &str| server.get(&format!("/tls-check?domain={domain}")).await;
    assert_eq!(ask("pds.test").await.json(), serde_json::json!({"success": true}));
    assert_eq!(ask("alice.pds.test").await.status, 200);
    assert_eq!(ask("bob.pds.test").await.error(), (404, "NotFound".into()));
    assert_eq!(ask("elsewhere.test").await.error(), (400, "InvalidRequest".into()));
    assert_eq!(ask("").await.error(), (400, "InvalidRequest".into()));
}

#[tokio::test]
async fn the_front_page_is_text_in_earnest_and_a_live_page_in_development() {
    let server = Server::start().await;
    let reply = server.get("/").await;
    assert!(reply.content_type().starts_with("text/plain"));
    assert!(server.get("/robots.txt").await.body.starts_with(b"#"));
    assert_eq!(server.get("/dev/mail").await.status, 404);
    assert_eq!(server.get("/nothing").await.error(), (404, "NotFound".into()));
    assert_eq!(server.post_with("/", &[], "").await.status, 405);

    let server = Server::with(|config| config.dev_mode = true).await;
    let alice = server.person("alice").await;
    let reply = server.get("/").await;
    let page = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(
        reply.content_type().starts_with("text/html") && page.contains(alice.did.as_str()),
        "{page}"
    );
    let mailbox = server.get("/dev/mail").await;
    assert_eq!((mailbox.status.as_u16(), mailbox.header("access-control-allow-origin")), (200, ""));
}

#[tokio::test]
async fn the_live_view_begins_with_the_last_events() {
    let server = Server::with(|config| config.dev_mode = true).await;
    let alice = server.person("alice").await;
    for n in 0..60 {
        server.write(&alice, "com.example.note/a", &n.to_string()).await;
    }
    let lines = async |headers: &[(&str, &str)]| {
        let request = request(Method::GET, "/dev/events", headers, Body::empty());
        let response =
            router::answer(server.app.clone(), request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await;
        let mut body = response.into_body().into_data_stream();
        let first = body.next().await.unwrap().unwrap();
        let text = String::from_utf8(first.to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("id: ").map(str::to_owned)).collect()
    };
    let shown: Vec<String> = lines(&[]).await;
    let head = server.app.store.events().head_seq().to_string();
    assert_eq!((shown.len(), shown.last()), (50, Some(&head)));
    // A browser that lost the connection goes on where it was.
    let again: Vec<String> = lines(&[("last-event-id", &shown[46])]).await;
    assert_eq!(again, shown[47..]);
}
