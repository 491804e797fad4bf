//! `/account/u/{account}`: the account at a glance.

use askama::Template;

use crate::accounts::identity::shown_handle;

use super::super::i18n::Text;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "account/overview.html")]
struct Overview {
    page: Page,
    t: Text,
    handle: String,
    initial: String,
    did: String,
    email: Option<String>,
    is_confirmed: bool,
    status: Option<&'static str>,
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let handle = shown_handle(account);
    visit.html(&Overview {
        page: visit.page(visit.t.overview_title()),
        t: visit.t,
        initial: initial(&handle),
        handle,
        did: account.did.to_string(),
        email: account.email.clone(),
        is_confirmed: account.email_confirmed_at.is_some(),
        status: account.status().as_str(),
    })
}
