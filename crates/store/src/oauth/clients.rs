//! Clients that the owner of an account has agreed to: the same scopes need no consent the next time.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{AccessCache, end};
use crate::accounts::columns::instant;
use crate::{AccountId, Store, StoreError, WriteTx, app_passwords, sessions};

/// What an account's owner has agreed to for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedClient {
    pub client_id: String,
    /// The scopes, as they were authorised last.
    pub scope: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Store {
    /// The scopes that the owner of an account has agreed to for a client.
    pub async fn authorized_client(
        &self,
        account: AccountId,
        client_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let client_id = client_id.to_owned();
        self.read_one(move |tx| {
            Ok(tx
                .prepare_cached(
                    "SELECT scope FROM authorized_client WHERE account = ?1 AND client_id = ?2",
                )?
                .query_row(params![account.get(), client_id], |row| row.get(0))
                .optional()?)
        })
        .await
    }

    /// The clients that the owner of an account has agreed to, the latest consent first.
    pub async fn authorized_clients_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<AuthorizedClient>, StoreError> {
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT client_id, scope, created_at, updated_at FROM authorized_client
                 WHERE account = ?1 ORDER BY updated_at DESC, client_id",
            )?;
            let rows = statement.query_map([account.get()], |row| {
                Ok(AuthorizedClient {
                    client_id: row.get(0)?,
                    scope: row.get(1)?,
                    created_at: instant(row.get(2)?),
                    updated_at: instant(row.get(3)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Ends all that acts for an account besides its owner: OAuth clients with their sessions and consents, and app
    /// passwords with theirs.
    pub async fn revoke_clients(&self, account: AccountId) -> Result<(), StoreError> {
        let cache = self.access_cache().clone();
        self.write_tx(move |tx| {
            forget_all(tx, &cache, account)?;
            sessions::delete_of_app_passwords(tx, account)?;
            app_passwords::delete_all(tx, account)
        })
        .await
    }

    /// Takes back what all clients were allowed, and ends their sessions. Returns how many sessions ended.
    pub async fn forget_authorized_clients(&self, account: AccountId) -> Result<usize, StoreError> {
        let cache = self.access_cache().clone();
        self.write_tx(move |tx| forget_all(tx, &cache, account)).await
    }

    /// Takes back what a client was allowed, and ends its sessions. Returns how many sessions ended.
    pub async fn forget_authorized_client(
        &self,
        account: AccountId,
        client_id: &str,
    ) -> Result<usize, StoreError> {
        let client_id = client_id.to_owned();
        let cache = self.access_cache().clone();
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "DELETE FROM authorized_client WHERE account = ?1 AND client_id = ?2",
            )?
            .execute(params![account.get(), client_id])?;
            tx.prepare_cached("DELETE FROM oauth_request WHERE account = ?1 AND client_id = ?2")?
                .execute(params![account.get(), client_id])?;
            let which = "account = ?1 AND client_id = ?2";
            end::end_where(tx, &cache, which, params![account.get(), client_id])
        })
        .await
    }
}

fn forget_all(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    account: AccountId,
) -> Result<usize, StoreError> {
    tx.prepare_cached("DELETE FROM authorized_client WHERE account = ?1")?
        .execute([account.get()])?;
    end::end_all(tx, cache, account)
}

/// Notes a consent inside a transaction.
pub(super) fn remember(
    conn: &Connection,
    account: AccountId,
    client_id: &str,
    scope: &str,
    now: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO authorized_client (account, client_id, scope, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (account, client_id) DO UPDATE
           SET scope = excluded.scope, updated_at = excluded.updated_at",
    )?
    .execute(params![account.get(), client_id, scope, now])?;
    Ok(())
}
