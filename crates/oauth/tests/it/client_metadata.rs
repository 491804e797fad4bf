//! Client metadata documents. <https://atproto.com/specs/oauth#client-id-metadata-document>

use cairn_identity::{Curve, SigningKey};
use cairn_oauth::client::{
    ApplicationType, ClientAuthentication, ClientId, ClientKeys, ClientMetadata,
    ClientMetadataError, Jwks, JwksError, MAX_DOCUMENT_BYTES,
};
use cairn_oauth::token::Lifetimes;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, client, code, confidential_document, key, public_document, with};

fn read(document: &Value) -> Result<ClientMetadata, ClientMetadataError> {
    ClientMetadata::new(&ClientId::parse(CLIENT_ID).unwrap(), document.to_string().as_bytes())
}

/// The complaint about a public web client's document with these changes.
fn complaint(changes: Value) -> String {
    read(&with(public_document(), changes)).unwrap_err().to_string()
}

fn native(changes: Value) -> Value {
    let base = json!({
        "application_type": "native",
        "redirect_uris": ["com.example.app:/callback", "https://app.example.com/open", "http://127.0.0.1/cb"],
    });
    with(with(public_document(), base), changes)
}

#[test]
fn a_public_client_is_what_it_says() {
    let client = client(&public_document());
    assert_eq!(client.id().as_str(), CLIENT_ID);
    assert_eq!(client.application_type(), ApplicationType::Web);
    assert!(!client.is_confidential() && client.may_refresh() && !client.is_trusted());
    assert_eq!(client.lifetimes(), Lifetimes::PUBLIC);
    assert_eq!(client.display_host(), Some("app.example.com"));
    assert_eq!(client.name(), Some("An app"));
    assert_eq!(client.client_uri().unwrap().as_str(), "https://app.example.com/");
    assert_eq!(
        client.scopes().to_string(),
        "atproto transition:generic repo:app.example.note rpc:app.example.x?aud=*"
    );
    // Declared in another spelling, declared but not understood, not declared.
    assert!(client.declares("repo?collection=app.example.note"));
    assert!(client.declares("some:thing"));
    assert!(!client.declares("repo:app.example.note?action=create"));
    assert!(!client.declares("other:thing"));
    assert!(client.with_trust(true).is_trusted());
}

#[test]
fn a_confidential_client_has_keys() {
    let key = key();
    let client = client(&confidential_document(&key));
    assert!(client.is_confidential());
    assert_eq!(client.lifetimes(), Lifetimes::CONFIDENTIAL);
    let ClientAuthentication::PrivateKeyJwt { alg, keys: ClientKeys::Inline(keys) } =
        client.authentication()
    else {
        panic!("the keys are in the document");
    };
    assert_eq!(*alg, Some("ES256"));
    assert_eq!(keys.find("k1", "ES256"), Some(&key.public()));
    assert_eq!(keys.find("k1", "ES256K"), None);
    assert_eq!(keys.find("k2", "ES256"), None);

    let remote = json!({ "jwks": null, "jwks_uri": "https://app.example.com/jwks.json" });
    let client = read(&with(confidential_document(&key), remote)).unwrap();
    assert!(matches!(
        client.authentication(),
        ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::Remote(uri), .. }
            if uri.as_str() == "https://app.example.com/jwks.json"
    ));
}

#[test]
fn what_the_specification_calls_optional_may_be_left_out() {
    let changes = json!({
        "client_name": null, "client_uri": null, "application_type": null,
        "token_endpoint_auth_method": null,
    });
    let client = read(&with(public_document(), changes)).unwrap();
    assert!(!client.is_confidential());
    assert_eq!(client.application_type(), ApplicationType::Web);
    let defaults = json!({ "grant_types": null, "response_types": null });
    assert!(!read(&with(public_document(), defaults)).unwrap().may_refresh());
}

#[test]
fn each_rule_of_the_document_is_kept() {
    let cases = [
        (json!({ "client_id": null }), "client metadata lack 'client_id'"),
        (
            json!({ "client_id": "https://app.example.com/other" }),
            "client metadata name another client_id",
        ),
        (json!({ "scope": null }), "client metadata lack 'scope'"),
        (
            json!({ "scope": "atproto repo:* repo:*" }),
            "client metadata have a value twice in 'scope'",
        ),
        (
            json!({ "grant_types": ["authorization_code", "authorization_code"] }),
            "client metadata have a value twice in 'grant_types'",
        ),
        (json!({ "redirect_uris": null }), "client metadata lack 'redirect_uris'"),
        (json!({ "redirect_uris": [] }), "client metadata lack 'redirect_uris'"),
    ];
    for (changes, expected) in cases {
        assert_eq!(complaint(changes.clone()), expected, "{changes}");
    }
    let no_scope = read(&with(public_document(), json!({ "scope": null })));
    assert_eq!(code(no_scope), "invalid_client_metadata");
    assert!(matches!(read(&json!([])), Err(ClientMetadataError::Json(_))));
    let long = json!({ "client_name": "a".repeat(MAX_DOCUMENT_BYTES) });
    assert!(matches!(read(&with(public_document(), long)), Err(ClientMetadataError::TooLong)));
}

#[test]
fn each_field_has_a_value_of_the_profile() {
    let cases = [
        ("scope", json!("repo:*")),
        ("grant_types", json!([])),
        ("grant_types", json!(["refresh_token"])),
        ("grant_types", json!(["authorization_code", "implicit"])),
        ("grant_types", json!(["authorization_code", "password"])),
        ("response_types", json!([])),
        ("response_types", json!(["token"])),
        ("dpop_bound_access_tokens", json!(null)),
        ("dpop_bound_access_tokens", json!(false)),
        ("application_type", json!("desktop")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("token_endpoint_auth_signing_alg", json!("ES256")),
        ("client_uri", json!("https://other.example.com/")),
        ("client_uri", json!("http://app.example.com/")),
        ("logo_uri", json!("http://app.example.com/logo.png")),
        ("logo_uri", json!("data:image/png,x")),
        ("tos_uri", json!("javascript:alert(1)")),
        ("policy_uri", json!("https://localhost/p")),
        ("policy_uri", json!("https://user@app.example.com/p")),
    ];
    for (field, value) in cases {
        let expected = format!("client metadata have a value of '{field}' that is not allowed");
        assert_eq!(complaint(json!({ field: value.clone() })), expected, "{value}");
    }
}

#[test]
fn what_is_not_done_here_is_not_promised() {
    let fields = [
        ("default_max_age", json!(60)),
        ("userinfo_signed_response_alg", json!("ES256")),
        ("userinfo_encrypted_response_alg", json!("ECDH-ES")),
        ("id_token_signed_response_alg", json!("ES256")),
        ("authorization_signed_response_alg", json!("ES256")),
        ("authorization_encrypted_response_alg", json!("ECDH-ES")),
        ("authorization_encrypted_response_enc", json!("A128GCM")),
        ("tls_client_certificate_bound_access_tokens", json!(true)),
        ("require_signed_request_object", json!(true)),
        ("authorization_details_types", json!(["payment"])),
        ("subject_type", json!("pairwise")),
    ];
    for (field, value) in fields {
        let expected = format!("client metadata have '{field}', which is not supported");
        assert_eq!(complaint(json!({ field: value })), expected);
    }
    let harmless = json!({ "subject_type": "public", "authorization_details_types": [], "contacts": ["a@b.c"] });
    assert!(read(&with(public_document(), harmless)).is_ok());
}

#[test]
fn each_rule_of_the_keys_is_kept() {
    let key = key();
    let jwk = with(key.public().to_jwk(), json!({ "kid": "k1" }));
    let document = |changes| with(confidential_document(&key), changes);
    let cases = [
        (json!({ "jwks": null }), "a confidential client has either 'jwks' or 'jwks_uri'"),
        (
            json!({ "jwks_uri": "https://app.example.com/jwks" }),
            "a confidential client has either 'jwks' or 'jwks_uri'",
        ),
        (
            json!({ "jwks": null, "jwks_uri": "http://app.example.com/jwks" }),
            "client metadata have a value of 'jwks_uri' that is not allowed",
        ),
        (json!({ "jwks": { "keys": [] } }), "the key set has no ES256 or ES256K key with a kid"),
        (
            json!({ "jwks": { "keys": [key.public().to_jwk()] } }),
            "the key set has no ES256 or ES256K key with a kid",
        ),
        (
            json!({ "jwks": { "keys": [with(jwk.clone(), json!({ "use": "enc" }))] } }),
            "the key set has no ES256 or ES256K key with a kid",
        ),
        (
            json!({ "jwks": { "keys": [jwk, with(jwk.clone(), json!({ "d": "x" }))] } }),
            "the key set has a key with the private member 'd'",
        ),
        (
            json!({ "token_endpoint_auth_signing_alg": "none" }),
            "client metadata have a value of 'token_endpoint_auth_signing_alg' that is not allowed",
        ),
        (
            json!({ "token_endpoint_auth_signing_alg": "RS256" }),
            "client metadata have a value of 'token_endpoint_auth_signing_alg' that is not allowed",
        ),
        (
            json!({ "token_endpoint_auth_method": null }),
            "client metadata lack 'token_endpoint_auth_method'",
        ),
        (
            json!({ "application_type": "native", "redirect_uris": ["https://app.example.com/cb"] }),
            "client metadata have a value of 'token_endpoint_auth_method' that is not allowed",
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(
            read(&document(changes.clone())).unwrap_err().to_string(),
            expected,
            "{changes}"
        );
    }
    // Keys that are not understood stand beside those that are.
    let mixed = json!({ "keys": [{ "kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB" }, { "kty": "OKP" }, jwk] });
    assert!(Jwks::from_json(mixed).unwrap().find("k1", "ES256").is_some());
    assert!(Jwks::from_slice(b"{\"keys\":7}").is_err());
    let many = json!({ "keys": vec![jwk; 101] });
    assert!(matches!(Jwks::from_json(many), Err(JwksError::TooMany)));
}

#[test]
fn one_id_may_stand_for_a_key_of_each_algorithm() {
    let (p256, k256) = (key(), SigningKey::generate(Curve::K256));
    let keys = [&p256, &k256].map(|key| with(key.public().to_jwk(), json!({ "kid": "k" })));
    let jwks = Jwks::from_json(json!({ "keys": keys })).unwrap();
    assert_eq!(jwks.find("k", "ES256"), Some(&p256.public()));
    assert_eq!(jwks.find("k", "ES256K"), Some(&k256.public()));
}

#[test]
fn redirect_uris_fit_the_kind_of_client() {
    let web = |uri: &str| read(&with(public_document(), json!({ "redirect_uris": [uri] })));
    let native = |uri: &str| read(&native(json!({ "redirect_uris": [uri] })));
    let cases = [
        ("https://app.example.com/cb", true, true),
        ("https://elsewhere.example.org/cb", true, false),
        ("http://127.0.0.1/cb", false, true),
        ("http://[::1]:8080/cb", false, true),
        ("com.example.app:/cb", false, true),
        ("org.example.app:/cb", false, false),
        ("com.example:/cb", false, false),
        ("http://localhost/cb", false, false),
        ("http://app.example.com/cb", false, false),
        ("myapp:/cb", false, false),
    ];
    for (uri, for_web, for_native) in cases {
        assert_eq!(web(uri).is_ok(), for_web, "{uri} of a web client");
        assert_eq!(native(uri).is_ok(), for_native, "{uri} of a native client");
    }
    assert_eq!(code(web("myapp:/cb")), "invalid_redirect_uri");
    let many = vec!["https://app.example.com/cb"; 101];
    assert!(read(&with(public_document(), json!({ "redirect_uris": many }))).is_err());
}

#[test]
fn a_native_client_is_asked_for_a_registered_port_only() {
    let client = read(&native(json!({
        "redirect_uris": ["http://127.0.0.1/any", "http://127.0.0.1:9000/fixed", "com.example.app:/cb"],
    })))
    .unwrap();
    assert!(client.redirect_uri("http://127.0.0.1:51234/any").is_some());
    assert!(client.redirect_uri("http://127.0.0.1:9000/fixed").is_some());
    assert!(client.redirect_uri("http://127.0.0.1:9001/fixed").is_none());
    assert!(client.redirect_uri("com.example.app:/cb").is_some());
    assert!(client.redirect_uri("com.example.app:/cb/x").is_none());
}
