//! `/account/u/{account}/security/codes`: recovery codes, shown once when they are made.

use askama::Template;

use crate::mail::letters::Event;

use super::super::super::i18n::{Flash, Text};
use super::super::super::page::{Page, Tone};
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::super::alert;

#[derive(Template)]
#[template(path = "account/security/codes.html")]
struct Asking {
    page: Page,
    t: Text,
    base: String,
    left: usize,
}

#[derive(Template)]
#[template(path = "account/security/codes_made.html")]
struct Made {
    page: Page,
    t: Text,
    base: String,
    handle: String,
    codes: Vec<String>,
}

pub async fn show(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let has = visit.app.store.second_factors(visit.account()?.account.id).await?;
    if !has.are_needed() {
        return visit.redirect(visit.account_page("/security")?);
    }
    visit.html(&Asking {
        page: visit.page(visit.t.codes_title()),
        t: visit.t,
        base: visit.account_page("/security")?.to_string(),
        left: usize::try_from(has.recovery_codes).unwrap_or(usize::MAX),
    })
}

pub async fn renew(visit: Visit) -> PageResult {
    visit.require_recent_sign_in()?;
    let account = &visit.account()?.account;
    if !visit.app.store.second_factors(account.id).await?.are_needed() {
        return visit.redirect(visit.account_page("/security")?);
    }
    let page = give(&visit, None).await?;
    alert::tell(&visit, account, Event::RecoveryCodesRenewed);
    Ok(page)
}

/// Makes the codes and shows them, the only time. They are the answer itself and not a page to go on to: nothing keeps
/// them in between.
pub async fn give(visit: &Visit, flash: Option<Flash>) -> PageResult {
    let account = &visit.account()?.account;
    let codes = visit.app.store.replace_recovery_codes(account.id, alert::client_of(visit)).await?;
    let mut page = visit.page(visit.t.codes_made_title());
    if let Some(flash) = flash {
        page.tell(Tone::Success, flash.text(visit.t));
    }
    visit.html(&Made {
        page,
        t: visit.t,
        base: visit.account_page("/security")?.to_string(),
        handle: crate::accounts::identity::shown_handle(account),
        codes,
    })
}
