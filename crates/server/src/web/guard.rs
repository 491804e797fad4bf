//! Who may see a page.

use http::Method;
use jiff::SignedDuration;

use crate::accounts::identity::shown_handle;

use super::account::{ANEW, factors};
use super::admin;
use super::browser::SignedIn;
use super::error::PageError;
use super::local::Local;
use super::page::Person;
use super::route::{PageResult, Who};
use super::table::{self, Found};
use super::visit::Visit;

impl Visit {
    /// Lets those in who may see the page, and leads the others to where they can show who they are.
    pub(super) async fn require(&self, who: Who) -> Result<(), PageError> {
        match who {
            Who::Anyone => Ok(()),
            Who::Dev if self.app.config.dev_mode => Ok(()),
            Who::Dev => Err(PageError::NotFound),
            Who::Admin if admin::is_signed_in(self) => Ok(()),
            Who::Admin => Err(self.first("/admin/sign-in", "")),
            Who::Account => {
                let name = self.param("account");
                let Some(signed_in) = self.signed_in(name).await? else {
                    return Err(self.first("/account/sign-in", name));
                };
                let has_shown_enough = factors::are_shown(self, signed_in).await?;
                let _ = self.has_shown_enough.set(has_shown_enough);
                let _ = self.account.set(signed_in.clone());
                Ok(())
            }
        }
    }

    /// The account that a page of an account is about: signed in on this browser.
    ///
    /// # Errors
    /// 404 on a page that is of no account.
    pub fn account(&self) -> Result<&SignedIn, PageError> {
        self.account.get().ok_or(PageError::NotFound)
    }

    /// The page of the account at `rest` (`/apps`), or its first page if that is empty.
    ///
    /// # Errors
    /// As [`Visit::account`].
    pub fn account_page(&self, rest: &str) -> Result<Local, PageError> {
        Ok(Local::of_account(&self.account()?.account.did, rest))
    }

    /// Asks who signed in long ago, or with less than the account asks for today (a
    /// browser that is trusted counts for nothing here), to sign in again, before something that
    /// cannot be undone: with the password and what else the account has, or with a passkey alone.
    ///
    /// # Errors
    /// The page to go to first.
    pub fn require_recent_sign_in(&self) -> Result<(), PageError> {
        const RECENT: SignedDuration = SignedDuration::from_mins(30);
        let signed_in = self.account()?;
        let now = self.app.clock.now();
        let has_shown_enough = self.has_shown_enough.get() == Some(&true);
        if has_shown_enough && now.duration_since(signed_in.at) < RECENT {
            return Ok(());
        }
        Err(self.first_with("/account/sign-in", signed_in.account.did.as_str(), &[(ANEW, "1")]))
    }

    /// Another page first, which leads back here. What was typed into a form is lost; the page with the form is shown.
    fn first(&self, path: &'static str, hint: &str) -> PageError {
        self.first_with(path, hint, &[])
    }

    fn first_with(&self, path: &'static str, hint: &str, more: &[(&str, &str)]) -> PageError {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !hint.is_empty() {
            query.append_pair("login_hint", hint);
        }
        query.extend_pairs(more);
        if let Some(back) = self.way_back() {
            query.append_pair("next", back.as_str());
        }
        instead(self.redirect(Local::with_query(path, &query.finish())))
    }

    /// The page to come back to: this one, or, from what a form is sent to, the nearest one above it.
    fn way_back(&self) -> Option<Local> {
        let here = self.path_and_query();
        if self.route.is_none_or(|route| route.method == Method::GET) {
            return Local::parse(here);
        }
        let mut path = here.split_once('?').map_or(here, |(path, _)| path);
        while !matches!(table::find(&Method::GET, path), Found::Page(..)) {
            path = path.rsplit_once('/')?.0;
        }
        Local::parse(path)
    }

    pub(super) fn person(&self) -> Option<Person> {
        let account = &self.account.get()?.account;
        Some(Person { handle: shown_handle(account) })
    }
}

fn instead(result: PageResult) -> PageError {
    match result {
        Ok(response) => PageError::Instead(Box::new(response)),
        Err(err) => err,
    }
}
