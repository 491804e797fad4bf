//! `/account/u/{account}/sessions`: the apps that are signed in with a password, and signing them out.

use askama::Template;
use cairn_store::{SessionId, SessionInfo};

use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Sessions {
    page: Page,
    t: Text,
    action: String,
    sessions: Vec<Row>,
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
    let mut sessions = visit.app.store.sessions_of(account.id).await?;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    visit.html(&Sessions {
        page: visit.page(visit.t.sessions_title()),
        t: visit.t,
        action: format!("/account/u/{}/sessions", account.did),
        sessions: sessions.into_iter().map(Row::from).collect(),
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
