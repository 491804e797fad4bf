//! A row of the table of pages: what is known about a page before it is asked for.

use std::future::Future;

use axum::response::Response;
use futures_util::future::BoxFuture;
use http::Method;

use crate::config::ServerConfig;
use crate::limits::Bucket;

use super::error::PageError;
use super::i18n::Text;
use super::icon::Icon;
use super::visit::Visit;

/// What a page's handler gives.
pub type PageResult = Result<Response, PageError>;

type Handler = Box<dyn Fn(Visit) -> BoxFuture<'static, PageResult> + Send + Sync>;

/// Who may see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// The person of the account that `{account}` in the path names: who is not signed in to it is asked to.
    Account,
    /// The operator: who has not given the admin password in this browser is asked for it.
    Admin,
    /// Everybody, in development; elsewhere there is no such page.
    Dev,
}

/// An entry of the navigation beside the pages of an account or of the operator.
#[derive(Clone, Copy)]
pub struct Entry {
    pub label: fn(Text) -> &'static str,
    pub icon: Icon,
}

/// A page, or what a form is sent to.
pub struct Route {
    pub method: Method,
    /// With `{name}` for a segment that may be anything.
    pub path: &'static str,
    pub who: Who,
    /// Rate limits that every request costs one point in, per address; beside the one over all pages.
    pub buckets: &'static [Bucket],
    /// Whether its form carries a file, see [`Visit::take_file`].
    pub takes_file: bool,
    /// Its place in the navigation; pages below its path belong to it.
    pub entry: Option<Entry>,
    /// Whether a server of these settings has the page.
    pub(super) exists: fn(&ServerConfig) -> bool,
    pub(super) handler: Handler,
}

/// A page that is looked at.
pub fn get<F, Fut>(path: &'static str, who: Who, handler: F) -> Route
where
    F: Fn(Visit) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = PageResult> + Send + 'static,
{
    Route::new(Method::GET, path, who, handler)
}

/// What a form is sent to. It is called with a form of our own page only, see [`super::csrf`].
pub fn post<F, Fut>(path: &'static str, who: Who, handler: F) -> Route
where
    F: Fn(Visit) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = PageResult> + Send + 'static,
{
    Route::new(Method::POST, path, who, handler)
}

impl Route {
    fn new<F, Fut>(method: Method, path: &'static str, who: Who, handler: F) -> Self
    where
        F: Fn(Visit) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = PageResult> + Send + 'static,
    {
        let handler: Handler = Box::new(move |visit| Box::pin(handler(visit)));
        Self {
            method,
            path,
            who,
            buckets: &[],
            takes_file: false,
            entry: None,
            exists: |_| true,
            handler,
        }
    }

    /// Rate limits of this page.
    #[must_use]
    pub fn limits(mut self, buckets: &'static [Bucket]) -> Self {
        self.buckets = buckets;
        self
    }

    /// The form carries a file, after its other fields.
    #[must_use]
    pub fn takes_file(mut self) -> Self {
        self.takes_file = true;
        self
    }

    /// Only some servers have the page.
    #[must_use]
    pub fn only_where(mut self, exists: fn(&ServerConfig) -> bool) -> Self {
        self.exists = exists;
        self
    }

    /// Gives the page a place in the navigation, after those that come before it in the table.
    #[must_use]
    pub fn entry(mut self, label: fn(Text) -> &'static str, icon: Icon) -> Self {
        self.entry = Some(Entry { label, icon });
        self
    }
}
