//! Requests to other services.

use std::future::Future;

use axum::body::Body;
use bytes::Bytes;
use cairn_identity::{FetchError, RelayRequest, StreamedResponse};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body::Body as _;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::error::XrpcError;

use super::progress::watch;
use super::reply::Reply;
use super::target::Target;

/// A request, ready but for its address.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) nsid: &'a str,
    /// As the client wrote it.
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: HeaderMap,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) body: OutgoingBody,
}

/// What a request carries.
pub(crate) enum OutgoingBody {
    None,
    Whole(Bytes),
    /// Read from the client as it is sent.
    Stream(Body),
}

impl OutgoingBody {
    pub(super) fn of_request(request: &Parts, body: Body) -> Self {
        if request.method == Method::POST && !body.is_end_stream() {
            Self::Stream(body)
        } else {
            Self::None
        }
    }
}

impl Outgoing<'_> {
    /// Sends the request and waits for the answer's headers.
    ///
    /// # Errors
    /// 502 and 504 when no answer comes, 408 and 413 when the client is to blame.
    pub(crate) async fn send(self, app: &App, target: &Target) -> Result<Reply, XrpcError> {
        let url = self.url(target);
        let Self { method, mut headers, token, body, .. } = self;
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token);
        }
        let patience = app.config.proxy.headers_timeout;
        let whole = |request| async move {
            let late = || XrpcError::upstream_timeout("the service did not answer in time");
            let sent = tokio::time::timeout(patience, app.http.relay(request));
            sent.await.map_err(|_| late())?.map_err(|err| unreachable(&err))
        };
        let response = match body {
            OutgoingBody::None => whole(RelayRequest::new(method, url, headers)).await?,
            OutgoingBody::Whole(bytes) => {
                // The body was read, and unpacked, before.
                headers.remove(header::CONTENT_LENGTH);
                headers.remove(header::CONTENT_ENCODING);
                whole(RelayRequest::new(method, url, headers).bytes(bytes)).await?
            }
            OutgoingBody::Stream(body) => {
                let (body, progress) = watch(body, app.config.blob_upload_limit);
                let request = RelayRequest::new(method, url, headers).stream(body);
                let sent = either(app.http.relay(request), progress.stalled(patience)).await?;
                sent.map_err(|err| progress.failure().unwrap_or_else(|| unreachable(&err)))?
            }
        };
        Ok(Reply::new(response))
    }

    fn url(&self, target: &Target) -> Url {
        let mut url = target.url.clone();
        url.set_path(&format!("/xrpc/{}", self.nsid));
        url.set_query(self.query);
        url
    }
}

type Sent = Result<StreamedResponse, FetchError>;

async fn either(
    sent: impl Future<Output = Sent>,
    stalled: impl Future<Output = XrpcError>,
) -> Result<Sent, XrpcError> {
    tokio::select! {
        biased;
        sent = sent => Ok(sent),
        err = stalled => Err(err),
    }
}

/// One answer for all ways in which a service cannot be reached: which addresses exist behind this server is nobody's business.
fn unreachable(err: &FetchError) -> XrpcError {
    tracing::debug!(error = %err, "a service cannot be reached");
    match err {
        FetchError::Timeout => XrpcError::upstream_timeout("the service did not answer in time"),
        _ => XrpcError::upstream_failure("the service cannot be reached"),
    }
}

pub(super) fn query_string(params: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(params).finish()
}
