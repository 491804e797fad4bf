//! Where requests are not passed on to: the server's own neighbours.

use std::time::Duration;

use cairn_identity::DidDocument;
use cairn_model::Did;
use cairn_server::config::ServiceTarget;
use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::Server;

const METHOD: &str = "/xrpc/com.example.method";

#[tokio::test]
async fn services_on_private_addresses_are_not_asked() {
    let neighbour = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = neighbour.local_addr().unwrap().port();
    let own = ServiceTarget {
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        did: Did::parse("did:web:appview.test").unwrap(),
    };
    let server = Server::guarded(|config| config.appview = Some(own)).await;
    let alice = server.person("alice").await;
    let bearer = alice.bearer();
    let mut messages = Vec::new();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://[::1]:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        format!("https://0x7f000001:{port}"),
        "https://10.0.0.1".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "http://example.com".to_owned(),
    ] {
        let document: DidDocument = serde_json::from_value(json!({
            "id": "did:web:evil.example",
            "service": [{ "id": "#svc", "type": "Any", "serviceEndpoint": endpoint }],
        }))
        .unwrap();
        server.resolver.set_document(document.clone());
        cairn_identity::Resolver::did(server.resolver.as_ref(), &document.id, true).await.unwrap();
        let headers =
            [("authorization", bearer.as_str()), ("atproto-proxy", "did:web:evil.example#svc")];
        let reply = server.get_with(METHOD, &headers).await;
        assert_eq!(reply.error(), (502, "UpstreamFailure".into()), "{endpoint}");
        messages.push(reply.message());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "the answers tell private addresses apart: {messages:?}");
    // Not even the operator's own, unless private addresses are allowed.
    let reply = server.get_with(METHOD, &[("authorization", &bearer)]).await;
    assert_eq!(reply.error(), (502, "UpstreamFailure".into()));
    let knock = tokio::time::timeout(Duration::from_millis(100), neighbour.accept()).await;
    assert!(knock.is_err(), "a connection was made");
}

#[tokio::test]
async fn endpoints_that_are_no_web_addresses_are_refused() {
    let server = Server::guarded(|_| {}).await;
    let alice = server.person("alice").await;
    for endpoint in
        ["ftp://example.com", "file:///etc/passwd", "https://a:b@example.com", "", "//x"]
    {
        let document: DidDocument = serde_json::from_value(json!({
            "id": "did:web:evil.example",
            "service": [{ "id": "#svc", "type": "Any", "serviceEndpoint": endpoint }],
        }))
        .unwrap();
        server.resolver.set_document(document.clone());
        cairn_identity::Resolver::did(server.resolver.as_ref(), &document.id, true).await.unwrap();
        let bearer = alice.bearer();
        let headers =
            [("authorization", bearer.as_str()), ("atproto-proxy", "did:web:evil.example#svc")];
        let reply = server.get_with(METHOD, &headers).await;
        assert_eq!(reply.error(), (400, "InvalidRequest".into()), "{endpoint}");
    }
}
