//! The end of an account.

use cairn_store::{Account, MailPurpose, MailTokenError};

use super::password;
use crate::App;
use crate::error::XrpcError;

/// What is wrong with what somebody brings who wants an account deleted.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    #[error("the password is wrong")]
    Password,
    #[error(transparent)]
    Code(MailTokenError),
}

/// Judges the account's own password and the code that was mailed to its owner; `None` if both are right. Takes as long
/// where there is no account.
///
/// # Errors
/// When the store cannot be read.
pub async fn doubt(
    app: &App,
    account: Option<&Account>,
    password: &str,
    code: &str,
) -> Result<Option<Doubt>, XrpcError> {
    let stored = account.and_then(|account| account.password_hash.as_deref());
    let is_right = password::verify(app, password, stored).await?;
    let Some(account) = account.filter(|_| is_right) else { return Ok(Some(Doubt::Password)) };
    doubt_code(app, account, code).await
}

/// The same for an account that has no password.
///
/// # Errors
/// When the store cannot be read.
pub async fn doubt_code(
    app: &App,
    account: &Account,
    code: &str,
) -> Result<Option<Doubt>, XrpcError> {
    match app.store.check_mail_token(account.id, MailPurpose::DeleteAccount, code).await {
        Ok(()) => Ok(None),
        Err(MailTokenError::Store(err)) => Err(err.into()),
        Err(err) => Ok(Some(Doubt::Code(err))),
    }
}

/// Deletes the account with everything in it. Nobody sees it from the moment this returns; the bulk of its rows and
/// its blobs go in the background.
pub async fn delete(app: &App, account: &Account) -> Result<(), XrpcError> {
    app.store.delete_account(account.id).await?;
    let store = app.store.clone();
    app.tasks.spawn(async move {
        if let Err(error) = store.finish_deletions().await {
            tracing::warn!(%error, "the remains of a deleted account are left for later");
        }
    });
    Ok(())
}
