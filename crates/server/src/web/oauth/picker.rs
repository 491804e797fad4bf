//! Which of several accounts answers an app.

use askama::Template;

use crate::accounts::identity::shown_handle;

use super::super::browser::{Browser, SignedIn};
use super::super::i18n::Text;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::consent::Asker;
use super::entry::on_the_way;
use super::flow::Flow;
use super::leave;

#[derive(Template)]
#[template(path = "oauth/picker.html")]
struct Picker {
    page: Page,
    t: Text,
    asker: Asker,
    accounts: Vec<Row>,
    request_uri: String,
    /// The form that the page sends answers to.
    action: &'static str,
    sign_in_url: String,
}

struct Row {
    handle: String,
    initial: String,
    email: String,
    is_inactive: bool,
    url: String,
}

impl Row {
    fn new(flow: &Flow, signed_in: &SignedIn) -> Self {
        let account = &signed_in.account;
        let handle = shown_handle(account);
        Self {
            initial: initial(&handle),
            handle,
            email: account.email.clone().unwrap_or_default(),
            is_inactive: !account.is_active(),
            url: flow.url(Some(account.did.as_str())).to_string(),
        }
    }
}

pub fn show(visit: &Visit, flow: &Flow, browser: &Browser) -> PageResult {
    let mut page = visit.page(visit.t.picker_title());
    page.here = flow.choice_url().to_string();
    let picker = Picker {
        page,
        t: visit.t,
        asker: Asker::new(&flow.open.client),
        accounts: browser.accounts.iter().map(|it| Row::new(flow, it)).collect(),
        request_uri: flow.open.uri.as_str().to_owned(),
        action: super::REQUEST,
        sign_in_url: on_the_way("/account/sign-in", flow, "").to_string(),
    };
    let allowed = leave::allowed_for(flow.open.request.redirect_uri.url());
    visit.html_allowing(&picker, allowed)
}
