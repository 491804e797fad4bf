//! Client assertions, RFC 7523. <https://atproto.com/specs/oauth#confidential-client-authentication>

use cairn_identity::{Curve, ReplayMemory, SigningKey};
use cairn_oauth::assertion::{
    AssertionError, ClientAuth, ClientKey, Credentials, Expected, verify,
};
use cairn_oauth::client::Jwks;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, ISSUER, at, code, key, now, params, token, with};

struct Signer {
    key: SigningKey,
    keys: Jwks,
    used: ReplayMemory,
}

impl Signer {
    fn new(curve: Curve) -> Self {
        let key = SigningKey::generate(curve);
        let jwk = with(key.public().to_jwk(), json!({ "kid": "k1" }));
        let keys = Jwks::from_json(json!({ "keys": [jwk] })).unwrap();
        Self { key, keys, used: ReplayMemory::new(10) }
    }

    fn verify(&self, assertion: &str, at: Timestamp) -> Result<ClientKey, AssertionError> {
        self.verify_with(assertion, None, None, at)
    }

    fn verify_with(
        &self,
        assertion: &str,
        alg: Option<&str>,
        dpop_jkt: Option<&str>,
        at: Timestamp,
    ) -> Result<ClientKey, AssertionError> {
        let expected = Expected { client_id: CLIENT_ID, issuer: ISSUER, alg, dpop_jkt };
        verify(assertion, &expected, &self.keys, &self.used, at)
    }

    fn sign(&self, header: Value, claims: Value) -> String {
        let header = with(json!({ "kid": "k1" }), header);
        token(&self.key, header, &with(good(), claims))
    }
}

fn good() -> Value {
    json!({ "iss": CLIENT_ID, "sub": CLIENT_ID, "aud": ISSUER, "jti": "j1", "iat": now().as_second() })
}

/// The outcome of an assertion with these changes, with new memory.
fn outcome(header: Value, claims: Value) -> Result<ClientKey, AssertionError> {
    let client = Signer::new(Curve::P256);
    client.verify(&client.sign(header, claims), now())
}

#[test]
fn a_good_assertion_names_its_key() {
    for curve in [Curve::P256, Curve::K256] {
        let client = Signer::new(curve);
        let key = client.verify(&client.sign(json!({}), json!({})), now()).unwrap();
        let jkt = client.key.public().jwk_thumbprint();
        let alg = curve.jwt_algorithm().to_owned();
        assert_eq!(key, ClientKey { kid: "k1".to_owned(), alg, jkt });
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<ClientKey>(&stored).unwrap(), key);
    }
}

#[test]
fn each_rule_of_the_header_is_kept() {
    use AssertionError::*;
    assert!(matches!(outcome(json!({ "kid": null }), json!({})), Err(NoKeyId)));
    assert!(matches!(outcome(json!({ "kid": "" }), json!({})), Err(NoKeyId)));
    assert!(matches!(outcome(json!({ "kid": "x".repeat(513) }), json!({})), Err(NoKeyId)));
    let unknown = outcome(json!({ "kid": "k2" }), json!({})).unwrap_err();
    assert!(matches!(unknown, UnknownKey) && unknown.may_be_key_rotation());
    assert!(matches!(outcome(json!({ "typ": "dpop+jwt" }), json!({})), Err(Jws(_))));
    assert!(outcome(json!({ "typ": "JWT" }), json!({})).is_ok());
    let client = Signer::new(Curve::P256);
    let assertion = client.sign(json!({}), json!({}));
    let other = client.verify_with(&assertion, Some("ES256K"), None, now());
    assert!(matches!(other, Err(Algorithm)));
    assert!(client.verify_with(&assertion, Some("ES256"), None, now()).is_ok());
    let stranger = Signer::new(Curve::P256).sign(json!({}), json!({}));
    let forged = client.verify(&stranger, now()).unwrap_err();
    assert!(matches!(forged, Jws(_)) && forged.may_be_key_rotation());
    assert_eq!(code(client.verify("nonsense", now())), "invalid_client");
}

#[test]
fn each_rule_of_the_claims_is_kept() {
    use AssertionError::*;
    let claim = |changes: Value| outcome(json!({}), changes);
    let second = now().as_second();
    for missing in ["iss", "sub", "aud", "jti", "iat"] {
        assert!(matches!(claim(json!({ missing: null })), Err(Jws(_))), "{missing}");
    }
    assert!(matches!(claim(json!({ "iss": "https://other.example.com/c" })), Err(Client)));
    assert!(matches!(claim(json!({ "sub": "https://other.example.com/c" })), Err(Client)));
    assert!(matches!(claim(json!({ "aud": "https://pds.example.com/" })), Err(Audience)));
    assert!(matches!(
        claim(json!({ "aud": "https://pds.example.com/oauth/token" })),
        Err(Audience)
    ));
    assert!(matches!(claim(json!({ "aud": [ISSUER, "https://other.example.com"] })), Err(Jws(_))));
    assert!(claim(json!({ "aud": [ISSUER] })).is_ok());
    assert!(matches!(claim(json!({ "jti": "" })), Err(Jti)));
    assert!(matches!(claim(json!({ "jti": "x".repeat(513) })), Err(Jti)));
    let times = [
        (json!({ "iat": second - 60 }), true),
        (json!({ "iat": second - 90 }), true),
        (json!({ "iat": second - 91 }), false),
        (json!({ "iat": second + 30 }), true),
        (json!({ "iat": second + 31 }), false),
        (json!({ "exp": second + 1 }), true),
        (json!({ "exp": second - 30 }), false),
        (json!({ "nbf": second + 31 }), false),
    ];
    for (changes, accepted) in times {
        let outcome = claim(changes.clone());
        assert!(if accepted { outcome.is_ok() } else { matches!(outcome, Err(Time)) }, "{changes}");
    }
}

#[test]
fn an_assertion_is_used_once() {
    let client = Signer::new(Curve::P256);
    let assertion = client.sign(json!({}), json!({}));
    client.verify(&assertion, now()).unwrap();
    assert!(matches!(client.verify(&assertion, now()), Err(AssertionError::Replayed)));
    assert!(matches!(client.verify(&assertion, at(120)), Err(AssertionError::Replayed)));
    assert!(matches!(client.verify(&assertion, at(121)), Err(AssertionError::Time)));
    client.verify(&client.sign(json!({}), json!({ "jti": "j2" })), now()).unwrap();
}

#[test]
fn an_assertion_may_be_bound_to_the_dpop_key() {
    let client = Signer::new(Curve::P256);
    let jkt = key().public().jwk_thumbprint();
    let bound = client.sign(json!({}), json!({ "cnf": { "jkt": jkt } }));
    let other = key().public().jwk_thumbprint();
    for dpop_jkt in [None, Some(other.as_str())] {
        let outcome = client.verify_with(&bound, None, dpop_jkt, now());
        assert!(matches!(outcome, Err(AssertionError::Confirmation)));
    }
    client.verify_with(&bound, None, Some(&jkt), now()).unwrap();
    let unknown = client.sign(json!({}), json!({ "cnf": { "x5t#S256": "x" } }));
    assert!(matches!(
        client.verify_with(&unknown, None, Some(&jkt), now()),
        Err(AssertionError::Jws(_))
    ));
}

#[test]
fn the_client_key_is_not_the_dpop_key() {
    let client = Signer::new(Curve::P256);
    let jkt = client.key.public().jwk_thumbprint();
    let outcome = client.verify_with(&client.sign(json!({}), json!({})), None, Some(&jkt), now());
    assert!(matches!(outcome, Err(AssertionError::SameKey)));
}

#[test]
fn credentials_are_an_id_and_maybe_an_assertion() {
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let cases = [
        (json!({ "client_id": "c" }), Ok(None)),
        (
            json!({ "client_id": "c", "client_assertion_type": jwt, "client_assertion": "a" }),
            Ok(Some("a")),
        ),
        (json!({}), Err("invalid_request")),
        (json!({ "client_assertion_type": jwt, "client_assertion": "a" }), Err("invalid_request")),
        (json!({ "client_id": "c", "client_assertion": "a" }), Err("invalid_client")),
        (json!({ "client_id": "c", "client_assertion_type": jwt }), Err("invalid_client")),
        (
            json!({ "client_id": "c", "client_assertion_type": "saml", "client_assertion": "a" }),
            Err("invalid_client"),
        ),
    ];
    for (object, expected) in cases {
        let params = params(object.clone());
        let read = Credentials::from_params(&params).map(|credentials| credentials.assertion);
        assert_eq!(read.map_err(|error| error.code.as_str()), expected, "{object}");
    }
}

#[test]
fn a_session_stays_with_its_key() {
    let key = |kid: &str, jkt: &str| {
        let (kid, jkt) = (kid.to_owned(), jkt.to_owned());
        ClientAuth::PrivateKeyJwt(ClientKey { kid, alg: "ES256".to_owned(), jkt })
    };
    let first = key("k1", "a");
    first.may_continue_as(&first).unwrap();
    for other in [key("k2", "a"), key("k1", "b"), ClientAuth::None] {
        assert_eq!(code(first.may_continue_as(&other)), "invalid_grant");
    }
    ClientAuth::None.may_continue_as(&ClientAuth::None).unwrap();
    ClientAuth::None.may_continue_as(&first).unwrap();
    let stored = json!({ "method": "private_key_jwt", "kid": "k1", "alg": "ES256", "jkt": "a" });
    assert_eq!(serde_json::to_value(&first).unwrap(), stored);
    assert_eq!(serde_json::from_value::<ClientAuth>(stored).unwrap(), first);
    assert_eq!(serde_json::to_value(ClientAuth::None).unwrap(), json!({ "method": "none" }));
}
