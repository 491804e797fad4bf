//! Answers of other services on their way back.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use cairn_identity::{BodyStream, StreamedResponse};
use cairn_model::Tid;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::app::App;
use crate::compress::Verbatim;
use crate::error::XrpcError;

use super::headers::{REPO_REV, returned};
use super::unpack::unpack;

/// An answer whose body is yet to come.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Those that the client may see.
    pub(crate) headers: HeaderMap,
    body: BodyStream,
}

impl Reply {
    pub(super) fn new(response: StreamedResponse) -> Self {
        let StreamedResponse { status, headers, body, .. } = response;
        Self { status, headers: returned(&headers), body }
    }

    /// How far the service has followed the account's repository.
    pub(crate) fn repo_rev(&self) -> Option<Tid> {
        Tid::parse(self.headers.get(REPO_REV)?.to_str().ok()?).ok()
    }

    pub(crate) fn is_json(&self) -> bool {
        is_json(&self.headers)
    }

    /// The answer for the client, its body passing through as it comes.
    ///
    /// # Errors
    /// 502 for an answer that must not be passed on: too large, or a redirect.
    pub(crate) fn into_response(self, app: &App) -> Result<Response, XrpcError> {
        let Self { status, headers, body } = self;
        let limits = &app.config.proxy;
        check_length(&headers, limits.max_response_bytes)?;
        let status = passed_on(status)?;
        if !status.is_success() && !is_json(&headers) {
            return Ok(plain_failure(status, &headers));
        }
        let body = limited(body, limits.max_response_bytes, limits.body_timeout);
        Ok(respond(status, headers, Body::from_stream(body)))
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// 502 when it breaks off or is too large, 504 when it does not come in time.
    pub(crate) async fn buffer(self, app: &App) -> Result<Buffered, XrpcError> {
        let Self { status, headers, body } = self;
        let limits = &app.config.proxy;
        check_length(&headers, limits.max_response_bytes)?;
        let pieces = limited(body, limits.max_response_bytes, limits.body_timeout);
        let mut pieces = std::pin::pin!(pieces);
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.try_next().await.map_err(|err| interrupted(&err))? {
            all.extend_from_slice(&piece);
        }
        let max_bytes = limits.max_response_bytes;
        Ok(Buffered { status, headers, body: all.freeze(), max_bytes })
    }
}

/// An answer that has come in whole.
pub(crate) struct Buffered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// In the coding that the headers say.
    body: Bytes,
    max_bytes: usize,
}

impl Buffered {
    /// The content as JSON.
    ///
    /// # Errors
    /// 502 when it is anything else.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, XrpcError> {
        let unusable = |err: &dyn std::error::Error| {
            tracing::debug!(error = %err, "an answer of a service cannot be read");
            XrpcError::upstream_failure("the service's answer cannot be read")
        };
        let content = unpack(&self.headers, &self.body, self.max_bytes).await;
        let content = content.map_err(|err| unusable(&err))?;
        serde_json::from_slice(&content).map_err(|err| unusable(&err))
    }

    /// The answer for the client, as it came.
    ///
    /// # Errors
    /// 502 for a redirect.
    pub(crate) fn into_response(self) -> Result<Response, XrpcError> {
        let status = passed_on(self.status)?;
        if !status.is_success() && !is_json(&self.headers) {
            return Ok(plain_failure(status, &self.headers));
        }
        Ok(respond(status, self.headers, Body::from(self.body)))
    }
}

/// The service's fault is not this server's: 500 becomes 502. Redirects lead out of reach.
fn passed_on(status: StatusCode) -> Result<StatusCode, XrpcError> {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => Ok(StatusCode::BAD_GATEWAY),
        _ if status.is_success() || status.is_client_error() || status.is_server_error() => {
            Ok(status)
        }
        _ => Err(XrpcError::upstream_failure("the service answered with a redirect")),
    }
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    // The service has seen what the client takes, and has chosen.
    response.extensions_mut().insert(Verbatim);
    response
}

/// For a service that fails with a page of text: clients expect JSON.
fn plain_failure(status: StatusCode, headers: &HeaderMap) -> Response {
    let name = match status.as_u16() {
        400 => "InvalidRequest",
        401 => "AuthenticationRequired",
        403 => "Forbidden",
        404 => "XRPCNotSupported",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        429 => "RateLimitExceeded",
        501 => "MethodNotImplemented",
        503 => "NotEnoughResources",
        504 => "UpstreamTimeout",
        code if code < 500 => "InvalidRequest",
        _ => "UpstreamFailure",
    };
    let message = format!("the service answered {}", status.as_u16());
    let mut response = XrpcError::new(status, name, message).into_response();
    if let Some(value) = headers.get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, value.clone());
    }
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn check_length(headers: &HeaderMap, max_bytes: usize) -> Result<(), XrpcError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if usize::try_from(length).map_or(true, |length| length > max_bytes) => {
            Err(XrpcError::upstream_failure("the service's answer is too large"))
        }
        _ => Ok(()),
    }
}

fn interrupted(err: &io::Error) -> XrpcError {
    match err.kind() {
        io::ErrorKind::TimedOut => {
            XrpcError::upstream_timeout("the service's answer did not come in time")
        }
        io::ErrorKind::FileTooLarge => {
            XrpcError::upstream_failure("the service's answer is too large")
        }
        _ => XrpcError::upstream_failure("the service's answer broke off"),
    }
}

/// A body of at most so many bytes, with pauses of at most this length.
///
/// The clock runs while the service is waited for, not while the client takes its time.
fn limited(
    body: BodyStream,
    max_bytes: usize,
    patience: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold((body, max_bytes), move |(mut body, left)| async move {
        let next = tokio::time::timeout(patience, body.next()).await;
        let next = next.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        let Some(piece) = next.transpose().map_err(io::Error::other)? else { return Ok(None) };
        let Some(left) = left.checked_sub(piece.len()) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        Ok(Some((piece, (body, left))))
    })
}
