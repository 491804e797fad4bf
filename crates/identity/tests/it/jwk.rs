//! JSON Web Keys: what is read, what is refused, and thumbprints.

use cairn_identity::jwk::{Jwk, JwkError};
use cairn_identity::{Curve, SigningKey};
use serde_json::{Map, Value, json};

/// The key of RFC 9449 §4.2, whose thumbprint stands in §6.1.
fn rfc_key() -> Map<String, Value> {
    let Value::Object(jwk) = json!({
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    }) else {
        unreachable!("an object was written")
    };
    jwk
}

fn with(member: &str, value: Value) -> Map<String, Value> {
    let mut jwk = rfc_key();
    jwk.insert(member.to_owned(), value);
    jwk
}

#[test]
fn the_thumbprint_is_the_one_of_rfc_9449() {
    let jwk = Jwk::from_json(&rfc_key()).unwrap();
    assert_eq!(jwk.key.jwk_thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(jwk.kid, None);
}

#[test]
fn keys_of_both_curves_come_back() {
    for curve in [Curve::P256, Curve::K256] {
        let key = SigningKey::generate(curve).public();
        let Value::Object(mut jwk) = key.to_jwk() else { panic!("a jwk is an object") };
        jwk.insert("kid".to_owned(), json!("first"));
        jwk.insert("alg".to_owned(), json!(curve.jwt_algorithm()));
        jwk.insert("ext".to_owned(), json!(true));
        assert_eq!(Jwk::from_json(&jwk), Ok(Jwk { key, kid: Some("first".to_owned()) }));
    }
}

#[test]
fn what_is_wrong_with_a_key_is_named() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(Jwk::from_json(&with(member, json!("AA"))), Err(JwkError::Private(member)));
    }
    assert_eq!(Jwk::from_json(&with("kty", json!("RSA"))), Err(JwkError::Unsupported));
    assert_eq!(Jwk::from_json(&with("crv", json!("P-384"))), Err(JwkError::Unsupported));
    assert_eq!(Jwk::from_json(&with("alg", json!("ES256K"))), Err(JwkError::Purpose("alg")));
    assert_eq!(Jwk::from_json(&with("use", json!("enc"))), Err(JwkError::Purpose("use")));
    assert_eq!(
        Jwk::from_json(&with("key_ops", json!(["sign"]))),
        Err(JwkError::Purpose("key_ops"))
    );
    assert_eq!(Jwk::from_json(&with("kid", json!(7))), Err(JwkError::KeyId));
    for bad in [
        json!(null),
        json!("AA"),
        json!("="),
        json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs="),
    ] {
        assert_eq!(Jwk::from_json(&with("x", bad)), Err(JwkError::Coordinate("x")));
    }
    // Another y: no point of the curve.
    let off = with("y", json!("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDE"));
    assert!(matches!(Jwk::from_json(&off), Err(JwkError::Coordinate("y") | JwkError::Point(_))));
    let off = with("y", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"));
    assert!(matches!(Jwk::from_json(&off), Err(JwkError::Point(_))));
}
