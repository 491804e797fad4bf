//! Clients' documents and keys.

use std::time::Duration;

use cairn_identity::{Curve, SigningKey};
use http::{Response, header};
use serde_json::{Value, json};

use super::{Client, jwks, random, tokens};
use crate::harness::Server;

const SCOPE: &str = "atproto transition:generic";

#[tokio::test]
async fn a_confidential_client_proves_itself_and_stays_long() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::discoverable(true, SCOPE).await;
    let mut held = client.sign_in(&server, &alice, SCOPE).await;
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(80 * 24 * 3600));
        held = tokens(&client.refresh(&server, &held.refresh).await);
    }
    server.clock.advance(Duration::from_secs(90 * 24 * 3600));
    let idle = client.refresh(&server, &held.refresh).await;
    assert_eq!(idle.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn without_its_key_a_confidential_client_is_nobody() {
    let server = Server::start().await;
    let mut client = Client::discoverable(true, SCOPE).await;
    let (kid, key) = client.assertion_key.take().unwrap();
    let refused = client.push(&server, SCOPE, &random()).await;
    assert_eq!(refused.error(), (400, "invalid_client".into()));
    client.assertion_key = Some((kid.clone(), SigningKey::generate(Curve::P256)));
    let refused = client.push(&server, SCOPE, &random()).await;
    assert_eq!(refused.error(), (400, "invalid_client".into()));
    client.assertion_key = Some(("k2".to_owned(), key.clone()));
    let refused = client.push(&server, SCOPE, &random()).await;
    assert_eq!(refused.error(), (400, "invalid_client".into()));
    client.assertion_key = Some((kid, key));
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
}

#[tokio::test]
async fn a_session_stays_with_the_key_it_was_made_with() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut client = Client::discoverable(true, SCOPE).await;
    let held = client.sign_in(&server, &alice, SCOPE).await;
    let fresh = ("k2".to_owned(), SigningKey::generate(Curve::P256));
    client.site().serve("/jwks.json", jwks(&fresh.0, &fresh.1));
    let old = client.assertion_key.replace(fresh);
    server.clock.advance(Duration::from_secs(61));
    // The new key is fetched as soon as it is used, and is good for new sessions.
    client.sign_in(&server, &alice, SCOPE).await;
    let other = client.refresh(&server, &held.refresh).await;
    assert_eq!(other.error(), (400, "invalid_grant".into()));
    // The old one is gone from the client's document, and with it the session.
    client.assertion_key = old;
    let gone = client.refresh(&server, &held.refresh).await;
    assert_eq!(gone.error(), (400, "invalid_client".into()));
}

#[tokio::test]
async fn a_key_that_the_document_itself_has_changed_is_found_as_well() {
    let server = Server::start().await;
    let mut client = Client::discoverable(true, SCOPE).await;
    let document = |kid: &str, key: &SigningKey| {
        json!({
            "client_id": client.id,
            "scope": SCOPE,
            "redirect_uris": [client.redirect_uri()],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": jwks(kid, key),
            "grant_types": ["authorization_code", "refresh_token"],
            "dpop_bound_access_tokens": true,
        })
    };
    let (kid, key) = client.assertion_key.clone().unwrap();
    let fresh = ("k2".to_owned(), SigningKey::generate(Curve::P256));
    let (first, second) = (document(&kid, &key), document(&fresh.0, &fresh.1));
    client.site().serve("/client.json", first);
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
    client.site().serve("/client.json", second);
    let old = client.assertion_key.replace(fresh);
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
    // No more often than once a minute, and the old key is gone.
    client.assertion_key = old;
    for _ in 0..2 {
        let gone = client.push(&server, SCOPE, &random()).await;
        assert_eq!(gone.error(), (400, "invalid_client".into()));
    }
    assert_eq!(client.site().hits("/client.json"), 2);
}

#[tokio::test]
async fn documents_are_fetched_once_in_ten_minutes_and_serve_while_the_site_is_down() {
    let server = Server::start().await;
    let client = Client::discoverable(true, SCOPE).await;
    let pushes = (0..4).map(|_| client.push(&server, SCOPE, "verifier"));
    futures_util::future::join_all(pushes).await;
    let hits = |path: &str| client.site().hits(path);
    assert_eq!((hits("/client.json"), hits("/jwks.json")), (1, 1));
    client.site().fail("/client.json");
    client.site().fail("/jwks.json");
    server.clock.advance(Duration::from_secs(601));
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
    assert_eq!((hits("/client.json"), hits("/jwks.json")), (2, 2));
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
    assert_eq!((hits("/client.json"), hits("/jwks.json")), (2, 2), "the site is left alone");
    server.clock.advance(Duration::from_secs(25 * 3600));
    let gone = client.push(&server, SCOPE, &random()).await;
    assert_eq!(gone.error(), (400, "invalid_client_metadata".into()));
}

#[tokio::test]
async fn a_document_is_json_at_its_very_address() {
    let server = Server::start().await;
    let client = Client::discoverable(false, SCOPE).await;
    let good: Value = json!({
        "client_id": client.id,
        "scope": SCOPE,
        "redirect_uris": [client.redirect_uri()],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "dpop_bound_access_tokens": true,
    });
    let other = json!({ "client_id": "https://other.example.com/client.json" });
    let with = |change: fn(http::response::Builder) -> http::response::Builder, body: &str| {
        change(Response::builder()).body(body.to_owned()).unwrap()
    };
    let json_type =
        |builder: http::response::Builder| builder.header(header::CONTENT_TYPE, "application/json");
    let bad = [
        with(|b| b.header(header::CONTENT_TYPE, "text/html"), &good.to_string()),
        with(|b| b, &good.to_string()),
        with(|b| b.status(201).header(header::CONTENT_TYPE, "application/json"), &good.to_string()),
        with(
            |b| {
                b.status(302)
                    .header(header::LOCATION, "/other.json")
                    .header(header::CONTENT_TYPE, "application/json")
            },
            "",
        ),
        with(json_type, "{"),
        with(json_type, &other.to_string()),
        with(json_type, &format!("{good}{}", " ".repeat(70_000))),
    ];
    let mut elsewhere = good.clone();
    elsewhere["redirect_uris"] = json!(["http://app.example.com/"]);
    client.site().serve("/other.json", good.clone());
    for response in bad {
        let shown = format!("{response:.200?}");
        client.site().serve_response("/client.json", response);
        let refused = client.push(&server, SCOPE, &random()).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata".into()), "{shown}");
        server.clock.advance(Duration::from_secs(31));
    }
    client.site().serve("/client.json", elsewhere);
    let refused = client.push(&server, SCOPE, &random()).await;
    assert_eq!(refused.error(), (400, "invalid_request".into()), "its place is not registered");
    server.clock.advance(Duration::from_secs(601));
    client.site().serve("/client.json", good);
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_no_refresh_token() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::discoverable(false, SCOPE).await;
    let document = json!({
        "client_id": client.id,
        "scope": SCOPE,
        "redirect_uris": [client.redirect_uri()],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "dpop_bound_access_tokens": true,
    });
    client.site().serve("/client.json", document);
    let held = client.sign_in(&server, &alice, SCOPE).await;
    assert_eq!(held.answer.get("refresh_token"), None);
}

#[tokio::test]
async fn clients_on_private_networks_do_not_exist_for_a_public_server() {
    let server = Server::guarded(|_| {}).await;
    let client = Client::discoverable(false, SCOPE).await;
    let refused = client.push(&server, SCOPE, &random()).await;
    assert_eq!(refused.error(), (400, "invalid_client".into()));
    assert_eq!(client.site().hits("/client.json"), 0);
}

#[tokio::test]
async fn keys_are_json_at_their_very_address() {
    let server = Server::start().await;
    let client = Client::discoverable(true, SCOPE).await;
    let (kid, key) = client.assertion_key.clone().unwrap();
    let (site, good) = (client.site(), jwks(&kid, &key));
    let answer = |status: u16, content_type: &str, body: String| {
        let response =
            Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
        response.header(header::LOCATION, site.url("/other.json")).body(body).unwrap()
    };
    let json_type = "application/json";
    let symmetric = json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": kid, "alg": "HS256" }] });
    let bad = [
        answer(404, json_type, good.to_string()),
        answer(201, json_type, good.to_string()),
        answer(302, json_type, String::new()),
        answer(307, json_type, good.to_string()),
        answer(200, "text/plain", good.to_string()),
        answer(200, json_type, "{".to_owned()),
        answer(200, json_type, json!({ "keys": "none" }).to_string()),
        answer(200, json_type, symmetric.to_string()),
        answer(200, json_type, format!("{good}{}", " ".repeat(64 * 1024))),
    ];
    site.serve("/other.json", good.clone());
    for (round, response) in bad.into_iter().enumerate() {
        let shown = format!("{response:.200?}");
        site.serve_response("/jwks.json", response);
        let refused = client.push(&server, SCOPE, &random()).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata".into()), "{shown}");
        assert_eq!((site.hits("/jwks.json"), site.hits("/other.json")), (round + 1, 0), "{shown}");
        server.clock.advance(Duration::from_secs(31));
    }
    // The largest that is taken.
    let text = good.to_string();
    let padding = " ".repeat(64 * 1024 - text.len());
    site.serve_response("/jwks.json", answer(200, json_type, format!("{text}{padding}")));
    assert_eq!(client.push(&server, SCOPE, &random()).await.status, 201);
}

#[tokio::test]
async fn keys_that_do_not_come_are_waited_for_ten_seconds() {
    let server = Server::start().await;
    let client = Client::discoverable(true, SCOPE).await;
    client.site().hang("/jwks.json");
    let asked = std::time::Instant::now();
    let verifier = random();
    let push = client.push(&server, SCOPE, &verifier);
    let refused = tokio::time::timeout(Duration::from_secs(30), push).await.unwrap();
    assert_eq!(refused.error(), (400, "invalid_client_metadata".into()));
    let description = refused.json()["error_description"].as_str().unwrap().to_owned();
    assert_eq!(description, "the client's document was not served in time");
    assert!(asked.elapsed() >= Duration::from_secs(9), "{:?}", asked.elapsed());
    // Whoever asks next does not wait.
    let asked = std::time::Instant::now();
    let again = client.push(&server, SCOPE, &random()).await;
    assert_eq!(again.error(), (400, "invalid_client_metadata".into()));
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    assert_eq!(client.site().hits("/jwks.json"), 1);
}
