//! Compact JWS (RFC 7515) and the little of JWT (RFC 7519) that the protocol uses.
//!
//! HS256 signs the server's own session tokens; ES256 and ES256K sign service-auth tokens, DPoP proofs and client
//! assertions. Base64url is strict: no padding, no stray bits. What the claims mean is the caller's business.

mod header;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use header::Header;

use crate::key::SigningKey;
use crate::public_key::{PublicKey, SignatureError};
use crate::random_bytes;

/// Tokens beyond this are refused unread: the largest honest ones (a DPoP proof with its key) stay under 2 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("token is too long")]
    TooLong,
    /// Not three parts of strict base64url.
    #[error("token is not in compact form")]
    Malformed,
    /// The header is not a JSON object with an `alg`.
    #[error("token header is not valid: {0}")]
    Header(#[source] serde_json::Error),
    /// The header has `crit`: extensions that must be understood, and none is.
    #[error("token header names critical extensions")]
    Critical,
    /// The `alg` is not the one of the key.
    #[error("token algorithm does not match the key")]
    Algorithm,
    /// The `typ` is not the expected one.
    #[error("token type is not the expected one")]
    Type,
    /// The signature does not verify.
    #[error("token signature is not valid: {0}")]
    Signature(#[from] SignatureError),
    /// The claims are not the expected JSON.
    #[error("token claims are not valid: {0}")]
    Claims(#[source] serde_json::Error),
}

/// A symmetric key for HS256. Zeroized when dropped, never shown.
#[derive(Clone)]
pub struct HmacKey(Zeroizing<Vec<u8>>);

impl HmacKey {
    /// A new random key of 32 bytes.
    #[must_use]
    pub fn generate() -> Self {
        Self(Zeroizing::new(random_bytes::<32>().to_vec()))
    }

    /// The key with these bytes, as configured. An empty key is allowed by HMAC, so callers check lengths.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The key's bytes, for sealing at rest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// HMAC-SHA256 of a message, for values that only this server must be able to make.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        self.mac(message).finalize().into_bytes().into()
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(message);
        mac
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

/// Signs claims with HS256.
#[must_use]
pub fn sign_hs256(key: &HmacKey, header: Header, claims: &impl Serialize) -> String {
    let input = signing_input(Header { alg: "HS256".to_owned(), ..header }, claims);
    let tag = key.tag(input.as_bytes());
    finish(input, &tag)
}

/// Signs claims with ES256 or ES256K, by the key's curve.
#[must_use]
pub fn sign(key: &SigningKey, header: Header, claims: &impl Serialize) -> String {
    let input =
        signing_input(Header { alg: key.curve().jwt_algorithm().to_owned(), ..header }, claims);
    let signature = key.sign(input.as_bytes());
    finish(input, &signature)
}

fn signing_input(header: Header, claims: &impl Serialize) -> String {
    let header = serde_json::to_vec(&header).expect("a header has string keys only");
    let claims = serde_json::to_vec(claims).expect("claims serialize to JSON");
    let mut input = BASE64URL_NOPAD.encode(&header);
    input.push('.');
    BASE64URL_NOPAD.encode_append(&claims, &mut input);
    input
}

fn finish(mut input: String, signature: &[u8]) -> String {
    input.push('.');
    BASE64URL_NOPAD.encode_append(signature, &mut input);
    input
}

/// Checks an HS256 token: algorithm, type and tag (in constant time), then reads the claims.
pub fn verify_hs256<T: DeserializeOwned>(
    key: &HmacKey,
    typ: &str,
    token: &str,
) -> Result<T, JwsError> {
    let token = Compact::parse(token)?;
    token.verify_hs256(key)?;
    if token.header.typ.as_deref() != Some(typ) {
        return Err(JwsError::Type);
    }
    token.claims()
}

/// A token taken apart, not yet verified.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    /// The protected header.
    pub header: Header,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// What was signed: header and payload as they came.
    pub signing_input: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(JwsError::Header)?;
        if header.extra.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        Ok(Self { header, payload: decode(payload)?, signature: decode(signature)?, signing_input })
    }

    /// Checks the signature with a public key whose curve the `alg` must name. Either `s` is accepted.
    pub fn verify(&self, key: &PublicKey) -> Result<(), JwsError> {
        if self.header.alg != key.curve().jwt_algorithm() {
            return Err(JwsError::Algorithm);
        }
        Ok(key.verify_jwt(self.signing_input.as_bytes(), &self.signature)?)
    }

    /// Checks an HS256 tag in constant time.
    pub fn verify_hs256(&self, key: &HmacKey) -> Result<(), JwsError> {
        if self.header.alg != "HS256" {
            return Err(JwsError::Algorithm);
        }
        key.mac(self.signing_input.as_bytes())
            .verify_slice(&self.signature)
            .map_err(|_| JwsError::Signature(SignatureError::Mismatch))
    }

    /// Reads the claims. They mean nothing before a `verify`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        serde_json::from_slice(&self.payload).map_err(JwsError::Claims)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwsError::Malformed)
}
