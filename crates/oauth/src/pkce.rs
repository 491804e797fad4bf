//! Proof Key for Code Exchange, RFC 7636, with the method S256 only.

use cairn_identity::constant_time_eq;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::OAuthError;

/// The `code_challenge` of a request: a SHA-256 digest, base64url, 43 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(Box<str>);

impl CodeChallenge {
    /// Reads a challenge.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        if is_sha256_base64url(text) {
            return Ok(Self(text.into()));
        }
        Err(OAuthError::invalid_request("code_challenge is not a SHA-256 digest in base64url"))
    }

    /// The challenge as text. A client may use each only once.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = OAuthError;
    fn try_from(text: String) -> Result<Self, OAuthError> {
        Self::parse(&text)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.0.into()
    }
}

/// Checks that whoever brings a code also sent the request that it answers (RFC 7636 §4.6).
///
/// # Errors
/// `invalid_grant` if the verifier is malformed or another one.
pub fn verify(verifier: &str, challenge: &CodeChallenge) -> Result<(), OAuthError> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(OAuthError::invalid_grant("code_verifier is malformed"));
    }
    let expected = BASE64URL_NOPAD.encode(&Sha256::digest(verifier));
    if !constant_time_eq(expected.as_bytes(), challenge.as_str().as_bytes()) {
        return Err(OAuthError::invalid_grant("code_verifier does not match the code_challenge"));
    }
    Ok(())
}

/// Whether a text is a SHA-256 digest in base64url: a code challenge, or the thumbprint of a key.
pub(crate) fn is_sha256_base64url(text: &str) -> bool {
    text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok()
}
