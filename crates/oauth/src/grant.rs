//! What a client asks of the token endpoint, and what it gets. RFC 6749 §4.1.3, §5.1, §6

use std::time::Duration;

use cairn_model::Did;
use serde_json::{Value, json};

use crate::scope::Scopes;
use crate::token::{AccessToken, Code, RefreshToken};
use crate::{OAuthError, OAuthErrorCode, Params};

/// What a client asks of the token endpoint.
#[derive(Debug)]
pub enum TokenRequest {
    /// The first tokens of a session, for a code.
    Code {
        /// The code.
        code: Code,
        /// The redirect URI of the request, if the client repeats it: then it must be the same.
        redirect_uri: Option<String>,
        /// What proves that the client sent the request ([`pkce`](crate::pkce)).
        code_verifier: String,
    },
    /// The next tokens of a session.
    Refresh {
        /// The refresh token.
        refresh_token: RefreshToken,
        /// Fewer scopes than the session has, if the client wants that.
        scope: Option<Scopes>,
    },
}

impl TokenRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// `unsupported_grant_type`, `invalid_request` if a parameter is missing, `invalid_grant` if the code or the token
    /// cannot be one of this server's.
    pub fn from_params(params: &Params) -> Result<Self, OAuthError> {
        match params.require("grant_type")? {
            "authorization_code" => Ok(Self::Code {
                code: Code::parse(params.require("code")?)
                    .map_err(|_| OAuthError::invalid_grant("the code is not valid"))?,
                redirect_uri: params.get("redirect_uri").map(str::to_owned),
                code_verifier: params.require("code_verifier")?.to_owned(),
            }),
            "refresh_token" => Ok(Self::Refresh {
                refresh_token: RefreshToken::parse(params.require("refresh_token")?)
                    .map_err(|_| OAuthError::invalid_grant("the refresh token is not valid"))?,
                scope: params.get("scope").map(Scopes::parse),
            }),
            _ => Err(OAuthError::new(
                OAuthErrorCode::UnsupportedGrantType,
                "grant_type must be authorization_code or refresh_token",
            )),
        }
    }
}

/// What a client gets.
#[derive(Debug)]
pub struct TokenResponse<'a> {
    /// The access token.
    pub access_token: &'a AccessToken,
    /// The next refresh token, for clients that may refresh.
    pub refresh_token: Option<&'a RefreshToken>,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// What the session allows, permission sets expanded. Never left out in this profile.
    pub scope: &'a Scopes,
    /// The account: the client must check that it is the one it meant.
    pub sub: &'a Did,
}

impl TokenResponse<'_> {
    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "access_token": self.access_token.as_str(),
            "token_type": "DPoP",
            "expires_in": self.expires_in.as_secs(),
            "scope": self.scope.to_string(),
            "sub": self.sub.as_str(),
        });
        if let (Some(token), Some(body)) = (self.refresh_token, body.as_object_mut()) {
            body.insert("refresh_token".to_owned(), token.as_str().into());
        }
        body
    }
}
