//! The token endpoint: RFC 6749 §5.2, RFC 7636 §4.6, RFC 9449 §5, and the profile.

use std::time::Duration;

use cairn_identity::{Curve, SigningKey};
use serde_json::json;

use super::super::{Client, tokens};
use super::{Row, SCOPE, Stage, random, row};

#[rustfmt::skip]
const ANY: &[Row] = &[
    row("no client_id", "invalid_request", |it| it.remove("client_id")),
    row("no grant_type", "invalid_request", |it| it.remove("grant_type")),
    row("a password", "unsupported_grant_type", |it| it.set("grant_type", "password")),
    row("the client's own name", "unsupported_grant_type", |it| it.set("grant_type", "client_credentials")),
    row("a device", "unsupported_grant_type", |it| it.set("grant_type", "urn:ietf:params:oauth:grant-type:device_code")),
    row("grant_type twice", "invalid_request", |it| it.repeated = Some("grant_type")),
    row("another client", "invalid_grant", |it| it.set("client_id", "http://localhost?scope=atproto")),
    row("another content type", "invalid_request", |it| it.headers[0].1 = "text/plain".into()).status(415),
    // The key that stole it.
    row("another key", "invalid_grant", |it| {
        let other = SigningKey::generate(Curve::P256);
        it.proof().header["jwk"] = other.public().to_jwk();
        it.proof().key = other;
    }),
];

#[rustfmt::skip]
const CODES: &[Row] = &[
    row("no code", "invalid_request", |it| it.remove("code")),
    row("what is no code", "invalid_grant", |it| it.set("code", "cod-x")),
    row("a code that nobody has", "invalid_grant", |it| it.set("code", format!("cod-{}", random()))),
    row("the request URI for the code", "invalid_grant", |it| it.set("code", format!("urn:ietf:params:oauth:request_uri:req-{}", random()))),
    row("no code_verifier", "invalid_request", |it| it.remove("code_verifier")),
    row("a short code_verifier", "invalid_grant", |it| it.set("code_verifier", "x".repeat(42))),
    row("a long code_verifier", "invalid_grant", |it| it.set("code_verifier", "x".repeat(129))),
    row("a code_verifier of other characters", "invalid_grant", |it| it.set("code_verifier", "é".repeat(43))),
    row("another code_verifier", "invalid_grant", |it| it.set("code_verifier", random())),
    row("another redirect_uri", "invalid_grant", |it| it.set("redirect_uri", "http://127.0.0.1/callback")),
];

#[tokio::test]
async fn each_fault_of_an_exchange_is_named_and_spoils_nothing() {
    let stage = Stage::public().await;
    let verifier = random();
    let code = stage.client.code(&stage.server, &stage.alice, SCOPE, &verifier).await;
    let redirect_uri = stage.client.redirect_uri();
    let right = || {
        let params = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", &*redirect_uri),
            ("code_verifier", &*verifier),
        ];
        stage.ask("/oauth/token", &params)
    };
    for rows in [ANY, CODES] {
        stage.refuses(rows, right).await;
    }
    // The challenge is no verifier (a downgrade to `plain`).
    let mut plain = right();
    plain.set("code_verifier", stage.push(&verifier).params["code_challenge"].as_str().unwrap());
    assert_eq!(stage.send(&plain).await.error(), (400, "invalid_grant".into()));
    assert_eq!(stage.takes(&right(), 200).await["token_type"], json!("DPoP"));

    let late = stage.client.code(&stage.server, &stage.alice, SCOPE, &random()).await;
    stage.server.clock.advance(Duration::from_secs(300));
    let reply = stage.client.exchange(&stage.server, &late, &verifier).await;
    assert_eq!(reply.error(), (400, "invalid_grant".into()), "five minutes are over");
}

#[rustfmt::skip]
const REFRESHES: &[Row] = &[
    row("no refresh_token", "invalid_request", |it| it.remove("refresh_token")),
    row("what is no refresh token", "invalid_grant", |it| it.set("refresh_token", "ref-x")),
    row("a refresh token that nobody has", "invalid_grant", |it| it.set("refresh_token", format!("ref-{}", "A".repeat(64)))),
    row("more scopes", "invalid_scope", |it| it.set("scope", "atproto transition:generic transition:email")),
    row("scopes without atproto", "invalid_scope", |it| it.set("scope", "transition:generic")),
    row("a permission set that was not granted", "invalid_scope", |it| it.set("scope", "atproto include:com.example.set")),
];

#[tokio::test]
async fn each_fault_of_a_refresh_is_named_and_ends_nothing() {
    let stage = Stage::public().await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    let right = || {
        let params = [("grant_type", "refresh_token"), ("refresh_token", &*held.refresh)];
        stage.ask("/oauth/token", &params)
    };
    for rows in [ANY, REFRESHES] {
        stage.refuses(rows, right).await;
    }
    let mut access = right();
    access.set("refresh_token", &held.access);
    assert_eq!(stage.send(&access).await.error(), (400, "invalid_grant".into()));
    assert_eq!(stage.takes(&right(), 200).await["scope"], json!(SCOPE));
}

#[tokio::test]
async fn a_client_that_gives_up_refreshing_is_not_refreshed() {
    let stage = Stage::with(Client::discoverable(false, SCOPE).await).await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    let document = json!({
        "client_id": stage.client.id,
        "scope": SCOPE,
        "redirect_uris": [stage.client.redirect_uri()],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "dpop_bound_access_tokens": true,
    });
    stage.client.site().serve("/client.json", document);
    stage.server.clock.advance(Duration::from_secs(601));
    let reply = stage.client.refresh(&stage.server, &held.refresh).await;
    assert_eq!(reply.error(), (400, "unauthorized_client".into()));
}

#[tokio::test]
async fn a_public_client_may_come_to_have_a_key_and_keeps_its_sessions() {
    let mut client = Client::discoverable(true, SCOPE).await;
    let (kid, key) = client.assertion_key.take().unwrap();
    let document = |method: &str| {
        let mut document = json!({
            "client_id": client.id,
            "scope": SCOPE,
            "redirect_uris": [client.redirect_uri()],
            "token_endpoint_auth_method": method,
            "grant_types": ["authorization_code", "refresh_token"],
            "dpop_bound_access_tokens": true,
        });
        if method != "none" {
            document["jwks_uri"] = json!(client.site().url("/jwks.json"));
        }
        document
    };
    client.site().serve("/client.json", document("none"));
    let proven = document("private_key_jwt");
    let mut stage = Stage::with(client).await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    stage.client.site().serve("/client.json", proven);
    stage.server.clock.advance(Duration::from_secs(601));
    stage.client.assertion_key = Some((kid, key));
    let next = tokens(&stage.client.refresh(&stage.server, &held.refresh).await);
    // Without it, it is nobody from now on.
    stage.client.assertion_key = None;
    let reply = stage.client.refresh(&stage.server, &next.refresh).await;
    assert_eq!(reply.error(), (400, "invalid_client".into()));
}
