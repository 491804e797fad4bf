//! Clients' documents, as far as a server says what is wrong with them: RFC 7591 §3.2.2, and the profile.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Client, random};
use super::{SCOPE, Stage};

type Fault = (&'static str, &'static str, fn(&mut Value));

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    ("no object", "invalid_client_metadata", |it| *it = json!([])),
    ("no client_id", "invalid_client_metadata", |it| it["client_id"] = Value::Null),
    ("another client_id", "invalid_client_metadata", |it| it["client_id"] = json!("https://other.example.com/c")),
    ("no redirect_uris", "invalid_client_metadata", |it| it["redirect_uris"] = Value::Null),
    ("empty redirect_uris", "invalid_client_metadata", |it| it["redirect_uris"] = json!([])),
    ("redirect_uris is no list", "invalid_client_metadata", |it| it["redirect_uris"] = json!("https://app.example.com/")),
    ("a redirect URI with a fragment", "invalid_redirect_uri", |it| it["redirect_uris"] = json!(["https://app.example.com/#x"])),
    ("a redirect URI with credentials", "invalid_redirect_uri", |it| it["redirect_uris"] = json!(["https://u:p@app.example.com/"])),
    ("a redirect URI of no allowed scheme", "invalid_redirect_uri", |it| it["redirect_uris"] = json!(["javascript:alert(1)"])),
    ("a loopback redirect URI of a web client", "invalid_redirect_uri", |it| it["redirect_uris"] = json!(["http://127.0.0.1/"])),
    ("an app's redirect URI of a web client", "invalid_redirect_uri", |it| it["redirect_uris"] = json!(["com.example.app:/cb"])),
    ("no scope", "invalid_client_metadata", |it| it["scope"] = Value::Null),
    ("scope without atproto", "invalid_client_metadata", |it| it["scope"] = json!("transition:generic")),
    ("a scope twice", "invalid_client_metadata", |it| it["scope"] = json!("atproto atproto")),
    ("tokens that are not bound", "invalid_client_metadata", |it| it["dpop_bound_access_tokens"] = json!(false)),
    ("no word on binding", "invalid_client_metadata", |it| it["dpop_bound_access_tokens"] = Value::Null),
    ("the implicit grant", "invalid_client_metadata", |it| it["grant_types"] = json!(["authorization_code", "implicit"])),
    ("a grant twice", "invalid_client_metadata", |it| it["grant_types"] = json!(["authorization_code", "authorization_code"])),
    ("no grant of codes", "invalid_client_metadata", |it| it["grant_types"] = json!(["refresh_token"])),
    ("no response type code", "invalid_client_metadata", |it| it["response_types"] = json!(["token"])),
    ("a secret", "invalid_client_metadata", |it| it["token_endpoint_auth_method"] = json!("client_secret_basic")),
    ("a public client with an alg", "invalid_client_metadata", |it| it["token_endpoint_auth_signing_alg"] = json!("ES256")),
    ("no keys", "invalid_client_metadata", |it| it["token_endpoint_auth_method"] = json!("private_key_jwt")),
    ("keys twice", "invalid_client_metadata", |it| {
        it["token_endpoint_auth_method"] = json!("private_key_jwt");
        it["jwks_uri"] = json!("https://app.example.com/jwks.json");
        it["jwks"] = json!({ "keys": [] });
    }),
    ("no usable key", "invalid_client_metadata", |it| {
        it["token_endpoint_auth_method"] = json!("private_key_jwt");
        it["jwks"] = json!({ "keys": [] });
    }),
    ("an unknown kind of application", "invalid_client_metadata", |it| it["application_type"] = json!("toaster")),
    ("a home page on another host", "invalid_client_metadata", |it| it["client_uri"] = json!("https://bank.example.com/")),
    ("pairwise subjects", "invalid_client_metadata", |it| it["subject_type"] = json!("pairwise")),
    ("signed requests only", "invalid_client_metadata", |it| it["require_signed_request_object"] = json!(true)),
    ("tokens bound to certificates", "invalid_client_metadata", |it| it["tls_client_certificate_bound_access_tokens"] = json!(true)),
    ("authorization details", "invalid_client_metadata", |it| it["authorization_details_types"] = json!(["x"])),
];

#[tokio::test]
async fn each_fault_of_a_document_is_named() {
    let stage = Stage::with(Client::discoverable(false, SCOPE).await).await;
    let site = stage.client.site();
    let right = json!({
        "client_id": stage.client.id,
        "scope": SCOPE,
        "redirect_uris": [stage.client.redirect_uri()],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "dpop_bound_access_tokens": true,
    });
    let verifier = random();
    for (name, error, spoil) in FAULTS {
        let mut document = right.clone();
        spoil(&mut document);
        site.serve("/client.json", document);
        stage.server.clock.advance(Duration::from_secs(601));
        let reply = stage.client.push(&stage.server, SCOPE, &verifier).await;
        assert_eq!(reply.error(), (400, (*error).to_owned()), "{name}: {reply:?}");
    }
    site.serve("/client.json", right);
    stage.server.clock.advance(Duration::from_secs(601));
    let reply = stage.client.push(&stage.server, SCOPE, &verifier).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}
