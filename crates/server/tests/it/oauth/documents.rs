//! What clients read of the server, and what every answer has.

use http::{Method, header};
use serde_json::json;

use crate::harness::{Server, request};

#[tokio::test]
async fn the_server_says_where_its_endpoints_are() {
    let server = Server::start().await;
    let found = server.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(
        (found.status.as_u16(), found.content_type()),
        (200, "application/json; charset=utf-8")
    );
    assert_eq!(found.header("cache-control"), "public, max-age=300");
    assert_eq!(found.header("access-control-allow-origin"), "*");
    let document = found.json();
    assert_eq!(document["issuer"], "https://pds.test");
    assert_eq!(document["pushed_authorization_request_endpoint"], "https://pds.test/oauth/par");
    assert_eq!(document["require_pushed_authorization_requests"], true);

    let found = server.get("/.well-known/oauth-protected-resource").await;
    assert_eq!(found.json()["resource"], "https://pds.test");
    assert_eq!(found.json()["authorization_servers"], json!(["https://pds.test"]));
    assert_eq!(server.get("/oauth/jwks").await.json(), json!({ "keys": [] }));
}

#[tokio::test]
async fn verbs_types_and_sizes_have_their_own_errors() {
    let server = Server::start().await;
    let wrong = server.send(request(Method::PUT, "/oauth/jwks", &[], "".into())).await;
    assert_eq!(
        (wrong.error(), wrong.header("allow")),
        ((405, "invalid_request".into()), "GET, HEAD, OPTIONS")
    );
    for path in ["/oauth/par", "/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let wrong = server.get(path).await;
        assert_eq!(
            (wrong.status.as_u16(), wrong.header("allow")),
            (405, "POST, OPTIONS"),
            "{path}"
        );
        let form = ("content-type", "application/x-www-form-urlencoded");
        let cases = [
            (vec![("content-type", "text/plain")], "a=b".to_owned(), 415),
            (vec![], "a=b".to_owned(), 400),
            (vec![form], format!("a={}", "x".repeat(70_000)), 413),
            (vec![form, ("content-encoding", "zip")], "a=b".to_owned(), 415),
            (vec![form], "a=b&a=c".to_owned(), 400),
            (vec![("content-type", "application/json")], "[1]".to_owned(), 400),
            (vec![form], String::new(), 400),
        ];
        for (headers, body, status) in cases {
            let reply = server.post_with(path, &headers, body).await;
            assert_eq!(reply.error(), (status, "invalid_request".into()), "{path} {headers:?}");
            assert!(!reply.header("dpop-nonce").is_empty());
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("access-control-allow-origin"), "*");
            assert!(reply.header("access-control-expose-headers").contains("dpop-nonce"));
        }
    }
    let preflight = request(
        Method::OPTIONS,
        "/oauth/par",
        &[("access-control-request-headers", "content-type,dpop")],
        "".into(),
    );
    let reply = server.send(preflight).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header(header::ACCESS_CONTROL_ALLOW_HEADERS.as_str()), "content-type,dpop");
}
