//! Deleting an account.
//!
//! The account, its credentials and its repository leave every lookup in one transaction with
//! `#account` (deleted), which also hides the events before it. The bulk of the rows and the blob
//! files go in the background, in steps that can be interrupted.

use rusqlite::Connection;

use super::events::emit_deleted;
use super::{Account, AccountError, AccountRef, AccountStatus};
use crate::blobs::blocking;
use crate::oauth::{self, AccessCache};
use crate::{AccountId, Store, StoreError, WriteTx, invites, repo, sessions};

/// Rows that one step removes; the writer serves others in between.
const STEP_ROWS: usize = 500;

/// Accounts that are looked up at once when their deletion is due.
const DUE_AT_ONCE: u32 = 100;

/// The tables whose few rows of an account go with it.
const SMALL_TABLES: [&str; 14] = [
    "signing_key",
    "pending_key",
    "app_password",
    "mail_token",
    "preference",
    "device_account",
    "trusted_browser",
    "authorized_client",
    "totp",
    "passkey",
    "passkey_user",
    "recovery_code",
    "history",
    "move",
];

impl Store {
    /// Deletes the account. Its DID, handle and e-mail address are free again at once; run
    /// [`finish_deletions`](Self::finish_deletions) afterwards.
    pub async fn delete_account(&self, account: impl Into<AccountRef>) -> Result<(), AccountError> {
        let access = self.access_cache().clone();
        self.change_account(account, move |tx, account| {
            Ok::<_, AccountError>(delete(tx, &access, account)?)
        })
        .await?;
        self.janitor().wake();
        Ok(())
    }

    /// Job: deletes the accounts that are still deactivated when their deletion is due. Returns how
    /// many.
    pub async fn delete_due_accounts(&self) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            let due = self.accounts_past_delete_after(DUE_AT_ONCE).await?;
            if due.is_empty() {
                return Ok(deleted);
            }
            for account in due {
                deleted += usize::from(self.delete_if_due(account.id).await?);
            }
        }
    }

    /// Deletes an account that is still deactivated and whose deletion is due, and says whether it did.
    pub async fn delete_if_due(&self, account: AccountId) -> Result<bool, StoreError> {
        let access = self.access_cache().clone();
        let outcome = self.change_account(account, move |tx, account| {
            // Its owner may have come back meanwhile.
            let is_due = account.status() == AccountStatus::Deactivated
                && account.delete_after.is_some_and(|at| at <= tx.now());
            if is_due {
                delete(tx, &access, account)?;
            }
            Ok(is_due)
        });
        match outcome.await {
            Ok(is_deleted) => {
                self.janitor().wake();
                Ok(is_deleted)
            }
            Err(AccountError::NoAccount(_)) => Ok(false),
            Err(AccountError::Store(err)) => Err(err),
        }
    }

    /// Job: removes what is left of deleted accounts, and takes up what a crash interrupted.
    /// Returns how many accounts it finished. One that cannot be finished is logged and left for
    /// the next call.
    pub async fn finish_deletions(&self) -> Result<usize, StoreError> {
        let mut finished = 0;
        let mut after = None;
        while let Some(account) = self.read_one(move |tx| next_deletion(tx, after)).await? {
            after = Some(account);
            match self.finish_deletion(account).await {
                Ok(()) => finished += 1,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(err) => tracing::warn!(
                    error = &err as &dyn std::error::Error,
                    account = account.get(),
                    "the remains of a deleted account cannot be removed"
                ),
            }
        }
        Ok(finished)
    }

    async fn finish_deletion(&self, account: AccountId) -> Result<(), StoreError> {
        while self.write_tx(move |tx| remove_some_blobs(tx, account)).await? {}
        let folder = self.blob_folder().clone();
        blocking(move || folder.remove_account(account)).await?;
        self.write_tx(move |tx| {
            tx.prepare_cached("DELETE FROM account_deletion WHERE account = ?1")?
                .execute([account.get()])?;
            Ok(())
        })
        .await
    }
}

fn delete(tx: &mut WriteTx<'_>, access: &AccessCache, account: &Account) -> Result<(), StoreError> {
    let id = account.id;
    if matches!(account.status(), AccountStatus::Takendown | AccountStatus::Suspended) {
        // They are good for nothing as long as the account is there; its end must not change that.
        invites::disable_of(tx, account.did.as_str())?;
    }
    tx.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([id.get()])?;
    for table in SMALL_TABLES {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE account = ?1"))?
            .execute([id.get()])?;
    }
    if account.did.method() == "web" {
        tx.prepare_cached("INSERT OR IGNORE INTO retired_did (did, at) VALUES (?1, ?2)")?
            .execute((account.did.as_str(), tx.now_micros()))?;
    }
    sessions::delete_all(tx, id, None)?;
    oauth::end_all(tx, access, id)?;
    tx.prepare_cached(
        "INSERT INTO account_deletion (account, did, requested_at) VALUES (?1, ?2, ?3)",
    )?
    .execute((id.get(), account.did.as_str(), tx.now_micros()))?;
    repo::retire(tx, id)?;
    emit_deleted(tx, id, &account.did)
}

/// In the order in which the accounts were made.
fn next_deletion(
    conn: &Connection,
    after: Option<AccountId>,
) -> Result<Option<AccountId>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT min(account) FROM account_deletion WHERE account > ?1")?
        .query_row([after.map_or(i64::MIN, AccountId::get)], |row| row.get::<_, Option<i64>>(0))?
        .map(AccountId::new))
}

/// Returns whether there may be more.
fn remove_some_blobs(tx: &mut WriteTx<'_>, account: AccountId) -> Result<bool, StoreError> {
    let removed = tx
        .prepare_cached(
            "DELETE FROM blob WHERE (account, cid) IN (
               SELECT account, cid FROM blob WHERE account = ?1 LIMIT ?2)",
        )?
        .execute((account.get(), STEP_ROWS as i64))?;
    Ok(removed == STEP_ROWS)
}
