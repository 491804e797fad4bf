//! What the operator reads in a browser or with curl, with the admin password.

use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use serde::Serialize;

use crate::app::App;
use crate::auth::check_admin;
use crate::error::XrpcError;
use crate::mail::Waiting;
use crate::xrpc::reply::json_body;

use super::typed;

#[derive(Serialize)]
struct Messages {
    messages: Vec<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    to: String,
    subject: String,
    text: String,
    written_at: String,
    /// Why it was not sent.
    reason: String,
}

impl From<Waiting> for Message {
    fn from(waiting: Waiting) -> Self {
        let Waiting { mail, reason } = waiting;
        let written_at = mail.sent_at.to_string();
        Self { to: mail.to, subject: mail.subject, text: mail.text, written_at, reason }
    }
}

/// `/admin/outbox`: mail that could not be sent, newest first.
pub(super) fn outbox(app: &App, request: &Parts, client_ip: IpAddr) -> Response {
    if let Err(err) = check_admin(app, &request.headers, client_ip) {
        return refused(err);
    }
    let waiting = app.outbox.waiting(app.clock.now());
    let messages = waiting.into_iter().map(Message::from).collect();
    let mut response = typed("application/json", json_body(&Messages { messages }));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Browsers ask for the password.
pub(super) fn refused(err: XrpcError) -> Response {
    let mut response = err.into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"cairn\", charset=\"UTF-8\""),
    );
    response
}
