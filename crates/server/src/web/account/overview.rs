//! `/account/u/{account}`: the account at a glance, with the ways to everything else.

use askama::Template;
use cairn_store::{Account, AccountStatus, SecondFactors};

use super::super::admin::account::{Space, second_factors};
use super::super::admin::accounts::Status;
use super::super::format::time;
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::{apps, invites};
use crate::accounts::identity::shown_handle;

#[derive(Template)]
#[template(path = "account/overview.html")]
struct Overview {
    page: Page,
    t: Text,
    base: String,
    handle: String,
    initial: String,
    did: String,
    email: Option<String>,
    is_confirmed: bool,
    /// The e-mail address, and whether it is confirmed.
    address: String,
    /// Whether nothing would open the account once its passkeys are lost.
    has_no_way_back: bool,
    /// What signing in takes.
    asks_for: String,
    status: Status,
    /// What it means that the account is not active.
    inactive: &'static str,
    created_at: String,
    records: u64,
    space: Space,
    signed_in: String,
    apps: String,
    app_passwords: String,
    has_invites: bool,
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let (t, store) = (visit.t, &visit.app.store);
    let handle = shown_handle(account);
    let usage = store.usage(account.id).await?;
    let browsers = store.devices_of(account.id).await?.len();
    let sessions = store.sessions_of(account.id).await?.len();
    let apps = apps::count(&visit, account.id).await?;
    let app_passwords = store.app_passwords(account.id).await?.len();
    let has = store.second_factors(account.id).await?;
    let is_confirmed = account.email_confirmed_at.is_some();
    let word = if is_confirmed { t.overview_confirmed() } else { t.overview_unconfirmed() };
    let address = match &account.email {
        Some(email) => format!("{email} · {word}"),
        None => t.overview_no_email().to_owned(),
    };
    visit.html(&Overview {
        page: visit.page(t.overview_title()),
        t,
        base: Local::of_account(&account.did, "").to_string(),
        initial: initial(&handle),
        handle,
        did: account.did.to_string(),
        email: account.email.clone(),
        is_confirmed,
        address,
        has_no_way_back: account.password_hash.is_none() && !has.any_besides_passkeys(account),
        asks_for: asks_for(t, account, has),
        status: Status::new(t, account),
        inactive: inactive(t, account),
        created_at: time(account.created_at),
        records: store.record_count(account.id).await?,
        space: Space::new(&visit, account, &usage),
        signed_in: match sessions {
            0 => t.overview_browsers(browsers),
            _ => t.overview_signed_in(t.overview_browsers(browsers), t.hosted_sessions(sessions)),
        },
        apps: match apps {
            0 => t.overview_no_apps().to_owned(),
            _ => t.hosted_apps(apps),
        },
        app_passwords: match app_passwords {
            0 => t.overview_no_app_passwords().to_owned(),
            _ => t.hosted_app_passwords(app_passwords),
        },
        has_invites: invites::are_asked_for(&visit.app.config),
    })
}

/// The password and what stands beside it or for it.
fn asks_for(t: Text, account: &Account, has: SecondFactors) -> String {
    let mut words = second_factors(t, account, has);
    if account.password_hash.is_some() {
        if words.is_empty() {
            return t.overview_password_only().to_owned();
        }
        words.insert(0, t.overview_password().to_owned());
    }
    words.join(", ")
}

fn inactive(t: Text, account: &Account) -> &'static str {
    match account.status() {
        AccountStatus::Active => "",
        AccountStatus::Deactivated => t.overview_deactivated(),
        AccountStatus::Suspended => t.overview_suspended(),
        AccountStatus::Takendown => t.overview_taken_down(),
    }
}
