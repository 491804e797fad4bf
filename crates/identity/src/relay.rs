//! Requests that are passed on for somebody else: streamed both ways, as they are.
//!
//! The guard's checks of addresses apply; redirects are answers like any other. How long it may take and how much may
//! come is for the caller to watch, who sees both ends.

use std::error::Error;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{StreamExt, TryStreamExt};
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use crate::fetch::{FetchError, GuardedClient, StreamedResponse};

/// A request to pass on.
#[derive(Debug)]
pub struct RelayRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<reqwest::Body>,
}

impl RelayRequest {
    /// A request without a body.
    #[must_use]
    pub const fn new(method: Method, url: Url, headers: HeaderMap) -> Self {
        Self { method, url, headers, body: None }
    }

    /// With a body that is read as it is sent.
    #[must_use]
    pub fn stream<S, E>(mut self, body: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.body = Some(reqwest::Body::wrap_stream(body));
        self
    }

    /// With a body that is there already.
    #[must_use]
    pub fn bytes(mut self, body: Bytes) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl GuardedClient {
    /// Sends a request once and returns when the headers of the answer are there. Sets no limit of time or size.
    pub async fn relay(&self, request: RelayRequest) -> Result<StreamedResponse, FetchError> {
        let RelayRequest { method, url, mut headers, body } = request;
        self.check_url(&url)?;
        headers
            .entry(header::ACCEPT_ENCODING)
            .or_insert(const { HeaderValue::from_static("identity") });
        let mut outgoing = self.http.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            outgoing = outgoing.body(body);
        }
        let mut response = outgoing.send().await?;
        let headers = std::mem::take(response.headers_mut());
        let status = response.status();
        let body = response.bytes_stream().map_err(FetchError::from).boxed();
        Ok(StreamedResponse { status, headers, url, body })
    }
}
