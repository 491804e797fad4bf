//! JSON Web Keys (RFC 7517): public keys of the two curves, as DPoP proofs embed them and clients publish them.
//!
//! Read strictly: a key with private members is refused, because whoever sends one has lost it.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::key::Curve;
use crate::public_key::{KeyError, PublicKey};

/// Members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JWK is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// A member that must not leave the owner's hands.
    #[error("key has the private member \"{0}\"")]
    Private(&'static str),
    /// Neither an elliptic curve key on P-256 nor one on secp256k1.
    #[error("key type is not supported")]
    Unsupported,
    /// A coordinate is missing or not 32 bytes of base64url.
    #[error("key has no valid coordinate \"{0}\"")]
    Coordinate(&'static str),
    /// The coordinates are not a point of the curve.
    #[error("key is not a point of its curve")]
    Point(#[from] KeyError),
    /// `alg`, `use` or `key_ops` say that the key is for something else.
    #[error("key member \"{0}\" does not allow verifying signatures with this key")]
    Purpose(&'static str),
    /// `kid` is not a string.
    #[error("key id is not a string")]
    KeyId,
}

/// A public key and what its owner calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: PublicKey,
    /// `kid`, as its owner wrote it.
    pub kid: Option<String>,
}

impl Jwk {
    /// Reads a public key that verifies signatures. Members that are not known are passed over.
    pub fn from_json(jwk: &Map<String, Value>) -> Result<Self, JwkError> {
        if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.contains_key(*member)) {
            return Err(JwkError::Private(member));
        }
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        let curve = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => Curve::P256,
            (Some("EC"), Some("secp256k1")) => Curve::K256,
            _ => return Err(JwkError::Unsupported),
        };
        check_purpose(jwk, curve)?;
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(JwkError::KeyId),
        };
        let x = coordinate(jwk, "x")?;
        let y = coordinate(jwk, "y")?;
        Ok(Self { key: PublicKey::from_coordinates(curve, &x, &y)?, kid })
    }
}

fn check_purpose(jwk: &Map<String, Value>, curve: Curve) -> Result<(), JwkError> {
    if jwk.get("alg").is_some_and(|alg| alg != curve.jwt_algorithm()) {
        return Err(JwkError::Purpose("alg"));
    }
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::Purpose("use"));
    }
    let verifies =
        |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
    if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
        return Err(JwkError::Purpose("key_ops"));
    }
    Ok(())
}

fn coordinate(jwk: &Map<String, Value>, member: &'static str) -> Result<[u8; 32], JwkError> {
    jwk.get(member)
        .and_then(Value::as_str)
        // The length first, so that nothing long is decoded.
        .filter(|text| text.len() == 43)
        .and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(JwkError::Coordinate(member))
}

impl PublicKey {
    /// The key as a JWK with its required members only.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        let (x, y) = (BASE64URL_NOPAD.encode(&x), BASE64URL_NOPAD.encode(&y));
        json!({ "kty": "EC", "crv": self.jwk_curve(), "x": x, "y": y })
    }

    /// The JWK thumbprint (RFC 7638): SHA-256, base64url, 43 characters. Tokens are bound to a key by it (`jkt`).
    #[must_use]
    pub fn jwk_thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        let (x, y) = (BASE64URL_NOPAD.encode(&x), BASE64URL_NOPAD.encode(&y));
        // The required members in lexicographic order, without white space: nothing in them needs escaping.
        let canonical =
            format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, self.jwk_curve());
        BASE64URL_NOPAD.encode(&Sha256::digest(canonical))
    }

    const fn jwk_curve(&self) -> &'static str {
        match self.curve() {
            Curve::K256 => "secp256k1",
            Curve::P256 => "P-256",
        }
    }
}
