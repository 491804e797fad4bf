//! The routes beside XRPC and the pages: identity documents under `/.well-known`, OAuth's endpoints, health, figures, what the
//! operator's programs ask.
//!
//! A request travels: [`answer`] → the table ([`all`]) → rate limit, credential → the route's handler.

mod dev;
pub(crate) mod front;
mod health;
mod metrics;
mod outbox;
mod route;
mod sign_ups;
mod table;
mod usage;
mod well_known;

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use crate::app::App;
use crate::auth::{check_admin, check_collector};
use crate::caught;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::oauth;
use crate::web;
use crate::xrpc::reply::json_body;

pub(crate) use route::{Call, get, post};
pub use route::{Errors, Route, Who};
pub use table::all;

use table::Found;

/// Where the operator's programs ask; beside it, everything below `/admin` is a page.
pub(crate) const ADMIN: &str = "/admin/api";

/// Answers a request that is for no method and no page, unless its client asks too often.
pub(crate) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let report = RateReport::default();
    let found = table::find(request.method(), request.uri().path(), app.config.dev_mode);
    let route = match &found {
        Found::Route(route, _) | Found::OtherVerb(route) => Some(*route),
        Found::Nothing => None,
    };
    let mut response = match charge(app, route, request.headers(), client_ip, &report) {
        Ok(()) => dispatch(app, found, request, client_ip).await,
        Err(err) => too_often(err, route, request.headers()),
    };
    report.write(response.headers_mut());
    response
}

async fn dispatch(app: &App, found: Found, request: Request<Body>, client_ip: IpAddr) -> Response {
    let route = match &found {
        Found::Route(route, _) | Found::OtherVerb(route) => *route,
        Found::Nothing if web::is_for_people(request.headers()) => {
            return web::error_page(app, request, client_ip);
        }
        Found::Nothing => return not_found(StatusCode::NOT_FOUND),
    };
    if let Err(err) = require(app, route.who, request.headers(), client_ip) {
        return refused(err);
    }
    let Found::Route(_, captures) = found else { return other_verb(route) };
    let (parts, body) = request.into_parts();
    let running = (route.handler)(Call { app: app.clone(), parts, body, client_ip, captures });
    let outcome = caught::run(app, route.method == http::Method::POST, running).await;
    outcome.unwrap_or_else(|err| match route.errors {
        Errors::OAuth => oauth::failed(err),
        Errors::Xrpc => err.into_response(),
    })
}

fn charge(
    app: &App,
    route: Option<&Route>,
    headers: &HeaderMap,
    client_ip: IpAddr,
    report: &RateReport,
) -> Result<(), XrpcError> {
    let is_free = route.is_some_and(|route| route.is_free_for_proxies)
        && app.config.trusted_proxies.contains(client_ip);
    if app.limits.is_off() || is_free {
        return Ok(());
    }
    let bucket = route.map_or(Bucket::Pages, |route| route.bucket);
    app.limits.charge(bucket, &counted_as(client_ip), 1, headers, client_ip, report)
}

fn require(app: &App, who: Who, headers: &HeaderMap, client_ip: IpAddr) -> Result<(), XrpcError> {
    match who {
        Who::Anyone | Who::Dev => Ok(()),
        Who::Admin => check_admin(app, headers, client_ip),
        Who::Collector => check_collector(app, headers, client_ip),
    }
}

/// Browsers ask for the password.
fn refused(err: XrpcError) -> Response {
    let mut response = err.into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"cairn\", charset=\"UTF-8\""),
    );
    response
}

fn other_verb(route: &Route) -> Response {
    let is_read = route.method == http::Method::GET;
    let mut response = match route.errors {
        Errors::OAuth => oauth::other_verb(),
        Errors::Xrpc => not_found(StatusCode::METHOD_NOT_ALLOWED),
    };
    let allowed = if is_read { "GET, HEAD, OPTIONS" } else { "POST, OPTIONS" };
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The refusal in the form that its reader expects: OAuth's, a sentence for people, or that of the methods.
fn too_often(err: XrpcError, route: Option<&Route>, headers: &HeaderMap) -> Response {
    let is_oauth = route.is_some_and(|route| route.errors == Errors::OAuth);
    let is_person = !is_oauth && web::is_for_people(headers);
    let body = if is_oauth {
        json_body(&TooOften {
            error: "temporarily_unavailable",
            error_description: "too many requests",
        })
    } else if is_person {
        bytes::Bytes::from_static(b"Too many requests. Please wait a few minutes.\n").into()
    } else {
        return err.into_response();
    };
    let (mut parts, _) = err.into_response().into_parts();
    if is_person {
        parts.headers.insert(header::CONTENT_TYPE, TEXT);
    }
    Response::from_parts(parts, Body::from(body))
}

/// RFC 6749 §5.2; it has no name for this case.
#[derive(serde::Serialize)]
struct TooOften {
    error: &'static str,
    error_description: &'static str,
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

fn not_found(status: StatusCode) -> Response {
    XrpcError::new(status, "NotFound", "there is nothing here").into_response()
}

fn text(body: impl Into<Body>) -> Response {
    typed("text/plain; charset=utf-8", body)
}

/// JSON that is true now.
fn json(answer: &impl serde::Serialize) -> Response {
    let mut response = typed("application/json", json_body(answer));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
