//! An account that is not active gives no rights: its owner activates it first, if that is theirs to do.

use askama::Template;
use cairn_store::AccountStatus;

use crate::accounts::activation;
use crate::accounts::identity::shown_handle;

use super::super::browser::SignedIn;
use super::super::i18n::{Flash, Text};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::flow::Flow;
use super::leave;

#[derive(Template)]
#[template(path = "oauth/inactive.html")]
struct Inactive {
    page: Page,
    t: Text,
    handle: String,
    did: String,
    /// Whether the owner has deactivated it; else moderation has.
    is_own_doing: bool,
    has_failed: bool,
    request_uri: String,
    action: &'static str,
    choice_url: String,
}

/// The page on which the account can be activated. `has_failed` is for one that could not be.
pub fn show(visit: &Visit, flow: &Flow, who: &SignedIn, has_failed: bool) -> PageResult {
    let account = &who.account;
    let did = account.did.to_string();
    let mut page = visit.page(visit.t.inactive_title());
    page.here = flow.url(Some(&did)).to_string();
    let inactive = Inactive {
        page,
        t: visit.t,
        handle: shown_handle(account),
        did,
        is_own_doing: account.status() == AccountStatus::Deactivated,
        has_failed,
        request_uri: flow.open.uri.as_str().to_owned(),
        action: super::REQUEST,
        choice_url: flow.choice_url().to_string(),
    };
    let allowed = leave::allowed_for(flow.open.request.redirect_uri.url());
    visit.html_allowing(&inactive, allowed)
}

/// Activates the account and goes on.
pub async fn activate(visit: &Visit, flow: &Flow, who: &SignedIn) -> PageResult {
    let account = &who.account;
    match activation::activate(&visit.app, account).await {
        Ok(()) => {
            let here = flow.url(Some(account.did.as_str()));
            visit.redirect_saying(here, Flash::AccountActivated)
        }
        Err(err) if err.status().is_server_error() => Err(err.into()),
        // It has moved away, or something of its identity is missing: nothing to be mended here.
        Err(_) => show(visit, flow, who, true),
    }
}
