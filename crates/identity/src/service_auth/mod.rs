//! Service-auth tokens: one service speaks to another in an account's name.
//! <https://atproto.com/specs/xrpc#inter-service-authentication-jwt>

mod verifier;

use cairn_model::{Did, Nsid};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::jws::{self, Header};
use crate::key::SigningKey;
use crate::random_bytes;

pub use crate::replay::Use as TokenUse;
pub use verifier::{ServiceAuthError, Verified, Verifier};

/// How long a token lives unless its maker says otherwise.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// The claims of a service-auth token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account that speaks: a DID; from older services `did#atproto_labeler` too.
    pub iss: String,
    /// The service that is spoken to: `did#service`, or a bare DID. The two are different audiences.
    pub aud: String,
    /// Unix time in seconds after which the token is void.
    pub exp: i64,
    /// Unix time in seconds at which the token was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Unix time in seconds before which the token is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The one method that the token allows; none means any, which receivers of XRPC calls refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lxm: Option<String>,
    /// A random text that makes the token unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

impl Claims {
    /// Claims for a call of `lxm` at `aud`, made now, with a new `jti`.
    #[must_use]
    pub fn new(
        iss: &Did,
        aud: impl Into<String>,
        lxm: Option<&Nsid>,
        now: Timestamp,
        lifetime: Duration,
    ) -> Self {
        let iat = now.as_second();
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        Self {
            iss: iss.as_str().to_owned(),
            aud: aud.into(),
            exp: iat.saturating_add(lifetime),
            iat: Some(iat),
            nbf: None,
            lxm: lxm.map(|lxm| lxm.as_str().to_owned()),
            jti: Some(HEXLOWER.encode(&random_bytes::<16>())),
        }
    }
}

/// Signs a token with the account's `#atproto` key.
///
/// Interop: no `kid` is set, which means `#atproto`; services in use do not know the header yet.
#[must_use]
pub fn create(key: &SigningKey, claims: &Claims) -> String {
    jws::sign(key, Header::with_typ("JWT"), claims)
}
