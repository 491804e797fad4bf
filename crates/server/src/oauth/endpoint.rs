//! Which path is which endpoint, and what all of their answers have in common.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_oauth::dpop::{DpopError, Proof};
use cairn_oauth::metadata::{authorization_server, paths, protected_resource};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::reply::{JSON, json_body};

use super::{introspect, par, revoke, token};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const METADATA_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Whether this module answers a path.
pub(crate) fn is_endpoint(path: &str) -> bool {
    is_document(path) || is_procedure(path)
}

fn is_document(path: &str) -> bool {
    [paths::AUTHORIZATION_SERVER, paths::PROTECTED_RESOURCE, paths::JWKS].contains(&path)
}

fn is_procedure(path: &str) -> bool {
    [paths::PAR, paths::TOKEN, paths::REVOKE, paths::INTROSPECT].contains(&path)
}

/// Answers a request to one of the endpoints.
pub(crate) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if is_document(path) {
        return match parts.method {
            Method::GET | Method::HEAD => document(app, path),
            _ => wrong_method("GET, HEAD, OPTIONS"),
        };
    }
    if parts.method != Method::POST {
        return wrong_method("POST, OPTIONS");
    }
    // A client that hangs up has still used its code or token: what was begun is finished.
    let own = app.clone();
    let running = async move {
        let app = own;
        let outcome = procedure(&app, &parts, body, client_ip).await;
        let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(DPOP_NONCE, nonce_header(&app).1);
        response
    };
    let outcome = app.tasks.spawn(running).await;
    outcome.unwrap_or_else(|err| Refusal::from(OAuthError::server_error(err)).into_response())
}

async fn procedure(
    app: &App,
    parts: &Parts,
    body: Body,
    client_ip: IpAddr,
) -> Result<Response, Refusal> {
    match parts.uri.path() {
        paths::PAR => par::par(app, parts, body).await,
        paths::TOKEN => token::token(app, parts, body).await,
        paths::REVOKE => revoke::revoke(app, parts, body).await,
        _ => introspect::introspect(app, parts, body, client_ip).await,
    }
}

fn document(app: &App, path: &str) -> Response {
    let issuer = app.config.public_url.as_str();
    let document = match path {
        paths::AUTHORIZATION_SERVER => authorization_server(issuer, UI_LOCALES),
        paths::PROTECTED_RESOURCE => protected_resource(issuer, issuer),
        // Tokens are opaque: the server signs nothing that others check.
        _ => json!({ "keys": [] }),
    };
    let mut response = json_answer(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, METADATA_AGE);
    response
}

/// The languages of the pages.
const UI_LOCALES: &[&str] = &["en", "fr"];

/// A JSON answer.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(json_body(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The nonce that the next proof must carry.
pub(crate) fn nonce_header(app: &App) -> (HeaderName, HeaderValue) {
    let nonce = app.oauth.proofs.nonce(app.clock.now());
    let value = HeaderValue::try_from(nonce).expect("base64url is text");
    (DPOP_NONCE, value)
}

/// The proof that came with a request to the authorization server, checked.
///
/// # Errors
/// See [`DpopError`].
pub(super) fn proof(app: &App, parts: &Parts) -> Result<Option<Proof>, DpopError> {
    let Some(proof) = proof_text(&parts.headers)? else { return Ok(None) };
    let url = format!("{}{}", app.config.public_url, parts.uri.path());
    let now = app.clock.now();
    app.oauth.proofs.verify(proof, parts.method.as_str(), &url, None, now).map(Some)
}

/// The one proof of a request (RFC 9449 §4.3).
pub(crate) fn proof_text(headers: &HeaderMap) -> Result<Option<&str>, DpopError> {
    let mut sent = headers.get_all(DPOP).iter();
    let Some(first) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(DpopError::Repeated);
    }
    first.to_str().map(Some).map_err(|_| DpopError::Jws(cairn_identity::jws::JwsError::Malformed))
}

fn wrong_method(allowed: &'static str) -> Response {
    let error = OAuthError::invalid_request("this endpoint takes another method");
    let mut response = json_answer(StatusCode::METHOD_NOT_ALLOWED, &error.to_json());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// An error on its way to a client.
pub(super) struct Refusal {
    status: StatusCode,
    error: OAuthError,
    retry_after_seconds: Option<u64>,
}

impl Refusal {
    pub(super) fn content_type() -> Self {
        let error =
            OAuthError::invalid_request("the body must be application/x-www-form-urlencoded");
        Self { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, error, retry_after_seconds: None }
    }

    /// The error as the answer to a pushed request may name it.
    pub(super) fn at_par(self) -> Self {
        Self { error: self.error.at_par(), ..self }
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        let status =
            StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error, retry_after_seconds: None }
    }
}

impl From<DpopError> for Refusal {
    fn from(err: DpopError) -> Self {
        OAuthError::from(err).into()
    }
}

impl From<cairn_store::StoreError> for Refusal {
    fn from(err: cairn_store::StoreError) -> Self {
        XrpcError::from(err).into()
    }
}

/// What the machinery refuses before OAuth begins: sizes, codings, rates, a full disk.
impl From<XrpcError> for Refusal {
    fn from(err: XrpcError) -> Self {
        let (status, retry_after_seconds) = (err.status(), err.retry_after_seconds());
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                OAuthErrorCode::TemporarilyUnavailable
            }
            status if status.is_server_error() => OAuthErrorCode::ServerError,
            _ => OAuthErrorCode::InvalidRequest,
        };
        let description = err.message().to_owned();
        let mut error = OAuthError::new(code, description);
        error.source = Some(Box::new(err));
        Self { status, error, retry_after_seconds }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            let error = &self.error as &dyn std::error::Error;
            tracing::error!(status = self.status.as_u16(), error, "an oauth request failed");
        }
        let mut response = json_answer(self.status, &self.error.to_json());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED
            && let Ok(challenge) = HeaderValue::try_from(self.error.www_authenticate())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            let taken = "application/x-www-form-urlencoded, application/json";
            headers.insert(ACCEPT_POST, HeaderValue::from_static(taken));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
