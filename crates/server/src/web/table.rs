//! The table of pages: every page and every form once. Each area lists its own.

use std::sync::LazyLock;

use http::Method;

use crate::path::captures;

use super::route::{Route, Who};
use super::{account, admin, dev, home, oauth, preferences};

static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let areas = [
        home::routes(),
        account::routes(),
        oauth::routes(),
        admin::routes(),
        preferences::routes(),
        dev::routes(),
    ];
    areas.into_iter().flatten().collect()
});

/// All pages, in the order of the navigation.
pub(super) fn all() -> &'static [Route] {
    &TABLE
}

/// What a request asks for.
pub(super) enum Found {
    Page(&'static Route, Vec<(&'static str, String)>),
    /// There is such a page, and it does not take this method.
    OtherMethod,
    Nothing,
}

pub(super) fn find(method: &Method, path: &str) -> Found {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut found = Found::Nothing;
    for route in TABLE.iter() {
        // A fixed path comes before a pattern in its area's list.
        let Some(captures) = captures(route.path, path) else { continue };
        if route.method == *method {
            return Found::Page(route, captures);
        }
        found = Found::OtherMethod;
    }
    found
}

/// A page as tests and documents see it.
#[derive(Clone, Copy, Debug)]
pub struct PageInfo {
    pub path: &'static str,
    pub is_form: bool,
    /// Whether the form carries a file, as `multipart/form-data`.
    pub takes_file: bool,
    pub who: Who,
}

/// Every page of the table.
pub fn pages() -> Vec<PageInfo> {
    let info = |route: &Route| PageInfo {
        path: route.path,
        is_form: route.method == Method::POST,
        takes_file: route.takes_file,
        who: route.who,
    };
    TABLE.iter().map(info).collect()
}
