//! Browsers that are not asked for the second factor: which they are, and having them be asked again.

use cairn_store::{Account, DeviceId, TRUST_LIFETIME, TrustedBrowser};

use crate::error::XrpcError;

use super::super::format::time;
use super::super::i18n::{Flash, Text};
use super::super::local::Local;
use super::super::route::PageResult;
use super::super::visit::Visit;
use super::user_agent;

/// The field beside a second factor that wishes for trust.
pub const TICK: &str = "trust";

/// How long trust lasts, as pages say it.
pub fn days() -> u64 {
    TRUST_LIFETIME.as_secs() / 86_400
}

/// Whether the browser of a visit is trusted with an account's second factor. Good beside the right password only.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_here(visit: &Visit, account: &Account) -> Result<bool, XrpcError> {
    let Some(device) = &visit.browser().await?.device else { return Ok(false) };
    Ok(visit.app.store.is_trusted_browser(device.id, account.id).await?)
}

/// A trusted browser, as the page of sessions lists it.
pub struct Row {
    pub id: String,
    pub name: String,
    pub is_here: bool,
    pub ip: String,
    pub used: String,
    pub until: String,
}

impl Row {
    fn new(t: Text, trusted: TrustedBrowser, here: DeviceId) -> Self {
        let device = trusted.device;
        Self {
            id: device.id.to_string(),
            name: user_agent::named(t, device.user_agent.as_deref()),
            is_here: device.id == here,
            ip: device.ip.unwrap_or_default(),
            used: time(device.last_seen_at),
            until: time(trusted.expires_at),
        }
    }
}

/// The browsers that an account trusts, the present one at the front.
///
/// # Errors
/// When the store cannot be read.
pub async fn rows(visit: &Visit, account: &Account, here: DeviceId) -> Result<Vec<Row>, XrpcError> {
    let trusted = visit.app.store.trusted_browsers_of(account.id).await?.into_iter();
    let mut rows: Vec<Row> = trusted.map(|it| Row::new(visit.t, it, here)).collect();
    rows.sort_by_key(|row| !row.is_here);
    Ok(rows)
}

/// `POST /account/u/{account}/sessions/trusted`: has one browser, or all, be asked again. They stay signed in.
pub async fn end(visit: Visit) -> PageResult {
    let account = &visit.account()?.account;
    let back = Local::of_account(&account.did, "/sessions");
    if visit.form.has("all") {
        visit.app.store.end_trust_in_browsers(account.id).await?;
        return visit.redirect_saying(back, Flash::TrustEndedEverywhere);
    }
    // One that is not trusted any more is what was asked for.
    if let Some(id) = DeviceId::parse(visit.form.get("browser")) {
        visit.app.store.end_trust_in_browser(id, account.id).await?;
    }
    visit.redirect_saying(back, Flash::TrustEnded)
}
