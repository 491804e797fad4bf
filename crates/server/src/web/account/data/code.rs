//! Codes that are mailed from a page to the owner of its account.

use axum::response::Response;
use cairn_store::MailPurpose;

use super::super::super::error::PageError;
use super::super::super::visit::Visit;
use super::super::email::after_mail;
use crate::accounts::mailing;
use crate::limits::Bucket;

/// Mails a code to the owner, within a limit per account, and goes on to a page of the account. Gives the words for why there
/// can be none.
///
/// # Errors
/// 429, and what is nobody's to mend.
pub async fn send(
    visit: &Visit,
    purpose: MailPurpose,
    bucket: Bucket,
    page: &str,
) -> Result<Result<Response, &'static str>, PageError> {
    let account = &visit.account()?.account;
    visit.charge(bucket, account.did.as_str())?;
    if account.email.is_none() {
        return Ok(Err(visit.t.data_no_address()));
    }
    match mailing::send_token(&visit.app, visit.t, account, purpose).await {
        Err(err) if err.status().is_client_error() => Ok(Err(visit.t.data_mail_impossible())),
        sent => Ok(Ok(after_mail(visit, visit.account_page(page)?, sent)?)),
    }
}
