//! `com.atproto.server.updateEmail`

use cairn_store::{Account, MailPurpose};
use serde::Deserialize;

use crate::accounts::{email, mailing, session};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::mail::letters::Event;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateEmail {
    email: String,
    email_auth_factor: Option<bool>,
    token: Option<String>,
}

/// Changes the address, or whether signing in takes a mailed code, or both.
///
/// Interop: the reference implementation knows no second factor. As with the clients that do, turning it on needs no
/// code, and turning it off does. A change of the address lets the factor rest until the new address is confirmed.
pub async fn update_email(cx: Cx<Session>, Input(input): Input<UpdateEmail>) -> Result<()> {
    let account = &cx.caller.account;
    let store = &cx.app.store;
    let new = email::parse_chosen(&input.email, &cx.app.config.disposable_domains)?;
    let is_new = account.email.as_deref() != Some(new.as_str());
    let turns_on = input.email_auth_factor == Some(true);
    if turns_on && (is_new || account.email_confirmed_at.is_none()) {
        return Err(XrpcError::invalid_request(
            "Confirm the email address before you use it to sign in",
        ));
    }
    if is_new || !turns_on {
        check_token(&cx, account, input.token.as_deref()).await?;
    }
    if is_new {
        // Voids the token; one that comes with an address of somebody else stays good for another try.
        store.set_email(account.id, Some(new)).await?;
        if account.email_confirmed_at.is_some() {
            tell(&cx, Event::NewEmail);
        }
    } else if let Some(token) = input.token.as_deref().filter(|_| !turns_on) {
        spend_token(&cx, account, token).await?;
    }
    if let Some(wanted) = input.email_auth_factor {
        store.set_email_auth_factor(account.id, wanted, session::client_of(&cx)).await?;
        if wanted != account.email_auth_factor {
            tell(&cx, if wanted { Event::MailedCodesOn } else { Event::MailedCodesOff });
        }
    }
    Ok(())
}

/// Writes to the address that the account had before.
fn tell(cx: &Cx<Session>, event: Event) {
    let client = Some(session::client_of(cx));
    mailing::tell_later(&cx.app, cx.text(), &cx.caller.account, event, client);
}

/// A confirmed address, and what hangs on it, is changed only by whoever reads its mail.
async fn check_token(cx: &Cx<Session>, account: &Account, token: Option<&str>) -> Result<()> {
    if account.email_confirmed_at.is_none() {
        return Ok(());
    }
    let token =
        token.ok_or_else(|| XrpcError::named("TokenRequired", "Confirmation token required"))?;
    let checked = cx.app.store.check_mail_token(account.id, MailPurpose::UpdateEmail, token).await;
    checked.map_err(mailing::refused)
}

async fn spend_token(cx: &Cx<Session>, account: &Account, token: &str) -> Result<()> {
    if account.email_confirmed_at.is_none() {
        return Ok(());
    }
    let used = cx.app.store.use_mail_token(account.id, MailPurpose::UpdateEmail, token).await;
    used.map_err(mailing::refused)
}
