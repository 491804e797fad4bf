//! Finding one account.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::columns::{instant, opt_bytes, opt_instant, opt_parsed, parsed};
use super::{Account, AccountRef, AccountStatus, Quotas};
use crate::{AccountId, Store, StoreError};

impl Store {
    /// The account of this name, also when it is not active; none when it is not hosted here.
    ///
    /// Usually answered from memory.
    pub async fn account(
        &self,
        name: impl Into<AccountRef>,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let name = name.into();
        let mark = match self.account_cache().get(&name) {
            Ok(account) => return Ok(Some(account)),
            Err(mark) => mark,
        };
        let found = self.read_one(move |tx| find(tx, &name)).await?.map(Arc::new);
        if let Some(account) = &found {
            self.account_cache().insert(account, mark);
        }
        Ok(found)
    }
}

/// The columns that [`from_row`] reads.
pub(super) const COLUMNS: &str = "id, did, handle, email, email_confirmed_at, password_hash,
    created_at, deactivated_at, delete_after, suspended_at, takedown_ref, invites_disabled,
    invite_note, email_auth_factor, blob_quota, repo_quota";

/// The account of this name inside a transaction.
pub(crate) fn find(conn: &Connection, name: &AccountRef) -> Result<Option<Account>, StoreError> {
    match name {
        AccountRef::Id(id) => find_by(conn, "id", [id.get()]),
        AccountRef::Did(did) => find_by(conn, "did", [did.as_str()]),
        AccountRef::Handle(handle) => find_by(conn, "handle", [handle.as_str()]),
        AccountRef::Email(email) => find_by(conn, "email", [email]),
    }
}

fn find_by(
    conn: &Connection,
    column: &str,
    value: impl Params,
) -> Result<Option<Account>, StoreError> {
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE {column} = ?1"))?
        .query_row(value, from_row)
        .optional()?)
}

/// The state of an account inside a transaction; none when the account is gone.
pub(crate) fn status_of(
    conn: &Connection,
    id: AccountId,
) -> Result<Option<AccountStatus>, StoreError> {
    Ok(standing_of(conn, id)?.map(|standing| standing.status))
}

/// What decides whether an account may store something.
pub(crate) struct Standing {
    pub(crate) status: AccountStatus,
    pub(crate) quotas: Quotas,
    /// What its blobs take.
    pub(crate) blob_bytes: u64,
}

/// The standing of an account inside a transaction; none when the account is gone.
pub(crate) fn standing_of(
    conn: &Connection,
    id: AccountId,
) -> Result<Option<Standing>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT takedown_ref IS NOT NULL, suspended_at IS NOT NULL, deactivated_at IS NOT NULL,
               blob_quota, repo_quota, blob_bytes
             FROM account WHERE id = ?1",
        )?
        .query_row([id.get()], |row| {
            let status = match (row.get(0)?, row.get(1)?, row.get(2)?) {
                (true, _, _) => AccountStatus::Takendown,
                (false, true, _) => AccountStatus::Suspended,
                (false, false, true) => AccountStatus::Deactivated,
                (false, false, false) => AccountStatus::Active,
            };
            let quotas = Quotas {
                blob_bytes: opt_bytes(row, "blob_quota")?,
                repo_bytes: opt_bytes(row, "repo_quota")?,
            };
            Ok(Standing { status, quotas, blob_bytes: opt_bytes(row, "blob_bytes")?.unwrap_or(0) })
        })
        .optional()?)
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId::new(row.get("id")?),
        did: parsed(row, "did")?,
        handle: opt_parsed(row, "handle")?,
        email: row.get("email")?,
        email_confirmed_at: opt_instant(row, "email_confirmed_at")?,
        password_hash: row.get("password_hash")?,
        created_at: instant(row.get("created_at")?),
        deactivated_at: opt_instant(row, "deactivated_at")?,
        delete_after: opt_instant(row, "delete_after")?,
        suspended_at: opt_instant(row, "suspended_at")?,
        takedown_ref: row.get("takedown_ref")?,
        invites_disabled: row.get("invites_disabled")?,
        invite_note: row.get("invite_note")?,
        email_auth_factor: row.get("email_auth_factor")?,
        quotas: Quotas {
            blob_bytes: opt_bytes(row, "blob_quota")?,
            repo_bytes: opt_bytes(row, "repo_quota")?,
        },
    })
}
