//! `/account`: the accounts of this browser.

use askama::Template;

use crate::accounts::identity::shown_handle;

use super::super::browser::{Leaving, SignedIn};
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::sign_up;

#[derive(Template)]
#[template(path = "account/picker.html")]
struct Picker {
    page: Page,
    t: Text,
    accounts: Vec<Row>,
    takes_newcomers: bool,
}

struct Row {
    did: String,
    home: String,
    handle: String,
    initial: String,
    email: String,
    status: Option<&'static str>,
}

impl Row {
    fn new(signed_in: &SignedIn) -> Self {
        let account = &signed_in.account;
        let handle = shown_handle(account);
        Self {
            home: Local::of_account(&account.did, "").to_string(),
            did: account.did.to_string(),
            initial: initial(&handle),
            handle,
            email: account.email.clone().unwrap_or_default(),
            status: account.status().as_str(),
        }
    }
}

/// Who has one account goes straight to it, unless they want to choose.
pub async fn show(visit: Visit) -> PageResult {
    let accounts = &visit.browser().await?.accounts;
    let page = match accounts.as_slice() {
        [] => return visit.redirect("/account/sign-in"),
        [only] if !visit.query.has("choose") => {
            return visit.redirect(Local::of_account(&only.account.did, ""));
        }
        _ => visit.page(visit.t.picker_title()),
    };
    let accounts = accounts.iter().map(Row::new).collect();
    let takes_newcomers = sign_up::is_open(&visit.app);
    visit.html(&Picker { page, t: visit.t, accounts, takes_newcomers })
}

/// Signs out of one account, or of all.
pub async fn sign_out(visit: Visit) -> PageResult {
    let did = visit.form.get("account");
    let leaving = if visit.form.has("for_good") { Leaving::ForGood } else { Leaving::ForNow };
    visit.sign_out(if did.is_empty() { None } else { Some(did) }, leaving).await?;
    let has_more = !did.is_empty() && visit.browser().await?.accounts.len() > 1;
    let to = if has_more { "/account?choose=1" } else { "/account/sign-in" };
    visit.redirect_saying(to, Flash::SignedOut)
}
