//! `/account/u/{account}/security`: what signing in takes, and the pages on which that is changed.
//!
//! Each change asks for a recent sign-in, and its owner is told of it by mail. With the first factor come recovery codes.

mod codes;
mod mail;
mod overview;
mod passkeys;
mod totp;

use cairn_store::Factor;

use crate::mail::letters::Event;

use super::super::error::PageError;
use super::super::i18n::{Flash, Text};
use super::super::icon;
use super::super::route::{PageResult, Route, Who, get, post};
use super::super::visit::Visit;
use super::alert;

const ROOT: &str = "/account/u/{account}/security";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(ROOT, Who::Account, overview::show).entry(Text::account_nav_security, icon::SHIELD),
        get("/account/u/{account}/security/app", Who::Account, totp::show),
        post("/account/u/{account}/security/app", Who::Account, totp::submit),
        get("/account/u/{account}/security/app/remove", Who::Account, totp::ask),
        post("/account/u/{account}/security/app/remove", Who::Account, totp::remove),
        get("/account/u/{account}/security/passkeys", Who::Account, passkeys::show_new),
        post("/account/u/{account}/security/passkeys", Who::Account, passkeys::add),
        get("/account/u/{account}/security/passkeys/{key}", Who::Account, passkeys::show),
        post("/account/u/{account}/security/passkeys/{key}", Who::Account, passkeys::rename),
        get("/account/u/{account}/security/passkeys/{key}/remove", Who::Account, passkeys::ask),
        post("/account/u/{account}/security/passkeys/{key}/remove", Who::Account, passkeys::remove),
        get("/account/u/{account}/security/mail", Who::Account, mail::show),
        post("/account/u/{account}/security/mail", Who::Account, mail::submit),
        get("/account/u/{account}/security/codes", Who::Account, codes::show),
        post("/account/u/{account}/security/codes", Who::Account, codes::renew),
    ]
}

/// A factor was added: its owner is told, this browser's sign-in counts as one with it, and with the first one come
/// recovery codes.
async fn added(visit: &Visit, factor: Factor, event: Event, flash: Flash) -> PageResult {
    let account = &visit.account()?.account;
    let store = &visit.app.store;
    alert::tell(visit, account, event);
    if let Some(device) = &visit.browser().await?.device {
        store.add_shown_factor(device.id, account.id, factor).await?;
    }
    let has = store.second_factors(account.id).await?;
    if has.are_needed() && has.recovery_codes == 0 {
        return codes::give(visit, Some(flash)).await;
    }
    visit.redirect_saying(visit.account_page("/security")?, flash)
}

/// Whether nothing but the password is left once `going` of app and passkeys, and the mailed codes if they are off, are gone.
async fn is_last(visit: &Visit, going: u32) -> Result<bool, PageError> {
    let account = &visit.account()?.account;
    let has = visit.app.store.second_factors(account.id).await?;
    let is_mail_left = going > 0 && account.needs_mailed_code();
    Ok(u32::from(has.totp) + has.passkeys <= going && !is_mail_left)
}
