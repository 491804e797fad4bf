//! The owner of an account without a password, shown anew by a passkey in the form of an act that asks others for it.

use cairn_store::Account;

use crate::error::XrpcError;

use super::super::i18n::Text;
use super::super::page::Page;
use super::super::visit::Visit;
use super::passkey::{self, Act, Ask, Purpose, Refusal};

/// What the form asks for; none if the account has a password, or no passkey that can stand in for one. A recent sign-in is
/// asked for besides.
///
/// # Errors
/// When the store cannot be read.
pub async fn ask(
    visit: &Visit,
    account: &Account,
    act: Act,
    page: &mut Page,
) -> Result<Option<Ask>, XrpcError> {
    if account.password_hash.is_some() {
        return Ok(None);
    }
    let mut known = visit.app.store.passkeys(account.id).await?;
    known.retain(|passkey| passkey.uv_initialized);
    if known.is_empty() {
        return Ok(None);
    }
    page.load("passkey.js");
    Ok(Some(Ask::to_use(visit, Purpose::Act(account, act), &known)))
}

/// Judges what came back for [`ask`]: what is to be said of it, or nothing. Who has a password shows that instead. Where no
/// passkey can stand in for it, a password comes first, and that by mail: the browser alone is nobody's proof.
///
/// # Errors
/// When the store fails.
pub async fn check(
    visit: &Visit,
    account: &Account,
    act: Act,
) -> Result<Option<&'static str>, XrpcError> {
    if account.password_hash.is_some() {
        return Ok(None);
    }
    let known = visit.app.store.passkeys(account.id).await?;
    if !known.iter().any(|one| one.uv_initialized) {
        return Ok(Some(visit.t.no_password_by_mail()));
    }
    let refusal = passkey::check(visit, Purpose::Act(account, act)).await?.err();
    Ok(refusal.map(|refusal| words(refusal, visit.t)))
}

/// What is said of a passkey that does not stand in for a password.
pub fn words(refusal: Refusal, t: Text) -> &'static str {
    match refusal {
        Refusal::Unknown => t.passkey_of_account(),
        Refusal::NotVerified => t.passkey_of_unchecked(),
        refusal => refusal.words(t),
    }
}
