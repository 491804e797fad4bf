//! Pages of development servers: the server at a glance, its accounts, its mailbox, and its firehose live.
//!
//! Nothing of this exists outside dev mode.

mod live;
mod mailbox;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};

use crate::app::App;

use super::{not_found, typed};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("live.js");
/// Accounts on the landing page.
const ACCOUNTS_SHOWN: u32 = 50;

/// Everything under `/dev/`.
pub(super) async fn answer(app: &App, request: Request<Body>) -> Response {
    match request.uri().path() {
        "/dev/style.css" => typed("text/css; charset=utf-8", STYLE),
        "/dev/live.js" => typed("text/javascript; charset=utf-8", SCRIPT),
        "/dev/events" => live::events(app, request.headers()).await,
        "/dev/mail" => mailbox::page(app),
        path => match path.strip_prefix("/dev/mail/") {
            Some(id) => mailbox::message(app, id),
            None => not_found(StatusCode::NOT_FOUND),
        },
    }
}

/// The landing page.
pub(super) async fn page(app: &App) -> Response {
    let config = &app.config;
    let url = escape(&config.public_url);
    let accounts = accounts(app).await;
    let domain = config.handle_domains.first().map_or(".test", String::as_str);
    html(
        "Cairn",
        &format!(
            "<dl><dt>Address</dt><dd><code>{url}</code></dd>\
             <dt>Service DID</dt><dd><code>{did}</code></dd>\
             <dt>PLC directory</dt><dd><code>{plc}</code></dd>\
             <dt>Handles</dt><dd><code>*{domain}</code></dd>\
             <dt>Version</dt><dd>{version}</dd>\
             <dt>Mail</dt><dd><a href=\"/dev/mail\">Mailbox</a></dd></dl>\
             <h2>Accounts</h2>{accounts}\
             <h2>What to do next</h2>{next}\
             <h2>Firehose</h2><p id=\"state\">This view needs JavaScript.</p>\
             <table id=\"events\" hidden><thead><tr><th>Time</th><th>Event</th><th>Account</th><th>What</th></tr></thead>\
             <tbody></tbody></table><script src=\"/dev/live.js\" defer></script>",
            did = escape(config.service_did.as_str()),
            plc = escape(app.plc.base_url()),
            domain = escape(domain),
            version = escape(&config.version),
            next = next_steps(&url, &escape(domain)),
        ),
    )
}

fn next_steps(url: &str, domain: &str) -> String {
    format!(
        "<p>Create an account and write a first post:</p><pre>curl {url}/xrpc/com.atproto.server.createAccount \\\n  \
         -H 'content-type: application/json' \\\n  \
         -d '{{\"email\":\"alice@example.com\",\"handle\":\"alice{domain}\",\"password\":\"secret\"}}'\n\n\
         curl {url}/xrpc/com.atproto.repo.createRecord \\\n  -H \"authorization: Bearer $ACCESS_JWT\" \\\n  \
         -H 'content-type: application/json' \\\n  \
         -d '{{\"repo\":\"alice{domain}\",\"collection\":\"app.bsky.feed.post\",\
         \"record\":{{\"text\":\"first\",\"createdAt\":\"2026-01-01T00:00:00Z\"}}}}'</pre>\
         <p>Any client of the network works with this address as its host.</p>"
    )
}

async fn accounts(app: &App) -> String {
    let Ok(accounts) = app.store.list_accounts(None, ACCOUNTS_SHOWN).await else {
        return "<p>The store cannot be read.</p>".to_owned();
    };
    let mut rows = String::new();
    for account in &accounts {
        let handle = account.handle.as_ref().map_or("handle.invalid", |handle| handle.as_str());
        let status = account.status().as_str().unwrap_or("active");
        rows.push_str(&format!(
            "<tr><td>{handle}</td><td><a href=\"/xrpc/com.atproto.repo.describeRepo?repo={did}\"><code>{did}</code></a></td><td>{status}</td></tr>",
            handle = escape(handle),
            did = escape(account.did.as_str()),
        ));
    }
    if rows.is_empty() {
        return "<p>None yet.</p>".to_owned();
    }
    format!(
        "<table><thead><tr><th>Handle</th><th>DID</th><th>Status</th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

fn html(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/dev/style.css\"></head><body><h1>{title}</h1>{body}</body></html>"
    );
    let mut response = typed("text/html; charset=utf-8", page);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Text for HTML, also inside attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
