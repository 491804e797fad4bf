//! Session tokens: HS256 JWTs under a secret of the server, in the reference implementation's form, so that sessions survive a change of server.
//!
//! | | access | refresh |
//! |---|---|---|
//! | `typ` | `at+jwt` | `refresh+jwt` |
//! | claims | scope, aud, sub, iat, exp, and scopes of an app password that has some | scope `com.atproto.refresh`, aud, sub, jti, iat, exp |
//! | lifetime | 120 minutes | 90 days |

use cairn_model::Did;
use cairn_oauth::scope::Scopes;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::config::Secret;
use crate::error::XrpcError;

use super::SessionScope;

/// How long an access token is good for, in seconds.
pub const ACCESS_SECONDS: i64 = 120 * 60;
/// How long a refresh token is good for, in seconds.
pub const REFRESH_SECONDS: i64 = 90 * 86_400;

const REFRESH_SCOPE: &str = "com.atproto.refresh";
/// No token of ours is longer.
const MAX_TOKEN_BYTES: usize = 4_096;

/// Makes and checks session tokens.
pub struct SessionTokens {
    /// Keyed once; a clone costs less than keying again.
    mac: Hmac<Sha256>,
    audience: Did,
    access_header: String,
    refresh_header: String,
}

/// What an access token says.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessClaims {
    pub did: Did,
    pub scope: SessionScope,
    /// Set for [`SessionScope::AppPasswordScoped`], and for nothing else.
    pub scopes: Option<Scopes>,
}

/// What a refresh token says.
#[derive(Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    pub did: Did,
    pub jti: String,
    /// Seconds since 1970.
    pub expires_at: i64,
    pub is_expired: bool,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("Token has expired")]
    Expired,
    #[error("Token could not be verified")]
    Unverifiable,
    #[error("Malformed token")]
    Malformed,
    #[error("Bad token scope")]
    Scope,
}

impl From<TokenError> for XrpcError {
    fn from(err: TokenError) -> Self {
        match err {
            TokenError::Expired => Self::expired_token(err.to_string()),
            TokenError::Unverifiable | TokenError::Malformed | TokenError::Scope => {
                Self::invalid_token(err.to_string())
            }
        }
    }
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a str>,
    aud: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct SeenClaims<'a> {
    #[serde(borrow)]
    scope: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    aud: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    sub: std::borrow::Cow<'a, str>,
    scopes: Option<String>,
    jti: Option<String>,
    exp: i64,
    /// Service tokens and proof-of-possession tokens are something else, whatever their signature.
    lxm: Option<serde::de::IgnoredAny>,
    cnf: Option<serde::de::IgnoredAny>,
}

impl SessionTokens {
    pub(crate) fn new(secret: &Secret, audience: Did) -> Self {
        let header = |typ| {
            BASE64URL_NOPAD.encode(&crate::xrpc::reply::json_body(&Header { typ, alg: "HS256" }))
        };
        Self {
            mac: Hmac::new_from_slice(secret.expose()).expect("HMAC takes keys of any length"),
            audience,
            access_header: header("at+jwt"),
            refresh_header: header("refresh+jwt"),
        }
    }

    /// An access token for `did`, from `now` (seconds since 1970).
    pub fn access(&self, did: &Did, scope: SessionScope, now: i64) -> String {
        self.access_token(did, scope, None, now)
    }

    /// An access token for `did` that is held to OAuth scopes, which are in normal form.
    pub fn access_within(&self, did: &Did, scopes: &str, now: i64) -> String {
        self.access_token(did, SessionScope::AppPasswordScoped, Some(scopes), now)
    }

    fn access_token(
        &self,
        did: &Did,
        scope: SessionScope,
        scopes: Option<&str>,
        now: i64,
    ) -> String {
        let claims = NewClaims {
            scope: scope.as_str(),
            scopes,
            aud: self.audience.as_str(),
            sub: did.as_str(),
            jti: None,
            iat: now,
            exp: now.saturating_add(ACCESS_SECONDS),
        };
        self.sign(&self.access_header, &claims)
    }

    /// A refresh token for `did` that names itself `jti`.
    pub fn refresh(&self, did: &Did, jti: &str, now: i64, expires_at: i64) -> String {
        let claims = NewClaims {
            scope: REFRESH_SCOPE,
            scopes: None,
            aud: self.audience.as_str(),
            sub: did.as_str(),
            jti: Some(jti),
            iat: now,
            exp: expires_at,
        };
        self.sign(&self.refresh_header, &claims)
    }

    /// Checks an access token at `now`.
    ///
    /// # Errors
    /// Says why it is not one.
    pub fn verify_access(&self, token: &str, now: i64) -> Result<AccessClaims, TokenError> {
        let payload = self.verify(token, &self.access_header, "at+jwt")?;
        let (claims, did) = self.claims(&payload)?;
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        let scope = SessionScope::parse(&claims.scope).ok_or(TokenError::Scope)?;
        let scopes = claims.scopes.as_deref().map(Scopes::parse);
        let is_whole = match &scopes {
            Some(scopes) => scope == SessionScope::AppPasswordScoped && scopes.contains_atproto(),
            None => scope != SessionScope::AppPasswordScoped,
        };
        if is_whole { Ok(AccessClaims { did, scope, scopes }) } else { Err(TokenError::Scope) }
    }

    /// Checks a refresh token at `now`; an expired one is told apart, not refused.
    ///
    /// # Errors
    /// Says why it is not one.
    pub fn verify_refresh(&self, token: &str, now: i64) -> Result<RefreshClaims, TokenError> {
        let payload = self.verify(token, &self.refresh_header, "refresh+jwt")?;
        let (claims, did) = self.claims(&payload)?;
        if claims.scope != REFRESH_SCOPE {
            return Err(TokenError::Scope);
        }
        let jti = claims.jti.filter(|jti| !jti.is_empty()).ok_or(TokenError::Malformed)?;
        Ok(RefreshClaims { did, jti, expires_at: claims.exp, is_expired: claims.exp <= now })
    }

    fn sign(&self, header: &str, claims: &NewClaims<'_>) -> String {
        let mut token = String::with_capacity(512);
        token.push_str(header);
        token.push('.');
        BASE64URL_NOPAD.encode_append(&crate::xrpc::reply::json_body(claims), &mut token);
        let mut mac = self.mac.clone();
        mac.update(token.as_bytes());
        token.push('.');
        BASE64URL_NOPAD.encode_append(&mac.finalize().into_bytes(), &mut token);
        token
    }

    /// The payload of a token whose signature is good and whose header is as expected.
    fn verify(&self, token: &str, own_header: &str, typ: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let mut mac = self.mac.clone();
        mac.update(signed.as_bytes());
        let signature =
            BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| TokenError::Malformed)?;
        mac.verify_slice(&signature).map_err(|_| TokenError::Unverifiable)?;
        if header != own_header {
            check_header(header, typ)?;
        }
        BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| TokenError::Malformed)
    }

    fn claims<'a>(&self, payload: &'a [u8]) -> Result<(SeenClaims<'a>, Did), TokenError> {
        let claims: SeenClaims<'a> =
            serde_json::from_slice(payload).map_err(|_| TokenError::Malformed)?;
        if claims.lxm.is_some() || claims.cnf.is_some() {
            return Err(TokenError::Malformed);
        }
        if claims.aud != self.audience.as_str() {
            return Err(TokenError::Unverifiable);
        }
        let did = Did::parse(&claims.sub).map_err(|_| TokenError::Malformed)?;
        Ok((claims, did))
    }
}

/// A header that is not spelled as ours: tokens of a predecessor under the same secret.
fn check_header(header: &str, typ: &str) -> Result<(), TokenError> {
    #[derive(Deserialize)]
    struct Seen {
        typ: String,
        alg: String,
    }
    let json = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| TokenError::Malformed)?;
    let seen: Seen = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if seen.alg == "HS256" && seen.typ == typ { Ok(()) } else { Err(TokenError::Unverifiable) }
}

/// Whether a token carries `lxm`, which service tokens do and session tokens never. Nothing is verified here.
pub(crate) fn looks_like_service_token(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Seen {
        lxm: Option<serde::de::IgnoredAny>,
    }
    let Some(payload) = token.split('.').nth(1).filter(|_| token.len() <= MAX_TOKEN_BYTES) else {
        return false;
    };
    let Ok(payload) = BASE64URL_NOPAD.decode(payload.as_bytes()) else { return false };
    serde_json::from_slice::<Seen>(&payload).is_ok_and(|seen| seen.lxm.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(text: &str) -> Did {
        Did::parse(text).unwrap()
    }

    fn tokens(secret: &str) -> SessionTokens {
        SessionTokens::new(&Secret::new(secret), did("did:web:pds.example"))
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let tokens = tokens("secret");
        let alice = did("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
        let access = tokens.access(&alice, SessionScope::AppPassword, 1_000);
        assert_eq!(
            tokens.verify_access(&access, 1_000),
            Ok(AccessClaims { did: alice.clone(), scope: SessionScope::AppPassword, scopes: None })
        );
        let scopes = "atproto repo:com.example.note";
        let access = tokens.access_within(&alice, scopes, 1_000);
        let claims = tokens.verify_access(&access, 1_000).unwrap();
        assert_eq!(claims.scope, SessionScope::AppPasswordScoped);
        assert_eq!(claims.scopes.unwrap().to_string(), scopes);
        let refresh = tokens.refresh(&alice, "id", 1_000, 2_000);
        let claims =
            RefreshClaims { did: alice, jti: "id".into(), expires_at: 2_000, is_expired: false };
        assert_eq!(tokens.verify_refresh(&refresh, 1_999), Ok(claims));
        assert!(tokens.verify_refresh(&refresh, 2_000).unwrap().is_expired);
    }

    #[test]
    fn other_tokens_are_refused() {
        let ours = tokens("secret");
        let alice = did("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
        let access = ours.access(&alice, SessionScope::Full, 1_000);
        assert_eq!(ours.verify_access(&access, 1_000 + ACCESS_SECONDS), Err(TokenError::Expired));
        assert_eq!(tokens("other").verify_access(&access, 1_000), Err(TokenError::Unverifiable));
        assert_eq!(ours.verify_refresh(&access, 1_000), Err(TokenError::Unverifiable));
        let refresh = ours.refresh(&alice, "id", 1_000, 2_000);
        assert_eq!(ours.verify_access(&refresh, 1_000), Err(TokenError::Unverifiable));
        for broken in ["", "a", "a.b", "a.b.c", "....", "é.ü.ß"] {
            assert!(ours.verify_access(broken, 0).is_err(), "{broken}");
        }
        let elsewhere = SessionTokens::new(&Secret::new("secret"), did("did:web:other.example"));
        assert_eq!(elsewhere.verify_access(&access, 1_000), Err(TokenError::Unverifiable));
    }

    #[test]
    fn scopes_and_the_claim_that_there_are_some_come_together_or_not_at_all() {
        let tokens = tokens("secret");
        let alice = did("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
        for (scope, scopes) in [
            (SessionScope::AppPasswordScoped, None),
            (SessionScope::AppPasswordScoped, Some("")),
            (SessionScope::AppPasswordScoped, Some("repo:*")),
            (SessionScope::AppPassword, Some("atproto")),
            (SessionScope::Full, Some("atproto repo:*")),
        ] {
            let access = tokens.access_token(&alice, scope, scopes, 1_000);
            let refused = tokens.verify_access(&access, 1_000);
            assert_eq!(refused, Err(TokenError::Scope), "{scope:?} {scopes:?}");
        }
    }

    #[test]
    fn service_tokens_are_recognised_by_their_method() {
        let payload = |json: &str| format!("x.{}.y", BASE64URL_NOPAD.encode(json.as_bytes()));
        assert!(looks_like_service_token(&payload(r#"{"lxm":"com.atproto.repo.uploadBlob"}"#)));
        assert!(!looks_like_service_token(&payload(r#"{"sub":"did:x:y"}"#)));
        assert!(!looks_like_service_token("nonsense"));
    }
}
