//! The lifecycle of an account and its events: <https://atproto.com/guides/account-lifecycle>.

use jiff::Timestamp;

use super::columns::micros;
use super::credentials::set;
use super::events::{emit_account, emit_identity};
use super::{Account, AccountError, AccountRef, AccountStatus, NoAccount, keys};
use crate::{Head, Store, StoreError, WriteTx, oauth, repo, sessions};

/// Why an account was not activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// Moderation has to lift it first.
    #[error("the account is {}", .0.as_str().unwrap_or("active"))]
    Moderated(AccountStatus),
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes the account live: `#account`, `#identity`, then a fresh commit as `#sync`.
    ///
    /// Interop: the reference announces the commit that was imported, under the key and with the
    /// `rev` of the old host. The commit here is signed with the key that the DID document names,
    /// and its `rev` is higher than all before, so that its signature and order hold for anyone.
    /// It goes out as `#sync` since consumers know the account from its old host, perhaps at
    /// another tree: a `#sync` makes those fetch the repository, and costs the others nothing.
    pub async fn activate(&self, account: impl Into<AccountRef>) -> Result<Head, ActivateError> {
        let master = self.master_key().clone();
        self.change_account(account, move |tx, account| {
            let key = keys::signing_key(tx, account.id, &master)?
                .ok_or(StoreError::Damaged { what: "signing key" })?;
            let mut active = account.clone();
            active.deactivated_at = None;
            if !active.is_active() {
                return Err(ActivateError::Moderated(active.status()));
            }
            set(tx, "deactivated_at", None::<i64>, account.id)?;
            set(tx, "delete_after", None::<i64>, account.id)?;
            set(tx, "arriving", false, account.id)?;
            let (head, _) = repo::recommit(tx, account.id, &account.did, &key)?
                .ok_or(StoreError::Damaged { what: "repository" })?;
            emit_account(tx, account.id, &account.did, AccountStatus::Active)?;
            emit_identity(tx, account.id, &account.did, account.handle.as_ref())?;
            repo::emit_sync(tx, account.id, &account.did)?;
            Ok(head)
        })
        .await
    }

    /// Hides the account at its owner's wish; `delete_after` is when its deletion is due, if ever.
    pub async fn deactivate(
        &self,
        account: impl Into<AccountRef>,
        delete_after: Option<Timestamp>,
    ) -> Result<(), AccountError> {
        self.change_status(account, move |tx, account| {
            account.deactivated_at.get_or_insert(tx.now());
            account.delete_after = delete_after;
            // The date is its owner's own now.
            set(tx, "arriving", false, account.id)
        })
        .await
    }

    /// Hides the account; when its deletion is due, if ever, stays as it is.
    pub async fn hide(&self, account: impl Into<AccountRef>) -> Result<(), AccountError> {
        self.change_status(account, move |tx, account| {
            account.deactivated_at.get_or_insert(tx.now());
            Ok(())
        })
        .await
    }

    /// Takes back the deletion that is due, if one is. The status stays as it is, so nobody is told.
    pub async fn cancel_deletion(
        &self,
        account: impl Into<AccountRef>,
    ) -> Result<(), AccountError> {
        self.change_account(account, move |tx, account| {
            Ok(set(tx, "delete_after", None::<i64>, account.id)?)
        })
        .await
    }

    /// Takes the account down and ends its sessions, those of OAuth clients, and its sign-ins on browsers. Without a
    /// reference of moderation, the time serves as one.
    pub async fn takedown(
        &self,
        account: impl Into<AccountRef>,
        reference: Option<String>,
    ) -> Result<(), AccountError> {
        let access = self.access_cache().clone();
        self.change_status(account, move |tx, account| {
            let reference = reference.clone().unwrap_or_else(|| tx.now().to_string());
            account.takedown_ref = Some(reference);
            sessions::delete_all(tx, account.id, None)?;
            oauth::end_all(tx, &access, account.id)?;
            oauth::end_devices(tx, account.id, None)?;
            Ok(())
        })
        .await
    }

    /// Lifts a takedown. The account is then what it would be without it.
    pub async fn reverse_takedown(
        &self,
        account: impl Into<AccountRef>,
    ) -> Result<(), AccountError> {
        self.change_status(account, move |_, account| {
            account.takedown_ref = None;
            Ok(())
        })
        .await
    }

    /// Suspends the account, or lifts the suspension. Its sessions stay.
    pub async fn set_suspended(
        &self,
        account: impl Into<AccountRef>,
        suspended: bool,
    ) -> Result<(), AccountError> {
        self.change_status(account, move |tx, account| {
            let since = account.suspended_at.unwrap_or(tx.now());
            account.suspended_at = suspended.then_some(since);
            Ok(())
        })
        .await
    }

    /// Announces the state of the account once more.
    pub async fn emit_account(&self, account: impl Into<AccountRef>) -> Result<(), AccountError> {
        self.change_account(account, move |tx, account| {
            Ok(emit_account(tx, account.id, &account.did, account.status())?)
        })
        .await
    }

    /// Tells consumers that the DID document has changed.
    pub async fn emit_identity(&self, account: impl Into<AccountRef>) -> Result<(), AccountError> {
        self.change_account(account, move |tx, account| {
            Ok(emit_identity(tx, account.id, &account.did, account.handle.as_ref())?)
        })
        .await
    }

    /// Stores what `change` makes of the state columns and announces the outcome with `#account`.
    async fn change_status<F>(
        &self,
        account: impl Into<AccountRef>,
        mut change: F,
    ) -> Result<(), AccountError>
    where
        F: FnMut(&mut WriteTx<'_>, &mut Account) -> Result<(), StoreError> + Send + 'static,
    {
        self.change_account(account, move |tx, account| {
            let mut account = account.clone();
            change(tx, &mut account)?;
            store_status(tx, &account)?;
            Ok(emit_account(tx, account.id, &account.did, account.status())?)
        })
        .await
    }
}

fn store_status(tx: &WriteTx<'_>, account: &Account) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE account SET deactivated_at = ?2, delete_after = ?3, suspended_at = ?4,
           takedown_ref = ?5
         WHERE id = ?1",
    )?
    .execute((
        account.id.get(),
        account.deactivated_at.map(micros),
        account.delete_after.map(micros),
        account.suspended_at.map(micros),
        &account.takedown_ref,
    ))?;
    Ok(())
}
