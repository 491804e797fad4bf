//! The mailbox of a development server.
//!
//! Whatever a message holds, its HTML form runs no script and sends nothing: it is served under a policy of its own
//! that forbids both, and shown in a frame without any rights.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::app::App;
use crate::mail::Mail;

use super::super::{not_found, typed};
use super::{escape, html};

const HTML_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; \
     frame-ancestors 'self'";

/// `/dev/mail`: all messages, newest first.
pub(super) fn page(app: &App) -> Response {
    let messages: String = app.mailer.delivered().iter().map(article).collect();
    if messages.is_empty() {
        return html("Mailbox", "<p>No mail has been sent.</p>");
    }
    html("Mailbox", &messages)
}

fn article(mail: &Mail) -> String {
    let mut article = format!(
        "<article><h2>{}</h2><p>To {}, {}</p><pre>{}</pre>",
        escape(&mail.subject),
        escape(&mail.to),
        escape(&mail.sent_at.to_string()),
        escape(&mail.text),
    );
    if mail.html.is_some() {
        article.push_str(&format!(
            "<details><summary>As HTML</summary><iframe sandbox title=\"The message as HTML\" loading=\"lazy\" \
             src=\"/dev/mail/{}\"></iframe></details>",
            escape(&mail.id)
        ));
    }
    article.push_str("</article>");
    article
}

/// `/dev/mail/ID`: the HTML form of one message.
pub(super) fn message(app: &App, id: &str) -> Response {
    let mail = app.mailer.delivered().into_iter().find(|mail| mail.id == id);
    let Some(body) = mail.and_then(|mail| mail.html) else {
        return not_found(StatusCode::NOT_FOUND);
    };
    let mut response = typed("text/html; charset=utf-8", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(HTML_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
