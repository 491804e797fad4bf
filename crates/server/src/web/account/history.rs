//! `/account/u/{account}/sessions/history`: sign-ins, and what was done to what opens the account.

use askama::Template;
use cairn_store::{Factor, HISTORY_ENTRIES, HISTORY_RETENTION, HistoryEntry, HistoryKind};

use super::super::format::time;
use super::super::i18n::Text;
use super::super::icon::{self, Icon};
use super::super::local::Local;
use super::super::page::Page;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::user_agent;
use crate::oauth::authorize::display_host;

/// Entries on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "account/history.html")]
struct History {
    page: Page,
    t: Text,
    base: String,
    lead: String,
    rows: Vec<Row>,
    newer: String,
    older: String,
}

struct Row {
    icon: Icon,
    what: String,
    /// Whether somebody may have tried what was not theirs.
    is_warning: bool,
    at: String,
    /// How often, and when first; empty if it was once.
    times: String,
    since: String,
    /// The browser or the app; none for the operator.
    by: Option<String>,
    ip: String,
    /// What was shown to sign in.
    factors: String,
}

impl Row {
    fn new(visit: &Visit, entry: HistoryEntry) -> Self {
        let t = visit.t;
        let times = usize::try_from(entry.times).unwrap_or(usize::MAX);
        let is_repeated = times > 1;
        let is_sign_in = entry.kind == HistoryKind::SignIn;
        Self {
            icon: icon(entry.kind),
            what: what(visit, &entry),
            is_warning: entry.kind == HistoryKind::FactorRefused,
            at: time(entry.at),
            times: if is_repeated { t.history_times(times) } else { String::new() },
            since: if is_repeated { t.history_since(time(entry.since)) } else { String::new() },
            by: by(t, &entry),
            factors: if is_sign_in { named(t, &entry.factors()) } else { String::new() },
            ip: entry.client.ip.unwrap_or_default(),
        }
    }
}

fn icon(kind: HistoryKind) -> Icon {
    match kind {
        HistoryKind::SignIn => icon::DEVICE,
        HistoryKind::ProgramSignIn | HistoryKind::AppConnected => icon::APPS,
        HistoryKind::FactorRefused => icon::ALERT,
        HistoryKind::AppPasswordSignIn
        | HistoryKind::AppPasswordMade
        | HistoryKind::AppPasswordRevoked
        | HistoryKind::PasskeyAdded
        | HistoryKind::PasskeyRemoved
        | HistoryKind::PasswordChanged
        | HistoryKind::PasswordReset
        | HistoryKind::PasswordSet
        | HistoryKind::PasswordRemoved => icon::KEY,
        HistoryKind::MailedCodesOn | HistoryKind::MailedCodesOff => icon::MAIL,
        HistoryKind::AuthenticatorAdded
        | HistoryKind::AuthenticatorRemoved
        | HistoryKind::RecoveryCodesRenewed
        | HistoryKind::FactorsRemoved => icon::SHIELD,
    }
}

/// What happened, in words.
fn what(visit: &Visit, entry: &HistoryEntry) -> String {
    let (t, detail) = (visit.t, entry.detail.as_str());
    let words = match entry.kind {
        HistoryKind::SignIn => t.history_sign_in(),
        HistoryKind::ProgramSignIn => t.history_program(),
        HistoryKind::AppPasswordSignIn => return t.history_app_password(detail),
        HistoryKind::FactorRefused => return t.history_refused(named(t, &entry.factors())),
        HistoryKind::AppConnected => {
            let host = display_host(&visit.app, detail);
            return t.history_connected(host.unwrap_or_else(|| t.authorize_local_app().to_owned()));
        }
        HistoryKind::PasswordChanged => t.history_password_changed(),
        HistoryKind::PasswordReset => t.history_password_reset(),
        HistoryKind::PasswordSet => t.history_password_set(),
        HistoryKind::PasswordRemoved => t.history_password_removed(),
        HistoryKind::PasskeyAdded => return t.history_passkey_added(detail),
        HistoryKind::PasskeyRemoved => return t.history_passkey_removed(detail),
        HistoryKind::AuthenticatorAdded => t.history_authenticator_added(),
        HistoryKind::AuthenticatorRemoved => t.history_authenticator_removed(),
        HistoryKind::MailedCodesOn => t.history_mailed_on(),
        HistoryKind::MailedCodesOff => t.history_mailed_off(),
        HistoryKind::RecoveryCodesRenewed => t.history_codes_renewed(),
        HistoryKind::FactorsRemoved => t.history_factors_removed(),
        HistoryKind::AppPasswordMade => return t.history_app_password_made(detail),
        HistoryKind::AppPasswordRevoked => return t.history_app_password_revoked(detail),
    };
    words.to_owned()
}

/// The browser or the app, as the page of sessions names it.
fn by(t: Text, entry: &HistoryEntry) -> Option<String> {
    let user_agent = entry.client.user_agent.as_deref();
    match entry.kind {
        HistoryKind::PasswordSet | HistoryKind::FactorsRemoved => None,
        HistoryKind::ProgramSignIn | HistoryKind::AppPasswordSignIn if user_agent.is_none() => {
            Some(t.sessions_unknown().to_owned())
        }
        _ => Some(user_agent::named(t, user_agent)),
    }
}

/// `password, authenticator app`.
fn named(t: Text, factors: &[Factor]) -> String {
    let name = |factor: &Factor| match factor {
        Factor::Password => t.history_factor_password(),
        Factor::MailedCode => t.history_factor_mail(),
        Factor::Totp => t.history_factor_app(),
        Factor::Passkey => t.history_factor_passkey(),
        Factor::RecoveryCode => t.history_factor_recovery(),
        Factor::TrustedBrowser => t.history_factor_trusted(),
    };
    factors.iter().map(name).collect::<Vec<_>>().join(", ")
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    // Bounded by the store, so a page is a part of the whole. What is no number begins anew.
    let number: usize = visit.query.get("page").parse().unwrap_or(0);
    let entries = visit.app.store.history(account.id).await?;
    let until = number.saturating_add(1).saturating_mul(PAGE);
    let base = Local::of_account(&account.did, "/sessions").to_string();
    let link = |number: usize| format!("{base}/history?page={number}");
    let newer = number.checked_sub(1).map(link).unwrap_or_default();
    let older = if entries.len() > until { link(number + 1) } else { String::new() };
    let entries = entries.into_iter().skip(until - PAGE).take(PAGE);
    let days = HISTORY_RETENTION.as_hours() / 24;
    visit.html(&History {
        page: visit.page(t.history_title()),
        t,
        lead: t.history_lead(days, HISTORY_ENTRIES),
        rows: entries.map(|entry| Row::new(&visit, entry)).collect(),
        newer,
        older,
        base,
    })
}
