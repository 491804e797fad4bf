//! The routes beside XRPC and the pages: identity documents under `/.well-known`, health, the live view's events.

mod admin;
mod dev;
pub(crate) mod front;
mod health;
mod sign_ups;
mod well_known;

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode, header};

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::web;

pub(crate) use health::health;

/// Answers a request outside `/xrpc/`.
pub(crate) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    if request.uri().path().starts_with(sign_ups::PATH) {
        return sign_ups::answer(app, request, client_ip).await;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_found(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request.uri().path() {
        "/robots.txt" => text(
            "# Crawlers are welcome: everything under /xrpc is meant to be read.\nUser-agent: *\nAllow: /\n",
        ),
        "/.well-known/atproto-did" => {
            let host = well_known::host(&request);
            well_known::atproto_did(app, host).await
        }
        "/.well-known/did.json" => {
            let host = well_known::host(&request);
            well_known::did_json(app, host).await
        }
        "/admin/outbox" => limited(app, request, client_ip, admin::outbox),
        "/tls-check" => {
            reply(well_known::tls_check(app, request.uri().query().unwrap_or_default()).await)
        }
        path if app.config.dev_mode && path.starts_with("/dev/") => dev::answer(app, request).await,
        _ if web::is_for_people(request.headers()) => web::error_page(app, request, client_ip),
        _ => not_found(StatusCode::NOT_FOUND),
    }
}

/// Answers what asks for a password: as often as methods may be called, and no more.
fn limited(
    app: &App,
    request: Request<Body>,
    client_ip: IpAddr,
    answer: fn(&App, &Parts) -> Response,
) -> Response {
    let (parts, _) = request.into_parts();
    let report = RateReport::default();
    let key = counted_as(client_ip);
    let charged = app.limits.charge(Bucket::Global, &key, 1, &parts.headers, client_ip, &report);
    match charged {
        Ok(()) => answer(app, &parts),
        Err(err) => err.into_response(),
    }
}

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
