//! The operator's console, behind the admin password.
//!
//! The password is asked for once in a browser. What the browser gets then is a cookie that only this server can make, that
//! is good for this very browser, until a time, and as long as the password is the same: nothing is stored.

pub(super) mod account;
pub(super) mod accounts;
mod acts;
mod approvals;
mod charts;
mod checks;
mod dashboard;
mod firehose;
mod invites;
mod limits;
mod log;
mod moderation;
mod new_account;
mod outbox;
mod part;
mod relays;
mod settings;
mod sign_in;
mod sought;
mod typed;

pub(super) use invites::SHOWN_USES;

use std::sync::Arc;

use cairn_model::Did;
use cairn_store::Account;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::cookies::{Cookie, Keep};
use super::error::PageError;
use super::i18n::Text;
use super::icon;
use super::local::Local;
use super::route::{Route, Who, get, post};
use super::visit::Visit;
use crate::limits::Bucket;

/// After this time the password is asked for again.
const SIGNED_IN_SECONDS: u32 = 12 * 3_600;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/admin/sign-in", Who::Anyone, sign_in::show),
        post("/admin/sign-in", Who::Anyone, sign_in::submit).limits(&[Bucket::AdminSignIn]),
        post("/admin/sign-out", Who::Admin, sign_in::leave),
        get("/admin", Who::Admin, dashboard::show).entry(Text::console_dashboard, icon::CHART),
        get("/admin/figures", Who::Admin, dashboard::figures),
        get("/admin/accounts", Who::Admin, accounts::show)
            .entry(Text::console_accounts, icon::ACCOUNT),
        get("/admin/accounts/new", Who::Admin, new_account::show),
        post("/admin/accounts/new", Who::Admin, new_account::submit),
        get("/admin/accounts/new/handle", Who::Admin, new_account::availability),
        get("/admin/accounts/{did}", Who::Admin, account::show),
        get("/admin/accounts/{did}/limits", Who::Admin, limits::show),
        post("/admin/accounts/{did}/limits", Who::Admin, limits::submit),
        get("/admin/accounts/{did}/{act}", Who::Admin, acts::show),
        post("/admin/accounts/{did}/{act}", Who::Admin, acts::submit),
        get("/admin/approvals", Who::Admin, approvals::show)
            .entry(Text::console_approvals, icon::INBOX),
        post("/admin/approvals/{did}/approve", Who::Admin, approvals::approve),
        get("/admin/approvals/{did}/reject", Who::Admin, approvals::ask),
        post("/admin/approvals/{did}/reject", Who::Admin, approvals::reject),
        get("/admin/moderation", Who::Admin, moderation::show)
            .entry(Text::console_moderation, icon::SHIELD),
        get("/admin/moderation/{kind}", Who::Admin, part::show),
        post("/admin/moderation/{kind}", Who::Admin, part::submit),
        get("/admin/invites", Who::Admin, invites::show).entry(Text::console_invites, icon::TICKET),
        post("/admin/invites", Who::Admin, invites::make),
        get("/admin/invites/{code}/disable", Who::Admin, invites::ask),
        post("/admin/invites/{code}/disable", Who::Admin, invites::disable),
        get("/admin/firehose", Who::Admin, firehose::show)
            .entry(Text::console_firehose, icon::STREAM),
        get("/admin/firehose/events", Who::Admin, firehose::events),
        get("/admin/relays", Who::Admin, relays::show).entry(Text::console_relays, icon::RELAY),
        post("/admin/relays/{number}/ask", Who::Admin, relays::ask),
        post("/admin/relays/{number}/look", Who::Admin, relays::look),
        post("/admin/subscribers/{id}/hang-up", Who::Admin, relays::hang_up),
        get("/admin/outbox", Who::Admin, outbox::show).entry(Text::console_outbox, icon::MAIL),
        get("/admin/outbox/test", Who::Admin, outbox::ask),
        post("/admin/outbox/test", Who::Admin, outbox::test),
        get("/admin/log", Who::Admin, log::show).entry(Text::console_log, icon::LIST),
        get("/admin/settings", Who::Admin, settings::show)
            .entry(Text::console_settings, icon::GEAR),
        get("/admin/settings/checks", Who::Admin, checks::show),
        post("/admin/settings/checks", Who::Admin, checks::run),
    ]
}

/// Whether the operator is signed in in this browser.
pub(super) fn is_signed_in(visit: &Visit) -> bool {
    let Some((until, seal)) = visit.cookies.get(Cookie::Admin).and_then(|it| it.split_once('.'))
    else {
        return false;
    };
    let (Ok(seconds), Some(expected)) = (until.parse::<i64>(), seal_until(visit, until)) else {
        return false;
    };
    seconds > visit.app.now_seconds() && bool::from(expected.as_bytes().ct_eq(seal.as_bytes()))
}

fn remember(visit: &Visit) {
    let until = visit.app.now_seconds().saturating_add(i64::from(SIGNED_IN_SECONDS)).to_string();
    if let Some(seal) = seal_until(visit, &until) {
        let value = format!("{until}.{seal}");
        visit.cookies.set(Cookie::Admin, &value, Keep::Seconds(SIGNED_IN_SECONDS));
    }
}

/// `None` without a password, or in a browser without a cookie.
fn seal_until(visit: &Visit, until: &str) -> Option<String> {
    let password = visit.app.config.admin_password.as_ref()?;
    let parts = [visit.brought_secret()?.as_bytes(), until.as_bytes(), password.expose()];
    Some(BASE64URL_NOPAD.encode(&visit.app.web.sealer.seal("admin", &parts)))
}

/// The account that the path names.
async fn account_of(visit: &Visit) -> Result<Arc<Account>, PageError> {
    let did = did_of(visit)?;
    visit.app.store.account(did).await?.ok_or(PageError::NotFound)
}

fn did_of(visit: &Visit) -> Result<Did, PageError> {
    Did::parse(visit.param("did")).map_err(|_| PageError::NotFound)
}

/// The other pages of a list that goes forward.
pub struct Pages {
    /// Where it begins; empty on its first page.
    first: String,
    /// Where it goes on; empty at its end.
    after: String,
}

impl Pages {
    /// The list at `path`, asked for with `others` and, beyond its first page, a cursor in `after`.
    fn new(
        visit: &Visit,
        path: &'static str,
        others: &[(&str, &str)],
        cursor: Option<String>,
    ) -> Self {
        let link = |cursor: Option<String>| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(others.iter().filter(|(_, value)| !value.is_empty()));
            query.extend_pairs(cursor.map(|cursor| ("after", cursor)));
            Local::with_query(path, &query.finish()).to_string()
        };
        let is_first = visit.query.get("after").is_empty();
        Self {
            first: if is_first { String::new() } else { link(None) },
            after: cursor.map(|cursor| link(Some(cursor))).unwrap_or_default(),
        }
    }

    fn are_more(&self) -> bool {
        !self.first.is_empty() || !self.after.is_empty()
    }
}
