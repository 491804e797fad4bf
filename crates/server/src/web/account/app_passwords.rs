//! `/account/u/{account}/app-passwords`: passwords for single apps.

use askama::Template;
use cairn_oauth::scope::Scopes;
use cairn_store::{AppPassword, AppPasswordRights, SessionInfo};

use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::oauth::words::{Line, Words};
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::alert;
use crate::oauth::authorize::PermissionSets;

#[derive(Template)]
#[template(path = "account/app_passwords.html")]
struct AppPasswords {
    page: Page,
    t: Text,
    action: String,
    passwords: Vec<Row>,
}

struct Row {
    name: String,
    kind: &'static str,
    tone: &'static str,
    created: String,
    sessions: usize,
    /// When an app that is signed in with it was last here.
    used: Option<String>,
    /// What it is held to, if it is.
    lines: Vec<Line>,
}

impl Row {
    fn new(t: Text, password: AppPassword, sessions: &[SessionInfo]) -> Self {
        let own = |session: &&SessionInfo| {
            session.app_password.as_deref() == Some(password.name.as_str())
        };
        let own: Vec<&SessionInfo> = sessions.iter().filter(own).collect();
        let (kind, tone) = match &password.rights {
            AppPasswordRights::Standard => (t.app_passwords_standard(), ""),
            AppPasswordRights::Privileged => (t.app_passwords_privileged(), "warning"),
            AppPasswordRights::Scoped(_) => (t.app_passwords_limited(), "success"),
        };
        let sets = PermissionSets::default();
        let words = Words { t, sets: &sets, email: None };
        let lines = match &password.rights {
            AppPasswordRights::Scoped(scopes) => words.lines(&Scopes::parse(scopes)),
            AppPasswordRights::Standard | AppPasswordRights::Privileged => Vec::new(),
        };
        Self {
            kind,
            tone,
            created: time(password.created_at),
            sessions: own.len(),
            used: own.iter().map(|session| session.last_used_at).max().map(time),
            lines,
            name: password.name,
        }
    }
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let (t, store) = (visit.t, &visit.app.store);
    let sessions = store.sessions_of(account.id).await?;
    let passwords = store.app_passwords(account.id).await?.into_iter();
    visit.html(&AppPasswords {
        page: visit.page(t.app_passwords_title()),
        t,
        action: Local::of_account(&account.did, "/app-passwords").to_string(),
        passwords: passwords.map(|password| Row::new(t, password, &sessions)).collect(),
    })
}

/// Revokes one, with the sessions that were opened with it.
pub async fn revoke(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let client = alert::client_of(&visit);
    // One that is gone already is what was asked for.
    visit.app.store.revoke_app_password(account.id, visit.form.exact("name"), client).await?;
    let back = Local::of_account(&account.did, "/app-passwords");
    visit.redirect_saying(back, Flash::AppPasswordRevoked)
}
