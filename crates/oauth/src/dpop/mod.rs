//! Demonstrating proof of possession, RFC 9449: each request is signed with a key that the client's tokens are bound to.
//!
//! A proof costs about 56 µs of CPU to check, 51 of them for the signature (ES256, release build).

mod nonce;

use cairn_identity::ReplayMemory;
use cairn_identity::constant_time_eq;
use cairn_identity::jwk::{Jwk, JwkError};
use cairn_identity::jws::{Compact, JwsError};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

pub use nonce::Nonces;

use crate::numeric_date::NumericDate;
use crate::{OAuthError, OAuthErrorCode};

/// The longest proof. Honest ones have 600 bytes or so.
const MAX_PROOF_BYTES: usize = 8 * 1024;
/// The longest `jti`. Honest ones have up to 50 bytes.
const MAX_JTI_BYTES: usize = 512;
/// The type that tells proofs from all other tokens.
const PROOF_TYPE: &str = "dpop+jwt";
/// How old a proof may be.
const MAX_AGE_SECONDS: i64 = 10;
/// How far clocks may differ. That is far, as with the reference implementation: phones are minutes off, and the nonce
/// says how old a proof is, by this server's own clock.
const LEEWAY_SECONDS: i64 = 180;
/// Proofs at protected resources that are remembered: 1,500 a second for the three minutes of a nonce, about 40 MiB.
const RESOURCE_CAPACITY: usize = 270_000;
/// Proofs at the authorization server that are remembered. Anybody can send those; codes and refresh tokens, which are
/// used once, stand behind them.
const SERVER_CAPACITY: usize = 20_000;

/// Why a proof is refused.
#[derive(Debug, thiserror::Error)]
pub enum DpopError {
    /// There is none, where one is needed.
    #[error("a DPoP proof is needed")]
    Missing,
    /// There are several (RFC 9449 §4.3).
    #[error("there is more than one DPoP proof")]
    Repeated,
    /// It carries no nonce, or one that is too old: the client repeats its request with the new one.
    #[error("the DPoP proof must carry the nonce of this answer's DPoP-Nonce header")]
    UseNonce,
    /// Not a token.
    #[error("the DPoP proof cannot be read: {0}")]
    Jws(#[from] JwsError),
    /// `typ` is not `dpop+jwt`.
    #[error("the DPoP proof has another typ than dpop+jwt")]
    Type,
    /// There is no `jwk` in the header.
    #[error("the DPoP proof does not contain its key")]
    NoKey,
    /// The key is refused.
    #[error("the DPoP proof's key is refused: {0}")]
    Key(#[from] JwkError),
    /// `jti` is empty or too long.
    #[error("the DPoP proof's jti is empty or too long")]
    Jti,
    /// `htm` is another method.
    #[error("the DPoP proof's htm is not the method of the request")]
    Method,
    /// `htu` is another place.
    #[error("the DPoP proof's htu is not the URL of the request")]
    Target,
    /// `iat`, `exp` or `nbf` say that it is not the time.
    #[error("the DPoP proof is too old, or from the future")]
    Time,
    /// `ath` is missing or of another access token.
    #[error("the DPoP proof's ath is not the hash of the access token")]
    AccessToken,
    /// `ath` where no access token is.
    #[error("the DPoP proof has an ath, but the request has no access token")]
    UnexpectedAccessToken,
    /// The access token is bound to another key.
    #[error("the access token is bound to another key than the DPoP proof's")]
    OtherKey,
    /// The proof was used before.
    #[error("the DPoP proof was used before")]
    Replayed,
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        let code = match error {
            DpopError::UseNonce => OAuthErrorCode::UseDpopNonce,
            DpopError::OtherKey => OAuthErrorCode::InvalidToken,
            _ => OAuthErrorCode::InvalidDpopProof,
        };
        Self::of(code, &error)
    }
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key (RFC 7638): what tokens are bound to.
    pub jkt: String,
}

/// An access token as it comes with a request, and the thumbprint that it was bound to when it was issued.
#[derive(Clone, Copy)]
pub struct BoundToken<'a> {
    /// The token.
    pub access_token: &'a str,
    /// The thumbprint of its key.
    pub jkt: &'a str,
}

/// Checks proofs and remembers which were used.
#[derive(Debug)]
pub struct Proofs {
    nonces: Nonces,
    used_at_server: ReplayMemory,
    used_at_resource: ReplayMemory,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: NumericDate,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    nonce: Option<String>,
    ath: Option<String>,
}

impl Proofs {
    /// Proofs with nonces under a secret.
    #[must_use]
    pub fn new(nonces: Nonces) -> Self {
        Self {
            nonces,
            used_at_server: ReplayMemory::new(SERVER_CAPACITY),
            used_at_resource: ReplayMemory::new(RESOURCE_CAPACITY),
        }
    }

    /// The nonce for the `DPoP-Nonce` header of every answer.
    #[must_use]
    pub fn nonce(&self, now: Timestamp) -> String {
        self.nonces.issue(now)
    }

    /// Checks a proof (RFC 9449 §4.3) of a request: `htm` is its method, `htu` its URL without query and fragment.
    ///
    /// At protected resources `token` is what the request carries: the proof must speak of that token and be made with
    /// its key. At the authorization server there is none. What costs much comes last: only proofs with a fresh nonce
    /// are verified, and only those of a token's own key take room in the memory.
    pub fn verify(
        &self,
        proof: &str,
        htm: &str,
        htu: &str,
        token: Option<BoundToken<'_>>,
        now: Timestamp,
    ) -> Result<Proof, DpopError> {
        if proof.len() > MAX_PROOF_BYTES {
            return Err(DpopError::Jws(JwsError::TooLong));
        }
        let proof = Compact::parse(proof)?;
        if !proof.header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(PROOF_TYPE)) {
            return Err(DpopError::Type);
        }
        let claims: Claims = proof.claims()?;
        let nonce = claims.nonce.as_deref().ok_or(DpopError::UseNonce)?;
        let nonce_end = self.nonces.good_until(nonce, now).ok_or(DpopError::UseNonce)?;
        claims.check(htm, htu, token.map(|token| token.access_token), now.as_second())?;
        let jwk = proof.header.extra.get("jwk").and_then(serde_json::Value::as_object);
        let Jwk { key, .. } = Jwk::from_json(jwk.ok_or(DpopError::NoKey)?)?;
        let jkt = key.jwk_thumbprint();
        if token.is_some_and(|token| !constant_time_eq(token.jkt.as_bytes(), jkt.as_bytes())) {
            return Err(DpopError::OtherKey);
        }
        proof.verify(&key)?;
        let used = if token.is_some() { &self.used_at_resource } else { &self.used_at_server };
        if !used.first_use(replay_key(&jkt, &claims.jti), nonce_end, now.as_second()) {
            return Err(DpopError::Replayed);
        }
        Ok(Proof { jkt })
    }
}

impl Claims {
    fn check(
        &self,
        htm: &str,
        htu: &str,
        access_token: Option<&str>,
        now: i64,
    ) -> Result<(), DpopError> {
        if self.jti.is_empty() || self.jti.len() > MAX_JTI_BYTES {
            return Err(DpopError::Jti);
        }
        // RFC 9110 §9.1: methods are case-sensitive.
        if self.htm != htm {
            return Err(DpopError::Method);
        }
        if !is_same_target(&self.htu, htu) {
            return Err(DpopError::Target);
        }
        let age = now.saturating_sub(self.iat.0);
        let expired = self.exp.is_some_and(|exp| exp.0 <= now.saturating_sub(LEEWAY_SECONDS));
        let early = self.nbf.is_some_and(|nbf| nbf.0 > now.saturating_add(LEEWAY_SECONDS));
        if !(-LEEWAY_SECONDS..=MAX_AGE_SECONDS + LEEWAY_SECONDS).contains(&age) || expired || early
        {
            return Err(DpopError::Time);
        }
        match (access_token, self.ath.as_deref()) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(DpopError::UnexpectedAccessToken),
            (Some(token), Some(ath)) if ath == access_token_hash(token) => Ok(()),
            (Some(_), _) => Err(DpopError::AccessToken),
        }
    }
}

/// `ath`: SHA-256 of the access token, base64url.
fn access_token_hash(token: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(token))
}

/// Names a use. Keys draw their `jti` without knowing of each other.
fn replay_key(jkt: &str, jti: &str) -> [u8; 32] {
    // All thumbprints are of one length.
    Sha256::new().chain_update(jkt).chain_update(jti).finalize().into()
}

/// Whether two URLs are the same but for query and fragment (RFC 9449 §4.3), after normalisation by the URL standard:
/// case of scheme and host, default port, dot segments.
///
/// Interop: `htu` should have no query and no fragment; clients that leave them in are let through, as by the reference
/// implementation.
fn is_same_target(htu: &str, expected: &str) -> bool {
    htu == expected || matches!((target(htu), target(expected)), (Some(a), Some(b)) if a == b)
}

fn target(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || !matches!(url.scheme(), "https" | "http") {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}
