//! Checking service-auth tokens that others bring.

use std::sync::Arc;

use cairn_model::{Did, Nsid};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Claims;
use crate::jws::{Compact, JwsError};
use crate::public_key::PublicKey;
use crate::replay::{ReplayMemory, Use};
use crate::resolver::{ResolveError, Resolver};

/// Types that belong to other protocols; a token of theirs must not pass for a service-auth token.
const FOREIGN_TYPES: [&str; 3] = ["at+jwt", "refresh+jwt", "dpop+jwt"];
/// How far clocks may differ.
const LEEWAY_SECONDS: i64 = 60;
/// The longest life that servers give to a token; it bounds what the replay memory must hold.
const MAX_LIFETIME_SECONDS: i64 = 3600;
/// About 15 MiB when full; tokens live for a minute, so this holds 1,500 calls each second.
const REPLAY_CAPACITY: usize = 100_000;

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAuthError {
    /// Not a token, or claims are missing or out of bounds.
    #[error("{0}")]
    BadJwt(BadJwt),
    /// The `typ` belongs to another protocol.
    #[error("invalid jwt type")]
    BadJwtType,
    /// The time is up.
    #[error("jwt expired")]
    JwtExpired,
    /// `lxm` is missing or names another method.
    #[error("bad jwt lexicon method (\"lxm\"), must match: {expected}")]
    BadJwtLexiconMethod {
        /// The method that was called.
        expected: Nsid,
    },
    /// The token is for somebody else.
    #[error("jwt audience does not match service did")]
    BadJwtAudience,
    /// `iss` is not a DID with a key that is accepted here.
    #[error("invalid jwt issuer")]
    BadJwtIss,
    /// The issuer's document cannot be had.
    #[error("jwt issuer does not resolve: {0}")]
    Unresolved(#[from] ResolveError),
    /// No accepted key of the issuer made the signature.
    #[error("jwt signature does not match jwt issuer")]
    BadJwtSignature,
    /// The token was used before.
    #[error("jwt was used before")]
    Replayed,
}

/// What is wrong with the token itself.
#[derive(Debug, thiserror::Error)]
pub enum BadJwt {
    /// The token cannot be read.
    #[error("poorly formatted jwt: {0}")]
    Format(#[from] JwsError),
    /// `iat` or `nbf` lies in the future.
    #[error("jwt is not valid yet")]
    NotYet,
    /// `exp` lies too far ahead.
    #[error("jwt expires too far in the future")]
    TooLong,
    /// `kid` is not one of the keys that sign such tokens.
    #[error("jwt key id is not accepted")]
    KeyId,
}

impl ServiceAuthError {
    /// The error's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BadJwt(_) => "BadJwt",
            Self::BadJwtType => "BadJwtType",
            Self::JwtExpired => "JwtExpired",
            Self::BadJwtLexiconMethod { .. } => "BadJwtLexiconMethod",
            Self::BadJwtAudience => "BadJwtAudience",
            Self::BadJwtIss | Self::Unresolved(_) => "BadJwtIss",
            Self::BadJwtSignature => "BadJwtSignature",
            Self::Replayed => "JwtReplayed",
        }
    }
}

impl From<JwsError> for ServiceAuthError {
    fn from(error: JwsError) -> Self {
        Self::BadJwt(BadJwt::Format(error))
    }
}

/// Who a verified token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The issuer, without a fragment.
    pub iss: Did,
    /// The key that signed: `#atproto` or `#atproto_label`.
    pub key_id: &'static str,
    /// The audience, one of the verifier's.
    pub aud: String,
    /// That it was used, see [`Verifier::forgive`].
    pub token: Use,
}

/// Checks tokens against one server's audiences and remembers which were used.
#[derive(Clone)]
pub struct Verifier {
    audiences: Arc<[String]>,
    used: Arc<ReplayMemory>,
}

impl Verifier {
    /// A verifier for exactly these audiences: usually the server's DID and that DID with `#atproto_pds`.
    pub fn new(audiences: impl IntoIterator<Item = String>) -> Self {
        Self {
            audiences: audiences.into_iter().collect(),
            used: Arc::new(ReplayMemory::new(REPLAY_CAPACITY)),
        }
    }

    /// A verifier for a PDS with this DID.
    #[must_use]
    pub fn for_pds(did: &Did) -> Self {
        Self::new([did.as_str().to_owned(), format!("{did}#atproto_pds")])
    }

    /// Checks a token for a call of `lxm`.
    ///
    /// The signature is checked against the cached document first and, when it does not match, once more against a
    /// fresh one: keys rotate.
    pub async fn verify(
        &self,
        token: &str,
        lxm: &Nsid,
        resolver: &dyn Resolver,
        now: Timestamp,
    ) -> Result<Verified, ServiceAuthError> {
        let token = Compact::parse(token)?;
        if token.header.typ.as_deref().is_some_and(|typ| {
            FOREIGN_TYPES.iter().any(|foreign| foreign.eq_ignore_ascii_case(typ))
        }) {
            return Err(ServiceAuthError::BadJwtType);
        }
        let claims: Claims = token.claims()?;
        check_times(&claims, now.as_second())?;
        if claims.lxm.as_deref() != Some(lxm.as_str()) {
            return Err(ServiceAuthError::BadJwtLexiconMethod { expected: lxm.clone() });
        }
        if !self.audiences.contains(&claims.aud) {
            return Err(ServiceAuthError::BadJwtAudience);
        }
        let (iss, key_id) = issuer(&claims.iss, token.header.kid.as_deref())?;
        check_signature(&token, &iss, key_id, resolver).await?;
        let used = Use { key: replay_key(&token, &claims), expires_at: claims.exp };
        if !self.used.first_use(used.key, used.expires_at, now.as_second()) {
            return Err(ServiceAuthError::Replayed);
        }
        Ok(Verified { iss, key_id, aud: claims.aud, token: used })
    }

    /// Lets a token be used once more, because the call that it came with has failed: it lives long enough for another
    /// try, and whoever sent it may not be able to make a new one.
    pub fn forgive(&self, token: Use) {
        self.used.forget(token);
    }
}

fn check_times(claims: &Claims, now: i64) -> Result<(), ServiceAuthError> {
    if claims.exp <= now {
        return Err(ServiceAuthError::JwtExpired);
    }
    if claims.exp.saturating_sub(now) > MAX_LIFETIME_SECONDS + LEEWAY_SECONDS {
        return Err(ServiceAuthError::BadJwt(BadJwt::TooLong));
    }
    let latest_start = now.saturating_add(LEEWAY_SECONDS);
    if claims.iat.max(claims.nbf).is_some_and(|start| start > latest_start) {
        return Err(ServiceAuthError::BadJwt(BadJwt::NotYet));
    }
    Ok(())
}

/// The DID that speaks and the key that must have signed.
///
/// Interop: the key is named by `kid` or, by services that do not know that header, by a fragment of `iss`. Fragments
/// other than the labeler's are refused here; the reference implementation reads any of them as `#atproto`.
fn issuer(iss: &str, kid: Option<&str>) -> Result<(Did, &'static str), ServiceAuthError> {
    let (did, fragment) = match iss.split_once('#') {
        Some((did, fragment)) => (did, Some(fragment)),
        None => (iss, None),
    };
    let did = Did::parse(did).map_err(|_| ServiceAuthError::BadJwtIss)?;
    let by_fragment = match fragment {
        None => None,
        Some("atproto_labeler") => Some("#atproto_label"),
        Some(_) => return Err(ServiceAuthError::BadJwtIss),
    };
    let by_kid = match kid {
        None => None,
        Some("#atproto") => Some("#atproto"),
        Some("#atproto_label") => Some("#atproto_label"),
        Some(_) => return Err(ServiceAuthError::BadJwt(BadJwt::KeyId)),
    };
    if by_fragment.is_some() && by_kid.is_some() && by_fragment != by_kid {
        return Err(ServiceAuthError::BadJwt(BadJwt::KeyId));
    }
    Ok((did, by_kid.or(by_fragment).unwrap_or("#atproto")))
}

async fn check_signature(
    token: &Compact<'_>,
    iss: &Did,
    key_id: &str,
    resolver: &dyn Resolver,
) -> Result<(), ServiceAuthError> {
    let tried: Option<PublicKey> = resolver.did(iss, false).await?.key(key_id);
    if tried.is_some_and(|key| token.verify(&key).is_ok()) {
        return Ok(());
    }
    let fresh = resolver.did(iss, true).await?.key(key_id);
    let fresh = fresh.ok_or(ServiceAuthError::BadJwtIss)?;
    if tried == Some(fresh) || token.verify(&fresh).is_err() {
        return Err(ServiceAuthError::BadJwtSignature);
    }
    Ok(())
}

/// Names a use: issuer and `jti`. A token without `jti` is named by what was signed, because its signature could be
/// turned into the other valid one.
fn replay_key(token: &Compact<'_>, claims: &Claims) -> [u8; 32] {
    let mut hash = Sha256::new();
    match &claims.jti {
        Some(jti) => {
            hash.update([1]);
            hash.update(claims.iss.as_bytes());
            // Neither a DID nor a fragment contains a NUL.
            hash.update([0]);
            hash.update(jti.as_bytes());
        }
        None => {
            hash.update([2]);
            hash.update(token.signing_input.as_bytes());
        }
    }
    hash.finalize().into()
}
