//! The errors of OAuth, with their names on the wire.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of an error, as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// The client is unknown or did not authenticate (RFC 6749 §5.2).
    InvalidClient,
    /// The code or refresh token is void or somebody else's (RFC 6749 §5.2).
    InvalidGrant,
    /// The client may not use this grant (RFC 6749 §5.2).
    UnauthorizedClient,
    /// The grant is not one of this server's (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The response type is not `code` (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// A scope is unknown, malformed or more than was allowed (RFC 6749 §5.2).
    InvalidScope,
    /// The person, or the server for them, said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// Nothing may be shown, but the person must sign in (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// Nothing may be shown, but the person must consent (OpenID Connect Core §3.1.2.6).
    ConsentRequired,
    /// Nothing may be shown, but the person must choose an account (OpenID Connect Core §3.1.2.6).
    AccountSelectionRequired,
    /// Nothing may be shown, but something must be (OpenID Connect Core §3.1.2.6).
    InteractionRequired,
    /// The `request` parameter is not taken (RFC 9101 §6.3, OpenID Connect Core §3.1.2.6).
    RequestNotSupported,
    /// The `request_uri` is unknown, used or too old (RFC 9101 §6.2).
    InvalidRequestUri,
    /// The DPoP proof is missing or void (RFC 9449 §5).
    InvalidDpopProof,
    /// The DPoP proof needs the nonce that comes with this answer (RFC 9449 §8).
    UseDpopNonce,
    /// The client's metadata break a rule (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// A redirect URI in the client's metadata breaks a rule (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// The access token is void (RFC 6750 §3.1).
    InvalidToken,
    /// The access token does not allow this (RFC 6750 §3.1).
    InsufficientScope,
    /// Tokens of the hinted kind cannot be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// Too busy (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// The server failed (RFC 6749 §4.1.2.1).
    ServerError,
}

impl OAuthErrorCode {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The HTTP status at the endpoints of the authorization server.
    ///
    /// `invalid_client` is 400, as RFC 6749 §5.2 allows for clients that do not use the `Authorization` header: a 401
    /// would need a challenge, and there is no scheme to name in it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }

    /// The HTTP status at protected resources: whatever is wrong with the credentials asks for other ones.
    #[must_use]
    pub const fn resource_status(self) -> u16 {
        match self {
            Self::InvalidDpopProof | Self::UseDpopNonce => 401,
            other => other.status(),
        }
    }

    /// Whether the answer to a pushed authorization request may carry the error (RFC 9126 §2.3): the errors that
    /// speak of a person have no meaning before one is there.
    const fn is_legal_at_par(self) -> bool {
        !matches!(
            self,
            Self::AccessDenied
                | Self::LoginRequired
                | Self::ConsentRequired
                | Self::AccountSelectionRequired
                | Self::InteractionRequired
        )
    }
}

impl fmt::Display for OAuthErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error for a client: a name, and a sentence for its developer.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The name.
    pub code: OAuthErrorCode,
    /// The sentence. Only characters that RFC 6749 §5.2 allows.
    description: Cow<'static, str>,
    /// What went wrong inside: for the log, never for the client.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl OAuthError {
    /// An error with a description. Characters that may not stand in one are replaced.
    #[must_use]
    pub fn new(code: OAuthErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: sanitised(description.into()), source: None }
    }

    /// An error whose description is what another error says.
    pub(crate) fn of(code: OAuthErrorCode, error: &dyn Error) -> Self {
        Self::new(code, error.to_string())
    }

    /// `invalid_request`.
    #[must_use]
    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, description)
    }

    /// `invalid_grant`.
    #[must_use]
    pub fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidGrant, description)
    }

    /// `server_error`: the client learns nothing of the source.
    #[must_use]
    pub fn server_error(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let description = "the server failed to do what was asked";
        Self { source: Some(source.into()), ..Self::new(OAuthErrorCode::ServerError, description) }
    }

    /// The sentence for the client's developer.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The error as the answer to a pushed authorization request may name it (RFC 9126 §2.3).
    #[must_use]
    pub fn at_par(mut self) -> Self {
        if !self.code.is_legal_at_par() {
            self.code = OAuthErrorCode::InvalidRequest;
        }
        self
    }

    /// The JSON body (RFC 6749 §5.2).
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.code.as_str(), "error_description": self.description })
    }

    /// The `WWW-Authenticate` header of a protected resource (RFC 9449 §7.1).
    #[must_use]
    pub fn www_authenticate(&self) -> String {
        format!(
            r#"DPoP algs="{}", error="{}", error_description="{}""#,
            crate::SIGNING_ALGORITHMS.join(" "),
            self.code,
            self.description
        )
    }
}

/// Leaves only characters that an `error_description` may hold: printable ASCII without quote and backslash.
fn sanitised(text: Cow<'static, str>) -> Cow<'static, str> {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if text.chars().all(allowed) {
        return text;
    }
    let replaced = |c: char| match c {
        c if allowed(c) => c,
        '"' => '\'',
        _ => '?',
    };
    Cow::Owned(text.chars().map(replaced).collect())
}
