//! A row of the table of routes: what is known about a path before it is asked for.

use std::future::Future;
use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::Method;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::Bucket;
use crate::path::captured;
use crate::xrpc::endpoint::JSON_LIMIT;
use crate::xrpc::{body, input, params};

type Handler = Box<dyn Fn(Call) -> BoxFuture<'static, Response> + Send + Sync>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// The operator, by HTTP Basic.
    Admin,
    /// What collects figures: `metrics_token` as a bearer token, or the operator.
    Collector,
    /// Everybody, in development; elsewhere there is no such route.
    Dev,
}

/// The form in which clients of a route read that something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// That of the methods.
    Xrpc,
    /// RFC 6749 §5.2.
    OAuth,
}

/// A path for programs.
pub struct Route {
    /// GET stands for HEAD too.
    pub method: Method,
    /// With `{name}` for a segment that may be anything.
    pub path: &'static str,
    pub who: Who,
    /// The rate limit that a request costs a point of, per address; charged before anything is looked at.
    pub bucket: Bucket,
    pub errors: Errors,
    /// Whether trusted proxies may ask as often as they like, in their own name.
    pub is_free_for_proxies: bool,
    pub(super) handler: Handler,
}

/// A request to a route.
pub(crate) struct Call {
    pub app: App,
    pub parts: Parts,
    pub body: Body,
    pub client_ip: IpAddr,
    pub(super) captures: Vec<(&'static str, String)>,
}

/// A route that is read.
pub(crate) fn get<F, Fut, R>(path: &'static str, who: Who, handler: F) -> Route
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoResponse,
{
    Route::new(Method::GET, path, who, handler)
}

/// A route that something is sent to.
pub(crate) fn post<F, Fut, R>(path: &'static str, who: Who, handler: F) -> Route
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoResponse,
{
    Route::new(Method::POST, path, who, handler)
}

impl Route {
    fn new<F, Fut, R>(method: Method, path: &'static str, who: Who, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoResponse,
    {
        let handler: Handler = Box::new(move |call| {
            let answer = handler(call);
            Box::pin(async move { answer.await.into_response() })
        });
        Self {
            method,
            path,
            who,
            bucket: Bucket::Pages,
            errors: Errors::Xrpc,
            is_free_for_proxies: false,
            handler,
        }
    }

    /// Another rate limit than that of everything outside of the methods.
    pub(crate) fn limit(self, bucket: Bucket) -> Self {
        Self { bucket, ..self }
    }

    /// Its clients are those of OAuth.
    pub(crate) fn for_oauth(self) -> Self {
        Self { errors: Errors::OAuth, ..self }
    }

    pub(crate) fn free_for_proxies(self) -> Self {
        Self { is_free_for_proxies: true, ..self }
    }
}

impl Call {
    /// What the path says for `{name}`.
    pub(crate) fn param(&self, name: &str) -> &str {
        captured(&self.captures, name)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// 400 for what does not fit.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, XrpcError> {
        params::parse(self.parts.uri.query().unwrap_or_default())
            .map_err(|err| XrpcError::invalid_request(err.to_string()))
    }

    /// The JSON that was sent, at most [`JSON_LIMIT`] bytes. Pages of other origins cannot send any in the name of a browser
    /// that remembers the operator's password.
    ///
    /// # Errors
    /// 400 for what does not fit, 413 for too much.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, XrpcError> {
        let body = std::mem::take(&mut self.body);
        let bytes = body::read_json(&self.parts.headers, body, JSON_LIMIT).await?;
        input::parse(&bytes)
    }
}
