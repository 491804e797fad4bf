//! The table of routes: every path that is for programs and no method. Each area lists its own; the router is built from it.

use std::sync::LazyLock;

use http::Method;

use crate::oauth;
use crate::path::captures;

use super::{Route, Who, dev, front, health, metrics, outbox, sign_ups, usage, well_known};

static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let areas = [
        front::routes(),
        health::routes(),
        well_known::routes(),
        oauth::routes(),
        metrics::routes(),
        outbox::routes(),
        sign_ups::routes(),
        usage::routes(),
        dev::routes(),
    ];
    areas.into_iter().flatten().collect()
});

/// All routes.
pub fn all() -> &'static [Route] {
    &TABLE
}

/// What a request asks for.
pub(super) enum Found {
    Route(&'static Route, Vec<(&'static str, String)>),
    /// This path, which does not take the request's verb.
    OtherVerb(&'static Route),
    Nothing,
}

/// Routes of development servers exist there only.
pub(super) fn find(method: &Method, path: &str, dev_mode: bool) -> Found {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut found = Found::Nothing;
    for route in TABLE.iter().filter(|route| dev_mode || route.who != Who::Dev) {
        let Some(captures) = captures(route.path, path) else { continue };
        if route.method == *method {
            return Found::Route(route, captures);
        }
        found = Found::OtherVerb(route);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web;

    #[test]
    fn pages_and_routes_share_no_path() {
        for route in all() {
            assert!(!web::owns(route.path), "{}", route.path);
        }
        for page in web::pages() {
            assert!(web::owns(page.path), "{}", page.path);
            let found = find(&Method::GET, page.path, true);
            assert!(matches!(found, Found::Nothing), "{}", page.path);
        }
    }

    #[test]
    fn no_row_hides_another() {
        for route in all() {
            match find(&route.method, route.path, true) {
                Found::Route(found, _) => assert_eq!(found.path, route.path),
                Found::OtherVerb(_) | Found::Nothing => panic!("{} is not found", route.path),
            }
        }
    }
}
