//! The ids of refresh tokens.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::SessionId;
use crate::seal::MasterKey;

pub(super) const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const BYTES: usize = FAMILY_BYTES + SECRET_BYTES;

/// The `jti` of a refresh token. It is a credential: `Debug` shows the family alone.
#[derive(Clone, Copy)]
pub struct TokenId([u8; BYTES]);

impl TokenId {
    /// The first token of a new session.
    pub(crate) fn random() -> Self {
        Self(cairn_identity::random_bytes())
    }

    /// Reads a `jti` claim; `None` when it is not an id that this server gave.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// The session that the token belongs to.
    pub fn family(&self) -> SessionId {
        let (family, _) = self.split();
        SessionId(*family)
    }

    /// The one id that follows this one.
    pub(crate) fn next(&self, key: &MasterKey) -> Self {
        let (family, _) = self.split();
        let mut next = [0; BYTES];
        next[..FAMILY_BYTES].copy_from_slice(family);
        next[FAMILY_BYTES..].copy_from_slice(&key.keyed_hash("next refresh token", &self.0));
        Self(next)
    }

    /// What is stored of the token.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }

    /// The whole id, as a token spells it out.
    pub fn expose(&self) -> &[u8; BYTES] {
        &self.0
    }

    fn split(&self) -> (&[u8; FAMILY_BYTES], &[u8]) {
        self.0.split_first_chunk().expect("a token id is longer than its family")
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenId").field(&self.family()).finish()
    }
}

impl PartialEq for TokenId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenId {}

/// SHA-256 of a token id.
#[derive(Clone, Copy)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
