//! Accounts that have no password: passkeys open them.

use super::{AccountRef, NoAccount, credentials};
use crate::{HistoryKind, SessionClient, Store, StoreError, factors, history};

/// Why an account keeps its password.
#[derive(Debug, thiserror::Error)]
pub enum RemovePasswordError {
    /// Nothing else is known to open the account alone.
    #[error("no passkey opens the account alone")]
    NoPasskey,
    /// A new password could not be set by mail, for who has lost the passkeys.
    #[error("the e-mail address is not confirmed")]
    EmailUnconfirmed,
    /// Nothing could be shown beside a new password, for who has lost the passkeys.
    #[error("there is no second factor but passkeys")]
    NoOtherFactor,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes the password of an account away. Sessions and app passwords stay; codes that were mailed to reset the password or to
    /// sign in are void.
    ///
    /// # Errors
    /// When the account could not be opened afterwards, or not any more once its passkeys are lost.
    pub async fn remove_password(
        &self,
        account: impl Into<AccountRef>,
        client: SessionClient,
    ) -> Result<(), RemovePasswordError> {
        self.change_account(account, move |tx, account| {
            if !factors::opens_by_passkey(tx, account.id, None)? {
                return Err(RemovePasswordError::NoPasskey);
            }
            if account.email.is_none() || account.email_confirmed_at.is_none() {
                return Err(RemovePasswordError::EmailUnconfirmed);
            }
            let has = factors::count(tx, account.id)?;
            if !has.any_besides_passkeys(account) {
                return Err(RemovePasswordError::NoOtherFactor);
            }
            credentials::set_hash(tx, account.id, None)?;
            history::note(tx, account.id, HistoryKind::PasswordRemoved, "", &client)?;
            Ok(())
        })
        .await
    }
}
