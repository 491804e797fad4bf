//! Requests that cannot be answered. Nobody is sent anywhere: who comes here with a broken link may have it from anybody.

use askama::Template;
use cairn_oauth::OAuthError;
use cairn_store::OpenRequestError;
use http::StatusCode;

use crate::oauth::authorize::AuthorizeError;

use super::super::error::PageError;
use super::super::i18n::Text;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::leave;

#[derive(Template)]
#[template(path = "oauth/stopped.html")]
struct Stopped {
    page: Page,
    t: Text,
    text: &'static str,
    /// For whoever writes the app.
    detail: String,
}

/// The page for a request that cannot be opened or answered, or the answer to the app where there is one.
pub fn stop(visit: &Visit, err: AuthorizeError) -> PageError {
    let t = visit.t;
    let (title, text) = match err {
        AuthorizeError::Request(err) => match err {
            OpenRequestError::Unknown => (t.authorize_over_title(), t.authorize_over_text()),
            OpenRequestError::OtherDevice => {
                (t.authorize_elsewhere_title(), t.authorize_elsewhere_text())
            }
            OpenRequestError::Answered => {
                (t.authorize_answered_title(), t.authorize_answered_text())
            }
            OpenRequestError::SignedOut => {
                (t.authorize_signed_out_title(), t.authorize_signed_out_text())
            }
            OpenRequestError::Store(err) => return err.into(),
        },
        AuthorizeError::Refused(answer) => {
            return match leave::leave(visit, *answer) {
                Ok(response) => PageError::Instead(Box::new(response)),
                Err(err) => err,
            };
        }
        AuthorizeError::OAuth(err) => return refused(visit, &err),
    };
    page(visit, StatusCode::BAD_REQUEST, (title, text), String::new())
}

/// What is wrong with the app or its request, in words for whoever writes it.
fn refused(visit: &Visit, err: &OAuthError) -> PageError {
    let t = visit.t;
    let status = StatusCode::from_u16(err.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if status.is_server_error() {
        tracing::error!(error = err as &dyn std::error::Error, "a request cannot be shown");
    }
    let detail = format!("{}: {}", err.code.as_str(), err.description());
    page(visit, status, (t.authorize_app_title(), t.authorize_app_text()), detail)
}

/// For apps that send people here without pushing the request first (RFC 9126 §4).
pub fn not_pushed(visit: &Visit) -> PageResult {
    let detail =
        "invalid_request: push the request to /oauth/par, then come with client_id and request_uri";
    let words = (visit.t.authorize_app_title(), visit.t.authorize_app_text());
    Err(page(visit, StatusCode::BAD_REQUEST, words, detail.to_owned()))
}

fn page(
    visit: &Visit,
    status: StatusCode,
    (title, text): (&'static str, &'static str),
    detail: String,
) -> PageError {
    let page = visit.page(title);
    let mut response = visit.rendered(&Stopped { page, t: visit.t, text, detail });
    *response.status_mut() = status;
    PageError::Instead(Box::new(response))
}
