//! Which path is which endpoint, and what all of their answers have in common.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_oauth::dpop::{DpopError, Proof};
use cairn_oauth::metadata::{authorization_server, paths, protected_resource};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::XrpcError;
use crate::i18n::Language;
use crate::limits::Bucket;
use crate::routes::{Call, Route, Who, get, post};
use crate::xrpc::reply::{JSON, json_body};

use super::{introspect, par, revoke, token};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const METADATA_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(crate) fn routes() -> Vec<Route> {
    let document = |path| get(path, Who::Anyone, document).for_oauth();
    vec![
        document(paths::AUTHORIZATION_SERVER),
        document(paths::PROTECTED_RESOURCE),
        document(paths::JWKS),
        procedure(paths::PAR, async |call| par::par(&call.app, &call.parts, call.body).await),
        procedure(paths::TOKEN, async |call| token::token(&call.app, &call.parts, call.body).await),
        procedure(paths::REVOKE, async |call| {
            revoke::revoke(&call.app, &call.parts, call.body).await
        }),
        procedure(paths::INTROSPECT, async |call| {
            introspect::introspect(&call.app, &call.parts, call.body, call.client_ip).await
        }),
    ]
}

/// An endpoint at which clients get tokens.
fn procedure<F, Fut>(path: &'static str, run: F) -> Route
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    let answer = move |call: Call| {
        let app = call.app.clone();
        let running = run(call);
        async move { finish(&app, running).await }
    };
    post(path, Who::Anyone, answer).limit(Bucket::OAuthToken).for_oauth()
}

async fn finish(app: &App, running: impl Future<Output = Result<Response, Refusal>>) -> Response {
    let mut response = running.await.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(DPOP_NONCE, nonce_header(app).1);
    response
}

async fn document(call: Call) -> Response {
    let issuer = call.app.config.public_url.as_str();
    let document = match call.parts.uri.path() {
        paths::AUTHORIZATION_SERVER => authorization_server(issuer, &ui_locales()),
        paths::PROTECTED_RESOURCE => protected_resource(issuer, issuer),
        // Tokens are opaque: the server signs nothing that others check.
        _ => json!({ "keys": [] }),
    };
    let mut response = json_answer(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, METADATA_AGE);
    response
}

/// The languages of the pages.
fn ui_locales() -> Vec<&'static str> {
    Language::ALL.iter().map(|language| language.tag()).collect()
}

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

/// The answer of an endpoint that failed before it had one.
pub(crate) fn failed(err: XrpcError) -> Response {
    Refusal::from(err).into_response()
}

/// The answer to a verb that an endpoint does not take.
pub(crate) fn other_verb() -> Response {
    let error = OAuthError::invalid_request("this endpoint takes another method");
    json_answer(StatusCode::METHOD_NOT_ALLOWED, &error.to_json())
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
            StatusCode::UNAUTHORIZED => OAuthErrorCode::InvalidClient,
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
        // RFC 6749 §5.2: in the scheme that was tried, and that is the operator's password.
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"operator\"");
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
