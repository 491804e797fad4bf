//! The public keys of a confidential client, RFC 7517 §5.

use cairn_identity::PublicKey;
use cairn_identity::jwk::{Jwk, JwkError};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{OAuthError, OAuthErrorCode};

/// More keys than any client rotates through.
const MAX_KEYS: usize = 100;

/// Why a set of keys is refused.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// Not an object with an array `keys`.
    #[error("the key set is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// More keys than are looked at.
    #[error("the key set has more than 100 keys")]
    TooMany,
    /// The client has published a private key: nothing that it signs can be trusted.
    #[error("the key set has a key with the private member '{0}'")]
    Private(&'static str),
    /// No key has a `kid` and is one that assertions can be checked with.
    #[error("the key set has no ES256 or ES256K key with a kid")]
    NoUsableKey,
}

impl From<JwksError> for OAuthError {
    fn from(error: JwksError) -> Self {
        Self::of(OAuthErrorCode::InvalidClientMetadata, &error)
    }
}

/// The keys that can check a client's assertions, by their ids. Never none.
#[derive(Clone, Debug)]
pub struct Jwks(Vec<(String, PublicKey)>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Map<String, Value>>,
}

impl Jwks {
    /// Reads a key set. Keys of other types and keys without an id are passed over.
    pub fn from_json(document: Value) -> Result<Self, JwksError> {
        let Document { keys } = serde_json::from_value(document)?;
        if keys.len() > MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let mut usable = Vec::new();
        for key in keys {
            match Jwk::from_json(&key) {
                Ok(Jwk { key, kid: Some(kid) }) => usable.push((kid, key)),
                Err(JwkError::Private(member)) => return Err(JwksError::Private(member)),
                Ok(_) | Err(_) => {}
            }
        }
        if usable.is_empty() { Err(JwksError::NoUsableKey) } else { Ok(Self(usable)) }
    }

    /// Reads a key set as it was fetched.
    pub fn from_slice(document: &[u8]) -> Result<Self, JwksError> {
        Self::from_json(serde_json::from_slice(document)?)
    }

    /// The key of that id for that algorithm.
    #[must_use]
    pub fn find(&self, kid: &str, alg: &str) -> Option<&PublicKey> {
        let fits =
            |(own, key): &&(String, PublicKey)| own == kid && key.curve().jwt_algorithm() == alg;
        self.0.iter().find(fits).map(|(_, key)| key)
    }
}
