//! `/account/u/{account}/security`: everything that signing in takes, at a glance.

use askama::Template;

use super::super::super::format::time;
use super::super::super::i18n::Text;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::second_factor::FEW_CODES;
use super::passkeys;

#[derive(Template)]
#[template(path = "account/security/overview.html")]
struct Overview {
    page: Page,
    t: Text,
    base: String,
    passkeys: Vec<Line>,
    has_password: bool,
    password_url: String,
    has_app: bool,
    is_mailed: bool,
    /// Whether there is anything that recovery codes stand in for.
    needs_codes: bool,
    codes: usize,
    are_few: bool,
}

struct Line {
    key: String,
    name: String,
    is_synced: bool,
    added: String,
    /// None if it has never been used.
    used: Option<String>,
}

pub async fn show(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let store = &visit.app.store;
    let has = store.second_factors(account.id).await?;
    let lines = store.passkeys(account.id).await?.into_iter().map(|passkey| Line {
        key: passkeys::key(&passkey),
        name: passkey.name,
        is_synced: passkey.backed_up,
        added: time(passkey.created_at),
        used: passkey.last_used_at.map(time),
    });
    visit.html(&Overview {
        page: visit.page(visit.t.security_title()),
        t: visit.t,
        base: visit.account_page("/security")?.to_string(),
        passkeys: lines.collect(),
        has_password: account.password_hash.is_some(),
        password_url: visit.account_page("/password")?.to_string(),
        has_app: has.totp,
        is_mailed: account.needs_mailed_code(),
        needs_codes: has.are_needed(),
        codes: usize::try_from(has.recovery_codes).unwrap_or(usize::MAX),
        are_few: has.recovery_codes <= FEW_CODES,
    })
}
