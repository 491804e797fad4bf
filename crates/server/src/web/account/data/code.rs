//! Codes that are mailed from a page to the owner of its account.

use cairn_store::MailPurpose;

use super::super::super::error::PageError;
use super::super::super::visit::Visit;
use crate::accounts::mailing;
use crate::limits::Bucket;

/// Mails a code to the owner, within a limit per account. Gives the words for why there is none, if people can do something
/// about it.
///
/// # Errors
/// 429, and what is nobody's to mend.
pub async fn send(
    visit: &Visit,
    purpose: MailPurpose,
    bucket: Bucket,
) -> Result<Option<&'static str>, PageError> {
    let account = &visit.account()?.account;
    visit.charge(bucket, account.did.as_str())?;
    if account.email.is_none() {
        return Ok(Some(visit.t.data_no_address()));
    }
    match mailing::send_token(&visit.app, visit.t, account, purpose).await {
        Ok(()) => Ok(None),
        Err(err) if err.status().is_client_error() => Ok(Some(visit.t.data_mail_impossible())),
        Err(err) if err.status() == http::StatusCode::BAD_GATEWAY => {
            tracing::warn!(did = %account.did, error = %err.message(), "a mail with a code was not sent");
            Ok(Some(visit.t.data_mail_failed()))
        }
        Err(err) => Err(err.into()),
    }
}
