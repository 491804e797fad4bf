//! Keys, proofs, clients and times for the tests.

use cairn_identity::jws::{self, Header};
use cairn_identity::{Curve, SigningKey};
use cairn_oauth::client::{ClientId, ClientMetadata};
use cairn_oauth::{OAuthError, Params};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) const ISSUER: &str = "https://pds.example.com";
pub(crate) const CLIENT_ID: &str = "https://app.example.com/oauth/client.json";

/// An instant in the middle of a minute.
pub(crate) fn now() -> Timestamp {
    at(30)
}

/// An instant, in seconds from the beginning of a minute.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(Curve::P256)
}

/// What `base` says, with some members changed; `null` takes a member away.
pub(crate) fn with(mut base: Value, changes: Value) -> Value {
    let (Value::Object(members), Value::Object(changes)) = (&mut base, changes) else {
        panic!("both are objects");
    };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    base
}

/// A token with these header members and claims. `alg` is the key's.
pub(crate) fn token(key: &SigningKey, header: Value, claims: &Value) -> String {
    let header: Header = serde_json::from_value(with(header, json!({ "alg": "" }))).unwrap();
    jws::sign(key, header, claims)
}

pub(crate) fn public_document() -> Value {
    json!({
        "client_id": CLIENT_ID,
        "client_name": "An app",
        "client_uri": "https://app.example.com",
        "application_type": "web",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "atproto transition:generic repo:app.example.note rpc:app.example.x?aud=* some:thing",
        "redirect_uris": ["https://app.example.com/callback", "https://other.example.org/callback"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": true,
    })
}

pub(crate) fn confidential_document(key: &SigningKey) -> Value {
    let jwk = with(key.public().to_jwk(), json!({ "kid": "k1" }));
    let changes = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": { "keys": [jwk] },
    });
    with(public_document(), changes)
}

pub(crate) fn client(document: &Value) -> ClientMetadata {
    let id = ClientId::parse(document["client_id"].as_str().unwrap()).unwrap();
    ClientMetadata::new(&id, document.to_string().as_bytes()).unwrap()
}

pub(crate) fn loopback(id: &str) -> ClientMetadata {
    let ClientId::Loopback(id) = ClientId::parse(id).unwrap() else {
        panic!("{id} is a loopback id");
    };
    ClientMetadata::loopback(&id).unwrap()
}

/// Parameters from the members of an object; `null` is left out.
pub(crate) fn params(object: Value) -> Params {
    let members: Map<String, Value> = serde_json::from_value(object).unwrap();
    Params::from_json(&serde_json::to_vec(&members).unwrap()).unwrap()
}

/// The name of an error, as a client sees it.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, impl Into<OAuthError>>) -> &'static str {
    let error: OAuthError = result.unwrap_err().into();
    error.code.as_str()
}
