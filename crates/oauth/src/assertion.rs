//! Client authentication by signed assertions: `private_key_jwt`, RFC 7523.
//! <https://atproto.com/specs/oauth#confidential-client-authentication>

use cairn_identity::ReplayMemory;
use cairn_identity::jws::{Compact, JwsError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::client::Jwks;
use crate::numeric_date::NumericDate;
use crate::{OAuthError, OAuthErrorCode, Params};

/// The only type of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The specification: an assertion that is less than a minute old should not be refused.
const MAX_AGE_SECONDS: i64 = 60;
/// How far the clocks of two servers may differ.
const LEEWAY_SECONDS: i64 = 30;
/// The longest `jti` and `kid`.
const MAX_ID_BYTES: usize = 512;
/// How many assertions a [`ReplayMemory`] for them should hold: 500 a second for their minute and a half.
pub const REPLAY_CAPACITY: usize = 50_000;

/// Who a client says it is, and how it proves that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// `client_id`.
    pub client_id: &'a str,
    /// `client_assertion`, if there is one.
    pub assertion: Option<&'a str>,
}

impl<'a> Credentials<'a> {
    /// Takes the credentials out of a request.
    ///
    /// # Errors
    /// `invalid_request` without a `client_id`, `invalid_client` if the assertion is of another type.
    pub fn from_params(params: &'a Params) -> Result<Self, OAuthError> {
        let client_id = params.require("client_id")?;
        let assertion = params.get("client_assertion");
        match (params.get("client_assertion_type"), assertion) {
            (None, None) | (Some(ASSERTION_TYPE), Some(_)) => Ok(Self { client_id, assertion }),
            (Some(ASSERTION_TYPE), None) => Err(AssertionError::Missing.into()),
            _ => Err(AssertionError::Type.into()),
        }
    }
}

/// Why an assertion is refused.
#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// There is none, where one is needed.
    #[error("the client must authenticate with a client_assertion")]
    Missing,
    /// Not an assertion by a JWT.
    #[error("the client_assertion_type is not jwt-bearer")]
    Type,
    /// Not a token, or not signed by the key that it names.
    #[error("the client_assertion is not valid: {0}")]
    Jws(#[from] JwsError),
    /// The header has no `kid`.
    #[error("the client_assertion has no kid")]
    NoKeyId,
    /// The client has no such key: maybe it has changed its keys since they were fetched.
    #[error("the client_assertion is signed with a key that the client does not publish")]
    UnknownKey,
    /// Another algorithm than the client has declared.
    #[error("the client_assertion has another alg than token_endpoint_auth_signing_alg")]
    Algorithm,
    /// `iss` or `sub` is not the client.
    #[error("the client_assertion's iss and sub are not the client_id")]
    Client,
    /// `aud` is not this server.
    #[error("the client_assertion's aud is not the issuer")]
    Audience,
    /// `iat`, `exp` or `nbf` say that it is not the time.
    #[error("the client_assertion is too old, or from the future")]
    Time,
    /// `jti` is empty or too long.
    #[error("the client_assertion's jti is empty or too long")]
    Jti,
    /// `cnf.jkt` is not the key of the DPoP proof, or there is no proof.
    #[error("the client_assertion is bound to another key than the DPoP proof's")]
    Confirmation,
    /// The client's key is its DPoP key too.
    #[error("the client_assertion is signed with the key of the DPoP proof")]
    SameKey,
    /// The assertion was used before.
    #[error("the client_assertion was used before")]
    Replayed,
}

impl AssertionError {
    /// Whether newly fetched keys of the client could change the outcome.
    #[must_use]
    pub const fn may_be_key_rotation(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::Jws(JwsError::Signature(_)))
    }
}

impl From<AssertionError> for OAuthError {
    fn from(error: AssertionError) -> Self {
        Self::of(OAuthErrorCode::InvalidClient, &error)
    }
}

/// The key that a client has authenticated with. A session stays with it: at each refresh it must be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKey {
    /// The key's id.
    pub kid: String,
    /// The algorithm.
    pub alg: String,
    /// The key's thumbprint.
    pub jkt: String,
}

/// How a client has authenticated: kept with its requests and sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ClientAuth {
    /// Not at all: a public client.
    None,
    /// By an assertion, signed with this key.
    PrivateKeyJwt(ClientKey),
}

impl ClientAuth {
    /// Checks that what was begun so may go on so: with the same key for as long as a session lives. Only a client that
    /// had no key may come to have one.
    ///
    /// # Errors
    /// `invalid_grant` if the client has another key, or none any more.
    pub fn may_continue_as(&self, later: &Self) -> Result<(), OAuthError> {
        if *self == Self::None || self == later {
            return Ok(());
        }
        Err(OAuthError::invalid_grant(
            "the client did not authenticate with the key of its session",
        ))
    }
}

/// What an assertion is held against.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The client's id.
    pub client_id: &'a str,
    /// This server's issuer.
    pub issuer: &'a str,
    /// The algorithm that the client has declared, if it has.
    pub alg: Option<&'a str>,
    /// The key of the request's DPoP proof, if there is one.
    pub dpop_jkt: Option<&'a str>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    jti: String,
    iat: NumericDate,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    /// A single member is the same; more would make the assertion good elsewhere too.
    Listed([String; 1]),
}

/// Proof-of-possession claim (RFC 7800, RFC 9449 §6.1). Other methods than `jkt` are not understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

/// Checks an assertion, and that it was not used before.
///
/// `exp` may be left out, as with the reference implementation: `iat` says more. A `cnf.jkt` binds the assertion to the
/// request's DPoP key: <https://github.com/bluesky-social/proposals/tree/main/0010-client-assertion-backend>.
pub fn verify(
    assertion: &str,
    expected: &Expected<'_>,
    keys: &Jwks,
    used: &ReplayMemory,
    now: Timestamp,
) -> Result<ClientKey, AssertionError> {
    let token = Compact::parse(assertion)?;
    let is_jwt = |typ: &str| {
        typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("client-authentication+jwt")
    };
    if !token.header.typ.as_deref().is_none_or(is_jwt) {
        return Err(JwsError::Type.into());
    }
    let kid =
        token.header.kid.as_deref().filter(|kid| !kid.is_empty() && kid.len() <= MAX_ID_BYTES);
    let kid = kid.ok_or(AssertionError::NoKeyId)?;
    if expected.alg.is_some_and(|alg| alg != token.header.alg) {
        return Err(AssertionError::Algorithm);
    }
    let claims: Claims = token.claims()?;
    claims.check(expected, now.as_second())?;
    let key = keys.find(kid, &token.header.alg).ok_or(AssertionError::UnknownKey)?;
    token.verify(key)?;
    let jkt = key.jwk_thumbprint();
    if expected.dpop_jkt == Some(jkt.as_str()) {
        return Err(AssertionError::SameKey);
    }
    let end = claims.iat.0.saturating_add(MAX_AGE_SECONDS + LEEWAY_SECONDS + 1);
    if !used.first_use(replay_key(expected.client_id, &claims.jti), end, now.as_second()) {
        return Err(AssertionError::Replayed);
    }
    Ok(ClientKey { kid: kid.to_owned(), alg: token.header.alg.clone(), jkt })
}

impl Claims {
    fn check(&self, expected: &Expected<'_>, now: i64) -> Result<(), AssertionError> {
        if self.iss != expected.client_id || self.sub != expected.client_id {
            return Err(AssertionError::Client);
        }
        let (Audience::One(aud) | Audience::Listed([aud])) = &self.aud;
        if aud != expected.issuer {
            return Err(AssertionError::Audience);
        }
        if self.jti.is_empty() || self.jti.len() > MAX_ID_BYTES {
            return Err(AssertionError::Jti);
        }
        let age = now.saturating_sub(self.iat.0);
        let expired = self.exp.is_some_and(|exp| exp.0 <= now.saturating_sub(LEEWAY_SECONDS));
        let early = self.nbf.is_some_and(|nbf| nbf.0 > now.saturating_add(LEEWAY_SECONDS));
        if !(-LEEWAY_SECONDS..=MAX_AGE_SECONDS + LEEWAY_SECONDS).contains(&age) || expired || early
        {
            return Err(AssertionError::Time);
        }
        if self.cnf.as_ref().is_some_and(|cnf| expected.dpop_jkt != Some(cnf.jkt.as_str())) {
            return Err(AssertionError::Confirmation);
        }
        Ok(())
    }
}

/// Names a use. Clients draw their `jti` without knowing of each other.
fn replay_key(client_id: &str, jti: &str) -> [u8; 32] {
    // A client id is a URL and holds no NUL.
    Sha256::new().chain_update(client_id).chain_update([0]).chain_update(jti).finalize().into()
}
