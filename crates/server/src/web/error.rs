//! What goes wrong on a page, and the page that says so.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};

use crate::error::XrpcError;

use super::csrf::CsrfError;
use super::i18n::Text;
use super::page::Page;
use super::table::{self, Found};
use super::visit::Visit;

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// There is nothing here.
    NotFound,
    /// Not for this person.
    Forbidden,
    /// Nothing here takes this kind of request.
    Method,
    /// The form does not come from our page.
    Csrf(CsrfError),
    /// Something else went wrong.
    Failed(XrpcError),
    /// The answer is another than a page: somewhere to go first.
    Instead(Box<Response>),
}

/// Whatever failed in the domain: people are told what kind of failure it is, the log has the rest.
impl<E: Into<XrpcError>> From<E> for PageError {
    fn from(err: E) -> Self {
        Self::Failed(err.into())
    }
}

impl PageError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::Csrf(_) => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Failed(err) => err.status(),
            Self::Instead(response) => response.status(),
        }
    }

    /// The error as programs read it.
    fn for_programs(self) -> XrpcError {
        let status = self.status();
        match self {
            Self::NotFound | Self::Method | Self::Instead(_) => {
                XrpcError::new(status, "NotFound", "there is nothing here")
            }
            Self::Forbidden => XrpcError::forbidden("Forbidden", "this is not for you"),
            Self::Csrf(err) => XrpcError::forbidden("Forbidden", err.to_string()),
            Self::Failed(err) => err,
        }
    }

    /// Headline and explanation.
    fn words(&self, t: Text) -> (&'static str, &'static str) {
        if matches!(self, Self::Csrf(CsrfError::NoCookie)) {
            return (t.error_cookies_title(), t.error_cookies_text());
        }
        if matches!(self, Self::Csrf(_)) {
            return (t.error_stale_title(), t.error_stale_text());
        }
        match self.status() {
            StatusCode::NOT_FOUND => (t.error_not_found_title(), t.error_not_found_text()),
            StatusCode::FORBIDDEN => (t.error_forbidden_title(), t.error_forbidden_text()),
            StatusCode::TOO_MANY_REQUESTS => (t.error_too_many_title(), t.error_too_many_text()),
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => (t.error_busy_title(), t.error_busy_text()),
            status if status.is_server_error() => (t.error_failed_title(), t.error_failed_text()),
            _ => (t.error_refused_title(), t.error_refused_text()),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    t: Text,
    status: u16,
    text: &'static str,
    /// Where to try again.
    again: Option<String>,
}

/// The page for an error.
pub(super) fn page(visit: &Visit, err: PageError) -> Response {
    let err = match err {
        PageError::Instead(response) => return *response,
        err => err,
    };
    if !is_for_people(&visit.headers) {
        return err.for_programs().into_response();
    }
    let status = err.status();
    let (title, text) = err.words(visit.t);
    let again = matches!(err, PageError::Csrf(_)).then(|| page_with_form(visit));
    let page = visit.page(title);
    let error_page = ErrorPage { page, t: visit.t, status: status.as_u16(), text, again };
    let mut response = visit.rendered(&error_page);
    *response.status_mut() = status;
    if let PageError::Failed(err) = err {
        // Logged there, once, as every other failed request.
        let plain = err.into_response();
        if let Some(after) = plain.headers().get(header::RETRY_AFTER) {
            response.headers_mut().insert(header::RETRY_AFTER, after.clone());
        }
    }
    response
}

/// The page that a form stands on: under the same path, or where the form leads back to.
fn page_with_form(visit: &Visit) -> String {
    let here = visit.path_and_query();
    let path = here.split('?').next().unwrap_or_default();
    match table::find(&Method::GET, path) {
        Found::Page(..) => here.to_owned(),
        Found::OtherMethod | Found::Nothing => {
            visit.next().map_or_else(|| "/".to_owned(), |next| next.to_string())
        }
    }
}

/// Whether somebody looks at the answer in a browser.
pub fn is_for_people(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}
