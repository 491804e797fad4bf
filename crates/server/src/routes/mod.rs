//! The routes beside XRPC and the pages: identity documents under `/.well-known`, health, the live view's events.

mod admin;
mod dev;
pub(crate) mod front;
mod health;
mod sign_ups;
mod usage;
mod well_known;

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, header};

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::oauth;
use crate::web;
use crate::xrpc::reply::json_body;

/// Whether a path below those of the operator's pages is for programs.
pub(crate) fn is_for_programs(path: &str) -> bool {
    path == "/admin/outbox" || path.starts_with(sign_ups::PATH) || usage::owns(path)
}

/// Answers a request that is for no method and no page, unless its client asks too often.
pub(crate) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let report = RateReport::default();
    let mut response = match charge(app, &request, client_ip, &report) {
        Ok(()) => route(app, request, client_ip).await,
        Err(err) => too_often(err, &request),
    };
    report.write(response.headers_mut());
    response
}

async fn route(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    if request.uri().path().starts_with(sign_ups::PATH) {
        return sign_ups::answer(app, request, client_ip).await;
    }
    if usage::owns(request.uri().path()) {
        return usage::answer(app, request, client_ip).await;
    }
    if oauth::is_endpoint(request.uri().path()) {
        return oauth::answer(app, request, client_ip).await;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_found(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request.uri().path() {
        "/robots.txt" => text(
            "# Crawlers are welcome: everything under /xrpc is meant to be read.\nUser-agent: *\nAllow: /\n",
        ),
        "/xrpc/_health" => health::health(app).await,
        "/.well-known/atproto-did" => {
            let host = well_known::host(&request);
            well_known::atproto_did(app, host).await
        }
        "/.well-known/did.json" => {
            let host = well_known::host(&request);
            well_known::did_json(app, host).await
        }
        "/admin/outbox" => admin::outbox(app, &request.into_parts().0, client_ip),
        "/tls-check" => {
            reply(well_known::tls_check(app, request.uri().query().unwrap_or_default()).await)
        }
        path if app.config.dev_mode && path.starts_with("/dev/") => dev::answer(app, request).await,
        _ if web::is_for_people(request.headers()) => web::error_page(app, request, client_ip),
        _ => not_found(StatusCode::NOT_FOUND),
    }
}

fn charge(
    app: &App,
    request: &Request<Body>,
    client_ip: IpAddr,
    report: &RateReport,
) -> Result<(), XrpcError> {
    let path = request.uri().path();
    // A proxy asks for each name that somebody wants a certificate for, all from its own address.
    let is_own_proxy = path == "/tls-check" && app.config.trusted_proxies.contains(client_ip);
    if app.limits.is_off() || is_own_proxy {
        return Ok(());
    }
    let key = counted_as(client_ip);
    app.limits.charge(Bucket::of_path(path), &key, 1, request.headers(), client_ip, report)
}

/// The refusal in the form that its reader expects: OAuth's, a sentence for people, or that of the methods.
fn too_often(err: XrpcError, request: &Request<Body>) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_oauth = Bucket::of_path(request.uri().path()) == Bucket::OAuthToken;
    let is_person = !is_oauth && accept.is_some_and(|accept| accept.contains("text/html"));
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

fn reply(result: Result<impl IntoResponse, XrpcError>) -> Response {
    result.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

fn text(body: impl Into<Body>) -> Response {
    typed("text/plain; charset=utf-8", body)
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
