//! From a request under `/xrpc/` to a response.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, header};

use crate::app::App;
use crate::auth::AuthPolicy;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};

use super::context::Call;
use super::endpoint::{Endpoint, Kind};
use super::table::TABLE;

/// Answers a request to a method.
pub(crate) async fn answer(
    app: App,
    endpoint: &'static Endpoint,
    request: Request<Body>,
    client_ip: IpAddr,
) -> Response {
    let report = Arc::new(RateReport::default());
    let (parts, body) = request.into_parts();
    let call = Call { app, endpoint, parts, body, client_ip, report: Arc::clone(&report) };
    let mut response = run(call).await.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    report.write(headers);
    if endpoint.auth != AuthPolicy::Anyone {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
        headers.append(header::VARY, HeaderValue::from_static("Authorization"));
    }
    response
}

/// The method that a path `/xrpc/` + `rest` names, if the verb fits it.
///
/// # Errors
/// 501 for a method that is not served here, 400 for anything that is no method or the wrong verb.
pub(crate) fn find(rest: &str, method: &Method) -> Result<&'static Endpoint, XrpcError> {
    let nsid = rest.strip_suffix('/').unwrap_or(rest);
    if nsid.is_empty() || nsid.contains('/') {
        return Err(XrpcError::invalid_request("invalid xrpc path"));
    }
    let Some(endpoint) = TABLE.get(nsid) else {
        return Err(if cairn_model::Nsid::parse(nsid).is_ok() {
            XrpcError::not_implemented()
        } else {
            XrpcError::invalid_request("invalid xrpc path")
        });
    };
    let (fits, expected) = match endpoint.kind {
        Kind::Query | Kind::Subscription => {
            (*method == Method::GET || *method == Method::HEAD, "GET")
        }
        Kind::Procedure => (*method == Method::POST, "POST"),
    };
    if fits {
        return Ok(endpoint);
    }
    Err(XrpcError::invalid_request(format!("Incorrect HTTP method ({method}) expected {expected}")))
}

/// Runs a call. A query ends when its client leaves; a procedure runs to its end.
async fn run(call: Call) -> Result<Response, XrpcError> {
    let endpoint = call.endpoint;
    if endpoint.global_limit && !call.app.limits.is_off() {
        call.app.limits.charge(
            Bucket::Global,
            &counted_as(call.client_ip),
            1,
            &call.parts.headers,
            call.client_ip,
            &call.report,
        )?;
    }
    let tasks = call.app.tasks.clone();
    let running = AssertUnwindSafe(endpoint.handler.run(call)).catch_unwind();
    let outcome = match endpoint.kind {
        Kind::Query | Kind::Subscription => running.await,
        Kind::Procedure => tasks.spawn(running).await.map_err(XrpcError::internal)?,
    };
    outcome.unwrap_or_else(|panic| Err(XrpcError::internal(Panicked::from(panic))))
}

/// A handler panicked: a bug, answered with 500.
#[derive(Debug, thiserror::Error)]
#[error("handler panicked: {0}")]
struct Panicked(String);

impl From<Box<dyn std::any::Any + Send>> for Panicked {
    fn from(panic: Box<dyn std::any::Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}
