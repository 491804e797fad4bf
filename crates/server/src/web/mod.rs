//! The pages that people see: signing in, accounts, the operator's console.
//!
//! A request travels: [`answer`] → the table of pages ([`table`]) → form, CSRF, rate limits, who may → the page's handler,
//! which gets a [`Visit`] and answers with a template of `templates/`. How to add a page, a string or a component:
//! `docs/pages.md`.

mod account;
mod admin;
mod assets;
mod browser;
mod cookies;
mod csrf;
mod dev;
mod error;
mod file_form;
mod form;
pub(crate) mod format;
mod guard;
mod home;
mod icon;
mod local;
mod look;
mod oauth;
mod page;
mod preferences;
mod route;
mod table;
mod visit;

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, Request, header};

use crate::app::App;
use crate::caught;
use crate::config::ServerConfig;
use crate::i18n;
use crate::limits::Bucket;
use crate::routes;

pub use error::is_for_people;
pub use route::Who;
pub use table::{PageInfo, pages};

use account::Challenges;
use csrf::Sealer;
use error::PageError;
use look::Look;
use page::Allowed;
use route::PageResult;
use table::Found;
use visit::Visit;

/// What the pages keep while the server runs.
pub struct Web {
    pub(crate) look: Look,
    pub(crate) sealer: Sealer,
    pub(crate) challenges: Challenges,
}

impl Web {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            look: Look::new(&config.branding),
            sealer: Sealer::new(&config.jwt_secret),
            challenges: Challenges::default(),
        }
    }
}

/// Whether a path belongs to the pages.
pub fn owns(path: &str) -> bool {
    let under = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    (under("/account") || under("/admin") || under("/oauth/authorize") || under("/assets"))
        && !under(routes::ADMIN)
        || matches!(
            path,
            "/" | "/.well-known/change-password" | "/dev/gallery" | "/dev/mail" | "/dev/client"
        )
}

/// Answers a request for a page.
pub async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if let Some(mut response) = assets::answer(path) {
        page::secure(app, response.headers_mut(), &Allowed::default());
        return response;
    }
    let (found, route) = match table::find(&parts.method, path) {
        Found::Page(route, captures) => (Ok(captures), Some(route)),
        Found::OtherMethod => (Err(PageError::Method), None),
        Found::Nothing => (Err(PageError::NotFound), None),
    };
    let (captures, problem) = match found {
        Ok(captures) => (captures, None),
        Err(err) => (Vec::new(), Some(err)),
    };
    let mut visit = Visit::new(app, &parts, client_ip, route, captures);
    // What leads nowhere counts as well: its page is as much work as others. Assets are answered from memory, above.
    let outcome = match (visit.charge_address(Bucket::Pages), problem) {
        (Err(err), _) => Err(err.into()),
        (Ok(()), Some(err)) => Err(err),
        (Ok(()), None) => run(&mut visit, body).await,
    };
    finish(&visit, outcome)
}

/// The page that says what went wrong, for a request that is not for a page.
pub fn error_page(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::new(app, &parts, client_ip, None, Vec::new());
    finish(&visit, Err(PageError::NotFound))
}

async fn run(visit: &mut Visit, body: Body) -> PageResult {
    let Some(route) = visit.route else { return Err(PageError::NotFound) };
    if route.method == Method::POST {
        visit.read_form(body).await?;
        csrf::check(
            &visit.app.web.sealer,
            &visit.app.config,
            &visit.headers,
            visit.brought_secret(),
            visit.form.get(csrf::FIELD),
        )
        .map_err(PageError::Csrf)?;
    }
    if !(route.exists)(&visit.app.config) {
        return Err(PageError::NotFound);
    }
    // Afterwards, so that no other site makes a visitor's browser spend what the visitor needs.
    for bucket in route.buckets {
        visit.charge_address(*bucket)?;
    }
    visit.require(route.who).await?;
    let running = (route.handler)(visit.clone());
    caught::run(&visit.app, route.method == Method::POST, running).await?
}

fn finish(visit: &Visit, outcome: PageResult) -> Response {
    let mut response = outcome.unwrap_or_else(|err| error::page(visit, err));
    let allowed = response.extensions_mut().remove::<Allowed>().unwrap_or_default();
    let headers = response.headers_mut();
    visit.cookies.write(headers);
    visit.report.write(headers);
    page::secure(&visit.app, headers, &allowed);
    headers.append(header::VARY, HeaderValue::from_static("Cookie, Accept-Language"));
    response
}
