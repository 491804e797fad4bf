//! Compact JWS: session tokens with HS256, and tokens that are not what they claim to be.

use cairn_identity::jws::{self, Compact, Header, HmacKey, JwsError};
use cairn_identity::{Curve, SigningKey, constant_time_eq};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Value, json};

fn encode(part: &Value) -> String {
    BASE64URL_NOPAD.encode(part.to_string().as_bytes())
}

#[test]
fn a_session_token_is_read_back_under_its_key_and_type_only() {
    let key = HmacKey::from_bytes(&[1; 32]);
    let claims = json!({"sub": "did:web:alice.test", "exp": 1_800_000_000});
    let token = jws::sign_hs256(&key, Header::with_typ("at+jwt"), &claims);
    assert_eq!(jws::verify_hs256::<Value>(&key, "at+jwt", &token).unwrap(), claims);
    let other = HmacKey::generate();
    let refused = |result: Result<Value, JwsError>| result.unwrap_err();
    let error = refused(jws::verify_hs256(&other, "at+jwt", &token));
    assert!(matches!(error, JwsError::Signature(_)));
    let error = refused(jws::verify_hs256(&key, "refresh+jwt", &token));
    assert!(matches!(error, JwsError::Type));
    let error = refused(jws::verify_hs256(&key, "at+jwt", &token[..token.len() - 2]));
    assert!(matches!(error, JwsError::Signature(_) | JwsError::Malformed));
    assert_eq!(format!("{key:?}"), "HmacKey(..)");
}

#[test]
fn the_example_of_rfc_7515_verifies() {
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = HmacKey::from_bytes(&BASE64URL_NOPAD.decode(key.as_bytes()).unwrap());
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let claims: Value = jws::verify_hs256(&key, "JWT", token).unwrap();
    assert_eq!(claims["iss"], "joe");
}

#[test]
fn the_algorithm_must_be_the_keys() {
    let key = HmacKey::from_bytes(&[1; 32]);
    let k256 = SigningKey::generate(Curve::K256);
    let token = jws::sign(&k256, Header::with_typ("JWT"), &json!({}));
    let parsed = Compact::parse(&token).unwrap();
    parsed.verify(&k256.public()).unwrap();
    let p256 = SigningKey::generate(Curve::P256).public();
    assert!(matches!(parsed.verify(&p256), Err(JwsError::Algorithm)));
    assert!(matches!(parsed.verify_hs256(&key), Err(JwsError::Algorithm)));

    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&json!({})));
    let parsed = Compact::parse(&unsigned).unwrap();
    assert!(matches!(parsed.verify_hs256(&key), Err(JwsError::Algorithm)));
    assert!(matches!(parsed.verify(&p256), Err(JwsError::Algorithm)));
}

#[test]
fn extra_header_members_are_kept() {
    let key = SigningKey::generate(Curve::P256);
    let extra = json!({"jwk": {"kty": "EC"}}).as_object().unwrap().clone();
    let header = Header { extra, ..Header::with_typ("dpop+jwt") };
    let token = jws::sign(&key, header, &json!({"htm": "POST"}));
    let parsed = Compact::parse(&token).unwrap();
    assert_eq!(parsed.header.extra["jwk"]["kty"], "EC");
    assert_eq!(parsed.header.alg, "ES256");
    assert_eq!(parsed.claims::<Value>().unwrap(), json!({"htm": "POST"}));
}

#[test]
fn secrets_compare() {
    assert!(constant_time_eq(b"abc", b"abc"));
    assert!(!constant_time_eq(b"abc", b"abd"));
    assert!(!constant_time_eq(b"abc", b"abcd"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[-A-Za-z0-9_.=]{0,200}") {
        let _ = Compact::parse(&text);
    }

    #[test]
    fn a_changed_byte_is_noticed(at in 0_usize..1000, flip in 1_u8..=255) {
        let key = HmacKey::from_bytes(&[1; 32]);
        let token = jws::sign_hs256(&key, Header::with_typ("at+jwt"), &json!({"sub": "x"}));
        let mut bytes = token.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(jws::verify_hs256::<Value>(&key, "at+jwt", &changed).is_err());
        }
    }
}

#[test]
fn a_header_that_says_something_twice_is_refused() {
    let signed = |header: &str| {
        let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}.{}", part(header), part("{}"), part("x"))
    };
    let once = r#"{"alg":"ES256","typ":null,"jwk":{"x":1},"n":2}"#;
    let token = signed(once);
    let read = Compact::parse(&token).unwrap().header;
    assert_eq!((read.alg.as_str(), read.typ, read.kid), ("ES256", None, None));
    assert_eq!(serde_json::Value::from(read.extra), json!({ "jwk": { "x": 1 }, "n": 2 }));
    for twice in [
        r#"{"alg":"ES256","alg":"HS256"}"#,
        r#"{"alg":"ES256","typ":"a","typ":"a"}"#,
        r#"{"alg":"ES256","kid":null,"kid":"a"}"#,
        r#"{"alg":"ES256","jwk":{},"jwk":{}}"#,
        r#"{"typ":"JWT"}"#,
        r#"["alg"]"#,
    ] {
        assert!(matches!(Compact::parse(&signed(twice)), Err(JwsError::Header(_))), "{twice}");
    }
}
