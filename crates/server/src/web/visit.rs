//! One request for a page, with everything that its handler may ask for.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::sync::OnceCell;

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::{Bucket, RateReport, counted_as};
use crate::path::captured;

use super::browser::{Browser, SignedIn};
use super::cookies::{Cookie, Cookies, Keep, LONGEST_SECONDS};
use super::error::PageError;
use super::file_form::{self, File};
use super::form::Fields;
use super::i18n::{Flash, Language, Text};
use super::local::Local;
use super::page::{Allowed, Page, Theme};
use super::route::{PageResult, Route};

/// A browser's request for a page. Cloning shares it.
#[derive(Clone)]
pub struct Visit(Arc<Inner>);

/// The parts of a [`Visit`], reachable as its fields.
pub struct Inner {
    pub app: App,
    pub t: Text,
    pub headers: HeaderMap,
    /// Whether only the head of the page is wanted: by programs that look at a link, never by a person.
    pub is_head: bool,
    pub client_ip: IpAddr,
    pub cookies: Cookies,
    pub query: Fields,
    /// What was sent; empty unless a form was.
    pub form: Fields,
    /// What was sent with it, until somebody takes it.
    file: Mutex<Option<File>>,
    pub theme: Theme,
    /// The row of the table; `None` where there is no page.
    pub route: Option<&'static Route>,
    captures: Vec<(&'static str, String)>,
    path_and_query: String,
    pub(super) report: RateReport,
    pub(super) known_browser: OnceCell<Browser>,
    /// Whose page it is, on the pages of accounts.
    pub(super) account: OnceLock<SignedIn>,
    /// Whether that sign-in has shown as much as the account asks for today; on the pages of accounts.
    pub(super) has_shown_enough: OnceLock<bool>,
    /// Made for a browser that brought none.
    new_secret: Mutex<Option<String>>,
}

const SECRET_BYTES: usize = 32;

impl Visit {
    pub(super) fn new(
        app: &App,
        parts: &Parts,
        client_ip: IpAddr,
        route: Option<&'static Route>,
        captures: Vec<(&'static str, String)>,
    ) -> Self {
        let is_https = app.config.public_url.starts_with("https:");
        let cookies = Cookies::read(&parts.headers, is_https);
        let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = query.unwrap_or_default();
        Self(Arc::new(Inner {
            t: Text::new(language(&cookies, &query, &parts.headers)),
            theme: Theme::by_name(cookies.get(Cookie::Theme).unwrap_or_default()),
            app: app.clone(),
            headers: parts.headers.clone(),
            is_head: parts.method == Method::HEAD,
            client_ip,
            cookies,
            query,
            form: Fields::default(),
            file: Mutex::default(),
            route,
            captures,
            path_and_query: parts
                .uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            report: RateReport::default(),
            known_browser: OnceCell::new(),
            account: OnceLock::new(),
            has_shown_enough: OnceLock::new(),
            new_secret: Mutex::default(),
        }))
    }

    /// Reads the form that was sent. Only before the visit is shared.
    pub(super) async fn read_form(&mut self, body: Body) -> Result<(), PageError> {
        let takes_file = self.0.route.is_some_and(|route| route.takes_file);
        let (form, file) = if takes_file {
            file_form::read(&self.0.headers, body).await?
        } else {
            (Fields::read(&self.0.headers, body).await?, None)
        };
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.t = Text::new(language(&inner.cookies, &form, &inner.headers));
            inner.form = form;
            inner.file = Mutex::new(file);
        }
        Ok(())
    }

    /// The file that was sent with the form, once.
    pub fn take_file(&self) -> Option<File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the path says for `{name}`; empty if the pattern has no such name.
    pub fn param(&self, name: &str) -> &str {
        captured(&self.captures, name)
    }

    /// Where this request went.
    pub fn path_and_query(&self) -> &str {
        &self.0.path_and_query
    }

    /// Where to go afterwards, as an earlier page said in the query or the form: a page of ours, or nothing.
    pub fn next(&self) -> Option<Local> {
        [&self.form, &self.query].into_iter().find_map(|fields| Local::parse(fields.get("next")))
    }

    /// The secret that names this browser, if it has brought one.
    pub fn brought_secret(&self) -> Option<&str> {
        let secret = self.cookies.get(Cookie::Device)?;
        let bytes = BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?;
        (bytes.len() == SECRET_BYTES).then_some(secret)
    }

    /// The secret that names this browser from this answer on; a new browser gets one with it.
    pub fn device_secret(&self) -> String {
        let new = self.new_secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
        new.or_else(|| self.brought_secret().map(str::to_owned))
            .unwrap_or_else(|| self.make_secret())
    }

    /// A secret of this browser that nobody has seen; goes out with the answer.
    pub fn make_secret(&self) -> String {
        let secret = BASE64URL_NOPAD.encode(&cairn_identity::random_bytes::<SECRET_BYTES>());
        self.cookies.set(Cookie::Device, &secret, Keep::Seconds(LONGEST_SECONDS));
        *self.new_secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.clone());
        secret
    }

    /// Spends a point of a rate limit.
    ///
    /// # Errors
    /// 429 when none is left.
    pub fn charge(&self, bucket: Bucket, key: &str) -> Result<(), XrpcError> {
        let limits = &self.app.limits;
        limits.charge(bucket, key, 1, &self.headers, self.client_ip, &self.report)
    }

    /// Spends a point of a rate limit that is counted per address.
    ///
    /// # Errors
    /// 429 when none is left.
    pub fn charge_address(&self, bucket: Bucket) -> Result<(), XrpcError> {
        self.charge(bucket, &counted_as(self.client_ip))
    }

    /// What every page has; `title` also names the tab.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page::new(self, title.into())
    }

    /// The answer that shows a page.
    ///
    /// # Errors
    /// Not for a template of ours; the type is what handlers give.
    pub fn html(&self, template: &impl Template) -> PageResult {
        Ok(self.rendered(template))
    }

    /// A page with a form that was refused: the same, with a status that says so.
    ///
    /// # Errors
    /// As [`Visit::html`].
    pub fn refused(&self, template: &impl Template) -> PageResult {
        let mut response = self.rendered(template);
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }

    /// A page that is allowed more than others: forms that lead on to another site, frames.
    ///
    /// # Errors
    /// As [`Visit::html`].
    pub fn html_allowing(&self, template: &impl Template, allowed: Allowed) -> PageResult {
        let mut response = self.rendered(template);
        response.extensions_mut().insert(allowed);
        Ok(response)
    }

    pub(super) fn rendered(&self, template: &impl Template) -> Response {
        match template.render() {
            Ok(text) => {
                let mut response = Response::new(Body::from(text));
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                );
                response
            }
            Err(err) => axum::response::IntoResponse::into_response(XrpcError::internal(err)),
        }
    }

    /// Goes on to another page of ours.
    ///
    /// # Errors
    /// Never; the type is what handlers give.
    pub fn redirect(&self, to: impl Into<Local>) -> PageResult {
        Ok(see_other(to.into().as_str()))
    }

    /// Goes on to another page of ours, which says once how it went.
    ///
    /// # Errors
    /// Never; the type is what handlers give.
    pub fn redirect_saying(&self, to: impl Into<Local>, flash: Flash) -> PageResult {
        self.cookies.set(Cookie::Flash, flash.code(), Keep::Seconds(60));
        self.redirect(to)
    }

    /// The same for news that are not good.
    ///
    /// # Errors
    /// Never; the type is what handlers give.
    pub fn redirect_warning(&self, to: impl Into<Local>, flash: Flash) -> PageResult {
        self.warn_next(flash);
        self.redirect(to)
    }

    /// Has the next page say once what is not good.
    pub fn warn_next(&self, flash: Flash) {
        let code = format!("{}{}", Page::WARNING, flash.code());
        self.cookies.set(Cookie::Flash, &code, Keep::Seconds(60));
    }

    /// Goes to another site: one that the handler has checked. Not at the end of a form: browsers hold the redirects after
    /// it, those of the other site too, against the policy of the page with the form.
    ///
    /// # Errors
    /// Never; the type is what handlers give.
    pub fn leave(&self, to: &url::Url) -> PageResult {
        Ok(see_other(to.as_str()))
    }
}

impl Deref for Visit {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The person's choice, then what the app asks for that sent them here, then what the browser says.
fn language(cookies: &Cookies, sent: &Fields, headers: &HeaderMap) -> Language {
    // On its way through other pages, the wish stands in the address to come back to.
    let wish = || {
        let next = sent.get("next").split_once('?').map_or("", |(_, query)| query);
        let next = Fields::parse(next.as_bytes()).unwrap_or_default();
        [sent, &next].into_iter().find_map(|it| Language::by_ui_locales(it.get("ui_locales")))
    };
    cookies
        .get(Cookie::Language)
        .and_then(Language::by_tag)
        .or_else(wish)
        .or_else(|| Language::by_headers(headers))
        .unwrap_or_default()
}

/// 303: whatever was sent, what follows is looked at.
fn see_other(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
