//! Clients that prove themselves: RFC 7521 §4.2.1, RFC 7523 §3, and the profile.

use cairn_identity::{Curve, SigningKey};
use serde_json::{Value, json};

use super::{JWT_BEARER, Row, Stage, random, row};

#[rustfmt::skip]
const ASSERTIONS: &[Row] = &[
    row("none", "invalid_client", |it| { it.assertion = None; it.remove("client_assertion_type"); }),
    row("a type without an assertion", "invalid_client", |it| it.assertion = None),
    row("no type", "invalid_client", |it| it.remove("client_assertion_type")),
    row("another type", "invalid_client", |it| it.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")),
    row("a secret", "invalid_client", |it| {
        it.assertion = None;
        it.remove("client_assertion_type");
        it.set("client_secret", "secret");
    }),
    row("no token", "invalid_client", |it| { it.assertion = None; it.set("client_assertion", "x"); }),
    row("alg none", "invalid_client", |it| it.assertion().header["alg"] = json!("none")),
    row("symmetric alg", "invalid_client", |it| it.assertion().header["alg"] = json!("HS256")),
    row("another alg than declared", "invalid_client", |it| {
        it.assertion().header["alg"] = json!("ES256K");
        it.assertion().key = SigningKey::generate(Curve::K256);
    }),
    row("typ of an access token", "invalid_client", |it| it.assertion().header["typ"] = json!("at+jwt")),
    row("critical extensions", "invalid_client", |it| it.assertion().header["crit"] = json!(["x"])),
    row("no kid", "invalid_client", |it| it.assertion().header["kid"] = Value::Null),
    row("unknown kid", "invalid_client", |it| it.assertion().header["kid"] = json!("k2")),
    row("another key", "invalid_client", |it| it.assertion().key = SigningKey::generate(Curve::P256)),
    row("no iss", "invalid_client", |it| it.assertion().claims["iss"] = Value::Null),
    row("another iss", "invalid_client", |it| it.assertion().claims["iss"] = json!("https://other.example.com/c")),
    row("no sub", "invalid_client", |it| it.assertion().claims["sub"] = Value::Null),
    row("another sub", "invalid_client", |it| it.assertion().claims["sub"] = json!("https://other.example.com/c")),
    row("no aud", "invalid_client", |it| it.assertion().claims["aud"] = Value::Null),
    row("another server", "invalid_client", |it| it.assertion().claims["aud"] = json!("https://other.test")),
    row("the endpoint for the issuer", "invalid_client", |it| it.assertion().claims["aud"] = json!("https://pds.test/oauth/token")),
    row("another server as well", "invalid_client", |it| {
        it.assertion().claims["aud"] = json!(["https://pds.test", "https://other.test"]);
    }),
    row("no jti", "invalid_client", |it| it.assertion().claims["jti"] = Value::Null),
    row("empty jti", "invalid_client", |it| it.assertion().claims["jti"] = json!("")),
    row("no iat", "invalid_client", |it| it.assertion().claims["iat"] = Value::Null),
    row("made too long ago", "invalid_client", |it| it.assertion().shift("iat", -91)),
    row("made in the future", "invalid_client", |it| it.assertion().shift("iat", 31)),
    row("expired", "invalid_client", |it| it.assertion().shift("exp", -30)),
    row("not good yet", "invalid_client", |it| it.assertion().shift("nbf", 31)),
    row("bound to another DPoP key", "invalid_client", |it| it.assertion().claims["cnf"] = json!({ "jkt": random() })),
    row("bound in a way that is not known", "invalid_client", |it| it.assertion().claims["cnf"] = json!({ "kid": "x" })),
    row("the DPoP key is the client's too", "invalid_client", |it| {
        let key = it.assertion().key.clone();
        it.proof().header["jwk"] = key.public().to_jwk();
        it.proof().key = key;
    }),
];

#[tokio::test]
async fn each_fault_of_an_assertion_is_named_at_each_endpoint() {
    let stage = Stage::confidential().await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, super::SCOPE).await;
    let pushed = random();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", held.refresh.as_str())];
    let token = [("token", held.refresh.as_str())];
    stage.refuses(ASSERTIONS, || stage.push(&pushed)).await;
    stage.refuses(ASSERTIONS, || stage.ask("/oauth/token", &refresh)).await;
    stage.refuses(ASSERTIONS, || stage.ask("/oauth/revoke", &token)).await;
    stage.refuses(ASSERTIONS, || stage.ask("/oauth/introspect", &token)).await;
    let right = stage.push(&pushed);
    let used = right.assertion.as_ref().unwrap().text();
    stage.takes(&right, 201).await;
    stage.takes(&stage.ask("/oauth/token", &refresh), 200).await;
    // An assertion serves once, wherever.
    let mut again = stage.ask("/oauth/revoke", &token);
    again.assertion = None;
    again.set("client_assertion", used);
    assert_eq!(stage.send(&again).await.error(), (400, "invalid_client".into()));
}

#[tokio::test]
async fn a_public_client_has_nothing_to_prove_itself_with() {
    let stage = Stage::public().await;
    let other = Stage::confidential().await;
    let verifier = random();
    let right = || {
        let mut ask = stage.push(&verifier);
        ask.set("client_assertion_type", JWT_BEARER);
        ask.assertion = other.assertion();
        ask
    };
    stage.refuses(&[row("an assertion", "invalid_client", |_| {})], right).await;
    stage.takes(&stage.push(&verifier), 201).await;
}
