//! From a request to a response: XRPC by hand-written dispatch, the few other routes by a match.
//!
//! There is no stack of middleware: what every response needs (CORS, compression) is done here, once, in sight.

use std::net::IpAddr;
use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};

use crate::app::App;
use crate::compress;
use crate::figures::Class;
use crate::limits::client_ip;
use crate::routes;
use crate::web;
use crate::xrpc::dispatch;

/// Response headers that scripts of other origins may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "atproto-repo-rev, atproto-content-labelers, atproto-upstream-lag, atproto-car-block-order, content-disposition, content-range, \
     ratelimit-limit, ratelimit-remaining, ratelimit-reset, ratelimit-policy, retry-after, www-authenticate, dpop-nonce",
);
const ANY: HeaderValue = HeaderValue::from_static("*");
const PREFLIGHT_METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE");
/// A day: browsers ask once.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// Answers any request. `peer` is the other end of the connection.
pub async fn answer(app: App, request: Request<Body>, peer: IpAddr) -> Response {
    let start = Instant::now();
    let line = tracing::enabled!(tracing::Level::DEBUG)
        .then(|| format!("{} {}", request.method(), request.uri().path()));
    let mut class = Class::Route;
    let response = route(&app, request, peer, &mut class).await;
    let (status, elapsed) = (response.status(), start.elapsed());
    app.figures.counters.answered(class, status, elapsed);
    if let Some(line) = line {
        tracing::debug!(status = status.as_u16(), elapsed_us = elapsed.as_micros(), "{line}");
    }
    response
}

/// `class` is what the request turns out to be for.
async fn route(app: &App, request: Request<Body>, peer: IpAddr, class: &mut Class) -> Response {
    let accepted = compress::Coding::accepted_by(request.headers());
    let client_ip = client_ip(peer, request.headers(), &app.config.trusted_proxies);
    let path = request.uri().path();
    // Pages are for people; no script of another origin has anything to do there.
    if web::owns(path) {
        *class = Class::Page;
        return compress::compress(web::answer(app, request, client_ip).await, accepted);
    }
    if request.method() == Method::OPTIONS {
        return preflight(request.headers());
    }
    // Any page in the developer's browser could read the mailbox otherwise.
    let is_for_all = !path.starts_with("/dev/");
    let mut response = match path.strip_prefix("/xrpc/").filter(|rest| *rest != "_health") {
        Some(rest) => match dispatch::find(rest, request.method()) {
            Ok(method) => {
                *class = method.class();
                dispatch::answer(app.clone(), method, request, client_ip).await
            }
            Err(err) => axum::response::IntoResponse::into_response(err),
        },
        None => routes::answer(app, request, client_ip).await,
    };
    // Nor is an error that is shown as a page for scripts.
    if is_for_all && !response.headers().contains_key(header::X_FRAME_OPTIONS) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    compress::compress(response, accepted)
}

/// Scripts of any origin may send any request: credentials are never cookies here.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, PREFLIGHT_METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    // `*` does not cover `Authorization`: the names are given back.
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    headers.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}
