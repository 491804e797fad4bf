//! A message of the mailbox as its reader sees it.
//!
//! Whatever a message holds, its HTML form runs no script and sends nothing: it is served under a policy of its own
//! that forbids both, and shown in a frame without any rights.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use super::super::{Call, not_found, typed};

const HTML_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; \
     frame-ancestors 'self'";

/// `/dev/mail/ID`: the HTML form of one message.
pub(super) async fn message(call: Call) -> Response {
    let id = call.param("id");
    let mail = call.app.mailer.delivered().into_iter().find(|mail| mail.id == id);
    let Some(body) = mail.and_then(|mail| mail.html) else {
        return not_found(StatusCode::NOT_FOUND);
    };
    let mut response = typed("text/html; charset=utf-8", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(HTML_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
