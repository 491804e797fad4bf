//! What an XRPC method answers when it fails: `{"error": name, "message": …}`.
//!
//! Inside the server every failure that a client may see becomes an [`XrpcError`] through a constructor that
//! says the status, or through one of the `From` conversions in [`crate::error::from_domain`]. A 5xx keeps its cause for the log and tells
//! the client nothing about it. Spec: <https://atproto.com/specs/xrpc#error-responses>.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::xrpc::reply::json_body;

mod from_domain;

/// A failed XRPC call: a status, a machine-readable name, and a sentence for people.
#[derive(Debug)]
pub struct XrpcError {
    status: StatusCode,
    name: Cow<'static, str>,
    message: Cow<'static, str>,
    retry_after_seconds: Option<u64>,
    /// `WWW-Authenticate` of a 401, where it says more than `Bearer`.
    challenge: Option<Box<HeaderValue>>,
    /// Logged, never sent.
    source: Option<Box<dyn Error + Send + Sync>>,
}

type Text = Cow<'static, str>;

impl XrpcError {
    /// Any status with any name.
    pub fn new(status: StatusCode, name: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self {
            status,
            name: name.into(),
            message: message.into(),
            retry_after_seconds: None,
            challenge: None,
            source: None,
        }
    }

    /// 400 with the general name `InvalidRequest`.
    pub fn invalid_request(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    /// 400 with a name that the method's lexicon declares.
    pub fn named(name: &'static str, message: impl Into<Text>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, message)
    }

    /// 400 `InvalidToken`: the credential is unusable, asking again will not help.
    pub fn invalid_token(message: impl Into<Text>) -> Self {
        Self::named("InvalidToken", message)
    }

    /// 400 `ExpiredToken`: clients answer this one by refreshing their session.
    pub fn expired_token(message: impl Into<Text>) -> Self {
        Self::named("ExpiredToken", message)
    }

    /// 401 with the general name `AuthenticationRequired`.
    pub fn auth_required(message: impl Into<Text>) -> Self {
        Self::unauthorized("AuthenticationRequired", message)
    }

    /// 401 with a name of its own (`AuthMissing`, `AccountTakedown`, `BadJwt`, …).
    pub fn unauthorized(name: &'static str, message: impl Into<Text>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, name, message)
    }

    /// 403 with a name (`Forbidden`, `ScopeMissingError`, `AccountNotFound`, …).
    pub fn forbidden(name: &'static str, message: impl Into<Text>) -> Self {
        Self::new(StatusCode::FORBIDDEN, name, message)
    }

    /// 413 `PayloadTooLarge`.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge", "request entity too large")
    }

    /// 413 `QuotaExceeded`: the account has no room left. The protocol has no name for this case.
    pub fn quota_exceeded(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "QuotaExceeded", message)
    }

    /// 415 `UnsupportedMediaType`.
    pub fn unsupported_media(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// 429 `RateLimitExceeded`, to be tried again after so many seconds.
    pub fn rate_limited(retry_after_seconds: u64) -> Self {
        let mut err =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", "Rate Limit Exceeded");
        err.retry_after_seconds = Some(retry_after_seconds);
        err
    }

    /// 500 `InternalServerError`; the cause goes to the log.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
            .because(source)
    }

    /// 502 `UpstreamFailure`: a server that we depend on failed.
    pub fn upstream_failure(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "UpstreamFailure", message)
    }

    /// 503 `NotEnoughResources`: the disk is full or the server is shutting down.
    pub fn unavailable(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "NotEnoughResources", message)
    }

    /// 504 `UpstreamTimeout`: a server that we depend on does not answer.
    pub fn upstream_timeout(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "UpstreamTimeout", message)
    }

    /// 400 `RepoNotFound`, for methods that name a repository.
    pub fn repo_not_found(repo: impl fmt::Display) -> Self {
        Self::named("RepoNotFound", format!("Could not find repo: {repo}"))
    }

    /// Another sentence for people.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Text>) -> Self {
        self.message = message.into();
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The cause, if it is one of these.
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Says how to prove oneself, with a 401.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: Option<HeaderValue>) -> Self {
        self.challenge = challenge.map(Box::new);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// Seconds after which to try again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    /// Writes a 5xx and its causes to the log; called once, where the error becomes a response.
    fn log(&self) {
        if !self.status.is_server_error() || self.status == StatusCode::NOT_IMPLEMENTED {
            return;
        }
        match &self.source {
            Some(source) => {
                let causes = Causes(source.as_ref());
                tracing::error!(status = self.status.as_u16(), error = %self.name, %causes, "request failed");
            }
            None => {
                tracing::warn!(status = self.status.as_u16(), error = %self.name, message = %self.message, "request failed")
            }
        }
    }
}

/// An error with everything under it, on one line.
struct Causes<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for XrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.name, self.message)
    }
}

impl Error for XrpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[derive(serde::Serialize)]
struct Wire<'a> {
    error: &'a str,
    message: &'a str,
}

impl IntoResponse for XrpcError {
    fn into_response(self) -> Response {
        self.log();
        let body = json_body(&Wire { error: &self.name, message: &self.message });
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, crate::xrpc::reply::JSON);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(
                header::WWW_AUTHENTICATE,
                self.challenge.map_or(bearer, |challenge| *challenge),
            );
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
