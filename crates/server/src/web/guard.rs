//! Who may see a page.

use super::admin;
use super::error::PageError;
use super::local::Local;
use super::page::Person;
use super::route::{PageResult, Who};
use super::visit::Visit;

impl Visit {
    /// Lets those in who may see the page, and leads the others to where they can show who they are.
    pub(super) async fn require(&self, who: Who) -> Result<(), PageError> {
        match who {
            Who::Anyone => Ok(()),
            Who::Dev if self.app.config.dev_mode => Ok(()),
            Who::Dev => Err(PageError::NotFound),
            Who::Admin if admin::is_signed_in(self) => Ok(()),
            Who::Admin => Err(self.first("/admin/sign-in")),
            Who::Account => Err(PageError::NotFound),
        }
    }

    /// Another page first, which leads back here.
    fn first(&self, path: &'static str) -> PageError {
        let back = if self.route.is_some_and(|route| route.method == http::Method::GET) {
            Local::parse(self.path_and_query())
        } else {
            None
        };
        let to = back.map_or_else(|| Local::from(path), |back| back.after(path));
        instead(self.redirect(to))
    }

    pub(super) fn person(&self) -> Option<Person> {
        None
    }
}

fn instead(result: PageResult) -> PageError {
    match result {
        Ok(response) => PageError::Instead(Box::new(response)),
        Err(err) => err,
    }
}
