//! `/account/u/{account}/sessions`: the browsers and the apps that are signed in, and signing them out.

use askama::Template;
use cairn_store::{AccountDevice, DeviceId, SessionId, SessionInfo};

use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::apps;
use super::trusted;
use super::user_agent;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Sessions {
    page: Page,
    t: Text,
    action: String,
    base: String,
    did: String,
    browsers: Vec<Browser>,
    sessions: Vec<Row>,
    trusted: Vec<trusted::Row>,
    /// How many sessions apps have that were let in on our own page.
    connected: usize,
}

struct Browser {
    id: String,
    name: String,
    is_here: bool,
    ip: String,
    used: String,
    since: String,
}

impl Browser {
    fn new(t: Text, entry: AccountDevice, here: DeviceId) -> Self {
        Self {
            id: entry.device.id.to_string(),
            name: user_agent::named(t, entry.device.user_agent.as_deref()),
            is_here: entry.device.id == here,
            ip: entry.device.ip.unwrap_or_default(),
            used: time(entry.device.last_seen_at),
            since: time(entry.sign_in.signed_in_at),
        }
    }
}

struct Row {
    id: String,
    /// What the app calls itself; none if it says nothing.
    app: Option<String>,
    app_password: Option<String>,
    ip: String,
    used: String,
    since: String,
}

impl From<SessionInfo> for Row {
    fn from(session: SessionInfo) -> Self {
        Self {
            id: session.id.to_string(),
            app: session.client.user_agent,
            app_password: session.app_password,
            ip: session.client.ip.unwrap_or_default(),
            used: time(session.last_used_at),
            since: time(session.created_at),
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let (t, store) = (visit.t, &visit.app.store);
    let here = visit.known_device().await?.id;
    let browsers = store.devices_of(account.id).await?.into_iter();
    let mut browsers: Vec<Browser> = browsers.map(|entry| Browser::new(t, entry, here)).collect();
    browsers.sort_by_key(|browser| !browser.is_here);
    let mut sessions = store.sessions_of(account.id).await?;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    visit.html(&Sessions {
        page: visit.page(t.sessions_title()),
        t,
        action: Local::of_account(&account.did, "/sessions").to_string(),
        base: Local::of_account(&account.did, "").to_string(),
        did: account.did.to_string(),
        browsers,
        sessions: sessions.into_iter().map(Row::from).collect(),
        trusted: trusted::rows(&visit, account, here).await?,
        connected: apps::count(&visit, account.id).await?,
    })
}

/// Ends one session, or all of them.
pub async fn end(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let back = Local::of_account(&account.did, "/sessions");
    if visit.form.has("all") {
        visit.app.store.delete_sessions_of(account.id, None).await?;
        return visit.redirect_saying(back, Flash::SessionsEnded);
    }
    // One that is over already is what was asked for.
    if let Some(id) = SessionId::parse(visit.form.get("session")) {
        visit.app.store.revoke_session(account.id, id).await?;
    }
    visit.redirect_saying(back, Flash::SessionEnded)
}

/// `/sessions/browsers`: signs the account out of one browser, or of all others.
pub async fn end_browsers(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let back = Local::of_account(&account.did, "/sessions");
    let here = visit.known_device().await?.id;
    if visit.form.has("others") {
        visit.app.store.sign_out_of_other_devices(account.id, here).await?;
        return visit.redirect_saying(back, Flash::BrowsersEnded);
    }
    if let Some(id) = DeviceId::parse(visit.form.get("browser")) {
        visit.app.store.shut_out_device(id, account.id).await?;
    }
    visit.redirect_saying(back, Flash::BrowserEnded)
}
