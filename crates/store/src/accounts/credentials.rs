//! Handle, e-mail address and password of an account.

use cairn_model::Handle;
use rusqlite::Connection;

use super::events::emit_identity;
use super::{Account, AccountRef, NoAccount, applicants};
use crate::oauth::{self, AccessCache};
use crate::{
    AccountId, DeviceId, HistoryKind, MailPurpose, SessionClient, SessionId, Store, StoreError,
    WriteTx, app_passwords, history, mail_tokens, sessions,
};

/// Why a handle was not given to an account.
#[derive(Debug, thiserror::Error)]
pub enum UpdateHandleError {
    /// Another account on this server has it, active or not.
    #[error("the handle is taken")]
    Taken,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an e-mail address was not given to an account.
#[derive(Debug, thiserror::Error)]
pub enum SetEmailError {
    /// Another account on this server has it.
    #[error("the e-mail address is taken")]
    Taken,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a change of an account that cannot conflict with others was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who changes a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    Owner(SessionClient),
    Operator,
}

/// Which sessions end with a change of the password. Unless it is none, the sessions of OAuth clients and the sign-ins on
/// browsers end too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSessions {
    None,
    All,
    AllExcept(SessionId),
    /// All, but the browser on which the password is changed stays signed in.
    AllExceptDevice(DeviceId),
    /// All, and the app passwords that could open others. The browser on which the password is changed may stay signed in.
    AllWithAppPasswords {
        except: Option<DeviceId>,
    },
}

impl Store {
    /// Gives the account a handle, or takes it away, and announces it with `#identity`, also when
    /// the handle is the one it has: that makes relays look at the DID document again.
    pub async fn update_handle(
        &self,
        account: impl Into<AccountRef>,
        handle: Option<Handle>,
    ) -> Result<(), UpdateHandleError> {
        self.change_account(account, move |tx, account| {
            if let Some(handle) = &handle
                && is_taken(tx, "handle", handle.as_str(), account.id)?
            {
                return Err(UpdateHandleError::Taken);
            }
            set(tx, "handle", handle.as_ref().map(Handle::as_str), account.id)?;
            emit_identity(tx, account.id, &account.did, handle.as_ref())?;
            Ok(())
        })
        .await
    }

    /// Sets an unconfirmed e-mail address. Tokens that were mailed to the address before it are void, and browsers are
    /// asked for the second factor again.
    pub async fn set_email(
        &self,
        account: impl Into<AccountRef>,
        email: Option<String>,
    ) -> Result<(), SetEmailError> {
        self.change_account(account, move |tx, account| {
            if let Some(email) = &email
                && is_taken(tx, "email", email, account.id)?
            {
                return Err(SetEmailError::Taken);
            }
            set(tx, "email", email.as_deref(), account.id)?;
            set(tx, "email_confirmed_at", None::<i64>, account.id)?;
            oauth::end_trust(tx, account.id, None)?;
            mail_tokens::delete_all(tx, account.id)?;
            Ok(())
        })
        .await
    }

    /// Whether signing in takes a mailed code; see [`Account::needs_mailed_code`].
    pub async fn set_email_auth_factor(
        &self,
        account: impl Into<AccountRef>,
        wanted: bool,
        client: SessionClient,
    ) -> Result<(), AccountError> {
        let kind = if wanted { HistoryKind::MailedCodesOn } else { HistoryKind::MailedCodesOff };
        self.change_account(account, move |tx, account| {
            if wanted != account.email_auth_factor {
                oauth::end_trust(tx, account.id, None)?;
                history::note(tx, account.id, kind, "", &client)?;
            }
            Ok(set(tx, "email_auth_factor", wanted, account.id)?)
        })
        .await
    }

    /// Sets the password hash (PHC form) and ends sessions as told. Codes that were mailed to reset the
    /// password or to sign in are void.
    pub async fn set_password_hash(
        &self,
        account: impl Into<AccountRef>,
        password_hash: String,
        sessions: EndSessions,
        by: ChangedBy,
    ) -> Result<(), AccountError> {
        let access = self.access_cache().clone();
        let (kind, client) = match by {
            ChangedBy::Owner(client) => (HistoryKind::PasswordChanged, client),
            ChangedBy::Operator => (HistoryKind::PasswordSet, SessionClient::default()),
        };
        self.change_account(account, move |tx, account| {
            set_password(tx, &access, account.id, &password_hash, sessions)?;
            Ok(history::note(tx, account.id, kind, "", &client)?)
        })
        .await
    }

    /// Ends the sessions of the account, those of OAuth clients, and its sign-ins on browsers. App passwords stay.
    pub async fn sign_out_everywhere(
        &self,
        account: impl Into<AccountRef>,
    ) -> Result<(), AccountError> {
        let access = self.access_cache().clone();
        self.change_account(account, move |tx, account| {
            sessions::delete_all(tx, account.id, None)?;
            oauth::end_all(tx, &access, account.id)?;
            Ok(oauth::end_devices(tx, account.id, None)?)
        })
        .await
    }

    /// Whether the account gets no more invite codes, and what moderators note with that, in the place of the note
    /// before. Codes that it has stay good.
    pub async fn set_invites_disabled(
        &self,
        account: impl Into<AccountRef>,
        disabled: bool,
        note: Option<String>,
    ) -> Result<(), AccountError> {
        self.change_account(account, move |tx, account| {
            set(tx, "invites_disabled", disabled, account.id)?;
            Ok(set(tx, "invite_note", note.as_deref(), account.id)?)
        })
        .await
    }

    /// Runs `change` on an account in the writer's transaction, and forgets what is cached of it
    /// once that is durable. Like every job, `change` checks before it changes and may run twice.
    pub(crate) async fn change_account<T, E, F>(
        &self,
        name: impl Into<AccountRef>,
        mut change: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<NoAccount> + Send + 'static,
        F: FnMut(&mut WriteTx<'_>, &Account) -> Result<T, E> + Send + 'static,
    {
        let name = name.into();
        let cache = self.account_cache().clone();
        self.write_tx(move |tx: &mut WriteTx<'_>| {
            let account = super::find(tx, &name)?.ok_or(NoAccount)?;
            let result = change(tx, &account)?;
            let cache = cache.clone();
            tx.after_commit(move || cache.drop_account(account.id));
            Ok(result)
        })
        .await
    }
}

/// Marks the present e-mail address as confirmed inside a transaction. Codes may be mailed there from now on, so browsers
/// are asked for the second factor again.
pub(crate) fn set_email_confirmed(tx: &WriteTx<'_>, account: AccountId) -> Result<(), StoreError> {
    oauth::end_trust(tx, account, None)?;
    set(tx, "email_confirmed_at", Some(tx.now_micros()), account)
}

/// Sets or removes the password inside a transaction. Codes that were mailed for the one before are void, and browsers are
/// asked for the second factor again.
pub(super) fn set_hash(
    tx: &WriteTx<'_>,
    account: AccountId,
    password_hash: Option<&str>,
) -> Result<(), StoreError> {
    set(tx, "password_hash", password_hash, account)?;
    oauth::end_trust(tx, account, None)?;
    for purpose in [MailPurpose::ResetPassword, MailPurpose::SignIn] {
        mail_tokens::delete(tx, account, purpose)?;
    }
    Ok(())
}

/// Sets the password inside a transaction, and ends sessions as told.
pub(crate) fn set_password(
    tx: &mut WriteTx<'_>,
    access: &AccessCache,
    account: AccountId,
    password_hash: &str,
    end: EndSessions,
) -> Result<(), StoreError> {
    set_hash(tx, account, Some(password_hash))?;
    let (kept, kept_device) = match end {
        EndSessions::None => return Ok(()),
        EndSessions::All => (None, None),
        EndSessions::AllExcept(id) => (Some(id), None),
        EndSessions::AllExceptDevice(device) => (None, Some(device)),
        EndSessions::AllWithAppPasswords { except } => (None, except),
    };
    sessions::delete_all(tx, account, kept)?;
    oauth::end_all(tx, access, account)?;
    oauth::end_devices(tx, account, kept_device)?;
    if matches!(end, EndSessions::AllWithAppPasswords { .. }) {
        app_passwords::delete_all(tx, account)?;
    }
    Ok(())
}

/// Sets one column of an account.
pub(super) fn set(
    conn: &Connection,
    column: &'static str,
    value: impl rusqlite::ToSql,
    account: AccountId,
) -> Result<(), StoreError> {
    conn.prepare_cached(&format!("UPDATE account SET {column} = ?1 WHERE id = ?2"))?
        .execute((value, account.get()))?;
    Ok(())
}

fn is_taken(
    conn: &Connection,
    column: &'static str,
    value: &str,
    except: AccountId,
) -> Result<bool, StoreError> {
    let by_account: bool = conn
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM account WHERE {column} = ?1 AND id <> ?2)"
        ))?
        .query_row((value, except.get()), |row| row.get(0))?;
    Ok(by_account || applicants::holds(conn, column, value)?)
}
