//! `/admin/accounts/{did}`: one account, and what can be done to it.

use askama::Template;
use cairn_store::{Account, HistoryKind, SecondFactors, Usage};

use super::super::account::connected_apps;
use super::super::format::{bytes, time};
use super::super::i18n::Text;
use super::super::local::Local;
use super::super::page::{Page, initial};
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::accounts::Status;
use super::acts::{Act, Words};
use super::log::Entry;
use crate::accounts::identity::shown_handle;
use crate::error::XrpcError;

/// Entries of the log on this page.
const ENTRIES: u32 = 10;

#[derive(Template)]
#[template(path = "admin/account.html")]
struct Detail {
    page: Page,
    t: Text,
    base: String,
    handle: String,
    initial: String,
    did: String,
    status: Status,
    takedown_ref: Option<String>,
    email: Option<String>,
    is_confirmed: bool,
    created_at: String,
    delete_after: Option<String>,
    invited_with: Option<String>,
    codes: usize,
    invites_disabled: bool,
    invite_note: Option<String>,
    /// As far as the history reaches.
    last_sign_in: Option<String>,
    /// When the password was right and a second factor was not, the last time, and how often on that day if more than once.
    refused_at: Option<String>,
    refused_times: String,
    /// Browsers, sessions, apps and app passwords, as far as there are any.
    signed_in: String,
    /// What signing in asks for besides the password.
    factors: String,
    space: Space,
    acts: Vec<Button>,
    dangers: Vec<Button>,
    log: Vec<Entry>,
}

struct Button {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    label: &'static str,
    is_grave: bool,
}

/// What the account takes of the disk, and may take.
pub struct Space {
    pub repo: Part,
    pub blobs: Part,
    pub blob_count: u64,
}

pub struct Part {
    pub used: String,
    /// None without a bound.
    pub bound: Option<String>,
    /// For a bar.
    pub used_bytes: u64,
    pub bound_bytes: u64,
}

impl Part {
    fn new(t: Text, used: u64, bound: Option<u64>) -> Self {
        Self {
            used: bytes(t, used),
            bound: bound.map(|bound| bytes(t, bound)),
            used_bytes: used,
            bound_bytes: bound.unwrap_or(0),
        }
    }
}

impl Space {
    pub fn new(visit: &Visit, account: &Account, usage: &Usage) -> Self {
        let bounds = account.quotas.or(visit.app.store.default_quotas());
        let held = [usage.blobs, usage.temporary_blobs, usage.unreferenced_blobs];
        Self {
            repo: Part::new(visit.t, usage.repo_bytes(), bounds.repo_bytes),
            blobs: Part::new(visit.t, usage.blob_bytes(), bounds.blob_bytes),
            blob_count: held.iter().map(|held| held.count).sum(),
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let account = super::account_of(&visit).await?;
    let (t, store) = (visit.t, &visit.app.store);
    let usage = store.usage(account.id).await?;
    let handle = shown_handle(&account);
    let has = store.second_factors(account.id).await?;
    let buttons = |is_danger: bool| {
        let fitting = Act::ALL.into_iter().filter(|act| act.is_danger() == is_danger);
        let fitting = fitting.filter(|act| act.fits(&account, has));
        let button = |act: Act| {
            let Words { title, text, button: label } = act.words(t);
            Button { name: act.name(), title, text, label, is_grave: act.is_grave() }
        };
        fitting.map(button).collect()
    };
    let history = store.history(account.id).await?;
    let last_sign_in = history.iter().find(|entry| is_sign_in(entry.kind));
    let refused = history.iter().find(|entry| entry.kind == HistoryKind::FactorRefused);
    let refused_times = refused.map_or(0, |entry| entry.times);
    let log = store.acts_on(&account.did, None, ENTRIES).await?;
    visit.html(&Detail {
        page: visit.page(handle.clone()),
        t,
        base: Local::of_console(&account.did, "").to_string(),
        initial: initial(&handle),
        handle,
        did: account.did.to_string(),
        status: Status::new(t, &account),
        takedown_ref: account.takedown_ref.clone(),
        email: account.email.clone(),
        is_confirmed: account.email_confirmed_at.is_some(),
        created_at: time(account.created_at),
        delete_after: account.delete_after.map(time),
        invited_with: store.invite_of(&account.did).await?.map(|invite| invite.code),
        codes: store.invite_codes_of(account.did.as_str()).await?.len(),
        invites_disabled: account.invites_disabled,
        invite_note: account.invite_note.clone(),
        last_sign_in: last_sign_in.map(|entry| time(entry.at)),
        refused_at: refused.map(|entry| time(entry.at)),
        refused_times: match usize::try_from(refused_times).unwrap_or(usize::MAX) {
            0 | 1 => String::new(),
            times => t.history_times(times),
        },
        signed_in: signed_in(&visit, &account).await?,
        factors: factors(t, &account, has),
        space: Space::new(&visit, &account, &usage),
        acts: buttons(false),
        dangers: buttons(true),
        log: log.into_iter().map(|act| Entry::new(t, act, Some(&*account))).collect(),
    })
}

fn is_sign_in(kind: HistoryKind) -> bool {
    use HistoryKind::{AppPasswordSignIn, ProgramSignIn, SignIn};
    matches!(kind, SignIn | ProgramSignIn | AppPasswordSignIn)
}

async fn signed_in(visit: &Visit, account: &Account) -> Result<String, XrpcError> {
    let (t, store) = (visit.t, &visit.app.store);
    let sessions = store.sessions_of(account.id).await?.len();
    let apps = connected_apps(visit, account.id).await?;
    let app_passwords = store.app_passwords(account.id).await?.len();
    let browsers = store.devices_of(account.id).await?.len();
    let counts = [
        (browsers, t.overview_browsers(browsers)),
        (sessions, t.hosted_sessions(sessions)),
        (apps, t.hosted_apps(apps)),
        (app_passwords, t.hosted_app_passwords(app_passwords)),
    ];
    let some = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words);
    Ok(some.collect::<Vec<_>>().join(", "))
}

fn factors(t: Text, account: &Account, has: SecondFactors) -> String {
    let mut words = Vec::new();
    if account.password_hash.is_none() {
        words.push(t.hosted_no_password().to_owned());
    }
    words.extend(second_factors(t, account, has));
    words.join(", ")
}

/// What the account can be shown with besides a password.
pub fn second_factors(t: Text, account: &Account, has: SecondFactors) -> Vec<String> {
    let mut words = Vec::new();
    if has.passkeys > 0 {
        words.push(t.hosted_passkeys(usize::try_from(has.passkeys).unwrap_or(usize::MAX)));
    }
    if has.totp {
        words.push(t.hosted_app().to_owned());
    }
    if account.needs_mailed_code() {
        words.push(t.hosted_mailed_code().to_owned());
    }
    words
}
