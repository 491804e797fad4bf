//! The guarded outbound client: the one way out of the server.
//!
//! It refuses private addresses (named, resolved, or redirected to), follows redirects by itself with the same checks
//! at each hop, and caps the time and the bytes of a response. It asks for bodies without content coding and refuses
//! coded ones in [`GuardedClient::fetch`], so the cap counts what the caller gets.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::guard::{GuardPolicy, GuardedDns, PrivateHost};

/// Why an outbound request gave no usable response.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a URL with a host.
    #[error("not a url that can be fetched")]
    Url,
    /// Neither https nor, where it is allowed, http.
    #[error("url scheme is not allowed")]
    Scheme,
    /// The URL has a user name or a password.
    #[error("url with credentials is not allowed")]
    Credentials,
    /// The URL or a redirect leads to an address that is not public.
    #[error("address is not public")]
    PrivateAddress,
    /// More redirects than the policy follows.
    #[error("too many redirects")]
    TooManyRedirects,
    /// A redirect without a usable `Location`.
    #[error("redirect leads nowhere")]
    BadRedirect,
    /// The body exceeds the cap.
    #[error("response exceeds {max_bytes} bytes")]
    TooLarge {
        /// The cap.
        max_bytes: usize,
    },
    /// The response comes in a content coding that nobody asked for.
    #[error("response has a content coding")]
    ContentCoding,
    /// Time is up.
    #[error("request timed out")]
    Timeout,
    /// The body is not the expected JSON.
    #[error("response is not the expected json: {0}")]
    Json(#[from] serde_json::Error),
    /// Name resolution, connection, TLS or HTTP failed.
    #[error("request failed: {0}")]
    Transport(#[source] reqwest::Error),
    /// The client cannot be set up, for instance because the system has no certificates.
    #[error("outbound client cannot be set up: {0}")]
    Setup(#[source] reqwest::Error),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = source {
            if cause.is::<PrivateHost>() {
                return Self::PrivateAddress;
            }
            source = cause.source();
        }
        if error.is_timeout() { Self::Timeout } else { Self::Transport(error) }
    }
}

/// A response body that is read piece by piece, capped in bytes and time.
pub type BodyStream = BoxStream<'static, Result<Bytes, FetchError>>;

/// A request to make.
#[derive(Debug)]
pub struct FetchRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<reqwest::Body>,
    replayable: Option<Bytes>,
    timeout: Option<Duration>,
    body_timeout: Option<Duration>,
    max_bytes: Option<usize>,
    follow_redirects: bool,
}

impl FetchRequest {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let follow_redirects = matches!(method, Method::GET | Method::HEAD);
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            replayable: None,
            timeout: None,
            body_timeout: None,
            max_bytes: None,
            follow_redirects,
        }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST` of a JSON body.
    pub fn post_json(url: Url, body: &impl Serialize) -> Result<Self, FetchError> {
        let json = HeaderValue::from_static("application/json");
        let body = Bytes::from(serde_json::to_vec(body)?);
        Ok(Self::new(Method::POST, url).header(header::CONTENT_TYPE, json).body(body))
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds or replaces headers.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.replayable = Some(body);
        self.body = None;
        self
    }

    /// Replaces the policy's timeout for this request.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Replaces the policy's time for the body of a streamed response.
    #[must_use]
    pub const fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = Some(timeout);
        self
    }

    /// Replaces the policy's cap on the response body for this request.
    #[must_use]
    pub const fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// Hands redirects to the caller as they come.
    #[must_use]
    pub const fn no_redirects(mut self) -> Self {
        self.follow_redirects = false;
        self
    }
}

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// The status, of the last hop.
    pub status: StatusCode,
    /// The headers, of the last hop.
    pub headers: HeaderMap,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// The body.
    pub body: Bytes,
}

impl FetchResponse {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, FetchError> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A response whose body is yet to come.
pub struct StreamedResponse {
    /// The status, of the last hop.
    pub status: StatusCode,
    /// The headers, of the last hop.
    pub headers: HeaderMap,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// The body, in whatever content coding the headers say.
    pub body: BodyStream,
}

/// The guarded client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct GuardedClient {
    pub(crate) http: reqwest::Client,
    policy: Arc<GuardPolicy>,
}

impl GuardedClient {
    /// A client under a policy. Installs the TLS provider of the process if none is there.
    pub fn new(policy: GuardPolicy) -> Result<Self, FetchError> {
        Self::build(Arc::new(policy), reqwest::Client::builder())
    }

    /// A client under the same policy that speaks HTTP/1.1 alone, for requests that upgrade.
    pub fn over_http1(&self) -> Result<Self, FetchError> {
        Self::build(Arc::clone(&self.policy), reqwest::Client::builder().http1_only())
    }

    fn build(
        policy: Arc<GuardPolicy>,
        mut builder: reqwest::ClientBuilder,
    ) -> Result<Self, FetchError> {
        crate::install_crypto_provider();
        for pem in &policy.roots_pem {
            let root = reqwest::Certificate::from_pem(pem.as_bytes()).map_err(FetchError::Setup)?;
            builder = builder.tls_certs_merge([root]);
        }
        let http = builder
            .user_agent(&policy.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy from the environment would resolve names by itself, past the guard.
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(GuardedDns { policy: Arc::clone(&policy) }))
            .build()
            .map_err(FetchError::Setup)?;
        Ok(Self { http, policy })
    }

    /// The policy of the client.
    #[must_use]
    pub fn policy(&self) -> &GuardPolicy {
        &self.policy
    }

    /// Checks a URL as a request would, without sending anything. Names are not resolved.
    pub fn check_url(&self, url: &Url) -> Result<(), FetchError> {
        self.policy.check(url)
    }

    /// Sends a request and reads the whole body, all within the timeout.
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let deadline = Instant::now() + request.timeout.unwrap_or(self.policy.timeout);
        let max_bytes = request.max_bytes.unwrap_or(self.policy.max_bytes);
        let (url, response) = timed(deadline, self.follow(request)).await?;
        let coding = response.headers().get(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding != "identity") {
            return Err(FetchError::ContentCoding);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        let mut pieces = capped(response, max_bytes, deadline)?;
        while let Some(piece) = pieces.try_next().await? {
            body.extend_from_slice(&piece);
        }
        Ok(FetchResponse { status, headers, url, body: body.freeze() })
    }

    /// Sends a request and returns when the headers are there. The body is capped and timed as it is read.
    pub async fn send(&self, request: FetchRequest) -> Result<StreamedResponse, FetchError> {
        let deadline = Instant::now() + request.timeout.unwrap_or(self.policy.timeout);
        let max_bytes = request.max_bytes.unwrap_or(self.policy.max_bytes);
        let body_timeout = request.body_timeout.unwrap_or(self.policy.body_timeout);
        let (url, response) = timed(deadline, self.follow(request)).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = capped(response, max_bytes, Instant::now() + body_timeout)?;
        Ok(StreamedResponse { status, headers, url, body })
    }

    async fn follow(&self, request: FetchRequest) -> Result<(Url, reqwest::Response), FetchError> {
        let FetchRequest { method, mut url, mut headers, mut body, replayable, .. } = request;
        for _ in 0..=self.policy.max_redirects {
            self.policy.check(&url)?;
            let mut hop = self.http.request(method.clone(), url.clone()).headers(headers.clone());
            if !headers.contains_key(header::ACCEPT_ENCODING) {
                hop = hop.header(header::ACCEPT_ENCODING, "identity");
            }
            if let Some(body) = body.take().or_else(|| replayable.clone().map(Into::into)) {
                hop = hop.body(body);
            }
            let response = hop.send().await?;
            if !request.follow_redirects || !is_redirect(response.status()) {
                return Ok((url, response));
            }
            let next = redirect_target(&url, &response)?;
            if next.origin() != url.origin() {
                headers.remove(header::AUTHORIZATION);
                headers.remove(header::COOKIE);
            }
            url = next;
        }
        Err(FetchError::TooManyRedirects)
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn redirect_target(from: &Url, response: &reqwest::Response) -> Result<Url, FetchError> {
    let location = response.headers().get(header::LOCATION).ok_or(FetchError::BadRedirect)?;
    let location = location.to_str().map_err(|_| FetchError::BadRedirect)?;
    from.join(location).map_err(|_| FetchError::BadRedirect)
}

async fn timed<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    timeout_at(deadline, work).await.unwrap_or(Err(FetchError::Timeout))
}

fn capped(
    response: reqwest::Response,
    max_bytes: usize,
    deadline: Instant,
) -> Result<BodyStream, FetchError> {
    let declared = response.content_length().unwrap_or(0);
    if usize::try_from(declared).map_or(true, |declared| declared > max_bytes) {
        return Err(FetchError::TooLarge { max_bytes });
    }
    let start = (response.bytes_stream().boxed(), 0_usize);
    let pieces = futures_util::stream::try_unfold(start, move |(mut pieces, so_far)| async move {
        let piece = timed(deadline, async { Ok(pieces.try_next().await?) }).await?;
        let Some(piece) = piece else { return Ok(None) };
        let so_far = so_far.saturating_add(piece.len());
        if so_far > max_bytes {
            return Err(FetchError::TooLarge { max_bytes });
        }
        Ok(Some((piece, (pieces, so_far))))
    });
    Ok(pieces.boxed())
}
